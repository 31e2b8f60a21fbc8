//! The key exchange of HIS.

use alloc::vec::Vec;

use prost::Message;

use super::{HeldAgreement, Keyed, PeerAuth, Peering, VERSION, decode, encode_auth, out_of_order};
use crate::crypto::kex::{Ephemeral, SHARE_BYTES};
use crate::crypto::{Entropy, Suite, draw};
use crate::error::PeerError;
use crate::frame::Side;
use crate::key_schedule::AfterHello;
use crate::labels::{AUTH_HIS, AUTH_POS, M1_MAGIC};
use crate::limits::M1_BYTES_MAX;
use crate::transcript::Transcript;
use crate::wire::{HisHello, KeyShare, PosHello, PosReply, strict};

/// M1 is out. Stays as long as the attempt: another M2 may still take the place of the first.
pub struct ExpectM2 {
    m1: Vec<u8>,
    agreement: HeldAgreement,
    versions: Vec<u32>,
    suites: Vec<Suite>,
    ephemeral: Ephemeral,
    transcript: Transcript<1>,
}

/// Begins an attempt under an agreement; `None` if it allows no version or suite that is known here.
///
/// Draws 16 bytes for the nonce, then 32 for the key share.
pub fn start(agreement: &HeldAgreement, entropy: &mut dyn Entropy) -> Option<ExpectM2> {
    let versions: Vec<u32> =
        agreement.versions.iter().copied().filter(|version| *version == VERSION).collect();
    let suites: Vec<Suite> = agreement.suites.iter().copied().filter_map(Suite::from_number).collect();
    if versions.is_empty() || suites.is_empty() {
        return None;
    }
    let nonce = draw::<16>(entropy).to_vec();
    // Every suite of this version has the same group: one share.
    let ephemeral = Ephemeral::draw(entropy);
    let group = suites.first()?.group();
    let hello = HisHello {
        versions: versions.clone(),
        suites: suites.iter().map(|suite| suite.number()).collect(),
        nonce,
        shares: [KeyShare { group, key: ephemeral.share().to_vec() }].into(),
        agreement: agreement.name().to_vec(),
        extensions: Vec::new(),
    };
    let m1 = [M1_MAGIC, hello.encode_to_vec().as_slice()].concat();
    let transcript = Transcript::new(&agreement.hash).m1(&m1);
    Some(ExpectM2 { m1, agreement: agreement.clone(), versions, suites, ephemeral, transcript })
}

/// Why an M2 is dropped: old buffers hold such things.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum M2Drop {
    /// Longer than 1,536 bytes.
    TooLong,
    /// PosReply or PosHello fails in the canonical validator.
    NotCanonical,
    /// Extension ids do not rise.
    ExtensionOrder,
    /// The version was not offered.
    VersionNotOffered,
    /// The suite was not offered.
    SuiteNotOffered,
    /// The key share has a length that is not the group's.
    ShareLength,
    /// The key share is a point of small order.
    ShareNotContributory,
    /// The sealed part does not open: the agreement, the keys or the line differ.
    DoesNotOpen,
}

impl ExpectM2 {
    /// The body of M1. Repeated byte for byte.
    pub fn m1(&self) -> &[u8] {
        &self.m1
    }

    /// The agreement that M1 names.
    pub fn agreement(&self) -> &HeldAgreement {
        &self.agreement
    }

    /// Opens an M2 that answers this M1.
    ///
    /// # Errors
    ///
    /// [`M2Drop`]: it is dropped, and the attempt goes on.
    pub fn open_m2(&self, body: &[u8]) -> Result<OpenedM2, M2Drop> {
        if body.len() > M1_BYTES_MAX {
            return Err(M2Drop::TooLong);
        }
        let reply: PosReply = decode(body, &strict::POS_REPLY).map_err(|_| M2Drop::NotCanonical)?;
        let hello: PosHello = decode(&reply.hello, &strict::POS_HELLO).map_err(|_| M2Drop::NotCanonical)?;
        if out_of_order(&hello.extensions).is_some() {
            return Err(M2Drop::ExtensionOrder);
        }
        if !self.versions.contains(&hello.version) {
            return Err(M2Drop::VersionNotOffered);
        }
        if !Suite::from_number(hello.suite).is_some_and(|suite| self.suites.contains(&suite)) {
            return Err(M2Drop::SuiteNotOffered);
        }
        let share: [u8; SHARE_BYTES] = hello.share.try_into().map_err(|_| M2Drop::ShareLength)?;
        let shared = self.ephemeral.agree(&share).map_err(|_| M2Drop::ShareNotContributory)?;

        let transcript = self.transcript.clone().hello(&reply.hello);
        let keys = AfterHello::new(&shared, &transcript.hash());
        let auth = keys.open_pos_auth(&reply.sealed).map_err(|_| M2Drop::DoesNotOpen)?;
        Ok(OpenedM2 { agreement: self.agreement.clone(), keys, transcript, auth })
    }
}

/// M2 opened: its sender holds the agreement and answered this M1. Who it is, is still to be proved.
pub struct OpenedM2 {
    agreement: HeldAgreement,
    keys: AfterHello,
    transcript: Transcript<2>,
    auth: Vec<u8>,
}

impl OpenedM2 {
    /// Authenticates the POS, and makes the body of M3 and the records of the session to come.
    ///
    /// M3 is made once per M2: what is repeated is the same bytes.
    ///
    /// # Errors
    ///
    /// A [`PeerError`] of [`HandshakeFailure`](crate::catalogue::AlertCode::HandshakeFailure), in the order of the
    /// table: Auth and Identity, registry, own id or key, binding, signature, confirmation.
    pub fn finish(self, peering: &Peering) -> Result<(Keyed, Vec<u8>), PeerError> {
        let peer = PeerAuth::read(&self.auth)?;
        peering.recognise(&peer)?;
        if peering.bound.as_ref() != Some(&peer.id) {
            return Err(PeerError::PeerNotBound);
        }
        let transcript = self.transcript.pos_identity(&peer.identity);
        let verified = peer.verify(AUTH_POS, transcript.hash().as_bytes())?;
        let transcript = transcript.pos_signature(&peer.signature);
        let th4 = transcript.hash();
        let transcript = transcript.pos_confirm(&peer.confirm);
        let keys = self
            .keys
            .pos_proved(verified, &peer.confirm, &th4, &transcript.hash())
            .map_err(|_| PeerError::ConfirmDiffers)?;

        let identity = peering.identity();
        let transcript = transcript.his_identity(&identity);
        let signature = peering.signer.sign(AUTH_HIS, transcript.hash().as_bytes());
        let transcript = transcript.his_signature(&signature);
        let confirm = keys.his_confirm(&transcript.hash());
        let transcript = transcript.his_confirm(&confirm);
        let (secrets, m3) = keys.his_is_self(&transcript.hash(), &encode_auth(identity, signature, confirm));
        let (sealer, opener) = secrets.records(Side::His);
        Ok((Keyed { peer_id: peer.id, agreement: self.agreement, sealer, opener }, m3))
    }
}
