//! Names as word lists: each language joins the words as it writes names.

use serde::Serialize;

/// A name of the schemas, split into lower-case words.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Name {
    /// As the schemas write it.
    pub written: String,
    /// Its words, in lower case.
    pub words: Vec<String>,
}

impl Name {
    /// Splits `SomeName`, `some_name` or `SOME_NAME`.
    pub fn new(written: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut last = '_';
        for letter in written.chars() {
            let begins = last == '_' || (letter.is_ascii_uppercase() && !last.is_ascii_uppercase());
            last = letter;
            if letter == '_' {
                continue;
            }
            match words.last_mut() {
                Some(word) if !begins => word.push(letter.to_ascii_lowercase()),
                _ => words.push(letter.to_ascii_lowercase().to_string()),
            }
        }
        Self { written: written.to_owned(), words }
    }
}

/// `some_name`.
pub fn snake(words: &[String]) -> String {
    words.join("_")
}

/// `SOME_NAME`.
pub fn upper_snake(words: &[String]) -> String {
    words.join("_").to_ascii_uppercase()
}

/// `SomeName`.
pub fn pascal(words: &[String]) -> String {
    words.iter().map(|word| capital(word)).collect()
}

/// `someName`.
pub fn camel(words: &[String]) -> String {
    let (first, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    format!("{first}{}", pascal(rest))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::{Name, camel, pascal, snake, upper_snake};

    #[test]
    fn a_name_is_split_wherever_a_word_begins_and_joined_as_a_language_writes_it() {
        for (written, words) in [
            ("HisHello", vec!["his", "hello"]),
            ("order_no", vec!["order", "no"]),
            ("M1_BYTES_MAX", vec!["m1", "bytes", "max"]),
            ("HTTP", vec!["http"]),
        ] {
            assert_eq!(Name::new(written).words, words, "{written}");
        }
        let words = Name::new("M1_BYTES_MAX").words;
        assert_eq!(snake(&words), "m1_bytes_max");
        assert_eq!(upper_snake(&words), "M1_BYTES_MAX");
        assert_eq!(pascal(&words), "M1BytesMax");
        assert_eq!(camel(&words), "m1BytesMax");
    }
}
