//! What is stale, bare or lost.

use super::Placed;
use super::citations::{Citation, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// What the gate found.
pub(super) struct Outcome {
    pub(super) summary: String,
    pub(super) findings: Vec<String>,
}

/// Compares requirements, quotations and exceptions.
pub(super) fn judge(
    placed: &[Placed],
    citations: &[Citation],
    exceptions: &BTreeMap<String, String>,
) -> Outcome {
    let mut findings = Vec::new();
    let (mut implemented, mut tested) = (BTreeSet::new(), BTreeSet::new());
    for citation in citations {
        let hit = placed
            .iter()
            .find(|placed| placed.target == citation.target && placed.requirement.text == citation.quote);
        let Some(hit) = hit else {
            findings.push(format!("{}: {}", citation.place(), stale(placed, citation)));
            continue;
        };
        let id = hit.requirement.id.as_str();
        if citation.kind == Kind::Test && citation.test.is_none() {
            findings.push(format!("{}: the test of {id} is lost: no #[test] follows", citation.place()));
            continue;
        }
        if citation.kind.implements() {
            implemented.insert(id);
        }
        if citation.kind.tests() {
            tested.insert(id);
        }
    }
    let musts: Vec<&Placed> = placed.iter().filter(|placed| is_must(placed)).collect();
    for placed in &musts {
        let id = placed.requirement.id.as_str();
        let missing = match (implemented.contains(id), tested.contains(id)) {
            _ if exceptions.contains_key(id) => continue,
            (true, true) => continue,
            (false, true) => "has a test, and no code cites it",
            (true, false) => "has no test",
            (false, false) => "is bare: neither code nor test cites it",
        };
        findings.push(format!("{id} {missing}"));
    }
    let liberties =
        placed.iter().filter(|placed| !is_must(placed)).map(|placed| placed.requirement.id.as_str());
    let untested = liberties.filter(|id| implemented.contains(id) && !tested.contains(id));
    findings.extend(untested.map(|id| format!("{id} is cited by code and has no test")));
    let needless =
        exceptions.keys().filter(|id| implemented.contains(id.as_str()) && tested.contains(id.as_str()));
    findings.extend(needless.map(|id| format!("{id} is an exception, and has both code and test")));
    let summary = format!(
        "trace: {} requirements with MUST; {} exceptions; {} quotations",
        musts.len(),
        exceptions.len(),
        citations.len()
    );
    Outcome { summary, findings }
}

/// Whether a requirement binds.
pub(super) fn is_must(placed: &Placed) -> bool {
    placed.requirement.text.split(|letter: char| !letter.is_ascii_alphabetic()).any(|word| word == "MUST")
}

fn stale(placed: &[Placed], citation: &Citation) -> String {
    if let Some(moved) = placed.iter().find(|placed| placed.requirement.text == citation.quote) {
        return format!("{} is now in {}", moved.requirement.id, moved.target);
    }
    if citation.quote.is_empty() {
        return format!("`{}` quotes nothing; `cargo xtask trace --expand` expands ids", citation.target);
    }
    format!("{} has no such sentence: {}", citation.target, citation.quote)
}
