//! The frozen vectors, taken through the crate's own decoder, validator, peers and records.

use std::collections::BTreeMap;

use hispos::codec::{self, Strict};
use hispos::crypto::{Secret, ed25519_public};
use hispos::error::PeerError;
use hispos::frame::{Decoder, FrameDrop, FrameType, Side};
use hispos::handshake::initiator::{ExpectM2, start};
use hispos::handshake::responder::{ExpectM3, Hello};
use hispos::handshake::{HeldAgreement, Peering};
use hispos::record::RecordDrop;
use serde_json::Value;

use crate::support::{Script, agreement, framed, from_hex, peering, to_hex};

fn file(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn cases<'a>(file: &'a Value, name: &str) -> &'a Vec<Value> {
    file[name].as_array().unwrap()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).unwrap_or_else(|| panic!("{path}")).as_str().unwrap()
}

/// Hexadecimal words; `HHxN` repeats the bytes HH.
fn bytes(value: &Value, path: &str) -> Vec<u8> {
    let words = text(value, path).split_whitespace().flat_map(|word| {
        let (digits, times) = word.split_once('x').unwrap_or((word, "1"));
        from_hex(digits).repeat(times.parse().unwrap())
    });
    words.collect()
}

fn frame_hex(kind: FrameType, body: &[u8]) -> String {
    to_hex(&framed(kind, body).bytes)
}

/// Type and body of the one frame in the bytes.
fn one_frame(receiver: Side, mut wire: &[u8]) -> (FrameType, Vec<u8>) {
    let mut decoder = Decoder::new(receiver);
    let frame = decoder.next_frame(&mut wire).unwrap().unwrap();
    (frame.kind, frame.body.to_vec())
}

//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST pass every case of every vector file that concerns its role, valid and invalid
//# ones, with exactly the drop, step, alert or bytes that the case names.
//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST pass the frame vectors with every way of splitting each stream into two reads.
#[test]
fn streams_of_the_vectors_give_the_same_outcomes_byte_by_byte_and_in_any_two_reads() {
    let file = file(include_str!("../../vectors/frames.json"));
    for case in cases(&file, "cases") {
        let side = if text(case, "/receiver") == "his" { Side::His } else { Side::Pos };
        let stream = bytes(case, "/stream");
        let byte_by_byte: Vec<&[u8]> = stream.chunks(1).collect();
        let in_two = (0..=stream.len()).map(|at| <[&[u8]; 2]>::from(stream.split_at(at)).to_vec());
        //= spec-crate/spec/conformance.md#testing-with-vectors
        //# An implementation MUST pass the frame vectors with every way of splitting each stream into two
        //# reads.
        for pieces in in_two.chain([byte_by_byte]) {
            let mut decoder = Decoder::new(side);
            let mut outcomes = Vec::new();
            for mut piece in pieces {
                while let Some(outcome) = decoder.next_frame(&mut piece) {
                    outcomes.push(match outcome {
                        Ok(frame) => {
                            serde_json::json!({ "type": frame.kind.number(), "body": to_hex(frame.body) })
                        }
                        Err(drop) => serde_json::json!({ "drop": frame_drop(drop) }),
                    });
                }
            }
            //= spec-crate/spec/conformance.md#testing-with-vectors
            //# An implementation MUST pass every case of every vector file that concerns its role, valid and
            //# invalid ones, with exactly the drop, step, alert or bytes that the case names.
            assert_eq!(&Value::Array(outcomes), &case["outcomes"], "case {}", case["tc_id"]);
        }
    }
    assert!(cases(&file, "cases").len() >= 240);
}

fn frame_drop(drop: FrameDrop) -> &'static str {
    match drop {
        FrameDrop::Cobs => "cobs",
        FrameDrop::Short => "short",
        FrameDrop::Long => "long",
        FrameDrop::Crc => "crc",
        FrameDrop::Type => "type",
        FrameDrop::Echo => "echo",
    }
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST give as its reason the number of the first step that fails at the first field that
//# fails, in the order of the bytes.
//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST pass every case of every vector file that concerns its role, valid and invalid
//# ones, with exactly the drop, step, alert or bytes that the case names.
#[test]
fn messages_of_the_vectors_fail_at_the_same_step_of_the_validator() {
    let file = file(include_str!("../../vectors/validator.json"));
    for case in cases(&file, "cases") {
        let message = Strict::ALL.into_iter().find(|strict| strict.name() == text(case, "/message")).unwrap();
        let step =
            codec::check(message, &bytes(case, "/bytes")).err().map_or(0, |violation| violation.step());
        assert_eq!(u64::from(step), case["step"].as_u64().unwrap(), "case {}", case["tc_id"]);
    }
    assert!(cases(&file, "cases").len() >= 2_800);
}

