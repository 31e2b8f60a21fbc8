//! What HIS asks of a POS about orders, and how it is answered: always from state, so a repeat costs nothing.
//!
//! Specified in spec: messages, and order life, "the POS".

use alloc::string::String;

use prost::Message as _;

use super::ending::End;
use super::life::Life;
use super::{Effects, OrderEvent, PosFlow};
use crate::book::Row;
use crate::catalogue::{RejectCode, Status};
use crate::ids::OrderNo;
use crate::limits;
use crate::message::order::{CoreError, Kind, OrderCore};
use crate::order_flow::{Body, allows_amount, rejected};
use crate::time::{Clock, Instant};
use crate::wire::{self, PosState};

/// What surrounds a request of HIS.
pub(crate) struct Asking<'a> {
    /// The terminal that authenticated the session.
    pub(crate) peer: &'a str,
    /// The peer's terminal is registered and takes new orders.
    pub(crate) peer_active: bool,
    /// Session time zero at the POS.
    pub(crate) zero: Instant,
    /// Agreements that serve new sessions, by number.
    pub(crate) current: &'a [u32],
    /// There is room in the journal.
    pub(crate) storage: bool,
}

impl PosFlow {
    /// Accepts a new order, or answers for a known one.
    pub(crate) fn submit(
        &mut self,
        submit: &wire::SubmitOrder,
        asking: &Asking<'_>,
        clock: Clock,
        effects: &mut Effects,
    ) -> Body {
        let core = match self.own_core(&submit.core) {
            Ok(core) => core,
            Err(rejection) => return rejection,
        };
        //= spec-crate/spec/orders.md#leases
        //# A POS MUST NOT change `start_by` or `act_by` of an accepted order, whatever it receives.
        if let Some(known) = self.answer_known(&core, clock.now) {
            return known;
        }
        //= spec-crate/spec/orders.md#accepting
        //# A POS that answers a request with Rejected MUST have stored nothing and moved nothing because of
        //# that request.
        if let Err(code) = self.may_accept(&core, submit, asking, clock.now) {
            return rejected(code, core.order_no().as_str());
        }
        //= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
        //# A POS MUST have at most one order in WaitCode, Paying or Refunding.
        //= spec-crate/spec/orders.md#accepting
        //# A POS MUST answer a SubmitOrder by the first of the following that applies: reject `amount` (504)
        //# if the core has a wrong sign or an amount out of range, and `malformed` (501) if it is malformed
        //# otherwise; `wrong_device` (503) if it names another device; the answer of ORD-90 if the number is
        //# known here; `wrong_terminal` (502) if `terminal_id` is not the terminal that authenticated the
        //# session, or that terminal is revoked or not in the manifest; `run_changed` (507) if `run` is not
        //# the present run; `malformed` (501) if `search` has more than 4 entries or one that is no order
        //# number; `merchant` (509) if the agreement is not held for new sessions or a merchant of PAY-32 is
        //# not verified; `amount` (504) if the amount is above the agreement's limit; `expired` (508) if
        //# `start_by` is not later than now; `malformed` (501) if `start_by` is later than now + T_START +
        //# T_DRIFT; `storage` (510) if the journal has no room above its reserve; `busy` (506) with the other
        //# order's number if another order is in WaitCode, Paying or Refunding; and otherwise acceptance,
        //# answered by OrderState.
        if let Some(active) = self.active() {
            return rejected(RejectCode::Busy, active.core.order_no().as_str());
        }
        let timers = self.context.timers(&core);
        let start_by = asking.zero.after(u64::from(submit.start_by).saturating_mul(1_000));
        let is_refund = core.kind() == Kind::Refund;
        let Some(mut life) = self.new_life(core, &submit.search, clock) else {
            return rejected(RejectCode::Malformed, "");
        };
        //= spec-crate/spec/orders.md#leases
        //# A POS MUST set `start_by` of an accepted order to the present session's zero + 1,000 ms times the
        //# received number, and `act_by` to `start_by` + T_ACT, as instants of its boot clock.
        life.row.start_by = start_by.0;
        life.row.act_by = start_by.after(timers.act).0;
        let (order_no, amount) = (life.core.order_no().clone(), life.core.amount());
        if is_refund {
            //= spec-crate/spec/conformance.md#what-a-client-may-leave-out
            //# A POS MUST NOT leave out refunds, since HIS may need any device of the site for one.
            life.enter(PosState::Refunding, clock.now, effects);
        } else {
            //= spec-crate/spec/payment.md#the-numbers-of-an-order
            //# A POS that accepts a collect MUST set up the list with fences at 0 for WaitCode.
            life.ask_everywhere(&self.context, Instant(0));
            life.enter(PosState::WaitCode, clock.now, effects);
        }
        effects.event(OrderEvent::Accepted { order_no: order_no.clone(), amount });
        self.lives.insert(order_no.clone(), life);
        self.step(&order_no, clock, effects);
        self.state_of(&order_no, clock.now)
    }

