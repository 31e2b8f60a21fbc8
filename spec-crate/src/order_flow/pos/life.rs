//! One order at a POS: facts come in, decisions go out.
//!
//! An event only records a fact; [`Life::step`] then looks at the facts and the clock and decides. So the same facts
//! give the same decision in whatever order they came, and a restart needs nothing but the persisted row.
//!
//! ```text
//!            scan                    T_POLL, cancel, payer refused            act_by
//!  WaitCode ------> Paying ---------------------------------> Reversing ------------> Asking
//!      |              |  captured, dead                          |  closed, captured     |  verdict
//!      v              v                                          v  after the fence      v
//!     Ended         Ended                                      Ended                   Ended
//! ```
//!
//! Specified in spec: order life, "the POS".

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message as _;

use super::evidence::{Evidence, Latest, Place, Rules};
use super::{Context, Effects};
use crate::book::{Index, RowKey, Table, Write};
use crate::message::agreement::Timers;
use crate::message::order::{Kind, OrderCore};
use crate::platform::{Ask, AskId, Channel, Merchant, PaymentCode, Proof, Request, Verdict};
use crate::time::Clock;
use crate::time::Instant;
use crate::timers;
use crate::wire::{self, PosState};

/// One order, or one look at another device's order.
pub(super) struct Life {
    pub(super) core: OrderCore,
    pub(super) hash: [u8; 32],
    pub(super) row: wire::PosOrder,
    /// A question of HIS about an order that may not act here, or that has ended here. Never persisted.
    pub(super) looking: bool,
    /// Loaded from the journal at the start of the program.
    pub(super) restarted: bool,
    /// When the present state was entered.
    pub(super) entered: Instant,
    pub(super) evidence: Vec<Evidence>,
    /// The good code that waits for its number's answer.
    pub(super) code: Option<(Channel, PaymentCode)>,
    /// The pay, reverse or refund that is under way.
    pub(super) moving: Option<AskId>,
    /// Instant from which T_POLL and T_REV_MIN count.
    pub(super) paid_from: Instant,
    pub(super) next_query: Instant,
    /// When the attempt's number was last asked about in Paying or Reversing.
    pub(super) asked: Instant,
    /// How many queries of the present state's schedule were due.
    pub(super) queries: u32,
    pub(super) reverses_ended: u32,
    pub(super) next_reverse: Instant,
    pub(super) provider_code: String,
    pub(super) refund: super::evidence::RefundFacts,
    /// The platform said that the payer has to confirm, or gave an open answer.
    pub(super) confirming: bool,
    /// People were told that HIS does not answer the result.
    pub(super) unconfirmed_told: bool,
    /// What HIS was last told, and when.
    pub(super) told: Option<((i32, i32), Instant)>,
}

impl Life {
    /// A life around a row, with nothing learned yet.
    pub(super) fn new(core: OrderCore, hash: [u8; 32], row: wire::PosOrder, now: Instant) -> Self {
        let paid_from = row.attempt.as_ref().map_or(now, |attempt| Instant(attempt.at));
        Self {
            core,
            hash,
            row,
            looking: false,
            restarted: false,
            entered: now,
            evidence: Vec::new(),
            code: None,
            moving: None,
            paid_from,
            next_query: now,
            asked: Instant(0),
            queries: 0,
            reverses_ended: 0,
            next_reverse: now,
            provider_code: String::new(),
            refund: super::evidence::RefundFacts::default(),
            confirming: false,
            unconfirmed_told: false,
            told: None,
        }
    }

    pub(super) fn state(&self) -> PosState {
        self.row.state()
    }

    pub(super) fn start_by(&self) -> Instant {
        Instant(self.row.start_by)
    }

    pub(super) fn act_by(&self) -> Instant {
        Instant(self.row.act_by)
    }

    /// T_POLL of the attempt's channel.
    pub(super) fn poll(&self, timers: Timers) -> u64 {
        let alipay = self.row.attempt.as_ref().is_some_and(|a| a.channel == Channel::Alipay.code());
        if alipay { timers.poll_alipay } else { timers.poll_wechat }
    }

    pub(super) fn is_refund(&self) -> bool {
        self.core.kind() == Kind::Refund
    }

    /// Whether the journal can prove what did not happen to this order.
    pub(super) fn intact(&self, context: &Context) -> bool {
        //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
        //# A POS MUST take its journal for intact for an order exactly if the order's row is not marked
        //# `not_intact`, and either the present run accepted the order, or the present boot is that of the
        //# row, a Sync has come in the present run, and no Sync of the present run showed an anchor that the
        //# journal does not contain.
        !self.row.not_intact
            && (self.row.run == context.run || (self.row.boot == context.boot && context.anchored))
    }

