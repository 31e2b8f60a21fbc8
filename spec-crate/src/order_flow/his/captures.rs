//! Captures: one row per captured platform number, with the refunds that give it back.
//!
//! A second row finds a capture again by the platform's own payment number, so that one payment cannot end two orders.

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message as _;

use super::{Changes, Held, HisContext, Rows};
use crate::book::{Index, Row, RowKey, Table};
use crate::ids::{OrderNo, platform_number};
use crate::message::agreement::Agreement;
use crate::message::result::{Outcome, ResultCore};
use crate::platform::Channel;
use crate::wire::{CaptureRow, HisOrder, Reservation};

/// One capture row, with its key and version.
pub(crate) struct Capture {
    pub(crate) key: RowKey,
    pub(crate) row: CaptureRow,
    pub(super) version: u64,
}

/// The row of a capture by its platform number; `None` if the order's agreement is not held.
pub(crate) fn key_of(
    agreements: &[Agreement],
    agreement_no: u32,
    order_no: &OrderNo,
    channel: Channel,
) -> Option<RowKey> {
    let named = agreements.iter().find(|agreement| agreement.terms().agreement_no == agreement_no);
    //= spec-crate/spec/orders.md#order-numbers
    //# A POS and a HIS MUST form the platform number of an order as in the diagram above, with the site code
    //# of the agreement that the order's core names.
    let number = platform_number(&named?.terms().site_code, order_no, channel.purpose());
    //= spec-crate/spec/books.md#rows-of-the-ledger
    //# A HIS MUST keep a capture under its platform number, or, if that holds another payment, under that
    //# number, a hyphen and the payment number, and the row that finds it by payment number under `wechat/`
    //# or `alipay/` followed by the payment number, with only `order_no` set.
    Some(RowKey::new(Table::Capture, number.as_str()))
}

/// The capture that a refund gives back.
pub(crate) fn original(agreements: &[Agreement], refund: &Held, rows: &Rows) -> Option<Capture> {
    key_of_original(agreements, refund).map(|key| Capture::read(rows, key))
}

fn key_of_original(agreements: &[Agreement], refund: &Held) -> Option<RowKey> {
    let of = refund.core.as_ref()?.refund_of()?;
    //= spec-crate/spec/orders.md#order-numbers
    //# A POS and a HIS MUST form the platform number of a refund's original with the site code of the
    //# agreement that `refund_of.agreement_no` names, the letter `W` or `A` of `refund_of.channel`, and
    //# `refund_of.order_no`.
    key_of(agreements, of.agreement_no, &of.order_no, of.channel)
}

/// The row that finds a capture by the platform's own payment number.
pub(crate) fn payment_key(channel: Channel, payment_no: &str) -> RowKey {
    //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
    //# A HIS MUST keep with each capture row a row that finds the order by channel and payment number,
    //# written in the same transaction.
    //= spec-crate/spec/books.md#rows-of-the-ledger
    //# A HIS MUST keep a capture under its platform number, or, if that holds another payment, under that
    //# number, a hyphen and the payment number, and the row that finds it by payment number under `wechat/`
    //# or `alipay/` followed by the payment number, with only `order_no` set.
    RowKey::new(Table::Capture, &alloc::format!("{}/{payment_no}", channel.name()))
}

/// The row of a payment of an order's channel whose number's own row holds another: it was taken under another number.
pub(crate) fn beside(number: &RowKey, payment_no: &str) -> RowKey {
    RowKey::new(Table::Capture, &alloc::format!("{}-{payment_no}", number.key))
}

/// The rows that the captures of results touch: an order's own two numbers, a refund's original, and payment numbers;
/// and where a number's row, if there are rows, holds another payment, that beside it.
pub(crate) fn keys_of(
    agreements: &[Agreement],
    held: &Held,
    results: &[ResultCore],
    rows: Option<&Rows>,
) -> Vec<RowKey> {
    let Some(core) = held.core.as_ref() else { return Vec::new() };
    if let Some(of) = core.refund_of() {
        let finder = held.row.orphan.then(|| payment_key(of.channel, &of.payment_no));
        let original = key_of_original(agreements, held);
        return original.into_iter().chain(held.original_key()).chain(finder).collect();
    }
    let own = |channel| key_of(agreements, core.agreement_no(), core.order_no(), channel);
    let mut keys: Vec<RowKey> = Channel::ALL.into_iter().filter_map(own).collect();
    let all: Vec<_> = results.iter().flat_map(told).collect();
    for (channel, payment_no, ..) in &all {
        let twice = all.iter().any(|(of, other, ..)| of == channel && other != payment_no);
        let taken = |number: &RowKey| {
            let held = rows.map(|rows| Capture::read(rows, number.clone()));
            twice || held.is_none_or(|held| held.known() && held.row.payment_no != *payment_no)
        };
        keys.extend(own(*channel).filter(taken).map(|number| beside(&number, payment_no)));
        keys.push(payment_key(*channel, payment_no));
    }
    keys
}

