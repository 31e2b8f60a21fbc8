//! Every row of the tables of the key exchange, with peers that break one rule each.

use std::borrow::ToOwned;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::string::String;
use std::vec;
use std::vec::Vec;

use prost::Message;

use super::initiator::{ExpectM2, M2Drop, start};
use super::responder::{ExpectM3, Hello};
use super::{HeldAgreement, Peering, encode_auth};
use crate::catalogue::AlertCode;
use crate::crypto::kex::Ephemeral;
use crate::crypto::{Entropy, Secret, ed25519_public, ed25519_sign};
use crate::error::{PeerError, Refusal};
use crate::key_schedule::AfterHello;
use crate::labels::{AUTH_HIS, AUTH_POS};
use crate::transcript::Transcript;
use crate::wire::{Extension, HisHello, Identity, KeyShare, PosHello, PosReply};

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

fn agreement(payload: u8) -> HeldAgreement {
    HeldAgreement { hash: [payload; 32], no: 1, versions: vec![1], suites: vec![1], simulated: false }
}

fn peering(own: (&str, u8), peers: &[(&str, u8)], bound: &str) -> Peering {
    let peers: BTreeMap<String, [u8; 32]> =
        peers.iter().map(|(id, seed)| ((*id).to_owned(), public(*seed))).collect();
    Peering::new(own.0.into(), Secret::new([own.1; 32]), vec![agreement(9)], peers, Some(bound.into()))
        .unwrap()
}

fn public(seed: u8) -> [u8; 32] {
    ed25519_public(&Secret::new([seed; 32]))
}

fn his() -> Peering {
    peering(("his", 1), &[("pos", 2), ("spare", 3)], "pos")
}

fn pos() -> Peering {
    peering(("pos", 2), &[("his", 1)], "his")
}

fn initiator() -> ExpectM2 {
    start(&agreement(9), &mut Fixed(5)).unwrap()
}

fn responder(m1: &[u8]) -> Result<ExpectM3, PeerError> {
    Hello::read(m1)?.negotiate(&[agreement(9)])?.answer(&pos(), &mut Fixed(6))
}

/// Damages an Auth before it is sealed.
type Spoil = Box<dyn Fn(&mut Vec<u8>)>;

/// What a forged proof says, and how it is spoiled before it is sealed.
struct Proof {
    id: &'static str,
    seed: u8,
    key: [u8; 32],
    spoil: Spoil,
    signature: fn(&mut [u8; 64]),
    confirm: fn(&mut [u8; 32]),
}

impl Proof {
    fn of(id: &'static str, seed: u8) -> Self {
        Self { id, seed, key: public(seed), spoil: Box::new(|_| ()), signature: |_| (), confirm: |_| () }
    }

    fn identity(&self) -> Vec<u8> {
        Identity { id: self.id.into(), public_key: self.key.to_vec() }.encode_to_vec()
    }
}

fn pos_hello() -> PosHello {
    let share = Ephemeral::draw(&mut Fixed(6)).share().to_vec();
    PosHello { version: 1, suite: 1, nonce: vec![6; 16], share, extensions: vec![] }
}

/// An M2 made by hand: whatever hello and proof say, it opens at HIS if the hello lets it.
fn forge_m2(m1: &[u8], hello: &PosHello, proof: &Proof) -> Vec<u8> {
    let his_share = Ephemeral::draw(&mut Fixed(5)).share();
    let shared = Ephemeral::draw(&mut Fixed(6)).agree(&his_share).ok().unwrap();
    let hello = hello.encode_to_vec();
    let transcript = Transcript::new(&[9; 32]).m1(m1).hello(&hello);
    let keys = AfterHello::new(&shared, &transcript.hash());
    let identity = proof.identity();
    let transcript = transcript.pos_identity(&identity);
    let mut signature = ed25519_sign(&Secret::new([proof.seed; 32]), AUTH_POS, transcript.hash().as_bytes());
    (proof.signature)(&mut signature);
    let transcript = transcript.pos_signature(&signature);
    let mut confirm = keys.pos_confirm(&transcript.hash());
    (proof.confirm)(&mut confirm);
    let transcript = transcript.pos_confirm(&confirm);
    let mut auth = encode_auth(identity, signature, confirm);
    (proof.spoil)(&mut auth);
    let (_, sealed) = keys.pos_is_self(&transcript.hash(), &auth);
    PosReply { hello, sealed }.encode_to_vec()
}

