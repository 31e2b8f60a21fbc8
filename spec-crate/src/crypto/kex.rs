//! X25519 with ephemeral keys, and the check that the peer contributed.

use x25519_dalek::{PublicKey, StaticSecret};

use super::{Entropy, Secret, draw};

/// The group number of X25519 in a key share.
pub const GROUP_X25519: u32 = 1;

/// Length of a key share.
pub const SHARE_BYTES: usize = 32;

/// The peer's share is a point of small order: the shared secret would be zero whatever our key is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotContributory;

//= spec-crate/spec/key-exchange.md#randomness
//= type=implication
//# An end MUST NOT store, log or derive from a stored seed any random byte of this chapter.
/// Our half of one key agreement. Drawn afresh for every new M1 and every new M2; erased when dropped.
pub struct Ephemeral(StaticSecret);

impl Ephemeral {
    /// Draws a fresh one: 32 bytes of entropy.
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        Self(StaticSecret::from(draw::<32>(entropy)))
    }

    /// The share to send.
    pub fn share(&self) -> [u8; SHARE_BYTES] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// The secret in common with the peer's share.
    ///
    /// # Errors
    ///
    /// [`NotContributory`] if it is zero.
    pub fn agree(&self, peer: &[u8; SHARE_BYTES]) -> Result<Secret<32>, NotContributory> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*peer));
        //= spec-crate/spec/key-exchange.md#key-schedule
        //# An end MUST refuse a shared secret ss of 32 zero bytes, in constant time.
        match shared.was_contributory() {
            true => Ok(Secret::make(|out| out.copy_from_slice(shared.as_bytes()))),
            false => Err(NotContributory),
        }
    }
}
