//! Agreements and terminal manifests: what this terminal holds, and what it takes over.
//!
//! Everything is verified again at each start: a file in the home directory is worth its signatures, not its place.

use hispos::ids::{DeviceId, TerminalId};
use hispos::message::agreement::Agreement;
use hispos::message::manifest::{Manifest, Terminal};
use hispos::message::signed_file::{OrganisationKey, SignedFile};
use hispos_common::exit::Exit;
use hispos_common::folder::Kept;
use hispos_common::output::Failure;

use crate::home::{Home, Trust};

/// What this terminal holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// All agreements ever imported, newest first.
    pub agreements: Vec<Agreement>,
    /// The newest terminal manifest.
    pub terminals: Option<Manifest<Terminal>>,
}

impl Held {
    /// Reads and verifies what is held.
    ///
    /// # Errors
    ///
    /// [`Exit::Alarm`] if a file that was imported is not what it was.
    pub fn load(home: &Home) -> Result<Self, Failure> {
        let trust = home.trust().map_err(Failure::about(Exit::Alarm, "trust.json"))?;
        let mut agreements: Vec<Agreement> = Vec::new();
        for (number, bytes) in
            home.kept(Kept::Agreements).map_err(Failure::about(Exit::Alarm, "agreements"))?
        {
            let what = || format!("agreement {number}");
            //= spec-crate/spec/provisioning.md#signed-files
            //# A program MUST keep an imported file byte for byte, and verify it again at each start.
            let agreement = open_agreement(&bytes)
                .map_err(|why| Failure::new(Exit::Alarm, format!("{}: {why}", what())))?;
            let compared = trust.iter().flat_map(|trust| trust.earlier.iter().chain([trust]));
            if !compared.into_iter().any(|pair| trusts(pair, &agreement)) {
                let why = "it is not signed by the organisations that people have compared";
                return Err(Failure::new(Exit::Alarm, format!("{}: {why}", what())));
            }
            agreements.push(agreement);
        }
        let kept = home.kept(Kept::Terminals).map_err(Failure::about(Exit::Alarm, "terminals"))?;
        let terminals = match (kept.first(), agreements.first()) {
            (Some((serial, bytes)), Some(agreement)) => {
                let opened = open_terminals(bytes, agreement);
                let what = format!("terminal manifest {serial}");
                Some(opened.map_err(|why| Failure::new(Exit::Alarm, format!("{what}: {why}")))?)
            }
            _ => None,
        };
        Ok(Self { agreements, terminals })
    }
}

/// Takes an agreement over. `told` are the fingerprints that a person has compared, if this time one has.
///
/// # Errors
///
/// [`Exit::Refused`] saying what is wrong; nothing has changed then.
pub fn import_agreement(home: &Home, bytes: &[u8], told: Option<&Trust>) -> Result<Agreement, Failure> {
    let refused = |why: String| Failure::new(Exit::Refused, why);
    let agreement = open_agreement(bytes).map_err(refused)?;
    let held = Held::load(home)?;
    let known = home.trust().map_err(Failure::about(Exit::Alarm, "trust.json"))?;
    //= spec-crate/spec/provisioning.md#organisation-keys
    //# A program MUST take an agreement over only if a person has confirmed, at this import or an earlier
    //# one, the fingerprints of both organisation keys that the agreement names.
    let Some(trust) = told.or(known.as_ref()) else {
        return Err(refused(format!(
            "compare these fingerprints with both organisations, then repeat with \
             --his-organisation \"{}\" --pos-organisation \"{}\"",
            agreement.terms().his_organisation.fingerprint(),
            agreement.terms().pos_organisation.fingerprint(),
        )));
    };
    //= spec-crate/spec/provisioning.md#organisation-keys
    //# A program MUST refuse an agreement that names other organisation keys than those confirmed, until a
    //# person confirms the new ones.
    if !trusts(trust, &agreement) {
        return Err(refused(format!(
            "other organisations than those compared: it is signed by {} and {}",
            agreement.terms().his_organisation.fingerprint(),
            agreement.terms().pos_organisation.fingerprint(),
        )));
    }
    if let Some(newest) = held.agreements.first() {
        newest.check_successor(&agreement).map_err(|error| refused(error.to_string()))?;
    }
    //= spec-crate/spec/provisioning.md#taking-an-agreement-over
    //# A program MUST refuse an agreement of another site id than the newest one that it holds, or
    //# under which PRV-33 would refuse the manifest that it holds.
    if let Some((serial, bytes)) =
        home.kept(Kept::Terminals).map_err(Failure::about(Exit::Alarm, "terminals"))?.first()
    {
        //= spec-crate/spec/provisioning.md#taking-an-agreement-over
        //# A program MUST refuse an agreement of another site id than the newest one that it holds, or under
        //# which PRV-33 would refuse the manifest that it holds.
        open_terminals(bytes, &agreement).map_err(|why| {
            refused(format!(
                "terminal manifest {serial} would not be valid under it ({why}): the hospital's organisation signs \
                 that manifest with its new key, too; import it, then this agreement"
            ))
        })?;
    }
    let trust = trust.after(known.as_ref());
    let unwritten = || Failure::about(Exit::Refused, "cannot be written");
    home.write_trust(&trust).map_err(unwritten())?;
    //= spec-crate/spec/provisioning.md#signed-files
    //# A program MUST keep an imported file byte for byte, and verify it again at each start.
    //= spec-crate/spec/provisioning.md#taking-an-agreement-over
    //# A program MUST keep every agreement that it ever took over for as long as its book.
    home.keep(Kept::Agreements, agreement.terms().agreement_no, bytes).map_err(unwritten())?;
    Ok(agreement)
}

