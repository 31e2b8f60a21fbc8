//! Conversations of a POS about what can only be asked any more, and about what may not change or move an order.

use std::cell::Cell;
use std::rc::Rc;

use hispos::platform::{Ask, Channel, Proof, Request};
use prost_reflect::Value;

use crate::asked::{raw, request};
use crate::fields::{Fields, collect_fields, text, with};
use crate::lines::{started, waiting};
use crate::pair::{End, Pair};
use crate::paying::{Answer, absent, money, scan};
use crate::reports::sent_core;
use crate::rules::asked;
use crate::scene::{Scene, Stage};
use crate::schema::Schema;
use crate::shows::{POS_TAKEN, POS_UNPAID, POS_UP, Story, story};
use crate::site::TERMINAL;

const CODE: &str = "134567890123456789";
/// What a POS shows that leaves WaitCode for Asking, since the order has other numbers.
const SEARCHED: &str = "ORD-110 ORD-123 PAY-40 PAY-60 PAY-62";
const UNDECIDED: &str = "BOK-24 ORD-56 ORD-81 ORD-116 ORD-124 ORD-129 ORD-145 PAY-40";
const CANCELLED: &str = "ORD-90 ORD-95 ORD-127 ORD-132 PAY-60";

pub(crate) const STORIES: &[Story] = &[
    story(
        "an order with other numbers is cancelled, and its own lives",
        &[],
        &[POS_UP, POS_TAKEN, SEARCHED, "ORD-125"],
        searched::<0>,
    ),
    story(
        "an order with other numbers gets no code, and another one has money",
        &[],
        &[POS_UP, POS_TAKEN, SEARCHED, "ORD-125"],
        searched::<1>,
    ),
    story(
        "an order with other numbers is cancelled, and at last its own has money",
        &[],
        &[POS_UP, POS_TAKEN, SEARCHED, "ORD-125 ORD-131"],
        searched::<2>,
    ),
    story(
        "an order with other numbers is cancelled, and at last its own lives at Alipay",
        &[],
        &[POS_UP, POS_TAKEN, SEARCHED, "ORD-125"],
        searched::<3>,
    ),
    story(
        "an order with other numbers gets no code, and is cancelled while it is asked about",
        &[],
        &[POS_UP, POS_TAKEN, SEARCHED, "ORD-95 ORD-132"],
        searched::<4>,
    ),
    story(
        "a day after a WeChat pay nothing is known",
        &[],
        &[POS_UP, POS_TAKEN, UNDECIDED, "ORD-131"],
        undecided::<true, 86_400_000>,
    ),
    story(
        "a day after an Alipay pay nothing is known",
        &[],
        &[POS_UP, POS_TAKEN, UNDECIDED, "ORD-131"],
        undecided::<false, 86_400_000>,
    ),
    story(
        "a day after a pay nothing is known, some seconds later",
        &[],
        &[POS_UP, POS_TAKEN, UNDECIDED],
        undecided::<true, 86_385_000>,
    ),
    story(
        "a cancel comes while a payment is asked about, which is captured",
        &[],
        &[POS_UP, POS_TAKEN, CANCELLED],
        cancelled::<true, true>,
    ),
    story(
        "a cancel comes while an Alipay payment is asked about, which is captured",
        &[],
        &[POS_UP, POS_TAKEN, CANCELLED],
        cancelled::<false, true>,
    ),
    story(
        "a cancel comes while a payment is asked about, which never came",
        &[],
        &[POS_UP, POS_TAKEN, "ORD-90 ORD-95 ORD-128 ORD-132 PAY-60"],
        cancelled::<true, false>,
    ),
    story(
        "an order is looked up while its code waits for its number",
        &[],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-97 ORD-98 ORD-99"],
        looked_up_with_code,
    ),
    story(
        "an order of this device that it does not know is looked up, and lives",
        &[],
        &["ORD-55 ORD-97 ORD-99"],
        looked_up::<true>,
    ),
    story(
        "an order of another device is looked up, and lives",
        &[],
        &["ORD-55 ORD-97 ORD-99"],
        looked_up::<false>,
    ),
    story(
        "the order comes again with a later start_by",
        &[],
        &["ORD-53 ORD-81 ORD-90 ORD-108"],
        submitted::<100>,
    ),
    story(
        "the order comes again with an earlier start_by",
        &[],
        &["ORD-53 ORD-81 ORD-90 ORD-108"],
        submitted::<30>,
    ),
    story(
        "the order comes again with a start_by that nobody may set",
        &[],
        &["ORD-53 ORD-81 ORD-90 ORD-108"],
        submitted::<10_000>,
    ),
    story(
        "an order is cancelled before it comes, and comes again and again",
        &[],
        &["ORD-36 ORD-90 ORD-95 ORD-96"],
        overtaken::<1>,
    ),
    story(
        "an order with other numbers is cancelled before it comes",
        &[],
        &["ORD-36 ORD-90 ORD-95 ORD-96 ORD-123 ORD-128 PAY-60"],
        overtaken::<4>,
    ),
];

