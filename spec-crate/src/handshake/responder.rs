//! The key exchange of the POS.

use alloc::vec::Vec;

use prost::Message;

use super::{HeldAgreement, Keyed, PeerAuth, Peering, VERSION, decode, encode_auth, out_of_order};
use crate::crypto::aead::NotAuthentic;
use crate::crypto::kex::{Ephemeral, SHARE_BYTES};
use crate::crypto::{Entropy, Suite, draw};
use crate::error::PeerError;
use crate::frame::Side;
use crate::key_schedule::{AfterHello, AfterPos};
use crate::labels::{AUTH_HIS, AUTH_POS, M1_MAGIC};
use crate::limits::M1_BYTES_MAX;
use crate::transcript::Transcript;
use crate::wire::{HisHello, KeyShare, PosHello, PosReply, strict};

/// M1 is well-formed.
pub struct Hello<'a> {
    m1: &'a [u8],
    hello: HisHello,
}

impl<'a> Hello<'a> {
    /// Reads the body of M1: size, magic, validator, distinct groups, ascending extension ids.
    ///
    /// # Errors
    ///
    /// A [`PeerError`] of alert 50.
    pub fn read(m1: &'a [u8]) -> Result<Self, PeerError> {
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer plain alert 50 (decode_error) to an M1 whose body has more than 1,536 bytes
        //# (M1_BYTES_MAX), does not begin with `hsp1`, or whose HisHello the validator refuses.
        if m1.len() > M1_BYTES_MAX {
            return Err(PeerError::HelloTooLong(m1.len()));
        }
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer plain alert 50 (decode_error) to an M1 whose body has more than 1,536 bytes
        //# (M1_BYTES_MAX), does not begin with `hsp1`, or whose HisHello the validator refuses.
        let bytes = m1.strip_prefix(M1_MAGIC).ok_or(PeerError::HelloMagic)?;
        let hello: HisHello =
            //= spec-crate/spec/key-exchange.md#receiving-m1
            //# A POS MUST answer plain alert 50 (decode_error) to an M1 whose body has more than 1,536 bytes
            //# (M1_BYTES_MAX), does not begin with `hsp1`, or whose HisHello the validator refuses.
            //= spec-crate/spec/encoding.md#strict-messages
            //# A receiver MUST treat a strict message that the validator refuses as the chapter says that
            //# describes where it came from, and use nothing of it.
            decode(bytes, &strict::HIS_HELLO).map_err(|step| PeerError::HelloNotCanonical { step })?;
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer plain alert 50 (decode_error) to an M1 with two key shares of the same group, or
        //# with extensions whose ids do not ascend strictly.
        if let [KeyShare { group, .. }, second] = hello.shares.as_slice()
            && *group == second.group
        {
            return Err(PeerError::HelloGroupTwice(*group));
        }
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer plain alert 50 (decode_error) to an M1 with two key shares of the same group, or
        //# with extensions whose ids do not ascend strictly.
        if let Some(id) = out_of_order(&hello.extensions) {
            return Err(PeerError::HelloExtensionOrder(id));
        }
        Ok(Self { m1, hello })
    }