/// Takes a terminal manifest over.
///
/// # Errors
///
/// [`Exit::Refused`] saying what is wrong; nothing has changed then.
pub fn import_terminals(home: &Home, bytes: &[u8]) -> Result<Manifest<Terminal>, Failure> {
    let refused = |why: String| Failure::new(Exit::Refused, why);
    let held = Held::load(home)?;
    let Some(agreement) = held.agreements.first() else {
        return Err(refused("import the link agreement first".into()));
    };
    let manifest = open_terminals(bytes, agreement).map_err(refused)?;
    if let Some(newest) = &held.terminals {
        newest.check_successor(&manifest).map_err(|error| refused(error.to_string()))?;
    }
    home.keep(Kept::Terminals, manifest.serial(), bytes)
        .map_err(Failure::about(Exit::Refused, "cannot be written"))?;
    Ok(manifest)
}

/// Checks a device id as the link will.
///
/// # Errors
///
/// [`Exit::Usage`].
pub fn device_id(text: &str) -> Result<DeviceId, Failure> {
    DeviceId::try_from(text).map_err(|error| Failure::new(Exit::Usage, error))
}

/// Ids and names of the software terminals, for people.
#[must_use]
pub fn names(manifest: &Manifest<Terminal>) -> Vec<(&TerminalId, &str)> {
    manifest.entries().iter().map(|entry| (&entry.id, entry.name.as_str())).collect()
}

fn open_agreement(bytes: &[u8]) -> Result<Agreement, String> {
    let file = SignedFile::decode(bytes).map_err(|error| error.to_string())?;
    Agreement::open(&file).map_err(|error| error.to_string())
}

fn open_terminals(bytes: &[u8], agreement: &Agreement) -> Result<Manifest<Terminal>, String> {
    let file = SignedFile::decode(bytes).map_err(|error| error.to_string())?;
    let terms = agreement.terms();
    Manifest::open(&file, &terms.his_organisation, &terms.site_id).map_err(|error| error.to_string())
}

impl Trust {
    /// What is trusted from now on; a pair that was compared before is remembered for the agreements under it.
    fn after(&self, known: Option<&Self>) -> Self {
        let pair = |trust: &Self| Self {
            his_organisation: plain(&trust.his_organisation),
            pos_organisation: plain(&trust.pos_organisation),
            earlier: Vec::new(),
        };
        let now = pair(self);
        let known = known.into_iter().flat_map(|known| known.earlier.iter().chain([known]));
        let earlier = known.map(pair).filter(|earlier| *earlier != now).collect();
        Self { earlier, ..now }
    }
}

fn trusts(trust: &Trust, agreement: &Agreement) -> bool {
    let same = |told: &str, key: &OrganisationKey| plain(told) == plain(&key.fingerprint());
    same(&trust.his_organisation, &agreement.terms().his_organisation)
        && same(&trust.pos_organisation, &agreement.terms().pos_organisation)
}

/// A fingerprint without the spaces that make it easy to read aloud.
fn plain(fingerprint: &str) -> String {
    fingerprint.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}
