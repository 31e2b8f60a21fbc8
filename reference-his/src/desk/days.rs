//! Business days: what the ledger has of one beside what each device tells, closing one, and later revisions.

use std::collections::BTreeMap;
use std::time::Duration;

use hispos::book::{Query, Row, Table};
use hispos::ledger::{self, Closing, DayRevision, DayView};
use hispos_common::book::{Book, SqliteBook};
use tokio::sync::broadcast::error::RecvError;

use super::{Desk, DeskError, view};
use crate::api::types::{Day, DeviceDay, Revision, Totals};
use crate::events::Happening;
use crate::ledger::{LedgerError, write};
use crate::link::Command;

/// How long a device may take to tell what it counts.
const TOTALS_WITHIN: Duration = Duration::from_secs(5);
/// Seconds in which a closed day may still change by itself: attention is looked up for 30 days.
const CHANGES_WITHIN: u64 = 35 * 86_400;

impl Desk {
    /// A day as the ledger has it, beside what every device tells. Makes the next revision if a closed day has changed.
    pub(crate) async fn day(&self, day: u32) -> Result<Day, DeskError> {
        if !hispos::message::order::is_date(day) {
            return Err(DeskError::Malformed(format!("{day} is no date: name the day as YYYYMMDD")));
        }
        let told = self.told_totals(day).await;
        self.revise(day).await?;
        let read = self.ledger().alone(move |book| Ok((day_row(book, day)?, orders(book, day)?)));
        let (row, orders) = read.await?;
        let own = ledger::day(&orders);
        let closed = ledger::closed_day(&row);
        Ok(Day {
            day,
            closed: closed.as_ref().map(|closed| revision(&closed.closed)),
            latest: closed.and_then(|closed| closed.latest).as_ref().map(revision),
            totals: view::totals(&own.totals),
            open: own.open.clone(),
            devices: self.device_days(&own, told),
        })
    }

    /// Closes a day: no order is made for it any more.
    pub(crate) async fn close_day(
        &self,
        day: u32,
        with_open: Vec<String>,
        by: String,
    ) -> Result<Day, DeskError> {
        let no_clock = || DeskError::Refused {
            code: "clock".into(),
            text: "the machine has no trustworthy time".into(),
        };
        let closing = Closing { day, today: self.today().ok_or_else(no_clock)?, with_open, by };
        let clock = self.clock();
        let closed = self.ledger().alone(move |book| {
            let (site, row, orders) = (site_row(book)?, day_row(book, day)?, orders(book, day)?);
            match ledger::close_day(&site, &row, &orders, &closing, clock) {
                Ok(batch) => write(book, batch, clock).map(Ok),
                Err(refusal) => Ok(Err(refusal)),
            }
        });
        let refused =
            |why: ledger::DayRefusal| DeskError::Refused { code: "day".into(), text: why.to_string() };
        closed.await?.map_err(refused)?;
        self.events().publish(Happening::Day { day, revision: 1 });
        self.day(day).await
    }

    /// What a window's device counts for a day.
    pub(crate) async fn totals(&self, window: &str, day: u32) -> Result<Totals, DeskError> {
        let device = self.window(Some(window))?.device;
        self.totals_of(&device, day).await
    }

