//! Collecting: the states of an order that takes money.
//!
//! Specified in spec: order life, "the POS", and payment state machine.

use super::ending::End;
use super::evidence::{Death, Evidence, Finding, Latest, Place};
use super::life::Life;
use super::{Context, Effects};
use crate::catalogue::Status;
use crate::ids::OrderNo;
use crate::platform::{Capture, Channel, PaymentCode, Proof, Request, Verdict};
use crate::time::Clock;
use crate::time::{Instant, UnixSeconds};
use crate::timers;
use crate::wire::{self, PosState};

//= spec-crate/spec/payment.md#the-reverse
//# A POS MUST NOT write a reverse after a query that gave no answer, an error, or an answer older than 2
//# seconds.
/// A query at most this old, in milliseconds, may stand before a reverse.
const REVERSE_AFTER_QUERY: u64 = 2_000;

//= spec-crate/spec/payment.md#the-reverse
//# A POS MUST wait after the end of the first, second, third, fourth and each later reverse of one stay in
//# Reversing 2, 4, 8, 15 and 30 seconds, but never longer than six times T_QUERY, before it writes the next
//# one.
/// Gaps in milliseconds from one reverse to the next; the last one repeats.
const REVERSE_GAPS: [u64; 5] = [2_000, 4_000, 8_000, 15_000, 30_000];

impl Life {
    /// Prepares the questions of `WaitCode`: both numbers, older merchants, and the numbers to be searched.
    pub(super) fn ask_everywhere(&mut self, context: &Context, fence: Instant) {
        self.evidence.clear();
        let mut orders = alloc::vec![(Place::Own, self.core.order_no().clone())];
        let searched = self.row.search.iter().filter_map(|no| OrderNo::try_from(no.as_str()).ok());
        orders.extend(searched.filter(|no| no != self.core.order_no()).map(|no| (Place::Beside, no)));
        for (place, order_no) in orders {
            for channel in Channel::ALL {
                let Some(number) = context.number(&self.core, &order_no, channel) else { continue };
                //= spec-crate/spec/payment.md#the-numbers-of-an-order
                //# A POS MUST form the list of a collect's numbers as follows: for the order's own number and
                //# then for each number of `search` that is another one, in their order, for WeChat and then
                //# Alipay, one entry at the merchant of the order's agreement on that channel, and then one
                //# at each other merchant of that channel in all agreements ever held, newest first, whose
                //# credentials are held, without repeats.
                for (nth, merchant) in context.merchants(&self.core, channel).into_iter().enumerate() {
                    let place = if nth == 0 { place } else { Place::Beside };
                    self.evidence.push(Evidence::new(place, number.clone(), merchant, fence));
                }
            }
        }
    }

