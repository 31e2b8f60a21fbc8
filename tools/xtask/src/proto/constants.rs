//! Limits, timers and labels as constants.

use super::emit::{HEADER, decimal, doc};
use hispos_codegen::schema::{Row, Schema};

/// What has to hold between limits, whatever their values.
const BETWEEN_LIMITS: [(&str, &str); 10] = [
    ("FRAME_BYTES_MIN < FRAME_BYTES_MAX", "a frame has room"),
    (
        "ENCODED_BYTES_MAX == FRAME_BYTES_MAX + FRAME_BYTES_MAX.div_ceil(254)",
        "COBS adds a byte per 254, rounded up",
    ),
    ("STREAM_MEMORY_BYTES_MAX > ENCODED_BYTES_MAX", "a stream can hold a frame"),
    ("M1_BYTES_MAX + FRAME_BYTES_MIN <= FRAME_BYTES_MAX", "M1 and M2 fit a frame"),
    ("M3_BYTES_MAX <= M1_BYTES_MAX", "M3 is the shorter one"),
    ("PLAINTEXT_BYTES_MAX + 26 <= FRAME_BYTES_MAX", "header, tag and checksum of a record take 26 bytes"),
    ("SITE_CODE_BYTES < ID_BYTES_MAX", "a site code leads an order number"),
    ("AMOUNT_FEN_MAX <= i64::MAX as u64", "an amount has a sign"),
    ("COUNTER_REKEY < u32::MAX", "a new handshake has time before the counter ends"),
    ("SEARCH_MAX <= LIST_ITEMS_MAX", "a search is no longer than a page"),
];

/// Writes `limits.rs`.
pub(super) fn limits(schema: &Schema) -> Result<String, String> {
    let mut text =
        format!("{HEADER}\n//! Every bound of the protocol, and what has to hold between them.\n\n");
    for row in schema.rows("limit") {
        let (name, value, unit) = (row.text("name"), row.number("value"), row.text("unit"));
        let docs = doc(&format!("{}\n\nUnit: {unit}.", row.text("doc")));
        text += &format!("{docs}pub const {name}: {} = {};\n\n", limit_type(&name, &unit), decimal(value));
    }
    for (claim, reason) in BETWEEN_LIMITS {
        text += &format!("const _: () = assert!({claim}, \"{reason}\");\n");
    }
    Ok(text)
}

/// Lengths and counts index memory; money, counters and days do not.
fn limit_type(name: &str, unit: &str) -> &'static str {
    match unit {
        "fen" => "u64",
        "day" => "u32",
        _ if name.starts_with("COUNTER") => "u32",
        _ => "usize",
    }
}

/// Writes `timers.rs`.
pub(super) fn timers(schema: &Schema) -> Result<String, String> {
    let mut text = format!("{HEADER}\n//! Every duration of the protocol, in milliseconds.\n\n");
    let rows = schema.rows("timer");
    for row in &rows {
        let own = if row.flag("agreed") { "\n\nAn agreement may set another value." } else { "" };
        let docs = doc(&format!("{}{own}", row.text("doc")));
        text += &format!(
            "{docs}pub const {}: u64 = {};\n\n",
            row.text("name"),
            decimal(row.number("milliseconds"))
        );
    }
    let agreed: Vec<&Row> = rows.iter().filter(|row| row.flag("agreed")).collect();
    text += "/// The durations that an agreement may set, by their names in `AgreedTimers`, with the usual values.\n";
    text += &format!("pub const AGREED: [(&str, u64); {}] = [", agreed.len());
    for row in agreed {
        text += &format!("(\"{}\", {}),", row.text("name").to_ascii_lowercase(), row.text("name"));
    }
    Ok(text + "];\n")
}

/// Writes `labels.rs`.
pub(super) fn labels(schema: &Schema) -> Result<String, String> {
    let mut text = format!(
        "{HEADER}\n//! The labels of the key schedule and the contexts of signatures and hashes.\n\n"
    );
    for row in schema.rows("label") {
        let docs = doc(&row.text("doc"));
        text +=
            &format!("{docs}pub(crate) const {}: &[u8] = b\"{}\";\n\n", row.text("name"), row.text("text"));
    }
    Ok(text)
}
