//! Refunding: the states of an order that gives money back.
//!
//! The refund's own number is asked first, then the original's; then the request is persisted and sent. After that
//! only the platform's answer about the refund's number ends the order.
//!
//! Specified in spec: order life, "refunds", and payment state machine, "T-refund".

use super::ending::End;
use super::evidence::{Evidence, Latest, Place};
use super::life::Life;
use super::{Context, Effects};
use crate::catalogue::Status;
use crate::platform::{Proof, Request, Verdict};
use crate::time::Clock;
use crate::time::Instant;
use crate::timers;
use crate::wire::PosState;

/// How many equal answers together prove absence.
const ABSENT_NEEDED: u32 = 3;

impl Life {
    pub(super) fn step_refunding(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        let started = self.row.refund_started_at != 0;
        if self.restarted {
            if !context.synced {
                return;
            }
            //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
            //# A POS MUST NOT sign a result about an order that it loaded at its start before the first Sync
            //# of the present run came.
            //= spec-crate/spec/orders.md#refunding
            //# A POS that loaded an order in Refunding at its start MUST, after the first Sync, end it as
            //# `not_refunded` with `never_sent` (400) if the first request was not yet allowed and the
            //# journal is intact for it, and enter Asking otherwise.
            let never_sent = !started && self.intact(context);
            return if never_sent {
                self.end(End::not_refunded(Status::NeverSent), context, clock, effects);
            } else {
                self.start_asking_refund(context, clock, effects);
            };
        }
        //= spec-crate/spec/orders.md#refunding
        //# A POS MUST apply the rules of Refunding in this order: ORD-133, wait while a request or question
        //# is in flight, enter Asking if the first request was allowed, ORD-134, ORD-135, ORD-138, ORD-139,
        //# ORD-136.
        if self.moving.is_some() || self.refund.asked.is_some() {
            return;
        }
        //= spec-crate/spec/orders.md#refunding
        //# A POS MUST store the instant at which the first refund request is allowed before it writes that
        //# request, and enter Asking when the request has ended without ending the order.
        if started {
            return self.start_asking_refund(context, clock, effects);
        }
        //= spec-crate/spec/orders.md#refunding
        //# A POS MUST end an order in Refunding as `not_refunded` with `never_sent` (400) if a cancel is
        //# wanted, the first request was not yet allowed, and no question is in flight.
        if self.row.cancel_wanted {
            return self.end(End::not_refunded(Status::NeverSent), context, clock, effects);
        }
        //= spec-crate/spec/orders.md#refunding
        //# A POS MUST end an order in Refunding as `not_refunded` with `refund_platform_down` (402) at
        //# `start_by`, if the first request was not yet allowed and no question is in flight.
        if clock.now >= self.start_by() {
            return self.end(End::not_refunded(Status::RefundPlatformDown), context, clock, effects);
        }
        match self.refund.original {
            Some(true) => {
                //= spec-crate/spec/orders.md#refunding
                //# A POS MUST store the instant at which the first refund request is allowed before it writes
                //# that request, and enter Asking when the request has ended without ending the order.
                self.row.refund_started_at = clock.now.0.max(1);
                self.enter(PosState::Refunding, clock.now, effects);
                let start_by = self.start_by();
                self.request_refund(start_by, context, effects);
            }
            //= spec-crate/spec/orders.md#refunding
            //# A POS MUST end an order in Refunding as `not_refunded` with `original` (403) unless the
            //# original's number is captured, refunded in part or not, with exactly the amount and payment
            //# number that `refund_of` names, where a mismatch, closed, alive and absent each say that it is
            //# not.
            Some(false) => self.end(End::not_refunded(Status::Original), context, clock, effects),
            //= spec-crate/spec/orders.md#refunding
            //# A POS MUST ask in Refunding first about the refund's own number, and after it answered absent
            //# about the original's number, at once and then again 5 seconds after each answer that decides
            //# nothing.
            None if clock.now >= self.next_query => {
                self.next_query = clock.now.after(timers::CODE_ERROR_RETRY);
                let request =
                    if self.refund.absent { Some(Request::Query) } else { self.refund_question(context) };
                self.ask_refund(request, context, effects);
            }
            None => {}
        }
    }

