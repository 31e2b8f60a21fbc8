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
    //= spec-crate/spec/key-exchange.md#versions-and-suites
    //# An implementation MUST NOT offer or choose a version or a suite that the agreement of the attempt does
    //# not list or that it does not know itself.
    let versions: Vec<u32> =
        agreement.versions.iter().copied().filter(|version| *version == VERSION).collect();
    let suites: Vec<Suite> = agreement.suites.iter().copied().filter_map(Suite::from_number).collect();
    //= spec-crate/spec/key-exchange.md#m1
    //# A HIS MUST name in M1 the newest serving agreement that the POS has not refused since the last switch
    //# and that lists a version and a suite which the HIS knows.
    if versions.is_empty() || suites.is_empty() {
        return None;
    }
    //= spec-crate/spec/key-exchange.md#randomness
    //# A HIS MUST draw a new nonce and a new private key for each new M1, and none for a repeated one.
    let nonce = draw::<16>(entropy).to_vec();
    // Every suite of this version has the same group: one share.
    let ephemeral = Ephemeral::draw(entropy);
    let group = suites.first()?.group();
    let hello = HisHello {
        versions: versions.clone(),
        suites: suites.iter().map(|suite| suite.number()).collect(),
        nonce,
        //= spec-crate/spec/key-exchange.md#m1
        //# A HIS MUST send in M1 a key share for the group of each suite that it offers, and at most one
        //# share of each group.
        shares: [KeyShare { group, key: ephemeral.share().to_vec() }].into(),
        agreement: agreement.name().to_vec(),
        //= spec-crate/spec/key-exchange.md#extensions
        //# A sender MUST send extensions with strictly ascending ids.
        extensions: Vec::new(),
    };
    //= spec-crate/spec/key-exchange.md#m1
    //# A HIS MUST send an M1 whose body is `hsp1` followed by a HisHello and has at most 1,536 bytes
    //# (M1_BYTES_MAX).
    //= spec-crate/spec/encoding.md#strict-messages
    //# A sender MUST send only strict messages that the validator passes.
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
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose body has more than 1,536 bytes (M1_BYTES_MAX), or whose PosReply or
        //# PosHello the validator refuses.
        if body.len() > M1_BYTES_MAX {
            return Err(M2Drop::TooLong);
        }
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose body has more than 1,536 bytes (M1_BYTES_MAX), or whose PosReply or
        //# PosHello the validator refuses.
        //= spec-crate/spec/encoding.md#strict-messages
        //# A receiver MUST treat a strict message that the validator refuses as the chapter says that
        //# describes where it came from, and use nothing of it.
        let reply: PosReply = decode(body, &strict::POS_REPLY).map_err(|_| M2Drop::NotCanonical)?;
        let hello: PosHello = decode(&reply.hello, &strict::POS_HELLO).map_err(|_| M2Drop::NotCanonical)?;
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose extensions do not ascend strictly, or whose version or suite this M1
        //# did not offer.
        if out_of_order(&hello.extensions).is_some() {
            return Err(M2Drop::ExtensionOrder);
        }
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose extensions do not ascend strictly, or whose version or suite this M1
        //# did not offer.
        if !self.versions.contains(&hello.version) {
            return Err(M2Drop::VersionNotOffered);
        }
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose extensions do not ascend strictly, or whose version or suite this M1
        //# did not offer.
        if !Suite::from_number(hello.suite).is_some_and(|suite| self.suites.contains(&suite)) {
            return Err(M2Drop::SuiteNotOffered);
        }
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose `share` does not have the length of the suite's group, 32 bytes for
        //# group 1, or gives a shared secret of zero.
        let share: [u8; SHARE_BYTES] = hello.share.try_into().map_err(|_| M2Drop::ShareLength)?;
        let shared = self.ephemeral.agree(&share).map_err(|_| M2Drop::ShareNotContributory)?;

        //= spec-crate/spec/encoding.md#strict-messages
        //# An implementation MUST hash, sign, verify, store and repeat a strict message as the bytes that
        //# were received or first made, and never as a new encoding of their content.
        let transcript = self.transcript.clone().hello(&reply.hello);
        let keys = AfterHello::new(&shared, &transcript.hash());
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose `sealed` does not open under key_p, iv_p and TH2.
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
        //= spec-crate/spec/key-exchange.md#authentication
        //# A HIS MUST fail the authentication if the id of Identity is not that of the device which is bound
        //# to its desk.
        //= spec-crate/spec/provisioning.md#setting-up-a-site
        //# A HIS MUST accept at a desk only the one device that a person has bound to it.
        if peering.bound.as_ref() != Some(&peer.id) {
            return Err(PeerError::PeerNotBound);
        }
        let transcript = self.transcript.pos_identity(&peer.identity);
        //= spec-crate/spec/key-exchange.md#authentication
        //# An end MUST fail the authentication if `signature` does not verify under the registered key, over
        //# TH3 with the context `hispos/1 pos auth` at the HIS, over TH6 with the context `hispos/1 his auth`
        //# at the POS.
        let verified = peer.verify(AUTH_POS, transcript.hash().as_bytes())?;
        let transcript = transcript.pos_signature(&peer.signature);
        let th4 = transcript.hash();
        let transcript = transcript.pos_confirm(&peer.confirm);
        let keys = self
            .keys
            .pos_proved(verified, &peer.confirm, &th4, &transcript.hash())
            //= spec-crate/spec/key-exchange.md#authentication
            //# An end MUST fail the authentication if `confirm` is not its own confirm_p at the HIS, its own
            //# confirm_h at the POS.
            .map_err(|_| PeerError::ConfirmDiffers)?;

        let identity = peering.identity();
        let transcript = transcript.his_identity(&identity);
        let signature = peering.signer.sign(AUTH_HIS, transcript.hash().as_bytes());
        let transcript = transcript.his_signature(&signature);
        let confirm = keys.his_confirm(&transcript.hash());
        let transcript = transcript.his_confirm(&confirm);
        //= spec-crate/spec/key-exchange.md#key-schedule
        //# A HIS MUST seal its Auth once for each M2 that it accepts, and repeat the stored bytes of M3
        //# afterwards.
        let (secrets, m3) = keys.his_is_self(&transcript.hash(), &encode_auth(identity, signature, confirm));
        let (sealer, opener) = secrets.records(Side::His);
        Ok((Keyed { peer_id: peer.id, agreement: self.agreement, sealer, opener }, m3))
    }
}