    fn may_accept(
        &self,
        core: &OrderCore,
        submit: &wire::SubmitOrder,
        asking: &Asking<'_>,
        now: Instant,
    ) -> Result<(), RejectCode> {
        //= spec-crate/spec/orders.md#accepting
        //# A POS MUST answer a SubmitOrder by the first of the following that applies: reject `amount` (504)
        //# if the core has a wrong sign or an amount out of range, and `malformed` (501) if it is malformed
        //# otherwise; `wrong_device` (503) if it names another device; the answer of ORD-90 if the number is
        //# known here; `wrong_terminal` (502) if `terminal_id` is not the terminal that authenticated the
        //# session, or that terminal is revoked or not in the manifest; `run_changed` (507) if `run` is not
        //# the present run; `malformed` (501) if `search` has more than 4 entries or one that is no order
        //# number; `merchant` (509) if the agreement is not held for new sessions or a merchant of PAY-32 is
        //# not verified; `amount` (504) if the amount is above the agreement's limit; `expired` (508) if
        //# `start_by` is not later than now; `malformed` (501) if `start_by` is later than now + T_START +
        //# T_DRIFT; `storage` (510) if the journal has no room above its reserve; `busy` (506) with the other
        //# order's number if another order is in WaitCode, Paying or Refunding; and otherwise acceptance,
        //# answered by OrderState.
        if submit.terminal_id != asking.peer || !asking.peer_active {
            return Err(RejectCode::WrongTerminal);
        }
        if submit.run != self.context.run {
            return Err(RejectCode::RunChanged);
        }
        if !is_search(&submit.search) {
            return Err(RejectCode::Malformed);
        }
        let agreement = self.context.agreement(core.agreement_no()).ok_or(RejectCode::Merchant)?;
        if !asking.current.contains(&core.agreement_no()) || !self.context.may_move(core) {
            return Err(RejectCode::Merchant);
        }
        if !allows_amount(agreement, core.kind(), core.amount()) {
            return Err(RejectCode::Amount);
        }
        let timers = agreement.terms().timers;
        let start_by = asking.zero.after(u64::from(submit.start_by).saturating_mul(1_000));
        if start_by <= now {
            return Err(RejectCode::Expired);
        }
        if start_by > now.after(timers.start.saturating_add(timers.drift)) {
            return Err(RejectCode::Malformed);
        }
        //= spec-crate/spec/orders.md#accepting
        //# A POS MUST refuse new orders while its storage has less free space than it needs to record the end
        //# of every order that has not ended.
        if asking.storage { Ok(()) } else { Err(RejectCode::Storage) }
    }

    /// Tells what is known of an order.
    pub(crate) fn query(&mut self, query: &wire::QueryOrder, clock: Clock) -> Body {
        let Ok(order_no) = OrderNo::try_from(query.order_no.as_str()) else {
            return rejected(RejectCode::Malformed, "");
        };
        //= spec-crate/spec/orders.md#querying
        //# A POS MUST answer a QueryOrder with reject `malformed` (501) if the number is no order number,
        //# with NoRecord and the present run if the number is not known here, with reject `conflict` (505) as
        //# in ORD-90 if the hash differs, and otherwise with the signed result or OrderState.
        match self.lives.get(&order_no) {
            None => Body::NoRecord(wire::NoRecord { run: self.context.run.clone() }),
            Some(life) if life.hash.as_slice() != query.order_hash => life.conflict(),
            Some(life) => life.answer(clock.now),
        }
    }

