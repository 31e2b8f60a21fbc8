//! `cargo xtask clients`: the vendor clients, compared with what makes them, and tested by their own tools.
//!
//! Each client's folder has a README whose commands build, lint and test it. They run here as they stand there, so what
//! a vendor reads is what is checked.

use crate::{root, test};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The interface that every client implements in its test program: no client itself.
const DRIVER: &str = "driver";

/// What happened to one client.
struct Row {
    language: String,
    steps: Vec<(&'static str, Result<String, String>, u64)>,
}

/// Compares, builds, lints and tests the clients, and prints the table.
pub(crate) fn run(language: Option<&str>) -> Result<(), String> {
    let folder = root::root().join("clients");
    let mut rows = Vec::new();
    for name in languages(&folder)?.into_iter().filter(|name| language.is_none_or(|wanted| wanted == name)) {
        println!("{name}: drift");
        let drift = timed("drift", || drift(&name));
        println!("{name}: the commands of its README");
        let commands = timed("readme", || readme(&folder.join(&name)));
        println!("{name}: live");
        let live = timed("live", || live(&folder.join(&name)));
        rows.push(Row { language: name, steps: vec![drift, commands, live] });
    }
    if rows.is_empty() {
        return Err(format!("clients: no client {}", language.unwrap_or_default()));
    }
    print(&rows)
}

fn languages(folder: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir() && entry.file_name() != DRIVER);
    let mut names: Vec<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn timed(
    name: &'static str,
    work: impl FnOnce() -> Result<String, String>,
) -> (&'static str, Result<String, String>, u64) {
    let begin = Instant::now();
    let outcome = work();
    (name, outcome, begin.elapsed().as_secs())
}

fn drift(language: &str) -> Result<String, String> {
    let words = ["run", "--quiet", "--package", "hispos-codegen", "--", "check", "--lang", language];
    test::cargo(&words).map(|()| "no drift".to_owned())
}

/// Runs the commands of a README, and gives the last line that counts vectors.
fn readme(folder: &Path) -> Result<String, String> {
    let text = root::read(&folder.join("README.md"))?;
    let script = commands(&text);
    if script.is_empty() {
        return Err("its README has no commands".to_owned());
    }
    let mut bash = Command::new("bash");
    bash.args(["-e", "-u", "-o", "pipefail", "-c", &script]).current_dir(folder).stdin(Stdio::null());
    let output = bash.output().map_err(|error| format!("bash: {error}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    print!("{said}");
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    let counted = said.lines().find(|line| line.starts_with("all "));
    let numbers: Option<Vec<&str>> = counted.map(|line| line.split_whitespace().skip(1).collect());
    match numbers.as_deref() {
        Some([replayed, failed, missing]) => {
            Ok(format!("vectors: {replayed} replayed, {failed} failed, {missing} unimplemented"))
        }
        _ => Err("its tests do not count vectors".to_owned()),
    }
}

/// Pays by the reference programs and the simulated platform, as the client's file `live` says. Gives its last line.
fn live(folder: &Path) -> Result<String, String> {
    let packages = ["--package", "hispos-his", "--package", "hispos-pos", "--package", "hispos-provider-sim"];
    test::cargo(&[&["build", "--quiet"], packages.as_slice()].concat())?;
    let own = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let programs = own.parent().unwrap_or(&own);
    let mut bash = Command::new("bash");
    bash.arg("live").current_dir(folder).stdin(Stdio::null());
    bash.env("HISPOS_POS", programs.join("hispos-pos")).env("HISPOS_HIS", programs.join("hispos-his"));
    bash.env("PROVIDER_SIM", programs.join("provider-sim"));
    let output = bash.output().map_err(|error| format!("bash: {error}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    print!("{said}");
    match said.lines().last().and_then(|line| line.strip_prefix("live: ")) {
        Some(what) if output.status.success() => Ok(what.to_owned()),
        _ => Err(output.status.to_string()),
    }
}

/// The lines of every block that is marked `sh`.
fn commands(text: &str) -> String {
    let mut inside = false;
    let mut script = String::new();
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => script += &format!("{line}\n"),
            _ => {}
        }
    }
    script
}

fn print(rows: &[Row]) -> Result<(), String> {
    println!("\n{:<10}{:<8}{:<8}{:>8}  what", "client", "step", "outcome", "seconds");
    for row in rows {
        for (name, outcome, seconds) in &row.steps {
            let (word, what) = match outcome {
                Ok(what) => ("passed", what),
                Err(what) => ("FAILED", what),
            };
            println!("{:<10}{name:<8}{word:<8}{seconds:>8}  {what}", row.language);
        }
    }
    let failed = rows.iter().flat_map(|row| &row.steps).any(|(_, outcome, _)| outcome.is_err());
    if failed { Err(String::new()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn only_blocks_marked_as_commands_are_run() {
        let text = "a\n```sh\none\ntwo\n```\nb\n```python\nthree\n```\n```sh\nfour\n```\n";
        assert_eq!(commands(text), "one\ntwo\nfour\n");
    }
}
