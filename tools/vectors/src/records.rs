//! Records of one session in both directions, over the boundary of an epoch, and records that are dropped.

use hispos::crypto::Secret;
use hispos::crypto::hash::label;
use hispos::frame::{FrameType, Side};
use hispos::record::{Opener, RecordDrop, Sealer};
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cited, Mutation, Verdict, cited, wire_frame};
use crate::exchange::Exchange;
use crate::hex::{bytes, hex};

/// Records of the session of case 1 of `handshake.json`.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// How to check this file, in words.
    check: [&'static str; 4],
    session: Session,
    /// In the order of arrival: what a case leaves behind is where the next one of its direction begins.
    cases: Vec<Case>,
}

/// The outcome of the key exchange. Hexadecimal.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Session {
    ap_h: String,
    ap_p: String,
    tag: String,
}

/// One arrival.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Case {
    tc_id: u32,
    comment: &'static str,
    requirements: Cited,
    direction: Direction,
    /// On the wire with the final 00, in hexadecimal. Its checksum is always right.
    frame: String,
    result: Verdict,
    /// The name of the drop; empty if valid.
    reason: &'static str,
    /// What the receiver does; empty if valid.
    #[serde(skip_serializing_if = "str::is_empty")]
    reaction: &'static str,
    /// What a valid record holds, and what it is sealed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<Opened>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Mutation>,
}

#[derive(Clone, Copy, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    HisToPos,
    PosToHis,
}

/// Byte strings are hexadecimal.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Opened {
    plaintext: String,
    counter: u32,
    epoch: u32,
    /// The record secret of the epoch.
    secret: String,
    key: String,
    iv: String,
    nonce: String,
    aad: String,
}

/// Both directions of the session.
struct Lines {
    his: Line,
    pos: Line,
}

