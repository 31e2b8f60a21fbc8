use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::{any, prop, prop_assert, proptest};
use prost::Message;
use std::println;

use super::*;
use crate::wire as v1;
use crate::wire::strict;

const fn field(number: u32, name: &'static str, kind: FieldKind) -> FieldRule {
    FieldRule { number, name, kind, required: false, min: 0, max: 0, count: 0, class: TextClass::None }
}

/// A message with each kind of field, and one that nests without end.
static ALL: MessageRule = MessageRule {
    name: "All",
    fields: &[
        FieldRule { required: true, ..field(1, "uint32", FieldKind::Uint32) },
        field(2, "uint64", FieldKind::Uint64),
        field(3, "sint32", FieldKind::Sint32),
        field(4, "sint64", FieldKind::Sint64),
        field(5, "bool", FieldKind::Bool),
        field(6, "enum", FieldKind::Enum),
        FieldRule { min: 2, max: 3, ..field(7, "bytes", FieldKind::Bytes) },
        FieldRule { min: 2, max: 3, class: TextClass::OrderNo, ..field(8, "string", FieldKind::String) },
        FieldRule { min: 2, max: 6, ..field(9, "message", FieldKind::Message(&INNER)) },
        FieldRule { count: 2, ..field(10, "packed", FieldKind::PackedUint32) },
        FieldRule { count: 2, ..field(11, "messages", FieldKind::Message(&INNER)) },
        FieldRule { count: 2, max: 3, ..field(12, "blobs", FieldKind::Bytes) },
        FieldRule { class: TextClass::Text, ..field(13, "text", FieldKind::String) },
        FieldRule { class: TextClass::Identifier, ..field(14, "identifier", FieldKind::Bytes) },
        FieldRule { class: TextClass::Visible, ..field(15, "visible", FieldKind::String) },
        field(16, "plain", FieldKind::String),
        field(17, "deep", FieldKind::Message(&DEEP)),
    ],
};

static INNER: MessageRule = MessageRule {
    name: "Inner",
    fields: &[
        FieldRule { required: true, ..field(1, "number", FieldKind::Uint32) },
        field(2, "bytes", FieldKind::Bytes),
    ],
};

static DEEP: MessageRule = MessageRule {
    name: "Deep",
    fields: &[field(1, "number", FieldKind::Uint32), field(2, "deep", FieldKind::Message(&DEEP))],
};

/// The examples of the specification: field 1 a varint, or a packed run, and field 2 with a length.
static EXAMPLE: MessageRule = MessageRule {
    name: "Example",
    fields: &[field(1, "number", FieldKind::Uint32), field(2, "bytes", FieldKind::Bytes)],
};

static PACKED: MessageRule = MessageRule {
    name: "Packed",
    fields: &[FieldRule { count: 2, ..field(1, "packed", FieldKind::PackedUint32) }],
};

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Step and offset of the violation, or 0 and 0.
fn outcome(rule: &'static MessageRule, hex: &str) -> (u8, usize) {
    validate(&unhex(hex), rule).map_or_else(|violation| (violation.step(), violation.offset()), |()| (0, 0))
}

