//! Repetition, candidates, replacement, and when HIS starts.

use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use prost::Message as _;

use super::{Bench, Said, Seeded, Sent, agreement, message, only, peering, ready};
use crate::catalogue::AlertCode;
use crate::error::{PeerError, Refusal};
use crate::frame::{Decoder, FrameType, Side};
use crate::handshake::HeldAgreement;
use crate::session::{Dropped, HisSession, PosSession, SessionEnd, SessionEvent, SessionOutput};
use crate::time::Instant;
use crate::wire;

/// What HIS sends by itself within this time, with the seconds since the beginning.
pub(super) fn timeline(bench: &mut Bench, milliseconds: u64) -> Vec<(u64, Sent)> {
    let (begin, end) = (bench.now, bench.now.after(milliseconds));
    let mut sent = vec![];
    loop {
        sent.extend(bench.tick_his().into_iter().map(|frame| (bench.now.since(begin), frame)));
        let Some(next) = bench.his.timeout().filter(|next| *next <= end) else {
            bench.now = end;
            return sent;
        };
        assert!(next > bench.now, "a time-out that is due again does nothing");
        bench.now = next;
    }
}

pub(super) fn times(sent: &[(u64, Sent)]) -> Vec<u64> {
    sent.iter().map(|(at, _)| at / 1000).collect()
}

//= spec-crate/spec/framing.md#wire-format
//= type=test
//# A sender MUST send one byte 0x00 as the first byte of each stream, once per stream.
#[test]
fn each_end_opens_its_stream_with_one_zero() {
    let (mut his, mut pos) = (HisSession::open(Instant(7)), PosSession::open(ready()));
    for first in [his.poll(), pos.poll()] {
        assert!(matches!(first, Some(SessionOutput::Transmit(bytes)) if bytes == [0]));
    }
    assert!(his.poll().is_none() && pos.poll().is_none());
}

//= spec-crate/spec/framing.md#wire-format
//= type=test
//# A sender MUST NOT put anything but the opening 0x00, encoded frames and their final 0x00 on the stream.
//= spec-crate/spec/framing.md#frame-types
//= type=test
//# A sender MUST NOT send a frame of a type that the table of frame types gives to the other end.
#[test]
fn each_end_writes_nothing_but_frames_that_are_not_the_others() {
    // That each write is one frame is checked wherever an end is drained.
    let mut bench = Bench::new();
    let (m1, m2, m3) = bench.up_to_m3();
    let first = only(bench.give_pos(&m3.bytes));
    bench.give_his(&first.bytes);
    bench.his.send(&message(1), bench.now).unwrap();
    let request = only(bench.his_out());
    let plain = only(bench.give_pos(&Sent::new(FrameType::M1, vec![1]).bytes));
    bench.his.close(AlertCode::Close, bench.now);
    let close = only(bench.his_out());
    for (sent, receiver) in [
        (m1, Side::Pos),
        (m2, Side::His),
        (m3, Side::Pos),
        (first, Side::His),
        (request, Side::Pos),
        (plain, Side::His),
        (close, Side::Pos),
    ] {
        let mut bytes = sent.bytes.as_slice();
        assert!(
            matches!(Decoder::new(receiver).next_frame(&mut bytes), Some(Ok(frame)) if frame.kind == sent.kind)
        );
        assert!(bytes.is_empty());
    }
}

//= spec-crate/spec/key-exchange.md#randomness
//= type=test
//# A HIS MUST draw a new nonce and a new private key for each new M1, and none for a repeated one.
//= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
//= type=test
//# A HIS MUST repeat M1 byte for byte after gaps of 1, 2, 4 and then always 5 s (HANDSHAKE_REPEAT_1 to
//# HANDSHAKE_REPEAT_4) as long as the attempt runs and no M3 is out.
//= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
//= type=test
//# A HIS MUST end an attempt 30 s (M1_RETRY) after its first M1 if no M2 was accepted until then, and want
//# another one.
#[test]
fn m1_is_repeated_byte_for_byte_after_1_2_4_5_5_seconds_and_made_afresh_after_30() {
    let sent = timeline(&mut Bench::new(), 32_000);
    assert_eq!(times(&sent), [0, 1, 3, 7, 12, 17, 22, 27, 30, 31]);
    assert!(sent[..8].iter().all(|(_, frame)| *frame == sent[0].1));
    assert_ne!(sent[8].1, sent[0].1);
    assert_eq!(sent[9].1, sent[8].1);
}

