//! The key exchange: SIGMA-I, three messages, HIS initiates.
//!
//! ```text
//! HIS                                             POS
//! initiator::start ── M1 ──▶                      Hello::read, Hello::negotiate, Offer::answer
//! ExpectM2::open_m2, OpenedM2::finish ◀── M2 ──   ExpectM3
//!                  ── M3 ──▶                      ExpectM3::open_m3, ExpectM3::finish
//! Keyed                                           Keyed
//! ```
//!
//! Each state offers only the step that may come next; steps that must not happen twice consume their state. Checks
//! stand in the order of the tables in spec: key exchange. Repetition, rate limits and alerts are the session's.

pub mod initiator;
pub mod responder;

#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use prost::Message;

use crate::codec;
use crate::crypto::sign::{Signer25519, Verified};
use crate::crypto::{Secret, ed25519_verify};
use crate::error::{PeerError, Refusal};
use crate::limits::ID_BYTES_MAX;
use crate::message::agreement::Agreement;
use crate::record::{Opener, Sealer};
use crate::wire::rules::MessageRule;
use crate::wire::{Auth, Extension, Identity, strict};

/// The version that this crate speaks.
pub const VERSION: u32 = 1;

/// A link agreement, as far as the key exchange needs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeldAgreement {
    /// SHA-256 of its payload.
    pub hash: [u8; 32],
    /// Its number.
    pub no: u32,
    /// The versions that it allows.
    pub versions: Vec<u32>,
    /// The suites that it allows.
    pub suites: Vec<u32>,
    /// Its merchants are simulated: no money moves.
    pub simulated: bool,
}

impl HeldAgreement {
    /// The agreements that serve new sessions: the two newest of all held, newest first.
    #[must_use]
    pub fn serving(agreements: &[Agreement]) -> Vec<Self> {
        let held = |agreement: &Agreement| {
            let terms = agreement.terms();
            Self {
                hash: *agreement.hash(),
                no: terms.agreement_no,
                versions: terms.versions.clone(),
                suites: terms.suites.clone(),
                simulated: terms.simulated,
            }
        };
        //= spec-crate/spec/key-exchange.md#what-an-end-holds
        //# An end MUST use for new sessions the two newest agreements that it holds, or the one that it
        //# holds, and no older one.
        agreements.iter().take(2).map(held).collect()
    }

    /// The first 8 bytes of the hash, by which M1 names it.
    fn name(&self) -> &[u8] {
        self.hash.first_chunk::<8>().map_or(&[], |name| name.as_slice())
    }
}

/// What one end needs to authenticate the other. Replaced as a whole when files are imported.
pub struct Peering {
    own_id: String,
    signer: Signer25519,
    own_key: [u8; 32],
    agreements: Vec<HeldAgreement>,
    peers: BTreeMap<String, [u8; 32]>,
    bound: Option<String>,
}

impl Peering {
    /// Agreements newest first; peers by id with their registered keys, which were checked at import; for HIS the device
    /// that is bound to this desk, without which it accepts none.
    ///
    /// # Errors
    ///
    /// [`Refusal::Identifier`] if the own id is not of 1 to 24 characters of `[0-9A-Za-z._-]`.
    pub fn new(
        own_id: String,
        own_seed: Secret<32>,
        agreements: Vec<HeldAgreement>,
        peers: BTreeMap<String, [u8; 32]>,
        bound: Option<String>,
    ) -> Result<Self, Refusal> {
        let of_class = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if own_id.is_empty() || own_id.len() > ID_BYTES_MAX || !own_id.bytes().all(of_class) {
            return Err(Refusal::Identifier);
        }
        let signer = Signer25519::new(&own_seed);
        let own_key = signer.public_key();
        Ok(Self { own_id, signer, own_key, agreements, peers, bound })
    }

    /// Takes over what was imported: agreements newest first, and peers with their registered keys.
    pub fn provision(&mut self, agreements: Vec<HeldAgreement>, peers: BTreeMap<String, [u8; 32]>) {
        self.agreements = agreements;
        self.peers = peers;
    }

    /// The agreements held, newest first.
    pub fn agreements(&self) -> &[HeldAgreement] {
        &self.agreements
    }