/// Both ends of a case: what they know, and their draws.
struct Ends {
    agreement: HeldAgreement,
    his: Peering,
    pos: Peering,
    his_draws: Vec<u8>,
    pos_draws: Vec<u8>,
}

impl Ends {
    fn new(case: &Value) -> Self {
        let agreement = agreement(&bytes(case, "/agreement"));
        let end = |role: &str| {
            let seed: [u8; 32] = bytes(case, &format!("/{role}/signing_seed")).try_into().unwrap();
            (text(case, &format!("/{role}/id")), seed)
        };
        let draws = |role: &str| {
            [bytes(case, &format!("/{role}/nonce")), bytes(case, &format!("/{role}/x25519_private"))].concat()
        };
        let (his, pos) = (end("his"), end("pos"));
        Self {
            his: peering(his, pos, agreement.clone()),
            pos: peering(pos, his, agreement.clone()),
            his_draws: draws("his"),
            pos_draws: draws("pos"),
            agreement,
        }
    }

    fn initiator(&self) -> ExpectM2 {
        start(&self.agreement, &mut Script(self.his_draws.clone())).unwrap()
    }

    fn answer(&self, m1: &[u8]) -> Result<ExpectM3, PeerError> {
        Hello::read(m1)?
            .negotiate(self.pos.agreements())?
            .answer(&self.pos, &mut Script(self.pos_draws.clone()))
    }
}

//= spec-crate/spec/key-exchange.md#randomness
//= type=test
//# A HIS MUST draw a new nonce and a new private key for each new M1, and none for a repeated one.
//= spec-crate/spec/key-exchange.md#randomness
//= type=test
//# A POS MUST draw a new nonce and a new private key for each new M2, and none for a repeated one.
//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST pass every case of every vector file that concerns its role, valid and invalid
//# ones, with exactly the drop, step, alert or bytes that the case names.
#[test]
fn exchanges_of_the_vectors_are_reproduced_by_initiator_and_responder() {
    let file = file(include_str!("../../vectors/handshake.json"));
    let (mut as_his, mut as_pos) = (0, 0);
    for case in cases(&file, "cases") {
        let ends = Ends::new(case);
        let m1 = bytes(case, "/elements/m1");
        let (m2, m3) = (bytes(case, "/messages/m2"), bytes(case, "/messages/m3"));
        assert_eq!(frame_hex(FrameType::M2, &m2), text(case, "/frames/m2"));

        // This version offers one version, one suite and no extension: other exchanges show one role only.
        let initiator = ends.initiator();
        if initiator.m1() == m1 {
            assert_eq!(frame_hex(FrameType::M1, initiator.m1()), text(case, "/frames/m1"));
            let (_, made) = initiator.open_m2(&m2).ok().unwrap().finish(&ends.his).ok().unwrap();
            assert_eq!(frame_hex(FrameType::M3, &made), text(case, "/frames/m3"), "case {}", case["tc_id"]);
            as_his += 1;
        }
        let responder = ends.answer(&m1).ok().unwrap();
        if responder.m2() == m2 {
            let opened = responder.open_m3(&m3).ok().unwrap();
            responder.finish(opened, &ends.pos).ok().unwrap();
            as_pos += 1;
        }
    }
    assert_eq!((as_his, as_pos), (3, 3));
}

//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST pass every case of every vector file that concerns its role, valid and invalid
//# ones, with exactly the drop, step, alert or bytes that the case names.
#[test]
fn messages_that_the_vectors_refuse_are_refused_with_the_same_alert() {
    let file = file(include_str!("../../vectors/handshake.json"));
    let base = &cases(&file, "cases")[0];
    for case in cases(&file, "refusals") {
        assert_eq!(case["base"], base["tc_id"]);
        let step = text(case, "/message");
        let side = if step == "m2" { Side::His } else { Side::Pos };
        let wire = bytes(case, "/frame");
        let (_, body) = one_frame(side, &wire);
        let alert = refusal(&Ends::new(base), base, step, &body, text(case, "/reason"));
        assert_eq!(alert.map(u64::from), case["alert"].as_u64(), "case {}", case["tc_id"]);
        if let Some(code) = alert {
            let checksum = Decoder::new(side).next_frame(&mut wire.as_slice()).unwrap().unwrap().checksum;
            let answer = frame_hex(FrameType::PlainAlert, &[&[code], &checksum.to_be_bytes()[..]].concat());
            assert_eq!(answer, text(case, "/answer"));
        }
    }
    assert!(cases(&file, "refusals").len() >= 48);
}

