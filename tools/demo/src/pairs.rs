//! The table: every HIS against every POS, each pair as real processes with a cable between them.
//!
//! Each cell plays a collect, a refund, a cancel, a pulled cable, SIGKILL of either side while the patient pays and while
//! no code is shown yet, and the look-up of what a killed HIS left. Then the books of both ends and of the platform are
//! compared by the program that shares no code with them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};

use crate::ends::Wire;
use crate::members::{MEMBERS, Member};
use crate::pair::Pair;
use crate::programs::Binaries;
use crate::tell::Told;

/// Which cells.
#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    /// Only this HIS; may be repeated.
    #[arg(long, value_name = "NAME")]
    his: Vec<String>,
    /// Only this POS; may be repeated.
    #[arg(long, value_name = "NAME")]
    pos: Vec<String>,
    /// Only cells in which this member takes part; may be repeated.
    #[arg(long, value_name = "NAME")]
    member: Vec<String>,
    /// Where the folders of the clients are.
    #[arg(long, value_name = "DIR", default_value = "clients")]
    clients: PathBuf,
    /// Where what crossed each line is kept.
    #[arg(long, value_name = "DIR", default_value = "target/clients/captures")]
    captures: PathBuf,
    /// Cells at the same time: each mostly waits.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// A member that cannot run fails the table.
    #[arg(long)]
    strict: bool,
}

impl Wanted {
    fn takes(names: &[String], name: &str) -> bool {
        names.is_empty() || names.iter().any(|one| one == name)
    }

    /// Whether a member has to be there for the cells that are wanted.
    fn takes_part(&self, name: &str) -> bool {
        Self::takes(&self.his, name) || Self::takes(&self.pos, name)
    }
}

/// One HIS at one POS over one kind of line.
#[derive(Clone, Copy)]
struct Cell {
    his: &'static Member,
    pos: &'static Member,
    wire: Wire,
}

/// What came of a cell.
struct Outcome {
    cell: Cell,
    ended: Told<()>,
    seconds: u64,
}

/// Runs the cells and prints the table; whether all of it passed.
pub(crate) fn run(wanted: &Wanted, as_json: bool) -> Told<bool> {
    let about = |error: std::io::Error| format!("{}: {error}", wanted.clients.display());
    let clients = wanted.clients.canonicalize().map_err(about)?;
    std::fs::create_dir_all(&wanted.captures).map_err(about)?;
    let binaries = Binaries::find()?;
    let built = tempfile::tempdir().map_err(about)?;
    let mut able = Vec::new();
    let mut missing = Vec::new();
    for member in MEMBERS.iter().filter(|member| wanted.takes_part(member.name)) {
        match member.prepare(&clients, built.path()) {
            Ok(()) => able.push(member),
            Err(why) => missing.push((member.name, why)),
        }
    }
    for (name, why) in &missing {
        eprintln!("{name}: not run: {why}");
    }
    let outcomes = play(&cells(&able, wanted), wanted, &binaries, &clients, built.path());
    let failed = outcomes.iter().filter(|outcome| outcome.ended.is_err()).count();
    if as_json {
        let cells: Vec<Value> = outcomes.iter().map(Outcome::value).collect();
        println!("{}", json!({"cells": cells, "missing": missing}));
    } else {
        print(&outcomes);
    }
    Ok(failed == 0 && !outcomes.is_empty() && (missing.is_empty() || !wanted.strict))
}

/// All over TCP; those with a reference program over pseudo-terminals, too.
fn cells(members: &[&'static Member], wanted: &Wanted) -> Vec<Cell> {
    let takes = Wanted::takes;
    let mut cells = Vec::new();
    for his in members.iter().filter(|member| takes(&wanted.his, member.name)) {
        for pos in members.iter().filter(|member| takes(&wanted.pos, member.name)) {
            if !takes(&wanted.member, his.name) && !takes(&wanted.member, pos.name) {
                continue;
            }
            cells.push(Cell { his, pos, wire: Wire::Tcp });
            if [his.name, pos.name].contains(&"reference") {
                cells.push(Cell { his, pos, wire: Wire::Serial });
            }
        }
    }
    cells
}

fn play(cells: &[Cell], wanted: &Wanted, binaries: &Binaries, clients: &Path, built: &Path) -> Vec<Outcome> {
    let waiting = Mutex::new(cells.iter());
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..wanted.jobs.max(1) {
            scope.spawn(|| {
                // The lock is not held while a cell runs.
                let next = || waiting.lock().ok().and_then(|mut cells| cells.next().copied());
                while let Some(cell) = next() {
                    let began = Instant::now();
                    let ended = live(cell, wanted, binaries, clients, built);
                    let outcome = Outcome { cell, ended, seconds: began.elapsed().as_secs() };
                    eprintln!("{}", outcome.text());
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(outcome);
                    }
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|outcome| outcome.cell.name());
    outcomes
}

/// One cell in a folder of its own, which is kept if it fails.
fn live(cell: Cell, wanted: &Wanted, binaries: &Binaries, clients: &Path, built: &Path) -> Told<()> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
    let capture = wanted.captures.join(format!("{}.jsonl", cell.name()));
    let ended =
        Pair::start(cell.his, cell.pos, cell.wire, (binaries, clients, built), folder.path(), &capture)
            .and_then(Pair::play);
    ended.map_err(|why| format!("{why}; everything is in {}", folder.keep().display()))
}

impl Cell {
    fn name(self) -> String {
        format!("{}-{}-{}", self.his.name, self.pos.name, self.wire.name())
    }
}

impl Outcome {
    fn text(&self) -> String {
        let Cell { his, pos, wire } = self.cell;
        let what = self.ended.as_ref().map_or_else(|why| format!("FAILED  {why}"), |()| "passed".into());
        format!("{:<11}{:<11}{:<8}{:>4} s  {what}", his.name, pos.name, wire.name(), self.seconds)
    }

    fn value(&self) -> Value {
        let Cell { his, pos, wire } = self.cell;
        json!({
            "his": his.name, "pos": pos.name, "line": wire.name(), "passed": self.ended.is_ok(),
            "seconds": self.seconds, "why": self.ended.as_ref().err(),
        })
    }
}

fn print(outcomes: &[Outcome]) {
    println!("{:<11}{:<11}{:<8}{:>6}  what", "his", "pos", "line", "time");
    for outcome in outcomes {
        println!("{}", outcome.text());
    }
    let passed = outcomes.iter().filter(|outcome| outcome.ended.is_ok()).count();
    println!("{passed} of {} passed", outcomes.len());
}
