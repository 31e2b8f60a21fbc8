//! What a scripted conversation decides instead of chance: a deliberate fault at a deliberate moment.
//!
//! Nothing of it is set in a life that is drawn from its seed.

use hispos::book::Batch;
use hispos::link::{HisEvent, PosEvent};
use hispos::platform::{Ask, Proof};

use crate::line::Way;
use crate::nodes::{Machine, Node};
use crate::plan::Fault;

/// How one request goes to a platform and back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Passage {
    /// Milliseconds from the first byte to the platform; `None`: it never arrives.
    pub there: Option<u64>,
    /// Milliseconds back; `None`: the answer is lost.
    pub back: Option<u64>,
    /// Somebody on the way answers this, and the platform hears nothing.
    pub instead: Option<Proof>,
}

impl Passage {
    /// A good network: 50 ms each way.
    pub const GOOD: Self = Self { there: Some(50), back: Some(50), instead: None };
}

/// Decides how a request passes, from the request and the milliseconds of the life.
pub type Network = Box<dyn FnMut(&Ask, u64) -> Passage>;

/// Milliseconds until a request's connection stands.
pub type Connects = Box<dyn FnMut(&Ask) -> u64>;

/// Sees every write to a line, by desk and way; `false`: it is lost.
pub type Tap = Box<dyn FnMut(usize, Way, &[u8]) -> bool>;

/// What a link wants to be done just now.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// Make this batch durable.
    Persist(Machine, &'a Batch),
    /// Write so many bytes.
    Transmit(Node, usize),
}

/// What becomes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It is done.
    Goes,
    //= spec-crate/spec/conformance.md#testing-with-a-driver
    //# An implementation of level HIS or POS MUST be tested with a kill after each durable record and after
    //# each message and request of a whole collect and a whole refund.
    /// The program is killed at it, and a batch is durable or lost.
    Killed(bool),
    /// The machine loses its power at it, and a batch is durable or lost.
    PowerCut(bool),
    //= spec-crate/spec/conformance.md#testing-with-a-driver
    //# An implementation of level HIS or POS MUST be tested with each message of a whole collect and refund
    //# lost once, lost always until a new session, delayed by 10 seconds, and repeated.
    /// A write is lost.
    Lost,
    /// A write comes twice.
    Twice,
    /// A write comes seconds later.
    Late,
    /// A write comes so many milliseconds later than it would, and everything behind it, too.
    Delayed(u64),
    /// It is done, and then something breaks, so many milliseconds later.
    Then(u64, Fault),
}

/// Decides what becomes of every Persist and Transmit.
pub type Fates = Box<dyn FnMut(Moment<'_>) -> Fate>;

/// The power of a machine goes at a Persist.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PowerCut {
    /// Whose.
    pub machine: Machine,
    /// So many batches before it.
    pub persists: u64,
    /// The batch is durable, and nothing that follows it happens; otherwise it is lost.
    pub durable: bool,
}

/// What a window or a terminal told.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "few, and only in scripts")]
pub enum Told {
    /// A window, by desk.
    His(usize, HisEvent),
    /// A terminal, by desk.
    Pos(usize, PosEvent),
}

/// What is decided instead of drawn.
#[derive(Default)]
pub struct Script {
    /// How requests pass.
    pub network: Option<Network>,
    /// How connections come to stand.
    pub connects: Option<Connects>,
    /// What is lost on lines.
    pub tap: Option<Tap>,
    /// What becomes of Persists and Transmits.
    pub fates: Option<Fates>,
    /// When the power goes.
    pub power_cut: Option<PowerCut>,
    /// A machine that has no calendar clock.
    pub no_calendar: Option<Machine>,
    /// Milliseconds from a program's death to its next start.
    pub restart_after: Option<u64>,
    /// Everything that was told, with the milliseconds of the life, if it is to be kept.
    pub told: Option<Vec<(u64, Told)>>,
}
