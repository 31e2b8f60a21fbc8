//! The key schedule of TLS 1.3 for a mutual SIGMA-I handshake: what each stage may derive, and what it needs first.
//!
//! ```text
//! ss ── Extract ── prk1 ─┬─ hs pos ── key, iv of M2, confirmation of the POS        AfterHello      needs TH2
//!                        ├─ hs his ── key, iv of M3                                 AfterPos        needs TH5
//!                        └─ derived ── Extract ── prk2 ─┬─ confirmation of HIS
//!                                                       └─ record secrets, tag      RecordSecrets   needs TH8
//! ```
//!
//! Each stage consumes the one before and erases it. The side that *receives* a confirmation cannot reach the next
//! stage without a verified signature and an equal confirmation: there is no other constructor.
//! Specified in spec: key exchange.
//!
//! ```compile_fail,E0599
//! use hispos::key_schedule::{AfterHello, RecordSecrets};
//! use hispos::transcript::TranscriptHash;
//!
//! fn skip_a_stage(hello: AfterHello, th8: &TranscriptHash<8>) -> RecordSecrets {
//!     hello.his_is_self(th8, b"auth").0
//! }
//! ```

use alloc::vec::Vec;

use crate::crypto::Secret;
use crate::crypto::aead::{AeadKey, NONCE_BYTES, NotAuthentic};
use crate::crypto::hash::{equal, extract, hmac_sha256, label};
use crate::crypto::sign::Verified;
use crate::frame::Side;
use crate::labels::{
    APPLICATION_HIS, APPLICATION_POS, DERIVED, FINISHED, FINISHED_HIS, HANDSHAKE_HIS, HANDSHAKE_POS, IV, KEY,
    TAG,
};
use crate::record::{Opener, Sealer};
use crate::transcript::TranscriptHash;

/// A confirmation is not the one that the keys give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConfirmDiffers;

/// Stage 1: both hellos are known.
pub struct AfterHello {
    prk1: Secret<32>,
    pos: Secret<32>,
    his: Secret<32>,
    th2: TranscriptHash<2>,
}

impl AfterHello {
    /// Begins the schedule with the secret of the key agreement.
    pub fn new(shared: &Secret<32>, th2: &TranscriptHash<2>) -> Self {
        let prk1 = extract(&[0; 32], shared.expose());
        let pos = label(&prk1, HANDSHAKE_POS, th2.as_bytes());
        let his = label(&prk1, HANDSHAKE_HIS, th2.as_bytes());
        Self { prk1, pos, his, th2: *th2 }
    }

    /// Opens the Auth of the POS from M2.
    ///
    /// # Errors
    ///
    /// [`NotAuthentic`]: another line, another agreement, another key, or a changed message.
    pub fn open_pos_auth(&self, sealed: &[u8]) -> Result<Vec<u8>, NotAuthentic> {
        AuthKey::new(&self.pos).open(&self.th2, sealed)
    }

    /// The confirmation of the POS.
    pub fn pos_confirm(&self, th4: &TranscriptHash<4>) -> [u8; 32] {
        hmac_sha256(label::<32>(&self.pos, FINISHED, &[]).expose(), &[th4.as_bytes()])
    }

    /// Stage 2, at the POS: it has confirmed itself. Seals its Auth for M2, the one time that this is possible.
    #[must_use]
    pub fn pos_is_self(self, th5: &TranscriptHash<5>, auth: &[u8]) -> (AfterPos, Vec<u8>) {
        let sealed = AuthKey::new(&self.pos).seal(&self.th2, auth);
        (self.advance(th5), sealed)
    }

    /// Stage 2, at HIS: the POS signed and confirmed.
    ///
    /// # Errors
    ///
    /// [`ConfirmDiffers`]; compared in constant time.
    pub fn pos_proved(
        self,
        _signature: Verified,
        confirm: &[u8; 32],
        th4: &TranscriptHash<4>,
        th5: &TranscriptHash<5>,
    ) -> Result<AfterPos, ConfirmDiffers> {
        match equal(confirm, &self.pos_confirm(th4)) {
            true => Ok(self.advance(th5)),
            false => Err(ConfirmDiffers),
        }
    }

