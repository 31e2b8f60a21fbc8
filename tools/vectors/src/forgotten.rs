//! Conversations of a HIS to which a list brings orders that its ledger does not have.

use prost_reflect::Value;

use crate::asked::raw;
use crate::example::platform;
use crate::fields::{Fields, text, with};
use crate::pair::Pair;
use crate::played::{Answer, Played, SILENCE};
use crate::questions::Ids;
use crate::shows::{HIS_MADE, HIS_UP, Story, story};
use crate::signed::{
    BILL, FEN, OTHER_PAYMENT, PAYMENT, Says, met, number, number_of, page, paid, signed, stage, without_money,
};
use crate::site::{DAY, DEVICE};

const ASKING: Ids = &[HIS_UP, "ORD-71 ORD-182 ORD-224"];
const KEPT: Ids = &[HIS_UP, "ORD-71 ORD-73 ORD-182 ORD-196 ORD-224 ORD-231"];
const ENDED: Ids = &[HIS_UP, "ORD-225"];
const TOLD: Ids = &[HIS_UP, "ORD-154 ORD-196 ORD-225 ORD-231"];
const REFUND: Ids = &[HIS_UP, "ORD-229"];
const BUSY: Ids = &[HIS_UP, "ORD-161 ORD-230"];
const FREE: Ids = &[HIS_UP, HIS_MADE, "ORD-161 ORD-230"];
const KNOWN: Ids = &[HIS_UP, HIS_MADE, "ORD-219 ORD-227"];
const UNKNOWN: Ids = &[HIS_UP, "ORD-226"];

const fn his(comment: &'static str, ids: Ids, lived: fn() -> Result<Pair, String>) -> Story {
    story(comment, ids, &[], lived)
}

pub(crate) const STORIES: &[Story] = &[
    his("a list brings an order that waits for a code and is not known", ASKING, brought::<0>),
    his("a list brings an unknown order, which is paid when it is looked up", KEPT, brought::<1>),
    his("a list brings an unknown order, which was not paid when it is looked up", KEPT, brought::<2>),
    his("a list brings an unknown order, which is reported as paid", KEPT, brought::<3>),
    his("a list brings an unknown order that was paid", ENDED, brought::<4>),
    his("a list brings an unknown order that was not paid", ENDED, brought::<5>),
    his("a list brings an unknown order that needs people and has two payments", ENDED, brought::<6>),
    his("a list brings an unknown order that was paid, and it is reported", TOLD, brought::<7>),
    his("a list brings an unknown order that was not paid, and was paid", TOLD, brought::<8>),
    his("a list brings an unknown refund that is on its way", REFUND, refund::<0>),
    his("a list brings an unknown refund that needs people", REFUND, refund::<1>),
    his("a list brings an unknown refund that was refused", REFUND, refund::<2>),
    his("a list brings an unknown refund that was done", REFUND, refund::<3>),
    his("a bill is collected whose next number an unknown order has", BUSY, collected::<0>),
    his("a bill is collected whose sixteenth number from now an unknown order has", BUSY, collected::<15>),
    his(
        "a bill is collected whose next number an unknown order has that was not paid",
        BUSY,
        collected::<100>,
    ),
    his("a bill is collected whose seventeenth number from now an unknown order has", FREE, collected::<16>),
    his("a list brings an order that HIS has, and how far it is", KNOWN, known::<0>),
    his("a list brings an order that HIS has, with no more than its core", KNOWN, known::<1>),
    his("a list brings an order that HIS has on its second page", KNOWN, known::<2>),
    his("an order that nobody knows is reported as paid until a list brings it", UNKNOWN, unknown::<0>),
    his("an order that nobody knows is reported as not paid until a list brings it", UNKNOWN, unknown::<1>),
    his("an order that nobody knows is reported as paid", UNKNOWN, unknown::<2>),
];

