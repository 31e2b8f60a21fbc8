//! Orders that are made, and those that are not.

use super::*;
use crate::message::manifest::Revocation;
use crate::message::order_no::derive_order_no;

fn site_key() -> RowKey {
    RowKey::new(Table::Site, "site-1")
}

fn numbers(bill: &str) -> Vec<OrderNo> {
    let number = |generation| {
        derive_order_no(&seed(7), crate::message::order::Kind::Collect, bill.as_bytes(), generation).unwrap()
    };
    (0..20).map(number).collect()
}

fn try_collect(
    ledger: &mut Ledger,
    context: &HisContext,
    new: &NewCollect,
    clock: Clock,
) -> Result<OrderNo, OrderRefusal> {
    made(ledger.does(|rows| making::collect(context, new, session(), rows, clock)))
}

/// The site row, changed.
fn set_site(ledger: &mut Ledger, change: impl FnOnce(&mut wire::SiteRow)) {
    let row = ledger.row(&site_key());
    let mut site = wire::SiteRow::decode(row.bytes.as_slice()).unwrap();
    change(&mut site);
    let mut changes = Changes::default();
    changes.write(&row.key, row.version, &site, Index::default());
    assert!(ledger.commit(&changes.batch));
}

//= spec-crate/spec/orders.md#time
//= type=test
//# A HIS and a POS MUST use for an order the agreed timers of the agreement whose number the order's core
//# names, for the whole life of the order.
//= spec-crate/spec/orders.md#leases
//= type=test
//# A HIS MUST set the start instant of a new order to the latest instant that is not later than now + T_START
//# and a whole number of seconds after the zero of the present session.
//= spec-crate/spec/orders.md#leases
//= type=test
//# A HIS MUST set the lease end of a new order to its start instant + T_ACT + T_DRIFT.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST make an order only in a session past Sync, for the device of that session, under the agreement
//# of that session.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST name in `search` of a new collect its own number and the next three that the bill would get,
//# and send the same in its CancelOrder, while the site's search time is not over or it has no calendar
//# clock.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST store a new order in Sent with its core, the bill, its generation, the terminal that made it,
//# the run of the present session, the start instant, the lease end and `search`, and make it the bill's
//# present order.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST write the run of an order once, and name it in every SubmitOrder and CancelOrder of that order.
//= spec-crate/spec/messages.md#submitorder
//= type=test
//# A HIS MUST set `terminal_id` to the id of the terminal that authenticated the session in which the order
//# was made.
#[test]
fn a_new_order_is_stored_with_its_lease_its_run_and_what_it_searches() {
    let mut ledger = Ledger::born();
    let session = Session { run: &RUN, zero: Instant(300), agreement_no: 1 };
    let new = collect_of("b1", 500);
    let told = ledger.does(|rows| making::collect(&context(1), &new, session, rows, after(0)));
    let order_no = made(told).unwrap();
    let (row, next) = (ledger.held(&order_no).row, numbers("b1"));
    assert_eq!((ledger.view(&order_no).state, row.bill.as_str(), row.generation), ("sent", "b1", 0));
    assert_eq!((row.terminal_id.as_str(), row.run.as_slice()), ("WIN-1", RUN.as_slice()));
    // Made at 1.000 s of this clock, 0.7 s after the session's zero: the last whole second within T_START.
    assert_eq!((row.start_by, row.leased_until), (90_300, 90_300 + 150_000 + 20_000));
    let search: Vec<String> = next.iter().take(4).map(|order_no| order_no.as_str().into()).collect();
    assert_eq!((order_no, row.search), (next[0].clone(), search));
    let core = OrderCore::decode(row.core).unwrap();
    assert_eq!((core.device_id().as_str(), core.agreement_no(), core.business_day()), ("POS-1", 1, DAY));
    let bill = wire::BillRow::decode(ledger.row(&RowKey::new(Table::Bill, "b1")).bytes.as_slice()).unwrap();
    assert_eq!((bill.present.as_str(), bill.orders), (next[0].as_str(), 1));
    for (seconds, unix, searches) in [(345_599, true, 4), (345_600, true, 0), (345_600, false, 4)] {
        let clock = Clock { unix: after(seconds).unix.filter(|_| unix), ..after(seconds) };
        let bill = alloc::format!("late {seconds} {unix}");
        let order_no = ledger.collect(&bill, 500, clock);
        assert_eq!(ledger.held(&order_no).row.search.len(), searches, "{bill}");
    }
}

