//! The records of a book, with their chain.

use hispos::crypto::hash::sha256;
use schemars::JsonSchema;
use serde::Serialize;

use crate::book::Book;
use crate::hex::hex;
use crate::schema::Schema;
use crate::shown::{Message, message};

/// One record of a book.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Kept {
    requirements: [&'static str; 2],
    record: Message,
    /// What the row says.
    row: Message,
    head_input: String,
    head: String,
    /// The anchor of this record.
    anchor: String,
}

/// Every record of a book; `order` is the name of its order rows.
pub(crate) fn kept(schema: &Schema, book: &Book, order: &str) -> Result<Vec<Kept>, String> {
    let mut before = [0; 32];
    let mut id = Vec::new();
    let mut kept = Vec::new();
    for (record, head) in &book.records {
        let decoded = hispos::book::decode_record(record).map_err(|error| error.to_string())?;
        if let Some((book, _)) = hispos::book::read_start(&decoded.row.bytes).filter(|_| decoded.seq == 1) {
            id = book.as_bytes().to_vec();
        }
        let name = match decoded.row.key.table.code() {
            1 => "BookStart",
            2 => order,
            3 => "BillRow",
            4 => "CaptureRow",
            5 => "PeerRow",
            6 => "SiteRow",
            _ => return Err("a row that no example has".to_owned()),
        };
        let input = [b"hispos/1 record\0", before.as_slice(), record].concat();
        if sha256(&[&input]) != head.0 {
            return Err("the chain is another one".to_owned());
        }
        before = head.0;
        kept.push(Kept {
            requirements: ["BOK-12", "BOK-15"],
            record: message(schema, "BookRecord", record)?,
            row: message(schema, name, &decoded.row.bytes)?,
            head_input: hex(&input),
            head: hex(&head.0),
            anchor: hex(&[id.as_slice(), &decoded.seq.to_be_bytes(), &head.short()].concat()),
        });
    }
    Ok(kept)
}
