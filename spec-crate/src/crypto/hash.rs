//! SHA-256, HMAC-SHA-256, and HKDF-SHA-256 with the labels of the key schedule.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::Secret;
use crate::labels::LABEL_PREFIX;

/// SHA-256 of the parts, one behind the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// SHA-256 that grows, and tells its value at any point.
#[derive(Clone)]
pub(crate) struct RunningSha256(Sha256);

impl RunningSha256 {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn value(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}

/// HMAC-SHA-256 of the parts, one behind the other, under a key of 32 bytes.
pub fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads a key shorter than its block with zeros.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block);
    block.as_mut_slice().zeroize();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether two values of 32 bytes are equal, in constant time.
#[must_use]
pub fn equal(left: &[u8; 32], right: &[u8; 32]) -> bool {
    //= spec-crate/spec/key-exchange.md#key-schedule
    //# An end MUST compare a received `confirm` with its own value in constant time.
    left.ct_eq(right).into()
}

/// HKDF-Extract (RFC 5869, section 2.2).
pub fn extract(salt: &[u8; 32], ikm: &[u8; 32]) -> Secret<32> {
    Secret::new(hmac_sha256(salt, &[ikm]))
}

/// `Label(s, l, ctx, L)`: HKDF-Expand (RFC 5869, section 2.3) over the label structure of TLS 1.3, `L` being `N`.
///
/// Labels and contexts are constants and hashes of this crate: labels of at most 12 bytes, contexts of at most 32.
/// Specified in spec: key exchange.
pub fn label<const N: usize>(secret: &Secret<32>, label: &[u8], context: &[u8]) -> Secret<N> {
    const { assert!(N <= 32, "one block of the expansion is enough") };
    let name_length = LABEL_PREFIX.len().saturating_add(label.len());
    let mut block = hmac_sha256(
        secret.expose(),
        &[
            &[0, N as u8, name_length as u8],
            LABEL_PREFIX,
            label,
            &[context.len() as u8],
            context,
            // HKDF-Expand ends the input of its first block with its number.
            &[1],
        ],
    );
    let out = Secret::make(|out| {
        for (to, from) in out.iter_mut().zip(&block) {
            *to = *from;
        }
    });
    block.zeroize();
    out
}
