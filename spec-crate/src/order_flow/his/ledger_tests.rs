//! The ledger's rules over a small book, without any link.

mod ends;
mod making_orders;
mod orphans_come;
mod restoring;

use alloc::collections::BTreeMap;
use alloc::vec;

use super::accepting::{self, Told};
use super::making::Session;
use super::*;
use crate::amount::Amount;
use crate::book::Anchor;
use crate::crypto::ed25519_public;
use crate::ids::{BookId, OperatorId, SiteCode};
use crate::ledger::{self, Decision, DecisionKind, DecisionRefusal};
use crate::message::agreement::{Account, AmountLimits, BusinessDay, Terms};
use crate::message::manifest::Entry;
use crate::message::order::NewOrder;
use crate::message::result::{FoundCapture, NewResult, sign};
use crate::message::signed_file::OrganisationKey;
use crate::platform::{Capture, Channel};
use crate::time::UnixSeconds;

const DAY: u32 = 20_270_115;
const UNIX: u64 = 1_800_000_000;
const RUN: [u8; 4] = [1, 2, 3, 4];

/// A function and no closure: the seed is erased where it was, see [`Secret::new`].
fn seed(number: u8) -> Secret<32> {
    Secret::new([number; 32])
}

fn context(desk: u8) -> HisContext {
    let site_id = SiteId::try_from("site-1").unwrap();
    let account = |id: &str| Some(Account { id: id.into(), sub_id: None });
    let terms = Terms {
        agreement_no: 1,
        site_id: site_id.clone(),
        site_code: SiteCode::try_from("SIM1").unwrap(),
        versions: vec![1],
        suites: vec![1],
        his_organisation: OrganisationKey::of(&seed(21)),
        pos_organisation: OrganisationKey::of(&seed(22)),
        amounts: AmountLimits { collect_max: 5_000_000, refund_max: 5_000_000, refund_day_max: 10_000 },
        timers: Timers::USUAL,
        business_day: BusinessDay::default(),
        wechat: account("1900000109"),
        alipay: account("2021000000000001"),
        simulated: true,
    };
    let device = |number: u8| Entry {
        id: device_id(number),
        name: "SN".into(),
        public_key: ed25519_public(&seed(number)),
        valid_from: UnixSeconds(UNIX - 86_400),
        valid_until: UnixSeconds(UNIX + 86_400_000),
        revocation: None,
    };
    HisContext {
        terminal_id: TerminalId::try_from("WIN-1").unwrap(),
        site_id: site_id.clone(),
        site_secret: seed(7),
        device_id: device_id(desk),
        agreements: vec![Agreement::encode(&terms).unwrap()],
        devices: Manifest::encode(1, &site_id, vec![device(1), device(2)]).unwrap(),
        started: Instant(0),
    }
}

fn device_id(number: u8) -> DeviceId {
    DeviceId::try_from(alloc::format!("POS-{number}").as_str()).unwrap()
}

/// So many seconds after the beginning.
fn after(seconds: u64) -> Clock {
    Clock { now: Instant(1_000 * (seconds + 1)), unix: Some(UnixSeconds(UNIX + seconds)) }
}

/// A ledger in memory.
#[derive(Default)]
struct Ledger {
    rows: BTreeMap<RowKey, (Row, Index)>,
    seq: u64,
}

impl Ledger {
    fn born() -> Self {
        let mut ledger = Self::default();
        assert!(ledger.commit(&ledger::born("site-1", after(0))));
        ledger
    }

    fn row(&self, key: &RowKey) -> Row {
        let missing = Row { key: key.clone(), version: 0, bytes: Vec::new() };
        self.rows.get(key).map_or(missing, |(row, _)| row.clone())
    }

    fn order(&self, order_no: &OrderNo) -> Row {
        self.row(&RowKey::new(Table::Order, order_no.as_str()))
    }

    fn view(&self, order_no: &OrderNo) -> OrderView {
        OrderView::read(&self.order(order_no)).unwrap()
    }

    fn held(&self, order_no: &OrderNo) -> Held {
        Held::read(&self.order(order_no)).unwrap()
    }

    fn captures(&self) -> Vec<CaptureView> {
        self.rows.values().filter_map(|(row, _)| CaptureView::read(row)).collect()
    }

