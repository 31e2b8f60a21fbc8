//! How orders end, what is kept beside the end, what people decide, and what is posted.

use super::making_orders::{adopt, item, take};
use super::*;

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST, at each start of its program and before any link runs, set every order that has not ended to
//# Asking, with a lease end of now + FULL_LEASE, and never submit it again.
#[test]
fn a_start_of_his_asks_about_every_open_order_with_a_full_lease() {
    let mut ledger = Ledger::born();
    let paid = ledger.paid("b1", 500, "wx-1");
    let sent = ledger.collect("b2", 500, after(0));
    let rows = [ledger.order(&paid), ledger.order(&sent)];
    assert!(ledger.commit(&ledger::start(&rows, &context(1).agreements, after(0))));
    let row = ledger.held(&sent).row;
    assert_eq!((ledger.view(&sent).state, row.start_by, row.leased_until), ("asking", 0, 1_000 + 260_000));
    assert_eq!(ledger.view(&paid).state, "paid");
}

//= spec-crate/spec/orders.md#asking-again
//= type=test
//# A HIS MUST send LookUp with `fresh` about an order in NotPaid or NotRefunded whose status rests on absence
//# when 600, 3,600 and 86,400 seconds have passed since its end, each once.
//= spec-crate/spec/orders.md#asking-again
//= type=test
//# A HIS MUST send LookUp with `fresh` about an order in Attention that is no orphan once a day for 30 days
//# after its end.
#[test]
fn an_end_that_rests_on_absence_is_looked_at_three_times_and_attention_for_thirty_days() {
    let mut ledger = Ledger::born();
    let ended = |ledger: &mut Ledger, bill: &str, outcome, status| {
        let order_no = ledger.collect(bill, 500, after(0));
        ledger.told(1, &encoded(&ledger.result(&order_no, outcome, status)), after(50));
        ledger.held(&order_no)
    };
    let looks = |mut held: Held| {
        let due = |nth| {
            held.row.looked_again = nth;
            held.look_again_at().map(|at| at - UNIX - 50)
        };
        (0..40).map_while(due).collect::<Vec<u64>>()
    };
    assert_eq!(looks(ended(&mut ledger, "b1", Outcome::NotPaid, 200)), Vec::<u64>::new());
    assert_eq!(looks(ended(&mut ledger, "b2", Outcome::NotPaid, 206)), [600, 3_600, 86_400]);
    let days = looks(ended(&mut ledger, "b3", Outcome::Attention, 305));
    assert_eq!((days.len(), days[0], days[29]), (30, 86_400, 30 * 86_400));
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST enter the state of the result's outcome, but Attention for `paid` if the payment number belongs
//# to another order, and Attention for `not_paid` or `not_refunded` if a `paid` or `refunded` result under
//# the order's number is kept as evidence, with an alarm in each case.
#[test]
fn not_paid_against_a_kept_paid_result_needs_people() {
    let mut ledger = Ledger::born();
    let order_no = ledger.collect("b1", 500, after(0));
    // A device that was not asked ends nothing.
    let paid = NewResult {
        device_id: device_id(2),
        payment_no: Some("wx-1".into()),
        ..ledger.result(&order_no, Outcome::Paid, 100)
    };
    ledger.told(2, &encoded(&paid), after(1));
    assert_eq!((ledger.view(&order_no).state, ledger.captures().len()), ("sent", 1));
    let told = ledger.told(1, &encoded(&ledger.result(&order_no, Outcome::NotPaid, 200)), after(2));
    assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Contradiction { order_no: order_no.clone() })));
    assert_eq!((ledger.view(&order_no).state, ledger.view(&order_no).posting), ("attention", "none"));
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST store every other authentic result whose number has a row as evidence of its order, once, and
//# confirm with `kept` (2).
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST raise an alarm for evidence that has another hash or amount than the order, tells of a capture
//# that had no row, proves a refund that was called failed, or has an outcome other than `attention` that
//# differs from the order's end.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST NOT reopen or change the end of an order because of evidence.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST NOT take back a posting because of evidence.
//= spec-crate/spec/orders.md#posting
//= type=test
//# A HIS MUST mark an order that enters Paid or Refunded as unposted in the same transaction, but for the
//# refund of ORD-240.
#[test]
fn evidence_against_an_end_is_kept_once_and_changes_neither_the_end_nor_its_posting() {
    let mut ledger = Ledger::born();
    for (bill, posts) in [("b1", false), ("b2", true)] {
        let order_no = ledger.paid(bill, 500, bill);
        assert_eq!(ledger.view(&order_no).posting, "unposted");
        if posts {
            assert!(ledger.commit(&ledger::posted(&ledger.order(&order_no)).unwrap()));
        }
        let before = ledger.view(&order_no);
        let not_paid = encoded(&ledger.result(&order_no, Outcome::NotPaid, 206));
        let told = ledger.told(1, &not_paid, after(20));
        let alarm = HisOrderEvent::Alarm(HisAlarm::Contradiction { order_no: order_no.clone() });
        assert!(told.contains(&alarm));
        assert!(!ledger.told(1, &not_paid, after(30)).contains(&alarm));
        assert_eq!(ledger.view(&order_no), OrderView { evidence: 1, ..before });
    }
    // Evidence of another device that says the same, and attention, are no contradiction.
    let order_no = ledger.paid("b3", 500, "b3");
    let alike = [(Outcome::Paid, 100, Some("b3".into())), (Outcome::Attention, 305, None)];
    for (outcome, status, payment_no) in alike {
        let kept =
            NewResult { device_id: device_id(2), payment_no, ..ledger.result(&order_no, outcome, status) };
        let told = ledger.told(2, &encoded(&kept), after(40));
        assert!(!told.iter().any(|event| matches!(event, HisOrderEvent::Alarm(_))), "{told:?}");
    }
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST book a refund in NotRefunded or Attention when a `refunded` result with its hash and amount
//# comes as evidence, also beyond what was taken, unless it has booked that refund before.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST raise an alarm for evidence that has another hash or amount than the order, tells of a capture
//# that had no row, proves a refund that was called failed, or has an outcome other than `attention` that
//# differs from the order's end.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST mark a capture as returned only by booked refunds that reach its amount, or by a decision of
//# two people.
#[test]
fn a_refund_that_is_proved_after_it_failed_is_booked_beyond_what_was_taken() {
    let mut ledger = Ledger::born();
    let original = ledger.paid("b1", 1_000, "wx-1");
    let failed = ledger.refund(&refund_of(&original, "", 1_000), after(10)).unwrap();
    ledger.told(1, &encoded(&ledger.result(&failed, Outcome::NotRefunded, 404)), after(20));
    let second = ledger.refund(&refund_of(&original, "", 1_000), after(100)).unwrap();
    ledger.told(1, &encoded(&ledger.result(&second, Outcome::Refunded, 110)), after(110));
    let told = ledger.told(1, &encoded(&ledger.result(&failed, Outcome::Refunded, 110)), after(120));
    assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Contradiction { order_no: failed.clone() })));
    let again = NewResult { refund_id: Some("r".into()), ..ledger.result(&failed, Outcome::Refunded, 110) };
    ledger.told(1, &encoded(&again), after(130));
    let capture = ledger.captures().remove(0);
    assert_eq!((capture.refunded, capture.reserved, capture.returned), (2_000, 0, true));
    assert_eq!(ledger.view(&failed).state, "not_refunded");
}

