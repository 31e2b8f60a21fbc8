//! The alert table row by row, and the sealed alerts.

use std::vec;
use std::vec::Vec;

use prost::Message as _;

use super::repetition::{timeline, times};
use super::{Bench, Said, Sent, message, only, peering};
use crate::catalogue::AlertCode;
use crate::error::Refusal;
use crate::frame::FrameType;
use crate::session::{Dropped, SessionEnd, SessionEvent};
use crate::wire;

const PLAIN: [u8; 9] = [40, 47, 50, 70, 71, 72, 91, 92, 93];

fn logged(code: u8) -> Said {
    Said::Notice(SessionEvent::PlainAlert(AlertCode::from_code(u32::from(code)).unwrap()))
}

fn m1_out() -> (Bench, Sent) {
    let mut bench = Bench::new();
    let m1 = only(bench.tick_his());
    (bench, m1)
}

fn m3_out() -> (Bench, Sent) {
    let mut bench = Bench::new();
    let (_, _, m3) = bench.up_to_m3();
    (bench, m3)
}

/// Versions, suites and agreement of an M1.
fn offered(m1: &Sent) -> (Vec<u32>, Vec<u32>, Vec<u8>) {
    let hello = wire::HisHello::decode(m1.body.strip_prefix(b"hsp1").unwrap()).unwrap();
    (hello.versions, hello.suites, hello.agreement)
}

