//! `cargo xtask clients`: the vendor clients, compared with what makes them, proved, and paired with everybody.
//!
//! Each client is made in an empty folder below `target/clients` and proved there by the commands of its own README, so
//! what a vendor reads is what is checked. Then it pays as HIS at every POS and as POS at every HIS, as real processes.

use crate::status::{self, Cell, Client, Facts};
use crate::{root, test};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The reference programs, with the variables that name them.
const PROGRAMS: [(&str, &str); 4] = [
    ("HISPOS_HIS", "hispos-his"),
    ("HISPOS_POS", "hispos-pos"),
    ("PROVIDER_SIM", "provider-sim"),
    ("HISPOS_COMPARE", "hispos-compare"),
];
const PACKAGES: [&str; 6] =
    ["hispos-codegen", "hispos-his", "hispos-pos", "hispos-provider-sim", "hispos-compare", "hispos-demo"];
/// The interface that every client implements in its test program: no client itself.
const DRIVER: &str = "driver";
/// How `hispos-codegen` ends without a program of the machine that it needs.
const IS_MISSING: i32 = 5;
const CLIENTS: &str = "target/clients";
const USAGE: &str = "usage: cargo xtask clients [--lang L]... [--strict] [--pay] [--write]";

/// What is wanted.
#[derive(Debug, Default, Eq, PartialEq)]
struct Wanted<'a> {
    /// Only these; all if there are none.
    languages: Vec<&'a str>,
    /// A toolchain that is missing is a failure.
    strict: bool,
    /// The first payments of the READMEs, too.
    pay: bool,
    /// What comes of it is written down.
    write: bool,
}

enum Outcome {
    Passed(String),
    Failed(String),
    Missing(String),
}

struct Row {
    language: String,
    step: &'static str,
    outcome: Outcome,
    seconds: u64,
}

/// Compares, builds, lints, tests and pairs the clients, and prints the table.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let wanted = wanted(words)?;
    let begin = Instant::now();
    let known = languages(&root::root().join("clients"))?;
    if let Some(name) = wanted.languages.iter().find(|&&name| !known.iter().any(|one| one == name)) {
        return Err(format!("clients: no client {name}"));
    }
    build()?;
    let mut rows = Vec::new();
    let mut facts = Facts::default();
    if wanted.write && !wanted.languages.is_empty() {
        facts = status::read()?.without(&wanted.languages);
    }
    for language in known {
        let digest = status::digest(&language)?;
        let mut client = Client { digest, clean: true, ..Client::default() };
        // The others are made, too: the ones that are wanted pay with them.
        let takes = wanted.languages.is_empty() || wanted.languages.iter().any(|&one| one == language);
        let steps: &[&str] = if takes { &["drift", "prove"] } else { &["make"] };
        for &step in steps {
            println!("{language}: {step} (at {} s)", begin.elapsed().as_secs());
            let began = Instant::now();
            let outcome = codegen(step, &language, wanted.pay, &mut client)?;
            client.clean &= matches!(outcome, Outcome::Passed(_));
            rows.push(Row { language: language.clone(), step, outcome, seconds: began.elapsed().as_secs() });
        }
        if takes {
            facts.clients.insert(language, client);
        }
    }
    println!("everybody with everybody (at {} s)", begin.elapsed().as_secs());
    let began = Instant::now();
    let (outcome, cells) = pairs(&wanted)?;
    facts.cells.extend(cells);
    rows.push(Row { language: "all".to_owned(), step: "pairs", outcome, seconds: began.elapsed().as_secs() });
    if wanted.write {
        // Files that were changed meanwhile have another digest now: their client is called experimental.
        status::write(facts)?;
    }
    conclude(&rows, wanted.strict)
}

fn wanted<'a>(words: &[&'a str]) -> Result<Wanted<'a>, String> {
    let mut wanted = Wanted::default();
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        match word {
            "--strict" => wanted.strict = true,
            "--pay" => wanted.pay = true,
            "--write" => wanted = Wanted { strict: true, pay: true, write: true, ..wanted },
            "--lang" => wanted.languages.push(words.next().ok_or(USAGE)?),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(wanted)
}

fn last_line(text: &str) -> String {
    text.trim().lines().last().unwrap_or_default().to_owned()
}

fn build() -> Result<(), String> {
    let mut words = vec!["build", "--quiet"];
    PACKAGES.iter().for_each(|package| words.extend(["--package", package]));
    test::cargo(&words)
}

