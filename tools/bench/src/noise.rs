//! The peer: Noise handshakes of both sides in one thread.

use std::hint::black_box;

use snow::{Builder, HandshakeState, params::NoiseParams};

/// Both sides' static keys.
pub(crate) struct Noise {
    params: NoiseParams,
    initiator: snow::Keypair,
    responder: snow::Keypair,
    knows_peer: bool,
}

impl Noise {
    /// `pattern` is `XX` or `IK`.
    pub(crate) fn new(pattern: &str) -> Self {
        let params: NoiseParams =
            format!("Noise_{pattern}_25519_AESGCM_SHA256").parse().expect("a known pattern");
        let key = || Builder::new(params.clone()).generate_keypair().expect("a key pair");
        Self { initiator: key(), responder: key(), knows_peer: pattern == "IK", params }
    }

    /// One handshake up to the transport keys of both sides.
    pub(crate) fn handshake(&self) {
        let builder = || Builder::new(self.params.clone()).prologue(b"hispos").expect("a prologue");
        let mut initiator = builder().local_private_key(&self.initiator.private).expect("a key");
        if self.knows_peer {
            initiator = initiator.remote_public_key(&self.responder.public).expect("a key");
        }
        let mut initiator = initiator.build_initiator().expect("an initiator");
        let mut responder = builder()
            .local_private_key(&self.responder.private)
            .expect("a key")
            .build_responder()
            .expect("a responder");
        while !initiator.is_handshake_finished() {
            pass(&mut initiator, &mut responder);
            if !initiator.is_handshake_finished() {
                pass(&mut responder, &mut initiator);
            }
        }
        black_box(initiator.into_transport_mode().expect("finished"));
        black_box(responder.into_transport_mode().expect("finished"));
    }
}

fn pass(from: &mut HandshakeState, to: &mut HandshakeState) {
    let (mut wire, mut payload) = ([0; 512], [0; 512]);
    let length = from.write_message(&[], &mut wire).expect("a message");
    to.read_message(&wire[..length], &mut payload).expect("the peer's message");
}
