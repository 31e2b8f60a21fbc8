//! Manifests, made from the one before and the requests of new machines.

use hispos::ids::{DeviceId, SiteId, TerminalId};
use hispos::message::manifest::{Entry, EntryId, Manifest, Revocation};
use hispos::time::UnixSeconds;
use hispos_common::request::{KeyKind, KeyRequest};

/// Usual validity of an entry: three years.
const VALID_SECONDS: u64 = 3 * 365 * 86_400;

/// What changes from the manifest before.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// New entries.
    pub add: Vec<KeyRequest>,
    /// Entries that get no new orders.
    pub retire: Vec<String>,
    /// Entries whose key may be in other hands, since Unix seconds.
    pub compromised: Vec<(String, UnixSeconds)>,
}

/// A kind of entry that can be made from a request.
pub trait FromRequest: Sized {
    /// The requests that it is made from.
    const KIND: KeyKind;

    /// Reads an id.
    ///
    /// # Errors
    ///
    /// What is wrong, for people.
    fn id(text: &str) -> Result<Self, String>;
}

impl FromRequest for DeviceId {
    const KIND: KeyKind = KeyKind::Device;

    fn id(text: &str) -> Result<Self, String> {
        Self::try_from(text).map_err(|error| error.to_string())
    }
}

impl FromRequest for TerminalId {
    const KIND: KeyKind = KeyKind::Terminal;

    fn id(text: &str) -> Result<Self, String> {
        Self::try_from(text).map_err(|error| error.to_string())
    }
}

/// Makes the first manifest of a site, or the one that follows another.
///
/// # Errors
///
/// What is wrong, for people.
pub fn next<I: EntryId + FromRequest + Clone + Ord>(
    site: &SiteId,
    before: Option<&Manifest<Entry<I>>>,
    change: &Change,
    now: UnixSeconds,
) -> Result<Manifest<Entry<I>>, String> {
    let serial = before.map_or(0, Manifest::serial).checked_add(1).ok_or("the serials are used up")?;
    let mut entries = before.map(|before| before.entries().to_vec()).unwrap_or_default();
    for request in &change.add {
        if request.kind != <I as FromRequest>::KIND {
            return Err(format!("{} is not of the kind that this manifest lists", request.id));
        }
        let id = I::id(&request.id)?;
        let public_key = request.key().ok_or(format!("the key of {} is no key", request.id))?;
        let name = request.name.clone();
        let valid_until = UnixSeconds(now.0.saturating_add(VALID_SECONDS));
        entries.retain(|entry| entry.id != id);
        entries.push(Entry { id, name, public_key, valid_from: now, valid_until, revocation: None });
    }
    let retired = change.retire.iter().map(|id| (id, Revocation::Retired));
    let compromised =
        change.compromised.iter().map(|(id, since)| (id, Revocation::Compromised { since: *since }));
    for (text, revocation) in retired.chain(compromised) {
        let id = I::id(text)?;
        let entry =
            entries.iter_mut().find(|entry| entry.id == id).ok_or(format!("{text} is in no manifest"))?;
        entry.revocation = Some(revocation);
    }
    let next = Manifest::encode(serial, site, entries).map_err(|error| error.to_string())?;
    if let Some(before) = before {
        before.check_successor(&next).map_err(|error| error.to_string())?;
    }
    Ok(next)
}
