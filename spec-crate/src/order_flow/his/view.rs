//! What programs read of the ledger's rows.

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message as _;

use super::Held;
use crate::amount::Amount;
use crate::book::{Row, Table};
use crate::ids::{DeviceId, OrderNo};
use crate::message::order::RefundOf;
use crate::message::result::Outcome;
use crate::platform::Channel;
use crate::time::UnixSeconds;
use crate::wire::{self, HisState, Posting};

/// One order of the ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderView {
    /// Its number.
    pub order_no: OrderNo,
    /// The bill that it is for; empty for an orphan.
    pub bill: String,
    /// The only device that may act on it.
    pub device_id: Option<DeviceId>,
    /// The software terminal that made it.
    pub terminal_id: String,
    /// What is collected (+) or given back (-).
    pub amount: Option<Amount>,
    /// The business day it counts for, as YYYYMMDD.
    pub business_day: u32,
    /// Its state: `sent`, `cancelling`, `asking`, `paid`, `not_paid`, `refunded`, `not_refunded` or `attention`.
    pub state: &'static str,
    /// It has ended.
    pub ended: bool,
    /// How the accepted result says that it ended.
    pub outcome: Option<Outcome>,
    /// The status code of that result; 0 without one.
    pub status: u32,
    /// The channel used.
    pub channel: Option<Channel>,
    /// The platform's own number of the payment.
    pub payment_no: Option<String>,
    /// The platform's own number of the refund.
    pub refund_id: Option<String>,
    /// When the platform took the money or gave it back.
    pub captured_at: Option<UnixSeconds>,
    /// `none`, `unposted`, `posted` or `not_to_post`.
    pub posting: &'static str,
    /// For refunds: what is given back.
    pub refund_of: Option<RefundOf>,
    /// For refunds: the item of the bill.
    pub item: String,
    /// Unix seconds; 0 without a clock.
    pub made_at: u64,
    /// Unix seconds; 0 if it has not ended, or without a clock.
    pub ended_at: u64,
    /// Milliseconds of the boot clock until which only its own device may be asked; 0 if that has no meaning.
    pub leased_until: u64,
    /// Devices that it has asked beside its own.
    pub devices: Vec<String>,
    /// Results that are kept beside the one that ended it.
    pub evidence: usize,
    /// No bill has adopted it.
    pub orphan: bool,
    /// The code with which a POS refused it; 0 if none did.
    pub rejected: u32,
}

impl OrderView {
    /// Reads an order row; `None` if it is none.
    #[must_use]
    pub fn read(row: &Row) -> Option<Self> {
        Held::read(row).map(|held| Self::of(&held))
    }

    pub(crate) fn of(held: &Held) -> Self {
        let result = held.result();
        let core = held.core.as_ref();
        Self {
            order_no: held.order_no.clone(),
            bill: held.row.bill.clone(),
            device_id: core.map(|core| core.device_id().clone()),
            terminal_id: held.row.terminal_id.clone(),
            amount: core.map(|core| core.amount()),
            business_day: core.map_or(0, |core| core.business_day()),
            state: state_name(held.state()),
            ended: held.ended(),
            outcome: result.as_ref().map(|result| result.get().outcome),
            status: result.as_ref().map_or(0, |result| result.get().status),
            channel: result.as_ref().and_then(|result| result.get().channel),
            payment_no: result.as_ref().and_then(|result| result.get().payment_no.clone()),
            refund_id: result.as_ref().and_then(|result| result.get().refund_id.clone()),
            captured_at: result.as_ref().and_then(|result| result.get().captured_at),
            posting: match held.row.posting() {
                Posting::Unspecified => "none",
                Posting::Unposted => "unposted",
                Posting::Posted => "posted",
                Posting::NotToPost => "not_to_post",
            },
            refund_of: core.and_then(|core| core.refund_of().cloned()),
            item: held.row.item.clone(),
            made_at: held.row.made_at,
            ended_at: held.row.ended_at,
            leased_until: held.row.leased_until,
            devices: held.row.devices.clone(),
            evidence: held.row.evidence.len(),
            orphan: held.row.orphan,
            rejected: held.row.rejected,
        }
    }
}

const fn state_name(state: HisState) -> &'static str {
    match state {
        HisState::Unspecified => "none",
        HisState::Sent => "sent",
        HisState::Cancelling => "cancelling",
        HisState::Asking => "asking",
        HisState::Paid => "paid",
        HisState::NotPaid => "not_paid",
        HisState::Refunded => "refunded",
        HisState::NotRefunded => "not_refunded",
        HisState::Attention => "attention",
    }
}

/// Money that a platform took, as the ledger knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureView {
    /// The platform number.
    pub number: String,
    /// The order that took it.
    pub order_no: String,
    /// Its bill.
    pub bill: String,
    /// The channel.
    pub channel: Option<Channel>,
    /// The platform's own number.
    pub payment_no: String,
    /// Fen taken.
    pub amount: u64,
    /// Fen given back.
    pub refunded: u64,
    /// Fen that refunds under way may give back.
    pub reserved: u64,
    /// All of it is known to be returned.
    pub returned: bool,
}

impl CaptureView {
    /// Reads a capture row; `None` if it is none.
    #[must_use]
    pub fn read(row: &Row) -> Option<Self> {
        let finds =
            |channel: Channel| row.key.key.strip_prefix(channel.name()).is_some_and(|no| no.starts_with('/'));
        if row.version == 0 || row.key.table != Table::Capture || Channel::ALL.into_iter().any(finds) {
            return None;
        }
        let stored = wire::CaptureRow::decode(row.bytes.as_slice()).ok()?;
        Some(Self {
            number: row.key.key.clone(),
            order_no: stored.order_no,
            bill: stored.bill,
            channel: Channel::from_code(stored.channel),
            payment_no: stored.payment_no,
            amount: stored.amount,
            refunded: stored.refunded,
            reserved: stored.reservations.iter().fold(0, |sum, reserved| reserved.amount.saturating_add(sum)),
            returned: stored.returned,
        })
    }
}

/// The lock of a bill.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BillView {
    /// The bill key.
    pub bill: String,
    /// The order that has not ended, or the latest.
    pub present: String,
    /// Orders made for it.
    pub orders: u32,
}

impl BillView {
    /// Reads a bill row; `None` if it is none.
    #[must_use]
    pub fn read(row: &Row) -> Option<Self> {
        if row.version == 0 || row.key.table != Table::Bill {
            return None;
        }
        let stored = wire::BillRow::decode(row.bytes.as_slice()).ok()?;
        Some(Self { bill: row.key.key.clone(), present: stored.present, orders: stored.orders })
    }
}
