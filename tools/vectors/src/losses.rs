//! Conversations about requests and orders that are lost, repeated, replaced and taken up again.

use std::cell::Cell;
use std::rc::Rc;

use hispos::frame::FrameType;
use hispos::platform::Channel;

use crate::alarms::{ALWAYS, last, lone, m3_refused};
use crate::arrivals::forged;
use crate::example::{parties, platform};
use crate::exchange;
use crate::lines::{calm, losing, paid, started, waiting};
use crate::pair::{End, Pair};
use crate::scene::{Scene, Stage};
use crate::shows::{HIS_MADE, HIS_PAID, HIS_UP, POS_PAID, POS_TAKEN, POS_UNPAID, POS_UP, Story, story};
use crate::site::DAY;
use crate::streams::encode;

const REPEATED: &str = "MSG-7 MSG-8 MSG-20";
const REPORTED: &str = "ORD-35 ORD-46 ORD-146 ORD-147 ORD-149 MSG-7";

pub(crate) const STORIES: &[Story] = &[
    story("no record of HIS arrives", &[HIS_UP, REPEATED], &["KEX-62"], lost_requests::<0, ALWAYS>),
    story("the first three records of HIS are lost", &[HIS_UP, REPEATED], &[POS_UP], lost_requests::<0, 3>),
    story("four records of HIS behind Sync are lost", &[HIS_UP, REPEATED], &[POS_UP], lost_requests::<1, 4>),
    story(
        "the order is lost, and the POS starts again",
        &[HIS_UP, HIS_MADE, "ORD-68 ORD-70 ORD-71 ORD-94 ORD-180 MSG-14"],
        &[POS_UP, "ORD-56"],
        lost_and_restarted::<3_000>,
    ),
    story(
        "the order is lost, and the POS starts again soon",
        &[HIS_UP, HIS_MADE, "ORD-68 ORD-70 ORD-71 ORD-94 ORD-180 MSG-14"],
        &[POS_UP, "ORD-56"],
        lost_and_restarted::<500>,
    ),
    story(
        "the order is lost, and the POS starts again later",
        &[HIS_UP, HIS_MADE, "ORD-68 ORD-70 ORD-71 ORD-94 ORD-180 MSG-14"],
        &[POS_UP, "ORD-56"],
        lost_and_restarted::<8_000>,
    ),
    story(
        "the first report is lost",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, REPORTED],
        lost_reports::<1>,
    ),
    story(
        "the first five reports are lost",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, REPORTED],
        lost_reports::<5>,
    ),
    story(
        "the POS starts again after a while of waiting",
        &[HIS_UP, HIS_MADE, "ORD-228"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "BOK-24 ORD-56 ORD-58 ORD-59 ORD-109 ORD-110 ORD-145"],
        restarted_pos::<12_000>,
    ),
    story(
        "the POS starts again at once",
        &[HIS_UP, HIS_MADE],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "BOK-24 ORD-56 ORD-58 ORD-59 ORD-109 ORD-110 ORD-145"],
        restarted_pos::<50>,
    ),
    story(
        "HIS starts again after a while of waiting",
        &[HIS_UP, HIS_MADE, "ORD-71 ORD-156 ORD-182 ORD-228"],
        &[POS_UP, POS_TAKEN, "ORD-97 ORD-98"],
        restarted_his::<12_000, false>,
    ),
    story(
        "HIS starts again while a payment is unreported",
        &[HIS_UP, HIS_MADE, "ORD-71 ORD-182 ORD-228"],
        &[POS_UP, POS_TAKEN],
        restarted_his::<100, true>,
    ),
    story("the journal cannot be written when Sync comes", &[], &["KEX-25 ORD-10 ORD-12"], busy_at_sync),
    story(
        "the journal cannot be written when a code is shown",
        &[],
        &[POS_UP, POS_TAKEN, "KEX-25 ORD-10 ORD-12"],
        busy_at_scan,
    ),
    story("another M1 comes between M2 and M3", &[], &["KEX-35 KEX-36"], replaced::<1>),
    story("two other M1 come between M2 and M3", &[], &["KEX-35 KEX-36"], replaced::<2>),
    story("three other M1 come between M2 and M3", &[], &["KEX-35 KEX-36"], replaced::<3>),
    story("an M2 comes to a HIS that has a session", &[HIS_UP, "KEX-38 FRM-31"], &[], stray_m2::<2_000>),
    story(
        "an M2 comes to a HIS that has had a session for a while",
        &[HIS_UP, "KEX-38 FRM-31"],
        &[],
        stray_m2::<9_000>,
    ),
    story(
        "a session goes on beside an attempt whose M3 is lost",
        &[HIS_UP, "KEX-67 KEX-68 KEX-69 KEX-75 ORD-76 ORD-77"],
        &[],
        beside::<9_000>,
    ),
    story(
        "a session goes on beside an early attempt whose M3 is lost",
        &[HIS_UP, "KEX-67 KEX-68 KEX-69 KEX-75 ORD-76 ORD-77"],
        &[],
        beside::<6_000>,
    ),
    story(
        "a session goes on beside a late attempt whose M3 is lost",
        &[HIS_UP, "KEX-67 KEX-68 KEX-69 KEX-75 ORD-76 ORD-77"],
        &[],
        beside::<19_000>,
    ),
    story("one call comes three times: a ping", &[], &["MSG-11 MSG-12"], repeated_ping),
    story("one call comes three times: a question for an order", &[], &["MSG-11 MSG-12"], repeated_query),
    story("one call comes three times: a question for the list", &[], &["MSG-11 MSG-12"], repeated_list),
    story(
        "HIS ends the session while a code is awaited",
        &[HIS_UP, HIS_MADE, "REC-24 REC-25"],
        &[POS_UP, POS_TAKEN, "REC-22 REC-24"],
        closed::<true>,
    ),
    story(
        "the POS ends the session while a code is awaited",
        &[HIS_UP, HIS_MADE, "REC-22 REC-24 REC-44"],
        &[POS_UP, POS_TAKEN, "REC-24 REC-25"],
        closed::<false>,
    ),
    story(
        "eight records do not open at the POS, and HIS makes a new session",
        &[HIS_UP, "REC-22 REC-24 REC-44"],
        &[POS_UP, "REC-16 REC-19"],
        forged_and_on,
    ),
    story("a repeated M3 is answered by alert 40", &["KEX-81 REC-32"], &[], m3_refused::<40, 3_500>),
    story("a repeated M3 is answered by alert 93", &["KEX-78 REC-39 REC-40"], &[], m3_refused::<93, 3_500>),
    story(
        "another code is shown before the number is known",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, "ORD-113"],
        shown_twice::<true, true>,
    ),
    story(
        "a code of the other channel is shown before the number is known",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, "ORD-113"],
        shown_twice::<true, false>,
    ),
    story(
        "a code of WeChat Pay is shown behind one of Alipay",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, "ORD-113"],
        shown_twice::<false, true>,
    ),
];

