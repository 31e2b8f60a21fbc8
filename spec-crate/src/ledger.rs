//! The ledger apart from any link: what programs read of it, and what people decide.
//!
//! Every function is pure: rows in, a [`Batch`] out. The store refuses a batch whose rows have changed; the caller then
//! reads them and calls again.

mod days;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use prost::Message as _;

use crate::book::{Batch, Index, Row, RowKey, Table, Write};
use crate::catalogue::Status;
use crate::message::agreement::Agreement;
use crate::message::order::{Kind, OrderCore};
use crate::message::result::{Outcome, ResultCore};
use crate::order_flow::his::captures::{self, Capture};
use crate::order_flow::his::{self, Changes, Held, Rows, accepting, unposted};
use crate::time::Clock;
use crate::wire::{self, HisState, Posting};
use crate::{limits, timers};

pub use self::days::{
    ClosedDay, Closing, DayRefusal, DayRevision, DayView, Totals, TotalsRow, close_day, closed_day,
    closed_days, day, day_key, revise_day,
};
pub use crate::order_flow::his::{BillView, CaptureView, OrderView};

/// Bytes of a book's id.
const BOOK_BYTES: usize = 8;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// What a decision of two people is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DecisionKind {
    /// The order ended as its signed evidence has it.
    Evidence,
    /// It ended unpaid. Only if every capture of it is returned.
    NotPaid,
    /// It stays open for people: attention.
    Keep,
    /// Its captures were returned outside the link.
    Returned,
}

/// A decision of two people about an order that no result ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// What was decided.
    pub kind: DecisionKind,
    /// One person, 1 to 24 bytes.
    pub by_first: String,
    /// Another person.
    pub by_second: String,
}

/// Why a decision cannot be carried out. Nothing was changed.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DecisionRefusal {
    /// It needs two different people.
    OnePerson,
    /// There is no such order.
    UnknownOrder,
    /// Only an order that is asked about, or needs attention, can be decided.
    State(&'static str),
    /// No signed evidence is kept.
    NoEvidence,
    /// Money that the order took is not returned.
    Captured(String),
    /// A refund is not decided as unpaid.
    Refund,
    /// Only a bill's adoption ends an orphan as its evidence has it.
    Orphan,
    /// The agreement of this number, which the order names, is not held: its captures cannot be found.
    Agreement(u32),
    /// Nothing is waiting to be posted.
    NothingToPost,
    /// It was decided that the order is not posted, because its money goes back.
    NotToPost,
}

impl fmt::Display for DecisionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnePerson => f.write_str("a decision needs two different people: name both"),
            Self::UnknownOrder => f.write_str("the ledger knows no such order"),
            Self::State(state) => write!(f, "the order is {state}: only asking and attention can be decided"),
            Self::NoEvidence => f.write_str("no signed evidence is kept: look the order up, or keep it"),
            Self::Captured(number) => {
                write!(f, "{number} is not returned: refund it, or mark it returned first")
            }
            Self::Orphan => f.write_str("no bill has adopted the order: let one adopt it first"),
            Self::Refund => {
                f.write_str("a refund is not decided as unpaid: decide as the evidence has it, or keep it")
            }
            Self::Agreement(no) => write!(f, "agreement {no}, which the order names, is not held: import it"),
            Self::NothingToPost => f.write_str("nothing of this order waits to be posted"),
            Self::NotToPost => {
                f.write_str("it is not to be posted, its money goes back: take it out of the bill again")
            }
        }
    }
}

impl core::error::Error for DecisionRefusal {}

/// The rows of a new ledger: for its first days orders carry a search.
#[must_use]
pub fn born(site_id: &str, clock: Clock) -> Batch {
    let until = search_until(clock);
    //= spec-crate/spec/books.md#rows-of-the-ledger
    //# A HIS MUST write the site row of a new ledger before it makes an order, with a search time
    //# (`search_until`) of now + 345,600 seconds, or of 2^64 - 1 if it has no calendar clock.
    let row = wire::SiteRow { search_until: until, ..wire::SiteRow::default() };
    let key = RowKey::new(Table::Site, site_id);
    Batch {
        read: alloc::vec![(key.clone(), 0)],
        write: alloc::vec![Write { key, bytes: row.encode_to_vec(), index: Index::default() }],
    }
}

