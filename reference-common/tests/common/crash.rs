//! A writer that is killed: what it had told is there.

use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hispos::book::{Anchor, Batch, Containment, Index, Query, RowKey, Table};
use hispos_common::book::{Book, Mode, SqliteBook};

use crate::book::{new_book, order};

const HOME: &str = "HISPOS_TEST_BOOK_HOME";

/// Not a test by itself: the process that the test below kills.
#[test]
fn writer_that_is_killed() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let home = PathBuf::from(home);
    let path = home.join("book.db");
    let mut book =
        if path.exists() { SqliteBook::open(&path, Mode::Write).unwrap() } else { new_book(&home) };
    let mut out = std::io::stdout();
    let mut version = book.find(&Query::Rows(vec![RowKey::new(Table::Order, "A1")])).unwrap().rows[0].version;
    loop {
        let read = vec![(RowKey::new(Table::Order, "A1"), version)];
        let batch = Batch { read, write: vec![order("A1", &version.to_be_bytes(), Index::default())] };
        let anchor = book.commit(vec![batch], None)[0].clone().unwrap();
        version = anchor.seq;
        let told: String = anchor.encode().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "told {told}").unwrap();
        out.flush().unwrap();
    }
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST answer a batch only after its records survive a power cut.
//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST have at most one writing process, held by a lock that a crash releases.
#[test]
fn a_writer_that_is_killed_loses_nothing_that_it_had_told() {
    let home = tempfile::tempdir().unwrap();
    for round in 1_u64..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::writer_that_is_killed", "--nocapture"])
            .env(HOME, home.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut told = lines.filter_map(|line| line.split_once("told ").map(|(_, hex)| unhex(hex)));
        let last = told.by_ref().nth(7 * usize::try_from(round).unwrap()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let last = told.last().unwrap_or(last);

        let book = SqliteBook::open(&home.path().join("book.db"), Mode::Write).unwrap();
        let found = book.find(&Query::Anchor(last)).unwrap();
        assert_eq!(found.containment, Containment::Contained, "round {round}, {last:?}");
        assert_eq!(book.verify().unwrap().records, book.anchor().seq, "round {round}");
    }
}

fn unhex(hex: &str) -> Anchor {
    let bytes: Vec<u8> =
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
    Anchor::decode(&bytes).unwrap()
}