    /// After the request, or after a restart: only the refund's own number is asked about.
    pub(super) fn start_asking_refund(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        let timers = context.timers(&self.core);
        //= spec-crate/spec/payment.md#fences
        //# A POS MUST move the fence of a refund's number to the end of the connection + T_FENCE when a
        //# refund request whose first byte was written has ended, and to the program's start + T_FENCE, if
        //# that is later, after a restart or if the journal is not intact.
        if self.row.run != context.run || self.row.not_intact {
            self.refund.fence = self.refund.fence.max(context.started.after(timers.fence));
        }
        self.restarted = false;
        self.refund.absent = false;
        self.enter(PosState::Asking, clock.now, effects);
    }

    pub(super) fn step_asking_refund(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        if self.restarted {
            if !context.synced {
                return;
            }
            //= spec-crate/spec/payment.md#fences
            //# A POS MUST move the fence of a refund's number to the end of the connection + T_FENCE when a
            //# refund request whose first byte was written has ended, and to the program's start + T_FENCE,
            //# if that is later, after a restart or if the journal is not intact.
            let fence = context.started.after(context.timers(&self.core).fence);
            self.refund.fence = self.refund.fence.max(fence);
            self.restarted = false;
        }
        if self.moving.is_some() || self.refund.asked.is_some() {
            return;
        }
        //= spec-crate/spec/orders.md#leases
        //# A POS MUST NOT write a pay, reverse or refund for an order that its present run has not accepted
        //# by SubmitOrder, except a reverse or a repeated refund that ORD-130 or ORD-142 allows.
        //= spec-crate/spec/orders.md#looking-up
        //# A POS MUST NOT write a pay, reverse or refund because of a LookUp, whichever device the core
        //# names.
        let leased = !self.looking && self.intact(context) && clock.now < self.act_by();
        //= spec-crate/spec/orders.md#asking-about-a-refund
        //# A POS MUST write the refund request again in Asking, with the same refund number and amount, when
        //# the latest answer says that the refund's number is absent, the first request had been allowed, the
        //# journal is intact for the order, it is no look, and `act_by` has not come.
        if leased && self.refund.absent && self.row.refund_started_at != 0 {
            self.refund.absent = false;
            let act_by = self.act_by();
            return self.request_refund(act_by, context, effects);
        }
        //= spec-crate/spec/payment.md#the-refund
        //# A POS MUST go on asking about a refund that is pending, without an end by time.
        if clock.now >= self.next_query {
            self.schedule_refund_question(context, clock);
            //= spec-crate/spec/orders.md#asking-about-a-refund
            //# A POS MUST ask in Asking of a refund only about the refund's own number, at the merchant of
            //# the original's agreement, and end the order only as PAY-84 and PAY-86 say, without any end by
            //# time.
            let question = self.refund_question(context);
            self.ask_refund(question, context, effects);
        }
    }

    fn schedule_refund_question(&mut self, context: &Context, clock: Clock) {
        let gap = context.timers(&self.core).absence_gap;
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST ask in Asking of a refund, and in a look at one, at once when it enters, then after 1,
        //# 1, 3, 6 and 30 times T_ABSENCE_GAP from one question to the next, and then every 1,800 seconds,
        //# and besides at 0 to 6 times T_ABSENCE_GAP after the fence if the fence is later than the state's
        //# entry, with only one question in flight.
        let gaps = [1, 1, 3, 6, 30];
        let nth = usize::try_from(self.queries).unwrap_or(usize::MAX);
        self.queries = self.queries.saturating_add(1);
        let wait = gaps.get(nth).map_or(30 * 60 * 1_000, |times| gap.saturating_mul(*times));
        let fence = self.refund.fence;
        let beyond = (0..=6u64).map(|nth| fence.after(nth.saturating_mul(gap))).find(|at| *at > clock.now);
        let next = clock.now.after(wait);
        self.next_query = if fence > self.entered { beyond.map_or(next, |at| at.min(next)) } else { next };
    }

    fn refund_question(&self, context: &Context) -> Option<Request> {
        let amount = self.core.amount().fen().unsigned_abs();
        Some(Request::QueryRefund { refund: context.refund_number(&self.core)?, amount })
    }

