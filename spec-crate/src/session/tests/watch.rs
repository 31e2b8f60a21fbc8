//! What a foreign peer looks like.

use std::vec;
use std::vec::Vec;

use super::{Bench, Said};
use crate::frame::{FrameType, encode};
use crate::session::{ForeignPeer, SessionEvent};

fn guess(bytes: &[u8]) -> Vec<Said> {
    let mut bench = Bench::new();
    bench.give_pos(bytes);
    bench.pass(2999);
    bench.give_pos(&[]);
    let early = bench.pos_said.len();
    bench.pass(1);
    bench.give_pos(&[]);
    bench.pass(10_000);
    bench.give_pos(bytes);
    assert!(early == 0 || bytes.len() >= 256);
    bench.pos_said.retain(|said| matches!(said, Said::Notice(SessionEvent::ForeignPeer(_))));
    bench.pos_said
}

#[test]
fn foreign_peer_is_told_once_after_3_seconds_or_256_bytes() {
    let noise: Vec<u8> = (0..300u32).map(|n| (n * n % 251) as u8 | 0x80).collect();
    for (bytes, expected) in [
        (b"\x05".to_vec(), ForeignPeer::EnqOrStx),
        (b"\x02\x91\x92\x03\x41".to_vec(), ForeignPeer::EnqOrStx),
        (b"\x02123456780P0000000100000012340000\x03\x41".to_vec(), ForeignPeer::EnqOrStx),
        (b"\x10\x02\x06\x00\x10\x03".to_vec(), ForeignPeer::DleStx),
        (b"login: ".to_vec(), ForeignPeer::Text),
        (vec![0xF8; 300], ForeignPeer::Repeated(0xF8)),
        (noise, ForeignPeer::Unknown),
        (encode(FrameType::PosRecord, &[1; 30]).unwrap().bytes, ForeignPeer::Echo),
    ] {
        assert_eq!(guess(&bytes), [Said::Notice(SessionEvent::ForeignPeer(expected))]);
    }
}

#[test]
fn own_protocol_and_zeros_are_not_foreign() {
    assert!(guess(&[0; 400]).is_empty());
    assert!(guess(&encode(FrameType::HisRecord, &[1; 30]).unwrap().bytes).is_empty());
}

//= spec-crate/spec/framing.md#frame-types
//= type=test
//# A receiver SHOULD tell its operator of an echo once per stream, at the third frame dropped as `echo`
//# (ECHO_EVENT_AT).
#[test]
fn third_echo_of_a_stream_is_told_once() {
    let mut bench = Bench::new();
    let echo = encode(FrameType::M2, &[1; 30]).unwrap().bytes;
    for count in 1..=6 {
        bench.give_pos(&echo);
        assert_eq!(bench.pos_said.len(), usize::from(count >= 3));
    }
    assert_eq!(bench.pos_said, [Said::Notice(SessionEvent::Echo)]);
}
