//! Conversations about orders that HIS does not make, makes once, submits again or no more.

use std::cell::Cell;
use std::rc::Rc;

use hispos::frame::FrameType;
use hispos::platform::Channel;

use crate::alarms::lone;
use crate::example::platform;
use crate::late::pay_lost;
use crate::lines::{calm, started, waiting};
use crate::pair::{End, Pair, kind_of};
use crate::rules::asked;
use crate::shows::{
    HIS_MADE, HIS_PAID, HIS_UNPAID, HIS_UP, POS_PAID, POS_TAKEN, POS_UNPAID, POS_UP, Story, story,
};
use crate::site::DAY;

const CODE: &str = "134567890123456789";
/// What a HIS shows whose SubmitOrder is not answered before the start instant.
const OVERDUE: &str = "ORD-50 ORD-51 ORD-74 ORD-177 ORD-178 MSG-7 MSG-8";
/// What a HIS shows that submits an order again which the POS never had.
const AGAIN: &str = "ORD-51 ORD-63 ORD-70 ORD-71 ORD-94 ORD-181";
/// What a POS shows that reports a result until it is answered.
const TOLD_AGAIN: &str = "ORD-145 ORD-146 ORD-147 ORD-152 ORD-35";

pub(crate) const STORIES: &[Story] = &[
    story("a bill is collected before there is a session", &[HIS_UP, "ORD-68 ORD-159"], &[], early::<0>),
    story("a bill is collected while Sync is not answered", &[HIS_UP, "ORD-68 ORD-159"], &[], early::<1>),
    story("a bill is collected after the session ended", &[HIS_UP, "ORD-68 ORD-159"], &[], early::<2>),
    story("a bill is collected again while its order waits", &[HIS_UP, HIS_MADE, "ORD-161"], &[], twice::<0>),
    story(
        "a bill is collected again when it is paid",
        &[HIS_UP, HIS_MADE, HIS_PAID, "ORD-161"],
        &[],
        twice::<1>,
    ),
    story(
        "a bill is collected again while its order is asked about",
        &[HIS_UP, HIS_MADE, "ORD-161 ORD-182"],
        &[],
        twice::<2>,
    ),
    story(
        "a bill is collected again when its order was not paid",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-162"],
        &[POS_UP, POS_TAKEN, POS_UNPAID],
        twice::<3>,
    ),
    story(
        "a collect is one fen above the agreement's limit",
        &[HIS_UP, "ORD-16 ORD-161 ORD-167"],
        &[],
        amount::<5_000_001>,
    ),
    story(
        "a collect is of the greatest amount that there is",
        &[HIS_UP, "ORD-16 ORD-161 ORD-167"],
        &[],
        amount::<9_999_999_999>,
    ),
    story("a collect is of less than nothing", &[HIS_UP, "ORD-161 ORD-167"], &[], amount::<-8_800>),
    story(
        "nothing of HIS arrives until the start instant",
        &[HIS_UP, HIS_MADE, OVERDUE],
        &[],
        mute::<105_000>,
    ),
    story(
        "nothing of HIS arrives until the lease end",
        &[HIS_UP, HIS_MADE, OVERDUE, "ORD-48 ORD-180"],
        &[],
        mute::<275_000>,
    ),
    story(
        "nothing of the POS arrives until the start instant",
        &[HIS_UP, HIS_MADE, OVERDUE],
        &[POS_TAKEN, POS_UNPAID, "ORD-81 ORD-86 ORD-90 ORD-108 ORD-110 MSG-11"],
        deaf,
    ),
    story(
        "the order is lost with its session, and made good",
        &[HIS_UP, HIS_MADE, AGAIN],
        &[POS_UP, POS_TAKEN, "ORD-93"],
        submitted_again::<1_000>,
    ),
    story(
        "the order is lost with its session, and made good later",
        &[HIS_UP, HIS_MADE, AGAIN],
        &[POS_UP, POS_TAKEN, "ORD-93"],
        submitted_again::<7_000>,
    ),
    story(
        "the order is lost with its session, and made good shortly before the start instant",
        &[HIS_UP, HIS_MADE, AGAIN],
        &[POS_UP, POS_TAKEN, "ORD-86 ORD-93"],
        submitted_again::<80_000>,
    ),
    story(
        "the order is lost with its session, which comes again behind the start instant",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-50 ORD-51 ORD-63 ORD-71 ORD-177 ORD-178"],
        &[POS_UP, "ORD-36 ORD-93 ORD-96"],
        submitted_again::<95_000>,
    ),
    story(
        "the order is lost with its session, which comes again long behind the start instant",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-50 ORD-51 ORD-63 ORD-71 ORD-177 ORD-178"],
        &[POS_UP, "ORD-36 ORD-93 ORD-96"],
        submitted_again::<150_000>,
    ),
    story(
        "the cancel is lost, and the order ends without a code",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-74 ORD-177 ORD-178 ORD-179"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-81 ORD-86 ORD-108 ORD-110"],
        cancel_lost::<false>,
    ),
    story(
        "the cancel is lost, and the order is paid",
        &[HIS_UP, HIS_MADE, HIS_PAID, "ORD-74 ORD-177 ORD-178 ORD-179"],
        &[POS_UP, POS_TAKEN, POS_PAID],
        cancel_lost::<true>,
    ),
    story(
        "no confirmation arrives, and the POS starts again",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, TOLD_AGAIN],
        unconfirmed::<0>,
    ),
    story(
        "no confirmation arrives, and HIS makes a new session",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, TOLD_AGAIN],
        unconfirmed::<1>,
    ),
    story(
        "no confirmation arrives, and both start again, twice",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, TOLD_AGAIN],
        unconfirmed::<2>,
    ),
];

