//! Two peers that know each other, and whole key exchanges between them. The bench uses this file, too.

use std::collections::BTreeMap;

use hispos::crypto::hash::sha256;
use hispos::crypto::{Entropy, Secret, ed25519_public};
use hispos::handshake::initiator::{ExpectM2, start};
use hispos::handshake::responder::{ExpectM3, Hello};
use hispos::handshake::{HeldAgreement, Keyed, Peering};

/// What both ends hold as their agreement.
pub const AGREEMENT: &[u8] = b"agreement";

/// Id and seed of one end.
pub type End = (&'static str, [u8; 32]);

/// Both ends. Their draws are the same in every exchange, so are the honest messages.
pub struct Peers<E> {
    pub his: Peering,
    pub pos: Peering,
    agreement: HeldAgreement,
    his_draws: E,
    pos_draws: E,
}

impl<E: Entropy + Clone> Peers<E> {
    /// Two ends; what each draws in an exchange.
    pub fn new(his: End, pos: End, his_draws: E, pos_draws: E) -> Self {
        let agreement = HeldAgreement {
            hash: sha256(&[AGREEMENT]),
            no: 1,
            versions: vec![1],
            suites: vec![1],
            simulated: true,
        };
        let peering = |own: End, peer: End| {
            let peers = BTreeMap::from([(peer.0.to_owned(), ed25519_public(&Secret::new(peer.1)))]);
            let (agreements, bound) = (vec![agreement.clone()], Some(peer.0.to_owned()));
            Peering::new(own.0.to_owned(), Secret::new(own.1), agreements, peers, bound).expect("an id")
        };
        Self { his: peering(his, pos), pos: peering(pos, his), agreement, his_draws, pos_draws }
    }

    /// The attempt of HIS.
    pub fn initiator(&self) -> ExpectM2 {
        start(&self.agreement, &mut self.his_draws.clone()).expect("an attempt")
    }

    /// What the POS makes of the body of M1: its candidate, or the code of the alert.
    pub fn answer(&self, m1: &[u8]) -> Result<ExpectM3, u32> {
        Hello::read(m1)
            .and_then(|hello| hello.negotiate(self.pos.agreements()))
            .and_then(|offer| offer.answer(&self.pos, &mut self.pos_draws.clone()))
            .map_err(|error| error.alert().code())
    }

    /// A whole key exchange: M1, M2 and M3, up to the records of both sides, without frames.
    pub fn keyed(&self) -> (Keyed, Keyed) {
        let initiator = self.initiator();
        let responder = self.answer(initiator.m1()).expect("an answer");
        let opened = initiator.open_m2(responder.m2()).expect("the M2");
        let (his, m3) = opened.finish(&self.his).expect("the POS");
        let opened = responder.open_m3(&m3).expect("the M3");
        (his, responder.finish(opened, &self.pos).expect("HIS"))
    }
}
