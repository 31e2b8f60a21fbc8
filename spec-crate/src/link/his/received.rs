//! What the POS says in a session: replies, results, notices.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use prost::Message as _;

use super::calls::{About, Call};
use super::{HisEvent, HisLink, Totals, TotalsRow, Work};
use crate::catalogue::{AlertCode, RejectCode};
use crate::ids::OrderNo;
use crate::order_flow::Body;
use crate::order_flow::his::HisAlarm;
use crate::order_flow::his::HisOrderEvent;
use crate::order_flow::pos::{Progress, Stage};
use crate::platform::Channel;
use crate::time::{Clock, Instant};
use crate::wire::{self, HisState};
use crate::{limits, timers};

impl HisLink {
    /// Takes over one opened plaintext of the POS.
    pub(super) fn received(&mut self, plaintext: &[u8], clock: Clock) {
        let Ok(message) = wire::Message::decode(plaintext) else { return };
        //= spec-crate/spec/messages.md#message
        //# A receiver MUST take a Message whose `reply_to` is not 0 for an answer, whatever its `call` is.
        if message.reply_to != 0 {
            //= spec-crate/spec/messages.md#call-numbers
            //# A sender MUST ignore an answer to a number under which no call is open, except that a POS
            //# takes in every [ConfirmResult](#confirmresult).
            if let Some(call) = self.calls.replied(message.reply_to) {
                self.replied(call, message.body, clock);
            }
            return;
        }
        match message.body {
            //= spec-crate/spec/messages.md#unknown-bodies
            //# A HIS MUST take the body of a SessionReady, of an OrderState that is no answer and of a
            //# DeviceEvent as a notice, whatever `call` says.
            Some(Body::Ready(ready)) => self.ready(ready, clock),
            Some(Body::OrderState(state)) => self.progress(&state),
            //= spec-crate/spec/messages.md#deviceevent
            //# A HIS MUST show the `text` of a DeviceEvent as text only, and let no decision depend on a
            //# DeviceEvent.
            Some(Body::DeviceEvent(event)) => {
                self.event(HisEvent::DeviceNotice { code: event.code, text: event.text })
            }
            body if message.call != 0 => self.requested(message.call, body, clock),
            //= spec-crate/spec/messages.md#message
            //# A receiver MUST ignore a notice that has no body, a body that it does not know, or a body that
            //# is no notice of the sender's side.
            _ => {}
        }
    }

    /// Queues a request of the POS behind those that wait. A repeat of one that waits is left out.
    fn requested(&mut self, call: u32, body: Option<Body>, clock: Clock) {
        let Some(generation) = self.up.as_ref().map(|up| up.generation) else { return };
        let queued = |work: &Work| work.answers().filter(|(of, _)| *of == generation).map(|(_, call)| call);
        let mut waiting: BTreeSet<u32> = self.work.iter().filter_map(queued).collect();
        if waiting.contains(&call) {
            return;
        }
        waiting.extend(self.waiting.as_ref().and_then(|waiting| queued(waiting.work())));
        //= spec-crate/spec/messages.md#open-calls
        //# A receiver MUST end the session with sealed alert 22 (limit) at a request with a new number
        //# if 8 requests (OPEN_CALLS_MAX) with other numbers of this session wait for their answer.
        if !waiting.contains(&call) && waiting.len() >= limits::OPEN_CALLS_MAX {
            return self.close_session(AlertCode::Limit, clock);
        }
        let call = (generation, call);
        //= spec-crate/spec/messages.md#call-numbers
        //# A receiver MUST answer a repeat that it does not leave out like a new request, from what is stored
        //# then.
        self.work.push_back(match body {
            Some(Body::ReportResult(report)) => Work::Accept {
                result: report.result,
                signature: report.signature,
                journal: report.journal,
                call: Some(call),
            },
            //= spec-crate/spec/messages.md#unknown-bodies
            //# A receiver MUST answer a request with [Unsupported](#unsupported) if it has no body, a
            //# body that the receiver does not know, or a body that is no request of the sender's side.
            _ => Work::Unsupported(call),
        });
    }

