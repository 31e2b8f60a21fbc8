//! Conversations about what the answers to questions prove, when questions are asked, and when a pay is reversed.

use hispos::platform::{Ask, Channel, Proof, Request};

use crate::lines::{started, waiting};
use crate::pair::{End, Pair};
use crate::paying::{ATTEMPT, Answer, absent, money, scan, site};
use crate::shows::{POS_TAKEN, POS_UNPAID, POS_UP, Story, story};
use crate::site::DAY;

pub(crate) type Ids = &'static [&'static str];
pub(crate) type Lived = fn() -> Result<Pair, String>;

/// A story that only the POS shows something in.
pub(crate) const fn pos(comment: &'static str, pos: Ids, lived: Lived) -> Story {
    story(comment, &[], pos, lived)
}

const UNWRITTEN: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "PAY-41"];
const NOTHING: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "PAY-42 PAY-76"];
const MISMATCH: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "PAY-43 PAY-45"];
const REFUNDED: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "PAY-43 PAY-46"];
const ANEW: Ids = &["ORD-41 ORD-105 PAY-43 PAY-53"];
const FENCED: Ids = &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "PAY-48 PAY-54 PAY-78 PAY-80"];
const SLOW: Ids = &[POS_UP, "PAY-57"];
const SAID: Ids = &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "PAY-59 PAY-78 PAY-79 PAY-80"];
const GAPS: Ids = &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "PAY-59 PAY-78 PAY-80 PAY-81"];
const UNSURE: Ids = &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "PAY-59 PAY-78 PAY-82"];

pub(crate) const STORIES: &[Story] = &[
    pos("closed, by a question that was never written", UNWRITTEN, unwritten::<0>),
    pos("captured, by a question that was never written", UNWRITTEN, unwritten::<1>),
    pos("another amount, by a question that was never written", UNWRITTEN, unwritten::<2>),
    pos("a question is answered by refused", NOTHING, nothing::<0>),
    pos("a question is answered by number known", NOTHING, nothing::<1>),
    pos("a question is answered by payer refused, and then by closed", NOTHING, nothing::<2>),
    pos("a question is answered by merchant refused", NOTHING, nothing::<3>),
    pos("a WeChat payment has another amount", MISMATCH, mismatch::<true, false>),
    pos("an Alipay payment has another amount", MISMATCH, mismatch::<false, false>),
    pos("a payment has another amount after the POS started again", MISMATCH, mismatch::<true, true>),
    pos("a payment was given back by others", REFUNDED, refunded::<false, false>),
    pos("a part of a payment was given back by others", REFUNDED, refunded::<false, true>),
    pos("a reverse gave the payment back", REFUNDED, refunded::<true, false>),
    pos("a reverse gave a part of the payment back", REFUNDED, refunded::<true, true>),
    pos(
        "a payment is alive beyond its lease and its expiry",
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "PAY-49 PAY-50 PAY-52 PAY-81"],
        never_ends,
    ),
    pos("a number is closed and then has money", ANEW, found_anew::<true, false>),
    pos("a number is closed and then has other money", ANEW, found_anew::<true, true>),
    pos("an Alipay number is closed and then has money", ANEW, found_anew::<false, false>),
    pos("a WeChat payment never came", FENCED, never_came::<true, false>),
    pos("an Alipay payment never came", FENCED, never_came::<false, false>),
    pos("a payment never came, and the cashier cancels", FENCED, never_came::<true, true>),
    pos("a slow platform is asked before a code was shown", SLOW, slow::<0>),
    pos("a slow platform is asked about a payment", SLOW, slow::<1>),
    pos("a slow platform is asked after the POS started again", SLOW, slow::<2>),
    pos("a reverse is answered by closed", SAID, reverse_says::<0>),
    pos("a reverse is answered by captured", SAID, reverse_says::<1>),
    pos("a reverse is answered by absent", SAID, reverse_says::<2>),
    pos("six reverses of a WeChat payment have no effect", GAPS, in_vain::<true, true>),
    pos("six reverses of an Alipay payment have no effect", GAPS, in_vain::<false, true>),
    pos("six late reverses of a WeChat payment have no effect", GAPS, in_vain::<true, false>),
    pos("questions before a reverse get no answer", UNSURE, unsure::<0>),
    pos("questions before a reverse are answered by an error", UNSURE, unsure::<1>),
    pos("questions before a reverse are answered by merchant refused", UNSURE, unsure::<2>),
];

