//! What HIS says in a session, and how it is answered.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use prost::Message as _;

use super::{PosLink, Reply, Waiting, Work};
use crate::book::{Anchor, Containment, Found, Query, Row, RowKey, Table};
use crate::catalogue::AlertCode;
use crate::ids::{OrderNo, TerminalId};
use crate::limits;
use crate::message::manifest::Admission;
use crate::message::order::OrderCore;
use crate::order_flow::Body;
use crate::order_flow::pos::requests::Asking;
use crate::order_flow::pos::{Effects, totals};
use crate::order_flow::totals::TotalsRow;
use crate::time::Clock;
use crate::wire::{self, PosState};

impl PosLink {
    /// Takes over one opened plaintext of HIS.
    pub(super) fn received(&mut self, plaintext: &[u8], clock: Clock) {
        let Ok(message) = wire::Message::decode(plaintext) else { return };
        let Some(up) = self.up.as_ref() else { return };
        let generation = up.generation;
        //= spec-crate/spec/messages.md#message
        //# A receiver MUST take a Message whose `reply_to` is not 0 for an answer, whatever its `call` is.
        if message.reply_to != 0 {
            return self.confirmed(generation, message);
        }
        let is_sync = matches!(message.body, Some(Body::Sync(_)));
        //= spec-crate/spec/messages.md#message
        //# A receiver MUST ignore a notice that has no body, a body that it does not know, or a body that is
        //# no notice of the sender's side.
        if message.call == 0 {
            return;
        }
        //= spec-crate/spec/orders.md#sync
        //# A POS MUST end the session with sealed alert `unexpected_message` (10) if a request other than
        //# Sync comes before the first Sync of the session.
        if !up.synced && !is_sync {
            return self.alert(AlertCode::UnexpectedMessage, clock);
        }
        let queued = |work: &Work| match work {
            Work::Request { generation: of, message } if *of == generation && message.reply_to == 0 => {
                Some(message.call)
            }
            _ => None,
        };
        let mut waiting: BTreeSet<u32> = self.work.iter().filter_map(queued).collect();
        if waiting.contains(&message.call) {
            return;
        }
        waiting.extend(match &self.waiting {
            Some(Waiting::Load(_, _, work)) => queued(work),
            Some(Waiting::Persist(_, _, Some(reply))) if reply.generation == generation => {
                Some(reply.message.reply_to)
            }
            _ => None,
        });
        //= spec-crate/spec/messages.md#open-calls
        //# A receiver MUST end the session with sealed alert 22 (limit) at a request with a new number
        //# if 8 requests (OPEN_CALLS_MAX) with other numbers of this session wait for their answer.
        if !waiting.contains(&message.call) && waiting.len() >= limits::OPEN_CALLS_MAX {
            return self.alert(AlertCode::Limit, clock);
        }
        if let (true, Some(up)) = (is_sync, self.up.as_mut()) {
            up.synced = true;
        }
        //= spec-crate/spec/messages.md#call-numbers
        //# A receiver MUST answer a repeat that it does not leave out like a new request, from what is stored
        //# then.
        self.work.push_back(Work::Request { generation, message });
    }

    fn alert(&mut self, code: AlertCode, clock: Clock) {
        if let Some(session) = self.session.as_mut() {
            session.close(code, clock.now);
        }
    }

    fn confirmed(&mut self, generation: u64, message: wire::Message) {
        //= spec-crate/spec/messages.md#call-numbers
        //# A sender MUST ignore an answer to a number under which no call is open, except that a POS takes in
        //# every [ConfirmResult](#confirmresult).
        if matches!(message.body, Some(Body::ConfirmResult(_))) {
            //= spec-crate/spec/messages.md#call-numbers
            //# A sender MUST take the first answer with its number as the end of a call.
            self.reports.answered(message.reply_to);
            self.work.push_back(Work::Request { generation, message });
        }
    }

    /// Whether a message counts that waited: a request in its session alone.
    fn is_wanted(&self, generation: u64, message: &wire::Message) -> bool {
        //= spec-crate/spec/messages.md#confirmresult
        //# A POS MUST take in a ConfirmResult that opened before its session ended, also if it comes to handle
        //# it only after that end.
        message.reply_to != 0 || self.generation() == Some(generation)
    }

    /// Loads what a request needs, or answers it at once.
    pub(super) fn prepare(&mut self, generation: u64, message: wire::Message, clock: Clock) {
        if !self.is_wanted(generation, &message) {
            return;
        }
        let query = match &message.body {
            Some(Body::ListOrders(list)) => {
                Some(Query::After { seq: self.list_from(list), limit: limits::LIST_ITEMS_MAX })
            }
            Some(Body::GetTotals(totals)) => Some(Query::Day(totals.business_day)),
            //= spec-crate/spec/messages.md#contents-of-fields
            //# A receiver MUST treat a content that is not as it should be as this table says, and never end
            //# the session because of it.
            Some(Body::Sync(sync)) => Anchor::decode(&sync.journal_seen).map(Query::Anchor),
            Some(body) => order_of(body)
                .filter(|order_no| !self.flow.knows(order_no))
                .map(|order_no| Query::Rows(alloc::vec![RowKey::new(Table::Order, order_no.as_str())])),
            None => None,
        };
        match query {
            Some(query) => self.load(query, Work::Request { generation, message }),
            None => self.answer(generation, &message, None, clock),
        }
    }

