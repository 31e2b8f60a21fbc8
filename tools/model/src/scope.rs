//! What may happen in a space, and how often.

use hispos::platform::Channel;
use hispos_sim::mutants::Mutant;
use hispos_sim::story::Story;

/// What a choice is about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Which code a patient shows, and what becomes of it. Free.
    Payer,
    /// A cashier cancels.
    Cancel,
    /// Another window collects the same bill.
    Window,
    /// A pay or a reverse, or its answer, is lost, or it takes effect late.
    Network,
    /// The same with a refund.
    RefundNetwork,
    /// A question is lost.
    Question,
    /// The connection of a pay stands only after minutes: a terminal that slept.
    Slow,
    /// The same with a reverse.
    SlowReverse,
    /// The same with a refund.
    SlowRefund,
    /// A reverse takes effect late, or not at all.
    Reversal,
    /// A refund is in process, refused, closed, or a matter for people.
    Refunding,
    /// A write to a line is lost, doubled, or seconds late.
    Line,
    /// A line is cut for minutes.
    Cut,
    /// A program is killed at some moment.
    Strike,
    /// A program is killed at a Persist.
    Kill,
    /// A machine loses its power at a Persist.
    Power,
    /// A journal is lost, or replaced by an older copy.
    Journal,
    /// The ledger is restored from an older copy.
    Ledger,
}

impl Kind {
    /// All of them that use up the budget.
    pub const ALL: &'static [Self] = &[
        Self::Cancel,
        Self::Window,
        Self::Network,
        Self::RefundNetwork,
        Self::Question,
        Self::Slow,
        Self::SlowReverse,
        Self::SlowRefund,
        Self::Reversal,
        Self::Refunding,
        Self::Line,
        Self::Cut,
        Self::Strike,
        Self::Kill,
        Self::Power,
        Self::Journal,
        Self::Ledger,
    ];
}

/// What becomes of the first payment code of a life.
pub const STORIES: &[(Channel, Story)] = &[
    (Channel::Wechat, Story::Paid),
    (Channel::Alipay, Story::PaidSilently),
    (Channel::Alipay, Story::Password(30_000)),
    (Channel::Wechat, Story::Password(53_000)),
    (Channel::Alipay, Story::NeverTyped),
    (Channel::Wechat, Story::RefusedAlive(20_000)),
    (Channel::Wechat, Story::RefusedAbsent),
];

/// What may happen.
#[derive(Clone, Debug)]
pub struct Scope {
    /// How many choices may be other than usual, beside the payer's.
    pub faults: u8,
    /// What may be other than usual.
    pub kinds: &'static [Kind],
    /// What payers do.
    pub stories: &'static [(Channel, Story)],
    /// Nobody shows a code, as one more alternative.
    pub no_code: bool,
    /// Choices that happen without using up the budget, each once.
    pub fixed: &'static [(Kind, u8)],
    /// Milliseconds from an order's acceptance until the first code is shown.
    pub shown_after: u64,
    /// From its making on, for how long a write, a commit or a power plug may fail, in milliseconds.
    pub window: u64,
    /// A rule that is missing.
    pub mutant: Option<Mutant>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            faults: 1,
            kinds: Kind::ALL,
            stories: STORIES,
            no_code: true,
            fixed: &[],
            shown_after: 1_000,
            window: 150_000,
            mutant: None,
        }
    }
}
