//! Conversations about calls and answers of a session, and about the M2 that come to a HIS with an M3 out.

use hispos::frame::FrameType;
use hispos::platform::Channel;
use prost_reflect::Value;

use crate::alarms::ALWAYS;
use crate::asked::{message, raw};
use crate::example::parties;
use crate::exchange::{self, content};
use crate::fields::{Fields, text};
use crate::lines::{calm, losing, waiting};
use crate::pair::{End, Pair};
use crate::scene::{Scene, Stage};
use crate::schema::Schema;
use crate::shows::{HIS_MADE, HIS_UP, POS_UP, Story, story};
use crate::site::DAY;
use crate::streams::encode;

pub(crate) const STORIES: &[Story] = &[
    story("eighteen M2 come at once", &["KEX-4 KEX-40 KEX-48 FRM-31"], &[], many_m2::<10>),
    story("eighteen M2 come in a while", &["KEX-4 KEX-40 KEX-48 FRM-31"], &[], many_m2::<300>),
    story("eighteen M2 come as slowly as an attempt lasts", &["KEX-4 KEX-40 KEX-48"], &[], many_m2::<700>),
    story("an M2 with another signature comes behind M3", &["KEX-47 KEX-74"], &[], bad_m2::<0>),
    story("an M2 with another confirmation comes behind M3", &["KEX-47 KEX-74"], &[], bad_m2::<1>),
    story("an M2 of an unknown device comes behind M3", &["KEX-47 KEX-74"], &[], bad_m2::<2>),
    story("a question for an order and a ping come at once", &[], &[POS_UP, "MSG-9"], in_turn::<0>),
    story(
        "questions for the list and an order and a ping come at once",
        &[],
        &[POS_UP, "MSG-9"],
        in_turn::<1>,
    ),
    story("questions for totals and an order and a ping come at once", &[], &[POS_UP, "MSG-9"], in_turn::<2>),
    story("a question for an order is answered behind its session", &[], &[POS_UP, "MSG-13"], too_late::<0>),
    story("a question for the list is answered behind its session", &[], &[POS_UP, "MSG-13"], too_late::<1>),
    story("a question for totals is answered behind its session", &[], &[POS_UP, "MSG-13"], too_late::<2>),
    story("how far the order is comes before a rejection", &[HIS_UP, HIS_MADE, "MSG-15"], &[], twice::<0>),
    story("a rejection comes before how far the order is", &[HIS_UP, HIS_MADE, "MSG-15"], &[], twice::<1>),
    story(
        "how far the order is comes before that there is none",
        &[HIS_UP, HIS_MADE, "MSG-15"],
        &[],
        twice::<2>,
    ),
    story("an order is answered by Pong", &[HIS_UP, HIS_MADE, "MSG-17"], &[], says_nothing::<0>),
    story("an order is answered by OrderList", &[HIS_UP, HIS_MADE, "MSG-17"], &[], says_nothing::<1>),
    story("an order is answered by an unknown body", &[HIS_UP, HIS_MADE, "MSG-17"], &[], says_nothing::<2>),
    story("nine orders are made and none is answered", &[HIS_UP, HIS_MADE, "MSG-18"], &[], many_calls::<0>),
    story("nine orders are made and one is answered", &[HIS_UP, HIS_MADE, "MSG-18"], &[], many_calls::<1>),
    story("ten orders are made and two are answered", &[HIS_UP, HIS_MADE, "MSG-18"], &[], many_calls::<2>),
    story("a ping goes out while an order is not yet durable", &[HIS_UP, "MSG-24"], &[], undurable::<0>),
    story(
        "a ping goes out while a cancel is not yet durable",
        &[HIS_UP, HIS_MADE, "MSG-24"],
        &[],
        undurable::<1>,
    ),
    story(
        "a ping goes out while a result is not yet durable",
        &[HIS_UP, HIS_MADE, "MSG-24"],
        &[],
        undurable::<2>,
    ),
    story("SessionReady tells a run of three bytes", &["MSG-28 ORD-47"], &[], no_run::<3>),
    story("SessionReady tells a run of five bytes", &["MSG-28 ORD-47"], &[], no_run::<5>),
    story("SessionReady tells no run", &["MSG-28 ORD-47"], &[], no_run::<0>),
    story("an order is rejected with code 511", &[HIS_UP, HIS_MADE, "MSG-34"], &[], rejected::<511>),
    story("an order is rejected with code 599", &[HIS_UP, HIS_MADE, "MSG-34"], &[], rejected::<599>),
    story("an order is rejected with code 1000", &[HIS_UP, HIS_MADE, "MSG-34"], &[], rejected::<1_000>),
];

