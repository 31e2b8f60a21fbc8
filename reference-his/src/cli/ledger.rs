//! The ledger as a whole: verified, exported, declared restored.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Subcommand;
use hispos::time::Clock;
use hispos_common::book::{Mode, SqliteBook, StoreError};
use hispos_common::clock;
use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use serde_json::json;

use super::Context;
use crate::ledger;
use crate::provisioning;

/// The ledger as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// Verify the chain of records. Finds each altered, deleted or swapped record; a cut tail or an older copy is found
    /// only by a terminal, when it tells what it saw.
    Verify,
    /// Write every record and its head as JSON lines, in hexadecimal.
    Export {
        /// From this record on.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// Declare that this ledger was restored from an older copy. The server must not run. Orders are made again after
    /// a wait, and after the orders of every device were pulled.
    Restored,
}

pub(crate) fn run(command: Ledger, context: &Context) -> Result<(), Failure> {
    match command {
        Ledger::Verify => verify(context),
        Ledger::Export { from, out } => export(context, from, &out),
        Ledger::Restored => restored(context),
    }
}

fn verify(context: &Context) -> Result<(), Failure> {
    let found = open(context, Mode::Read)?.verify().map_err(|error| Failure::new(Exit::Alarm, error))?;
    let head: String = found.head.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let object = json!({"ok": true, "records": found.records, "rows": found.rows, "head": head, "starts": found.starts});
    let text = format!(
        //= spec-crate/spec/books.md#verification
        //# A program that verifies a book MUST tell the person that a cut tail or an older copy of the whole
        //# book is found only by the anchor that the other side holds.
        "{} records, {} rows: each follows from the one before\nhead {head}\nA cut tail or an older copy is found only by a \
         terminal, when it tells what it saw.",
        found.records, found.rows
    );
    context.output.say(&object, text);
    Ok(())
}

fn export(context: &Context, from: u64, out: &PathBuf) -> Result<(), Failure> {
    let book = open(context, Mode::Read)?;
    let cannot = |error: std::io::Error| Failure::new(Exit::Usage, format!("{}: {error}", out.display()));
    //= spec-crate/spec/books.md#export
    //# A program that exports a book MUST write one line for each record from the first one asked for to the
    //# latest, in rising order, with the members of the table above.
    //= spec-crate/spec/books.md#export
    //# A program MUST treat an export as evidence that names bills and people, and write it only where the
    //# person who asked for it said.
    let mut file = BufWriter::new(File::create_new(out).map_err(cannot)?);
    let mut records = 0_u64;
    let each = |record: hispos_common::book::Exported| {
        records = records.saturating_add(1);
        let line = json!({"seq": record.seq, "head": hex(&record.head.0), "record": hex(&record.record)});
        writeln!(file, "{line}").map_err(StoreError::Io)
    };
    //= spec-crate/spec/conformance.md#choices-that-are-free
    //# An implementation of level HIS or POS MUST be able to export its book in the form of
    //# [books.md](books.md#export).
    book.export(from, each).map_err(|error: StoreError| Failure::new(Exit::Usage, error))?;
    file.flush().map_err(cannot)?;
    context.output.say(&json!({"ok": true, "records": records}), format!("{records} records"));
    Ok(())
}

fn restored(context: &Context) -> Result<(), Failure> {
    //= spec-crate/spec/books.md#a-ledger-that-went-back
    //# A HIS MUST allow a declared restore only while no program serves orders from that ledger.
    let mut book = open(context, Mode::Write)?;
    let agreements = provisioning::agreements(&context.home)?;
    let clock = Clock { now: clock::instant(), unix: clock::unix() };
    ledger::restored(&mut book, &agreements, clock).map_err(|error| Failure::new(Exit::Alarm, error))?;
    let text = "declared restored. After the next start no order is made for some minutes, and then before the list of \
                every device was pulled: keep the terminals connected.";
    context.output.say(&json!({"ok": true}), text);
    Ok(())
}

fn open(context: &Context, mode: Mode) -> Result<SqliteBook, Failure> {
    SqliteBook::open(&context.home.ledger_file(), mode).map_err(|error| {
        let exit = match error {
            StoreError::Damaged(_) => Exit::Alarm,
            StoreError::Locked => Exit::Refused,
            _ => Exit::Usage,
        };
        Failure::new(exit, error)
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
