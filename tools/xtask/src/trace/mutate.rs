//! `cargo xtask trace --mutate`: code that breaks a MUST makes the test that is cited for it fail.
//!
//! Each line of `spec-crate/spec/mutants.tsv` names a requirement, a file, a piece of its text that occurs once, what
//! stands there instead, the package to test and the test's name. The work is done in a copy of the repository.

use super::citations::{self, Kind};
use super::gate::is_must;
use super::{Placed, sources};
use crate::root;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const MUTANTS: &str = "spec-crate/spec/mutants.tsv";
/// How many requirements have to have a mutant.
const LEAST: usize = 60;

/// One deliberate break.
struct Mutant<'a> {
    id: &'a str,
    file: &'a str,
    from: String,
    to: String,
    package: &'a str,
    test: &'a str,
}

/// Plants each mutant, or those of one requirement, and says which the tests did not notice.
pub(super) fn run(placed: &[Placed], only: Option<&str>) -> Result<(), String> {
    let text = root::read(&root::root().join(MUTANTS))?;
    let mutants: Vec<Mutant> = text.lines().map(read).collect::<Result<_, _>>()?;
    check(placed, &mutants)?;
    let copy = copy()?;
    let mut survived = Vec::new();
    let chosen: Vec<&Mutant> =
        mutants.iter().filter(|mutant| only.is_none_or(|id| id == mutant.id)).collect();
    for (index, mutant) in chosen.iter().enumerate() {
        let start = Instant::now();
        let outcome = plant(&copy, mutant)?;
        let seconds = start.elapsed().as_secs();
        println!("[{}/{}] {} {outcome} in {seconds} s ({})", index + 1, chosen.len(), mutant.id, mutant.test);
        if outcome != "caught" {
            survived.push(format!("{}: {outcome}: {} in {}", mutant.id, mutant.from, mutant.file));
        }
    }
    println!("trace: {} mutants, {} not caught", chosen.len(), survived.len());
    if survived.is_empty() { Ok(()) } else { Err(survived.join("\n")) }
}

fn read(line: &str) -> Result<Mutant<'_>, String> {
    let cells: Vec<&str> = line.split('\t').collect();
    let &[id, file, from, to, package, test] = cells.as_slice() else {
        return Err(format!("{MUTANTS}: six cells, please: {line}"));
    };
    let unescaped = |cell: &str| cell.replace("\\n", "\n");
    Ok(Mutant { id, file, from: unescaped(from), to: unescaped(to), package, test })
}

/// Every mutant breaks a MUST, in a file that cites it, and its test cites it too.
fn check(placed: &[Placed], mutants: &[Mutant]) -> Result<(), String> {
    let sources = sources()?;
    let mut findings = Vec::new();
    for mutant in mutants {
        let found = placed.iter().find(|placed| placed.requirement.id == mutant.id && is_must(placed));
        let Some(found) = found else {
            findings.push(format!("no MUST has the id {}", mutant.id));
            continue;
        };
        let Some((_, text)) = sources.iter().find(|(path, _)| path == mutant.file) else {
            findings.push(format!("{}: no file {}", mutant.id, mutant.file));
            continue;
        };
        if text.matches(&mutant.from).count() != 1 {
            findings.push(format!("{}: `{}` does not stand once in {}", mutant.id, mutant.from, mutant.file));
        }
        let quotes = |path: &str, text: &str, tests: bool| {
            citations::read(path, text).iter().any(|citation| {
                citation.quote == found.requirement.text && (citation.kind == Kind::Test) == tests
            })
        };
        if !quotes(mutant.file, text, false) {
            findings.push(format!("{} is not cited in {}", mutant.id, mutant.file));
        }
        let name = mutant.test.rsplit("::").next().unwrap_or(mutant.test);
        let tested = sources
            .iter()
            .any(|(path, text)| text.contains(&format!("fn {name}(")) && quotes(path, text, true));
        if !tested {
            findings.push(format!("{}: no file has the test {} and cites it there", mutant.id, mutant.test));
        }
    }
    let ids: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.id).collect();
    if ids.len() < LEAST {
        findings.push(format!("{} requirements have a mutant, {LEAST} are wanted", ids.len()));
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("{MUTANTS}:\n  {}", findings.join("\n  "))) }
}

/// A copy of what is committed and what is not yet, with a target folder that stays.
fn copy() -> Result<PathBuf, String> {
    let copy = root::root().join("target/trace/mutants");
    std::fs::create_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root::root())
        .output()
        .map_err(|error| format!("git: {error}"))?;
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        if let Ok(bytes) = std::fs::read(root::root().join(name)) {
            write_changed(&copy.join(name), &bytes)?;
        }
    }
    Ok(copy)
}

/// Leaves files that are the same as they were, so that cargo builds only what has changed.
fn write_changed(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if std::fs::read(path).is_ok_and(|present| present == bytes) { Ok(()) } else { root::write(path, bytes) }
}

/// Breaks, tests, mends; says what the test said.
fn plant(copy: &Path, mutant: &Mutant) -> Result<&'static str, String> {
    let path = copy.join(mutant.file);
    let text = root::read(&path)?;
    root::write(&path, text.replacen(&mutant.from, &mutant.to, 1).as_bytes())?;
    let cargo = |words: &[&str]| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(words).args(["--quiet", "--package", mutant.package]).current_dir(copy);
        command
            .env_remove("CARGO_TARGET_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let built = cargo(&["test", "--no-run"]).status();
    let tested = cargo(&["test"]).args(["--", "--exact", mutant.test]).status();
    root::write(&path, text.as_bytes())?;
    match (built.map(|status| status.success()), tested.map(|status| status.success())) {
        (Ok(true), Ok(false)) => Ok("caught"),
        (Ok(true), Ok(true)) => Ok("SURVIVED"),
        (Ok(false), _) => Ok("DOES NOT COMPILE"),
        (Err(error), _) | (_, Err(error)) => Err(format!("cargo: {error}")),
    }
}
