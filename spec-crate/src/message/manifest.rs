//! Manifests: which devices a POS organisation, and which software terminals a HIS organisation stands for.
//!
//! A manifest lists all of its organisation's entries at a site. The next one has a higher serial; it may add entries
//! and revoke them, and never loses one or changes its key, so every receipt stays verifiable. Dates warn; the serial
//! decides. Specified in spec: provisioning.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::signed_file::{OrganisationKey, SignedFile};
use crate::ids::{DeviceId, SiteId, TerminalId};
use crate::limits::MANIFEST_ENTRIES_MAX;
use crate::time::UnixSeconds;

mod entry;
mod error;
mod kinds;
#[cfg(test)]
mod tests;

pub use entry::{Device, Entry, Revocation, Terminal, Validity};
pub use error::ManifestError;
pub use kinds::EntryId;

/// Whether an entry may have new orders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It may. Anything but [`Validity::Within`] is shown as a warning.
    Accepted(Validity),
    /// It was withdrawn.
    Revoked(Revocation),
    /// It is in no manifest.
    Unknown,
}

/// What a result of an entry is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResultStanding {
    /// It counts.
    Valid,
    /// It is kept, and ends nothing: the key may be in other hands.
    EvidenceOnly,
    /// The signer is in no manifest.
    Unknown,
}

/// A manifest that keeps every rule, with the bytes that it was made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest<E> {
    payload: Vec<u8>,
    serial: u32,
    site: SiteId,
    /// Ids rise strictly.
    entries: Vec<E>,
}

impl<I: EntryId> Manifest<Entry<I>> {
    /// Reads a signed file: kind, signature of the organisation that the agreement names, rules and site.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] naming the first thing that is wrong.
    pub fn open(
        file: &SignedFile,
        organisation: &OrganisationKey,
        site: &SiteId,
    ) -> Result<Self, ManifestError> {
        file.expect_kind(I::KIND)?;
        //= spec-crate/spec/provisioning.md#manifests
        //# A program MUST refuse a manifest that has no signature of the organisation which the newest
        //# agreement that it holds names for its kind, or that is of another site id than that agreement.
        file.verify(organisation)?;
        let manifest = Self::decode(file.payload().to_vec())?;
        //= spec-crate/spec/provisioning.md#manifests
        //# A program MUST refuse a manifest that has no signature of the organisation which the newest
        //# agreement that it holds names for its kind, or that is of another site id than that agreement.
        if manifest.site == *site { Ok(manifest) } else { Err(ManifestError::Site) }
    }

    /// Takes a payload over. Its signature is another matter: see [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// [`ManifestError`] naming the first rule that is broken.
    pub fn decode(payload: Vec<u8>) -> Result<Self, ManifestError> {
        let read = kinds::read(I::KIND, &payload)?;
        let entries = read.entries.into_iter().map(Entry::checked).collect::<Result<Vec<Entry<I>>, _>>()?;
        let mut neighbours = entries.iter().zip(entries.iter().skip(1));
        //= spec-crate/spec/provisioning.md#manifests
        //# A program MUST refuse a manifest whose ids do not ascend strictly, compared as byte strings, or
        //# with two entries of one public key.
        if let Some((_, later)) = neighbours.find(|(left, right)| left.id >= right.id) {
            return Err(ManifestError::Order { id: later.id.to_string() });
        }
        let mut keys: Vec<_> = entries.iter().map(|entry| (&entry.public_key, &entry.id)).collect();
        keys.sort_unstable();
        let mut neighbours = keys.iter().zip(keys.iter().skip(1));
        //= spec-crate/spec/provisioning.md#manifests
        //# A program MUST refuse a manifest whose ids do not ascend strictly, compared as byte strings, or
        //# with two entries of one public key.
        if let Some((first, second)) = neighbours.find(|(left, right)| left.0 == right.0) {
            return Err(ManifestError::SharedKey {
                first: first.1.to_string(),
                second: second.1.to_string(),
            });
        }
        Ok(Self { payload, serial: read.serial, site: SiteId::try_from(read.site.as_str())?, entries })
    }

    /// Serialises entries, in any order: the payload that the organisation then signs.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] naming the first rule that is broken.
    pub fn encode(serial: u32, site: &SiteId, mut entries: Vec<Entry<I>>) -> Result<Self, ManifestError> {
        if entries.len() > MANIFEST_ENTRIES_MAX {
            return Err(ManifestError::TooMany { got: entries.len() });
        }
        entries.sort_by(|left, right| left.id.cmp(&right.id));
        Self::decode(kinds::write(I::KIND, serial, site, entries.iter().map(Entry::raw)))
    }