/// What every start of HIS does before its links run: each order that has not ended is asked about, never submitted.
///
/// `rows` are all open order rows.
#[must_use]
pub fn start(rows: &[Row], agreements: &[Agreement], clock: Clock) -> Batch {
    his::start(rows, clock, his::full_lease(agreements))
}

/// What a step back of the ledger asks for: a wait, then the list of every device, and searches for some days.
///
/// `site` is the site's row, `peers` those of all devices, `open` all open order rows.
#[must_use]
pub fn restored(site: &Row, peers: &[Row], open: &[Row], agreements: &[Agreement], clock: Clock) -> Batch {
    let mut changes = Changes { batch: start(open, agreements, clock), ..Changes::default() };
    let stored = wire::SiteRow::decode(site.bytes.as_slice()).unwrap_or_default();
    //= spec-crate/spec/books.md#a-ledger-that-went-back
    //# A HIS on which a person declares a restore of the ledger MUST, in one transaction, write the BookStart
    //# of BOK-21, set every order that has not ended to Asking with a lease end of now + FULL_LEASE, set the
    //# site row to waiting and pulling with a search time as in BOK-28, and mark every device's list as not
    //# pulled.
    let row = wire::SiteRow { waiting: true, pulling: true, search_until: search_until(clock), ..stored };
    changes.write(&site.key, site.version, &row, Index::default());
    for peer in peers {
        let stored = wire::PeerRow::decode(peer.bytes.as_slice()).unwrap_or_default();
        let mut row = wire::PeerRow { pulled: false, ..stored };
        if row.encoded_len() == 0 {
            // No row is empty. A book that no device knows is answered from the first record.
            //= spec-crate/spec/books.md#rows-and-versions
            //# A HIS MUST write 8 bytes 00 as `pulled_book` of a peer row that would otherwise have no field.
            row.pulled_book = alloc::vec![0; BOOK_BYTES];
        }
        changes.write(&peer.key, peer.version, &row, Index::default());
    }
    changes.batch
}

fn search_until(clock: Clock) -> u64 {
    clock
        .unix
        //= spec-crate/spec/books.md#rows-of-the-ledger
        //# A HIS MUST write the site row of a new ledger before it makes an order, with a search time
        //# (`search_until`) of now + 345,600 seconds, or of 2^64 - 1 if it has no calendar clock.
        .map_or(u64::MAX, |unix| unix.0.saturating_add(u64::from(limits::SEARCH_DAYS).saturating_mul(DAY)))
}

/// Two people decide without the list of a device that cannot answer.
#[must_use]
pub fn pulled_by_decision(peer: &Row) -> Batch {
    let mut changes = Changes::default();
    let stored = wire::PeerRow::decode(peer.bytes.as_slice()).unwrap_or_default();
    //= spec-crate/spec/books.md#a-ledger-that-went-back
    //# A HIS MUST go on without the list of a device that cannot answer only on the recorded decision of two
    //# different people.
    //= spec-crate/spec/books.md#a-ledger-that-went-back
    //# A HIS MUST record for each device that its list was pulled, or that two people decided to go on
    //# without it.
    changes.write(&peer.key, peer.version, &wire::PeerRow { pulled: true, ..stored }, Index::default());
    changes.batch
}

/// The rows that [`decide`] and [`adopt`] need beside the order's own, also those that were never written: of its
/// captures and their payment numbers; for a refund the row of its original, and the capture rows of that.
#[must_use]
pub fn rows_of(order: &Row, agreements: &[Agreement]) -> Vec<RowKey> {
    let Some(held) = Held::read(order) else { return Vec::new() };
    let results: Vec<_> = accepting::evidence(&held).into_iter().chain(held.result()).collect();
    captures::keys_of(agreements, &held, &results, None)
}