/// A ledger that is so young that its orders name other numbers, and how often the platform was asked about each.
fn young(answer: impl FnMut(&Ask) -> Answer + 'static) -> Result<Pair, String> {
    waiting(started(Pair::aged(0, asked(answer), Box::new(|_, _| true))?)?)
}

/// The own number is that of the first question.
fn searched<const HOW: u8>() -> Result<Pair, String> {
    let (asking, last) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (asked_now, known) = (asking.clone(), last.clone());
    let mut own = None;
    let mut pair = young(move |ask| {
        let number = ask.number.as_ref().map(|number| number.as_str().to_owned()).unwrap_or_default();
        let wechat = ask.merchant.channel == Channel::Wechat;
        let first = own.get_or_insert_with(|| number.trim_end_matches('W').to_owned());
        let mine = number.starts_with(first.as_str());
        match (HOW, asked_now.get()) {
            (0, true) if mine && wechat => Some((Proof::Alive, "NOTPAY")),
            (1, true) if !mine && wechat => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
            (2, _) if mine && wechat && known.get() => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
            (2, _) if mine && wechat => None,
            (3, _) if mine && !wechat && known.get() => Some((Proof::Alive, "WAIT_BUYER_PAY")),
            (3, _) if mine && !wechat => None,
            _ => absent(),
        }
    })?;
    if matches!(HOW, 0 | 2 | 3) {
        pair.pass(2_000);
        asking.set(true);
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
        pair.pass(40_000);
    } else {
        // Until just before the start instant.
        pair.pass(85_000);
        asking.set(true);
        pair.pass(8_000);
    }
    if HOW == 4 {
        let order = pair.made().ok_or("no order")?;
        pair.cancel(&order)?;
    }
    last.set(true);
    pair.pass(40_000);
    Ok(pair)
}

/// No program runs for a day, and no platform has an answer.
fn undecided<const WECHAT: bool, const FOR: u64>() -> Result<Pair, String> {
    let mut pair = waiting(started(Pair::new(asked(pay_lost()), Box::new(|_, _| true))?)?)?;
    scan(&mut pair, WECHAT)?;
    pair.pass(1_000);
    pair.kill(End::Pos);
    pair.kill(End::His);
    pair.pass(FOR);
    pair.start(End::Pos)?;
    pair.start(End::His)?;
    pair.pass(40_000);
    Ok(pair)
}

/// A platform that does not know the number, takes a pay without an answer, and is silent from then on.
pub(crate) fn pay_lost() -> impl FnMut(&Ask) -> Answer {
    let mut paid = false;
    move |ask: &Ask| {
        paid |= matches!(ask.request, Request::Pay { .. });
        absent().filter(|_| !paid)
    }
}