//= spec-crate/spec/key-exchange.md#key-schedule
//= type=test
//# A HIS MUST seal its Auth once for each M2 that it accepts, and repeat the stored bytes of M3 afterwards.
//= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
//= type=test
//# A HIS MUST repeat M3 byte for byte after gaps of 1, 2, 4 and then always 5 s (HANDSHAKE_REPEAT_1 to
//# HANDSHAKE_REPEAT_4), counted from its acceptance of that M2, until it switches or the attempt ends.
//= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
//= type=test
//# A HIS MUST end an attempt 15 s (M3_RETRY) after its last acceptance of an M2 if it has not switched until
//# then, and want another one.
//= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
//= type=test
//# A HIS MUST NOT repeat M1 while an M3 is out.
#[test]
fn m3_is_repeated_byte_for_byte_and_an_attempt_without_an_answer_is_made_afresh_after_15_seconds() {
    let mut bench = Bench::new();
    let (m1, _, m3) = bench.up_to_m3();
    let sent = timeline(&mut bench, 15_500);
    assert_eq!(times(&sent), [1, 3, 7, 12, 15]);
    assert!(sent[..4].iter().all(|(_, frame)| *frame == m3));
    assert_eq!(sent[4].1.kind, FrameType::M1);
    assert_ne!(sent[4].1, m1);
}

//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS MUST commit an M3 that passes all checks: it erases the candidate and the old session, makes the new
//# session live, and sends SessionReady.
//= spec-crate/spec/key-exchange.md#sessionready
//= type=test
//# A POS MUST send SessionReady as the record with counter 0 of the session at once when it commits.
//= spec-crate/spec/key-exchange.md#sessionready
//= type=test
//# A POS MUST NOT send anything but SessionReady and alerts in a session before it has opened a record of the
//# HIS in it.
//= spec-crate/spec/key-exchange.md#switch
//= type=test
//# A HIS MUST switch to the new session when the first record of it opens, and not before.
//= spec-crate/spec/key-exchange.md#switch
//= type=test
//# A HIS MUST NOT seal a record in the new session before it has switched.
//= spec-crate/spec/orders.md#time
//= type=test
//# A POS MUST take as zero of session time the instant at which it first sent the M2 that the session came
//# from.
//= spec-crate/spec/orders.md#time
//= type=test
//# A HIS MUST take as zero of session time the instant at which it accepted the M2 that the session came
//# from.
//= spec-crate/spec/orders.md#time
//= type=test
//# A HIS MUST take as zero of session time the instant at which it accepted the M2 that the session came
//# from.
#[test]
fn both_ends_come_up_with_the_times_of_m2_and_his_only_with_the_first_record() {
    let mut bench = Bench::new();
    let m1 = only(bench.tick_his());
    bench.pass(100);
    let (m2_sent, m2) = (bench.now, only(bench.give_pos(&m1.bytes)));
    bench.pass(100);
    let (m2_taken, m3) = (bench.now, only(bench.give_his(&m2.bytes)));
    assert_eq!(bench.his.send(&message(1), bench.now), Err(Refusal::NoSession));
    bench.pass(100);
    let first = only(bench.give_pos(&m3.bytes));
    assert_eq!(first.kind, FrameType::PosRecord);
    assert!(bench.his_said.is_empty());
    assert!(matches!(&bench.pos_said[..], [Said::Up(up)] if up.peer_id == "his" && up.zero == m2_sent));
    assert_eq!(bench.pos.send(&message(1), bench.now), Err(Refusal::PeerNotReady));
    bench.give_his(&first.bytes);
    let told = wire::SessionReady { pos_time: 1_000, ..ready() };
    let first = wire::Message { body: Some(wire::message::Body::Ready(told)), ..Default::default() };
    assert!(matches!(
        &bench.his_said[..],
        [Said::Up(up), Said::Message(message)]
            if up.peer_id == "pos" && up.zero == m2_taken && *message == first.encode_to_vec()
    ));
    bench.his.send(&message(1), bench.now).unwrap();
    let request = only(bench.his_out());
    bench.give_pos(&request.bytes);
    assert_eq!(bench.pos.send(&message(1), bench.now), Ok(()));
}