    pub(super) fn step_wait_code(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        if self.restarted {
            //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
            //# A POS MUST NOT sign a result about an order that it loaded at its start before the first Sync
            //# of the present run came.
            //= spec-crate/spec/orders.md#waitcode
            //# A POS that loaded an order in WaitCode at its start MUST write no pay for it, and leave
            //# WaitCode after the first Sync as ORD-110 says with `restarted` (201).
            if context.synced {
                self.leave_wait_code(Status::Restarted, context, clock, effects);
            }
            return;
        }
        let used = self.evidence.iter().any(|e| matches!(e.latest, Some((Latest::Alive | Latest::Money, _))));
        let answered = self.evidence.iter().all(|e| e.latest.is_some());
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST end an order in WaitCode as `attention` with `number_used` (300) as soon as one entry
        //# of its list answers that the number lives or has money, in whatever amount, refunded or not.
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST apply the rules of WaitCode in this order: ORD-109, ORD-105, ORD-106, ORD-107, ORD-108,
        //# PAY-67, ORD-104.
        if used {
            return self.end(End::attention(Status::NumberUsed), context, clock, effects);
        }
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST end an order in WaitCode as `not_paid` with `number_closed` (205) when all entries have
        //# been answered and one of them answered closed.
        if answered && self.evidence.iter().any(|e| matches!(e.latest, Some((Latest::Closed, _)))) {
            return self.end(End::not_paid(Status::NumberClosed), context, clock, effects);
        }
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST leave WaitCode as ORD-110 says with `cancelled` (230) if a cancel is wanted.
        if self.row.cancel_wanted {
            return self.leave_wait_code(Status::Cancelled, context, clock, effects);
        }
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST leave WaitCode at `start_by` as ORD-110 says, with `platform_down` (220) if a good code
        //# is waiting and with `no_code` (200) if none is.
        if clock.now >= self.start_by() {
            let why = if self.code.is_some() { Status::PlatformDown } else { Status::NoCode };
            return self.leave_wait_code(why, context, clock, effects);
        }
        let channel = self.code.as_ref().map(|(channel, _)| *channel);
        let date = channel.and_then(|channel| context.platform_time(channel, clock.now));
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST write a pay only in WaitCode of the present run, with a good code waiting, when the
        //# latest answer of the own entry of the code's channel is absent, every entry has been answered if
        //# the order has a `search`, a trusted answer of that channel has told the platform's clock, no
        //# cancel is wanted, and `start_by` has not come.
        if let (Some(channel), Some(date)) = (channel, date)
            && self.may_pay(channel, answered)
            && let Some((_, code)) = self.code.take()
        {
            return self.pay(channel, code, date, context, clock, effects);
        }
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST ask in WaitCode about every entry of the order's list of PAY-37 at once, and every 5
        //# seconds again about each entry that has not been answered and, while a good code waits and no
        //# trusted answer of its channel has told the platform's clock, about the own entry of that channel.
        if clock.now >= self.next_query {
            self.next_query = clock.now.after(timers::CODE_ERROR_RETRY);
            // Without the platform's clock the waiting code cannot be used: its number is asked about until one comes.
            let undated = channel.filter(|_| date.is_none());
            for place in 0..self.evidence.len() {
                let due = |e: &Evidence| {
                    e.latest.is_none() || (e.place == Place::Own && undated == Some(e.merchant.channel))
                };
                if self.evidence.get(place).is_some_and(due) {
                    self.ask_about(place, context, effects);
                }
            }
        }
    }

    /// The end of waiting: nothing was written, unless other numbers have to be searched first.
    pub(super) fn leave_wait_code(
        &mut self,
        why: Status,
        context: &mut Context,
        clock: Clock,
        effects: &mut Effects,
    ) {
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST end an order that leaves WaitCode as `not_paid` with the named status if the order has
        //# no `search` and the journal is intact for it, and enter Asking otherwise.
        if self.row.search.is_empty() && self.intact(context) {
            self.end(End::not_paid(why), context, clock, effects);
        } else {
            self.start_asking(context, clock, effects);
        }
    }

    /// A pay may be written once its number was answered "absent"; with a search, once all were.
    fn may_pay(&self, channel: Channel, answered: bool) -> bool {
        let own = self.evidence.iter().filter(|e| e.merchant.channel == channel && e.place == Place::Own);
        let mut own = own.map(|e| matches!(e.latest, Some((Latest::Absent, _)))).peekable();
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST write a pay only in WaitCode of the present run, with a good code waiting, when the
        //# latest answer of the own entry of the code's channel is absent, every entry has been answered if
        //# the order has a `search`, a trusted answer of that channel has told the platform's clock, no
        //# cancel is wanted, and `start_by` has not come.
        own.peek().is_some() && own.all(|absent| absent) && (self.row.search.is_empty() || answered)
    }

