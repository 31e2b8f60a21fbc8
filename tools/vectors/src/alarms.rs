//! Conversations about attempts that go wrong: alerts, waits and repeats.

use hispos::frame::{Decoder, FrameType, Side as Receiver};

use crate::example::platform;
use crate::lines::{losing, sent};
use crate::pair::{End, Pair};
use crate::shows::{HIS_UP, POS_UP, Story, story};
use crate::streams::encode;

pub(crate) const ALWAYS: usize = usize::MAX;
/// What a HIS shows when it has sent M1.
const M1_OUT: &str = "FRM-9 FRM-11 FRM-14 FRM-29 KEX-3 KEX-4 KEX-10 KEX-11 KEX-12 ENC-3";

pub(crate) const STORIES: &[Story] = &[
    story("M1 is answered by alert 47", &[M1_OUT, "REC-33 KEX-5 KEX-83"], &[], refused::<47>),
    story("M1 is answered by alert 50", &[M1_OUT, "REC-33 KEX-5 KEX-83"], &[], refused::<50>),
    story("M1 is answered by alert 70", &[M1_OUT, "REC-33 KEX-5 KEX-83"], &[], refused::<70>),
    story("M1 is answered by alert 71", &[M1_OUT, "REC-33 KEX-5 KEX-83"], &[], refused::<71>),
    story("M1 is answered by alert 72", &[M1_OUT, "REC-34 REC-35 KEX-5"], &[], refused::<72>),
    story("M1 is answered by alert 91", &[M1_OUT, "REC-37 KEX-5 KEX-72"], &[], refused::<91>),
    story("M1 is answered by alert 40", &[M1_OUT, "REC-41 KEX-72"], &[], refused::<40>),
    story("M1 is answered by alert 92", &[M1_OUT, "REC-41 KEX-72"], &[], refused::<92>),
    story("M1 is answered by alert 93", &[M1_OUT, "REC-41 KEX-72"], &[], refused::<93>),
    story("M1 is answered by alert 99", &[M1_OUT, "REC-29 KEX-72"], &[], refused::<99>),
    story("M1 is answered by alert 20, which is none of a stream", &[M1_OUT, "REC-29"], &[], refused::<20>),
    story(
        "a repeated M1 is answered by alert 72",
        &[M1_OUT, "REC-34 REC-35 KEX-72"],
        &[],
        refused_late::<72>,
    ),
    story("a repeated M1 is answered by alert 91", &[M1_OUT, "REC-37 KEX-72"], &[], refused_late::<91>),
    story("every M1 is answered by alert 72", &[M1_OUT, "REC-34 REC-35 KEX-5"], &[], refused_again),
    story("an alert for no M1 comes", &[M1_OUT, "REC-31 KEX-72"], &[], other_ref::<50>),
    story("an alert 72 for no M1 comes", &[M1_OUT, "REC-31 KEX-72"], &[], other_ref::<72>),
    story("an alert 91 for no M1 comes", &[M1_OUT, "REC-31 KEX-72"], &[], other_ref::<91>),
    story("an alert of four bytes comes", &[M1_OUT, "REC-29 KEX-72"], &[], cut_alert),
    story("nobody answers M1", &[M1_OUT, "KEX-8 KEX-72 KEX-73"], &[], alone),
    story("no M2 arrives", &[M1_OUT, "KEX-72 KEX-73"], &["KEX-28"], lost_m2::<ALWAYS>),
    story("the first M2 is lost", &[HIS_UP, "KEX-72"], &[POS_UP, "KEX-28"], lost_m2::<1>),
    story("the first two M2 are lost", &[HIS_UP, "KEX-72"], &[POS_UP, "KEX-28"], lost_m2::<2>),
    story("no M3 arrives", &[M1_OUT, "KEX-22 KEX-48 KEX-67 KEX-74 KEX-75 KEX-76 KEX-8"], &[], no_m3),
    story(
        "no SessionReady arrives",
        &[M1_OUT, "KEX-22 KEX-67 KEX-74 KEX-75 KEX-76"],
        &["KEX-50 KEX-63"],
        no_ready,
    ),
    story("M3 is answered by alert 40", &[M1_OUT, "REC-32 KEX-81"], &[], m3_refused::<40, 500>),
    story("M3 is answered by alert 93", &[M1_OUT, "KEX-78 REC-39 REC-40"], &[], m3_refused::<93, 500>),
    story("M3 is answered by alert 50", &[M1_OUT, "REC-41 KEX-74 KEX-75"], &[], m3_refused::<50, 500>),
    story(
        "three M3 are answered by alert 40",
        &[M1_OUT, "REC-32 KEX-81 KEX-83"],
        &[],
        m3_refused_again::<40>,
    ),
    story(
        "three M3 are answered by alert 93",
        &[M1_OUT, "KEX-78 REC-39 REC-40 KEX-81"],
        &[],
        m3_refused_again::<93>,
    ),
    story("an accepted M2 comes again", &[M1_OUT, "KEX-39 KEX-74"], &[], m2_again::<100>),
    story("an accepted M2 comes again after a second", &[M1_OUT, "KEX-39 KEX-74"], &[], m2_again::<1_100>),
    story(
        "an accepted M2 comes again after five seconds",
        &[M1_OUT, "KEX-39 KEX-74"],
        &[],
        m2_again::<5_100>,
    ),
];

