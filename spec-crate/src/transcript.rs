//! The transcript of a key exchange: eight elements in one order, and a hash after each.
//!
//! `T0 = u8 44 | PROLOGUE`, then for each element its number, its length as u32, and its content; `THn` is SHA-256 over
//! everything up to and including element n. Elements are bytes as they travelled, never a re-encoding. The number
//! of elements is part of the type, so none can be left out or taken twice. Specified in spec: key exchange.

use crate::crypto::hash::RunningSha256;
use crate::labels::PROTOCOL;

/// A transcript that holds its first `N` elements.
#[derive(Clone)]
pub struct Transcript<const N: u8>(RunningSha256);

/// The hash of a transcript up to element `N`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TranscriptHash<const N: u8>([u8; 32]);

impl<const N: u8> TranscriptHash<N> {
    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Transcript<0> {
    /// The empty transcript under an agreement, given by the SHA-256 of its payload.
    pub fn new(agreement: &[u8; 32]) -> Self {
        /// Ordinary handshake. Other modes would be pairings.
        const MODE: u8 = 0;
        let mut hash = RunningSha256::new();
        let prologue_length = PROTOCOL.len() + 1 + 1 + 2 + agreement.len();
        hash.update(&[prologue_length as u8]);
        hash.update(PROTOCOL);
        hash.update(&[0, MODE, 0, agreement.len() as u8]);
        hash.update(agreement);
        Self(hash)
    }

    /// Element 1: the body of M1, `hsp1` and HisHello.
    #[must_use]
    pub fn m1(self, body: &[u8]) -> Transcript<1> {
        self.element(body)
    }
}

impl Transcript<1> {
    /// Element 2: the serialised PosHello.
    #[must_use]
    pub fn hello(self, content: &[u8]) -> Transcript<2> {
        self.element(content)
    }
}

impl Transcript<2> {
    /// Element 3: the serialised Identity of the POS.
    #[must_use]
    pub fn pos_identity(self, content: &[u8]) -> Transcript<3> {
        self.element(content)
    }
}

impl Transcript<3> {
    /// Element 4: the signature of the POS.
    #[must_use]
    pub fn pos_signature(self, content: &[u8; 64]) -> Transcript<4> {
        self.element(content)
    }
}

impl Transcript<4> {
    /// Element 5: the confirmation of the POS.
    #[must_use]
    pub fn pos_confirm(self, content: &[u8; 32]) -> Transcript<5> {
        self.element(content)
    }
}

impl Transcript<5> {
    /// Element 6: the serialised Identity of HIS.
    #[must_use]
    pub fn his_identity(self, content: &[u8]) -> Transcript<6> {
        self.element(content)
    }
}

impl Transcript<6> {
    /// Element 7: the signature of HIS.
    #[must_use]
    pub fn his_signature(self, content: &[u8; 64]) -> Transcript<7> {
        self.element(content)
    }
}

impl Transcript<7> {
    /// Element 8: the confirmation of HIS.
    #[must_use]
    pub fn his_confirm(self, content: &[u8; 32]) -> Transcript<8> {
        self.element(content)
    }
}

impl<const N: u8> Transcript<N> {
    /// `THn` for the elements so far.
    pub fn hash(&self) -> TranscriptHash<N> {
        TranscriptHash(self.0.value())
    }

    //= spec-crate/spec/key-exchange.md#transcript
    //# An end MUST build the transcript from the elements in the order 1 to 8, as they were sent and
    //# received.
    fn element<const M: u8>(mut self, content: &[u8]) -> Transcript<M> {
        const { assert!(M == N + 1, "elements follow one another") };
        self.0.update(&[M]);
        self.0.update(&(content.len() as u32).to_be_bytes());
        self.0.update(content);
        Transcript(self.0)
    }
}
