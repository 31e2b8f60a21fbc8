//! Messages that a side refuses: which alert answers, or that nothing does.

use hispos::frame::{FrameType, encode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cited, Mutation, Verdict, cited};
use crate::exchange::{self, AGREEMENT, Exchange, Party, content, number};
use crate::hex::hex;
use crate::more_refusals::{self, CONFIRM, NOT_REGISTERED, Replaced, Step};
use crate::schema::Schema;
use crate::systematic;

/// One message in place of another.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Refusal {
    tc_id: u32,
    comment: String,
    requirements: Cited,
    result: Verdict,
    /// The rule that is broken.
    reason: &'static str,
    /// The case whose message is replaced.
    base: u32,
    /// Which message is replaced.
    message: Step,
    /// What arrives instead, on the wire with its final 00, in hexadecimal.
    frame: String,
    /// The code of the plain alert that answers; null: dropped.
    alert: Option<u8>,
    /// The frame of that alert, on the wire with its final 00; null: dropped.
    answer: Option<String>,
    mutation: Option<Mutation>,
}

/// Comment, reason, alert, and the body.
type Row = (&'static str, &'static str, Option<u8>, Vec<u8>);

const CANONICAL: &str = "not canonical";
const SIZE: &str = "size or magic";
const SIGNATURE: &str = "signature does not verify";
const NOT_OPEN: &str = "does not open";
const SHARE: &str = "key share is unusable";
const ASCEND: &str = "extension ids do not ascend";

/// All refusals; they replace messages of case 1.
pub(crate) fn all(schema: &Schema, his: &Party, pos: &Party, run: &Exchange) -> Result<Vec<Refusal>, String> {
    let rows = [
        (Step::M1, first_messages(his, run)),
        (Step::M2, second_messages(his, pos, run)?),
        (Step::M3, third_messages(his, pos, run)?),
    ];
    let rows = rows.into_iter().flat_map(|(step, rows)| rows.into_iter().map(move |row| (step, row)));
    let by_hand = rows.map(|(step, (comment, reason, alert, body))| Replaced {
        step,
        field: reason.to_owned(),
        kind: comment.to_owned(),
        reason,
        alert,
        body,
    });
    let replaced = by_hand
        .chain(more_refusals::more(his, run))
        .chain(systematically(schema, run)?)
        .chain(more_refusals::later(his, pos, run)?);
    (101..).zip(replaced).map(|(tc_id, replaced)| refusal(tc_id, replaced)).collect()
}

/// Every field of HisHello and Auth with every kind of mutation.
fn systematically(schema: &Schema, run: &Exchange) -> Result<Vec<Replaced>, String> {
    let mut replaced = Vec::new();
    for made in systematic::of(schema, "HisHello")?.into_iter().filter(|made| made.step != 0) {
        let body = [b"hsp1", made.bytes.as_slice()].concat();
        let (field, kind) = (made.field, made.kind.to_owned());
        replaced.push(Replaced { step: Step::M1, field, kind, reason: CANONICAL, alert: Some(50), body });
    }
    for made in systematic::of(schema, "Auth")?.into_iter().filter(|made| made.step != 0) {
        for (step, body) in [(Step::M2, run.m2_with(&made.bytes)), (Step::M3, run.m3_with(&made.bytes))] {
            let (field, kind) = (made.field.clone(), made.kind.to_owned());
            replaced.push(Replaced { step, field, kind, reason: CANONICAL, alert: Some(40), body });
        }
    }
    Ok(replaced)
}

fn refusal(tc_id: u32, replaced: Replaced) -> Result<Refusal, String> {
    let Replaced { step, field, kind: comment, reason, alert, body } = replaced;
    let kind = match step {
        Step::M1 => FrameType::M1,
        Step::M2 => FrameType::M2,
        Step::M3 => FrameType::M3,
    };
    let framed = |kind, body: &[u8]| encode(kind, body).map_err(|_| "body too long".to_owned());
    let frame = framed(kind, &body)?;
    let answer = match alert {
        Some(code) => {
            let body = [&[code], frame.checksum.to_be_bytes().as_slice()].concat();
            Some(hex(&framed(FrameType::PlainAlert, &body)?.bytes))
        }
        None => None,
    };
    let message = match step {
        Step::M1 => "M1",
        Step::M2 => "M2",
        Step::M3 => "M3",
    };
    Ok(Refusal {
        tc_id,
        requirements: cited(&format!(
            "{} {}",
            rule(step, reason, alert),
            also(step, reason, alert, &comment)
        )),
        mutation: Mutation::of(Verdict::Invalid, message, &field, &comment),
        comment,
        result: Verdict::Invalid,
        reason,
        base: 1,
        message: step,
        frame: hex(&frame.bytes),
        alert,
        answer,
    })
}

