//! Conversations of a HIS that gives money back: what it reserves, books and releases.

use std::cell::Cell;
use std::rc::Rc;

use hispos::platform::{Ask, Proof, Request};
use hispos::time::UnixSeconds;

use crate::pair::{End, Pair};
use crate::paying::{Answer, absent, scan, site};
use crate::questions::captured;
use crate::shows::{HIS_MADE, HIS_PAID, HIS_UP, Story, story};
use crate::site::{DAY, UNIX};

type Ids = &'static [&'static str];

/// What a HIS shows that makes a refund of a payment.
const MADE: &str = "ORD-171 ORD-172 ORD-175 ORD-205";
const BOOKED: Ids = &[HIS_UP, HIS_MADE, HIS_PAID, MADE, "ORD-206 ORD-241"];
const RELEASED: Ids = &[HIS_UP, HIS_MADE, HIS_PAID, MADE, "ORD-207"];
const LEFT: Ids = &[HIS_UP, HIS_MADE, HIS_PAID, MADE, "ORD-206 ORD-209"];
const RETURNED: Ids = &[HIS_UP, HIS_MADE, HIS_PAID, MADE, "ORD-161 ORD-206 ORD-209"];
const REFUSED: Ids = &[HIS_UP, HIS_MADE, HIS_PAID, MADE];

/// A story that only HIS shows something in.
const fn his(comment: &'static str, ids: Ids, lived: fn() -> Result<Pair, String>) -> Story {
    story(comment, ids, &[], lived)
}

pub(crate) const STORIES: &[Story] = &[
    his("HIS gives a whole WeChat payment back", BOOKED, booked::<true, 8_800>),
    his("HIS gives a whole Alipay payment back", BOOKED, booked::<false, 8_800>),
    his("HIS gives one fen of a payment back", BOOKED, booked::<true, 1>),
    his("HIS gives a payment back item by item", LEFT, items::<0>),
    his("HIS gives a payment back twice for one item", LEFT, items::<1>),
    his("HIS gives more back than is left", LEFT, items::<2>),
    his("HIS collects a bill again whose payment went back whole", RETURNED, collected_again::<8_800>),
    his(
        "HIS collects a bill again whose payment went back but for one fen",
        RETURNED,
        collected_again::<8_799>,
    ),
    his("HIS collects a bill again whose payment went back in part", RETURNED, collected_again::<800>),
    his("a refund is refused, and made again", RELEASED, ended::<0>),
    his("a refund is closed, and made again", RELEASED, ended::<1>),
    his("a refund needs people at the platform, and is not made again", RELEASED, ended::<2>),
    his("a refund is not known to have been done, and is not made again", RELEASED, ended::<3>),
    his("a refund is cancelled before it was requested, and made again", RELEASED, ended::<4>),
    his("HIS gives the rest back while a part is on its way", REFUSED, reserved::<0>),
    his("HIS gives more back than is left while a part is on its way", REFUSED, reserved::<1>),
    his("HIS gives back for an item twice while the first is on its way", REFUSED, reserved::<2>),
    his("HIS gives the rest back too soon", REFUSED, reserved::<3>),
    his("HIS gives back what was never paid", &[HIS_UP, HIS_MADE, "ORD-171"], unpaid::<0>),
    his("HIS gives back more than was paid", REFUSED, unpaid::<1>),
    his("HIS gives back a positive amount", REFUSED, unpaid::<2>),
];

/// A payment of 88.00, and how the platform answers what is about refunds.
fn paid(wechat: bool, answer: impl Fn(&Ask) -> Answer + 'static) -> Result<Pair, String> {
    let paid = Cell::new(false);
    let mut pair = site(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid.set(true);
            captured(ask)
        }
        Request::Refund { .. } | Request::QueryRefund { .. } => answer(ask),
        _ if paid.get() => captured(ask),
        _ => absent(),
    })?;
    scan(&mut pair, wechat)?;
    pair.pass(3_000);
    Ok(pair)
}

fn none() -> Answer {
    Some((Proof::Absent, "REFUNDNOTEXIST"))
}

/// Each refund is done at once; nobody has seen it before.
fn done(ask: &Ask) -> Answer {
    match &ask.request {
        Request::Refund { refund, .. } => {
            let refund_id = format!("5030{}", refund.as_str());
            Some((Proof::Refunded { refund_id, at: Some(UnixSeconds(UNIX + 40)) }, "SUCCESS"))
        }
        _ => none(),
    }
}