fn languages(folder: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir() && entry.file_name() != DRIVER);
    let mut names: Vec<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// One step of the generator for a language: `drift`, `prove` in an empty folder, or only `make`. What it says while it
/// works is shown at once; what it proves is written into `client`.
fn codegen(step: &str, language: &str, pays: bool, client: &mut Client) -> Result<Outcome, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let folder = format!("{CLIENTS}/{language}");
    let mut generator = Command::new(own.with_file_name("hispos-codegen"));
    match step {
        "drift" => generator.args(["check", "--lang", language]),
        "prove" => generator.args(["prove", "--lang", language, "--role", "both", "--keep", &folder]),
        _ => generator.args(["new", "--lang", language, "--role", "both", "--replace", "--out", &folder]),
    };
    if pays && step == "prove" {
        generator.arg("--pay");
    }
    generator.arg("--json").envs(programs()?).current_dir(root::root()).stdin(Stdio::null());
    let output = generator.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("hispos-codegen: {error}"))?;
    let said = last_line(&String::from_utf8_lossy(&output.stdout));
    let said: Value = serde_json::from_str(&said).unwrap_or_default();
    if let Some(proof) = said.get("proof") {
        let number = |member: &str| proof.get(member).and_then(Value::as_u64).unwrap_or_default();
        (client.replayed, client.unimplemented) = (number("replayed"), number("unimplemented"));
        let paid = proof.get("paid_after_s").and_then(Value::as_array).into_iter().flatten();
        client.first_payment_s = paid.filter_map(Value::as_u64).collect();
    }
    let text = |member: &str| match said.get(member) {
        Some(Value::String(text)) => last_line(text),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    Ok(match output.status.code() {
        Some(0) => Outcome::Passed(text(if step == "prove" { "proof" } else { "files" })),
        Some(IS_MISSING) => Outcome::Missing(text("why")),
        _ => Outcome::Failed(text("why")),
    })
}

fn programs() -> Result<Vec<(String, PathBuf)>, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let named = |(variable, name): &(&str, &str)| ((*variable).to_owned(), own.with_file_name(name));
    Ok(PROGRAMS.iter().map(named).collect())
}

/// The rows and columns that are wanted, each cell told as it ends.
fn pairs(wanted: &Wanted<'_>) -> Result<(Outcome, Vec<Cell>), String> {
    let own = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let mut demo = Command::new(own.with_file_name("hispos-demo"));
    demo.args(["--json", "pairs", "--clients", CLIENTS]).current_dir(root::root()).stdin(Stdio::null());
    demo.envs(programs()?);
    demo.args(wanted.languages.iter().flat_map(|name| ["--member", name]));
    if wanted.strict {
        demo.arg("--strict");
    }
    let output = demo.stderr(Stdio::inherit()).output().map_err(|error| format!("hispos-demo: {error}"))?;
    let said = last_line(&String::from_utf8_lossy(&output.stdout));
    let mut said: BTreeMap<String, Value> = serde_json::from_str(&said).unwrap_or_default();
    let cells: Vec<Cell> =
        said.remove("cells").and_then(|cells| serde_json::from_value(cells).ok()).unwrap_or_default();
    let text = format!("{} of {} passed", cells.iter().filter(|cell| cell.passed).count(), cells.len());
    let outcome = if output.status.success() { Outcome::Passed(text) } else { Outcome::Failed(text) };
    Ok((outcome, cells))
}

fn conclude(rows: &[Row], strict: bool) -> Result<(), String> {
    println!("\n{:<10}{:<8}{:<8}{:>8}  what", "client", "step", "outcome", "seconds");
    let mut is_failed = false;
    for row in rows {
        let (word, what, fails) = match &row.outcome {
            Outcome::Passed(what) => ("passed", what, false),
            Outcome::Failed(what) => ("FAILED", what, true),
            Outcome::Missing(what) => ("MISSING", what, strict),
        };
        is_failed |= fails;
        println!("{:<10}{:<8}{word:<8}{:>8}  {what}", row.language, row.step, row.seconds);
    }
    if is_failed { Err(String::new()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, wanted};

    #[test]
    fn words_that_are_not_known_are_refused() {
        let both = Wanted { languages: vec!["go", "python"], strict: true, pay: false, write: false };
        assert_eq!(wanted(&["--lang", "go", "--strict", "--lang", "python"]), Ok(both));
        assert!(wanted(&["--lang"]).is_err());
        assert!(wanted(&["--quick"]).is_err());
    }
}
