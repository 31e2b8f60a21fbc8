//! Conversations in which the POS gives money back.

use hispos::ids::OrderNo;
use hispos::platform::{Ask, Proof, Request};
use hispos::time::UnixSeconds;

use crate::pair::Pair;
use crate::paying::{Answer, absent, money, scan, site};
use crate::questions::{Ids, captured, pos, restart};
use crate::shows::{POS_TAKEN, POS_UP, Story};
use crate::site::{DAY, UNIX};

const FEN: i64 = 8_800;

/// What a POS shows that takes a refund and asks about its numbers.
const ASKED: &str = "ORD-83 ORD-84 ORD-136 ORD-140";
/// What it shows that requests the refund.
const SENT: &str = "ORD-136 ORD-138 ORD-139 ORD-140 PAY-83";
/// What it shows that ends it by a proof.
const PROVED: &str = "ORD-36 ORD-37 ORD-38 ORD-148 ORD-150 ORD-151 PAY-84";
const DONE: Ids = &[POS_UP, POS_TAKEN, ASKED, SENT, PROVED];
const OPEN: Ids = &[POS_UP, POS_TAKEN, ASKED, SENT, PROVED, "ORD-141 PAY-64 PAY-65"];
const PENDING: Ids = &[POS_UP, POS_TAKEN, ASKED, SENT, PROVED, "ORD-141 PAY-64 PAY-65 PAY-88"];
const AGAIN: Ids = &[POS_UP, POS_TAKEN, ASKED, SENT, PROVED, "ORD-141 ORD-142 PAY-64 PAY-65 PAY-66 PAY-87"];
const IGNORED: Ids = &[POS_UP, POS_TAKEN, ASKED, SENT, PROVED, "ORD-141 ORD-142 PAY-64 PAY-65 PAY-85"];
const ABSENT: Ids =
    &[POS_UP, POS_TAKEN, ASKED, SENT, "ORD-141 ORD-142 PAY-56 PAY-64 PAY-65 PAY-66 PAY-86 PAY-87"];
const KNOWN: Ids = &[POS_UP, POS_TAKEN, ASKED, PROVED, "ORD-137"];
const ORIGINAL: Ids = &[POS_UP, POS_TAKEN, ASKED, "ORD-138"];
const CANCELLED: Ids = &[POS_UP, POS_TAKEN, ASKED, "ORD-95 ORD-134"];
const DOWN: Ids = &[POS_UP, POS_TAKEN, ASKED, "ORD-135"];
const RESTARTED: Ids = &[POS_UP, POS_TAKEN, ASKED, "BOK-24 ORD-56 ORD-133"];

pub(crate) const STORIES: &[Story] = &[
    pos("a WeChat payment is given back", DONE, done::<true, 0>),
    pos("an Alipay payment is given back", DONE, done::<false, 0>),
    pos("a refund is refused", DONE, done::<true, 1>),
    pos("a refund is closed", DONE, done::<true, 2>),
    pos("a refund needs people at the platform", DONE, done::<true, 3>),
    pos("the number of a refund is known", DONE, done::<true, 4>),
    pos("a refund gets no answer, and is done", OPEN, open::<0>),
    pos("a refund is answered by an error, and is done", OPEN, open::<1>),
    pos("an Alipay refund gets no answer, and is refused", OPEN, open::<2>),
    pos("a refund is pending, then done", PENDING, pending::<0>),
    pos("a refund is pending, then closed", PENDING, pending::<1>),
    pos("a refund is pending, then needs people", PENDING, pending::<2>),
    pos("a lost refund is requested again", AGAIN, again::<0>),
    pos("a refund that is lost twice is requested again", AGAIN, again::<1>),
    pos("a lost Alipay refund is requested again, and pending", AGAIN, again::<2>),
    pos("a repeated refund is refused, and was done", IGNORED, refused_again::<0>),
    pos("a repeated refund is refused as closed, and was done", IGNORED, refused_again::<1>),
    pos("a repeated Alipay refund is refused, and was done", IGNORED, refused_again::<2>),
    pos("a WeChat refund never comes", ABSENT, never::<true, 0>),
    pos("an Alipay refund never comes", ABSENT, never::<false, 0>),
    pos("a refund never comes, and the POS starts again", ABSENT, never::<true, 1>),
    pos("a refund is known before it was requested", KNOWN, known::<0>),
    pos("a refund was refused before it was requested", KNOWN, known::<1>),
    pos("a refund is pending before it was requested", KNOWN, known::<2>),
    pos("the payment of a refund has another amount", ORIGINAL, original::<0>),
    pos("the payment of a refund is closed", ORIGINAL, original::<1>),
    pos("the payment of a refund is absent", ORIGINAL, original::<2>),
    pos("the payment of a refund is alive", ORIGINAL, original::<3>),
    pos("a refund is cancelled while nobody answers about it", CANCELLED, cancelled::<0>),
    pos("a refund is cancelled while nobody answers about its payment", CANCELLED, cancelled::<1>),
    pos("a refund is cancelled while questions are refused", CANCELLED, cancelled::<2>),
    pos("nobody answers about a refund until its start is over", DOWN, down::<0>),
    pos("nobody answers about the payment of a refund until its start is over", DOWN, down::<1>),
    pos("questions about a refund are refused until its start is over", DOWN, down::<2>),
    pos("the POS starts again before a refund was requested", RESTARTED, restarted::<0>),
    pos("the POS starts again before the payment of a refund was asked about", RESTARTED, restarted::<1>),
    pos("the POS starts again after a refund was requested", RESTARTED, restarted::<2>),
];