    /// Ends an order if nothing has moved, and makes sure that it never can.
    pub(crate) fn cancel(&mut self, cancel: &wire::CancelOrder, clock: Clock, effects: &mut Effects) -> Body {
        let core = match self.own_core(&cancel.core) {
            Ok(core) => core,
            Err(rejection) => return rejection,
        };
        let order_no = core.order_no().clone();
        match self.lives.get_mut(&order_no) {
            //= spec-crate/spec/orders.md#cancelling
            //# A POS MUST answer a CancelOrder by the first of the following that applies: the rejects of
            //# ORD-88 for the core and the device; reject `conflict` (505) if the number is known with other
            //# bytes; if it is known, note `cancel_wanted` durably in WaitCode, Paying, Reversing or
            //# Refunding, change nothing in any other state, and answer as in ORD-90; reject `run_changed`
            //# (507) if `run` is not the present run; `malformed` (501) if `search` has more than 4 entries
            //# or one that is no order number; and otherwise the tombstone of ORD-96.
            Some(life) if life.core.bytes() != core.bytes() => return life.conflict(),
            Some(life) => {
                //= spec-crate/spec/orders.md#cancelling
                //# A POS MUST answer a CancelOrder by the first of the following that applies: the rejects of
                //# ORD-88 for the core and the device; reject `conflict` (505) if the number is known with
                //# other bytes; if it is known, note `cancel_wanted` durably in WaitCode, Paying, Reversing
                //# or Refunding, change nothing in any other state, and answer as in ORD-90; reject
                //# `run_changed` (507) if `run` is not the present run; `malformed` (501) if `search` has
                //# more than 4 entries or one that is no order number; and otherwise the tombstone of ORD-96.
                //= spec-crate/spec/orders.md#asking
                //# A POS MUST NOT let a CancelOrder change an order in Asking.
                let wanted = matches!(
                    life.state(),
                    PosState::WaitCode | PosState::Paying | PosState::Reversing | PosState::Refunding
                );
                if wanted && !life.row.cancel_wanted {
                    life.row.cancel_wanted = true;
                    effects.write(life.write());
                }
                self.step(&order_no, clock, effects);
            }
            None if cancel.run != self.context.run => {
                return rejected(RejectCode::RunChanged, order_no.as_str());
            }
            None if !is_search(&cancel.search) => {
                return rejected(RejectCode::Malformed, order_no.as_str());
            }
            None => {
                let is_refund = core.kind() == Kind::Refund;
                let Some(mut life) = self.new_life(core, &cancel.search, clock) else {
                    return rejected(RejectCode::Malformed, order_no.as_str());
                };
                life.row.cancel_wanted = true;
                //= spec-crate/spec/orders.md#cancelling
                //# A POS that knows no order of a CancelOrder of its own run MUST store the order with its
                //# core and `cancel_wanted`, end it as `not_paid` with `never_seen` (222), or as
                //# `not_refunded` with `refund_never_seen` (401), if the request has no `search`, and enter
                //# Asking otherwise.
                if !cancel.search.is_empty() {
                    life.start_asking_either(&mut self.context, clock, effects);
                } else if is_refund {
                    let end = End::not_refunded(Status::RefundNeverSeen);
                    life.end(end, &mut self.context, clock, effects);
                } else {
                    life.end(End::not_paid(Status::NeverSeen), &mut self.context, clock, effects);
                }
                self.lives.insert(order_no.clone(), life);
                self.step(&order_no, clock, effects);
            }
        }
        self.state_of(&order_no, clock.now)
    }

    /// Asks the platform how an order ended, without ever acting on it.
    pub(crate) fn look_up(&mut self, look: &wire::LookUp, clock: Clock, effects: &mut Effects) -> Body {
        let Ok(core) = OrderCore::decode(look.core.clone()) else {
            return rejected(RejectCode::Malformed, "");
        };
        let order_no = core.order_no().clone();
        if let Some(life) = self.lives.get(&order_no).filter(|life| life.core.bytes() != core.bytes()) {
            return life.conflict();
        }
        if !self.context.can_ask(&core) {
            return rejected(RejectCode::Merchant, order_no.as_str());
        }
        let own = *core.device_id() == self.context.device_id;
        let ended = self.lives.get(&order_no).map(|life| life.state() == PosState::Ended);
        //= spec-crate/spec/orders.md#looking-up
        //# A POS MUST answer a LookUp by the first of the following that applies: reject `malformed` (501) if
        //# the core is malformed in any way; reject `conflict` (505) if the number is known with other bytes;
        //# reject `merchant` (509) if the credentials of a merchant of PAY-32 are not held; the signed result
        //# if the order has ended here, `fresh` is not set and no look at it runs; if it is its own order and
        //# has not ended, the reaction of ORD-98; if it is its own order and not known, a stored row in
        //# Asking that is marked `not_intact`; and otherwise a look, one at most for an order, answered by
        //# OrderState with stage `looking`.
        match ended {
            Some(true) if !look.fresh && !self.looks.contains_key(&order_no) => {}
            Some(false) if own => self.look_at_own(&order_no, clock, effects),
            None if own => {
                let Some(mut life) = self.new_life(core, &[], clock) else {
                    return rejected(RejectCode::Malformed, order_no.as_str());
                };
                life.row.not_intact = true;
                life.start_asking_either(&mut self.context, clock, effects);
                self.lives.insert(order_no.clone(), life);
                self.step(&order_no, clock, effects);
            }
            //= spec-crate/spec/conformance.md#what-a-client-may-leave-out
            //# A POS MUST answer LookUp for orders of every device of its site.
            _ => self.look_at(&core, clock, effects),
        }
        if let Some(look) = self.looks.get(&order_no) {
            return look.answer(clock.now);
        }
        self.state_of(&order_no, clock.now)
    }