pub(crate) fn lone(end: End) -> Result<Pair, String> {
    let mut pair = Pair::new(platform, Box::new(|_, _| true))?;
    pair.start(end)?;
    Ok(pair)
}

/// Frame type, body and checksum of one frame.
pub(crate) fn read(end: End, mut wire: &[u8]) -> Result<(FrameType, Vec<u8>, [u8; 4]), String> {
    let mut decoder = Decoder::new(if end == End::His { Receiver::Pos } else { Receiver::His });
    let frame = decoder.next_frame(&mut wire).ok_or("no frame")?.map_err(|_| "a drop")?;
    Ok((frame.kind, frame.body.to_vec(), frame.checksum.to_be_bytes()))
}

pub(crate) fn last(pair: &Pair, end: End, kind: FrameType) -> Result<Vec<u8>, String> {
    sent(pair, end, kind).into_iter().next_back().ok_or_else(|| "nothing was sent".to_owned())
}

/// HIS gets a plain alert for its latest frame of this type.
pub(crate) fn alerted(pair: &mut Pair, code: u8, kind: FrameType) -> Result<(), String> {
    let (_, _, checksum) = read(End::His, &last(pair, End::His, kind)?)?;
    alert(pair, End::His, &[&[code], checksum.as_slice()].concat())
}

pub(crate) fn alert(pair: &mut Pair, end: End, body: &[u8]) -> Result<(), String> {
    let wire = encode(FrameType::PlainAlert, body)?;
    pair.inject(end, &wire);
    Ok(())
}

fn refused<const CODE: u8>() -> Result<Pair, String> {
    let mut pair = lone(End::His)?;
    pair.pass(500);
    alerted(&mut pair, CODE, FrameType::M1)?;
    pair.pass(40_000);
    Ok(pair)
}

fn refused_late<const CODE: u8>() -> Result<Pair, String> {
    let mut pair = lone(End::His)?;
    pair.pass(3_500);
    alerted(&mut pair, CODE, FrameType::M1)?;
    pair.pass(40_000);
    Ok(pair)
}

fn refused_again() -> Result<Pair, String> {
    let mut pair = lone(End::His)?;
    for _ in 0..3 {
        pair.pass(500);
        alerted(&mut pair, 72, FrameType::M1)?;
        pair.pass(30_000);
    }
    Ok(pair)
}

fn other_ref<const CODE: u8>() -> Result<Pair, String> {
    let mut pair = lone(End::His)?;
    pair.pass(500);
    alert(&mut pair, End::His, &[CODE, 1, 2, 3, 4])?;
    pair.pass(8_000);
    Ok(pair)
}

fn cut_alert() -> Result<Pair, String> {
    let mut pair = lone(End::His)?;
    pair.pass(500);
    let (_, _, [first, second, third, _]) = read(End::His, &last(&pair, End::His, FrameType::M1)?)?;
    alert(&mut pair, End::His, &[50, first, second, third])?;
    pair.pass(8_000);
    Ok(pair)
}

fn alone() -> Result<Pair, String> {
    let mut pair = lone(End::His)?;
    pair.pass(65_000);
    Ok(pair)
}

fn lost_m2<const LOST: usize>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M2, 0, LOST)?;
    pair.pass(if LOST == ALWAYS { 40_000 } else { 6_000 });
    Ok(pair)
}

fn no_m3() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    pair.pass(40_000);
    Ok(pair)
}

fn no_ready() -> Result<Pair, String> {
    let mut pair = losing(FrameType::PosRecord, 0, ALWAYS)?;
    pair.pass(40_000);
    Ok(pair)
}

pub(crate) fn m3_refused<const CODE: u8, const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    pair.pass(AFTER);
    alerted(&mut pair, CODE, FrameType::M3)?;
    pair.pass(12_000);
    Ok(pair)
}

fn m3_refused_again<const CODE: u8>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    for wait in [5_400, 10_400, 20_400] {
        pair.pass(500);
        alerted(&mut pair, CODE, FrameType::M3)?;
        pair.pass(wait);
    }
    Ok(pair)
}

fn m2_again<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    pair.pass(100 + AFTER);
    let m2 = last(&pair, End::Pos, FrameType::M2)?;
    pair.inject(End::His, &m2);
    pair.pass(3_000);
    Ok(pair)
}