    /// Makes the next revision of every closed day whose totals change. Never returns but by an error.
    pub(crate) async fn watch_days(&self) -> Result<(), LedgerError> {
        let (_, mut heard) = self.events().listen(None);
        self.revise_recent().await?;
        loop {
            match heard.recv().await.map(|event| event.happening.clone()) {
                Ok(Happening::Order(order)) if order.business_day != 0 => {
                    self.revise(order.business_day).await?;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.revise_recent().await?,
                Err(RecvError::Closed) => return Err(LedgerError::Gone),
            }
        }
    }

    /// What happened to closed days while nobody watched.
    async fn revise_recent(&self) -> Result<(), LedgerError> {
        let rows = self.ledger().alone(|book| Ok(book.table(Table::Day, false)?)).await?;
        let now = self.clock().unix.map_or(0, |unix| unix.0);
        for row in rows.iter().filter(|row| may_change(row, now)) {
            if let Ok(day) = row.key.key.parse() {
                self.revise(day).await?;
            }
        }
        Ok(())
    }

    /// Makes the next revision of a day, if it is closed and its totals changed.
    pub(super) async fn revise(&self, day: u32) -> Result<(), LedgerError> {
        let clock = self.clock();
        let revised = self.ledger().alone(move |book| {
            let row = day_row(book, day)?;
            if row.version == 0 {
                return Ok(None);
            }
            let Some(batch) = ledger::revise_day(&row, &orders(book, day)?, clock) else { return Ok(None) };
            write(book, batch, clock)?;
            Ok(ledger::closed_day(&day_row(book, day)?).and_then(|day| day.latest))
        });
        if let Some(latest) = revised.await? {
            self.events().publish(Happening::Day { day, revision: latest.revision });
        }
        Ok(())
    }

    /// Every device beside what it told, or why it did not.
    fn device_days(
        &self,
        own: &DayView,
        mut told: BTreeMap<String, Result<Totals, String>>,
    ) -> Vec<DeviceDay> {
        let bound = self.windows().map(|window| window.device.clone());
        let mut devices: Vec<String> = own.devices.keys().cloned().chain(bound).collect();
        devices.sort();
        devices.dedup();
        let nothing = ledger::day(&[]).totals;
        let day_of = |device: String| {
            let expected = view::totals(own.devices.get(&device).unwrap_or(&nothing));
            let unbound = || Err("it is bound to no window of this site".into());
            let (told, text) = match told.remove(&device).unwrap_or_else(unbound) {
                Ok(told) => (Some(told), String::new()),
                Err(text) => (None, text),
            };
            //= spec-crate/spec/orders.md#totals
            //# A HIS that closes business days MUST compare its own sums and digest of a day and device with
            //# those of the device, at the device that signed each accepted result, before it calls the day
            //# equal.
            let differences = told.as_ref().map(|told| differences(&expected, told)).unwrap_or_default();
            let window = self.window_of(&device).ok().map(|window| window.window.clone());
            DeviceDay { device, window, expected, told, differences, text }
        };
        devices.into_iter().map(day_of).collect()
    }

    /// Asks every window's device at the same time.
    async fn told_totals(&self, day: u32) -> BTreeMap<String, Result<Totals, String>> {
        let mut asked = tokio::task::JoinSet::new();
        for window in self.windows() {
            let (desk, device) = (self.clone(), window.device.clone());
            asked.spawn(async move {
                let told = desk.totals_of(&device, day).await.map_err(|error| match error {
                    DeskError::Refused { text, .. } => text,
                    _ => "it cannot be asked".into(),
                });
                (device, told)
            });
        }
        asked.join_all().await.into_iter().collect()
    }

    async fn totals_of(&self, device: &str, day: u32) -> Result<Totals, DeskError> {
        let told = self.ask(device, |answer| Command::Totals(day, answer));
        let silent =
            |_| DeskError::Refused { code: "link".into(), text: "the terminal did not answer".into() };
        let told = tokio::time::timeout(TOTALS_WITHIN, told).await.map_err(silent)??;
        Ok(view::totals(&told))
    }
}

fn orders(book: &SqliteBook, day: u32) -> Result<Vec<Row>, LedgerError> {
    Ok(book.find(&Query::Day(day))?.rows)
}

fn day_row(book: &SqliteBook, day: u32) -> Result<Row, LedgerError> {
    let key = ledger::day_key(day);
    let found = book.find(&Query::Rows(vec![key.clone()]))?.rows.into_iter().next();
    Ok(found.unwrap_or(Row { key, version: 0, bytes: Vec::new() }))
}

fn site_row(book: &SqliteBook) -> Result<Row, LedgerError> {
    let site = book.table(Table::Site, false)?.into_iter().next();
    site.ok_or_else(|| LedgerError::Store("it has no row of the site".into()))
}

/// The day may still change: it was closed not long ago, or with open orders that have not ended.
fn may_change(row: &Row, now: u64) -> bool {
    let Some(day) = ledger::closed_day(row) else { return false };
    let open = !day.latest.as_ref().unwrap_or(&day.closed).open.is_empty();
    open || day.closed.at.saturating_add(CHANGES_WITHIN) >= now
}

fn revision(of: &DayRevision) -> Revision {
    Revision {
        revision: of.revision,
        at: (of.at != 0).then_some(of.at),
        by: of.by.clone(),
        totals: view::totals(&of.totals),
        open: of.open.clone(),
    }
}

/// Where what a device told differs from what the ledger has of it.
fn differences(expected: &Totals, told: &Totals) -> Vec<String> {
    let parts = [
        ("rows", expected.rows == told.rows),
        ("open", expected.open == told.open),
        ("digest", expected.digest == told.digest),
    ];
    parts.iter().filter(|(_, same)| !same).map(|(part, _)| (*part).to_owned()).collect()
}
