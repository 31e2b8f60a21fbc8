//! What a book keeps, refuses, finds and proves.

use std::path::Path;

use hispos::book::{
    Anchor, Batch, Containment, Head, Index, Query, Record, Row, RowKey, Table, Write, decode_record,
    encode_record, read_start, start_row,
};
use hispos::ids::BookId;
use hispos::time::UnixSeconds;
use hispos_common::book::{Book, CommitError, Mode, SqliteBook, StoreError};
use hispos_common::entropy::OsEntropy;

const AT: Option<UnixSeconds> = Some(UnixSeconds(1_800_000_000));

pub(crate) fn new_book(home: &Path) -> SqliteBook {
    SqliteBook::create(&home.join("book.db"), &mut OsEntropy, AT).unwrap()
}

pub(crate) fn order(key: &str, bytes: &[u8], index: Index) -> Write {
    Write { key: RowKey::new(Table::Order, key), bytes: bytes.to_vec(), index }
}

fn open_order(device: &str, bill: &str, day: u32) -> Index {
    Index { open: true, device: device.into(), bill: bill.into(), day }
}

fn batch(read: &[(&str, u64)], write: Vec<Write>) -> Batch {
    let read = read.iter().map(|(key, version)| (RowKey::new(Table::Order, key), *version)).collect();
    Batch { read, write }
}

fn keys(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.key.key.as_str()).collect()
}

fn refused(book: &SqliteBook) -> String {
    book.verify().unwrap_err().to_string()
}

/// Alters the file behind the book's back.
fn tamper(home: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(home.join("book.db")).unwrap();
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
}

//= spec-crate/spec/books.md#anchors
//= type=test
//# A book MUST carry an id of 8 random bytes that is drawn when it begins and again at each declared restore.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A book MUST write as its first record, and again as the first record after a declared restore, a row of
//# table book with the key `start` and a BookStart.
//= spec-crate/spec/books.md#a-journal-that-went-back
//= type=test
//# A POS whose journal is lost MUST begin a new one with a new book id and no predecessor.
#[test]
fn a_new_book_has_one_record_and_an_id_of_its_own() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (new_book(first.path()), new_book(second.path()));
    assert_eq!((first.anchor().seq, second.anchor().seq), (1, 1));
    assert_ne!(first.anchor().book, second.anchor().book);
    assert_eq!(first.verify().unwrap().records, 1);
    let start = records(&first, 1).remove(0);
    assert_eq!(start.row.key, RowKey::new(Table::Book, "start"));
    assert_eq!(read_start(&start.row.bytes), Some((first.anchor().book, None)));
}

/// The records of a book, from one on.
fn records(book: &SqliteBook, from: u64) -> Vec<Record> {
    let mut records = Vec::new();
    book.export::<StoreError>(from, |exported| {
        records.push(decode_record(&exported.record).unwrap());
        Ok(())
    })
    .unwrap();
    records
}

