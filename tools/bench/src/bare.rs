//! The primitives of one handshake of both sides, in one straight line: no parsing, no state, no copies to keep.
//!
//! Suite 0x0001 needs, on both sides together: two ephemeral keys, two agreements, two signatures, two verifications,
//! two sealings and two openings, and on each side the hashes and labels of the key schedule and the expanded keys of
//! its two directions of records. The signing keys are expanded beforehand; the peer's key comes as bytes.

use std::hint::black_box;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

/// Lengths of what is hashed, as they are on the wire at 24-character ids.
const M1_BYTES: usize = 78;
const HELLO_BYTES: usize = 56;
const IDENTITY_BYTES: usize = 60;
const AUTH_BYTES: usize = 164;

/// Both sides' signing keys, and what they draw.
pub(crate) struct Bare {
    his: SigningKey,
    pos: SigningKey,
    his_public: [u8; 32],
    pos_public: [u8; 32],
    draws: [[u8; 32]; 2],
}

impl Bare {
    pub(crate) fn new() -> Self {
        let (his, pos) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        Self {
            his_public: his.verifying_key().to_bytes(),
            pos_public: pos.verifying_key().to_bytes(),
            his,
            pos,
            draws: [[3; 32], [4; 32]],
        }
    }

    /// The public-key operations alone.
    pub(crate) fn asymmetric(&self) {
        let [his_draw, pos_draw] = black_box(self.draws);
        let his = StaticSecret::from(his_draw);
        let his_share = PublicKey::from(&his);
        let pos = StaticSecret::from(pos_draw);
        let pos_share = PublicKey::from(&pos);
        black_box(pos.diffie_hellman(&his_share));
        black_box(his.diffie_hellman(&pos_share));
        prove(&self.pos, &self.pos_public);
        prove(&self.his, &self.his_public);
    }

    /// All primitives.
    pub(crate) fn handshake(&self) {
        self.asymmetric();
        symmetric();
        symmetric();
        for _ in 0..2 {
            seal_and_open();
        }
    }
}

/// One signature, and its verification from the key's bytes.
fn prove(key: &SigningKey, public: &[u8; 32]) {
    let message = black_box([0x20_u8; 64 + 18 + 32]);
    let signature: Signature = key.sign(&message);
    let public = VerifyingKey::from_bytes(black_box(public)).expect("a key");
    public.verify_strict(&message, &signature).expect("the signature");
}

/// One side's transcript and key schedule.
fn symmetric() {
    let mut transcript = Sha256::new();
    transcript.update([0; 45]);
    let content = black_box([0; M1_BYTES]);
    let elements = [M1_BYTES, HELLO_BYTES, IDENTITY_BYTES, 64, 32, IDENTITY_BYTES, 64, 32];
    let mut hash = [0; 32];
    for (nth, length) in elements.into_iter().enumerate() {
        transcript.update([nth as u8, 0, 0, 0, length as u8]);
        transcript.update(&content[..length]);
        if nth > 0 {
            hash = transcript.clone().finalize().into();
        }
    }
    let prk1 = hmac(&[0; 32], &hash);
    let (hs_p, hs_h) = (label(&prk1, b"hs pos", &hash), label(&prk1, b"hs his", &hash));
    for secret in [hs_p, hs_h] {
        black_box((label(&secret, b"key", &[]), label(&secret, b"iv", &[])));
    }
    let prk2 = hmac(&label(&prk1, b"derived", &hash), &[0; 32]);
    black_box(hmac(&label(&hs_p, b"fin", &[]), &hash));
    black_box(hmac(&label(&prk2, b"fin his", &hash), &hash));
    black_box(label(&prk2, b"tag", &hash));
    for secret in [label(&prk2, b"ap his", &hash), label(&prk2, b"ap pos", &hash)] {
        let key = Aes256Gcm::new(&label(&secret, b"key", &[]).into());
        black_box((key, label(&secret, b"iv", &[])));
    }
}

fn hmac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn label(secret: &[u8; 32], name: &[u8], context: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret).expect("any length");
    mac.update(&[0, 32, name.len() as u8 + 8]);
    mac.update(b"hispos1 ");
    mac.update(name);
    mac.update(&[context.len() as u8]);
    mac.update(context);
    mac.update(&[1]);
    mac.finalize().into_bytes().into()
}

/// One Auth, sealed on one side and opened on the other: each sets up its own key.
fn seal_and_open() {
    let (key, nonce, aad) = black_box(([5; 32], [6; 12], [7; 32]));
    let mut auth = vec![8; AUTH_BYTES];
    Aes256Gcm::new(&key.into()).encrypt_in_place(&nonce.into(), &aad, &mut auth).expect("short");
    Aes256Gcm::new(&key.into()).decrypt_in_place(&nonce.into(), &aad, &mut auth).expect("authentic");
    black_box(auth);
}

/// Sealing one record's plaintext with a key that is set up already.
pub(crate) struct RawSeal {
    cipher: Aes256Gcm,
    plaintext: Vec<u8>,
    counter: u64,
}

impl RawSeal {
    pub(crate) fn new(length: usize) -> Self {
        Self { cipher: Aes256Gcm::new(&[9; 32].into()), plaintext: vec![1; length], counter: 0 }
    }

    /// AES-256-GCM over a copy of the plaintext, under the next nonce.
    pub(crate) fn seal(&mut self) {
        self.counter += 1;
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.counter.to_be_bytes());
        let mut sealed = Vec::with_capacity(self.plaintext.len() + 16);
        sealed.extend_from_slice(black_box(&self.plaintext));
        self.cipher.encrypt_in_place(&nonce.into(), &[0; 6], &mut sealed).expect("short");
        black_box(sealed);
    }
}
