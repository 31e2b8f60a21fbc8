//! Work of a HIS link: what each piece comes to, and what follows once it is durable.

use alloc::string::String;
use alloc::vec::Vec;

use super::{HisEvent, HisLink, START_PAGE, Work};
use crate::book::{Anchor, Containment, Query, RowKey, Table};
use crate::ids::OrderNo;
use crate::order_flow::Body;
use crate::order_flow::his::accepting::{self, Told};
use crate::order_flow::his::making::{self, Session};
use crate::order_flow::his::{
    Changes, Held, HisAlarm, HisOrderEvent, OrderRefusal, Rows, Step, conflict, orphans,
};
use crate::time::{Clock, Instant};
use crate::wire::{self, HisState};

impl HisLink {
    /// What a piece of work comes to, over the rows at hand.
    pub(super) fn step(&self, work: &Work, rows: &Rows, clock: Clock) -> Step {
        let context = &self.context;
        match work {
            Work::Begin => {
                let peer = RowKey::new(Table::Peer, context.device_id.as_str());
                let site = RowKey::new(Table::Site, context.site_id.as_str());
                rows.all(&[peer, site]).map(|()| Changes::default())
            }
            // Of all devices: the rows of others may name this one.
            Work::Start(after) => {
                Err(Query::Open { device: String::new(), after: *after, limit: START_PAGE })
            }
            Work::Collect(new) => match self.making_session() {
                Some(session) => making::collect(context, new, session, rows, clock),
                None => no_session(new.ticket),
            },
            Work::Refund { new, not_to_post } => match self.making_session() {
                Some(session) => making::refund(context, new, *not_to_post, session, rows, clock),
                None => no_session(new.ticket),
            },
            Work::Accept { result, signature, journal, .. } => {
                let looked = self.looked_at(result);
                let told = Told { result, signature, peer: context.device_id.as_str(), looked };
                both(accepting::accept(context, &told, rows, clock), || orphans::seen(context, journal, rows))
            }
            Work::Item(item) => orphans::take(context, item, context.device_id.as_str(), rows, clock),
            Work::Pulled(list) => orphans::pulled(context, list, self.pull_counts, rows),
            Work::SyncReply(_, reply) => self.sync_reply(reply, rows),
            Work::Seen(journal) => orphans::seen(context, journal, rows),
            Work::Waited => orphans::waited(context, rows),
            Work::PullIfNeeded | Work::Unsupported(_) => Ok(Changes::default()),
            Work::Ask(order_no) => change(rows, order_no, |held, changes| {
                if !held.ended() && held.state() != HisState::Asking {
                    //= spec-crate/spec/orders.md#states-of-an-order-at-his
                    //# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of
                    //# another run comes in Sent, and when a CancelOrder is rejected with any code but
                    //# `conflict` (505).
                    held.ask(Instant(held.row.leased_until), changes);
                }
            }),
            Work::Cancel(order_no, code) => change(rows, order_no, |held, changes| {
                if held.state() == HisState::Sent {
                    held.row.rejected = *code;
                    //= spec-crate/spec/orders.md#states-of-an-order-at-his
                    //# A HIS MUST enter Cancelling from Sent when a person or a program cancels, when the
                    //# SubmitOrder was rejected with any code but `conflict` (505), when a NoRecord of the
                    //# order's run comes at or after the start instant, and when its SubmitOrder would be due
                    //# at or after the start instant.
                    held.start_cancelling(changes);
                }
            }),
            Work::OfRevoked { device, after } => {
                Err(Query::Open { device: device.clone(), after: *after, limit: START_PAGE })
            }
            Work::LookElsewhere(order_no) => change(rows, order_no, |held, changes| {
                let device = context.device_id.as_str();
                let asked = held.row.devices.iter().any(|asked| asked == device);
                // The lease of the row counts, not that of the view with which a program asked.
                if held.state() == HisState::Asking && !asked && clock.now >= self.may_look(held) {
                    //= spec-crate/spec/orders.md#another-device
                    //# A HIS MUST store the asked device in the order's row before it sends it the first
                    //# LookUp.
                    held.row.devices.push(device.into());
                    held.store(changes);
                }
            }),
            Work::Conflict { order_no, rejected } => {
                conflict::take_over(context, order_no, rejected, rows, clock)
            }
            Work::Refresh(order_no) => change(rows, order_no, |_, _| {}),
        }
    }

