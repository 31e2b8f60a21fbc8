//! Why no order was made.

use alloc::string::String;
use core::fmt;

/// Why no order was made. Nothing was stored and nothing moves.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OrderRefusal {
    /// The bill's present order has not ended, or ended otherwise than unpaid.
    BillBusy {
        /// That order.
        order_no: String,
    },
    /// Money of the bill was taken and is not returned.
    BillCaptured {
        /// The platform number.
        number: String,
    },
    /// An order that no bill has adopted has one of the bill's next numbers.
    Orphan {
        /// That order.
        order_no: String,
    },
    /// The ledger went back: the wait, or the pull of a device's list, is not over.
    Restoring {
        /// Seconds left of the wait; 0 if a list is missing.
        seconds: u64,
        /// The device whose list is missing, if one is.
        device: String,
    },
    /// The business day is closed.
    DayClosed(u32),
    /// The amount has the wrong sign, or is above the agreement's limit.
    Amount,
    /// No agreement is held.
    NoAgreement,
    /// What is to be given back was never taken, as far as the ledger knows.
    NotCaptured,
    /// Taken, given back and reserved do not leave that much.
    Exceeds {
        /// Fen left.
        left: u64,
    },
    /// The item has a refund that has not ended.
    ItemBusy {
        /// That refund.
        order_no: String,
    },
    /// The capture's latest refund is too recent.
    TooSoon {
        /// Seconds left.
        seconds: u64,
    },
    /// The capture has had its fifty refunds.
    TooMany,
    /// The payment is posted already, so it cannot be kept from being posted.
    Posted,
    /// Nothing of the order waits to be posted.
    NothingToPost,
    /// Only a refund of all that an unposted payment took keeps it from being posted.
    NotWhole {
        /// What it took, in fen.
        amount: u64,
    },
    /// The refunds of the business day leave less of the agreement's limit.
    DayLimit {
        /// Fen left for this day.
        left: u64,
    },
    /// The device is revoked, or not in the manifest.
    Device,
    /// The session ended before the order was made.
    NoSession,
    /// The order breaks a rule of its own.
    Core(String),
}

impl fmt::Display for OrderRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BillBusy { order_no } => {
                write!(f, "order {order_no} of this bill has not ended as unpaid: wait for it or look it up")
            }
            Self::BillCaptured { number } => {
                write!(f, "{number} took money for this bill: refund it before another order is made")
            }
            Self::Orphan { order_no } => {
                write!(
                    f,
                    "order {order_no} is known only from a terminal and may be this bill's: adopt or decide it"
                )
            }
            Self::Restoring { seconds: 0, device } => {
                write!(f, "the ledger went back and the list of device {device} is not pulled: connect it")
            }
            Self::Restoring { seconds, .. } => write!(f, "the ledger went back: no orders for {seconds} s"),
            Self::DayClosed(day) => write!(f, "business day {day} is closed: use the next one"),
            Self::Amount => f.write_str("the amount has the wrong sign or is above the agreement's limit"),
            Self::NoAgreement => f.write_str("no agreement is held: import one"),
            Self::NotCaptured => f.write_str("the ledger knows no capture of that order: nothing to refund"),
            Self::Exceeds { left } => write!(f, "only {left} fen are left to refund"),
            Self::ItemBusy { order_no } => {
                write!(f, "refund {order_no} of this item has not ended: wait for it")
            }
            Self::TooSoon { seconds } => write!(f, "the latest refund is too recent: wait {seconds} s"),
            Self::TooMany => f.write_str("this capture has had its 50 refunds"),
            Self::Posted => f.write_str(
                "the payment is posted to its bill already: refund it as a posted one, and post the refund",
            ),
            Self::NothingToPost => {
                f.write_str("nothing of that order waits to be posted: refund it as it is")
            }
            Self::NotWhole { amount } => write!(
                f,
                "only a refund of the whole payment of {amount} fen keeps it from being posted: post it, then refund a part"
            ),
            Self::DayLimit { left } => {
                write!(f, "the refunds of this business day leave {left} fen of the day's limit")
            }
            Self::Device => f.write_str("the device is revoked or not in the manifest: bind another"),
            Self::NoSession => f.write_str("the session with the terminal ended: wait for the link"),
            Self::Core(why) => write!(f, "the order breaks a rule: {why}"),
        }
    }
}
