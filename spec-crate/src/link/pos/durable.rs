//! What is asked of the store, and what goes on once it has answered.

use alloc::vec::Vec;

use prost::Message as _;

use super::{PosEvent, PosLink, Reply, Waiting, Work};
use crate::book::{Anchor, Batch, Found, Query};
use crate::link::{LoadId, Output, PersistId};
use crate::order_flow::notice;
use crate::order_flow::pos::{Effect, Effects};
use crate::time::Clock;
use crate::wire;

impl PosLink {
    pub(super) fn load(&mut self, query: Query, work: Work) {
        let id = self.outbox.load(query.clone());
        self.waiting = Some(Waiting::Load(id, query, work));
    }

    pub(super) fn loaded(&mut self, id: LoadId, found: Found, clock: Clock) {
        let Some(Waiting::Load(awaited, ..)) = &self.waiting else { return };
        if *awaited != id {
            return;
        }
        let Some(Waiting::Load(_, query, work)) = self.waiting.take() else { return };
        self.anchor = Some(found.anchor);
        match work {
            Work::Start => {
                let row = found.rows.first();
                let peer =
                    row.and_then(|row| wire::PeerRow::decode(row.bytes.as_slice()).ok()).unwrap_or_default();
                self.ledger_seen = peer.anchor;
                self.work.push_front(Work::Page(0));
            }
            Work::Page(_) => {
                //= spec-crate/spec/books.md#rows-of-the-journal
                //# A POS MUST load at its start every order that has not ended or whose latest result is not
                //# answered.
                for row in &found.rows {
                    self.flow.load(row, true, clock);
                }
                let last = found.rows.last().map_or(0, |row| row.version);
                let next = if found.more { Work::Page(last) } else { Work::Tick };
                self.work.push_front(next);
            }
            Work::Request { generation, message } => {
                self.answer(generation, &message, Some((query, found)), clock)
            }
            Work::Verdict(_) | Work::Scan(..) | Work::Tick => {}
        }
    }

    /// Persists the writes of a step, then does the rest; without writes at once.
    pub(super) fn carry_out(&mut self, effects: Effects, reply: Option<Reply>, clock: Clock) {
        if effects.writes.is_empty() {
            return self.finish(effects.then, reply, clock);
        }
        //= spec-crate/spec/orders.md#act-only-on-what-is-stored
        //# A HIS and a POS MUST make all rows that one step changes durable in one transaction.
        let batch = Batch { read: Vec::new(), write: effects.writes };
        let id = self.outbox.persist(batch);
        //= spec-crate/spec/orders.md#act-only-on-what-is-stored
        //# A POS MUST make the rows that a step changes durable before it sends a message, tells a person, or
        //# writes a byte to a platform because of that step.
        self.waiting = Some(Waiting::Persist(id, effects.then, reply));
    }

    pub(super) fn persisted(&mut self, id: PersistId, anchor: Anchor, clock: Clock) {
        let Some(Waiting::Persist(awaited, ..)) = &self.waiting else { return };
        if *awaited != id {
            return;
        }
        //= spec-crate/spec/messages.md#contents-of-fields
        //# A sender MUST send as an anchor only that of a record which is durable.
        //= spec-crate/spec/books.md#anchors
        //# A HIS and a POS MUST send as anchor of a book that of its latest durable record when it sends the
        //# message, and in SyncReply and Pong when it took the request up.
        self.anchor = Some(anchor);
        if let Some(Waiting::Persist(_, then, reply)) = self.waiting.take() {
            self.finish(then, reply, clock);
        }
    }

    /// What follows once everything is durable: the answer first, then questions, events, notices and reports.
    fn finish(&mut self, then: Vec<Effect>, reply: Option<Reply>, clock: Clock) {
        //= spec-crate/spec/messages.md#call-numbers
        //# A receiver MUST send an answer only in the session in which the request came.
        if let Some(reply) = reply.filter(|reply| self.generation() == Some(reply.generation)) {
            self.send(&reply.message, clock.now);
        }
        for effect in then {
            match effect {
                Effect::Ask(ask) => self.outbox.push(Output::Ask(ask)),
                Effect::Event(event) => self.outbox.push(Output::Event(PosEvent::Order(event))),
                Effect::Notice(body) => {
                    self.send(&notice(body), clock.now);
                }
                Effect::Report(order_no) => self.reports.now(order_no, clock.now),
            }
        }
        self.drain_session(clock);
    }
}
