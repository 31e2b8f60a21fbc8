//! Damage in three places: on the wire, under a repaired checksum, and before sealing. Each has its exact reaction.

use std::vec;
use std::vec::Vec;

use prost::Message;

use super::{Bench, Said, Sent, message, only};
use crate::error::PeerError;
use crate::frame::FrameType;
use crate::session::{Dropped, SessionEnd};
use crate::wire;

//= spec-crate/spec/conformance.md#testing-with-vectors
//# An implementation MUST be tested with each bit of a frame flipped on the wire, with a payload changed
//# under a repaired checksum, and with a plaintext changed before sealing, and react as
//# [framing.md](framing.md) and [records.md](records.md) say.
/// Every single flipped bit.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}

/// Every truncation, the empty one included.
fn truncations(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(|length| bytes[..length].to_vec())
}

/// Every damage to a frame's run, with the zero that ends it.
fn damaged_runs(frame: &Sent) -> impl Iterator<Item = Vec<u8>> {
    let run = frame.bytes.strip_suffix(&[0]).unwrap();
    flips(run).chain(truncations(run).skip(1)).map(|run| [run.as_slice(), &[0]].concat())
}

fn line_drops(counts: super::super::DropCounts) -> u64 {
    [Dropped::Cobs, Dropped::Short, Dropped::Long, Dropped::Crc, Dropped::Type, Dropped::Echo]
        .map(|what| counts.get(what))
        .iter()
        .sum()
}

fn his_record(bench: &mut Bench, plaintext: &[u8]) -> Sent {
    bench.his.send(plaintext, bench.now).unwrap();
    only(bench.his_out())
}

fn pos_record(bench: &mut Bench, plaintext: &[u8]) -> Sent {
    bench.pos.send(plaintext, bench.now).unwrap();
    only(bench.pos_out())
}

//= spec-crate/spec/framing.md#drops
//= type=test
//# A receiver MUST NOT answer a frame that it drops, except as a requirement for that drop says.
//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST be tested with each bit of a frame flipped on the wire, with a payload changed
//# under a repaired checksum, and with a plaintext changed before sealing, and react as
//# [framing.md](framing.md) and [records.md](records.md) say.
#[test]
fn every_flip_and_truncation_on_the_wire_is_a_drop_of_the_line_and_nothing_else_happens() {
    let mut cases = 0;
    // At the POS: M1, M3 with its candidate waiting, and a record in a session.
    let mut bench = Bench::new();
    let (m1, m2, m3) = bench.up_to_m3();
    for frame in [&m3, &m1] {
        for damaged in damaged_runs(frame) {
            let before = line_drops(bench.pos.drops());
            assert!(bench.give_pos(&damaged).is_empty());
            assert!(line_drops(bench.pos.drops()) > before);
            cases += 1;
        }
    }
    let first = only(bench.give_pos(&m3.bytes));
    let up = bench.pos_said.len();
    // At HIS: M2 with M3 out, and a record of the session to come.
    for frame in [&m2, &first] {
        for damaged in damaged_runs(frame) {
            let before = line_drops(bench.his.drops());
            assert!(bench.give_his(&damaged).is_empty());
            assert!(line_drops(bench.his.drops()) > before);
            cases += 1;
        }
    }
    assert!(bench.his_said.is_empty());
    bench.give_his(&first.bytes);
    let record = his_record(&mut bench, &message(2));
    for damaged in damaged_runs(&record) {
        assert!(bench.give_pos(&damaged).is_empty());
        cases += 1;
    }
    assert_eq!(bench.pos_said.len(), up);
    bench.give_pos(&record.bytes);
    assert_eq!(bench.pos_said.last(), Some(&Said::Message(message(2))));
    std::println!("{cases} damaged runs");
}

