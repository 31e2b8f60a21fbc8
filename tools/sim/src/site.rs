//! What is provisioned before a life begins: a simulated site with two windows and two terminals.

use hispos::Secret;
use hispos::crypto::ed25519_public;
use hispos::ids::{DeviceId, IdError, SiteCode, SiteId, TerminalId};
use hispos::message::agreement::{
    Account, Agreement, AgreementError, AmountLimits, BusinessDay, Terms, Timers,
};
use hispos::message::manifest::{Device, Entry, EntryId, Manifest, ManifestError, Terminal};
use hispos::message::signed_file::OrganisationKey;
use hispos::platform::{Channel, Merchant};
use hispos::time::UnixSeconds;

/// How many windows, links and terminals the site has.
pub const DESKS: usize = 2;

/// The calendar at the beginning of every life.
pub const UNIX_START: u64 = 1_800_000_000;

/// Everything that both sides hold.
#[derive(Clone, Debug)]
pub struct Site {
    /// The one agreement.
    pub agreement: Agreement,
    /// Both terminals' devices.
    pub devices: Manifest<Device>,
    /// Both windows' software terminals.
    pub terminals: Manifest<Terminal>,
    /// Where money goes.
    pub merchants: Vec<Merchant>,
}

/// Why a site could not be made: a fault of the simulator.
#[derive(Debug)]
pub struct SiteError(String);

impl std::fmt::Display for SiteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SiteError {}

macro_rules! site_error {
    ($($from:ty),*) => {
        $(impl From<$from> for SiteError {
            fn from(error: $from) -> Self {
                Self(error.to_string())
            }
        })*
    };
}
site_error!(IdError, AgreementError, ManifestError, hispos::message::signed_file::FileError);

/// The seed of a key: its owner's kind and place.
#[must_use]
pub fn seed(kind: u8, desk: usize) -> Secret<32> {
    let mut bytes = [kind; 32];
    bytes.iter_mut().take(1).for_each(|first| *first = u8::try_from(desk).unwrap_or(u8::MAX));
    Secret::new(bytes)
}

/// Kinds of keys.
pub const DEVICE: u8 = 11;
/// See [`DEVICE`].
pub const TERMINAL: u8 = 12;
/// The secret that order numbers are functions of.
pub const SITE_SECRET: u8 = 13;

/// The id of the terminal at a desk.
///
/// # Errors
///
/// [`SiteError`]: never, unless the simulator is wrong.
pub fn device_id(desk: usize) -> Result<DeviceId, SiteError> {
    Ok(DeviceId::try_from(format!("POS-{desk}").as_str())?)
}

/// The id of the software terminal at a desk.
///
/// # Errors
///
/// [`SiteError`]: never, unless the simulator is wrong.
pub fn terminal_id(desk: usize) -> Result<TerminalId, SiteError> {
    Ok(TerminalId::try_from(format!("WIN-{desk}").as_str())?)
}

impl Site {
    /// Makes the site.
    ///
    /// # Errors
    ///
    /// [`SiteError`]: never, unless the simulator is wrong.
    pub fn new(timers: Timers) -> Result<Self, SiteError> {
        let site_id = SiteId::try_from("site-1")?;
        let organisation = |kind| OrganisationKey::of(&seed(kind, 0));
        let agreement = Agreement::encode(&Terms {
            agreement_no: 1,
            site_id: site_id.clone(),
            site_code: SiteCode::try_from("SIM1")?,
            versions: vec![1],
            suites: vec![1],
            his_organisation: organisation(21),
            pos_organisation: organisation(22),
            amounts: AmountLimits {
                collect_max: 5_000_000,
                refund_max: 5_000_000,
                refund_day_max: 20_000_000,
            },
            timers,
            business_day: BusinessDay { utc_offset_minutes: 480, cut_minutes: 0 },
            wechat: Some(Account { id: "1900000109".into(), sub_id: None }),
            alipay: Some(Account { id: "2021000000000001".into(), sub_id: None }),
            simulated: true,
        })?;
        let merchants = Channel::ALL.into_iter().filter_map(|channel| agreement.merchant(channel)).collect();
        let devices = (0..DESKS).map(|desk| Ok(entry(device_id(desk)?, &seed(DEVICE, desk))));
        let terminals = (0..DESKS).map(|desk| Ok(entry(terminal_id(desk)?, &seed(TERMINAL, desk))));
        Ok(Self {
            agreement,
            devices: Manifest::encode(1, &site_id, devices.collect::<Result<_, SiteError>>()?)?,
            terminals: Manifest::encode(1, &site_id, terminals.collect::<Result<_, SiteError>>()?)?,
            merchants,
        })
    }
}

fn entry<I: EntryId>(id: I, key: &Secret<32>) -> Entry<I> {
    Entry {
        name: id.to_string(),
        id,
        public_key: ed25519_public(key),
        valid_from: UnixSeconds(UNIX_START - 86_400),
        valid_until: UnixSeconds(UNIX_START + 100 * 86_400),
        revocation: None,
    }
}
