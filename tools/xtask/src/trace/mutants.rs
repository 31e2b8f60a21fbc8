//! The list of deliberate breaks, and what has to hold of it before one is planted.
//!
//! Each line of `spec-crate/spec/mutants.tsv` has six cells: a requirement; a file that cites it; a piece of that file's
//! text, which stands once within [`REACH`] lines below a citation of the requirement; what stands there instead; the
//! name of a test that cites the requirement, with as much of its path as tells it from others; and what came of it when it was last planted. `\n` is the end of a line
//! and `\t` a tab.

use super::citations::{Citation, Kind};
use super::gate::is_must;
use super::{Placed, Trace};
use crate::root;
use std::collections::BTreeSet;
use std::fmt;

/// Where the list is.
pub(super) const MUTANTS: &str = "spec-crate/spec/mutants.tsv";
/// How many requirements have to have a mutant.
const LEAST: usize = 60;
/// How many lines below a citation a mutant may begin.
const REACH: usize = 14;

/// What came of a mutant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// Its test failed.
    Killed,
    /// Its test passed.
    Survived,
    /// The code did not compile.
    NotBuilt,
    /// It was never planted.
    NotRun,
}

const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Killed, "killed"),
    (Outcome::Survived, "survived"),
    (Outcome::NotBuilt, "not built"),
    (Outcome::NotRun, "not run"),
];

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(OUTCOMES.iter().find(|(outcome, _)| outcome == self).map_or("", |(_, word)| word))
    }
}

/// One deliberate break.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mutant {
    pub(super) id: String,
    pub(super) file: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) test: String,
    pub(super) outcome: Outcome,
}

/// The list as it is committed; empty if there is none.
pub(super) fn load() -> Result<Vec<Mutant>, String> {
    let path = root::root().join(MUTANTS);
    let text = if path.exists() { root::read(&path)? } else { String::new() };
    text.lines().map(read).collect()
}

/// Writes the list with its outcomes, if it differs.
pub(super) fn save(mutants: &[Mutant]) -> Result<(), String> {
    let path = root::root().join(MUTANTS);
    let text: String = mutants.iter().map(write).collect();
    if root::read(&path)? == text { Ok(()) } else { root::write(&path, text.as_bytes()) }
}

/// One line.
pub(super) fn read(line: &str) -> Result<Mutant, String> {
    let cells: Vec<&str> = line.split('\t').collect();
    let &[id, file, from, to, test, told] = cells.as_slice() else {
        return Err(format!("{MUTANTS}: six cells, please: {line}"));
    };
    let outcome = OUTCOMES.iter().find(|(_, word)| *word == told);
    let &(outcome, _) = outcome.ok_or_else(|| format!("{MUTANTS}: {id}: no outcome is called `{told}`"))?;
    let text = |cell: &str| cell.replace("\\n", "\n").replace("\\t", "\t");
    let owned = |cell: &str| cell.to_owned();
    Ok(Mutant {
        id: owned(id),
        file: owned(file),
        from: text(from),
        to: text(to),
        test: owned(test),
        outcome,
    })
}

/// The line again.
pub(super) fn write(mutant: &Mutant) -> String {
    let cell = |text: &str| text.replace('\n', "\\n").replace('\t', "\\t");
    let Mutant { id, file, from, to, test, outcome } = mutant;
    format!("{id}\t{file}\t{}\t{}\t{test}\t{outcome}\n", cell(from), cell(to))
}

/// Where in its file a mutant begins: at which byte, in which line.
///
/// # Errors
///
/// What is wrong, if its text does not stand exactly once where it may.
pub(super) fn place(mutant: &Mutant, trace: &Trace) -> Result<(usize, usize), String> {
    let Mutant { id, file, .. } = mutant;
    let source = trace.sources.iter().find(|(path, _)| path == file);
    let (_, text) = source.ok_or_else(|| format!("{id}: no file {file}"))?;
    let code = trace.cited(id).filter(|citation| citation.kind.implements() && citation.path == *file);
    place_in(mutant, text, &code.map(|citation| citation.below).collect::<Vec<_>>())
}

/// The same, in a text with quotations that end above these lines.
pub(super) fn place_in(mutant: &Mutant, text: &str, below: &[usize]) -> Result<(usize, usize), String> {
    let Mutant { id, file, from, to, .. } = mutant;
    if from.is_empty() || from == to {
        return Err(format!("{id}: nothing is broken in {file}"));
    }
    if below.is_empty() {
        return Err(format!("{id} is not cited in {file}"));
    }
    let line_of = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let places = text.match_indices(from.as_str()).map(|(at, _)| (at, line_of(at)));
    let near = |(_, line): &(usize, usize)| below.iter().any(|below| (*below..below + REACH).contains(line));
    match places.filter(near).collect::<Vec<_>>().as_slice() {
        [place] => Ok(*place),
        places => Err(format!("{id}: `{from}` stands {} times below its citations in {file}", places.len())),
    }
}

/// The citation above a mutant's test.
pub(super) fn test_of<'a>(mutant: &Mutant, trace: &'a Trace) -> Option<&'a Citation> {
    let name = mutant.test.rsplit("::").next();
    let named = |citation: &&Citation| citation.kind == Kind::Test && citation.test.as_deref() == name;
    trace.cited(&mutant.id).find(named)
}

/// Everything that is wrong with the list as text: nothing is built for it.
pub(super) fn findings(trace: &Trace) -> Vec<String> {
    let mut found = Vec::new();
    for mutant in &trace.mutants {
        let Mutant { id, test, outcome, .. } = mutant;
        if !trace.placed.iter().any(|placed| placed.requirement.id == *id && is_must(placed)) {
            found.push(format!("no MUST has the id {id}"));
            continue;
        }
        found.extend(place(mutant, trace).err());
        if test_of(mutant, trace).is_none() {
            found.push(format!("{id}: no test {test} cites it"));
        }
        if *outcome != Outcome::Killed {
            found.push(format!("{id}: {outcome}; `cargo xtask trace --mutate {id}`"));
        }
    }
    found.extend(shortfalls(trace));
    found.into_iter().map(|what| format!("{MUTANTS}: {what}")).collect()
}

/// What the list does not have and should: enough requirements, and some of each chapter that code cites.
pub(super) fn shortfalls(trace: &Trace) -> Vec<String> {
    let mut found = Vec::new();
    let ids: BTreeSet<&str> = trace.mutants.iter().map(|mutant| mutant.id.as_str()).collect();
    if ids.len() < LEAST {
        found.push(format!("{} requirements have a mutant, {LEAST} are wanted", ids.len()));
    }
    let musts = || trace.placed.iter().filter(|placed| is_must(placed));
    let broken = musts().filter(|placed| ids.contains(placed.requirement.id.as_str())).map(Placed::chapter);
    let broken: BTreeSet<&str> = broken.collect();
    let has_code = |placed: &&Placed| {
        trace.cited(&placed.requirement.id).any(|citation| citation.kind == Kind::Implementation)
    };
    let cited: BTreeSet<&str> = musts().filter(has_code).map(Placed::chapter).collect();
    found.extend(cited.difference(&broken).map(|chapter| format!("{chapter} has code and no mutant")));
    found
}
