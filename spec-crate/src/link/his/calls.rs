//! Calls: requests that are repeated until their reply comes, and what is asked of which order when.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::{HisLink, Tracked, Work};
use crate::book::Anchor;
use crate::ids::OrderNo;
use crate::limits;
use crate::order_flow::Body;
use crate::time::{Clock, Instant};
use crate::timers;
use crate::wire::{self, HisState};

/// Gaps in milliseconds between the repeats of a request; the last one repeats.
const REPEAT: [u64; 4] =
    [timers::REQUEST_REPEAT_1, timers::REQUEST_REPEAT_2, timers::REQUEST_REPEAT_3, timers::REQUEST_REPEAT_4];

/// Whom a call is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum About {
    Sync,
    Ping,
    List,
    /// Of this business day.
    Totals(u32),
    Order(OrderNo),
}

/// A request that waits for its reply.
pub(super) struct Call {
    pub(super) about: About,
    pub(super) body: Body,
    next: Instant,
    sent: usize,
    /// Nobody wants its answer any more: dropped when this was the number of the next call.
    dropped: Option<u32>,
}

impl Call {
    /// It is asked no more, and stays open until its answer, or that of a request made afterwards, shows that the POS
    /// has done with it. Without either it is taken for lost after a while.
    fn drop_it(&mut self, next: u32, now: Instant) {
        if self.dropped.is_none() {
            self.dropped = Some(next);
            self.next = now.after(timers::SILENT);
        }
    }
}

/// The calls of one session.
pub(super) struct Calls {
    /// As many as the POS lets wait, those among them that were dropped.
    open: BTreeMap<u32, Call>,
    /// What waits until fewer are open.
    later: VecDeque<(About, Body)>,
    next: u32,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { open: BTreeMap::new(), later: VecDeque::new(), next: 1 }
    }

    /// A session's calls end with it, silently.
    pub(super) fn clear(&mut self) {
        //= spec-crate/spec/messages.md#call-numbers
        //# An end MUST forget its open calls, silently, when their session ends or is replaced.
        *self = Self::new();
    }

    /// An order changed: the call about it asks for what is no longer wanted.
    pub(super) fn forget(&mut self, order_no: &OrderNo, now: Instant) {
        let next = self.next;
        for call in
            self.open.values_mut().filter(|call| matches!(&call.about, About::Order(of) if of == order_no))
        {
            call.drop_it(next, now);
        }
    }

    /// Ends a call, and those that were dropped before it was made: requests are handled in their order.
    pub(super) fn replied(&mut self, number: u32) -> Option<Call> {
        //= spec-crate/spec/messages.md#call-numbers
        //# A sender MUST take the first answer with its number as the end of a call.
        let call = self.open.remove(&number);
        self.open.retain(|_, call| call.dropped.is_none_or(|next| number < next));
        call.filter(|call| call.dropped.is_none())
    }

    pub(super) fn asks(&self, about: &About) -> bool {
        let waits = self.open.values().any(|call| call.about == *about && call.dropped.is_none());
        waits || self.later.iter().any(|(later, _)| later == about)
    }

    fn full(&self) -> bool {
        self.open.len() >= limits::OPEN_CALLS_MAX
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().map(|call| call.next).min()
    }
}

impl HisLink {
    /// What has fallen due: leases that ended, the wait after a step back, silence.
    pub(super) fn queue_due(&mut self, clock: Clock) {
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of another run
        //# comes in Sent, and when a CancelOrder is rejected with any code but `conflict` (505).
        let over = |tracked: &&Tracked| {
            matches!(tracked.held.state(), HisState::Sent | HisState::Cancelling)
                && clock.now >= Instant(tracked.held.row.leased_until)
        };
        let ended: Vec<OrderNo> =
            self.tracked.values().filter(over).map(|t| t.held.order_no.clone()).collect();
        for order_no in ended {
            self.queue_once(Work::Ask(order_no));
        }
        if !self.waited && clock.now >= self.wait_over() {
            self.queue_once(Work::Waited);
        }
        //= spec-crate/spec/records.md#liveness
        //# A HIS MUST show the line as down when it has opened no record of the live session for 25 s
        //# (SILENT).
        if self.up.is_some() && !self.silent && clock.now >= self.heard.after(timers::SILENT) {
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST show every open order of a device as unknown, and never as failed, while it has no
            //# session past Sync with the device, has opened no record of it for 25 seconds, or has the order
            //# in Asking.
            self.silent = true;
            self.event(super::HisEvent::Silent);
        }
    }