    fn ask_refund(&mut self, request: Option<Request>, context: &mut Context, effects: &mut Effects) {
        let (Some(request), Some(original)) = (request, self.core.refund_of()) else { return };
        let Some((merchant, number)) = context.original(&self.core) else { return };
        //= spec-crate/spec/payment.md#questions
        //# A POS MUST give a query, pay and reverse the magnitude of the order's amount as total, and every
        //# question about a refund, also the query of its original, the amount of the original.
        let ask =
            context.ask(context.timers(&self.core), merchant, Some(number), original.amount, request, None);
        self.refund.asked = Some(ask.id);
        effects.ask(ask);
    }

    fn request_refund(&mut self, not_after: Instant, context: &mut Context, effects: &mut Effects) {
        let Some((merchant, number)) = context.original(&self.core) else { return };
        let Some(refund) = context.refund_number(&self.core) else { return };
        //= spec-crate/spec/payment.md#the-refund
        //# A POS MUST write a refund request only with the number of ORD-25 for `R`, the refund's magnitude,
        //# the original's total and number, at the merchant of the original's agreement, and no byte of the
        //# first one at or after `start_by`, nor of a repeated one at or after `act_by`.
        let request = Request::Refund { refund, amount: self.core.amount().fen().unsigned_abs() };
        self.move_money(merchant, number, request, not_after, context, effects);
    }

    /// What the answer to a refund request proves. A refusal counts only as the answer to the first one.
    pub(super) fn refund_answered(
        &mut self,
        verdict: &Verdict,
        context: &mut Context,
        clock: Clock,
        effects: &mut Effects,
    ) {
        let first = self.refund.requested == 0 && self.state() == PosState::Refunding;
        if verdict.first_byte.is_some() {
            self.refund.requested = self.refund.requested.saturating_add(1);
            //= spec-crate/spec/payment.md#fences
            //# A POS MUST move the fence of a refund's number to the end of the connection + T_FENCE when a
            //# refund request whose first byte was written has ended, and to the program's start + T_FENCE,
            //# if that is later, after a restart or if the journal is not intact.
            let fence = verdict.ended.after(context.timers(&self.core).fence);
            self.refund.fence = self.refund.fence.max(fence);
            //= spec-crate/spec/payment.md#the-refund
            //# A POS MUST count an absent answer about a refund's number only if it was asked T_ABSENCE_GAP
            //# or more after the last one that counted, and set the count to 0 when a refund request with a
            //# first byte written has ended and when an answer says that the refund is pending.
            self.refund.absents = 0;
            self.refund.absent_at = None;
        }
        match &verdict.proof {
            //= spec-crate/spec/payment.md#the-refund
            //# A POS MUST ignore the proof not refunded as the answer to a refund request, unless it is the
            //# answer to the request that was written in Refunding and no request of the order was written
            //# before.
            Proof::NotRefunded { .. } if !first => {}
            _ => self.conclude_refund(verdict, context, clock, effects),
        }
        if self.state() == PosState::Refunding {
            self.start_asking_refund(context, clock, effects);
            //= spec-crate/spec/payment.md#when-queries-are-asked
            //# A POS MUST ask about a refund first T_ABSENCE_GAP after the end of the request that brought it
            //# from Refunding to Asking.
            self.next_query = clock.now.after(context.timers(&self.core).absence_gap);
        }
    }