    /// The bytes as they were received or first made: what is signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Higher than that of every earlier manifest of the organisation at the site.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &SiteId {
        &self.site
    }

    /// All entries, ids rising.
    #[must_use]
    pub fn entries(&self) -> &[Entry<I>] {
        &self.entries
    }

    /// The entry of an id.
    #[must_use]
    pub fn entry(&self, id: &I) -> Option<&Entry<I>> {
        let place = self.entries.binary_search_by(|entry| entry.id.cmp(id)).ok()?;
        self.entries.get(place)
    }

    /// What people are warned of: entries in use whose dates are more than 24 hours away from now.
    pub fn warnings(&self, now: Option<UnixSeconds>) -> impl Iterator<Item = (&I, &'static str)> {
        //= spec-crate/spec/provisioning.md#dates
        //# A program MUST warn a person of an entry in use if its calendar clock is more than 86,400 s before
        //# `valid_from` or more than 86,400 s after `valid_until`.
        let in_use = self.entries.iter().filter(|entry| entry.revocation.is_none());
        in_use.filter_map(move |entry| Some((&entry.id, entry.validity(now).warning()?)))
    }

    /// Whether the entry may have new orders. Dates only warn.
    #[must_use]
    pub fn accepts_new_orders(&self, id: &I, now: Option<UnixSeconds>) -> Admission {
        match self.entry(id).map(|entry| (entry.revocation, entry.validity(now))) {
            None => Admission::Unknown,
            Some((Some(revocation), _)) => Admission::Revoked(revocation),
            //= spec-crate/spec/provisioning.md#dates
            //# A program MUST NOT refuse a session, an order or a result because of `valid_from` or
            //# `valid_until`.
            Some((None, validity)) => Admission::Accepted(validity),
        }
    }

    /// What a result of the entry is worth that was signed at a moment.
    ///
    /// The moment has to come from the caller's own book, not from the result: whoever holds a compromised key can
    /// write any time into one. Without a moment, a key that was ever compromised gives evidence only.
    #[must_use]
    pub fn result_standing(&self, id: &I, signed_at: Option<UnixSeconds>) -> ResultStanding {
        match self.entry(id).map(|entry| entry.revocation) {
            None => ResultStanding::Unknown,
            Some(Some(Revocation::Compromised { since })) if signed_at.is_none_or(|at| at >= since) => {
                ResultStanding::EvidenceOnly
            }
            //= spec-crate/spec/provisioning.md#dates
            //# A program MUST NOT refuse a session, an order or a result because of `valid_from` or
            //# `valid_until`.
            Some(_) => ResultStanding::Valid,
        }
    }

    /// Whether a newer manifest may take this one's place. The very same manifest once more is no harm.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] naming the first rule of succession that is broken.
    pub fn check_successor(&self, newer: &Self) -> Result<(), ManifestError> {
        if self.site != newer.site {
            return Err(ManifestError::Site);
        }
        //= spec-crate/spec/provisioning.md#taking-a-manifest-over
        //# A program MUST refuse a manifest whose `serial` is below that of the one that it holds, or equal
        //# to it with another payload.
        if newer.serial < self.serial {
            return Err(ManifestError::Older { held: self.serial, got: newer.serial });
        }
        if newer.serial == self.serial {
            let same = self.payload == newer.payload;
            //= spec-crate/spec/provisioning.md#taking-a-manifest-over
            //# A program MUST refuse a manifest whose `serial` is below that of the one that it holds, or
            //# equal to it with another payload.
            return if same { Ok(()) } else { Err(ManifestError::SameSerial(self.serial)) };
        }
        self.entries.iter().try_for_each(|held| {
            let id = || held.id.to_string();
            //= spec-crate/spec/provisioning.md#taking-a-manifest-over
            //# A program MUST refuse a manifest that lacks an entry of the one that it holds, or gives an id
            //# another public key.
            let entry = newer.entry(&held.id).ok_or_else(|| ManifestError::Lost { id: id() })?;
            //= spec-crate/spec/provisioning.md#taking-a-manifest-over
            //# A program MUST refuse a manifest that lacks an entry of the one that it holds, or gives an id
            //# another public key.
            //= spec-crate/spec/provisioning.md#certificates-of-keys
            //# An organisation MUST give a new id to a replacement of a device or terminal that has a new
            //# key.
            if entry.public_key != held.public_key {
                return Err(ManifestError::KeyChanged { id: id() });
            }
            //= spec-crate/spec/provisioning.md#taking-a-manifest-over
            //# A program MUST refuse a manifest that takes a revocation of the one that it holds back,
            //# weakens it from 2 to 1, or dates `compromised_since` later.
            if !Revocation::may_become(held.revocation, entry.revocation) {
                return Err(ManifestError::Unrevoked { id: id() });
            }
            Ok(())
        })
    }
}

impl Manifest<Device> {
    /// The device of an id.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.entry(id)
    }
}

impl Manifest<Terminal> {
    /// The software terminal of an id.
    #[must_use]
    pub fn terminal(&self, id: &TerminalId) -> Option<&Terminal> {
        self.entry(id)
    }
}
