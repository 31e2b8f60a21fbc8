//! Every command, from a shell.

use hispos::crypto::Secret;
use hispos::message::agreement::{Agreement, Terms};
use hispos::message::signed_file::{FileKind, OrganisationKey};
use serde_json::json;

use crate::world::{World, agreement, his_seed, pos_seed, signed, terminals};

//= spec-crate/spec/provisioning.md#certificates-of-keys
//= type=test
//# A device or a terminal MUST make its key pair on the machine that uses it, and never export the private
//# key.
//= spec-crate/spec/privacy.md#keys-and-secrets
//= type=test
//# A HIS and a POS MUST NOT write a private key, the site secret, a session secret or a platform credential
//# to a log, an error text or an export.
//= spec-crate/spec/privacy.md#keys-and-secrets
//= type=test
//# A HIS and a POS MUST make the keys of terminals and devices on the machine that uses them, and offer no
//# way to export them.
#[test]
fn a_device_is_made_once_and_its_request_holds_no_secret() {
    let world = World::new();
    assert_eq!(world.run(&["device", "request"]).0, 2);
    let made = world.ok(&["device", "init", "--id", "POS-1", "--serial-no", "SN1"]);
    assert_eq!(world.run(&["device", "init", "--id", "POS-2", "--serial-no", "SN2"]).0, 3);
    assert_eq!(world.ok(&["device", "request"]), made);
    assert_eq!(made["kind"], "device");
    let key = std::fs::read(world.home().join("device.key")).unwrap();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!made.to_string().contains(&hex));
}

