//! Frames of many lengths and types, and every way to damage a short one.

use hispos::frame::{self, FrameType};

use crate::case::Side;
use crate::hex::bytes;

/// Receiver, comment and stream.
type Made = (Side, String, Vec<u8>);

/// Every case.
pub(crate) fn all() -> Result<Vec<Made>, String> {
    Ok([lengths()?, types()?, damaged()?, sizes()].concat())
}

fn stream(run: &[u8]) -> Vec<u8> {
    [&[0], run, &[0]].concat()
}

fn framed(kind: FrameType, body: &[u8]) -> Result<Vec<u8>, String> {
    encode(kind, body).map(|run| [&[0], run.as_slice()].concat())
}

/// Lengths around every block of 254 bytes, without a zero, with one, and of zeros.
fn lengths() -> Result<Vec<Made>, String> {
    let mut made = Vec::new();
    for length in (0..9).flat_map(|blocks| [248, 249, 250].map(|near| blocks * 254 + near)) {
        if length > frame::BODY_BYTES_MAX {
            continue;
        }
        let mut body = vec![0x22; length];
        made.push((Side::Pos, format!("{length} bytes 22"), framed(FrameType::HisRecord, &body)?));
        body.iter_mut().skip(length / 2).take(1).for_each(|byte| *byte = 0);
        made.push((
            Side::His,
            format!("{length} bytes, a zero in the middle"),
            framed(FrameType::PosRecord, &body)?,
        ));
    }
    for length in [1, 2, 3, 250, 254, 255, 1_040] {
        made.push((Side::Pos, format!("{length} zeros"), framed(FrameType::M3, &vec![0; length])?));
    }
    Ok(made)
}

/// Every type near those in use, at both receivers.
fn types() -> Result<Vec<Made>, String> {
    let mut made = Vec::new();
    for kind in (0..=255_u8).filter(|kind| matches!(kind, 0x00..=0x20 | 0x7F..=0x81 | 0xFE..)) {
        let run = run_of(&[&[kind], b"hello".as_slice()].concat());
        for receiver in [Side::His, Side::Pos] {
            // Types 00, 04 and 0E are among the cases that were made by hand.
            made.push((receiver, format!("type {kind:02x}, `hello`, a right checksum"), stream(&run)));
        }
    }
    Ok(made)
}

/// One bit flipped in each byte, one byte missing, and one more at each place.
fn damaged() -> Result<Vec<Made>, String> {
    let run = encode(FrameType::M3, &bytes("0a00 5500 ff")?)?;
    let run = run.get(..run.len() - 1).unwrap_or_default();
    let mut made = Vec::new();
    for place in 0..run.len() {
        for bit in [0, 3, 7] {
            let mut changed = run.to_vec();
            changed.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << bit);
            if !changed.contains(&0) {
                made.push((
                    Side::Pos,
                    format!("bit {bit} of byte {place} of a run flipped"),
                    stream(&changed),
                ));
            }
        }
        let (before, behind) = run.split_at(place);
        let without = [before, behind.get(1..).unwrap_or_default()].concat();
        made.push((Side::Pos, format!("byte {place} of a run missing"), stream(&without)));
        let with = [before, &[0x33], behind].concat();
        made.push((Side::Pos, format!("a byte more before byte {place} of a run"), stream(&with)));
        if place > 0 {
            made.push((Side::Pos, format!("a run cut off behind {place} bytes"), stream(before)));
            let cut = [&[0], before, &[0], behind, &[0]].concat();
            made.push((Side::Pos, format!("a 00 in a run behind {place} bytes"), cut));
        }
    }
    Ok(made)
}

/// Frames that are too short and too long by a few bytes, under a right checksum.
fn sizes() -> Vec<Made> {
    let mut made = Vec::new();
    for length in 1..=3_usize {
        let mut frame = vec![0x44; length];
        frame.truncate(length);
        made.push((Side::Pos, format!("a frame of {length} bytes"), stream(&cobs(&frame))));
    }
    for body in [frame::BODY_BYTES_MAX + 1, frame::BODY_BYTES_MAX + 2, frame::BODY_BYTES_MAX + 3] {
        let whole = [vec![0x10], vec![0; body]].concat();
        made.push((
            Side::Pos,
            format!("a frame of {} bytes, a right checksum", body + 5),
            stream(&run_of(&whole)),
        ));
    }
    for run in [2_058, 2_059, 4_116] {
        made.push((Side::His, format!("a run of {run} bytes"), stream(&vec![0x11; run])));
    }
    made
}

/// The run of type and body, whatever they are.
fn run_of(type_and_body: &[u8]) -> Vec<u8> {
    cobs(&[type_and_body, &crc32c(type_and_body).to_be_bytes()].concat())
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 };
        }
    }
    !crc
}

/// COBS of a frame whose segments are shorter than 254 bytes.
fn cobs(frame: &[u8]) -> Vec<u8> {
    let segments = frame.split(|byte| *byte == 0);
    segments.flat_map(|segment| [&[segment.len() as u8 + 1], segment].concat()).collect()
}

/// One frame as it follows a 0x00, with its own.
pub(crate) fn encode(kind: FrameType, body: &[u8]) -> Result<Vec<u8>, String> {
    frame::encode(kind, body).map(|encoded| encoded.bytes).map_err(|_| "body too long".to_owned())
}

/// Streams that were added later: the numbers of cases do not change.
pub(crate) fn later() -> Result<Vec<(Side, String, Vec<u8>)>, String> {
    let full = |blocks: usize| encode(FrameType::HisRecord, &vec![0x22; 254 * blocks - 5]);
    let mut made = Vec::new();
    for blocks in [2_usize, 3] {
        let run = full(blocks)?;
        made.push((Side::Pos, format!("{blocks} blocks of 254 bytes and no more"), stream_of(&run)));
        let (zero, rest) = run.split_last().ok_or("an empty run")?;
        let surplus = [rest, &[1, *zero]].concat();
        made.push((Side::Pos, format!("{blocks} full blocks with a 0x01 behind them"), stream_of(&surplus)));
    }
    let record = full(1)?;
    let first = encode(FrameType::M1, b"hsp1")?;
    made.push((Side::Pos, "a record before the first 0x00".to_owned(), record.clone()));
    made.push((
        Side::Pos,
        "two frames, and no 0x00 before them".to_owned(),
        [first.clone(), record.clone()].concat(),
    ));
    made.push((Side::Pos, "empty runs before a frame".to_owned(), [&[0; 9], first.as_slice()].concat()));
    made.push((
        Side::Pos,
        "empty runs behind a frame".to_owned(),
        [&[0], record.as_slice(), &[0; 9]].concat(),
    ));
    made.push((Side::Pos, "nothing but empty runs".to_owned(), vec![0; 3_000]));
    Ok(made)
}

fn stream_of(run: &[u8]) -> Vec<u8> {
    [&[0], run].concat()
}
