//! Conversations of an end whose peer is played by somebody who holds its keys, and the first of those: with a HIS.

use std::cell::Cell;
use std::rc::Rc;

use hispos::frame::{Decoder, FrameType, Side};
use hispos::record::{Opener, Sealer};
use prost_reflect::Value;
use serde_json::Value as Json;

use crate::asked::{message, raw};
use crate::draws::{all, known};
use crate::example::{party, platform};
use crate::exchange::{self, Party};
use crate::fields::Fields;
use crate::hex::bytes;
use crate::lines::{started, waiting};
use crate::pair::{End, Pair, kind_of};
use crate::schema::Schema;
use crate::shows::{HIS_MADE, HIS_UP, Story, story};
use crate::story::{Happening, In, Out, What};
use crate::streams::encode;

pub(crate) const STORIES: &[Story] = &[
    story(
        "the POS rejects each LookUp with merchant",
        &[HIS_UP, HIS_MADE, LOOKED, REJECTED],
        &[],
        looked::<509>,
    ),
    story(
        "the POS rejects each LookUp with malformed",
        &[HIS_UP, HIS_MADE, LOOKED, REJECTED],
        &[],
        looked::<501>,
    ),
    story(
        "the POS rejects each LookUp with a code that nobody knows",
        &[HIS_UP, HIS_MADE, LOOKED, REJECTED],
        &[],
        looked::<599>,
    ),
    story(
        "the POS rejects each QueryOrder with malformed",
        &[HIS_UP, HIS_MADE, REJECTED],
        &[],
        queried::<501>,
    ),
    story("the POS rejects each QueryOrder with busy", &[HIS_UP, HIS_MADE, REJECTED], &[], queried::<506>),
    story(
        "the POS says that it has no record, to each LookUp",
        &[HIS_UP, HIS_MADE, LOOKED, "ORD-73"],
        &[],
        looked::<1>,
    ),
    story("the POS supports no LookUp", &[HIS_UP, HIS_MADE, LOOKED, "ORD-73"], &[], looked::<2>),
    story(
        "the POS answers each LookUp by a result that nobody signed",
        &[HIS_UP, HIS_MADE, LOOKED, "ORD-73"],
        &[],
        looked::<3>,
    ),
];

const LOOKED: &str = "ORD-71 ORD-182";
const REJECTED: &str = "ORD-73 ORD-184";

/// An end in a session, and the keys of its peer.
pub(crate) struct Played {
    pub(crate) pair: Pair,
    pub(crate) schema: Schema,
    real: End,
    sealer: Sealer,
    opener: Opener,
    seen: usize,
    calls: u32,
}

