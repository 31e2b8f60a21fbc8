//! Books: chains that verify, chains that were tampered with, and anchors.

use hispos::book::{
    Anchor, BookError, Containment, Head, Index, RowKey, Table, Verifier, Write, containment, encode_record,
    read_start, start_row,
};
use hispos::ids::BookId;
use hispos::time::UnixSeconds;
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cases, Fault};
use crate::draws::known;
use crate::hex::hex;
use crate::site::UNIX;

/// What a case is about.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(crate) enum About {
    /// An export from record 1 on, and the record at which it fails.
    Chain { export: Vec<Line>, fails_at: Option<u64> },
    /// Whether a book contains an anchor.
    Containment { export: Vec<Line>, anchor: String, containment: &'static str },
}

/// A line of an export.
#[derive(Clone, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Line {
    seq: u64,
    head: String,
    record: String,
}

type File = Cases<About>;

/// A record and the head behind it.
#[derive(Clone)]
struct Kept(Vec<u8>, [u8; 32]);

/// Every case.
pub(crate) fn file() -> Result<File, String> {
    let mut file = Cases::new(vec![
        "chain: verify `export` from record 1 on; an invalid one fails at record `fails_at`, by `reason`.",
        "reason is the first that is wrong at that record: not canonical, sequence number, head; or no BookStart.",
        "containment: the book of `export` has that to say of `anchor`; `missing` is what an alarm is for.",
    ]);
    let book = chain(6, None);
    for length in 1..=6 {
        add(&mut file, "whole", &format!("{length} records"), chain(length, None));
    }
    add(&mut file, "whole", "a declared restore in the middle", chain(6, Some(3)));
    for place in 0..6 {
        tampered(&mut file, &book, place);
    }
    for place in 0..5 {
        let swapped: Vec<Kept> = (0..6)
            .filter_map(|at| {
                book.get(if at == place {
                    at + 1
                } else if at == place + 1 {
                    at - 1
                } else {
                    at
                })
            })
            .cloned()
            .collect();
        add(&mut file, "records", &format!("{} and {} swapped", place + 1, place + 2), swapped);
    }
    wrong_beginnings(&mut file);
    anchors(&mut file)?;
    Ok(file)
}

fn write(key: &str, row: &[u8]) -> Write {
    Write { key: RowKey::new(Table::Order, key), bytes: row.to_vec(), index: Index::default() }
}

fn id(name: &str) -> BookId {
    BookId::from_bytes(known(name))
}

/// A book of so many records; behind record `restored` a restore was declared.
fn chain(length: u64, restored: Option<u64>) -> Vec<Kept> {
    let mut kept: Vec<Kept> = Vec::new();
    for seq in 1..=length {
        let head = kept.last().map_or([0; 32], |kept| kept.1);
        let fork = Anchor { book: id("book"), seq: seq - 1, head: Head(head).short() };
        let write = match seq {
            1 => start_row(id("book"), None),
            seq if Some(seq - 1) == restored => start_row(id("restored book"), Some(&fork)),
            seq => write(&format!("B{seq}"), &[0x10, seq as u8]),
        };
        kept.push(after(&kept, &write, seq));
    }
    kept
}

/// The next record of a chain.
fn after(kept: &[Kept], write: &Write, seq: u64) -> Kept {
    let head = kept.last().map_or([0; 32], |kept| kept.1);
    let at = seq.is_multiple_of(2).then_some(UnixSeconds(UNIX + seq));
    let record = encode_record(seq, write, at);
    let head = Head(head).after(&record);
    Kept(record, head.0)
}

fn lines(kept: &[Kept]) -> Vec<Line> {
    (1..).zip(kept).map(|(seq, kept)| Line { seq, head: hex(&kept.1), record: hex(&kept.0) }).collect()
}

/// Adds a chain, whatever the verifier says of it.
fn add(file: &mut File, field: &str, kind: &str, kept: Vec<Kept>) {
    let mut verifier = Verifier::default();
    let wrong = kept.iter().zip(1_u64..).find_map(|(kept, seq)| {
        let wrong = match verifier.next(&kept.0, &Head(kept.1)) {
            Err(BookError::Malformed) => ("not canonical", "BOK-12 BOK-47 BOK-54"),
            Err(BookError::Gap { .. }) => ("sequence number", "BOK-13 BOK-47 BOK-54"),
            Err(_) => ("head", "BOK-15 BOK-47 BOK-54"),
            Ok(record) => {
                let row = &record.row;
                let is_start = row.key.table == Table::Book;
                let reads = row.key.key == "start" && read_start(&row.bytes).is_some();
                (is_start && !reads || seq == 1 && !is_start).then_some(("no BookStart", "BOK-20 BOK-48"))?
            }
        };
        Some((seq, wrong))
    });
    let export = lines(&kept);
    let what = About::Chain { export, fails_at: wrong.as_ref().map(|(seq, _)| *seq) };
    let comment = format!("{field}: {kind}");
    match wrong {
        None => file.valid(&comment, "BOK-12 BOK-13 BOK-14 BOK-15 BOK-47", what),
        Some((_, (reason, cited))) => {
            let reaction = format!("reported: {reason}");
            let fault = Fault { reason, reaction: &reaction, mutation: ("book", field, kind) };
            file.invalid(&comment, cited, what, &fault);
        }
    }
}