/// The captures that a result tells of: channel, payment number, fen, platform time.
pub(crate) fn told(result: &ResultCore) -> Vec<(Channel, String, u64, u64)> {
    //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
    //# A HIS MUST open capture rows for a `paid` result from its channel, payment number and amount, and for
    //# an `attention` result from each entry of `found`.
    if result.get().outcome == Outcome::Paid {
        let paid = result.get().channel.zip(result.get().payment_no.clone());
        let at = result.get().captured_at.map_or(0, |at| at.0);
        return paid
            .map(|(channel, no)| (channel, no, result.get().amount.magnitude(), at))
            .into_iter()
            .collect();
    }
    //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
    //# A HIS MUST open capture rows for a `paid` result from its channel, payment number and amount, and for
    //# an `attention` result from each entry of `found`.
    let found = result.get().found.iter();
    found
        .map(|found| {
            let at = found.capture.captured_at.map_or(0, |at| at.0);
            (found.channel, found.capture.payment_no.clone(), found.capture.amount, at)
        })
        .collect()
}

impl Capture {
    /// A row that is at hand.
    pub(crate) fn of(row: &Row) -> Self {
        let stored = CaptureRow::decode(row.bytes.as_slice()).unwrap_or_default();
        Self { key: row.key.clone(), row: stored, version: row.version }
    }

    pub(crate) fn read(rows: &Rows, key: RowKey) -> Self {
        let (row, version) = rows.read::<CaptureRow>(&key);
        Self { key, row, version }
    }

    pub(crate) fn known(&self) -> bool {
        self.version != 0
    }

    /// The row as it is, or as this step has written it; `None` if there is none.
    fn opened(&self, changes: &Changes) -> Option<CaptureRow> {
        let written = changes.batch.write.iter().find(|write| write.key == self.key);
        let row = || self.known().then(|| self.row.clone());
        written.map_or_else(row, |write| CaptureRow::decode(write.bytes.as_slice()).ok())
    }

    /// Fen that refunds under way may still give back.
    pub(super) fn reserved(&self) -> u64 {
        self.row.reservations.iter().fold(0, |sum, reservation| reservation.amount.saturating_add(sum))
    }

    /// A refund still holds some of it back.
    pub(crate) fn reserves(&self, order_no: &OrderNo) -> bool {
        self.row.reservations.iter().any(|held_back| held_back.order_no == order_no.as_str())
    }

    pub(super) fn reserve(&mut self, reservation: Reservation, now: u64) {
        self.row.refund_made_at = now;
        self.row.reservations.push(reservation);
    }

    /// A refund ended: what it gave back is booked, and its reservation goes unless it may still happen.
    pub(crate) fn settle(&mut self, order_no: &str, given_back: Option<u64>, release: bool) {
        //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
        //# A HIS MUST book a refund that ended as `refunded` by adding its amount to what was given back,
        //# counting it, marking the capture returned if all was given back, and removing its reservation.
        if let Some(amount) = given_back {
            self.row.refunded = self.row.refunded.saturating_add(amount);
            self.row.refunds = self.row.refunds.saturating_add(1);
            //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
            //# A HIS MUST mark a capture as returned only by booked refunds that reach its amount, or by a
            //# decision of two people.
            self.row.returned = self.row.refunded >= self.row.amount;
        }
        if release {
            self.row.reservations.retain(|reservation| reservation.order_no != order_no);
        }
    }

