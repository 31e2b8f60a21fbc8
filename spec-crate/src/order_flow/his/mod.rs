//! The hospital's half of the order's life: one ledger, many links, one lock per bill.
//!
//! Everything here is a function of rows: it is given what the ledger holds and says what the ledger shall hold, and
//! what is told once that is durable. A step that lacks a row asks for it and is run again; a step whose rows were
//! changed by another link is refused by the store and run again.
//!
//! Reading order: `making` (orders are made under the bill's lock), `accepting` (results end them), `orphans` (what
//! only a POS knows), `view` (what programs read).

pub(crate) mod accepting;
pub(crate) mod captures;
pub(crate) mod conflict;
#[cfg(test)]
mod ledger_tests;
pub(crate) mod making;
pub(crate) mod orphans;
mod refusal;
mod room;
#[cfg(test)]
mod tests;
pub(crate) mod unposted;
pub(crate) mod view;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use prost::Message;

use crate::book::{Batch, Containment, Found, Index, Query, Row, RowKey, Table, Write};
use crate::catalogue::Status;
use crate::crypto::Secret;
use crate::ids::{DeviceId, OrderNo, SiteId, TerminalId};
use crate::message::agreement::{Agreement, Timers};
use crate::message::manifest::{Device, Manifest};
use crate::message::order::OrderCore;
use crate::message::result::{Outcome, ResultCore};
use crate::time::{Clock, Instant};
use crate::wire::{self, HisState, Posting};

pub use self::making::{NewCollect, NewRefund};
pub use self::refusal::OrderRefusal;
pub use self::view::{BillView, CaptureView, OrderView};

/// When an end that rests on absence is looked up again, in seconds after it.
const LOOK_AGAIN: [u64; 3] = [600, 3_600, 86_400];

/// Attention is looked up daily for this many days.
const ATTENTION_DAYS: u32 = 30;

/// What every order of a HIS link needs to know.
pub(crate) struct HisContext {
    pub(crate) terminal_id: TerminalId,
    pub(crate) site_id: SiteId,
    pub(crate) site_secret: Secret<32>,
    pub(crate) device_id: DeviceId,
    /// All ever held, newest first.
    pub(crate) agreements: Vec<Agreement>,
    pub(crate) devices: Manifest<Device>,
    /// When this program run began.
    pub(crate) started: Instant,
}

impl HisContext {
    pub(crate) fn agreement(&self, no: u32) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| agreement.terms().agreement_no == no)
    }

    /// T_QUIET, the largest of all agreements held, in milliseconds.
    pub(crate) fn quiet(&self) -> u64 {
        self.agreements.iter().map(|agreement| agreement.terms().timers.quiet).max().unwrap_or_default()
    }

    /// The longest lease of all agreements held, in milliseconds.
    pub(crate) fn full_lease(&self) -> u64 {
        full_lease(&self.agreements)
    }
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//# A HIS MUST, at each start of its program and before any link runs, set every order that has not ended to
//# Asking, with a lease end of now + FULL_LEASE, and never submit it again.
/// FULL_LEASE: T_START + T_ACT + T_DRIFT, the largest of all agreements held, in milliseconds.
pub(crate) fn full_lease(agreements: &[Agreement]) -> u64 {
    let lease = |timers: Timers| timers.start.saturating_add(timers.act).saturating_add(timers.drift);
    agreements
        .iter()
        .map(|agreement| lease(agreement.terms().timers))
        .max()
        .unwrap_or_else(|| lease(Timers::USUAL))
}

/// What became of an order, told once it is durable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HisOrderEvent {
    /// An order was made, and is sent.
    Made {
        /// The caller's own mark.
        ticket: u64,
        /// The new order.
        order: OrderView,
    },
    /// No order was made.
    Refused {
        /// The caller's own mark.
        ticket: u64,
        /// Why.
        why: OrderRefusal,
    },
    /// An order ended.
    Ended(OrderView),
    /// An order changed without ending: cancelling, asking, new evidence.
    Changed(OrderView),
    /// People have to know.
    Alarm(HisAlarm),
}

