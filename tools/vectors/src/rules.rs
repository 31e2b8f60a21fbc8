//! Conversations of a POS whose facts and instants fall together: which of an order's rules comes first.

use std::cell::Cell;
use std::rc::Rc;

use hispos::book::Table;
use hispos::platform::{Ask, Capture, Channel, Proof, Request};
use hispos::time::UnixSeconds;

use crate::lines::{started, waiting};
use crate::pair::{End, Pair};
use crate::paying::{Answer, absent, money, scan};
use crate::schema::Schema;
use crate::shows::{POS_TAKEN, POS_UNPAID, POS_UP, Story, story};
use crate::site::{DAY, UNIX};

/// What a POS shows when it has written a pay.
const ATTEMPT: &str = "ORD-114 PAY-39 PAY-67 PAY-68 PAY-70 PAY-72";
/// What a POS shows that reverses again and again.
const REVERSED: &str = "ORD-81 ORD-117 ORD-119 ORD-121 ORD-122 PAY-43 PAY-59 PAY-78 PAY-80";
/// What a POS shows that learns by its last question in Paying of money that it did not ask for.
const EARLY: &str = "ORD-41 ORD-81 ORD-115 ORD-118 PAY-58 PAY-75 PAY-76";
const LOADED: &str = "BOK-24 ORD-56 ORD-116 ORD-123 ORD-124 ORD-145 PAY-40";

pub(crate) const STORIES: &[Story] = &[
    story(
        "the number is closed at WeChat Pay and alive at Alipay",
        &[],
        &[POS_UP, POS_TAKEN, "ORD-41 ORD-105 ORD-111 PAY-43"],
        found::<0>,
    ),
    story(
        "the number is closed at WeChat Pay and has money at Alipay",
        &[],
        &[POS_UP, POS_TAKEN, "ORD-41 ORD-105 ORD-111 PAY-43"],
        found::<1>,
    ),
    story(
        "the number is closed at WeChat Pay and has other money at Alipay",
        &[],
        &[POS_UP, POS_TAKEN, "ORD-41 ORD-105 ORD-111 PAY-43"],
        found::<2>,
    ),
    story(
        "the POS starts again behind the start instant of an order that waits",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "BOK-24 ORD-109 ORD-110 ORD-111 ORD-145"],
        away,
    ),
    story(
        "an answer at act_by tells of money from before the pay",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, EARLY],
        at_act_by::<false, 0>,
    ),
    story(
        "an answer at act_by tells of money from before the pay at Alipay",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, EARLY],
        at_act_by::<false, 1>,
    ),
    story(
        "an answer at act_by tells of money from before the pay, and a cancel is wanted",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, EARLY, "ORD-95"],
        at_act_by::<false, 2>,
    ),
    story(
        "an answer at act_by says nothing",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-81 ORD-116 PAY-58"],
        at_act_by::<false, 4>,
    ),
    story(
        "an answer at act_by says closed while the pay is reversed",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-117 ORD-119"],
        at_act_by::<true, 5>,
    ),
    story(
        "an answer at act_by says alive while the pay is reversed",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-81 ORD-117 ORD-120 ORD-122 PAY-78"],
        at_act_by::<true, 3>,
    ),
    story(
        "an answer at act_by says nothing while the pay is reversed",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-81 ORD-117 ORD-120 PAY-78"],
        at_act_by::<true, 4>,
    ),
    story(
        "two reverses of a WeChat payment do nothing",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, REVERSED],
        reversed::<true, 2>,
    ),
    story(
        "two reverses of an Alipay payment do nothing",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, REVERSED],
        reversed::<false, 2>,
    ),
    story(
        "no reverse does anything before act_by",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, REVERSED, "ORD-120 ORD-123"],
        reversed::<true, 99>,
    ),
    story(
        "the POS starts again while it reverses",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, LOADED, "ORD-120 ORD-130"],
        restarted::<true, 60_000>,
    ),
    story(
        "the POS starts again after a pay that stays alive",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, LOADED, "ORD-130"],
        restarted::<true, 3_000>,
    ),
    story(
        "the POS starts again after an Alipay pay that stays alive",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, LOADED, "ORD-130"],
        restarted::<false, 3_000>,
    ),
    story(
        "the POS starts again while a code waits for its number",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "BOK-24 ORD-55 ORD-56 ORD-109 ORD-110"],
        forgotten_code::<0>,
    ),
    story(
        "the POS starts again, and a code is shown before the first Sync",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "BOK-24 ORD-55 ORD-56 ORD-109 ORD-110 ORD-112"],
        forgotten_code::<1>,
    ),
    story("a code is shown before there is an order", &[], &[POS_UP, POS_TAKEN, "ORD-112"], unwanted::<0>),
    story(
        "a second code is shown while the first is paid",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-112"],
        unwanted::<1>,
    ),
    story("a code is shown behind the end", &[], &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-112"], unwanted::<2>),
];

/// A platform that verifies, and answers everything else by this.
pub(crate) fn asked(
    mut answer: impl FnMut(&Ask) -> Answer + 'static,
) -> impl FnMut(&Ask) -> Answer + 'static {
    move |ask: &Ask| match &ask.request {
        Request::Verify => Some((Proof::Verified, "SUCCESS")),
        _ => answer(ask),
    }
}

fn site(answer: impl FnMut(&Ask) -> Answer + 'static) -> Result<Pair, String> {
    waiting(started(Pair::new(asked(answer), Box::new(|_, _| true))?)?)
}

