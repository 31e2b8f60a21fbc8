//! Setting a site up: organisations, agreements, manifests.

use hispos::message::manifest::{Device, Manifest};
use hispos::message::signed_file::{FileKind, SignedFile};
use hispos::time::UnixSeconds;
use hispos_common::keys;
use serde_json::Value;

use crate::site::Site;

//= spec-crate/spec/provisioning.md#certificates-of-keys
//= type=test
//# A device or a terminal MUST make its key pair on the machine that uses it, and never export the private
//# key.
#[test]
fn a_site_is_set_up_by_commands_alone() {
    let site = Site::set_up("pty");
    let listed = site.done(&["devices", "list"]);
    assert_eq!(listed.last["device_id"], "D1");
    assert_eq!(listed.last["window"], "W1");
    let shown = site.done(&["agreement", "show", &site.path("agreement-1.hispos")]);
    assert_eq!(shown.last["signers"].as_array().unwrap().len(), 2);
    assert_eq!(site.done(&["agreement", "list"]).last["agreement_no"], 1);
    // No secret is in what others get.
    let device = std::fs::read_to_string(site.file("w1.json")).unwrap();
    let seed = std::fs::read(site.home().join("terminals/W1.key")).unwrap();
    assert_eq!(seed.len(), 32);
    assert!(!device.contains(&seed.iter().map(|byte| format!("{byte:02x}")).collect::<String>()));
}

//= spec-crate/spec/provisioning.md#organisation-keys
//= type=test
//# A program MUST take an agreement over only if a person has confirmed, at this import or an earlier one,
//# the fingerprints of both organisation keys that the agreement names.
//= spec-crate/spec/provisioning.md#organisation-keys
//= type=test
//# A program MUST refuse an agreement that names other organisation keys than those confirmed, until a person
//# confirms the new ones.
//= spec-crate/spec/provisioning.md#taking-an-agreement-over
//= type=test
//# A program MUST keep every agreement that it ever took over for as long as its book.
#[test]
fn an_agreement_is_taken_over_only_from_organisations_that_people_compared() {
    let site = Site::empty();
    for organisation in ["hospital", "pos", "stranger"] {
        site.done(&["org", "init", &site.path(organisation), "--name", organisation]);
    }
    let file = site.agree(1);
    let refused = site.run(&["agreement", "import", &file]);
    assert_eq!(refused.code, 3, "{refused:?}");
    let text = refused.last["text"].as_str().unwrap();
    assert!(text.contains(&site.fingerprint("hospital")), "{text}");
    let (stranger, pos) = (site.fingerprint("stranger"), site.fingerprint("pos"));
    let other = site.run(&[
        "agreement",
        "import",
        &file,
        "--his-organisation",
        &stranger,
        "--pos-organisation",
        &pos,
    ]);
    assert_eq!(other.code, 3, "{other:?}");
    site.import_first_agreement();
    // The next one needs no comparing; an older one is refused.
    let second = site.agree(2);
    site.done(&["agreement", "import", &second]);
    assert_eq!(site.run(&["agreement", "import", &file]).code, 3);
    let listed: Vec<_> =
        site.done(&["agreement", "list"]).lines.iter().map(|line| line["agreement_no"].clone()).collect();
    assert_eq!(listed, [2, 1]);
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A program MUST show the payload to the person who signs it, before it signs.
#[test]
fn a_file_is_shown_before_it_is_signed() {
    let site = Site::empty();
    for organisation in ["hospital", "pos"] {
        site.done(&["org", "init", &site.path(organisation), "--name", organisation]);
    }
    let file = site.agree(1);
    let signed = site.done(&["org", "sign", &file, "--org", &site.path("pos")]);
    assert_eq!(signed.lines.first().unwrap()["says"]["site_code"], "SIM1");
    assert_eq!(signed.last["fingerprint"], site.fingerprint("pos"));
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A program MUST keep an imported file byte for byte, and verify it again at each start.
#[test]
fn an_imported_file_is_kept_byte_for_byte_and_verified_again() {
    let site = Site::empty();
    for organisation in ["hospital", "pos"] {
        site.done(&["org", "init", &site.path(organisation), "--name", organisation]);
    }
    let file = site.agree(1);
    let binary = SignedFile::decode(&std::fs::read(&file).unwrap()).unwrap();
    std::fs::write(&file, binary.encode_armoured()).unwrap();
    site.import_first_agreement();
    let kept = site.home().join("agreements/1.hispos");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), binary.encode_armoured());
    let mut altered = binary.encode();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&kept, altered).unwrap();
    assert_ne!(site.run(&["agreement", "list"]).code, 0);
}

//= spec-crate/spec/provisioning.md#dates
//= type=test
//# A program MUST warn a person of an entry in use if its calendar clock is more than 86,400 s before
//# `valid_from` or more than 86,400 s after `valid_until`.
//= spec-crate/spec/provisioning.md#dates
//= type=test
//# A program MUST NOT refuse a session, an order or a result because of `valid_from` or `valid_until`.
#[test]
fn an_entry_in_use_that_has_run_out_is_warned_of_and_refuses_nothing() {
    let site = Site::set_up("pty");
    let listed = site.done(&["devices", "list"]).last;
    assert_eq!(listed["warning"], Value::Null);
    let file = std::fs::read(site.file("devices.hispos")).unwrap();
    let held = Manifest::<Device>::decode(SignedFile::decode(&file).unwrap().payload().to_vec()).unwrap();
    let mut entries = held.entries().to_vec();
    (entries[0].valid_from, entries[0].valid_until) = (UnixSeconds(1), UnixSeconds(2));
    let next = Manifest::encode(2, held.site(), entries).unwrap();
    let mut next = SignedFile::create(FileKind::DeviceManifest, next.payload().to_vec()).unwrap();
    next.sign(&keys::load(&site.file("pos").join("organisation.key")).unwrap()).unwrap();
    let path = site.path("devices-2.hispos");
    std::fs::write(&path, next.encode()).unwrap();
    site.done(&["devices", "import", &path]);
    let listed = site.done(&["devices", "list"]).last;
    assert!(listed["warning"].as_str().unwrap().contains("run out"), "{listed}");
    assert_eq!(listed["state"], "good");
}