/// What people have to know at a HIS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HisAlarm {
    /// A result did not verify: a wrong key, a wrong signer, or an altered text.
    NotAuthentic,
    /// A result tells of an order that no bill knows.
    Orphan {
        /// Its number.
        order_no: OrderNo,
    },
    /// A result contradicts how the order ended, or tells of money that was not known.
    Contradiction {
        /// The order.
        order_no: OrderNo,
    },
    /// A POS refused an order that this HIS checked before it sent it.
    Refused {
        /// The order.
        order_no: OrderNo,
        /// The code.
        code: u32,
    },
    /// A POS holds another order of the same number; it has taken the place of ours.
    Conflict {
        /// The order.
        order_no: OrderNo,
    },
    /// The ledger is an older copy: a POS has seen records that it does not hold.
    LedgerWentBack,
}

/// Rows that a step has been given.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: BTreeMap<RowKey, Row>,
    bills: BTreeMap<String, Vec<RowKey>>,
    days: BTreeMap<u32, Vec<RowKey>>,
    containment: Option<Containment>,
}

/// What a step comes to: what is to be stored, or what has to be found before the step is run again.
pub(crate) type Step = Result<Changes, Query>;

/// What is to be stored, and what is told once it is durable.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) batch: Batch,
    pub(crate) events: Vec<HisOrderEvent>,
    /// What HIS did with a result, to be confirmed.
    pub(crate) disposition: Option<wire::Disposition>,
}

impl Rows {
    /// Rows that a caller has read itself.
    pub(crate) fn of(rows: &[Row]) -> Self {
        let rows = rows.iter().map(|row| (row.key.clone(), row.clone())).collect();
        Self { rows, ..Self::default() }
    }

    /// Takes the answer to a query over.
    pub(crate) fn take(&mut self, query: &Query, found: Found) {
        match query {
            Query::Bill(bill) => {
                self.bills.insert(bill.clone(), found.rows.iter().map(|row| row.key.clone()).collect());
                // A bill that was never written is a row, too: nobody else may have made it meanwhile.
                let key = RowKey::new(Table::Bill, bill);
                self.rows.insert(key.clone(), Row { key, version: 0, bytes: Vec::new() });
            }
            Query::Day(day) => {
                self.days.insert(*day, found.rows.iter().map(|row| row.key.clone()).collect());
            }
            Query::Anchor(_) => self.containment = Some(found.containment),
            _ => {}
        }
        self.rows.extend(found.rows.into_iter().map(|row| (row.key.clone(), row)));
    }

    /// The order rows among them.
    pub(crate) fn orders(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| row.key.table == Table::Order && row.version != 0)
    }

    /// Whether the ledger contains the anchor that was asked about.
    pub(crate) fn containment(&self) -> Option<Containment> {
        self.containment
    }

    /// A row that is here, also one that was never written.
    pub(crate) fn get(&self, key: &RowKey) -> Option<&Row> {
        self.rows.get(key)
    }

    /// All of these rows, or the query that brings them.
    pub(crate) fn all(&self, keys: &[RowKey]) -> Result<(), Query> {
        if keys.iter().all(|key| self.rows.contains_key(key)) {
            return Ok(());
        }
        Err(Query::Rows(keys.to_vec()))
    }

    /// Every row of a bill, the bill's own first, or the query that brings them.
    pub(crate) fn bill(&self, bill: &str) -> Result<Vec<&Row>, Query> {
        let keys = self.bills.get(bill).ok_or_else(|| Query::Bill(bill.into()))?;
        Ok(keys.iter().filter_map(|key| self.rows.get(key)).collect())
    }

    /// Every order row of a business day, or the query that brings them.
    pub(crate) fn day(&self, day: u32) -> Result<Vec<&Row>, Query> {
        let keys = self.days.get(&day).ok_or(Query::Day(day))?;
        Ok(keys.iter().filter_map(|key| self.rows.get(key)).collect())
    }

    /// A row decoded, with its version; the default if it was never written.
    pub(crate) fn read<M: Message + Default>(&self, key: &RowKey) -> (M, u64) {
        let row = self.rows.get(key);
        let decoded = row.and_then(|row| M::decode(row.bytes.as_slice()).ok());
        (decoded.unwrap_or_default(), row.map_or(0, |row| row.version))
    }
}

