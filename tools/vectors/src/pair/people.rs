//! What people do at either end.

use hispos::amount::Amount;
use hispos::book::Table;
use hispos::ids::{OperatorId, OrderNo};
use hispos::ledger::OrderView;
use hispos::link::his::{NewCollect, NewRefund};
use hispos::platform::{Channel, PaymentCode};

use super::{End, Pair};
use crate::site::Site;
use crate::story::{In, What};

impl Pair {
    /// A cashier collects a bill.
    pub(crate) fn collect(&mut self, bill: &str, fen: i64, business_day: u32) -> Result<(), String> {
        self.note(End::His, What::In(In::Collect { bill: bill.into(), fen, business_day }));
        let amount = Amount::from_fen(fen).map_err(|error| format!("{error:?}"))?;
        let (new, clock) = (NewCollect { ticket: 1, bill: bill.into(), amount, business_day }, self.clock());
        let link = self.his.as_mut().ok_or("HIS is down")?;
        link.collect(new, clock).map_err(|refusal| format!("{refusal:?}"))?;
        self.drain(End::His);
        Ok(())
    }

    /// A cashier cancels an order.
    pub(crate) fn cancel(&mut self, order_no: &OrderNo) -> Result<(), String> {
        self.note(End::His, What::In(In::Cancel { order_no: order_no.to_string() }));
        let clock = self.clock();
        let link = self.his.as_mut().ok_or("HIS is down")?;
        link.cancel(order_no, clock).map_err(|refusal| format!("{refusal:?}"))?;
        self.drain(End::His);
        Ok(())
    }

    /// Two people give back what was paid, before it is posted. HIS shows nothing of it: stories with a refund are those
    /// of the POS.
    pub(crate) fn refund(&mut self, fen: i64, business_day: u32) -> Result<OrderNo, String> {
        let new = self.new_refund(fen, "", business_day)?;
        let clock = self.clock();
        let link = self.his.as_mut().ok_or("HIS is down")?;
        link.refund_not_to_post(new, clock).map_err(|refusal| format!("{refusal:?}"))?;
        self.drain(End::His);
        self.refunds().into_iter().next().ok_or_else(|| "no refund".to_owned())
    }

    /// The refunds that the ledger holds, oldest first.
    pub(crate) fn refunds(&self) -> Vec<OrderNo> {
        let orders = self.ledger.memory.table(Table::Order);
        let refunds = orders.iter().filter_map(OrderView::read).filter(|order| order.refund_of.is_some());
        refunds.map(|order| order.order_no).collect()
    }

    fn new_refund(&self, fen: i64, item: &str, business_day: u32) -> Result<NewRefund, String> {
        let orders = self.ledger.memory.table(Table::Order);
        let mut collects =
            orders.iter().filter_map(OrderView::read).filter(|order| order.refund_of.is_none());
        let person = |id: &str| OperatorId::try_from(id).map_err(|error| format!("{error:?}"));
        Ok(NewRefund {
            ticket: 2,
            order_no: collects.next().map(|order| order.order_no).ok_or("no order")?,
            item: item.into(),
            amount: Amount::from_fen(-fen).map_err(|error| format!("{error:?}"))?,
            operator: person("op-1")?,
            approver: person("op-2")?,
            reason: "not dispensed".into(),
            business_day,
        })
    }

    /// Two people give so much of the first payment back for an item of it. Whether HIS makes the refund.
    pub(crate) fn give_back(&mut self, fen: i64, item: &str, business_day: u32) -> Result<bool, String> {
        let new = self.new_refund(fen, item, business_day)?;
        let shown = In::Refund {
            order_no: new.order_no.to_string(),
            fen: -fen,
            item: new.item.clone(),
            operator: new.operator.as_str().to_owned(),
            approver: new.approver.as_str().to_owned(),
            reason: new.reason.clone(),
            business_day,
        };
        self.note(End::His, What::In(shown));
        let (clock, before) = (self.clock(), self.refunds().len());
        let _ = self.his.as_mut().ok_or("HIS is down")?.refund(new, clock);
        self.drain(End::His);
        Ok(self.refunds().len() > before)
    }

    /// A patient shows a code.
    pub(crate) fn scan(&mut self, channel: Channel, code: &str) -> Result<(), String> {
        self.note(End::Pos, What::In(In::Scan { channel: channel.code(), code: code.into() }));
        let clock = self.clock();
        let link = self.pos.as_mut().ok_or("the POS is down")?;
        link.scan(channel, PaymentCode::new(code.into()), clock).map_err(|refusal| format!("{refusal:?}"))?;
        self.drain(End::Pos);
        Ok(())
    }

    /// A program asks for an orderly end of its session.
    pub(crate) fn close(&mut self, end: End) {
        self.note(end, What::In(In::Close {}));
        let clock = self.clock();
        match end {
            End::His => self.his.as_mut().map(|link| link.close(clock)),
            End::Pos => self.pos.as_mut().map(|link| link.close(clock)),
        };
        self.drain(end);
    }

    /// A cashier collects a bill, and HIS makes no order.
    pub(crate) fn collect_in_vain(&mut self, bill: &str, fen: i64, business_day: u32) -> Result<(), String> {
        self.note(End::His, What::In(In::Collect { bill: bill.into(), fen, business_day }));
        let amount = Amount::from_fen(fen).map_err(|error| format!("{error:?}"))?;
        let (new, clock) = (NewCollect { ticket: 1, bill: bill.into(), amount, business_day }, self.clock());
        let before = self.ledger.records.len();
        // Refused at once, or when the ledger was read.
        let _ = self.his.as_mut().ok_or("HIS is down")?.collect(new, clock);
        self.drain(End::His);
        if self.ledger.records.len() == before { Ok(()) } else { Err("an order was made".to_owned()) }
    }

    /// From its next start the POS holds a newer agreement with other merchants, too.
    pub(crate) fn another_agreement(&mut self) -> Result<(), String> {
        self.site.newer = Some(Site::agreement(2, ["1900000209", "2021000000000002"])?);
        Ok(())
    }

    /// A patient shows a code that nobody takes.
    pub(crate) fn scan_in_vain(&mut self, channel: Channel, code: &str) -> Result<(), String> {
        self.note(End::Pos, What::In(In::Scan { channel: channel.code(), code: code.into() }));
        let clock = self.clock();
        let link = self.pos.as_mut().ok_or("the POS is down")?;
        let taken = link.scan(channel, PaymentCode::new(code.into()), clock);
        self.drain(End::Pos);
        if taken.is_err() { Ok(()) } else { Err("the code was taken".to_owned()) }
    }
}
