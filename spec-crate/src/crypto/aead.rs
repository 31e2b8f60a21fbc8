//! AES-256-GCM with a tag of 16 bytes.

use alloc::vec::Vec;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};

use super::Secret;

/// Length of a key.
pub const KEY_BYTES: usize = 32;

/// Length of a nonce.
pub const NONCE_BYTES: usize = 12;

/// Length of the tag that every ciphertext ends with.
pub const TAG_BYTES: usize = 16;

/// The ciphertext was not made with this key, nonce and associated data, or was changed since.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAuthentic;

/// An expanded key. Erased when dropped.
///
/// This layer does not guard against sealing twice under one nonce: its callers own the counters and do.
pub(crate) struct AeadKey(Aes256Gcm);

impl AeadKey {
    pub(crate) fn new(key: &Secret<KEY_BYTES>) -> Self {
        Self(Aes256Gcm::new(key.expose().into()))
    }

    /// Ciphertext and tag of a plaintext.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
        bytes.extend_from_slice(plaintext);
        // GCM fails above 2^36 bytes only. The tag of nothing opens nowhere, so even then no plaintext leaves.
        match self.0.encrypt_inout_detached(nonce.into(), aad, bytes.as_mut_slice().into()) {
            Ok(tag) => bytes.extend_from_slice(&tag),
            Err(_) => bytes.clear(),
        }
        bytes
    }

    /// The plaintext of ciphertext and tag.
    ///
    /// # Errors
    ///
    /// [`NotAuthentic`]; nothing of the plaintext is given out.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, NotAuthentic> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(NotAuthentic)?;
        let mut bytes = ciphertext.to_vec();
        self.0
            .decrypt_inout_detached(nonce.into(), aad, bytes.as_mut_slice().into(), tag.into())
            .map_err(|_| NotAuthentic)?;
        Ok(bytes)
    }
}