/// A pay that is open; behind it, questions are answered by their number from 0 on.
fn paid(wechat: bool, answer: impl Fn(&Ask, u32) -> Answer + 'static) -> Result<Pair, String> {
    let mut asked = None;
    let mut pair = site(move |ask| match (&ask.request, asked) {
        (Request::Pay { .. }, _) => {
            asked = Some(0);
            Some((Proof::Open, "USERPAYING"))
        }
        (Request::Query, Some(count)) => {
            asked = Some(count + 1);
            answer(ask, count)
        }
        (Request::Reverse, _) => Some((Proof::Open, "SUCCESS")),
        _ => absent(),
    })?;
    scan(&mut pair, wechat)?;
    pair.pass(4_000);
    Ok(pair)
}

pub(crate) fn captured(ask: &Ask) -> Answer {
    Some((Proof::Captured(money(ask.total)), "SUCCESS"))
}

pub(crate) fn closed() -> Answer {
    Some((Proof::Closed, "CLOSED"))
}

pub(crate) fn alive() -> Answer {
    Some((Proof::Alive, "USERPAYING"))
}

fn unwritten<const SAYS: u32>() -> Result<Pair, String> {
    let mut pair = paid(true, |ask, count| match (SAYS, count) {
        (0, 0 | 1) => closed(),
        (1, 0 | 1) => captured(ask),
        (2, 0 | 1) => Some((Proof::Mismatch(money(ask.total + 1)), "SUCCESS")),
        (1, _) => closed(),
        _ => captured(ask),
    })?;
    pair.platform_written(false);
    pair.pass(8_000);
    pair.platform_written(true);
    pair.pass(5_000);
    Ok(pair)
}

fn nothing<const SAYS: u32>() -> Result<Pair, String> {
    let mut pair = paid(true, |ask, count| match (SAYS, count) {
        (0, 0 | 1) => Some((Proof::Refused, "AUTHCODEEXPIRE")),
        (1, 0 | 1) => Some((Proof::NumberKnown, "ORDERPAID")),
        (2, 0 | 1) => Some((Proof::PayerRefused, "NOTENOUGH")),
        (3, 0 | 1) => Some((Proof::MerchantRefused, "PARAM_ERROR")),
        (2, _) => closed(),
        _ => captured(ask),
    })?;
    pair.pass(15_000);
    Ok(pair)
}

/// The program of the POS starts again.
pub(crate) fn restart(pair: &mut Pair) -> Result<(), String> {
    pair.kill(End::Pos);
    pair.pass(200);
    pair.start(End::Pos)?;
    pair.pass(8_000);
    Ok(())
}

fn mismatch<const WECHAT: bool, const RESTARTED: bool>() -> Result<Pair, String> {
    let mut pair = paid(WECHAT, |ask, _| Some((Proof::Mismatch(money(ask.total + 1)), "SUCCESS")))?;
    if RESTARTED {
        restart(&mut pair)?;
    }
    pair.pass(5_000);
    Ok(pair)
}

/// A pay that is alive until it is reversed, which a cashier wants soon or nobody.
fn reversed(
    wechat: bool,
    cancel: bool,
    answer: impl Fn(&Ask, u32, u32) -> Answer + 'static,
) -> Result<Pair, String> {
    let (mut asked, mut reverses) = (None, 0);
    let mut pair = site(move |ask| match (&ask.request, asked) {
        (Request::Pay { .. }, _) => {
            asked = Some(0);
            Some((Proof::Open, "USERPAYING"))
        }
        (Request::Query, Some(count)) => {
            asked = Some(count + 1);
            answer(ask, count, reverses)
        }
        (Request::Reverse, Some(count)) => {
            reverses += 1;
            answer(ask, count, reverses)
        }
        _ => absent(),
    })?;
    scan(&mut pair, wechat)?;
    pair.pass(4_000);
    if cancel {
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
    }
    Ok(pair)
}

fn refunded<const REVERSED: bool, const PART: bool>() -> Result<Pair, String> {
    let given_back = |ask: &Ask| {
        let (capture, refunded) = (money(ask.total), if PART { 100 } else { ask.total });
        Some((Proof::CapturedAndRefunded { capture, refunded }, "REFUND"))
    };
    let mut pair = reversed(true, REVERSED, move |ask, _, reverses| match ask.request {
        Request::Reverse => Some((Proof::Open, "SUCCESS")),
        _ if REVERSED && reverses == 0 => alive(),
        _ => given_back(ask),
    })?;
    pair.pass(16_000);
    Ok(pair)
}