/// The item of a list that tells of an order of another ledger, with what its device says of the end.
pub(super) fn item(ledger: &Ledger, order_no: &OrderNo, result: Option<&NewResult>) -> wire::OrderItem {
    let result = result.map(encoded);
    wire::OrderItem {
        core: ledger.held(order_no).row.core,
        signature: result.as_ref().map(|result| sign(&seed(1), result).to_vec()).unwrap_or_default(),
        result: result.map(|result| result.bytes().to_vec()).unwrap_or_default(),
        ..wire::OrderItem::default()
    }
}

pub(super) fn take(ledger: &mut Ledger, item: &wire::OrderItem, clock: Clock) -> Vec<HisOrderEvent> {
    ledger.does(|rows| orphans::take(&context(1), item, "POS-1", rows, clock))
}

pub(super) fn adopt(ledger: &mut Ledger, order_no: &OrderNo, bill: &str) {
    let bill = ledger.row(&RowKey::new(Table::Bill, bill));
    let captures: Vec<Row> = ledger.rows.values().map(|(row, _)| row.clone()).collect();
    let batch = ledger::adopt(&ledger.order(order_no), &bill, &captures, &context(1).agreements).unwrap();
    assert!(ledger.commit(&batch));
}

//= spec-crate/spec/orders.md#order-numbers
//= type=test
//# A HIS MUST NOT give one order number to two orders with different cores at one site.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS that derives numbers MUST give a new collect the first of the bill's next 16 numbers that no adopted
//# order holds, and set the bill's count of orders to that number's generation + 1.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST make no order of a bill while an orphan that the bill has not adopted has one of the bill's
//# next 16 numbers.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST let a bill adopt an orphan only when a person or the bill database says which bill it belongs
//# to.
#[test]
fn a_bill_passes_over_the_numbers_of_adopted_orders_and_stops_at_those_of_orphans() {
    let mut forgotten = Ledger::born();
    let next = numbers("b1");
    for order_no in &next[..2] {
        assert_eq!(forgotten.collect("b1", 500, after(0)), *order_no);
        let not_paid = NewResult { channel: None, ..forgotten.result(order_no, Outcome::NotPaid, 200) };
        forgotten.told(1, &encoded(&not_paid), after(1));
    }
    let not_paid = NewResult { channel: None, ..forgotten.result(&next[1], Outcome::NotPaid, 200) };
    let mut ledger = Ledger::born();
    take(&mut ledger, &item(&forgotten, &next[1], Some(&not_paid)), after(10));
    let orphan = OrderRefusal::Orphan { order_no: next[1].as_str().into() };
    let new = collect_of("b1", 500);
    assert_eq!(try_collect(&mut ledger, &context(1), &new, after(20)), Err(orphan));
    assert_eq!(ledger.view(&next[1]).bill, "", "nobody said whose it is");
    adopt(&mut ledger, &next[1], "b1");
    assert_eq!(ledger.view(&next[1]).state, "not_paid");
    // It counts as one, so the next numbers begin with its own.
    assert_eq!(ledger.collect("b1", 500, after(30)), next[2]);
    assert_eq!(ledger.held(&next[2]).row.generation, 2);
    let bill = wire::BillRow::decode(ledger.row(&RowKey::new(Table::Bill, "b1")).bytes.as_slice()).unwrap();
    assert_eq!((bill.present.as_str(), bill.orders), (next[2].as_str(), 3));
}

