//! Accepting a result: the one thing that ends an order. Everything else that is authentic is kept as evidence.

use alloc::vec::Vec;

use super::captures::{self, Capture};
use super::{Changes, Held, HisAlarm, HisContext, HisOrderEvent, OrderView, Rows, Step, state_of, unposted};
use crate::book::{RowKey, Table};
use crate::catalogue::Status;
use crate::ids::SiteId;
use crate::message::manifest::ResultStanding;
use crate::message::result::{Outcome, ResultCore};
use crate::time::Clock;
use crate::wire::{self, HisState, Posting};

/// A result as a device told it in a session.
pub(crate) struct Told<'a> {
    /// The bytes as received.
    pub(crate) result: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// The device that authenticated the session.
    pub(crate) peer: &'a str,
    /// It comes after this session's look at the order was taken up: equal bytes are a new answer.
    pub(crate) looked: bool,
}

impl Told<'_> {
    fn kept(&self, clock: Clock) -> wire::Evidence {
        let at = clock.unix.map_or(0, |unix| unix.0);
        wire::Evidence { result: self.result.to_vec(), signature: self.signature.to_vec(), at }
    }
}

/// A result that its signer told, and that its key verifies.
struct Authentic {
    result: ResultCore,
    standing: ResultStanding,
}

/// Ends an order by a result, or keeps the result as evidence.
pub(crate) fn accept(context: &HisContext, told: &Told<'_>, rows: &Rows, clock: Clock) -> Step {
    let mut changes = Changes::default();
    let Some(Authentic { result, standing }) = authentic(context, told, clock) else {
        changes.events.push(HisOrderEvent::Alarm(HisAlarm::NotAuthentic));
        return Ok(changes);
    };
    let key = RowKey::new(Table::Order, result.get().order_no.as_str());
    rows.all(core::slice::from_ref(&key))?;
    let Some(held) = rows.get(&key).and_then(Held::read) else {
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST leave an authentic ReportResult about a number that has no row unanswered, store nothing of
        //# its result, and raise an alarm.
        // Its terminal repeats it. The row comes with its list, which has the core, too.
        let alarm = HisAlarm::Orphan { order_no: result.get().order_no.clone() };
        changes.events.push(HisOrderEvent::Alarm(alarm));
        return Ok(changes);
    };
    let results = core::slice::from_ref(&result);
    rows.all(&captures::keys_of(&context.agreements, &held, results, Some(rows)))?;
    if held.row.result == told.result {
        seen_again(context, held, told, rows, clock, &mut changes);
        changes.disposition = Some(wire::Disposition::Recorded);
    } else if held.row.evidence.iter().any(|evidence| evidence.result == told.result) {
        seen_again(context, held, told, rows, clock, &mut changes);
        changes.disposition = Some(wire::Disposition::Kept);
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST end an order by a result exactly if the result is authentic and not evidence only, the
    //# order's row is known and no orphan, the order has not ended, the result's order hash, number and
    //# amount are the order's own, and its signer is the order's own device or a device that the row has
    //# asked.
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST NOT reopen or change the end of an order because of evidence.
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST NOT take back a posting because of evidence.
    } else if ends(context, &held, &result, told.peer) && standing == ResultStanding::Valid && !held.ended() {
        end(context, held, told, &result, rows, clock, &mut changes);
        changes.disposition = Some(wire::Disposition::Recorded);
    } else {
        keep(context, held, told, &result, rows, clock, &mut changes);
        changes.disposition = Some(wire::Disposition::Kept);
    }
    Ok(changes)
}

/// Keeps a result of an orphan beside its row, if it is authentic and new.
pub(super) fn add_evidence(context: &HisContext, held: &mut Held, told: &Told<'_>, clock: Clock) {
    let known = held.row.evidence.iter().any(|evidence| evidence.result == told.result);
    let Some(authentic) = authentic(context, told, clock).filter(|_| !known) else { return };
    if is_about(held, &context.site_id, &authentic.result) {
        held.row.evidence.push(told.kept(clock));
    }
}

