//! Conversations of a POS that does not believe its journal: the machine booted again, or HIS has seen a later one.

use hispos::platform::{Proof, Request};

use crate::asked::raw;
use crate::draws::known;
use crate::pair::{End, Pair};
use crate::paying::{ATTEMPT, absent, scan, site};
use crate::played::Played;
use crate::questions::{Ids, alive, captured, pos};
use crate::shows::{POS_TAKEN, POS_UP, Story};
use crate::site::DAY;

const BOOTED: Ids = &[POS_UP, POS_TAKEN, "BOK-24 ORD-56 ORD-60 PAY-40"];
const BOOTED_PAYING: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "BOK-24 ORD-56 ORD-60 PAY-40"];
const WENT_BACK: Ids = &[POS_UP, POS_TAKEN, "BOK-29 ORD-61 ORD-62"];
const WENT_BACK_PAYING: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "BOK-29 ORD-61 ORD-62"];

pub(crate) const STORIES: &[Story] = &[
    pos("the machine boots while a code is awaited", BOOTED, booted::<0>),
    pos("the machine boots behind a pay that is alive", BOOTED_PAYING, booted::<1>),
    pos("the machine boots behind a refund request", BOOTED_PAYING, booted::<2>),
    pos("HIS has seen a later journal while a code is awaited", WENT_BACK, went_back::<0>),
    pos("HIS has seen a later journal while a pay is alive", WENT_BACK_PAYING, went_back::<1>),
    pos("HIS has seen another journal while a refund is pending", WENT_BACK_PAYING, went_back::<2>),
];

/// A POS with an order that waits (0), is paid and alive (1), or gives back and is pending (2).
fn busy(what: u32) -> Result<Pair, String> {
    let mut paid = false;
    let mut pair = site(move |ask| match &ask.request {
        Request::Pay { .. } => {
            paid = true;
            if what == 2 { captured(ask) } else { Some((Proof::Open, "USERPAYING")) }
        }
        Request::Refund { .. } => Some((Proof::RefundPending, "PROCESSING")),
        Request::QueryRefund { .. } => Some((Proof::Absent, "REFUNDNOTEXIST")),
        Request::Reverse => Some((Proof::Open, "SUCCESS")),
        _ if !paid => absent(),
        _ if what == 2 => captured(ask),
        _ => alive(),
    })?;
    if what > 0 {
        scan(&mut pair, true)?;
        pair.pass(3_000);
    }
    if what == 2 {
        pair.refund(8_800, DAY)?;
        pair.pass(2_000);
    }
    Ok(pair)
}

fn booted<const WHAT: u32>() -> Result<Pair, String> {
    let mut pair = busy(WHAT)?;
    pair.kill(End::Pos);
    pair.pass(30_000);
    pair.boots();
    pair.start(End::Pos)?;
    pair.pass(8_000);
    // What is asked from now on is no business of HIS.
    pair.kill(End::His);
    pair.pass(120_000);
    Ok(pair)
}

fn went_back<const WHAT: u32>() -> Result<Pair, String> {
    let mut played = Played::beside(busy(WHAT)?, End::Pos)?;
    let book: [u8; 8] = if WHAT == 2 { [9; 8] } else { known("journal book") };
    let seen = [book.as_slice(), &900_u64.to_be_bytes(), &[5; 8]].concat();
    played.ask("sync", "Sync", &vec![("journal_seen", raw(&seen))])?;
    played.live(45_000, &|_, _| None)?;
    // A Sync with nothing to complain about, and a new start, change nothing about the order.
    played.ask("sync", "Sync", &Vec::new())?;
    played.live(1_000, &|_, _| None)?;
    let mut pair = played.pair;
    pair.kill(End::Pos);
    pair.mend();
    pair.start(End::Pos)?;
    pair.start(End::His)?;
    pair.pass(8_000);
    pair.kill(End::His);
    pair.pass(60_000);
    Ok(pair)
}