    /// Something is still to be done: it has not ended, or HIS has not answered its result.
    pub(super) fn open(&self) -> bool {
        self.state() != PosState::Ended || self.row.answered == 0
    }

    /// When people are told that HIS does not answer the result; `None` if they were.
    pub(super) fn unconfirmed_at(&self) -> Option<Instant> {
        let waits = self.state() == PosState::Ended && self.row.answered == 0 && !self.unconfirmed_told;
        waits.then(|| self.entered.after(timers::UNCONFIRMED_ALARM))
    }

    /// The record that persists the row as it is now.
    pub(super) fn write(&self) -> Write {
        Write {
            key: RowKey::new(Table::Order, self.core.order_no().as_str()),
            //= spec-crate/spec/books.md#rows-and-versions
            //# A book MUST hold as rows of the tables 1 to 6 and 8 the ordinary protobuf serialisation of
            //# BookStart, of PosOrder in a journal and HisOrder in a ledger, of BillRow, CaptureRow, PeerRow,
            //# SiteRow and DayRow, in this order of the tables.
            bytes: self.row.encode_to_vec(),
            index: Index {
                //= spec-crate/spec/books.md#rows-of-the-journal
                //# A POS MUST load at its start every order that has not ended or whose latest result is not
                //# answered.
                open: self.open(),
                device: self.core.device_id().as_str().into(),
                bill: String::new(),
                day: self.core.business_day(),
            },
        }
    }

    /// Enters a state; what persists it comes before everything that follows.
    pub(super) fn enter(&mut self, state: PosState, now: Instant, effects: &mut Effects) {
        self.row.set_state(state);
        self.entered = now;
        self.queries = 0;
        self.next_query = now;
        effects.write(self.write());
    }

    /// Looks at the facts and the clock until there is nothing more to decide.
    pub(super) fn step(&mut self, context: &mut Context, clock: Clock, effects: &mut Effects) {
        loop {
            let before = (self.state(), self.moving);
            match self.state() {
                _ if self.looking && self.is_refund() => self.step_asking_refund(context, clock, effects),
                _ if self.looking => self.step_asking(context, clock, effects),
                PosState::WaitCode => self.step_wait_code(context, clock, effects),
                PosState::Paying => self.step_paying(context, clock, effects),
                PosState::Reversing => self.step_reversing(context, clock, effects),
                PosState::Refunding => self.step_refunding(context, clock, effects),
                PosState::Asking if self.is_refund() => self.step_asking_refund(context, clock, effects),
                PosState::Asking => self.step_asking(context, clock, effects),
                //= spec-crate/spec/orders.md#ended
                //# A POS MUST NOT give money back that it has told of as paid, except for a refund order.
                PosState::Ended | PosState::Unspecified => return,
            }
            if (self.state(), self.moving) == before || self.moving.is_some() {
                return;
            }
        }
    }

    /// Takes the platform's answer to one of this order's questions.
    pub(super) fn verdict(
        &mut self,
        verdict: &Verdict,
        context: &mut Context,
        clock: Clock,
        effects: &mut Effects,
    ) {
        if !verdict.provider_code.is_empty() {
            self.provider_code.clone_from(&verdict.provider_code);
        }
        if self.moving == Some(verdict.id) {
            self.moving = None;
            if self.is_refund() {
                self.refund_answered(verdict, context, clock, effects);
            } else if self.state() == PosState::Paying {
                self.pay_answered(verdict, context, clock, effects);
            } else {
                self.reverse_answered(verdict, context);
            }
        } else if self.is_refund() {
            self.refund_verdict(verdict, context, clock, effects);
        } else {
            let rules = self.rules(context, clock);
            if let Some(evidence) = self.evidence.iter_mut().find(|e| e.in_flight == Some(verdict.id)) {
                evidence.in_flight = None;
                evidence.judge(verdict, rules);
                self.confirming |= matches!(verdict.proof, Proof::Alive);
            }
            self.keep_the_gap(rules.gap);
        }
        self.step(context, clock, effects);
    }

