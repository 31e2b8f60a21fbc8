//! Repetition, candidates, replacement, and when HIS starts.

use std::vec;
use std::vec::Vec;

use super::{Bench, Said, Seeded, Sent, message, only, peering, ready};
use crate::catalogue::AlertCode;
use crate::error::{PeerError, Refusal};
use crate::frame::FrameType;
use crate::session::{Dropped, SessionEnd, SessionEvent, SessionOutput};

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

#[test]
fn each_end_opens_its_stream_with_one_zero() {
    let mut bench = Bench::new();
    for first in [bench.his.poll(), bench.pos.poll()] {
        assert!(matches!(first, Some(SessionOutput::Transmit(bytes)) if bytes == [0]));
    }
    assert!(bench.pos.poll().is_none() && bench.his.poll().is_none());
}

#[test]
fn m1_is_repeated_byte_for_byte_after_1_2_4_5_5_seconds_and_made_afresh_after_30() {
    let sent = timeline(&mut Bench::new(), 32_000);
    assert_eq!(times(&sent), [0, 1, 3, 7, 12, 17, 22, 27, 30, 31]);
    assert!(sent[..8].iter().all(|(_, frame)| *frame == sent[0].1));
    assert_ne!(sent[8].1, sent[0].1);
    assert_eq!(sent[9].1, sent[8].1);
}

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
    assert!(matches!(
        &bench.his_said[..],
        [Said::Up(up), Said::Message(first)] if up.peer_id == "pos" && up.zero == m2_taken && *first == ready()
    ));
    bench.his.send(&message(1), bench.now).unwrap();
    let request = only(bench.his_out());
    bench.give_pos(&request.bytes);
    assert_eq!(bench.pos.send(&message(1), bench.now), Ok(()));
}

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

#[test]
fn same_m3_never_commits_again_and_gets_session_ready_under_the_next_counter_twice_a_second() {
    let mut bench = Bench::new();
    let (_, _, m3) = bench.up_to_m3();
    let first = only(bench.give_pos(&m3.bytes));
    bench.pass(499);
    assert!(bench.give_pos(&m3.bytes).is_empty());
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

#[test]
fn m3_of_513_bytes_is_dropped_before_a_candidate_is_looked_for() {
    let mut bench = Bench::new();
    let m3 = |length| Sent::new(FrameType::M3, vec![0; length]);
    assert!(bench.give_pos(&m3(513).bytes).is_empty());
    assert_eq!(bench.pos_drops(Dropped::Handshake), 1);
    assert_eq!(only(bench.give_pos(&m3(512).bytes)).alert().0, 93);
}

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

#[test]
fn session_ends_at_24_hours_on_both_sides() {
    let mut bench = Bench::live();
    bench.pos.handle_tick(bench.now.after(86_400_000 - 1));
    assert!(bench.pos_said.is_empty());
    bench.wait(86_400_000);
    bench.his_out();
    bench.pos_out();
    assert_eq!(bench.his_said, [Said::Down(SessionEnd::Expired)]);
    assert_eq!(bench.pos_said, [Said::Down(SessionEnd::Expired)]);
    assert_eq!(bench.his.send(&message(1), bench.now), Err(Refusal::NoSession));
    assert_eq!(bench.pos.send(&message(1), bench.now), Err(Refusal::NoSession));
}

#[test]
fn session_ends_before_the_last_counter_is_sealed() {
    let mut bench = Bench::live();
    bench.his.skip_to(u32::MAX);
    assert_eq!(bench.his.send(&message(2), bench.now), Err(Refusal::NoSession));
    bench.his_out();
    assert_eq!(bench.his_said, [Said::Down(SessionEnd::Exhausted)]);
}

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

#[test]
fn his_without_an_agreement_says_so_and_starts_nothing() {
    let mut bench = Bench::new();
    bench.his_peering = peering(("his", 1), ("pos", 2), &[]);
    assert!(timeline(&mut bench, 29_000).is_empty());
    assert_eq!(bench.his_said, [Said::Notice(SessionEvent::NoAgreement)]);
    bench.his_peering = peering(("his", 1), ("pos", 2), &[9]);
    assert_eq!(times(&timeline(&mut bench, 1500)), [1]);
}