#[test]
fn names_that_no_manifest_takes_are_refused_before_a_key_is_made() {
    let world = World::new();
    for (id, serial_no) in
        [("", "SN1"), ("POS 1", "SN1"), ("POS-1234567890123456789012345", "SN1"), ("POS-1", "")]
    {
        assert_eq!(world.run(&["device", "init", "--id", id, "--serial-no", serial_no]).0, 2, "{id}");
    }
    assert!(!world.home().exists());
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
fn an_agreement_is_taken_only_with_compared_fingerprints_and_then_by_its_signatures() {
    let world = World::new();
    world.ok(&["device", "init", "--id", "POS-1", "--serial-no", "SN1"]);
    let file = |number, seeds: &[_]| signed(FileKind::Agreement, agreement(number, true).payload(), seeds);
    let path = world.text("link.hispos");
    world.write("link.hispos", &file(1, &[his_seed(), pos_seed()]));
    let (code, answer) = world.run(&["agreement", "import", &path]);
    assert_eq!(code, 3);
    assert!(answer["text"].as_str().unwrap().contains("--his-organisation"), "{answer}");
    let wrong = ["agreement", "import", &path, "--his-organisation", "00", "--pos-organisation", "00"];
    assert_eq!(world.run(&wrong).0, 3);
    world.import_agreement(1, true);
    // From then on the same organisations are believed, and nobody else.
    world.write("link.hispos", &file(2, &[his_seed(), pos_seed()]));
    assert_eq!(world.ok(&["agreement", "import", &path])["agreement_no"], 2);
    world.write("link.hispos", &file(1, &[his_seed(), pos_seed()]));
    assert_eq!(world.run(&["agreement", "import", &path]).0, 3, "older");
    world.write("link.hispos", &file(3, &[his_seed()]));
    assert_eq!(world.run(&["agreement", "import", &path]).0, 3, "one signature");
    world.write("link.hispos", b"no signed file");
    assert_eq!(world.run(&["agreement", "import", &path]).0, 3);
    assert_eq!(world.run(&["agreement", "import", &world.text("nowhere")]).0, 2);
    assert_eq!(world.ok(&["agreement", "show"])["agreement_no"], 1, "newest first, the oldest last");
}

#[test]
fn a_terminal_manifest_is_taken_in_rising_order_from_the_hospital_only() {
    let world = World::provisioned();
    let path = world.text("windows.hispos");
    let import = |serial, seed| {
        world.write(
            "windows.hispos",
            &signed(FileKind::TerminalManifest, terminals(serial).payload(), &[seed]),
        );
        world.run(&["terminals", "import", &path]).0
    };
    assert_eq!(import(3, his_seed()), 0);
    assert_eq!(import(2, his_seed()), 3);
    assert_eq!(import(4, pos_seed()), 3);
    assert_eq!(world.ok(&["terminals", "show"]), json!({"terminal_id": "HIS-1", "window": "收费1号窗"}));
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A program MUST keep an imported file byte for byte, and verify it again at each start.
#[test]
fn an_import_that_was_altered_on_the_disk_stops_the_terminal() {
    let world = World::provisioned();
    let kept = world.home().join("agreements/1.hispos");
    let mut bytes = std::fs::read(&kept).unwrap();
    assert_eq!(bytes, std::fs::read(world.text("link.hispos")).unwrap(), "byte for byte");
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&kept, bytes).unwrap();
    let serve = ["serve", "--pty", "--credentials", &world.text("merchants.json")];
    assert_eq!(world.run(&serve).0, 6);
}

#[test]
fn serve_says_what_is_missing() {
    let world = World::new();
    let credentials = world.text("merchants.json");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--credentials", &credentials];
    assert_eq!(world.run(&serve).0, 2);
    world.ok(&["device", "init", "--id", "POS-1", "--serial-no", "SN1"]);
    assert_eq!(world.run(&serve).0, 2);
    world.import_agreement(1, true);
    let (code, answer) = world.run(&serve);
    assert_eq!((code, answer["text"].as_str().unwrap().contains("terminals import")), (2, true));
    assert_eq!(world.run(&["serve", "--credentials", &credentials]).0, 2, "no line");
}

//= spec-crate/spec/payment.md#verifying-merchants
//= type=test
//# A POS MUST NOT ask or pay at a simulated merchant under a production agreement, nor at a production one
//# under a simulated agreement.
//= spec-crate/spec/privacy.md#payment-codes
//= type=test
//# A POS MUST NOT take a payment code from a command line or an environment variable in a production profile.
#[test]
fn simulated_credentials_are_refused_under_a_production_agreement() {
    let world = World::new();
    world.ok(&["device", "init", "--id", "POS-1", "--serial-no", "SN1"]);
    world.import_agreement(1, false);
    world.write("windows.hispos", &signed(FileKind::TerminalManifest, terminals(1).payload(), &[his_seed()]));
    world.ok(&["terminals", "import", &world.text("windows.hispos")]);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--credentials", &world.text("merchants.json")];
    let (code, answer) = world.run(&serve);
    assert_eq!(code, 3, "{answer}");
    assert!(answer["text"].as_str().unwrap().contains("production agreement"));
}

//= spec-crate/spec/privacy.md#keys-and-secrets
//= type=test
//# A HIS and a POS MUST keep private keys, the site secret and platform credentials in files that only the
//# account of the program can read.
#[test]
#[cfg(unix)]
fn credentials_that_others_can_read_are_refused() {
    let world = World::provisioned();
    let credentials = world.text("merchants.json");
    std::fs::set_permissions(&credentials, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let (code, answer) = world.run(&["serve", "--listen", "127.0.0.1:0", "--credentials", &credentials]);
    assert_eq!(code, 2);
    assert!(answer["text"].as_str().unwrap().contains("chmod 600"), "{answer}");
}

#[test]
fn commands_to_a_terminal_that_does_not_run_say_so() {
    let world = World::provisioned();
    assert_eq!(world.run(&["status"]).0, 5);
    assert_eq!(world.run(&["scan", "134567890123456789"]).0, 5);
    let (code, answer) = world.run(&["scan", "4240123456789012345678901234"]);
    assert_eq!(code, 3);
    assert!(answer["text"].as_str().unwrap().contains("insurance"), "{answer}");
    for command in ["verify", "export", "restored"] {
        assert_eq!(world.run(&["journal", command]).0, 2, "{command}");
    }
}

//= spec-crate/spec/books.md#a-journal-that-went-back
//= type=test
//# A POS MUST allow a declared restore only while no program serves orders from that journal.
//= spec-crate/spec/books.md#verification
//= type=test
//# A program that verifies a book MUST tell the person that a cut tail or an older copy of the whole book is
//# found only by the anchor that the other side holds.
//= spec-crate/spec/books.md#export
//= type=test
//# A program that exports a book MUST write one line for each record from the first one asked for to the
//# latest, in rising order, with the members of the table above.
//= spec-crate/spec/books.md#export
//= type=test
//# A program MUST treat an export as evidence that names bills and people, and write it only where the person
//# who asked for it said.
//= spec-crate/spec/conformance.md#choices-that-are-free
//= type=test
//# An implementation of level HIS or POS MUST be able to export its book in the form of
//# [books.md](books.md#export).
#[test]
fn a_journal_is_verified_exported_and_declared_restored() {
    let world = World::provisioned();
    let serving = world.serve(&["--listen", "127.0.0.1:0"]);
    assert_eq!(world.ok(&["journal", "verify"])["books"], 1);
    assert_eq!(world.run(&["journal", "restored"]).0, 3, "while it is written");
    serving.kill();
    let restored = world.ok(&["journal", "restored"]);
    assert_ne!(restored["old_book"], restored["new_book"]);
    let verified = world.ok(&["journal", "verify"]);
    assert_eq!(verified["books"], 2);
    assert!(verified["not_found_by_this"].as_str().unwrap().contains("older copy"));
    let exported = world.ok(&["journal", "export"]);
    assert_eq!((&exported["seq"], &exported["table"]), (&verified["records"], &json!("book")));
    let out = world.text("journal.jsonl");
    let told = world.ok(&["journal", "export", "--from", "2", "--out", &out]);
    assert_eq!(told, json!({"ok": true, "records": verified["records"].as_u64().unwrap() - 1}));
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.ends_with("}\n"));
    for (seq, line) in (2_u64..).zip(text.lines()) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["seq"], seq);
        assert_eq!(line["head"].as_str().unwrap().len(), 64);
        assert!(line["record"].as_str().unwrap().bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
    let connection = rusqlite::Connection::open(world.home().join("journal.db")).unwrap();
    connection.execute("UPDATE records SET record = x'00' WHERE seq = 1", []).unwrap();
    assert_eq!(world.run(&["journal", "verify"]).0, 6);
}

#[test]
fn a_second_terminal_from_the_same_home_is_refused() {
    let world = World::provisioned();
    let _serving = world.serve(&["--listen", "127.0.0.1:0"]);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--credentials", &world.text("merchants.json")];
    assert_eq!(world.run(&serve).0, 3);
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
    let world = World::provisioned();
    let new_seed = || Secret::new([4; 32]);
    let [his, pos] = [new_seed(), pos_seed()].map(|seed| OrganisationKey::of(&seed));
    let terms = Terms { his_organisation: his, ..agreement(2, true).terms().clone() };
    let payload = Agreement::encode(&terms).unwrap();
    world.write("new.hispos", &signed(FileKind::Agreement, payload.payload(), &[new_seed(), pos_seed()]));
    let (path, his, pos) = (world.text("new.hispos"), his.fingerprint(), pos.fingerprint());
    let import = ["agreement", "import", &path, "--his-organisation", &his, "--pos-organisation", &pos];
    let (code, answer) = world.run(&import);
    assert_eq!(code, 3, "{answer}");
    assert!(answer["text"].as_str().unwrap().contains("terminal manifest 1"), "{answer}");
    world.ok(&["terminals", "show"]);
    // The same manifest, signed with both keys.
    let take = |serial, seeds: &[_]| {
        let payload = terminals(serial);
        world.write("windows.hispos", &signed(FileKind::TerminalManifest, payload.payload(), seeds));
        world.run(&["terminals", "import", &world.text("windows.hispos")]).0
    };
    assert_eq!(take(1, &[his_seed(), new_seed()]), 0);
    world.ok(&import);
    world.ok(&["terminals", "show"]);
    assert_eq!(world.ok(&["agreement", "show"])["agreement_no"], 1);
    // The old key alone makes nothing any more.
    assert_eq!(take(2, &[his_seed()]), 3);
    let old = signed(FileKind::Agreement, agreement(3, true).payload(), &[his_seed(), pos_seed()]);
    world.write("new.hispos", &old);
    assert_eq!(world.run(&["agreement", "import", &path]).0, 3);
}
