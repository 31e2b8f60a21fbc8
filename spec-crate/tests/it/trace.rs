//! The published trace, byte for byte, in both roles.

use hispos::frame::FrameType;
use hispos::handshake::HeldAgreement;
use hispos::handshake::initiator::start;
use hispos::handshake::responder::Hello;

use crate::support::{HIS_ID, POS_ID, Script, agreement, framed, from_hex, peering, to_hex};

fn text(trace: &serde_json::Value, path: &str) -> String {
    trace.pointer(path).unwrap_or_else(|| panic!("{path}")).as_str().unwrap().to_owned()
}

//= spec-crate/spec/key-exchange.md#versions-and-suites
//= type=test
//# An implementation MUST support version 1 and suite 0x0001.
//= spec-crate/spec/key-exchange.md#m1
//= type=test
//# A HIS MUST send an M1 whose body is `hsp1` followed by a HisHello and has at most 1,536 bytes
//# (M1_BYTES_MAX).
//= spec-crate/spec/key-exchange.md#m1
//= type=test
//# A HIS MUST send in M1 a key share for the group of each suite that it offers, and at most one share of
//# each group.
//= spec-crate/spec/key-exchange.md#extensions
//= type=test
//# A sender MUST send extensions with strictly ascending ids.
#[test]
fn handshake_and_first_records_of_the_trace_are_reproduced_in_both_roles() {
    let trace: serde_json::Value =
        serde_json::from_str(include_str!("../../vectors/wire-trace.json")).unwrap();
    let text = |path: &str| text(&trace, path);
    let seed =
        |role: &str| -> [u8; 32] { from_hex(&text(&format!("/input/{role}/sk_hex"))).try_into().unwrap() };
    let entropy = |role: &str| {
        Script(from_hex(
            &(text(&format!("/input/{role}/nonce_hex")) + &text(&format!("/input/{role}/x25519_hex"))),
        ))
    };
    let framed_hex = |kind, body: &[u8]| to_hex(&framed(kind, body).bytes);
    assert_eq!((text("/input/his/id").as_str(), text("/input/pos/id").as_str()), (HIS_ID, POS_ID));
    let (his, pos) = ((HIS_ID, seed("his")), (POS_ID, seed("pos")));
    let agreed: HeldAgreement = agreement(&from_hex(&text("/input/agreement_hex")));
    let (his, pos) = (peering(his, pos, agreed.clone()), peering(pos, his, agreed.clone()));

    let initiator = start(&agreed, &mut entropy("his")).unwrap();
    assert_eq!(framed_hex(FrameType::M1, initiator.m1()), text("/output/m1_frame"));
    let offer = Hello::read(initiator.m1()).unwrap().negotiate(pos.agreements()).ok().unwrap();
    let responder = offer.answer(&pos, &mut entropy("pos")).ok().unwrap();
    assert_eq!(framed_hex(FrameType::M2, responder.m2()), text("/output/m2_frame"));
    let (mut his_end, m3) = initiator.open_m2(responder.m2()).ok().unwrap().finish(&his).ok().unwrap();
    assert_eq!(framed_hex(FrameType::M3, &m3), text("/output/m3_frame"));
    let opened = responder.open_m3(&m3).ok().unwrap();
    let mut pos_end = responder.finish(opened, &pos).ok().unwrap();
    assert_eq!((his_end.peer_id.as_str(), pos_end.peer_id.as_str()), (POS_ID, HIS_ID));
    assert_eq!((&his_end.agreement, &pos_end.agreement), (&agreed, &agreed));

    let list = |path: &str| -> Vec<String> {
        trace
            .pointer(path)
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    };
    let his_plain = list("/input/his_records");
    let mut pos_plain = list("/input/pos_records");
    pos_plain.insert(0, text("/input/ready_hex"));
    for (plain, frame) in his_plain.iter().zip(list("/output/his_record_frames")) {
        let sealed = his_end.sealer.seal(&from_hex(plain)).unwrap();
        assert_eq!(framed_hex(FrameType::HisRecord, &sealed), frame);
        assert_eq!(to_hex(&pos_end.opener.open(&sealed).unwrap()), *plain);
    }
    for (plain, frame) in pos_plain.iter().zip(list("/output/pos_record_frames")) {
        let sealed = pos_end.sealer.seal(&from_hex(plain)).unwrap();
        assert_eq!(framed_hex(FrameType::PosRecord, &sealed), frame);
        assert_eq!(to_hex(&his_end.opener.open(&sealed).unwrap()), *plain);
    }
    assert_eq!((his_plain.len(), pos_plain.len()), (5, 4));
}

#[test]
fn handshake_of_longest_ids_takes_514_bytes_on_the_line() {
    let trace: serde_json::Value =
        serde_json::from_str(include_str!("../../vectors/wire-trace.json")).unwrap();
    assert_eq!((HIS_ID.len(), POS_ID.len()), (24, 24));
    let sizes = ["m1", "m2", "m3"].map(|name| text(&trace, &format!("/output/{name}_frame")).len() / 2);
    assert_eq!(sizes, [83, 246, 185]);
    assert_eq!(sizes.iter().sum::<usize>(), 514);
}