/// An M3 made by hand, in answer to the M2 that `responder` makes.
fn forge_m3(m1: &[u8], m2: &[u8], proof: &Proof) -> Vec<u8> {
    let reply = PosReply::decode(m2).unwrap();
    let pos_share = Ephemeral::draw(&mut Fixed(6)).share();
    let shared = Ephemeral::draw(&mut Fixed(5)).agree(&pos_share).ok().unwrap();
    let transcript = Transcript::new(&[9; 32]).m1(m1).hello(&reply.hello);
    let keys = AfterHello::new(&shared, &transcript.hash());
    let pos = Proof::of("pos", 2);
    let transcript = transcript.pos_identity(&pos.identity());
    let signature = ed25519_sign(&Secret::new([2; 32]), AUTH_POS, transcript.hash().as_bytes());
    let transcript = transcript.pos_signature(&signature);
    let confirm = keys.pos_confirm(&transcript.hash());
    let transcript = transcript.pos_confirm(&confirm);
    let (keys, _) = keys.pos_is_self(&transcript.hash(), b"");
    let identity = proof.identity();
    let transcript = transcript.his_identity(&identity);
    let mut signature = ed25519_sign(&Secret::new([proof.seed; 32]), AUTH_HIS, transcript.hash().as_bytes());
    (proof.signature)(&mut signature);
    let transcript = transcript.his_signature(&signature);
    let mut confirm = keys.his_confirm(&transcript.hash());
    (proof.confirm)(&mut confirm);
    let transcript = transcript.his_confirm(&confirm);
    let mut auth = encode_auth(identity, signature, confirm);
    (proof.spoil)(&mut auth);
    keys.his_is_self(&transcript.hash(), &auth).1
}

fn at_his(hello: &PosHello, proof: &Proof, his: &Peering) -> Result<(), PeerError> {
    let initiator = initiator();
    initiator.open_m2(&forge_m2(initiator.m1(), hello, proof)).ok().unwrap().finish(his).map(|_| ())
}

fn at_pos(proof: &Proof, pos: &Peering) -> Result<(), PeerError> {
    let initiator = initiator();
    let responder = responder(initiator.m1()).ok().unwrap();
    let m3 = forge_m3(initiator.m1(), responder.m2(), proof);
    let opened = responder.open_m3(&m3).ok().unwrap();
    responder.finish(opened, pos).map(|_| ())
}

/// One broken rule each, and what the other side says to it. The peer is ("peer id", seed).
fn bad_proofs(id: &'static str, seed: u8) -> Vec<(Proof, PeerError)> {
    let proof = || Proof::of(id, seed);
    vec![
        (
            Proof { spoil: Box::new(|auth| auth.truncate(10)), ..proof() },
            PeerError::AuthNotCanonical { step: 6 },
        ),
        (Proof { spoil: Box::new(|auth| auth.clear()), ..proof() }, PeerError::AuthNotCanonical { step: 9 }),
        (Proof { spoil: Box::new(|auth| auth.push(0)), ..proof() }, PeerError::AuthNotCanonical { step: 2 }),
        (Proof { id: "", ..proof() }, PeerError::AuthNotCanonical { step: 9 }),
        (Proof { id: "p s", ..proof() }, PeerError::AuthNotCanonical { step: 7 }),
        (Proof { id: "0123456789012345678901234", ..proof() }, PeerError::AuthNotCanonical { step: 6 }),
        (Proof { id: "stranger", ..proof() }, PeerError::PeerUnknown),
        (Proof { key: public(8), ..proof() }, PeerError::PeerKeyDiffers),
        (Proof { seed: 8, ..proof() }, PeerError::SignatureWrong),
        (Proof { signature: |bytes| bytes[0] ^= 1, ..proof() }, PeerError::SignatureWrong),
        (Proof { signature: |bytes| bytes[63] ^= 0x10, ..proof() }, PeerError::SignatureWrong),
        (Proof { confirm: |bytes| bytes[31] ^= 1, ..proof() }, PeerError::ConfirmDiffers),
    ]
}

