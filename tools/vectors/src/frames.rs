//! Cases of the frame reader: what the limits allow and refuse, and the name of each drop.

use hispos::frame::{self, FrameDrop, FrameType};
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cited, Mutation, Side, Verdict, cited};
use crate::hex::{bytes, hex};
use crate::streams::{self, encode};

/// Streams, and what a receiver makes of them.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// How to check this file, in words.
    check: [&'static str; 3],
    cases: Vec<Case>,
}

/// One stream, from its opening.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Case {
    tc_id: u32,
    comment: String,
    requirements: Cited,
    receiver: Side,
    /// Hexadecimal: all bytes of the stream.
    stream: String,
    /// Frames and drops in order.
    outcomes: Vec<Outcome>,
    /// Invalid if anything is dropped.
    result: Verdict,
    /// The names of the drops; empty if valid.
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Mutation>,
}

/// What one run of the stream gives.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
enum Outcome {
    /// A frame: its type, and its body in hexadecimal.
    Frame { r#type: u8, body: String },
    /// The name of the drop.
    Drop { drop: String },
}

/// Every case with what the crate's decoder makes of it.
pub(crate) fn file() -> Result<File, String> {
    let mut cases = Vec::new();
    let rows = streams()?.into_iter().map(|(side, comment, stream)| (side, comment.to_owned(), stream));
    for (tc_id, (receiver, comment, stream)) in
        (1..).zip(rows.chain(streams::all()?).chain(streams::later()?))
    {
        let outcomes = read(receiver, &stream);
        let drops: Vec<&str> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Drop { drop } => Some(drop.as_str()),
                Outcome::Frame { .. } => None,
            })
            .collect();
        let result = if drops.is_empty() { Verdict::Valid } else { Verdict::Invalid };
        let mut requirements = cited(&match drops.as_slice() {
            [] => "FRM-10 FRM-13 FRM-17".to_owned(),
            drops => drops.iter().map(|drop| rule(drop)).collect::<Vec<_>>().join(" "),
        });
        requirements.extend(cited(form(&stream, &comment)));
        let mutation =
            Mutation::of(result, "stream", if receiver == Side::His { "his" } else { "pos" }, &comment);
        let reason = drops.join(", ");
        let stream = hex(&stream);
        cases.push(Case {
            tc_id,
            comment,
            requirements,
            receiver,
            stream,
            outcomes,
            result,
            reason,
            mutation,
        });
    }
    let check = [
        "Give `stream` to a reader of side `receiver` that has just opened its line, at once and byte by byte.",
        "It gives `outcomes`, in this order: frames with type and body, or one named drop for a bad run.",
        "Encoding the frames of a valid case gives its runs again, but not of cases 4, 9, 243, 245 and 250.",
    ];
    Ok(File { check, cases })
}

fn read(receiver: Side, mut stream: &[u8]) -> Vec<Outcome> {
    let side = match receiver {
        Side::His => frame::Side::His,
        Side::Pos => frame::Side::Pos,
    };
    let mut decoder = frame::Decoder::new(side);
    let mut outcomes = Vec::new();
    while let Some(outcome) = decoder.next_frame(&mut stream) {
        outcomes.push(match outcome {
            Ok(frame) => Outcome::Frame { r#type: frame.kind.number(), body: hex(frame.body) },
            Err(drop) => Outcome::Drop { drop: name(drop).to_owned() },
        });
    }
    outcomes
}

fn name(drop: FrameDrop) -> &'static str {
    match drop {
        FrameDrop::Cobs => "cobs",
        FrameDrop::Short => "short",
        FrameDrop::Long => "long",
        FrameDrop::Crc => "crc",
        FrameDrop::Type => "type",
        FrameDrop::Echo => "echo",
    }
}

/// The requirement behind a drop.
fn rule(drop: &str) -> &'static str {
    match drop {
        "cobs" => "FRM-22",
        "long" => "FRM-20 FRM-23",
        "short" => "FRM-24",
        "crc" => "FRM-25",
        "type" => "FRM-26",
        _ => "FRM-27",
    }
}

/// The requirement behind the form of a stream.
fn form(stream: &[u8], comment: &str) -> &'static str {
    if comment.contains("0x01 behind") {
        return "FRM-16";
    }
    match stream {
        [first, ..] if *first != 0 => "FRM-18",
        _ if stream.windows(2).any(|two| two == [0, 0]) => "FRM-19",
        _ if stream.split(|byte| *byte == 0).any(|run| run.len() > 2_058) => "FRM-21",
        _ if comment.contains("blocks of 254") || comment == "a final block of 254 bytes" => "FRM-15",
        _ => "",
    }
}

