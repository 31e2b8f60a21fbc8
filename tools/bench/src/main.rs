//! What the protocol costs, as ratios: beside the bare sum of its primitives, and beside Noise.
//!
//! All subjects of a table run in turns in the same process, so a slower machine changes times and not ratios.

mod bare;
mod measure;
mod noise;
mod ours;

use std::hint::black_box;
use std::process::ExitCode;

use serde_json::{Value, json};

use measure::{Subject, medians};

const USAGE: &str = "usage: hispos-bench [--json] [--rounds N]

  Medians of N rounds (2000 unless told otherwise), and their ratios.
";

/// What a ratio should not exceed.
const HANDSHAKE_RATIO_AIM: f64 = 1.15;
const ORDER_NANOSECONDS_AIM: f64 = 1_000.0;

/// Orders in one timed batch.
const ORDER_BATCH: u32 = 100;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (as_json, rounds) = match words.as_slice() {
        [] => (false, Some(2_000)),
        ["--json"] => (true, Some(2_000)),
        ["--rounds", rounds] => (false, rounds.parse().ok()),
        ["--json", "--rounds", rounds] => (true, rounds.parse().ok()),
        _ => (false, None),
    };
    let Some(rounds @ 1..) = rounds else {
        eprint!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let tables = [handshakes(rounds), orders(rounds)];
    if as_json {
        println!("{:#}", json!({ "rounds": rounds, "tables": tables.map(|table| table.json()) }));
    } else {
        tables.iter().for_each(Table::print);
    }
    ExitCode::SUCCESS
}

/// Medians in nanoseconds; the first is what the others are compared with.
struct Table {
    title: &'static str,
    rows: Vec<(&'static str, f64)>,
    aim: String,
}

fn handshakes(rounds: usize) -> Table {
    let (ours, bare) = (ours::Ours::new(), bare::Bare::new());
    let (xx, ik) = (noise::Noise::new("XX"), noise::Noise::new("IK"));
    let mut subjects = [
        Subject::new("hispos", || drop(black_box(ours.handshake()))),
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
    let ours = ours::Ours::new();
    let (mut order, mut sealing, mut encoding) = (ours.order(), ours.order(), ours.order());
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
