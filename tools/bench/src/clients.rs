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
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    Ok(Report { lives: options.lives, rows: rows(programs, times, alone), processors, alone })
}

/// Each program's share, without the simulator's own milliseconds, beside the reference of its role, which goes before it.
fn rows(programs: Vec<Program>, times: Vec<Vec<f64>>, alone: f64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut base = f64::NAN;
    for (program, mut times) in programs.into_iter().zip(times) {
        let milliseconds = median(&mut times) - alone;
        if program.name == "reference" {
            base = milliseconds;
        }
        rows.push(Row { program, milliseconds, ratio: milliseconds / base });
    }
    rows
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
    let orders = orders(&said).filter(|_| lived.status.success()).ok_or_else(|| format!("{name}: {said}"))?;
    let after = children().ok_or("the system does not tell its processor time")?;
    Ok((after - before) * 1_000.0 / orders)
}

/// How many orders the simulator says that it made; `None` if there were none.
fn orders(said: &str) -> Option<f64> {
    let all: Value = serde_json::from_str(said).ok()?;
    all["orders"].as_f64().filter(|orders| *orders > 0.0)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!(
            "clients, processor time of an order; {} lives, median of {ROUNDS}, {} processors\n  \
             (with its handshakes, pings and restarts, and the lines of the interface; \
             without the simulator's own {:.2} ms)",
            self.lives, self.processors, self.alone
        );
        for Row { program, milliseconds, ratio } in &self.rows {
            text += &format!(
                "\n  {} {:<24} {milliseconds:>8.2} ms   this / reference {ratio:.2}",
                program.role, program.name
            );
        }
        text
    }

    pub(crate) fn print(&self) {
        println!("{}", self.text());
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

#[cfg(test)]
mod tests {
    use super::{Program, Report, median, orders, rows};

    fn program(role: &'static str, text: &str) -> Program {
        Program::read(role, text).expect("a program")
    }

    fn report() -> Report {
        let programs = [("his", "reference=r"), ("his", "go=./g"), ("pos", "reference=r"), ("pos", "go=./g")];
        let programs = programs.map(|(role, text)| program(role, text)).to_vec();
        let times = vec![vec![9.0, 5.0, 6.0], vec![8.0; 3], vec![4.0; 3], vec![10.0, 2.0, 7.0]];
        Report { lives: 40, rows: rows(programs, times, 2.0), processors: 2, alone: 2.0 }
    }

    #[test]
    fn a_program_is_a_name_and_a_command_that_may_hold_the_sign_again() {
        let read = program("pos", "python=python3 -m tests.driver --seed=7");
        assert_eq!((read.role, read.name.as_str()), ("pos", "python"));
        assert_eq!(read.command, "python3 -m tests.driver --seed=7");
        assert!(Program::read("his", "./driver").is_none());
    }

    #[test]
    fn the_median_is_in_the_middle_in_whatever_order_they_came() {
        assert!((median(&mut [9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median(&mut [3.0]) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn each_share_is_compared_with_the_reference_of_its_own_role_and_without_the_simulators() {
        let found: Vec<(f64, f64)> = report().rows.iter().map(|row| (row.milliseconds, row.ratio)).collect();
        assert_eq!(found, [(4.0, 1.0), (6.0, 1.5), (2.0, 1.0), (5.0, 2.5)]);
    }

    #[test]
    fn no_orders_are_no_measure() {
        assert_eq!(orders(r#"{"orders": 166, "lives": 40}"#), Some(166.0));
        for said in [r#"{"orders": 0}"#, r#"{"lives": 40}"#, "", "seed 7: a property is violated"] {
            assert_eq!(orders(said), None, "{said}");
        }
    }

    #[test]
    fn people_and_programs_read_the_same_numbers() {
        let (text, told) = (report().text(), report().json());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("40 lives, median of 3, 2 processors"), "{text}");
        let words: Vec<&str> = lines[5].split_whitespace().collect();
        assert_eq!(words, ["pos", "go", "5.00", "ms", "this", "/", "reference", "2.50"]);
        assert_eq!(told["rows"][3]["over_reference"].as_f64(), Some(2.5));
        assert_eq!(told["rows"][1]["role"], "his");
    }
}