//= spec-crate/spec/framing.md#drops
//= type=test
//# A receiver MUST count each drop under its name, per stream, from 0 when the stream is opened.
#[test]
fn each_drop_is_counted_under_its_name_from_0_on_each_stream() {
    let run = |frame: &[u8]| [cobs::encode_vec(frame).as_slice(), &[0]].concat();
    let checksum = |bytes| crc::Crc::<u32>::new(&crc::CRC_32_ISCSI).checksum(bytes).to_be_bytes();
    let frame = |kind, body: Vec<u8>| Sent::new(kind, body).bytes;
    let mut bench = Bench::live();
    let [record, mut stale, mut forged] = [(); 3].map(|()| his_record(&mut bench, &message(2)));
    bench.give_pos(&record.bytes);
    stale.body[0] ^= 0x80;
    *forged.body.last_mut().unwrap() ^= 1;
    for (bytes, name) in [
        (vec![5, 1, 2, 0], Dropped::Cobs),
        (vec![1, 0], Dropped::Short),
        ([[1; 3000].as_slice(), &[0]].concat(), Dropped::Long),
        (run(&[1, 9, 0, 0, 0, 0]), Dropped::Crc),
        (run(&[&[0x77], checksum(&[0x77]).as_slice()].concat()), Dropped::Type),
        (frame(FrameType::M2, vec![1]), Dropped::Echo),
        (frame(FrameType::M3, vec![0; 513]), Dropped::Handshake),
        (frame(FrameType::PlainAlert, vec![]), Dropped::Alert),
        (frame(FrameType::HisRecord, vec![]), Dropped::Size),
        (frame(FrameType::HisRecord, stale.body), Dropped::Stale),
        (record.bytes, Dropped::Replayed),
        (frame(FrameType::HisRecord, forged.body), Dropped::Forged),
    ] {
        let expected = Dropped::ALL.map(|what| bench.pos_drops(what) + u64::from(what == name));
        bench.give_pos(&bytes);
        assert_eq!(Dropped::ALL.map(|what| bench.pos_drops(what)), expected, "{name:?}");
    }
    bench.restart_pos();
    assert_eq!(Dropped::ALL.map(|what| bench.pos_drops(what)), [0; 12]);
}

/// What a POS says to an M1 with one flipped bit at this offset of its body.
fn reaction(offset: usize, flipped: u8) -> Option<u8> {
    match offset {
        // Version, suite, group: 0 is no value, 0x81 a varint cut off, the others are unknown.
        6 | 9 | 31 if flipped == 0 || flipped >= 0x80 => Some(50),
        6 => Some(70),
        9 => Some(71),
        31 => Some(47),
        // Nonce and key: an M1 like any other.
        12..28 | 34..66 => None,
        68..76 => Some(72),
        // Magic, keys and lengths.
        _ => Some(50),
    }
}

#[test]
fn every_flip_of_m1_under_a_repaired_checksum_has_the_alert_of_its_field_and_the_session_lives() {
    let mut bench = Bench::live();
    bench.pass(60_000);
    let m1 = only(bench.tick_his());
    assert_eq!(m1.body.len(), 76);
    let mut cases = 0;
    for (bit, body) in flips(&m1.body).enumerate() {
        // At most 4 candidates in 10 s, and one alert in a second.
        bench.pass(2500);
        let flipped = body[bit / 8];
        let damaged = Sent::new(FrameType::M1, body);
        let answer = only(bench.give_pos(&damaged.bytes));
        match reaction(bit / 8, flipped) {
            Some(code) => assert_eq!(answer.alert(), (code, damaged.checksum), "bit {bit}"),
            None => assert_eq!(answer.kind, FrameType::M2, "bit {bit}"),
        }
        cases += 1;
    }
    for body in truncations(&m1.body) {
        bench.pass(1000);
        let damaged = Sent::new(FrameType::M1, body);
        assert_eq!(only(bench.give_pos(&damaged.bytes)).alert(), (50, damaged.checksum));
        cases += 1;
    }
    std::println!("{cases} damaged M1");
    let record = his_record(&mut bench, &message(2));
    bench.give_pos(&record.bytes);
    assert_eq!(bench.pos_said.last(), Some(&Said::Message(message(2))));
}

