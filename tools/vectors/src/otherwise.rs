//! Conversations of a HIS whose POS holds another core, or tells of money that HIS did not know of.

use prost_reflect::Value;

use crate::fields::{text, with};
use crate::pair::Pair;
use crate::played::{Answer, Played};
use crate::questions::Ids;
use crate::shows::{HIS_MADE, HIS_UP, Story, story};
use crate::signed::{
    BILL, FEN, OTHER_PAYMENT, PAYMENT, Says, held_core, number_of, other_core, paid, signed, stage, synced,
    without_money,
};
use crate::site::DAY;

const CONFLICT: Ids = &[HIS_UP, HIS_MADE, "ORD-185"];
const OTHER: Ids = &[HIS_UP, HIS_MADE, "ORD-185 ORD-186"];
const EVIDENCE: Ids = &[HIS_UP, HIS_MADE, "ORD-154 ORD-196 ORD-197 ORD-200"];
const KEPT: Ids = &[HIS_UP, HIS_MADE, "ORD-154 ORD-196 ORD-200"];
const TWICE: Ids = &[HIS_UP, HIS_MADE, "ORD-194 ORD-195"];
const BOOKED: Ids = &[HIS_UP, HIS_MADE, "ORD-196 ORD-198 ORD-200"];

const fn his(comment: &'static str, ids: Ids, lived: fn() -> Result<Pair, String>) -> Story {
    story(comment, ids, &[], lived)
}

pub(crate) const STORIES: &[Story] = &[
    his("the POS holds another amount, which is paid later", OTHER, conflict::<0>),
    his("the POS holds another day, and the order is paid", CONFLICT, conflict::<1>),
    his("the POS holds a smaller amount, which is paid when it is looked up", OTHER, conflict::<2>),
    his("the POS holds another amount of a cancelled order, which is paid", OTHER, conflict::<3>),
    his("the POS holds another amount, which is not paid later", CONFLICT, conflict::<4>),
    his("a paid order was paid a second time", EVIDENCE, evidence::<0>),
    his("an order that was not paid was paid", EVIDENCE, evidence::<1>),
    his("an order that needs people was paid", EVIDENCE, evidence::<2>),
    his("a paid order was not paid", KEPT, evidence::<3>),
    his("an order that was not paid was paid under another hash", KEPT, evidence::<4>),
    his("two orders are paid by one payment", TWICE, twice::<0>),
    his("an order that was not paid was paid by another order's payment", TWICE, twice::<1>),
    his("an order has two payments, one of which is another order's", TWICE, twice::<2>),
    his("a refund that was refused was done", BOOKED, booked::<0>),
    his("a refund that needs people was done", BOOKED, booked::<1>),
    his("a refund that was absent was done, and is told of twice", BOOKED, booked::<2>),
];

/// That a POS holds this core.
fn held(played: &Played, core: &[u8]) -> Result<Answer, String> {
    let fields = vec![
        ("code", Value::EnumNumber(505)),
        ("order_no", text(&number_of(&played.schema, core)?)),
        ("core", crate::asked::raw(core)),
        ("stage", Value::EnumNumber(1)),
    ];
    Ok(("rejected", "Rejected", fields))
}

fn conflict<const WHAT: u32>() -> Result<Pair, String> {
    let mut played = synced()?;
    let own = match WHAT {
        3 => played.collects(BILL)?,
        _ => {
            played.pair.collect(BILL, FEN, DAY)?;
            held_core(&played.pair)?
        }
    };
    let fen = [FEN + 1, FEN, 800, FEN + 1, FEN + 1].get(WHAT as usize).copied().unwrap_or_default();
    let change = if WHAT == 1 { ("business_day", Value::U32(DAY + 1)) } else { ("amount", Value::I64(fen)) };
    let core = other_core(&played.schema, &own, vec![change])?;
    let answer = held(&played, &core)?;
    let number = number_of(&played.schema, &core)?;
    let later = signed(&played.schema, &core, &paid(PAYMENT, fen))?;
    if WHAT == 3 {
        let order = played.pair.made().ok_or("no order")?;
        played.pair.cancel(&order)?;
    }
    played.live(5_000, &|body, _| match body {
        "submit_order" | "cancel_order" => Some(answer.clone()),
        "look_up" if WHAT == 2 => Some(("signed_result", "SignedResult", later.clone())),
        "look_up" | "query_order" => Some(stage(&number, 3)),
        _ => None,
    })?;
    match WHAT {
        2 => {}
        4 => played.report(&core, &without_money(2, 200, fen))?,
        _ => played.report(&core, &paid(PAYMENT, fen))?,
    }
    played.live(500, &|_, _| None)?;
    Ok(played.pair)
}