/// Carries out a decision of two people. `captures` are the rows of [`rows_of`]. Others do no harm. `agreements` are all
/// ever held.
///
/// # Errors
///
/// [`DecisionRefusal`] naming what stands in the way.
pub fn decide(
    order: &Row,
    captures: &[Row],
    decision: &Decision,
    agreements: &[Agreement],
    clock: Clock,
) -> Result<Batch, DecisionRefusal> {
    //= spec-crate/spec/orders.md#decisions-of-persons
    //# A HIS MUST record a decision about an order only with two different people, what was decided, and the
    //# time.
    //= spec-crate/spec/security.md#a-real-key-in-wrong-hands
    //# A HIS MUST NOT let one person give both names of a refund or of a decision.
    let (first, second) = (&decision.by_first, &decision.by_second);
    if first.is_empty() || second.is_empty() || first == second {
        return Err(DecisionRefusal::OnePerson);
    }
    let mut held = Held::read(order).ok_or(DecisionRefusal::UnknownOrder)?;
    finds_captures(&held, agreements)?;
    let own = |capture: &CaptureView| capture.order_no == held.order_no.as_str();
    let views: Vec<(&Row, CaptureView)> = captures
        .iter()
        .filter_map(|row| Some((row, CaptureView::read(row)?)))
        .filter(|(_, view)| own(view))
        .collect();
    let mut changes = Changes::default();
    let at = clock.unix.map_or(0, |unix| unix.0);
    let undecided = matches!(held.state(), HisState::Asking | HisState::Attention)
        || decision.kind == DecisionKind::Evidence && refund_proved(&held, agreements);
    //= spec-crate/spec/orders.md#decisions-of-persons
    //# A HIS MUST allow the decisions below only for an order in Asking or Attention, except that captures
    //# may be marked as returned in any state, and that a refund in NotRefunded may end as the evidence has
    //# it if that is `refunded`.
    if !undecided && decision.kind != DecisionKind::Returned {
        return Err(DecisionRefusal::State(OrderView::of(&held).state));
    }
    let kind = match decision.kind {
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST NOT propose anything for an orphan's captures, post it, or end it by a result, before a
        //# bill has adopted it.
        DecisionKind::Evidence if held.row.orphan => return Err(DecisionRefusal::Orphan),
        DecisionKind::Evidence => {
            //= spec-crate/spec/orders.md#decisions-of-persons
            //# A HIS MUST, on the decision "as the evidence has it", end the order by its newest signed
            //# evidence with its hash and amount as ORD-194 says, post it as ORD-241 says, book or release a
            //# refund that is not booked yet as ORD-206 and ORD-207 say, and refuse the decision if there is
            //# no such evidence or the order is an orphan.
            end_by_evidence(&mut held, agreements, &Rows::of(captures), &mut changes)?;
            let original = captures::original(agreements, &held, &Rows::of(captures));
            settle_decided(&held, original, &Rows::of(captures), &mut changes);
            wire::DecisionKind::Evidence
        }
        DecisionKind::NotPaid => {
            //= spec-crate/spec/orders.md#decisions-of-persons
            //# A HIS MUST, on the decision "not paid", end a collect as NotPaid, and refuse the decision for
            //# a refund and while a capture of the order is not returned.
            if held.core.as_ref().is_some_and(|core| core.kind() == Kind::Refund) {
                return Err(DecisionRefusal::Refund);
            }
            //= spec-crate/spec/orders.md#decisions-of-persons
            //# A HIS MUST, on the decision "not paid", end a collect as NotPaid, and refuse the decision for
            //# a refund and while a capture of the order is not returned.
            if let Some((_, capture)) = views.iter().find(|(_, view)| !view.returned) {
                return Err(DecisionRefusal::Captured(capture.number.clone()));
            }
            held.row.set_state(HisState::NotPaid);
            wire::DecisionKind::NotPaid
        }
        DecisionKind::Keep => {
            //= spec-crate/spec/orders.md#decisions-of-persons
            //# A HIS MUST, on the decision "keep", put the order into Attention.
            held.row.set_state(HisState::Attention);
            wire::DecisionKind::Keep
        }
        DecisionKind::Returned => {
            for mut capture in views.iter().map(|(row, _)| Capture::of(row)) {
                //= spec-crate/spec/orders.md#decisions-of-persons
                //# A HIS MUST, on the decision "returned outside", mark every capture of the order as
                //# returned and leave its state.
                capture.row.returned = true;
                capture.store(&mut changes);
            }
            wire::DecisionKind::Returned
        }
    };
    if held.ended() && held.row.ended_at == 0 {
        held.row.ended_at = at;
    }
    held.row.decision = Some(wire::Decision {
        kind: i32::from(kind),
        by_first: decision.by_first.clone(),
        by_second: decision.by_second.clone(),
        at,
    });
    held.store(&mut changes);
    Ok(changes.batch)
}