/// One direction: who seals, who opens, and the secret of its first epoch.
struct Line {
    sealer: Sealer,
    opener: Opener,
    first_secret: [u8; 32],
    kind: FrameType,
    /// The body that was sealed last, and what is in it.
    sealed: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Line {
    fn new(sealer: Sealer, opener: Opener, first_secret: [u8; 32], kind: FrameType) -> Self {
        Self { sealer, opener, first_secret, kind, sealed: Vec::new(), plaintext: Vec::new() }
    }
}

/// The records, sealed and opened by the crate.
pub(crate) fn file(run: &Exchange) -> Result<File, String> {
    let secrets = run.secrets();
    let (his_sealer, his_opener) = run.records(Side::His);
    let (pos_sealer, pos_opener) = run.records(Side::Pos);
    let mut lines = Lines {
        his: Line::new(his_sealer, pos_opener, secrets.ap_h, FrameType::HisRecord),
        pos: Line::new(pos_sealer, his_opener, secrets.ap_p, FrameType::PosRecord),
    };
    let session = Session { ap_h: hex(&secrets.ap_h), ap_p: hex(&secrets.ap_p), tag: hex(&secrets.tag) };
    let mut cases = Vec::new();
    for (tc_id, (direction, arrival, comment)) in (1..).zip(ARRIVALS) {
        let line = match direction {
            Direction::HisToPos => &mut lines.his,
            Direction::PosToHis => &mut lines.pos,
        };
        let skips = matches!(arrival, Sealed(counter, _) if line.sealer.sealed() < *counter);
        let body = line.arriving(arrival)?;
        let frame = wire_frame(line.kind, &body)?;
        let (result, reason, opened) = line.take(&body)?;
        let requirements = cited(match reason {
            "size" => "REC-11",
            "stale" => "REC-12",
            "replayed" => "REC-14",
            "forged" if comment.contains("does not open: ") => "REC-16 REC-17 REC-18",
            "forged" if comment.contains("of epoch") || comment.contains("highest") => "REC-15",
            "forged" => "REC-16 REC-18",
            _ if skips => "REC-8 REC-3",
            _ => "REC-8",
        });
        let mutation = Mutation::of(result, "record", reason, comment);
        let direction = *direction;
        let reaction =
            if reason.is_empty() { "" } else { "dropped and counted; the session stays as it was" };
        cases.push(Case {
            tc_id,
            comment,
            requirements,
            direction,
            frame,
            result,
            reason,
            reaction,
            opened,
            mutation,
        });
    }
    let check = [
        "Deframe `frame` and open its body at the receiver of `direction`, in the order of the file.",
        "A valid record gives `opened.plaintext`; its epoch is committed. An invalid one changes nothing.",
        "Seal `opened.plaintext` under `opened.counter` at the sender: key, iv, nonce, aad and frame are the same.",
        "Where counters skip, the sender has sealed one byte 00 under each, and sent none of them; `reason` is the name \
         of the drop.",
    ];
    Ok(File { check, session, cases })
}

use Arrival::{Again, Flipped, Other, Sealed};
use Direction::{HisToPos, PosToHis};

/// What arrives.
enum Arrival {
    /// A record sealed under this counter; the plaintext is in the notation of the tables.
    Sealed(u32, &'static str),
    /// The record that was sealed last, again.
    Again,
    /// A record sealed under this counter; the lowest bit of one byte of its body is changed.
    Flipped(u32, usize),
    /// A body that nobody sealed, in the notation of the tables.
    Other(&'static str),
}

const ARRIVALS: &[(Direction, Arrival, &str)] = &[
    (PosToHis, Sealed(0, "2206 0a04 01020304"), "the first record of the POS: SessionReady"),
    (HisToPos, Sealed(0, "0801 2a1a 0a18 41x24"), "the first record of HIS: Sync as call 1"),
    (HisToPos, Sealed(1, "00"), "one byte: what it says is not the record layer's business"),
    (HisToPos, Sealed(2, "5ax1024"), "the longest plaintext"),
    (HisToPos, Again, "the same record again"),
    (HisToPos, Flipped(3, 5), "a bit of the ciphertext flipped"),
    (HisToPos, Flipped(4, 8), "a bit of the GCM tag flipped"),
    (HisToPos, Flipped(5, 4), "a bit of the counter flipped"),
    (HisToPos, Flipped(6, 0), "a bit of the session's tag flipped"),
    (HisToPos, Other("58 00000001 11x18"), "another tag and an old counter: the tag comes first"),
    (HisToPos, Other("59 00000007 11x16"), "a body without room for a plaintext"),
    (HisToPos, Other("59 00000007 11x1041"), "a body of 1,046 bytes"),
    (
        HisToPos,
        Other("59 0001ffff 11x18"),
        "counter 131,071, which does not open: its epoch is not committed",
    ),
    (HisToPos, Sealed(65_535, "0802 6200"), "the last record of epoch 0, after many were lost"),
    (HisToPos, Sealed(65_536, "0803 6200"), "the first record of epoch 1"),
    (HisToPos, Sealed(65_537, "0804 6200"), "the second record of epoch 1"),
    (HisToPos, Other("59 0000ffff 11x18"), "a counter of epoch 0 after epoch 1: not above the last"),
    (PosToHis, Sealed(65_540, "1004 6a00"), "straight into epoch 1: the epoch's first records were lost"),
    (PosToHis, Sealed(131_071, "1005 6a00"), "the last record of epoch 1"),
    (
        PosToHis,
        Sealed(196_608, "1006 6a00"),
        "a record of epoch 3, rightly sealed: epoch 2 cannot be left out",
    ),
    (PosToHis, Other("59 ffffffff 11x18"), "the highest counter"),
    (HisToPos, Sealed(65_538, "1a00"), "an orderly close"),
    (HisToPos, Other("59 00020001 11x18"), "counter 131,073, which does not open: epoch 2 is not committed"),
    (
        HisToPos,
        Sealed(65_600, "0805 6200"),
        "epoch 1 goes on: what a close says is not the record layer's business",
    ),
    (HisToPos, Other("59 0002ffff 11x18"), "counter 196,607, which does not open: epoch 2 is not committed"),
    (HisToPos, Sealed(65_700, "0806 6200"), "epoch 1 goes on again"),
    (HisToPos, Again, "the record before once more"),
    (HisToPos, Other("59 00030000 11x18"), "the first counter of epoch 3 in epoch 1"),
    (HisToPos, Other("59 00010900"), "a body that ends behind the counter"),
];

impl Line {
    /// The body that arrives.
    fn arriving(&mut self, arrival: &Arrival) -> Result<Vec<u8>, String> {
        match arrival {
            Sealed(counter, text) => self.seal(*counter, &bytes(text)?)?,
            Again => {}
            Flipped(counter, at) => {
                self.seal(*counter, &[0x1A, 0x00])?;
                let mut body = self.sealed.clone();
                if let Some(byte) = body.get_mut(*at) {
                    *byte ^= 1;
                }
                return Ok(body);
            }
            Other(text) => return bytes(text),
        }
        Ok(self.sealed.clone())
    }

    /// Seals under this counter; what comes before is sealed too, and lost.
    fn seal(&mut self, counter: u32, plaintext: &[u8]) -> Result<(), String> {
        let refused = |error| format!("sealing: {error:?}");
        while self.sealer.sealed() < counter {
            self.sealer.seal(&[0]).map_err(refused)?;
        }
        self.sealed = self.sealer.seal(plaintext).map_err(refused)?;
        self.plaintext = plaintext.to_vec();
        Ok(())
    }

    fn take(&mut self, body: &[u8]) -> Result<(Verdict, &'static str, Option<Opened>), String> {
        match self.opener.open(body) {
            Ok(plaintext) if plaintext == self.plaintext => {
                Ok((Verdict::Valid, "", Some(self.opened(body)?)))
            }
            Ok(_) => Err("a record opens as something else".to_owned()),
            Err(drop) => Ok((Verdict::Invalid, name(drop), None)),
        }
    }

    /// What the record that was just opened is sealed with.
    fn opened(&self, body: &[u8]) -> Result<Opened, String> {
        let counter = self.opener.last().ok_or("nothing was opened")?;
        let epoch = counter >> 16;
        let mut secret = Secret::new(self.first_secret);
        for _ in 0..epoch {
            secret = label(&secret, b"upd", &[]);
        }
        let iv = *label::<12>(&secret, b"iv", &[]).expose();
        let mut nonce = iv;
        for (byte, counter) in nonce.iter_mut().skip(8).zip(counter.to_be_bytes()) {
            *byte ^= counter;
        }
        let header = body.get(..5).unwrap_or_default();
        Ok(Opened {
            plaintext: hex(&self.plaintext),
            counter,
            epoch,
            secret: hex(secret.expose()),
            key: hex(label::<32>(&secret, b"key", &[]).expose()),
            iv: hex(&iv),
            nonce: hex(&nonce),
            aad: hex(&[&[self.kind.number()], header].concat()),
        })
    }
}

fn name(drop: RecordDrop) -> &'static str {
    match drop {
        RecordDrop::Size => "size",
        RecordDrop::Stale => "stale",
        RecordDrop::Replayed => "replayed",
        RecordDrop::Forged => "forged",
    }
}