/// One record of a book changed, deleted, doubled, or with another head.
fn tampered(file: &mut File, book: &[Kept], place: usize) {
    let shown = place + 1;
    let changed = |change: &dyn Fn(&mut Kept)| {
        let mut kept = book.to_vec();
        kept.iter_mut().skip(place).take(1).for_each(change);
        kept
    };
    let flip = |bytes: &mut [u8], at: usize| bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
    let last = |kept: &Kept| kept.0.len() - 1;
    add(
        file,
        "record",
        &format!("a bit of the row of {shown} flipped"),
        changed(&|kept| flip(&mut kept.0, 12)),
    );
    add(
        file,
        "record",
        &format!("a bit of the sequence number of {shown} flipped"),
        changed(&|kept| flip(&mut kept.0, 1)),
    );
    add(
        file,
        "record",
        &format!("a bit of the table of {shown} flipped"),
        changed(&|kept| flip(&mut kept.0, 3)),
    );
    add(
        file,
        "record",
        &format!("the last byte of {shown} missing"),
        changed(&|kept| kept.0.truncate(last(kept))),
    );
    add(
        file,
        "record",
        &format!("an unknown field behind {shown}"),
        changed(&|kept| kept.0.extend([0x78, 1])),
    );
    add(
        file,
        "record",
        &format!("{shown} encoded with a number that is not minimal"),
        changed(&|kept| {
            kept.0.splice(1..2, [kept.0.get(1).copied().unwrap_or(0) | 0x80, 0]);
        }),
    );
    add(
        file,
        "head",
        &format!("the first bit of that of {shown} flipped"),
        changed(&|kept| flip(&mut kept.1, 0)),
    );
    add(
        file,
        "head",
        &format!("the last bit of that of {shown} flipped"),
        changed(&|kept| flip(&mut kept.1, 31)),
    );
    let deleted: Vec<Kept> = book.iter().take(place).chain(book.iter().skip(place + 1)).cloned().collect();
    if !deleted.is_empty() && place + 1 < book.len() {
        add(file, "records", &format!("{shown} deleted"), deleted);
    }
    let doubled: Vec<Kept> = book.iter().take(shown).chain(book.iter().skip(place)).cloned().collect();
    add(file, "records", &format!("{shown} twice"), doubled);
}

fn wrong_beginnings(file: &mut File) {
    for (kind, first) in [
        ("an order", write("B1", &[0x10, 1])),
        (
            "a BookStart under another key",
            Write { key: RowKey::new(Table::Book, "begin"), ..start_row(id("book"), None) },
        ),
        (
            "a book of seven bytes",
            Write { bytes: vec![0x0A, 7, 1, 2, 3, 4, 5, 6, 7], ..start_row(id("book"), None) },
        ),
    ] {
        let one = after(&[], &first, 1);
        let two = after(std::slice::from_ref(&one), &write("B2", &[0x10, 2]), 2);
        add(file, "first record", kind, vec![one, two]);
    }
    let second = after(&chain(1, None), &write("B2", &[0x10, 2]), 3);
    add(
        file,
        "record",
        "a sequence number left out, its head right",
        [chain(1, None), vec![second]].concat(),
    );
    let Kept(record, _) = after(&[], &start_row(id("book"), None), 2);
    let head = Head::EMPTY.after(&record).0;
    add(file, "first record", "sequence number 2", vec![Kept(record, head)]);
}

fn anchors(file: &mut File) -> Result<(), String> {
    let kept = chain(6, Some(3));
    let starts = [(1, id("book")), (4, id("restored book"))];
    let head_at = |seq: u64| {
        let place = usize::try_from(seq).ok()?.checked_sub(1)?;
        kept.get(place).map(|kept| Head(kept.1))
    };
    let mut rows = Vec::new();
    for name in ["book", "restored book", "another book"] {
        for seq in [0, 1, 2, 3, 4, 5, 6, 7, u64::MAX] {
            let head = head_at(seq).map_or([0; 8], |head| head.short());
            rows.push((format!("{name}, record {seq}"), Anchor { book: id(name), seq, head }));
            rows.push((
                format!("{name}, record {seq}, another head"),
                Anchor { book: id(name), seq, head: [0xEE; 8] },
            ));
        }
    }
    for (kind, anchor) in rows {
        let found = containment(&anchor, &starts, head_at);
        say(file, &kept, &kind, &anchor.encode(), found);
    }
    let anchor = Anchor { book: id("book"), seq: 1, head: [0; 8] }.encode();
    for (kind, bytes) in [
        ("absent", Vec::new()),
        ("of 23 bytes", anchor.get(..23).unwrap_or_default().to_vec()),
        ("of 25 bytes", [anchor.as_slice(), &[0]].concat()),
        ("of 1 byte", vec![0]),
    ] {
        if Anchor::decode(&bytes).is_some() {
            return Err(format!("an anchor {kind}"));
        }
        say(file, &kept, kind, &bytes, Containment::Contained);
    }
    Ok(())
}

fn say(file: &mut File, kept: &[Kept], kind: &str, anchor: &[u8], found: Containment) {
    let shown = match found {
        Containment::Contained => "contained",
        Containment::Declared => "declared",
        Containment::Missing => "missing",
    };
    let what = About::Containment { export: lines(kept), anchor: hex(anchor), containment: shown };
    match found {
        Containment::Missing => {
            let fault = Fault {
                reason: "anchor",
                reaction: "alarm: the book went back",
                mutation: ("anchor", "", kind),
            };
            file.invalid(kind, "BOK-22 BOK-29 BOK-33", what, &fault);
        }
        _ => file.valid(kind, "BOK-17 BOK-22 ORD-66", what),
    }
}
