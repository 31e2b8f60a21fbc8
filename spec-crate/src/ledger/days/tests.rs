//! One story in two books: what HIS expects of a device is what the device counts.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use prost::Message as _;

use super::{
    Closing, DayRefusal, Totals, TotalsRow, close_day, closed_day, closed_days, day, day_key, revise_day,
};
use crate::amount::Amount;
use crate::book::{Batch, Row, RowKey, Table};
use crate::crypto::hash::sha256;
use crate::ids::{DeviceId, OrderNo};
use crate::message::order::{NewOrder, OrderCore};
use crate::message::result::{FoundCapture, NewResult, Outcome, ResultCore};
use crate::order_flow::pos::totals::of_day;
use crate::platform::{Capture, Channel};
use crate::time::{Clock, Instant, UnixSeconds};
use crate::wire::{self, HisState, PosState};

const DAY: u32 = 20_260_131;

fn core(order_no: &str, device: &str, fen: i64) -> OrderCore {
    OrderCore::encode(&NewOrder {
        order_no: OrderNo::try_from(order_no).unwrap(),
        device_id: DeviceId::try_from(device).unwrap(),
        amount: Amount::from_fen(fen).unwrap(),
        business_day: DAY,
        agreement_no: 1,
        refund_of: None,
    })
    .unwrap()
}

fn result(order_no: &str, signer: &str, outcome: Outcome, status: u32, fen: i64) -> ResultCore {
    let paid = outcome == Outcome::Paid;
    let found = |channel, amount| FoundCapture {
        channel,
        capture: Capture {
            payment_no: alloc::format!("P{order_no}{}", channel.name()),
            amount,
            captured_at: None,
        },
    };
    let amount = fen.unsigned_abs();
    ResultCore::encode(&NewResult {
        order_hash: [7; 32],
        order_no: OrderNo::try_from(order_no).unwrap(),
        device_id: DeviceId::try_from(signer).unwrap(),
        outcome,
        status,
        amount: Amount::from_fen(fen).unwrap(),
        channel: paid.then_some(Channel::Wechat),
        payment_no: paid.then(|| alloc::format!("P{order_no}wechat")),
        refund_id: None,
        captured_at: None,
        decided_at: None,
        provider_code: None,
        found: match outcome {
            Outcome::Attention => vec![found(Channel::Wechat, amount), found(Channel::Alipay, amount)],
            _ => Vec::new(),
        },
    })
    .unwrap()
}

/// An order in the ledger: its state, the accepted result, and evidence with the time it came.
fn his(core: &OrderCore, state: HisState, accepted: Option<&ResultCore>, kept: &[(&ResultCore, u64)]) -> Row {
    let bytes = |result: &ResultCore| result.bytes().to_vec();
    let row = wire::HisOrder {
        core: core.bytes().to_vec(),
        state: i32::from(state),
        result: accepted.map(bytes).unwrap_or_default(),
        ended_at: if accepted.is_some() { 100 } else { 0 },
        evidence: kept
            .iter()
            .map(|(result, at)| wire::Evidence { result: bytes(result), signature: Vec::new(), at: *at })
            .collect(),
        ..wire::HisOrder::default()
    };
    order_row(core, row.encode_to_vec())
}

/// An order in a journal: the latest result, what was recorded before it, and what HIS answered (1 RECORDED, 2 KEPT).
fn pos(core: &OrderCore, latest: Option<&ResultCore>, recorded: Option<&ResultCore>, answered: i32) -> Row {
    let same = recorded.zip(latest).is_some_and(|(recorded, latest)| recorded == latest);
    let row = wire::PosOrder {
        core: core.bytes().to_vec(),
        state: i32::from(if latest.is_some() { PosState::Ended } else { PosState::Asking }),
        result: latest.map(|result| result.bytes().to_vec()).unwrap_or_default(),
        answered,
        recorded: recorded.is_some(),
        recorded_result: recorded.filter(|_| !same).map(|r| r.bytes().to_vec()).unwrap_or_default(),
        ..wire::PosOrder::default()
    };
    order_row(core, row.encode_to_vec())
}