/// A HIS that has just met its POS, which is played.
fn meeting() -> Result<Played, String> {
    met(Pair::new(platform, Box::new(|_, _| true))?)
}

fn core_fields(order_no: &str) -> Fields<'static> {
    vec![
        ("order_no", text(order_no)),
        ("device_id", text(DEVICE)),
        ("kind", Value::EnumNumber(1)),
        ("amount", Value::I64(FEN)),
        ("business_day", Value::U32(DAY)),
        ("agreement_no", Value::U32(1)),
    ]
}

/// The core of an order of [`BILL`].
fn core_of(played: &Played, generation: u32) -> Result<Vec<u8>, String> {
    played.schema.encode("OrderCore", &core_fields(&number(generation)?))
}

fn waits(number: i32) -> Says {
    vec![("stage", Value::EnumNumber(number))]
}

fn two_payments(played: &Played) -> Result<Says, String> {
    let mut found = Vec::new();
    for (channel, payment_no) in [(1, PAYMENT), (2, OTHER_PAYMENT)] {
        let fields = [
            ("channel", Value::EnumNumber(channel)),
            ("payment_no", text(payment_no)),
            ("amount", Value::I64(FEN)),
        ];
        found.push(Value::Message(played.schema.build("FoundCapture", &fields)?));
    }
    Ok(with(&without_money(5, 301, FEN), "found", Value::List(found)))
}

/// The list has this item alone; questions about its order are answered by `answer`, if that is something.
fn listed(
    played: &mut Played,
    core: &[u8],
    says: Says,
    answer: Option<Answer>,
    milliseconds: u64,
) -> Result<(), String> {
    let list = page(&played.schema, vec![(7, core, says)], false)?;
    played.live(milliseconds, &|body, _| match body {
        "list_orders" => Some(list.clone()),
        "look_up" | "query_order" => answer.clone(),
        _ => None,
    })
}

fn brought<const WHAT: u32>() -> Result<Pair, String> {
    let mut played = meeting()?;
    let core = core_of(&played, 0)?;
    let number = number_of(&played.schema, &core)?;
    let result = |played: &Played, says: &Says| signed(&played.schema, &core, says);
    let says = match WHAT {
        4 | 7 => result(&played, &paid(PAYMENT, FEN))?,
        5 | 8 => result(&played, &without_money(2, 200, FEN))?,
        6 => result(&played, &two_payments(&played)?)?,
        _ => waits(1),
    };
    let answer = match WHAT {
        0 | 3 => Some(stage(&number, 3)),
        1 => Some(("signed_result", "SignedResult", result(&played, &paid(PAYMENT, FEN))?)),
        2 => Some(("signed_result", "SignedResult", result(&played, &without_money(2, 201, FEN))?)),
        _ => None,
    };
    // An answer that is only kept lets the next question wait for 60 s.
    let time = if matches!(WHAT, 1 | 2) { 64_000 } else { 4_000 };
    listed(&mut played, &core, says, answer, time)?;
    if matches!(WHAT, 3 | 7 | 8) {
        played.report(&core, &paid(PAYMENT, FEN))?;
        played.live(500, &|_, _| None)?;
    }
    Ok(played.pair)
}

