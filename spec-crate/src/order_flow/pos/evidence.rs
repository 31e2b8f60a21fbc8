//! What a program run has learned about one platform number, and when that proves something.
//!
//! Specified in spec: payment state machine, "what an answer proves".

#[cfg(test)]
mod tests;

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

/// Why a number is dead, the strongest last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Death {
    /// The platform does not know it.
    Absent,
    /// It stayed unpaid beyond its expiry.
    Expired,
    /// The platform closed it, or our reverse gave everything back.
    Closed,
}

impl Death {
    /// The status of an order that ends by it.
    pub(super) const fn status(self, payer_refused: bool) -> Status {
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST use for a dead number `closed` (204), `absent` (206) or `expired` (207) as it died, but
        //# `payer_refused` (203) for closed and `payer_refused_absent` (208) for absent if the payer was
        //# refused.
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
        //= spec-crate/spec/payment.md#what-a-query-proves
        //# A POS MUST count an absent or alive answer only if it was asked T_ABSENCE_GAP or more after the
        //# last one that counted in the same count of that entry.
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
        //= spec-crate/spec/payment.md#fences
        //# A POS MUST move the fence of the attempt's number to the end of the connection + T_FENCE, if that
        //# is later, when a pay or reverse whose first byte was written has ended.
        self.fence = self.fence.max(ended.after(fence_ms));
        //= spec-crate/spec/payment.md#what-a-query-proves
        //# A POS MUST set the count of absent answers of an entry to 0 on an alive answer, the count of alive
        //# answers to 0 on an absent answer, and both to 0 when a pay or reverse for its number has ended
        //# with a first byte written.
        self.absent = Streak::default();
        self.alive = Streak::default();
    }

    /// Takes the answer to a query and concludes what it proves.
    pub(super) fn judge(&mut self, verdict: &Verdict, rules: Rules) {
        //= spec-crate/spec/payment.md#what-a-query-proves
        //# A POS MUST ignore a verdict on a query whose first byte was not written.
        let Some(asked) = verdict.first_byte else { return };
        let after_fence = asked >= self.fence;
        let (latest, finding) = match &verdict.proof {
            Proof::Captured(capture) => {
                //= spec-crate/spec/payment.md#what-a-query-proves
                //# A POS MUST find an entry captured by a captured answer, but only by one that was asked at
                //# or after the entry's fence if a reverse of the order was written, the journal is not
                //# intact for it, or it is a look.
                let counts = after_fence || !rules.capture_after_fence;
                (Latest::Money, counts.then(|| Finding::Captured(capture.clone())))
            }
            //= spec-crate/spec/payment.md#what-a-query-proves
            //# A POS MUST find an entry a mismatch by every mismatch answer.
            Proof::Mismatch(capture) => (Latest::Money, Some(Finding::Mismatch(capture.clone()))),
            Proof::CapturedAndRefunded { capture, refunded } => {
                (Latest::Money, Some(refunds_seen(capture, *refunded, rules)))
            }
            //= spec-crate/spec/payment.md#what-a-query-proves
            //# A POS MUST find an entry dead by closing by every closed answer.
            Proof::Closed => (Latest::Closed, Some(Finding::Dead(Death::Closed))),
            Proof::Alive => {
                //= spec-crate/spec/payment.md#what-a-query-proves
                //# A POS MUST set the count of absent answers of an entry to 0 on an alive answer, the count
                //# of alive answers to 0 on an absent answer, and both to 0 when a pay or reverse for its
                //# number has ended with a first byte written.
                self.absent = Streak::default();
                let enough = self.alive.counts(asked, rules.gap);
                let expired = rules.expired_from.is_some_and(|from| asked >= from);
                //= spec-crate/spec/payment.md#what-a-query-proves
                //# A POS MUST find an entry dead by expiry by an alive answer that is at least the third in
                //# the entry's count of alive answers and was asked at or after the instant of PAY-52.
                (Latest::Alive, (enough && expired).then_some(Finding::Dead(Death::Expired)))
            }
            Proof::Absent => {
                //= spec-crate/spec/payment.md#what-a-query-proves
                //# A POS MUST set the count of absent answers of an entry to 0 on an alive answer, the count
                //# of alive answers to 0 on an absent answer, and both to 0 when a pay or reverse for its
                //# number has ended with a first byte written.
                self.alive = Streak::default();
                let enough = self.absent.counts(asked, rules.gap);
                //= spec-crate/spec/payment.md#what-a-query-proves
                //# A POS MUST find an entry dead by absence by an absent answer that is at least the third in
                //# the entry's count of absent answers and was asked at or after the entry's fence.
                (Latest::Absent, (enough && after_fence).then_some(Finding::Dead(Death::Absent)))
            }
            //= spec-crate/spec/payment.md#what-a-query-proves
            //# A POS MUST leave an entry unchanged on every proof to a query but captured, mismatch, captured
            //# and refunded, closed, alive and absent.
            _ => return,
        };
        //= spec-crate/spec/payment.md#what-a-query-proves
        //# A POS MUST remember as latest answer of an entry alive, absent, closed, or money for the three
        //# proofs with a capture, with the instant at which the connection ended.
        self.latest = Some((latest, verdict.ended));
        //= spec-crate/spec/payment.md#what-a-query-proves
        //# A POS MUST let a newer finding of an entry replace an older one.
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
    //= spec-crate/spec/payment.md#what-a-query-proves
    //# A POS MUST find an entry, by a captured-and-refunded answer, refunded by others if no reverse of the
    //# order was written, dead by closing if one was written and the refunded amount is at least the
    //# capture's, and reversed in part if one was written and it is less.
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