/// What a refusal shows beside its own requirement.
fn also(step: Step, reason: &str, alert: Option<u8>, comment: &str) -> &'static str {
    match (step, alert) {
        (Step::M2, Some(40)) if reason == NOT_REGISTERED && comment.contains("id ") => "KEX-46 KEX-58",
        (Step::M2, Some(40)) => "KEX-46",
        (Step::M3, Some(40)) => "KEX-53",
        _ => "",
    }
}

/// The requirement that a refusal shows.
fn rule(step: Step, reason: &str, alert: Option<u8>) -> &'static str {
    match (step, reason) {
        (Step::M1, SIZE | CANONICAL) => "KEX-26",
        (Step::M1, "group twice" | ASCEND) => "KEX-27",
        (Step::M1, "agreement is not held") => "KEX-29",
        (Step::M1, "no common version") => "KEX-30",
        (Step::M1, "no common suite") => "KEX-31",
        (Step::M1, SHARE) => "KEX-34",
        (Step::M1, "busy") => "KEX-25",
        (Step::M1, _) => "KEX-33",
        (Step::M2, CANONICAL) if alert.is_none() => "KEX-41",
        (Step::M2, "size") => "KEX-41",
        (Step::M2, "not offered" | ASCEND) => "KEX-42",
        (Step::M2, SHARE) => "KEX-43",
        (Step::M2, NOT_OPEN) => "KEX-44",
        (Step::M3, "size") => "KEX-49",
        (Step::M3, "no candidate") => "KEX-51",
        (Step::M3, NOT_OPEN) => "KEX-52",
        (_, CANONICAL) => "KEX-55 KEX-61",
        (_, NOT_REGISTERED) => "KEX-56 KEX-61",
        (_, "own id or key") => "KEX-57 KEX-61",
        (_, SIGNATURE) => "KEX-59 KEX-61",
        (_, CONFIRM) => "KEX-60 KEX-61",
        _ => "",
    }
}

/// What the POS gets in place of M1.
fn first_messages(his: &Party, run: &Exchange) -> Vec<Row> {
    let share = || his.shares();
    let m1 = |his: &Party| exchange::m1(his, AGREEMENT, &share());
    let shared = |shares: &[(u32, Vec<u8>)]| exchange::m1(his, AGREEMENT, shares);
    let mut magic = run.m1.clone();
    if let Some(byte) = magic.get_mut(3) {
        *byte = b'2';
    }
    let unknown_field = [run.m1.as_slice(), &[0x80, 0x01, 0x01]].concat();
    let ids =
        |ids: &[u32]| Party { extensions: ids.iter().map(|id| (*id, Vec::new())).collect(), ..his.clone() };
    let twice = [share(), share()].concat();
    let (other_group, short) = (vec![(2, vec![4; 65])], vec![(1, vec![9; 31])]);
    let order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    let order_8 = crate::hex::bytes(order_8).unwrap_or_default();
    vec![
        ("magic of another protocol", SIZE, Some(50), magic),
        (
            "a body of 1,537 bytes",
            SIZE,
            Some(50),
            [run.m1.as_slice(), &[0x7A; 1537]].concat().into_iter().take(1537).collect(),
        ),
        ("an unknown field", CANONICAL, Some(50), unknown_field),
        ("the same group twice", "group twice", Some(50), shared(&twice)),
        ("extension ids that fall", ASCEND, Some(50), m1(&ids(&[2, 1]))),
        ("the same extension twice", ASCEND, Some(50), m1(&ids(&[3, 3]))),
        ("another agreement", "agreement is not held", Some(72), exchange::m1(his, b"another", &share())),
        (
            "another agreement and no common version: the agreement comes first",
            "agreement is not held",
            Some(72),
            exchange::m1(&Party { versions: vec![2], ..his.clone() }, b"another", &share()),
        ),
        ("version 2 alone", "no common version", Some(70), m1(&Party { versions: vec![2], ..his.clone() })),
        (
            "version 2 alone and no common suite: the version comes first",
            "no common version",
            Some(70),
            m1(&Party { versions: vec![2], suites: vec![2], ..his.clone() }),
        ),
        ("suite 2 alone", "no common suite", Some(71), m1(&Party { suites: vec![2], ..his.clone() })),
        ("a share of another group alone", "no share for an allowed suite", Some(47), shared(&other_group)),
        ("a share of 31 bytes", SHARE, Some(47), shared(&short)),
        ("the share 0: the shared secret is zero", SHARE, Some(47), shared(&[(1, vec![0; 32])])),
        ("a share of order 8: the shared secret is zero", SHARE, Some(47), shared(&[(1, order_8)])),
    ]
}