//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST mark a capture as returned only by booked refunds that reach its amount, or by a decision of
//# two people.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST record a decision about an order only with two different people, what was decided, and the
//# time.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST allow the decisions below only for an order in Asking or Attention, except that captures may be
//# marked as returned in any state, and that a refund in NotRefunded may end as the evidence has it if that
//# is `refunded`.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "not paid", end a collect as NotPaid, and refuse the decision for a refund and
//# while a capture of the order is not returned.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "keep", put the order into Attention.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "returned outside", mark every capture of the order as returned and leave its
//# state.
#[test]
fn two_people_decide_what_is_open_and_what_came_back_outside() {
    let mut ledger = Ledger::born();
    let order_no = ledger.collect("b1", 500, after(0));
    for kind in [DecisionKind::Evidence, DecisionKind::NotPaid, DecisionKind::Keep] {
        assert_eq!(decide(&mut ledger, &order_no, kind), Err(DecisionRefusal::State("sent")));
    }
    let found = |channel, payment_no: &str| FoundCapture {
        channel,
        capture: Capture { payment_no: payment_no.into(), amount: 500, captured_at: None },
    };
    let attention = NewResult {
        found: vec![found(Channel::Wechat, "wx-1"), found(Channel::Alipay, "ali-1")],
        ..ledger.result(&order_no, Outcome::Attention, 301)
    };
    ledger.told(1, &encoded(&attention), after(1));
    for (first, second) in [("op-1", "op-1"), ("op-1", ""), ("", "op-2")] {
        let decision =
            Decision { kind: DecisionKind::Keep, by_first: first.into(), by_second: second.into() };
        let refused =
            ledger::decide(&ledger.order(&order_no), &[], &decision, &context(1).agreements, after(2));
        assert_eq!(refused, Err(DecisionRefusal::OnePerson));
    }
    let taken = decide(&mut ledger, &order_no, DecisionKind::NotPaid);
    assert!(matches!(taken, Err(DecisionRefusal::Captured(_))), "{taken:?}");
    decide(&mut ledger, &order_no, DecisionKind::Returned).unwrap();
    assert_eq!(ledger.view(&order_no).state, "attention");
    assert!(ledger.captures().iter().all(|capture| capture.returned && capture.refunded == 0));
    decide(&mut ledger, &order_no, DecisionKind::NotPaid).unwrap();
    let row = ledger.held(&order_no).row;
    let decision = row.decision.clone().unwrap();
    assert_eq!((ledger.view(&order_no).state, decision.kind), ("not_paid", 2));
    let people = (decision.by_first.as_str(), decision.by_second.as_str(), decision.at);
    assert_eq!(people, ("op-1", "op-2", UNIX + 100));
    // Captures are marked in any state, which stays.
    let paid = ledger.paid("b2", 500, "wx-2");
    assert_eq!(decide(&mut ledger, &paid, DecisionKind::Keep), Err(DecisionRefusal::State("paid")));
    decide(&mut ledger, &paid, DecisionKind::Returned).unwrap();
    assert_eq!(ledger.view(&paid).state, "paid");
    let open = ledger.collect("b3", 500, after(10));
    let rows = [ledger.order(&open)];
    assert!(ledger.commit(&ledger::start(&rows, &context(1).agreements, after(20))));
    assert_eq!(decide(&mut ledger, &open, DecisionKind::Evidence), Err(DecisionRefusal::NoEvidence));
    decide(&mut ledger, &open, DecisionKind::Keep).unwrap();
    assert_eq!(ledger.view(&open).state, "attention");
}