/// Signature by the device that it names, that device being the peer, in a manifest interval.
fn authentic(context: &HisContext, told: &Told<'_>, clock: Clock) -> Option<Authentic> {
    let result = ResultCore::decode(told.result.to_vec()).ok()?;
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST NOT end an order by a result that was not told in a session by its signer, such as one from
    //# an export or from another HIS.
    if result.get().device_id.as_str() != told.peer {
        return None;
    }
    let device = context.devices.device(&result.get().device_id)?;
    let signature = crate::order_flow::array::<64>(told.signature)?;
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST take a result for authentic exactly if it is a result by ORD-42, ORD-43 and ORD-45, names
    //# the device that authenticated the session, that device is in the device manifest, and the signature
    //# verifies with the device's registered key over the bytes as received.
    crate::message::result::verify(&device.public_key, told.result, &signature).ok()?;
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST take an authentic result of a device that is marked as compromised for evidence only, if
    //# its own calendar clock is at or after `compromised_since` or is missing.
    // The moment is that of this ledger: whoever holds a compromised key can write any time into a result.
    let at = clock.unix;
    match context.devices.result_standing(&result.get().device_id, at) {
        ResultStanding::Unknown => None,
        standing => Some(Authentic { result, standing }),
    }
}

/// Whether a result is about this very order: its hash and amount.
pub(crate) fn is_about(held: &Held, site_id: &SiteId, result: &ResultCore) -> bool {
    held.core.as_ref().is_some_and(|core| {
        core.hash(site_id) == result.get().order_hash && core.amount() == result.get().amount
    })
}

/// Whether a result is about this very order, by a device that may end it.
fn ends(context: &HisContext, held: &Held, result: &ResultCore, peer: &str) -> bool {
    let Some(core) = held.core.as_ref() else { return false };
    let asked = core.device_id().as_str() == peer || held.row.devices.iter().any(|device| device == peer);
    asked
        && is_about(held, &context.site_id, result)
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST NOT propose anything for an orphan's captures, post it, or end it by a result, before a
        //# bill has adopted it.
        && !held.row.orphan
}

/// Persists the result and the end in one transaction.
fn end(
    context: &HisContext,
    mut held: Held,
    told: &Told<'_>,
    result: &ResultCore,
    rows: &Rows,
    clock: Clock,
    changes: &mut Changes,
) {
    let used_twice = payment_is_another_orders(&held, result, rows);
    let state = ends_as(&held, result, rows);
    held.row.set_state(state);
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST store the result, the end, the captures that it tells of and their payment numbers, and a
    //# refund's booking in one transaction, and confirm with `recorded` (1).
    held.row.result = told.result.to_vec();
    held.row.signature = told.signature.to_vec();
    held.row.ended_at = clock.unix.map_or(0, |unix| unix.0);
    held.row.leased_until = 0;
    //= spec-crate/spec/orders.md#posting
    //# A HIS MUST mark an order that enters Paid or Refunded as unposted in the same transaction, but for the
    //# refund of ORD-240.
    if matches!(state, HisState::Paid | HisState::Refunded) && held.row.posting() != Posting::NotToPost {
        held.row.set_posting(Posting::Unposted);
    }
    captures::open_told(context, rows, &held, result, changes);
    settle_refund(context, &held, result, rows, changes);
    held.store(changes);
    changes.events.push(HisOrderEvent::Ended(OrderView::of(&held)));
    if used_twice || (state == HisState::Attention && result.get().outcome != Outcome::Attention) {
        let alarm = HisAlarm::Contradiction { order_no: held.order_no.clone() };
        changes.events.push(HisOrderEvent::Alarm(alarm));
    }
}

