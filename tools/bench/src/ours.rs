//! The product: whole handshakes of both sides, and an order on its way to the line.

use std::hint::black_box;

use hispos::amount::Amount;
use hispos::crypto::Entropy;
use hispos::frame::{FrameType, encode};
use hispos::handshake::Keyed;
use hispos::ids::{DeviceId, OrderNo};
use hispos::message::order::{NewOrder, OrderCore};
use prost::Message as _;

use peers::{End, Peers};

/// Two ends are made alike for those who measure and those who attack.
#[path = "../../../fuzz/src/peers.rs"]
mod peers;

#[allow(dead_code, reason = "the schemas hold more than an order")]
mod wire {
    include!("../../../spec-crate/src/wire/hispos.v1.rs");
}

const HIS: End = ("HIS-TERM-0123456789.abcd", [1; 32]);
const POS: End = ("POS-DEV_0123456789.abcde", [2; 32]);

/// Always the same bytes: drawing costs nothing here, as it does in the sum of the primitives.
#[derive(Clone)]
pub(crate) struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

/// Two ends that know each other.
pub(crate) fn peers() -> Peers<Fixed> {
    Peers::new(HIS, POS, Fixed(3), Fixed(4))
}

/// An order on its way to the line, again and again.
pub(crate) struct Order {
    order: NewOrder,
    session: Keyed,
    call: u32,
}

impl Order {
    /// An order of ordinary length, and the session that it is sent in.
    pub(crate) fn new() -> Self {
        let order = NewOrder {
            order_no: OrderNo::try_from("J202608120000000123A").expect("a number"),
            device_id: DeviceId::try_from("POS-DEV_01234567").expect("an id"),
            amount: Amount::from_fen(12_345).expect("an amount"),
            business_day: 20_260_812,
            agreement_no: 7,
            refund_of: None,
        };
        Self { order, session: peers().keyed().0, call: 0 }
    }

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
