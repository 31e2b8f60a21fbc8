//! Manifests and the requests that they are made from: what a machine says of itself, in JSON.

use hispos::ids::{DeviceId, SiteId, TerminalId};
use hispos::message::manifest::{Entry, EntryId, Manifest, Revocation};
use hispos::time::UnixSeconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::organisation::public_key;

/// Usual validity of an entry: three years.
const VALID_SECONDS: u64 = 3 * 365 * 86_400;

/// What a machine asks its organisation to stand for: a device (`serial_no`) or a software terminal (`window_name`).
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "request")]
pub enum Request {
    /// A payment terminal, made by `hispos-pos device request`.
    Device {
        /// 1 to 24 of `[0-9A-Za-z._-]`, never given to another key.
        device_id: String,
        /// The number on the housing.
        serial_no: String,
        /// Ed25519, 64 hexadecimal digits.
        public_key: String,
    },
    /// A software terminal, made by `hispos-his terminal request`.
    Terminal {
        /// 1 to 24 of `[0-9A-Za-z._-]`, never given to another key.
        terminal_id: String,
        /// The window's name.
        window_name: String,
        /// Ed25519, 64 hexadecimal digits.
        public_key: String,
    },
}

/// What changes from the manifest before.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// New entries.
    pub add: Vec<Request>,
    /// Entries that get no new orders.
    pub retire: Vec<String>,
    /// Entries whose key may be in other hands, since Unix seconds.
    pub compromised: Vec<(String, UnixSeconds)>,
}

/// A kind of entry that can be made from a request.
pub trait FromRequest: Sized {
    /// Id, name and key, if the request is of this kind.
    ///
    /// # Errors
    ///
    /// What is wrong, for people.
    fn of(request: &Request) -> Result<(Self, String, [u8; 32]), String>;

    /// Reads an id.
    ///
    /// # Errors
    ///
    /// What is wrong, for people.
    fn id(text: &str) -> Result<Self, String>;
}

impl FromRequest for DeviceId {
    fn of(request: &Request) -> Result<(Self, String, [u8; 32]), String> {
        let Request::Device { device_id, serial_no, public_key: key } = request else {
            return Err("a device manifest takes requests of devices".into());
        };
        Ok((Self::id(device_id)?, serial_no.clone(), public_key(key)?))
    }

    fn id(text: &str) -> Result<Self, String> {
        Self::try_from(text).map_err(|error| error.to_string())
    }
}

impl FromRequest for TerminalId {
    fn of(request: &Request) -> Result<(Self, String, [u8; 32]), String> {
        let Request::Terminal { terminal_id, window_name, public_key: key } = request else {
            return Err("a terminal manifest takes requests of software terminals".into());
        };
        Ok((Self::id(terminal_id)?, window_name.clone(), public_key(key)?))
    }

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
        let (id, name, public_key) = I::of(request)?;
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
