//! The command: reads three exports, says whether they agree.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use hispos_compare::books::{Journal, Ledger};
use hispos_compare::checks::{Books, Found, compare};
use hispos_compare::{ChainError, table};
use serde_json::json;

/// Compares the ledger of HIS, the journals of its terminals and the payment platform's book. Shares no code with them.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 the books agree · 1 they do not · 2 usage, or a file cannot be read"
)]
struct Arguments {
    /// `hispos-his ledger export`.
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// `hispos-pos journal export`; once for each terminal.
    #[arg(long, value_name = "FILE", required = true)]
    journal: Vec<PathBuf>,
    /// `provider-sim export --json`.
    #[arg(long, value_name = "FILE")]
    platform: PathBuf,
    /// One JSON object in place of a table.
    #[arg(long)]
    json: bool,
}

/// Why nothing was compared.
enum Failure {
    /// A file cannot be read.
    Usage(String),
    /// A book is not what it was.
    Chain(String),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match read(&arguments) {
        Ok(books) => end(&books, &compare(&books), arguments.json),
        Err(Failure::Usage(why)) => {
            eprintln!("usage: {why}");
            ExitCode::from(2)
        }
        Err(Failure::Chain(why)) => {
            if arguments.json {
                println!("{}", json!({"agree": false, "chain": why}));
            } else {
                println!("DISAGREE {why}\nthe books do not agree");
            }
            ExitCode::from(1)
        }
    }
}

fn end(books: &Books, found: &Found, as_json: bool) -> ExitCode {
    let agree = found.disagreements.is_empty();
    if as_json {
        let records = books.journals.iter().map(|journal| journal.records);
        println!(
            "{}",
            json!({
                "agree": agree, "orders": books.ledger.orders.len(), "ledger_records": books.ledger.records,
                "journal_records": records.sum::<usize>(), "sums_fen": found.sums,
                "disagreements": found.disagreements,
            })
        );
    } else {
        print!("{}", table::text(books, found));
    }
    ExitCode::from(u8::from(!agree))
}

fn read(arguments: &Arguments) -> Result<Books, Failure> {
    let platform = text(&arguments.platform)?;
    let platform = serde_json::from_str(&platform)
        .map_err(|error| Failure::Usage(format!("{}: {error}", arguments.platform.display())))?;
    let ledger = Ledger::read(&text(&arguments.ledger)?).map_err(broken(&arguments.ledger))?;
    let journal = |path: &PathBuf| Journal::read(&text(path)?).map_err(broken(path));
    let journals = arguments.journal.iter().map(journal).collect::<Result<_, _>>()?;
    Ok(Books { ledger, journals, platform })
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn broken(path: &Path) -> impl FnOnce(ChainError) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::Chain(format!("{path}: {error}"))
}
