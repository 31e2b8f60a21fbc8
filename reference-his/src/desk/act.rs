//! What people do with single orders: ask, cancel, look, decide, post.

use hispos::book::{Batch, Query, Row, RowKey, Table};
use hispos::ledger;

use super::{Desk, DeskError, view};
use crate::api::types::{Bill, Decision, Order, Window};
use crate::ledger::{LedgerError, Unwritten};
use crate::link::{Command, WindowHandle};
use crate::provisioning::block;
use hispos::error::Refusal;
use hispos::ids::OrderNo;
use hispos::ledger::OrderView;
use tokio::sync::oneshot;

/// Times that a decision is computed again because its rows changed meanwhile.
const TRIES: usize = 8;

impl Desk {
    /// Ends an order if nothing has moved. Its end follows as an event.
    pub(crate) async fn cancel(&self, order_no: &str) -> Result<Order, DeskError> {
        let order = self.known(order_no).await?;
        let number = number(order_no)?;
        self.ask(&order.device, |answer| Command::Cancel(number, answer)).await?;
        Ok(order)
    }

    /// Asks the order's own device about it. The answer follows as an event.
    pub(crate) async fn query(&self, order_no: &str) -> Result<Order, DeskError> {
        let order = self.known(order_no).await?;
        let number = number(order_no)?;
        self.ask(&order.device, |answer| Command::Query(number, answer)).await?;
        Ok(order)
    }

    /// Asks a device what the platform knows of an order. The answer follows as an event.
    pub(crate) async fn look(&self, order_no: &str, device: Option<&str>) -> Result<Order, DeskError> {
        let row = self.order_row(order_no).await?;
        let view = OrderView::read(&row).ok_or(DeskError::Missing("order"))?;
        let order = view::of(&view);
        match device.filter(|device| *device != order.device) {
            None => self.query(order_no).await,
            Some(device) => {
                self.ask(device, |answer| Command::LookUp(Box::new(view), answer)).await?;
                Ok(order)
            }
        }
    }

    /// Asks a window's device for its totals of a business day. They follow as an event.
    pub(crate) async fn totals(&self, window: &str, day: u32) -> Result<(), DeskError> {
        let device = self.window(Some(window))?.device;
        self.ask(&device, |answer| Command::Totals(day, answer)).await
    }

    /// Pulls the orders that only a window's device knows.
    pub(crate) async fn pull(&self, window: &str) -> Result<(), DeskError> {
        let device = self.window(Some(window))?.device;
        self.ask(&device, Command::Pull).await
    }

    /// Records the decision of two different people about an order.
    pub(crate) async fn decide(
        &self,
        order_no: &str,
        decision: Decision,
        by: &[String],
    ) -> Result<Order, DeskError> {
        let [first, second] = by else {
            return Err(DeskError::Malformed("a decision needs two people: give --by twice".into()));
        };
        let kind = view::decision(decision);
        self.change(order_no, |order, captures, desk| {
            let decision = ledger::Decision { kind, by_first: first.clone(), by_second: second.clone() };
            ledger::decide(order, captures, &decision, desk.clock())
        })
        .await
    }

    /// Records that the bill database has taken the end of an order over. Saying it twice is saying it once.
    pub(crate) async fn posted(&self, order_no: &str) -> Result<Order, DeskError> {
        if let Some(order) =
            self.order(order_no).await?.filter(|order| order.posting.as_deref() == Some("posted"))
        {
            return Ok(order);
        }
        self.change(order_no, |order, _, _| ledger::posted(order)).await
    }

    /// Every order that has not ended, oldest first.
    pub(crate) async fn open_orders(&self) -> Result<Vec<Order>, LedgerError> {
        let rows = self.open_rows().await?;
        Ok(rows.iter().filter_map(view::order).filter(|order| !order.state.ended()).collect())
    }

    /// Every end that the bill database has still to take over, oldest first.
    pub(crate) async fn unposted(&self) -> Result<Vec<Order>, LedgerError> {
        let rows = self.open_rows().await?;
        let unposted = |order: &Order| order.posting.as_deref() == Some("unposted");
        Ok(rows.iter().filter_map(view::order).filter(unposted).collect())
    }

    /// The orders of a business day.
    pub(crate) async fn day(&self, day: u32) -> Result<Vec<Order>, LedgerError> {
        Ok(self.ledger().find(Query::Day(day)).await?.rows.iter().filter_map(view::order).collect())
    }

    /// A bill and what was made for it.
    pub(crate) async fn bill(&self, bill: &str) -> Result<Option<Bill>, LedgerError> {
        let found = self.ledger().find(Query::Bill(bill.to_owned())).await?;
        Ok(view::bill(bill, &found.rows))
    }

