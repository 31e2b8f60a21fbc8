//! Orders that only a POS knows.

use super::making_orders::{adopt, item, take};
use super::*;

/// A ledger that has forgotten its refund, and the ledger that made it.
fn forgotten_refund() -> (Ledger, Ledger, OrderNo) {
    let mut ledger = Ledger::born();
    let original = ledger.paid("b1", 1_000, "wx-1");
    let mut whole = Ledger { rows: ledger.rows.clone(), seq: ledger.seq };
    let refund = whole.refund(&refund_of(&original, "", 600), after(10)).unwrap();
    (ledger, whole, refund)
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST open an orphan row in Asking for an item whose number has no row and that brings no authentic
//# result, with a lease end of now + FULL_LEASE, and ask about it like about every order in Asking.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST reserve the amount of an orphan refund in the capture row of its original, opened from
//# `refund_of` if there is none, but for ORD-195, unless its latest result says `not_refunded`.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST, when a bill adopts an orphan, set its bill, give its captures that bill, make a collect the
//# bill's present order and raise the bill's count of orders by 1, end it as its newest evidence with its
//# hash and amount says by ORD-194 or put it in Asking if there is none, post it as ORD-241 says, and book or
//# release a refund in its original's capture row as ORD-206 and ORD-207 say, in one transaction.
#[test]
fn an_orphan_refund_without_a_result_is_asked_about_and_reserved_until_it_is_adopted_and_ends() {
    let (mut ledger, whole, refund) = forgotten_refund();
    let told = take(&mut ledger, &item(&whole, &refund, None), after(20));
    assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Orphan { order_no: refund.clone() })));
    let row = ledger.held(&refund).row;
    assert_eq!(
        (ledger.view(&refund).state, row.orphan, row.leased_until),
        ("asking", true, 21_000 + 260_000)
    );
    assert_eq!((ledger.captures()[0].reserved, ledger.captures()[0].refunded), (600, 0));
    let refunded = whole.result(&refund, Outcome::Refunded, 110);
    ledger.told(1, &encoded(&refunded), after(30));
    let view = ledger.view(&refund);
    assert_eq!((view.state, view.evidence, ledger.captures()[0].refunded), ("asking", 1, 0));
    adopt(&mut ledger, &refund, "b1");
    let view = ledger.view(&refund);
    assert_eq!((view.state, view.posting, view.bill.as_str()), ("refunded", "unposted", "b1"));
    assert_eq!((ledger.captures()[0].reserved, ledger.captures()[0].refunded), (0, 600));
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST reserve the amount of an orphan refund in the capture row of its original, opened from
//# `refund_of` if there is none, but for ORD-195, unless its latest result says `not_refunded`.
#[test]
fn an_orphan_refund_that_was_not_done_reserves_nothing() {
    let (mut ledger, whole, refund) = forgotten_refund();
    let failed = whole.result(&refund, Outcome::NotRefunded, 404);
    take(&mut ledger, &item(&whole, &refund, Some(&failed)), after(20));
    assert_eq!((ledger.view(&refund).state, ledger.captures()[0].reserved), ("attention", 0));
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST reserve the amount of an orphan refund in the capture row of its original, opened from
//# `refund_of` if there is none, but for ORD-195, unless its latest result says `not_refunded`.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST, when a bill adopts an orphan, set its bill, give its captures that bill, make a collect the
//# bill's present order and raise the bill's count of orders by 1, end it as its newest evidence with its
//# hash and amount says by ORD-194 or put it in Asking if there is none, post it as ORD-241 says, and book or
//# release a refund in its original's capture row as ORD-206 and ORD-207 say, in one transaction.
#[test]
fn an_orphan_refund_that_comes_before_its_original_is_reserved_and_booked_all_the_same() {
    let (known, whole, refund) = forgotten_refund();
    let original = known.captures().remove(0).order_no;
    let original = OrderNo::try_from(original.as_str()).unwrap();
    let refunded = whole.result(&refund, Outcome::Refunded, 110);
    let mut ledger = Ledger::born();
    take(&mut ledger, &item(&whole, &refund, Some(&refunded)), after(20));
    let capture = ledger.captures().remove(0);
    assert_eq!((capture.amount, capture.reserved, capture.payment_no.as_str()), (1_000, 600, "wx-1"));
    // The payment itself comes later, and has the one row.
    let paid = NewResult { payment_no: Some("wx-1".into()), ..whole.result(&original, Outcome::Paid, 100) };
    take(&mut ledger, &item(&whole, &original, Some(&paid)), after(30));
    adopt(&mut ledger, &original, "b1");
    adopt(&mut ledger, &refund, "b1");
    let captures = ledger.captures();
    assert_eq!((captures.len(), captures[0].bill.as_str()), (1, "b1"));
    assert_eq!((captures[0].reserved, captures[0].refunded), (0, 600));
    // A payment that another order has gets no second row.
    let mut other = Ledger::born();
    other.paid("b9", 1_000, "wx-1");
    take(&mut other, &item(&whole, &refund, Some(&refunded)), after(20));
    assert_eq!((other.captures().len(), other.captures()[0].reserved), (1, 0));
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST open an orphan row in Attention for an item whose number has no row and that has an authentic
//# result, keep the result as evidence, and open its capture rows without a bill.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST leave an authentic ReportResult about a number that has no row unanswered, store nothing of its
//# result, and raise an alarm.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST NOT propose anything for an orphan's captures, post it, or end it by a result, before a bill
//# has adopted it.
#[test]
fn a_result_of_an_unknown_order_is_not_stored_and_comes_with_its_core_and_capture_in_a_list() {
    let mut whole = Ledger::born();
    let order_no = whole.collect("b1", 500, after(0));
    let paid = NewResult { payment_no: Some("wx-1".into()), ..whole.result(&order_no, Outcome::Paid, 100) };
    let mut ledger = Ledger::born();
    let told = ledger.told(1, &encoded(&paid), after(1));
    assert!(told.contains(&HisOrderEvent::Alarm(HisAlarm::Orphan { order_no: order_no.clone() })));
    assert_eq!(ledger.order(&order_no).bytes, Vec::<u8>::new());
    assert_eq!(ledger.captures(), Vec::new());
    take(&mut ledger, &item(&whole, &order_no, Some(&paid)), after(10));
    let view = ledger.view(&order_no);
    assert_eq!((view.state, view.posting, view.orphan, view.evidence), ("attention", "none", true, 1));
    assert_eq!(ledger.held(&order_no).row.core, whole.held(&order_no).row.core);
    let capture = ledger.captures().remove(0);
    assert_eq!((capture.payment_no.as_str(), capture.bill.as_str()), ("wx-1", ""));
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST ignore an item without a result whose number has a row.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST treat the result of an item whose number has a row like a reported one, without confirming it.
#[test]
fn an_item_about_a_known_order_counts_by_its_result_only() {
    let mut ledger = Ledger::born();
    let order_no = ledger.collect("b1", 500, after(0));
    let before = ledger.order(&order_no);
    let bare = item(&ledger, &order_no, None);
    take(&mut ledger, &bare, after(1));
    assert_eq!(ledger.order(&order_no), before);
    let not_paid = ledger.result(&order_no, Outcome::NotPaid, 200);
    let told = item(&ledger, &order_no, Some(&not_paid));
    take(&mut ledger, &told, after(2));
    assert_eq!(ledger.view(&order_no).state, "not_paid");
}

//= spec-crate/spec/orders.md#sync
//= type=test
//# A HIS and a POS MUST store the anchor of the other side's book that comes with a Sync, SyncReply, Ping,
//# Pong, ReportResult or ConfirmResult, unless it is absent or is of the same book as the stored one and not
//# above its sequence number.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST store with each page the book and the sequence number of its last item, or for a page without
//# items the place that it had in that book, or 0 if it had none in that book.
#[test]
fn the_place_in_a_list_belongs_to_one_book_and_an_older_anchor_replaces_no_newer_one() {
    let mut ledger = Ledger::born();
    let key = RowKey::new(Table::Peer, "POS-1");
    let peer = |ledger: &Ledger| wire::PeerRow::decode(ledger.row(&key).bytes.as_slice()).unwrap();
    let list = |book: u8, seqs: &[u64]| wire::OrderList {
        book: vec![book; 8],
        items: seqs.iter().map(|seq| wire::OrderItem { seq: *seq, ..wire::OrderItem::default() }).collect(),
        ..wire::OrderList::default()
    };
    for (book, seqs, place) in [(1, [3, 7].as_slice(), 7), (1, &[], 7), (2, &[], 0), (2, &[5], 5)] {
        ledger.does(|rows| orphans::pulled(&context(1), &list(book, seqs), false, rows));
        assert_eq!((peer(&ledger).pulled_book, peer(&ledger).pulled_seq), (vec![book; 8], place));
    }
    let anchor =
        |book: u8, seq: u64| Anchor { book: BookId::from_bytes([book; 8]), seq, head: [0; 8] }.encode();
    for (book, seq, stored) in [(1, 5, (1, 5)), (1, 4, (1, 5)), (1, 6, (1, 6)), (2, 1, (2, 1))] {
        ledger.does(|rows| orphans::seen(&context(1), &anchor(book, seq), rows));
        assert_eq!(peer(&ledger).anchor, anchor(stored.0, stored.1));
    }
    ledger.does(|rows| orphans::seen(&context(1), &[], rows));
    assert_eq!(peer(&ledger).anchor, anchor(2, 1));
}