    /// What a query may prove now.
    pub(super) fn rules(&self, context: &Context, clock: Clock) -> Rules {
        let timers = context.timers(&self.core);
        let intact = self.intact(context) && !self.looking;
        let reversed = self.row.reverses > 0;
        let may_reverse = intact && self.row.attempt.is_some() && clock.now < self.act_by();
        let known = intact.then_some(self.row.attempt.as_ref()).flatten();
        let fences = self.evidence.iter().map(|evidence| evidence.fence);
        let fence = fences.fold(context.started.after(timers.fence), Instant::max);
        //= spec-crate/spec/payment.md#what-a-query-proves
        //# A POS MUST let alive answers prove expiry only while no reverse of the order is allowed any more,
        //# from 0 for a look, from the attempt's instant + T_CONN + T_EXPIRY + T_FENCE for an order with an
        //# attempt and an intact journal, and otherwise from the later of the program's start + T_FENCE and
        //# the latest fence of its list, + T_EXPIRY.
        let expired_from = match known {
            _ if self.looking => Instant(0),
            Some(attempt) => Instant(attempt.at).after(timers.connect + timers.expiry + timers.fence),
            None => fence.after(timers.expiry),
        };
        Rules {
            reversed,
            //= spec-crate/spec/payment.md#what-a-query-proves
            //# A POS MUST find an entry captured by a captured answer, but only by one that was asked at or
            //# after the entry's fence if a reverse of the order was written, the journal is not intact for
            //# it, or it is a look.
            capture_after_fence: reversed || !intact,
            expired_from: (!may_reverse).then_some(expired_from),
            gap: timers.absence_gap,
        }
    }

    /// Asks about a number on behalf of this order.
    pub(super) fn ask_about(&mut self, place: usize, context: &mut Context, effects: &mut Effects) {
        //= spec-crate/spec/payment.md#questions
        //# A POS MUST give a query, pay and reverse the magnitude of the order's amount as total, and every
        //# question about a refund, also the query of its original, the amount of the original.
        let total = self.core.amount().fen().unsigned_abs();
        let Some(evidence) = self.evidence.get_mut(place) else { return };
        //= spec-crate/spec/payment.md#when-queries-are-asked
        //# A POS MUST have at most one query of an entry in flight.
        if evidence.in_flight.is_some() {
            return;
        }
        let (number, merchant) = (evidence.number.clone(), evidence.merchant.clone());
        let ask =
            context.ask(context.timers(&self.core), merchant, Some(number), total, Request::Query, None);
        evidence.in_flight = Some(ask.id);
        effects.ask(ask);
    }

    /// Sends a request that moves money; it may be written only before `not_after`.
    pub(super) fn move_money(
        &mut self,
        merchant: Merchant,
        number: crate::ids::PlatformNumber,
        request: Request,
        not_after: Instant,
        context: &mut Context,
        effects: &mut Effects,
    ) {
        //= spec-crate/spec/payment.md#questions
        //# A POS MUST give a query, pay and reverse the magnitude of the order's amount as total, and every
        //# question about a refund, also the query of its original, the amount of the original.
        let total = match self.core.refund_of() {
            Some(original) => original.amount,
            None => self.core.amount().fen().unsigned_abs(),
        };
        let timers = context.timers(&self.core);
        let ask: Ask = context.ask(timers, merchant, Some(number), total, request, Some(not_after));
        self.moving = Some(ask.id);
        effects.ask(ask);
    }

    /// The evidence of the one attempt, once there is one.
    pub(super) fn attempt_evidence(&mut self) -> Option<&mut Evidence> {
        let channel = Channel::from_code(self.row.attempt.as_ref()?.channel)?;
        self.evidence.iter_mut().find(|e| e.place == Place::Own && e.merchant.channel == channel)
    }

    /// The latest answer about the attempt's number: what it said and when its connection had ended.
    pub(super) fn latest(&mut self) -> Option<(Latest, Instant)> {
        self.attempt_evidence()?.latest
    }

    /// The next instant after `now` at which this life has to be looked at again.
    pub(super) fn deadline(&self, context: &Context, now: Instant) -> Option<Instant> {
        if !self.looking && self.state() == PosState::Ended {
            return None;
        }
        let lease = (!self.looking).then(|| match self.state() {
            PosState::WaitCode | PosState::Refunding => self.start_by(),
            _ => self.act_by(),
        });
        let told = self.told.map(|(_, told)| told.after(timers::PROGRESS_EVERY));
        let agreed = context.timers(&self.core);
        let paid = self.row.attempt.iter().flat_map(|_| [agreed.reverse_min, self.poll(agreed)]);
        let asked = [self.next_query, self.next_reverse];
        //= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
        //# A POS MUST apply the rules of an order's state again after each event of the order, and at each
        //# instant that a rule of the state names.
        let marks = paid.map(|wait| self.paid_from.after(wait)).chain(asked).chain(lease).chain(told);
        marks.filter(|at| *at > now).min()
    }
}
