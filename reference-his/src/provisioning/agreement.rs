//! A link agreement as people write it: JSON with amounts in yuan and durations in milliseconds.

use hispos::ids::{SiteCode, SiteId};
use hispos::message::agreement::{Account, Agreement, AmountLimits, BusinessDay, Terms, Timers};
use hispos::message::signed_file::OrganisationKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::organisation::public_key;

/// A link agreement before it is signed.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementFile {
    /// Rises with each agreement of a site; not 0.
    pub agreement_no: u32,
    /// The site: 1 to 24 of `[0-9A-Za-z._-]`.
    pub site_id: String,
    /// Leads every platform number: exactly 4 of `[0-9A-Z]`. Begins with SIM exactly if `simulated`.
    pub site_code: String,
    /// Versions of the protocol that are allowed.
    #[serde(default = "one")]
    pub versions: Vec<u32>,
    /// Cipher suites that are allowed.
    #[serde(default = "one")]
    pub suites: Vec<u32>,
    /// Public key of the hospital's organisation: 64 hexadecimal digits, as in its organisation.json.
    pub his_organisation_key: String,
    /// Public key of the POS company's organisation.
    pub pos_organisation_key: String,
    /// Greatest amounts.
    pub amounts: AmountsFile,
    /// Durations in milliseconds; those left out have the usual value.
    #[serde(default)]
    pub timers: TimersFile,
    /// Which day an order counts for; China, midnight if left out.
    #[serde(default)]
    pub business_day: DayFile,
    /// Where WeChat Pay's money goes: `id` is mch_id, `sub_id` sub_mch_id.
    #[serde(default)]
    pub wechat: Option<AccountFile>,
    /// Where Alipay's money goes: `id` is app_id, `sub_id` seller_id.
    #[serde(default)]
    pub alipay: Option<AccountFile>,
    /// No money moves: the platforms are simulated.
    #[serde(default)]
    pub simulated: bool,
}

/// Greatest amounts, in fen.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AmountsFile {
    /// Of one collect.
    pub collect_max_fen: u64,
    /// Of one refund.
    pub refund_max_fen: u64,
    /// Of all refunds of a business day.
    pub refund_day_max_fen: u64,
}

/// Which day an order counts for.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DayFile {
    /// Offset of the site's clock from UTC.
    pub utc_offset_minutes: i32,
    /// Minutes after midnight at which the day changes.
    #[serde(default)]
    pub cut_minutes: u32,
}

impl Default for DayFile {
    fn default() -> Self {
        Self { utc_offset_minutes: 480, cut_minutes: 0 }
    }
}

/// An account at a payment platform.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountFile {
    /// WeChat `mch_id`, or Alipay `app_id`.
    pub id: String,
    /// WeChat `sub_mch_id`, or Alipay `seller_id`.
    #[serde(default)]
    pub sub_id: Option<String>,
}

/// Declares the durations once: each may be left out.
macro_rules! timers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Durations in milliseconds; those left out have the usual value. A production agreement may raise what
        /// protects, never lower it.
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct TimersFile {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<u64>,)*
        }

        impl TimersFile {
            fn terms(&self) -> Timers {
                Timers { $($name: self.$name.unwrap_or(Timers::USUAL.$name),)* }
            }
        }
    };
}

timers! {
    /// From acceptance to the last moment to write the first byte of a pay.
    start,
    /// From there to the last moment to reverse, or to repeat a refund.
    act,
    /// Allowance for clocks that run apart.
    drift,
    /// To connect to a platform.
    connect,
    /// From the first byte of a request to its abort.
    http,
    /// From a WeChat pay's first byte to its reverse.
    poll_wechat,
    /// From an Alipay pay's first byte to its reverse.
    poll_alipay,
    /// Least time from a pay to its reverse.
    reverse_min,
    /// Nothing sent takes effect later than this after its connection ended.
    fence,
    /// From the end of a lease until another device may look.
    quiet,
    /// The platform's own expiry of a pay.
    expiry,
    /// From one query to the next.
    query,
    /// Least time between two answers that together prove absence.
    absence_gap,
}

fn one() -> Vec<u32> {
    vec![1]
}

impl AgreementFile {
    /// Makes the payload that both organisations sign.
    ///
    /// # Errors
    ///
    /// What is wrong, for people.
    pub fn agreement(&self) -> Result<Agreement, String> {
        let organisation =
            |text: &str| OrganisationKey::from_bytes(public_key(text)?).map_err(|error| error.to_string());
        let account =
            |account: &AccountFile| Account { id: account.id.clone(), sub_id: account.sub_id.clone() };
        let terms = Terms {
            agreement_no: self.agreement_no,
            site_id: SiteId::try_from(self.site_id.as_str()).map_err(|error| error.to_string())?,
            site_code: SiteCode::try_from(self.site_code.as_str()).map_err(|error| error.to_string())?,
            versions: self.versions.clone(),
            suites: self.suites.clone(),
            his_organisation: organisation(&self.his_organisation_key)?,
            pos_organisation: organisation(&self.pos_organisation_key)?,
            amounts: AmountLimits {
                collect_max: self.amounts.collect_max_fen,
                refund_max: self.amounts.refund_max_fen,
                refund_day_max: self.amounts.refund_day_max_fen,
            },
            timers: self.timers.terms(),
            business_day: BusinessDay {
                utc_offset_minutes: self.business_day.utc_offset_minutes,
                cut_minutes: self.business_day.cut_minutes,
            },
            wechat: self.wechat.as_ref().map(account),
            alipay: self.alipay.as_ref().map(account),
            simulated: self.simulated,
        };
        Agreement::encode(&terms).map_err(|error| error.to_string())
    }
}