/// A refund that was called failed is proved: it is booked, and waits for people to say so.
fn refund_proved(held: &Held, agreements: &[Agreement]) -> bool {
    let newest = own_evidence(held, agreements).map(|(_, result)| result.get().outcome);
    held.state() == HisState::NotRefunded && newest == Some(Outcome::Refunded)
}

/// Without the agreement that a core names nobody knows under which numbers its money is.
fn finds_captures(held: &Held, agreements: &[Agreement]) -> Result<(), DecisionRefusal> {
    let Some(core) = held.core.as_ref() else { return Ok(()) };
    let no = core.refund_of().map_or_else(|| core.agreement_no(), |of| of.agreement_no);
    let found = agreements.iter().any(|agreement| agreement.terms().agreement_no == no);
    if found { Ok(()) } else { Err(DecisionRefusal::Agreement(no)) }
}

/// The newest evidence of this very order.
fn own_evidence(held: &Held, agreements: &[Agreement]) -> Option<(wire::Evidence, ResultCore)> {
    let site_id = &agreements.first()?.terms().site_id;
    held.row.evidence.iter().rev().find_map(|kept| {
        let result = ResultCore::decode(kept.result.clone()).ok()?;
        accepting::is_about(held, site_id, &result).then(|| (kept.clone(), result))
    })
}

/// The newest evidence ends the order, among its rows.
fn end_by_evidence(
    held: &mut Held,
    agreements: &[Agreement],
    rows: &Rows,
    changes: &mut Changes,
) -> Result<(), DecisionRefusal> {
    let (newest, result) = own_evidence(held, agreements).ok_or(DecisionRefusal::NoEvidence)?;
    // Another order that comes to have the same payment meanwhile makes this stale.
    for (channel, payment_no, ..) in captures::told(&result) {
        let finder = captures::payment_key(channel, &payment_no);
        changes.looked(&finder, rows.get(&finder).map_or(0, |row| row.version));
    }
    held.row.set_state(accepting::ends_as(held, &result, rows));
    held.row.result = newest.result;
    held.row.signature = newest.signature;
    if held.state() != HisState::Attention {
        held.row.looked_again = 0;
    }
    // A payment that went back to posting when its refund was called failed is posted, and so is the refund.
    let original = held.original_key().and_then(|key| rows.get(&key).and_then(Held::read));
    let stays = original.is_none_or(|original| original.row.posting() == Posting::NotToPost);
    if matches!(held.state(), HisState::Paid | HisState::Refunded)
        && !(stays && held.row.posting() == Posting::NotToPost)
    {
        held.row.set_posting(Posting::Unposted);
    }
    Ok(())
}

/// The bill database has taken an order's end over.
///
/// # Errors
///
/// [`DecisionRefusal::NothingToPost`] if nothing of it waits, [`DecisionRefusal::NotToPost`] if its money goes back
/// instead; posting twice is no error.
pub fn posted(order: &Row) -> Result<Batch, DecisionRefusal> {
    let mut held = Held::read(order).ok_or(DecisionRefusal::UnknownOrder)?;
    let mut changes = Changes::default();
    match held.row.posting() {
        //= spec-crate/spec/orders.md#posting
        //# A HIS MUST hand an unposted order to the bill database with the order number as the key that makes
        //# a second hand-over do nothing.
        Posting::Posted => return Ok(changes.batch),
        //= spec-crate/spec/orders.md#posting
        //# A HIS MUST mark an order as posted only after the bill database has made it durable.
        Posting::Unposted => held.row.set_posting(Posting::Posted),
        Posting::NotToPost => return Err(DecisionRefusal::NotToPost),
        Posting::Unspecified => return Err(DecisionRefusal::NothingToPost),
    }
    held.store(&mut changes);
    Ok(changes.batch)
}