    fn ready(&mut self, ready: wire::SessionReady, clock: Clock) {
        let Some(up) = self.up.as_mut() else { return };
        //= spec-crate/spec/messages.md#sessionready
        //# A HIS MUST end the session with sealed alert 0 (close), and use nothing else that comes in it, if
        //# `simulated` differs from `simulated` of the session's agreement.
        if ready.simulated != up.established.agreement.simulated {
            // Nothing is accepted from a peer that disagrees on whether money is real.
            return self.close_session(AlertCode::Close, clock);
        }
        let first = up.run.is_empty();
        // A run of another length than 4 bytes counts as none.
        up.run = if ready.run.len() == 4 { ready.run } else { Vec::new() };
        if first {
            let device_id = up.established.peer_id.clone();
            self.event(HisEvent::SessionUp {
                device_id,
                software: ready.software,
                simulated: ready.simulated,
            });
        }
    }

    fn progress(&mut self, state: &wire::OrderState) {
        let Ok(order_no) = OrderNo::try_from(state.order_no.as_str()) else { return };
        let Some(stage) = Stage::from_code(state.stage) else { return };
        // A report about an order that has ended here is an old one.
        //= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
        //# A HIS MUST show an OrderState as progress, and ignore one about an order that has ended or that it
        //# does not know.
        if self.tracked.get(&order_no).is_none_or(|tracked| tracked.held.ended()) {
            return;
        }
        //= spec-crate/spec/messages.md#orderstate
        //# A HIS MUST NOT end an order, release a bill or book money because of an OrderState.
        self.event(HisEvent::Progress(Progress {
            order_no,
            stage,
            channel: Channel::from_code(state.channel),
            money_unknown: state.money != i32::from(wire::StageMoney::None),
            seconds_left: state.seconds_left,
        }));
    }

    /// A call is answered. An answer that says nothing ends it, too.
    fn replied(&mut self, call: Call, body: Option<Body>, clock: Clock) {
        //= spec-crate/spec/messages.md#call-numbers
        //# A sender MUST take an answer with a body that does not belong to its request, or that it does not
        //# know, as an answer that says nothing: the call is ended.
        let Some(body) = body else {
            if let About::Order(order_no) = &call.about {
                self.later(order_no, clock);
            }
            return;
        };
        match (call.about, body) {
            (About::Sync, Body::SyncReply(reply)) => {
                let generation = self.up.as_ref().map_or(0, |up| up.generation);
                self.work.push_back(Work::SyncReply(generation, reply));
            }
            (About::Ping, Body::Pong(pong)) => self.work.push_back(Work::Seen(pong.journal)),
            (About::List, Body::OrderList(list)) => {
                self.work.extend(list.items.iter().cloned().map(Work::Item));
                self.work.push_back(Work::Pulled(list));
            }
            (About::Totals(business_day), Body::Totals(told)) => {
                let rows = told.rows.iter().map(TotalsRow::of).collect();
                let totals = Totals { rows, open: told.open, digest: told.digest };
                self.event(HisEvent::Totals { business_day, totals });
            }
            (About::Order(order_no), body) => self.order_replied(&order_no, &call.body, body, clock),
            _ => {}
        }
    }

    fn order_replied(&mut self, order_no: &OrderNo, asked: &Body, body: Body, clock: Clock) {
        match body {
            Body::OrderState(state) => {
                self.answered(order_no);
                self.progress(&state);
            }
            Body::SignedResult(signed) => {
                self.later(order_no, clock);
                let (result, signature) = (signed.result, signed.signature);
                //= spec-crate/spec/orders.md#reporting-results
                //# A HIS MUST treat a SignedResult that answers a request like a report, but send no
                //# ConfirmResult for it.
                self.work.push_back(Work::Accept { result, signature, journal: Vec::new(), call: None });
            }
            Body::NoRecord(none) => self.no_record(order_no, &none.run, clock),
            Body::Rejected(rejected) => self.rejected(order_no, asked, rejected, clock),
            //= spec-crate/spec/messages.md#call-numbers
            //# A sender MUST take an answer with a body that does not belong to its request, or that it does
            //# not know, as an answer that says nothing: the call is ended.
            _ => self.later(order_no, clock),
        }
    }

    fn answered(&mut self, order_no: &OrderNo) {
        if let Some(tracked) = self.tracked.get_mut(order_no) {
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST NOT repeat a request about an order in the same session after an OrderState has
            //# answered it, unless the order's state changes or a person asks.
            tracked.answered = true;
            // The POS has it: it is asked about from now on, and not submitted.
            tracked.fresh = false;
        }
    }