fn lost_requests<const BEHIND: usize, const LOST: usize>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::HisRecord, BEHIND, LOST)?;
    pair.pass(if LOST == ALWAYS { 22_000 } else { 18_000 });
    Ok(pair)
}

/// Both programs, on a line that loses what HIS writes while the switch is on.
fn deaf() -> Result<(Pair, Rc<Cell<bool>>), String> {
    let lost = Rc::new(Cell::new(false));
    let losing = lost.clone();
    let line = move |end: End, _: &[u8]| !(end == End::His && losing.get());
    let mut pair = started(Pair::new(platform, Box::new(line))?)?;
    pair.pass(2_000);
    Ok((pair, lost))
}

fn lost_and_restarted<const AFTER: u64>() -> Result<Pair, String> {
    let (mut pair, lost) = deaf()?;
    lost.set(true);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(AFTER);
    pair.kill(End::Pos);
    lost.set(false);
    pair.start(End::Pos)?;
    pair.pass(25_000);
    Ok(pair)
}

fn lost_reports<const LOST: usize>() -> Result<Pair, String> {
    paid(FrameType::PosRecord, LOST)
}

fn restarted_pos<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    pair.pass(AFTER);
    pair.kill(End::Pos);
    pair.pass(200);
    pair.start(End::Pos)?;
    pair.pass(15_000);
    Ok(pair)
}

