//! Asking: after the lease everybody only asks, and what the platform then says is final.
//!
//! Specified in spec: order life, "the POS", rows Asking and Looking.

use super::ending::End;
use super::evidence::{Finding, Latest, Place};
use super::life::Life;
use super::{Context, Effects};
use crate::catalogue::Status;
use crate::platform::{Capture, Channel};
use crate::time::{Clock, Instant, UnixSeconds};
use crate::timers;
use crate::wire::PosState;

//= spec-crate/spec/payment.md#when-queries-are-asked
//# A POS MUST ask otherwise at the earliest of these instants that is later than now: 0, 1, 2, 6 and 30 times
//# T_ABSENCE_GAP after the state was entered; 0 to 6 times T_ABSENCE_GAP after each fence of the list, and
//# after the instant of PAY-52, that is later than the state's entry; and now + 1,800 seconds.
/// When the questions of a state without a lease are due, in gaps of absence after it was entered.
const ASK_AT: [u64; 5] = [0, 1, 2, 6, 30];

/// From then on: every half hour.
const ASK_EVERY: u64 = 30 * 60 * 1_000;

/// How many questions, one gap apart, follow a fence.
const ASK_AFTER_FENCE: u64 = 7;

impl Life {
    /// Leaves the lease's states: from now on the order is only asked about.
    pub(super) fn start_asking(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        //= spec-crate/spec/orders.md#asking
        //# A POS that enters Asking MUST forget a waiting code and set up the list of PAY-40.
        self.ask_for_the_end(context);
        //= spec-crate/spec/orders.md#asking
        //# A POS that enters Asking MUST forget a waiting code and set up the list of PAY-40.
        self.code = None;
        self.enter(PosState::Asking, clock.now, effects);
    }

    /// Chooses the numbers that have to be found out.
    pub(super) fn ask_for_the_end(&mut self, context: &Context) {
        let timers = context.timers(&self.core);
        //= spec-crate/spec/payment.md#fences
        //# A POS MUST set the fences of a list for Asking to 0 for a look, to the latest fence of the
        //# list before for an order that the present run accepted with an intact journal, and to the
        //# later of that fence and the program's start + T_FENCE otherwise.
        let before = self.evidence.iter().map(|e| e.fence).max().unwrap_or(Instant(0));
        let fence = match (self.looking, self.row.run == context.run && !self.row.not_intact) {
            (true, _) => Instant(0),
            (false, true) => before,
            (false, false) => before.max(context.started.after(timers.fence)),
        };
        let intact = self.intact(context) && !self.looking;
        let attempt = self.row.attempt.as_ref().filter(|_| intact);
        let attempted = attempt.and_then(|attempt| Channel::from_code(attempt.channel));
        let known = core::mem::take(&mut self.evidence);
        self.ask_everywhere(context, fence);
        //= spec-crate/spec/payment.md#the-numbers-of-an-order
        //# A POS MUST set up the list of an order in Asking and of a look anew with the fence of PAY-55, keep
        //# only the own entry of the attempt's channel if there is an attempt, the journal is intact and it
        //# is no look, and take over for each entry the finding and the open question that the same number at
        //# the same merchant had.
        if let Some(channel) = attempted {
            self.evidence.retain(|e| e.place == Place::Own && e.merchant.channel == channel);
        }
        for evidence in &mut self.evidence {
            let same = known.iter().find(|k| k.number == evidence.number && k.merchant == evidence.merchant);
            //= spec-crate/spec/payment.md#the-numbers-of-an-order
            //# A POS MUST set up the list of an order in Asking and of a look anew with the fence of PAY-55,
            //# keep only the own entry of the attempt's channel if there is an attempt, the journal is intact
            //# and it is no look, and take over for each entry the finding and the open question that the
            //# same number at the same merchant had.
            evidence.finding = same.and_then(|k| k.finding.clone());
            evidence.in_flight = same.and_then(|k| k.in_flight);
        }
    }