    /// Answers a request, once what it needs is here.
    pub(super) fn answer(
        &mut self,
        generation: u64,
        message: &wire::Message,
        found: Option<(Query, Found)>,
        clock: Clock,
    ) {
        if !self.is_wanted(generation, message) {
            return;
        }
        let mut effects = Effects::default();
        if let Some((Query::Rows(_), found)) = &found {
            for row in found.rows.iter().filter(|row| row.version != 0) {
                self.flow.load(row, false, clock);
            }
        }
        let body = self.body_of(message, found.map(|(_, found)| found), clock, &mut effects);
        let reply = body.map(|body| Reply {
            generation,
            //= spec-crate/spec/messages.md#message
            //# A sender MUST set `call` alone in a request, `reply_to` alone in an answer, and neither in a
            //# notice.
            //= spec-crate/spec/messages.md#message
            //# A sender MUST put exactly one body into a Message.
            //= spec-crate/spec/messages.md#call-numbers
            //# A receiver MUST send an answer with the `call` of its request as `reply_to`.
            message: wire::Message { call: 0, reply_to: message.call, body: Some(body) },
        });
        self.carry_out(effects, reply, clock);
    }

    fn body_of(
        &mut self,
        message: &wire::Message,
        found: Option<Found>,
        clock: Clock,
        effects: &mut Effects,
    ) -> Option<Body> {
        Some(match message.body.as_ref() {
            Some(Body::Sync(sync)) => self.sync(sync, found, clock, effects),
            Some(Body::SubmitOrder(submit)) => self.submit(submit, clock, effects)?,
            Some(Body::QueryOrder(query)) => self.flow.query(query, clock),
            Some(Body::CancelOrder(cancel)) => self.flow.cancel(cancel, clock, effects),
            Some(Body::LookUp(look)) => self.flow.look_up(look, clock, effects),
            Some(Body::ListOrders(_)) => self.order_list(&found?),
            Some(Body::GetTotals(_)) => self.totals(&found?.rows),
            Some(Body::Ping(ping)) => self.pong(ping, clock, effects),
            Some(Body::ConfirmResult(confirm)) if message.reply_to != 0 => {
                self.flow.confirmed(confirm, effects);
                effects.writes.extend(self.see_ledger(&confirm.ledger));
                return None;
            }
            //= spec-crate/spec/conformance.md#growing
            //# An implementation MUST go on with a peer that sends unknown message bodies, unknown fields of
            //# ordinary messages, unknown handshake extensions, and unknown statuses, as
            //# [encoding.md](encoding.md) and [orders.md](orders.md) say.
            _ => Body::Unsupported(wire::Unsupported {}),
        })
    }

    fn submit(&mut self, submit: &wire::SubmitOrder, clock: Clock, effects: &mut Effects) -> Option<Body> {
        let up = self.up.as_ref()?;
        let peer = up.established.peer_id.clone();
        let zero = up.established.zero;
        let terminal = TerminalId::try_from(peer.as_str()).ok()?;
        let peer_active =
            matches!(self.terminals.accepts_new_orders(&terminal, clock.unix), Admission::Accepted(_));
        let current: Vec<u32> = self.peering.agreements().iter().map(|agreement| agreement.no).collect();
        let asking = Asking { peer: &peer, peer_active, zero, current: &current, storage: self.storage };
        Some(self.flow.submit(submit, &asking, clock, effects))
    }

    fn sync(&mut self, sync: &wire::Sync, found: Option<Found>, clock: Clock, effects: &mut Effects) -> Body {
        //= spec-crate/spec/orders.md#sync
        //# A POS MUST look for the anchor that a Sync shows in its journal by the rule of
        //# [books.md](books.md), where an absent anchor and one that belongs to a declared step back count as
        //# contained.
        //= spec-crate/spec/books.md#anchors
        //# A book MUST decide by the first of these that applies whether it contains an anchor: an absent
        //# anchor is contained; an anchor of a book id that none of its BookStart rows began is missing; an
        //# anchor of an id that a later BookStart replaced, above the record before that BookStart, is
        //# declared; an anchor whose record is there with a head that begins with the anchor's 8 bytes is
        //# contained; and every other one is missing.
        let missing = found.is_some_and(|found| found.containment == Containment::Missing);
        //= spec-crate/spec/orders.md#sync
        //# A POS MUST answer Sync with the anchor of the latest durable record of its journal and with the
        //# latest anchor of the site's ledger, both as they were before this Sync.
        let ledger_seen = self.ledger_seen.clone();
        self.flow.synced(!missing, clock, effects);
        effects.writes.extend(self.see_ledger(&sync.ledger));
        let journal = self.anchor.as_ref().map_or_else(Vec::new, Anchor::encode);
        Body::SyncReply(wire::SyncReply { journal, ledger_seen })
    }

