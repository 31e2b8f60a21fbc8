//! One entry of a manifest.

use alloc::string::String;

use crate::ids::{DeviceId, TerminalId};
use crate::time::UnixSeconds;

/// Tolerance of validity dates in seconds: 24 hours.
const TOLERANCE: u64 = 86_400;

/// A device: its name is the serial number on the housing.
pub type Device = Entry<DeviceId>;

/// A software terminal: its name is the window's.
pub type Terminal = Entry<TerminalId>;

/// One entry of a manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry<I> {
    /// The id, never given to another key.
    pub id: I,
    /// A device's serial number: 1 to 32 visible ASCII characters. A terminal's window: 1 to 64 bytes of text.
    pub name: String,
    /// Ed25519. No two entries share it.
    pub public_key: [u8; 32],
    /// From when the entry is meant to be used.
    pub valid_from: UnixSeconds,
    /// Until when.
    pub valid_until: UnixSeconds,
    /// Whether and how it was withdrawn.
    pub revocation: Option<Revocation>,
}

/// How an entry was withdrawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Revocation {
    /// No new orders; what it already holds ends normally.
    Retired,
    /// From then on its results are evidence only. No new orders.
    Compromised {
        /// Since when.
        since: UnixSeconds,
    },
}

/// What the dates of an entry say at a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Validity {
    /// Nothing to say, or there is no clock.
    Within,
    /// More than 24 hours too early: warn.
    Early,
    /// More than 24 hours too late: warn.
    Late,
}

impl<I> Entry<I> {
    /// What the dates say.
    #[must_use]
    pub fn validity(&self, now: Option<UnixSeconds>) -> Validity {
        match now {
            //= spec-crate/spec/provisioning.md#dates
            //# A program MUST warn a person of an entry in use if its calendar clock is more than 86,400 s
            //# before `valid_from` or more than 86,400 s after `valid_until`.
            Some(now) if now.0.saturating_add(TOLERANCE) < self.valid_from.0 => Validity::Early,
            //= spec-crate/spec/provisioning.md#dates
            //# A program MUST warn a person of an entry in use if its calendar clock is more than 86,400 s
            //# before `valid_from` or more than 86,400 s after `valid_until`.
            Some(now) if now.0 > self.valid_until.0.saturating_add(TOLERANCE) => Validity::Late,
            _ => Validity::Within,
        }
    }
}

impl Validity {
    /// What people are warned of, if anything.
    #[must_use]
    pub const fn warning(self) -> Option<&'static str> {
        match self {
            Self::Within => None,
            Self::Early => Some("is not meant to be used yet: look at the clock, or at the manifest"),
            Self::Late => Some("has run out: have a newer manifest made, or look at the clock"),
        }
    }
}

impl Revocation {
    /// A revocation stays. It may become worse, or be dated earlier.
    pub(super) fn may_become(held: Option<Self>, newer: Option<Self>) -> bool {
        match (held, newer) {
            (None, _) | (Some(Self::Retired), Some(_)) => true,
            //= spec-crate/spec/provisioning.md#taking-a-manifest-over
            //# A program MUST refuse a manifest that takes a revocation of the one that it holds back,
            //# weakens it from 2 to 1, or dates `compromised_since` later.
            (Some(Self::Compromised { since }), Some(Self::Compromised { since: newer })) => newer <= since,
            _ => false,
        }
    }
}