//= spec-crate/spec/orders.md#the-ledger-and-the-bill-lock
//= type=test
//# A HIS MUST make all orders of a site in one ledger whose transactions are refused if a row that they read
//# has changed.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST decide on a new order and store its row in one transaction that has read the site row, the row
//# of the bill, every order and capture of the bill, and the order rows of the bill's next 16 numbers.
#[test]
fn of_two_orders_of_a_bill_that_are_made_at_once_one_is_refused() {
    let mut ledger = Ledger::born();
    let [first, second] = [1, 2].map(|desk| {
        let new = collect_of("b1", 500);
        ledger.works_out(|rows| making::collect(&context(desk), &new, session(), rows, after(0)))
    });
    let before = ledger.rows.clone();
    assert!(ledger.commit(&first.batch));
    assert!(!ledger.commit(&second.batch), "stale: it is run again");
    // Whatever it has read makes it stale: the site, the bill, and the next 16 numbers.
    let order = |order_no: &OrderNo| RowKey::new(Table::Order, order_no.as_str());
    let bill = RowKey::new(Table::Bill, "b1");
    for key in [site_key(), bill].into_iter().chain(numbers("b1").iter().take(16).map(order)) {
        let mut other = Ledger { rows: before.clone(), seq: 100 };
        let mut changes = Changes::default();
        changes.write(
            &key,
            other.row(&key).version,
            &wire::SiteRow { waiting: true, ..<_>::default() },
            <_>::default(),
        );
        assert!(other.commit(&changes.batch));
        assert!(!other.commit(&second.batch), "{key:?}");
    }
}

//= spec-crate/spec/orders.md#amounts
//= type=test
//# A HIS and a POS MUST refuse a collect above `collect_max` and a refund above `refund_max` of the agreement
//# that the core names.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST refuse a new collect for the first of these reasons that applies: the business day is closed;
//# the wait after a step back is not over; a device's list that the step back asks for was not pulled; the
//# device is revoked or not in the manifest; a capture of the bill is not returned; a collect of the bill is
//# in any state other than NotPaid and Paid; one of the next 16 numbers has a row that the bill has not
//# adopted; the amount is not positive or above the limit.
#[test]
fn a_collect_is_refused_for_the_first_reason_that_applies() {
    let mut ledger = Ledger::born();
    let paid = ledger.collect("b1", 500, after(0));
    let capture = Capture { payment_no: "wx-1".into(), amount: 500, captured_at: None };
    let found = vec![FoundCapture { channel: Channel::Wechat, capture }];
    let attention = NewResult { found, ..ledger.result(&paid, Outcome::Attention, 300) };
    ledger.told(1, &encoded(&attention), after(1));
    let mut forgotten = Ledger::born();
    forgotten.collect("b1", 500, after(0));
    let first = numbers("b1").remove(0);
    let cancelled = NewResult { channel: None, ..forgotten.result(&first, Outcome::NotPaid, 200) };
    forgotten.told(1, &encoded(&cancelled), after(1));
    let second = forgotten.collect("b1", 500, after(2));
    take(&mut ledger, &item(&forgotten, &second, None), after(5));
    set_site(&mut ledger, |site| {
        site.closed_days.push(DAY);
        (site.waiting, site.pulling) = (true, true);
    });
    let mut context = context(1);
    let revoked = |entry: &Entry<_>| Entry { revocation: Some(Revocation::Retired), ..entry.clone() };
    let entries = context.devices.entries().iter().map(revoked).collect();
    let devices = core::mem::replace(
        &mut context.devices,
        Manifest::encode(2, &SiteId::try_from("site-1").unwrap(), entries).unwrap(),
    );
    let new = collect_of("b1", 5_000_001);
    let refused = |ledger: &mut Ledger, context: &HisContext| {
        try_collect(ledger, context, &new, after(10)).unwrap_err()
    };
    assert_eq!(refused(&mut ledger, &context), OrderRefusal::DayClosed(DAY));
    set_site(&mut ledger, |site| site.closed_days.clear());
    assert!(matches!(refused(&mut ledger, &context), OrderRefusal::Restoring { seconds: 1.., .. }));
    set_site(&mut ledger, |site| site.waiting = false);
    let list = OrderRefusal::Restoring { seconds: 0, device: "POS-1".into() };
    assert_eq!(refused(&mut ledger, &context), list);
    set_site(&mut ledger, |site| site.pulling = false);
    assert_eq!(refused(&mut ledger, &context), OrderRefusal::Device);
    context.devices = devices;
    let number = alloc::format!("SIM1{}W", paid.as_str());
    assert_eq!(refused(&mut ledger, &context), OrderRefusal::BillCaptured { number });
    decide(&mut ledger, &paid, DecisionKind::Returned).unwrap();
    let busy = OrderRefusal::BillBusy { order_no: paid.as_str().into() };
    assert_eq!(refused(&mut ledger, &context), busy);
    decide(&mut ledger, &paid, DecisionKind::NotPaid).unwrap();
    let orphan = OrderRefusal::Orphan { order_no: second.as_str().into() };
    assert_eq!(refused(&mut ledger, &context), orphan);
    adopt(&mut ledger, &second, "b1");
    decide(&mut ledger, &second, DecisionKind::NotPaid).unwrap();
    assert_eq!(refused(&mut ledger, &context), OrderRefusal::Amount);
    ledger.collect("b1", 5_000_000, after(10));
}