    /// What the answer to a question proves.
    pub(super) fn refund_verdict(
        &mut self,
        verdict: &Verdict,
        context: &mut Context,
        clock: Clock,
        effects: &mut Effects,
    ) {
        if self.refund.asked != Some(verdict.id) {
            return;
        }
        self.refund.asked = None;
        let before_request = self.state() == PosState::Refunding && !self.looking;
        if before_request && self.refund.absent {
            return self.judge_original(verdict, context);
        }
        if !matches!(verdict.proof, Proof::Absent) {
            if verdict.proof == Proof::RefundPending {
                // The number is known: what was absent before proves nothing.
                self.refund.absent = false;
                //= spec-crate/spec/payment.md#the-refund
                //# A POS MUST count an absent answer about a refund's number only if it was asked
                //# T_ABSENCE_GAP or more after the last one that counted, and set the count to 0 when a
                //# refund request with a first byte written has ended and when an answer says that the refund
                //# is pending.
                self.refund.absents = 0;
                self.refund.absent_at = None;
            }
            self.conclude_refund(verdict, context, clock, effects);
            //= spec-crate/spec/orders.md#refunding
            //# A POS MUST judge every answer about the refund's own number other than absent by PAY-84, and
            //# enter Asking if it says that the refund is pending.
            if before_request && verdict.proof == Proof::RefundPending {
                self.start_asking_refund(context, clock, effects);
            }
            return;
        }
        self.refund.absent = true;
        self.next_query = if before_request { clock.now } else { self.next_query };
        let Some(asked) = verdict.first_byte else { return };
        let gap = context.timers(&self.core).absence_gap;
        //= spec-crate/spec/payment.md#the-refund
        //# A POS MUST count an absent answer about a refund's number only if it was asked T_ABSENCE_GAP or
        //# more after the last one that counted, and set the count to 0 when a refund request with a first
        //# byte written has ended and when an answer says that the refund is pending.
        if self.refund.absent_at.is_none_or(|last| asked >= last.after(gap)) {
            self.refund.absent_at = Some(asked);
            self.refund.absents = self.refund.absents.saturating_add(1);
            if !before_request {
                //= spec-crate/spec/payment.md#when-queries-are-asked
                //# A POS MUST NOT ask about a refund in Asking before T_ABSENCE_GAP after the asked instant
                //# of the latest absent answer that counted.
                self.next_query = self.next_query.max(asked.after(gap));
            }
        }
        let leased = !self.looking && self.intact(context) && clock.now < self.act_by();
        let fenced = self.looking || asked >= self.refund.fence;
        //= spec-crate/spec/payment.md#the-refund
        //# A POS MUST end a refund in Asking or in a look as `not_refunded` with `refund_absent` (406) by an
        //# absent answer about its number that is at least the third that counted, was asked at or after the
        //# fence, and came for a look, with a journal that is not intact for the order, or at or after
        //# `act_by`.
        if self.state() != PosState::Refunding && !leased && fenced && self.refund.absents >= ABSENT_NEEDED {
            self.end(End::not_refunded(Status::RefundAbsent), context, clock, effects);
        }
    }

    fn judge_original(&mut self, verdict: &Verdict, context: &Context) {
        let Some(original) = self.core.refund_of() else { return };
        let held = |capture: &crate::platform::Capture| {
            capture.amount == original.amount && capture.payment_no == original.payment_no
        };
        //= spec-crate/spec/orders.md#refunding
        //# A POS MUST end an order in Refunding as `not_refunded` with `original` (403) unless the original's
        //# number is captured, refunded in part or not, with exactly the amount and payment number that
        //# `refund_of` names, where a mismatch, closed, alive and absent each say that it is not.
        self.refund.original = match &verdict.proof {
            Proof::Captured(capture) | Proof::CapturedAndRefunded { capture, .. } => Some(held(capture)),
            Proof::Mismatch(_) | Proof::Closed | Proof::Alive | Proof::Absent => Some(false),
            _ => None,
        };
        if let (Some(true), Some((merchant, number))) = (self.refund.original, context.original(&self.core)) {
            let mut evidence = Evidence::new(Place::Own, number, merchant, Instant(0));
            evidence.latest = Some((Latest::Money, verdict.ended));
            self.evidence = alloc::vec![evidence];
        }
    }

    fn conclude_refund(
        &mut self,
        verdict: &Verdict,
        context: &mut Context,
        clock: Clock,
        effects: &mut Effects,
    ) {
        //= spec-crate/spec/payment.md#the-refund
        //# A POS MUST end a refund order by the first of these proofs about its number: refunded: `refunded`
        //# with `refunded` (110) and the platform's refund id and time if told; not refunded: `not_refunded`
        //# with `refund_closed` (405) if closed and `refund_refused` (404) if refused; refund abnormal:
        //# `attention` with `refund_abnormal` (306); number known: `attention` with `number_used` (300).
        let end = match &verdict.proof {
            Proof::Refunded { refund_id, at } => End::refunded(refund_id.clone(), *at),
            Proof::NotRefunded { closed: true } => End::not_refunded(Status::RefundClosed),
            Proof::NotRefunded { closed: false } => End::not_refunded(Status::RefundRefused),
            Proof::RefundAbnormal => End::attention(Status::RefundAbnormal),
            Proof::NumberKnown => End::attention(Status::NumberUsed),
            _ => return,
        };
        self.end(end, context, clock, effects);
    }
}
