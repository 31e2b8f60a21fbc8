//! Conversations of a POS about looks at orders that have ended or are another device's, and the totals behind them.

use std::cell::Cell;
use std::rc::Rc;

use hispos::message::result::result_hash;
use hispos::platform::{Ask, Capture, Channel, Proof, Request};
use prost_reflect::Value;
use serde_json::Value as Json;

use crate::asked::raw;
use crate::draws::all;
use crate::fields::{Fields, collect_fields, text, with};
use crate::hex::bytes;
use crate::lines::calm;
use crate::pair::{End, Pair};
use crate::paying::{ATTEMPT, Answer, absent, money, scan, site};
use crate::played::{self, Played};
use crate::questions::{Ids, alive, captured, pos};
use crate::requests::held_core;
use crate::shows::{POS_TAKEN, POS_UP, Story};
use crate::site::DAY;

const LATER: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-97 ORD-102 ORD-103 ORD-247"];
const FOUND: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-97 ORD-102 ORD-103 ORD-247 ORD-248"];
const KEPT: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-246 ORD-248 ORD-249 ORD-250"];
const BESIDE: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-97 ORD-101 ORD-102"];
const OTHER: Ids = &[POS_UP, "ORD-97 ORD-100 ORD-148"];
const TOLD: Ids = &[POS_UP, POS_TAKEN, ATTEMPT, "ORD-144"];

pub(crate) const STORIES: &[Story] = &[
    pos("a look finds a second payment of a paid order", FOUND, later::<0>),
    pos("a look finds a payment of an order that was not paid", FOUND, later::<1>),
    pos("a look finds that a payment was given back by others", LATER, later::<2>),
    pos("two looks find a second payment, and then the first alone", LATER, later::<3>),
    pos("totals are asked after a paid result was kept", KEPT, kept::<0>),
    pos("totals are asked before a paid result is answered", KEPT, kept::<1>),
    pos("totals are asked after a result with another amount was recorded", KEPT, kept::<2>),
    pos("totals are asked after an Alipay result with another amount was kept", KEPT, kept::<3>),
    pos(
        "an order is asked about while a look at it runs, whose result was not answered",
        BESIDE,
        beside::<0>,
    ),
    pos("a paid order is asked about while a look at it runs", BESIDE, beside::<1>),
    pos("an order that was not paid is listed while a look at it runs", BESIDE, beside::<2>),
    pos("another device's order is looked up and absent", OTHER, other::<0>),
    pos("another device's order is looked up and has money", OTHER, other::<1>),
    pos("the POS starts again while another device's order is looked up", OTHER, other::<2>),
    pos("a paid order is cancelled", TOLD, told::<0>),
    pos("a paid order is cancelled after the POS started again", TOLD, told::<1>),
    pos("a look at a paid order finds it alive, and it is cancelled", TOLD, told::<2>),
];

const RECORDED: i32 = 1;
const KEPT_ONLY: i32 = 2;

/// How a collect ends.
#[derive(Clone, Copy)]
enum First {
    Paid,
    Refused,
    OtherAmount,
}

/// A POS with a collect that has ended, and somebody in the place of HIS.
struct Ended {
    played: Played,
    core: Vec<u8>,
    looks: Rc<Cell<u32>>,
}

/// The payment that the platform did not tell of at first.
fn second(fen: u64) -> Capture {
    Capture { payment_no: "2026112422001400000000000009".into(), ..money(fen) }
}

/// What HIS answers to a report; nothing if `disposition` is 0.
fn confirmed(body: &str, said: &Json, disposition: i32) -> Option<played::Answer> {
    let result = bytes(said.get("result")?.as_str()?).ok().filter(|_| body == "report_result")?;
    let hash = result_hash(&result);
    let fields = vec![("result_hash", raw(&hash)), ("disposition", Value::EnumNumber(disposition))];
    (disposition != 0).then_some(("confirm_result", "ConfirmResult", fields))
}

