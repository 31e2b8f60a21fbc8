//! Import cycles between the files of one tree.
//!
//! A type may have its methods in several files of its own folder; such a file names the type of the module that it
//! lies in. So an import of a module that the file lies in is no step of a cycle; one of a sibling is.

use super::imports::Import;
use std::collections::{BTreeMap, BTreeSet};

/// Short circles that together name every module that is in one.
pub(super) fn findings(imports: &[Import]) -> Vec<String> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let imports: Vec<&Import> = imports.iter().filter(|import| !lies_in(import)).collect();
    for import in &imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for import in &imports {
        let Some(way) = way(&next, &import.to, &import.from) else { continue };
        if way.iter().any(|name| !told.contains(name)) {
            told.extend(way.iter().copied());
            let circle: Vec<&str> =
                way.iter().map(|name| if name.is_empty() { "the root" } else { *name }).collect();
            let text = circle.join(" -> ");
            found.push(format!(
                "{}:{}: cycle: {text} -> back; move what both need into a file of its own",
                import.path, import.line
            ));
        }
    }
    found
}

/// Whether a file imports from a module that it lies in.
fn lies_in(import: &Import) -> bool {
    !import.to.is_empty() && import.from.strip_prefix(&import.to).is_some_and(|rest| rest.starts_with("::"))
}

/// The shortest way from one module to another.
fn way<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way.last().copied()?;
            if last == to {
                return Some(way);
            }
            for step in
                next.get(last).into_iter().flatten().filter(|step| seen.insert(**step)).collect::<Vec<_>>()
            {
                let mut further = way.clone();
                further.push(*step);
                longer.push(further);
            }
        }
        ways = longer;
    }
    None
}
