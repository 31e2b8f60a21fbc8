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
mod suite;
#[cfg(test)]
mod tests;

pub use secret::Secret;
pub use sign::{ed25519_public, ed25519_sign, ed25519_verify};
pub use suite::Suite;

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
