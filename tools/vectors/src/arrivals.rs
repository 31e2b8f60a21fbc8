//! Conversations about what comes when it should not: old messages, floods, and records that do not open.

use hispos::crypto::ed25519_sign;
use hispos::frame::FrameType;

use crate::alarms::{ALWAYS, alert, alerted, last, lone, read};
use crate::example::parties;
use crate::exchange::{self, content, number};
use crate::lines::{calm, losing};
use crate::pair::{End, Pair};
use crate::scene::{Scene, Stage};
use crate::shows::{HIS_UP, POS_UP, Story, story};
use crate::site::{DEVICE, seed};
use crate::streams::encode;

pub(crate) const STORIES: &[Story] = &[
    story("M3 comes again at once", &[], &[POS_UP, "KEX-50 KEX-63 KEX-64"], m3_again::<100>),
    story("M3 comes again just within the half second", &[], &[POS_UP, "KEX-63 KEX-64"], m3_again::<400>),
    story("M3 comes again after half a second", &[], &[POS_UP, "KEX-50 KEX-63 KEX-64"], m3_again::<600>),
    story(
        "M3 comes when the candidate has lived long enough",
        &[],
        &["KEX-37 KEX-51 REC-26"],
        late_m3::<36_000>,
    ),
    story("M3 comes when the candidate has just ended", &[], &["KEX-37 KEX-51"], late_m3::<35_100>),
    story("M3 comes just before the candidate ends", &[], &["KEX-37 KEX-54 KEX-62"], late_m3::<34_900>),
    story("an M3 comes to a POS that has made no candidate", &[], &["KEX-51 REC-26"], stray_m3),
    story("five M1 come within ten seconds", &[], &["KEX-32 KEX-35 FRM-31"], many_m1::<1_000>),
    story("eight M1 come at once", &[], &["KEX-32 KEX-35 FRM-31"], many_m1::<10>),
    story("eight M1 come in twenty seconds", &[], &["KEX-32 KEX-35"], many_m1::<2_300>),
    story("three M1 that cannot be read come", &[], &["REC-26 REC-27"], bad_m1::<700>),
    story("three M1 that cannot be read come at once", &[], &["REC-26 REC-27"], bad_m1::<10>),
    story("three M1 that cannot be read come slowly", &[], &["REC-26 REC-27"], bad_m1::<1_000>),
    story(
        "records come to a POS without a session",
        &[],
        &["REC-12 REC-13 REC-26 REC-28"],
        stray_records::<700>,
    ),
    story(
        "records come at once to a POS without a session",
        &[],
        &["REC-12 REC-13 REC-28"],
        stray_records::<10>,
    ),
    story(
        "records come slowly to a POS without a session",
        &[],
        &["REC-12 REC-13 REC-28"],
        stray_records::<1_000>,
    ),
    story("a plain alert 40 comes to a POS", &[], &[POS_UP, "REC-30"], alert_at_pos::<40>),
    story("a plain alert 92 comes to a POS", &[], &[POS_UP, "REC-30"], alert_at_pos::<92>),
    story("a plain alert 72 comes to a POS", &[], &[POS_UP, "REC-30"], alert_at_pos::<72>),
    story(
        "a plain alert 92 comes to a HIS in a session",
        &[HIS_UP, "REC-38 KEX-68 KEX-69 KEX-77"],
        &[],
        no_session::<9_000>,
    ),
    story(
        "a plain alert 92 comes at the end of the gap",
        &[HIS_UP, "REC-38 KEX-68 KEX-69"],
        &[],
        no_session::<5_200>,
    ),
    story(
        "a plain alert 92 comes right after the switch",
        &[HIS_UP, "REC-38 REC-41"],
        &[],
        no_session::<1_000>,
    ),
    story("a plain alert 50 comes to a HIS in a session", &[HIS_UP, "REC-31 REC-41"], &[], other_alert::<50>),
    story("a plain alert 93 comes to a HIS in a session", &[HIS_UP, "REC-31 REC-41"], &[], other_alert::<93>),
    story(
        "the line of the HIS opens again",
        &[HIS_UP, "FRM-33 KEX-77"],
        &[POS_UP],
        reopened::<2_000, true, false>,
    ),
    story(
        "the line of the HIS opens again soon",
        &[HIS_UP, "FRM-33"],
        &[POS_UP],
        reopened::<6_000, true, false>,
    ),
    story(
        "the line opens again at both ends",
        &[HIS_UP, "FRM-33"],
        &[POS_UP, "FRM-33"],
        reopened::<7_000, true, true>,
    ),
    story(
        "the line of the POS opens again",
        &[HIS_UP, "REC-38"],
        &[POS_UP, "FRM-33 REC-12 REC-13"],
        reopened::<8_000, false, true>,
    ),
    story(
        "eight records in a row do not open at HIS",
        &[HIS_UP, "REC-16 REC-18 REC-19 REC-24 FRM-31 FRM-34"],
        &[],
        forged::<31_000, true>,
    ),
    story(
        "eight records do not open in the first half minute",
        &[],
        &[POS_UP, "REC-16 REC-18 REC-19 FRM-34"],
        forged::<3_000, false>,
    ),
    story(
        "eight records do not open at HIS in the first half minute",
        &[HIS_UP, "REC-16 REC-18 REC-19 FRM-34"],
        &[],
        forged::<3_000, true>,
    ),
    story("nine requests wait for the journal", &[], &["MSG-19 REC-24"], flood_of_queries),
    story("nine questions for the list wait for the journal", &[], &["MSG-19 REC-24"], flood_of_lists),
    story("nine reports wait for the ledger", &["MSG-19 REC-24"], &[], flood_of_reports),
];