/// Books what a refund gave back, and releases its reservation unless it may still happen.
fn settle_refund(context: &HisContext, held: &Held, result: &ResultCore, rows: &Rows, changes: &mut Changes) {
    let original = captures::original(&context.agreements, held, rows);
    let Some(mut capture) = original.filter(Capture::known) else { return };
    let rests = Status::from_code(result.get().status).is_some_and(Status::rests_on_absence);
    //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
    //# A HIS MUST remove the reservation of a refund that enters NotRefunded with a status that does not rest
    //# on absence, and keep it in every other case.
    let (given_back, release) = match result.get().outcome {
        Outcome::Refunded => (Some(result.get().amount.magnitude()), true),
        Outcome::NotRefunded => (None, !rests && held.state() == HisState::NotRefunded),
        _ => (None, false),
    };
    if given_back.is_some() || release {
        capture.settle(held.order_no.as_str(), given_back, release);
        capture.store(changes);
    }
    if release && given_back.is_none() {
        unposted::give_back_to_posting(held, rows, changes);
    }
}

/// The state that a result ends an order in.
pub(crate) fn ends_as(held: &Held, result: &ResultCore, rows: &Rows) -> HisState {
    let told_of = |outcome| evidence(held).iter().any(|kept| kept.get().outcome == outcome);
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST enter the state of the result's outcome, but Attention for `paid` if the payment number
    //# belongs to another order, and Attention for `not_paid` or `not_refunded` if a `paid` or `refunded`
    //# result under the order's number is kept as evidence, with an alarm in each case.
    match result.get().outcome {
        Outcome::Paid if payment_is_another_orders(held, result, rows) => HisState::Attention,
        //= spec-crate/spec/orders.md#states-of-an-order-at-his
        //# A HIS MUST end an order as Attention by any `paid` result if the core that took its place has
        //# another amount than the core that the bill asked for, and keep in the row (`other_amount`) that it
        //# has.
        Outcome::Paid if held.row.other_amount => HisState::Attention,
        Outcome::NotPaid if told_of(Outcome::Paid) => HisState::Attention,
        Outcome::NotRefunded if told_of(Outcome::Refunded) => HisState::Attention,
        outcome => state_of(outcome),
    }
}

/// The platform's payment number already belongs to another order.
fn payment_is_another_orders(held: &Held, result: &ResultCore, rows: &Rows) -> bool {
    captures::told(result).iter().any(|(channel, payment_no, ..)| {
        let finder = Capture::read(rows, captures::payment_key(*channel, payment_no));
        finder.known() && finder.row.order_no != held.order_no.as_str()
    })
}

/// Persists a result beside the order's end: a fact about a capture, or evidence.
fn keep(
    context: &HisContext,
    mut held: Held,
    told: &Told<'_>,
    result: &ResultCore,
    rows: &Rows,
    clock: Clock,
    changes: &mut Changes,
) {
    let is_own = |result: &ResultCore| is_about(&held, &context.site_id, result);
    let own = is_own(result);
    let refund_known = evidence(&held)
        .iter()
        .chain(&held.result())
        .any(|known| is_own(known) && known.get().outcome == Outcome::Refunded);
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST store every other authentic result whose number has a row as evidence of its order, once,
    //# and confirm with `kept` (2).
    held.row.evidence.push(told.kept(clock));
    count_look(&mut held, clock.unix.map_or(0, |unix| unix.0));
    let same_order =
        held.core.as_ref().is_some_and(|core| core.hash(&context.site_id) == result.get().order_hash);
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST open a capture row for each capture that evidence with the order's own hash tells of and
    //# that has no row, but for ORD-195.
    let new_money = same_order && captures::open_told(context, rows, &held, result, changes);
    let late_refund = own && late_refund(context, &held, result, refund_known, rows, changes);
    if own && held.row.orphan && result.get().outcome != Outcome::NotRefunded {
        captures::reserve_orphan(&context.agreements, &held, rows, changes);
    }
    release_after_last_look(context, &held, rows, changes);
    held.store(changes);
    changes.events.push(HisOrderEvent::Changed(OrderView::of(&held)));
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST raise an alarm for evidence that has another hash or amount than the order, tells of a
    //# capture that had no row, proves a refund that was called failed, or has an outcome other than
    //# `attention` that differs from the order's end.
    let outcome = result.get().outcome;
    let differs = held.ended() && state_of(outcome) != held.state() && outcome != Outcome::Attention;
    if !own || new_money || late_refund || differs {
        let alarm = HisAlarm::Contradiction { order_no: held.order_no.clone() };
        changes.events.push(HisOrderEvent::Alarm(alarm));
    }
}