//= spec-crate/spec/orders.md#posting
//= type=test
//# A HIS MUST hand an unposted order to the bill database with the order number as the key that makes a
//# second hand-over do nothing.
//= spec-crate/spec/orders.md#posting
//= type=test
//# A HIS MUST mark an order as posted only after the bill database has made it durable.
//= spec-crate/spec/orders.md#posting
//= type=test
//# A HIS MUST raise an alarm for an order that has been unposted for 1,800 seconds.
#[test]
fn an_end_waits_to_be_posted_until_the_bill_database_has_it_and_twice_is_once() {
    let mut ledger = Ledger::born();
    let order_no = ledger.paid("b1", 500, "wx-1");
    let ended = UNIX + 1;
    let late = |ledger: &Ledger, unix| ledger::unposted_too_long(&ledger.view(&order_no), unix);
    assert_eq!([late(&ledger, ended + 1_799), late(&ledger, ended + 1_800)], [false, true]);
    assert!(ledger.commit(&ledger::posted(&ledger.order(&order_no)).unwrap()));
    assert_eq!(ledger.view(&order_no).posting, "posted");
    assert_eq!(ledger::posted(&ledger.order(&order_no)), Ok(crate::book::Batch::default()), "nothing more");
    assert!(!late(&ledger, u64::MAX));
    let unpaid = ledger.collect("b2", 500, after(0));
    assert_eq!(ledger::posted(&ledger.order(&unpaid)), Err(DecisionRefusal::NothingToPost));
}