    fn find(&self, query: &Query) -> Found {
        let select = |wanted: &dyn Fn(&RowKey, &Index) -> bool| {
            let rows = self.rows.iter().filter(|(key, (_, index))| wanted(key, index));
            rows.map(|(_, (row, _))| row.clone()).collect::<Vec<Row>>()
        };
        let rows = match query {
            Query::Rows(keys) => keys.iter().map(|key| self.row(key)).collect(),
            Query::Bill(bill) => {
                let of_bill = |key: &RowKey, index: &Index| {
                    matches!(key.table, Table::Order | Table::Capture) && index.bill == *bill
                };
                let own = Some(self.row(&RowKey::new(Table::Bill, bill))).filter(|row| row.version != 0);
                own.into_iter().chain(select(&of_bill)).collect()
            }
            Query::Day(day) => select(&|key, index| key.table == Table::Order && index.day == *day),
            other => panic!("{other:?}"),
        };
        let anchor = Anchor { book: BookId::from_bytes([1; 8]), seq: self.seq, head: [0; 8] };
        Found { rows, more: false, containment: Containment::Contained, anchor }
    }

    fn commit(&mut self, batch: &Batch) -> bool {
        if batch.read.iter().any(|(key, version)| self.row(key).version != *version) {
            return false;
        }
        for write in &batch.write {
            assert!(!write.bytes.is_empty());
            self.seq += 1;
            let row = Row { key: write.key.clone(), version: self.seq, bytes: write.bytes.clone() };
            self.rows.insert(write.key.clone(), (row, write.index.clone()));
        }
        true
    }

    /// What a step comes to, over the rows as they are now.
    fn works_out(&self, step: impl Fn(&Rows) -> Step) -> Changes {
        let mut rows = Rows::default();
        loop {
            match step(&rows) {
                Err(query) => rows.take(&query, self.find(&query)),
                Ok(changes) => return changes,
            }
        }
    }

    fn does(&mut self, step: impl Fn(&Rows) -> Step) -> Vec<HisOrderEvent> {
        let changes = self.works_out(step);
        assert!(self.commit(&changes.batch));
        changes.events
    }

    fn collect(&mut self, bill: &str, fen: i64, clock: Clock) -> OrderNo {
        let new = collect_of(bill, fen);
        made(self.does(|rows| making::collect(&context(1), &new, session(), rows, clock))).unwrap()
    }

    fn refund(&mut self, new: &NewRefund, clock: Clock) -> Result<OrderNo, OrderRefusal> {
        made(self.does(|rows| making::refund(&context(1), new, false, session(), rows, clock)))
    }

    /// A device tells a result in a session.
    fn told(&mut self, desk: u8, result: &ResultCore, clock: Clock) -> Vec<HisOrderEvent> {
        self.told_after_look(desk, result, clock, false)
    }

    fn told_after_look(
        &mut self,
        desk: u8,
        result: &ResultCore,
        clock: Clock,
        looked: bool,
    ) -> Vec<HisOrderEvent> {
        let signature = sign(&seed(desk), result);
        let peer = device_id(desk);
        let told = Told { result: result.bytes(), signature: &signature, peer: peer.as_str(), looked };
        self.does(|rows| accepting::accept(&context(desk), &told, rows, clock))
    }

    /// A collect that was paid.
    fn paid(&mut self, bill: &str, fen: i64, payment_no: &str) -> OrderNo {
        let order_no = self.collect(bill, fen, after(0));
        let paid =
            NewResult { payment_no: Some(payment_no.into()), ..self.result(&order_no, Outcome::Paid, 100) };
        self.told(1, &encoded(&paid), after(1));
        assert_eq!(self.view(&order_no).state, "paid");
        order_no
    }

    /// A result about an order of the ledger, on WeChat.
    fn result(&self, order_no: &OrderNo, outcome: Outcome, status: u32) -> NewResult {
        let core = self.held(order_no).core.unwrap();
        let refund = core.refund_of();
        NewResult {
            order_hash: core.hash(&context(1).site_id),
            order_no: order_no.clone(),
            device_id: device_id(1),
            outcome,
            status,
            amount: core.amount(),
            channel: Some(Channel::Wechat),
            payment_no: refund.map(|of| of.payment_no.clone()),
            refund_id: None,
            captured_at: None,
            decided_at: None,
            provider_code: None,
            found: Vec::new(),
        }
    }
}