    /// Chooses agreement, version and suite.
    ///
    /// The version is the highest one offered that is allowed; the suite the first of HIS's that is allowed and has a
    /// share. No failure widens either.
    ///
    /// # Errors
    ///
    /// A [`PeerError`] of alert 72, 70 or 71, tried in this order.
    pub fn negotiate(self, agreements: &[HeldAgreement]) -> Result<Offer<'a>, PeerError> {
        //= spec-crate/spec/key-exchange.md#extensions
        //# A receiver MUST ignore an extension whose id it does not know.
        let HisHello { versions, suites, agreement, shares, .. } = self.hello;
        let agreement = agreements
            .iter()
            .find(|held| held.name() == agreement)
            //= spec-crate/spec/key-exchange.md#receiving-m1
            //# A POS MUST answer plain alert 72 (agreement) to an M1 whose `agreement` is not the first 8
            //# bytes of the hash of one of its serving agreements.
            .ok_or(PeerError::AgreementNotHeld)?
            .clone();
        //= spec-crate/spec/key-exchange.md#versions-and-suites
        //# An implementation MUST NOT offer or choose a version or a suite that the agreement of the attempt
        //# does not list or that it does not know itself.
        let known = |version: &u32| *version == VERSION && agreement.versions.contains(version);
        //= spec-crate/spec/key-exchange.md#m2
        //# A POS MUST choose the highest version in M1 that the agreement lists and that it knows.
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer plain alert 70 (version) to an M1 without a version that the agreement lists and
        //# the POS knows.
        let version = versions.into_iter().filter(known).max().ok_or(PeerError::NoVersion)?;
        let suites: Vec<Suite> = suites
            .into_iter()
            //= spec-crate/spec/key-exchange.md#versions-and-suites
            //# An implementation MUST NOT offer or choose a version or a suite that the agreement of the
            //# attempt does not list or that it does not know itself.
            .filter(|suite| agreement.suites.contains(suite))
            .filter_map(Suite::from_number)
            .collect();
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer plain alert 71 (suite) to an M1 without a suite that the agreement lists and the
        //# POS knows.
        if suites.is_empty() {
            return Err(PeerError::NoSuite);
        }
        Ok(Offer { m1: self.m1, agreement, version, suites, shares })
    }
}

/// M1 can be answered if its key share is usable.
pub struct Offer<'a> {
    m1: &'a [u8],
    agreement: HeldAgreement,
    version: u32,
    /// Allowed and known, best first.
    suites: Vec<Suite>,
    shares: Vec<KeyShare>,
}

impl Offer<'_> {
    /// Answers M1 with a fresh nonce and key: 16, then 32 bytes of entropy.
    ///
    /// # Errors
    ///
    /// A [`PeerError`] of alert 47: no share for an allowed suite, a share of a wrong length or of small order.
    pub fn answer(self, peering: &Peering, entropy: &mut dyn Entropy) -> Result<ExpectM3, PeerError> {
        //= spec-crate/spec/key-exchange.md#m2
        //# A POS MUST choose the first suite in M1's order that the agreement lists, that it knows, and for
        //# whose group M1 has a key share.
        let (suite, share) = self
            .suites
            .iter()
            .find_map(|suite| {
                self.shares.iter().find(|share| share.group == suite.group()).map(|share| (suite, share))
            })
            //= spec-crate/spec/key-exchange.md#receiving-m1
            //# A POS MUST answer plain alert 47 (illegal_parameter) to an M1 that has no key share for the
            //# group of any suite that the agreement lists and the POS knows.
            .ok_or(PeerError::ShareMissing)?;
        let length = share.key.len();
        let share: [u8; SHARE_BYTES] =
            //= spec-crate/spec/key-exchange.md#receiving-m1
            //# A POS MUST answer plain alert 47 (illegal_parameter) to an M1 whose key share for the chosen
            //# suite does not have the length of its group, 32 bytes for group 1, or gives a shared secret of
            //# zero.
            share.key.as_slice().try_into().map_err(|_| PeerError::ShareLength(length))?;
        //= spec-crate/spec/key-exchange.md#randomness
        //# A POS MUST draw a new nonce and a new private key for each new M2, and none for a repeated one.
        let nonce = draw::<16>(entropy).to_vec();
        let ephemeral = Ephemeral::draw(entropy);
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer plain alert 47 (illegal_parameter) to an M1 whose key share for the chosen suite
        //# does not have the length of its group, 32 bytes for group 1, or gives a shared secret of zero.
        let shared = ephemeral.agree(&share).map_err(|_| PeerError::ShareNotContributory)?;

        let hello = PosHello {
            version: self.version,
            suite: suite.number(),
            nonce,
            share: ephemeral.share().to_vec(),
            //= spec-crate/spec/key-exchange.md#extensions
            //# A sender MUST send extensions with strictly ascending ids.
            extensions: Vec::new(),
        }
        .encode_to_vec();
        let transcript = Transcript::new(&self.agreement.hash).m1(self.m1).hello(&hello);
        let keys = AfterHello::new(&shared, &transcript.hash());
        let identity = peering.identity();
        let transcript = transcript.pos_identity(&identity);
        let signature = peering.signer.sign(AUTH_POS, transcript.hash().as_bytes());
        let transcript = transcript.pos_signature(&signature);
        let confirm = keys.pos_confirm(&transcript.hash());
        let transcript = transcript.pos_confirm(&confirm);
        let (keys, sealed) = keys.pos_is_self(&transcript.hash(), &encode_auth(identity, signature, confirm));
        //= spec-crate/spec/encoding.md#strict-messages
        //# A sender MUST send only strict messages that the validator passes.
        let m2 = PosReply { hello, sealed }.encode_to_vec();
        Ok(ExpectM3 { m2, agreement: self.agreement, keys, transcript })
    }
}

