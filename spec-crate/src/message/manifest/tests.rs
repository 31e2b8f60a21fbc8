use alloc::vec;

use prost::Message as _;

use super::*;
use crate::crypto::{Secret, ed25519_public};
use crate::message::signed_file::{FileError, FileKind};
use crate::wire;

const FROM: u64 = 1_700_000_000;
const UNTIL: u64 = 1_900_000_000;

/// A function and no closure: the seed is erased where it was, see [`Secret::new`].
fn seed(number: u8) -> Secret<32> {
    Secret::new([number; 32])
}

fn site() -> SiteId {
    SiteId::try_from("hospital-1").unwrap()
}

fn id(number: u8) -> DeviceId {
    DeviceId::try_from(alloc::format!("pos-{number}").as_str()).unwrap()
}

fn device(number: u8, revocation: Option<Revocation>) -> Device {
    Entry {
        id: id(number),
        name: "SN/0001".into(),
        public_key: ed25519_public(&seed(number)),
        valid_from: UnixSeconds(FROM),
        valid_until: UnixSeconds(UNTIL),
        revocation,
    }
}

fn compromised(since: u64) -> Option<Revocation> {
    Some(Revocation::Compromised { since: UnixSeconds(since) })
}

fn manifest(serial: u32, devices: Vec<Device>) -> Manifest<Device> {
    Manifest::encode(serial, &site(), devices).unwrap()
}

fn three() -> Manifest<Device> {
    let retired = Some(Revocation::Retired);
    manifest(7, vec![device(3, compromised(1_800_000_000)), device(1, None), device(2, retired)])
}

fn file(manifest: &Manifest<Device>, signer: u8) -> SignedFile {
    let mut file = SignedFile::create(FileKind::DeviceManifest, manifest.payload().to_vec()).unwrap();
    file.sign(&seed(signer)).unwrap();
    file
}

/// The payload of a manifest after a change that its encoder would not make.
fn forged(change: impl FnOnce(&mut Vec<wire::Device>)) -> ManifestError {
    let mut read = wire::DeviceManifest::decode(three().payload()).unwrap();
    change(&mut read.devices);
    Manifest::<Device>::decode(read.encode_to_vec()).unwrap_err()
}

#[test]
fn a_manifest_keeps_its_bytes_and_says_what_was_put_in() {
    let manifest = three();
    assert_eq!(Manifest::<Device>::decode(manifest.payload().to_vec()).unwrap(), manifest);
    assert_eq!((manifest.serial(), manifest.site()), (7, &site()));
    assert_eq!(
        manifest.entries().iter().map(|entry| entry.id.clone()).collect::<Vec<_>>(),
        [id(1), id(2), id(3)]
    );
    assert_eq!(manifest.device(&id(2)), Some(&device(2, Some(Revocation::Retired))));
    assert_eq!(manifest.device(&id(4)), None);
}

#[test]
fn terminals_have_a_manifest_of_their_own() {
    let terminal = Entry {
        id: TerminalId::try_from("his-1").unwrap(),
        name: "\u{95e8}\u{8bca} 1".into(),
        public_key: ed25519_public(&seed(9)),
        valid_from: UnixSeconds(FROM),
        valid_until: UnixSeconds(UNTIL),
        revocation: None,
    };
    let manifest: Manifest<Terminal> = Manifest::encode(1, &site(), vec![terminal.clone()]).unwrap();
    assert_eq!(manifest.terminal(&terminal.id), Some(&terminal));
    let mut file = SignedFile::create(FileKind::TerminalManifest, manifest.payload().to_vec()).unwrap();
    file.sign(&seed(1)).unwrap();
    let organisation = OrganisationKey::of(&seed(1));
    assert_eq!(Manifest::<Terminal>::open(&file, &organisation, &site()), Ok(manifest));
    // It is not taken for one of devices.
    let kind = FileError::Kind { wanted: FileKind::DeviceManifest, got: FileKind::TerminalManifest };
    assert_eq!(Manifest::<Device>::open(&file, &organisation, &site()), Err(ManifestError::File(kind)));
}

//= spec-crate/spec/provisioning.md#manifests
//= type=test
//# A program MUST refuse a manifest that has no signature of the organisation which the newest agreement that
//# it holds names for its kind, or that is of another site id than that agreement.
#[test]
fn a_manifest_is_signed_by_the_right_organisation_for_the_right_site() {
    let (right, other) = (OrganisationKey::of(&seed(1)), OrganisationKey::of(&seed(2)));
    let file = file(&three(), 1);
    assert_eq!(Manifest::open(&file, &right, &site()), Ok(three()));
    let unsigned = ManifestError::File(FileError::Unsigned(other.key_id()));
    assert_eq!(Manifest::<Device>::open(&file, &other, &site()), Err(unsigned));
    let elsewhere = SiteId::try_from("hospital-2").unwrap();
    assert_eq!(Manifest::<Device>::open(&file, &right, &elsewhere), Err(ManifestError::Site));
}

