//! Keys, agreements, manifests: who may speak at this site.
//!
//! `agreement` and `manifest` make and read the signed files, `load` takes what was imported, `block` is the site's own
//! word against a device.

pub mod agreement;
pub(crate) mod block;
pub mod manifest;
pub mod organisation;

use hispos::message::agreement::{Agreement, BusinessDay};
use hispos::message::manifest::{Device, Manifest};
use hispos::message::signed_file::{OrganisationKey, SignedFile};
use hispos::time::UnixSeconds;
use hispos_common::exit::Exit;
use hispos_common::folder::Kept;
use hispos_common::output::Failure;

use crate::home::{Compared, Home};
use organisation::same_fingerprint;

/// What a site has imported.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// Every agreement ever held, newest first; at least one.
    pub agreements: Vec<Agreement>,
    /// The devices of the site.
    pub devices: Manifest<Device>,
}

impl Provisioned {
    /// The business day of a moment, as YYYYMMDD; `None` without a clock.
    #[must_use]
    pub fn business_day(&self, now: Option<UnixSeconds>) -> Option<u32> {
        let rule = self.agreements.first()?.terms().business_day;
        Some(day_of(rule, now?))
    }
}

/// Reads and verifies everything that was imported.
///
/// # Errors
///
/// [`Failure`] naming the first file that is missing or wrong.
pub fn load(home: &Home) -> Result<Provisioned, Failure> {
    let agreements = agreements(home)?;
    let newest = agreements
        .first()
        .ok_or_else(|| Failure::new(Exit::Usage, "no agreement was imported: `agreement import FILE`"))?;
    let (_, bytes) = home
        .kept(Kept::Devices)
        .map_err(Failure::about(Exit::Usage, "devices"))?
        .into_iter()
        .next()
        .ok_or_else(|| Failure::new(Exit::Usage, "no device manifest was imported: `devices import FILE`"))?;
    let devices = open_devices(&bytes, newest)?;
    Ok(Provisioned { devices, agreements })
}

/// Every agreement ever imported, newest first. Each is worth its signatures and not its place in the home: both
/// organisations have to be those that people compared, now or when it was imported.
///
/// # Errors
///
/// [`Failure`] naming the first file that is wrong.
pub fn agreements(home: &Home) -> Result<Vec<Agreement>, Failure> {
    let kept = home.kept(Kept::Agreements).map_err(Failure::about(Exit::Usage, "agreements"))?;
    let site = home.site().map_err(Failure::about(Exit::Usage, "site.json"))?;
    let compared: Vec<Compared> = site.compared().into_iter().chain(site.earlier_organisations).collect();
    let same = |told: &str, key: &OrganisationKey| same_fingerprint(told, &key.fingerprint());
    kept.iter()
        .map(|(number, bytes)| {
            let what = format!("agreement {number}");
            let file = SignedFile::decode(bytes).map_err(Failure::about(Exit::Alarm, &what))?;
            //= spec-crate/spec/provisioning.md#signed-files
            //# A program MUST keep an imported file byte for byte, and verify it again at each start.
            let agreement = Agreement::open(&file).map_err(Failure::about(Exit::Alarm, &what))?;
            let terms = agreement.terms();
            if !compared.iter().any(|pair| {
                same(&pair.his_organisation, &terms.his_organisation)
                    && same(&pair.pos_organisation, &terms.pos_organisation)
            }) {
                let text = format!("{what}: not signed by the organisations that people compared");
                return Err(Failure::new(Exit::Alarm, text));
            }
            Ok(agreement)
        })
        .collect()
}

/// A device manifest under the agreement that names its organisation.
///
/// # Errors
///
/// [`Failure`] saying what is wrong.
pub fn open_devices(bytes: &[u8], agreement: &Agreement) -> Result<Manifest<Device>, Failure> {
    let terms = agreement.terms();
    let file = SignedFile::decode(bytes).map_err(Failure::about(Exit::Usage, "device manifest"))?;
    Manifest::open(&file, &terms.pos_organisation, &terms.site_id)
        .map_err(Failure::about(Exit::Usage, "device manifest"))
}

/// Whether what is held stays valid under an agreement: its organisation has to have signed the device manifest, too.
///
/// # Errors
///
/// [`Failure`] saying what to do first.
pub fn keeps_devices(home: &Home, agreement: &Agreement) -> Result<(), Failure> {
    let kept = home.kept(Kept::Devices).map_err(Failure::about(Exit::Usage, "devices"))?;
    let Some((serial, bytes)) = kept.first() else { return Ok(()) };
    //= spec-crate/spec/provisioning.md#taking-an-agreement-over
    //# A program MUST refuse an agreement of another site id than the newest one that it holds, or under
    //# which PRV-33 would refuse the manifest that it holds.
    open_devices(bytes, agreement).map(drop).map_err(|why| {
        let text = format!(
            "device manifest {serial} would not be valid under this agreement ({why}): the POS company's organisation \
             signs that manifest with its new key, too; import it, then this agreement"
        );
        Failure::new(Exit::Refused, text)
    })
}

/// The day that a moment counts for, under a site's rule.
fn day_of(rule: BusinessDay, now: UnixSeconds) -> u32 {
    let local = i64::try_from(now.0)
        .unwrap_or(i64::MAX)
        .saturating_add(i64::from(rule.utc_offset_minutes).saturating_mul(60))
        .saturating_sub(i64::from(rule.cut_minutes).saturating_mul(60));
    // `2026-01-31T…`: the date without its dashes.
    let date = hispos_common::log::utc(u64::try_from(local).unwrap_or(0));
    date.chars().take(10).filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use hispos::message::agreement::BusinessDay;
    use hispos::time::UnixSeconds;

    use super::day_of;

    //= spec-crate/spec/orders.md#making-a-collect
    //= type=test
    //# A HIS MUST put into a core the business day of the moment at which it makes the order, by the rule of
    //# [provisioning.md](provisioning.md#the-business-day).
    #[test]
    fn a_day_begins_at_the_sites_own_midnight_or_later() {
        // 2026-01-31T16:30:00Z is 00:30 of February 1st in China.
        let now = UnixSeconds(1_769_877_000);
        let china = BusinessDay { utc_offset_minutes: 480, cut_minutes: 0 };
        assert_eq!(day_of(BusinessDay::default(), now), 20_260_131);
        assert_eq!(day_of(china, now), 20_260_201);
        assert_eq!(day_of(BusinessDay { cut_minutes: 60, ..china }, now), 20_260_131);
    }
}