    pub(super) fn step_asking(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        //= spec-crate/spec/orders.md#asking
        //# A POS MUST set the list of an order that it loaded in Asking up again at the first Sync of its
        //# run, and ask nothing about it before.
        if self.restarted && !context.synced {
            return;
        }
        if self.restarted {
            self.restarted = false;
            self.ask_for_the_end(context);
        }
        //= spec-crate/spec/orders.md#asking
        //# A POS MUST apply the rules of Asking for a collect in this order: ORD-124, ORD-125, ORD-126,
        //# ORD-127, ORD-128, ORD-129, ORD-130, and then the questions of PAY-60.
        if let Some(end) = self.concluded(context) {
            return self.end(end, context, clock, effects);
        }
        //= spec-crate/spec/orders.md#asking
        //# A POS MUST end a collect in Asking as `attention` with `undecided` (305) when its calendar clock
        //# is 86,400 seconds or more beyond the stored time of acceptance, both are known, and it is no look.
        if self.undecided(clock) {
            return self.end(End::attention(Status::Undecided), context, clock, effects);
        }
        //= spec-crate/spec/orders.md#asking
        //# A POS MUST store that a reverse was written and enter Reversing from Asking if the order has an
        //# attempt, the journal is intact for it, it is no look, the latest answer says that the attempt's
        //# number lives, the larger of T_POLL and T_REV_MIN has passed since the pay's first byte, and
        //# `act_by` has not come.
        if self.may_reverse_again(context, clock) {
            self.row.reverses = self.row.reverses.max(1);
            self.reverses_ended = 0;
            self.next_reverse = clock.now;
            return self.enter(PosState::Reversing, clock.now, effects);
        }
        if clock.now < self.next_query {
            return;
        }
        self.schedule_question(context, clock);
        for place in 0..self.evidence.len() {
            //= spec-crate/spec/payment.md#when-queries-are-asked
            //# A POS MUST ask in Asking of a collect, and in a look, about every entry without a finding, at
            //# once when it enters, and then at the times of PAY-61 or PAY-62.
            if self.evidence.get(place).is_some_and(|e| e.finding.is_none()) {
                self.ask_about(place, context, effects);
            }
        }
    }

    /// An attempt of this journal whose number lives may still be reversed inside its lease.
    fn may_reverse_again(&mut self, context: &Context, clock: Clock) -> bool {
        //= spec-crate/spec/orders.md#looking-up
        //# A POS MUST NOT write a pay, reverse or refund because of a LookUp, whichever device the core
        //# names.
        if self.looking || self.row.attempt.is_none() || !self.intact(context) || clock.now >= self.act_by() {
            return false;
        }
        let timers = context.timers(&self.core);
        let alive = self.latest().is_some_and(|(latest, _)| latest == Latest::Alive);
        alive && clock.now >= self.paid_from.after(self.poll(timers).max(timers.reverse_min))
    }

    /// Sets the next question by the schedule of the state.
    pub(super) fn schedule_question(&mut self, context: &Context, clock: Clock) {
        let timers = context.timers(&self.core);
        let leased = !self.looking && self.row.attempt.is_some() && self.intact(context);
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST ask again after T_QUERY while the order has an attempt, the journal is intact for it,
        //# it is no look, and `act_by` has not come.
        if leased && clock.now < self.act_by() {
            self.next_query = clock.now.after(timers.query);
            return;
        }
        let gap = timers.absence_gap;
        let entered = ASK_AT.iter().map(|nth| self.entered.after(nth.saturating_mul(gap)));
        let expired = self.rules(context, clock).expired_from;
        let fences = self.evidence.iter().map(|e| e.fence).chain(expired).filter(|at| *at > self.entered);
        let after_fences = fences
            .flat_map(|fence| (0..ASK_AFTER_FENCE).map(move |nth| fence.after(nth.saturating_mul(gap))));
        let half_hours = core::iter::once(clock.now.after(ASK_EVERY));
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST ask otherwise at the earliest of these instants that is later than now: 0, 1, 2, 6 and
        //# 30 times T_ABSENCE_GAP after the state was entered; 0 to 6 times T_ABSENCE_GAP after each fence of
        //# the list, and after the instant of PAY-52, that is later than the state's entry; and now + 1,800
        //# seconds.
        let next = entered.chain(after_fences).chain(half_hours).filter(|at| *at > clock.now).min();
        self.next_query = next.unwrap_or(clock.now.after(ASK_EVERY));
    }

    /// A question that comes a moment before its gap is over would count for nothing: it waits for it.
    pub(super) fn keep_the_gap(&mut self, gap: u64) {
        if self.looking || self.state() == PosState::Asking {
            let counted = self.evidence.iter().filter_map(|evidence| evidence.counted()).max();
            //= spec-crate/spec/payment.md#when-queries-are-asked
            //# A POS MUST NOT ask in Asking or in a look before T_ABSENCE_GAP after the asked instant of the
            //# latest answer that counted in any entry.
            self.next_query = counted.map_or(self.next_query, |at| self.next_query.max(at.after(gap)));
        }
    }

    /// A day after its acceptance an order without a verdict ends as attention. Refunds never end by time.
    fn undecided(&self, clock: Clock) -> bool {
        let day = timers::UNDECIDED_AFTER.div_ceil(1_000);
        let due = UnixSeconds(self.row.accepted_unix.saturating_add(day));
        !self.looking && self.row.accepted_unix > 0 && clock.unix.is_some_and(|unix| unix >= due)
    }