/// A POS without a clock signs the same bytes at each look. A look is counted for them as for new ones, but a late
/// repeat of an old report is none.
fn seen_again(
    context: &HisContext,
    mut held: Held,
    told: &Told<'_>,
    rows: &Rows,
    clock: Clock,
    changes: &mut Changes,
) {
    //= spec-crate/spec/orders.md#asking-again
    //# A HIS MUST count a look of ORD-211 or ORD-212 when an authentic result about the order comes at or
    //# after the look was due and is stored as evidence, or has bytes that the order's row already holds and
    //# comes after a LookUp with `fresh` about the order was answered by OrderState in the same session.
    if told.looked && count_look(&mut held, clock.unix.map_or(0, |unix| unix.0)) {
        release_after_last_look(context, &held, rows, changes);
        held.store(changes);
        changes.events.push(HisOrderEvent::Changed(OrderView::of(&held)));
    }
}

/// Counts a look that was due; `true` if one was.
fn count_look(held: &mut Held, at: u64) -> bool {
    //= spec-crate/spec/orders.md#asking-again
    //# A HIS MUST count a look of ORD-211 or ORD-212 when an authentic result about the order comes at or
    //# after the look was due and is stored as evidence, or has bytes that the order's row already holds and
    //# comes after a LookUp with `fresh` about the order was answered by OrderState in the same session.
    let due = held.look_again_at().is_some_and(|due| due <= at);
    held.row.looked_again = held.row.looked_again.saturating_add(u32::from(due));
    due
}

/// A refund that is proved after it was called failed is booked, even beyond what was taken. If it was `known` before it
/// is booked already, unless its reservation says that it is not.
fn late_refund(
    context: &HisContext,
    held: &Held,
    result: &ResultCore,
    known: bool,
    rows: &Rows,
    changes: &mut Changes,
) -> bool {
    let failed = matches!(held.state(), HisState::NotRefunded | HisState::Attention);
    let original = captures::original(&context.agreements, held, rows);
    let reserved = original.is_some_and(|original| original.reserves(&held.order_no));
    let booked = known && !reserved;
    if !failed || held.row.orphan || booked || result.get().outcome != Outcome::Refunded {
        return false;
    }
    //= spec-crate/spec/orders.md#accepting-a-result
    //# A HIS MUST book a refund in NotRefunded or Attention when a `refunded` result with its hash and amount
    //# comes as evidence, also beyond what was taken, unless it has booked that refund before.
    settle_refund(context, held, result, rows, changes);
    true
}

/// After the last look a refund that rested on absence gives its reservation back.
fn release_after_last_look(context: &HisContext, held: &Held, rows: &Rows, changes: &mut Changes) {
    //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
    //# A HIS MUST remove the reservation of a refund whose end rests on absence when the third and last look
    //# of ORD-211 has been counted and no refund was proved.
    let over = held.state() == HisState::NotRefunded && held.look_again_at().is_none();
    let original = captures::original(&context.agreements, held, rows);
    let Some(mut capture) = original.filter(|_| over) else { return };
    let booked = changes.batch.write.iter().any(|write| write.key == capture.key);
    if capture.reserves(&held.order_no) && !booked {
        capture.settle(held.order_no.as_str(), None, true);
        capture.store(changes);
        unposted::give_back_to_posting(held, rows, changes);
    }
}

/// The signed evidence of an order, newest last.
pub(crate) fn evidence(held: &Held) -> Vec<ResultCore> {
    held.row.evidence.iter().filter_map(|kept| ResultCore::decode(kept.result.clone()).ok()).collect()
}
