//! The records of a session as they went over the line, with every value that seals them.

use hispos::crypto::Secret;
use hispos::crypto::hash::label;
use hispos::frame::{Decoder, FrameType, Side};
use hispos::record::Opener;
use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::Exchange;
use crate::hex::{bytes, hex};
use crate::pair::{BEGIN, End, Pair};
use crate::schema::Schema;
use crate::shown::Message;
use crate::story::{Happening, Out, What};

/// One record on the line.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Sent {
    tc_id: u32,
    requirements: [&'static str; 5],
    /// `his` or `pos`.
    sender: &'static str,
    /// Milliseconds since the line was opened.
    at: u64,
    /// The name of the body.
    pub(crate) body: String,
    pub(crate) plaintext: Message,
    /// Frame type, tag and counter.
    r#type: u8,
    tag: u8,
    counter: u32,
    key: String,
    iv: String,
    nonce: String,
    aad: String,
    ciphertext: String,
    aead_tag: String,
    /// The body of the frame: tag, counter, ciphertext, AEAD tag.
    record: String,
    checksum: String,
    /// Type, body and checksum.
    frame: String,
    /// COBS of the frame, and the final 00.
    wire: String,
}

/// What both ends sent, in its order.
fn frames_of(pair: &Pair) -> Vec<(u64, End, Vec<u8>)> {
    let [his, pos] = &pair.log;
    let of = |end, log: &[Happening]| -> Vec<(u64, End, Vec<u8>)> {
        let sent = log.iter().filter_map(|happening| match &happening.what {
            What::Out(Out::Transmit(text)) => Some((happening.at, end, bytes(text).unwrap_or_default())),
            _ => None,
        });
        sent.filter(|(_, _, bytes)| bytes.len() > 1).collect()
    };
    let mut frames = [of(End::His, his), of(End::Pos, pos)].concat();
    frames.sort_by_key(|(at, _, _)| *at);
    frames
}

/// Every record; the messages of the key exchange have to be those of `run`.
pub(crate) fn records(schema: &Schema, pair: &Pair, run: &Exchange) -> Result<Vec<Sent>, String> {
    let (_, mut his_opener) = run.records(Side::His);
    let (_, mut pos_opener) = run.records(Side::Pos);
    let mut records = Vec::new();
    for (at, sender, wire) in frames_of(pair) {
        let (receiver, opener) = match sender {
            End::His => (Side::Pos, &mut pos_opener),
            End::Pos => (Side::His, &mut his_opener),
        };
        let mut decoder = Decoder::new(receiver);
        let mut unread = wire.as_slice();
        let frame = decoder.next_frame(&mut unread).ok_or("no frame")?.map_err(|_| "a drop")?;
        let (kind, checksum, body) = (frame.kind, frame.checksum, frame.body.to_vec());
        let exchanged = match kind {
            FrameType::M1 => Some(&run.m1),
            FrameType::M2 => Some(&run.m2),
            FrameType::M3 => Some(&run.m3),
            _ => None,
        };
        match exchanged {
            Some(expected) if *expected == body => {}
            Some(_) => return Err("the links exchange something else".to_owned()),
            None => {
                let tc_id = records.len() as u32 + 1;
                let sent = Raw { tc_id, at: at - BEGIN, sender, kind, checksum, body, wire };
                records.push(sent.shown(schema, run, opener)?);
            }
        }
    }
    Ok(records)
}

/// A record as it was seen.
struct Raw {
    tc_id: u32,
    at: u64,
    sender: End,
    kind: FrameType,
    checksum: u32,
    body: Vec<u8>,
    wire: Vec<u8>,
}

impl Raw {
    fn shown(self, schema: &Schema, run: &Exchange, opener: &mut Opener) -> Result<Sent, String> {
        let plaintext = opener.open(&self.body).map_err(|drop| format!("{drop:?}"))?;
        let counter = opener.last().ok_or("nothing was opened")?;
        let secrets = run.secrets();
        let secret = Secret::new(if self.sender == End::His { secrets.ap_h } else { secrets.ap_p });
        let iv = *label::<12>(&secret, b"iv", &[]).expose();
        let mut nonce = iv;
        for (byte, counter) in nonce.iter_mut().skip(8).zip(counter.to_be_bytes()) {
            *byte ^= counter;
        }
        let checksum = self.checksum.to_be_bytes();
        let (header, sealed) = self.body.split_at_checked(5).ok_or("a short record")?;
        let (ciphertext, tag) = sealed.split_at_checked(plaintext.len()).ok_or("a short record")?;
        let decoded = schema.decoded("Message", &plaintext)?;
        let body = decoded.as_object().and_then(|fields| {
            fields.keys().find(|key| !matches!(key.as_str(), "call" | "reply_to")).cloned()
        });
        Ok(Sent {
            tc_id: self.tc_id,
            requirements: ["REC-2", "REC-8", "FRM-10", "FRM-13", "ENC-16"],
            sender: if self.sender == End::His { "his" } else { "pos" },
            at: self.at,
            body: body.unwrap_or_default(),
            plaintext: Message { message: "Message".into(), bytes: hex(&plaintext), decoded },
            r#type: self.kind.number(),
            tag: header.first().copied().unwrap_or_default(),
            counter,
            key: hex(label::<32>(&secret, b"key", &[]).expose()),
            iv: hex(&iv),
            nonce: hex(&nonce),
            aad: hex(&[&[self.kind.number()], header].concat()),
            ciphertext: hex(ciphertext),
            aead_tag: hex(tag),
            record: hex(&self.body),
            checksum: hex(&checksum),
            frame: hex(&[&[self.kind.number()], self.body.as_slice(), &checksum].concat()),
            wire: hex(&self.wire),
        })
    }
}