//= spec-crate/spec/books.md#records
//= type=test
//# A book MUST encode each record in the canonical form of [encoding.md](encoding.md).
//= spec-crate/spec/books.md#records
//= type=test
//# A book MUST number its records from 1 without gaps, through every declared restore.
//= spec-crate/spec/books.md#records
//= type=test
//# A book MUST set `at` of a record to the Unix seconds of its writing, and leave it out without a calendar
//# clock.
//= spec-crate/spec/books.md#the-chain
//= type=test
//# A book MUST keep with each record the head of the diagram above, computed over the record's bytes as
//# stored.
//= spec-crate/spec/books.md#the-chain
//= type=test
//# A book MUST store, verify and export the bytes of a record as they were first written, never as they would
//# be encoded again.
//= spec-crate/spec/books.md#export
//= type=test
//# A program that exports a book MUST write one line for each record from the first one asked for to the
//# latest, in rising order, with the members of the table above.
#[test]
fn records_are_numbered_without_gaps_chained_stamped_and_exported_as_they_were_written() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    let written = [order("A1", b"1", Index::default()), order("A2", b"2", Index::default())];
    book.commit(vec![batch(&[], written.to_vec())], AT)[0].clone().unwrap();
    book.declare_restored(&mut OsEntropy, AT).unwrap();
    book.commit(vec![batch(&[], vec![written[0].clone()])], None)[0].clone().unwrap();
    let mut exported = Vec::new();
    book.export::<StoreError>(1, |record| {
        exported.push(record);
        Ok(())
    })
    .unwrap();
    assert_eq!(exported.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(exported[1].record, encode_record(2, &written[0], AT));
    assert_eq!(exported[4].record, encode_record(5, &written[0], None));
    let mut head = Head::EMPTY;
    for record in &exported {
        head = head.after(&record.record);
        assert_eq!(record.head, head, "{}", record.seq);
    }
    let at: Vec<_> = records(&book, 1).iter().map(|record| record.at).collect();
    assert_eq!(at, [AT, AT, AT, AT, None]);
    assert_eq!(book.anchor().encode()[16..], head.0[..8]);
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST answer for a row with the bytes of its latest record.
//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST carry rows of table program unchanged, without reading them.
#[test]
fn rows_of_programs_are_carried_as_they_are_and_the_latest_record_of_a_row_is_its_content() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    let key = RowKey::new(Table::Program, "whatever/1");
    for bytes in [&b"\xff\x00no message"[..], b"{}"] {
        let write = Write { key: key.clone(), bytes: bytes.to_vec(), index: Index::default() };
        book.commit(vec![batch(&[], vec![write])], AT)[0].clone().unwrap();
        let found = book.find(&Query::Rows(vec![key.clone()])).unwrap().rows.remove(0);
        assert_eq!((found.bytes.as_slice(), found.version), (bytes, book.anchor().seq));
    }
    assert_eq!(book.verify().unwrap().rows, 2);
}

