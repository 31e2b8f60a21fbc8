//! Conversations about a collect: what the platform answers, and how the order ends.

use hispos::platform::{Ask, Capture, Channel, Proof, Request};
use hispos::time::UnixSeconds;

use crate::lines::{started, waiting};
use crate::pair::{End, Pair};
use crate::shows::{HIS_MADE, HIS_PAID, HIS_UNPAID, HIS_UP, POS_TAKEN, POS_UNPAID, POS_UP, Story, story};
use crate::site::UNIX;

/// What a HIS shows when a collect has no money.
const HIS: &[&str] = &[HIS_UP, HIS_MADE, HIS_UNPAID];
/// What a POS shows when it has written a pay.
pub(crate) const ATTEMPT: &str = "ORD-114 PAY-39 PAY-67 PAY-68 PAY-70 PAY-72";
/// What a POS shows when it learns by a question how a pay ended.
const ASKED: &str = "ORD-36 ORD-37 ORD-38 ORD-39 ORD-115 ORD-148 ORD-150 ORD-151 PAY-43 PAY-58 PAY-75 PAY-76";
/// What a POS shows when it reverses a pay.
const REVERSED: &str =
    "ORD-81 ORD-117 ORD-119 ORD-121 PAY-43 PAY-47 PAY-58 PAY-59 PAY-76 PAY-77 PAY-78 PAY-80";
/// What a HIS shows when people have to look at a collect.
const HIS_ATTENTION: &[&str] = &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-169"];
/// What a HIS shows when a collect has no money and is not to be made again at once.
const HIS_LATER: &[&str] = &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-72 ORD-169"];
/// What a HIS shows when a person cancels.
const CANCEL: &[&str] = &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-177 ORD-178 ORD-179"];
/// What a POS shows when it finds an order in use.
const USED: &str = "ORD-41 ORD-105 PAY-43";