//= spec-crate/spec/key-exchange.md#randomness
//= type=test
//# A POS MUST draw a new nonce and a new private key for each new M2, and none for a repeated one.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer an M1 whose body equals that of its candidate's M1 with the stored M2, byte for byte,
//# and let the candidate live 35 s (CANDIDATE_LIFE) from then on.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer an M1 that passes all checks with a new M2, and make what it remembers of it the
//# candidate in place of an earlier one.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST hold at most one candidate per stream.
#[test]
fn same_m1_gets_the_same_m2_and_another_m1_replaces_the_candidate() {
    let mut bench = Bench::new();
    let (m1, m2, m3) = bench.up_to_m3();
    assert_eq!(only(bench.give_pos(&m1.bytes)), m2);
    let mut other = Bench::new();
    other.entropy = Seeded(8, 0);
    let other_m1 = only(other.tick_his());
    let other_m2 = only(bench.give_pos(&other_m1.bytes));
    assert_ne!(other_m2, m2);
    assert!(bench.give_pos(&m3.bytes).is_empty());
    assert_eq!(bench.pos_drops(Dropped::Handshake), 1);
    // The candidate is still there for its own M3.
    let other_m3 = only(other.give_his(&other_m2.bytes));
    assert_eq!(only(bench.give_pos(&other_m3.bytes)).kind, FrameType::PosRecord);
}

//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer an M1 whose body equals that of its candidate's M1 with the stored M2, byte for byte,
//# and let the candidate live 35 s (CANDIDATE_LIFE) from then on.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST forget its candidate 35 s (CANDIDATE_LIFE) after the last arrival of its M1.
//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS without a candidate MUST answer M3 with plain alert 93 (no_handshake).
#[test]
fn candidate_lives_35_seconds_after_the_last_arrival_of_its_m1() {
    let mut bench = Bench::new();
    let (m1, m2, m3) = bench.up_to_m3();
    bench.pass(34_999);
    assert_eq!(only(bench.give_pos(&m1.bytes)), m2);
    assert_eq!(bench.pos.timeout(), Some(bench.now.after(35_000)));
    bench.pass(35_000);
    assert_eq!(only(bench.give_pos(&m3.bytes)).alert(), (93, m3.checksum));
}

//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST drop an M1 as `handshake` if it has made 4 candidates (CANDIDATES_MAX) on this stream within
//# the last 10 s (CANDIDATE_WINDOW).
#[test]
fn pos_makes_4_candidates_in_any_10_seconds() {
    let mut bench = Bench::new();
    let m1 = |seed| {
        let mut other = Bench::new();
        other.entropy = Seeded(seed, 0);
        only(other.tick_his()).bytes
    };
    for seed in 10..14 {
        assert_eq!(only(bench.give_pos(&m1(seed))).kind, FrameType::M2);
        bench.pass(1000);
    }
    assert!(bench.give_pos(&m1(14)).is_empty());
    assert_eq!(bench.pos_drops(Dropped::Handshake), 1);
    // The latest candidate is unharmed, and its M1 is not counted.
    assert_eq!(only(bench.give_pos(&m1(13))).kind, FrameType::M2);
    bench.pass(5999);
    assert!(bench.give_pos(&m1(14)).is_empty());
    bench.pass(1);
    assert_eq!(only(bench.give_pos(&m1(14))).kind, FrameType::M2);
}