    fn pong(&mut self, ping: &wire::Ping, clock: Clock, effects: &mut Effects) -> Body {
        effects.writes.extend(self.see_ledger(&ping.ledger));
        let verified =
            |channel| self.flow.context.verified.iter().any(|merchant| merchant.channel == channel);
        //= spec-crate/spec/orders.md#what-his-asks-in-a-session
        //# A POS MUST answer Ping with the anchor of its journal and its health, where each channel counts as
        //# verified if one of its merchants is, `storage_low` says that new orders are refused, and
        //# `clock_missing` that it has no calendar clock.
        let health = wire::Health {
            wechat_verified: verified(crate::platform::Channel::Wechat),
            alipay_verified: verified(crate::platform::Channel::Alipay),
            storage_low: !self.storage,
            clock_missing: clock.unix.is_none(),
        };
        let journal = self.anchor.as_ref().map_or_else(Vec::new, Anchor::encode);
        Body::Pong(wire::Pong { journal, health: Some(health) })
    }

    /// From which record a list goes on: an unknown book begins again.
    fn list_from(&self, list: &wire::ListOrders) -> u64 {
        let own = self.anchor.as_ref().map(|anchor| anchor.book.as_bytes().to_vec());
        //= spec-crate/spec/orders.md#orphans
        //# A POS MUST begin at its first record if the `book` of a ListOrders is not its present book.
        if own.is_some_and(|own| own == list.book) { list.seq } else { 0 }
    }

    fn totals(&self, rows: &[Row]) -> Body {
        let totals = totals::of_day(&self.flow.context.device_id, rows);
        let rows = totals.rows.iter().map(TotalsRow::wire).collect();
        Body::Totals(wire::Totals { rows, open: totals.open, digest: totals.digest })
    }

    /// Whole items, as many as fit into one record.
    fn order_list(&self, found: &Found) -> Body {
        //= spec-crate/spec/messages.md#orderlist
        //# A POS MUST set `book` of OrderList to the id of its present book.
        let book = found.anchor.book.as_bytes().to_vec();
        let mut list = wire::OrderList { book, items: Vec::new(), more: found.more };
        for row in &found.rows {
            let Ok(order) = wire::PosOrder::decode(row.bytes.as_slice()) else { continue };
            let stage = if order.state() == PosState::Ended { 0 } else { stage_of(order.state()) };
            //= spec-crate/spec/orders.md#orphans
            //# A POS MUST put into each item the sequence number of the order's latest record, the core, and
            //# the latest result with its signature and disposition or the stage.
            list.items.push(wire::OrderItem {
                seq: row.version,
                core: order.core,
                result: order.result,
                signature: order.signature,
                disposition: order.answered,
                stage,
            });
            let fits =
                wire::Message { call: 0, reply_to: u32::MAX, body: Some(Body::OrderList(list.clone())) };
            //= spec-crate/spec/orders.md#orphans
            //# A POS MUST answer ListOrders with the orders whose latest record is above `seq`, in the order
            //# of that record, at most 8 and as many whole ones as fit into one plaintext of 1,024 bytes, at
            //# least one if there is any, and `more` if there are others.
            if fits.encoded_len() > limits::PLAINTEXT_BYTES_MAX && list.items.len() > 1 {
                list.items.pop();
                list.more = true;
                break;
            }
        }
        Body::OrderList(list)
    }
}

fn stage_of(state: PosState) -> i32 {
    i32::from(match state {
        PosState::WaitCode => wire::Stage::WaitCode,
        PosState::Paying => wire::Stage::Paying,
        PosState::Reversing => wire::Stage::Reversing,
        PosState::Refunding => wire::Stage::Refunding,
        PosState::Asking => wire::Stage::Asking,
        PosState::Ended | PosState::Unspecified => wire::Stage::Unspecified,
    })
}

/// The order that a request is about.
fn order_of(body: &Body) -> Option<OrderNo> {
    let of_core = |bytes: &[u8]| OrderCore::decode(bytes.to_vec()).ok().map(|core| core.order_no().clone());
    match body {
        Body::SubmitOrder(submit) => of_core(&submit.core),
        Body::CancelOrder(cancel) => of_core(&cancel.core),
        Body::LookUp(look) => of_core(&look.core),
        Body::QueryOrder(query) => OrderNo::try_from(query.order_no.as_str()).ok(),
        Body::ConfirmResult(confirm) => OrderNo::try_from(confirm.order_no.as_str()).ok(),
        _ => None,
    }
}
