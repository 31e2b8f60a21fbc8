//! What platforms do with reverses and refunds: drawn in a life, decided in a script.

use std::collections::VecDeque;

use crate::rng::Rng;

/// What becomes of a reverse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reversal {
    /// It works at once.
    Works,
    /// It is answered, and has no effect.
    NoEffect,
    /// It takes effect so many milliseconds later.
    Late(u64),
}

impl Reversal {
    /// One by chance.
    pub(crate) fn drawn(rng: &mut Rng) -> Self {
        match rng.between(0, 9) {
            0 => Self::NoEffect,
            1 | 2 => Self::Late(rng.between(500, 80_000)),
            _ => Self::Works,
        }
    }
}

/// What becomes of a refund.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refunding {
    /// It is done at once.
    Done,
    /// It is in process, and done so many milliseconds later.
    Processing(u64),
    /// A person has to carry it on, and does so many milliseconds later; 0: never.
    Abnormal(u64),
    /// It is in process, and closed.
    Closed,
    /// It is refused.
    Refused,
}

impl Refunding {
    /// One by chance, and for how long queries do not know of it.
    pub(crate) fn drawn(rng: &mut Rng) -> (Self, u64) {
        if rng.in_thousand(80) {
            return (Self::Refused, 0);
        }
        let hidden = if rng.in_thousand(150) { rng.between(0, 8_000) } else { 0 };
        let becomes = match rng.between(0, 9) {
            0..=2 => Self::Processing(rng.between(500, 80_000)),
            3 => Self::Abnormal(0),
            4 => Self::Closed,
            _ => Self::Done,
        };
        (becomes, hidden)
    }
}

/// Decides among so many alternatives, the first of which is the usual one.
pub struct Oracle(pub Box<dyn FnMut(&'static str, usize) -> usize>);

impl std::fmt::Debug for Oracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Oracle(..)")
    }
}

/// Milliseconds until a late reverse takes effect. Together with `WAY`, for which a request is under way at most, it
/// stays below T_FENCE (120 s): later no platform may act on what was asked.
const EFFECT: u64 = 35_000;

/// Milliseconds for which a late request is under way.
pub const WAY: u64 = 80_000;

impl Decided {
    /// What becomes of the next reverse.
    pub(crate) fn reversal(&mut self) -> Reversal {
        let all = [Reversal::Works, Reversal::Late(EFFECT), Reversal::NoEffect];
        self.decide("reverse", &all).or_else(|| self.reverses.pop_front()).unwrap_or(Reversal::Works)
    }

    /// What becomes of the next refund.
    pub(crate) fn refunding(&mut self) -> Refunding {
        let all = [
            Refunding::Done,
            Refunding::Processing(80_000),
            Refunding::Refused,
            Refunding::Closed,
            Refunding::Abnormal(200_000),
        ];
        self.decide("refund", &all).or_else(|| self.refunds.pop_front()).unwrap_or(Refunding::Done)
    }

    fn decide<T: Copy>(&mut self, what: &'static str, all: &[T]) -> Option<T> {
        let oracle = self.oracle.as_mut()?;
        all.get((oracle.0)(what, all.len())).copied()
    }
}

/// What is decided instead of drawn; what is not named works at once.
#[derive(Debug, Default)]
pub struct Decided {
    /// Asked instead of the two lists, if it is there.
    pub oracle: Option<Oracle>,
    /// The next reverses.
    pub reverses: VecDeque<Reversal>,
    /// The next refunds.
    pub refunds: VecDeque<Refunding>,
    /// Milliseconds from a pay until queries know its number; `u64::MAX`: not before it is captured.
    pub hidden: u64,
}
