//! The journal apart from any link: what programs read of it, and what a declared restore asks for.
//!
//! Specified in spec: books.

use alloc::string::String;

use prost::Message as _;

use crate::amount::Amount;
use crate::book::{Batch, Index, Row, RowKey, Table, Write};
use crate::ids::OrderNo;
use crate::message::order::OrderCore;
use crate::message::result::{Outcome, ResultCore};
use crate::order_flow::Disposition;
use crate::order_flow::pos::requests::no_longer_intact;
use crate::platform::Channel;
use crate::wire::{self, PosState};

/// One order of the journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PosOrderView {
    /// Its number.
    pub order_no: OrderNo,
    /// The device that may act on it.
    pub device_id: String,
    /// What is collected (+) or given back (-).
    pub amount: Amount,
    /// The business day it counts for, as YYYYMMDD.
    pub business_day: u32,
    /// Its state: `wait_code`, `paying`, `reversing`, `refunding`, `asking` or `ended`.
    pub state: &'static str,
    /// The journal can prove what did not happen to it.
    pub intact: bool,
    /// The channel of its one attempt.
    pub attempt: Option<Channel>,
    /// Last four digits of the payment code, for support.
    pub code_last: String,
    /// How the latest signed result says that it ended.
    pub outcome: Option<Outcome>,
    /// The status code of that result; 0 without one.
    pub status: u32,
    /// The platform's own number of the payment.
    pub payment_no: Option<String>,
    /// The platform's own number of the refund.
    pub refund_id: Option<String>,
    /// What HIS answered to the result.
    pub answered: Option<Disposition>,
}

impl PosOrderView {
    /// Reads an order row of a journal; `None` if it is none.
    #[must_use]
    pub fn read(row: &Row) -> Option<Self> {
        if row.version == 0 || row.key.table != Table::Order {
            return None;
        }
        let stored = wire::PosOrder::decode(row.bytes.as_slice()).ok()?;
        let core = OrderCore::decode(stored.core.clone()).ok()?;
        let result = ResultCore::decode(stored.result.clone()).ok();
        let result = result.as_ref().map(ResultCore::get);
        Some(Self {
            order_no: core.order_no().clone(),
            device_id: core.device_id().as_str().into(),
            amount: core.amount(),
            business_day: core.business_day(),
            state: match stored.state() {
                PosState::Unspecified => "none",
                PosState::WaitCode => "wait_code",
                PosState::Paying => "paying",
                PosState::Reversing => "reversing",
                PosState::Refunding => "refunding",
                PosState::Asking => "asking",
                PosState::Ended => "ended",
            },
            intact: !stored.not_intact,
            attempt: stored.attempt.as_ref().and_then(|attempt| Channel::from_code(attempt.channel)),
            code_last: stored.attempt.map_or_else(String::new, |attempt| attempt.code_last),
            outcome: result.map(|result| result.outcome),
            status: result.map_or(0, |result| result.status),
            payment_no: result.and_then(|result| result.payment_no.clone()),
            refund_id: result.and_then(|result| result.refund_id.clone()),
            answered: Disposition::from_code(stored.answered),
        })
    }
}

/// What a declared restore asks for: no open order can prove any more what did not happen to it.
///
/// `rows` are all open order rows.
#[must_use]
pub fn restored(rows: &[Row]) -> Batch {
    let mut batch = Batch::default();
    for (row, order) in no_longer_intact(rows) {
        let Ok(core) = OrderCore::decode(order.core.clone()) else { continue };
        batch.read.push((row.key.clone(), row.version));
        batch.write.push(Write {
            key: RowKey::new(Table::Order, &row.key.key),
            bytes: order.encode_to_vec(),
            index: Index {
                open: true,
                device: core.device_id().as_str().into(),
                bill: String::new(),
                day: core.business_day(),
            },
        });
    }
    batch
}