    /// Every window and what is known of its terminal.
    pub(crate) fn window_views(&self) -> Vec<Window> {
        self.windows().map(view::window).collect()
    }

    /// Blocks a device at this site, or lifts the block; durable before it is told.
    pub(crate) async fn block(&self, device: &str, blocked: bool) -> Result<(), DeskError> {
        let key = block::key(device);
        for _ in 0..TRIES {
            let found = self.ledger().find(Query::Rows(vec![key.clone()])).await?;
            let version = found.rows.first().map_or(0, |row| row.version);
            match self.ledger().commit(block::batch(device, blocked, version)).await {
                Ok(_) => return self.provision().await,
                Err(Unwritten::Stale) => {}
                Err(Unwritten::Failed(error)) => return Err(error.into()),
            }
        }
        Err(DeskError::Refused { code: "busy".into(), text: "the block is changing: try again".into() })
    }

    /// Every driver reads agreements, manifests and blocks again.
    pub(crate) async fn provision(&self) -> Result<(), DeskError> {
        for window in self.windows() {
            self.command(window, Command::Provision).await?;
        }
        Ok(())
    }

    async fn open_rows(&self) -> Result<Vec<Row>, LedgerError> {
        let open = Query::Open { device: String::new(), after: 0, limit: usize::MAX };
        Ok(self.ledger().find(open).await?.rows)
    }

    /// Computes a change of one order from its rows and makes it durable; again if they changed meanwhile.
    async fn change<E: std::fmt::Display>(
        &self,
        order_no: &str,
        compute: impl Fn(&Row, &[Row], &Self) -> Result<Batch, E>,
    ) -> Result<Order, DeskError> {
        for _ in 0..TRIES {
            let order = self.order_row(order_no).await?;
            let captures = self.captures_of(&order).await?;
            let batch = compute(&order, &captures, self)
                .map_err(|refusal| DeskError::Refused { code: "ledger".into(), text: refusal.to_string() })?;
            match self.ledger().commit(batch).await {
                Ok(_) => {
                    let order = self.known(order_no).await?;
                    self.tell_order(order.clone());
                    if let Ok(window) = self.window_of(&order.device) {
                        self.command(window, Command::Refresh(number(order_no)?)).await?;
                    }
                    return Ok(order);
                }
                Err(Unwritten::Stale) => {}
                Err(Unwritten::Failed(error)) => return Err(error.into()),
            }
        }
        Err(DeskError::Refused { code: "busy".into(), text: "the order is changing: try again".into() })
    }

    async fn captures_of(&self, order: &Row) -> Result<Vec<Row>, LedgerError> {
        let Some(view) = view::order(order) else {
            return Ok(Vec::new());
        };
        let rows = self.ledger().find(Query::Bill(view.bill)).await?.rows;
        let of_order =
            |row: &Row| view::capture(row).is_some_and(|capture| capture.order_no == view.order_no);
        Ok(rows.into_iter().filter(of_order).collect())
    }

    async fn order_row(&self, order_no: &str) -> Result<Row, DeskError> {
        let rows = self.ledger().find(Query::Rows(vec![RowKey::new(Table::Order, order_no)])).await?.rows;
        rows.into_iter().find(|row| row.version > 0).ok_or(DeskError::Missing("order"))
    }

    async fn known(&self, order_no: &str) -> Result<Order, DeskError> {
        self.order(order_no).await?.ok_or(DeskError::Missing("order"))
    }

    fn window_of(&self, device: &str) -> Result<&WindowHandle, DeskError> {
        self.windows()
            .find(|window| window.device == device)
            .ok_or(DeskError::Missing("window with this device"))
    }

    /// Asks the driver of a device, and waits for whether it could be done.
    async fn ask(
        &self,
        device: &str,
        command: impl FnOnce(oneshot::Sender<Result<(), Refusal>>) -> Command,
    ) -> Result<(), DeskError> {
        let (answer, answered) = oneshot::channel();
        self.command(self.window_of(device)?, command(answer)).await?;
        let refused = |code: &str, text: String| DeskError::Refused { code: code.to_owned(), text };
        answered
            .await
            .map_err(|_| refused("link", "the window is closing".into()))?
            .map_err(|refusal| refused("link", refusal.to_string()))
    }

    async fn command(&self, window: &WindowHandle, command: Command) -> Result<(), DeskError> {
        let gone = |_| DeskError::Refused { code: "link".into(), text: "the window is closing".into() };
        window.commands.send(command).await.map_err(gone)
    }
}

fn number(order_no: &str) -> Result<OrderNo, DeskError> {
    OrderNo::try_from(order_no).map_err(|error| DeskError::Malformed(error.to_string()))
}
