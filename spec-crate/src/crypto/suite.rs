//! Which primitives belong together.

use super::kex;

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
            //= spec-crate/spec/key-exchange.md#versions-and-suites
            //# An implementation MUST support version 1 and suite 0x0001.
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
