//! `cargo xtask test`: everything a change has to pass, with Rust and a C compiler alone.
//!
//! Steps run in order and all of them run, whatever failed before. A step is skipped only while its program does not
//! exist, and says so.

use crate::{proto, root, spec, status, tidy, trace};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One thing to pass.
struct Step {
    name: &'static str,
    what: &'static str,
    work: Work,
}

enum Work {
    /// A cargo command.
    Cargo(&'static [&'static str]),
    /// A command of our own.
    Own(fn() -> Result<(), String>),
    /// A cargo command that runs a program of the repository, by its main file.
    Program(&'static str, &'static [&'static str]),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

const STEPS: [Step; 11] = [
    Step { name: "format", what: "rustfmt", work: Work::Cargo(&["fmt", "--all", "--check"]) },
    Step { name: "tidy", what: "floors, cycles, sizes, names", work: Work::Own(tidy::run) },
    Step { name: "proto", what: "schemas and what is generated from them", work: Work::Own(check_proto) },
    Step { name: "spec", what: "the specification's tables and requirements", work: Work::Own(check_spec) },
    Step { name: "trace", what: "requirements, their code and their tests", work: Work::Own(check_trace) },
    Step { name: "status", what: "the page of the vendor clients", work: Work::Own(check_status) },
    Step {
        name: "clippy",
        what: "lints, warnings denied",
        work: Work::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "tests", what: "all tests", work: Work::Cargo(&["test", "--workspace", "--no-fail-fast"]) },
    Step {
        name: "vectors",
        what: "committed vectors are what the crate computes",
        work: Work::Program(
            "tools/vectors/src/main.rs",
            &["run", "--package", "hispos-vectors", "--", "--check"],
        ),
    },
    Step {
        name: "simulation",
        what: "2,000 simulated lives with faults",
        work: Work::Program(
            "tools/sim/src/main.rs",
            &["run", "--package", "hispos-sim", "--", "lives", "2000"],
        ),
    },
    Step {
        name: "demo",
        what: "a first payment over the wire",
        work: Work::Program("tools/demo/src/main.rs", &["run", "--package", "hispos-demo"]),
    },
];

fn check_proto() -> Result<(), String> {
    proto::run(proto::Mode::Check)
}

fn check_spec() -> Result<(), String> {
    spec::run(spec::Mode::Check)
}

fn check_status() -> Result<(), String> {
    status::run(true)
}

fn check_trace() -> Result<(), String> {
    trace::run(trace::Mode::Gate)
}

/// Runs the command with the words behind `test`.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    match words {
        [] => conclude(&run_all(&STEPS)),
        ["--list"] => {
            STEPS.iter().for_each(|step| println!("{:<12}{}", step.name, step.what));
            Ok(())
        }
        ["--only", name] => {
            let found = STEPS.into_iter().find(|step| step.name == *name);
            let step =
                found.ok_or_else(|| format!("no step {name}; `cargo xtask test --list` names them"))?;
            conclude(&run_all(&[step]))
        }
        _ => Err("usage: cargo xtask test [--list | --only STEP]".to_owned()),
    }
}

fn run_all(steps: &[Step]) -> Vec<(&'static str, Outcome, Duration)> {
    let begin = Instant::now();
    let mut results = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!(
            "[{}/{}] {}: {} (at {} s)",
            index + 1,
            steps.len(),
            step.name,
            step.what,
            begin.elapsed().as_secs()
        );
        let start = Instant::now();
        let outcome = outcome(&step.work);
        let took = start.elapsed();
        match &outcome {
            Outcome::Passed => println!("      {} passed in {:.1} s", step.name, took.as_secs_f64()),
            Outcome::Failed(reason) => {
                println!("{reason}\n      {} FAILED in {:.1} s", step.name, took.as_secs_f64())
            }
            Outcome::Skipped(reason) => println!("      {} SKIPPED: {reason}", step.name),
        }
        results.push((step.name, outcome, took));
    }
    results
}

fn outcome(work: &Work) -> Outcome {
    let result = match work {
        Work::Cargo(words) => cargo(words),
        Work::Own(check) => check(),
        Work::Program(main, words) => {
            let text = root::read(&root::root().join(main)).unwrap_or_default();
            if text.is_empty() || text.contains("fn main() {}") {
                return Outcome::Skipped(format!("{main} is not written yet"));
            }
            cargo(words)
        }
    };
    result.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

/// Runs cargo at the repository's root, its output unchanged.
pub(crate) fn cargo(words: &[&str]) -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // No input: cargo asks rustc about itself with `rustc -`, which would read ours.
    let status = Command::new(program).args(words).current_dir(root::root()).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo {}: {status}", words.join(" "))),
        Err(error) => Err(format!("cargo {}: {error}", words.join(" "))),
    }
}

/// Prints the table and the counts, and fails if anything failed.
fn conclude(results: &[(&'static str, Outcome, Duration)]) -> Result<(), String> {
    println!("\n{:<12}{:<10}{:>9}", "step", "outcome", "seconds");
    for (name, outcome, took) in results {
        let word = match outcome {
            Outcome::Passed => "passed",
            Outcome::Failed(_) => "FAILED",
            Outcome::Skipped(_) => "SKIPPED",
        };
        println!("{name:<12}{word:<10}{:>9.1}", took.as_secs_f64());
    }
    let count =
        |wanted: fn(&Outcome) -> bool| results.iter().filter(|(_, outcome, _)| wanted(outcome)).count();
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    if skipped > 0 {
        println!("{skipped} skipped: their programs are not written yet");
    }
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    println!("{} passed, {failed} failed", count(|outcome| *outcome == Outcome::Passed));
    if failed == 0 { Ok(()) } else { Err(String::new()) }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, STEPS, Step, Work, conclude, run, run_all};

    fn step(name: &'static str, work: Work) -> Step {
        Step { name, what: "", work }
    }

    #[test]
    fn every_step_runs_and_one_failure_fails_the_whole() {
        let steps = [
            step("first", Work::Own(|| Err("broken".to_owned()))),
            step("second", Work::Own(|| Ok(()))),
            step("third", Work::Program("no/such/file.rs", &["build"])),
            step("fourth", Work::Cargo(&["no-such-command"])),
        ];
        let results = run_all(&steps);
        let outcomes: Vec<&Outcome> = results.iter().map(|(_, outcome, _)| outcome).collect();
        assert!(
            matches!(
                outcomes.as_slice(),
                [Outcome::Failed(_), Outcome::Passed, Outcome::Skipped(_), Outcome::Failed(_)]
            ),
            "{outcomes:?}"
        );
        assert!(conclude(&results).is_err());
        assert!(conclude(&results[1..3]).is_ok());
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(run(&["--only", "nothing"]).is_err());
        assert!(run(&["--all"]).is_err());
        assert!(STEPS.iter().any(|step| step.name == "tests"));
    }
}
