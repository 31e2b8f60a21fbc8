use alloc::string::ToString;
use alloc::vec;

use super::*;

/// A function and no closure: the seed is erased where it was, see [`Secret::new`].
fn seed(number: u8) -> Secret<32> {
    Secret::new([number; 32])
}

fn key(number: u8) -> OrganisationKey {
    OrganisationKey::of(&seed(number))
}

/// A canonical manifest of terminals; nothing here looks into it.
fn payload(names: usize) -> Vec<u8> {
    payload_with(names, 64)
}

/// The same with the names of the first 100 windows of another length.
fn payload_with(names: usize, length: usize) -> Vec<u8> {
    let terminal = |number| wire::Terminal {
        terminal_id: alloc::format!("his-terminal-window-{number:04}"),
        window_name: "w".repeat(if number < 100 { length } else { 64 }),
        public_key: vec![1; 32],
        valid_from: 1,
        valid_until: 2,
        revocation: 0,
        compromised_since: 0,
    };
    let terminals = (0..names).map(terminal).collect();
    wire::TerminalManifest { serial: 1, site_id: "site-1".into(), terminals }.encode_to_vec()
}

fn file() -> SignedFile {
    SignedFile::create(FileKind::TerminalManifest, payload(1)).unwrap()
}

fn signed(numbers: &[u8]) -> SignedFile {
    let mut file = file();
    numbers.iter().for_each(|number| file.sign(&seed(*number)).unwrap());
    file
}

/// The bytes of a file after a change that its encoder would not make.
fn forged(file: &SignedFile, change: impl FnOnce(&mut wire::SignedFile)) -> Result<SignedFile, FileError> {
    let mut read = wire::SignedFile::decode(file.encode().as_slice()).unwrap();
    change(&mut read);
    SignedFile::decode(&read.encode_to_vec())
}

