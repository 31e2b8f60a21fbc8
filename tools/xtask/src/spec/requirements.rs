//! Requirements: one sentence each, with an id and one word of RFC 2119, the same in both editions.

use super::{Chapter, Edition};
use crate::root::shown;
use std::collections::{BTreeMap, BTreeSet};

/// The words that make a sentence a requirement, longest first.
const KEYWORDS: [&str; 5] = ["MUST NOT", "MUST", "SHOULD NOT", "SHOULD", "MAY"];
/// Words of RFC 2119 that this specification does not use.
const UNUSED: [&str; 4] = ["SHALL", "REQUIRED", "RECOMMENDED", "OPTIONAL"];

/// A requirement as it stands in a chapter.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Requirement {
    pub(crate) id: String,
    pub(crate) line: usize,
    /// Its whole text, on one line.
    pub(crate) text: String,
}

/// How many requirements the English edition has.
pub(super) fn count(chapters: &[Chapter]) -> usize {
    let english = chapters.iter().filter(|chapter| chapter.edition == Edition::English);
    english.map(|chapter| read(&chapter.text).len()).sum()
}

/// Everything that is not in order.
pub(super) fn findings(chapters: &[Chapter]) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for chapter in chapters {
        let requirements = read(&chapter.text);
        let place = shown(&chapter.path);
        found.extend(
            stray(&chapter.text)
                .into_iter()
                .map(|(line, word)| format!("{place}:{line}: {word} outside a requirement")),
        );
        for (index, requirement) in requirements.iter().enumerate() {
            let place = format!("{place}:{}: {}", requirement.line, requirement.id);
            if requirement.id.rsplit_once('-').is_none_or(|(_, number)| number != (index + 1).to_string()) {
                found.push(format!("{place} is requirement {} of its chapter", index + 1));
            }
            if chapter.edition == Edition::English {
                if keywords(&requirement.text).len() != 1 {
                    found.push(format!("{place} has not exactly one word of RFC 2119"));
                }
                if !seen.insert(requirement.id.clone()) {
                    found.push(format!("{place} has an id that another chapter has"));
                }
            }
        }
    }
    found.extend(differences(chapters));
    found
}

/// The requirements of a page, in its order.
pub(crate) fn read(page: &str) -> Vec<Requirement> {
    let mut found = Vec::new();
    for (line, paragraph) in paragraphs(page) {
        if let Some((id, text)) = split(&paragraph) {
            found.push(Requirement { id: id.to_owned(), line, text: text.to_owned() });
        }
    }
    found
}

/// `**FRM-7** text` as its id and its text.
fn split(paragraph: &str) -> Option<(&str, &str)> {
    let (id, text) = paragraph.strip_prefix("**")?.split_once("** ")?;
    let (letters, number) = id.split_once('-')?;
    let right = letters.len() == 3
        && letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.bytes().all(|byte| byte.is_ascii_digit());
    right.then_some((id, text))
}

/// Paragraphs outside code, each on one line, with the number of its first line.
fn paragraphs(page: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut code, mut open) = (false, false);
    for (index, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            code = !code;
            open = false;
        } else if line.trim().is_empty() || code {
            open = false;
        } else if let (true, Some((_, text))) = (open, found.last_mut()) {
            text.push(' ');
            text.push_str(line.trim());
        } else {
            found.push((index + 1, line.trim().to_owned()));
            open = true;
        }
    }
    found
}

/// Words of RFC 2119 where no requirement is. Code spans may name them.
fn stray(page: &str) -> Vec<(usize, &'static str)> {
    let prose = |paragraph: &str| paragraph.split('`').step_by(2).collect::<String>();
    let outside = paragraphs(page).into_iter().filter(|(_, paragraph)| split(paragraph).is_none());
    let mut found: Vec<(usize, &str)> = outside
        .flat_map(|(line, text)| keywords(&prose(&text)).into_iter().map(move |word| (line, word)))
        .filter(|(_, word)| word.starts_with("MUST"))
        .collect();
    for (line, paragraph) in paragraphs(page) {
        let text = prose(&paragraph);
        let unused = UNUSED.iter().find(|word| text.split_whitespace().any(|part| part == **word));
        found.extend(unused.map(|word| (line, *word)));
    }
    found
}

/// The words of RFC 2119 in a text, in its order.
fn keywords(text: &str) -> Vec<&'static str> {
    let words: Vec<&str> =
        text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty()).collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let pair = format!("{word} {}", words.get(index + 1).copied().unwrap_or_default());
        let hit =
            KEYWORDS.iter().find(|key| **key == pair).or_else(|| KEYWORDS.iter().find(|key| *key == word));
        found.extend(hit);
    }
    found
}

/// Where the Chinese edition has other requirements, or other numbers in one, than the English edition.
fn differences(chapters: &[Chapter]) -> Vec<String> {
    let of = |edition| -> BTreeMap<String, &Chapter> {
        let chosen = chapters.iter().filter(|chapter| chapter.edition == edition);
        chosen.map(|chapter| (chapter.name.clone(), chapter)).collect()
    };
    let (english, chinese) = (of(Edition::English), of(Edition::Chinese));
    let mut found = Vec::new();
    for (name, chapter) in &chinese {
        let Some(original) = english.get(name) else {
            found.push(format!("zh/{name} is in no English edition"));
            continue;
        };
        let (left, right) = (read(&original.text), read(&chapter.text));
        if left.len() != right.len() {
            found.push(format!(
                "zh/{name} has {} requirements, and the English chapter {}",
                right.len(),
                left.len()
            ));
        }
        for (left, right) in left.iter().zip(&right) {
            let (expected, told) = (numbers(&left.text), numbers(&right.text));
            let (word, translated) = (keywords(&left.text), modal(&right.text));
            if left.id == right.id && word.first().copied() != translated {
                found.push(format!("zh/{name}:{}: {} has {translated:?} for {word:?}", right.line, right.id));
            }
            if left.id != right.id {
                found.push(format!("zh/{name}:{}: {} stands where {} should", right.line, right.id, left.id));
            } else if expected != told {
                found.push(format!(
                    "zh/{name}:{}: {} has the numbers {told:?}, not {expected:?}",
                    right.line, right.id
                ));
            }
        }
    }
    found
}

/// The word of RFC 2119 that the first such word of a Chinese sentence translates.
fn modal(text: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 5] =
        [("不得", "MUST NOT"), ("必须", "MUST"), ("不应", "SHOULD NOT"), ("应当", "SHOULD"), ("可以", "MAY")];
    let places = WORDS.iter().filter_map(|(chinese, english)| Some((text.find(chinese)?, *english)));
    places.min().map(|(_, english)| english)
}

/// Every number and every constant of a text, sorted: word order differs between languages.
fn numbers(text: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
    let parts = text.split(|letter: char| !is_part(letter)).map(|part| part.trim_matches('.'));
    let constant = |part: &str| {
        part.contains('_')
            && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let number = |part: &str| part.starts_with(|letter: char| letter.is_ascii_digit());
    let mut found: Vec<String> =
        parts.filter(|part| number(part) || constant(part)).map(str::to_owned).collect();
    found.sort();
    found
}