//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS MUST drop as `handshake` an M3 that does not open under key_h, iv_h and TH5, and keep its candidate.
#[test]
fn every_damaged_m2_and_m3_under_a_repaired_checksum_is_dropped_and_the_good_one_passes() {
    let mut bench = Bench::new();
    let m1 = only(bench.tick_his());
    let m2 = only(bench.give_pos(&m1.bytes));
    let mut cases = 0;
    for body in flips(&m2.body).chain(truncations(&m2.body)) {
        cases += 1;
        assert!(bench.give_his(&Sent::new(FrameType::M2, body).bytes).is_empty());
        assert_eq!(bench.his_drops(Dropped::Handshake), cases);
    }
    let m3 = only(bench.give_his(&m2.bytes));
    let at_his = cases;
    for body in flips(&m3.body).chain(truncations(&m3.body)) {
        cases += 1;
        assert!(bench.give_pos(&Sent::new(FrameType::M3, body).bytes).is_empty());
        assert_eq!(bench.pos_drops(Dropped::Handshake), cases - at_his);
    }
    std::println!("{cases} damaged M2 and M3");
    assert_eq!(only(bench.give_pos(&m3.bytes)).kind, FrameType::PosRecord);
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST NOT change anything of a session because of a record that it drops, but the counts of
//# drops and of forged records in a row.
//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST be tested with each bit of a frame flipped on the wire, with a payload changed
//# under a repaired checksum, and with a plaintext changed before sealing, and react as
//# [framing.md](framing.md) and [records.md](records.md) say.
#[test]
fn every_damaged_record_under_a_repaired_checksum_is_one_drop_and_the_session_lives() {
    let mut bench = Bench::live();
    let mut cases = 0;
    let record = his_record(&mut bench, &message(2));
    for (index, body) in flips(&record.body).chain(truncations(&record.body)).enumerate() {
        bench.pass(1);
        let stale = body.len() >= 22 && body[0] != record.body[0];
        let answer = bench.give_pos(&Sent::new(FrameType::HisRecord, body).bytes);
        // 92 answers what is of another session, at most once a second.
        assert!(answer.iter().all(|sent| stale && sent.alert().0 == 92), "{index}");
        cases += 1;
    }
    let record_of_pos = pos_record(&mut bench, &message(2));
    for body in flips(&record_of_pos.body).chain(truncations(&record_of_pos.body)) {
        assert!(bench.give_his(&Sent::new(FrameType::PosRecord, body).bytes).is_empty());
        cases += 1;
    }
    let record_drops = [Dropped::Size, Dropped::Stale, Dropped::Replayed, Dropped::Forged];
    let dropped: u64 = record_drops.map(|what| bench.pos_drops(what) + bench.his_drops(what)).iter().sum();
    assert_eq!(dropped, cases);
    std::println!("{cases} damaged records");
    bench.give_pos(&record.bytes);
    bench.give_his(&record_of_pos.bytes);
    assert_eq!(bench.pos_said, [Said::Message(message(2))]);
    assert_eq!(bench.his_said, [Said::Message(message(2))]);
}

//= spec-crate/spec/conformance.md#testing-with-vectors
//= type=test
//# An implementation MUST be tested with each bit of a frame flipped on the wire, with a payload changed
//# under a repaired checksum, and with a plaintext changed before sealing, and react as
//# [framing.md](framing.md) and [records.md](records.md) say.
#[test]
fn every_plaintext_damaged_before_sealing_is_another_message_an_alert_or_ends_the_session_with_alert_50() {
    let core = wire::SubmitOrder { core: [7; 6].into(), terminal_id: "window".into(), ..Default::default() };
    let body = Some(wire::message::Body::SubmitOrder(core));
    let plaintext = wire::Message { call: 300, body, ..Default::default() }.encode_to_vec();
    let (mut messages, mut alerts, mut broken) = (0, 0, 0);
    for damaged in flips(&plaintext).chain(truncations(&plaintext).skip(1)) {
        let mut bench = Bench::live();
        let record = his_record(&mut bench, &damaged);
        let answer = bench.give_pos(&record.bytes);
        match wire::Message::decode(damaged.as_slice()) {
            Ok(wire::Message { body: Some(wire::message::Body::Alert(_)), .. }) => {
                assert!(answer.is_empty());
                assert!(matches!(bench.pos_said[..], [Said::Down(SessionEnd::PeerAlert(_))]));
                alerts += 1;
            }
            Ok(_) => {
                assert!(answer.is_empty());
                assert_eq!(bench.pos_said, [Said::Message(damaged)]);
                messages += 1;
            }
            Err(_) => {
                assert_eq!(bench.pos_said, [Said::Down(SessionEnd::Broken(PeerError::PlaintextNotMessage))]);
                bench.give_his(&only(answer).bytes);
                assert_eq!(bench.his_said, [Said::Down(SessionEnd::PeerAlert(50))]);
                broken += 1;
            }
        }
    }
    assert!(messages > 0 && broken > 0);
    std::println!(
        "{messages} other messages, {alerts} alerts, {broken} sessions ended, of damaged plaintexts"
    );
}