/// M2 is out: the candidate of the POS.
///
/// It can become a session once:
///
/// ```compile_fail,E0382
/// use hispos::handshake::Peering;
/// use hispos::handshake::responder::{ExpectM3, OpenedM3};
///
/// fn commit_twice(candidate: ExpectM3, first: OpenedM3, second: OpenedM3, peering: &Peering) {
///     let session = candidate.finish(first, peering);
///     let other = candidate.finish(second, peering);
/// }
/// ```
pub struct ExpectM3 {
    m2: Vec<u8>,
    agreement: HeldAgreement,
    keys: AfterPos,
    transcript: Transcript<5>,
}

/// What an M3 held. Read by [`ExpectM3::finish`] only.
pub struct OpenedM3(Vec<u8>);

impl ExpectM3 {
    /// The body of M2. Repeated byte for byte.
    pub fn m2(&self) -> &[u8] {
        &self.m2
    }

    /// Opens an M3 that answers this M2.
    ///
    /// # Errors
    ///
    /// [`NotAuthentic`]: it belongs to another M2. It is dropped, and the candidate stays.
    pub fn open_m3(&self, body: &[u8]) -> Result<OpenedM3, NotAuthentic> {
        self.keys.open_his_auth(body).map(OpenedM3)
    }

    //= spec-crate/spec/key-exchange.md#key-schedule
    //# A POS MUST erase prk1, prk2, its X25519 private key and the handshake secrets at the latest when it
    //# commits or gives the candidate up.
    /// Authenticates HIS, and makes the records of the session.
    ///
    /// # Errors
    ///
    /// A [`PeerError`] of [`HandshakeFailure`](crate::catalogue::AlertCode::HandshakeFailure), in this order: Auth and
    /// Identity, registry, own id or key, signature, confirmation. The candidate is erased.
    pub fn finish(self, opened: OpenedM3, peering: &Peering) -> Result<Keyed, PeerError> {
        let peer = PeerAuth::read(&opened.0)?;
        peering.recognise(&peer)?;
        //= spec-crate/spec/encoding.md#strict-messages
        //# An implementation MUST hash, sign, verify, store and repeat a strict message as the bytes that
        //# were received or first made, and never as a new encoding of their content.
        let transcript = self.transcript.his_identity(&peer.identity);
        //= spec-crate/spec/key-exchange.md#authentication
        //# An end MUST fail the authentication if `signature` does not verify under the registered key, over
        //# TH3 with the context `hispos/1 pos auth` at the HIS, over TH6 with the context `hispos/1 his auth`
        //# at the POS.
        let verified = peer.verify(AUTH_HIS, transcript.hash().as_bytes())?;
        let transcript = transcript.his_signature(&peer.signature);
        let th7 = transcript.hash();
        let transcript = transcript.his_confirm(&peer.confirm);
        let secrets = self
            .keys
            .his_proved(verified, &peer.confirm, &th7, &transcript.hash())
            //= spec-crate/spec/key-exchange.md#authentication
            //# An end MUST fail the authentication if `confirm` is not its own confirm_p at the HIS, its own
            //# confirm_h at the POS.
            .map_err(|_| PeerError::ConfirmDiffers)?;
        let (sealer, opener) = secrets.records(Side::Pos);
        Ok(Keyed { peer_id: peer.id, agreement: self.agreement, sealer, opener })
    }
}
