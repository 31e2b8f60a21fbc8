//! What a HIS link is made of, and what it tells its program.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::catalogue::RejectCode;
use crate::crypto::Secret;
use crate::ids::{DeviceId, OrderNo, TerminalId};
use crate::message::agreement::Agreement;
use crate::message::manifest::{Device, Manifest};
use crate::order_flow::his::HisOrderEvent;
use crate::order_flow::pos::Progress;
use crate::order_flow::totals::Totals;
use crate::session::SessionEvent;

/// What a HIS link is made of.
pub struct HisConfig {
    /// The software terminal that this link speaks for, and the seed of its Ed25519 key.
    pub terminal_id: TerminalId,
    /// See `terminal_id`.
    pub terminal_seed: Secret<32>,
    /// The site's secret: order numbers are functions of it and the bill.
    pub site_secret: Secret<32>,
    /// The device that is bound to this desk.
    pub device_id: DeviceId,
    /// All agreements ever held, newest first; the first two serve new sessions.
    pub agreements: Vec<Agreement>,
    /// The devices of the site.
    pub devices: Manifest<Device>,
}

/// What a HIS link tells its program.
#[expect(clippy::large_enum_variant, reason = "events are few, and handed out one at a time")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HisEvent {
    /// The device has authenticated a session.
    SessionUp {
        /// Which.
        device_id: String,
        /// Its program.
        software: String,
        /// No money moves.
        simulated: bool,
    },
    /// The session is past Sync: orders may be made.
    Ready,
    /// The session has ended.
    SessionDown {
        /// Why.
        reason: String,
    },
    /// Nothing was heard for 25 s: show the line as down, and every open order as unknown.
    Silent,
    /// Something became of an order.
    Order(HisOrderEvent),
    /// The POS told how far an order is. Never an end.
    Progress(Progress),
    /// The POS refused a request about an order: nothing moved there by it.
    Rejected {
        /// The order.
        order_no: OrderNo,
        /// Why, as a code.
        code: u32,
        /// Why, if this version knows the code.
        why: Option<RejectCode>,
    },
    /// What the device counts for a day.
    Totals {
        /// The day, as YYYYMMDD.
        business_day: u32,
        /// By channel and direction, its open orders, and the digest of its ends.
        totals: Totals,
    },
    /// The device's list was pulled to its end.
    Pulled,
    /// Something about the device, in its own words.
    DeviceNotice {
        /// Its code.
        code: u32,
        /// Its text.
        text: String,
    },
    /// Something was seen on the line.
    Line(SessionEvent),
}

/// What a HIS link is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HisView {
    /// The device of the session, if one is up.
    pub session: Option<String>,
    /// It is past Sync: orders may be made.
    pub ready: bool,
    /// Nothing was heard for 25 s.
    pub silent: bool,
    /// Orders of this device that have not ended.
    pub open: usize,
}

/// The keys of all devices, the compromised ones among them: what they hold is evidence that HIS wants to see.
pub(super) fn device_keys(devices: &Manifest<Device>) -> BTreeMap<String, [u8; 32]> {
    //= spec-crate/spec/key-exchange.md#what-an-end-holds
    //# A registry MUST contain every entry, a revoked one as well, except that the registry of a POS does not
    //# contain terminals which are revoked as compromised.
    //= spec-crate/spec/provisioning.md#certificates-of-keys
    //# An end MUST NOT accept a device or terminal key from anything but a manifest that it has verified.
    devices.entries().iter().map(|entry| (entry.id.as_str().into(), entry.public_key)).collect()
}