#[test]
fn a_committed_row_is_there_after_reopening() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    let anchor = book.commit(vec![batch(&[("A1", 0)], vec![order("A1", b"one", Index::default())])], AT);
    let anchor = anchor[0].clone().unwrap();
    drop(book);
    let book = SqliteBook::open(&home.path().join("book.db"), Mode::Write).unwrap();
    assert_eq!(book.anchor(), anchor);
    let keys = vec![RowKey::new(Table::Order, "A1"), RowKey::new(Table::Order, "A2")];
    let found = book.find(&Query::Rows(keys)).unwrap();
    assert_eq!(
        found.rows.iter().map(|row| (row.version, row.bytes.as_slice())).collect::<Vec<_>>(),
        [(2, &b"one"[..]), (0, b"")]
    );
    assert_eq!(found.anchor, anchor);
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST refuse a batch, and only that batch, if the version of a row that the batch names as read is
//# not the row's version at that moment, where batches before it in the same transaction count.
#[test]
fn a_stale_batch_fails_alone_and_the_others_are_written() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    let write = |key: &str| vec![order(key, b"x", Index::default())];
    let answers = book.commit(
        vec![
            batch(&[("A1", 0)], write("A1")),
            // Computed before the first one was written, in the same transaction.
            batch(&[("A1", 0)], write("A1")),
            batch(&[("A2", 0)], write("A2")),
            batch(&[("A1", 2)], write("A1")),
        ],
        AT,
    );
    let seqs: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(|anchor| anchor.seq)).collect();
    assert_eq!(seqs, [Ok(2), Err(&CommitError::Stale), Ok(3), Ok(4)]);
    assert_eq!(book.verify().unwrap().records, 4);
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST have keys of 1 to 128 bytes of text without control characters, and rows of 1 to 65,536 bytes.
//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST append the records of one batch in their order and in one transaction, or none of them.
#[test]
fn a_row_that_no_record_can_hold_is_refused_before_anything_is_written() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    let long = "K".repeat(129);
    let bad = [
        ("", &b"x"[..]),
        (&long, b"x"),
        ("A\n1", b"x"),
        ("A\u{85}", b"x"),
        ("A1", b""),
        ("A1", &[1; 65_537]),
    ];
    for (key, bytes) in bad {
        let good = order("A0", b"x", Index::default());
        let answers = book.commit(vec![batch(&[], vec![good, order(key, bytes, Index::default())])], AT);
        assert_eq!(answers, [Err(CommitError::Bounds)]);
    }
    assert_eq!(book.anchor().seq, 1);
    let longest = order(&"K".repeat(128), &[1; 65_536], Index::default());
    book.commit(vec![batch(&[], vec![longest])], AT)[0].clone().unwrap();
    assert_eq!(book.verify().unwrap().records, 2);
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book that gives the rows of a bill, a day or the open orders MUST give them in the order of each row's
//# first record.
#[test]
fn queries_find_rows_in_the_order_that_links_rely_on() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    let capture = Write {
        key: RowKey::new(Table::Capture, "SIM1A2W"),
        bytes: b"capture".to_vec(),
        index: Index { bill: "bill-1".into(), ..Index::default() },
    };
    let bill =
        Write { key: RowKey::new(Table::Bill, "bill-1"), bytes: b"bill".to_vec(), index: Index::default() };
    let writes = vec![
        bill,
        order("A1", b"1", open_order("POS-1", "bill-1", 20_261_124)),
        order("A2", b"2", open_order("POS-2", "bill-1", 20_261_124)),
        capture,
        order("A3", b"3", open_order("POS-1", "bill-2", 20_261_125)),
        order("A1", b"ended", Index { open: false, ..open_order("POS-1", "bill-1", 20_261_124) }),
        order("A4", b"4", open_order("POS-1", "", 0)),
    ];
    book.commit(vec![batch(&[], writes)], AT)[0].clone().unwrap();

    let open =
        |device: &str, after, limit| book.find(&Query::Open { device: device.into(), after, limit }).unwrap();
    assert_eq!(keys(&open("", 0, 9).rows), ["A2", "A3", "A4"]);
    assert_eq!(keys(&open("POS-1", 0, 9).rows), ["A3", "A4"]);
    let first = open("", 0, 2);
    assert_eq!((keys(&first.rows), first.more), (vec!["A2", "A3"], true));
    let rest = open("", 6, 2);
    assert_eq!((keys(&rest.rows), rest.more), (vec!["A4"], false));

    // A row that was written again is not skipped to: its first record counts.
    book.commit(vec![batch(&[], vec![order("A2", b"again", open_order("POS-2", "bill-1", 20_261_124))])], AT);
    let open = |after| book.find(&Query::Open { device: String::new(), after, limit: 1 }).unwrap();
    let first = open(0);
    assert_eq!((keys(&first.rows), first.rows[0].version), (vec!["A2"], 9));
    assert_eq!(keys(&open(9).rows), ["A3"]);
    assert_eq!(keys(&open(4).rows), ["A3"], "an earlier record of the same row");

    let after = |seq, limit| book.find(&Query::After { seq, limit }).unwrap();
    assert_eq!(keys(&after(0, 9).rows), ["A3", "A1", "A4", "A2"]);
    assert_eq!((keys(&after(6, 1).rows), after(6, 1).more), (vec!["A1"], true));

    let bill = book.find(&Query::Bill("bill-1".into())).unwrap();
    assert_eq!(keys(&bill.rows), ["bill-1", "A1", "A2", "SIM1A2W"]);
    let none = book.find(&Query::Bill("bill-9".into())).unwrap();
    assert_eq!((none.rows.len(), none.rows[0].version), (1, 0));
    assert_eq!(keys(&book.find(&Query::Day(20_261_124)).unwrap().rows), ["A1", "A2"]);
    assert!(book.find(&Query::Day(0)).unwrap().rows.is_empty());
}