/// An order that is asked about, whose only evidence is a `paid` result of a device that was not asked.
fn paid_by_evidence(ledger: &mut Ledger, order_no: &OrderNo, payment_no: &str) {
    let open = [ledger.order(order_no)];
    assert!(ledger.commit(&ledger::start(&open, &context(1).agreements, after(20))));
    let paid = NewResult {
        device_id: device_id(2),
        payment_no: Some(payment_no.into()),
        ..ledger.result(order_no, Outcome::Paid, 100)
    };
    ledger.told(2, &encoded(&paid), after(30));
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST end an order as Attention by any `paid` result if the core that took its place has another
//# amount than the core that the bill asked for, and keep in the row (`other_amount`) that it has.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST enter the state of the result's outcome, but Attention for `paid` if the payment number belongs
//# to another order, and Attention for `not_paid` or `not_refunded` if a `paid` or `refunded` result under
//# the order's number is kept as evidence, with an alarm in each case.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "as the evidence has it", end the order by its newest signed evidence with its
//# hash and amount as ORD-194 says, post it as ORD-241 says, book or release a refund that is not booked yet
//# as ORD-206 and ORD-207 say, and refuse the decision if there is no such evidence or the order is an
//# orphan.
#[test]
fn evidence_ends_an_order_as_a_result_would_have_done() {
    let decided = |ledger: &mut Ledger, order_no: &OrderNo| {
        decide(ledger, order_no, DecisionKind::Evidence).unwrap();
        let view = ledger.view(order_no);
        (view.state, view.posting)
    };
    let mut ledger = Ledger::born();
    ledger.paid("b1", 500, "wx-1");
    let [own, used] = ["b2", "b3"].map(|bill| ledger.collect(bill, 500, after(10)));
    paid_by_evidence(&mut ledger, &own, "wx-2");
    assert_eq!(decided(&mut ledger, &own), ("paid", "unposted"));
    // The payment is another order's.
    paid_by_evidence(&mut ledger, &used, "wx-1");
    assert_eq!(decided(&mut ledger, &used), ("attention", "none"));
    // What the terminal holds has another amount than the bill asked for.
    let other = ledger.collect("b4", 500, after(10));
    let held = other_core(&ledger, &other, 900);
    conflict(&mut ledger, &other, &held);
    paid_by_evidence(&mut ledger, &other, "wx-4");
    assert_eq!(decided(&mut ledger, &other), ("attention", "none"));
    assert!(ledger.held(&other).row.other_amount);
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST enter the state of the result's outcome, but Attention for `paid` if the payment number belongs
//# to another order, and Attention for `not_paid` or `not_refunded` if a `paid` or `refunded` result under
//# the order's number is kept as evidence, with an alarm in each case.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST, when a bill adopts an orphan, set its bill, give its captures that bill, make a collect the
//# bill's present order and raise the bill's count of orders by 1, end it as its newest evidence with its
//# hash and amount says by ORD-194 or put it in Asking if there is none, post it as ORD-241 says, and book or
//# release a refund in its original's capture row as ORD-206 and ORD-207 say, in one transaction.
#[test]
fn an_adopted_orphan_whose_payment_is_another_orders_needs_people() {
    for (payment_no, state) in [("wx-1", "attention"), ("wx-2", "paid")] {
        let mut whole = Ledger::born();
        let orphan = whole.collect("b2", 500, after(0));
        let paid =
            NewResult { payment_no: Some(payment_no.into()), ..whole.result(&orphan, Outcome::Paid, 100) };
        let mut ledger = Ledger::born();
        ledger.paid("b1", 500, "wx-1");
        take(&mut ledger, &item(&whole, &orphan, Some(&paid)), after(20));
        adopt(&mut ledger, &orphan, "b2");
        assert_eq!(ledger.view(&orphan).state, state);
    }
}

#[test]
fn a_decision_made_without_the_row_of_another_orders_payment_is_refused_by_the_store() {
    let mut ledger = Ledger::born();
    ledger.paid("b1", 500, "wx-1");
    let used = ledger.collect("b3", 500, after(10));
    paid_by_evidence(&mut ledger, &used, "wx-1");
    let keys = ledger::rows_of(&ledger.order(&used), &context(1).agreements);
    let rows: Vec<Row> = keys.iter().map(|key| ledger.row(key)).collect();
    let kind = DecisionKind::Evidence;
    let decision = Decision { kind, by_first: "op-1".into(), by_second: "op-2".into() };
    let blind =
        ledger::decide(&ledger.order(&used), &[], &decision, &context(1).agreements, after(100)).unwrap();
    assert!(!ledger.commit(&blind));
    let seeing =
        ledger::decide(&ledger.order(&used), &rows, &decision, &context(1).agreements, after(100)).unwrap();
    assert!(ledger.commit(&seeing));
    assert_eq!(ledger.view(&used).state, "attention");
}

//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST keep one row for each captured platform number with the order, the bill, the channel, the
//# payment number, the amount, what was given back, what is reserved, and whether it is returned.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST open capture rows for a `paid` result from its channel, payment number and amount, and for an
//# `attention` result from each entry of `found`.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "returned outside", mark every capture of the order as returned and leave its
//# state.
//= spec-crate/spec/books.md#rows-of-the-ledger
//= type=test
//# A HIS MUST keep a capture under its platform number, or, if that holds another payment, under that number,
//# a hyphen and the payment number, and the row that finds it by payment number under `wechat/` or `alipay/`
//# followed by the payment number, with only `order_no` set.
#[test]
fn two_captures_of_one_channel_have_a_row_each_also_if_they_are_told_of_one_after_the_other() {
    let found = |payment_no: &str, amount| FoundCapture {
        channel: Channel::Wechat,
        capture: Capture { payment_no: payment_no.into(), amount, captured_at: None },
    };
    let (one, two) = (found("wx-1", 500), found("wx/2", 700));
    for told in [vec![vec![one.clone(), two.clone()]], vec![vec![one], vec![two]]] {
        let mut ledger = Ledger::born();
        let order_no = ledger.collect("b1", 500, after(0));
        for (nth, found) in (1..).zip(told) {
            let attention = NewResult { found, ..ledger.result(&order_no, Outcome::Attention, 301) };
            ledger.told(1, &encoded(&attention), after(nth));
            ledger.told(1, &encoded(&attention), after(nth));
        }
        let rows = ledger.captures();
        let taken: Vec<(&str, u64)> = rows.iter().map(|row| (row.payment_no.as_str(), row.amount)).collect();
        assert_eq!(taken, [("wx-1", 500), ("wx/2", 700)]);
        assert!(rows[1].number.starts_with(&rows[0].number) && rows.iter().all(|row| row.bill == "b1"));
        decide(&mut ledger, &order_no, DecisionKind::Returned).unwrap();
        assert!(ledger.captures().iter().all(|capture| capture.returned));
    }
}

//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an orphan; the
//# ledger has no capture under a platform number of the original that is not returned; a reason of ORD-161
//# that concerns the day, the step back or the device; the amount is not negative; another refund of the same
//# original and item has not ended, ended as attention, or still has a reservation; the amount is above what
//# was taken less what was given back and what is reserved; the refunds of the capture that were given back
//# and those that are reserved are together 50 or more; less than 60 seconds have passed since the capture's
//# latest refund order was made; the new refund's number has a row; the amount is above a limit of the
//# agreement.
#[test]
fn an_orphan_gives_nothing_back_before_a_bill_has_adopted_it() {
    let mut whole = Ledger::born();
    let orphan = whole.collect("b1", 500, after(0));
    let paid = NewResult { payment_no: Some("wx-1".into()), ..whole.result(&orphan, Outcome::Paid, 100) };
    let mut ledger = Ledger::born();
    take(&mut ledger, &item(&whole, &orphan, Some(&paid)), after(10));
    let refund = refund_of(&orphan, "", 500);
    let refused = OrderRefusal::Orphan { order_no: orphan.as_str().into() };
    assert_eq!(ledger.refund(&refund, after(20)), Err(refused));
    assert_eq!(ledger.captures()[0].reserved, 0);
    adopt(&mut ledger, &orphan, "b1");
    ledger.refund(&refund, after(20)).unwrap();
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST enter the state of the result's outcome, but Attention for `paid` if the payment number belongs
//# to another order, and Attention for `not_paid` or `not_refunded` if a `paid` or `refunded` result under
//# the order's number is kept as evidence, with an alarm in each case.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST remove the reservation of a refund that enters NotRefunded with a status that does not rest on
//# absence, and keep it in every other case.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST book a refund in NotRefunded or Attention when a `refunded` result with its hash and amount
//# comes as evidence, also beyond what was taken, unless it has booked that refund before.
#[test]
fn not_refunded_against_a_kept_refunded_result_needs_people_and_is_booked_once_when_it_is_proved() {
    let (mut ledger, refund) = refund_with_evidence(Outcome::Refunded, 110);
    let told = ledger.told(1, &encoded(&ledger.result(&refund, Outcome::NotRefunded, 404)), after(40));
    assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Contradiction { order_no: refund.clone() })));
    let capture = ledger.captures().remove(0);
    assert_eq!((ledger.view(&refund).state, capture.reserved, capture.refunded), ("attention", 1_000, 0));
    for nth in 1..=2 {
        let proved = NewResult {
            decided_at: Some(UnixSeconds(nth)),
            ..ledger.result(&refund, Outcome::Refunded, 110)
        };
        ledger.told(1, &encoded(&proved), after(50 + nth));
        let capture = ledger.captures().remove(0);
        assert_eq!((capture.reserved, capture.refunded, capture.returned), (0, 1_000, true));
    }
    assert_eq!(ledger.view(&refund).state, "attention");
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST book a refund in NotRefunded or Attention when a `refunded` result with its hash and amount
//# comes as evidence, also beyond what was taken, unless it has booked that refund before.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST raise an alarm for evidence that has another hash or amount than the order, tells of a capture
//# that had no row, proves a refund that was called failed, or has an outcome other than `attention` that
//# differs from the order's end.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "as the evidence has it", end the order by its newest signed evidence with its
//# hash and amount as ORD-194 says, post it as ORD-241 says, book or release a refund that is not booked yet
//# as ORD-206 and ORD-207 say, and refuse the decision if there is no such evidence or the order is an
//# orphan.
//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST allow the decisions below only for an order in Asking or Attention, except that captures may be
//# marked as returned in any state, and that a refund in NotRefunded may end as the evidence has it if that
//# is `refunded`.
#[test]
fn evidence_of_another_order_or_amount_decides_and_books_nothing() {
    let mut ledger = Ledger::born();
    let original = ledger.paid("b1", 1_000, "wx-1");
    let refund = ledger.refund(&refund_of(&original, "", 600), after(10)).unwrap();
    ledger.told(1, &encoded(&ledger.result(&refund, Outcome::NotRefunded, 404)), after(20));
    let own = ledger.result(&refund, Outcome::Refunded, 110);
    let foreign = [
        NewResult { order_hash: [9; 32], ..own.clone() },
        NewResult { amount: Amount::from_fen(-1_000).unwrap(), ..own.clone() },
    ];
    for foreign in foreign {
        let told = ledger.told(1, &encoded(&foreign), after(30));
        assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Contradiction { order_no: refund.clone() })));
        assert_eq!(ledger.captures()[0].refunded, 0);
        let refused = decide(&mut ledger, &refund, DecisionKind::Evidence);
        assert_eq!(refused, Err(DecisionRefusal::State("not_refunded")));
    }
    ledger.told(1, &encoded(&own), after(40));
    assert_eq!((ledger.captures()[0].refunded, ledger.view(&refund).posting), (600, "none"));
    // What was proved too late is posted when two people have seen it, and booked no second time.
    decide(&mut ledger, &refund, DecisionKind::Evidence).unwrap();
    let view = ledger.view(&refund);
    assert_eq!((view.state, view.posting, ledger.captures()[0].refunded), ("refunded", "unposted", 600));
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST, on the decision "as the evidence has it", end the order by its newest signed evidence with its
//# hash and amount as ORD-194 says, post it as ORD-241 says, book or release a refund that is not booked yet
//# as ORD-206 and ORD-207 say, and refuse the decision if there is no such evidence or the order is an
//# orphan.
#[test]
fn a_decision_follows_the_newest_evidence_of_this_very_order() {
    let mut ledger = Ledger::born();
    let order_no = ledger.collect("b1", 500, after(0));
    paid_by_evidence(&mut ledger, &order_no, "wx-1");
    let foreign = NewResult { order_hash: [9; 32], ..ledger.result(&order_no, Outcome::NotPaid, 200) };
    ledger.told(1, &encoded(&foreign), after(40));
    assert_eq!((ledger.view(&order_no).state, ledger.view(&order_no).evidence), ("asking", 2));
    decide(&mut ledger, &order_no, DecisionKind::Evidence).unwrap();
    assert_eq!(ledger.view(&order_no).state, "paid");
}