/// What HIS gets in place of M2.
fn second_messages(his: &Party, pos: &Party, run: &Exchange) -> Result<Vec<Row>, String> {
    let as_pos = |party: &Party| exchange::run(his, party, AGREEMENT, (1, 1)).map(|run| run.m2);
    let impostor = Party { signing_seed: [7; 32], ..pos.clone() };
    let renamed = Party { id: "POS-OTHER", ..pos.clone() };
    let mirror = Party { id: his.id, signing_seed: his.signing_seed, ..pos.clone() };
    let own_key = Party { signing_seed: his.signing_seed, ..pos.clone() };
    let own_id = Party { id: his.id, ..pos.clone() };
    let proof = || run.pos.clone();
    let mut signature = proof();
    signature.signature[40] ^= 1;
    let mut malleable = proof();
    malleable.signature = plus_group_order(malleable.signature);
    let mut confirm = proof();
    confirm.confirm[31] ^= 1;
    let unsealed = run.hello.as_slice();
    let with_choice = |choice| exchange::run(his, pos, AGREEMENT, choice).map(|run| run.m2);
    let share = |share: &[u8]| exchange::reply(&exchange::hello(pos, (1, 1), share), &[1; 180]);
    let falling = Party { extensions: vec![(2, vec![]), (1, vec![])], ..pos.clone() };
    let mut rows = vec![
        ("PosReply without sealed", CANONICAL, None, content(1, unsealed)),
        ("PosHello with an unknown field", CANONICAL, None, hello_with(run, &number(9, 1))),
        ("extension ids that fall", ASCEND, None, as_pos(&falling)?),
        ("version 2, which was not offered", "not offered", None, with_choice((2, 1))?),
        ("suite 2, which was not offered", "not offered", None, with_choice((1, 2))?),
        ("a share of 33 bytes", SHARE, None, share(&[9; 33])),
        ("the share 0: the shared secret is zero", SHARE, None, share(&[0; 32])),
        ("sealed under another transcript", NOT_OPEN, None, hello_with(run, &content(15, &number(1, 1)))),
        ("a body of 1,537 bytes", "size", None, exchange::reply(&[0x0A; 1400], &[1; 131])),
        ("a bit of the ciphertext flipped", NOT_OPEN, None, flip_last(&run.m2, 20)),
        ("a bit of the tag flipped", NOT_OPEN, None, flip_last(&run.m2, 1)),
        ("Auth without confirm", CANONICAL, Some(40), run.m2_with(&content(1, &run.pos.identity))),
    ];
    let mut spaced = proof();
    spaced.identity = [content(1, b"POS DEV"), content(2, &pos.public_key())].concat();
    rows.extend([
        ("Identity with a space", CANONICAL, Some(40), run.m2_with(&spaced.auth())),
        (
            "another device's key, which signs and confirms rightly",
            NOT_REGISTERED,
            Some(40),
            as_pos(&impostor)?,
        ),
        ("another device's id with the right key", NOT_REGISTERED, Some(40), as_pos(&renamed)?),
        ("the own id and key, which sign and confirm rightly", "own id or key", Some(40), as_pos(&mirror)?),
        ("the own key under the peer's id", "own id or key", Some(40), as_pos(&own_key)?),
        ("the own id with the peer's key", "own id or key", Some(40), as_pos(&own_id)?),
        ("a signature with a bit flipped", SIGNATURE, Some(40), run.m2_with(&signature.auth())),
        (
            "a signature whose S is raised by the group order",
            SIGNATURE,
            Some(40),
            run.m2_with(&malleable.auth()),
        ),
        ("a confirmation with a bit flipped", CONFIRM, Some(40), run.m2_with(&confirm.auth())),
    ]);
    Ok(rows)
}

