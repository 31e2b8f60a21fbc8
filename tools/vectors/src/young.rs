//! Conversations of a HIS with a ledger that is young: its orders name the numbers that a forgotten one may have.

use hispos::ledger;
use hispos::platform::Channel;
use hispos::time::{Clock, Instant, UnixSeconds};

use crate::example::platform;
use crate::lines::{started, waiting};
use crate::pair::{BEGIN, Pair};
use crate::shows::{HIS_MADE, HIS_PAID, HIS_UNPAID, HIS_UP, Story, story};
use crate::site::{DAY, SITE, UNIX};

/// How long a new ledger searches, in seconds.
const SEARCHES: u64 = 345_600;
const SEARCHED: &str = "BOK-43 ORD-163";

pub(crate) const STORIES: &[Story] = &[
    story("HIS collects with a new ledger", &[HIS_UP, HIS_MADE, HIS_PAID, SEARCHED], &[], young::<0>),
    story("HIS cancels with a new ledger", &[HIS_UP, HIS_MADE, SEARCHED], &[], young::<1>),
    story(
        "HIS collects a bill again with a new ledger",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, SEARCHED],
        &[],
        young::<2>,
    ),
    story("HIS collects a second before the search is over", &[HIS_UP, HIS_MADE, SEARCHED], &[], old::<3>),
    story("HIS collects when the search is just over", &[HIS_UP, HIS_MADE, SEARCHED], &[], old::<2>),
    story("HIS cancels behind the end of the search", &[HIS_UP, HIS_MADE, SEARCHED], &[], old::<4>),
];

/// A ledger that is about to search no more, which it does for so many seconds yet.
fn searching(seconds: u64) -> Result<Pair, String> {
    let born = Clock { now: Instant(BEGIN), unix: Some(UnixSeconds(UNIX + seconds - SEARCHES)) };
    started(Pair::of_ledger(&ledger::born(SITE, born), platform, Box::new(|_, _| true))?)
}

fn young<const THEN: u32>() -> Result<Pair, String> {
    let mut pair = waiting(searching(SEARCHES)?)?;
    if THEN == 0 {
        pair.scan(Channel::Wechat, "134567890123456789")?;
    } else {
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
    }
    pair.pass(30_000);
    if THEN == 2 {
        pair.collect("bill-1", 8_800, DAY)?;
        pair.pass(2_000);
    }
    Ok(pair)
}

/// The collect is made 2 s behind the start.
fn old<const SECONDS: u64>() -> Result<Pair, String> {
    let mut pair = waiting(searching(SECONDS)?)?;
    if SECONDS == 4 {
        pair.pass(2_000);
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
    }
    pair.pass(2_000);
    Ok(pair)
}
