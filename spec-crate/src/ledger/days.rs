//! Business days: what each came to, closing one, and what changed afterwards.
//!
//! Everything is computed from the order rows of the day, so a revision that a crash prevented is made by the next look
//! at the day. Specified in spec: order life, "totals".

#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use prost::Message as _;

use crate::book::{Batch, Index, Row, RowKey, Table};
use crate::message::order::is_date;
use crate::message::result::ResultCore;
use crate::order_flow::his::{Changes, Held};
use crate::order_flow::totals::{Count, Moved};
use crate::time::Clock;
use crate::wire::{self, HisState};

pub use crate::order_flow::totals::{Totals, TotalsRow};

/// A day with more open orders than this is not closed: something is wrong with it.
const OPEN_MAX: usize = 1_000;

/// What a business day came to, in the ledger's own book.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DayView {
    /// Of the whole site. A row beyond what was recorded holds captures that no end of an order accounts for.
    pub totals: Totals,
    /// The orders that have not ended, sorted.
    pub open: Vec<String>,
    /// What each device should count, by its id: compare it with what it tells.
    pub devices: BTreeMap<String, Totals>,
}

/// What a closed day came to at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DayRevision {
    /// From 1, which is the closing.
    pub revision: u32,
    /// Unix seconds; 0 without a clock.
    pub at: u64,
    /// Who closed the day; empty in a later revision.
    pub by: String,
    /// What it came to.
    pub totals: Totals,
    /// The orders that were open, sorted.
    pub open: Vec<String>,
}

/// A closed day: how it was closed, and how it stands now if that is something else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClosedDay {
    /// The closing.
    pub closed: DayRevision,
    /// The latest revision, if a later change made one.
    pub latest: Option<DayRevision>,
}

/// What a person says who closes a day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closing {
    /// The day, as YYYYMMDD.
    pub day: u32,
    /// The business day of this moment: only days before it are over.
    pub today: u32,
    /// Exactly the orders that are open, in any order.
    pub with_open: Vec<String>,
    /// Who closes it, 1 to 24 bytes.
    pub by: String,
}

/// Why a day was not closed. Nothing was changed.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DayRefusal {
    /// It is no date.
    Date(u32),
    /// It is not over.
    NotOver(u32),
    /// It was closed before.
    Closed(u32),
    /// Nobody is named, or with more than 24 bytes.
    Nobody,
    /// An order is open and was not named.
    Open {
        /// That order.
        order_no: String,
    },
    /// An order was named that is not open on this day.
    NotOpen {
        /// That order.
        order_no: String,
    },
    /// Too many orders are open.
    TooManyOpen(usize),
}

impl fmt::Display for DayRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(day) => write!(f, "{day} is no date: name the day as YYYYMMDD"),
            Self::NotOver(day) => write!(f, "business day {day} is not over: close it after its end"),
            Self::Closed(day) => write!(f, "business day {day} is closed already"),
            Self::Nobody => f.write_str("closing a day needs the name of a person, of at most 24 bytes"),
            Self::Open { order_no } => {
                write!(f, "order {order_no} of this day is open: wait for its end, or close the day with it")
            }
            Self::NotOpen { order_no } => {
                write!(f, "order {order_no} is not open on this day: look at the day again")
            }
            Self::TooManyOpen(open) => {
                write!(f, "{open} orders of this day are open, at most {OPEN_MAX} are allowed")
            }
        }
    }
}

impl core::error::Error for DayRefusal {}

