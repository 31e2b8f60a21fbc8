//! What a program run has learned about one platform number, and when that proves something.
//!
//! Specified in spec: payment state machine, "what an answer proves".

use crate::catalogue::Status;
use crate::ids::PlatformNumber;
use crate::platform::{AskId, Capture, Merchant, Proof, Verdict};
use crate::time::Instant;

/// How many equal answers together prove absence or expiry.
const ANSWERS_NEEDED: u32 = 3;

/// What finally became of a number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Finding {
    /// The platform has the money, at the right total.
    Captured(Capture),
    /// At another total or merchant.
    Mismatch(Capture),
    /// Captured, and refunds are seen that are not our reverse.
    Refunded(Capture),
    /// Our reverse gave back only a part.
    ReversedInPart(Capture),
    /// It can never be paid any more.
    Dead(Death),
}

/// Why a number is dead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Death {
    /// The platform closed it, or our reverse gave everything back.
    Closed,
    /// The platform does not know it.
    Absent,
    /// It stayed unpaid beyond its expiry.
    Expired,
}

impl Death {
    /// The status of an order that ends by it.
    pub(super) const fn status(self, payer_refused: bool) -> Status {
        match (self, payer_refused) {
            (Self::Closed, true) => Status::PayerRefused,
            (Self::Closed, false) => Status::Closed,
            (Self::Absent, true) => Status::PayerRefusedAbsent,
            (Self::Absent, false) => Status::Absent,
            (Self::Expired, _) => Status::Expired,
        }
    }
}

/// What a query may prove in the present state of its order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A reverse of ours was written.
    pub(super) reversed: bool,
    /// A capture counts only if it was asked for after the fence.
    pub(super) capture_after_fence: bool,
    /// No reverse is allowed any more: answers "alive" from this instant on prove expiry.
    pub(super) expired_from: Option<Instant>,
    /// Least time between two answers that count together, in milliseconds.
    pub(super) gap: u64,
}

/// Equal answers, far enough apart.
#[derive(Clone, Copy, Debug, Default)]
struct Streak {
    count: u32,
    last: Option<Instant>,
}

impl Streak {
    /// Counts an answer; `true` if it is one of at least [`ANSWERS_NEEDED`].
    fn counts(&mut self, at: Instant, gap: u64) -> bool {
        if self.last.is_some_and(|last| at < last.after(gap)) {
            return false;
        }
        self.last = Some(at);
        self.count = self.count.saturating_add(1);
        self.count >= ANSWERS_NEEDED
    }
}

/// The latest answer that said something about the number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Latest {
    Alive,
    Absent,
    Closed,
    Money,
}

/// Why a number is asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// The order's own number, at the merchant of its agreement.
    Own,
    /// The order's own number at an older merchant, or the number of an order that HIS wants searched.
    Beside,
}

/// One platform number at one merchant.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) place: Place,
    pub(super) number: PlatformNumber,
    pub(super) merchant: Merchant,
    /// Nothing that was sent for the number takes effect later than this.
    pub(super) fence: Instant,
    /// The query that is under way.
    pub(super) in_flight: Option<AskId>,
    /// Latest answer, and when its connection had ended.
    pub(super) latest: Option<(Latest, Instant)>,
    pub(super) finding: Option<Finding>,
    absent: Streak,
    alive: Streak,
}

impl Evidence {
    pub(super) fn new(place: Place, number: PlatformNumber, merchant: Merchant, fence: Instant) -> Self {
        Self {
            place,
            number,
            merchant,
            fence,
            in_flight: None,
            latest: None,
            finding: None,
            absent: Streak::default(),
            alive: Streak::default(),
        }
    }

    /// A request that can move money has ended: what is known so far proves less.
    pub(super) fn fenced_from(&mut self, ended: Instant, fence_ms: u64) {
        self.fence = self.fence.max(ended.after(fence_ms));
        self.absent = Streak::default();
        self.alive = Streak::default();
    }

    /// Takes the answer to a query and concludes what it proves.
    pub(super) fn judge(&mut self, verdict: &Verdict, rules: Rules) {
        let Some(asked) = verdict.first_byte else { return };
        let after_fence = asked >= self.fence;
        let (latest, finding) = match &verdict.proof {
            Proof::Captured(capture) => {
                let counts = after_fence || !rules.capture_after_fence;
                (Latest::Money, counts.then(|| Finding::Captured(capture.clone())))
            }
            Proof::Mismatch(capture) => (Latest::Money, Some(Finding::Mismatch(capture.clone()))),
            Proof::CapturedAndRefunded { capture, refunded } => {
                (Latest::Money, Some(refunds_seen(capture, *refunded, rules)))
            }
            Proof::Closed => (Latest::Closed, Some(Finding::Dead(Death::Closed))),
            Proof::Alive => {
                self.absent = Streak::default();
                let enough = self.alive.counts(asked, rules.gap);
                let expired = rules.expired_from.is_some_and(|from| asked >= from);
                (Latest::Alive, (enough && expired).then_some(Finding::Dead(Death::Expired)))
            }
            Proof::Absent => {
                self.alive = Streak::default();
                let enough = self.absent.counts(asked, rules.gap);
                (Latest::Absent, (enough && after_fence).then_some(Finding::Dead(Death::Absent)))
            }
            _ => return,
        };
        self.latest = Some((latest, verdict.ended));
        if finding.is_some() {
            self.finding = finding;
        }
    }

    /// The latest answer that counts towards absence or expiry.
    pub(super) fn counted(&self) -> Option<Instant> {
        self.absent.last.max(self.alive.last)
    }

    /// The money that was seen under this number, whatever else is known.
    pub(super) fn money(&self) -> Option<&Capture> {
        match &self.finding {
            Some(
                Finding::Captured(capture)
                | Finding::Mismatch(capture)
                | Finding::Refunded(capture)
                | Finding::ReversedInPart(capture),
            ) => Some(capture),
            Some(Finding::Dead(_)) | None => None,
        }
    }
}

/// Refunds on a capture: our own reverse, in full or in part, or somebody else's doing.
fn refunds_seen(capture: &Capture, refunded: u64, rules: Rules) -> Finding {
    if !rules.reversed {
        Finding::Refunded(capture.clone())
    } else if refunded >= capture.amount {
        Finding::Dead(Death::Closed)
    } else {
        Finding::ReversedInPart(capture.clone())
    }
}

/// What is known of a refund's two numbers.
#[derive(Default)]
pub(super) struct RefundFacts {
    /// The question about the refund's own number, or the original's, that is under way.
    pub(super) asked: Option<AskId>,
    /// The refund's own number is absent, by the latest answer.
    pub(super) absent: bool,
    pub(super) absents: u32,
    pub(super) absent_at: Option<Instant>,
    /// Nothing that was sent for the refund takes effect later than this.
    pub(super) fence: Instant,
    /// Requests written in this program run.
    pub(super) requested: u32,
    /// What the platform said of the original: captured as the order has it, or not.
    pub(super) original: Option<bool>,
}