/// A bill adopts an order that only a POS knew: it becomes the bill's present order, end and posting included. For a
/// refund, `bill` is that of its original. `captures` are the rows of [`rows_of`], `agreements` all ever held.
///
/// # Errors
///
/// [`DecisionRefusal::UnknownOrder`] if it is no orphan.
pub fn adopt(
    order: &Row,
    bill: &Row,
    captures: &[Row],
    agreements: &[Agreement],
) -> Result<Batch, DecisionRefusal> {
    //= spec-crate/spec/orders.md#orphans
    //# A HIS MUST let a bill adopt an orphan only when a person or the bill database says which bill it
    //# belongs to.
    let mut held = Held::read(order).filter(|held| held.row.orphan).ok_or(DecisionRefusal::UnknownOrder)?;
    let kind = held.core.as_ref().map(OrderCore::kind).ok_or(DecisionRefusal::UnknownOrder)?;
    finds_captures(&held, agreements)?;
    let mut changes = Changes::default();
    //= spec-crate/spec/orders.md#orphans
    //# A HIS MUST, when a bill adopts an orphan, set its bill, give its captures that bill, make a collect
    //# the bill's present order and raise the bill's count of orders by 1, end it as its newest evidence with
    //# its hash and amount says by ORD-194 or put it in Asking if there is none, post it as ORD-241 says, and
    //# book or release a refund in its original's capture row as ORD-206 and ORD-207 say, in one transaction.
    held.row.orphan = false;
    held.row.bill.clone_from(&bill.key.key);
    held.row.looked_again = 0;
    let rows = Rows::of(captures);
    if end_by_evidence(&mut held, agreements, &rows, &mut changes).is_err() {
        held.row.set_state(HisState::Asking);
    }
    if kind == Kind::Collect {
        let stored = wire::BillRow::decode(bill.bytes.as_slice()).unwrap_or_default();
        let orders = stored.orders.saturating_add(1);
        held.row.generation = stored.orders;
        let row = wire::BillRow { present: held.order_no.as_str().into(), orders };
        let index = Index { bill: bill.key.key.clone(), ..Index::default() };
        changes.write(&bill.key, bill.version, &row, index);
    }
    let own = |row: &&Row| CaptureView::read(row).is_some_and(|c| c.order_no == held.order_no.as_str());
    for mut capture in captures.iter().filter(own).map(Capture::of) {
        capture.row.bill.clone_from(&bill.key.key);
        capture.store(&mut changes);
    }
    let original = match held.state() {
        HisState::NotRefunded => captures::original(agreements, &held, &rows),
        _ => captures::reserve_orphan(agreements, &held, &rows, &mut changes),
    };
    settle_decided(&held, original, &rows, &mut changes);
    held.store(&mut changes);
    Ok(changes.batch)
}

/// A refund that ended is booked in the row of its original, and its reservation goes unless it may still happen. What
/// was booked or released before has none any more.
fn settle_decided(held: &Held, original: Option<Capture>, rows: &Rows, changes: &mut Changes) {
    let Some(mut original) = original.filter(|original| original.reserves(&held.order_no)) else { return };
    let status = held.result().and_then(|result| Status::from_code(result.get().status));
    let gone = held.state() == HisState::NotRefunded && !status.is_some_and(Status::rests_on_absence);
    let booked = held.state() == HisState::Refunded;
    if booked || gone {
        let amount = held.core.as_ref().map_or(0, |core| core.amount().magnitude());
        original.settle(held.order_no.as_str(), booked.then_some(amount), true);
        original.store(changes);
    }
    if gone {
        unposted::give_back_to_posting(held, rows, changes);
    }
}

/// Whether an order has waited too long to be posted, at a time in Unix seconds.
#[must_use]
pub fn unposted_too_long(order: &OrderView, unix: u64) -> bool {
    //= spec-crate/spec/orders.md#posting
    //# A HIS MUST raise an alarm for an order that has been unposted for 1,800 seconds.
    let allowed = timers::UNPOSTED_ALARM.div_ceil(1_000);
    order.posting == "unposted" && order.ended_at != 0 && unix >= order.ended_at.saturating_add(allowed)
}
