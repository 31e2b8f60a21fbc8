//! Reporting results until HIS has answered: oldest first, one call open, and round again.
//!
//! Specified in spec: messages, "repetition".

use alloc::collections::{BTreeMap, VecDeque};

use super::PosLink;
use crate::ids::OrderNo;
use crate::order_flow::Body;
use crate::time::{Clock, Instant};
use crate::timers::{RESULT_REPEAT_FIRST, RESULT_REPEAT_LAST};
use crate::wire;

/// How the unanswered results of a session are repeated.
pub(super) struct Reports {
    /// What is still to be reported in this round.
    round: VecDeque<OrderNo>,
    next_round: Instant,
    gap: u64,
    /// Call of the report that is open, and until when it is waited for.
    open: Option<(u32, Instant)>,
    calls: BTreeMap<OrderNo, u32>,
    next_call: u32,
}

impl Reports {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            round: VecDeque::new(),
            next_round: now,
            gap: RESULT_REPEAT_FIRST,
            open: None,
            calls: BTreeMap::new(),
            next_call: 1,
        }
    }

    /// A new session: its own call numbers, and everything is reported again.
    pub(super) fn begin_session(&mut self, now: Instant) {
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS MUST report unanswered results again after every restart and in every new session, for as
        //# long as they are unanswered.
        //= spec-crate/spec/messages.md#call-numbers
        //# An end MUST forget its open calls, silently, when their session ends or is replaced.
        *self = Self::new(now);
    }

    /// A result has just been signed: it is reported in this round.
    pub(super) fn now(&mut self, order_no: OrderNo, now: Instant) {
        self.gap = RESULT_REPEAT_FIRST;
        self.next_round = now.after(self.gap);
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS that has just signed a result MUST report it before the rest of the present round, and begin
        //# the next round 2 seconds later with the gap of 2 seconds again.
        self.round.push_front(order_no);
    }

    /// HIS has answered a call.
    pub(super) fn answered(&mut self, call: u32) {
        if self.open.is_some_and(|(open, _)| open == call) {
            self.open = None;
        }
    }

    pub(super) fn deadline(&self, unanswered: &VecDeque<OrderNo>, now: Instant) -> Option<Instant> {
        if let Some((_, until)) = self.open {
            return Some(until.max(now));
        }
        (!unanswered.is_empty()).then_some(if self.round.is_empty() { self.next_round } else { now })
    }

    /// The next result to be reported, with its call number.
    fn next(&mut self, unanswered: &VecDeque<OrderNo>, now: Instant) -> Option<(u32, OrderNo)> {
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS MUST have at most one ReportResult open, which is open until it is answered or 2 seconds
        //# have passed since it was sent.
        if self.open.is_some_and(|(_, until)| now < until) {
            return None;
        }
        self.open = None;
        self.round.retain(|order_no| unanswered.contains(order_no));
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS MUST report in rounds, where a round takes all unanswered results, oldest first, the first
        //# round of a session begins at once, the next one 2 seconds later, and each further gap is twice the
        //# last one and at most 30 seconds.
        if self.round.is_empty() && now >= self.next_round {
            self.round.clone_from(unanswered);
            self.next_round = now.after(self.gap);
            self.gap = self.gap.saturating_mul(2).min(RESULT_REPEAT_LAST);
        }
        let order_no = self.round.pop_front()?;
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS MUST use one call number for all reports of one order in one session.
        //= spec-crate/spec/messages.md#call-numbers
        //# A sender MUST send a repeat of a request under the number of the request, in a new record.
        let call = *self.calls.entry(order_no.clone()).or_insert_with(|| {
            //= spec-crate/spec/messages.md#call-numbers
            //# A sender MUST number its requests in each session from 1, each new request 1 above the one
            //# before.
            let call = self.next_call;
            self.next_call = call.saturating_add(1);
            call
        });
        self.open = Some((call, now.after(RESULT_REPEAT_FIRST)));
        Some((call, order_no))
    }
}

impl PosLink {
    /// HIS has begun to speak in this session, and everything that was decided is durable.
    pub(super) fn may_report(&self) -> bool {
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS MUST report no result in a session before the Sync of that session came, and none while a
        //# step is not yet durable.
        self.up.as_ref().is_some_and(|up| up.synced) && self.waiting.is_none() && !self.halted
    }

    /// Reports the next unanswered result, if its time has come.
    pub(super) fn report(&mut self, clock: Clock) {
        if !self.may_report() {
            return;
        }
        let Some((call, order_no)) = self.reports.next(self.flow.unanswered(), clock.now) else { return };
        let Some((result, signature)) = self.flow.report(&order_no) else { return };
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS MUST send the anchor of its journal's latest durable record with each ReportResult.
        let journal = self.anchor.as_ref().map_or_else(alloc::vec::Vec::new, crate::book::Anchor::encode);
        let body = Body::ReportResult(wire::ReportResult { result, signature, journal });
        //= spec-crate/spec/messages.md#message
        //# A sender MUST set `call` alone in a request, `reply_to` alone in an answer, and neither in a
        //# notice.
        self.send(&wire::Message { call, reply_to: 0, body: Some(body) }, clock.now);
        self.drain_session(clock);
    }
}
