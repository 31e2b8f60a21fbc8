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
mod pairs;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use durable::programs::{BECOME, become_program};
use measure::{Subject, medians};
use ours::Order;

const USAGE: &str = "usage: hispos-bench [costs | durable | clients | pairs] [options]

  costs    one handshake and one order: medians of N rounds and their ratios
  durable  collects per second through both programs, and syncs per second of the disk; builds the programs
  clients  processor time of an order in clients of any language, beside the reference. Linux
  pairs    handshake and order of each client at the reference, as real processes over TCP. Linux
  Without a word: the first two.

  --json            one JSON document
  --rounds N        of costs; 2000. Of pairs: so many of each, for each pair; 200
  --links N         of durable: windows with a terminal each; 64
  --seconds N       of durable: how long it is measured; 20
  --directory DIR   of durable: where the books are made; target/durable
  --bank-on-disk    of durable: the platform's book, too; else it is in memory
  --sim PATH        of clients: hispos-sim, as it is released
  --lives N         of clients: lives with each program; 100
  --his NAME=COMMAND, --pos NAME=COMMAND
                    of clients: a program behind the driver interface; may be repeated
  --folder DIR      of pairs: where the clients' folders are; clients of this repository
  --client NAME     of pairs: only this one; may be repeated

  HISPOS_HIS, HISPOS_POS and PROVIDER_SIM name the programs of pairs; they are built if these are not all set.
";

/// What a ratio should not exceed.
const HANDSHAKE_RATIO_AIM: f64 = 1.15;
const ORDER_NANOSECONDS_AIM: f64 = 1_000.0;

/// Orders in one timed batch.
const ORDER_BATCH: u32 = 100;

/// Rounds where nobody says how many.
const COSTS_ROUNDS: usize = 2_000;
const PAIRS_ROUNDS: usize = 200;

/// What is asked for.
struct Asked {
    json: bool,
    what: What,
}

enum What {
    Help,
    Tables { costs: bool, durable: bool, rounds: usize, options: durable::Options },
    Clients(clients::Options),
    Pairs(pairs::Options),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((BECOME, rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        eprintln!("{}", become_program(rest));
        return ExitCode::FAILURE;
    }
    let Some(Asked { json, what }) = asked(&arguments) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let told = match what {
        What::Help => {
            print!("{USAGE}");
            Ok(true)
        }
        What::Tables { costs, durable, rounds, options } => {
            tables(json, costs, durable.then_some(&options), rounds)
        }
        What::Clients(options) => clients::measure(&options).map(|report| {
            if json {
                println!("{:#}", json!({ "clients": report.json() }))
            } else {
                report.print()
            }
            true
        }),
        What::Pairs(options) => pairs::measure(&options).map(|report| {
            if json {
                println!("{:#}", json!({ "pairs": report.json() }))
            } else {
                report.print()
            }
            true
        }),
    };
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Measures in this process and with both programs; whether what is aimed at holds.
fn tables(
    as_json: bool,
    costs: bool,
    durable: Option<&durable::Options>,
    rounds: usize,
) -> Result<bool, String> {
    let tables = if costs { vec![handshakes(rounds), orders(rounds)] } else { Vec::new() };
    if !as_json {
        tables.iter().for_each(Table::print);
    }
    let durable = durable.map(durable::measure).transpose()?;
    if as_json {
        let tables: Vec<Value> = tables.iter().map(Table::json).collect();
        let durable = durable.as_ref().map(durable::Report::json);
        println!("{:#}", json!({ "rounds": rounds, "tables": tables, "durable": durable }));
    } else if let Some(report) = &durable {
        report.print();
    }
    Ok(durable.is_none_or(|report| report.holds()))
}

/// Reads the arguments; `None` if they are not understood.
fn asked(arguments: &[String]) -> Option<Asked> {
    let here = |path: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut options =
        durable::Options { links: 64, seconds: 20, directory: here("target/durable"), bank_on_disk: false };
    let (mut json, mut word_given, mut rounds) = (false, "", None);
    let (mut sim, mut lives, mut programs) = (None, 100, Vec::new());
    let (mut folder, mut members) = (here("../../clients"), Vec::new());
    let positive = |word: &str| word.parse().ok().filter(|number| *number > 0);
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "costs" | "durable" | "clients" | "pairs" if word_given.is_empty() => word_given = word,
            "--help" | "-h" => return Some(Asked { json, what: What::Help }),
            "--json" => json = true,
            "--rounds" => rounds = Some(positive(words.next()?)?),
            "--links" => {
                options.links = words.next()?.parse().ok().filter(|links| (1..=999).contains(links))?
            }
            "--seconds" => options.seconds = words.next()?.parse().ok().filter(|seconds| *seconds > 0)?,
            "--directory" => options.directory = words.next()?.into(),
            "--bank-on-disk" => options.bank_on_disk = true,
            "--sim" => sim = Some(PathBuf::from(words.next()?)),
            "--lives" => lives = words.next()?.parse().ok().filter(|lives| *lives > 0)?,
            "--his" => programs.push(clients::Program::read("his", words.next()?)?),
            "--pos" => programs.push(clients::Program::read("pos", words.next()?)?),
            "--folder" => folder = words.next()?.into(),
            "--client" => members.push(words.next()?.to_owned()),
            _ => return None,
        }
    }
    let what = match word_given {
        "clients" => What::Clients(clients::Options { sim: sim?, lives, programs }),
        "pairs" => {
            What::Pairs(pairs::Options { clients: folder, members, rounds: rounds.unwrap_or(PAIRS_ROUNDS) })
        }
        word => What::Tables {
            costs: word != "durable",
            durable: word != "costs",
            rounds: rounds.unwrap_or(COSTS_ROUNDS),
            options,
        },
    };
    Some(Asked { json, what })
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

#[cfg(test)]
mod tests {
    use super::{Asked, What, asked};

    fn what(words: &str) -> Option<What> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        asked(&words).map(|Asked { what, .. }| what)
    }

    #[test]
    fn each_table_is_asked_for_by_its_word_and_without_one_the_first_two() {
        for (words, wanted) in [("", (true, true)), ("costs", (true, false)), ("durable", (false, true))] {
            let Some(What::Tables { costs, durable, rounds, .. }) = what(words) else { panic!("{words}") };
            assert_eq!((costs, durable, rounds), (wanted.0, wanted.1, 2_000), "{words}");
        }
        let Some(What::Pairs(options)) = what("pairs --client go --rounds 7") else { panic!("pairs") };
        assert_eq!((options.members, options.rounds), (vec!["go".to_owned()], 7));
        let Some(What::Clients(options)) = what("clients --sim sim --his go=./driver --lives 5") else {
            panic!("clients")
        };
        assert_eq!((options.lives, options.programs.len()), (5, 1));
        assert!(matches!(what("--help"), Some(What::Help)));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_nothing_is_measured() {
        let bad = [
            "costs durable",
            "clients",
            "--rounds 0",
            "--rounds",
            "--links 1000",
            "clients --his go",
            "fast",
        ];
        for words in bad {
            assert!(what(words).is_none(), "{words}");
        }
    }
}