//= spec-crate/spec/books.md#records
//= type=test
//# A book MUST number its records from 1 without gaps, through every declared restore.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A book MUST carry an id of 8 random bytes that is drawn when it begins and again at each declared restore.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A book MUST write as its first record, and again as the first record after a declared restore, a row of
//# table book with the key `start` and a BookStart.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A book MUST put into the BookStart of a declared restore the id that it had before, and the sequence
//# number and the first 8 bytes of the head of the record before it, and leave these three out of its first
//# record.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A book MUST decide by the first of these that applies whether it contains an anchor: an absent anchor is
//# contained; an anchor of a book id that none of its BookStart rows began is missing; an anchor of an id
//# that a later BookStart replaced, above the record before that BookStart, is declared; an anchor whose
//# record is there with a head that begins with the anchor's 8 bytes is contained; and every other one is
//# missing.
#[test]
fn a_declared_restore_begins_a_new_book_that_contains_the_old_one_up_to_the_fork() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    let write = |book: &mut SqliteBook| {
        book.commit(vec![batch(&[], vec![order("A1", b"x", Index::default())])], AT)[0].clone().unwrap()
    };
    let before = write(&mut book);
    let start = book.declare_restored(&mut OsEntropy, AT).unwrap();
    let after = write(&mut book);
    let forked = records(&book, start.seq).remove(0);
    assert_eq!(read_start(&forked.row.bytes), Some((start.book, Some(before))));
    assert_ne!(start.book, before.book);
    assert_eq!(after.book, start.book);

    let contains = |anchor: Anchor| book.find(&Query::Anchor(anchor)).unwrap().containment;
    assert_eq!(contains(before), Containment::Contained);
    assert_eq!(contains(after), Containment::Contained);
    assert_eq!(contains(Anchor { seq: before.seq + 1, ..before }), Containment::Declared);
    assert_eq!(contains(Anchor { head: [0; 8], ..before }), Containment::Missing);
    assert_eq!(contains(Anchor { seq: after.seq + 1, ..after }), Containment::Missing);
    assert_eq!(book.verify().unwrap().starts, 2);
    drop(book);
    let book = SqliteBook::open(&home.path().join("book.db"), Mode::Read).unwrap();
    assert_eq!(book.anchor(), after);
}

//= spec-crate/spec/books.md#verification
//= type=test
//# A program that verifies a book MUST report the first record that is not canonical, whose sequence number
//# is not one more than the last one's, or whose stored head is not that of BOK-15, in this order for each
//# record, from record 1 on.
//= spec-crate/spec/books.md#verification
//= type=test
//# A program that verifies a book MUST report a row that is not what its latest record holds, and a row
//# without a record.
#[test]
fn an_altered_deleted_or_swapped_record_is_found_with_its_number() {
    let alter = "UPDATE records SET record = CAST(record || x'00' AS BLOB) WHERE seq = 3";
    let swap = "UPDATE records SET record = (SELECT record FROM records WHERE seq = 4) WHERE seq = 3";
    for (sql, found) in [
        (alter, "not canonical"),
        ("DELETE FROM records WHERE seq = 3", "record 3 should come and record 4 came"),
        (swap, "record 3 should come and record 4 came"),
        ("UPDATE records SET head = randomblob(32) WHERE seq = 3", "the chain breaks at record 3"),
        ("UPDATE records SET key = 'A9' WHERE seq = 3", "the row of record 3"),
        ("UPDATE rows SET bytes = x'99' WHERE key = 'A3'", "the row of record 4"),
        ("UPDATE rows SET version = 3 WHERE key = 'A3'", "the row of record 4"),
        ("DELETE FROM rows WHERE key = 'A2'", "the row of record 3"),
        ("INSERT INTO rows SELECT tab, 'A9', 9, 9, 0, '', '', 0, bytes FROM rows WHERE key = 'A2'", "1 rows"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut book = new_book(home.path());
        for key in ["A1", "A2", "A3", "A4"] {
            book.commit(vec![batch(&[], vec![order(key, key.as_bytes(), Index::default())])], AT);
        }
        assert_eq!(book.verify().unwrap().records, 5);
        tamper(home.path(), sql);
        let refused = refused(&book);
        assert!(refused.contains(found), "{sql}: {refused}");
    }
}

//= spec-crate/spec/books.md#verification
//= type=test
//# A program that verifies a book MUST report the first record that is not canonical, whose sequence number
//# is not one more than the last one's, or whose stored head is not that of BOK-15, in this order for each
//# record, from record 1 on.
#[test]
fn one_changed_byte_anywhere_in_a_record_breaks_the_chain() {
    let home = tempfile::tempdir().unwrap();
    let mut book = new_book(home.path());
    book.commit(vec![batch(&[], vec![order("A1", b"payload", Index::default())])], AT);
    let mut record = Vec::new();
    book.export::<StoreError>(2, |exported| {
        record = exported.record;
        Ok(())
    })
    .unwrap();
    assert_eq!(decode_record(&record).unwrap().row.bytes, b"payload");
    let connection = rusqlite::Connection::open(home.path().join("book.db")).unwrap();
    for place in 0..record.len() {
        let mut altered = record.clone();
        altered[place] ^= 1;
        connection.execute("UPDATE records SET record = ?1 WHERE seq = 2", [&altered]).unwrap();
        assert!(matches!(book.verify(), Err(StoreError::Damaged(_))), "byte {place}");
    }
    connection.execute("UPDATE records SET record = ?1 WHERE seq = 2", [&record]).unwrap();
    assert_eq!(book.verify().unwrap().records, 2);
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST have at most one writing process, held by a lock that a crash releases.
#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("book.db");
    let mut book = new_book(home.path());
    assert!(matches!(SqliteBook::open(&path, Mode::Write), Err(StoreError::Locked)));
    let reader = SqliteBook::open(&path, Mode::Read).unwrap();
    book.commit(vec![batch(&[], vec![order("A1", b"x", Index::default())])], AT);
    assert_eq!(reader.verify().unwrap().records, 2);
}

#[test]
fn what_is_no_book_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("book.db");
    assert!(matches!(SqliteBook::open(&path, Mode::Read), Err(StoreError::Missing)));
    std::fs::write(&path, "a text file that is long enough to be looked at as a database").unwrap();
    assert!(matches!(SqliteBook::open(&path, Mode::Read), Err(StoreError::NotABook)));
    assert!(matches!(SqliteBook::create(&path, &mut OsEntropy, AT), Err(StoreError::Exists)));
}

