//! Conversations over hours and days in which HIS looks again at ends that rest on absence, and at what needs people.
//!
//! Both programs are down in between: they start again shortly before a look is due.

use std::cell::Cell;
use std::rc::Rc;

use hispos::book::Table;
use hispos::ledger::OrderView;
use hispos::platform::{Ask, Proof, Request};
use hispos::time::UnixSeconds;

use crate::pair::{End, Pair};
use crate::paying::{Answer, absent, money, scan, site};
use crate::questions::{Ids, captured};
use crate::shows::{HIS_MADE, HIS_UNPAID, HIS_UP, Story, story};
use crate::site::{DAY, UNIX};

const LOOKS: Ids = &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-211 ORD-213 ORD-214"];
const DAILY: Ids = &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-212 ORD-213 ORD-214"];
const RELEASED: Ids = &[HIS_UP, HIS_MADE, "ORD-207 ORD-208 ORD-211 ORD-213"];

const fn his(comment: &'static str, ids: Ids, lived: fn() -> Result<Pair, String>) -> Story {
    story(comment, ids, &[], lived)
}

pub(crate) const STORIES: &[Story] = &[
    his("an absent order is looked at again after ten minutes, an hour and a day", LOOKS, absence::<true, 4>),
    his(
        "an absent Alipay order is looked at again after ten minutes and an hour",
        LOOKS,
        absence::<false, 2>,
    ),
    his("an absent order is looked at again after ten minutes", LOOKS, absence::<true, 1>),
    his("an order that needs people is looked at again each day", DAILY, attention::<1, 3>),
    his("an order that needs people is looked at again after a day", DAILY, attention::<1, 1>),
    his(
        "an order that needs people is looked at again after one day and after two",
        DAILY,
        attention::<1, 2>,
    ),
    his("an absent refund is released by its third look", RELEASED, refund::<true, 0>),
    his("an absent Alipay refund is released by its third look", RELEASED, refund::<false, 0>),
    his("an absent refund is done when it is looked at the third time", RELEASED, refund::<true, 1>),
];

const TEN_MINUTES: u64 = 600_000;
const HOUR: u64 = 3_600_000;
const DAY_LONG: u64 = 24 * HOUR;

/// Both programs are down until shortly before this time behind `ended`, and run until some time behind it.
fn wakes(pair: &mut Pair, ended: u64, after: u64) -> Result<(), String> {
    pair.kill(End::His);
    pair.kill(End::Pos);
    pair.pass((ended + after).saturating_sub(10_000 + pair.now));
    pair.start(End::Pos)?;
    pair.start(End::His)?;
    pair.pass(50_000);
    Ok(())
}

/// When the order, or its refund, has ended at HIS.
fn end_of(pair: &mut Pair) -> Result<u64, String> {
    for _ in 0..500 {
        let rows = pair.ledger.memory.table(Table::Order);
        if rows.iter().filter_map(OrderView::read).all(|order| order.ended) {
            return Ok(pair.now);
        }
        pair.pass(20);
    }
    Err("no end".to_owned())
}

/// A payment that is lost, or of another amount.
fn ended(wechat: bool, mismatch: bool) -> Result<Pair, String> {
    let paid = Cell::new(false);
    let mut pair = site(move |ask| match (&ask.request, paid.get() && mismatch) {
        (Request::Pay { .. }, _) => {
            paid.set(true);
            if mismatch { Some((Proof::Open, "USERPAYING")) } else { None }
        }
        (Request::Reverse, _) => Some((Proof::Open, "SUCCESS")),
        (_, true) => Some((Proof::Mismatch(money(ask.total + 1)), "SUCCESS")),
        _ => absent(),
    })?;
    scan(&mut pair, wechat)?;
    if mismatch {
        return Ok(pair);
    }
    // The cashier gives up, and nobody looks on while the fences pass.
    pair.pass(4_000);
    let order = pair.made().ok_or("no order")?;
    pair.cancel(&order)?;
    pair.pass(3_000);
    pair.kill(End::His);
    pair.pass(140_000);
    pair.start(End::His)?;
    Ok(pair)
}

fn absence<const WECHAT: bool, const LOOKS: usize>() -> Result<Pair, String> {
    let mut pair = ended(WECHAT, false)?;
    let end = end_of(&mut pair)?;
    for after in [TEN_MINUTES, HOUR, DAY_LONG, 2 * DAY_LONG].into_iter().take(LOOKS) {
        wakes(&mut pair, end, after)?;
    }
    Ok(pair)
}

fn attention<const FROM: u64, const TO: u64>() -> Result<Pair, String> {
    let mut pair = ended(true, true)?;
    let end = end_of(&mut pair)?;
    for day in FROM..=TO {
        wakes(&mut pair, end, day * DAY_LONG)?;
    }
    Ok(pair)
}

/// A refund of which nothing is known.
fn refund<const WECHAT: bool, const THIRD: u32>() -> Result<Pair, String> {
    let (paid, done) = (Cell::new(false), Rc::new(Cell::new(false)));
    let now = done.clone();
    let mut pair = site(move |ask: &Ask| -> Answer {
        match &ask.request {
            Request::Pay { .. } => {
                paid.set(true);
                captured(ask)
            }
            Request::Refund { .. } => None,
            Request::QueryRefund { .. } if now.get() => {
                let refund_id = "50300002611240000000001".into();
                Some((Proof::Refunded { refund_id, at: Some(UnixSeconds(UNIX + 40)) }, "SUCCESS"))
            }
            Request::QueryRefund { .. } => Some((Proof::Absent, "REFUNDNOTEXIST")),
            _ if paid.get() => captured(ask),
            _ => absent(),
        }
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(3_000);
    if !pair.give_back(8_800, "", DAY)? {
        return Err("no refund".to_owned());
    }
    pair.pass(3_000);
    pair.kill(End::His);
    pair.pass(430_000);
    pair.start(End::His)?;
    let end = end_of(&mut pair)?;
    wakes(&mut pair, end, TEN_MINUTES)?;
    wakes(&mut pair, end, HOUR)?;
    done.set(THIRD == 1);
    wakes(&mut pair, end, DAY_LONG)?;
    Ok(pair)
}