//= spec-crate/spec/records.md#counters
//= type=test
//# A sender MUST number the records of a session and direction from 0, each one 1 above the one before.
//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS with a live session MUST answer an M3 whose body equals the M3 of that session by [SessionReady
//# again](#sessionready), and never commit it again.
//= spec-crate/spec/key-exchange.md#sessionready
//= type=test
//# A POS MUST send SessionReady again, under the next counter, when the M3 of its live session arrives again,
//# but not within 500 ms (READY_REPEAT_MIN) of the SessionReady before.
//= spec-crate/spec/key-exchange.md#sessionready
//= type=test
//# A POS MUST drop as `handshake` a repeated M3 that comes within 500 ms (READY_REPEAT_MIN) of its last
//# SessionReady.
#[test]
fn same_m3_never_commits_again_and_gets_session_ready_under_the_next_counter_twice_a_second() {
    let mut bench = Bench::new();
    let (_, _, m3) = bench.up_to_m3();
    let first = only(bench.give_pos(&m3.bytes));
    bench.pass(499);
    assert!(bench.give_pos(&m3.bytes).is_empty());
    assert_eq!(bench.pos_drops(Dropped::Handshake), 1);
    bench.pass(1);
    let second = only(bench.give_pos(&m3.bytes));
    assert_eq!((&first.body[1..5], &second.body[1..5]), (&[0, 0, 0, 0][..], &[0, 0, 0, 1][..]));
    assert_eq!(bench.pos_said.len(), 1);
    // The first was lost: HIS switches on the second, and the first is then late.
    bench.give_his(&second.bytes);
    assert!(matches!(&bench.his_said[..], [Said::Up(_), Said::Message(_)]));
    bench.give_his(&first.bytes);
    assert_eq!(bench.his_drops(Dropped::Replayed), 1);
}

#[test]
fn m3_of_a_session_that_has_ended_finds_no_candidate() {
    let mut bench = Bench::new();
    let (_, _, m3) = bench.up_to_m3();
    bench.give_pos(&m3.bytes);
    bench.pos.close(AlertCode::InternalError, bench.now);
    bench.pos_out();
    assert_eq!(only(bench.give_pos(&m3.bytes)).alert(), (93, m3.checksum));
}

//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS MUST drop as `handshake` an M3 whose body has more than 512 bytes (M3_BYTES_MAX).
#[test]
fn m3_of_513_bytes_is_dropped_before_a_candidate_is_looked_for() {
    let mut bench = Bench::new();
    let m3 = |length| Sent::new(FrameType::M3, vec![0; length]);
    assert!(bench.give_pos(&m3(513).bytes).is_empty());
    assert_eq!(bench.pos_drops(Dropped::Handshake), 1);
    assert_eq!(only(bench.give_pos(&m3(512).bytes)).alert().0, 93);
}

//= spec-crate/spec/key-exchange.md#key-schedule
//= type=test
//# A HIS MUST seal its Auth once for each M2 that it accepts, and repeat the stored bytes of M3 afterwards.
//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS MUST drop an M2 whose body equals that of an M2 which it has accepted in this attempt before.
//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS MUST answer an M2 that passes all checks with a new M3, in place of an M3 that is out.
#[test]
fn another_m2_for_the_same_m1_replaces_m3_and_starts_the_15_seconds_again() {
    let mut bench = Bench::new();
    let (m1, m2, m3) = bench.up_to_m3();
    bench.restart_pos();
    bench.pass(10_000);
    let second_m2 = only(bench.give_pos(&m1.bytes));
    let second_m3 = only(bench.give_his(&second_m2.bytes));
    assert_ne!(second_m3, m3);
    // Present and replaced M2 are used up: M3 is sealed once per M2.
    for used in [&m2, &second_m2] {
        assert!(bench.give_his(&used.bytes).is_empty());
    }
    assert_eq!(bench.his_drops(Dropped::Handshake), 2);
    bench.pass(14_999);
    assert!(bench.tick_his().iter().all(|frame| *frame == second_m3));
    let first = only(bench.give_pos(&second_m3.bytes));
    bench.give_his(&first.bytes);
    assert!(matches!(&bench.his_said[..], [Said::Up(_), Said::Message(_)]));
}