    /// Persists the attempt, then writes the one pay of this order.
    fn pay(
        &mut self,
        channel: Channel,
        code: PaymentCode,
        date: UnixSeconds,
        context: &mut Context,
        clock: Clock,
        effects: &mut Effects,
    ) {
        let timers = context.timers(&self.core);
        let Some(place) =
            self.evidence.iter().position(|e| e.place == Place::Own && e.merchant.channel == channel)
        else {
            return;
        };
        let Some(evidence) = self.evidence.get(place).cloned() else { return };
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST give each pay the absolute expiry of the diagram above.
        let expires_at = UnixSeconds(date.0.saturating_add(timers.expiry.div_ceil(1_000)));
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST store for the attempt the channel, the code's keyed hash and last four digits, the
        //# instant, and the expiry, and never the code.
        self.row.attempt = Some(wire::PayAttempt {
            channel: channel.code(),
            //= spec-crate/spec/privacy.md#payment-codes
            //# A POS MUST keep of a payment code only the keyed hash of PAY-69 and the last four digits, and
            //# only for a code that a pay was written with.
            code_hash: context.code_hash(&code).to_vec(),
            code_last: code.last_four().into(),
            at: clock.now.0,
            payer_refused: false,
            number_known: false,
            expires_at: expires_at.0,
        });
        //= spec-crate/spec/payment.md#the-numbers-of-an-order
        //# A POS that enters Paying MUST drop every entry but the own one of the attempt's channel, and what
        //# it had answered.
        self.evidence =
            alloc::vec![Evidence::new(Place::Own, evidence.number, evidence.merchant, evidence.fence)];
        self.paid_from = clock.now;
        //= spec-crate/spec/orders.md#paying
        //# A POS MUST store the attempt of PAY-68 and enter Paying before it writes the pay of PAY-72.
        self.enter(PosState::Paying, clock.now, effects);
        let Some(evidence) = self.evidence.first() else { return };
        let (merchant, number) = (evidence.merchant.clone(), evidence.number.clone());
        let start_by = self.start_by();
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST write one pay request for an order, at most, at the own entry of the code's channel,
        //# and no byte of it at or after `start_by`.
        self.move_money(merchant, number, Request::Pay { code, expires_at }, start_by, context, effects);
    }

    /// What the answer to the pay proves.
    pub(super) fn pay_answered(
        &mut self,
        verdict: &Verdict,
        context: &mut Context,
        clock: Clock,
        effects: &mut Effects,
    ) {
        let timers = context.timers(&self.core);
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST react to the verdict on a pay by the first of these that applies: no first byte
        //# written: end as `not_paid` with `platform_down` (220); captured: end by PAY-75; refused: end as
        //# `not_paid` with `code_refused` (202); merchant refused: end as `not_paid` with `merchant_refused`
        //# (221); payer refused: note it durably; number known: note it durably and raise an alarm; and
        //# otherwise go on asking.
        let Some(first_byte) = verdict.first_byte else {
            return self.end(End::not_paid(Status::PlatformDown), context, clock, effects);
        };
        self.paid_from = first_byte;
        if let Some(evidence) = self.attempt_evidence() {
            //= spec-crate/spec/payment.md#fences
            //# A POS MUST move the fence of the attempt's number to the end of the connection + T_FENCE, if
            //# that is later, when a pay or reverse whose first byte was written has ended.
            evidence.fenced_from(verdict.ended, timers.fence);
            evidence.latest = None;
        }
        let after = if verdict.answered { timers::QUERY_FIRST } else { timers::QUERY_FIRST_AFTER_LOSS };
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST ask in Paying about the attempt's number first at the end of the pay + the smaller of
        //# T_QUERY and 5 seconds (2 seconds instead of 5 if no trusted answer came), at once if the payer was
        //# refused, and then every T_QUERY.
        self.next_query = verdict.ended.after(after.min(timers.query));
        //= spec-crate/spec/orders.md#paying
        //# A POS MUST end an order in Paying, once no pay is in flight, as the finding of its attempt's
        //# number says by PAY-76, and on the answer to the pay itself as PAY-74 says.
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST react to the verdict on a pay by the first of these that applies: no first byte
        //# written: end as `not_paid` with `platform_down` (220); captured: end by PAY-75; refused: end as
        //# `not_paid` with `code_refused` (202); merchant refused: end as `not_paid` with `merchant_refused`
        //# (221); payer refused: note it durably; number known: note it durably and raise an alarm; and
        //# otherwise go on asking.
        match &verdict.proof {
            Proof::Captured(capture) => {
                // Even if the end is attention, HIS has to hear of the money.
                if let Some(evidence) = self.attempt_evidence() {
                    evidence.finding = Some(Finding::Captured(capture.clone()));
                }
                self.captured(capture.clone(), context, clock, effects);
            }
            Proof::Refused => self.end(End::not_paid(Status::CodeRefused), context, clock, effects),
            Proof::MerchantRefused => {
                self.end(End::not_paid(Status::MerchantRefused), context, clock, effects)
            }
            Proof::PayerRefused => {
                self.note_attempt(|attempt| attempt.payer_refused = true, effects);
                self.next_query = clock.now;
            }
            Proof::NumberKnown => {
                self.note_attempt(|attempt| attempt.number_known = true, effects);
                effects.event(super::OrderEvent::Alarm(super::PosAlarm::NumberKnown {
                    order_no: self.core.order_no().clone(),
                }));
            }
            _ => self.confirming = true,
        }
    }