/// The alert that answers a message, or `None` if it is dropped.
fn refusal(ends: &Ends, base: &Value, step: &str, body: &[u8], reason: &str) -> Option<u8> {
    let error = match step {
        "m1" => ends.answer(body).err().expect("a refusal"),
        "m2" => {
            let opened = ends.initiator().open_m2(body).ok()?;
            opened.finish(&registering_itself(base, "his", "pos", reason, ends)).err().expect("a refusal")
        }
        _ => {
            let responder = ends.answer(&bytes(base, "/elements/m1")).ok().unwrap();
            let opened = responder.open_m3(body).ok()?;
            let peering = registering_itself(base, "pos", "his", reason, ends);
            responder.finish(opened, &peering).err().expect("a refusal")
        }
    };
    Some(u8::try_from(error.alert().code()).unwrap())
}

/// What an end knows; for "own id or key" the registry holds this end too, as if it were a peer.
fn registering_itself(base: &Value, own: &str, peer: &str, reason: &str, ends: &Ends) -> Peering {
    let id = |role: &str| text(base, &format!("/{role}/id")).to_owned();
    let seed = |role: &str| -> Secret<32> {
        Secret::new(bytes(base, &format!("/{role}/signing_seed")).try_into().unwrap())
    };
    let mut peers = BTreeMap::from([(id(peer), ed25519_public(&seed(peer)))]);
    if reason == "own id or key" {
        peers.insert(id(own), ed25519_public(&seed(own)));
    }
    Peering::new(id(own), seed(own), vec![ends.agreement.clone()], peers, Some(id(peer))).unwrap()
}

//= spec-crate/spec/records.md#keys-of-an-epoch
//= type=test
//# A sender MUST seal a record under key_e, nonce and aad of its counter as this section gives them.
//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST pass every case of every vector file that concerns its role, valid and invalid
//# ones, with exactly the drop, step, alert or bytes that the case names.
#[test]
fn records_of_the_vectors_are_opened_in_order_of_arrival_and_sealed_alike() {
    let exchanges = file(include_str!("../../vectors/handshake.json"));
    let file = file(include_str!("../../vectors/records.json"));
    let case = &cases(&exchanges, "cases")[0];
    for name in ["ap_h", "ap_p", "tag"] {
        assert_eq!(file["session"][name], case["secrets"][name]);
    }
    let ends = Ends::new(case);
    let initiator = ends.initiator();
    let responder = ends.answer(initiator.m1()).ok().unwrap();
    let (mut his, m3) = initiator.open_m2(responder.m2()).ok().unwrap().finish(&ends.his).ok().unwrap();
    let opened = responder.open_m3(&m3).ok().unwrap();
    let mut pos = responder.finish(opened, &ends.pos).ok().unwrap();

    for case in cases(&file, "cases") {
        let (sealer, opener, receiver) = match text(case, "/direction") {
            "his_to_pos" => (&mut his.sealer, &mut pos.opener, Side::Pos),
            _ => (&mut pos.sealer, &mut his.opener, Side::His),
        };
        let wire = bytes(case, "/frame");
        let (kind, body) = one_frame(receiver, &wire);
        let reason = match opener.open(&body) {
            Ok(plaintext) => {
                assert_eq!(to_hex(&plaintext), text(case, "/opened/plaintext"));
                let counter = u32::try_from(case["opened"]["counter"].as_u64().unwrap()).unwrap();
                assert_eq!(opener.last(), Some(counter));
                // Everything up to this counter was sealed, and lost.
                while sealer.sealed() < counter {
                    sealer.seal(&[0]).unwrap();
                }
                assert_eq!(frame_hex(kind, &sealer.seal(&plaintext).unwrap()), text(case, "/frame"));
                ""
            }
            Err(RecordDrop::Size) => "size",
            Err(RecordDrop::Stale) => "stale",
            Err(RecordDrop::Replayed) => "replayed",
            Err(RecordDrop::Forged) => "forged",
        };
        assert_eq!(reason, text(case, "/reason"), "case {}", case["tc_id"]);
    }
    assert!(cases(&file, "cases").len() >= 22);
}