/// How often was asked so far, this time not counted.
#[derive(Clone, Copy, Default)]
struct Seen {
    own: u32,
    requests: u32,
}

/// A refund of a payment. Questions about the payment are answered by `original`, what is about the refund by `answer`.
fn refund(
    wechat: bool,
    original: impl Fn(&Ask) -> Answer + 'static,
    answer: impl Fn(&Ask, Seen) -> Answer + 'static,
) -> Result<(Pair, OrderNo), String> {
    let (mut paid, mut seen) = (false, Seen::default());
    let mut pair = site(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid = true;
            captured(ask)
        }
        Request::Refund { .. } => {
            let before = seen;
            seen.requests += 1;
            answer(ask, before)
        }
        Request::QueryRefund { .. } => {
            let before = seen;
            seen.own += 1;
            answer(ask, before)
        }
        _ if paid => original(ask),
        _ => absent(),
    })?;
    scan(&mut pair, wechat)?;
    pair.pass(3_000);
    let order_no = pair.refund(FEN, DAY)?;
    Ok((pair, order_no))
}

fn done_now() -> Answer {
    Some((
        Proof::Refunded { refund_id: "50300002611240000000001".into(), at: Some(UnixSeconds(UNIX + 40)) },
        "SUCCESS",
    ))
}

fn refused(closed: bool) -> Answer {
    Some((Proof::NotRefunded { closed }, if closed { "CLOSED" } else { "NOTENOUGH" }))
}

fn refund_pending() -> Answer {
    Some((Proof::RefundPending, "PROCESSING"))
}

fn abnormal() -> Answer {
    Some((Proof::RefundAbnormal, "ABNORMAL"))
}

fn error() -> Answer {
    Some((Proof::Open, "SYSTEMERROR"))
}

/// No refund of the number is there.
fn none() -> Answer {
    Some((Proof::Absent, "REFUNDNOTEXIST"))
}

fn is_request(ask: &Ask) -> bool {
    matches!(ask.request, Request::Refund { .. })
}

fn done<const WECHAT: bool, const SAYS: u32>() -> Result<Pair, String> {
    let (mut pair, _) = refund(WECHAT, captured, |ask, _| match (is_request(ask), SAYS) {
        (false, _) => none(),
        (_, 0) => done_now(),
        (_, 1) => refused(false),
        (_, 2) => refused(true),
        (_, 3) => abnormal(),
        _ => Some((Proof::NumberKnown, "ERROR")),
    })?;
    pair.pass(5_000);
    Ok(pair)
}

fn open<const SAYS: u32>() -> Result<Pair, String> {
    let (mut pair, _) =
        refund(SAYS != 2, captured, |ask, seen| match (is_request(ask), seen.requests, SAYS) {
            (true, _, 1) => error(),
            (true, ..) => None,
            (false, 0, _) => none(),
            (.., 2) => refused(false),
            _ => done_now(),
        })?;
    pair.pass(25_000);
    Ok(pair)
}

