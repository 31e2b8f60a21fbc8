//! Messages that come to a POS, and everything that is no message at either end.

use prost_reflect::Value;

use crate::case::Side;
use crate::fields::Fields;
use crate::scene::Stage;
use crate::schema::Schema;

/// A message to be given.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) receiver: Side,
    pub(crate) stage: Stage,
    /// The body's name, or what there is instead.
    pub(crate) body: &'static str,
    pub(crate) field: &'static str,
    pub(crate) kind: String,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) requirements: String,
    /// The rule that is broken; nothing: the message is valid.
    pub(crate) wrong: Option<&'static str>,
    /// The reaction; empty: whatever the link does.
    pub(crate) expected: &'static str,
}

/// Call number of every request.
pub(crate) const CALL: u32 = 41;

/// A row of a valid message.
pub(crate) fn right(
    receiver: Side,
    stage: Stage,
    body: &'static str,
    kind: &str,
    plaintext: Vec<u8>,
    ids: &str,
) -> Row {
    Row {
        receiver,
        stage,
        body,
        field: "",
        kind: kind.to_owned(),
        plaintext,
        requirements: ids.to_owned(),
        wrong: None,
        expected: "",
    }
}

impl Row {
    /// The same with a field that is wrong, and the reaction.
    pub(crate) fn wrong(self, field: &'static str, reason: &'static str, expected: &'static str) -> Self {
        Self { field, wrong: Some(reason), expected, ..self }
    }
}

/// A message with this body, as a request (`call`), an answer or a notice.
pub(crate) fn message(
    schema: &Schema,
    call: u32,
    reply_to: u32,
    body: &str,
    name: &str,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, String> {
    let inner = Value::Message(schema.build(name, fields)?);
    let mut all = vec![(body, inner)];
    if call != 0 {
        all.push(("call", Value::U32(call)));
    }
    if reply_to != 0 {
        all.push(("reply_to", Value::U32(reply_to)));
    }
    schema.encode("Message", &all)
}

pub(crate) fn request(
    schema: &Schema,
    body: &str,
    name: &str,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, String> {
    message(schema, CALL, 0, body, name, fields)
}

pub(crate) fn raw(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec().into())
}

/// Why a plaintext that is no Message ends the session.
pub(crate) const NO_MESSAGE: &str = "not a Message";

/// Plaintexts that no parser takes for a Message, or that have more than one body.
pub(crate) fn no_messages() -> Vec<Row> {
    let plaintexts: [(&str, &[u8]); 14] = [
        ("a key cut off", &[0x80]),
        ("a number cut off", &[0x08]),
        (
            "a number of eleven bytes",
            &[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ),
        ("a length cut off", &[0x08, 0x01, 0x2A]),
        ("a length beyond the end", &[0x08, 0x01, 0x2A, 0x05, 0x0A]),
        ("a length beyond the body", &[0x08, 0x01, 0x2A, 0x02, 0x0A, 0x05]),
        ("wire type 6", &[0x0E, 0x01]),
        ("wire type 7", &[0x0F, 0x01]),
        ("field number 0", &[0x00, 0x01]),
        ("a text that is not UTF-8", &[0x08, 0x01, 0x52, 0x03, 0x0A, 0x01, 0xFF]),
        ("eight bytes cut off", &[0xC9, 0x3E, 0x01]),
        ("four bytes cut off", &[0xCD, 0x3E, 0x01]),
        ("a ping and a sync", &[0x08, 0x01, 0x62, 0x00, 0x2A, 0x00]),
        ("two pings", &[0x08, 0x01, 0x62, 0x00, 0x62, 0x00]),
    ];
    let both = [(Side::Pos, Stage::Synced), (Side::His, Stage::Synced)];
    let rows = both.into_iter().flat_map(|(receiver, stage)| {
        plaintexts.iter().map(move |(kind, plaintext)| {
            right(receiver, stage, "plaintext", kind, plaintext.to_vec(), "REC-20")
                .wrong("", NO_MESSAGE, "alert 50")
        })
    });
    rows.collect()
}

/// Alerts of every code, alone and with more beside them.
pub(crate) fn alerts(schema: &Schema) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let known = schema.enumeration("AlertCode")?;
    let codes: Vec<i32> = known.values().map(|value| value.number()).chain([99, 1_000]).collect();
    for receiver in [Side::Pos, Side::His] {
        for code in &codes {
            let fields = if *code == 0 { Vec::new() } else { vec![("code", Value::EnumNumber(*code))] };
            let alone = message(schema, 0, 0, "alert", "Alert", &fields)?;
            let called = message(schema, CALL, 0, "alert", "Alert", &fields)?;
            for (kind, plaintext) in
                [(format!("code {code}"), alone), (format!("code {code}, with a call"), called)]
            {
                let ids = "REC-21 REC-22 REC-23";
                rows.push(Row {
                    expected: "the session ends",
                    ..right(receiver, Stage::Synced, "alert", &kind, plaintext, ids)
                });
            }
        }
        let (alert, ping) = ([0x1A, 0x02, 0x08, 0x14], [0x62, 0x00]);
        for (kind, beside) in [
            ("a ping behind it", [alert.as_slice(), &ping].concat()),
            ("a ping before it", [ping.as_slice(), &alert].concat()),
            ("pings before and behind it", [ping.as_slice(), &alert, &ping].concat()),
        ] {
            rows.push(Row {
                expected: "the session ends",
                ..right(receiver, Stage::Synced, "alert", kind, beside, "REC-21 REC-22")
            });
        }
    }
    Ok(rows)
}