    /// Not again before a while: the answer did not say how the order goes on.
    fn later(&mut self, order_no: &OrderNo, clock: Clock) {
        if let Some(tracked) = self.tracked.get_mut(order_no) {
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST wait 60 seconds before it asks again about an order after an answer that is no
            //# OrderState and leaves the order's state as it is, but for the SubmitOrder of ORD-181.
            tracked.retry_at = clock.now.after(timers::VERIFY_RETRY);
        }
    }

    /// The POS has no record: in the order's own run that is proof, in another it means nothing.
    fn no_record(&mut self, order_no: &OrderNo, run: &[u8], clock: Clock) {
        self.later(order_no, clock);
        let Some(tracked) = self.tracked.get_mut(order_no) else { return };
        if tracked.held.state() != HisState::Sent {
            return;
        }
        //= spec-crate/spec/orders.md#querying
        //# A HIS MUST take a NoRecord as proof that the order was never accepted only if its run is the one
        //# that the order was made for.
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of another run
        //# comes in Sent, and when a CancelOrder is rejected with any code but `conflict` (505).
        if tracked.held.row.run != run {
            self.work.push_back(Work::Ask(order_no.clone()));
        } else if clock.now < Instant(tracked.held.row.start_by) {
            //= spec-crate/spec/orders.md#states-of-an-order-at-his
            //# A HIS MUST send SubmitOrder again with the same start instant after a NoRecord of the order's
            //# own run that comes before the start instant.
            tracked.fresh = true;
            tracked.retry_at = clock.now;
        } else {
            //= spec-crate/spec/orders.md#states-of-an-order-at-his
            //# A HIS MUST enter Cancelling from Sent when a person or a program cancels, when the SubmitOrder
            //# was rejected with any code but `conflict` (505), when a NoRecord of the order's run comes at
            //# or after the start instant, and when its SubmitOrder would be due at or after the start
            //# instant.
            self.work.push_back(Work::Cancel(order_no.clone(), 0));
        }
    }

    /// Nothing was stored there and nothing moves by this request; what is done next depends on what was asked.
    fn rejected(&mut self, order_no: &OrderNo, asked: &Body, rejected: wire::Rejected, clock: Clock) {
        let code = u32::try_from(rejected.code).unwrap_or_default();
        let why = RejectCode::from_code(code);
        self.event(HisEvent::Rejected { order_no: order_no.clone(), code, why });
        // Not once more what was refused, while what follows is not yet durable.
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST ask again after 60 seconds when a QueryOrder or LookUp is rejected with any code but
        //# `conflict` (505).
        self.later(order_no, clock);
        if why == Some(RejectCode::Conflict) {
            return self.work.push_back(Work::Conflict { order_no: order_no.clone(), rejected });
        }
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST raise an alarm on reject `malformed` (501) or `wrong_device` (503), since it has
        //# checked the core and the device itself.
        if matches!(why, Some(RejectCode::Malformed | RejectCode::WrongDevice)) {
            let alarm = HisAlarm::Refused { order_no: order_no.clone(), code };
            self.event(HisEvent::Order(HisOrderEvent::Alarm(alarm)));
        }
        //= spec-crate/spec/messages.md#rejected
        //# A HIS MUST treat a Rejected with a code that it does not know like one with a code that has no
        //# rule of its own.
        match asked {
            //= spec-crate/spec/orders.md#states-of-an-order-at-his
            //# A HIS MUST enter Cancelling from Sent when a person or a program cancels, when the SubmitOrder
            //# was rejected with any code but `conflict` (505), when a NoRecord of the order's run comes at
            //# or after the start instant, and when its SubmitOrder would be due at or after the start
            //# instant.
            Body::SubmitOrder(_) => self.work.push_back(Work::Cancel(order_no.clone(), code)),
            //= spec-crate/spec/orders.md#states-of-an-order-at-his
            //# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of another
            //# run comes in Sent, and when a CancelOrder is rejected with any code but `conflict` (505).
            Body::CancelOrder(_) => self.work.push_back(Work::Ask(order_no.clone())),
            _ => {}
        }
    }

    /// The ledger holds what the POS saw of it: orders may be made.
    pub(super) fn synced(&mut self, generation: u64, clock: Clock) {
        let of_this = self.up.as_mut().filter(|up| up.generation == generation && !self.ledger_went_back);
        let Some(up) = of_this else { return };
        up.synced = true;
        self.event(HisEvent::Ready);
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST send ListOrders after each Sync, from the place up to which the ledger has the device's
        //# list, and ask page after page until one says that there are no more.
        self.work.push_back(Work::PullIfNeeded);
        self.ask(clock);
    }
}