//= spec-crate/spec/key-exchange.md#key-schedule
//= type=test
//# A HIS MUST erase prk1, prk2, its X25519 private key and the handshake secrets at the latest when it
//# switches or gives the attempt up.
//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS without an attempt MUST drop an M2.
#[test]
fn m2_without_an_attempt_is_dropped() {
    let mut bench = Bench::new();
    let (_, m2, m3) = bench.up_to_m3();
    let first = only(bench.give_pos(&m3.bytes));
    bench.give_his(&first.bytes);
    // Nothing is left of the attempt that it answered.
    assert!(bench.give_his(&m2.bytes).is_empty());
    assert_eq!(bench.his_drops(Dropped::Handshake), 1);
}

//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS MUST drop an M2 if it has accepted 16 M2 in this attempt.
#[test]
fn seventeenth_m2_of_an_attempt_is_dropped() {
    let mut bench = Bench::new();
    let m1 = only(bench.tick_his());
    for count in 1..=17 {
        bench.restart_pos();
        let m2 = only(bench.give_pos(&m1.bytes));
        assert_eq!(bench.give_his(&m2.bytes).len(), usize::from(count <= 16), "{count}");
    }
    assert_eq!(bench.his_drops(Dropped::Handshake), 1);
}

#[test]
fn old_m1_and_m2_in_the_buffers_do_not_hold_up_a_restarted_his() {
    let mut old = Bench::new();
    let (m1, m2, m3) = old.up_to_m3();
    let mut bench = Bench::new();
    bench.entropy = Seeded(99, 0);
    let new_m1 = only(bench.tick_his());
    let buffered = [m1.bytes, m3.bytes, new_m1.bytes].concat();
    let answers = bench.give_pos(&buffered);
    let to_his: Vec<u8> =
        [m2.bytes].into_iter().chain(answers.into_iter().map(|sent| sent.bytes)).flatten().collect();
    let m3 = only(bench.give_his(&to_his));
    let first = only(bench.give_pos(&m3.bytes));
    bench.give_his(&first.bytes);
    assert!(matches!(&bench.his_said[..], [Said::Up(_), Said::Message(_)]));
}

//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS MUST commit an M3 that passes all checks: it erases the candidate and the old session, makes the new
//# session live, and sends SessionReady.
//= spec-crate/spec/key-exchange.md#starts
//= type=test
//# A HIS MUST start an attempt as soon as no attempt runs, no wait blocks it, and one of these holds: it has
//# no live session; it wants an attempt; its live session is 23 h old (SESSION_REKEY_AGE); its live session
//# has opened no record for 60 s (SESSION_IDLE); the counter of its next record or of the last record that it
//# opened has reached 2^31 (COUNTER_REKEY).
#[test]
fn his_makes_a_new_session_at_23_hours_and_replaces_the_old_one_without_a_down() {
    let mut bench = Bench::live();
    let begin = bench.now;
    // Somebody speaks every 50 s, or silence would be the cause.
    while bench.now.since(begin) < 82_800_000 - 50_000 {
        bench.pass(50_000);
        bench.pos.send(&message(2), bench.now).unwrap();
        let record = only(bench.pos_out());
        assert!(bench.give_his(&record.bytes).is_empty());
    }
    bench.forget();
    assert_eq!(bench.his.timeout(), Some(begin.after(82_800_000)));
    bench.pass(begin.after(82_800_000).since(bench.now));
    bench.run();
    assert!(matches!(&bench.his_said[..], [Said::Up(_), Said::Message(_)]));
    assert!(matches!(&bench.pos_said[..], [Said::Up(_)]));
}