/// What HIS answers to the result is `disposition`; `then` says what the platform answers in each look, from 1 on.
fn ended(
    wechat: bool,
    first: First,
    disposition: i32,
    then: impl Fn(&Ask, u32) -> Answer + 'static,
) -> Result<Ended, String> {
    let looks = Rc::new(Cell::new(0));
    let (now, paid) = (looks.clone(), Cell::new(false));
    let pair = site(move |ask| match (&ask.request, now.get(), first) {
        (Request::Pay { .. }, _, First::Paid) => captured(ask),
        (Request::Pay { .. }, _, First::Refused) => Some((Proof::Refused, "AUTH_CODE_ERROR")),
        (Request::Pay { .. }, _, First::OtherAmount) => {
            paid.set(true);
            Some((Proof::Open, "USERPAYING"))
        }
        (_, 0, _) if paid.get() => Some((Proof::Mismatch(money(ask.total + 1)), "SUCCESS")),
        (_, 0, _) => absent(),
        (_, look, _) => then(ask, look),
    })?;
    let core = held_core(&pair)?;
    let mut played = Played::beside(pair, End::Pos)?;
    scan(&mut played.pair, wechat)?;
    played.live(8_000, &|body, said| confirmed(body, said, disposition))?;
    Ok(Ended { played, core, looks })
}

impl Ended {
    /// A look begins.
    fn look(&mut self) -> Result<(), String> {
        self.looks.set(self.looks.get() + 1);
        let fields = vec![("core", raw(&self.core)), ("fresh", Value::Bool(true))];
        self.played.ask("look_up", "LookUp", &fields)
    }

    /// Time passes, and HIS answers reports by this.
    fn live(&mut self, milliseconds: u64, disposition: i32) -> Result<(), String> {
        self.played.live(milliseconds, &|body, said| confirmed(body, said, disposition))
    }

    /// HIS asks for the totals of the day, and at last for the list.
    fn totals(mut self) -> Result<Pair, String> {
        self.played.ask("get_totals", "GetTotals", &vec![("business_day", Value::U32(DAY))])?;
        self.live(200, 0)?;
        self.played.ask("list_orders", "ListOrders", &Fields::new())?;
        self.live(200, 0)?;
        Ok(self.played.pair)
    }

    fn order_no(&self) -> Result<String, String> {
        let said = self.played.schema.decoded("OrderCore", &self.core)?;
        Ok(said.get("order_no").and_then(Json::as_str).unwrap_or_default().to_owned())
    }
}

fn is_wechat(ask: &Ask) -> bool {
    ask.merchant.channel == Channel::Wechat
}

fn later<const WHAT: u32>() -> Result<Pair, String> {
    let first = if WHAT == 1 { First::Refused } else { First::Paid };
    let mut ended = ended(true, first, RECORDED, |ask, look| match (WHAT, look, is_wechat(ask)) {
        (0, _, false) | (3, 1, false) => Some((Proof::Captured(second(ask.total)), "TRADE_SUCCESS")),
        (2, _, true) => {
            let (capture, refunded) = (money(ask.total), ask.total);
            Some((Proof::CapturedAndRefunded { capture, refunded }, "REFUND"))
        }
        (_, _, true) => captured(ask),
        _ => absent(),
    })?;
    ended.look()?;
    ended.live(30_000, KEPT_ONLY)?;
    if WHAT == 3 {
        ended.look()?;
        ended.live(30_000, KEPT_ONLY)?;
    }
    ended.totals()
}

fn kept<const WHAT: u32>() -> Result<Pair, String> {
    let (first, disposition) = match WHAT {
        0 => (First::Paid, KEPT_ONLY),
        1 => (First::Paid, 0),
        2 => (First::OtherAmount, RECORDED),
        _ => (First::OtherAmount, KEPT_ONLY),
    };
    ended(WHAT != 3, first, disposition, |_, _| absent())?.totals()
}

