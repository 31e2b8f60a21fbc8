//! What a business day came to: the sums of what was RECORDED, captures beyond it, open orders, and a digest of all ends.
//!
//! Both sides count in the same way, each over its own book, so that equal books give equal totals. A result counts at
//! its signer. Specified in spec: order life, "totals".

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::crypto::hash::sha256;
use crate::message::result::{Outcome, ResultCore};
use crate::platform::Channel;
use crate::wire;

/// One row of totals: channel code, kind code, count, fen, and whether it is beyond what was recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TotalsRow {
    /// 1 WeChat Pay, 2 Alipay.
    pub channel: i32,
    /// 1 collected, 2 given back.
    pub kind: i32,
    /// How many orders; in a row beyond what was recorded, how many captures or refunds.
    pub count: u32,
    /// Fen, signed.
    pub amount: i64,
    /// Captures beyond what was recorded.
    pub beyond: bool,
}

/// What a business day came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// By channel and direction; what was recorded, then what is beyond it.
    pub rows: Vec<TotalsRow>,
    /// Orders that are open.
    pub open: u32,
    /// SHA-256 over the sorted ends.
    pub digest: Vec<u8>,
}

/// Counts one day.
#[derive(Default)]
pub(crate) struct Count {
    sums: BTreeMap<(bool, i32, i32), (u32, i64)>,
    open: u32,
    ends: BTreeMap<String, Vec<u8>>,
}

/// Money that a result tells of. Two results that tell of the same money say so alike.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Moved {
    channel: i32,
    kind: i32,
    /// The platform's own number; for money given back, the refund's order number.
    number: String,
    fen: i64,
}

impl Moved {
    /// The money that a result tells of: none, what it ended with, or the captures that it found.
    pub(crate) fn told(result: &ResultCore) -> Vec<Self> {
        let said = result.get();
        let (kind, number) = match said.outcome {
            Outcome::Paid => (1, said.payment_no.clone().unwrap_or_default()),
            Outcome::Refunded => (2, said.order_no.as_str().into()),
            Outcome::NotPaid | Outcome::NotRefunded | Outcome::Attention => {
                let found = said.found.iter().map(|found| Self {
                    channel: found.channel.code(),
                    kind: 1,
                    number: found.capture.payment_no.clone(),
                    fen: i64::try_from(found.capture.amount).unwrap_or(i64::MAX),
                });
                return found.collect();
            }
        };
        let channel = said.channel.map_or(0, Channel::code);
        alloc::vec![Self { channel, kind, number, fen: said.amount.fen() }]
    }
}

impl Count {
    /// An order that has not ended.
    pub(crate) fn open(&mut self) {
        self.open = self.open.saturating_add(1);
    }

    /// A result that ended its order. Returns the money that it accounts for, if it does.
    pub(crate) fn recorded(&mut self, result: &ResultCore, accounts: bool) -> Vec<Moved> {
        let said = result.get();
        let order_no = said.order_no.as_str();
        let length = u8::try_from(order_no.len()).unwrap_or(u8::MAX);
        let outcome = u8::try_from(said.outcome.code()).unwrap_or_default();
        //= spec-crate/spec/orders.md#totals
        //# A POS MUST compute `digest` as SHA-256 over one entry for each order with a recorded result, in
        //# rising byte order of the order numbers, where an entry is the number's length as u8, the number,
        //# the outcome as u8, and the signed amount as a big-endian i64.
        let end = [&[length], order_no.as_bytes(), &[outcome], &said.amount.fen().to_be_bytes()].concat();
        self.ends.insert(order_no.into(), end);
        if !accounts || !matches!(said.outcome, Outcome::Paid | Outcome::Refunded) {
            return Vec::new();
        }
        let moved = Moved::told(result);
        for one in &moved {
            self.add(false, one);
        }
        moved
    }

    /// Money beyond what was recorded.
    pub(crate) fn beyond(&mut self, moved: &Moved) {
        //= spec-crate/spec/orders.md#totals
        //# A POS MUST add rows marked `beyond`, behind the others and in the same order, for the money that
        //# an order's latest result tells of and its recorded `paid` or `refunded` result does not.
        self.add(true, moved);
    }

    fn add(&mut self, beyond: bool, moved: &Moved) {
        let (count, fen) = self.sums.entry((beyond, moved.channel, moved.kind)).or_default();
        *count = count.saturating_add(1);
        *fen = fen.saturating_add(moved.fen);
    }

    /// The day's totals.
    pub(crate) fn totals(self) -> Totals {
        let row =
            |((beyond, channel, kind), (count, amount))| TotalsRow { channel, kind, count, amount, beyond };
        let ends: Vec<&[u8]> = self.ends.values().map(Vec::as_slice).collect();
        Totals {
            //= spec-crate/spec/orders.md#totals
            //# A POS MUST answer GetTotals with the sums of all orders of its journal whose core has that
            //# business day and that have a recorded result, with one row for each channel and kind that has
            //# a `paid` (kind 1) or `refunded` (kind 2) result, in rising order of channel and then kind,
            //# with count and signed sum.
            rows: self.sums.into_iter().map(row).collect(),
            open: self.open,
            digest: sha256(&ends).to_vec(),
        }
    }
}

impl TotalsRow {
    pub(crate) fn wire(&self) -> wire::TotalsRow {
        let Self { channel, kind, count, amount, beyond } = *self;
        wire::TotalsRow { channel, kind, count, amount, beyond }
    }

    pub(crate) fn of(row: &wire::TotalsRow) -> Self {
        let wire::TotalsRow { channel, kind, count, amount, beyond } = *row;
        Self { channel, kind, count, amount, beyond }
    }
}
