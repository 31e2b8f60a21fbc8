//! Devices that the site itself has blocked, as rows of the ledger. A manifest may allow them: the block holds.

use hispos::book::{Batch, Index, Row, RowKey, Table, Write};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Block {
    blocked: bool,
}

/// The row of a device.
pub(crate) fn key(device: &str) -> RowKey {
    RowKey::new(Table::Program, &format!("block/{device}"))
}

/// The batch that blocks a device, or lifts the block.
pub(crate) fn batch(device: &str, blocked: bool, version: u64) -> Batch {
    let key = key(device);
    // One boolean: serialising it cannot fail; an empty row would be refused.
    let bytes = serde_json::to_vec(&Block { blocked }).unwrap_or_default();
    Batch { read: vec![(key.clone(), version)], write: vec![Write { key, bytes, index: Index::default() }] }
}

/// Whether the row blocks its device. A row that cannot be read does.
pub(crate) fn blocks(row: &Row) -> bool {
    row.version > 0 && serde_json::from_slice::<Block>(&row.bytes).map_or(true, |block| block.blocked)
}