/// What a day came to; `rows` are all order rows of the day.
#[must_use]
pub fn day(rows: &[Row]) -> DayView {
    let (mut site, mut devices) = (Count::default(), BTreeMap::<String, Count>::new());
    let (mut accounted, mut told) = (BTreeSet::<Moved>::new(), BTreeSet::<Moved>::new());
    let mut open = Vec::new();
    for held in rows.iter().filter_map(Held::read) {
        if !held.ended() {
            site.open();
            open.push(held.order_no.to_string());
        }
        let results = Results::of(&held);
        if let Some(accepted) = results.accepted.as_ref().filter(|_| held.ended()) {
            // Of two ends with one payment the second needs people: it accounts for nothing.
            let moved = site.recorded(accepted, matches!(held.state(), HisState::Paid | HisState::Refunded));
            accounted.extend(moved);
        }
        told.extend(results.all().flat_map(Moved::told));
        results.count(&held, &mut devices);
    }
    for moved in told.difference(&accounted) {
        site.beyond(moved);
    }
    open.sort();
    let devices = devices.into_iter().map(|(device, count)| (device, count.totals())).collect();
    DayView { totals: site.totals(), open, devices }
}

/// The signed results of one order.
struct Results {
    accepted: Option<ResultCore>,
    /// The accepted one was first told to be KEPT, and taken over by people.
    by_people: bool,
    /// Beside the accepted one, newest last, and whether each came after it.
    kept: Vec<(ResultCore, bool)>,
}