    /// Stores a new row, and that which finds it by its payment number; `false` if that is another order's.
    fn open(&self, finder: RowKey, rows: &Rows, changes: &mut Changes) -> bool {
        let finder = Self::read(rows, finder);
        //= spec-crate/spec/orders.md#accepting-a-result
        //# A HIS MUST open no capture row by a payment number that belongs to another order, and open the
        //# rows of the other captures that the same result tells of.
        if finder.known() && finder.row.order_no != self.row.order_no {
            changes.looked(&finder.key, finder.version);
            return false;
        }
        self.store(changes);
        if !finder.known() {
            //= spec-crate/spec/books.md#rows-of-the-ledger
            //# A HIS MUST keep a capture under its platform number, or, if that holds another payment, under
            //# that number, a hyphen and the payment number, and the row that finds it by payment number
            //# under `wechat/` or `alipay/` followed by the payment number, with only `order_no` set.
            let row = CaptureRow { order_no: self.row.order_no.clone(), ..CaptureRow::default() };
            changes.write(&finder.key, 0, &row, Index::default());
        }
        true
    }

    pub(crate) fn store(&self, changes: &mut Changes) {
        let index = Index { bill: self.row.bill.clone(), ..Index::default() };
        changes.write(&self.key, self.version, &self.row, index);
    }
}

/// Opens the rows of the captures that a result tells of; `true` if one of them was not known before.
///
/// A payment that another order has gets no second row: it would be given back twice.
pub(super) fn open_told(
    context: &HisContext,
    rows: &Rows,
    held: &Held,
    result: &ResultCore,
    changes: &mut Changes,
) -> bool {
    let Some(core) = held.core.as_ref().filter(|core| core.refund_of().is_none()) else { return false };
    let mut new = false;
    for (channel, payment_no, amount, captured_at) in told(result) {
        let Some(key) = key_of(&context.agreements, core.agreement_no(), core.order_no(), channel) else {
            continue;
        };
        let mut capture = Capture::read(rows, key);
        if capture.opened(changes).is_some_and(|row| row.payment_no != payment_no) {
            changes.looked(&capture.key, capture.version);
            capture = Capture::read(rows, beside(&capture.key, &payment_no));
        }
        if capture.opened(changes).is_some() {
            changes.looked(&capture.key, capture.version);
            continue;
        }
        new = true;
        //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
        //# A HIS MUST keep one row for each captured platform number with the order, the bill, the channel,
        //# the payment number, the amount, what was given back, what is reserved, and whether it is returned.
        capture.row = CaptureRow {
            order_no: core.order_no().as_str().into(),
            bill: held.row.bill.clone(),
            channel: channel.code(),
            payment_no: payment_no.clone(),
            amount,
            agreement_no: core.agreement_no(),
            captured_at,
            ..CaptureRow::default()
        };
        capture.open(payment_key(channel, &payment_no), rows, changes);
    }
    new
}

/// Until an orphan refund is adopted and has ended, its amount is reserved in the row of its original, which comes from
/// what its own core says of it where no other order has told of it yet. `None` if there is no such row.
pub(crate) fn reserve_orphan(
    agreements: &[Agreement],
    held: &Held,
    rows: &Rows,
    changes: &mut Changes,
) -> Option<Capture> {
    let core = held.core.as_ref()?;
    let of = core.refund_of()?;
    let mut original = original(agreements, held, rows)?;
    let new = !original.known();
    if new {
        original.row = CaptureRow {
            order_no: of.order_no.as_str().into(),
            bill: held.original_key().map(|key| rows.read::<HisOrder>(&key).0.bill).unwrap_or_default(),
            channel: of.channel.code(),
            payment_no: of.payment_no.clone(),
            amount: of.amount,
            agreement_no: of.agreement_no,
            ..CaptureRow::default()
        };
    }
    //= spec-crate/spec/orders.md#orphans
    //# A HIS MUST reserve the amount of an orphan refund in the capture row of its original, opened from
    //# `refund_of` if there is none, but for ORD-195, unless its latest result says `not_refunded`.
    if !original.reserves(&held.order_no) {
        original.row.reservations.push(Reservation {
            order_no: held.order_no.as_str().into(),
            amount: core.amount().magnitude(),
            item: held.row.item.clone(),
        });
        if new && !original.open(payment_key(of.channel, &of.payment_no), rows, changes) {
            return None;
        }
        original.store(changes);
    }
    Some(original)
}
