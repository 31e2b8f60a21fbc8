//! A simulated site with one window and one terminal, made of known bytes.

use hispos::Secret;
use hispos::crypto::ed25519_public;
use hispos::ids::{DeviceId, SiteCode, SiteId, TerminalId};
use hispos::message::agreement::{Account, Agreement, AmountLimits, BusinessDay, Terms, Timers};
use hispos::message::manifest::{Device, Entry, EntryId, Manifest, Terminal};
use hispos::message::signed_file::OrganisationKey;
use hispos::time::UnixSeconds;

use crate::draws::known;

/// The calendar when every story begins: 2026-11-24 02:13:20 UTC.
pub(crate) const UNIX: u64 = 1_795_486_400;
/// The business day of that moment in the site's calendar.
pub(crate) const DAY: u32 = 20_261_124;
/// The ids of the site.
pub(crate) const SITE: &str = "site-1";
/// See [`SITE`].
pub(crate) const DEVICE: &str = "POS-0001";
/// See [`SITE`].
pub(crate) const TERMINAL: &str = "WINDOW-01";
/// The merchants of the site's agreement.
pub(crate) const WECHAT: &str = "1900000109";
/// See [`WECHAT`].
pub(crate) const ALIPAY: &str = "2021000000000001";
/// The name of the terminal's program.
pub(crate) const SOFTWARE: &str = "example 1";

/// What both sides hold.
pub(crate) struct Site {
    pub(crate) agreement: Agreement,
    /// An agreement with other merchants, which the POS may hold as well.
    pub(crate) newer: Option<Agreement>,
    pub(crate) devices: Manifest<Device>,
    pub(crate) terminals: Manifest<Terminal>,
}

/// The seed of a key of the site.
pub(crate) fn seed(name: &str) -> Secret<32> {
    Secret::new(known(name))
}

/// Any error as words.
pub(crate) fn words<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

impl Site {
    /// The site under the usual timers.
    pub(crate) fn new() -> Result<Self, String> {
        let site_id = SiteId::try_from(SITE).map_err(words)?;
        let agreement = Self::agreement(1, [WECHAT, ALIPAY])?;
        let device = entry(DeviceId::try_from(DEVICE).map_err(words)?, "SN-0001", &seed("device"));
        let terminal = entry(TerminalId::try_from(TERMINAL).map_err(words)?, "Window 1", &seed("terminal"));
        Ok(Self {
            agreement,
            newer: None,
            devices: Manifest::encode(1, &site_id, vec![device]).map_err(words)?,
            terminals: Manifest::encode(1, &site_id, vec![terminal]).map_err(words)?,
        })
    }

    /// An agreement with these merchants, WeChat Pay first.
    pub(crate) fn agreement(agreement_no: u32, [wechat, alipay]: [&str; 2]) -> Result<Agreement, String> {
        Agreement::encode(&Terms {
            agreement_no,
            site_id: SiteId::try_from(SITE).map_err(words)?,
            site_code: SiteCode::try_from("SIM1").map_err(words)?,
            versions: vec![1],
            suites: vec![1],
            his_organisation: OrganisationKey::of(&seed("his organisation")),
            pos_organisation: OrganisationKey::of(&seed("pos organisation")),
            amounts: AmountLimits {
                collect_max: 5_000_000,
                refund_max: 5_000_000,
                refund_day_max: 20_000_000,
            },
            timers: Timers::USUAL,
            business_day: BusinessDay { utc_offset_minutes: 480, cut_minutes: 0 },
            wechat: Some(Account { id: wechat.into(), sub_id: None }),
            alipay: Some(Account { id: alipay.into(), sub_id: None }),
            simulated: true,
        })
        .map_err(words)
    }
}

/// An entry of a manifest that is valid for some time around the stories.
pub(crate) fn entry<I: EntryId>(id: I, name: &str, key: &Secret<32>) -> Entry<I> {
    Entry {
        id,
        name: name.into(),
        public_key: ed25519_public(key),
        valid_from: UnixSeconds(UNIX - 86_400),
        valid_until: UnixSeconds(UNIX + 365 * 86_400),
        revocation: None,
    }
}