//= spec-crate/spec/key-exchange.md#switch
//= type=test
//# A HIS MUST keep its live session, and go on using it, until it switches.
//= spec-crate/spec/key-exchange.md#starts
//= type=test
//# A HIS MUST start an attempt as soon as no attempt runs, no wait blocks it, and one of these holds: it has
//# no live session; it wants an attempt; its live session is 23 h old (SESSION_REKEY_AGE); its live session
//# has opened no record for 60 s (SESSION_IDLE); the counter of its next record or of the last record that it
//# opened has reached 2^31 (COUNTER_REKEY).
#[test]
fn his_makes_a_new_session_after_60_seconds_without_an_opened_record() {
    let mut bench = Bench::live();
    bench.pass(59_999);
    assert!(bench.tick_his().is_empty());
    bench.pass(1);
    assert_eq!(only(bench.tick_his()).kind, FrameType::M1);
    // The session goes on meanwhile.
    assert_eq!(bench.his.send(&message(2), bench.now), Ok(()));
}

//= spec-crate/spec/key-exchange.md#starts
//= type=test
//# A HIS MUST start an attempt as soon as no attempt runs, no wait blocks it, and one of these holds: it has
//# no live session; it wants an attempt; its live session is 23 h old (SESSION_REKEY_AGE); its live session
//# has opened no record for 60 s (SESSION_IDLE); the counter of its next record or of the last record that it
//# opened has reached 2^31 (COUNTER_REKEY).
#[test]
fn his_makes_a_new_session_when_a_counter_reaches_2_to_the_31() {
    let mut bench = Bench::live();
    bench.pass(5000);
    bench.his.skip_to((1 << 31) - 1);
    assert!(bench.tick_his().is_empty());
    bench.his.send(&message(2), bench.now).unwrap();
    let sent = bench.tick_his();
    assert_eq!(sent.iter().map(|sent| sent.kind).collect::<Vec<_>>(), [FrameType::HisRecord, FrameType::M1]);
    let mut bench = Bench::live();
    bench.pass(5000);
    bench.his.skip_opened_to((1 << 31) - 1);
    assert!(bench.tick_his().is_empty());
    bench.his.skip_opened_to(1 << 31);
    assert_eq!(only(bench.tick_his()).kind, FrameType::M1);
}

//= spec-crate/spec/key-exchange.md#starts
//= type=test
//# An end MUST end a session that is 24 h old (SESSION_AGE_MAX), without an alert.
#[test]
fn session_ends_at_24_hours_on_both_sides() {
    let mut bench = Bench::live();
    bench.pos.handle_tick(bench.now.after(86_400_000 - 1));
    assert!(bench.pos_said.is_empty());
    bench.wait(86_400_000);
    // No alert: the next attempt, and silence.
    assert_eq!(only(bench.his_out()).kind, FrameType::M1);
    assert!(bench.pos_out().is_empty());
    assert_eq!(bench.his_said, [Said::Down(SessionEnd::Expired)]);
    assert_eq!(bench.pos_said, [Said::Down(SessionEnd::Expired)]);
    assert_eq!(bench.his.send(&message(1), bench.now), Err(Refusal::NoSession));
    assert_eq!(bench.pos.send(&message(1), bench.now), Err(Refusal::NoSession));
}

//= spec-crate/spec/records.md#counters
//= type=test
//# A sender that would need the counter 2^32-1 MUST end the session, without an alert.
#[test]
fn session_ends_before_the_last_counter_is_sealed() {
    let mut bench = Bench::live();
    bench.his.skip_to(u32::MAX);
    assert_eq!(bench.his.send(&message(2), bench.now), Err(Refusal::NoSession));
    assert!(bench.his_out().is_empty());
    assert_eq!(bench.his_said, [Said::Down(SessionEnd::Exhausted)]);
}

