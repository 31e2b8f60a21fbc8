//! Small books made by hand: three that agree, and each kind of disagreement made out of them.

#![cfg(test)]

use hispos_compare::books::{Capture, Core, End, Journal, JournalOrder, LedgerOrder, SignedEnd};
use hispos_compare::checks::{Books, Kind, compare};
use hispos_compare::platform::{Call, Order, Platform, Refund};

const PAID: &str = "BPAID";
const REFUND: &str = "BREFUND";
const UNPAID: &str = "BUNPAID";

fn core(amount: i64, refund_of: &str) -> Core {
    let bytes = format!("{amount} {refund_of}").into_bytes();
    Core { bytes, device: "POS-1".into(), amount, refund_of: refund_of.into() }
}

fn result(end: End, amount: i64, channel: &'static str, refund_id: &str) -> SignedEnd {
    let payment_no = if channel.is_empty() { String::new() } else { "P1".into() };
    let bytes = format!("{end:?} {amount} {channel} {refund_id}").into_bytes();
    SignedEnd { bytes, end, amount, channel, payment_no, refund_id: refund_id.into() }
}

/// +12.34 paid by WeChat, -5.00 of it given back, and an order that nobody paid.
fn agreeing() -> Books {
    let ends = [
        (PAID, core(1234, ""), result(End::Paid, 1234, "wechat", "")),
        (REFUND, core(-500, PAID), result(End::Refunded, -500, "wechat", "F1")),
        (UNPAID, core(300, ""), result(End::NotPaid, 300, "", "")),
    ];
    let mut books = Books::default();
    let mut journal = Journal::default();
    for (first, (number, core, result)) in ends.into_iter().enumerate() {
        let (end, result) = (result.end, Some(result));
        let his = LedgerOrder { first, core: core.clone(), end, bill: "B-1".into(), result: result.clone() };
        books.ledger.orders.insert(number.into(), his);
        journal.orders.insert(number.into(), JournalOrder { core, end, answered: true, result });
    }
    books.journals.push(journal);
    let capture = Capture { order_no: PAID.into(), amount: 1234, refunded: 500, returned: false };
    books.ledger.captures.insert("SIM1BPAIDW".into(), capture);
    let refund = Refund {
        refund_number: "SIM1BREFUNDR".into(),
        refund_id: "F1".into(),
        amount: 500,
        state: "refunded".into(),
    };
    let order = Order {
        channel: "wechat".into(),
        number: "SIM1BPAIDW".into(),
        state: "captured".into(),
        captured: 1234,
        refunded: 500,
        payment_no: Some("P1".into()),
        refunds: vec![refund],
    };
    let call = Call { call: "pay".into(), number: "SIM1BPAIDW".into() };
    books.platform = Platform { orders: vec![order], calls: vec![call] };
    books
}

/// The kinds of what is found, without repeats.
fn kinds(books: &Books) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = compare(books).disagreements.iter().map(|found| found.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn his<'a>(books: &'a mut Books, number: &str) -> &'a mut LedgerOrder {
    books.ledger.orders.get_mut(number).unwrap()
}

fn pos<'a>(books: &'a mut Books, number: &str) -> &'a mut JournalOrder {
    books.journals[0].orders.get_mut(number).unwrap()
}

#[test]
fn books_that_agree_are_left_alone_and_summed() {
    let found = compare(&agreeing());
    assert_eq!(found.disagreements, []);
    let sums = found.sums["wechat"];
    assert_eq!((sums.his, sums.pos, sums.platform), (734, 734, 734));
}

#[test]
fn money_that_both_books_call_not_paid_is_found() {
    let mut books = agreeing();
    let not_paid = result(End::NotPaid, 1234, "wechat", "");
    (his(&mut books, PAID).end, his(&mut books, PAID).result) = (End::NotPaid, Some(not_paid.clone()));
    (pos(&mut books, PAID).end, pos(&mut books, PAID).result) = (End::NotPaid, Some(not_paid));
    assert_eq!(kinds(&books), [Kind::CaptureUnknown, Kind::Sums]);
}

#[test]
fn money_that_no_book_knows_is_found() {
    let mut books = agreeing();
    let mut other = books.platform.orders[0].clone();
    (other.number, other.refunded) = ("SIM1BOTHERW".into(), 0);
    other.refunds.clear();
    books.platform.orders.push(other);
    assert_eq!(kinds(&books), [Kind::CaptureUnknown, Kind::Sums]);
}

#[test]
fn money_that_went_back_as_a_whole_may_end_as_not_paid() {
    let mut books = agreeing();
    let mut returned = books.platform.orders[0].clone();
    (returned.number, returned.refunded) = ("SIM1BUNPAIDW".into(), 1234);
    returned.refunds.clear();
    books.platform.orders.push(returned);
    assert_eq!(kinds(&books), []);
}

