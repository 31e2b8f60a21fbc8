//! What the protocol costs beside the bare sum of its primitives and beside Noise, and what both programs make durable
//! beside what the disk can sync.
//!
//! All subjects of a table run in turns in the same process, so a slower machine changes times and not ratios.

mod bare;
mod clients;
mod durable;
mod measure;
mod noise;
mod ours;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use durable::programs::{BECOME, become_program};
use measure::{Subject, medians};
use ours::Order;

const USAGE: &str = "usage: hispos-bench [costs | durable | clients] [options]

  costs    one handshake and one order: medians of N rounds and their ratios
  durable  collects per second through both programs, and syncs per second of the disk; builds the programs
  clients  processor time of an order in clients of any language, beside the reference. Linux
  Without a word: the first two.

  --json            one JSON document
  --rounds N        of costs; 2000
  --links N         of durable: windows with a terminal each; 64
  --seconds N       of durable: how long it is measured; 20
  --directory DIR   of durable: where the books are made; target/durable
  --bank-on-disk    of durable: the platform's book, too; else it is in memory
  --sim PATH        of clients: hispos-sim, as it is released
  --lives N         of clients: lives with each program; 100
  --his NAME=COMMAND, --pos NAME=COMMAND
                    of clients: a program behind the driver interface; may be repeated
";

/// What a ratio should not exceed.
const HANDSHAKE_RATIO_AIM: f64 = 1.15;
const ORDER_NANOSECONDS_AIM: f64 = 1_000.0;

/// Orders in one timed batch.
const ORDER_BATCH: u32 = 100;

/// What is asked for.
struct Asked {
    costs: bool,
    durable: bool,
    json: bool,
    rounds: usize,
    options: durable::Options,
    clients: Option<clients::Options>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((BECOME, rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        eprintln!("{}", become_program(rest));
        return ExitCode::FAILURE;
    }
    let Some(asked) = asked(&arguments) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Some(options) = &asked.clients {
        return match clients::measure(options) {
            Ok(report) if asked.json => {
                println!("{:#}", json!({ "clients": report.json() }));
                ExitCode::SUCCESS
            }
            Ok(report) => {
                report.print();
                ExitCode::SUCCESS
            }
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let tables = if asked.costs { vec![handshakes(asked.rounds), orders(asked.rounds)] } else { Vec::new() };
    if !asked.json {
        tables.iter().for_each(Table::print);
    }
    let durable = match asked.durable.then(|| durable::measure(&asked.options)).transpose() {
        Ok(report) => report,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    if asked.json {
        let tables: Vec<Value> = tables.iter().map(Table::json).collect();
        let durable = durable.as_ref().map(durable::Report::json);
        println!("{:#}", json!({ "rounds": asked.rounds, "tables": tables, "durable": durable }));
    } else if let Some(report) = &durable {
        report.print();
    }
    if durable.is_none_or(|report| report.holds()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reads the arguments; `None` if they are not understood.
fn asked(arguments: &[String]) -> Option<Asked> {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/durable"));
    let options = durable::Options { links: 64, seconds: 20, directory, bank_on_disk: false };
    let mut asked = Asked { costs: true, durable: true, json: false, rounds: 2_000, options, clients: None };
    let (mut sim, mut lives, mut programs, mut is_clients) = (None, 100, Vec::new(), false);
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "costs" => asked.durable = false,
            "durable" => asked.costs = false,
            "--json" => asked.json = true,
            "--rounds" => asked.rounds = words.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
            "--links" => {
                asked.options.links = words.next()?.parse().ok().filter(|links| (1..=999).contains(links))?
            }
            "--seconds" => {
                asked.options.seconds = words.next()?.parse().ok().filter(|seconds| *seconds > 0)?
            }
            "--directory" => asked.options.directory = words.next()?.into(),
            "clients" => is_clients = true,
            "--sim" => sim = Some(PathBuf::from(words.next()?)),
            "--lives" => lives = words.next()?.parse().ok().filter(|lives| *lives > 0)?,
            "--his" => programs.push(clients::Program::read("his", words.next()?)?),
            "--pos" => programs.push(clients::Program::read("pos", words.next()?)?),
            "--bank-on-disk" => asked.options.bank_on_disk = true,
            _ => return None,
        }
    }
    if is_clients {
        asked.clients = Some(clients::Options { sim: sim?, lives, programs });
    }
    Some(asked)
}

/// Medians in nanoseconds; the first is what the others are compared with.
struct Table {
    title: &'static str,
    rows: Vec<(&'static str, f64)>,
    aim: String,
}

fn handshakes(rounds: usize) -> Table {
    let (ours, bare) = (ours::peers(), bare::Bare::new());
    let (xx, ik) = (noise::Noise::new("XX"), noise::Noise::new("IK"));
    let mut subjects = [
        Subject::new("hispos", || drop(black_box(ours.keyed()))),
        Subject::new("its primitives alone", || bare.handshake()),
        Subject::new("its public-key operations alone", || bare.asymmetric()),
        Subject::new("Noise XX (snow): three agreements a side, no signatures", || xx.handshake()),
        Subject::new("Noise IK (snow): four a side, the responder's key is known", || ik.handshake()),
    ];
    let rows = named(&mut subjects, rounds, 1);
    let aim = format!("aim: at most {HANDSHAKE_RATIO_AIM} of the primitives");
    Table { title: "whole handshake, both sides", rows, aim }
}

fn orders(rounds: usize) -> Table {
    let (mut order, mut sealing, mut encoding) = (Order::new(), Order::new(), Order::new());
    let plaintext = order.plaintext();
    let mut raw = bare::RawSeal::new(plaintext.len());
    let mut subjects = [
        Subject::new("order: encoded, sealed, framed", || order.send()),
        Subject::new("  encoding alone", || drop(black_box(encoding.plaintext()))),
        Subject::new("  sealing alone", || sealing.seal(&plaintext)),
        Subject::new("AES-256-GCM of the same length", || raw.seal()),
    ];
    let rows = named(&mut subjects, rounds.div_ceil(4), ORDER_BATCH);
    let aim = format!(
        "aim: at most {ORDER_NANOSECONDS_AIM} ns for an order; its plaintext has {} bytes",
        plaintext.len()
    );
    Table { title: "one order to the line", rows, aim }
}

fn named(subjects: &mut [Subject<'_>], rounds: usize, batch: u32) -> Vec<(&'static str, f64)> {
    let times = medians(subjects, rounds, batch);
    subjects.iter().map(|subject| subject.name).zip(times).collect()
}

impl Table {
    /// Names, medians, and how many times the row's median goes into the first one's.
    fn compared(&self) -> impl Iterator<Item = (&'static str, f64, f64)> {
        let first = self.rows.first().map_or(0.0, |(_, first)| *first);
        self.rows.iter().map(move |(name, time)| (*name, *time, first / time))
    }

    fn print(&self) {
        println!("{}\n  ({})", self.title, self.aim);
        for (name, time, ratio) in self.compared() {
            println!("  {name:<60} {:>10.2} us   first / this {ratio:.3}", time / 1_000.0);
        }
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .compared()
            .map(|(name, time, ratio)| {
                json!({ "name": name.trim(), "median_ns": time, "first_over_this": ratio })
            })
            .collect();
        json!({ "title": self.title, "aim": self.aim, "rows": rows })
    }
}
