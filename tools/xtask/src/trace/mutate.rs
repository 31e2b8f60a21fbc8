//! `cargo xtask trace --mutate`: code that breaks a MUST makes a test that cites it fail.
//!
//! The work is done in a copy of the repository below `target/trace`, which each run brings up to date first: an
//! interrupted run leaves nothing behind in the working tree, and nothing in the copy that the next run would keep.
//! Only the test binary that has the cited test is built, and only that test runs. What came of each mutant is written
//! back into the list.

use super::mutants::{self, MUTANTS, Mutant, Outcome};
use super::{SOURCES, Trace};
use crate::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The copy, from the repository's root.
const COPY: &str = "target/trace/mutants";
/// What makes a build short.
const QUICK: [(&str, &str); 3] =
    [("CARGO_INCREMENTAL", "1"), ("CARGO_PROFILE_DEV_OPT_LEVEL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")];
/// How long a test may take. One that hangs has noticed, too.
const LONGEST: Duration = Duration::from_secs(180);

/// A test binary: the folder of its crate, and what makes cargo build it alone.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Target {
    /// Its place in [`SOURCES`]: what is built fastest comes first.
    rank: usize,
    package: String,
    name: String,
}

/// A mutant that is about to be planted.
struct Planned<'a> {
    index: usize,
    mutant: &'a Mutant,
    at: usize,
    target: Target,
}

/// Plants each mutant, or those of these requirements, and fails unless the cited test notices every one.
pub(super) fn run(trace: &Trace, ids: &[&str]) -> Result<(), String> {
    let short = if ids.is_empty() { mutants::shortfalls(trace) } else { Vec::new() };
    if !short.is_empty() {
        return Err(format!("{MUTANTS}:\n  {}", short.join("\n  ")));
    }
    let mut list = trace.mutants.clone();
    let planned = plan(trace, ids)?;
    let copy = copy()?;
    let names = baseline(&copy, &planned)?;
    let mut counts = BTreeMap::new();
    let mut not_killed = Vec::new();
    for (done, plan) in planned.iter().enumerate() {
        let start = Instant::now();
        let (outcome, how) = plant(&copy, plan, &names)?;
        let Mutant { id, file, test, .. } = plan.mutant;
        let seconds = start.elapsed().as_secs();
        println!("[{}/{}] {id} in {file}: {outcome}{how} by {test}, {seconds} s", done + 1, planned.len());
        *counts.entry(outcome.to_string()).or_insert(0) += 1;
        if outcome != Outcome::Killed {
            not_killed.push(format!("{id}: {outcome}: `{}` in {file}, {test}", plan.mutant.from));
        }
        if let Some(listed) = list.get_mut(plan.index) {
            listed.outcome = outcome;
        }
        mutants::save(&list)?;
    }
    let count = |outcome: Outcome| counts.get(&outcome.to_string()).copied().unwrap_or(0);
    println!(
        "trace: {} mutants: {} killed, {} survived, {} not built",
        planned.len(),
        count(Outcome::Killed),
        count(Outcome::Survived),
        count(Outcome::NotBuilt)
    );
    if not_killed.is_empty() { Ok(()) } else { Err(format!("trace:\n  {}", not_killed.join("\n  "))) }
}

/// What to plant, in the order of what builds fastest.
fn plan<'a>(trace: &'a Trace, ids: &[&str]) -> Result<Vec<Planned<'a>>, String> {
    let mut planned = Vec::new();
    let mut findings = Vec::new();
    for id in ids.iter().filter(|id| !trace.mutants.iter().any(|mutant| mutant.id == **id)) {
        findings.push(format!("{id} has no mutant"));
    }
    let chosen = |mutant: &Mutant| ids.is_empty() || ids.contains(&mutant.id.as_str());
    for (index, mutant) in trace.mutants.iter().enumerate().filter(|(_, mutant)| chosen(mutant)) {
        match (mutants::place(mutant, trace), mutants::test_of(mutant, trace)) {
            (Ok((at, _)), Some(test)) => {
                planned.push(Planned { index, mutant, at, target: target_of(&test.path)? })
            }
            (Err(what), _) => findings.push(what),
            (_, None) => findings.push(format!("{}: no test {} cites it", mutant.id, mutant.test)),
        }
    }
    if !findings.is_empty() {
        return Err(format!("{MUTANTS}:\n  {}", findings.join("\n  ")));
    }
    planned.sort_by(|left, right| (&left.target, left.index).cmp(&(&right.target, right.index)));
    Ok(planned)
}

/// The test binary that a file belongs to.
fn target_of(path: &str) -> Result<Target, String> {
    let unknown = || format!("{path} belongs to no test that cargo could build alone");
    let (folder, rest) = path
        .split_once("/src/")
        .map(|(folder, _)| (folder, None))
        .or_else(|| path.split_once("/tests/").map(|(folder, rest)| (folder, Some(rest))))
        .ok_or_else(unknown)?;
    let manifest = root::read(&root::root().join(folder).join("Cargo.toml"))?;
    let named = manifest.lines().find_map(|line| line.strip_prefix("name = \""));
    let package = named.ok_or_else(unknown)?.trim_end_matches('"').to_owned();
    let rank = SOURCES.iter().position(|source| path.starts_with(source)).unwrap_or(SOURCES.len());
    let name = rest.map_or("", |rest| rest.split('/').next().unwrap_or_default().trim_end_matches(".rs"));
    Ok(Target { rank, package, name: name.to_owned() })
}