    fn note_attempt(&mut self, note: impl FnOnce(&mut wire::PayAttempt), effects: &mut Effects) {
        if let Some(attempt) = self.row.attempt.as_mut() {
            note(attempt);
        }
        effects.write(self.write());
    }

    /// Money under the attempt's number: ours, unless the platform knew the number before us.
    fn captured(&mut self, capture: Capture, context: &mut Context, clock: Clock, effects: &mut Effects) {
        let timers = context.timers(&self.core);
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST end an order in Paying or Reversing whose attempt's number is captured as `attention`
        //# with `number_used` (300) if the platform already knew the number when the pay came, or if the time
        //# of the capture + 1 second is before the expiry less T_EXPIRY, and otherwise as `paid`, with
        //# `paid_after_cancel` (101) if a cancel was wanted or a reverse was written, and with `paid` (100)
        //# if not.
        let foreign = self.row.attempt.as_ref().is_none_or(|attempt| {
            let written = attempt.expires_at.saturating_sub(timers.expiry.div_ceil(1_000));
            attempt.number_known || capture.captured_at.is_some_and(|at| at.0.saturating_add(1) < written)
        });
        let end = if foreign {
            End::attention(Status::NumberUsed)
        } else {
            //= spec-crate/spec/payment.md#the-pay
            //# A POS MUST end an order in Paying or Reversing whose attempt's number is captured as
            //# `attention` with `number_used` (300) if the platform already knew the number when the pay
            //# came, or if the time of the capture + 1 second is before the expiry less T_EXPIRY, and
            //# otherwise as `paid`, with `paid_after_cancel` (101) if a cancel was wanted or a reverse was
            //# written, and with `paid` (100) if not.
            End::paid(self.after_cancel(), capture)
        };
        self.end(end, context, clock, effects);
    }

    fn after_cancel(&self) -> bool {
        self.row.cancel_wanted || self.row.reverses > 0
    }

    /// Ends the order if the attempt's number has been found out; `false` if it has not.
    fn conclude_attempt(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) -> bool {
        let refused = self.row.attempt.as_ref().is_some_and(|attempt| attempt.payer_refused);
        let absent = self.latest().is_some_and(|(latest, _)| latest == Latest::Absent);
        let finding = self.attempt_evidence().and_then(|e| e.finding.clone());
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST conclude from the finding of the attempt's number in Paying and Reversing: captured:
        //# the end of PAY-75; mismatch, refunded by others, reversed in part: `attention` with
        //# `capture_mismatch` (302), `captured_and_refunded` (303), `reversed_in_part` (304); dead:
        //# `not_paid` with the status of PAY-77; no finding, but the payer was refused, the latest answer is
        //# absent and the state is Paying: `not_paid` with `payer_refused_absent` (208).
        let end = match finding {
            Some(Finding::Captured(capture)) => {
                self.captured(capture, context, clock, effects);
                return true;
            }
            Some(Finding::Mismatch(_)) => End::attention(Status::CaptureMismatch),
            Some(Finding::Refunded(_)) => End::attention(Status::CapturedAndRefunded),
            Some(Finding::ReversedInPart(_)) => End::attention(Status::ReversedInPart),
            Some(Finding::Dead(death)) => End::not_paid(death.status(refused)),
            None if refused && absent && self.state() == PosState::Paying => {
                End::not_paid(Death::Absent.status(true))
            }
            None => return false,
        };
        self.end(end, context, clock, effects);
        true
    }