#[test]
fn honest_forger_is_accepted() {
    assert_eq!(at_his(&pos_hello(), &Proof::of("pos", 2), &his()), Ok(()));
    assert_eq!(at_pos(&Proof::of("his", 1), &pos()), Ok(()));
}

//= spec-crate/spec/key-exchange.md#key-schedule
//= type=test
//# An end MUST compare a received `confirm` with its own value in constant time.
//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# An end MUST fail the authentication if the validator refuses Auth or Identity.
//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# An end MUST fail the authentication if the registry has no entry with the id of Identity, or if the public
//# key of that entry is not equal to the public key of Identity in all 32 bytes.
//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# An end MUST fail the authentication if `signature` does not verify under the registered key, over TH3 with
//# the context `hispos/1 pos auth` at the HIS, over TH6 with the context `hispos/1 his auth` at the POS.
//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# An end MUST fail the authentication if `confirm` is not its own confirm_p at the HIS, its own confirm_h at
//# the POS.
//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# An end MUST NOT send an alert code for a failed authentication other than 40 (handshake_failure).
//= spec-crate/spec/encoding.md#strict-messages
//= type=test
//# A receiver MUST treat a strict message that the validator refuses as the chapter says that describes where
//# it came from, and use nothing of it.
#[test]
fn each_failure_of_authentication_has_its_own_reason_and_alert_40() {
    for (proof, expected) in bad_proofs("pos", 2) {
        assert_eq!(at_his(&pos_hello(), &proof, &his()), Err(expected));
        assert_eq!(expected.alert(), AlertCode::HandshakeFailure);
    }
    for (proof, expected) in bad_proofs("his", 1) {
        assert_eq!(at_pos(&proof, &pos()), Err(expected));
    }
}

#[test]
fn every_proof_damaged_before_it_is_sealed_fails_with_alert_40() {
    let mut cases = 0;
    // Field headers, identity, signature, confirmation: 141 bytes at ids of three characters.
    for bit in 0..141 * 8 {
        let proof = |id, seed| Proof {
            spoil: Box::new(move |auth| {
                assert_eq!(auth.len(), 141);
                auth[bit / 8] ^= 1 << (bit % 8);
            }),
            ..Proof::of(id, seed)
        };
        for result in [at_his(&pos_hello(), &proof("pos", 2), &his()), at_pos(&proof("his", 1), &pos())] {
            assert_eq!(result.map_err(PeerError::alert), Err(AlertCode::HandshakeFailure), "bit {bit}");
            cases += 1;
        }
    }
    for length in 0..141 {
        let proof =
            |id, seed| Proof { spoil: Box::new(move |auth| auth.truncate(length)), ..Proof::of(id, seed) };
        for result in [at_his(&pos_hello(), &proof("pos", 2), &his()), at_pos(&proof("his", 1), &pos())] {
            assert_eq!(result.map_err(PeerError::alert), Err(AlertCode::HandshakeFailure), "length {length}");
            cases += 1;
        }
    }
    std::println!("{cases} damaged proofs");
}

//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# An end MUST fail the authentication if the id or the public key of Identity is its own.
#[test]
fn peer_with_our_own_id_or_key_is_refused_even_if_it_is_registered() {
    let own_id = peering(("his", 1), &[("his", 2)], "his");
    assert_eq!(at_his(&pos_hello(), &Proof::of("his", 2), &own_id), Err(PeerError::PeerIsSelf));
    let own_key = peering(("his", 1), &[("pos", 1)], "pos");
    assert_eq!(at_his(&pos_hello(), &Proof::of("pos", 1), &own_key), Err(PeerError::PeerIsSelf));
    let own_key = peering(("pos", 2), &[("his", 2)], "his");
    assert_eq!(at_pos(&Proof::of("his", 2), &own_key), Err(PeerError::PeerIsSelf));
}