//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS without an M3 out MUST answer an M2 that opens and fails one of the checks of
//# [authentication](#authentication) with plain alert 40 (handshake_failure) and end the attempt as failed.
//= spec-crate/spec/key-exchange.md#switch
//= type=test
//# A HIS MUST keep its live session, and go on using it, until it switches.
//= spec-crate/spec/key-exchange.md#failures-and-waits
//= type=test
//# A HIS MUST NOT start an attempt within w of a failure, where w is 5, 10, 20 s for the first three failures
//# and 30 s for each later one (FAILURE_WAIT_1 to FAILURE_WAIT_4).
#[test]
fn failing_attempts_wait_5_10_20_30_seconds_and_do_not_harm_the_live_session() {
    let mut bench = Bench::live();
    // The device was exchanged for one that nobody registered.
    bench.pos_peering = peering(("other", 3), ("his", 1), &[9]);
    bench.restart_pos();
    bench.pass(59_999);
    // A session of 60 s has outlived all failures; from then on they count.
    let mut failed_at = vec![];
    let begin = bench.now.after(1);
    for _ in 0..20 {
        bench.now = bench.his.timeout().unwrap();
        for m1 in bench.tick_his() {
            let m2 = only(bench.give_pos(&m1.bytes));
            let answers = bench.give_his(&m2.bytes);
            failed_at.push(bench.now.since(begin) / 1000);
            assert_eq!(only(answers).alert(), (40, m2.checksum));
        }
    }
    assert_eq!(failed_at[..6], [0, 5, 15, 35, 65, 95]);
    assert!(
        bench
            .his_said
            .iter()
            .all(|said| *said == Said::Notice(SessionEvent::PeerRefused(PeerError::PeerUnknown)))
    );
    assert_eq!(bench.his.send(&message(2), bench.now), Ok(()));
}

//= spec-crate/spec/key-exchange.md#key-schedule
//= type=test
//# A POS MUST erase prk1, prk2, its X25519 private key and the handshake secrets at the latest when it
//# commits or gives the candidate up.
//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS MUST answer plain alert 40 (handshake_failure) to an M3 that opens and fails one of the checks of
//# [authentication](#authentication), and erase its candidate.
#[test]
fn pos_that_refuses_his_says_40_and_his_waits() {
    let mut bench = Bench::new();
    bench.pos_peering = peering(("pos", 2), ("other", 3), &[9]);
    let (_, _, m3) = bench.up_to_m3();
    let alert = only(bench.give_pos(&m3.bytes));
    assert_eq!(alert.alert(), (40, m3.checksum));
    assert_eq!(bench.pos_said, [Said::Notice(SessionEvent::PeerRefused(PeerError::PeerUnknown))]);
    // The candidate is erased.
    bench.pass(1000);
    assert_eq!(only(bench.give_pos(&m3.bytes)).alert(), (93, m3.checksum));
    assert!(bench.give_his(&alert.bytes).is_empty());
    assert_eq!(bench.his_said, [Said::Notice(SessionEvent::PlainAlert(AlertCode::HandshakeFailure))]);
    assert_eq!(times(&timeline(&mut bench, 6000)), [5, 6]);
}

#[test]
fn attempt_beside_a_session_that_runs_out_is_made_afresh() {
    for m2_arrives in [false, true] {
        let mut bench = Bench::live();
        bench.pass(5000);
        let m1 = only(bench.alert_to_his(92, 0));
        if m2_arrives {
            let m2 = only(bench.give_pos(&m1.bytes));
            bench.give_his(&m2.bytes);
        }
        let sent = timeline(&mut bench, 30_500);
        let fresh = sent.iter().find(|(_, sent)| sent.kind == FrameType::M1 && *sent != m1);
        assert_eq!(fresh.map(|(at, _)| at / 1000), Some(if m2_arrives { 15 } else { 30 }));
    }
}

//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS with an M3 out MUST drop an M2 that opens and fails one of the checks of
//# [authentication](#authentication).
#[test]
fn another_m2_that_fails_while_m3_is_out_is_dropped_and_the_attempt_goes_on() {
    let mut bench = Bench::new();
    let (m1, _, m3) = bench.up_to_m3();
    bench.restart_pos();
    bench.pos_peering = peering(("other", 3), ("his", 1), &[9]);
    let stranger = only(bench.give_pos(&m1.bytes));
    assert!(bench.give_his(&stranger.bytes).is_empty());
    assert_eq!((bench.his_drops(Dropped::Handshake), bench.his_said.len()), (1, 0));
    bench.pass(1000);
    assert_eq!(only(bench.tick_his()), m3);
}

