//! Books on lines: records in the form of an export, and rows that are asked for.

use hispos::book::{
    Anchor, Batch, BookError, Containment, Found, Head, Index, Query, Row, RowKey, Table, Write,
    decode_record,
};
use hispos::journal::PosOrderView;
use hispos::ledger::{CaptureView, OrderView};
use hispos::time::UnixSeconds;
use serde_json::{Value, json};

use super::members::{
    GREATEST, Members, bytes, fixed, hex, list, maybe, number, object, read_number, small, text, truth,
};
use crate::book::{Kept, MemoryBook};

/// A limit; the greatest number is none.
fn limit_line(limit: usize) -> u64 {
    u64::try_from(limit).unwrap_or(GREATEST).min(GREATEST)
}

fn key_line(key: &RowKey) -> Value {
    json!({"table": key.table.code(), "key": key.key})
}

fn read_key(line: &Members) -> Result<RowKey, String> {
    let code = number(line, "table")?;
    let table = u8::try_from(code).ok().and_then(Table::from_code);
    Ok(RowKey {
        table: table.ok_or_else(|| format!("there is no table {code}"))?,
        key: text(line, "key")?.into(),
    })
}

/// A question to the store as a line has it.
pub(crate) fn query_line(query: &Query) -> Value {
    match query {
        Query::Rows(keys) => json!({"rows": keys.iter().map(key_line).collect::<Vec<_>>()}),
        Query::Bill(bill) => json!({ "bill": bill }),
        Query::Open { device, after, limit } => {
            json!({"open": {"device": device, "after": after, "limit": limit_line(*limit)}})
        }
        Query::After { seq, limit } => json!({"after": {"seq": seq, "limit": limit_line(*limit)}}),
        Query::Day(day) => json!({ "day": day }),
        Query::Anchor(anchor) => json!({"anchor": hex(&anchor.encode())}),
    }
}

/// Reads a question to the store.
pub(crate) fn read_query(line: &Members) -> Result<Query, String> {
    let limit = |of: &Members| -> Result<usize, String> {
        let limit = number(of, "limit")?;
        Ok(if limit == GREATEST { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) })
    };
    if maybe(line, "rows").is_some() {
        let keys = list(line, "rows")?.iter().map(|key| read_key(object(key, "a key")?));
        Ok(Query::Rows(keys.collect::<Result<_, _>>()?))
    } else if maybe(line, "bill").is_some() {
        Ok(Query::Bill(text(line, "bill")?.into()))
    } else if let Some(open) = maybe(line, "open") {
        let open = object(open, "open")?;
        Ok(Query::Open {
            device: text(open, "device")?.into(),
            after: number(open, "after")?,
            limit: limit(open)?,
        })
    } else if let Some(after) = maybe(line, "after") {
        let after = object(after, "after")?;
        Ok(Query::After { seq: number(after, "seq")?, limit: limit(after)? })
    } else if maybe(line, "day").is_some() {
        Ok(Query::Day(small(line, "day")?))
    } else {
        Ok(Query::Anchor(read_anchor(line)?))
    }
}

/// Reads an anchor that is there.
pub(crate) fn read_anchor(line: &Members) -> Result<Anchor, String> {
    Anchor::decode(&fixed::<{ Anchor::BYTES }>(line, "anchor")?).ok_or_else(|| "no anchor".into())
}

/// What a store found, as members of a line.
pub(crate) fn found_line(found: &Found) -> Value {
    let rows = found.rows.iter().map(|row| {
        json!({"table": row.key.table.code(), "key": row.key.key, "version": row.version, "row": hex(&row.bytes)})
    });
    json!({
        "do": "loaded",
        "rows": rows.collect::<Vec<_>>(),
        "more": found.more,
        "containment": match found.containment {
            Containment::Contained => "contained",
            Containment::Declared => "declared",
            Containment::Missing => "missing",
        },
        "anchor": hex(&found.anchor.encode()),
    })
}

/// Reads what a store found.
pub(crate) fn read_found(line: &Members) -> Result<Found, String> {
    let row = |row: &Value| -> Result<Row, String> {
        let row = object(row, "a row")?;
        Ok(Row { key: read_key(row)?, version: number(row, "version")?, bytes: bytes(row, "row")? })
    };
    Ok(Found {
        rows: list(line, "rows")?.iter().map(row).collect::<Result<_, _>>()?,
        more: truth(line, "more")?,
        containment: match text(line, "containment")? {
            "contained" => Containment::Contained,
            "declared" => Containment::Declared,
            "missing" => Containment::Missing,
            other => return Err(format!("containment {other} is none")),
        },
        anchor: read_anchor(line)?,
    })
}

