//! `cargo xtask status`: what the vendor clients proved, and the page that says so.
//!
//! `clients/status.json` holds what a whole run of `cargo xtask clients --write` saw, with a digest of each client's
//! files. From it alone come the word for each language and the pages in English and Chinese. A client whose files are
//! others than those that were proved is experimental until it is proved again.

mod page;

use crate::root;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

const FACTS: &str = "clients/status.json";
const PAGES: [(&str, page::Edition); 2] =
    [("clients/README.md", page::ENGLISH), ("clients/README.zh.md", page::CHINESE)];
/// The programs of hispos in both roles, beside the clients.
const REFERENCE: &str = "reference";
const LINES: [&str; 2] = ["tcp", "serial"];

/// What is known of the clients.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Facts {
    /// By language.
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) cells: Vec<Cell>,
}

/// What a client proved by itself.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Client {
    /// Follows from everything else.
    #[serde(default)]
    pub(crate) status: Word,
    /// The files that it was proved with.
    pub(crate) digest: String,
    /// Made again without a difference; built, formatted and linted without a word, in an empty folder.
    pub(crate) clean: bool,
    pub(crate) replayed: u64,
    pub(crate) unimplemented: u64,
    /// Seconds from nothing to the first payment, as HIS and then as POS. A client for two languages, such as Java's for
    /// Kotlin, has two of each.
    pub(crate) first_payment_s: Vec<u64>,
}

/// How far a language is; there is nothing in between.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word {
    Proved,
    #[default]
    Experimental,
}

/// What came of a HIS at a POS.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Cell {
    pub(crate) his: String,
    pub(crate) pos: String,
    pub(crate) line: String,
    pub(crate) passed: bool,
}

impl Facts {
    /// What stays known while some languages are proved again, with every cell that they take part in.
    pub(crate) fn without(mut self, languages: &[&str]) -> Self {
        let is_named = |name: &str| languages.contains(&name);
        self.clients.retain(|name, _| !is_named(name));
        self.cells.retain(|cell| !is_named(&cell.his) && !is_named(&cell.pos));
        self
    }
}

/// What is known.
pub(crate) fn read() -> Result<Facts, String> {
    let facts = serde_json::from_str(&root::read(&root::root().join(FACTS))?);
    facts.map_err(|error| format!("{FACTS}: {error}"))
}

/// Reads what is known, says again what follows, and writes both; with `is_check` names what differs instead.
pub(crate) fn run(is_check: bool) -> Result<(), String> {
    let facts = read()?;
    if !is_check {
        return write(facts);
    }
    let differs = |(name, text): &(&str, String)| {
        root::read(&root::root().join(name)).map_or(true, |committed| committed != *text)
    };
    let found: Vec<&str> =
        written(facts)?.iter().filter(|file| differs(file)).map(|(name, _)| *name).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(format!(
        "not what the facts and the clients' files say: {}; run `cargo xtask status`, or prove the clients again by \
         `cargo xtask clients --write`",
        found.join(", ")
    ))
}

/// Writes the facts, with what follows from them, and the pages.
pub(crate) fn write(facts: Facts) -> Result<(), String> {
    written(facts)?.iter().try_for_each(|(name, text)| root::write(&root::root().join(name), text.as_bytes()))
}

fn written(mut facts: Facts) -> Result<Vec<(&'static str, String)>, String> {
    let names: Vec<String> = facts.clients.keys().cloned().collect();
    for name in &names {
        let word = word(&facts, name, &digest(name)?);
        if let Some(client) = facts.clients.get_mut(name) {
            client.status = word;
        }
    }
    let text = serde_json::to_string_pretty(&facts).map_err(|error| format!("{FACTS}: {error}"))?;
    let pages = PAGES.iter().map(|(name, edition)| (*name, edition.page(&facts)));
    Ok(std::iter::once((FACTS, text + "\n")).chain(pages).collect())
}

/// The word of a language, whose files have `digest` now.
fn word(facts: &Facts, name: &str, digest: &str) -> Word {
    let Some(client) = facts.clients.get(name) else { return Word::Experimental };
    let is_proved = client.digest == digest
        && client.clean
        && client.replayed > 0
        && client.unimplemented == 0
        && client.first_payment_s.len() >= 2
        && wanted(facts)
            .iter()
            .filter(|cell| cell.his == name || cell.pos == name)
            .all(|cell| facts.cells.contains(cell));
    if is_proved { Word::Proved } else { Word::Experimental }
}

/// The members, the reference first.
fn members(facts: &Facts) -> Vec<&str> {
    std::iter::once(REFERENCE).chain(facts.clients.keys().map(String::as_str)).collect()
}

