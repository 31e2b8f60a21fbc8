//! What people ask of single orders and windows: cancel, query, look, pull; and what there is.

use hispos::book::{Query, Row, RowKey, Table};
use hispos::error::Refusal;
use hispos::ids::OrderNo;
use hispos::ledger::OrderView;
use tokio::sync::oneshot;

use super::{Desk, DeskError, view};
use crate::api::types::{Bill, Order, Window};
use crate::ledger::LedgerError;
use crate::link::{Command, WindowHandle};

impl Desk {
    /// A person cancels an order. The task that made it makes no other: who cancels does not want the next one either.
    pub(crate) async fn cancel_for_good(&self, order_no: &str) -> Result<Order, DeskError> {
        let order = self.known(order_no).await?;
        if self.running().stop_with(order_no) {
            return Ok(order);
        }
        self.cancel(order_no).await
    }

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

    /// Pulls the orders that only a window's device knows.
    pub(crate) async fn pull(&self, window: &str) -> Result<(), DeskError> {
        let device = self.window(Some(window))?.device;
        self.ask(&device, Command::Pull).await
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
    pub(crate) async fn orders_of_day(&self, day: u32) -> Result<Vec<Order>, LedgerError> {
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

    /// Every driver reads agreements, manifests and blocks again.
    pub(crate) async fn provision(&self) -> Result<(), DeskError> {
        for window in self.windows() {
            self.command(window, Command::Provision).await?;
        }
        Ok(())
    }

    pub(super) async fn open_rows(&self) -> Result<Vec<Row>, LedgerError> {
        let open = Query::Open { device: String::new(), after: 0, limit: usize::MAX };
        Ok(self.ledger().find(open).await?.rows)
    }

    pub(super) async fn order_row(&self, order_no: &str) -> Result<Row, DeskError> {
        let rows = self.ledger().find(Query::Rows(vec![RowKey::new(Table::Order, order_no)])).await?.rows;
        rows.into_iter().find(|row| row.version > 0).ok_or(DeskError::Missing("order"))
    }

    pub(super) async fn known(&self, order_no: &str) -> Result<Order, DeskError> {
        self.order(order_no).await?.ok_or(DeskError::Missing("order"))
    }

    pub(super) fn window_of(&self, device: &str) -> Result<&WindowHandle, DeskError> {
        self.windows()
            .find(|window| window.device == device)
            .ok_or(DeskError::Missing("window with this device"))
    }

    /// Asks the driver of a device, and waits for whether it could be done.
    pub(super) async fn ask<T>(
        &self,
        device: &str,
        command: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Command,
    ) -> Result<T, DeskError> {
        let (answer, answered) = oneshot::channel();
        self.command(self.window_of(device)?, command(answer)).await?;
        let refused = |code: &str, text: String| DeskError::Refused { code: code.to_owned(), text };
        answered
            .await
            .map_err(|_| refused("link", "the window is closing".into()))?
            .map_err(|refusal| refused("link", refusal.to_string()))
    }

    pub(super) async fn command(&self, window: &WindowHandle, command: Command) -> Result<(), DeskError> {
        let gone = |_| DeskError::Refused { code: "link".into(), text: "the window is closing".into() };
        window.commands.send(command).await.map_err(gone)
    }
}

pub(super) fn number(order_no: &str) -> Result<OrderNo, DeskError> {
    OrderNo::try_from(order_no).map_err(|error| DeskError::Malformed(error.to_string()))
}
