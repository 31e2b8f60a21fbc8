//! The import of a file by the crate, and the requirement behind each refusal.

use hispos::Secret;
use hispos::ids::SiteId;
use hispos::message::agreement::{Agreement, AgreementError};
use hispos::message::manifest::{Device, Manifest, ManifestError, Terminal};
use hispos::message::signed_file::{FileError, OrganisationKey, SignedFile};

use crate::site::{SITE, seed};

/// The organisations' seeds, HIS first.
pub(crate) fn organisations() -> (Secret<32>, Secret<32>) {
    (seed("his organisation"), seed("pos organisation"))
}

/// Imports a file as the crate does; the requirements of what is wrong.
pub(crate) fn import(wanted: i32, bytes: &[u8]) -> Result<(), &'static str> {
    let (his, pos) = organisations();
    let site = SiteId::try_from(SITE).map_err(|_| "")?;
    let read = SignedFile::decode(bytes).map_err(|error| of_file(&error))?;
    match wanted {
        1 => Agreement::open(&read).map(|_| ()).map_err(|error| of_agreement(&error)),
        2 => Manifest::<Device>::open(&read, &OrganisationKey::of(&pos), &site)
            .map(|_| ())
            .map_err(|error| of_manifest(&error)),
        _ => Manifest::<Terminal>::open(&read, &OrganisationKey::of(&his), &site)
            .map(|_| ())
            .map_err(|error| of_manifest(&error)),
    }
}

pub(crate) fn of_file(error: &FileError) -> &'static str {
    match error {
        FileError::TooLong { .. } => "PRV-11",
        FileError::Unsigned(_) | FileError::BadSignature(_) => "PRV-8 PRV-13",
        FileError::UnusableKey => "PRV-2 PRV-20 PRV-35",
        FileError::Armour { .. } | FileError::ArmourName(_) => "PRV-17 PRV-18",
        _ => "PRV-12",
    }
}

pub(crate) fn of_agreement(error: &AgreementError) -> &'static str {
    match error {
        AgreementError::File(FileError::Unsigned(_) | FileError::BadSignature(_)) => "PRV-13 PRV-25",
        AgreementError::File(error) => of_file(error),
        AgreementError::Id(_) => "PRV-12",
        AgreementError::Currency | AgreementError::Order => "PRV-19",
        AgreementError::SameOrganisation => "PRV-20",
        AgreementError::AmountLimit { .. } => "PRV-21",
        AgreementError::BusinessDay { .. } => "PRV-22",
        AgreementError::NoMerchant => "PRV-23",
        AgreementError::Simulated { .. } => "PRV-24",
        AgreementError::TimerShort { .. } => "PRV-26 PRV-27",
        AgreementError::Site => "PRV-28",
        AgreementError::SameNumber(_) | AgreementError::Older { .. } => "PRV-29",
        _ => "",
    }
}

pub(crate) fn of_manifest(error: &ManifestError) -> &'static str {
    match error {
        ManifestError::File(FileError::Unsigned(_) | FileError::BadSignature(_)) => "PRV-13 PRV-33",
        ManifestError::File(error) => of_file(error),
        ManifestError::Id(_) => "PRV-12",
        ManifestError::Site => "PRV-33",
        ManifestError::Order { .. } | ManifestError::SharedKey { .. } => "PRV-34",
        ManifestError::UnusableKey { .. } | ManifestError::Dates { .. } => "PRV-35",
        ManifestError::Revocation { .. } => "PRV-36",
        ManifestError::Older { .. } | ManifestError::SameSerial(_) => "PRV-37",
        ManifestError::Lost { .. } | ManifestError::KeyChanged { .. } => "PRV-38",
        ManifestError::Unrevoked { .. } => "PRV-39",
        _ => "",
    }
}