    /// The serialised Identity of this end.
    fn identity(&self) -> Vec<u8> {
        Identity { id: self.own_id.as_bytes().to_vec(), public_key: self.own_key.to_vec() }.encode_to_vec()
    }

    /// Checks who the peer says it is: registry, then own id or key. The signature is still to be verified.
    fn recognise(&self, peer: &PeerAuth) -> Result<(), PeerError> {
        //= spec-crate/spec/key-exchange.md#authentication
        //# An end MUST fail the authentication if the registry has no entry with the id of Identity, or if
        //# the public key of that entry is not equal to the public key of Identity in all 32 bytes.
        let registered = self.peers.get(&peer.id).ok_or(PeerError::PeerUnknown)?;
        //= spec-crate/spec/key-exchange.md#authentication
        //# An end MUST fail the authentication if the registry has no entry with the id of Identity, or if
        //# the public key of that entry is not equal to the public key of Identity in all 32 bytes.
        if *registered != peer.key {
            return Err(PeerError::PeerKeyDiffers);
        }
        //= spec-crate/spec/key-exchange.md#authentication
        //# An end MUST fail the authentication if the id or the public key of Identity is its own.
        if peer.id == self.own_id || peer.key == self.own_key {
            return Err(PeerError::PeerIsSelf);
        }
        Ok(())
    }
}

/// The outcome of a key exchange: who the peer is, under which agreement, and the records.
pub struct Keyed {
    /// The authenticated id of the peer.
    pub peer_id: String,
    /// The agreement that both ends hold.
    pub agreement: HeldAgreement,
    /// Seals what this end sends.
    pub sealer: Sealer,
    /// Opens what the peer sends.
    pub opener: Opener,
}

/// An Auth that was opened and taken apart.
struct PeerAuth {
    id: String,
    key: [u8; 32],
    identity: Vec<u8>,
    signature: [u8; 64],
    confirm: [u8; 32],
}

impl PeerAuth {
    fn read(bytes: &[u8]) -> Result<Self, PeerError> {
        let not_canonical = |step| PeerError::AuthNotCanonical { step };
        //= spec-crate/spec/key-exchange.md#authentication
        //# An end MUST fail the authentication if the validator refuses Auth or Identity.
        //= spec-crate/spec/encoding.md#strict-messages
        //# A receiver MUST treat a strict message that the validator refuses as the chapter says that
        //# describes where it came from, and use nothing of it.
        let auth: Auth = decode(bytes, &strict::AUTH).map_err(not_canonical)?;
        //= spec-crate/spec/key-exchange.md#authentication
        //# An end MUST fail the authentication if the validator refuses Auth or Identity.
        let identity: Identity = decode(&auth.identity, &strict::IDENTITY).map_err(not_canonical)?;
        // The validator has checked class and lengths.
        Ok(Self {
            id: String::from_utf8(identity.id).map_err(|_| not_canonical(7))?,
            key: identity.public_key.try_into().map_err(|_| not_canonical(6))?,
            identity: auth.identity,
            signature: auth.signature.try_into().map_err(|_| not_canonical(6))?,
            confirm: auth.confirm.try_into().map_err(|_| not_canonical(6))?,
        })
    }

    fn verify(&self, context: &[u8], transcript: &[u8; 32]) -> Result<Verified, PeerError> {
        ed25519_verify(&self.key, context, transcript, &self.signature).map_err(|_| PeerError::SignatureWrong)
    }
}

/// Serialises an Auth.
fn encode_auth(identity: Vec<u8>, signature: [u8; 64], confirm: [u8; 32]) -> Vec<u8> {
    //= spec-crate/spec/encoding.md#strict-messages
    //# A sender MUST send only strict messages that the validator passes.
    Auth { identity, signature: signature.to_vec(), confirm: confirm.to_vec() }.encode_to_vec()
}

/// Validates and decodes a strict message; the failing step otherwise.
fn decode<M: Message + Default>(bytes: &[u8], rule: &'static MessageRule) -> Result<M, u8> {
    codec::decode(bytes, rule).map_err(|violation| violation.step())
}

/// The first extension whose id is not higher than its predecessor's.
fn out_of_order(extensions: &[Extension]) -> Option<u32> {
    extensions.windows(2).find_map(|pair| match pair {
        [first, second] if second.id <= first.id => Some(second.id),
        _ => None,
    })
}