/// What the POS gets in place of M3.
fn third_messages(his: &Party, pos: &Party, run: &Exchange) -> Result<Vec<Row>, String> {
    let as_his = |party: &Party| proof_of_his(party, pos, run);
    let impostor = Party { signing_seed: [7; 32], ..his.clone() };
    let mirror = Party { id: pos.id, signing_seed: pos.signing_seed, ..his.clone() };
    let mut signature = run.his.clone();
    signature.signature[40] ^= 1;
    let mut confirm = run.his.clone();
    confirm.confirm[0] ^= 0x80;
    let mut swapped = run.his.clone();
    swapped.signature = run.pos.signature;
    Ok(vec![
        ("a bit of the ciphertext flipped", NOT_OPEN, None, flip_last(&run.m3, 20)),
        ("a bit of the tag flipped", NOT_OPEN, None, flip_last(&run.m3, 1)),
        ("cut off within the tag", NOT_OPEN, None, run.m3.iter().copied().take(run.m3.len() - 1).collect()),
        ("an empty body", NOT_OPEN, None, Vec::new()),
        ("a body of 513 bytes", "size", None, vec![0x11; 513]),
        (
            "the sealed part of M2, sent back",
            NOT_OPEN,
            None,
            run.m2.iter().copied().skip(run.m2.len() - 180).collect(),
        ),
        (
            "Auth with a field twice",
            CANONICAL,
            Some(40),
            run.m3_with(&[run.his.auth(), run.his.auth()].concat()),
        ),
        (
            "another terminal's key, which signs and confirms rightly",
            NOT_REGISTERED,
            Some(40),
            as_his(&impostor)?,
        ),
        ("the own id and key, which sign and confirm rightly", "own id or key", Some(40), as_his(&mirror)?),
        ("a signature with a bit flipped", SIGNATURE, Some(40), run.m3_with(&signature.auth())),
        ("the signature of the POS", SIGNATURE, Some(40), run.m3_with(&swapped.auth())),
        ("a confirmation with a bit flipped", CONFIRM, Some(40), run.m3_with(&confirm.auth())),
    ])
}

/// M3 of another party in the same exchange: the draws of HIS decide its keys, not its identity.
fn proof_of_his(party: &Party, pos: &Party, run: &Exchange) -> Result<Vec<u8>, String> {
    let other = exchange::run(party, pos, AGREEMENT, (1, 1))?;
    if other.m1 == run.m1 && other.m2 == run.m2 { Ok(other.m3) } else { Err("another exchange".to_owned()) }
}

/// M2 with more behind its PosHello, its sealed part unchanged.
fn hello_with(run: &Exchange, more: &[u8]) -> Vec<u8> {
    let hello = [run.hello.as_slice(), more].concat();
    let sealed = run.m2.get(run.hello.len() + 5..).unwrap_or_default();
    exchange::reply(&hello, sealed)
}

/// A message with the lowest bit of its nth last byte flipped.
fn flip_last(body: &[u8], nth: usize) -> Vec<u8> {
    let mut body = body.to_vec();
    let at = body.len().wrapping_sub(nth);
    if let Some(byte) = body.get_mut(at) {
        *byte ^= 1;
    }
    body
}

/// The other S that the equation holds for.
pub(crate) fn plus_group_order(signature: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut out = signature;
    let mut carry = 0;
    for (byte, order) in out.iter_mut().skip(32).zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xFF) as u8;
        carry = sum >> 8;
    }
    out
}