/// A batch of rows, as members of a line.
pub(crate) fn batch_line(batch: &Batch) -> Members {
    let read = batch
        .read
        .iter()
        .map(|(key, version)| json!({"table": key.table.code(), "key": key.key, "version": version}));
    let write = batch.write.iter().map(|write| {
        let Index { open, device, bill, day } = &write.index;
        let index = json!({"open": open, "device": device, "bill": bill, "day": day});
        json!({"table": write.key.table.code(), "key": write.key.key, "row": hex(&write.bytes), "index": index})
    });
    let mut members = Members::new();
    members.insert("read".into(), read.collect());
    members.insert("write".into(), write.collect());
    members
}

/// Reads a batch of rows.
pub(crate) fn read_batch(line: &Members) -> Result<Batch, String> {
    let read = |line: &Value| -> Result<(RowKey, u64), String> {
        let line = object(line, "an object of read")?;
        Ok((read_key(line)?, number(line, "version")?))
    };
    let write = |line: &Value| -> Result<Write, String> {
        let line = object(line, "an object of write")?;
        let index = object(line.get("index").ok_or("member index is missing")?, "index")?;
        Ok(Write {
            key: read_key(line)?,
            bytes: bytes(line, "row")?,
            index: Index {
                open: truth(index, "open")?,
                device: text(index, "device")?.into(),
                bill: text(index, "bill")?.into(),
                day: small(index, "day")?,
            },
        })
    };
    Ok(Batch {
        read: list(line, "read")?.iter().map(read).collect::<Result<_, _>>()?,
        write: list(line, "write")?.iter().map(write).collect::<Result<_, _>>()?,
    })
}

/// Records as an export has them, from one on.
pub(crate) fn records_line(book: &MemoryBook, from: u64) -> Value {
    let lines = book.export(from).into_iter();
    lines
        .map(|(seq, head, record)| json!({"seq": seq, "head": hex(&head.0), "record": hex(&record)}))
        .collect()
}

/// Reads records that have to follow from a book.
pub(crate) fn read_records(records: &[Value], book: &MemoryBook, ledger: bool) -> Result<Vec<Kept>, String> {
    if records.is_empty() {
        return Err("it makes no record durable".into());
    }
    let (mut seq, mut head) = (book.records(), book.head());
    let mut kept = Vec::new();
    for record in records {
        let line = object(record, "a record")?;
        let stored = bytes(line, "record")?;
        let read = decode_record(&stored).map_err(|error| error.to_string())?;
        let expected = seq.saturating_add(1);
        if read.seq != expected || number(line, "seq")? != expected {
            return Err(BookError::Gap { expected, got: read.seq }.to_string());
        }
        head = head.after(&stored);
        if head != Head(fixed(line, "head")?) {
            return Err(BookError::Chain { seq: expected }.to_string());
        }
        seq = expected;
        kept.push(Kept { write: indexed(read.row, ledger), at: read.at });
    }
    Ok(kept)
}

/// A row with what it is found by, as far as that can be told from the row alone: every order of a ledger may have
/// something to be done.
fn indexed(row: Row, ledger: bool) -> Write {
    let mut index = Index::default();
    if ledger {
        if let Some(order) = OrderView::read(&row) {
            index = Index {
                open: true,
                device: order.device_id.map_or_else(String::new, |device| device.as_str().into()),
                bill: order.bill,
                day: order.business_day,
            };
        } else if let Some(capture) = CaptureView::read(&row) {
            index.bill = capture.bill;
        } else if row.key.table == Table::Bill {
            index.bill.clone_from(&row.key.key);
        }
    } else if let Some(order) = PosOrderView::read(&row) {
        index = Index {
            open: order.state != "ended" || order.answered.is_none(),
            device: order.device_id,
            bill: String::new(),
            day: order.business_day,
        };
    }
    Write { key: row.key, bytes: row.bytes, index }
}

/// A time that may be absent.
pub(crate) fn read_unix(line: &Members) -> Result<Option<UnixSeconds>, String> {
    maybe(line, "unix").map(|unix| read_number(unix, "unix").map(UnixSeconds)).transpose()
}