/// HIS has sent M3, which is lost; then M2 of other draws come, this far apart.
fn many_m2<const APART: u64>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    pair.pass(100);
    let (his, mut pos) = parties(&pair)?;
    pair.kill(End::Pos);
    for number in 0..18_u8 {
        (pos.nonce, pos.x25519_private) = ([number; 16], [number + 1; 32]);
        let run = exchange::run(&his, &pos, pair.site().agreement.payload(), (1, 1))?;
        let wire = encode(FrameType::M2, &run.m2)?;
        pair.inject(End::His, &wire);
        pair.pass(APART);
    }
    pair.pass(500);
    Ok(pair)
}

/// HIS has sent M3, which is lost; then an M2 comes that opens and does not prove the device.
fn bad_m2<const PART: u32>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, ALWAYS)?;
    pair.pass(500);
    let (his, mut pos) = parties(&pair)?;
    pair.kill(End::Pos);
    pos.nonce = [7; 16];
    if PART == 2 {
        pos.id = "POS-0009";
    }
    let run = exchange::run(&his, &pos, pair.site().agreement.payload(), (1, 1))?;
    let (mut signature, mut confirm) = (run.pos.signature, run.pos.confirm);
    let changed = if PART == 0 { signature.first_mut() } else { confirm.first_mut() };
    changed.filter(|_| PART < 2).into_iter().for_each(|byte| *byte ^= 1);
    let auth = [content(1, &run.pos.identity), content(2, &signature), content(3, &confirm)].concat();
    let wire = encode(FrameType::M2, &run.m2_with(&auth))?;
    pair.inject(End::His, &wire);
    pair.pass(5_000);
    Ok(pair)
}

const PING: &[u8] = &[0x62, 0x00];
const QUERY: &[u8] = &[0x52, 0x04, 0x0A, 0x02, b'B', b'1'];
const LIST: &[u8] = &[0x9A, 0x01, 0x00];
const TOTALS: &[u8] = &[0xAA, 0x01, 0x00];

fn call(number: u8, body: &[u8]) -> Vec<u8> {
    [&[0x08, number], body].concat()
}

/// Requests come at once, in one piece of the line.
fn in_turn<const WHICH: u32>() -> Result<Pair, String> {
    let mut scene = Scene::open(Stage::Synced)?;
    let requests = match WHICH {
        0 => vec![call(101, QUERY), call(102, PING)],
        1 => vec![call(101, LIST), call(102, QUERY), call(103, PING)],
        _ => vec![call(101, TOTALS), call(102, PING), call(103, QUERY)],
    };
    scene.give_at_once(End::Pos, &requests)?;
    scene.pair.pass(100);
    Ok(scene.pair)
}

/// A request comes, its session is replaced, and only then the journal answers.
fn too_late<const WHICH: u32>() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(2_000);
    let mut scene = Scene::of(Stage::Synced, pair)?;
    scene.pair.hold(End::Pos);
    let body = [QUERY, LIST, TOTALS].get(WHICH as usize).copied().unwrap_or_default();
    scene.give(End::Pos, &call(101, body))?;
    scene.pair.kill(End::His);
    scene.pair.start(End::His)?;
    scene.pair.pass(500);
    scene.pair.release();
    scene.pair.pass(1_000);
    Ok(scene.pair)
}

/// HIS gets an answer to this call.
fn answer(
    scene: &mut Scene,
    reply_to: u32,
    body: &str,
    name: &str,
    fields: &Fields<'_>,
) -> Result<(), String> {
    let plaintext = message(&Schema::load()?, 0, reply_to, body, name, fields)?;
    scene.give(End::His, &plaintext).map(|_| ())
}

/// The call of the order in the state `sent`.
const SUBMIT: u32 = 3;

fn how_far(scene: &mut Scene, reply_to: u32) -> Result<(), String> {
    let order = scene.pair.made().ok_or("no order")?;
    let fields = vec![
        ("order_no", text(order.as_str())),
        ("stage", Value::EnumNumber(1)),
        ("money", Value::EnumNumber(1)),
        ("seconds_left", Value::U32(80)),
    ];
    answer(scene, reply_to, "order_state", "OrderState", &fields)
}

fn reject(scene: &mut Scene, reply_to: u32, code: i32) -> Result<(), String> {
    answer(scene, reply_to, "rejected", "Rejected", &vec![("code", Value::EnumNumber(code))])
}