//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# A HIS MUST fail the authentication if the id of Identity is not that of the device which is bound to its
//# desk.
#[test]
fn registered_device_that_is_not_bound_to_this_desk_is_refused() {
    assert_eq!(at_his(&pos_hello(), &Proof::of("spare", 3), &his()), Err(PeerError::PeerNotBound));
    let unbound = Peering { bound: None, ..his() };
    assert_eq!(at_his(&pos_hello(), &Proof::of("pos", 2), &unbound), Err(PeerError::PeerNotBound));
}

//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS MUST drop an M2 whose body has more than 1,536 bytes (M1_BYTES_MAX), or whose PosReply or PosHello
//# the validator refuses.
//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS MUST drop an M2 whose extensions do not ascend strictly, or whose version or suite this M1 did not
//# offer.
//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS MUST drop an M2 whose `share` does not have the length of the suite's group, 32 bytes for group 1,
//# or gives a shared secret of zero.
//= spec-crate/spec/key-exchange.md#receiving-m2
//= type=test
//# A HIS MUST drop an M2 whose `sealed` does not open under key_p, iv_p and TH2.
//= spec-crate/spec/key-exchange.md#extensions
//= type=test
//# A receiver MUST ignore an extension whose id it does not know.
//= spec-crate/spec/encoding.md#strict-messages
//= type=test
//# A receiver MUST treat a strict message that the validator refuses as the chapter says that describes where
//# it came from, and use nothing of it.
#[test]
fn m2_that_does_not_belong_to_this_m1_is_dropped_for_the_first_rule_it_breaks() {
    let initiator = initiator();
    let proof = Proof::of("pos", 2);
    let open = |hello: &PosHello| initiator.open_m2(&forge_m2(initiator.m1(), hello, &proof)).err();
    let extension = |id| Extension { id, data: vec![] };
    assert_eq!(open(&pos_hello()), None);
    assert_eq!(open(&PosHello { nonce: vec![1; 15], ..pos_hello() }), Some(M2Drop::NotCanonical));
    let extensions = vec![extension(2), extension(2)];
    assert_eq!(open(&PosHello { extensions, ..pos_hello() }), Some(M2Drop::ExtensionOrder));
    let unknown_but_hashed = vec![extension(2), extension(70)];
    assert_eq!(open(&PosHello { extensions: unknown_but_hashed, ..pos_hello() }), None);
    assert_eq!(open(&PosHello { version: 2, ..pos_hello() }), Some(M2Drop::VersionNotOffered));
    assert_eq!(open(&PosHello { suite: 2, ..pos_hello() }), Some(M2Drop::SuiteNotOffered));
    assert_eq!(open(&PosHello { share: vec![1; 31], ..pos_hello() }), Some(M2Drop::ShareLength));
    let zero = PosHello { share: [vec![1], vec![0; 31]].concat(), ..pos_hello() };
    assert_eq!(open(&zero), Some(M2Drop::ShareNotContributory));
    assert_eq!(initiator.open_m2(&[0; 1537]).err(), Some(M2Drop::TooLong));
    assert_eq!(initiator.open_m2(&[]).err(), Some(M2Drop::NotCanonical));
    let other_m1 = start(&agreement(9), &mut Fixed(4)).unwrap();
    let m2 = responder(other_m1.m1()).ok().unwrap();
    assert_eq!(initiator.open_m2(m2.m2()).err(), Some(M2Drop::DoesNotOpen));
}