impl Changes {
    /// A row was looked at in this version.
    pub(crate) fn looked(&mut self, key: &RowKey, version: u64) {
        if !self.batch.read.iter().any(|(looked, _)| looked == key) {
            //= spec-crate/spec/orders.md#the-ledger-and-the-bill-lock
            //# A HIS MUST make all orders of a site in one ledger whose transactions are refused if a row
            //# that they read has changed.
            self.batch.read.push((key.clone(), version));
        }
    }

    /// A row is to be written over this version.
    pub(crate) fn write(&mut self, key: &RowKey, version: u64, row: &impl Message, index: Index) {
        self.looked(key, version);
        self.batch.write.retain(|write| write.key != *key);
        //= spec-crate/spec/books.md#rows-and-versions
        //# A book MUST hold as rows of the tables 1 to 6 and 8 the ordinary protobuf serialisation of
        //# BookStart, of PosOrder in a journal and HisOrder in a ledger, of BillRow, CaptureRow, PeerRow,
        //# SiteRow and DayRow, in this order of the tables.
        self.batch.write.push(Write { key: key.clone(), bytes: row.encode_to_vec(), index });
    }
}

/// An order's row as it stands in the ledger.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) order_no: OrderNo,
    pub(crate) core: Option<OrderCore>,
    pub(crate) row: wire::HisOrder,
    pub(crate) version: u64,
}

impl Held {
    /// Reads a row; `None` if it was never written or is no order.
    pub(crate) fn read(row: &Row) -> Option<Self> {
        if row.version == 0 || row.key.table != Table::Order {
            return None;
        }
        let order_no = OrderNo::try_from(row.key.key.as_str()).ok()?;
        let stored = wire::HisOrder::decode(row.bytes.as_slice()).ok()?;
        let core = OrderCore::decode(stored.core.clone()).ok();
        Some(Self { order_no, core, row: stored, version: row.version })
    }

    pub(crate) fn key(&self) -> RowKey {
        RowKey::new(Table::Order, self.order_no.as_str())
    }

    /// For a refund: the row of its original.
    pub(crate) fn original_key(&self) -> Option<RowKey> {
        let of = self.core.as_ref()?.refund_of()?;
        Some(RowKey::new(Table::Order, of.order_no.as_str()))
    }

    pub(crate) fn state(&self) -> HisState {
        self.row.state()
    }

    /// It has ended: by a signed result, or by a decision of two people.
    pub(crate) fn ended(&self) -> bool {
        !matches!(
            self.state(),
            HisState::Unspecified | HisState::Sent | HisState::Cancelling | HisState::Asking
        )
    }

    /// Ended without any money of the bill having moved.
    pub(crate) fn frees_its_bill(&self) -> bool {
        matches!(self.state(), HisState::NotPaid)
    }

    pub(crate) fn result(&self) -> Option<ResultCore> {
        ResultCore::decode(self.row.result.clone()).ok()
    }