//= spec-crate/spec/provisioning.md#armour
//= type=test
//# A program that reads a signed file MUST accept the armoured form as well as the binary one.
#[test]
fn a_signed_file_is_read_back_from_its_binary_form_and_its_armour() {
    for file in [file(), signed(&[1]), signed(&[1, 2, 3, 4])] {
        assert_eq!(SignedFile::decode(&file.encode()).as_ref(), Ok(&file));
        assert_eq!(SignedFile::decode(file.encode_armoured().as_bytes()).as_ref(), Ok(&file));
    }
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A program MUST take a signature of an organisation as there only if the file has a signature with the key
//# id of that organisation's key and it verifies as [Ed25519](key-exchange.md#ed25519) says.
#[test]
fn an_organisation_stands_for_what_it_signed_and_nothing_else() {
    let file = signed(&[1, 2]);
    assert_eq!(file.verify(&key(1)), Ok(()));
    assert_eq!(file.verify(&key(2)), Ok(()));
    assert_eq!(file.verify(&key(3)), Err(FileError::Unsigned(key(3).key_id())));
    let altered = forged(&file, |file| file.payload = payload(2)).unwrap();
    assert_eq!(altered.verify(&key(1)), Err(FileError::BadSignature(key(1).key_id())));
    // The same payload as a file of another kind: the context is another.
    let mut file = forged(&file, |file| file.signatures[0].signature = vec![7; 64]).unwrap();
    let (first, second) = if key(1).key_id() < key(2).key_id() { (1, 2) } else { (2, 1) };
    assert_eq!(file.verify(&key(first)), Err(FileError::BadSignature(key(first).key_id())));
    assert_eq!(file.verify(&key(second)), Ok(()));
    file.sign(&seed(first)).unwrap();
    assert_eq!(file.verify(&key(first)), Ok(()));
    assert_eq!(file.signers().count(), 2);
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A signer MUST sign 64 bytes 0x20, the context of the file's kind in ASCII, one byte 0x00, and the payload
//# as it stands in the file.
#[test]
fn a_signature_under_the_context_of_another_kind_does_not_count() {
    let mut file = signed(&[1]);
    file.signatures[0].1 = ed25519_sign(&seed(1), FileKind::DeviceManifest.context(), file.payload());
    assert_eq!(file.verify(&key(1)), Err(FileError::BadSignature(key(1).key_id())));
    let contexts = FileKind::ALL.map(FileKind::context);
    assert_eq!(
        contexts,
        [&b"hispos/1 agreement"[..], b"hispos/1 device manifest", b"hispos/1 terminal manifest"]
    );
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A signer MUST write the signatures of a file in ascending order of their key ids, compared as byte
//# strings, and one signature for each key id.
//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A program MUST refuse a file whose SignedFile or payload the
//# [validator](encoding.md#steps-of-the-validator) refuses, whose kind is not 1, 2 or 3 or not the one that
//# is wanted, or whose key ids do not ascend strictly.
#[test]
fn key_ids_rise_strictly_whatever_the_order_of_signing() {
    assert_eq!(signed(&[1, 2, 3]), signed(&[3, 1, 2]));
    assert_eq!(forged(&signed(&[1, 2]), |file| file.signatures.reverse()), Err(FileError::SignatureOrder));
    let twice = forged(&signed(&[1]), |file| file.signatures.push(file.signatures[0].clone()));
    assert_eq!(twice, Err(FileError::SignatureOrder));
}

#[test]
fn a_fifth_signature_has_no_room_and_leaves_the_file_as_it_was() {
    let mut file = signed(&[1, 2, 3, 4]);
    let before = file.clone();
    assert_eq!(file.sign(&seed(5)), Err(FileError::Signatures));
    assert_eq!(file, before);
    assert_eq!(file.sign(&seed(4)), Ok(()));
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A program MUST refuse a file whose SignedFile or payload the
//# [validator](encoding.md#steps-of-the-validator) refuses, whose kind is not 1, 2 or 3 or not the one that
//# is wanted, or whose key ids do not ascend strictly.
//= spec-crate/spec/encoding.md#strict-messages
//= type=test
//# A receiver MUST treat a strict message that the validator refuses as the chapter says that describes where
//# it came from, and use nothing of it.
#[test]
fn kinds_are_told_apart_and_unknown_ones_refused() {
    let file = file();
    assert_eq!(file.expect_kind(FileKind::TerminalManifest), Ok(()));
    let wanted = FileKind::Agreement;
    assert_eq!(file.expect_kind(wanted), Err(FileError::Kind { wanted, got: FileKind::TerminalManifest }));
    assert_eq!(forged(&file, |file| file.kind = 4), Err(FileError::UnknownKind(4)));
    assert!(matches!(SignedFile::create(wanted, payload(1)), Err(FileError::NotCanonical(_))));
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A program MUST refuse a file of more than 262,144 bytes (SIGNED_FILE_BYTES_MAX) in its binary form.
#[test]
fn a_file_longer_than_the_limit_is_refused_before_it_is_read() {
    let got = SIGNED_FILE_BYTES_MAX + 1;
    assert_eq!(SignedFile::decode(&vec![0; got]), Err(FileError::TooLong { got }));
    assert!(matches!(SignedFile::decode(&vec![0; got - 1]), Err(FileError::NotCanonical(_))));
    let mut full = SignedFile::create(FileKind::TerminalManifest, payload(1_800)).unwrap();
    assert_eq!(full.sign(&seed(1)), Ok(()));
    assert!(matches!(
        SignedFile::create(FileKind::TerminalManifest, payload(2_000)),
        Err(FileError::TooLong { .. })
    ));
}

#[test]
fn a_signature_that_makes_the_file_too_long_leaves_it_as_it_was() {
    let lengths = (1..=64).flat_map(|length| (1_970..1_974).map(move |names| payload_with(names, length)));
    let mut nearly_full =
        lengths.filter(|payload| (1..70).contains(&SIGNED_FILE_BYTES_MAX.saturating_sub(payload.len() + 9)));
    let mut file = SignedFile::create(FileKind::TerminalManifest, nearly_full.next().unwrap()).unwrap();
    let before = file.clone();
    assert!(matches!(file.sign(&seed(1)), Err(FileError::TooLong { got }) if got > SIGNED_FILE_BYTES_MAX));
    assert_eq!(file, before);
}

//= spec-crate/spec/provisioning.md#organisation-keys
//= type=test
//# A program MUST refuse an organisation key that is not canonical, not on the curve, or of small order, as
//# [Ed25519](key-exchange.md#ed25519) says.
#[test]
fn keys_of_small_order_or_off_the_curve_are_no_organisation() {
    let mut one = [0; 32];
    one[0] = 1;
    let mut off = [0; 32];
    off[0] = 2;
    for bytes in [[0; 32], one, off, [0xff; 32]] {
        assert_eq!(OrganisationKey::from_bytes(bytes), Err(FileError::UnusableKey));
    }
    assert_eq!(OrganisationKey::from_bytes(*key(1).as_bytes()), Ok(key(1)));
}

#[test]
fn a_fingerprint_is_8_groups_of_4_digits_that_begin_with_the_key_id() {
    let text = key(1).fingerprint();
    assert!(
        text.split(' ').all(|group| group.len() == 4 && group.bytes().all(|digit| digit.is_ascii_hexdigit()))
    );
    assert_eq!(text.split(' ').count(), 8);
    let id = key(1).key_id().to_string();
    assert_eq!(text.replace(' ', "").to_ascii_lowercase()[..16], id);
    assert_ne!(text, key(2).fingerprint());
}

#[test]
fn every_truncation_and_bit_flip_is_refused_or_not_signed() {
    let file = signed(&[1]);
    let bytes = file.encode();
    let flips = (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    });
    let mut cases = 0;
    for changed in flips.chain((0..bytes.len()).map(|length| bytes[..length].to_vec())) {
        cases += 1;
        let signed = SignedFile::decode(&changed).and_then(|file| file.verify(&key(1)));
        assert!(signed.is_err(), "{changed:02x?}");
    }
    std::println!("{cases} truncations and bit flips of a signed file");
}

//= spec-crate/spec/provisioning.md#armour
//= type=test
//# A program that reads armour MUST ignore all lines before the first line that begins with `-----BEGIN
//# HISPOS ` and all lines behind the END line, and white space at both ends of each line.
#[test]
fn armour_survives_mail() {
    let text = signed(&[1]).encode_armoured();
    assert!(text.starts_with("-----BEGIN HISPOS TERMINAL MANIFEST-----\n"));
    assert!(text.ends_with("-----END HISPOS TERMINAL MANIFEST-----\n"));
    assert!(text.lines().all(|line| line.len() <= 64));
    let mails = [
        text.replace('\n', "\r\n"),
        alloc::format!("Dear colleague,\n\n{text}\nBest regards\n\u{738b}"),
        text.replace('\n', "  \n\n"),
    ];
    for mail in mails {
        assert_eq!(SignedFile::decode(mail.as_bytes()), Ok(signed(&[1])));
    }
}

//= spec-crate/spec/provisioning.md#armour
//= type=test
//# A program that reads armour MUST refuse it if the BEGIN line does not end with five hyphens, if the END
//# line is missing or has another name than the BEGIN line, or if the name is not that of the kind of the
//# file inside.
#[test]
fn damaged_armour_is_refused_with_its_line() {
    let text = signed(&[1]).encode_armoured();
    let lines: Vec<&str> = text.lines().collect();
    let without = |number: usize| -> String {
        lines
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != number)
            .map(|(_, line)| alloc::format!("{line}\n"))
            .collect()
    };
    let last = lines.len() - 1;
    assert_eq!(SignedFile::decode(without(last).as_bytes()), Err(FileError::Armour { line: last }));
    assert!(SignedFile::decode(without(1).as_bytes()).is_err());
    let damaged = text.replacen(&lines[1][..4], "*AAA", 1);
    assert_eq!(SignedFile::decode(damaged.as_bytes()), Err(FileError::Armour { line: 2 }));
    let short = text.replacen("MANIFEST-----\n", "MANIFEST----\n", 1);
    assert_eq!(SignedFile::decode(short.as_bytes()), Err(FileError::Armour { line: 1 }));
    let renamed = text.replace("TERMINAL MANIFEST", "AGREEMENT");
    assert_eq!(
        SignedFile::decode(renamed.as_bytes()),
        Err(FileError::ArmourName(FileKind::TerminalManifest))
    );
    let unequal = text.replace("END HISPOS TERMINAL", "END HISPOS DEVICE");
    assert!(matches!(SignedFile::decode(unequal.as_bytes()), Err(FileError::Armour { .. })));
}

//= spec-crate/spec/provisioning.md#armour
//= type=test
//# A program that reads armour MUST refuse it if a line between BEGIN and END has a character other than
//# those of base64, does not consist of groups of four, has padding anywhere but at the end of the content,
//# or has bits that are not zero behind the content in its last group.
#[test]
fn base64_is_that_of_rfc_4648_and_has_one_form() {
    let body = |bytes: &[u8]| armour::write("x", bytes).lines().nth(1).unwrap_or_default().to_string();
    let known = ["Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
    for (length, text) in (1..).zip(known) {
        assert_eq!(body(&b"foobar"[..length]), text);
    }
    let read = |body: &str| armour::read(alloc::format!("{BEGIN}{body}\n{END}").as_bytes());
    const BEGIN: &str = "-----BEGIN HISPOS X-----\n";
    const END: &str = "-----END HISPOS X-----";
    assert_eq!(read("Zm9vYg=="), Ok(Some(("x".into(), b"foob".to_vec()))));
    for bad in [
        "Zh==",
        "Zm9=",
        "Zg",
        "Zg=",
        "Z===",
        "====",
        "Zg==Zm9v",
        "Zg==\nZm9v",
        "Zm9",
        "Zm 9v",
        "Z=g=",
        "\u{e9}m9",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    for length in 0..200_u8 {
        let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(151)).collect();
        assert_eq!(armour::read(armour::write("x", &bytes).as_bytes()), Ok(Some(("x".into(), bytes))));
    }
}