//= spec-crate/spec/key-exchange.md#failures-and-waits
//= type=test
//# A HIS MUST count failures from 1 again when a live session becomes 60 s old (SESSION_YOUNG).
#[test]
fn waits_are_5_seconds_again_after_each_session_of_60_seconds() {
    let mut bench = Bench::live();
    for _ in 0..3 {
        // A session that grows old ends orderly, the one behind it fails young.
        bench.wait(60_000);
        bench.his_out();
        bench.his.close(AlertCode::Close, bench.now);
        bench.run();
        bench.wait(35_000);
        bench.run();
        bench.his.close(AlertCode::InternalError, bench.now);
        let failed = bench.now;
        bench.his_out();
        assert_eq!(bench.his.timeout(), Some(failed.after(5000)));
        bench.pass(5000);
        bench.run();
    }
}

//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS SHOULD tell its operator once per attempt, at the third M2 that does not open (PENDING_TRIES_MAX),
//# that agreement, keys or line differ.
#[test]
fn third_m2_that_does_not_open_is_told_once() {
    let mut bench = Bench::new();
    let m1 = only(bench.tick_his());
    let m2 = only(bench.give_pos(&m1.bytes));
    let mut body = m2.body.clone();
    *body.last_mut().unwrap() ^= 1;
    let spoiled = Sent::new(FrameType::M2, body);
    for count in 1..=5 {
        assert!(bench.give_his(&spoiled.bytes).is_empty());
        let told = bench.his_said == [Said::Notice(SessionEvent::AnswersDoNotOpen)];
        assert_eq!(told, count >= 3);
    }
    assert_eq!(bench.his_drops(Dropped::Handshake), 5);
}

//= spec-crate/spec/key-exchange.md#starts
//= type=test
//# A HIS that finds no agreement to offer when an attempt is due MUST wait 30 s (ALERT_WAIT) before it looks
//# again.
#[test]
fn his_without_an_agreement_says_so_and_starts_nothing() {
    let mut bench = Bench::new();
    bench.his_peering = peering(("his", 1), ("pos", 2), &[]);
    assert!(timeline(&mut bench, 29_000).is_empty());
    assert_eq!(bench.his_said, [Said::Notice(SessionEvent::NoAgreement)]);
    bench.his_peering = peering(("his", 1), ("pos", 2), &[9]);
    assert_eq!(times(&timeline(&mut bench, 1500)), [1]);
}

//= spec-crate/spec/key-exchange.md#m1
//= type=test
//# A HIS MUST name in M1 the newest serving agreement that the POS has not refused since the last switch and
//# that lists a version and a suite which the HIS knows.
#[test]
fn agreement_that_lists_nothing_known_is_passed_over() {
    for newest in [
        HeldAgreement { versions: vec![2], ..agreement(7) },
        HeldAgreement { suites: vec![2], ..agreement(7) },
    ] {
        let mut bench = Bench::new();
        bench.his_peering.provision(vec![newest, agreement(9)], BTreeMap::new());
        assert_eq!(only(bench.tick_his()).body.last(), Some(&9));
    }
}

//= spec-crate/spec/key-exchange.md#failures-and-waits
//= type=test
//# A HIS MUST apply the longest of the waits that block it, whatever asks for an attempt meanwhile.
#[test]
fn longest_of_the_waits_holds_whatever_asks_for_an_attempt() {
    let mut bench = Bench::live();
    bench.pass(5000);
    let m1 = only(bench.alert_to_his(92, 0));
    bench.alert_to_his(47, m1.checksum);
    let refused = bench.now;
    // A failure waits for 5 s, and without a session one is wanted at once: 30 s hold all the same.
    bench.his.close(AlertCode::InternalError, bench.now);
    bench.his_out();
    bench.pass(10_000);
    assert!(bench.alert_to_his(92, 0).is_empty());
    assert_eq!(bench.his.timeout(), Some(refused.after(30_000)));
}
