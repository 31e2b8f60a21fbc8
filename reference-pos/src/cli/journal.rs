//! `journal`: whether it is whole, what it holds, and that it was restored from a copy.

use std::path::PathBuf;

use clap::Subcommand;
use hispos::book::{Query, decode_record};
use hispos_common::book::{Book, CommitError, Mode, SqliteBook, StoreError};
use hispos_common::clock;
use hispos_common::entropy::OsEntropy;
use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use serde_json::{Value, json};

use super::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Journal {
    /// Check every record. Finds each one that was altered, deleted or swapped; a cut tail or an older copy of the
    /// whole journal is found only by HIS, at the next session.
    Verify,
    /// Print every record as one JSON object a line: evidence for people who are allowed to see it.
    Export {
        /// From this record on.
        #[arg(long, value_name = "SEQ", default_value_t = 1)]
        from: u64,
        /// The file to write; without it the records are printed.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Declare that this journal was restored from an older copy. Stop the terminal first. From then on every order
    /// that it holds is only asked about, never paid or reversed.
    Restored,
}

pub(super) fn run(command: Journal, context: &Context) -> Result<(), Failure> {
    match command {
        Journal::Verify => verify(context),
        Journal::Export { from, out } => export(from, out, context),
        Journal::Restored => restored(context),
    }
}

fn verify(context: &Context) -> Result<(), Failure> {
    let book = open(Mode::Read, context)?;
    let verified = book.verify().map_err(failure)?;
    let object = json!({
        "ok": true, "records": verified.records, "rows": verified.rows, "books": verified.starts,
        "head": hex(&verified.head.0),
        //= spec-crate/spec/books.md#verification
        //# A program that verifies a book MUST tell the person that a cut tail or an older copy of the whole
        //# book is found only by the anchor that the other side holds.
        "not_found_by_this": "a cut tail or an older copy of the whole journal: HIS finds it at the next session",
    });
    let text = format!(
        "{} records are whole. A cut tail or an older copy of the whole journal is found only by HIS.",
        verified.records
    );
    context.output.say(&object, text);
    Ok(())
}

fn export(from: u64, out: Option<PathBuf>, context: &Context) -> Result<(), Failure> {
    let book = open(Mode::Read, context)?;
    //= spec-crate/spec/books.md#export
    //# A program that exports a book MUST write one line for each record from the first one asked for to the
    //# latest, in rising order, with the members of the table above.
    //= spec-crate/spec/books.md#export
    //# A program MUST treat an export as evidence that names bills and people, and write it only where the
    //# person who asked for it said.
    let target: Box<dyn std::io::Write> = match &out {
        Some(path) => {
            Box::new(std::fs::File::create(path).map_err(Failure::about(Exit::Refused, path.display()))?)
        }
        None => Box::new(std::io::stdout().lock()),
    };
    let mut target = std::io::BufWriter::new(target);
    let mut count = 0_u64;
    //= spec-crate/spec/conformance.md#choices-that-are-free
    //# An implementation of level HIS or POS MUST be able to export its book in the form of
    //# [books.md](books.md#export).
    book.export(from, |exported| {
        let record = decode_record(&exported.record).ok();
        let line = json!({
            "seq": exported.seq,
            "table": record.as_ref().map(|record| format!("{:?}", record.row.key.table).to_lowercase()),
            "key": record.as_ref().map(|record| record.row.key.key.clone()),
            "at": record.as_ref().and_then(|record| record.at).map(|at| at.0),
            "head": hex(&exported.head.0),
            "record": hex(&exported.record),
        });
        count = count.saturating_add(1);
        std::io::Write::write_all(&mut target, format!("{line}\n").as_bytes()).map_err(StoreError::Io)
    })
    .map_err(failure)?;
    std::io::Write::flush(&mut target).map_err(Failure::about(Exit::Refused, "cannot be written"))?;
    drop(target);
    if let Some(path) = out {
        context
            .output
            .say(&json!({"ok": true, "records": count}), format!("{count} records in {}", path.display()));
    }
    Ok(())
}

fn restored(context: &Context) -> Result<(), Failure> {
    //= spec-crate/spec/books.md#a-journal-that-went-back
    //# A POS MUST allow a declared restore only while no program serves orders from that journal.
    let mut book = open(Mode::Write, context)?;
    let before = book.anchor();
    let open = Query::Open { device: String::new(), after: 0, limit: usize::MAX };
    let rows = book.find(&open).map_err(failure)?.rows;
    //= spec-crate/spec/books.md#a-journal-that-went-back
    //# A POS on which a person declares a restore of the journal MUST, in one transaction, write the
    //# BookStart of BOK-21 and mark every order that has not ended as `not_intact`.
    let not_intact = hispos::journal::restored(&rows);
    let anchor =
        book.declare_restored_with(&mut OsEntropy, not_intact, clock::unix()).map_err(
            |error| match error {
                CommitError::Store(_) => Failure::new(Exit::Alarm, error),
                _ => Failure::new(Exit::Refused, error),
            },
        )?;
    let object: Value = json!({
        "ok": true, "open_orders": rows.len(), "fork_seq": before.seq, "old_book": hex(before.book.as_bytes()),
        "new_book": hex(anchor.book.as_bytes()),
    });
    let text =
        format!("declared: what was known beyond record {} is lost; its orders are asked about", before.seq);
    context.output.say(&object, text);
    Ok(())
}

fn open(mode: Mode, context: &Context) -> Result<SqliteBook, Failure> {
    SqliteBook::open(&context.home.journal_file(), mode).map_err(failure)
}

pub(super) fn failure(error: StoreError) -> Failure {
    let exit = match error {
        StoreError::Missing => Exit::Usage,
        StoreError::Locked | StoreError::Exists => Exit::Refused,
        _ => Exit::Alarm,
    };
    let hint = if matches!(error, StoreError::Locked) { ": stop the terminal first" } else { "" };
    Failure::new(exit, format!("journal: {error}{hint}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
