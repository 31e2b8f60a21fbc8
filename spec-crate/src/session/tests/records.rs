//! Records in a session: what is dropped, what is counted, what ends it.

use std::vec;

use super::{Bench, Said, Seeded, Sent, message, only};
use crate::error::PeerError;
use crate::frame::FrameType;
use crate::session::{Dropped, SessionEnd};

/// A record of HIS that does not open although tag and counter are the session's.
fn forged(bench: &mut Bench) -> Sent {
    bench.his.send(&message(2), bench.now).unwrap();
    let mut body = only(bench.his_out()).body;
    *body.last_mut().unwrap() ^= 1;
    Sent::new(FrameType::HisRecord, body)
}

fn record(bench: &mut Bench) -> Sent {
    bench.his.send(&message(3), bench.now).unwrap();
    only(bench.his_out())
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST drop as `stale` a record if it has no live session, or if the record's tag is not that of
//# its live session.
//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A POS MUST answer a record that it drops as `stale` with plain alert 92 (no_session).
#[test]
fn record_without_a_session_is_stale_and_the_pos_says_92() {
    let mut live = Bench::live();
    let record = record(&mut live);
    let mut bench = Bench::new();
    assert_eq!(only(bench.give_pos(&record.bytes)).alert(), (92, record.checksum));
    assert_eq!(bench.pos_drops(Dropped::Stale), 1);
    let record = Sent::new(FrameType::PosRecord, record.body);
    bench.tick_his();
    assert!(bench.give_his(&record.bytes).is_empty());
    assert_eq!(bench.his_drops(Dropped::Stale), 1);
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST drop as `stale` a record if it has no live session, or if the record's tag is not that of
//# its live session.
//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A POS MUST answer a record that it drops as `stale` with plain alert 92 (no_session).
#[test]
fn record_of_another_tag_is_stale_and_the_session_lives() {
    let mut bench = Bench::live();
    let mut other = record(&mut bench);
    other.body[0] ^= 0x80;
    let other = Sent::new(FrameType::HisRecord, other.body);
    assert_eq!(only(bench.give_pos(&other.bytes)).alert(), (92, other.checksum));
    let next = record(&mut bench);
    assert!(bench.give_pos(&next.bytes).is_empty());
    assert_eq!(bench.pos_said, [Said::Message(message(3))]);
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST drop as `size` a record whose body has fewer than 22 or more than 1,045 bytes.
#[test]
fn impossible_size_is_dropped_before_the_session_is_looked_at() {
    for mut bench in [Bench::new(), Bench::live()] {
        for length in [0, 5, 21, 1046] {
            assert!(bench.give_pos(&Sent::new(FrameType::HisRecord, vec![0; length]).bytes).is_empty());
            bench.give_his(&Sent::new(FrameType::PosRecord, vec![0; length]).bytes);
        }
        assert_eq!((bench.pos_drops(Dropped::Size), bench.his_drops(Dropped::Size)), (4, 4));
    }
}

#[test]
fn replayed_record_is_dropped_without_an_answer() {
    let mut bench = Bench::live();
    let record = record(&mut bench);
    bench.give_pos(&record.bytes);
    assert!(bench.give_pos(&record.bytes).is_empty());
    assert_eq!((bench.pos_drops(Dropped::Replayed), bench.pos_said.len()), (1, 1));
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST end the session with sealed alert 20 (bad_record) at the eighth record
//# (FORGED_IN_A_ROW_MAX) in a row that it drops as `forged`, not counting those in the first 30 s
//# (FORGED_GRACE) of the session.
#[test]
fn eighth_forged_record_in_a_row_ends_the_session_with_a_sealed_alert_20() {
    let mut bench = Bench::live();
    // Not counted: the first 30 s.
    for _ in 0..20 {
        let forged = forged(&mut bench);
        assert!(bench.give_pos(&forged.bytes).is_empty());
    }
    bench.pass(30_000);
    // An opened record breaks the row.
    for count in [7, 8] {
        for n in 1..=count {
            let forged = forged(&mut bench);
            let sent = bench.give_pos(&forged.bytes);
            assert_eq!(sent.is_empty(), n < 8, "{n}");
            if n == 8 {
                bench.give_his(&only(sent).bytes);
            }
        }
        if count == 7 {
            let good = record(&mut bench);
            bench.give_pos(&good.bytes);
        }
    }
    assert_eq!(bench.pos_drops(Dropped::Forged), 20 + 15);
    assert_eq!(bench.pos_said.last(), Some(&Said::Down(SessionEnd::Broken(PeerError::RecordsForged))));
    assert_eq!(bench.his_said, [Said::Down(SessionEnd::PeerAlert(20))]);
}

#[test]
fn forged_counter_near_the_end_does_not_block_the_session() {
    let mut bench = Bench::live();
    for counter in [u32::MAX, u32::MAX - 1, 0x7FFF_FFFF] {
        let mut body = record(&mut bench).body;
        body[1..5].copy_from_slice(&counter.to_be_bytes());
        assert!(bench.give_pos(&Sent::new(FrameType::HisRecord, body).bytes).is_empty());
    }
    assert_eq!(bench.pos_drops(Dropped::Forged), 3);
    let next = record(&mut bench);
    bench.give_pos(&next.bytes);
    assert_eq!(bench.pos_said, [Said::Message(message(3))]);
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST end the session with sealed alert 50 (decode_error) if the plaintext of a record that
//# opened is not a Message.
#[test]
fn plaintext_that_is_no_message_ends_the_session_with_a_sealed_alert_50() {
    let mut bench = Bench::live();
    bench.his.send(&[0x0A, 0x01, 0x00], bench.now).unwrap();
    bench.run();
    assert_eq!(bench.pos_said, [Said::Down(SessionEnd::Broken(PeerError::PlaintextNotMessage))]);
    assert_eq!(bench.his_said[0], Said::Down(SessionEnd::PeerAlert(50)));
    let mut bench = Bench::live();
    bench.pos.send(&[0xFF], bench.now).unwrap();
    bench.run();
    assert_eq!(bench.his_said[0], Said::Down(SessionEnd::Broken(PeerError::PlaintextNotMessage)));
    assert_eq!(bench.pos_said[0], Said::Down(SessionEnd::PeerAlert(50)));
}

//= spec-crate/spec/encoding.md#ordinary-messages
//= type=test
//# An implementation MUST NOT let a decision depend on how its protobuf library treats an encoding that
//# ENC-16 forbids.
//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST end the session with sealed alert 50 (decode_error) if the plaintext of a record that
//# opened is not a Message.
#[test]
fn plaintext_with_two_bodies_is_no_message_whichever_stands_last() {
    use prost::Message as _;

    use crate::wire;
    let body = |body| wire::Message { body: Some(body), ..wire::Message::default() }.encode_to_vec();
    let ping = body(wire::message::Body::Ping(wire::Ping::default()));
    let list = body(wire::message::Body::ListOrders(wire::ListOrders::default()));
    let unsupported = body(wire::message::Body::Unsupported(wire::Unsupported {}));
    for (first, second) in [(&ping, &list), (&list, &ping), (&ping, &ping), (&ping, &unsupported)] {
        let mut bench = Bench::live();
        bench.his.send(&[first.as_slice(), second].concat(), bench.now).unwrap();
        bench.run();
        assert_eq!(bench.pos_said, [Said::Down(SessionEnd::Broken(PeerError::PlaintextNotMessage))]);
    }
}

//= spec-crate/spec/encoding.md#ordinary-messages
//= type=test
//# A receiver of an ordinary message MUST ignore fields that its schema does not have.
#[test]
fn message_with_an_unknown_field_is_a_message() {
    let mut bench = Bench::live();
    let later = [message(2), vec![0xF8, 0x07, 0x01]].concat();
    bench.pos.send(&later, bench.now).unwrap();
    bench.run();
    assert_eq!(bench.his_said, [Said::Message(later)]);
}

//= spec-crate/spec/key-exchange.md#switch
//= type=test
//# A HIS MUST try a record first in the session to come, if an M3 is out, and then in its live session.
//= spec-crate/spec/key-exchange.md#switch
//= type=test
//# A HIS MUST NOT count a record that does not open in the session to come, unless it is dropped by the live
//# session or there is none.
#[test]
fn with_equal_tags_the_pending_session_is_tried_first_and_its_failures_are_not_counted() {
    // A second session whose tag is the first one's: about 256 tries.
    for seed in 0.. {
        let mut bench = Bench::live();
        bench.pass(40_000);
        let old: std::vec::Vec<_> = (0..2)
            .map(|_| {
                bench.pos.send(&message(5), bench.now).unwrap();
                only(bench.pos_out())
            })
            .collect();
        bench.entropy = Seeded(1000 + seed, 0);
        let m1 = only(bench.alert_to_his(92, 0));
        let m2 = only(bench.give_pos(&m1.bytes));
        let m3 = only(bench.give_his(&m2.bytes));
        let first = only(bench.give_pos(&m3.bytes));
        if first.body[0] != old[0].body[0] {
            continue;
        }
        std::println!("equal tags with seed {}", 1000 + seed);
        bench.forget();
        // M3 is out, and a late record of the live session arrives: it still opens there.
        bench.give_his(&old[0].bytes);
        assert_eq!(bench.his_said, [Said::Message(message(5))]);
        bench.give_his(&first.bytes);
        assert!(matches!(bench.his_said[1..], [Said::Up(_), Said::Message(_)]));
        assert_eq!(bench.his_drops(Dropped::Forged), 0);
        // From the switch on it is forged, within the time that is not counted.
        bench.give_his(&old[1].bytes);
        assert_eq!(bench.his_drops(Dropped::Forged) + bench.his_drops(Dropped::Replayed), 1);
        return;
    }
}