    /// What all the numbers together say; `None` while one of them may still say something.
    fn concluded(&self, context: &Context) -> Option<End> {
        let refused = self.row.attempt.as_ref().is_some_and(|attempt| attempt.payer_refused);
        let known_before = self.row.attempt.as_ref().is_some_and(|attempt| attempt.number_known);
        let unattempted = self.intact(context) && !self.looking && self.row.attempt.is_none();
        let beside_alive = |e: &&super::evidence::Evidence| matches!(e.latest, Some((Latest::Alive, _)));
        //= spec-crate/spec/orders.md#asking
        //# A POS MUST end an order in Asking as `attention` with `number_used` (300) if the journal is intact
        //# for it, it has no attempt, it is no look, and an entry of its list has money or was last answered
        //# as alive.
        if unattempted && self.evidence.iter().any(|e| e.money().is_some() || beside_alive(&e)) {
            return Some(End::attention(Status::NumberUsed));
        }
        let mut captures: alloc::vec::Vec<&Capture> = alloc::vec::Vec::new();
        let mut death = None;
        for evidence in &self.evidence {
            //= spec-crate/spec/orders.md#asking
            //# A POS MUST go through the list of an order in Asking or of a look in its order, and do nothing
            //# more at the first entry without a finding, end the order as `attention` with
            //# `capture_mismatch` (302), `captured_and_refunded` (303) or `reversed_in_part` (304) at the
            //# first entry with that finding, and as `attention` with `number_used` (300) at the first
            //# captured entry that is beside the order or whose attempt's number was known before.
            match evidence.finding.as_ref()? {
                Finding::Mismatch(_) => return Some(End::attention(Status::CaptureMismatch)),
                Finding::Refunded(_) => return Some(End::attention(Status::CapturedAndRefunded)),
                Finding::ReversedInPart(_) => return Some(End::attention(Status::ReversedInPart)),
                Finding::Captured(_) if known_before || evidence.place == Place::Beside => {
                    return Some(End::attention(Status::NumberUsed));
                }
                Finding::Captured(capture) => captures.push(capture),
                Finding::Dead(found) => death = death.max(Some(*found)),
            }
        }
        match (captures.as_slice(), death) {
            //= spec-crate/spec/orders.md#asking
            //# A POS that has gone through the whole list without an end MUST end the order as `paid` if
            //# exactly one entry is captured, with `paid_after_cancel` (101) if it is no look and a cancel
            //# was wanted or a reverse was written and with `paid` (100) otherwise, and as `attention` with
            //# `captured_twice` (301) if more than one is.
            ([capture], _) => {
                let cancelled = !self.looking && (self.row.cancel_wanted || self.row.reverses > 0);
                Some(End::paid(cancelled, (*capture).clone()))
            }
            //= spec-crate/spec/orders.md#asking
            //# A POS that has gone through the whole list and found every entry dead MUST end the order as
            //# `not_paid`. If a cancel is wanted, the order has no attempt, the journal is intact for it and
            //# it is no look, the status is `cancelled` (230), or `never_seen` (222) for the order of ORD-96.
            //# Otherwise it is the status of PAY-77 for the strongest death, where closed is stronger than
            //# expired and expired is stronger than absent.
            // Nothing was ever written for it, so it ends as it would have without a search.
            ([], Some(_)) if unattempted && self.row.cancel_wanted => {
                let tombstone = self.row.start_by == 0;
                Some(End::not_paid(if tombstone { Status::NeverSeen } else { Status::Cancelled }))
            }
            //= spec-crate/spec/orders.md#asking
            //# A POS that has gone through the whole list and found every entry dead MUST end the order as
            //# `not_paid`. If a cancel is wanted, the order has no attempt, the journal is intact for it and
            //# it is no look, the status is `cancelled` (230), or `never_seen` (222) for the order of ORD-96.
            //# Otherwise it is the status of PAY-77 for the strongest death, where closed is stronger than
            //# expired and expired is stronger than absent.
            ([], Some(death)) => Some(End::not_paid(death.status(refused))),
            ([], None) => None,
            //= spec-crate/spec/orders.md#asking
            //# A POS that has gone through the whole list without an end MUST end the order as `paid` if
            //# exactly one entry is captured, with `paid_after_cancel` (101) if it is no look and a cancel
            //# was wanted or a reverse was written and with `paid` (100) otherwise, and as `attention` with
            //# `captured_twice` (301) if more than one is.
            _ => Some(End::attention(Status::CapturedTwice)),
        }
    }
}
