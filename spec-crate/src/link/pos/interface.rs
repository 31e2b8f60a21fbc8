//! What a POS link is made of, and what it tells its program.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::amount::Amount;
use crate::crypto::Secret;
use crate::handshake::{HeldAgreement, Peering};
use crate::ids::DeviceId;
use crate::message::agreement::Agreement;
use crate::message::manifest::{Manifest, Revocation, Terminal};
use crate::order_flow::pos::{OrderEvent, Progress};
use crate::platform::Merchant;
use crate::session::SessionEvent;

/// What a POS link is made of.
pub struct PosConfig {
    /// Who this device is, and the seed of its Ed25519 key.
    pub device_id: DeviceId,
    /// See `device_id`.
    pub device_seed: Secret<32>,
    /// The id of this boot of the machine.
    pub boot: [u8; 16],
    /// Name and version of the program, shown to HIS.
    pub software: String,
    /// All agreements ever held, newest first; the first two serve new sessions.
    pub agreements: Vec<Agreement>,
    /// The software terminals that may use this device.
    pub terminals: Manifest<Terminal>,
    /// Merchants whose credentials the program holds.
    pub merchants: Vec<Merchant>,
}

/// What a POS link tells its program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PosEvent {
    /// A terminal has authenticated a session.
    SessionUp {
        /// Which.
        terminal_id: String,
    },
    /// The session has ended.
    SessionDown {
        /// Why: an alert's name, or `line`.
        reason: String,
    },
    /// Something became of an order.
    Order(OrderEvent),
    /// Something was seen on the line.
    Line(SessionEvent),
}

/// What a POS link is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PosView {
    /// The terminal of the session.
    pub session: Option<String>,
    /// The order that is being worked on, and its amount.
    pub active: Option<(Progress, Amount)>,
    /// Orders that have not ended.
    pub open: usize,
    /// Results that HIS has not answered.
    pub unanswered: usize,
    /// Merchants whose credentials a platform has verified in this run.
    pub verified: Vec<Merchant>,
}

/// What the key exchange needs of it. `None` if the device's id is no identifier.
pub(super) fn peering(config: &PosConfig) -> Option<Peering> {
    let seed = Secret::new(*config.device_seed.expose());
    let agreements = HeldAgreement::serving(&config.agreements);
    Peering::new(config.device_id.as_str().into(), seed, agreements, terminal_keys(&config.terminals), None)
        .ok()
}

/// The keys that authenticate a session: of all terminals but those whose key is in other hands. A retired one still
/// ends what it holds.
pub(super) fn terminal_keys(terminals: &Manifest<Terminal>) -> BTreeMap<String, [u8; 32]> {
    //= spec-crate/spec/key-exchange.md#what-an-end-holds
    //# A registry MUST contain every entry, a revoked one as well, except that the registry of a POS
    //# does not contain terminals which are revoked as compromised.
    let compromised = |entry: &&Terminal| matches!(entry.revocation, Some(Revocation::Compromised { .. }));
    //= spec-crate/spec/key-exchange.md#what-an-end-holds
    //# A registry MUST contain every entry, a revoked one as well, except that the registry of a POS does not
    //# contain terminals which are revoked as compromised.
    //= spec-crate/spec/provisioning.md#certificates-of-keys
    //# An end MUST NOT accept a device or terminal key from anything but a manifest that it has verified.
    let trusted = terminals.entries().iter().filter(|entry| !compromised(entry));
    trusted.map(|entry| (entry.id.as_str().into(), entry.public_key)).collect()
}