/// Every chosen test passes on code that is not broken. Gives the full name of each.
fn baseline(copy: &Path, planned: &[Planned]) -> Result<BTreeMap<(Target, String), String>, String> {
    let mut names = BTreeMap::new();
    let targets: BTreeSet<&Target> = planned.iter().map(|plan| &plan.target).collect();
    for target in targets {
        let label = if target.name.is_empty() { "lib" } else { &target.name };
        println!("trace: unbroken: {} {label}", target.package);
        let binary = build(copy, target)?.ok_or_else(|| format!("{}: does not compile", target.package))?;
        let listed = command(&binary, &["--list".into()]).output();
        let listed = listed.map_err(|error| format!("{}: {error}", root::shown(&binary.path)))?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let all: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let mut wanted = BTreeSet::new();
        for plan in planned.iter().filter(|plan| plan.target == *target) {
            let test = &plan.mutant.test;
            let ending = format!("::{test}");
            let full: Vec<&&str> =
                all.iter().filter(|name| *name == test || name.ends_with(&ending)).collect();
            let [full] = full.as_slice() else {
                return Err(format!("{}: {} tests are called {test}", target.package, full.len()));
            };
            wanted.insert((**full).to_owned());
            names.insert((target.clone(), test.clone()), (**full).to_owned());
        }
        for test in wanted {
            if run_test(&binary, &test)? != Ran::Passed {
                return Err(format!("{}: {test} fails on code that is not broken", target.package));
            }
        }
    }
    Ok(names)
}

/// Breaks, tests, mends; says what the test said.
fn plant(
    copy: &Path,
    plan: &Planned,
    names: &BTreeMap<(Target, String), String>,
) -> Result<(Outcome, &'static str), String> {
    let Mutant { file, from, to, test, .. } = plan.mutant;
    let path = copy.join(file);
    let text = root::read(&path)?;
    let (before, rest) = text.split_at_checked(plan.at).ok_or_else(|| format!("{file} is shorter"))?;
    let after = rest.strip_prefix(from.as_str()).ok_or_else(|| format!("{file} has changed meanwhile"))?;
    root::write(&path, format!("{before}{to}{after}").as_bytes())?;
    let outcome = build(copy, &plan.target).and_then(|binary| {
        let Some(binary) = binary else { return Ok((Outcome::NotBuilt, "")) };
        let full = names.get(&(plan.target.clone(), test.clone())).map_or(test.as_str(), String::as_str);
        Ok(match run_test(&binary, full)? {
            Ran::Passed => (Outcome::Survived, ""),
            Ran::Failed => (Outcome::Killed, ""),
            Ran::Hung => (Outcome::Killed, " (it never ended)"),
        })
    });
    root::write(&path, text.as_bytes())?;
    outcome
}

/// A test binary and the folder in which it runs.
struct Binary {
    path: PathBuf,
    folder: PathBuf,
}

/// Builds one test binary of the copy; `None` if it does not compile.
fn build(copy: &Path, target: &Target) -> Result<Option<Binary>, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--no-run", "--locked", "--quiet", "--message-format=json"]);
    cargo.args(["--package", &target.package]);
    if target.name.is_empty() {
        cargo.arg("--lib")
    } else {
        cargo.args(["--test", &target.name])
    };
    cargo.current_dir(copy).env_remove("CARGO_TARGET_DIR");
    // Each build serves one test: what counts is how long it takes.
    cargo.envs(QUICK);
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut built = messages.filter_map(|message| {
        let path = PathBuf::from(message.get("executable")?.as_str()?);
        let manifest = PathBuf::from(message.get("manifest_path")?.as_str()?);
        let is_test = message.get("profile")?.get("test")?.as_bool()?;
        is_test.then(|| Binary { path, folder: manifest.parent().unwrap_or(copy).to_path_buf() })
    });
    built.next_back().map(Some).ok_or_else(|| format!("cargo built no test of {}", target.package))
}

/// What a test did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ran {
    Passed,
    Failed,
    Hung,
}

fn run_test(binary: &Binary, test: &str) -> Result<Ran, String> {
    let shown = |error: std::io::Error| format!("{}: {error}", root::shown(&binary.path));
    let mut command = command(binary, &["--exact".into(), test.into()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(shown)?;
    let start = Instant::now();
    while start.elapsed() < LONGEST {
        if let Some(status) = child.try_wait().map_err(shown)? {
            return Ok(if status.success() { Ran::Passed } else { Ran::Failed });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().and_then(|()| child.wait()).map_err(shown)?;
    Ok(Ran::Hung)
}

fn command(binary: &Binary, words: &[String]) -> Command {
    let mut command = Command::new(&binary.path);
    command.args(words).current_dir(&binary.folder).stdin(Stdio::null());
    command.env("CARGO_MANIFEST_DIR", &binary.folder);
    command
}

/// A copy of what is committed and what is not yet, with a target folder that stays.
fn copy() -> Result<PathBuf, String> {
    let copy = root::root().join(COPY);
    std::fs::create_dir_all(&copy).map_err(|error| format!("{}: {error}", root::shown(&copy)))?;
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root::root())
        .output()
        .map_err(|error| format!("git: {error}"))?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut names = BTreeSet::new();
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        if let Ok(bytes) = std::fs::read(root::root().join(name)) {
            write_changed(&copy.join(name), &bytes)?;
            names.insert(copy.join(name));
        }
    }
    for gone in root::files(&copy, "rs").into_iter().filter(|path| !names.contains(path)) {
        std::fs::remove_file(&gone).map_err(|error| format!("{}: {error}", root::shown(&gone)))?;
    }
    Ok(copy)
}

/// Leaves files that are the same as they were, so that cargo builds only what has changed.
fn write_changed(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if std::fs::read(path).is_ok_and(|present| present == bytes) { Ok(()) } else { root::write(path, bytes) }
}
