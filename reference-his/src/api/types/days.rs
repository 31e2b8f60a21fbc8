//! What travels about business days.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TaskKind;

/// What is counted for one channel and direction of a day.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct TotalsRow {
    /// `wechat` or `alipay`.
    pub channel: Option<String>,
    /// Which way the money went.
    pub kind: TaskKind,
    /// How many orders.
    pub count: u32,
    /// Fen, signed.
    pub fen: i64,
    /// Captures beyond what was recorded.
    pub beyond: bool,
}

/// What a business day came to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Totals {
    /// By channel and direction.
    pub rows: Vec<TotalsRow>,
    /// Orders of the day that are open.
    pub open: u32,
    /// SHA-256 over the sorted ends, in hexadecimal.
    pub digest: String,
}

/// What a closed day came to at one moment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Revision {
    /// From 1, which is the closing.
    pub revision: u32,
    /// Unix seconds.
    pub at: Option<u64>,
    /// Who closed the day; empty in a later revision.
    pub by: String,
    /// What it came to.
    pub totals: Totals,
    /// The orders that were open.
    pub open: Vec<String>,
}

/// What a device counts for a day beside what it should count.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct DeviceDay {
    /// The device.
    pub device: String,
    /// The software terminal that it is bound to.
    pub window: Option<String>,
    /// What the ledger has of it.
    pub expected: Totals,
    /// What it tells; `null` if it could not be asked.
    pub told: Option<Totals>,
    /// Where the two differ: `rows`, `open`, `digest`.
    pub differences: Vec<String>,
    /// Why it could not be asked.
    pub text: String,
}

/// A business day.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Day {
    /// YYYYMMDD.
    pub day: u32,
    /// How it was closed, if it was.
    pub closed: Option<Revision>,
    /// What it came to by a later change, if there was one.
    pub latest: Option<Revision>,
    /// What it comes to in the ledger.
    pub totals: Totals,
    /// The orders that have not ended.
    pub open: Vec<String>,
    /// Every device that has to do with the day, or is bound to a window.
    pub devices: Vec<DeviceDay>,
}

/// Close a business day.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseRequest {
    /// Exactly the orders that are open; left out if none is.
    #[serde(default)]
    pub with_open: Vec<String>,
    /// Who closes it.
    pub by: String,
}