/// HIS makes a refund, or not.
fn makes(pair: &mut Pair, fen: i64, item: &str, makes: bool) -> Result<(), String> {
    match pair.give_back(fen, item, DAY)? == makes {
        true => Ok(()),
        false => Err(format!("a refund of {fen} for '{item}' was made: {}", !makes)),
    }
}

fn booked<const WECHAT: bool, const FEN: i64>() -> Result<Pair, String> {
    let mut pair = paid(WECHAT, done)?;
    makes(&mut pair, FEN, "", true)?;
    pair.pass(5_000);
    Ok(pair)
}

/// A capture gives back once a minute.
const MINUTE: u64 = 61_000;

fn items<const HOW: u32>() -> Result<Pair, String> {
    let mut pair = paid(true, done)?;
    let second = if HOW == 1 { "item-1" } else { "item-2" };
    makes(&mut pair, 5_000, "item-1", true)?;
    pair.pass(MINUTE);
    if HOW == 2 {
        makes(&mut pair, 3_801, second, false)?;
        pair.pass(1_000);
    }
    makes(&mut pair, 3_800, second, true)?;
    pair.pass(MINUTE);
    makes(&mut pair, 1, "item-3", false)?;
    pair.pass(2_000);
    Ok(pair)
}

fn collected_again<const FEN: i64>() -> Result<Pair, String> {
    let mut pair = paid(true, done)?;
    makes(&mut pair, FEN, "", true)?;
    pair.pass(5_000);
    match FEN {
        8_800 => pair.collect("bill-1", 8_800, DAY)?,
        _ => pair.collect_in_vain("bill-1", 8_800, DAY)?,
    }
    pair.pass(2_000);
    Ok(pair)
}

/// The first refund ends otherwise than as done.
fn ended<const HOW: u32>() -> Result<Pair, String> {
    let first = Rc::new(Cell::new(true));
    let now = first.clone();
    let mut pair = paid(true, move |ask| match (&ask.request, now.get(), HOW) {
        (_, false, _) => done(ask),
        (Request::QueryRefund { .. }, _, 4) => None,
        (Request::Refund { .. }, _, 0) => Some((Proof::NotRefunded { closed: false }, "NOTENOUGH")),
        (Request::Refund { .. }, _, 1) => Some((Proof::NotRefunded { closed: true }, "CLOSED")),
        (Request::Refund { .. }, _, 2) => Some((Proof::RefundAbnormal, "ABNORMAL")),
        (Request::Refund { .. }, ..) => None,
        _ => none(),
    })?;
    makes(&mut pair, 8_800, "", true)?;
    pair.pass(3_000);
    if HOW == 4 {
        let refund = pair.refunds().into_iter().next().ok_or("no refund")?;
        pair.cancel(&refund)?;
    }
    pair.pass(if HOW == 3 { 440_000 } else { MINUTE });
    first.set(false);
    makes(&mut pair, 8_800, "", matches!(HOW, 0 | 1 | 4))?;
    pair.pass(3_000);
    Ok(pair)
}

/// A part is on its way, or has just gone back.
fn reserved<const WHAT: u32>() -> Result<Pair, String> {
    let mut pair = paid(true, |ask| match ask.request {
        _ if WHAT == 3 => done(ask),
        Request::QueryRefund { .. } => none(),
        _ => Some((Proof::RefundPending, "PROCESSING")),
    })?;
    makes(&mut pair, 5_000, "item-1", true)?;
    pair.pass(if WHAT == 3 { 3_000 } else { MINUTE });
    match WHAT {
        0 => makes(&mut pair, 3_800, "item-2", true)?,
        1 => makes(&mut pair, 3_801, "item-2", false)?,
        2 => makes(&mut pair, 800, "item-1", false)?,
        _ => makes(&mut pair, 3_800, "item-2", false)?,
    }
    pair.pass(2_000);
    Ok(pair)
}

fn unpaid<const WHAT: u32>() -> Result<Pair, String> {
    let mut pair = match WHAT {
        0 => site(|_| absent())?,
        _ => paid(true, done)?,
    };
    pair.kill(End::Pos);
    makes(&mut pair, [8_800, 8_801, -8_800].get(WHAT as usize).copied().unwrap_or_default(), "", false)?;
    pair.pass(1_000);
    Ok(pair)
}
