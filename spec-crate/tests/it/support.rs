//! What several tests need: entropy, a pair of peers, the trace.

use std::collections::BTreeMap;

use hispos::crypto::hash::sha256;
use hispos::crypto::{Entropy, Secret, ed25519_public};
use hispos::frame::{Encoded, FrameType, encode};
use hispos::handshake::initiator::{ExpectM2, start};
use hispos::handshake::responder::{ExpectM3, Hello};
use hispos::handshake::{HeldAgreement, Keyed, Peering};

pub(crate) const HIS_ID: &str = "HIS-TERM-0123456789.abcd";
pub(crate) const POS_ID: &str = "POS-DEV_0123456789.abcde";

/// Gives out these bytes, in order, and no more.
pub(crate) struct Script(pub(crate) Vec<u8>);

impl Entropy for Script {
    fn fill(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&std::mem::replace(&mut self.0, rest));
    }
}

/// A seeded source: SHA-256 over seed and number of the block.
pub(crate) struct Seeded(pub(crate) u64, pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.1 += 1;
            let block = sha256(&[&self.0.to_be_bytes(), &self.1.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn agreement(payload: &[u8]) -> HeldAgreement {
    HeldAgreement { hash: sha256(&[payload]), no: 7, versions: vec![1], suites: vec![1], simulated: true }
}

/// What one end knows: its id and seed, the other's id and seed.
pub(crate) fn peering(own: (&str, [u8; 32]), peer: (&str, [u8; 32]), agreement: HeldAgreement) -> Peering {
    let peers = BTreeMap::from([(peer.0.to_owned(), ed25519_public(&Secret::new(peer.1)))]);
    Peering::new(own.0.to_owned(), Secret::new(own.1), vec![agreement], peers, Some(peer.0.to_owned()))
        .unwrap()
}

/// Two ends that know each other.
pub(crate) fn pair() -> (Peering, Peering) {
    let (his, pos) = ((HIS_ID, [0x11; 32]), (POS_ID, [0x22; 32]));
    (peering(his, pos, agreement(b"agreement")), peering(pos, his, agreement(b"agreement")))
}

/// The first two messages between these ends.
pub(crate) fn hellos(his: &Peering, pos: &Peering, seed: u64) -> (ExpectM2, ExpectM3) {
    let initiator = start(&his.agreements()[0], &mut Seeded(seed, 0)).unwrap();
    let hello = Hello::read(initiator.m1()).unwrap();
    let responder =
        hello.negotiate(pos.agreements()).ok().unwrap().answer(pos, &mut Seeded(!seed, 0)).ok().unwrap();
    (initiator, responder)
}

/// A whole key exchange between these ends.
pub(crate) fn keyed(his: &Peering, pos: &Peering, seed: u64) -> (Keyed, Keyed) {
    let (initiator, responder) = hellos(his, pos, seed);
    let (his_keyed, m3) = initiator.open_m2(responder.m2()).ok().unwrap().finish(his).ok().unwrap();
    let opened = responder.open_m3(&m3).ok().unwrap();
    (his_keyed, responder.finish(opened, pos).ok().unwrap())
}

pub(crate) fn framed(kind: FrameType, body: &[u8]) -> Encoded {
    encode(kind, body).unwrap()
}