/// Both programs, on a line that loses all of an end while the switch is on.
pub(crate) fn switched(mute: End) -> Result<(Pair, Rc<Cell<bool>>), String> {
    let lost = Rc::new(Cell::new(false));
    let losing = lost.clone();
    let line = move |end: End, _: &[u8]| !(end == mute && losing.get());
    let mut pair = started(Pair::new(platform, Box::new(line))?)?;
    pair.pass(2_000);
    Ok((pair, lost))
}

fn early<const WHEN: u8>() -> Result<Pair, String> {
    let mut pair = if WHEN == 0 { lone(End::His)? } else { calm()? };
    match WHEN {
        0 => pair.pass(1_000),
        // SessionReady has come, and the answer to Sync is on its way.
        1 => {
            while !pair.is_up(End::His) {
                pair.pass(5);
            }
        }
        _ => {
            pair.pass(2_000);
            pair.close(End::Pos);
            pair.pass(500);
        }
    }
    pair.collect_in_vain("bill-1", 8_800, DAY)?;
    if WHEN == 0 {
        pair.start(End::Pos)?;
    }
    pair.pass(8_000);
    Ok(pair)
}

fn twice<const WHEN: u8>() -> Result<Pair, String> {
    let answers = if WHEN == 2 {
        Pair::new(asked(pay_lost()), Box::new(|_, _| true))?
    } else {
        Pair::new(platform, Box::new(|_, _| true))?
    };
    let mut pair = waiting(started(answers)?)?;
    match WHEN {
        1 => pair.scan(Channel::Wechat, CODE)?,
        2 => {
            pair.scan(Channel::Wechat, CODE)?;
            pair.pass(1_000);
            pair.kill(End::His);
            pair.start(End::His)?;
        }
        3 => {
            let order = pair.made().ok_or("no order")?;
            pair.cancel(&order)?;
        }
        _ => {}
    }
    pair.pass(1_000);
    if WHEN == 3 {
        pair.collect("bill-1", 8_800, DAY)?;
    } else {
        pair.collect_in_vain("bill-1", 8_800, DAY)?;
    }
    pair.pass(3_000);
    Ok(pair)
}

fn amount<const FEN: i64>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(2_000);
    pair.collect_in_vain("bill-1", FEN, DAY)?;
    pair.pass(3_000);
    Ok(pair)
}

fn mute<const FOR: u64>() -> Result<Pair, String> {
    let (mut pair, lost) = switched(End::His)?;
    lost.set(true);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(FOR);
    Ok(pair)
}

fn deaf() -> Result<Pair, String> {
    let (mut pair, lost) = switched(End::Pos)?;
    lost.set(true);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(105_000);
    Ok(pair)
}

/// The order never arrives; the line of HIS opens again after this time, and then everything arrives.
fn submitted_again<const AFTER: u64>() -> Result<Pair, String> {
    let (mut pair, lost) = switched(End::His)?;
    lost.set(true);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(500);
    // Without a session nothing falls due in between.
    pair.reopen(End::His);
    pair.pass(AFTER);
    lost.set(false);
    pair.pass(25_000);
    Ok(pair)
}

fn cancel_lost<const PAID: bool>() -> Result<Pair, String> {
    let (mut pair, lost) = switched(End::His)?;
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(1_000);
    lost.set(true);
    let order = pair.made().ok_or("no order")?;
    pair.cancel(&order)?;
    pair.pass(3_500);
    if PAID {
        pair.scan(Channel::Wechat, CODE)?;
    }
    pair.pass(if PAID { 30_000 } else { 100_000 });
    Ok(pair)
}

/// A collect is paid, and no ConfirmResult arrives before the ends begin anew.
fn unconfirmed<const AGAIN: u8>() -> Result<Pair, String> {
    let lost = Rc::new(Cell::new(false));
    let losing = lost.clone();
    let line = move |end: End, wire: &[u8]| {
        !(losing.get() && end == End::His && kind_of(end, wire) == Some(FrameType::HisRecord))
    };
    let mut pair = waiting(started(Pair::new(platform, Box::new(line))?)?)?;
    lost.set(true);
    pair.scan(Channel::Wechat, CODE)?;
    pair.pass(4_000);
    if AGAIN == 2 {
        for end in [End::Pos, End::His] {
            pair.kill(end);
            pair.start(end)?;
        }
        pair.pass(3_000);
    }
    lost.set(false);
    if AGAIN != 1 {
        pair.kill(End::Pos);
        pair.start(End::Pos)?;
    }
    if AGAIN != 0 {
        pair.reopen(End::His);
    }
    pair.pass(20_000);
    Ok(pair)
}