/// What answers a request: body, message and fields; [`SILENCE`] is no answer.
pub(crate) type Answer = (&'static str, &'static str, Fields<'static>);

/// That a request is not answered.
pub(crate) const SILENCE: Answer = ("", "", Vec::new());

/// Counters that the links have not reached.
const FAR: u32 = 64;
/// How long the played POS takes, at most.
const STEP: u64 = 100;

/// An end with the draws of its latest attempt.
fn latest(pair: &Pair, end: End) -> Result<Party, String> {
    let [his, pos] = &pair.draws;
    let starts = if end == End::His { his } else { pos };
    let draws = all(starts.last().ok_or("no start")?);
    party(end, draws.get(draws.len().saturating_sub(2)..).unwrap_or_default())
}

impl Played {
    /// From now on the POS is played.
    pub(crate) fn over(pair: Pair) -> Result<Self, String> {
        Self::beside(pair, End::His)
    }

    /// From now on the peer of this end is played.
    pub(crate) fn beside(pair: Pair, real: End) -> Result<Self, String> {
        let seen = pair.log_of(real).len();
        Ok(Self { seen, ..Self::from_start(pair, real)? })
    }

    /// The peer of this end is played from now on, and answers what was said since the latest start, too.
    pub(crate) fn from_start(mut pair: Pair, real: End) -> Result<Self, String> {
        pair.cut();
        pair.kill(real.peer());
        let (his, pos) = (latest(&pair, End::His)?, latest(&pair, End::Pos)?);
        let run = exchange::run(&his, &pos, pair.site().agreement.payload(), (1, 1))?;
        let (mut sealer, opener) = run.records(if real == End::His { Side::Pos } else { Side::His });
        while sealer.sealed() < FAR {
            sealer.seal(&[0]).map_err(|error| format!("{error:?}"))?;
        }
        let started = |happening: &Happening| matches!(happening.what, What::In(In::Start { .. }));
        let seen = pair.log_of(real).iter().rposition(started).unwrap_or_default();
        Ok(Self { pair, schema: Schema::load()?, real, sealer, opener, seen, calls: 40 })
    }

    /// Time passes. Requests are answered as this says; otherwise pings and questions for the list, by no order.
    pub(crate) fn live(
        &mut self,
        milliseconds: u64,
        answer: &dyn Fn(&str, &Json) -> Option<Answer>,
    ) -> Result<(), String> {
        for _ in 0..milliseconds / STEP {
            self.pair.pass(STEP);
            for said in self.heard()? {
                let Some(call) = said.get("call").and_then(Json::as_u64) else { continue };
                let said = said.as_object().into_iter().flatten().find(|(name, _)| *name != "call");
                let Some((body, said)) = said else { continue };
                let Some((body, name, fields)) = answer(body, said).or_else(|| usual(body)) else { continue };
                if body.is_empty() {
                    continue;
                }
                let call = u32::try_from(call).map_err(|_| "a call")?;
                let plaintext = message(&self.schema, 0, call, body, name, &fields)?;
                self.say(&plaintext)?;
            }
        }
        Ok(())
    }

    /// The real end gets this message.
    pub(crate) fn say(&mut self, plaintext: &[u8]) -> Result<(), String> {
        let body = self.sealer.seal(plaintext).map_err(|error| format!("{error:?}"))?;
        let kind = if self.real == End::His { FrameType::PosRecord } else { FrameType::HisRecord };
        let wire = encode(kind, &body)?;
        self.pair.inject(self.real, &wire);
        Ok(())
    }

    /// The real end gets this request.
    pub(crate) fn ask(&mut self, body: &str, name: &str, fields: &Fields<'_>) -> Result<(), String> {
        self.calls += 1;
        let plaintext = message(&self.schema, self.calls, 0, body, name, fields)?;
        self.say(&plaintext)
    }

    /// What the real end has said since the last time.
    fn heard(&mut self) -> Result<Vec<Json>, String> {
        let (receiver, kind) = match self.real {
            End::His => (Side::Pos, FrameType::HisRecord),
            End::Pos => (Side::His, FrameType::PosRecord),
        };
        let log = self.pair.log_of(self.real);
        let mut heard = Vec::new();
        for happening in log.iter().skip(self.seen) {
            let What::Out(Out::Transmit(text)) = &happening.what else { continue };
            let wire = bytes(text)?;
            let mut decoder = Decoder::new(receiver);
            let mut unread = wire.as_slice();
            let Some(frame) = decoder.next_frame(&mut unread) else { continue };
            let frame = frame.map_err(|_| "a drop")?;
            if frame.kind == kind {
                let plaintext = self.opener.open(frame.body).map_err(|drop| format!("{drop:?}"))?;
                heard.push(self.schema.decoded("Message", &plaintext)?);
            }
        }
        self.seen = log.len();
        Ok(heard)
    }
}

/// How a POS answers that nothing happens at.
fn usual(body: &str) -> Option<Answer> {
    match body {
        "sync" => Some(("sync_reply", "SyncReply", Fields::new())),
        "ping" => Some(("pong", "Pong", Fields::new())),
        "list_orders" => Some(("order_list", "OrderList", vec![("book", raw(&known::<8>("journal book")))])),
        _ => None,
    }
}

/// A collect waits for a code; of what HIS says in its next session nothing behind Sync arrives.
fn next_session(again: impl FnOnce(&mut Pair) -> Result<(), String>) -> Result<Played, String> {
    let left = Rc::new(Cell::new(usize::MAX));
    let counter = left.clone();
    let line = move |end: End, wire: &[u8]| {
        if kind_of(end, wire) != Some(FrameType::HisRecord) {
            return true;
        }
        let arrives = counter.get() > 0;
        counter.set(counter.get().saturating_sub(1));
        arrives
    };
    let mut pair = waiting(started(Pair::new(platform, Box::new(line))?)?)?;
    left.set(1);
    again(&mut pair)?;
    pair.pass(6_000);
    if !pair.is_up(End::His) {
        return Err("no session".to_owned());
    }
    Played::over(pair)
}

/// What the POS answers; below 100: something that is no Rejected.
fn answered(what: i32) -> Answer {
    match what {
        1 => ("no_record", "NoRecord", vec![("run", raw(&[9; 4]))]),
        2 => ("unsupported", "Unsupported", Fields::new()),
        3 => ("signed_result", "SignedResult", vec![("result", raw(&[1; 40])), ("signature", raw(&[2; 64]))]),
        code => ("rejected", "Rejected", vec![("code", Value::EnumNumber(code))]),
    }
}

fn looked<const WHAT: i32>() -> Result<Pair, String> {
    let mut played = next_session(|pair| {
        pair.kill(End::His);
        pair.start(End::His)
    })?;
    played.live(130_000, &|body, _| (body == "look_up").then(|| answered(WHAT)))?;
    Ok(played.pair)
}

fn queried<const WHAT: i32>() -> Result<Pair, String> {
    let mut played = next_session(|pair| {
        pair.reopen(End::His);
        Ok(())
    })?;
    played.live(130_000, &|body, _| (body == "query_order").then(|| answered(WHAT)))?;
    Ok(played.pair)
}
