//! Both ends over a line that loses, repeats, delays and damages, and has old buffers: in the end they agree.

use std::collections::VecDeque;
use std::vec::Vec;

use proptest::prelude::*;

use super::{Bench, Said, Sent, message};
use crate::crypto::Entropy;
use crate::session::HisSession;
use crate::time::Instant;
use crate::wire;
use prost::Message;

/// One direction of the line: first in, first out, but for what old buffers repeat.
#[derive(Default)]
struct Pipe {
    queue: VecDeque<(Instant, Vec<u8>)>,
    old: Vec<Vec<u8>>,
}

/// How bad the line is, in chances of 256 for each frame.
#[derive(Clone, Copy, Debug)]
struct Line {
    lost: u8,
    doubled: u8,
    damaged: u8,
    stale: u8,
    delay_max: u64,
}

const PERFECT: Line = Line { lost: 0, doubled: 0, damaged: 0, stale: 0, delay_max: 1 };

impl Pipe {
    fn push(&mut self, sent: Sent, line: Line, now: Instant, dice: &mut impl FnMut() -> u8) {
        let delay = u64::from(dice()) * line.delay_max / 256;
        let last = self.queue.back().map_or(now, |(at, _)| *at);
        let at = now.after(delay).max(last);
        self.old.push(sent.bytes.clone());
        if dice() < line.stale {
            // An old buffer runs out in front of the frame.
            let index = usize::from(dice()) % self.old.len();
            self.queue.push_back((at, self.old[index].clone()));
        }
        if dice() < line.lost {
            return;
        }
        let mut bytes = sent.bytes;
        if dice() < line.damaged {
            let index = usize::from(dice()) % bytes.len();
            bytes[index] ^= dice();
        }
        if dice() < line.doubled {
            self.queue.push_back((at, bytes.clone()));
        }
        self.queue.push_back((at, bytes));
    }

    fn next(&self) -> Option<Instant> {
        self.queue.front().map(|(at, _)| *at)
    }

    fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next().filter(|at| *at <= now)?;
        self.queue.pop_front().map(|(_, bytes)| bytes)
    }
}

struct Storm {
    bench: Bench,
    to_pos: Pipe,
    to_his: Pipe,
    dice: super::Seeded,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::new();
        bench.entropy = super::Seeded(seed, 0);
        Self { bench, to_pos: Pipe::default(), to_his: Pipe::default(), dice: super::Seeded(!seed, 0) }
    }

    fn collect(&mut self, line: Line) {
        let mut dice = || {
            let mut byte = [0];
            self.dice.fill(&mut byte);
            byte[0]
        };
        let now = self.bench.now;
        for sent in self.bench.his_out() {
            self.to_pos.push(sent, line, now, &mut dice);
        }
        for sent in self.bench.pos_out() {
            self.to_his.push(sent, line, now, &mut dice);
        }
    }

    /// Runs the line for this long. HIS sends a numbered message every second that it may, and so does the POS.
    fn run(&mut self, line: Line, milliseconds: u64, call: &mut u32) {
        let end = self.bench.now.after(milliseconds);
        let mut speak = self.bench.now;
        while self.bench.now < end {
            let bench = &mut self.bench;
            bench.his.handle_tick(bench.now, &bench.his_peering, &mut bench.entropy);
            bench.pos.handle_tick(bench.now);
            if bench.now >= speak {
                speak = bench.now.after(1000);
                *call += 1;
                let _ = bench.his.send(&message(*call), bench.now);
                let _ = bench.pos.send(&message(*call), bench.now);
            }
            self.collect(line);
            while let Some(bytes) = self.to_pos.pop(self.bench.now) {
                let bench = &mut self.bench;
                bench.pos.handle_bytes(&bytes, bench.clock(), &bench.pos_peering, &mut bench.entropy);
            }
            while let Some(bytes) = self.to_his.pop(self.bench.now) {
                let bench = &mut self.bench;
                bench.his.handle_bytes(&bytes, bench.now, &bench.his_peering, &mut bench.entropy);
            }
            self.collect(line);
            let next = [
                self.bench.his.timeout(),
                self.bench.pos.timeout(),
                self.to_pos.next(),
                self.to_his.next(),
                Some(speak),
            ];
            self.bench.now = next.into_iter().flatten().min().unwrap().max(self.bench.now.after(1)).min(end);
        }
    }
}

/// The numbers of the messages that arrived, in order. Replies and SessionReady have none.
fn calls(said: &[Said]) -> Vec<u32> {
    said.iter()
        .filter_map(|said| match said {
            Said::Message(bytes) => Some(wire::Message::decode(bytes.as_slice()).unwrap().call),
            _ => None,
        })
        .filter(|call| *call != 0)
        .collect()
}

fn lines() -> impl Strategy<Value = Line> {
    (0..200u8, 0..120u8, 0..80u8, 0..120u8, 0..10_000u64).prop_map(
        |(lost, doubled, damaged, stale, delay_max)| Line { lost, doubled, damaged, stale, delay_max },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ends_agree_after_any_storm_and_no_message_comes_twice_or_out_of_order(
        seed: u64,
        storms in prop::collection::vec((lines(), 1_000..40_000u64, 0..4u8), 1..4),
    ) {
        std::println!("seed {seed}");
        let mut storm = Storm::new(seed);
        let mut call = 0;
        for (line, milliseconds, restart) in storms {
            match restart {
                1 => storm.bench.restart_pos(),
                2 => {
                    storm.bench.his = HisSession::open(storm.bench.now);
                    super::opened(storm.bench.his.poll());
                }
                _ => {}
            }
            storm.run(line, milliseconds, &mut call);
        }
        // A perfect line: old buffers run out, the longest wait passes, and one more attempt succeeds.
        storm.run(PERFECT, 75_000, &mut call);
        let before = (storm.bench.his_said.len(), storm.bench.pos_said.len());
        storm.run(PERFECT, 3_000, &mut call);
        for said in [&storm.bench.his_said, &storm.bench.pos_said] {
            let calls = calls(said);
            prop_assert!(calls.is_sorted_by(|a, b| a < b), "{calls:?}");
        }
        prop_assert!(calls(&storm.bench.his_said[before.0..]).len() >= 2);
        prop_assert!(calls(&storm.bench.pos_said[before.1..]).len() >= 2);
    }

    #[test]
    fn line_that_loses_every_fourth_frame_carries_a_session(seed: u64) {
        let mut storm = Storm::new(seed);
        storm.run(Line { lost: 64, ..PERFECT }, 300_000, &mut 0);
        let up = |said: &[Said]| said.iter().any(|said| matches!(said, Said::Up(_)));
        prop_assert!(up(&storm.bench.his_said) && up(&storm.bench.pos_said), "seed {}", seed);
    }
}

#[test]
fn two_ends_on_a_perfect_line_need_one_attempt() {
    let mut storm = Storm::new(1);
    storm.run(PERFECT, 55_000, &mut 0);
    let ups = |said: &[Said]| said.iter().filter(|said| matches!(said, Said::Up(_))).count();
    assert_eq!((ups(&storm.bench.his_said), ups(&storm.bench.pos_said)), (1, 1));
}
