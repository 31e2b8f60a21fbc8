//! Conversations of a POS that starts again behind a pay and reverses it late: what is final waits for that reverse.

use std::cell::Cell;
use std::rc::Rc;

use hispos::platform::{Proof, Request};

use crate::pair::{End, Pair};
use crate::paying::{ATTEMPT, absent, scan, site};
use crate::questions::{Ids, alive, captured, closed, pos, restart};
use crate::shows::{POS_TAKEN, POS_UP, Story};

const CAPTURED: Ids =
    &[POS_UP, POS_TAKEN, ATTEMPT, "BOK-24 ORD-56 ORD-116 ORD-127 PAY-40 PAY-44 PAY-54 PAY-55"];
const CLOSED: Ids =
    &[POS_UP, POS_TAKEN, ATTEMPT, "BOK-24 ORD-56 ORD-116 ORD-128 PAY-44 PAY-47 PAY-54 PAY-55"];
const ABSENT: Ids =
    &[POS_UP, POS_TAKEN, ATTEMPT, "BOK-24 ORD-56 ORD-116 ORD-128 PAY-40 PAY-48 PAY-54 PAY-55"];

pub(crate) const STORIES: &[Story] = &[
    pos("a payment is captured that was reversed late after a restart", CAPTURED, late::<true, 0>),
    pos("an Alipay payment is captured that was reversed late after a restart", CAPTURED, late::<false, 0>),
    pos(
        "a payment is captured, then closed, that was reversed late after a restart",
        CLOSED,
        late::<true, 1>,
    ),
    pos("a payment is absent that was reversed late after a restart", ABSENT, late::<true, 2>),
    pos("an Alipay payment is absent that was reversed late after a restart", ABSENT, late::<false, 2>),
];

/// The number lives until the order may not be moved any more, and is reversed in vain; behind that it says `THEN`.
fn late<const WECHAT: bool, const THEN: u32>() -> Result<Pair, String> {
    let over = Rc::new(Cell::new(0));
    let (paid, answers) = (Cell::new(false), over.clone());
    let mut pair = site(move |ask| match (&ask.request, answers.get()) {
        (Request::Pay { .. }, _) => {
            paid.set(true);
            Some((Proof::Open, "USERPAYING"))
        }
        (Request::Reverse, _) => Some((Proof::Open, "SUCCESS")),
        _ if !paid.get() => absent(),
        (_, 0) => alive(),
        (_, count) => {
            answers.set(count + 1);
            match (THEN, count) {
                (0, _) | (1, 1) => captured(ask),
                (1, _) => closed(),
                _ => absent(),
            }
        }
    })?;
    scan(&mut pair, WECHAT)?;
    pair.pass(1_000);
    restart(&mut pair)?;
    pair.kill(End::His);
    pair.pass(229_000);
    over.set(1);
    pair.pass(if THEN == 1 { 60_000 } else { 200_000 });
    Ok(pair)
}
