//! The two kinds of manifest on the wire, and what an entry needs to be accepted.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use prost::Message as _;

use super::entry::{Entry, Revocation};
use super::error::ManifestError;
use crate::codec::{self, Violation};
use crate::crypto::sign::check_public_key;
use crate::ids::{DeviceId, IdError, SiteId, TerminalId};
use crate::message::signed_file::FileKind;
use crate::time::UnixSeconds;
use crate::wire;

/// The id of what a manifest lists: [`DeviceId`] or [`TerminalId`], and no other.
pub trait EntryId:
    Clone + Ord + Display + for<'a> TryFrom<&'a str, Error = IdError> + sealed::Sealed
{
    /// The kind of the file.
    const KIND: FileKind;
}

impl EntryId for DeviceId {
    const KIND: FileKind = FileKind::DeviceManifest;
}

impl EntryId for TerminalId {
    const KIND: FileKind = FileKind::TerminalManifest;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::ids::DeviceId {}
    impl Sealed for crate::ids::TerminalId {}
}

/// A manifest of either kind, canonical and not yet checked.
pub(super) struct Raw {
    pub(super) serial: u32,
    pub(super) site: String,
    pub(super) entries: Vec<RawEntry>,
}

/// An entry of either kind, canonical and not yet checked.
pub(super) struct RawEntry {
    id: String,
    name: String,
    public_key: Vec<u8>,
    valid_from: u64,
    valid_until: u64,
    revocation: i32,
    compromised_since: u64,
}

/// Reads a payload of the kind.
pub(super) fn read(kind: FileKind, payload: &[u8]) -> Result<Raw, Violation> {
    if kind == FileKind::DeviceManifest {
        //= spec-crate/spec/encoding.md#strict-messages
        //# A receiver MUST treat a strict message that the validator refuses as the chapter says that
        //# describes where it came from, and use nothing of it.
        let read: wire::DeviceManifest = codec::decode(payload, &wire::strict::DEVICE_MANIFEST)?;
        let entries = read.devices.into_iter().map(RawEntry::from).collect();
        return Ok(Raw { serial: read.serial, site: read.site_id, entries });
    }
    let read: wire::TerminalManifest = codec::decode(payload, &wire::strict::TERMINAL_MANIFEST)?;
    let entries = read.terminals.into_iter().map(RawEntry::from).collect();
    Ok(Raw { serial: read.serial, site: read.site_id, entries })
}

/// Writes a payload of the kind.
pub(super) fn write(
    kind: FileKind,
    serial: u32,
    site: &SiteId,
    entries: impl Iterator<Item = RawEntry>,
) -> Vec<u8> {
    let site_id = site.to_string();
    if kind == FileKind::DeviceManifest {
        return wire::DeviceManifest { serial, site_id, devices: entries.map(Into::into).collect() }
            .encode_to_vec();
    }
    wire::TerminalManifest { serial, site_id, terminals: entries.map(Into::into).collect() }.encode_to_vec()
}

impl<I: EntryId> Entry<I> {
    pub(super) fn checked(raw: RawEntry) -> Result<Self, ManifestError> {
        // The validator has counted 32 bytes; zeros are no usable key.
        let public_key = <[u8; 32]>::try_from(raw.public_key.as_slice()).unwrap_or_default();
        //= spec-crate/spec/provisioning.md#manifests
        //# A program MUST refuse a manifest with an entry whose public key is unusable as PRV-2 says, or
        //# whose `valid_from` is above its `valid_until`.
        //= spec-crate/spec/key-exchange.md#ed25519
        //# An end MUST check that a public key is canonical, on the curve and not of small order when it
        //# imports the key.
        if check_public_key(&public_key).is_err() {
            return Err(ManifestError::UnusableKey { id: raw.id });
        }
        //= spec-crate/spec/provisioning.md#manifests
        //# A program MUST refuse a manifest with an entry whose public key is unusable as PRV-2 says, or
        //# whose `valid_from` is above its `valid_until`.
        if raw.valid_from > raw.valid_until {
            return Err(ManifestError::Dates { id: raw.id });
        }
        let revocation = match (raw.revocation, raw.compromised_since) {
            (0, 0) => None,
            (1, 0) => Some(Revocation::Retired),
            (2, since) if since > 0 => Some(Revocation::Compromised { since: UnixSeconds(since) }),
            //= spec-crate/spec/provisioning.md#manifests
            //# A program MUST refuse a manifest with an entry whose `revocation` is neither absent, 1 nor 2,
            //# or whose `compromised_since` is there for another revocation than 2 or absent for 2.
            _ => return Err(ManifestError::Revocation { id: raw.id }),
        };
        Ok(Self {
            id: I::try_from(&raw.id)?,
            name: raw.name,
            public_key,
            valid_from: UnixSeconds(raw.valid_from),
            valid_until: UnixSeconds(raw.valid_until),
            revocation,
        })
    }

    pub(super) fn raw(&self) -> RawEntry {
        let (revocation, compromised_since) = match self.revocation {
            None => (0, 0),
            Some(Revocation::Retired) => (1, 0),
            Some(Revocation::Compromised { since }) => (2, since.0),
        };
        RawEntry {
            id: self.id.to_string(),
            name: self.name.clone(),
            public_key: self.public_key.to_vec(),
            valid_from: self.valid_from.0,
            valid_until: self.valid_until.0,
            revocation,
            compromised_since,
        }
    }
}

/// Both kinds have the same fields under their own names.
macro_rules! raw_entry {
    ($wire:ident, $id:ident, $name:ident) => {
        impl From<wire::$wire> for RawEntry {
            fn from(entry: wire::$wire) -> Self {
                let wire::$wire { $id, $name, public_key, valid_from, valid_until, revocation, compromised_since } =
                    entry;
                Self { id: $id, name: $name, public_key, valid_from, valid_until, revocation, compromised_since }
            }
        }

        impl From<RawEntry> for wire::$wire {
            fn from(entry: RawEntry) -> Self {
                let RawEntry { id, name, public_key, valid_from, valid_until, revocation, compromised_since } = entry;
                Self { $id: id, $name: name, public_key, valid_from, valid_until, revocation, compromised_since }
            }
        }
    };
}

raw_entry!(Device, device_id, serial_no);
raw_entry!(Terminal, terminal_id, window_name);
