//! How orders end, what is kept beside the end, what people decide, and what is posted.

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
//# to another order, and Attention for `not_paid` if a `paid` result under the order's number is kept as
//# evidence, with an alarm in both cases.
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
//# A HIS MUST store every other authentic result as evidence of its order, once, and confirm with `kept` (2).
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST raise an alarm for evidence that has another hash than the order, tells of a capture that had
//# no row, proves a refund that was called failed, or has an outcome other than `attention` that differs from
//# the order's end.
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
//# A HIS MUST book a `refunded` result that comes as evidence for a refund in NotRefunded or Attention, once,
//# also beyond what was taken.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST raise an alarm for evidence that has another hash than the order, tells of a capture that had
//# no row, proves a refund that was called failed, or has an outcome other than `attention` that differs from
//# the order's end.
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
//# marked as returned in any state.
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
        let refused = ledger::decide(&ledger.order(&order_no), &[], &decision, after(2));
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