fn order_row(core: &OrderCore, bytes: Vec<u8>) -> Row {
    Row { key: RowKey::new(Table::Order, core.order_no().as_str()), version: 5, bytes }
}

fn d1(rows: &[Row]) -> Totals {
    of_day(&DeviceId::try_from("D1").unwrap(), rows)
}

fn row(channel: i32, count: u32, amount: i64, beyond: bool) -> TotalsRow {
    TotalsRow { channel, kind: 1, count, amount, beyond }
}

fn clock() -> Clock {
    Clock { now: Instant(1), unix: Some(UnixSeconds(200)) }
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST answer GetTotals with the sums of all orders of its journal whose core has that business day
//# and that have a recorded result, with one row for each channel and kind that has a `paid` (kind 1) or
//# `refunded` (kind 2) result, in rising order of channel and then kind, with count and signed sum.
//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST count an order in its totals by the result that HIS recorded, not by a later one.
//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST add rows marked `beyond`, behind the others and in the same order, for the money that an
//# order's latest result tells of and its recorded `paid` or `refunded` result does not.
//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST count as `open` the orders of the day that name it as their device, have no recorded result,
//# and have no result that HIS has answered.
#[test]
fn equal_books_give_equal_totals_whatever_became_of_the_orders() {
    let paid = result("BA", "D1", Outcome::Paid, 100, 500);
    let not_paid = result("BB", "D1", Outcome::NotPaid, 200, 700);
    let late = result("BB", "D1", Outcome::Paid, 100, 700);
    let attention = result("BC", "D1", Outcome::Attention, 301, 900);
    let decided = result("BD", "D1", Outcome::Paid, 100, 40);
    let by_other = result("BF", "D2", Outcome::Paid, 100, 60);
    let beside = result("BF", "D1", Outcome::Paid, 100, 60);
    let cores: Vec<OrderCore> = [("BA", 500), ("BB", 700), ("BC", 900), ("BD", 40), ("BE", 30), ("BF", 60)]
        .iter()
        .map(|(order_no, fen)| core(order_no, "D1", *fen))
        .collect();
    let ledger = [
        his(&cores[0], HisState::Paid, Some(&paid), &[]),
        his(&cores[1], HisState::NotPaid, Some(&not_paid), &[(&late, 150)]),
        his(&cores[2], HisState::Attention, Some(&attention), &[]),
        // Two people took the evidence over: the device was told KEPT.
        his(&cores[3], HisState::Paid, Some(&decided), &[(&decided, 90)]),
        his(&cores[4], HisState::Asking, None, &[]),
        // Another device's look ended it; the order's own device told the same afterwards.
        his(&cores[5], HisState::Paid, Some(&by_other), &[(&beside, 150)]),
    ];
    let journal = [
        pos(&cores[0], Some(&paid), Some(&paid), 1),
        pos(&cores[1], Some(&late), Some(&not_paid), 2),
        pos(&cores[2], Some(&attention), Some(&attention), 1),
        pos(&cores[3], Some(&decided), None, 2),
        pos(&cores[4], None, None, 0),
        pos(&cores[5], Some(&beside), None, 2),
    ];
    let view = day(&ledger);
    let told = d1(&journal);
    assert_eq!(view.devices["D1"], told);
    assert_eq!(
        told.rows,
        [row(1, 1, 500, false), row(1, 4, 700 + 900 + 40 + 60, true), row(2, 1, 900, true)]
    );
    assert_eq!(told.open, 1);
    let other =
        of_day(&DeviceId::try_from("D2").unwrap(), &[pos(&cores[5], Some(&by_other), Some(&by_other), 1)]);
    assert_eq!(view.devices["D2"], other);
    // The site counts what people took over as an end, and no payment twice.
    assert_eq!(
        view.totals.rows,
        [row(1, 3, 500 + 40 + 60, false), row(1, 2, 700 + 900, true), row(2, 1, 900, true)]
    );
    assert_eq!(view.open, ["BE"]);
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST count as `open` the orders of the day that name it as their device, have no recorded result,
//# and have no result that HIS has answered.
//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST compute `digest` as SHA-256 over one entry for each order with a recorded result, in rising
//# byte order of the order numbers, where an entry is the number's length as u8, the number, the outcome as
//# u8, and the signed amount as a big-endian i64.
#[test]
fn a_result_that_his_has_not_answered_is_open_and_its_capture_beyond() {
    let core = core("BA", "D1", 500);
    let paid = result("BA", "D1", Outcome::Paid, 100, 500);
    let told = d1(&[pos(&core, Some(&paid), None, 0)]);
    assert_eq!((told.open, told.rows), (1, vec![row(1, 1, 500, true)]));
    assert_eq!(told.digest, sha256(&[]));
    let told = d1(&[pos(&core, Some(&paid), Some(&paid), 1)]);
    assert_eq!((told.open, told.rows), (0, vec![row(1, 1, 500, false)]));
    assert_eq!(told.digest, sha256(&[&[2], b"BA", &[1], &500_i64.to_be_bytes()]));
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST count as `open` the orders of the day that name it as their device, have no recorded result,
//# and have no result that HIS has answered.
#[test]
fn a_look_at_another_devices_order_is_no_open_order_here() {
    let core = core("BA", "D9", 500);
    let not_paid = result("BA", "D1", Outcome::NotPaid, 200, 500);
    assert_eq!(d1(&[pos(&core, Some(&not_paid), None, 0)]).open, 0);
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A POS MUST compute `digest` as SHA-256 over one entry for each order with a recorded result, in rising
//# byte order of the order numbers, where an entry is the number's length as u8, the number, the outcome as
//# u8, and the signed amount as a big-endian i64.
#[test]
fn the_digest_does_not_depend_on_the_order_of_rows() {
    let (a, b) = (core("BA", "D1", 500), core("BB", "D1", 700));
    let (paid, not_paid) =
        (result("BA", "D1", Outcome::Paid, 100, 500), result("BB", "D1", Outcome::NotPaid, 200, 700));
    let rows = [pos(&a, Some(&paid), Some(&paid), 1), pos(&b, Some(&not_paid), Some(&not_paid), 1)];
    let [first, second] = rows.clone();
    assert_eq!(d1(&rows), d1(&[second, first]));
}

#[test]
fn two_ends_with_one_payment_count_it_once_at_the_site() {
    let core = core("BA", "D1", 500);
    let paid = result("BA", "D1", Outcome::Paid, 100, 500);
    // The accepted result says paid, and the row needs people because another order has the payment.
    let view = day(&[his(&core, HisState::Attention, Some(&paid), &[])]);
    assert_eq!(view.totals.rows, [row(1, 1, 500, true)]);
    assert_eq!(view.devices["D1"].rows, [row(1, 1, 500, false)]);
}

fn closing(with_open: &[&str]) -> Closing {
    let with_open = with_open.iter().map(ToString::to_string).collect::<Vec<String>>();
    Closing { day: DAY, today: 20_260_201, with_open, by: "zhang".into() }
}

fn empty(table: Table, key: &str) -> Row {
    Row { key: RowKey::new(table, key), version: 0, bytes: Vec::new() }
}

fn written(batch: &Batch, table: Table) -> Row {
    let write = batch.write.iter().find(|write| write.key.table == table).unwrap();
    Row { key: write.key.clone(), version: 9, bytes: write.bytes.clone() }
}

fn close(orders: &[Row], closing: &Closing) -> Result<Batch, DayRefusal> {
    close_day(&empty(Table::Site, "S"), &empty(Table::Day, &day_key(DAY).key), orders, closing, clock())
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A HIS MUST make no order for a business day that is closed, and close a day with orders that have not
//# ended only together with the list of them.
#[test]
fn a_day_with_open_orders_closes_only_with_exactly_their_list() {
    let open = |order_no: &str| his(&core(order_no, "D1", 500), HisState::Asking, None, &[]);
    let orders = [open("BA"), open("BB")];
    let named = |order_no: &str| order_no.to_string();
    assert_eq!(close(&orders, &closing(&[])), Err(DayRefusal::Open { order_no: named("BA") }));
    assert_eq!(close(&orders, &closing(&["BA"])), Err(DayRefusal::Open { order_no: named("BB") }));
    let more = closing(&["BA", "BB", "BC"]);
    assert_eq!(close(&orders, &more), Err(DayRefusal::NotOpen { order_no: named("BC") }));
    let batch = close(&orders, &closing(&["BB", "BA"])).unwrap();
    assert_eq!(closed_days(&written(&batch, Table::Site)), [DAY]);
    let closed = closed_day(&written(&batch, Table::Day)).unwrap();
    assert_eq!((closed.closed.revision, closed.closed.by.as_str(), closed.closed.at), (1, "zhang", 200));
    assert_eq!((closed.closed.open, closed.latest), (vec![named("BA"), named("BB")], None));
    assert!(orders.iter().all(|order| batch.read.contains(&(order.key.clone(), order.version))));
}

#[test]
fn a_day_closes_once_after_its_end_by_a_named_person() {
    let batch = close(&[], &closing(&[])).unwrap();
    let site = written(&batch, Table::Site);
    let again = close_day(&site, &written(&batch, Table::Day), &[], &closing(&[]), clock());
    assert_eq!(again, Err(DayRefusal::Closed(DAY)));
    let refused = |closing: &Closing| close(&[], closing).unwrap_err();
    assert_eq!(refused(&Closing { today: DAY, ..closing(&[]) }), DayRefusal::NotOver(DAY));
    assert_eq!(refused(&Closing { by: String::new(), ..closing(&[]) }), DayRefusal::Nobody);
    assert_eq!(refused(&Closing { by: "x".repeat(25), ..closing(&[]) }), DayRefusal::Nobody);
    assert_eq!(refused(&Closing { day: 20_260_230, ..closing(&[]) }), DayRefusal::Date(20_260_230));
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A HIS MUST show a change to a closed day as a new revision of that day beside the closing, and keep every
//# earlier revision as a record of its ledger.
#[test]
fn a_later_change_of_a_closed_day_is_a_new_revision_and_the_closing_stays() {
    let core = core("BA", "D1", 500);
    let open = [his(&core, HisState::Asking, None, &[])];
    let closed = written(&close(&open, &closing(&["BA"])).unwrap(), Table::Day);
    assert_eq!(revise_day(&closed, &open, clock()), None, "nothing changed");
    let paid = result("BA", "D1", Outcome::Paid, 100, 500);
    let ended = [his(&core, HisState::Paid, Some(&paid), &[])];
    let second = written(&revise_day(&closed, &ended, clock()).unwrap(), Table::Day);
    assert_eq!(revise_day(&second, &ended, clock()), None);
    let view = closed_day(&second).unwrap();
    assert_eq!(view.closed.open, ["BA"]);
    let latest = view.latest.unwrap();
    assert_eq!((latest.revision, latest.open.len(), latest.by.as_str()), (2, 0, ""));
    assert_eq!(latest.totals.rows, [row(1, 1, 500, false)]);
    let third = revise_day(&second, &open, clock()).unwrap();
    assert_eq!(closed_day(&written(&third, Table::Day)).unwrap().latest.unwrap().revision, 3);
    // Money that is found behind the end changes the totals and no open order.
    let not_paid = result("BA", "D1", Outcome::NotPaid, 200, 500);
    let unpaid = [his(&core, HisState::NotPaid, Some(&not_paid), &[])];
    let closed = written(&close(&unpaid, &closing(&[])).unwrap(), Table::Day);
    let found = [his(&core, HisState::NotPaid, Some(&not_paid), &[(&paid, 150)])];
    let late = closed_day(&written(&revise_day(&closed, &found, clock()).unwrap(), Table::Day)).unwrap();
    assert_eq!(late.latest.unwrap().totals.rows, [row(1, 1, 500, true)]);
    assert_eq!(revise_day(&empty(Table::Day, "20260131"), &ended, clock()), None, "never closed");
}
