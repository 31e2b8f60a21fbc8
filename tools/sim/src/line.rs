//! The line between a window and its terminal: a stream of bytes that may be late, lost, doubled or damaged.

use std::collections::VecDeque;

use crate::rng::Rng;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// From HIS to the POS.
    Down,
    /// From the POS to HIS.
    Up,
}

/// How bad a line is, in thousandths per write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noise {
    /// A write is lost.
    pub lost: u64,
    /// Some of its bytes are others.
    pub damaged: u64,
    /// It comes twice.
    pub doubled: u64,
    /// It comes up to ten seconds late, and everything behind it, too.
    pub late: u64,
}

/// One line.
#[derive(Debug, Default)]
pub struct Line {
    /// Bytes can pass.
    pub up: bool,
    /// How bad it is now.
    pub noise: Noise,
    /// The ends notice when the other one closes, as with TCP; a serial cable tells nothing.
    pub notices: bool,
    down: Flight,
    upward: Flight,
}

/// What is on its way in one direction.
#[derive(Debug, Default, Hash)]
struct Flight {
    pieces: VecDeque<(u64, Vec<u8>)>,
    latest: u64,
}

impl Line {
    /// A line whose both ends are plugged in.
    #[must_use]
    pub fn plugged() -> Self {
        Self { up: true, ..Self::default() }
    }

    fn flight(&mut self, way: Way) -> &mut Flight {
        match way {
            Way::Down => &mut self.down,
            Way::Up => &mut self.upward,
        }
    }

    /// Writes bytes. Says when pieces of them arrive.
    pub fn write(&mut self, way: Way, bytes: Vec<u8>, now: u64, rng: &mut Rng) -> Vec<u64> {
        let noise = self.noise;
        if !self.up || rng.in_thousand(noise.lost) {
            return Vec::new();
        }
        let mut bytes = bytes;
        if rng.in_thousand(noise.damaged) {
            damage(&mut bytes, rng);
        }
        let copies = if rng.in_thousand(noise.doubled) { 2 } else { 1 };
        let late = rng.in_thousand(noise.late);
        let mut delay = if late { rng.between(1_000, 10_000) } else { rng.between(2, 60) };
        let flight = self.flight(way);
        let mut arrivals = Vec::new();
        for _ in 0..copies {
            let cut = usize::try_from(rng.between(0, bytes.len() as u64)).unwrap_or(0);
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            for piece in [head, tail].into_iter().filter(|piece| !piece.is_empty()) {
                let at = flight.latest.max(now.saturating_add(delay));
                flight.latest = at;
                flight.pieces.push_back((at, piece.to_vec()));
                arrivals.push(at);
                delay = delay.saturating_add(rng.between(0, 20));
            }
        }
        arrivals
    }

    /// What is on its way, for a digest.
    pub(crate) fn fold(&self, into: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;
        (self.up, self.notices, &self.down, &self.upward).hash(into);
    }

    /// What has arrived by now.
    pub fn read(&mut self, way: Way, now: u64) -> Vec<u8> {
        let flight = self.flight(way);
        let mut bytes = Vec::new();
        while let Some((at, _)) = flight.pieces.front() {
            if *at > now {
                break;
            }
            if let Some((_, piece)) = flight.pieces.pop_front() {
                bytes.extend(piece);
            }
        }
        bytes
    }

    /// The cable is pulled. What was on its way is lost, or waits in a buffer for the next opening.
    pub fn cut(&mut self, keeps: bool) {
        self.up = false;
        for way in [Way::Down, Way::Up] {
            let flight = self.flight(way);
            if !keeps {
                flight.pieces.clear();
            }
            flight.latest = 0;
        }
    }

    /// When what waited in a buffer is to be read.
    pub fn waiting(&mut self, way: Way) -> Option<u64> {
        self.flight(way).pieces.back().map(|(at, _)| *at)
    }
}

fn damage(bytes: &mut [u8], rng: &mut Rng) {
    let length = bytes.len() as u64;
    let from = rng.between(0, length.saturating_sub(1));
    let run = rng.between(1, 8);
    for place in from..from.saturating_add(run).min(length) {
        let mask = u8::try_from(rng.between(1, 255)).unwrap_or(1);
        if let Some(byte) = usize::try_from(place).ok().and_then(|place| bytes.get_mut(place)) {
            *byte ^= mask;
        }
    }
}