pub(crate) const STORIES: &[Story] = &[
    story(
        "a WeChat code is refused",
        HIS,
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "PAY-74"],
        refused::<true>,
    ),
    story(
        "an Alipay code is refused",
        HIS,
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "PAY-74"],
        refused::<false>,
    ),
    story(
        "a WeChat payment is open, then captured",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, ATTEMPT, ASKED],
        open::<true, 0>,
    ),
    story(
        "an Alipay payment is open, then captured",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, ATTEMPT, ASKED],
        open::<false, 0>,
    ),
    story(
        "a WeChat payment is open and alive, then captured",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, ATTEMPT, ASKED],
        open::<true, 2>,
    ),
    story(
        "a WeChat payment stays alive and is reversed",
        HIS,
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, REVERSED],
        reversed::<true, false>,
    ),
    story(
        "an Alipay payment stays alive and is reversed",
        HIS,
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, REVERSED],
        reversed::<false, false>,
    ),
    story(
        "the cashier cancels a payment that is alive",
        CANCEL,
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, REVERSED, "ORD-95"],
        reversed::<true, true>,
    ),
    story(
        "the number is alive before a code was shown",
        HIS_ATTENTION,
        &[POS_UP, POS_TAKEN, USED],
        before::<0>,
    ),
    story(
        "the number has money before a code was shown",
        HIS_ATTENTION,
        &[POS_UP, POS_TAKEN, USED],
        before::<1>,
    ),
    story(
        "the number has other money before a code was shown",
        HIS_ATTENTION,
        &[POS_UP, POS_TAKEN, USED],
        before::<2>,
    ),
    story(
        "the number is closed before a code was shown",
        HIS,
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-106 PAY-43"],
        before::<3>,
    ),
    story(
        "the number is closed at Alipay before a code was shown",
        HIS,
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-106 PAY-43"],
        before::<4>,
    ),
    story(
        "the number is closed at WeChat Pay before a code was shown",
        HIS,
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-106 PAY-43"],
        before::<5>,
    ),
    story(
        "no platform answers and a code waits",
        HIS_LATER,
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-108 ORD-110 PAY-67"],
        down,
    ),
    story(
        "no platform answers and nobody shows a code",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-72"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-81 ORD-86 ORD-108 ORD-110"],
        down_without_code,
    ),
    story(
        "the cashier cancels at once",
        CANCEL,
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-95 ORD-107 ORD-110"],
        cancelled_after::<20>,
    ),
    story(
        "the cashier cancels just before the end",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-72 ORD-177 ORD-178 ORD-179"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-86 ORD-95 ORD-107 ORD-110"],
        cancelled_after::<80_000>,
    ),
    story(
        "the POS starts again after a pay, which is captured",
        &[HIS_UP, HIS_MADE],
        &[
            POS_UP,
            POS_TAKEN,
            ATTEMPT,
            "BOK-24 KEX-65 ORD-56 ORD-116 ORD-123 ORD-124 ORD-126 ORD-127 ORD-145 PAY-40 PAY-44 PAY-60",
        ],
        restarted::<0, 300>,
    ),
    story(
        "the POS starts again after an Alipay pay, which is captured",
        &[HIS_UP, HIS_MADE],
        &[
            POS_UP,
            POS_TAKEN,
            ATTEMPT,
            "BOK-24 KEX-65 ORD-56 ORD-116 ORD-123 ORD-124 ORD-126 ORD-127 ORD-145 PAY-40 PAY-44 PAY-60",
        ],
        restarted::<1, 300>,
    ),
    story(
        "the POS starts again after a pay, which is closed",
        &[HIS_UP, HIS_MADE],
        &[
            POS_UP,
            POS_TAKEN,
            ATTEMPT,
            "BOK-24 KEX-65 ORD-56 ORD-116 ORD-123 ORD-124 ORD-126 ORD-128 ORD-145 PAY-40 PAY-47 PAY-60 PAY-77",
        ],
        restarted::<2, 300>,
    ),
    story(
        "the POS starts again after a pay, which never came",
        &[HIS_UP, HIS_MADE],
        &[
            POS_UP,
            POS_TAKEN,
            ATTEMPT,
            "BOK-24 KEX-65 ORD-56 ORD-116 ORD-123 ORD-124 ORD-126 ORD-128 ORD-145 PAY-40 PAY-48 PAY-50 PAY-55 PAY-60 PAY-61 PAY-62 PAY-63 PAY-77",
        ],
        restarted::<3, 300>,
    ),
    story(
        "the POS starts again after an Alipay pay, which never came",
        &[HIS_UP, HIS_MADE],
        &[
            POS_UP,
            POS_TAKEN,
            ATTEMPT,
            "BOK-24 KEX-65 ORD-56 ORD-116 ORD-123 ORD-124 ORD-126 ORD-128 ORD-145 PAY-40 PAY-48 PAY-50 PAY-55 PAY-60 PAY-61 PAY-62 PAY-63 PAY-77",
        ],
        restarted::<4, 300>,
    ),
    story(
        "the POS starts again a while after a pay, which is captured",
        &[HIS_UP, HIS_MADE],
        &[POS_UP, POS_TAKEN, ATTEMPT, "BOK-24 KEX-65 ORD-56 ORD-116 ORD-127 ORD-145 PAY-40 PAY-44 PAY-60"],
        restarted::<0, 4_000>,
    ),
    story(
        "the POS starts again a while after a pay, which never came",
        &[HIS_UP, HIS_MADE],
        &[
            POS_UP,
            POS_TAKEN,
            ATTEMPT,
            "BOK-24 KEX-65 ORD-56 ORD-116 ORD-128 ORD-145 PAY-40 PAY-48 PAY-50 PAY-55 PAY-60 PAY-61 PAY-62 PAY-63 PAY-77",
        ],
        restarted::<3, 4_000>,
    ),
];

