//! What people decide and record: two people's decisions, postings, adoptions, blocks.

use std::collections::HashSet;
use std::time::Duration;

use hispos::book::{Batch, Index, Query, Row, RowKey, Table, Write};
use hispos::ledger::{self, OrderView};
use hispos::message::agreement::Agreement;
use serde_json::json;

use super::act::number;
use super::{Desk, DeskError, view};
use crate::api::types::{Decision, Order};
use crate::ledger::Unwritten;
use crate::link::Command;
use crate::provisioning::block;

/// Times that a change is computed again because its rows changed meanwhile.
const TRIES: usize = 8;
/// How often ends that wait to be posted are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Desk {
    /// Records the decision of two different people about an order.
    pub(crate) async fn decide(
        &self,
        order_no: &str,
        decision: Decision,
        by: &[String],
    ) -> Result<Order, DeskError> {
        let [first, second] = two(by)?;
        let kind = view::decision(decision);
        self.change(order_no, &[], |order, captures, agreements| {
            let decision = ledger::Decision { kind, by_first: first.clone(), by_second: second.clone() };
            ledger::decide(order, captures, &decision, agreements, self.clock())
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
        self.change(order_no, &[], |order, _, _| ledger::posted(order)).await
    }

    /// A bill adopts an order that only a terminal knew, end and posting included.
    pub(crate) async fn adopt(&self, order_no: &str, bill: &str) -> Result<Order, DeskError> {
        // A ledger that went back may have forgotten the bill, too: its row is made by the adoption.
        let key = RowKey::new(Table::Bill, bill);
        self.change(order_no, &[key], |order, rows, agreements| {
            let missing = || ledger::DecisionRefusal::UnknownOrder;
            let bill = rows.iter().find(|row| row.key.table == Table::Bill).ok_or_else(missing)?;
            ledger::adopt(order, bill, rows, agreements)
        })
        .await
    }

    /// Two people decide to go on without the list of a device that cannot answer, after the ledger went back.
    pub(crate) async fn without_list(&self, device: &str, by: &[String]) -> Result<(), DeskError> {
        //= spec-crate/spec/books.md#a-ledger-that-went-back
        //# A HIS MUST go on without the list of a device that cannot answer only on the recorded decision of
        //# two different people.
        let [first, second] = two(by)?;
        let peer = RowKey::new(Table::Peer, device);
        let record = RowKey::new(Table::Program, &format!("without_list/{device}"));
        for _ in 0..TRIES {
            let rows = self.ledger().find(Query::Rows(vec![peer.clone(), record.clone()])).await?.rows;
            let [peer, before] = rows.as_slice() else {
                return Err(DeskError::Missing("device"));
            };
            let mut batch = ledger::pulled_by_decision(peer);
            let at = self.clock().unix.map(|unix| unix.0);
            let bytes = json!({"by": [first, second], "at": at}).to_string().into_bytes();
            batch.read.push((record.clone(), before.version));
            batch.write.push(Write { key: record.clone(), bytes, index: Index::default() });
            match self.ledger().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(Unwritten::Stale) => {}
                Err(Unwritten::Failed(error)) => return Err(error.into()),
            }
        }
        Err(busy())
    }

    /// Blocks a device at this site, or lifts the block; durable before it is told.
    pub(crate) async fn block(&self, device: &str, blocked: bool) -> Result<(), DeskError> {
        let key = block::key(device);
        for _ in 0..TRIES {
            let found = self.ledger().find(Query::Rows(vec![key.clone()])).await?;
            let version = found.rows.first().map_or(0, |row| row.version);
            //= spec-crate/spec/security.md#losing-a-device-or-a-key
            //# A HIS MUST let people revoke a device at a site at once, before a new manifest has come, and
            //# make no new order for it from then on.
            match self.ledger().commit(block::batch(device, blocked, version)).await {
                Ok(_) => return self.provision().await,
                Err(Unwritten::Stale) => {}
                Err(Unwritten::Failed(error)) => return Err(error.into()),
            }
        }
        Err(busy())
    }

    /// Raises an alarm for each end that waits too long to be posted, once in this program run. Never returns.
    pub(crate) async fn watch_unposted(&self) {
        let mut told = HashSet::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let (Some(now), Ok(rows)) = (self.clock().unix, self.open_rows().await) else {
                continue;
            };
            for order in rows.iter().filter_map(OrderView::read) {
                //= spec-crate/spec/orders.md#posting
                //# A HIS MUST raise an alarm for an order that has been unposted for 1,800 seconds.
                if ledger::unposted_too_long(&order, now.0) && told.insert(order.order_no.to_string()) {
                    let text =
                        format!("order {} waits to be posted to its bill for too long", order.order_no);
                    self.alarm(&order.terminal_id, &text);
                }
            }
        }
    }

    /// Computes a change of one order from its rows and `others` and makes it durable; again, over the rows as they are
    /// then, if they changed meanwhile.
    async fn change<E: std::fmt::Display>(
        &self,
        order_no: &str,
        others: &[RowKey],
        compute: impl Fn(&Row, &[Row], &[Agreement]) -> Result<Batch, E>,
    ) -> Result<Order, DeskError> {
        let agreements = self.agreements();
        for _ in 0..TRIES {
            let order = self.order_row(order_no).await?;
            // The rows of its captures and payment numbers.
            let keys = ledger::rows_of(&order, &agreements);
            let keys = keys.into_iter().chain(others.iter().cloned()).collect();
            let rows = self.ledger().find(Query::Rows(keys)).await?.rows;
            let batch = compute(&order, &rows, &agreements)
                .map_err(|refusal| DeskError::Refused { code: "ledger".into(), text: refusal.to_string() })?;
            match self.ledger().commit(batch).await {
                Ok(_) => {
                    let order = self.known(order_no).await?;
                    self.tell_order(order.clone());
                    self.revise(order.business_day).await?;
                    if let Ok(window) = self.window_of(&order.device) {
                        self.command(window, Command::Refresh(number(order_no)?)).await?;
                    }
                    return Ok(order);
                }
                Err(Unwritten::Stale) => {}
                Err(Unwritten::Failed(error)) => return Err(error.into()),
            }
        }
        Err(busy())
    }
}

/// Two different names.
fn two(by: &[String]) -> Result<[&String; 2], DeskError> {
    match by {
        //= spec-crate/spec/orders.md#decisions-of-persons
        //# A HIS MUST record a decision about an order only with two different people, what was decided, and
        //# the time.
        [first, second] if first != second => Ok([first, second]),
        _ => Err(DeskError::Malformed("a decision needs two different people: give --by twice".into())),
    }
}

fn busy() -> DeskError {
    DeskError::Refused { code: "busy".into(), text: "it is changing at this moment: try again".into() }
}