#[test]
fn an_agreement_with_one_signature_or_an_altered_byte_is_refused() {
    let site = Site::empty();
    for organisation in ["hospital", "pos"] {
        site.done(&["org", "init", &site.path(organisation), "--name", organisation]);
    }
    let file = site.agree(1);
    let mut bytes = std::fs::read(&file).unwrap();
    let place = bytes.windows(4).position(|window| window == b"SIM1").unwrap();
    bytes[place + 3] = b'2';
    std::fs::write(&file, &bytes).unwrap();
    let refused = site.run(&["agreement", "import", &file]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.last["text"].as_str().unwrap().contains("signature"), "{refused:?}");
}

//= spec-crate/spec/books.md#how-long-books-are-kept
//= type=test
//# A HIS MUST keep every device key that it ever accepted, with the time for which it held.
#[test]
fn a_manifest_loses_no_device_and_an_older_one_is_refused() {
    let site = Site::set_up("pty");
    let (first, second) = (site.path("devices.hispos"), site.path("devices-2.hispos"));
    site.done(&["manifest", "devices", "--previous", &first, "--retire", "D1", "--out", &second]);
    let unsigned = site.run(&["devices", "import", &second]);
    assert_eq!(unsigned.code, 2, "{unsigned:?}");
    site.done(&["org", "sign", &second, "--org", &site.path("pos")]);
    site.done(&["devices", "import", &second]);
    assert!(site.done(&["devices", "list"]).last["state"].as_str().unwrap().contains("Retired"));
    assert_eq!(site.run(&["devices", "import", &first]).code, 3);
    // A terminal's request makes no device.
    let wrong =
        ["manifest", "devices", "--site", "SITE", "--add", &site.path("w1.json"), "--out", "x.hispos"];
    assert_eq!(site.run(&wrong).code, 2);
}

#[test]
fn the_schema_of_an_agreement_names_every_field() {
    let site = Site::empty();
    let schema = site.done(&["agreement", "schema"]).last;
    for field in ["agreement_no", "site_code", "his_organisation_key", "amounts", "timers", "wechat"] {
        assert_ne!(schema["properties"][field], Value::Null, "{field}");
    }
}

#[test]
fn an_amount_without_a_sign_is_a_wrong_command_and_without_a_server_nothing_is_reached() {
    let site = Site::empty();
    assert_eq!(site.run(&["collect", "--bill", "B1", "+12.34"]).code, 5);
    assert_eq!(
        site.run(&["refund", "BA", "-5.00", "--operator", "a", "--approver", "b", "--reason", "r"]).code,
        5
    );
    assert_eq!(site.run(&["open"]).code, 5);
    let wrong = site.run_plain(&["collect", "--bill", "B1", "12.34"]);
    assert_eq!(wrong, 2);
    assert_eq!(site.run(&["decide", "BA", "keep", "--by", "zhang"]).code, 3);
    assert_eq!(site.run(&["decide", "BA", "keep", "--by", "zhang", "--by", "zhang"]).code, 3);
}

//= spec-crate/spec/provisioning.md#organisation-keys
//= type=test
//# A program MUST refuse an agreement that names other organisation keys than those confirmed, until a person
//# confirms the new ones.
//= spec-crate/spec/provisioning.md#taking-an-agreement-over
//= type=test
//# A program MUST refuse an agreement of another site id than the newest one that it holds, or under which
//# PRV-33 would refuse the manifest that it holds.
//= spec-crate/spec/provisioning.md#manifests
//= type=test
//# A program MUST refuse a manifest that has no signature of the organisation which the newest agreement that
//# it holds names for its kind, or that is of another site id than that agreement.
#[test]
fn an_agreement_with_a_new_organisation_key_waits_for_a_manifest_that_is_signed_with_it() {
    let site = Site::set_up("pty");
    site.done(&["org", "init", &site.path("pos-new"), "--name", "pos"]);
    let (file, fingerprint) = (site.agree_with(2, "pos-new"), site.fingerprint("pos-new"));
    let import = ["agreement", "import", &file, "--pos-organisation", &fingerprint];
    let refused = site.run(&import);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.last["text"].as_str().unwrap().contains("device manifest 1"), "{refused:?}");
    site.done(&["devices", "list"]);
    // The same manifest, signed with both keys.
    let devices = site.path("devices.hispos");
    site.done(&["org", "sign", &devices, "--org", &site.path("pos-new")]);
    site.done(&["devices", "import", &devices]);
    site.done(&import);
    assert_eq!(site.done(&["devices", "list"]).last["device_id"], "D1");
    assert_eq!(site.done(&["agreement", "list"]).last["agreement_no"], 1);
    // The old key alone makes nothing any more.
    let next = site.path("devices-2.hispos");
    site.done(&["manifest", "devices", "--previous", &devices, "--retire", "D1", "--out", &next]);
    site.done(&["org", "sign", &next, "--org", &site.path("pos")]);
    assert_ne!(site.run(&["devices", "import", &next]).code, 0);
    assert_eq!(site.run(&["agreement", "import", &site.agree(3)]).code, 3);
}