    fn advance(self, th5: &TranscriptHash<5>) -> AfterPos {
        // The zero is where a pairing secret would go.
        let prk2 = extract(label(&self.prk1, DERIVED, th5.as_bytes()).expose(), &[0; 32]);
        AfterPos { prk2, his: self.his, th5: *th5 }
    }
}

/// Stage 2: the POS has proved itself.
pub struct AfterPos {
    prk2: Secret<32>,
    his: Secret<32>,
    th5: TranscriptHash<5>,
}

impl AfterPos {
    /// Opens the Auth of HIS from M3.
    ///
    /// # Errors
    ///
    /// [`NotAuthentic`].
    pub fn open_his_auth(&self, sealed: &[u8]) -> Result<Vec<u8>, NotAuthentic> {
        AuthKey::new(&self.his).open(&self.th5, sealed)
    }

    /// The confirmation of HIS.
    pub fn his_confirm(&self, th7: &TranscriptHash<7>) -> [u8; 32] {
        hmac_sha256(label::<32>(&self.prk2, FINISHED_HIS, self.th5.as_bytes()).expose(), &[th7.as_bytes()])
    }

    /// Stage 3, at HIS: it has confirmed itself. Seals its Auth, which is M3, the one time that this is possible.
    #[must_use]
    pub fn his_is_self(self, th8: &TranscriptHash<8>, auth: &[u8]) -> (RecordSecrets, Vec<u8>) {
        let sealed = AuthKey::new(&self.his).seal(&self.th5, auth);
        (self.advance(th8), sealed)
    }

    /// Stage 3, at the POS: HIS signed and confirmed.
    ///
    /// # Errors
    ///
    /// [`ConfirmDiffers`]; compared in constant time.
    pub fn his_proved(
        self,
        _signature: Verified,
        confirm: &[u8; 32],
        th7: &TranscriptHash<7>,
        th8: &TranscriptHash<8>,
    ) -> Result<RecordSecrets, ConfirmDiffers> {
        match equal(confirm, &self.his_confirm(th7)) {
            true => Ok(self.advance(th8)),
            false => Err(ConfirmDiffers),
        }
    }

    fn advance(self, th8: &TranscriptHash<8>) -> RecordSecrets {
        let [tag] = *label::<1>(&self.prk2, TAG, th8.as_bytes()).expose();
        RecordSecrets {
            his: label(&self.prk2, APPLICATION_HIS, th8.as_bytes()),
            pos: label(&self.prk2, APPLICATION_POS, th8.as_bytes()),
            tag,
        }
    }
}

/// Stage 3: both sides have proved themselves.
pub struct RecordSecrets {
    his: Secret<32>,
    pos: Secret<32>,
    tag: u8,
}

impl RecordSecrets {
    /// The two directions of the session's records, for one of its ends.
    #[must_use]
    pub fn records(self, own: Side) -> (Sealer, Opener) {
        let (send, receive) = match own {
            Side::His => (self.his, self.pos),
            Side::Pos => (self.pos, self.his),
        };
        (Sealer::new(own, self.tag, send), Opener::new(own, self.tag, receive))
    }
}

/// One use of a handshake secret: key and nonce of the one Auth sealed under it.
struct AuthKey {
    key: AeadKey,
    iv: Secret<NONCE_BYTES>,
}

impl AuthKey {
    fn new(secret: &Secret<32>) -> Self {
        Self { key: AeadKey::new(&label(secret, KEY, &[])), iv: label(secret, IV, &[]) }
    }

    fn seal<const N: u8>(&self, aad: &TranscriptHash<N>, auth: &[u8]) -> Vec<u8> {
        self.key.seal(self.iv.expose(), aad.as_bytes(), auth)
    }

    fn open<const N: u8>(&self, aad: &TranscriptHash<N>, sealed: &[u8]) -> Result<Vec<u8>, NotAuthentic> {
        self.key.open(self.iv.expose(), aad.as_bytes(), sealed)
    }
}

#[cfg(test)]
mod tests;
