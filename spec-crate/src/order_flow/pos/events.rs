//! What a POS tells its program about orders.

use alloc::string::String;

use super::progress::Progress;
use crate::amount::Amount;
use crate::catalogue::Status;
use crate::ids::OrderNo;
use crate::message::result::Outcome;
use crate::order_flow::Disposition;
use crate::platform::{Channel, Merchant};

/// What becomes of an order at the POS, for the patient's display and the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OrderEvent {
    /// HIS gave an order, and it was accepted.
    Accepted {
        /// Its number.
        order_no: OrderNo,
        /// What is to be collected or given back.
        amount: Amount,
    },
    /// It went on.
    Progress(Progress),
    /// It ended; the result is signed, durable, and reported until HIS answers.
    Ended {
        /// Its number.
        order_no: OrderNo,
        /// How it ended.
        outcome: Outcome,
        /// Why.
        status: Status,
        /// The order's amount.
        amount: Amount,
        /// The channel used, if any was.
        channel: Option<Channel>,
        /// The platform's own number.
        payment_no: Option<String>,
    },
    /// HIS answered the result.
    Answered {
        /// Its number.
        order_no: OrderNo,
        /// What HIS did with it.
        disposition: Disposition,
    },
    /// A merchant's credentials were verified, or refused.
    Merchant {
        /// Whose.
        merchant: Merchant,
        /// They are right.
        verified: bool,
    },
    /// People have to know.
    Alarm(PosAlarm),
}

/// What people have to know at a POS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PosAlarm {
    /// The platform already knew the number of a new order.
    NumberKnown {
        /// The order.
        order_no: OrderNo,
    },
    /// HIS has not answered a result for too long: it is repeated until HIS does.
    Unconfirmed {
        /// The order.
        order_no: OrderNo,
    },
    /// The journal is an older copy, or another one: HIS has seen records that it does not hold.
    JournalWentBack,
}