fn pending<const THEN: u32>() -> Result<Pair, String> {
    let (mut pair, _) = refund(true, captured, |ask, seen| match (is_request(ask), seen.own, THEN) {
        (true, ..) => refund_pending(),
        (_, 0, _) => none(),
        (_, 1 | 2, _) => refund_pending(),
        (.., 0) => done_now(),
        (.., 1) => refused(true),
        _ => abnormal(),
    })?;
    pair.pass(60_000);
    Ok(pair)
}

fn again<const HOW: u32>() -> Result<Pair, String> {
    let lost = if HOW == 1 { 2 } else { 1 };
    let (mut pair, _) =
        refund(HOW != 2, captured, move |ask, seen| match (is_request(ask), seen.requests) {
            (true, count) if count < lost => None,
            (true, _) if HOW == 2 => refund_pending(),
            (true, _) => done_now(),
            (false, count) if count <= lost => none(),
            _ => done_now(),
        })?;
    pair.pass(70_000);
    Ok(pair)
}

fn refused_again<const HOW: u32>() -> Result<Pair, String> {
    let (mut pair, _) = refund(HOW != 2, captured, |ask, seen| match (is_request(ask), seen.requests) {
        (true, 0) => None,
        (true, _) => refused(HOW == 1),
        (false, 0 | 1) => none(),
        _ => done_now(),
    })?;
    pair.pass(70_000);
    Ok(pair)
}

fn never<const WECHAT: bool, const RESTARTS: u32>() -> Result<Pair, String> {
    let (mut pair, _) = refund(WECHAT, captured, |ask, _| if is_request(ask) { None } else { none() })?;
    pair.pass(30_000);
    if RESTARTS == 1 {
        restart(&mut pair)?;
        pair.pass(392_000);
    } else {
        pair.pass(400_000);
    }
    Ok(pair)
}

fn known<const SAYS: u32>() -> Result<Pair, String> {
    let (mut pair, _) = refund(true, captured, |_, seen| match (SAYS, seen.own) {
        (1, _) => refused(false),
        (2, 0) => refund_pending(),
        _ => done_now(),
    })?;
    pair.pass(20_000);
    Ok(pair)
}

fn original<const SAYS: u32>() -> Result<Pair, String> {
    let says = |ask: &Ask| match SAYS {
        0 => Some((Proof::Mismatch(money(ask.total + 1)), "SUCCESS")),
        1 => Some((Proof::Closed, "CLOSED")),
        2 => absent(),
        _ => Some((Proof::Alive, "USERPAYING")),
    };
    let (mut pair, _) = refund(true, says, |_, _| none())?;
    pair.pass(10_000);
    Ok(pair)
}

/// Nobody says anything about the refund, or about its payment, or the questions are refused.
fn unanswered<const WHAT: u32>() -> Result<(Pair, OrderNo), String> {
    let merchant = || Some((Proof::MerchantRefused, "PARAM_ERROR"));
    let original = move |_: &Ask| if WHAT == 2 { merchant() } else { None };
    refund(true, original, move |_, _| match WHAT {
        0 => None,
        1 => none(),
        _ => merchant(),
    })
}

fn cancelled<const WHAT: u32>() -> Result<Pair, String> {
    let (mut pair, order_no) = unanswered::<WHAT>()?;
    pair.pass(3_000);
    pair.cancel(&order_no)?;
    pair.pass(20_000);
    Ok(pair)
}

fn down<const WHAT: u32>() -> Result<Pair, String> {
    let (mut pair, _) = unanswered::<WHAT>()?;
    pair.pass(110_000);
    Ok(pair)
}

fn restarted<const WHEN: u32>() -> Result<Pair, String> {
    let (mut pair, _) = match WHEN {
        2 => refund(true, captured, |ask, seen| match (is_request(ask), seen.requests) {
            (true, _) => None,
            (false, 0) => none(),
            _ => done_now(),
        })?,
        1 => unanswered::<1>()?,
        _ => unanswered::<0>()?,
    };
    pair.pass(2_000);
    restart(&mut pair)?;
    pair.pass(22_000);
    Ok(pair)
}