    /// HIS no longer knows its lease: an order that waits for a code ends, or is asked about.
    fn look_at_own(&mut self, order_no: &OrderNo, clock: Clock, effects: &mut Effects) {
        if let Some(life) = self.lives.get_mut(order_no)
            && life.state() == PosState::WaitCode
            && !life.restarted
        {
            //= spec-crate/spec/orders.md#looking-up
            //# A POS MUST end its own order that waits in WaitCode and was accepted by the present run on a
            //# LookUp as ORD-110 says with `restarted` (201), and answer about an order in another state
            //# without changing it.
            life.leave_wait_code(Status::Restarted, &mut self.context, clock, effects);
        }
        self.step(order_no, clock, effects);
    }

    /// Starts a look at an order that cannot act here, unless one is under way.
    fn look_at(&mut self, core: &OrderCore, clock: Clock, effects: &mut Effects) {
        let order_no = core.order_no().clone();
        if !self.looks.contains_key(&order_no) {
            let Some(mut look) = self.new_life(core.clone(), &[], clock) else { return };
            if let Some(ended) = self.lives.get(&order_no) {
                look.follows(&ended.row);
            }
            look.looking = true;
            look.row.set_state(PosState::Asking);
            look.ask_for_the_end(&self.context);
            //= spec-crate/spec/orders.md#looking-up
            //# A POS MUST keep a running look in memory only, and store the core, the result and the
            //# signature when the look ends.
            self.looks.insert(order_no.clone(), look);
        }
        if let Some(look) = self.looks.get_mut(&order_no) {
            look.step(&mut self.context, clock, effects);
        }
        self.settle(&order_no, true, clock, effects);
    }

    /// A core that this device may act on.
    fn own_core(&self, bytes: &[u8]) -> Result<OrderCore, Body> {
        //= spec-crate/spec/orders.md#accepting
        //# A POS MUST answer a SubmitOrder by the first of the following that applies: reject `amount` (504)
        //# if the core has a wrong sign or an amount out of range, and `malformed` (501) if it is malformed
        //# otherwise; `wrong_device` (503) if it names another device; the answer of ORD-90 if the number is
        //# known here; `wrong_terminal` (502) if `terminal_id` is not the terminal that authenticated the
        //# session, or that terminal is revoked or not in the manifest; `run_changed` (507) if `run` is not
        //# the present run; `malformed` (501) if `search` has more than 4 entries or one that is no order
        //# number; `merchant` (509) if the agreement is not held for new sessions or a merchant of PAY-32 is
        //# not verified; `amount` (504) if the amount is above the agreement's limit; `expired` (508) if
        //# `start_by` is not later than now; `malformed` (501) if `start_by` is later than now + T_START +
        //# T_DRIFT; `storage` (510) if the journal has no room above its reserve; `busy` (506) with the other
        //# order's number if another order is in WaitCode, Paying or Refunding; and otherwise acceptance,
        //# answered by OrderState.
        let core = OrderCore::decode(bytes.to_vec()).map_err(|error| match error {
            CoreError::Sign { .. } | CoreError::Amount { .. } => rejected(RejectCode::Amount, ""),
            _ => rejected(RejectCode::Malformed, ""),
        })?;
        if *core.device_id() != self.context.device_id {
            return Err(rejected(RejectCode::WrongDevice, core.order_no().as_str()));
        }
        Ok(core)
    }

    fn answer_known(&self, core: &OrderCore, now: Instant) -> Option<Body> {
        let life = self.lives.get(core.order_no())?;
        //= spec-crate/spec/orders.md#the-core
        //# A HIS and a POS MUST take two orders for the same order exactly if their cores are the same bytes.
        //= spec-crate/spec/orders.md#accepting
        //# A POS MUST answer a SubmitOrder or CancelOrder about a known number whose core is the same bytes
        //# with the order's latest signed result once it has ended and with OrderState before, in every run,
        //# and one with other bytes with reject `conflict` (505), the core held, and its result and signature
        //# or its stage.
        Some(if life.core.bytes() == core.bytes() { life.answer(now) } else { life.conflict() })
    }