//= spec-crate/spec/orders.md#order-numbers
//= type=test
//# A POS and a HIS MUST form the platform number of an order as in the diagram above, with the site code of
//# the agreement that the order's core names.
#[test]
fn captures_are_found_under_the_site_code_of_the_orders_own_agreement() {
    let newer = Terms {
        agreement_no: 2,
        site_code: SiteCode::try_from("H001").unwrap(),
        simulated: false,
        ..context(1).agreements[0].terms().clone()
    };
    let agreements = [Agreement::encode(&newer).unwrap(), context(1).agreements.remove(0)];
    let mut ledger = Ledger::born();
    let order_no = ledger.collect("b1", 500, after(0));
    let capture = Capture { payment_no: "wx-1".into(), amount: 500, captured_at: None };
    let found = vec![FoundCapture { channel: Channel::Wechat, capture }];
    let attention = NewResult { found, ..ledger.result(&order_no, Outcome::Attention, 302) };
    ledger.told(1, &encoded(&attention), after(1));
    let keys = ledger::rows_of(&ledger.order(&order_no), &agreements);
    let rows: Vec<Row> = keys.iter().map(|key| ledger.row(key)).collect();
    let decision =
        Decision { kind: DecisionKind::NotPaid, by_first: "op-1".into(), by_second: "op-2".into() };
    let refused = ledger::decide(&ledger.order(&order_no), &rows, &decision, &agreements, after(100));
    assert!(matches!(refused, Err(DecisionRefusal::Captured(_))), "{refused:?}");
}