//= spec-crate/spec/provisioning.md#manifests
//= type=test
//# A program MUST refuse a manifest whose ids do not ascend strictly, compared as byte strings, or with two
//# entries of one public key.
#[test]
fn ids_rise_strictly() {
    assert_eq!(forged(|devices| devices.swap(0, 1)), ManifestError::Order { id: "pos-1".into() });
    let twice = |devices: &mut Vec<wire::Device>| devices[1].device_id = "pos-1".into();
    assert_eq!(forged(twice), ManifestError::Order { id: "pos-1".into() });
}

//= spec-crate/spec/provisioning.md#manifests
//= type=test
//# A program MUST refuse a manifest whose ids do not ascend strictly, compared as byte strings, or with two
//# entries of one public key.
//= spec-crate/spec/provisioning.md#manifests
//= type=test
//# A program MUST refuse a manifest with an entry whose public key is unusable as PRV-2 says, or whose
//# `valid_from` is above its `valid_until`.
//= spec-crate/spec/key-exchange.md#ed25519
//= type=test
//# An end MUST check that a public key is canonical, on the curve and not of small order when it imports the
//# key.
#[test]
fn each_entry_has_a_usable_key_of_its_own() {
    let shared = ManifestError::SharedKey { first: "pos-1".into(), second: "pos-3".into() };
    assert_eq!(forged(|devices| devices[2].public_key = devices[0].public_key.clone()), shared);
    let mut order_one = vec![0; 32];
    order_one[0] = 1;
    for key in [vec![0; 32], order_one, vec![0xff; 32]] {
        let unusable = ManifestError::UnusableKey { id: "pos-2".into() };
        assert_eq!(forged(|devices| devices[1].public_key = key), unusable);
    }
}

//= spec-crate/spec/provisioning.md#manifests
//= type=test
//# A program MUST refuse a manifest with an entry whose public key is unusable as PRV-2 says, or whose
//# `valid_from` is above its `valid_until`.
//= spec-crate/spec/provisioning.md#manifests
//= type=test
//# A program MUST refuse a manifest with an entry whose `revocation` is neither absent, 1 nor 2, or whose
//# `compromised_since` is there for another revocation than 2 or absent for 2.
#[test]
fn dates_and_revocations_make_sense() {
    let id = || "pos-1".into();
    assert_eq!(forged(|devices| devices[0].valid_until = FROM - 1), ManifestError::Dates { id: id() });
    for (revocation, since) in [(0, 5), (1, 5), (2, 0), (3, 0), (3, 5)] {
        let error = forged(|devices| {
            devices[0].revocation = revocation;
            devices[0].compromised_since = since;
        });
        assert_eq!(error, ManifestError::Revocation { id: id() }, "{revocation} {since}");
    }
}

#[test]
fn a_manifest_has_1_to_2000_entries() {
    let many = |count: u16| -> Vec<Device> {
        let entry = |number: u16| {
            let mut seed = [0; 32];
            seed[..2].copy_from_slice(&number.to_be_bytes());
            let id = DeviceId::try_from(alloc::format!("pos-{number:04}").as_str()).unwrap();
            Entry { id, public_key: ed25519_public(&Secret::new(seed)), ..device(1, None) }
        };
        (0..count).map(entry).collect()
    };
    assert!(Manifest::encode(1, &site(), many(2_000)).is_ok());
    assert_eq!(Manifest::encode(1, &site(), many(2_001)), Err(ManifestError::TooMany { got: 2_001 }));
    let none = Manifest::<Device>::encode(1, &site(), Vec::new());
    assert!(
        matches!(none, Err(ManifestError::File(FileError::NotCanonical(violation))) if violation.step() == 9)
    );
}

//= spec-crate/spec/provisioning.md#taking-a-manifest-over
//= type=test
//# A program MUST refuse a manifest whose `serial` is below that of the one that it holds, or equal to it
//# with another payload.
#[test]
fn an_older_manifest_and_another_of_the_same_serial_are_refused() {
    let held = three();
    assert_eq!(held.check_successor(&held), Ok(()));
    let with = |serial| manifest(serial, held.entries().to_vec());
    assert_eq!(held.check_successor(&with(8)), Ok(()));
    assert_eq!(held.check_successor(&with(6)), Err(ManifestError::Older { held: 7, got: 6 }));
    let mut more = held.entries().to_vec();
    more.push(device(4, None));
    assert_eq!(held.check_successor(&manifest(7, more)), Err(ManifestError::SameSerial(7)));
    let elsewhere = SiteId::try_from("hospital-2").unwrap();
    let elsewhere = Manifest::encode(8, &elsewhere, held.entries().to_vec()).unwrap();
    assert_eq!(held.check_successor(&elsewhere), Err(ManifestError::Site));
}

