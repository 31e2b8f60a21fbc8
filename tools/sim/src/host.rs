//! A machine: one program, its book and its clocks.

use hispos::book::Batch;
use hispos::ids::BookId;
use hispos::link::PersistId;
use hispos::time::Instant;

use crate::book::MemoryBook;
use crate::nodes::Node;
use crate::rng::Rng;

/// The beginning of a life, so that machines can have been started before it.
pub const BIRTH: u64 = 1_000_000_000;

/// Who waits for a commit.
#[derive(Clone, Copy, Debug)]
pub enum Waits {
    /// A link.
    Link(Node, PersistId),
    /// The program itself: nothing follows.
    Program,
}

/// What every machine has.
#[derive(Debug)]
pub struct Host {
    /// Its program runs.
    pub up: bool,
    /// Which run.
    pub epoch: u32,
    /// When the machine was started, in the world's milliseconds (shifted so that it can lie before the life).
    pub booted: u64,
    /// The id of this boot.
    pub boot: [u8; 16],
    /// How fast its clock runs too fast, in millionths.
    pub drift: i64,
    /// How far its calendar is off, in seconds.
    pub skew: i64,
    /// Its book.
    pub book: MemoryBook,
    /// Batches that are not durable yet.
    pub pending: Vec<(Waits, Batch)>,
    /// It does nothing until then.
    pub frozen_until: u64,
    /// Outputs until it dies at one, if that is planned.
    pub dies_in: Option<u64>,
    /// Its store refuses everything.
    pub storage_fails: bool,
    /// Somebody was called because its book went back, and has not come yet.
    pub called: bool,
}

impl Host {
    /// A machine that was started before the life, with a new book.
    pub(crate) fn new(chance: &mut Rng) -> Self {
        Self {
            up: false,
            epoch: 0,
            booted: BIRTH.saturating_sub(chance.between(60_000, 900_000_000)),
            boot: chance.bytes(),
            drift: i64::try_from(chance.between(0, 400)).unwrap_or(0) - 200,
            skew: i64::try_from(chance.between(0, 120)).unwrap_or(0) - 60,
            book: MemoryBook::create(BookId::from_bytes(chance.bytes())),
            pending: Vec::new(),
            frozen_until: 0,
            dies_in: None,
            storage_fails: false,
            called: false,
        }
    }

    /// The monotonic clock at a moment of the world.
    #[must_use]
    pub fn instant(&self, at: u64) -> Instant {
        let age = i64::try_from(at.saturating_sub(self.booted)).unwrap_or(i64::MAX);
        let drifted = age.saturating_add(age.saturating_mul(self.drift) / 1_000_000);
        Instant(u64::try_from(drifted).unwrap_or(0))
    }

    /// The first moment of the world at which the monotonic clock shows this.
    #[must_use]
    pub fn world(&self, at: Instant) -> u64 {
        let wanted = i64::try_from(at.0).unwrap_or(i64::MAX / 2_000_000);
        let age = wanted.saturating_sub(wanted.saturating_mul(self.drift) / (1_000_000 + self.drift));
        let mut time = self.booted.saturating_add(u64::try_from(age).unwrap_or(0)).saturating_sub(2);
        while self.instant(time) < at && time < u64::MAX / 4 {
            time = time.saturating_add(1);
        }
        time
    }
}