/// An order that ended by this, and what comes then.
fn ended(says: &Says) -> Result<(Played, Vec<u8>), String> {
    let mut played = synced()?;
    let core = played.collects(BILL)?;
    played.report(&core, says)?;
    Ok((played, core))
}

/// An attention with these captures of WeChat Pay.
fn attention(played: &Played, fen: i64, payments: &[&str]) -> Result<Says, String> {
    let mut found = Vec::new();
    for payment_no in payments {
        let fields = [
            ("channel", Value::EnumNumber(1)),
            ("payment_no", text(payment_no)),
            ("amount", Value::I64(fen)),
        ];
        found.push(Value::Message(played.schema.build("FoundCapture", &fields)?));
    }
    Ok(with(&without_money(5, 302, FEN), "found", Value::List(found)))
}

fn evidence<const WHAT: u32>() -> Result<Pair, String> {
    let first = match WHAT {
        0 | 3 => paid(PAYMENT, FEN),
        2 => without_money(5, 305, FEN),
        _ => without_money(2, 206, FEN),
    };
    let (mut played, core) = ended(&first)?;
    let second = match WHAT {
        3 => without_money(2, 204, FEN),
        4 => with(&paid(OTHER_PAYMENT, FEN), "order_hash", crate::asked::raw(&[7; 32])),
        _ => paid(OTHER_PAYMENT, FEN),
    };
    played.report(&core, &second)?;
    played.report(&core, &second)?;
    match WHAT {
        4 => played.pair.collect(BILL, FEN, DAY)?,
        _ => played.pair.collect_in_vain(BILL, FEN, DAY)?,
    }
    played.live(500, &|_, _| None)?;
    Ok(played.pair)
}

fn twice<const WHAT: u32>() -> Result<Pair, String> {
    let (mut played, _) = ended(&paid(PAYMENT, FEN))?;
    let core = played.collects("bill-2")?;
    match WHAT {
        0 => played.report(&core, &paid(PAYMENT, FEN))?,
        1 => {
            played.report(&core, &without_money(2, 206, FEN))?;
            played.report(&core, &paid(PAYMENT, FEN))?;
        }
        _ => {
            let says = attention(&played, FEN, &[PAYMENT, OTHER_PAYMENT])?;
            played.report(&core, &says)?;
        }
    }
    played.live(500, &|_, _| None)?;
    Ok(played.pair)
}

fn booked<const WHAT: u32>() -> Result<Pair, String> {
    let (mut played, _) = ended(&paid(PAYMENT, FEN))?;
    if !played.pair.give_back(800, "item-1", DAY)? {
        return Err("no refund".to_owned());
    }
    let core = played.takes()?;
    let first = match WHAT {
        0 => without_money(4, 404, -800),
        1 => without_money(5, 306, -800),
        _ => without_money(4, 406, -800),
    };
    played.report(&core, &first)?;
    let done = vec![
        ("outcome", Value::EnumNumber(3)),
        ("status", Value::EnumNumber(110)),
        ("channel", Value::EnumNumber(1)),
        ("payment_no", text(PAYMENT)),
        ("refund_id", text("50300002611240000000001")),
        ("amount", Value::I64(-800)),
    ];
    played.report(&core, &done)?;
    if WHAT == 2 {
        let fields =
            signed(&played.schema, &core, &with(&done, "decided_at", Value::U64(crate::site::UNIX)))?;
        played.ask("report_result", "ReportResult", &fields)?;
        played.live(300, &|_, _| None)?;
    }
    played.live(500, &|_, _| None)?;
    Ok(played.pair)
}
