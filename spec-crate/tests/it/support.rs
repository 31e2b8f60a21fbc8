//! What several tests need: given entropy, peers, hexadecimal digits.

use std::collections::BTreeMap;

use hispos::crypto::hash::sha256;
use hispos::crypto::{Entropy, Secret, ed25519_public};
use hispos::frame::{Encoded, FrameType, encode};
use hispos::handshake::{HeldAgreement, Peering};

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

pub(crate) fn framed(kind: FrameType, body: &[u8]) -> Encoded {
    encode(kind, body).unwrap()
}