//= spec-crate/spec/provisioning.md#certificates-of-keys
//= type=test
//# An organisation MUST give a new id to a replacement of a device or terminal that has a new key.
//= spec-crate/spec/provisioning.md#taking-a-manifest-over
//= type=test
//# A program MUST refuse a manifest that lacks an entry of the one that it holds, or gives an id another
//# public key.
#[test]
fn a_successor_adds_and_revokes_and_loses_nothing() {
    let held = manifest(1, vec![device(1, None), device(2, None)]);
    let next = |devices| held.check_successor(&manifest(2, devices));
    assert_eq!(next(vec![device(1, None), device(2, None), device(3, None)]), Ok(()));
    assert_eq!(next(vec![device(1, Some(Revocation::Retired)), device(2, compromised(5))]), Ok(()));
    assert_eq!(next(vec![device(1, None)]), Err(ManifestError::Lost { id: "pos-2".into() }));
    let replaced = Entry { public_key: ed25519_public(&seed(77)), ..device(2, None) };
    assert_eq!(next(vec![device(1, None), replaced]), Err(ManifestError::KeyChanged { id: "pos-2".into() }));
    let renewed = Entry { valid_until: UnixSeconds(UNTIL + 1), name: "SN/0002".into(), ..device(2, None) };
    assert_eq!(next(vec![device(1, None), renewed]), Ok(()));
}

//= spec-crate/spec/provisioning.md#taking-a-manifest-over
//= type=test
//# A program MUST refuse a manifest that takes a revocation of the one that it holds back, weakens it from 2
//# to 1, or dates `compromised_since` later.
#[test]
fn a_revocation_is_never_taken_back_or_dated_later() {
    let retired = Some(Revocation::Retired);
    let allowed = [
        (retired, retired),
        (retired, compromised(5)),
        (compromised(5), compromised(5)),
        (compromised(5), compromised(4)),
    ];
    let refused = [
        (retired, None),
        (compromised(5), None),
        (compromised(5), retired),
        (compromised(5), compromised(6)),
    ];
    let step = |(held, newer)| {
        manifest(1, vec![device(1, held)]).check_successor(&manifest(2, vec![device(1, newer)]))
    };
    for change in allowed {
        assert_eq!(step(change), Ok(()), "{change:?}");
    }
    for change in refused {
        assert_eq!(step(change), Err(ManifestError::Unrevoked { id: "pos-1".into() }), "{change:?}");
    }
}

//= spec-crate/spec/provisioning.md#dates
//= type=test
//# A program MUST NOT refuse a session, an order or a result because of `valid_from` or `valid_until`.
//= spec-crate/spec/provisioning.md#dates
//= type=test
//# A program MUST warn a person of an entry in use if its calendar clock is more than 86,400 s before
//# `valid_from` or more than 86,400 s after `valid_until`.
#[test]
fn dates_warn_beyond_24_hours_and_decide_nothing() {
    let manifest = three();
    let day = 86_400;
    let at = |seconds| manifest.accepts_new_orders(&id(1), Some(UnixSeconds(seconds)));
    for seconds in [FROM - day, FROM, UNTIL, UNTIL + day] {
        assert_eq!(at(seconds), Admission::Accepted(Validity::Within), "{seconds}");
    }
    assert_eq!(at(FROM - day - 1), Admission::Accepted(Validity::Early));
    assert_eq!(at(UNTIL + day + 1), Admission::Accepted(Validity::Late));
    assert_eq!(manifest.accepts_new_orders(&id(1), None), Admission::Accepted(Validity::Within));
    assert_eq!(manifest.result_standing(&id(1), Some(UnixSeconds(UNTIL + 2 * day))), ResultStanding::Valid);
    // Those that are revoked need no warning.
    let warned = |now| manifest.warnings(now).map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(warned(Some(UnixSeconds(FROM - day - 1))), [id(1)]);
    assert_eq!(warned(Some(UnixSeconds(UNTIL + day + 1))), [id(1)]);
    assert!(warned(Some(UnixSeconds(UNTIL + day))).is_empty() && warned(None).is_empty());
}

#[test]
fn revoked_and_unknown_devices_get_no_new_orders() {
    let manifest = three();
    let now = Some(UnixSeconds(1_750_000_000));
    assert_eq!(manifest.accepts_new_orders(&id(2), now), Admission::Revoked(Revocation::Retired));
    // Not even before the moment since when it is compromised.
    assert!(matches!(
        manifest.accepts_new_orders(&id(3), now),
        Admission::Revoked(Revocation::Compromised { .. })
    ));
    assert_eq!(manifest.accepts_new_orders(&id(4), now), Admission::Unknown);
}

#[test]
fn results_of_a_compromised_device_are_evidence_from_that_moment_on() {
    let manifest = three();
    let at = |device, seconds| manifest.result_standing(&id(device), Some(UnixSeconds(seconds)));
    assert_eq!(at(3, 1_799_999_999), ResultStanding::Valid);
    assert_eq!(at(3, 1_800_000_000), ResultStanding::EvidenceOnly);
    assert_eq!(manifest.result_standing(&id(3), None), ResultStanding::EvidenceOnly);
    assert_eq!(at(2, u64::MAX), ResultStanding::Valid);
    assert_eq!(at(4, 1), ResultStanding::Unknown);
}
