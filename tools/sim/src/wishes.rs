//! What people want of a window's link.

use hispos::error::Refusal;
use hispos::ids::OrderNo;
use hispos::ledger::OrderView;
use hispos::link::HisLink;
use hispos::link::his::{NewCollect, NewRefund};
use hispos::time::Clock;
use serde_json::json;

use crate::driver::{Members, hex};

/// What people want of a window's link.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Collect(NewCollect),
    Refund(NewRefund),
    Cancel(OrderNo),
    Query(OrderNo),
    /// An order of another device, with its row.
    LookUp(Box<OrderView>, Vec<u8>),
    Pull,
    Totals(u32),
}

impl Wish {
    /// Has a link do it.
    pub(crate) fn command(self, link: &mut HisLink, clock: Clock) -> Result<(), Refusal> {
        match self {
            Self::Collect(new) => link.collect(new, clock),
            Self::Refund(new) => link.refund(new, clock),
            Self::Cancel(order_no) => link.cancel(&order_no, clock),
            Self::Query(order_no) => link.query(&order_no, clock),
            Self::LookUp(order, _) => link.look_up(&order, clock),
            Self::Pull => link.pull(clock),
            Self::Totals(day) => link.totals(day, clock),
        }
    }

    /// The line that commands it.
    pub(crate) fn line(&self) -> Members {
        let line = match self {
            Self::Collect(new) => json!({
                "do": "collect",
                "ticket": new.ticket,
                "bill": new.bill,
                "fen": new.amount.magnitude(),
                "business_day": new.business_day,
            }),
            Self::Refund(new) => json!({
                "do": "refund",
                "ticket": new.ticket,
                "order_no": new.order_no.as_str(),
                "item": new.item,
                "fen": new.amount.magnitude(),
                "operator": new.operator.as_str(),
                "approver": new.approver.as_str(),
                "reason": new.reason,
                "business_day": new.business_day,
            }),
            Self::Cancel(order_no) => json!({"do": "cancel", "order_no": order_no.as_str()}),
            Self::Query(order_no) => json!({"do": "query", "order_no": order_no.as_str()}),
            Self::LookUp(order, row) => {
                json!({"do": "look_up", "order_no": order.order_no.as_str(), "row": hex(row)})
            }
            Self::Pull => json!({"do": "pull"}),
            Self::Totals(day) => json!({"do": "totals", "business_day": day}),
        };
        line.as_object().cloned().unwrap_or_default()
    }
}
