//! What only people can bring to an end: orphans, orders of silent terminals, bills that a restored ledger forgot.

use hispos::book::{Query, RowKey, Table};
use hispos::ids::OrderNo;
use hispos::ledger::{self, OrderView};
use hispos::message::order::Kind;
use hispos::message::order_no::derive_order_no;
use serde_json::json;

use crate::acts::{Act, BILLS, any_desk, bill_key};
use crate::site::{self, DESKS};
use crate::wishes::Wish;
use crate::world::{Event, World};

impl World {
    /// What only people can bring to an end.
    pub(crate) fn look_after(&mut self) {
        if !self.his.up {
            return;
        }
        let open = self.his.book.find(&Query::Open { device: String::new(), after: 0, limit: usize::MAX });
        let orders: Vec<OrderView> = open.rows.iter().filter_map(OrderView::read).collect();
        for order in orders.iter().filter(|order| !order.ended && !order.orphan) {
            if self.people.rng.in_thousand(500) {
                self.look_elsewhere(&order.order_no);
            }
        }
        let orphans = self.his.book.table(Table::Order);
        let orphans: Vec<OrderView> =
            orphans.iter().filter_map(OrderView::read).filter(|o| o.orphan).collect();
        for orphan in orphans {
            self.adopt(&orphan);
        }
        for bill in (0..BILLS).filter(|bill| self.people.again.contains(&bill_key(*bill))).collect::<Vec<_>>()
        {
            let desk = any_desk(&mut self.people.rng);
            self.after(1, Event::Act(Act::Collect(desk, bill, 0)));
        }
    }

    fn adopt(&mut self, orphan: &OrderView) {
        let original = orphan.refund_of.as_ref().map(|of| of.order_no.clone());
        let of = original.as_ref().map(|of| self.his.book.row(&RowKey::new(Table::Order, of.as_str())));
        let known =
            of.and_then(|row| OrderView::read(&row)).map(|order| order.bill).filter(|bill| !bill.is_empty());
        let own = known.or_else(|| bill_of(original.as_ref().unwrap_or(&orphan.order_no)));
        let Some(bill) = own else { return };
        let line = json!({"do": "adopt", "order_no": orphan.order_no.as_str(), "bill": bill});
        if self.decide_driven(line, "adopted") {
            self.summary.adopted += 1;
            return self.refresh_others(usize::MAX, orphan);
        }
        let row = self.his.book.row(&RowKey::new(Table::Order, orphan.order_no.as_str()));
        let agreements = [self.site.agreement.clone()];
        let keys = ledger::rows_of(&row, &agreements);
        let captures: Vec<_> = keys.iter().map(|key| self.his.book.row(key)).collect();
        let bill = self.his.book.row(&RowKey::new(Table::Bill, &bill));
        if let Ok(batch) = ledger::adopt(&row, &bill, &captures, &agreements) {
            self.note(|| format!("people  adopt {}", orphan.order_no));
            self.summary.adopted += 1;
            self.commit_now("adopted", batch);
            self.refresh_others(usize::MAX, orphan);
        }
    }

    pub(crate) fn look_elsewhere(&mut self, order_no: &OrderNo) {
        let row = self.his.book.row(&RowKey::new(Table::Order, order_no.as_str()));
        let Some(order) = OrderView::read(&row) else { return };
        for desk in 0..DESKS {
            if site::device_id(desk).ok() != order.device_id {
                self.command(desk, 0, Wish::LookUp(Box::new(order.clone()), row.bytes.clone()));
            }
        }
    }
}

/// The bill of a number, found as the hospital would: by trying its bills.
fn bill_of(order_no: &OrderNo) -> Option<String> {
    let secret = site::seed(site::SITE_SECRET, 0);
    (0..BILLS).map(bill_key).find(|bill| {
        (0..24).any(|generation| {
            derive_order_no(&secret, Kind::Collect, bill.as_bytes(), generation).ok().as_ref()
                == Some(order_no)
        })
    })
}