/// A payment that is alive whatever is asked and reversed.
fn never_ends() -> Result<Pair, String> {
    let mut pair = reversed(true, false, |ask, _, _| match ask.request {
        Request::Reverse => Some((Proof::Open, "SUCCESS")),
        _ => alive(),
    })?;
    pair.kill(End::His);
    pair.pass(275_000);
    Ok(pair)
}

/// No answer tells the platform's clock, so that a number which has answered is asked again while a code waits.
fn found_anew<const WECHAT: bool, const MISMATCH: bool>() -> Result<Pair, String> {
    let mut asked = 0;
    let mut pair = Pair::new(
        move |ask| match (&ask.request, ask.merchant.channel == Channel::Wechat) {
            (Request::Verify, _) => Some((Proof::Verified, "SUCCESS")),
            (_, wechat) if wechat != WECHAT => None,
            _ => {
                asked += 1;
                match (asked, MISMATCH) {
                    (1, _) => closed(),
                    (_, true) => Some((Proof::Mismatch(money(ask.total + 1)), "SUCCESS")),
                    _ => captured(ask),
                }
            }
        },
        Box::new(|_, _| true),
    )?;
    pair.platform_undated();
    let mut pair = waiting(started(pair)?)?;
    scan(&mut pair, WECHAT)?;
    pair.pass(8_000);
    Ok(pair)
}

/// A pay that is lost on its way.
fn never_came<const WECHAT: bool, const CANCEL: bool>() -> Result<Pair, String> {
    let mut pair = site(|ask| match &ask.request {
        Request::Pay { .. } => None,
        Request::Reverse => Some((Proof::Open, "SUCCESS")),
        _ => absent(),
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(4_000);
    if CANCEL {
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
    }
    pair.kill(End::His);
    pair.pass(if CANCEL { 140_000 } else { 195_000 });
    Ok(pair)
}

fn slow<const WHEN: u32>() -> Result<Pair, String> {
    if WHEN == 0 {
        let answers = |ask: &Ask| match ask.request {
            Request::Verify => Some((Proof::Verified, "SUCCESS")),
            _ => absent(),
        };
        let mut pair = started(Pair::new(answers, Box::new(|_, _| true))?)?;
        pair.pass(2_000);
        pair.platform_takes(17_000);
        pair.collect("bill-1", 8_800, DAY)?;
        pair.pass(40_000);
        return Ok(pair);
    }
    let mut pair = paid(true, |_, _| alive())?;
    pair.platform_takes(if WHEN == 1 { 17_000 } else { 12_000 });
    if WHEN == 2 {
        restart(&mut pair)?;
    }
    pair.pass(38_000);
    Ok(pair)
}

fn reverse_says<const SAYS: u32>() -> Result<Pair, String> {
    let mut pair = reversed(true, true, |ask, _, reverses| match (&ask.request, SAYS) {
        (Request::Reverse, 0) => closed(),
        (Request::Reverse, 1) => captured(ask),
        (Request::Reverse, _) => absent(),
        _ if reverses < 2 => alive(),
        _ => closed(),
    })?;
    pair.pass(18_000);
    Ok(pair)
}

fn in_vain<const WECHAT: bool, const CANCEL: bool>() -> Result<Pair, String> {
    let mut pair = reversed(WECHAT, CANCEL, |ask, _, reverses| match &ask.request {
        Request::Reverse => Some((Proof::Open, "SUCCESS")),
        _ if reverses < 6 => alive(),
        _ => closed(),
    })?;
    pair.pass(if CANCEL { 95_000 } else { 130_000 });
    Ok(pair)
}

fn unsure<const SAYS: u32>() -> Result<Pair, String> {
    let mut pair = reversed(true, true, |ask, count, reverses| match (&ask.request, count, SAYS) {
        (Request::Reverse, ..) => Some((Proof::Open, "SUCCESS")),
        _ if reverses > 0 => closed(),
        (_, 2..=4, 0) => None,
        (_, 2..=4, 1) => Some((Proof::Open, "SYSTEMERROR")),
        (_, 2..=4, _) => Some((Proof::MerchantRefused, "PARAM_ERROR")),
        _ => alive(),
    })?;
    pair.pass(34_000);
    Ok(pair)
}