fn m3_again<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(30 + AFTER);
    let m3 = last(&pair, End::His, FrameType::M3)?;
    pair.inject(End::Pos, &m3);
    pair.pass(1_000);
    pair.inject(End::Pos, &m3);
    pair.pass(1_000);
    Ok(pair)
}

/// HIS dies with its M3 on the way, which arrives this long after M1.
fn late_m3<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    pair.pass(100);
    let m3 = last(&pair, End::His, FrameType::M3)?;
    pair.kill(End::His);
    pair.pass(AFTER - 90);
    pair.inject(End::Pos, &m3);
    pair.pass(500);
    Ok(pair)
}

fn stray_m3() -> Result<Pair, String> {
    let mut pair = lone(End::Pos)?;
    pair.pass(1_000);
    for length in [180_u8, 182, 184] {
        let wire = encode(FrameType::M3, &vec![length; usize::from(length)])?;
        pair.inject(End::Pos, &wire);
        pair.pass(1_200);
    }
    Ok(pair)
}

/// Eight different M1, this far apart.
fn many_m1<const APART: u64>() -> Result<Pair, String> {
    let (mut his, _) = parties(&crate::example::lived()?)?;
    let mut pair = lone(End::Pos)?;
    pair.pass(1_000);
    for number in 0..8_u8 {
        his.nonce = [number; 16];
        let m1 = exchange::m1(&his, pair.site().agreement.payload(), &his.shares());
        let wire = encode(FrameType::M1, &m1)?;
        pair.inject(End::Pos, &wire);
        pair.pass(APART);
    }
    Ok(pair)
}

fn bad_m1<const APART: u64>() -> Result<Pair, String> {
    let mut pair = lone(End::Pos)?;
    pair.pass(1_000);
    for body in [b"hsp1".as_slice(), b"hsp1\x07", b"hsp1\x0A\x00"] {
        let wire = encode(FrameType::M1, body)?;
        pair.inject(End::Pos, &wire);
        pair.pass(APART);
    }
    Ok(pair)
}

fn stray_records<const APART: u64>() -> Result<Pair, String> {
    let mut pair = lone(End::Pos)?;
    pair.pass(1_000);
    for number in 1..4_u8 {
        let wire = encode(FrameType::HisRecord, &[number; 30])?;
        pair.inject(End::Pos, &wire);
        pair.pass(APART);
    }
    Ok(pair)
}

fn alert_at_pos<const CODE: u8>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(2_000);
    let (_, _, checksum) = read(End::Pos, &last(&pair, End::Pos, FrameType::M2)?)?;
    alert(&mut pair, End::Pos, &[&[CODE], checksum.as_slice()].concat())?;
    pair.pass(11_000);
    Ok(pair)
}

fn no_session<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(AFTER);
    alert(&mut pair, End::His, &[92, 1, 2, 3, 4])?;
    pair.pass(3_000);
    Ok(pair)
}

fn other_alert<const CODE: u8>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(9_000);
    alerted(&mut pair, CODE, FrameType::M1)?;
    pair.pass(3_000);
    Ok(pair)
}

fn reopened<const AFTER: u64, const HIS: bool, const POS: bool>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(AFTER);
    if POS {
        pair.reopen(End::Pos);
    }
    if HIS {
        pair.reopen(End::His);
    }
    pair.pass(12_000);
    Ok(pair)
}

/// Nine records under counters to come that are not sealed with the session's keys, this long after the start.
pub(crate) fn forged<const AFTER: u64, const AT_HIS: bool>() -> Result<Pair, String> {
    let (sender, receiver, kind) = match AT_HIS {
        true => (End::Pos, End::His, FrameType::PosRecord),
        false => (End::His, End::Pos, FrameType::HisRecord),
    };
    let mut pair = calm()?;
    pair.pass(AFTER);
    let (_, body, _) = read(sender, &last(&pair, sender, kind)?)?;
    for counter in 100..109_u32 {
        let header = [body.get(..1).unwrap_or_default(), &counter.to_be_bytes()].concat();
        let wire = encode(kind, &[header.as_slice(), body.get(5..).unwrap_or_default()].concat())?;
        pair.inject(receiver, &wire);
        pair.pass(100);
    }
    pair.pass(3_000);
    Ok(pair)
}

/// Nine requests come in a session whose receiver's book does not answer.
fn flood(receiver: End, plaintext: fn(u8) -> Vec<u8>) -> Result<Pair, String> {
    let mut scene = Scene::open(Stage::Synced)?;
    scene.pair.hold(receiver);
    for call in 101..110_u8 {
        scene.give(receiver, &plaintext(call))?;
        scene.pair.pass(100);
    }
    Ok(scene.pair)
}

fn flood_of_queries() -> Result<Pair, String> {
    flood(End::Pos, |call| vec![0x08, call, 0x52, 0x04, 0x0A, 0x02, b'B', b'1'])
}

fn flood_of_lists() -> Result<Pair, String> {
    flood(End::Pos, |call| vec![0x08, call, 0x9A, 0x01, 0x00])
}

/// The report of a result about an order that nobody knows, signed by the device.
fn report(call: u8) -> Vec<u8> {
    let result = [
        content(1, &[call; 32]),
        content(2, b"B9"),
        content(3, DEVICE.as_bytes()),
        number(4, 2),
        number(5, 200),
        number(6, 2),
    ]
    .concat();
    let signature = ed25519_sign(&seed("device"), b"hispos/1 result", &result);
    let report = [content(1, &result), content(2, &signature)].concat();
    [number(1, call.into()), content(14, &report)].concat()
}

fn flood_of_reports() -> Result<Pair, String> {
    flood(End::His, report)
}
