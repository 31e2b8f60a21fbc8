//! `cargo xtask trace`: every MUST has code that implements it and a test, or a written reason why not.
//!
//! Code quotes the sentence it implements, and a test the sentence it tests:
//!
//! ```text
//! //= spec-crate/spec/framing.md#checksum
//! //# A receiver MUST drop a frame whose checksum differs.
//! ```
//!
//! A test adds the line `//= type=test` and stands directly above its `#[test]`. People write the short form
//! `//= FRM-7` or `//= FRM-7 test`, and `trace --expand` makes quotations of it. [`gate`] finds what is stale, bare or
//! lost and names it; then duvet, which shares no code with this, has to agree.

mod citations;
mod duvet;
mod expand;
mod gate;
mod mutants;
mod mutate;
mod report;
#[cfg(test)]
mod tests;

use crate::root;
use crate::spec::page::headings;
use crate::spec::requirements::{self, Requirement};
use citations::Citation;
use mutants::Mutant;
use std::collections::BTreeMap;

/// Where the English chapters are.
const CHAPTERS: &str = "spec-crate/spec";
/// Requirements without code or test, each with the reason in English and Chinese.
const EXCEPTIONS: &str = "spec-crate/spec/exceptions.tsv";
/// Where code that cites lies.
const SOURCES: [&str; 8] = [
    "spec-crate/src",
    "spec-crate/tests",
    "reference-common",
    "reference-pos",
    "reference-his",
    "tools/sim",
    "tools/compare",
    "tools/provider-sim",
];

/// What to do.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Say what is missing, by our own reading.
    Gate,
    /// The same, and have duvet agree; writes its report, and the pages of the book.
    Report,
    /// Make quotations of short forms.
    Expand,
}

/// A requirement with its place in the specification.
struct Placed {
    requirement: Requirement,
    /// `spec-crate/spec/framing.md#checksum`.
    target: String,
}

impl Placed {
    /// `framing.md`.
    fn chapter(&self) -> &str {
        let file = self.target.split('#').next().unwrap_or_default();
        file.rsplit('/').next().unwrap_or_default()
    }
}

/// Everything that is traced to everything else.
struct Trace {
    placed: Vec<Placed>,
    /// Every Rust file that may cite, by its path from the repository's root.
    sources: Vec<(String, String)>,
    citations: Vec<Citation>,
    exceptions: BTreeMap<String, String>,
    /// The same reasons in Chinese.
    chinese_exceptions: BTreeMap<String, String>,
    mutants: Vec<Mutant>,
}

impl Trace {
    fn load() -> Result<Self, String> {
        let placed = placed()?;
        let sources = sources()?;
        let citations = sources.iter().flat_map(|(path, text)| citations::read(path, text)).collect();
        let path = root::root().join(EXCEPTIONS);
        let text = if path.exists() { root::read(&path)? } else { String::new() };
        let (exceptions, chinese_exceptions) = exceptions(&text, &placed)?;
        Ok(Self { exceptions, chinese_exceptions, mutants: mutants::load()?, placed, sources, citations })
    }

    /// The quotations of a requirement.
    fn cited<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Citation> {
        let placed = self.placed.iter().find(|placed| placed.requirement.id == id);
        let quoted = placed.map(|placed| (placed.target.as_str(), placed.requirement.text.as_str()));
        let quotes =
            move |citation: &&Citation| quoted == Some((citation.target.as_str(), citation.quote.as_str()));
        self.citations.iter().filter(quotes)
    }
}

/// Runs the gate, or expands short forms.
pub(crate) fn run(mode: Mode) -> Result<(), String> {
    if mode == Mode::Expand {
        return expand::all(&sources()?, &placed()?);
    }
    let trace = Trace::load()?;
    let outcome = gate::judge(&trace.placed, &trace.citations, &trace.exceptions);
    let findings = [outcome.findings, mutants::findings(&trace)].concat();
    println!("{}; {} mutants", outcome.summary, trace.mutants.len());
    if !findings.is_empty() {
        return Err(format!("trace:\n  {}", findings.join("\n  ")));
    }
    if mode == Mode::Report {
        report::write(&trace)?;
        duvet::agree(&trace.placed, &trace.exceptions)?;
    }
    Ok(())
}

/// Writes the trace as a page of the book, whatever it lacks.
pub(crate) fn pages() -> Result<(), String> {
    report::write(&Trace::load()?)
}

/// Breaks the code of these requirements, or of all in the list, one at a time, and has its test fail.
pub(crate) fn mutate(ids: &[&str]) -> Result<(), String> {
    mutate::run(&Trace::load()?, ids)
}

/// Every requirement of the English edition.
fn placed() -> Result<Vec<Placed>, String> {
    let folder = root::root().join(CHAPTERS);
    let mut found = Vec::new();
    for path in root::files(&folder, "md") {
        if path.parent() != Some(folder.as_path()) {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = root::read(&path)?;
        let sections = sections(&text);
        for requirement in requirements::read(&text) {
            let section = sections.range(..=requirement.line).next_back().map_or("", |(_, slug)| slug);
            found.push(Placed { target: format!("{CHAPTERS}/{name}#{section}"), requirement });
        }
    }
    Ok(found)
}

/// The anchors of a page's headings by their lines.
fn sections(page: &str) -> BTreeMap<usize, String> {
    headings(page).map(|(line, title)| (line, slug(title))).collect()
}

/// A heading as an anchor: letters and digits in lower case, everything else one hyphen.
fn slug(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Every Rust file that may cite, by its path from the repository's root.
fn sources() -> Result<Vec<(String, String)>, String> {
    let root = root::root();
    let mut found = Vec::new();
    for path in SOURCES.iter().flat_map(|folder| root::files(&root.join(folder), "rs")) {
        found.push((root::shown(&path), root::read(&path)?));
    }
    Ok(found)
}

/// A reason for each exception, by its requirement.
type Reasons = BTreeMap<String, String>;

/// Lines `ID<tab>reason<tab>the same in Chinese`: both editions' reasons.
fn exceptions(text: &str, placed: &[Placed]) -> Result<(Reasons, Reasons), String> {
    let (mut found, mut chinese) = (Reasons::new(), Reasons::new());
    for line in text.lines() {
        let mut cells = line.splitn(3, '\t');
        let [id, reason, translation] = [(); 3].map(|()| cells.next().unwrap_or_default());
        if reason.split_whitespace().count() < 4 {
            return Err(format!("{EXCEPTIONS}: {id} needs a reason in words"));
        }
        let han = translation.chars().filter(|letter| ('\u{4E00}'..='\u{9FFF}').contains(letter)).count();
        if han < 4 {
            return Err(format!("{EXCEPTIONS}: {id} needs its reason in Chinese, too"));
        }
        if !placed.iter().any(|placed| placed.requirement.id == id) {
            return Err(format!("{EXCEPTIONS}: no requirement has the id {id}"));
        }
        if found.insert(id.to_owned(), reason.to_owned()).is_some() {
            return Err(format!("{EXCEPTIONS}: {id} stands twice"));
        }
        chinese.insert(id.to_owned(), translation.to_owned());
    }
    Ok((found, chinese))
}