fn restarted_his<const AFTER: u64, const PAID: bool>() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    if PAID {
        pair.scan(Channel::Wechat, "134567890123456789")?;
    }
    pair.pass(AFTER);
    pair.kill(End::His);
    pair.pass(200);
    pair.start(End::His)?;
    pair.pass(8_000);
    Ok(pair)
}

/// The POS has lost its journal; HIS starts again.
fn after_the_journal(mut pair: Pair) -> Result<Pair, String> {
    pair.pass(1_000);
    pair.reopen(End::Pos);
    pair.kill(End::His);
    pair.start(End::His)?;
    pair.pass(7_000);
    Ok(pair)
}

fn busy_at_sync() -> Result<Pair, String> {
    let mut pair = lone(End::Pos)?;
    pair.fail_journal();
    pair.start(End::His)?;
    after_the_journal(pair)
}

fn busy_at_scan() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    pair.fail_journal();
    pair.scan(Channel::Wechat, "134567890123456789")?;
    after_the_journal(pair)
}

fn replaced<const OTHERS: u8>() -> Result<Pair, String> {
    let (mut his, _) = parties(&crate::example::lived()?)?;
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    pair.pass(500);
    let m3 = last(&pair, End::His, FrameType::M3)?;
    pair.kill(End::His);
    for number in 0..OTHERS {
        his.nonce = [number; 16];
        let m1 = exchange::m1(&his, pair.site().agreement.payload(), &his.shares());
        let wire = encode(FrameType::M1, &m1)?;
        pair.inject(End::Pos, &wire);
        pair.pass(100);
    }
    pair.inject(End::Pos, &m3);
    pair.pass(1_000);
    Ok(pair)
}

fn stray_m2<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(AFTER);
    let m2 = last(&pair, End::Pos, FrameType::M2)?;
    pair.inject(End::His, &m2);
    pair.pass(3_000);
    Ok(pair)
}

/// An attempt beside a session: its M3 does not arrive.
fn beside<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 1, ALWAYS)?;
    pair.pass(AFTER);
    let alert = encode(FrameType::PlainAlert, &[92, 1, 2, 3, 4])?;
    pair.inject(End::His, &alert);
    pair.pass(18_000);
    Ok(pair)
}

fn repeated(plaintext: &[u8]) -> Result<Pair, String> {
    let mut scene = Scene::open(Stage::Waiting)?;
    for _ in 0..3 {
        scene.give(End::Pos, plaintext)?;
        scene.pair.pass(1_000);
    }
    Ok(scene.pair)
}

fn repeated_ping() -> Result<Pair, String> {
    repeated(&[0x08, 0x65, 0x62, 0x00])
}

fn repeated_query() -> Result<Pair, String> {
    repeated(&[0x08, 0x65, 0x52, 0x04, 0x0A, 0x02, b'B', b'1'])
}

fn repeated_list() -> Result<Pair, String> {
    repeated(&[0x08, 0x65, 0x9A, 0x01, 0x00])
}

fn closed<const BY_HIS: bool>() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    pair.close(if BY_HIS { End::His } else { End::Pos });
    pair.pass(9_000);
    Ok(pair)
}

fn forged_and_on() -> Result<Pair, String> {
    let mut pair = forged::<31_000, false>()?;
    pair.pass(9_000);
    Ok(pair)
}

/// No platform answers the first questions; two codes are shown meanwhile.
fn shown_twice<const FIRST: bool, const SECOND: bool>() -> Result<Pair, String> {
    let mut asked = 0;
    let answers = move |ask: &hispos::platform::Ask| {
        asked += 1;
        if asked < 5 && !matches!(ask.request, hispos::platform::Request::Verify) {
            None
        } else {
            platform(ask)
        }
    };
    let mut pair = waiting(started(Pair::new(answers, Box::new(|_, _| true))?)?)?;
    for (wechat, code) in [(FIRST, "0000000001"), (SECOND, "0000000002")] {
        let (channel, letters) =
            if wechat { (Channel::Wechat, "13456789") } else { (Channel::Alipay, "28456789") };
        pair.scan(channel, &format!("{letters}{code}"))?;
        pair.pass(500);
    }
    pair.pass(12_000);
    Ok(pair)
}
