//! Ed25519 with a context in front of what is signed, and one strict rule of verification.

use alloc::vec::Vec;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::Secret;

/// Length of a public key.
pub const PUBLIC_KEY_BYTES: usize = 32;

/// Length of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// The bytes are no public key that this protocol accepts: not canonical, not on the curve, or of small order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnusableKey;

/// The signature is not of this key over this context and payload, or not in the one form that is accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadSignature;

/// Proof that a signature was verified. Only [`ed25519_verify`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Verified(());

/// The public key of a seed.
pub fn ed25519_public(seed: &Secret<32>) -> [u8; PUBLIC_KEY_BYTES] {
    SigningKey::from_bytes(seed.expose()).verifying_key().to_bytes()
}

/// Checks a public key before it is stored, so that a later failure is the signature's and not the key's.
///
/// # Errors
///
/// [`UnusableKey`].
pub fn check_public_key(key: &[u8; PUBLIC_KEY_BYTES]) -> Result<(), UnusableKey> {
    usable(key).map(drop)
}

/// A seed with its public key, expanded once: signing takes half as long as from the seed. Erased when dropped.
pub struct Signer25519(SigningKey);

impl Signer25519 {
    /// Expands the seed.
    pub fn new(seed: &Secret<32>) -> Self {
        Self(SigningKey::from_bytes(seed.expose()))
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a payload under a context: 64 spaces, the context, a zero byte, the payload.
    pub fn sign(&self, context: &[u8], payload: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(&signed_bytes(context, payload)).to_bytes()
    }
}

/// Signs a payload under a context: 64 spaces, the context, a zero byte, the payload.
pub fn ed25519_sign(seed: &Secret<32>, context: &[u8], payload: &[u8]) -> [u8; SIGNATURE_BYTES] {
    SigningKey::from_bytes(seed.expose()).sign(&signed_bytes(context, payload)).to_bytes()
}

/// Verifies a signature over a context and a payload.
///
/// S is below the group order, A and R are canonical and not of small order, the equation holds without cofactor, and
/// R is compared as bytes: every implementation accepts the same signatures. Specified in spec: key exchange.
///
/// # Errors
///
/// [`BadSignature`], whatever the cause.
pub fn ed25519_verify(
    key: &[u8; PUBLIC_KEY_BYTES],
    context: &[u8],
    payload: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
) -> Result<Verified, BadSignature> {
    verify_message(key, &signed_bytes(context, payload), signature).map(|()| Verified(()))
}

/// The strict verification of a whole message, without context. Known cases come like that.
pub(super) fn verify_message(
    key: &[u8; PUBLIC_KEY_BYTES],
    message: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
) -> Result<(), BadSignature> {
    let key = usable(key).map_err(|UnusableKey| BadSignature)?;
    //= spec-crate/spec/key-exchange.md#ed25519
    //# A verifier of an Ed25519 signature (R, S) under a public key A MUST accept exactly if S is below the
    //# group order L, the encodings A and R are canonical, A and R are points of the curve that are not of
    //# small order, and the encoding of S·B - H(R, A, M)·A equals R byte for byte.
    key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| BadSignature)
}

/// What the library's strict verification leaves to its caller: it takes y from p to 2^255-1 as y mod p.
fn usable(key: &[u8; PUBLIC_KEY_BYTES]) -> Result<VerifyingKey, UnusableKey> {
    let [first, middle @ .., last] = key;
    // p = 2^255 - 19, little-endian: ed ff .. ff 7f. The top bit is the sign of x.
    //= spec-crate/spec/key-exchange.md#ed25519
    //# A verifier of an Ed25519 signature (R, S) under a public key A MUST accept exactly if S is below the
    //# group order L, the encodings A and R are canonical, A and R are points of the curve that are not of
    //# small order, and the encoding of S·B - H(R, A, M)·A equals R byte for byte.
    if *first >= 0xED && middle.iter().all(|byte| *byte == 0xFF) && *last & 0x7F == 0x7F {
        return Err(UnusableKey);
    }
    let key = VerifyingKey::from_bytes(key).map_err(|_| UnusableKey)?;
    //= spec-crate/spec/key-exchange.md#ed25519
    //# A verifier of an Ed25519 signature (R, S) under a public key A MUST accept exactly if S is below the
    //# group order L, the encodings A and R are canonical, A and R are points of the curve that are not of
    //# small order, and the encoding of S·B - H(R, A, M)·A equals R byte for byte.
    if key.is_weak() { Err(UnusableKey) } else { Ok(key) }
}

fn signed_bytes(context: &[u8], payload: &[u8]) -> Vec<u8> {
    //= spec-crate/spec/provisioning.md#signed-files
    //# A signer MUST sign 64 bytes 0x20, the context of the file's kind in ASCII, one byte 0x00, and the
    //# payload as it stands in the file.
    [&[0x20; 64], context, &[0], payload].concat()
}
