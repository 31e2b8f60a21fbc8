//! The cryptography of suite 1, behind the boundary that other suites will stand behind: kex, sign, aead, hash.
//!
//! Nothing outside this folder names a type of a cryptographic library. [`Suite`] says which primitives belong
//! together; version 1 has one suite, so the four modules hold plain functions and no dispatch.
//!
//! Randomness comes in through [`Entropy`]. This crate never draws by itself and never keeps a seed: a stored seed
//! would give later keys away.

pub mod aead;
pub mod hash;
pub mod kex;
mod secret;
pub mod sign;

pub use secret::Secret;
pub use sign::{ed25519_public, ed25519_sign, ed25519_verify};

/// A source of randomness, read at each draw.
///
/// Must be a cryptographically secure generator of the operating system. Only tests have a seeded one.
pub trait Entropy {
    /// Fills the whole slice with fresh random bytes.
    fn fill(&mut self, out: &mut [u8]);
}

/// Draws a fixed number of bytes.
pub(crate) fn draw<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A cipher suite: one choice of key agreement, signature, record protection and hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Suite {
    /// Suite 0x0001: X25519, Ed25519, AES-256-GCM, SHA-256. Mandatory.
    X25519Ed25519Aes256GcmSha256,
}

impl Suite {
    /// The suite of this number, if this implementation has it.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::X25519Ed25519Aes256GcmSha256),
            _ => None,
        }
    }

    /// The suite's number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::X25519Ed25519Aes256GcmSha256 => 1,
        }
    }

    /// The group of the suite's key share.
    pub const fn group(self) -> u32 {
        match self {
            Self::X25519Ed25519Aes256GcmSha256 => kex::GROUP_X25519,
        }
    }
}