//= spec-crate/spec/orders.md#amounts
//= type=test
//# A HIS and a POS MUST refuse a collect above `collect_max` and a refund above `refund_max` of the agreement
//# that the core names.
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
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS that refuses a refund because it is too soon MUST tell the seconds that are left, and make no order.
#[test]
fn a_refund_is_refused_for_the_first_reason_that_applies() {
    let mut ledger = Ledger::born();
    let unpaid = ledger.collect("b0", 500, after(0));
    let original = ledger.paid("b1", 60_000, "wx-1");
    let mut limited = context(1);
    let terms = limited.agreements[0].terms();
    let amounts = AmountLimits { refund_max: 50, ..terms.amounts };
    limited.agreements = vec![Agreement::encode(&Terms { amounts, ..terms.clone() }).unwrap()];
    let refund = |ledger: &mut Ledger, new: &NewRefund, clock| {
        made(ledger.does(|rows| making::refund(&limited, new, false, session(), rows, clock)))
    };
    set_site(&mut ledger, |site| site.closed_days.push(DAY));
    let nothing = refund(&mut ledger, &refund_of(&unpaid, "", 1), after(1));
    assert_eq!(nothing, Err(OrderRefusal::NotCaptured));
    let upwards = NewRefund { amount: Amount::from_fen(1).unwrap(), ..refund_of(&original, "", 1) };
    assert_eq!(refund(&mut ledger, &upwards, after(1)), Err(OrderRefusal::DayClosed(DAY)));
    set_site(&mut ledger, |site| site.closed_days.clear());
    assert_eq!(refund(&mut ledger, &upwards, after(1)), Err(OrderRefusal::Amount));
    let first = refund(&mut ledger, &refund_of(&original, "x", 50), after(1)).unwrap();
    let busy = OrderRefusal::ItemBusy { order_no: first.as_str().into() };
    assert_eq!(refund(&mut ledger, &refund_of(&original, "x", 60_000), after(2)), Err(busy));
    let exceeds = refund(&mut ledger, &refund_of(&original, "y", 60_000), after(2));
    assert_eq!(exceeds, Err(OrderRefusal::Exceeds { left: 59_950 }));
    // Nothing is made of one that comes too soon, and what is left of the wait is told.
    let soon = refund(&mut ledger, &refund_of(&original, "y", 51), after(2));
    assert_eq!(soon, Err(OrderRefusal::TooSoon { seconds: 59 }));
    assert_eq!(refund(&mut ledger, &refund_of(&original, "y", 51), after(61)), Err(OrderRefusal::Amount));
    let last = |ledger: &Ledger| ledger.rows.keys().filter(|key| key.table == Table::Order).count();
    assert_eq!(last(&ledger), 3);
    for nth in 1..50 {
        refund(&mut ledger, &refund_of(&original, &alloc::format!("item {nth}"), 1), after(1 + 60 * nth))
            .unwrap();
    }
    let many = refund(&mut ledger, &refund_of(&original, "y", 1), after(3_000));
    assert_eq!(many, Err(OrderRefusal::TooMany));
}