    fn queue_once(&mut self, work: Work) {
        let busy = self.waiting.as_ref().is_some_and(|waiting| *waiting.work() == work);
        if !busy && !self.work.contains(&work) {
            self.work.push_back(work);
        }
    }

    /// Sends what is due in this session: repeats, then Sync, then every open order's request, then a ping.
    pub(super) fn ask(&mut self, clock: Clock) {
        if self.up.is_none() || self.halted {
            return;
        }
        self.repeat(clock);
        // One Sync for a session: an answer that does not let it go on would not do so the second time.
        //= spec-crate/spec/key-exchange.md#switch
        //# A HIS MUST send [Sync](messages.md#sync) at once when it has switched.
        if let (Some(up), Some(_)) = (self.up.as_mut().filter(|up| !up.sync_sent), &self.anchor) {
            //= spec-crate/spec/orders.md#sync
            //# A HIS MUST send Sync as its first request of every session, with the anchor of the latest
            //# durable record of its ledger and the latest anchor of this device's journal that the ledger
            //# holds, or nothing if it holds none.
            up.sync_sent = true;
            self.sync(clock);
        }
        //= spec-crate/spec/orders.md#sync
        //# A HIS MUST make orders and send requests other than Sync in a session only after its SyncReply was
        //# found to be contained, or to belong to a declared step back, and the device's anchor was stored.
        if self.up.as_ref().is_some_and(|up| up.synced) {
            while !self.calls.full()
                && let Some((about, body)) = self.calls.later.pop_front()
            {
                self.call(about, body, clock);
            }
            self.ask_about_orders(clock);
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST send Ping when it has sent nothing for 10 seconds in a session past Sync and no
            //# Ping is open.
            if clock.now >= self.sent.after(timers::PING_AFTER)
                && !self.calls.full()
                && !self.calls.asks(&About::Ping)
            {
                self.ping(clock);
            }
        }
        self.drain_session(clock);
    }

    fn repeat(&mut self, clock: Clock) {
        let due = self.calls.open.iter().filter(|(_, call)| clock.now >= call.next);
        let due: Vec<u32> = due.map(|(number, _)| *number).collect();
        for number in due {
            let next = self.calls.next;
            let Some(call) = self.calls.open.get(&number) else { continue };
            if call.dropped.is_some() {
                self.calls.open.remove(&number);
                continue;
            }
            //= spec-crate/spec/orders.md#leases
            //# A HIS MUST NOT send or repeat a SubmitOrder at or after the order's start instant.
            // A start instant that has passed is never sent.
            let passed = match (&call.body, &call.about) {
                (Body::SubmitOrder(_), About::Order(order_no)) => self.start_passed(order_no, clock.now),
                _ => false,
            };
            let Some(call) = self.calls.open.get_mut(&number) else { continue };
            if passed {
                call.drop_it(next, clock.now);
                continue;
            }
            //= spec-crate/spec/messages.md#repeats
            //# A HIS MUST repeat an open request after gaps of 1, 2, 4 and then always 8 s (REQUEST_REPEAT_1
            //# to REQUEST_REPEAT_4) for as long as the session lives and the request is wanted.
            let gap = REPEAT.get(call.sent).or(REPEAT.last()).copied().unwrap_or_default();
            call.sent = call.sent.saturating_add(1);
            call.next = clock.now.after(gap);
            //= spec-crate/spec/messages.md#call-numbers
            //# A HIS MUST repeat a request with the same body.
            let body = Some(call.body.clone());
            //= spec-crate/spec/messages.md#call-numbers
            //# A sender MUST send a repeat of a request under the number of the request, in a new record.
            self.send(&wire::Message { call: number, reply_to: 0, body }, clock.now);
        }
    }

