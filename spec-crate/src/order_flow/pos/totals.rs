//! What this device counts for a business day: what HIS recorded, and the money that it knows of beyond that.
//!
//! Specified in spec: order life, "totals".

use prost::Message as _;

use crate::book::Row;
use crate::ids::DeviceId;
use crate::message::order::OrderCore;
use crate::message::result::ResultCore;
use crate::order_flow::totals::{Count, Moved, Totals};
use crate::wire;

/// The totals over all order rows of a day.
pub(crate) fn of_day(own: &DeviceId, rows: &[Row]) -> Totals {
    let mut count = Count::default();
    for row in rows {
        let Ok(order) = wire::PosOrder::decode(row.bytes.as_slice()) else { continue };
        let latest = ResultCore::decode(order.result.clone()).ok();
        //= spec-crate/spec/orders.md#totals
        //# A POS MUST count an order in its totals by the result that HIS recorded, not by a later one.
        let recorded = match order.recorded_result.as_slice() {
            _ if !order.recorded => None,
            [] => latest.clone(),
            earlier => ResultCore::decode(earlier.to_vec()).ok(),
        };
        // Open is what HIS has not heard the end of. A look at another device's order ends nothing here.
        let acts = OrderCore::decode(order.core).is_ok_and(|core| core.device_id() == own);
        //= spec-crate/spec/orders.md#totals
        //# A POS MUST count as `open` the orders of the day that name it as their device, have no recorded
        //# result, and have no result that HIS has answered.
        if acts && recorded.is_none() && order.answered == 0 {
            count.open();
        }
        let accounted = recorded.map(|result| count.recorded(&result, true)).unwrap_or_default();
        for moved in latest.iter().flat_map(Moved::told).filter(|moved| !accounted.contains(moved)) {
            count.beyond(&moved);
        }
    }
    count.totals()
}