//= spec-crate/spec/books.md#verification
//= type=test
//# A book MUST verify, when it is opened, that its latest record follows from the one before.
#[test]
fn a_book_whose_newest_record_was_altered_is_not_opened() {
    let home = tempfile::tempdir().unwrap();
    drop(new_book(home.path()));
    tamper(home.path(), "UPDATE records SET head = randomblob(32) WHERE seq = 1");
    let opened = SqliteBook::open(&home.path().join("book.db"), Mode::Write);
    assert!(matches!(opened, Err(StoreError::Damaged(_))));
}

#[test]
fn the_disk_says_how_much_is_left() {
    let home = tempfile::tempdir().unwrap();
    assert!(new_book(home.path()).free_space().unwrap() > 0);
}

//= spec-crate/spec/books.md#verification
//= type=test
//# A program that verifies a book MUST report a book whose first record is no BookStart of BOK-20, and a row
//# of table book that cannot be read as one.
#[test]
fn a_book_that_does_not_begin_with_its_beginning_is_found() {
    let start = |fork: Option<&Anchor>| start_row(BookId::from_bytes([3; 8]), fork);
    let elsewhere = Write { key: RowKey::new(Table::Book, "other"), ..start(None) };
    let fork = Anchor { book: BookId::from_bytes([2; 8]), seq: 7, head: [1; 8] };
    for (first, good) in [
        (start(None), true),
        (order("A1", b"one", Index::default()), false),
        (start(Some(&fork)), false),
        (elsewhere, false),
    ] {
        let home = tempfile::tempdir().unwrap();
        drop(new_book(home.path()));
        let connection = rusqlite::Connection::open(home.path().join("book.db")).unwrap();
        connection.execute_batch("DELETE FROM records; DELETE FROM rows;").unwrap();
        let second = Write { key: RowKey::new(Table::Book, "start"), ..start(None) };
        let mut head = Head::EMPTY;
        for (seq, write) in [(1_u64, &first), (2, &second)] {
            let record = encode_record(seq, write, AT);
            head = head.after(&record);
            let (table, key) = (write.key.table.code(), &write.key.key);
            connection
                .execute(
                    "INSERT INTO records VALUES (?1, ?2, ?3, ?4, NULL, ?5)",
                    rusqlite::params![seq.cast_signed(), head.0, table, key, record],
                )
                .unwrap();
            connection
                .execute(
                    "INSERT INTO rows VALUES (?1, ?2, ?3, ?3, 0, '', '', 0, ?4)
                     ON CONFLICT DO UPDATE SET version = excluded.version, bytes = excluded.bytes",
                    rusqlite::params![table, key, seq.cast_signed(), write.bytes],
                )
                .unwrap();
        }
        drop(connection);
        let book = SqliteBook::open(&home.path().join("book.db"), Mode::Write).unwrap();
        match good {
            true => assert_eq!(book.verify().unwrap().starts, 2),
            false => {
                assert_eq!(refused(&book), "the book is damaged: record 1 should begin a book and does not")
            }
        }
    }
}