    fn start_passed(&self, order_no: &OrderNo, now: Instant) -> bool {
        self.tracked.get(order_no).is_none_or(|tracked| now >= Instant(tracked.held.row.start_by))
    }

    /// Asks the POS, as soon as fewer calls are open than may be.
    pub(super) fn call(&mut self, about: About, body: Body, clock: Clock) {
        //= spec-crate/spec/messages.md#open-calls
        //# A sender MUST have at most 8 calls (OPEN_CALLS_MAX) open.
        if self.calls.full() {
            return self.calls.later.push_back((about, body));
        }
        //= spec-crate/spec/messages.md#call-numbers
        //# A sender MUST number its requests in each session from 1, each new request 1 above the one before.
        let number = self.calls.next;
        self.calls.next = number.saturating_add(1);
        self.send(&wire::Message { call: number, reply_to: 0, body: Some(body.clone()) }, clock.now);
        let next = clock.now.after(timers::REQUEST_REPEAT_1);
        self.calls.open.insert(number, Call { about, body, next, sent: 1, dropped: None });
    }

    fn sync(&mut self, clock: Clock) {
        let ledger = self.anchor.as_ref().map_or_else(Vec::new, Anchor::encode);
        let body = Body::Sync(wire::Sync { ledger, journal_seen: self.journal_seen.clone() });
        self.call(About::Sync, body, clock);
    }

    fn ping(&mut self, clock: Clock) {
        //= spec-crate/spec/orders.md#what-his-asks-in-a-session
        //# A HIS MUST send its ledger's anchor with a Ping if none went with a Ping in the last 60 seconds,
        //# and leave it out otherwise.
        let gone = |at: Instant| clock.now >= at.after(timers::PING_ANCHOR_GAP);
        let with_anchor = self.pinged_anchor.is_none_or(gone);
        let ledger = self.anchor.as_ref().filter(|_| with_anchor).map_or_else(Vec::new, Anchor::encode);
        if with_anchor {
            self.pinged_anchor = Some(clock.now);
        }
        self.call(About::Ping, Body::Ping(wire::Ping { ledger }), clock);
    }

    /// For every open order, oldest first, the request that its durable state names.
    fn ask_about_orders(&mut self, clock: Clock) {
        let mut orders: Vec<(u64, OrderNo)> =
            self.tracked.values().map(|t| (t.held.row.made_at, t.held.order_no.clone())).collect();
        //= spec-crate/spec/orders.md#what-his-asks-in-a-session
        //# A HIS MUST ask in a session, after Sync, for each order that has not ended the request that the
        //# order's stored state names, in rising order of the time at which they were made and then of their
        //# numbers, one request of an order at a time.
        orders.sort();
        for (_, order_no) in orders {
            if self.calls.full() {
                return;
            }
            let about = About::Order(order_no.clone());
            let Some(tracked) = self.tracked.get(&order_no) else { continue };
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST NOT repeat a request about an order in the same session after an OrderState has
            //# answered it, unless the order's state changes or a person asks.
            let at = tracked.retry_at.max(self.may_look(&tracked.held));
            if tracked.answered || clock.now < at || self.calls.asks(&about) {
                continue;
            }
            match self.request(tracked, clock) {
                Some(body) => self.call(about, body, clock),
                //= spec-crate/spec/orders.md#states-of-an-order-at-his
                //# A HIS MUST enter Cancelling from Sent when a person or a program cancels, when the
                //# SubmitOrder was rejected with any code but `conflict` (505), when a NoRecord of the
                //# order's run comes at or after the start instant, and when its SubmitOrder would be due at
                //# or after the start instant.
                None if tracked.held.state() == HisState::Sent => self.queue_once(Work::Cancel(order_no, 0)),
                None => {}
            }
        }
    }