//= spec-crate/spec/orders.md#the-ledger-and-the-bill-lock
//= type=test
//# A HIS MUST keep for each bill all its orders and captures, so that one transaction can read all of them.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST decide on a new refund, reserve its amount and store its row in one transaction that has read
//# the site row, the row of the original, the capture row that gives the money back, every order of the
//# original's bill and every order of the business day, and that writes the site row.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST put into `refund_of` of a refund the original's number, the agreement number of the original's
//# core, the capture's channel, amount and payment number, both people, and the reason.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST refund the WeChat capture of an order first if both channels have one that is not returned.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST keep one row for each captured platform number with the order, the bill, the channel, the
//# payment number, the amount, what was given back, what is reserved, and whether it is returned.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST open capture rows for a `paid` result from its channel, payment number and amount, and for an
//# `attention` result from each entry of `found`.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST keep with each capture row a row that finds the order by channel and payment number, written in
//# the same transaction.
#[test]
fn of_two_captures_that_attention_found_the_wechat_one_is_given_back_first() {
    let mut ledger = Ledger::born();
    let order_no = ledger.collect("b1", 500, after(0));
    let found = |channel, payment_no: &str| FoundCapture {
        channel,
        capture: Capture { payment_no: payment_no.into(), amount: 500, captured_at: Some(UnixSeconds(UNIX)) },
    };
    let attention = NewResult {
        found: vec![found(Channel::Alipay, "ali-1"), found(Channel::Wechat, "wx-1")],
        ..ledger.result(&order_no, Outcome::Attention, 301)
    };
    ledger.told(1, &encoded(&attention), after(1));
    let of_bill = ledger.find(&Query::Bill("b1".into())).rows;
    assert_eq!(of_bill.iter().filter(|row| row.key.table == Table::Capture).count(), 2);
    assert_eq!(of_bill.iter().filter(|row| row.key.table == Table::Order).count(), 1);
    for (nth, (channel, payment_no)) in
        [(Channel::Wechat, "wx-1"), (Channel::Alipay, "ali-1")].into_iter().enumerate()
    {
        let finder =
            ledger.row(&RowKey::new(Table::Capture, &alloc::format!("{}/{payment_no}", channel.name())));
        let finder = wire::CaptureRow::decode(finder.bytes.as_slice()).unwrap();
        assert_eq!(finder.order_no, order_no.as_str());
        let captures = |ledger: &Ledger| {
            let of = |capture: &CaptureView| capture.payment_no == payment_no;
            ledger.captures().into_iter().find(of).unwrap()
        };
        let capture = captures(&ledger);
        assert_eq!((capture.order_no.as_str(), capture.bill.as_str()), (order_no.as_str(), "b1"));
        assert_eq!(
            (capture.channel, capture.amount, capture.refunded, capture.reserved),
            (Some(channel), 500, 0, 0)
        );
        let seconds = 100 * u64::try_from(nth).unwrap();
        let refund = ledger.refund(&refund_of(&order_no, "", 500), after(100 + seconds)).unwrap();
        assert_eq!(captures(&ledger).reserved, 500);
        let of = ledger.held(&refund).core.unwrap().refund_of().unwrap().clone();
        assert_eq!((of.channel, of.payment_no.as_str(), of.amount), (channel, payment_no, 500));
        assert_eq!((&of.order_no, of.agreement_no, of.reason.as_str()), (&order_no, 1, "not dispensed"));
        assert_eq!((of.operator.as_str(), of.approver.as_str()), ("op-1", "op-2"));
        let refunded = NewResult { channel: Some(channel), ..ledger.result(&refund, Outcome::Refunded, 110) };
        ledger.told(1, &encoded(&refunded), after(150 + seconds));
        assert!(captures(&ledger).returned);
    }
    let nothing = ledger.refund(&refund_of(&order_no, "", 1), after(500));
    assert_eq!(nothing, Err(OrderRefusal::NotCaptured));
}

//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST apply ORD-28, ORD-29, ORD-30 and the amount limits to its own core before it stores it.
#[test]
fn an_order_that_breaks_a_rule_of_its_own_is_not_stored() {
    let mut ledger = Ledger::born();
    let no_day = NewCollect { business_day: 20_270_230, ..collect_of("b1", 500) };
    let refused = try_collect(&mut ledger, &context(1), &no_day, after(0));
    assert!(matches!(refused, Err(OrderRefusal::Core(_))), "{refused:?}");
    let original = ledger.paid("b1", 500, "wx-1");
    let seq = ledger.seq;
    let alone = NewRefund { approver: OperatorId::try_from("op-1").unwrap(), ..refund_of(&original, "", 1) };
    let refused = ledger.refund(&alone, after(10));
    assert!(matches!(refused, Err(OrderRefusal::Core(_))), "{refused:?}");
    assert_eq!(ledger.seq, seq);
}
