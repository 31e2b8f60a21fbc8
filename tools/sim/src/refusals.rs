//! Why no order was made, by the names that the driver interface and summaries have.

use hispos::error::Refusal;
use hispos::link::his::OrderRefusal;

const NO_SESSION: &str = "no_session";
const UNKNOWN_ORDER: &str = "unknown_order";
const LEASED: &str = "leased";
const BILL_BUSY: &str = "bill_busy";
const BILL_CAPTURED: &str = "bill_captured";
const ORPHAN: &str = "orphan";
const RESTORING: &str = "restoring";
const EXCEEDS: &str = "exceeds";
const ITEM_BUSY: &str = "item_busy";
const TOO_SOON: &str = "too_soon";
const NO_ORDER_WAITS: &str = "no_order_waits";
const OTHER: &str = "other";

/// All of them.
const ALL: [&str; 12] = [
    NO_SESSION,
    UNKNOWN_ORDER,
    LEASED,
    BILL_BUSY,
    BILL_CAPTURED,
    ORPHAN,
    RESTORING,
    EXCEEDS,
    ITEM_BUSY,
    TOO_SOON,
    NO_ORDER_WAITS,
    OTHER,
];

/// The name of this refusal of an order.
pub(crate) fn of_order(why: &OrderRefusal) -> &'static str {
    match why {
        OrderRefusal::BillBusy { .. } => BILL_BUSY,
        OrderRefusal::BillCaptured { .. } => BILL_CAPTURED,
        OrderRefusal::Orphan { .. } => ORPHAN,
        OrderRefusal::Restoring { .. } => RESTORING,
        OrderRefusal::Exceeds { .. } => EXCEEDS,
        OrderRefusal::ItemBusy { .. } => ITEM_BUSY,
        OrderRefusal::TooSoon { .. } => TOO_SOON,
        OrderRefusal::NoSession => NO_SESSION,
        _ => OTHER,
    }
}

/// The name of this refusal of a command.
pub(crate) fn of_command(why: &Refusal) -> &'static str {
    match why {
        Refusal::NoSession | Refusal::PeerNotReady => NO_SESSION,
        Refusal::NoOrderWaits => NO_ORDER_WAITS,
        Refusal::UnknownOrder => UNKNOWN_ORDER,
        Refusal::Leased { .. } => LEASED,
        _ => OTHER,
    }
}

/// The name that a program told; one that is not known is another one.
pub(crate) fn told(name: &str) -> &'static str {
    ALL.into_iter().find(|known| *known == name).unwrap_or(OTHER)
}

/// The link was not there: nothing was decided about the order.
pub(crate) fn finds_no_session(why: &str) -> bool {
    why == NO_SESSION
}

/// People try again.
pub(crate) fn passes(why: &str) -> bool {
    matches!(why, RESTORING | NO_SESSION | TOO_SOON)
}

/// An order of the bill is known.
pub(crate) fn knows_the_bill(why: &str) -> bool {
    matches!(why, BILL_BUSY | BILL_CAPTURED)
}