    fn state_of(&self, order_no: &OrderNo, now: Instant) -> Body {
        let unknown = || rejected(RejectCode::Malformed, order_no.as_str());
        self.lives.get(order_no).map_or_else(unknown, |life| life.answer(now))
    }

    fn new_life(&self, core: OrderCore, search: &[String], clock: Clock) -> Option<Life> {
        //= spec-crate/spec/orders.md#accepting
        //# A POS MUST store an accepted order with its core, the present run and boot, the instant, the
        //# calendar time if there is a clock, both deadlines and `search`, in WaitCode for a collect and in
        //# Refunding for a refund.
        let row = wire::PosOrder {
            core: core.bytes().to_vec(),
            run: self.context.run.clone(),
            boot: self.context.boot.clone(),
            accepted_at: clock.now.0,
            //= spec-crate/spec/orders.md#time
            //# A POS without a trustworthy calendar clock MUST leave out `decided_at` of a result and `at` of
            //# a book record, and store 0 as `accepted_unix` of an order.
            accepted_unix: clock.unix.map_or(0, |unix| unix.0),
            search: search.to_vec(),
            ..wire::PosOrder::default()
        };
        let hash = self.hash(&core)?;
        Some(Life::new(core, hash, row, clock.now))
    }
}

impl Life {
    /// What HIS is told when it asks: the end, or how far the order is.
    pub(super) fn answer(&self, now: Instant) -> Body {
        match self.progress(now) {
            Some(progress) => Body::OrderState(progress.body()),
            None => Body::SignedResult(wire::SignedResult {
                result: self.row.result.clone(),
                signature: self.row.signature.clone(),
            }),
        }
    }

    /// The result of this look will take the place of an earlier one: all else that the row holds stays, and what HIS
    /// recorded is kept beside it.
    pub(super) fn follows(&mut self, earlier: &wire::PosOrder) {
        //= spec-crate/spec/orders.md#looking-up
        //# A POS MUST keep with a new result of an order the mark that an earlier one was recorded.
        let recorded = match earlier.recorded_result.as_slice() {
            [] if earlier.recorded => &earlier.result,
            _ => &earlier.recorded_result,
        };
        //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
        //# A POS MUST NOT remove the mark `not_intact` from a row.
        self.row = wire::PosOrder {
            state: self.row.state,
            recorded_result: recorded.clone(),
            // A later number of the search may be another order by now.
            search: alloc::vec![],
            ..earlier.clone()
        };
    }

    /// Another order has this number: what is held is told, and nothing moves.
    fn conflict(&self) -> Body {
        Body::Rejected(wire::Rejected {
            //= spec-crate/spec/messages.md#rejected
            //# A POS MUST set the fields of Rejected as this table says.
            code: i32::try_from(RejectCode::Conflict.code()).unwrap_or_default(),
            order_no: self.core.order_no().as_str().into(),
            core: self.core.bytes().to_vec(),
            result: self.row.result.clone(),
            signature: self.row.signature.clone(),
            stage: self.progress(self.entered).map_or(0, |progress| progress.body().stage),
        })
    }

    fn start_asking_either(&mut self, context: &mut super::Context, clock: Clock, effects: &mut Effects) {
        if self.is_refund() {
            self.start_asking_refund(context, clock, effects);
        } else {
            self.start_asking(context, clock, effects);
        }
    }
}

/// At most 4 order numbers.
fn is_search(search: &[String]) -> bool {
    search.len() <= limits::SEARCH_MAX && search.iter().all(|no| OrderNo::try_from(no.as_str()).is_ok())
}

/// Open rows whose orders can no longer prove what did not happen, after a declared restore.
pub(crate) fn no_longer_intact(rows: &[Row]) -> impl Iterator<Item = (&Row, wire::PosOrder)> {
    let decoded =
        rows.iter().filter_map(|row| Some((row, wire::PosOrder::decode(row.bytes.as_slice()).ok()?)));
    decoded
        .filter(|(_, order)| order.state() != PosState::Ended && !order.not_intact)
        //= spec-crate/spec/books.md#a-journal-that-went-back
        //# A POS on which a person declares a restore of the journal MUST, in one transaction, write the
        //# BookStart of BOK-21 and mark every order that has not ended as `not_intact`.
        .map(|(row, order)| (row, wire::PosOrder { not_intact: true, ..order }))
}
