//! The product: whole handshakes of both sides, and an order on its way to the line.

use std::collections::BTreeMap;
use std::hint::black_box;

use hispos::amount::Amount;
use hispos::crypto::hash::sha256;
use hispos::crypto::{Entropy, Secret, ed25519_public};
use hispos::frame::{FrameType, encode};
use hispos::handshake::initiator::start;
use hispos::handshake::responder::Hello;
use hispos::handshake::{HeldAgreement, Keyed, Peering};
use hispos::ids::{DeviceId, OrderNo};
use hispos::message::order::{NewOrder, OrderCore};
use prost::Message as _;

#[allow(dead_code, reason = "the schemas hold more than an order")]
mod wire {
    include!("../../../spec-crate/src/wire/hispos.v1.rs");
}

const HIS: (&str, [u8; 32]) = ("HIS-TERM-0123456789.abcd", [1; 32]);
const POS: (&str, [u8; 32]) = ("POS-DEV_0123456789.abcde", [2; 32]);

/// Always the same bytes: drawing costs nothing here, as it does in the sum of the primitives.
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

/// Two ends that know each other.
pub(crate) struct Ours {
    agreement: HeldAgreement,
    his: Peering,
    pos: Peering,
}

impl Ours {
    pub(crate) fn new() -> Self {
        let agreement = HeldAgreement {
            hash: sha256(&[b"agreement"]),
            no: 1,
            versions: vec![1],
            suites: vec![1],
            simulated: true,
        };
        let peering = |own: (&str, [u8; 32]), peer: (&str, [u8; 32])| {
            let peers = BTreeMap::from([(peer.0.to_owned(), ed25519_public(&Secret::new(peer.1)))]);
            let (agreements, bound) = (vec![agreement.clone()], Some(peer.0.to_owned()));
            Peering::new(own.0.to_owned(), Secret::new(own.1), agreements, peers, bound).expect("an id")
        };
        Self { his: peering(HIS, POS), pos: peering(POS, HIS), agreement }
    }

    /// M1, M2 and M3 up to the records of both sides. Framing is not part of it, as it is not in Noise.
    pub(crate) fn handshake(&self) -> (Keyed, Keyed) {
        let initiator = start(&self.agreement, &mut Fixed(3)).expect("an attempt");
        let hello = Hello::read(initiator.m1()).expect("the M1");
        let offer = hello.negotiate(self.pos.agreements()).expect("a choice");
        let responder = offer.answer(&self.pos, &mut Fixed(4)).expect("an answer");
        let opened = initiator.open_m2(responder.m2()).expect("the M2");
        let (his, m3) = opened.finish(&self.his).expect("the POS");
        let opened = responder.open_m3(&m3).expect("the M3");
        (his, responder.finish(opened, &self.pos).expect("HIS"))
    }

    /// An order of ordinary length, and the session that it is sent in.
    pub(crate) fn order(&self) -> Order {
        let order = NewOrder {
            order_no: OrderNo::try_from("J202608120000000123A").expect("a number"),
            device_id: DeviceId::try_from("POS-DEV_01234567").expect("an id"),
            amount: Amount::from_fen(12_345).expect("an amount"),
            business_day: 20_260_812,
            agreement_no: 7,
            refund_of: None,
        };
        Order { order, session: self.handshake().0, call: 0 }
    }
}

/// An order on its way to the line, again and again.
pub(crate) struct Order {
    order: NewOrder,
    session: Keyed,
    call: u32,
}

impl Order {
    /// The plaintext of the record: the core, checked and serialised, in a SubmitOrder, in a Message.
    pub(crate) fn plaintext(&mut self) -> Vec<u8> {
        let core = OrderCore::encode(black_box(&self.order)).expect("an order");
        self.call = self.call % 100 + 1;
        let submit = wire::SubmitOrder {
            core: core.bytes().to_vec(),
            terminal_id: "WINDOW-01-AB".to_owned(),
            start_by: 3_690,
            run: vec![1, 2, 3, 4],
            search: Vec::new(),
        };
        let body = Some(wire::message::Body::SubmitOrder(submit));
        wire::Message { call: self.call, reply_to: 0, body }.encode_to_vec()
    }

    /// Encoded, sealed and framed.
    pub(crate) fn send(&mut self) {
        let plaintext = self.plaintext();
        let body = self.session.sealer.seal(&plaintext).expect("a counter");
        black_box(encode(FrameType::HisRecord, &body).expect("a short body"));
    }

    /// Sealed alone, with its counter.
    pub(crate) fn seal(&mut self, plaintext: &[u8]) {
        black_box(self.session.sealer.seal(black_box(plaintext)).expect("a counter"));
    }
}