    /// When it has to be looked up again: Unix seconds.
    pub(crate) fn look_again_at(&self) -> Option<u64> {
        let nth = self.row.looked_again;
        match self.state() {
            //= spec-crate/spec/orders.md#asking-again
            //# A HIS MUST send LookUp with `fresh` about an order in Attention that is no orphan once a day
            //# for 30 days after its end.
            HisState::Attention if nth < ATTENTION_DAYS => Some(
                self.row.ended_at.saturating_add(86_400_u64.saturating_mul(u64::from(nth).saturating_add(1))),
            ),
            //= spec-crate/spec/orders.md#asking-again
            //# A HIS MUST send LookUp with `fresh` about an order in NotPaid or NotRefunded whose status
            //# rests on absence when 600, 3,600 and 86,400 seconds have passed since its end, each once.
            HisState::NotPaid | HisState::NotRefunded => {
                let status = self.result().map_or(0, |result| result.get().status);
                let rests = Status::from_code(status).is_some_and(Status::rests_on_absence);
                let wait = LOOK_AGAIN.get(usize::try_from(nth).unwrap_or(usize::MAX)).filter(|_| rests)?;
                Some(self.row.ended_at.saturating_add(*wait))
            }
            _ => None,
        }
    }

    fn index(&self) -> Index {
        let unposted = self.row.posting() == Posting::Unposted;
        Index {
            open: !self.ended() || unposted || self.look_again_at().is_some(),
            device: self.core.as_ref().map_or_else(String::new, |core| core.device_id().as_str().into()),
            //= spec-crate/spec/orders.md#the-ledger-and-the-bill-lock
            //# A HIS MUST keep for each bill all its orders and captures, so that one transaction can read
            //# all of them.
            bill: self.row.bill.clone(),
            day: self.core.as_ref().map_or(0, OrderCore::business_day),
        }
    }

    /// Writes the row as it is now.
    pub(crate) fn store(&self, changes: &mut Changes) {
        changes.write(&self.key(), self.version, &self.row, self.index());
    }

    /// Leaves the states in which the order may be sent or cancelled: from now on it is only asked about.
    pub(crate) fn ask(&mut self, leased_until: Instant, changes: &mut Changes) {
        self.row.set_state(HisState::Asking);
        self.row.leased_until = self.row.leased_until.max(leased_until.0);
        self.store(changes);
        changes.events.push(HisOrderEvent::Changed(OrderView::of(self)));
    }

    /// No CancelOrder without this: SubmitOrder is not repeated any more.
    pub(crate) fn start_cancelling(&mut self, changes: &mut Changes) {
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST store that an order is Cancelling, and repeat its SubmitOrder no more, before it sends
        //# the first CancelOrder.
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST wait for the result of an order that was cancelled, whatever it says, and never end the
        //# order because of the cancel.
        self.row.set_state(HisState::Cancelling);
        self.store(changes);
        changes.events.push(HisOrderEvent::Changed(OrderView::of(self)));
    }
}

/// The state that an outcome puts an order into.
pub(crate) const fn state_of(outcome: Outcome) -> HisState {
    match outcome {
        Outcome::Paid => HisState::Paid,
        Outcome::NotPaid => HisState::NotPaid,
        Outcome::Refunded => HisState::Refunded,
        Outcome::NotRefunded => HisState::NotRefunded,
        Outcome::Attention => HisState::Attention,
    }
}

/// What a start of HIS does to every row that has not ended: it is asked about, never submitted.
pub(crate) fn start(rows: &[Row], clock: Clock, full_lease: u64) -> Batch {
    let mut changes = Changes::default();
    for mut held in rows.iter().filter_map(Held::read).filter(|held| !held.ended()) {
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST, at each start of its program and before any link runs, set every order that has not
        //# ended to Asking, with a lease end of now + FULL_LEASE, and never submit it again.
        // Instants of an earlier run, or of an earlier boot, say nothing here.
        //= spec-crate/spec/books.md#rows-of-the-ledger
        //# A HIS MUST set `start_by` and `leased_until` of an order as instants of its present run, and to
        //# new values at each start, because those of an earlier run say nothing.
        held.row.leased_until = 0;
        held.row.start_by = 0;
        held.ask(clock.now.after(full_lease), &mut changes);
    }
    changes.batch
}