fn expect(rule: &'static MessageRule, cases: &[(&str, u8, usize)]) {
    for (hex, step, offset) in cases {
        assert_eq!(outcome(rule, hex), (*step, *offset), "{} {hex}", rule.name);
    }
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST give as its reason the number of the first step that fails at the first field that
//# fails, in the order of the bytes.
#[test]
fn the_examples_of_the_specification_fail_as_it_says() {
    expect(&EXAMPLE, &[("08", 10, 1), ("0881", 10, 1), ("080112", 10, 3), ("0801120541", 6, 3)]);
    expect(&PACKED, &[("0801", 3, 0), ("0a00", 3, 1), ("0a8000", 4, 1), ("0a0101", 0, 0)]);
    // Surplus or missing bytes of a fixed size.
    expect(&strict::FILE_SIGNATURE, &[("0a07 01010101010101", 6, 1), ("0a09 010101010101010101", 6, 1)]);
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 1 if a field key is a varint that is not minimal, that has no last byte
//# within 5 bytes, or whose wire type is neither 0 nor 2.
#[test]
fn step_1_a_key_is_minimal_short_and_of_wire_type_0_or_2() {
    expect(
        &ALL,
        &[
            ("8800 01", 1, 0),          // not minimal
            ("8880 80 80 00 01", 1, 0), // not minimal, 5 bytes
            ("8880 80 80 80 01", 1, 0), // a sixth byte
            ("8880 80 80 80", 1, 0),    // the fifth goes on: longer than allowed before cut off
            ("88 80 80 80", 10, 0),     // cut off within the allowed length
            ("09 01", 1, 0),            // 64 bit
            ("0b", 1, 0),               // a group
            ("0c", 1, 0),
            ("0d 01", 1, 0), // 32 bit
            ("0e", 1, 0),
            ("0f", 1, 0),
            ("0801 99 06", 1, 2), // an unknown field of wire type 1: step 1 before step 2
            ("0801 4a02 8900", 1, 4), // within a nested message
            ("0801 8f80 80 80 7f", 1, 2), // wire type 7 in a long key
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 2 if the message has no field of the key's number, or if that number is
//# not greater than the number of the field before it in the same message, unless it is equal and the field
//# is a repeated message or repeated `bytes`.
#[test]
fn step_2_fields_are_known_and_rise() {
    expect(
        &ALL,
        &[
            ("00 01", 2, 0), // number 0
            ("02 0101", 2, 0),
            ("0801 92 01", 2, 2),             // 18 is unknown
            ("0801 fa ff ff ff 0f", 2, 2),    // 2^29 - 1
            ("0801 80 80 80 80 10", 2, 2),    // 2^29
            ("0801 fa ff ff ff 7f", 2, 2),    // beyond 32 bits
            ("0801 0801", 2, 2),              // a singular number twice
            ("0801 3a020101 3a020101", 2, 6), // singular bytes twice
            ("0801 4a020801 4a020801", 2, 6), // a singular message twice
            ("0801 52010152 0101", 2, 5),     // a second packed run
            ("1001 0801", 2, 2),              // backwards
            ("0801 5a020801 520101", 2, 6),
            ("0801 5a020801 6201 01 5a020801", 2, 9), // a repeated message again behind another field
            ("0801 5a020801 5a020801", 0, 0),         // equal numbers for repeated messages
            ("0801 620101 620102", 0, 0),             // and repeated bytes
            ("0801 4a02 1801", 2, 4),                 // unknown within a nested message
            ("0801 0a01", 2, 2),                      // twice, and of another wire type: step 2 before step 3
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 3 if the key's wire type is not that of the field's schema type, or if the
//# length of a packed run is 0.
#[test]
fn step_3_the_wire_type_is_the_declared_one() {
    expect(
        &ALL,
        &[
            ("0a0101", 3, 0),
            ("0801 120101", 3, 2),
            ("0801 1a0101", 3, 2),
            ("0801 220101", 3, 2),
            ("0801 2a0101", 3, 2),
            ("0801 320101", 3, 2),
            ("0801 3801", 3, 2),
            ("0801 4001", 3, 2),
            ("0801 4801", 3, 2),
            ("0801 5001", 3, 2), // packed fields never stand alone
            ("0801 5801", 3, 2),
            ("0801 6001", 3, 2),
            ("0801 5200", 3, 3), // an empty run
            ("0801 4a02 0a01", 3, 4),
            ("0a", 3, 0), // before a length that is cut off
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 4 if a value, a length or a packed element is a varint that is not
//# minimal, that has no last byte within the bytes that the table of schema types allows, or that is above
//# the greatest value of its type.
#[test]
fn step_4_numbers_and_lengths_are_minimal_and_in_range() {
    expect(
        &ALL,
        &[
            ("08 8100", 4, 1),
            ("08 ffffffff0f", 0, 0),
            ("08 8080808010", 4, 1),   // 2^32
            ("08 808080808001", 4, 1), // a sixth byte
            ("08 8080808080", 4, 1),   // longer than allowed before cut off
            ("08 80808080", 10, 1),
            ("0801 10 ffffffffffffffffff01", 0, 0),
            ("0801 10 ffffffffffffffffff02", 4, 3),
            ("0801 10 ffffffffffffffffff8101", 4, 3),
            ("0801 10 ffffffffffffffffffff", 4, 3),
            ("0801 10 8000", 4, 3),
            ("0801 18 ffffffff0f", 0, 0),
            ("0801 18 8080808010", 4, 3),
            ("0801 20 ffffffffffffffffff01", 0, 0),
            ("0801 20 80808080808080808002", 4, 3),
            ("0801 28 02", 4, 3), // a bool is 0 or 1
            ("0801 28 8001", 4, 3),
            ("0801 28 81", 4, 3), // one byte is all a bool may have
            ("0801 30 ffffffff07", 0, 0),
            ("0801 30 8080808008", 4, 3), // 2^31: a negative enum
            ("0801 30 ffffffffffffffffff01", 4, 3),
            ("0801 3a 8200 0101", 4, 3), // a length
            ("0801 3a 8080808010", 4, 3),
            ("0801 42 8200 4141", 4, 3),
            ("0801 4a 8200 0801", 4, 3),
            ("0801 52 8100 01", 4, 3),
            ("0801 52 02 8100", 4, 4), // an element of a run
            ("0801 52 05 8080808010", 4, 4),
            ("0801 3a 8000", 4, 3), // not minimal before empty
            ("08 8000", 4, 1),      // not minimal before zero
            ("0801 4a03 08 8100", 4, 5),
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 5 if a value or a packed element is 0, or if the length of a field that is
//# not a packed run is 0.
#[test]
fn step_5_nothing_is_zero_or_empty() {
    expect(
        &ALL,
        &[
            ("0800", 5, 1),
            ("0801 1000", 5, 3),
            ("0801 1800", 5, 3),
            ("0801 2000", 5, 3),
            ("0801 2800", 5, 3),
            ("0801 3000", 5, 3),
            ("0801 3a00", 5, 3), // also below the least length: step 5 first
            ("0801 4200", 5, 3),
            ("0801 4a00", 5, 3),
            ("0801 520200 01", 5, 4),
            ("0801 52020100", 5, 5),
            ("0801 5a00", 5, 3),
            ("0801 6200", 5, 3),
            ("0801 5a020801 5a020801 5a00", 5, 11), // one too many, but empty
            ("0801 4a02 0800", 5, 5),
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 6 if the content ends behind the end of its parent, if its length is below
//# `min` or above `max`, if as many elements of the repeated field as `count` allows stand before this one,
//# or if a packed run has more elements than `count`.
#[test]
fn step_6_lengths_and_numbers_of_elements_are_in_bounds() {
    expect(
        &ALL,
        &[
            ("0801 3a0101", 6, 3),
            ("0801 3a0401010101", 6, 3),
            ("0801 3a0301", 6, 3), // beyond the parent
            ("0801 420141", 6, 3),
            ("0801 420441414141", 6, 3),
            ("0801 42026161 ", 7, 4),    // in bounds, and of another class
            ("0801 420461616161", 6, 3), // the length before the class
            ("0801 4a0108", 6, 3),
            ("0801 4a070801120301 0101", 6, 3),
            ("0801 4a040801 1203010101", 6, 7), // a nested field beyond its message, though not beyond the bytes
            ("0801 5203010203", 6, 4),          // three elements, two allowed
            ("0801 5203010200", 5, 6),          // the number is checked behind the elements
            ("0801 520501", 6, 3),
            ("0801 5a020801 5a020801 5a020801", 6, 11),
            ("0801 620101 620101 620101", 6, 9),
            ("0801 62040101 0101", 6, 3),
            ("0801 3a ffffffff0f", 6, 3), // the greatest length there is
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 7 if the content of a string is not well-formed UTF-8, or if the content
//# of a string or of bytes is not of the field's class.
#[test]
fn step_7_text_is_of_its_class() {
    expect(
        &ALL,
        &[
            ("0801 4202 4161", 7, 4),
            ("0801 4202 412d", 7, 4),
            ("0801 4202 305a", 0, 0),
            ("0801 6a01 0a", 7, 4), // controls
            ("0801 6a01 7f", 7, 4),
            ("0801 6a02 c280", 7, 4),
            ("0801 6a02 c29f", 7, 4),
            ("0801 6a02 c2a0", 0, 0),
            ("0801 6a01 ff", 7, 4), // no UTF-8
            ("0801 6a02 c080", 7, 4),
            ("0801 6a03 eda080", 7, 4), // a surrogate
            ("0801 6a03 e7aa97", 0, 0),
            ("0801 7205 61412e5f2d", 0, 0),
            ("0801 7201 20", 7, 4),
            ("0801 7201 2f", 7, 4),
            ("0801 7a02 217e", 0, 0),
            ("0801 7a01 20", 7, 4),
            ("0801 7a01 7f", 7, 4),
            ("0801 820101 80", 7, 5), // a string without a class is UTF-8 nevertheless
            ("0801 820101 0a", 0, 0),
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 8 if a message nests deeper than 3, the top message having depth 1.
#[test]
fn step_8_messages_nest_at_most_three_deep() {
    expect(
        &ALL,
        &[
            ("0801 8a0102 0801", 0, 0),
            ("0801 8a0104 1202 0801", 0, 0),
            ("0801 8a0106 1204 1202 0801", 8, 9),
            ("0801 8a0105 1203 1202 08", 6, 8), // the length before the depth
        ],
    );
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 9 if a message ends and one of its required fields was not there.
#[test]
fn step_9_required_fields_are_there() {
    expect(
        &ALL,
        &[
            ("", 9, 0),
            ("1001", 9, 2),
            ("0801 4a03 120101", 9, 7),
            ("0801 5a03 120101 5a00", 9, 7), // the first field that fails
            ("4a03 120101", 9, 5),           // the inner message ends first
        ],
    );
    let violation = validate(&unhex("0801 4a03 120101"), &ALL).unwrap_err();
    assert_eq!(violation.path().collect::<Vec<_>>(), ["All", "message", "number"]);
    assert_eq!(
        violation.to_string(),
        "All.message.number is not canonical at byte 7 (step 9): a required field is missing"
    );
}

#[test]
fn a_violation_behind_a_nested_message_is_named_from_the_top() {
    let violation = validate(&unhex("0801 4a02 0801 520100"), &ALL).unwrap_err();
    assert_eq!((violation.step(), violation.offset()), (5, 8));
    assert_eq!(violation.path().collect::<Vec<_>>(), ["All", "packed"]);
}

//= spec-crate/spec/encoding.md#steps-of-the-validator
//= type=test
//# The validator MUST fail at step 10 if a field key, a value, a length or a packed element has no last byte
//# before the end of its parent and step 1 or 4 does not fail because it is too long.
#[test]
fn step_10_nothing_is_cut_off() {
    expect(
        &ALL,
        &[
            ("08", 10, 1),
            ("0881", 10, 1),
            ("0801 8a", 10, 2),
            ("0801 10", 10, 3),
            ("0801 10 ffffffffffffffffff", 10, 3),
            ("0801 18 80", 10, 3),
            ("0801 20 80", 10, 3),
            ("0801 28", 10, 3),
            ("0801 30 80", 10, 3),
            ("0801 3a", 10, 3),
            ("0801 3a 80", 10, 3),
            ("0801 42", 10, 3),
            ("0801 4a", 10, 3),
            ("0801 52", 10, 3),
            ("0801 520181 01", 10, 4),    // by the end of its run, not of the bytes
            ("0801 4a02 0881 01", 10, 5), // by the end of its message
            ("0801 4a03 080188 01", 10, 6),
        ],
    );
}

#[test]
fn every_step_has_a_reason_of_its_own() {
    let reason = |step| Violation { step, path: ["", "", ""], field: "", offset: 0 }.reason();
    for step in 1..=10 {
        assert_eq!((1..=10).filter(|other| reason(*other) == reason(step)).count(), 1);
    }
}

/// Decodes and encodes again with prost.
type Again = fn(&[u8]) -> Option<Vec<u8>>;

fn again<M: Message + Default>(bytes: &[u8]) -> Option<Vec<u8>> {
    M::decode(bytes).ok().map(|message| message.encode_to_vec())
}

/// One valid message of each kind, with every field that it can hold.
pub(crate) fn samples() -> Vec<(Strict, Vec<u8>, Again)> {
    let extensions = alloc::vec![
        v1::Extension { id: 7, data: alloc::vec![1, 2] },
        v1::Extension { id: 9, data: Vec::new() }
    ];
    let hello = v1::HisHello {
        versions: alloc::vec![1, 2],
        suites: alloc::vec![1, 0x201],
        nonce: alloc::vec![3; 16],
        shares: alloc::vec![
            v1::KeyShare { group: 1, key: alloc::vec![4; 32] },
            v1::KeyShare { group: 3, key: alloc::vec![5; 40] }
        ],
        agreement: alloc::vec![6; 8],
        extensions: extensions.clone(),
    };
    let reply = v1::PosReply { hello: alloc::vec![1; 60], sealed: alloc::vec![2; 140] };
    let pos = v1::PosHello {
        version: 1,
        suite: 1,
        nonce: alloc::vec![3; 16],
        share: alloc::vec![4; 32],
        extensions,
    };
    let auth =
        v1::Auth { identity: alloc::vec![1; 40], signature: alloc::vec![2; 64], confirm: alloc::vec![3; 32] };
    let identity = v1::Identity { id: b"POS_1.a-b".to_vec(), public_key: alloc::vec![9; 32] };
    let signatures =
        [1, 2].map(|id| v1::FileSignature { key_id: alloc::vec![id; 8], signature: alloc::vec![id; 64] });
    let file = v1::SignedFile { kind: 1, payload: alloc::vec![1; 50], signatures: signatures.to_vec() };
    alloc::vec![
        (Strict::HisHello, hello.encode_to_vec(), again::<v1::HisHello>),
        (Strict::PosReply, reply.encode_to_vec(), again::<v1::PosReply>),
        (Strict::PosHello, pos.encode_to_vec(), again::<v1::PosHello>),
        (Strict::Auth, auth.encode_to_vec(), again::<v1::Auth>),
        (Strict::Identity, identity.encode_to_vec(), again::<v1::Identity>),
        (Strict::SignedFile, file.encode_to_vec(), again::<v1::SignedFile>),
        (Strict::Agreement, agreement().encode_to_vec(), again::<v1::Agreement>),
        (Strict::DeviceManifest, devices().encode_to_vec(), again::<v1::DeviceManifest>),
        (Strict::TerminalManifest, terminals().encode_to_vec(), again::<v1::TerminalManifest>),
        (Strict::OrderCore, core().encode_to_vec(), again::<v1::OrderCore>),
        (Strict::ResultCore, result().encode_to_vec(), again::<v1::ResultCore>),
        (Strict::BookRecord, record().encode_to_vec(), again::<v1::BookRecord>),
    ]
}

fn agreement() -> v1::Agreement {
    v1::Agreement {
        agreement_no: 3,
        site_id: "hospital-1".into(),
        site_code: "H001".into(),
        versions: alloc::vec![1],
        suites: alloc::vec![1, 2],
        his_organisation_key: alloc::vec![1; 32],
        pos_organisation_key: alloc::vec![2; 32],
        currency: "CNY".into(),
        amounts: Some(v1::AmountLimits { collect_max: 1 << 40, refund_max: 300, refund_day_max: 1000 }),
        timers: Some(v1::AgreedTimers {
            start: 90_000,
            act: 150_000,
            drift: 20_000,
            connect: 3_000,
            http: 12_000,
            poll_wechat: 50_000,
            poll_alipay: 60_000,
            reverse_min: 15_000,
            fence: 120_000,
            quiet: 132_000,
            expiry: 90_000,
            query: 5_000,
            absence_gap: 10_000,
        }),
        business_day: Some(v1::BusinessDay { utc_offset_minutes: -480, cut_minutes: 60 }),
        wechat: Some(v1::WechatMerchant { mch_id: "1900000109".into(), sub_mch_id: "1900000110".into() }),
        alipay: Some(v1::AlipayMerchant { app_id: "2021".into(), seller_id: "2088".into() }),
        simulated: true,
    }
}

fn devices() -> v1::DeviceManifest {
    let device = |id: &str, revocation| v1::Device {
        device_id: id.into(),
        serial_no: "SN/0001".into(),
        public_key: alloc::vec![7; 32],
        valid_from: 1_700_000_000,
        valid_until: 1_900_000_000,
        revocation,
        compromised_since: 1_800_000_000 * u64::from(revocation == 2),
    };
    v1::DeviceManifest {
        serial: 300,
        site_id: "hospital-1".into(),
        devices: alloc::vec![device("pos-1", 0), device("pos-2", 2)],
    }
}

fn terminals() -> v1::TerminalManifest {
    let terminal = v1::Terminal {
        terminal_id: "his-1".into(),
        window_name: "\u{7a97}\u{53e3} 1".into(),
        public_key: alloc::vec![8; 32],
        valid_from: 1,
        valid_until: u64::MAX,
        revocation: 1,
        compromised_since: 0,
    };
    v1::TerminalManifest { serial: 1, site_id: "hospital-1".into(), terminals: alloc::vec![terminal] }
}

fn core() -> v1::OrderCore {
    v1::OrderCore {
        order_no: "R0123456789".into(),
        device_id: "pos-1".into(),
        kind: 2,
        amount: -1234,
        business_day: 20_260_131,
        agreement_no: 3,
        refund_of: Some(v1::RefundOf {
            order_no: "B0123456789".into(),
            agreement_no: 2,
            channel: 1,
            amount: 5000,
            payment_no: "4200001".into(),
            operator: "op-1".into(),
            approver: "op-2".into(),
            reason: "\u{9000}\u{8d39}".into(),
        }),
    }
}

fn result() -> v1::ResultCore {
    let found = |channel| v1::FoundCapture {
        channel,
        payment_no: "42".into(),
        amount: 1234,
        captured_at: 1_800_000_000,
    };
    v1::ResultCore {
        order_hash: alloc::vec![1; 32],
        order_no: "B0123456789".into(),
        device_id: "pos-1".into(),
        outcome: 5,
        status: 301,
        amount: 1234,
        channel: 2,
        payment_no: "2026".into(),
        refund_id: "50".into(),
        captured_at: 1_800_000_000,
        decided_at: 1_800_000_001,
        provider_code: "TRADE_SUCCESS".into(),
        found: alloc::vec![found(1), found(2)],
    }
}

fn record() -> v1::BookRecord {
    v1::BookRecord { seq: 9, table: 2, key: "B0123456789".into(), row: alloc::vec![1; 30], at: 1_800_000_000 }
}

/// Holds a message to the property: refused, or the same bytes when prost encodes it again.
fn refused_or_the_same(message: Strict, bytes: &[u8], again: Again) -> bool {
    check(message, bytes).is_err() || again(bytes).is_some_and(|encoded| encoded == bytes)
}

//= spec-crate/spec/encoding.md#strict-messages
//= type=test
//# A sender MUST send only strict messages that the validator passes.
#[test]
fn prost_writes_canonical_messages() {
    let samples = samples();
    for (message, bytes, again) in &samples {
        assert_eq!(check(*message, bytes), Ok(()), "{}", message.name());
        assert_eq!(again(bytes).as_deref(), Some(bytes.as_slice()), "{}", message.name());
    }
    assert!(Strict::ALL.iter().all(|message| samples.iter().any(|(sample, ..)| sample == message)));
}

#[test]
fn no_prefix_of_a_message_that_ends_in_a_required_field_is_valid() {
    for (message, bytes, _) in samples() {
        for length in 0..bytes.len() {
            let prefix = &bytes[..length];
            if let Err(violation) = check(message, prefix) {
                assert!(violation.offset() <= length);
            } else {
                // Cut between two fields, and every required one was there.
                assert!(!matches!(message, Strict::PosReply | Strict::Auth | Strict::Identity), "{length}");
            }
        }
    }
}

#[test]
fn every_truncation_and_bit_flip_is_refused_or_encodes_to_the_same_bytes() {
    let (mut cases, mut accepted) = (0, 0);
    for (message, bytes, again) in samples() {
        for length in 0..bytes.len() {
            cases += 1;
            assert!(
                refused_or_the_same(message, &bytes[..length], again),
                "{} cut at {length}",
                message.name()
            );
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            cases += 1;
            accepted += u32::from(check(message, &flipped).is_ok());
            assert!(refused_or_the_same(message, &flipped, again), "{} bit {bit}", message.name());
        }
    }
    println!(
        "{cases} truncations and bit flips of {} messages, {accepted} flips accepted",
        Strict::ALL.len()
    );
    assert!(cases > 10_000, "{cases}");
}

//= spec-crate/spec/encoding.md#ordinary-messages
//= type=test
//# A sender of an ordinary message MUST encode it with fields in ascending order of their numbers, minimal
//# varints, packed repeated numbers, and each scalar field and each `oneof` at most once.
#[test]
fn ordinary_messages_are_written_in_ascending_order_minimal_and_packed() {
    let row = v1::TotalsRow { channel: 1, kind: 2, count: 300, amount: -1, beyond: true };
    let totals = v1::Totals { rows: alloc::vec![row], open: 2, digest: alloc::vec![9] };
    let body = Some(v1::message::Body::Totals(totals));
    let message = v1::Message { call: 300, reply_to: 1, body };
    let row = "0a0b 0801 1002 18ac02 2001 2801";
    let expected = unhex(&alloc::format!("08ac02 1001 b20112 {row} 1002 1a0109"));
    assert_eq!(message.encode_to_vec(), expected);
    let site = v1::SiteRow { closed_days: alloc::vec![300, 1], ..v1::SiteRow::default() };
    assert_eq!(site.encode_to_vec(), unhex("2203 ac02 01"));
}

proptest! {
    #[test]
    fn random_mutations_are_refused_or_encode_to_the_same_bytes(
        which in 0..Strict::ALL.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..5),
    ) {
        let (message, mut bytes, again) = samples().swap_remove(which);
        for (place, edit, byte) in edits {
            let at = place.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match edit {
                0 => bytes.insert(at, byte),
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at.max(1)),
                _ => bytes[at] = byte,
            }
        }
        prop_assert!(refused_or_the_same(message, &bytes, again), "{} {:02x?}", message.name(), bytes);
    }

    #[test]
    fn any_bytes_are_refused_or_encode_to_the_same_bytes(
        which in 0..Strict::ALL.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let (message, _, again) = samples().swap_remove(which);
        prop_assert!(refused_or_the_same(message, &bytes, again), "{} {:02x?}", message.name(), bytes);
    }
}