    fn making_session(&self) -> Option<Session<'_>> {
        //= spec-crate/spec/messages.md#sessionready
        //# A HIS MUST NOT make an order in a session before it has the `run` of SessionReady.
        let up = self.up.as_ref().filter(|up| up.synced && !up.run.is_empty())?;
        let established = &up.established;
        Some(Session { run: &up.run, zero: established.zero, agreement_no: established.agreement.no })
    }

    /// The POS tells which record of this ledger it saw last: a ledger that does not hold it went back.
    fn sync_reply(&self, reply: &wire::SyncReply, rows: &Rows) -> Step {
        let Some(seen) = Anchor::decode(&reply.ledger_seen) else {
            return orphans::seen(&self.context, &reply.journal, rows);
        };
        match rows.containment() {
            None => Err(Query::Anchor(seen)),
            //= spec-crate/spec/orders.md#sync
            //# A HIS MUST look for the ledger anchor of a SyncReply in its ledger, and raise an alarm and ask
            //# and make nothing about orders on any link if the ledger does not contain it, until a step back
            //# is declared.
            Some(Containment::Missing) => {
                //= spec-crate/spec/books.md#a-ledger-that-went-back
                //# A HIS whose ledger does not contain the anchor of a SyncReply MUST raise an alarm, stop
                //# making and asking orders on all links, and go on only after a person has declared the
                //# restore.
                let events = alloc::vec![HisOrderEvent::Alarm(HisAlarm::LedgerWentBack)];
                Ok(Changes { events, ..Changes::default() })
            }
            Some(_) => orphans::seen(&self.context, &reply.journal, rows),
        }
    }

    /// What follows once a piece of work is durable.
    pub(super) fn after(&mut self, work: Work, disposition: Option<wire::Disposition>, clock: Clock) {
        match work {
            Work::Accept { result, call: Some(call), .. } => {
                //= spec-crate/spec/orders.md#reporting-results
                //# A HIS MUST answer every authentic ReportResult about a number that has a row with
                //# ConfirmResult, also one that it has answered before, with `recorded` (1) if that result ended
                //# its order and with `kept` (2) otherwise.
                //= spec-crate/spec/orders.md#reporting-results
                //# A HIS MUST leave a ReportResult whose result is not authentic by ORD-189 unanswered, and
                //# raise an alarm.
                if let Some(disposition) = disposition {
                    self.confirm(&result, call, disposition, clock);
                }
            }
            Work::SyncReply(generation, _) => self.synced(generation, clock),
            Work::Unsupported(call) => self.answer(call, Body::Unsupported(wire::Unsupported {}), clock),
            Work::Pulled(list) => {
                //= spec-crate/spec/orders.md#orphans
                //# A HIS MUST send ListOrders after each Sync, from the place up to which the ledger has the
                //# device's list, and ask page after page until one says that there are no more.
                if list.more {
                    self.next_page(clock);
                } else {
                    self.event(HisEvent::Pulled);
                    if self.waited && !self.pull_counts {
                        self.work.push_back(Work::PullIfNeeded);
                    }
                }
            }
            // Specified in spec: books: the lists that a step back asks for are pulled after the wait.
            Work::Waited => {
                self.waited = true;
                if self.up.as_ref().is_some_and(|up| up.synced) {
                    self.work.push_back(Work::PullIfNeeded);
                }
            }
            //= spec-crate/spec/orders.md#states-of-an-order-at-his
            //# A HIS to which an order's own device answers any request with `conflict` (505) and a core of
            //# that number and device that differs from its own MUST put the core held into the order's row,
            //# raise a refund's reservation to the amount of that core if it is larger, enter Asking with a
            //# lease end of now + FULL_LEASE, raise an alarm, and then treat the result that came with it as
            //# reported, without confirming it.
            Work::Conflict { rejected, .. } if !rejected.result.is_empty() => {
                let (result, signature) = (rejected.result, rejected.signature);
                self.work.push_front(Work::Accept { result, signature, journal: Vec::new(), call: None });
            }
            Work::PullIfNeeded => self.pull_now(clock),
            _ => {}
        }
    }
}

/// Two steps in one batch.
fn both(first: Step, second: impl FnOnce() -> Step) -> Step {
    let mut changes = first?;
    let more = second()?.batch;
    changes.batch.read.extend(more.read);
    changes.batch.write.extend(more.write);
    Ok(changes)
}

/// Loads one order and changes it.
fn change(rows: &Rows, order_no: &OrderNo, with: impl FnOnce(&mut Held, &mut Changes)) -> Step {
    let key = RowKey::new(Table::Order, order_no.as_str());
    rows.all(core::slice::from_ref(&key))?;
    let mut changes = Changes::default();
    if let Some(mut held) = rows.get(&key).and_then(Held::read) {
        with(&mut held, &mut changes);
    }
    Ok(changes)
}

fn no_session(ticket: u64) -> Step {
    let events = alloc::vec![HisOrderEvent::Refused { ticket, why: OrderRefusal::NoSession }];
    Ok(Changes { events, ..Changes::default() })
}

impl HisLink {
    /// Confirms a result: it is durable.
    fn confirm(&mut self, result: &[u8], call: (u64, u32), disposition: wire::Disposition, clock: Clock) {
        let Ok(decoded) = crate::message::result::ResultCore::decode(result.to_vec()) else { return };
        let body = Body::ConfirmResult(wire::ConfirmResult {
            order_no: decoded.get().order_no.as_str().into(),
            result_hash: crate::message::result::result_hash(result).to_vec(),
            disposition: i32::from(disposition),
            ledger: self.anchor.as_ref().map_or_else(Vec::new, Anchor::encode),
        });
        self.answer(call, body, clock);
    }

    /// Answers a request of the POS, if its session is still up.
    fn answer(&mut self, (generation, call): (u64, u32), body: Body, clock: Clock) {
        if self.up.as_ref().is_none_or(|up| up.generation != generation) {
            return;
        }
        self.send(&wire::Message { call: 0, reply_to: call, body: Some(body) }, clock.now);
        self.drain_session(clock);
    }
}