fn beside<const WHAT: u32>() -> Result<Pair, String> {
    let (first, disposition) = match WHAT {
        0 => (First::Paid, 0),
        1 => (First::Paid, RECORDED),
        _ => (First::Refused, RECORDED),
    };
    let mut ended = ended(true, first, disposition, |ask, _| match (WHAT, is_wechat(ask)) {
        (0 | 1, false) => Some((Proof::Captured(second(ask.total)), "TRADE_SUCCESS")),
        (_, true) => captured(ask),
        _ => absent(),
    })?;
    // The numbers answer slowly, so that the look runs.
    ended.played.pair.platform_takes(5_000);
    ended.look()?;
    ended.live(1_000, 0)?;
    if WHAT == 2 {
        ended.played.ask("list_orders", "ListOrders", &Fields::new())?;
    } else {
        let number = ended.order_no()?;
        let hash = order_hash(&ended.core)?;
        let query = vec![("order_no", text(&number)), ("order_hash", raw(&hash))];
        ended.played.ask("query_order", "QueryOrder", &query)?;
    }
    let core = vec![("core", raw(&ended.core))];
    ended.played.ask("look_up", "LookUp", &core)?;
    ended.live(35_000, KEPT_ONLY)?;
    ended.totals()
}

fn order_hash(core: &[u8]) -> Result<Vec<u8>, String> {
    let site = crate::site::SITE.try_into().map_err(crate::site::words::<hispos::ids::IdError>)?;
    Ok(hispos::message::order::order_hash(&site, core).to_vec())
}

/// A look at an order of a device that is elsewhere.
fn other<const WHAT: u32>() -> Result<Pair, String> {
    let mut pair = match WHAT {
        1 => Pair::new(
            |ask| match (&ask.request, is_wechat(ask)) {
                (Request::Verify, _) => Some((Proof::Verified, "SUCCESS")),
                (_, true) => captured(ask),
                _ => absent(),
            },
            Box::new(|_, _| true),
        )
        .and_then(crate::lines::started)?,
        _ => calm()?,
    };
    pair.pass(2_000);
    let mut played = Played::beside(pair, End::Pos)?;
    let core = played.schema.encode("OrderCore", &with(&collect_fields(), "device_id", text("POS-0002")))?;
    played.ask("look_up", "LookUp", &vec![("core", raw(&core))])?;
    if WHAT == 2 {
        played.live(15_000, &|_, _| None)?;
        let mut pair = played.pair;
        pair.kill(End::Pos);
        pair.mend();
        pair.start(End::Pos)?;
        pair.start(End::His)?;
        pair.pass(30_000);
        return Ok(pair);
    }
    played.live(30_000, &|body, said| confirmed(body, said, KEPT_ONLY))?;
    played.ask("get_totals", "GetTotals", &vec![("business_day", Value::U32(DAY))])?;
    played.live(200, &|_, _| None)?;
    Ok(played.pair)
}

/// The money was told of: nothing gives it back but a refund.
fn told<const WHAT: u32>() -> Result<Pair, String> {
    let mut ended = ended(true, First::Paid, RECORDED, |_, _| alive())?;
    if WHAT == 2 {
        ended.look()?;
        ended.live(25_000, KEPT_ONLY)?;
    }
    if WHAT == 1 {
        let mut pair = ended.played.pair;
        pair.kill(End::Pos);
        pair.mend();
        pair.start(End::Pos)?;
        pair.start(End::His)?;
        pair.pass(3_000);
        ended.played = Played::beside(pair, End::Pos)?;
        ended.looks.set(1);
    }
    let [_, starts] = &ended.played.pair.draws;
    let run = all(starts.last().ok_or("no start")?).into_iter().next().ok_or("no run")?;
    let cancel = vec![("core", raw(&ended.core)), ("run", raw(&run))];
    ended.played.ask("cancel_order", "CancelOrder", &cancel)?;
    ended.live(20_000, KEPT_ONLY)?;
    Ok(ended.played.pair)
}