fn his_hello() -> HisHello {
    let key = Ephemeral::draw(&mut Fixed(5)).share().to_vec();
    HisHello {
        versions: vec![1],
        suites: vec![1],
        nonce: vec![5; 16],
        shares: vec![KeyShare { group: 1, key }],
        agreement: vec![9; 8],
        extensions: vec![],
    }
}

//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer plain alert 50 (decode_error) to an M1 whose body has more than 1,536 bytes
//# (M1_BYTES_MAX), does not begin with `hsp1`, or whose HisHello the validator refuses.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer plain alert 50 (decode_error) to an M1 with two key shares of the same group, or with
//# extensions whose ids do not ascend strictly.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer plain alert 72 (agreement) to an M1 whose `agreement` is not the first 8 bytes of the
//# hash of one of its serving agreements.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer plain alert 70 (version) to an M1 without a version that the agreement lists and the POS
//# knows.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer plain alert 71 (suite) to an M1 without a suite that the agreement lists and the POS
//# knows.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer plain alert 47 (illegal_parameter) to an M1 that has no key share for the group of any
//# suite that the agreement lists and the POS knows.
//= spec-crate/spec/key-exchange.md#receiving-m1
//= type=test
//# A POS MUST answer plain alert 47 (illegal_parameter) to an M1 whose key share for the chosen suite does
//# not have the length of its group, 32 bytes for group 1, or gives a shared secret of zero.
//= spec-crate/spec/encoding.md#strict-messages
//= type=test
//# A receiver MUST run the validator of this chapter over the bytes of a strict message before it gives them
//# to a protobuf parser or uses anything of them.
//= spec-crate/spec/encoding.md#strict-messages
//= type=test
//# A receiver MUST treat a strict message that the validator refuses as the chapter says that describes where
//# it came from, and use nothing of it.
#[test]
fn each_rule_of_m1_has_its_alert_and_the_first_broken_one_decides() {
    let read = |hello: &HisHello| {
        responder(&[b"hsp1", hello.encode_to_vec().as_slice()].concat())
            .err()
            .map(|error| (error.alert().code(), error))
    };
    let share = |group, key| KeyShare { group, key };
    let good = || his_hello().shares.remove(0);
    let extension = |id| Extension { id, data: vec![1; 64] };
    assert_eq!(read(&his_hello()), None);
    let cases = [
        (HisHello { nonce: vec![], ..his_hello() }, 50, PeerError::HelloNotCanonical { step: 9 }),
        (HisHello { versions: vec![1; 5], ..his_hello() }, 50, PeerError::HelloNotCanonical { step: 6 }),
        (HisHello { shares: vec![good(), good()], ..his_hello() }, 50, PeerError::HelloGroupTwice(1)),
        (
            HisHello { extensions: vec![extension(3), extension(1)], ..his_hello() },
            50,
            PeerError::HelloExtensionOrder(1),
        ),
        // 72 before 70 before 71 before 47.
        (
            HisHello { agreement: vec![8; 8], versions: vec![2], suites: vec![2], ..his_hello() },
            72,
            PeerError::AgreementNotHeld,
        ),
        (HisHello { versions: vec![2, 3], suites: vec![2], ..his_hello() }, 70, PeerError::NoVersion),
        (
            HisHello { suites: vec![2, 0x101], shares: vec![share(2, vec![1])], ..his_hello() },
            71,
            PeerError::NoSuite,
        ),
        (HisHello { shares: vec![share(3, vec![1; 1216])], ..his_hello() }, 47, PeerError::ShareMissing),
        (HisHello { shares: vec![share(1, vec![1; 33])], ..his_hello() }, 47, PeerError::ShareLength(33)),
        (
            HisHello { shares: vec![share(1, [vec![1], vec![0; 31]].concat())], ..his_hello() },
            47,
            PeerError::ShareNotContributory,
        ),
    ];
    for (hello, code, error) in cases {
        assert_eq!(read(&hello), Some((code, error)));
    }
    assert_eq!(responder(b"hsp2").err(), Some(PeerError::HelloMagic));
    assert_eq!(responder(b"hsp1").err(), Some(PeerError::HelloNotCanonical { step: 9 }));
    assert_eq!(responder(&[0; 1537]).err(), Some(PeerError::HelloTooLong(1537)));
}

