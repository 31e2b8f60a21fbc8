//! The chain of a book: head(n) = SHA-256("hispos/1 record" 00 | head(n-1) | record bytes), head(0) = 32 zero bytes.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::fields::Fields;

/// One line of an export.
#[derive(Deserialize)]
struct Line {
    seq: u64,
    head: String,
    record: String,
}

/// A record of a book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    /// Which kind of row.
    pub(crate) table: u64,
    /// Which row.
    pub(crate) key: String,
    /// Its newest state.
    pub(crate) row: Vec<u8>,
}

/// Where a chain does not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainError {
    /// The line of the export, from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: &'static str,
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for ChainError {}

/// Reads a whole export and verifies its chain from the first record.
pub(crate) fn read(export: &str) -> Result<Vec<Record>, ChainError> {
    let mut records = Vec::new();
    let mut head = [0_u8; 32];
    //= spec-crate/spec/books.md#export
    //# A reader of an export MUST ignore members that it does not know and empty lines.
    for (place, text) in export.lines().filter(|text| !text.is_empty()).enumerate() {
        let number = place.saturating_add(1);
        let wrong = |why| ChainError { line: number, why };
        let line: Line = serde_json::from_str(text).map_err(|_| wrong("not a line of an export"))?;
        let bytes = unhex(&line.record).ok_or(wrong("the record is not hexadecimal"))?;
        let told = unhex(&line.head).ok_or(wrong("the head is not hexadecimal"))?;
        head = Sha256::new()
            .chain_update(b"hispos/1 record\0")
            .chain_update(head)
            .chain_update(&bytes)
            .finalize()
            .into();
        //= spec-crate/spec/books.md#export
        //# A reader of an export that begins with record 1 MUST verify it as BOK-47 says, and one that begins
        //# later needs the head before its first record from elsewhere.
        if told != head {
            return Err(wrong("the head does not follow: a record was altered, deleted or swapped"));
        }
        let fields = Fields::read(&bytes).ok_or(wrong("the record cannot be read"))?;
        let seq = u64::try_from(number).unwrap_or(u64::MAX);
        if fields.number(1) != seq || line.seq != seq {
            return Err(wrong("the records are not numbered from 1 without gaps"));
        }
        records.push(Record { table: fields.number(2), key: fields.text(3), row: fields.bytes(4).to_vec() });
    }
    if records.is_empty() {
        return Err(ChainError { line: 1, why: "an export without records" });
    }
    Ok(records)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    pairs.map(byte).collect()
}
