//! Conversations of a POS that holds a newer agreement with other merchants: money moves at those of the order's own.

use hispos::platform::{Channel, Proof, Request};

use crate::lines::{started, waiting};
use crate::pair::{End, Pair};
use crate::paying::{absent, money, scan};
use crate::rules::asked;
use crate::shows::{POS_TAKEN, POS_UNPAID, POS_UP, Story, story};

/// What a POS shows when it has written a pay.
const ATTEMPT: &str = "ORD-33 ORD-114 PAY-37 PAY-39 PAY-67 PAY-68 PAY-70 PAY-72";

pub(crate) const STORIES: &[Story] = &[
    story(
        "a WeChat payment under the older of two agreements",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "PAY-74 PAY-75"],
        paid::<true, 0>,
    ),
    story(
        "an Alipay payment under the older of two agreements",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "PAY-74 PAY-75"],
        paid::<false, 0>,
    ),
    story(
        "a WeChat payment under the older of two agreements is reversed",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "ORD-117 ORD-119 ORD-121 PAY-47 PAY-78"],
        paid::<true, 1>,
    ),
    story(
        "an Alipay payment under the older of two agreements is reversed",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, ATTEMPT, "ORD-117 ORD-119 ORD-121 PAY-47 PAY-78"],
        paid::<false, 1>,
    ),
    story(
        "the POS starts again after a payment under the older of two agreements",
        &[],
        &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-116 ORD-124 ORD-127 PAY-40 PAY-44 PAY-60"],
        paid::<true, 2>,
    ),
    story(
        "a merchant of the newer agreement has money under the number",
        &[],
        &[POS_UP, POS_TAKEN, "ORD-105 PAY-37"],
        known_elsewhere,
    ),
];

fn paid<const WECHAT: bool, const HOW: u8>() -> Result<Pair, String> {
    let (mut paid, mut gone) = (false, false);
    let answers = asked(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid = true;
            match HOW {
                0 => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
                1 => Some((Proof::Open, "USERPAYING")),
                _ => None,
            }
        }
        Request::Reverse => {
            gone = true;
            Some((Proof::Open, "SUCCESS"))
        }
        Request::Query if gone => Some((Proof::Closed, "REVOKED")),
        Request::Query if paid && HOW == 1 => Some((Proof::Alive, "USERPAYING")),
        Request::Query if paid => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
        _ => absent(),
    });
    let mut pair = Pair::new(answers, Box::new(|_, _| true))?;
    pair.another_agreement()?;
    let mut pair = waiting(started(pair)?)?;
    scan(&mut pair, WECHAT)?;
    match HOW {
        0 => pair.pass(3_000),
        1 => {
            let order = pair.made().ok_or("no order")?;
            pair.pass(5_000);
            pair.cancel(&order)?;
            pair.pass(20_000);
        }
        _ => {
            pair.pass(1_000);
            pair.kill(End::Pos);
            pair.start(End::Pos)?;
            pair.pass(15_000);
        }
    }
    Ok(pair)
}

fn known_elsewhere() -> Result<Pair, String> {
    let answers = asked(|ask| match ask.merchant.channel {
        Channel::Alipay if ask.merchant.account == "2021000000000002" => {
            Some((Proof::Captured(money(ask.total)), "TRADE_SUCCESS"))
        }
        _ => absent(),
    });
    let mut pair = Pair::new(answers, Box::new(|_, _| true))?;
    pair.another_agreement()?;
    let mut pair = waiting(started(pair)?)?;
    pair.pass(3_000);
    Ok(pair)
}
