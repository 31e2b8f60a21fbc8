//! Exports made by hand: read, verified, and broken in every way that a chain shows.

#![cfg(test)]

use std::process::Command;

use hispos_compare::books::{End, Journal, Ledger};
use sha2::{Digest, Sha256};

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn message(write: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An export of rows: table, key, row.
fn export(rows: &[(u64, &str, Vec<u8>)]) -> Vec<String> {
    let mut head = [0_u8; 32];
    let mut lines = Vec::new();
    for (seq, (table, key, row)) in (1..).zip(rows) {
        let record = message(|out| {
            number(1, seq, out);
            number(2, *table, out);
            bytes(3, key.as_bytes(), out);
            bytes(4, row, out);
        });
        head = Sha256::new()
            .chain_update(b"hispos/1 record\0")
            .chain_update(head)
            .chain_update(&record)
            .finalize()
            .into();
        let (head, record) = (hex(&head), hex(&record));
        lines.push(format!(r#"{{"seq":{seq},"head":"{head}","record":"{record}"}}"#));
    }
    lines
}

fn core() -> Vec<u8> {
    message(|out| {
        bytes(1, b"BPAID", out);
        bytes(2, b"POS-1", out);
        number(3, 1, out);
        number(4, 2468, out);
    })
}

fn paid() -> Vec<u8> {
    message(|out| {
        bytes(2, b"BPAID", out);
        number(4, 1, out);
        number(5, 100, out);
        number(6, 2468, out);
        number(7, 1, out);
        bytes(8, b"P1", out);
    })
}

/// An order that was sent, then ended as paid, and its capture.
fn ledger() -> Vec<String> {
    let order = |state, result: &[u8]| {
        message(|out| {
            bytes(1, &core(), out);
            number(2, state, out);
            bytes(3, b"B-1", out);
            bytes(12, result, out);
        })
    };
    let capture = message(|out| {
        bytes(1, b"BPAID", out);
        number(3, 1, out);
        bytes(4, b"P1", out);
        number(5, 1234, out);
    });
    export(&[
        (1, "start", vec![0x0A, 0]),
        (7, "collection/1", b"{}".to_vec()),
        (2, "BPAID", order(1, &[])),
        (2, "BPAID", order(4, &paid())),
        (4, "SIM1BPAIDW", capture),
    ])
}

fn journal() -> Vec<String> {
    let order = message(|out| {
        bytes(1, &core(), out);
        number(2, 6, out);
        bytes(16, &paid(), out);
        number(18, 1, out);
        number(19, 1, out);
    });
    export(&[(1, "start", vec![0x0A, 0]), (2, "BPAID", order)])
}

const PLATFORM: &str = r#"{"simulated":true,"at_ms":1,"orders":[{"channel":"wechat","account":"1","sub_account":"",
    "number":"SIM1BPAIDW","total":1234,"state":"captured","captured":1234,"refunded":0,"payment_no":"P1","refunds":[]}],
    "calls":[{"at_ms":1,"call":"pay","channel":"wechat","number":"SIM1BPAIDW","answer":"SUCCESS"}]}"#;

#[test]
fn the_latest_state_of_every_row_is_read() {
    let read = Ledger::read(&ledger().join("\n")).unwrap();
    let order = &read.orders["BPAID"];
    assert_eq!((order.end, order.core.amount, order.bill.as_str(), order.first), (End::Paid, 1234, "B-1", 2));
    let result = order.result.as_ref().unwrap();
    assert_eq!((result.amount, result.channel, result.payment_no.as_str()), (1234, "wechat", "P1"));
    assert_eq!((read.captures["SIM1BPAIDW"].amount, read.records), (1234, 5));
    let read = Journal::read(&journal().join("\n")).unwrap();
    assert_eq!((read.orders["BPAID"].end, read.orders["BPAID"].answered), (End::Paid, true));
}

//= spec-crate/spec/books.md#export
//= type=test
//# A reader of an export MUST ignore members that it does not know and empty lines.
#[test]
fn members_that_are_not_known_and_empty_lines_are_ignored() {
    let lines: Vec<String> = ledger().iter().map(|line| line.replacen('{', "{\"key\":null,", 1)).collect();
    let read = Ledger::read(&format!("\n{}\n\n", lines.join("\n\n"))).unwrap();
    assert_eq!((read.records, read.orders["BPAID"].end), (5, End::Paid));
}

//= spec-crate/spec/books.md#export
//= type=test
//# A reader of an export that begins with record 1 MUST verify it as BOK-47 says, and one that begins later
//# needs the head before its first record from elsewhere.
#[test]
fn a_record_altered_deleted_swapped_or_cut_off_at_the_front_breaks_the_chain() {
    let whole = ledger();
    let mut altered = whole.clone();
    altered[3] = altered[3].replace("4250414944", "4250414945");
    let mut deleted = whole.clone();
    deleted.remove(2);
    let mut swapped = whole.clone();
    swapped.swap(2, 3);
    let mut without_front = whole.clone();
    without_front.remove(0);
    for (broken, line) in [(altered, 4), (deleted, 3), (swapped, 3), (without_front, 1)] {
        assert_eq!(Ledger::read(&broken.join("\n")).unwrap_err().line, line);
    }
    assert!(Ledger::read("").is_err());
    assert!(Ledger::read(&whole.join("\n").replace("\"seq\":5", "\"seq\":6")).is_err());
}

#[test]
fn the_command_ends_with_0_1_or_2() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good = [
        write("ledger", &ledger().join("\n")),
        write("journal", &journal().join("\n")),
        write("platform", PLATFORM),
    ];
    let run = |[ledger, journal, platform]: [&std::path::PathBuf; 3]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hispos-compare"));
        command.arg("--ledger").arg(ledger).arg("--journal").arg(journal).arg("--platform").arg(platform);
        let output = command.arg("--json").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let [ledger, journal, platform] = &good;
    let (code, text) = run([ledger, journal, platform]);
    assert_eq!(code, Some(0), "{text}");
    let nothing_taken = write("nothing", r#"{"orders":[],"calls":[]}"#);
    let (code, text) = run([ledger, journal, &nothing_taken]);
    assert!(code == Some(1) && text.contains("paid_without_capture"), "{text}");
    let cut = write("cut", &self::ledger()[1..].join("\n"));
    assert_eq!(run([&cut, journal, platform]).0, Some(1));
    assert_eq!(run([&home.path().join("none"), journal, platform]).0, Some(2));
}
