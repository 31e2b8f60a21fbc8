//! Conversations of a HIS that has an order of another device, which is withdrawn or is not.

use hispos::book::{Batch, Index, RowKey, Table, Write};
use hispos::ids::{DeviceId, IdError, SiteId};
use hispos::message::manifest::{Manifest, Revocation};
use hispos::platform::Ask;
use hispos::time::UnixSeconds;
use prost_reflect::Value;

use crate::asked::raw;
use crate::fields::{Fields, text};
use crate::lines::started;
use crate::pair::{End, Pair};
use crate::paying::{self, absent, site_answers};
use crate::played::{Answer, Played};
use crate::questions::{Ids, captured};
use crate::schema::Schema;
use crate::shows::{HIS_UP, Story, story};
use crate::signed::{FEN, number, other_core};
use crate::site::{DAY, DEVICE, SITE, TERMINAL, UNIX, entry, seed, words};

const LOOKED: Ids = &[HIS_UP, "ORD-215 ORD-216 ORD-218"];
const COMPROMISED: Ids = &[HIS_UP, "ORD-215 ORD-216 ORD-218 SEC-9"];
const LEFT: Ids = &[HIS_UP, "ORD-215"];
const CONFLICT: Ids = &[HIS_UP, "ORD-187 ORD-215 ORD-216 ORD-218"];

const fn his(comment: &'static str, ids: Ids, lived: fn() -> Result<Pair, String>) -> Story {
    story(comment, ids, &[], lived)
}

pub(crate) const STORIES: &[Story] = &[
    his("an order of a compromised device is looked up elsewhere, and absent", COMPROMISED, looked::<2, 0>),
    his(
        "an order of a compromised device is looked up elsewhere, and has money",
        COMPROMISED,
        looked::<2, 1>,
    ),
    his(
        "an order of a compromised device is looked up elsewhere, and HIS starts again",
        COMPROMISED,
        looked::<2, 2>,
    ),
    his("an order of a withdrawn device is looked up elsewhere, and absent", LOOKED, looked::<1, 0>),
    his("an order of a device that is elsewhere is not looked up here", LEFT, looked::<0, 0>),
    his("this device holds an order of its own under a compromised device's number", CONFLICT, conflict::<0>),
    his(
        "this device holds an order of another day under a compromised device's number",
        CONFLICT,
        conflict::<1>,
    ),
    his("this device holds another amount of a compromised device's order", CONFLICT, conflict::<2>),
];

const OTHER: &str = "POS-0002";

fn device(id: &str) -> Result<DeviceId, String> {
    DeviceId::try_from(id).map_err(words::<IdError>)
}

/// The core of the other device's order.
fn core(schema: &Schema) -> Result<Vec<u8>, String> {
    let fields = vec![
        ("order_no", text(&number(0)?)),
        ("device_id", text(OTHER)),
        ("kind", Value::EnumNumber(1)),
        ("amount", Value::I64(FEN)),
        ("business_day", Value::U32(DAY)),
        ("agreement_no", Value::U32(1)),
    ];
    schema.encode("OrderCore", &fields)
}

/// A ledger with an order of the other device, and a manifest that withdraws it (1: retired, 2: compromised) or not.
fn with_order(standing: u32, answers: impl FnMut(&Ask) -> paying::Answer + 'static) -> Result<Pair, String> {
    let schema = Schema::load()?;
    let order = vec![
        ("core", raw(&core(&schema)?)),
        ("state", Value::EnumNumber(3)),
        ("bill", text("bill-1")),
        ("terminal_id", text(TERMINAL)),
        ("run", raw(&[8; 4])),
        ("made_at", Value::U64(UNIX - 3_600)),
    ];
    let index = Index { open: true, device: OTHER.into(), bill: "bill-1".into(), day: DAY };
    let bill = vec![("present", text(&number(0)?)), ("orders", Value::U32(1))];
    let of_bill = Index { bill: "bill-1".into(), ..Index::default() };
    let write = |table: Table, key: &str, name: &str, fields: &Fields<'_>, index: Index| {
        Ok::<_, String>(Write { key: RowKey::new(table, key), bytes: schema.encode(name, fields)?, index })
    };
    let site = vec![("search_until", Value::U64(UNIX - 518_400))];
    let rows = vec![
        write(Table::Site, SITE, "SiteRow", &site, Index::default())?,
        write(Table::Order, &number(0)?, "HisOrder", &order, index)?,
        write(Table::Bill, "bill-1", "BillRow", &bill, of_bill)?,
    ];
    let batch = Batch { read: Vec::new(), write: rows };
    let mut pair = Pair::of_ledger(&batch, site_answers(answers), Box::new(|_, _| true))?;
    let here = entry(device(DEVICE)?, "SN-0001", &seed("device"));
    let mut there = entry(device(OTHER)?, "SN-0002", &seed("other device"));
    there.revocation = match standing {
        0 => None,
        1 => Some(Revocation::Retired),
        _ => Some(Revocation::Compromised { since: UnixSeconds(UNIX - 600) }),
    };
    let site_id = SiteId::try_from(SITE).map_err(words)?;
    pair.hold_devices(Manifest::encode(2, &site_id, vec![here, there]).map_err(words)?);
    Ok(pair)
}

/// When the other device may be looked behind, from the start of HIS on.
const QUIET: u64 = 392_000;

fn looked<const STANDING: u32, const HOW: u32>() -> Result<Pair, String> {
    let mut pair = started(with_order(STANDING, |ask| if HOW == 1 { captured(ask) } else { absent() })?)?;
    pair.pass(QUIET + 4_000);
    if HOW == 2 {
        // The row names this device already.
        pair.kill(End::His);
        pair.start(End::His)?;
        pair.pass(QUIET + 4_000);
    }
    pair.pass(if STANDING == 0 { 10_000 } else { 40_000 });
    Ok(pair)
}

fn conflict<const WHAT: u32>() -> Result<Pair, String> {
    let mut pair = started(with_order(2, |_| absent())?)?;
    pair.pass(2_000);
    let mut played = Played::over(pair)?;
    let own = core(&played.schema)?;
    let change = if WHAT == 1 { ("business_day", Value::U32(DAY + 1)) } else { ("amount", Value::I64(800)) };
    let of = if WHAT == 2 { OTHER } else { DEVICE };
    let held = other_core(&played.schema, &own, vec![("device_id", text(of)), change])?;
    let fields = vec![
        ("code", Value::EnumNumber(505)),
        ("order_no", text(&number(0)?)),
        ("core", raw(&held)),
        ("stage", Value::EnumNumber(1)),
    ];
    let answer: Answer = ("rejected", "Rejected", fields);
    played.live(QUIET + 4_000, &|body, _| (body == "look_up").then(|| answer.clone()))?;
    played.live(60_000, &|body, _| (body == "look_up").then(|| answer.clone()))?;
    Ok(played.pair)
}