/// The program of the POS starts again behind its pay; the cashier cancels while the platform does not answer.
fn cancelled<const WECHAT: bool, const CAPTURED: bool>() -> Result<Pair, String> {
    let answers = Rc::new(Cell::new(false));
    let answering = answers.clone();
    let mut lost = pay_lost();
    let mut pair = waiting(started(Pair::new(
        asked(move |ask| match answering.get() {
            true if CAPTURED => Some((Proof::Captured(money(ask.total)), "SUCCESS")),
            true => absent(),
            false => lost(ask),
        }),
        Box::new(|_, _| true),
    )?)?)?;
    scan(&mut pair, WECHAT)?;
    pair.pass(1_000);
    pair.kill(End::Pos);
    pair.start(End::Pos)?;
    pair.pass(15_000);
    let order = pair.made().ok_or("no order")?;
    pair.cancel(&order)?;
    pair.pass(2_000);
    answers.set(true);
    pair.pass(if CAPTURED { 20_000 } else { 400_000 });
    Ok(pair)
}

/// HIS starts again while no platform answers; then the number is found to be absent.
fn looked_up_with_code() -> Result<Pair, String> {
    let answers = Rc::new(Cell::new(false));
    let answering = answers.clone();
    let mut pair = waiting(started(Pair::new(
        asked(move |_| absent().filter(|_| answering.get())),
        Box::new(|_, _| true),
    )?)?)?;
    scan(&mut pair, true)?;
    pair.pass(2_000);
    pair.kill(End::His);
    pair.start(End::His)?;
    pair.pass(3_000);
    answers.set(true);
    pair.pass(15_000);
    Ok(pair)
}

/// A POS in a session, whose HIS is played, and which knows no order.
fn played_his(answer: impl FnMut(&Ask) -> Answer + 'static) -> Result<Scene, String> {
    Scene::over(started(Pair::new(asked(answer), Box::new(|_, _| true))?)?)
}

fn looked_up<const OWN: bool>() -> Result<Pair, String> {
    let schema = Schema::load()?;
    let mut scene = played_his(|_| Some((Proof::Alive, "USERPAYING")))?;
    let core = match OWN {
        true => collect_fields(),
        false => with(&collect_fields(), "device_id", text("POS-0002")),
    };
    let fields = vec![("core", raw(&schema.encode("OrderCore", &core)?))];
    scene.give(End::Pos, &request(&schema, "look_up", "LookUp", &fields)?)?;
    scene.pair.pass(5_000);
    scene.pair.scan_in_vain(Channel::Wechat, CODE)?;
    scene.pair.pass(75_000);
    Ok(scene.pair)
}

/// A SubmitOrder of the order that waits, with another start_by.
fn submitted<const START_BY: u32>() -> Result<Pair, String> {
    let schema = Schema::load()?;
    let mut scene = Scene::open(Stage::Waiting)?;
    let fields = vec![
        ("core", raw(&sent_core(&scene)?)),
        ("terminal_id", text(TERMINAL)),
        ("start_by", Value::U32(START_BY)),
        ("run", raw(&scene.pos_run()?)),
    ];
    scene.give(End::Pos, &request(&schema, "submit_order", "SubmitOrder", &fields)?)?;
    scene.pair.pass(100_000);
    Ok(scene.pair)
}

/// A CancelOrder that names so many numbers comes before the order, which then comes twice.
fn overtaken<const NUMBERS: usize>() -> Result<Pair, String> {
    let schema = Schema::load()?;
    let mut scene = played_his(|_| absent())?;
    let core = raw(&schema.encode("OrderCore", &collect_fields())?);
    let run = raw(&scene.pos_run()?);
    let numbers = ["BR816CGQ7VC793192XF6", "B2", "B3", "B4"].into_iter().take(NUMBERS).map(text);
    let search: Fields<'_> = match NUMBERS {
        1 => Fields::new(),
        _ => vec![("search", Value::List(numbers.collect()))],
    };
    let cancel = [vec![("core", core.clone()), ("run", run.clone())], search].concat();
    scene.give(End::Pos, &request(&schema, "cancel_order", "CancelOrder", &cancel)?)?;
    let submit: Fields<'_> =
        vec![("core", core), ("terminal_id", text(TERMINAL)), ("start_by", Value::U32(60)), ("run", run)];
    for _ in 0..2 {
        scene.pair.pass(1_000);
        scene.give(End::Pos, &request(&schema, "submit_order", "SubmitOrder", &submit)?)?;
    }
    scene.pair.pass(45_000);
    Ok(scene.pair)
}