fn encoded(result: &NewResult) -> ResultCore {
    ResultCore::encode(result).unwrap()
}

fn session() -> Session<'static> {
    Session { run: &RUN, zero: Instant(0), agreement_no: 1 }
}

fn made(events: Vec<HisOrderEvent>) -> Result<OrderNo, OrderRefusal> {
    match events.into_iter().next().unwrap() {
        HisOrderEvent::Made { order, .. } => Ok(order.order_no),
        HisOrderEvent::Refused { why, .. } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn collect_of(bill: &str, fen: i64) -> NewCollect {
    NewCollect { ticket: 1, bill: bill.into(), amount: Amount::from_fen(fen).unwrap(), business_day: DAY }
}

fn refund_of(order_no: &OrderNo, item: &str, fen: i64) -> NewRefund {
    NewRefund {
        ticket: 2,
        order_no: order_no.clone(),
        item: item.into(),
        amount: Amount::from_fen(-fen).unwrap(),
        operator: OperatorId::try_from("op-1").unwrap(),
        approver: OperatorId::try_from("op-2").unwrap(),
        reason: "not dispensed".into(),
        business_day: DAY,
    }
}

//= spec-crate/spec/orders.md#amounts
//= type=test
//# A HIS MUST refuse a refund order if its amount and the amounts of all refund orders of the same site and
//# business day that have not ended as `not_refunded` together exceed `refund_day_max` of the agreement.
#[test]
fn refunds_of_a_business_day_stay_within_its_limit_and_failed_ones_free_it() {
    let mut ledger = Ledger::born();
    let [one, two, three] =
        ["b1", "b2", "b3"].map(|bill| ledger.paid(bill, 20_000, &alloc::format!("wx-{bill}")));
    let first = ledger.refund(&refund_of(&one, "", 6_000), after(10)).unwrap();
    let too_much = ledger.refund(&refund_of(&two, "", 4_001), after(20));
    assert_eq!(too_much, Err(OrderRefusal::DayLimit { left: 4_000 }));
    let other_day = NewRefund { business_day: DAY + 1, ..refund_of(&three, "", 10_000) };
    ledger.refund(&other_day, after(20)).unwrap();
    ledger.refund(&refund_of(&two, "", 4_000), after(30)).unwrap();
    // Given back counts like reserved; what failed does not count.
    let failed = ledger.result(&first, Outcome::NotRefunded, 404);
    ledger.told(1, &encoded(&failed), after(40));
    assert_eq!(
        ledger.refund(&refund_of(&one, "", 6_001), after(100)),
        Err(OrderRefusal::DayLimit { left: 6_000 })
    );
    ledger.refund(&refund_of(&one, "", 6_000), after(100)).unwrap();
}

//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST decide on a new refund, reserve its amount and store its row in one transaction that has read
//# the site row, the row of the original, the capture row that gives the money back, every order of the
//# original's bill and every order of the business day, and that writes the site row.
#[test]
fn two_refunds_at_once_do_not_share_what_the_day_has_left() {
    let mut ledger = Ledger::born();
    let [one, two] = ["b1", "b2"].map(|bill| ledger.paid(bill, 20_000, &alloc::format!("wx-{bill}")));
    let works_out = |order_no: &OrderNo| {
        let new = refund_of(order_no, "", 6_000);
        ledger.works_out(|rows| making::refund(&context(1), &new, false, session(), rows, after(10)))
    };
    let [first, second] = [&one, &two].map(works_out);
    assert!(ledger.commit(&first.batch));
    assert!(!ledger.commit(&second.batch), "stale: it is run again");
    assert_eq!(
        ledger.refund(&refund_of(&two, "", 6_000), after(10)),
        Err(OrderRefusal::DayLimit { left: 4_000 })
    );
}

/// The core of an order of the ledger, with another amount.
fn other_core(ledger: &Ledger, order_no: &OrderNo, fen: i64) -> OrderCore {
    let core = ledger.held(order_no).core.unwrap();
    let order = NewOrder {
        order_no: order_no.clone(),
        device_id: core.device_id().clone(),
        amount: Amount::from_fen(fen).unwrap(),
        business_day: core.business_day(),
        agreement_no: core.agreement_no(),
        refund_of: core.refund_of().cloned(),
    };
    OrderCore::encode(&order).unwrap()
}

fn conflict(ledger: &mut Ledger, order_no: &OrderNo, core: &OrderCore) -> Vec<HisOrderEvent> {
    let rejected = wire::Rejected { core: core.bytes().to_vec(), ..wire::Rejected::default() };
    ledger.does(|rows| conflict::take_over(&context(1), order_no, &rejected, rows, after(5)))
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS to which an order's own device answers any request with `conflict` (505) and a core of that number
//# and device that differs from its own MUST put the core held into the order's row, raise a refund's
//# reservation to the amount of that core if it is larger, enter Asking with a lease end of now + FULL_LEASE,
//# raise an alarm, and then treat the result that came with it as reported, without confirming it.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST end an order as Attention by any `paid` result if the core that took its place has another
//# amount than the core that the bill asked for, and keep in the row (`other_amount`) that it has.
//= spec-crate/spec/orders.md#the-core
//= type=test
//# A HIS and a POS MUST take two orders for the same order exactly if their cores are the same bytes.
#[test]
fn an_order_of_another_amount_that_took_our_place_is_never_paid_by_itself() {
    for (held, state) in [(900, "attention"), (500, "paid")] {
        let mut ledger = Ledger::born();
        let order_no = ledger.collect("b1", 500, after(0));
        let core = if held == 500 {
            let day = NewCollect { business_day: DAY - 1, ..collect_of("b1", 500) };
            let mut earlier = Ledger::born();
            let made =
                made(earlier.does(|rows| making::collect(&context(1), &day, session(), rows, after(0))));
            earlier.held(&made.unwrap()).core.unwrap()
        } else {
            other_core(&ledger, &order_no, held)
        };
        let told = conflict(&mut ledger, &order_no, &core);
        assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Conflict { order_no: order_no.clone() })));
        assert_eq!(ledger.view(&order_no).state, "asking");
        let paid =
            NewResult { payment_no: Some("wx-1".into()), ..ledger.result(&order_no, Outcome::Paid, 100) };
        ledger.told(1, &encoded(&paid), after(6));
        let view = ledger.view(&order_no);
        assert_eq!((view.state, view.amount.unwrap().fen()), (state, held));
        assert_eq!(ledger.captures()[0].amount, held.unsigned_abs(), "the money is known");
    }
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST take a `conflict` (505) that a device other than the order's own answered as proof of nothing,
//# and leave the order as it is.
#[test]
fn a_held_order_at_another_device_changes_nothing() {
    let mut ledger = Ledger::born();
    let order_no = ledger.collect("b1", 500, after(0));
    let before = ledger.order(&order_no);
    let core = other_core(&ledger, &order_no, 900);
    let rejected = wire::Rejected { core: core.bytes().to_vec(), ..wire::Rejected::default() };
    let told = ledger.does(|rows| conflict::take_over(&context(2), &order_no, &rejected, rows, after(5)));
    assert_eq!((told, ledger.order(&order_no)), (Vec::new(), before));
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS to which an order's own device answers any request with `conflict` (505) and a core of that number
//# and device that differs from its own MUST put the core held into the order's row, raise a refund's
//# reservation to the amount of that core if it is larger, enter Asking with a lease end of now + FULL_LEASE,
//# raise an alarm, and then treat the result that came with it as reported, without confirming it.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST keep, for each capture, given back + reserved + a new refund at or below the amount taken.
#[test]
fn a_held_refund_of_a_greater_amount_reserves_as_much_as_it_may_give_back() {
    let mut ledger = Ledger::born();
    let original = ledger.paid("b1", 9_000, "wx-1");
    let refund = ledger.refund(&refund_of(&original, "", 1_000), after(10)).unwrap();
    let core = other_core(&ledger, &refund, -8_000);
    conflict(&mut ledger, &refund, &core);
    assert_eq!(ledger.captures()[0].reserved, 8_000);
    let more = ledger.refund(&refund_of(&original, "x-ray", 1_001), after(100));
    assert_eq!(more, Err(OrderRefusal::Exceeds { left: 1_000 }));
}

/// A ledger with a refund of 1,000 fen that is asked about, and evidence of another device about it.
fn refund_with_evidence(outcome: Outcome, status: u32) -> (Ledger, OrderNo) {
    let mut ledger = Ledger::born();
    let original = ledger.paid("b1", 1_000, "wx-1");
    let refund = ledger.refund(&refund_of(&original, "", 1_000), after(10)).unwrap();
    let open = [ledger.order(&refund)];
    assert!(ledger.commit(&ledger::start(&open, &context(1).agreements, after(20))));
    let kept = NewResult { device_id: device_id(2), ..ledger.result(&refund, outcome, status) };
    ledger.told(2, &encoded(&kept), after(30));
    assert_eq!((ledger.view(&refund).state, ledger.view(&refund).evidence), ("asking", 1));
    (ledger, refund)
}

fn decide(ledger: &mut Ledger, order_no: &OrderNo, kind: DecisionKind) -> Result<(), DecisionRefusal> {
    let decision = Decision { kind, by_first: "op-1".into(), by_second: "op-2".into() };
    let captures: Vec<Row> = ledger.rows.values().map(|(row, _)| row.clone()).collect();
    let batch =
        ledger::decide(&ledger.order(order_no), &captures, &decision, &context(1).agreements, after(100))?;
    assert!(ledger.commit(&batch));
    Ok(())
}

//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST book a refund that ended as `refunded` by adding its amount to what was given back, counting
//# it, marking the capture returned if all was given back, and removing its reservation.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST remove the reservation of a refund that enters NotRefunded with a status that does not rest on
//# absence, and keep it in every other case.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "as the evidence has it", end the order by its newest signed evidence with its
//# hash and amount as ORD-194 says, post it as ORD-241 says, book or release a refund that is not booked yet
//# as ORD-206 and ORD-207 say, and refuse the decision if there is no such evidence or the order is an
//# orphan.
#[test]
fn a_refund_decided_as_its_evidence_has_it_is_booked_or_released() {
    for (outcome, status, state, refunded, reserved, looks) in [
        (Outcome::Refunded, 110, "refunded", 1_000, 0, false),
        (Outcome::NotRefunded, 404, "not_refunded", 0, 0, false),
        // It rests on absence: it is looked at again, and reserved until the last look.
        (Outcome::NotRefunded, 406, "not_refunded", 0, 1_000, true),
        (Outcome::Attention, 306, "attention", 0, 1_000, true),
    ] {
        let (mut ledger, refund) = refund_with_evidence(outcome, status);
        decide(&mut ledger, &refund, DecisionKind::Evidence).unwrap();
        let capture = ledger.captures().remove(0);
        assert_eq!(ledger.view(&refund).state, state);
        assert_eq!((capture.refunded, capture.reserved), (refunded, reserved), "{state}");
        assert_eq!(capture.returned, refunded == 1_000);
        assert_eq!(ledger.held(&refund).look_again_at().is_some(), looks, "{state}");
        let posting = if refunded > 0 { "unposted" } else { "none" };
        assert_eq!(ledger.view(&refund).posting, posting);
    }
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST mark an unposted order as not to be posted only in the transaction that makes a refund of all
//# that its payment took, of which nothing was given back or is reserved, mark that refund as not to be
//# posted, too, and mark the order as unposted again in the transaction that removes the refund's reservation
//# without a booking.
#[test]
fn a_payment_whose_whole_refund_is_decided_as_failed_waits_to_be_posted_again() {
    for (status, posting) in [(404, "unposted"), (406, "not_to_post")] {
        let mut ledger = Ledger::born();
        let original = ledger.paid("b1", 1_000, "wx-1");
        let new = refund_of(&original, "", 1_000);
        let told = ledger.does(|rows| making::refund(&context(1), &new, true, session(), rows, after(10)));
        let made =
            |event| if let HisOrderEvent::Made { order, .. } = event { Some(order.order_no) } else { None };
        let refund = told.into_iter().find_map(made).unwrap();
        let open = [ledger.order(&refund)];
        assert!(ledger.commit(&ledger::start(&open, &context(1).agreements, after(20))));
        let failed =
            NewResult { device_id: device_id(2), ..ledger.result(&refund, Outcome::NotRefunded, status) };
        ledger.told(2, &encoded(&failed), after(30));
        assert_eq!(ledger.view(&original).posting, "not_to_post");
        decide(&mut ledger, &refund, DecisionKind::Evidence).unwrap();
        assert_eq!(ledger.view(&original).posting, posting, "{status}");
    }
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "keep", put the order into Attention.
#[test]
fn a_refund_that_was_kept_before_it_was_decided_is_booked_once() {
    let (mut ledger, refund) = refund_with_evidence(Outcome::Refunded, 110);
    decide(&mut ledger, &refund, DecisionKind::Keep).unwrap();
    decide(&mut ledger, &refund, DecisionKind::Evidence).unwrap();
    let capture = ledger.captures().remove(0);
    assert_eq!((capture.refunded, capture.reserved), (1_000, 0));
}

#[test]
fn a_refund_decided_as_absent_after_days_of_attention_is_still_looked_at_before_it_is_released() {
    let (mut ledger, refund) = refund_with_evidence(Outcome::Attention, 306);
    decide(&mut ledger, &refund, DecisionKind::Keep).unwrap();
    for day in 1..=5 {
        let absent = NewResult {
            decided_at: Some(UnixSeconds(UNIX + day)),
            ..ledger.result(&refund, Outcome::NotRefunded, 406)
        };
        ledger.told(1, &encoded(&absent), after(100 + day * 86_400));
    }
    assert_eq!(ledger.held(&refund).row.looked_again, 5);
    decide(&mut ledger, &refund, DecisionKind::Evidence).unwrap();
    assert!(ledger.held(&refund).look_again_at().is_some());
    assert_eq!((ledger.view(&refund).state, ledger.captures()[0].reserved), ("not_refunded", 1_000));
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST book a refund in NotRefunded or Attention when a `refunded` result with its hash and amount
//# comes as evidence, also beyond what was taken, unless it has booked that refund before.
#[test]
fn a_refund_that_was_booked_as_evidence_is_not_booked_again_by_a_decision() {
    let mut ledger = Ledger::born();
    let original = ledger.paid("b1", 9_000, "wx-1");
    let refund = ledger.refund(&refund_of(&original, "", 1_000), after(10)).unwrap();
    ledger.told(1, &encoded(&ledger.result(&refund, Outcome::Attention, 306)), after(20));
    ledger.told(1, &encoded(&ledger.result(&refund, Outcome::Refunded, 110)), after(30));
    assert_eq!((ledger.captures()[0].refunded, ledger.view(&refund).state), (1_000, "attention"));
    decide(&mut ledger, &refund, DecisionKind::Evidence).unwrap();
    assert_eq!((ledger.captures()[0].refunded, ledger.view(&refund).state), (1_000, "refunded"));
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "not paid", end a collect as NotPaid, and refuse the decision for a refund and
//# while a capture of the order is not returned.
#[test]
fn a_refund_is_not_decided_as_unpaid() {
    let (mut ledger, refund) = refund_with_evidence(Outcome::NotRefunded, 404);
    assert_eq!(decide(&mut ledger, &refund, DecisionKind::NotPaid), Err(DecisionRefusal::Refund));
    assert_eq!(ledger.view(&refund).state, "asking");
}

//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST remove the reservation of a refund whose end rests on absence when the third and last look of
//# ORD-211 has been counted and no refund was proved.
//= spec-crate/spec/orders.md#asking-again
//= type=test
//# A HIS MUST send LookUp with `fresh` about an order in NotPaid or NotRefunded whose status rests on absence
//# when 600, 3,600 and 86,400 seconds have passed since its end, each once.
//= spec-crate/spec/orders.md#asking-again
//= type=test
//# A HIS MUST count a look of ORD-211 or ORD-212 when an authentic result about the order comes at or after
//# the look was due and is stored as evidence, or has bytes that the order's row already holds and comes
//# after a LookUp with `fresh` about the order was answered by OrderState in the same session.
#[test]
fn a_look_whose_answer_has_the_same_bytes_is_counted_and_frees_what_was_reserved() {
    let mut ledger = Ledger::born();
    let original = ledger.paid("b1", 1_000, "wx-1");
    let refund = ledger.refund(&refund_of(&original, "", 1_000), after(10)).unwrap();
    // A POS without a clock says no time.
    let absent = encoded(&ledger.result(&refund, Outcome::NotRefunded, 406));
    ledger.told(1, &absent, after(100));
    for (seconds, looked_again) in [(700, 1), (3_700, 2), (86_500, 3)] {
        assert_eq!(ledger.captures()[0].reserved, 1_000);
        ledger.told(1, &absent, after(seconds));
        ledger.told_after_look(1, &absent, after(seconds - 1), true);
        assert_eq!(ledger.held(&refund).row.looked_again, looked_again - 1, "a repeat, and a look too early");
        ledger.told_after_look(1, &absent, after(seconds), true);
        assert_eq!(ledger.held(&refund).row.looked_again, looked_again);
    }
    assert_eq!((ledger.captures()[0].reserved, ledger.held(&refund).look_again_at()), (0, None));
    assert_eq!(ledger.view(&refund).evidence, 0);
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST open no capture row by a payment number that belongs to another order, and open the rows of the
//# other captures that the same result tells of.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST open a capture row for each capture that evidence with the order's own hash tells of and that
//# has no row, but for ORD-195.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST raise an alarm for evidence that has another hash or amount than the order, tells of a capture
//# that had no row, proves a refund that was called failed, or has an outcome other than `attention` that
//# differs from the order's end.
#[test]
fn of_two_found_captures_only_that_of_another_order_gets_no_row() {
    let mut ledger = Ledger::born();
    ledger.paid("b1", 500, "wx-1");
    let found = |channel, payment_no: &str| FoundCapture {
        channel,
        capture: Capture { payment_no: payment_no.into(), amount: 500, captured_at: None },
    };
    let twice = vec![found(Channel::Wechat, "wx-1"), found(Channel::Alipay, "ali-1")];
    let taken = |ledger: &Ledger, order_no: &OrderNo| {
        let own = ledger.captures().into_iter().filter(|capture| capture.order_no == order_no.as_str());
        own.map(|capture| capture.payment_no).collect::<Vec<_>>()
    };
    let [ended, evidence] = ["b2", "b3"].map(|bill| ledger.collect(bill, 500, after(10)));
    let attention = |ledger: &Ledger, no| NewResult {
        found: twice.clone(),
        ..ledger.result(no, Outcome::Attention, 301)
    };
    let told = ledger.told(1, &encoded(&attention(&ledger, &ended)), after(20));
    assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Contradiction { order_no: ended.clone() })));
    assert_eq!(taken(&ledger, &ended), ["ali-1"]);
    // Now both belong to other orders.
    let not_paid = encoded(&ledger.result(&evidence, Outcome::NotPaid, 206));
    ledger.told(1, &not_paid, after(20));
    let told = ledger.told(1, &encoded(&attention(&ledger, &evidence)), after(30));
    assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Contradiction { order_no: evidence.clone() })));
    assert_eq!(taken(&ledger, &evidence), Vec::<String>::new());
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST NOT propose anything for an orphan's captures, post it, or end it by a result, before a bill
//# has adopted it.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST, when a bill adopts an orphan, set its bill, give its captures that bill, make a collect the
//# bill's present order and raise the bill's count of orders by 1, end it as its newest evidence with its
//# hash and amount says by ORD-194 or put it in Asking if there is none, post it as ORD-241 says, and book or
//# release a refund in its original's capture row as ORD-206 and ORD-207 say, in one transaction.
#[test]
fn an_orphan_is_not_ended_by_a_decision_and_is_adopted_by_a_bill_that_no_row_is_known_of() {
    let mut ledger = Ledger::born();
    let mut forgotten = Ledger::born();
    let order_no = forgotten.collect("b1", 500, after(0));
    let paid =
        NewResult { payment_no: Some("wx-1".into()), ..forgotten.result(&order_no, Outcome::Paid, 100) };
    let paid = encoded(&paid);
    let item = wire::OrderItem {
        core: forgotten.held(&order_no).row.core,
        result: paid.bytes().to_vec(),
        signature: sign(&seed(1), &paid).to_vec(),
        ..wire::OrderItem::default()
    };
    ledger.does(|rows| orphans::take(&context(1), &item, "POS-1", rows, after(10)));
    assert_eq!(decide(&mut ledger, &order_no, DecisionKind::Evidence), Err(DecisionRefusal::Orphan));
    let bill = ledger.row(&RowKey::new(Table::Bill, "b1"));
    let captures: Vec<Row> = ledger.rows.values().map(|(row, _)| row.clone()).collect();
    assert!(
        ledger.commit(
            &ledger::adopt(&ledger.order(&order_no), &bill, &captures, &context(1).agreements).unwrap()
        )
    );
    assert_eq!((ledger.view(&order_no).state, ledger.view(&order_no).bill.as_str()), ("paid", "b1"));
}
