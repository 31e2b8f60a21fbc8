//! Rules on plain text, in every file that people write.

use super::source::{Texts, is_generated};

/// Kinds of files that are read.
pub(super) const ENDINGS: [&str; 10] =
    ["rs", "toml", "md", "proto", "sh", "py", "yml", "yaml", "json", "html"];
/// Marks of unfinished work; a mark with an issue number, `(#12)`, may stay.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Beginnings of paths that exist on one machine only.
const PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!(":\\Us", "ers\\"),
];

/// Every bad line.
pub(super) fn findings(texts: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in texts.iter().filter(|(_, text)| !is_generated(text)) {
        for (index, line) in text.lines().enumerate() {
            if let Some(complaint) = complaint(path, line) {
                found.push(format!("{path}:{}: {complaint}", index + 1));
            }
        }
    }
    found
}

fn complaint(path: &str, line: &str) -> Option<String> {
    if let Some(mark) = MARKS.iter().find(|mark| has_word(line, mark) && !line.contains(&format!("{mark}(#")))
    {
        return Some(format!("unfinished: bare {mark}; do it, or write {mark}(#issue)"));
    }
    if let Some(place) = PATHS.iter().find(|place| has_path(line, place)) {
        return Some(format!(
            "machine path: {place}; name it from the repository's root, or take it as an argument"
        ));
    }
    let comment = path.ends_with(".rs").then(|| line.trim_start()).filter(|line| line.starts_with("//"))?;
    let lower = comment.to_ascii_lowercase();
    let word = ["packet", "packets", "telegram", "telegrams"].into_iter().find(|word| has_word(&lower, word));
    let word = word.or_else(|| ["ACK", "NAK"].into_iter().find(|word| has_word(comment, word)))?;
    Some(format!("name: {word} in a comment; say frame, record, message or alert"))
}

fn has_word(line: &str, word: &str) -> bool {
    places(line, word).any(|(before, after)| !is_word(before) && !is_word(after))
}

fn has_path(line: &str, place: &str) -> bool {
    places(line, place).any(|(before, after)| !is_word(before) && before != Some('.') && is_word(after))
}

fn is_word(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}

/// The letters around each occurrence.
fn places<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = (Option<char>, Option<char>)> + 'a {
    line.match_indices(word).map(move |(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line.get(start + word.len()..).and_then(|text| text.chars().next());
        (before, after)
    })
}