#[test]
fn money_of_an_order_that_is_with_people_is_in_no_sum() {
    let mut books = agreeing();
    let mut kept = books.platform.orders[0].clone();
    (kept.number, kept.refunded) = ("SIM1BUNPAIDW".into(), 0);
    kept.refunds.clear();
    books.platform.orders.push(kept);
    assert_eq!(kinds(&books), [Kind::CaptureUnknown, Kind::Sums]);
    let attention = Some(result(End::Attention, 300, "", ""));
    (his(&mut books, UNPAID).end, his(&mut books, UNPAID).result) = (End::Attention, attention.clone());
    (pos(&mut books, UNPAID).end, pos(&mut books, UNPAID).result) = (End::Attention, attention);
    assert_eq!(kinds(&books), []);
}

#[test]
fn another_amount_or_payment_number_is_found() {
    for change in [
        |told: &mut SignedEnd| told.amount = 1235,
        |told: &mut SignedEnd| told.payment_no = "P2".into(),
        |told: &mut SignedEnd| told.channel = "alipay",
    ] {
        let mut books = agreeing();
        change(his(&mut books, PAID).result.as_mut().unwrap());
        change(pos(&mut books, PAID).result.as_mut().unwrap());
        assert!(kinds(&books).contains(&Kind::CaptureUnknown));
    }
}

#[test]
fn an_order_paid_without_a_capture_is_found() {
    let mut books = agreeing();
    let paid = Some(result(End::Paid, 300, "alipay", ""));
    (his(&mut books, UNPAID).end, his(&mut books, UNPAID).result) = (End::Paid, paid.clone());
    (pos(&mut books, UNPAID).end, pos(&mut books, UNPAID).result) = (End::Paid, paid);
    assert_eq!(kinds(&books), [Kind::PaidWithoutCapture, Kind::Sums]);
}

#[test]
fn a_refund_that_differs_is_found_on_either_side() {
    let changes: [fn(&mut Books); 6] = [
        |books| books.platform.orders[0].refunds[0].amount = 400,
        |books| books.platform.orders[0].refunds[0].refund_id = "F2".into(),
        |books| books.platform.orders[0].refunds[0].state = "failed".into(),
        |books| his(books, REFUND).core.refund_of = UNPAID.into(),
        |books| his(books, REFUND).end = End::NotRefunded,
        |books| books.ledger.captures.get_mut("SIM1BPAIDW").unwrap().refunded = 0,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut books = agreeing();
        change(&mut books);
        assert!(kinds(&books).contains(&Kind::Refund), "change {place}: {:?}", kinds(&books));
    }
}

#[test]
fn a_second_pay_request_for_one_order_is_found_on_the_other_channel_too() {
    for number in ["SIM1BPAIDW", "SIM1BPAIDA"] {
        let mut books = agreeing();
        books.platform.calls.push(Call { call: "pay".into(), number: number.into() });
        assert_eq!(kinds(&books), [Kind::PaidTwice]);
    }
    let mut books = agreeing();
    books.platform.calls.push(Call { call: "reverse".into(), number: "SIM1BPAIDW".into() });
    assert_eq!(kinds(&books), []);
}

#[test]
fn two_captures_of_one_order_are_found() {
    let mut books = agreeing();
    let mut second = books.platform.orders[0].clone();
    (second.channel, second.number) = ("alipay".into(), "SIM1BPAIDA".into());
    second.payment_no = Some("P2".into());
    second.refunds.clear();
    second.refunded = 0;
    books.platform.orders.push(second);
    assert_eq!(kinds(&books), [Kind::CaptureUnknown, Kind::CapturedTwice, Kind::Sums]);
}

#[test]
fn ends_that_differ_and_orders_of_one_side_are_found() {
    let mut books = agreeing();
    his(&mut books, UNPAID).core.bytes.push(0);
    assert_eq!(kinds(&books), [Kind::Ends]);
    let mut books = agreeing();
    pos(&mut books, UNPAID).result.as_mut().unwrap().bytes.push(0);
    assert_eq!(kinds(&books), [Kind::Ends]);
    for one_side in [true, false] {
        let mut books = agreeing();
        if one_side {
            books.ledger.orders.remove(UNPAID);
        } else {
            books.journals[0].orders.remove(UNPAID);
        }
        assert_eq!(kinds(&books), [Kind::Ends]);
    }
}

#[test]
fn what_has_not_ended_is_found() {
    let changes: [fn(&mut Books); 5] = [
        |books| his(books, UNPAID).end = End::Open,
        |books| pos(books, UNPAID).end = End::Open,
        |books| pos(books, UNPAID).answered = false,
        |books| books.platform.orders[0].state = "waiting".into(),
        |books| books.platform.orders[0].refunds[0].state = "processing".into(),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut books = agreeing();
        change(&mut books);
        assert!(kinds(&books).contains(&Kind::Open), "change {place}: {:?}", kinds(&books));
    }
}