fn refund<const WHAT: u32>() -> Result<Pair, String> {
    let mut played = meeting()?;
    let original = vec![
        ("order_no", text(&number(0)?)),
        ("agreement_no", Value::U32(1)),
        ("channel", Value::EnumNumber(1)),
        ("amount", Value::U64(8_800)),
        ("payment_no", text(PAYMENT)),
        ("operator", text("op-1")),
        ("approver", text("op-2")),
        ("reason", text("not dispensed")),
    ];
    let original = Value::Message(played.schema.build("RefundOf", &original)?);
    let fields = with(&core_fields("B0MTE0GCDEEGBS3Q997M"), "kind", Value::EnumNumber(2));
    let fields = with(&with(&fields, "amount", Value::I64(-800)), "refund_of", original);
    let core = played.schema.encode("OrderCore", &fields)?;
    let done = vec![
        ("outcome", Value::EnumNumber(3)),
        ("status", Value::EnumNumber(110)),
        ("channel", Value::EnumNumber(1)),
        ("payment_no", text(PAYMENT)),
        ("refund_id", text("50300002611240000000001")),
        ("amount", Value::I64(-800)),
    ];
    let says = match WHAT {
        0 => waits(4),
        1 => signed(&played.schema, &core, &without_money(5, 306, -800))?,
        2 => signed(&played.schema, &core, &without_money(4, 404, -800))?,
        _ => signed(&played.schema, &core, &done)?,
    };
    listed(&mut played, &core, says, Some(stage("B0MTE0GCDEEGBS3Q997M", 4)), 2_000)?;
    Ok(played.pair)
}

fn collected<const GENERATION: u32>() -> Result<Pair, String> {
    let mut played = meeting()?;
    let core = core_of(&played, GENERATION % 100)?;
    let says = match GENERATION {
        100 => signed(&played.schema, &core, &without_money(2, 200, FEN))?,
        _ => waits(1),
    };
    let number = number_of(&played.schema, &core)?;
    listed(&mut played, &core, says, Some(stage(&number, 1)), 2_000)?;
    match GENERATION {
        16 => played.pair.collect(BILL, FEN, DAY)?,
        _ => played.pair.collect_in_vain(BILL, FEN, DAY)?,
    }
    played.live(500, &|_, _| None)?;
    Ok(played.pair)
}

/// HIS starts again; then the list has the order that it has, too.
fn known<const HOW: u32>() -> Result<Pair, String> {
    let mut played = crate::signed::synced()?;
    let core = played.collects(BILL)?;
    let mut pair = played.pair;
    pair.kill(crate::pair::End::His);
    let mut played = met(pair)?;
    let number = number_of(&played.schema, &core)?;
    let says = if HOW == 1 { Says::new() } else { waits(1) };
    let last = page(&played.schema, vec![(8, core.as_slice(), says)], false)?;
    let other = played.schema.encode("OrderCore", &core_fields("BR816CGQ7VC793192XF6"))?;
    let ended = signed(&played.schema, &other, &without_money(2, 200, FEN))?;
    let first = page(&played.schema, vec![(7, other.as_slice(), ended)], true)?;
    played.live(4_000, &|body, said| match body {
        "list_orders" if HOW == 2 && said.get("seq").is_none() => Some(first.clone()),
        "list_orders" => Some(last.clone()),
        "look_up" | "query_order" => Some(stage(&number, 1)),
        _ => None,
    })?;
    Ok(played.pair)
}

fn unknown<const WHAT: u32>() -> Result<Pair, String> {
    let mut played = meeting()?;
    let core = core_of(&played, 0)?;
    let says = if WHAT == 1 { without_money(2, 200, FEN) } else { paid(PAYMENT, FEN) };
    let result = signed(&played.schema, &core, &says)?;
    let silent = |body: &str, _: &serde_json::Value| {
        let fields = vec![("book", raw(&crate::draws::known::<8>("journal book")))];
        (body == "list_orders").then_some(("order_list", "OrderList", fields))
    };
    if WHAT == 2 {
        played.live(1_000, &silent)?;
        played.report(&core, &says)?;
        played.report(&core, &says)?;
        played.live(1_000, &silent)?;
        return Ok(played.pair);
    }
    let later = |body: &str, _: &serde_json::Value| (body == "list_orders").then_some(SILENCE);
    played.live(200, &later)?;
    let fields = signed(&played.schema, &core, &says)?;
    played.ask("report_result", "ReportResult", &fields)?;
    played.live(1_000, &later)?;
    listed(&mut played, &core, result, None, 10_000)?;
    played.report(&core, &says)?;
    Ok(played.pair)
}