fn twice<const ANSWERS: u32>() -> Result<Pair, String> {
    let mut scene = Scene::open(Stage::Sent)?;
    match ANSWERS {
        1 => reject(&mut scene, SUBMIT, 508)?,
        _ => how_far(&mut scene, SUBMIT)?,
    }
    scene.pair.pass(100);
    match ANSWERS {
        0 => reject(&mut scene, SUBMIT, 501)?,
        1 => how_far(&mut scene, SUBMIT)?,
        _ => answer(&mut scene, SUBMIT, "no_record", "NoRecord", &vec![("run", raw(&[1, 2, 3, 4]))])?,
    }
    scene.pair.pass(4_000);
    Ok(scene.pair)
}

fn says_nothing<const WHICH: u32>() -> Result<Pair, String> {
    let mut scene = Scene::open(Stage::Sent)?;
    match WHICH {
        0 => answer(&mut scene, SUBMIT, "pong", "Pong", &vec![])?,
        1 => answer(&mut scene, SUBMIT, "order_list", "OrderList", &vec![("book", raw(&[9; 8]))])?,
        // Field 1000, which no version knows yet.
        _ => scene.give(End::His, &[0x10, 3, 0xC2, 0x3E, 0x00]).map(|_| ())?,
    }
    scene.pair.pass(62_000);
    Ok(scene.pair)
}

fn many_calls<const ANSWERED: u32>() -> Result<Pair, String> {
    let mut scene = Scene::open(Stage::Sent)?;
    for bill in 2..if ANSWERED == 2 { 11 } else { 10 } {
        scene.pair.collect(&format!("bill-{bill}"), 100, DAY)?;
    }
    scene.pair.pass(500);
    for reply_to in (SUBMIT..).take(ANSWERED as usize) {
        answer(&mut scene, reply_to, "unsupported", "Unsupported", &vec![])?;
        scene.pair.pass(100);
    }
    scene.pair.pass(1_500);
    Ok(scene.pair)
}

/// The ledger does not say that it holds what HIS has just written, and the time for a ping comes.
fn undurable<const WHAT: u32>() -> Result<Pair, String> {
    let mut pair = calm()?;
    match WHAT {
        0 => {
            pair.pass(2_000);
            pair.hold_writes(End::His);
            pair.collect("bill-1", 8_800, DAY)?;
        }
        1 => {
            pair = waiting(pair)?;
            pair.hold_writes(End::His);
            let order = pair.made().ok_or("no order")?;
            pair.cancel(&order)?;
        }
        _ => {
            pair = waiting(pair)?;
            pair.hold_writes(End::His);
            pair.scan(Channel::Wechat, "134567890123456789")?;
        }
    }
    pair.pass(12_000);
    pair.release();
    pair.pass(1_000);
    Ok(pair)
}

/// The session begins with a SessionReady whose run has this many bytes; then a cashier wants to collect.
fn no_run<const BYTES: usize>() -> Result<Pair, String> {
    let mut pair = losing(FrameType::PosRecord, 0, ALWAYS)?;
    pair.pass(500);
    let anchor = {
        let (_, head) = pair.journal.records.last().ok_or("an empty journal")?;
        let id: [u8; 8] = crate::draws::known("journal book");
        [id.as_slice(), &(pair.journal.records.len() as u64).to_be_bytes(), &head.short()].concat()
    };
    let mut scene = Scene::of(Stage::Committed, pair)?;
    let fields = [("run", raw(&[5; BYTES])), ("simulated", Value::Bool(true))];
    let fields = fields.into_iter().filter(|(name, _)| BYTES > 0 || *name != "run").collect();
    answer(&mut scene, 0, "ready", "SessionReady", &fields)?;
    answer(&mut scene, 1, "sync_reply", "SyncReply", &vec![("journal", raw(&anchor))])?;
    answer(&mut scene, 2, "order_list", "OrderList", &vec![("book", raw(&[9; 8]))])?;
    scene.pair.pass(100);
    scene.pair.collect_in_vain("bill-1", 8_800, DAY)?;
    scene.pair.pass(1_000);
    Ok(scene.pair)
}

fn rejected<const CODE: i32>() -> Result<Pair, String> {
    let mut scene = Scene::open(Stage::Sent)?;
    reject(&mut scene, SUBMIT, CODE)?;
    scene.pair.pass(2_000);
    Ok(scene.pair)
}