/// Receiver, comment and stream.
type Row = (Side, &'static str, Vec<u8>);

/// Every case, valid ones first.
fn streams() -> Result<Vec<Row>, String> {
    use Side::{His, Pos};
    let alert = encode(FrameType::PlainAlert, &bytes("28 01020304")?)?;
    let mut cases = valid(&alert)?;
    let flipped = |at: usize| {
        let mut run = alert.clone();
        if let Some(byte) = run.get_mut(at) {
            *byte ^= 0x80;
        }
        [&[0], run.as_slice()].concat()
    };
    let raw: [(Side, &str, &str); 9] = [
        (Pos, "a block that ends behind the run, by one byte", "00 05112233 00"),
        (Pos, "a block that ends behind the run, after a good one", "00 0211 ff11x253 00"),
        (Pos, "the run 01: a frame of no bytes", "00 01 00"),
        (Pos, "a frame of four bytes: COBS is right, a checksum alone is not enough", "00 0511223344 00"),
        (Pos, "a run of 2,057 bytes that decodes to 2,056", "00 01x2057 00"),
        (Pos, "a frame of 2,049 bytes", "00 01x2050 00"),
        (Pos, "unknown type 0x00 under a right checksum", "00 0106aa38c8ea4c00"),
        (Pos, "unknown type 0x04 under a right checksum", "00 0704aa76428b9000"),
        (His, "unknown type 0x0E under a right checksum", "00 070eaacc1378c600"),
    ];
    for (receiver, comment, text) in raw {
        cases.push((receiver, comment, bytes(text)?));
    }
    cases.push((
        Pos,
        "a run of 2,058 bytes and more: one drop at the 2,058th, silence to the next 0x00, then a good frame",
        [bytes("00 11x4200 00")?, alert.clone()].concat(),
    ));
    cases.push((Pos, "a run of 2,058 bytes that never ends", bytes("00 11x2058")?));
    cases.push((His, "a bit of the body flipped", flipped(3)));
    cases.push((His, "a bit of the checksum flipped", flipped(alert.len() - 2)));
    cases.push((His, "a bit of the type flipped: the checksum is checked before the type", flipped(1)));
    cases.push((His, "HIS receives an M1", [&[0], encode(FrameType::M1, b"hsp1")?.as_slice()].concat()));
    cases.push((
        His,
        "HIS receives a record of HIS",
        [&[0], encode(FrameType::HisRecord, &[0x59])?.as_slice()].concat(),
    ));
    cases.push((Pos, "the POS receives an M2", [&[0], encode(FrameType::M2, &[0x0A])?.as_slice()].concat()));
    Ok(cases)
}

fn valid(alert: &[u8]) -> Result<Vec<Row>, String> {
    use Side::{His, Pos};
    let framed = |kind, body: &[u8]| encode(kind, body).map(|run| [&[0], run.as_slice()].concat());
    // Type and checksum have no zero here, so the frame is one block of 254 bytes.
    let full = framed(FrameType::HisRecord, &bytes(FULL_BLOCK)?)?;
    let mut surplus = full.clone();
    surplus.insert(surplus.len() - 1, 0x01);
    Ok(vec![
        (His, "an empty body: the layer above judges it", framed(FrameType::PosRecord, &[])?),
        (Pos, "zeros at both ends of a body", framed(FrameType::M3, &bytes("00 00 11 00")?)?),
        (Pos, "a final block of 254 bytes", full),
        (Pos, "a final block of 254 bytes with a 0x01 behind it, which no sender writes", surplus),
        (
            Pos,
            "the longest frame without a zero: 2,048 bytes, encoded 2,057",
            framed(FrameType::HisRecord, &bytes(LONGEST)?)?,
        ),
        (Pos, "the longest body of zeros", framed(FrameType::HisRecord, &[0; frame::BODY_BYTES_MAX])?),
        (His, "a frame before the first 0x00", alert.to_vec()),
        (Pos, "empty runs between two frames", [&[0, 0, 0], alert, &[0, 0], alert, &[0]].concat()),
        (Pos, "a run that has not ended gives nothing yet", bytes("00 06 0102")?),
    ])
}

/// Bodies that leave no zero in the frame.
const FULL_BLOCK: &str = "22x249";
const LONGEST: &str = "22x2043";