fn found<const AT_ALIPAY: u8>() -> Result<Pair, String> {
    let mut pair = site(|ask| match (ask.merchant.channel, AT_ALIPAY) {
        (Channel::Wechat, _) => Some((Proof::Closed, "CLOSED")),
        (_, 0) => Some((Proof::Alive, "WAIT_BUYER_PAY")),
        (_, 1) => Some((Proof::Captured(money(ask.total)), "TRADE_SUCCESS")),
        _ => Some((Proof::Mismatch(money(ask.total + 1)), "TRADE_SUCCESS")),
    })?;
    pair.pass(5_000);
    Ok(pair)
}

fn away() -> Result<Pair, String> {
    let mut pair = site(|_| absent())?;
    pair.kill(End::Pos);
    pair.pass(95_000);
    pair.start(End::Pos)?;
    pair.pass(12_000);
    Ok(pair)
}

/// `act_by` of the one order of a journal.
fn act_by(pair: &Pair) -> Result<u64, String> {
    let row = pair.journal.memory.table(Table::Order).into_iter().next().ok_or("no order")?;
    let said = Schema::load()?.decoded("PosOrder", &row.bytes)?;
    said.get("act_by").and_then(serde_json::Value::as_u64).ok_or_else(|| "no act_by".to_owned())
}

/// The platform is slow at the end of the lease: its answer arrives just then.
fn at_act_by<const REVERSED: bool, const FOUND: u8>() -> Result<Pair, String> {
    let (paid, phase) = (Cell::new(false), Rc::new(Cell::new(0)));
    let now = phase.clone();
    let mut pair = site(move |ask| match (&ask.request, paid.get(), now.get()) {
        (Request::Pay { .. }, ..) => {
            paid.set(true);
            None
        }
        (Request::Reverse, ..) | (_, true, 1) => None,
        (_, true, 0) => Some((Proof::Alive, "USERPAYING")).filter(|_| REVERSED),
        (_, true, _) => match FOUND {
            0..=2 => {
                let early = Some(UnixSeconds(UNIX - 60));
                Some((Proof::Captured(Capture { captured_at: early, ..money(ask.total) }), "SUCCESS"))
            }
            3 => Some((Proof::Alive, "USERPAYING")),
            4 => None,
            _ => Some((Proof::Closed, "CLOSED")),
        },
        _ => absent(),
    })?;
    scan(&mut pair, FOUND != 1)?;
    pair.pass(1_000);
    if FOUND == 2 {
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
    }
    let end = act_by(&pair)?;
    // Silent behind the last reverse but one; the last question is answered at the end of the lease.
    pair.pass(end - pair.now - 32_000);
    phase.set(1);
    pair.pass(24_500);
    phase.set(2);
    pair.slow(end);
    pair.pass(40_000);
    Ok(pair)
}

/// Reverses without effect: only the one behind so many closes the number.
fn reversed<const WECHAT: bool, const IN_VAIN: u8>() -> Result<Pair, String> {
    let (mut paid, mut reverses) = (false, 0);
    let mut pair = site(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid = true;
            Some((Proof::Open, "USERPAYING"))
        }
        Request::Reverse => {
            reverses += 1;
            Some((Proof::Open, "SUCCESS"))
        }
        Request::Query if reverses > IN_VAIN => Some((Proof::Closed, "REVOKED")),
        Request::Query if paid => Some((Proof::Alive, "USERPAYING")),
        _ => absent(),
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(if IN_VAIN == 99 { 250_000 } else { 95_000 });
    Ok(pair)
}

/// The program of the POS ends this long behind its pay, whose number stays alive until a reverse of the next run.
fn restarted<const WECHAT: bool, const AFTER: u64>() -> Result<Pair, String> {
    let again = Rc::new(Cell::new(false));
    let (mut paid, mut gone, started_again) = (false, false, again.clone());
    let mut pair = site(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid = true;
            None
        }
        Request::Reverse => {
            gone = started_again.get();
            None
        }
        Request::Query if gone => Some((Proof::Closed, "REVOKED")),
        Request::Query if paid => Some((Proof::Alive, "USERPAYING")),
        _ => absent(),
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(AFTER);
    pair.kill(End::Pos);
    pair.pass(200);
    again.set(true);
    pair.start(End::Pos)?;
    pair.pass(90_000);
    Ok(pair)
}

/// No platform answers before the program of the POS ends.
fn forgotten_code<const SHOWN: u8>() -> Result<Pair, String> {
    let answers = Rc::new(Cell::new(SHOWN == 1));
    let answering = answers.clone();
    let mut pair = site(move |_| absent().filter(|_| answering.get()))?;
    if SHOWN == 0 {
        scan(&mut pair, true)?;
        pair.pass(3_000);
    }
    pair.kill(End::Pos);
    answers.set(true);
    pair.pass(200);
    pair.start(End::Pos)?;
    pair.pass(2_000);
    if SHOWN == 1 {
        pair.scan_in_vain(Channel::Wechat, "134567890123456789")?;
    }
    pair.pass(15_000);
    Ok(pair)
}

/// A code is shown when none is wanted.
fn unwanted<const WHEN: u8>() -> Result<Pair, String> {
    let answers = asked(|ask| match &ask.request {
        Request::Pay { .. } => None,
        Request::Query if WHEN == 2 => Some((Proof::Closed, "CLOSED")),
        _ => absent(),
    });
    let mut pair = started(Pair::new(answers, Box::new(|_, _| true))?)?;
    pair.pass(1_500);
    if WHEN == 0 {
        pair.scan_in_vain(Channel::Wechat, "134567890123456789")?;
    }
    pair.pass(500);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(1_000);
    if WHEN == 1 {
        scan(&mut pair, true)?;
        pair.pass(100);
    }
    if WHEN != 0 {
        pair.scan_in_vain(Channel::Alipay, "284567890123456789")?;
    }
    pair.pass(8_000);
    Ok(pair)
}