/// Each HIS at each POS over TCP, and over a pseudo-terminal where one of them is a reference program.
fn wanted(facts: &Facts) -> Vec<Cell> {
    let members = members(facts);
    let mut cells = Vec::new();
    for his in &members {
        for pos in &members {
            let lines = if [*his, *pos].contains(&REFERENCE) { &LINES[..] } else { &LINES[..1] };
            cells.extend(lines.iter().map(|&line| Cell {
                his: (*his).to_owned(),
                pos: (*pos).to_owned(),
                line: line.to_owned(),
                passed: true,
            }));
        }
    }
    cells
}

/// A digest of a client's files as git knows them: names and content, in the order of the names.
pub(crate) fn digest(language: &str) -> Result<String, String> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            &format!("clients/{language}"),
        ])
        .current_dir(root::root())
        .output()
        .map_err(|error| format!("git: {error}"))?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut paths: Vec<PathBuf> =
        listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    paths.sort();
    paths.dedup();
    let mut hasher = Sha256::new();
    for path in paths {
        // What is removed and not committed yet is no file of the client.
        let Ok(bytes) = std::fs::read(root::root().join(&path)) else { continue };
        for part in [path.to_string_lossy().as_bytes(), &bytes] {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
    }
    Ok(hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::{Client, Facts, Word, page, wanted, word};

    fn proved() -> Facts {
        let client = Client {
            digest: "d".into(),
            clean: true,
            replayed: 9,
            first_payment_s: vec![4, 5],
            ..Client::default()
        };
        let clients = [("ada".to_owned(), client.clone()), ("zig".to_owned(), client)].into();
        let mut facts = Facts { clients, cells: Vec::new() };
        facts.cells = wanted(&facts);
        facts
    }

    #[test]
    fn a_full_row_is_called_proved() {
        let facts = proved();
        assert_eq!(facts.cells.len(), 9 + 5, "nine over TCP, five over pseudo-terminals");
        assert_eq!(word(&facts, "ada", "d"), Word::Proved);
    }

    #[test]
    fn whatever_lacks_one_thing_is_experimental() {
        type Break = (&'static str, fn(&mut Client));
        let breaks: [Break; 5] = [
            ("not clean", |client| client.clean = false),
            ("no vector", |client| client.replayed = 0),
            ("one unimplemented", |client| client.unimplemented = 1),
            ("one first payment", |client| client.first_payment_s.truncate(1)),
            ("other files", |client| client.digest = "e".into()),
        ];
        for (what, break_it) in breaks {
            let mut facts = proved();
            break_it(facts.clients.get_mut("ada").unwrap());
            assert_eq!(word(&facts, "ada", "d"), Word::Experimental, "{what}");
            assert_eq!(word(&facts, "zig", "d"), Word::Proved, "{what}");
        }
        assert_eq!(word(&proved(), "cobol", "d"), Word::Experimental);
    }

    #[test]
    fn a_cell_that_failed_or_was_not_played_takes_the_word_of_both() {
        for index in 0..proved().cells.len() {
            let mut failed = proved();
            failed.cells[index].passed = false;
            let mut lost = proved();
            let cell = lost.cells.remove(index);
            for facts in [failed, lost] {
                for name in ["ada", "zig"] {
                    let is_hit = cell.his == name || cell.pos == name;
                    assert_eq!(word(&facts, name, "d") == Word::Experimental, is_hit, "{name} {cell:?}");
                }
            }
        }
    }

    #[test]
    fn a_language_that_is_proved_again_takes_nothing_of_the_others() {
        let mut facts = proved().without(&["ada"]);
        assert_eq!(facts.clients.keys().collect::<Vec<_>>(), ["zig"]);
        assert!(facts.cells.iter().all(|cell| cell.his != "ada" && cell.pos != "ada"));
        assert_eq!(word(&facts, "zig", "d"), Word::Proved, "of the members that are known");
        facts.clients.insert("ada".into(), Client { clean: true, ..Client::default() });
        assert_eq!(word(&facts, "zig", "d"), Word::Experimental, "the cells with ada are not played yet");
    }

    #[test]
    fn the_pages_show_a_failed_cell() {
        let mut facts = proved();
        facts.cells[1].passed = false;
        for edition in [page::ENGLISH, page::CHINESE] {
            let page = edition.page(&facts);
            assert!(page.contains("| reference | tcp ✓, serial ✗ | tcp ✓, serial ✓ |"), "{page}");
            assert!(page.contains("| ada | "), "{page}");
        }
    }
}