/// What HIS sends in the next 40 s.
fn rest(bench: &mut Bench) -> (Vec<u64>, Vec<FrameType>) {
    let sent = timeline(bench, 40_000);
    (times(&sent), sent.iter().map(|(_, sent)| sent.kind).collect())
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS MUST NOT act on a plain alert in any case that REC-32 to REC-40 do not name.
#[test]
fn alert_that_is_only_logged_changes_nothing() {
    for code in [40, 92, 93] {
        let (mut bench, m1) = m1_out();
        assert!(bench.alert_to_his(code, m1.checksum).is_empty());
        assert_eq!(bench.his_said, [logged(code)]);
        assert_eq!(rest(&mut bench).0, rest(&mut m1_out().0).0, "{code} with M1 out");
    }
    for code in [47, 50, 70, 71, 72, 91, 92] {
        let (mut bench, m3) = m3_out();
        assert!(bench.alert_to_his(code, m3.checksum).is_empty());
        assert_eq!(bench.his_said, [logged(code)]);
        assert_eq!(rest(&mut bench).0, rest(&mut m3_out().0).0, "{code} with M3 out");
    }
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS with an M3 out MUST end the attempt as failed at plain alert 40 (handshake_failure).
#[test]
fn alert_40_with_m3_out_ends_the_attempt_as_failed() {
    let (mut bench, m3) = m3_out();
    bench.pass(4000);
    assert!(bench.alert_to_his(40, m3.checksum).is_empty());
    let (times, kinds) = rest(&mut bench);
    assert_eq!((times[0], kinds[0]), (5, FrameType::M1));
    // The second failure in a row: 10 s.
    let (mut bench, m3) = m3_out();
    bench.alert_to_his(40, m3.checksum);
    bench.pass(5000);
    let (_, _, m3) = bench.up_to_m3();
    bench.alert_to_his(40, m3.checksum);
    assert_eq!(rest(&mut bench).0[0], 10);
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS with an M1 out MUST end the attempt at plain alert 47, 50, 70 or 71, want another one, and wait 30 s
//# (ALERT_WAIT) before it starts one.
//= spec-crate/spec/key-exchange.md#versions-and-suites
//= type=test
//# An implementation MUST NOT widen the versions, the suites or the agreements of later attempts because of
//# an alert, a failure or a time-out.
#[test]
fn alerts_47_50_70_71_with_m1_out_end_the_attempt_with_an_event_and_the_next_starts_after_30_seconds() {
    for code in [47, 50, 70, 71] {
        let (mut bench, m1) = m1_out();
        assert!(bench.alert_to_his(code, m1.checksum).is_empty());
        let alert = AlertCode::from_code(u32::from(code)).unwrap();
        assert_eq!(bench.his_said, [logged(code), Said::Notice(SessionEvent::OfferRefused(alert))]);
        let sent = timeline(&mut bench, 40_000);
        assert_eq!(times(&sent)[0], 30);
        // Nothing is offered that was not offered before.
        assert_eq!(offered(&sent[0].1), offered(&m1));
    }
}

#[test]
fn waits_of_the_table_do_not_move_the_sequence_of_failures() {
    let (mut bench, m1) = m1_out();
    bench.alert_to_his(47, m1.checksum);
    bench.pass(30_000);
    let (_, _, m3) = bench.up_to_m3();
    bench.pass(1000);
    bench.alert_to_his(40, m3.checksum);
    assert_eq!(rest(&mut bench).0[0], 5);
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS with an M1 out MUST end the attempt at plain alert 72 (agreement), note the agreement of that M1 as
//# refused, and want another attempt.
//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS whose serving agreements have all been refused MUST forget what was refused and wait 30 s
//# (ALERT_WAIT) before it starts an attempt.
//= spec-crate/spec/key-exchange.md#m1
//= type=test
//# A HIS MUST name in M1 the newest serving agreement that the POS has not refused since the last switch and
//# that lists a version and a suite which the HIS knows.
//= spec-crate/spec/key-exchange.md#starts
//= type=test
//# A HIS MUST NOT start an attempt within 5 s (START_GAP) of its last start on this stream.
#[test]
fn alert_72_starts_with_the_next_agreement_and_after_the_last_waits_30_seconds() {
    let mut bench = Bench::new();
    bench.his_peering = peering(("his", 1), ("pos", 2), &[7, 8, 9]);
    bench.pos_peering = peering(("pos", 2), ("his", 1), &[6]);
    let begin = bench.now;
    let mut starts = vec![];
    for _ in 0..7 {
        for m1 in bench.tick_his() {
            // The agreement's name ends M1: no extensions.
            starts.push((bench.now.since(begin) / 1000, *m1.body.last().unwrap()));
            let alert = only(bench.give_pos(&m1.bytes));
            assert_eq!(alert.alert(), (72, m1.checksum));
            assert!(bench.give_his(&alert.bytes).is_empty());
        }
        bench.now = bench.his.timeout().unwrap();
    }
    assert_eq!(starts, [(0, 7), (5, 8), (10, 9), (40, 7), (45, 8), (50, 9), (80, 7)]);
    let refused = Said::Notice(SessionEvent::OfferRefused(AlertCode::Agreement));
    assert_eq!(bench.his_said.iter().filter(|said| **said == refused).count(), 2);
    // An agreement in common is found on the way.
    bench.pos_peering = peering(("pos", 2), ("his", 1), &[9]);
    bench.forget();
    for _ in 0..3 {
        bench.run();
        bench.pass(5000);
    }
    assert!(bench.his_said.iter().any(|said| matches!(said, Said::Up(up) if up.agreement.no == 9)));
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS with an M1 out MUST NOT send M1, repeated or fresh, within 5 s (BUSY_WAIT) of plain alert 91 (busy).
#[test]
fn alert_91_puts_off_the_next_m1_by_5_seconds_repeated_or_fresh() {
    let (mut bench, m1) = m1_out();
    bench.alert_to_his(91, m1.checksum);
    let sent = timeline(&mut bench, 7000);
    assert_eq!((times(&sent), &sent[0].1), (vec![5, 7], &m1));
    // In the attempt's last second the next one is fresh.
    let (mut bench, m1) = m1_out();
    timeline(&mut bench, 29_000);
    bench.alert_to_his(91, m1.checksum);
    let sent = timeline(&mut bench, 5500);
    assert_eq!(times(&sent), [5]);
    assert_ne!(sent[0].1, m1);
}

//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS that can take no session now MUST answer M1 with plain alert 91 (busy), before any other check.
//= spec-crate/spec/records.md#plain-alerts
//= type=test
//# A sender MUST put the four checksum bytes of the frame that a plain alert answers into its `ref`, in the
//# same order.
#[test]
fn busy_pos_says_91_before_it_looks_at_m1() {
    let mut bench = Bench::new();
    bench.pos.set_busy(true);
    let junk = Sent::new(FrameType::M1, vec![1, 2, 3]);
    assert_eq!(only(bench.give_pos(&junk.bytes)).alert(), (91, junk.checksum));
    assert!(bench.pos_said.is_empty());
    bench.pos.set_busy(false);
    bench.pass(1000);
    assert_eq!(only(bench.give_pos(&junk.bytes)).alert(), (50, junk.checksum));
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS without an attempt MUST want one at plain alert 92 (no_session), unless its last start or its last
//# switch was less than 5 s (START_GAP) before.
//= spec-crate/spec/key-exchange.md#starts
//= type=test
//# A HIS MUST start an attempt as soon as no attempt runs, no wait blocks it, and one of these holds: it has
//# no live session; it wants an attempt; its live session is 23 h old (SESSION_REKEY_AGE); its live session
//# has opened no record for 60 s (SESSION_IDLE); the counter of its next record or of the last record that it
//# opened has reached 2^31 (COUNTER_REKEY).
#[test]
fn alert_92_starts_an_attempt_beside_the_session_unless_one_was_started_or_ended_in_one_within_5_seconds() {
    let mut bench = Bench::live();
    bench.pass(4999);
    assert!(bench.alert_to_his(92, 1).is_empty());
    // Ignored, not put off.
    bench.pass(1);
    assert!(bench.tick_his().is_empty());
    let m1 = only(bench.alert_to_his(92, 1));
    assert_eq!(m1.kind, FrameType::M1);
    assert_eq!(bench.his.send(&message(2), bench.now), Ok(()));
    // A switch 3 s after the start counts from itself.
    bench.his_out();
    bench.pass(3000);
    let m2 = only(bench.give_pos(&m1.bytes));
    let m3 = only(bench.give_his(&m2.bytes));
    let first = only(bench.give_pos(&m3.bytes));
    bench.give_his(&first.bytes);
    bench.pass(4999);
    assert!(bench.alert_to_his(92, 1).is_empty());
    bench.pass(1);
    assert!(bench.tick_his().is_empty());
    assert_eq!(only(bench.alert_to_his(92, 1)).kind, FrameType::M1);
}

#[test]
fn alert_92_during_an_attempt_asks_for_no_other_one() {
    let mut bench = Bench::new();
    let m1 = only(bench.tick_his());
    bench.pass(6000);
    bench.alert_to_his(92, 1);
    let m2 = only(bench.give_pos(&m1.bytes));
    let m3 = bench.give_his(&m2.bytes).pop().unwrap();
    bench.alert_to_his(92, 1);
    let first = only(bench.give_pos(&m3.bytes));
    bench.give_his(&first.bytes);
    assert!(timeline(&mut bench, 59_000).is_empty());
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS MUST count as a failure each attempt that ended by 93 (no_handshake) but the first since its last
//# switch.
#[test]
fn switch_between_two_alerts_93_makes_the_second_no_failure() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let (_, _, m3) = bench.up_to_m3();
        bench.pass(3000);
        bench.alert_to_his(93, m3.checksum);
        // 5 s after the last start; a failure would be 5 s after the alert.
        assert_eq!(bench.his.timeout(), Some(bench.now.after(2000)));
        bench.pass(2000);
        bench.run();
        assert!(matches!(bench.his_said.last(), Some(Said::Message(_))));
        bench.pass(60_000);
    }
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS MUST forget which agreements were refused when it switches.
#[test]
fn each_new_session_begins_with_the_newest_agreement_again() {
    let mut bench = Bench::new();
    bench.his_peering = peering(("his", 1), ("pos", 2), &[7, 9]);
    bench.run();
    bench.pass(5000);
    bench.run();
    assert!(bench.his_said.iter().any(|said| matches!(said, Said::Up(up) if up.agreement.no == 9)));
    bench.pass(60_000);
    assert_eq!(only(bench.tick_his()).body.last(), Some(&7));
}

//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS with an M3 out MUST end the attempt at plain alert 93 (no_handshake), and want another one.
//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS MUST count as a failure each attempt that ended by 93 (no_handshake) but the first since its last
//# switch.
#[test]
fn alert_93_with_m3_out_starts_afresh_and_is_a_failure_from_the_second_in_a_row_on() {
    let mut bench = Bench::new();
    let begin = bench.now;
    let mut starts = vec![];
    for _ in 0..8 {
        let Some(m1) = bench.tick_his().pop() else {
            bench.now = bench.his.timeout().unwrap();
            continue;
        };
        starts.push(bench.now.since(begin) / 1000);
        let m2 = only(bench.give_pos(&m1.bytes));
        let m3 = only(bench.give_his(&m2.bytes));
        bench.restart_pos();
        let alert = only(bench.give_pos(&m3.bytes));
        assert_eq!(alert.alert(), (93, m3.checksum));
        assert!(bench.give_his(&alert.bytes).is_empty());
    }
    // 5 s: not within 5 s of the last start. Then the failures: 5, 10.
    assert_eq!(starts[..4], [0, 5, 10, 20]);
}

//= spec-crate/spec/records.md#plain-alerts
//= type=test
//# A receiver MUST drop as `alert` a plain alert whose body does not have 5 bytes, or whose code is none of
//# 40, 47, 50, 70, 71, 72, 91, 92 and 93.
//= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
//= type=test
//# A HIS MUST drop as `alert` a plain alert other than 92 whose `ref` is not the checksum of the M1 or of the
//# M3 of its present attempt.
#[test]
fn alert_of_another_frame_or_code_or_size_is_dropped() {
    for (mut bench, present) in [m1_out(), m3_out()] {
        let before = bench.his.timeout();
        for code in PLAIN.into_iter().filter(|code| *code != 92) {
            bench.alert_to_his(code, present.checksum ^ 1);
        }
        for code in [0, 10, 20, 22, 80, 1, 255] {
            bench.alert_to_his(code, present.checksum);
        }
        for body in [vec![], vec![40; 4], vec![40; 6]] {
            bench.give_his(&Sent::new(FrameType::PlainAlert, body).bytes);
        }
        assert_eq!(bench.his_drops(Dropped::Alert), 18);
        assert!(bench.his_said.is_empty());
        assert_eq!(bench.his.timeout(), before);
    }
    // Without an attempt there is no present M1 or M3.
    let mut bench = Bench::live();
    for code in PLAIN.into_iter().filter(|code| *code != 92) {
        bench.alert_to_his(code, 1);
    }
    assert_eq!((bench.his_drops(Dropped::Alert), bench.his_said.len()), (8, 0));
}

//= spec-crate/spec/records.md#plain-alerts
//= type=test
//# A POS MUST log a plain alert that it does not drop, and do nothing else.
#[test]
fn pos_logs_plain_alerts_and_does_nothing_else() {
    let mut bench = Bench::live();
    for code in PLAIN {
        let body = [&[code], [0; 4].as_slice()].concat();
        assert!(bench.give_pos(&Sent::new(FrameType::PlainAlert, body).bytes).is_empty());
    }
    assert_eq!(bench.pos_said, PLAIN.map(logged));
    bench.his.send(&message(2), bench.now).unwrap();
    bench.run();
    assert_eq!(bench.pos_said.last(), Some(&Said::Message(message(2))));
}

//= spec-crate/spec/records.md#plain-alerts
//= type=test
//# A sender MUST NOT send a plain alert other than 92 within 1 s (PLAIN_ALERT_GAP) of its last plain alert
//# other than 92 on the stream.
//= spec-crate/spec/records.md#plain-alerts
//= type=test
//# A sender MUST NOT send plain alert 92 within 1 s (PLAIN_ALERT_GAP) of its last plain alert 92 on the
//# stream.
#[test]
fn one_plain_alert_per_second_and_92_in_a_second_of_its_own() {
    let mut bench = Bench::new();
    let junk = Sent::new(FrameType::M1, vec![1]);
    let record = Sent::new(FrameType::HisRecord, vec![0; 40]);
    let all = [junk.bytes.clone(), junk.bytes.clone(), record.bytes.clone(), record.bytes.clone()].concat();
    for _ in 0..2 {
        let codes: Vec<_> = bench.give_pos(&all).iter().map(|sent| sent.alert().0).collect();
        assert_eq!(codes, [50, 92]);
        bench.pass(999);
        assert!(bench.give_pos(&all).is_empty());
        bench.pass(1);
    }
    assert_eq!(bench.pos_drops(Dropped::Stale), 8);
}

/// The plaintext that the peer of this side's last record reads.
fn sealed_alert(code: AlertCode) -> (Bench, Sent) {
    let mut bench = Bench::live();
    bench.his.close(code, bench.now);
    let alert = only(bench.his_out());
    assert_eq!(bench.his_said, [Said::Down(SessionEnd::Closed(code))]);
    assert_eq!(bench.his.send(&message(2), bench.now), Err(Refusal::NoSession));
    (bench, alert)
}

//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# An end MUST end its live session when it opens a sealed alert of any code in it, also of an unknown one.
//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# An end MUST NOT answer a sealed alert.
//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# An end MUST send at most one sealed alert per session, as its last record.
//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# An end that ends a session in order MUST send sealed alert 0 (close).
//= spec-crate/spec/records.md#end-of-a-session
//= type=test
//# An end MUST erase all secrets of a session when the session ends.
#[test]
fn sealed_alert_of_any_code_ends_the_session_on_both_sides_and_is_not_answered() {
    for code in AlertCode::ALL {
        let (mut bench, alert) = sealed_alert(code);
        // Tag, counter, ciphertext, GCM tag: 1a 00 for close, 1a 02 08 and the code for others.
        let plaintext = if code == AlertCode::Close { 2 } else { 4 };
        assert_eq!(alert.body.len(), 5 + plaintext + 16);
        assert!(bench.give_pos(&alert.bytes).is_empty());
        assert_eq!(bench.pos_said, [Said::Down(SessionEnd::PeerAlert(code.code()))]);
        assert!(bench.his_out().is_empty());
    }
}

//= spec-crate/spec/encoding.md#ordinary-messages
//= type=test
//# An implementation MUST NOT let a decision depend on how its protobuf library treats an encoding that
//# ENC-16 forbids.
//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# A receiver MUST treat a Message as an alert if the field 3 at its top level is there with an Alert as its
//# content, whatever else the Message holds.
//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# An end MUST end its live session when it opens a sealed alert of any code in it, also of an unknown one.
#[test]
fn message_with_an_alert_is_an_alert_whatever_else_it_holds() {
    for (plaintext, code) in [
        (&[0x1A, 0x02, 0x08, 0x14][..], 20),
        (&[0x1A, 0x00], 0),
        (&[0x08, 0x07, 0x1A, 0x02, 0x08, 0x14], 20),
        // SessionReady behind the alert would take the place of a oneof.
        (&[0x1A, 0x02, 0x08, 0x0A, 0x22, 0x00], 10),
        // A code of the future, and an unknown field.
        (&[0x1A, 0x05, 0x08, 0xE7, 0x07, 0x10, 0x01, 0xF8, 0x07, 0x01], 999),
    ] {
        let mut bench = Bench::live();
        bench.pos.send(plaintext, bench.now).unwrap();
        let record = only(bench.pos_out());
        assert!(bench.give_his(&record.bytes).is_empty());
        assert_eq!(bench.his_said, [Said::Down(SessionEnd::PeerAlert(code))]);
    }
}

//= spec-crate/spec/records.md#end-of-a-session
//= type=test
//# A HIS without a live session MUST make a new one, as the rules for [starts](key-exchange.md#starts) and
//# [waits](key-exchange.md#failures-and-waits) say.
#[test]
fn his_starts_again_after_an_end_and_a_young_end_by_an_alert_is_a_failure() {
    // Each: what ends a session, whether at once, and the wait before the second start behind it.
    for (code, age, waits) in [
        (AlertCode::InternalError, 20_000, [5, 10]),
        (AlertCode::InternalError, 59_999, [5, 10]),
        (AlertCode::InternalError, 60_000, [0, 0]),
        (AlertCode::Close, 20_000, [0, 0]),
    ] {
        let mut bench = Bench::live();
        for wait in waits {
            let until = bench.now.after(age);
            while until > bench.now {
                // Somebody speaks, or silence would be a cause of its own.
                bench.pass(until.since(bench.now).min(20_000));
                bench.pos.send(&message(2), bench.now).unwrap();
                let record = only(bench.pos_out());
                assert!(bench.give_his(&record.bytes).is_empty());
            }
            bench.his.close(code, bench.now);
            let ended = bench.now;
            let alert = bench.his_out();
            bench.give_pos(&alert[0].bytes);
            bench.now = bench.now.max(bench.his.timeout().unwrap());
            assert_eq!(bench.now.since(ended) / 1000, wait, "{code:?} at {age}");
            bench.run();
            bench.his.send(&message(1), bench.now).unwrap();
            bench.run();
        }
    }
}