    /// The request that an order's state names; `None` if there is none now.
    fn request(&self, tracked: &Tracked, clock: Clock) -> Option<Body> {
        let up = self.up.as_ref()?;
        let row = &tracked.held.row;
        let core = tracked.held.core.as_ref()?;
        match tracked.held.state() {
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST send QueryOrder for an order in state Sent, CancelOrder in Cancelling and LookUp
            //# without `fresh` in Asking, the last also to each other device that the row names, and
            //# SubmitOrder in Sent only in the session in which the order was made or after a NoRecord of its
            //# own run.
            HisState::Sent if tracked.fresh => {
                //= spec-crate/spec/orders.md#leases
                //# A HIS MUST keep the start instant and the lease end of an order unchanged through repeats
                //# and new sessions.
                let start_by = Instant(row.start_by);
                //= spec-crate/spec/orders.md#leases
                //# A HIS MUST send as `start_by` the whole seconds from the present session's zero to the
                //# order's start instant, rounded down.
                let seconds = start_by.since(up.established.zero) / 1_000;
                //= spec-crate/spec/orders.md#leases
                //# A HIS MUST NOT send or repeat a SubmitOrder at or after the order's start instant.
                (clock.now < start_by).then(|| {
                    Body::SubmitOrder(wire::SubmitOrder {
                        core: row.core.clone(),
                        //= spec-crate/spec/messages.md#submitorder
                        //# A HIS MUST set `terminal_id` to the id of the terminal that authenticated the
                        //# session in which the order was made.
                        terminal_id: row.terminal_id.clone(),
                        start_by: u32::try_from(seconds).unwrap_or(u32::MAX),
                        run: row.run.clone(),
                        search: row.search.clone(),
                    })
                })
            }
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST send QueryOrder for an order in state Sent, CancelOrder in Cancelling and LookUp
            //# without `fresh` in Asking, the last also to each other device that the row names, and
            //# SubmitOrder in Sent only in the session in which the order was made or after a NoRecord of its
            //# own run.
            HisState::Sent => Some(Body::QueryOrder(wire::QueryOrder {
                order_no: core.order_no().as_str().into(),
                order_hash: core.hash(&self.context.site_id).to_vec(),
            })),
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST send QueryOrder for an order in state Sent, CancelOrder in Cancelling and LookUp
            //# without `fresh` in Asking, the last also to each other device that the row names, and
            //# SubmitOrder in Sent only in the session in which the order was made or after a NoRecord of its
            //# own run.
            HisState::Cancelling => Some(Body::CancelOrder(wire::CancelOrder {
                core: row.core.clone(),
                run: row.run.clone(),
                search: row.search.clone(),
            })),
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST send QueryOrder for an order in state Sent, CancelOrder in Cancelling and LookUp
            //# without `fresh` in Asking, the last also to each other device that the row names, and
            //# SubmitOrder in Sent only in the session in which the order was made or after a NoRecord of its
            //# own run.
            HisState::Asking => Some(Body::LookUp(wire::LookUp { core: row.core.clone(), fresh: false })),
            _ => {
                let due = tracked.held.look_again_at().zip(clock.unix).is_some_and(|(at, unix)| unix.0 >= at);
                //= spec-crate/spec/orders.md#asking-again
                //# A HIS MUST send LookUp with `fresh` about an order in NotPaid or NotRefunded whose status
                //# rests on absence when 600, 3,600 and 86,400 seconds have passed since its end, each once.
                //= spec-crate/spec/orders.md#asking-again
                //# A HIS MUST send LookUp with `fresh` about an order in Attention that is no orphan once a
                //# day for 30 days after its end.
                due.then(|| Body::LookUp(wire::LookUp { core: row.core.clone(), fresh: true }))
            }
        }
    }
}