//= spec-crate/spec/key-exchange.md#m2
//= type=test
//# A POS MUST choose the highest version in M1 that the agreement lists and that it knows.
//= spec-crate/spec/key-exchange.md#m2
//= type=test
//# A POS MUST choose the first suite in M1's order that the agreement lists, that it knows, and for whose
//# group M1 has a key share.
//= spec-crate/spec/key-exchange.md#extensions
//= type=test
//# A receiver MUST ignore an extension whose id it does not know.
#[test]
fn highest_allowed_version_and_first_allowed_suite_with_a_share_are_taken_and_unknown_extensions_are_hashed()
{
    let extensions = vec![Extension { id: 1, data: vec![] }, Extension { id: 9, data: vec![1] }];
    let foreign = KeyShare { group: 2, key: vec![4; 65] };
    let shares = vec![foreign, his_hello().shares.remove(0)];
    let hello =
        HisHello { versions: vec![9, 1, 2], suites: vec![0x101, 1], shares, extensions, ..his_hello() };
    let m1 = [b"hsp1", hello.encode_to_vec().as_slice()].concat();
    let expect = responder(&m1).ok().unwrap();
    let chosen = PosHello::decode(PosReply::decode(expect.m2()).unwrap().hello.as_slice()).unwrap();
    assert_eq!((chosen.version, chosen.suite), (1, 1));
}

//= spec-crate/spec/key-exchange.md#versions-and-suites
//= type=test
//# An implementation MUST NOT offer or choose a version or a suite that the agreement of the attempt does not
//# list or that it does not know itself.
#[test]
fn agreement_that_allows_nothing_known_here_makes_no_attempt_and_no_answer() {
    for held in [
        HeldAgreement { versions: vec![2], ..agreement(9) },
        HeldAgreement { suites: vec![2, 0x101], ..agreement(9) },
    ] {
        assert!(start(&held, &mut Fixed(5)).is_none());
        let initiator = initiator();
        let hello = Hello::read(initiator.m1()).ok().unwrap();
        let code = hello.negotiate(&[held]).err().unwrap().alert();
        assert!(matches!(code, AlertCode::Version | AlertCode::Suite));
    }
}

#[test]
fn other_agreement_of_the_same_name_opens_nothing() {
    let initiator = initiator();
    let mut other = agreement(9);
    other.hash[31] = 0;
    let offer = Hello::read(initiator.m1()).ok().unwrap().negotiate(&[other]).ok().unwrap();
    let expect = offer.answer(&pos(), &mut Fixed(6)).ok().unwrap();
    assert_eq!(initiator.open_m2(expect.m2()).err(), Some(M2Drop::DoesNotOpen));
}

//= spec-crate/spec/key-exchange.md#receiving-m3
//= type=test
//# A POS MUST drop as `handshake` an M3 that does not open under key_h, iv_h and TH5, and keep its candidate.
#[test]
fn m3_of_another_m2_does_not_open_and_the_candidate_stays() {
    let initiator = initiator();
    let expect = responder(initiator.m1()).ok().unwrap();
    let m3 = forge_m3(initiator.m1(), expect.m2(), &Proof::of("his", 1));
    let mut changed = m3.clone();
    changed[0] ^= 1;
    for bad in [&[][..], &[0; 16], &changed, &m3[1..]] {
        assert!(expect.open_m3(bad).is_err());
    }
    let opened = expect.open_m3(&m3).ok().unwrap();
    assert!(expect.finish(opened, &pos()).is_ok());
}

#[test]
fn own_id_that_no_peer_could_accept_is_refused() {
    for id in ["", "a b", "é", "0123456789012345678901234"] {
        let made = Peering::new(id.into(), Secret::new([1; 32]), vec![], BTreeMap::new(), None);
        assert_eq!(made.err(), Some(Refusal::Identifier));
    }
}
