//! The schedule's inner values against the published trace.

use std::string::String;
use std::vec::Vec;

use super::AfterHello;
use crate::crypto::hash::label;
use crate::crypto::kex::Ephemeral;
use crate::crypto::sign::Verified;
use crate::crypto::{Entropy, Secret, ed25519_public, ed25519_sign, ed25519_verify};
use crate::labels::{AUTH_HIS, AUTH_POS, IV, KEY};
use crate::transcript::Transcript;

struct Trace(serde_json::Value);

impl Trace {
    fn load() -> Self {
        Self(serde_json::from_str(include_str!("../../vectors/wire-trace.json")).unwrap())
    }

    fn text(&self, path: &str) -> String {
        self.0.pointer(path).unwrap_or_else(|| panic!("{path}")).as_str().unwrap().into()
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        let text = self.text(path);
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn array<const N: usize>(&self, path: &str) -> [u8; N] {
        self.bytes(path).try_into().unwrap()
    }
}

struct Given([u8; 32]);

impl Entropy for Given {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

/// Body of a frame: type and checksum taken off.
fn body(trace: &Trace, path: &str) -> Vec<u8> {
    let encoded = trace.bytes(path);
    let decoded = cobs::decode_vec(encoded.strip_suffix(&[0]).unwrap()).unwrap();
    decoded[1..decoded.len() - 4].to_vec()
}

//= spec-crate/spec/key-exchange.md#transcript
//= type=test
//# An end MUST build the transcript from the elements in the order 1 to 8, as they were sent and received.
#[test]
fn every_inner_value_of_the_trace_is_reproduced() {
    let trace = Trace::load();
    let keys = |role: &str| {
        let key = Ephemeral::draw(&mut Given(trace.array(&std::format!("/input/{role}/x25519_hex"))));
        (key.share(), key)
    };
    let ((his_share, his_key), (pos_share, pos_key)) = (keys("his"), keys("pos"));
    let shared = his_key.agree(&pos_share).unwrap();
    assert_eq!(shared.expose(), &trace.array::<32>("/output/ss"));
    assert_eq!(pos_key.agree(&his_share).unwrap().expose(), shared.expose());

    let th = |n: u8| trace.array::<32>(&std::format!("/output/th/{n}"));
    let agreement = crate::crypto::hash::sha256(&[&trace.bytes("/input/agreement_hex")]);
    let m1 = body(&trace, "/output/m1_frame");
    let m2: crate::wire::PosReply =
        prost::Message::decode(body(&trace, "/output/m2_frame").as_slice()).unwrap();
    let transcript = Transcript::new(&agreement).m1(&m1);
    assert_eq!(transcript.hash().as_bytes(), &th(1));
    let transcript = transcript.hello(&m2.hello);
    assert_eq!(transcript.hash().as_bytes(), &th(2));
    let hello = AfterHello::new(&shared, &transcript.hash());
    assert_eq!(hello.prk1.expose(), &trace.array::<32>("/output/prk1"));
    assert_eq!(hello.pos.expose(), &trace.array::<32>("/output/hs_p"));
    assert_eq!(hello.his.expose(), &trace.array::<32>("/output/hs_h"));
    for (secret, name) in [(&hello.pos, "p"), (&hello.his, "h")] {
        assert_eq!(
            label::<32>(secret, KEY, &[]).expose(),
            &trace.array::<32>(&std::format!("/output/key_{name}"))
        );
        assert_eq!(
            label::<12>(secret, IV, &[]).expose(),
            &trace.array::<12>(&std::format!("/output/iv_{name}"))
        );
    }

    let identity = |role: &str| {
        let seed = Secret::new(trace.array(&std::format!("/input/{role}/sk_hex")));
        let id = trace.text(&std::format!("/input/{role}/id")).into_bytes();
        let key = ed25519_public(&seed);
        let identity = crate::wire::Identity { id, public_key: key.to_vec() };
        (prost::Message::encode_to_vec(&identity), seed, key)
    };
    let (pos_identity, pos_seed, pos_public) = identity("pos");
    let transcript = transcript.pos_identity(&pos_identity);
    assert_eq!(transcript.hash().as_bytes(), &th(3));
    let signature = ed25519_sign(&pos_seed, AUTH_POS, &th(3));
    assert_eq!(signature, trace.array("/output/sig_p"));
    let verified: Verified = ed25519_verify(&pos_public, AUTH_POS, &th(3), &signature).unwrap();
    let transcript = transcript.pos_signature(&signature);
    let th4 = transcript.hash();
    assert_eq!(th4.as_bytes(), &th(4));
    let confirm = hello.pos_confirm(&th4);
    assert_eq!(confirm, trace.array("/output/confirm_p"));
    let transcript = transcript.pos_confirm(&confirm);
    assert_eq!(transcript.hash().as_bytes(), &th(5));
    let after = hello.pos_proved(verified, &confirm, &th4, &transcript.hash()).unwrap();
    assert_eq!(after.prk2.expose(), &trace.array::<32>("/output/prk2"));

    let (his_identity, his_seed, _) = identity("his");
    let transcript = transcript.his_identity(&his_identity);
    assert_eq!(transcript.hash().as_bytes(), &th(6));
    let signature = ed25519_sign(&his_seed, AUTH_HIS, &th(6));
    assert_eq!(signature, trace.array("/output/sig_h"));
    let transcript = transcript.his_signature(&signature);
    assert_eq!(transcript.hash().as_bytes(), &th(7));
    let confirm = after.his_confirm(&transcript.hash());
    assert_eq!(confirm, trace.array("/output/confirm_h"));
    let transcript = transcript.his_confirm(&confirm);
    assert_eq!(transcript.hash().as_bytes(), &th(8));
    let (secrets, _) = after.his_is_self(&transcript.hash(), b"");
    assert_eq!(secrets.his.expose(), &trace.array::<32>("/output/ap_h"));
    assert_eq!(secrets.pos.expose(), &trace.array::<32>("/output/ap_p"));
    assert_eq!([secrets.tag], trace.array::<1>("/output/tag"));
}