pub(crate) type Answer = Option<(Proof, &'static str)>;

pub(crate) fn money(fen: u64) -> Capture {
    Capture {
        payment_no: "4200002611240000000000000002".into(),
        amount: fen,
        captured_at: Some(UnixSeconds(UNIX + 30)),
    }
}

pub(crate) fn absent() -> Answer {
    Some((Proof::Absent, "ORDERNOTEXIST"))
}

/// Platforms that verify the site's merchants, and answer everything else by this.
pub(crate) fn site_answers(mut answer: impl FnMut(&Ask) -> Answer + 'static) -> impl FnMut(&Ask) -> Answer {
    move |ask: &Ask| match &ask.request {
        Request::Verify => Some((Proof::Verified, "SUCCESS")),
        _ => answer(ask),
    }
}

/// A collect that waits, at a site whose platforms answer so.
pub(crate) fn site(answer: impl FnMut(&Ask) -> Answer + 'static) -> Result<Pair, String> {
    waiting(started(Pair::new(site_answers(answer), Box::new(|_, _| true))?)?)
}

pub(crate) fn scan(pair: &mut Pair, wechat: bool) -> Result<(), String> {
    match wechat {
        true => pair.scan(Channel::Wechat, "134567890123456789"),
        false => pair.scan(Channel::Alipay, "284567890123456789"),
    }
}

fn refused<const WECHAT: bool>() -> Result<Pair, String> {
    let mut pair = site(|ask| match &ask.request {
        Request::Pay { .. } => Some((Proof::Refused, "AUTH_CODE_ERROR")),
        _ => absent(),
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(3_000);
    Ok(pair)
}

/// A pay whose answer is open: the number is alive for some questions, and then it is captured.
fn open<const WECHAT: bool, const ALIVE: u32>() -> Result<Pair, String> {
    let mut asked = None;
    let mut pair = site(move |ask| match (&ask.request, asked) {
        (Request::Pay { .. }, _) => {
            asked = Some(0);
            Some((Proof::Open, "USERPAYING"))
        }
        (Request::Query, Some(count)) if count < ALIVE => {
            asked = Some(count + 1);
            Some((Proof::Alive, "USERPAYING"))
        }
        (Request::Query, Some(_)) => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
        _ => absent(),
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(30_000);
    Ok(pair)
}

fn reversed<const WECHAT: bool, const CANCEL: bool>() -> Result<Pair, String> {
    let (mut paid, mut gone) = (false, false);
    let mut pair = site(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid = true;
            Some((Proof::Open, "USERPAYING"))
        }
        Request::Reverse => {
            gone = true;
            Some((Proof::Open, "SUCCESS"))
        }
        Request::Query if gone => Some((Proof::Closed, "REVOKED")),
        Request::Query if paid => Some((Proof::Alive, "USERPAYING")),
        _ => absent(),
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(5_000);
    if CANCEL {
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
    }
    pair.pass(if CANCEL { 40_000 } else { 80_000 });
    Ok(pair)
}

/// What the number was used for before.
fn before<const FOUND: u32>() -> Result<Pair, String> {
    let mut pair = site(|ask| {
        let wechat = ask.merchant.channel == Channel::Wechat;
        match (FOUND, wechat) {
            (0, true) => Some((Proof::Alive, "NOTPAY")),
            (1, true) => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
            (2, true) => Some((Proof::Mismatch(money(ask.total + 1)), "SUCCESS")),
            (3, _) | (4, false) | (5, true) => Some((Proof::Closed, "CLOSED")),
            _ => absent(),
        }
    })?;
    pair.pass(5_000);
    Ok(pair)
}

fn down() -> Result<Pair, String> {
    let mut pair = site(|_| None)?;
    scan(&mut pair, true)?;
    pair.pass(95_000);
    Ok(pair)
}

fn down_without_code() -> Result<Pair, String> {
    let mut pair = site(|_| None)?;
    pair.pass(95_000);
    Ok(pair)
}

fn cancelled_after<const AFTER: u64>() -> Result<Pair, String> {
    let mut pair = site(|_| absent())?;
    pair.pass(AFTER);
    let order = pair.made().ok_or("no order")?;
    pair.cancel(&order)?;
    pair.pass(3_000);
    Ok(pair)
}

/// The program of the POS ends right behind its pay, and starts again.
fn restarted<const FOUND: u32, const AFTER: u64>() -> Result<Pair, String> {
    let mut paid = false;
    let mut pair = site(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid = true;
            None
        }
        Request::Query if paid => match FOUND {
            0 | 1 => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
            2 => Some((Proof::Closed, "CLOSED")),
            _ => absent(),
        },
        _ => absent(),
    })?;
    scan(&mut pair, !matches!(FOUND, 1 | 4))?;
    pair.pass(AFTER);
    pair.kill(End::Pos);
    pair.pass(200);
    pair.start(End::Pos)?;
    pair.pass(if FOUND < 3 { 30_000 } else { 400_000 });
    Ok(pair)
}