impl Results {
    fn of(held: &Held) -> Self {
        let row = &held.row;
        let decode = |kept: &wire::Evidence| {
            Some((ResultCore::decode(kept.result.clone()).ok()?, kept.at > row.ended_at))
        };
        Self {
            accepted: held.result(),
            by_people: row.evidence.iter().any(|kept| kept.result == row.result),
            kept: row.evidence.iter().filter_map(decode).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &ResultCore> {
        self.accepted.iter().chain(self.kept.iter().map(|(result, _)| result))
    }

    /// Counts the order as each of its devices does: by what the device was told of its results.
    fn count(&self, held: &Held, devices: &mut BTreeMap<String, Count>) {
        let own = held.core.as_ref().map(|core| core.device_id().as_str());
        let signers: BTreeSet<&str> = self.all().map(|result| result.get().device_id.as_str()).collect();
        if let Some(own) = own.filter(|own| !signers.contains(own)) {
            let count = devices.entry(own.into()).or_default();
            if !held.ended() {
                count.open();
            }
        }
        for signer in signers {
            let count = devices.entry(signer.into()).or_default();
            let by_it = |result: &&ResultCore| result.get().device_id.as_str() == signer;
            let recorded = self.accepted.as_ref().filter(by_it).filter(|_| !self.by_people);
            let newest = self.kept.iter().rfind(|(result, _)| by_it(&result));
            let latest = match newest {
                Some((kept, after)) if *after || recorded.is_none() => Some(kept),
                _ => recorded,
            };
            let accounted = recorded.map(|result| count.recorded(result, true)).unwrap_or_default();
            for moved in latest.into_iter().flat_map(Moved::told).filter(|moved| !accounted.contains(moved)) {
                count.beyond(&moved);
            }
        }
    }
}

/// Closes a day: no order is made for it any more. `site` is the site's row, `day_row` the day's own, `orders` all
/// order rows of the day.
///
/// A version check finds a row that changed, not one that is new: the store must let nothing be written between reading
/// the orders and writing the batch.
///
/// # Errors
///
/// [`DayRefusal`] naming what stands in the way.
pub fn close_day(
    site: &Row,
    day_row: &Row,
    orders: &[Row],
    closing: &Closing,
    clock: Clock,
) -> Result<Batch, DayRefusal> {
    let day_no = closing.day;
    if !is_date(day_no) {
        return Err(DayRefusal::Date(day_no));
    }
    if day_no >= closing.today {
        return Err(DayRefusal::NotOver(day_no));
    }
    let mut stored = wire::SiteRow::decode(site.bytes.as_slice()).unwrap_or_default();
    //= spec-crate/spec/orders.md#totals
    //# A HIS MUST make no order for a business day that is closed, and close a day with orders that have not
    //# ended only together with the list of them.
    if stored.closed_days.contains(&day_no) {
        return Err(DayRefusal::Closed(day_no));
    }
    if closing.by.is_empty() || closing.by.len() > crate::limits::ID_BYTES_MAX {
        return Err(DayRefusal::Nobody);
    }
    let view = day(orders);
    if view.open.len() > OPEN_MAX {
        return Err(DayRefusal::TooManyOpen(view.open.len()));
    }
    //= spec-crate/spec/orders.md#totals
    //# A HIS MUST make no order for a business day that is closed, and close a day with orders that have not
    //# ended only together with the list of them.
    let unnamed = view.open.iter().find(|order_no| !closing.with_open.contains(*order_no));
    if let Some(order_no) = unnamed {
        return Err(DayRefusal::Open { order_no: order_no.clone() });
    }
    if let Some(order_no) = closing.with_open.iter().find(|order_no| !view.open.contains(*order_no)) {
        return Err(DayRefusal::NotOpen { order_no: order_no.clone() });
    }
    let mut changes = Changes::default();
    for order in orders {
        changes.looked(&order.key, order.version);
    }
    stored.closed_days.push(day_no);
    stored.closed_days.sort_unstable();
    changes.write(&site.key, site.version, &stored, Index::default());
    let closed = DayRevision::of(view, clock, &closing.by).wire();
    let row = wire::DayRow { revision: 1, closed: Some(closed), latest: None };
    changes.write(&day_row.key, day_row.version, &row, Index::default());
    Ok(changes.batch)
}

/// The next revision of a closed day, if its totals changed since the latest one. `orders` are all order rows of the day.
#[must_use]
pub fn revise_day(day_row: &Row, orders: &[Row], clock: Clock) -> Option<Batch> {
    let known = closed_day(day_row)?;
    let view = day(orders);
    let latest = known.latest.as_ref().unwrap_or(&known.closed);
    //= spec-crate/spec/orders.md#totals
    //# A HIS MUST show a change to a closed day as a new revision of that day beside the closing, and keep
    //# every earlier revision as a record of its ledger.
    if latest.totals == view.totals && latest.open == view.open {
        return None;
    }
    let stored = wire::DayRow::decode(day_row.bytes.as_slice()).ok()?;
    let row = wire::DayRow {
        revision: stored.revision.saturating_add(1),
        latest: Some(DayRevision::of(view, clock, "").wire()),
        ..stored
    };
    let mut changes = Changes::default();
    for order in orders {
        changes.looked(&order.key, order.version);
    }
    changes.write(&day_row.key, day_row.version, &row, Index::default());
    Some(changes.batch)
}

/// The row of a closed day.
#[must_use]
pub fn day_key(day: u32) -> RowKey {
    RowKey::new(Table::Day, &alloc::format!("{day:08}"))
}

/// The days that are closed, oldest first; `site` is the site's row.
#[must_use]
pub fn closed_days(site: &Row) -> Vec<u32> {
    wire::SiteRow::decode(site.bytes.as_slice()).unwrap_or_default().closed_days
}

/// Reads the row of a closed day; `None` if the day was never closed.
#[must_use]
pub fn closed_day(day_row: &Row) -> Option<ClosedDay> {
    if day_row.version == 0 || day_row.key.table != Table::Day {
        return None;
    }
    let stored = wire::DayRow::decode(day_row.bytes.as_slice()).ok()?;
    let read = |revision: u32, state: wire::DayState| {
        let open_count = u32::try_from(state.open.len()).unwrap_or(u32::MAX);
        let rows = state.rows.iter().map(TotalsRow::of).collect();
        let totals = Totals { rows, open: open_count, digest: state.digest };
        DayRevision { revision, at: state.at, by: state.by, totals, open: state.open }
    };
    let latest = stored.latest.map(|state| read(stored.revision, state));
    Some(ClosedDay { closed: read(1, stored.closed?), latest })
}

impl DayRevision {
    fn of(view: DayView, clock: Clock, by: &str) -> Self {
        let at = clock.unix.map_or(0, |unix| unix.0);
        Self { revision: 0, at, by: by.into(), totals: view.totals, open: view.open }
    }

    fn wire(self) -> wire::DayState {
        wire::DayState {
            at: self.at,
            by: self.by,
            rows: self.totals.rows.iter().map(TotalsRow::wire).collect(),
            open: self.open,
            digest: self.totals.digest,
        }
    }
}