    pub(super) fn step_paying(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        //= spec-crate/spec/orders.md#paying
        //# A POS MUST end an order in Paying, once no pay is in flight, as the finding of its attempt's
        //# number says by PAY-76, and on the answer to the pay itself as PAY-74 says.
        //= spec-crate/spec/orders.md#paying
        //# A POS MUST apply the rules of Paying in this order: ORD-115, ORD-116, ORD-117, and then the
        //# questions of PAY-58.
        if self.moving.is_some() || self.conclude_attempt(context, clock, effects) {
            return;
        }
        //= spec-crate/spec/orders.md#paying
        //# A POS MUST enter Asking from Paying, once no pay is in flight, at `act_by` and after a restart.
        if clock.now >= self.act_by() || self.restarted {
            return self.start_asking(context, clock, effects);
        }
        //= spec-crate/spec/orders.md#paying
        //# A POS MUST store that a reverse was written and enter Reversing from Paying when T_POLL has passed
        //# since the pay's first byte or a cancel is wanted or the payer was refused, the latest answer says
        //# that the number lives, or is absent and the payer was not refused, T_REV_MIN has passed since the
        //# pay's first byte, and `act_by` has not come.
        if self.reverse_is_due(context, clock) {
            self.row.reverses = 1;
            return self.enter(PosState::Reversing, clock.now, effects);
        }
        self.query_attempt_when_due(context, clock, effects);
    }

    /// The order should not be paid any more, and a reverse is allowed.
    fn reverse_is_due(&mut self, context: &Context, clock: Clock) -> bool {
        let timers = context.timers(&self.core);
        let latest = self.latest().map(|(latest, _)| latest);
        let Some(attempt) = self.row.attempt.as_ref() else { return false };
        let wanted = clock.now >= self.paid_from.after(self.poll(timers))
            || self.row.cancel_wanted
            || attempt.payer_refused;
        let lives =
            latest == Some(Latest::Alive) || (latest == Some(Latest::Absent) && !attempt.payer_refused);
        let old_enough = clock.now >= self.paid_from.after(timers.reverse_min);
        wanted && lives && old_enough && clock.now < self.act_by()
    }

    fn query_attempt_when_due(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        let timers = context.timers(&self.core);
        let place = self.evidence.iter().position(|e| e.place == Place::Own);
        if clock.now < self.next_query {
            return;
        }
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST ask in Paying about the attempt's number first at the end of the pay + the smaller of
        //# T_QUERY and 5 seconds (2 seconds instead of 5 if no trusted answer came), at once if the payer was
        //# refused, and then every T_QUERY.
        self.next_query = clock.now.after(timers.query);
        let open = |evidence: &Evidence| evidence.in_flight.is_some();
        if let Some(place) = place.filter(|place| !self.evidence.get(*place).is_some_and(open)) {
            self.asked = clock.now;
            self.ask_about(place, context, effects);
        }
    }

