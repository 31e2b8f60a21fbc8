//! What an order costs a client of any language, in processor time, beside the reference behind the same interface.
//!
//! Each program lives the same lives of `hispos-sim` through the driver interface, in turns. Its share is what the
//! simulator and all its programs needed together, less what the simulator needs alone, for each order that was made.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::durable::counters::children;

/// Rounds, of which the median counts.
const ROUNDS: usize = 3;

/// What is wanted.
pub(crate) struct Options {
    /// The simulator, as it is released.
    pub(crate) sim: PathBuf,
    pub(crate) lives: u64,
    pub(crate) programs: Vec<Program>,
}

/// A program behind the driver interface.
#[derive(Clone)]
pub(crate) struct Program {
    /// `his` or `pos`.
    pub(crate) role: &'static str,
    pub(crate) name: String,
    pub(crate) command: String,
}

impl Program {
    /// Reads `NAME=COMMAND`.
    pub(crate) fn read(role: &'static str, text: &str) -> Option<Self> {
        let (name, command) = text.split_once('=')?;
        Some(Self { role, name: name.to_owned(), command: command.to_owned() })
    }
}

/// Milliseconds of a processor for each order.
struct Row {
    program: Program,
    milliseconds: f64,
    /// How many times the reference of its role.
    ratio: f64,
}

pub(crate) struct Report {
    lives: u64,
    rows: Vec<Row>,
    /// Of the machine.
    processors: usize,
    /// Milliseconds of the simulator alone.
    alone: f64,
}

/// Lives with each program, in turns.
///
/// # Errors
///
/// Which program does not live, and what the simulator says.
pub(crate) fn measure(options: &Options) -> Result<Report, String> {
    let reference = |role: &'static str| Program {
        role,
        name: "reference".to_owned(),
        command: format!("{} peer --role {role} --book own", options.sim.display()),
    };
    let mut programs: Vec<Program> = Vec::new();
    for role in ["his", "pos"] {
        programs.push(reference(role));
        programs.extend(options.programs.iter().filter(|program| program.role == role).cloned());
    }
    let (mut alone, mut times) = (Vec::new(), vec![Vec::new(); programs.len()]);
    for _ in 0..ROUNDS {
        alone.push(live(options, None)?);
        for (program, times) in programs.iter().zip(&mut times) {
            times.push(live(options, Some(program))?);
        }
    }
    let alone = median(&mut alone);
    let mut rows: Vec<Row> = Vec::new();
    for (program, mut times) in programs.into_iter().zip(times) {
        let milliseconds = median(&mut times) - alone;
        let base = rows.iter().rfind(|row| row.program.name == "reference");
        let base =
            if program.name == "reference" { milliseconds } else { base.map_or(1.0, |row| row.milliseconds) };
        rows.push(Row { program, milliseconds, ratio: milliseconds / base });
    }
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    Ok(Report { lives: options.lives, rows, processors, alone })
}

/// Milliseconds of a processor for each order of these lives.
fn live(options: &Options, program: Option<&Program>) -> Result<f64, String> {
    let before = children().ok_or("the system does not tell its processor time")?;
    let mut command = Command::new(&options.sim);
    command.args(["lives", &options.lives.to_string(), "--json", "--patience", "120"]);
    if let Some(program) = program {
        command.arg(format!("--{}", program.role)).arg(&program.command);
    }
    let name = program.map_or("the simulator", |program| &program.name);
    let lived = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    let said = String::from_utf8_lossy(&lived.stdout);
    let all: Value = serde_json::from_str(&said).map_err(|_| format!("{name}: {said}"))?;
    let orders = all["orders"].as_f64().filter(|orders| lived.status.success() && *orders > 0.0);
    let orders = orders.ok_or_else(|| format!("{name}: {said}"))?;
    let after = children().ok_or("the system does not tell its processor time")?;
    Ok((after - before) * 1_000.0 / orders)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl Report {
    pub(crate) fn print(&self) {
        println!(
            "clients, processor time of an order; {} lives, median of {ROUNDS}, {} processors\n  \
             (with its handshakes, pings and restarts, and the lines of the interface; \
             without the simulator's own {:.2} ms)",
            self.lives, self.processors, self.alone
        );
        for Row { program, milliseconds, ratio } in &self.rows {
            println!(
                "  {} {:<24} {milliseconds:>8.2} ms   this / reference {ratio:.2}",
                program.role, program.name
            );
        }
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|Row { program, milliseconds, ratio }| {
                let Program { role, name, .. } = program;
                json!({ "role": role, "name": name, "milliseconds": milliseconds, "over_reference": ratio })
            })
            .collect();
        json!({
            "lives": self.lives,
            "rounds": ROUNDS,
            "processors": self.processors,
            "alone_milliseconds": self.alone,
            "rows": rows,
        })
    }
}