    pub(super) fn step_reversing(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        //= spec-crate/spec/orders.md#reversing
        //# A POS MUST end an order in Reversing, once no reverse is in flight, as the finding of its
        //# attempt's number says by PAY-76.
        //= spec-crate/spec/orders.md#reversing
        //# A POS MUST apply the rules of Reversing in this order: ORD-119, ORD-120, ORD-121, and then the
        //# questions of PAY-59.
        if self.moving.is_some() || self.conclude_attempt(context, clock, effects) {
            return;
        }
        //= spec-crate/spec/orders.md#reversing
        //# A POS MUST enter Asking from Reversing, once no reverse is in flight, at `act_by` and after a
        //# restart.
        if clock.now >= self.act_by() || self.restarted {
            return self.start_asking(context, clock, effects);
        }
        let first = self.reverses_ended == 0;
        let ready = self.latest().is_some_and(|(latest, ended)| {
            //= spec-crate/spec/payment.md#the-reverse
            //# A POS MUST NOT write a reverse after a query that gave no answer, an error, or an answer older
            //# than 2 seconds.
            let fresh = clock.now < ended.after(REVERSE_AFTER_QUERY);
            fresh && (latest == Latest::Alive || (first && latest == Latest::Absent))
        });
        //= spec-crate/spec/orders.md#reversing
        //# A POS MUST write a reverse in Reversing when the latest answer of the attempt's number is less
        //# than 2 seconds old and says that the number lives, or, before the first reverse of this stay in
        //# Reversing, that it is absent, and the gap of PAY-81 is over.
        if ready
            && clock.now >= self.next_reverse
            && let Some((merchant, number)) =
                self.attempt_evidence().map(|e| (e.merchant.clone(), e.number.clone()))
        {
            let act_by = self.act_by();
            //= spec-crate/spec/payment.md#the-reverse
            //# A POS MUST write a reverse only for the attempt's number at the attempt's merchant, and no
            //# byte of it at or after `act_by`.
            return self.move_money(merchant, number, Request::Reverse, act_by, context, effects);
        }
        // A reverse follows a query without a gap: when its time comes, the query comes first.
        let awaited = self.latest().is_some_and(|(latest, _)| latest == Latest::Alive) || first;
        let open = self.attempt_evidence().is_some_and(|evidence| evidence.in_flight.is_some());
        let due = self.next_reverse.max(self.asked.after(REVERSE_AFTER_QUERY));
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST ask in Reversing about the attempt's number at once when it enters and when a reverse
        //# has ended, and then every T_QUERY, and, while the latest answer is alive or no reverse of this
        //# stay has ended and no query is in flight, at the later of the end of the gap of PAY-81 and 2
        //# seconds after the last query was asked, if the next one is more than 2 seconds behind that.
        if awaited && !open && self.next_query > due.after(REVERSE_AFTER_QUERY) {
            self.next_query = due;
        }
        self.query_attempt_when_due(context, clock, effects);
    }

    //= spec-crate/spec/payment.md#the-reverse
    //# A POS MUST take every answer to a reverse for no proof of anything.
    /// A reverse proves nothing, whatever it answered; the query after it does.
    pub(super) fn reverse_answered(&mut self, verdict: &Verdict, context: &Context) {
        let timers = context.timers(&self.core);
        let nth = usize::try_from(self.reverses_ended).unwrap_or(usize::MAX);
        let gap = REVERSE_GAPS.get(nth).or(REVERSE_GAPS.last()).copied().unwrap_or_default();
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST ask in Reversing about the attempt's number at once when it enters and when a reverse
        //# has ended, and then every T_QUERY, and, while the latest answer is alive or no reverse of this
        //# stay has ended and no query is in flight, at the later of the end of the gap of PAY-81 and 2
        //# seconds after the last query was asked, if the next one is more than 2 seconds behind that.
        self.next_query = verdict.ended;
        //= spec-crate/spec/payment.md#the-reverse
        //# A POS MUST wait after the end of the first, second, third, fourth and each later reverse of one
        //# stay in Reversing 2, 4, 8, 15 and 30 seconds, but never longer than six times T_QUERY, before it
        //# writes the next one.
        self.next_reverse = verdict.ended.after(gap.min(timers.query.saturating_mul(6)));
        if verdict.first_byte.is_none() {
            return;
        }
        //= spec-crate/spec/payment.md#the-reverse
        //# A POS MUST, when a reverse whose first byte was written has ended, count it, forget the number's
        //# latest answer, and move its fence by PAY-54.
        self.reverses_ended = self.reverses_ended.saturating_add(1);
        self.row.reversed_at = verdict.ended.0;
        if let Some(evidence) = self.attempt_evidence() {
            //= spec-crate/spec/payment.md#fences
            //# A POS MUST move the fence of the attempt's number to the end of the connection + T_FENCE, if
            //# that is later, when a pay or reverse whose first byte was written has ended.
            evidence.fenced_from(verdict.ended, timers.fence);
            evidence.latest = None;
        }
    }
}
