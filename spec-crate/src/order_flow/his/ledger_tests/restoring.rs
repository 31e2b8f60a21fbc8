//! A ledger that is new or went back, and what its rows hold.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use prost::Message;

use super::{Ledger, UNIX, after, collect_of, context, device_id, made, refund_of, session};
use crate::book::{Anchor, Row, RowKey, Table, read_start, start_row};
use crate::ids::{BookId, OrderNo};
use crate::ledger as ledgers;
use crate::order_flow::his::{OrderRefusal, making, orphans};
use crate::time::{Clock, Instant, UnixSeconds};
use crate::wire::{self, HisState};

/// 4 days.
const SEARCH: u64 = 345_600;
/// With the usual timers: 90 s, 150 s, 20 s.
const FULL_LEASE: u64 = 260_000;

fn site_key() -> RowKey {
    RowKey::new(Table::Site, "site-1")
}

fn peer_key(desk: u8) -> RowKey {
    RowKey::new(Table::Peer, device_id(desk).as_str())
}

fn read<M: Message + Default>(ledger: &Ledger, key: &RowKey) -> M {
    M::decode(ledger.row(key).bytes.as_slice()).unwrap()
}

fn collect(ledger: &mut Ledger, bill: &str, clock: Clock) -> Result<OrderNo, OrderRefusal> {
    let new = collect_of(bill, 500);
    made(ledger.does(|rows| making::collect(&context(1), &new, session(), rows, clock)))
}

/// The ledger after a declared restore at some time.
fn restored(ledger: &mut Ledger, clock: Clock) {
    let open: Vec<Row> =
        ledger.rows.values().filter(|(_, index)| index.open).map(|(row, _)| row.clone()).collect();
    let peers = [1, 2].map(|desk| ledger.row(&peer_key(desk)));
    let batch = ledgers::restored(&ledger.row(&site_key()), &peers, &open, &context(1).agreements, clock);
    assert!(ledger.commit(&batch));
}

//= spec-crate/spec/books.md#rows-of-the-ledger
//= type=test
//# A HIS MUST write the site row of a new ledger before it makes an order, with a search time
//# (`search_until`) of now + 345,600 seconds, or of 2^64 - 1 if it has no calendar clock.
#[test]
fn a_new_ledger_searches_for_four_days_or_for_ever_without_a_calendar() {
    for (clock, until) in [(after(0), UNIX + SEARCH), (Clock { now: Instant(1), unix: None }, u64::MAX)] {
        let batch = ledgers::born("site-1", clock);
        assert_eq!(batch.read, [(site_key(), 0)]);
        let site = wire::SiteRow::decode(batch.write[0].bytes.as_slice()).unwrap();
        assert!(site == wire::SiteRow { search_until: until, ..wire::SiteRow::default() });
    }
}

//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST send a `search` with each collect and its CancelOrder, as ORD-163 says, until the search time
//# of the site row has passed, and always while it has no calendar clock.
#[test]
fn collects_carry_a_search_until_its_time_is_over_and_always_without_a_calendar() {
    let mut ledger = Ledger::born();
    for (bill, clock, searches) in [
        ("B-1", after(SEARCH - 1), true),
        ("B-2", after(SEARCH), false),
        ("B-3", Clock { now: Instant(1), unix: None }, true),
    ] {
        // Without a calendar no refusal hangs on one, either.
        let order_no = collect(&mut ledger, bill, clock).unwrap();
        let search = ledger.held(&order_no).row.search;
        assert_eq!(search.first().map(String::as_str), searches.then_some(order_no.as_str()), "{bill}");
        assert_eq!(search.len(), if searches { 4 } else { 0 });
    }
}

//= spec-crate/spec/books.md#rows-of-the-ledger
//= type=test
//# A HIS MUST set `start_by` and `leased_until` of an order as instants of its present run, and to new values
//# at each start, because those of an earlier run say nothing.
#[test]
fn a_start_gives_every_order_that_has_not_ended_a_lease_of_its_own_run() {
    let mut ledger = Ledger::born();
    let (open, ended) = (ledger.collect("B-1", 500, after(0)), ledger.paid("B-2", 500, "wx-1"));
    assert!(ledger.held(&open).row.start_by > 0);
    let rows = [ledger.order(&open), ledger.order(&ended)];
    let clock = Clock { now: Instant(7), unix: Some(UnixSeconds(UNIX + 100)) };
    let batch = ledgers::start(&rows, &context(1).agreements, clock);
    assert_eq!(batch.write.len(), 1, "what has ended has no lease");
    assert!(ledger.commit(&batch));
    let row = ledger.held(&open).row;
    assert!(row.state() == HisState::Asking);
    assert_eq!((row.start_by, row.leased_until), (0, 7 + FULL_LEASE));
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A HIS MUST write 8 bytes 00 as `pulled_book` of a peer row that would otherwise have no field.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS on which a person declares a restore of the ledger MUST, in one transaction, write the BookStart of
//# BOK-21, set every order that has not ended to Asking with a lease end of now + FULL_LEASE, set the site
//# row to waiting and pulling with a search time as in BOK-28, and mark every device's list as not pulled.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST begin such a pull at the place of the device's list that the restored ledger holds, or at the
//# first record if it holds none.
#[test]
fn a_declared_restore_asks_about_every_open_order_and_waits_searches_and_pulls_again() {
    let mut ledger = Ledger::born();
    let (open, ended) = (ledger.collect("B-1", 500, after(0)), ledger.paid("B-2", 500, "wx-1"));
    // The second device's list had been pulled to a place that the restored ledger knows.
    let peer =
        wire::PeerRow { pulled_book: vec![5; 8], pulled_seq: 17, pulled: true, ..wire::PeerRow::default() };
    let list = wire::OrderList {
        book: vec![5; 8],
        items: vec![wire::OrderItem { seq: 17, ..wire::OrderItem::default() }],
        more: false,
    };
    ledger.does(|rows| orphans::pulled(&context(2), &list, true, rows));
    assert!(read::<wire::PeerRow>(&ledger, &peer_key(2)) == peer);
    let posting = ledger.order(&ended);
    restored(&mut ledger, Clock { now: Instant(9), unix: Some(UnixSeconds(UNIX + 1_000)) });
    let row = ledger.held(&open).row;
    assert!(row.state() == HisState::Asking);
    assert_eq!(row.leased_until, 9 + FULL_LEASE);
    assert_eq!(ledger.order(&ended), posting, "what has ended stays as it is");
    let site: wire::SiteRow = read(&ledger, &site_key());
    assert_eq!((site.waiting, site.pulling, site.search_until), (true, true, UNIX + 1_000 + SEARCH));
    assert!(read::<wire::PeerRow>(&ledger, &peer_key(2)) == wire::PeerRow { pulled: false, ..peer });
    // No row is empty, and no device has this book: its list comes from the first record.
    let nothing = wire::PeerRow { pulled_book: vec![0; 8], ..wire::PeerRow::default() };
    assert!(read::<wire::PeerRow>(&ledger, &peer_key(1)) == nothing);
}

//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST make no order, collect or refund, while the site row is waiting, and end the waiting when
//# FULL_LEASE + the largest T_QUIET of all agreements held has passed since its program started, with a
//# record of that.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST, while the site row is pulling, make no order before the list of every device of the device
//# manifest has been pulled to its end by a pull that began after the wait was over.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST go on without the list of a device that cannot answer only on the recorded decision of two
//# different people.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST record for each device that its list was pulled, or that two people decided to go on without
//# it.
#[test]
fn no_order_is_made_before_the_wait_is_over_and_every_list_was_pulled_behind_it_or_given_up_by_two_people() {
    let mut ledger = Ledger::born();
    let paid = ledger.paid("B-1", 500, "wx-1");
    restored(&mut ledger, after(10));
    let waiting = |why: OrderRefusal| match why {
        OrderRefusal::Restoring { seconds, device } => (seconds, device),
        other => panic!("{other:?}"),
    };
    // 260 s and T_QUIET of 132 s from the start of the program, which began at 0.
    assert_eq!(
        waiting(collect(&mut ledger, "B-2", after(99)).unwrap_err()),
        (292, alloc::string::String::new())
    );
    assert_eq!(waiting(ledger.refund(&refund_of(&paid, "", 100), after(99)).unwrap_err()).0, 292);
    // Also when the time is over, until that is recorded.
    assert_eq!(waiting(collect(&mut ledger, "B-2", after(5_000)).unwrap_err()).0, 1);
    ledger.does(|rows| orphans::waited(&context(1), rows));
    assert!(!read::<wire::SiteRow>(&ledger, &site_key()).waiting);
    let missing = |ledger: &mut Ledger| collect(ledger, "B-2", after(5_000)).map_err(waiting);
    let first = Err((0, device_id(1).as_str().into()));
    assert_eq!(missing(&mut ledger), first);
    let list = |more| wire::OrderList { book: vec![5; 8], items: Vec::new(), more };
    for (list, counts) in [(list(false), false), (list(true), true)] {
        // A pull that began before the wait was over, and one that is not at its end.
        ledger.does(|rows| orphans::pulled(&context(1), &list, counts, rows));
        assert_eq!(missing(&mut ledger), first);
    }
    ledger.does(|rows| orphans::pulled(&context(1), &list(false), true, rows));
    assert!(read::<wire::PeerRow>(&ledger, &peer_key(1)).pulled);
    assert_eq!(missing(&mut ledger), Err((0, device_id(2).as_str().into())));
    let decided = ledgers::pulled_by_decision(&ledger.row(&peer_key(2)));
    assert!(ledger.commit(&decided));
    assert!(read::<wire::PeerRow>(&ledger, &peer_key(2)).pulled);
    missing(&mut ledger).unwrap();
}

//= spec-crate/spec/books.md#anchors
//= type=test
//# A HIS MUST keep the latest anchor of a journal for each device, and a POS that of a ledger for each site,
//# so that anchors of two sites are never compared.
#[test]
fn the_latest_anchor_of_each_device_is_kept_and_never_replaced_by_an_older_one() {
    let anchor =
        |book: u8, seq| Anchor { book: BookId::from_bytes([book; 8]), seq, head: [seq as u8; 8] }.encode();
    let mut ledger = Ledger::born();
    for (seen, kept) in [
        (anchor(1, 5), anchor(1, 5)),
        (anchor(1, 4), anchor(1, 5)),
        (anchor(1, 6), anchor(1, 6)),
        (vec![1; 23], anchor(1, 6)),
        (anchor(2, 1), anchor(2, 1)),
    ] {
        ledger.does(|rows| orphans::seen(&context(1), &seen, rows));
        assert_eq!(read::<wire::PeerRow>(&ledger, &peer_key(1)).anchor, kept);
    }
    assert_eq!(ledger.row(&peer_key(2)).version, 0);
}

//= spec-crate/spec/books.md#rows-and-versions
//= type=test
//# A book MUST hold as rows of the tables 1 to 6 and 8 the ordinary protobuf serialisation of BookStart, of
//# PosOrder in a journal and HisOrder in a ledger, of BillRow, CaptureRow, PeerRow, SiteRow and DayRow, in
//# this order of the tables.
//= spec-crate/spec/books.md#rows-of-the-ledger
//= type=test
//# A HIS MUST keep a capture under its platform number, or, if that holds another payment, under that number,
//# a hyphen and the payment number, and the row that finds it by payment number under `wechat/` or `alipay/`
//# followed by the payment number, with only `order_no` set.
#[test]
fn every_row_is_the_message_of_its_table_and_a_capture_is_found_by_both_of_its_numbers() {
    fn is<M: Message + Default>(row: &Row) -> bool {
        M::decode(row.bytes.as_slice()).is_ok_and(|read| read.encode_to_vec() == row.bytes)
    }
    let mut ledger = Ledger::born();
    let order_no = ledger.paid("B-1", 500, "wx-1");
    restored(&mut ledger, after(10));
    let mut tables = Vec::new();
    for (key, (row, _)) in &ledger.rows {
        assert!(match key.table {
            Table::Order => is::<wire::HisOrder>(row),
            Table::Bill => is::<wire::BillRow>(row),
            Table::Capture => is::<wire::CaptureRow>(row),
            Table::Peer => is::<wire::PeerRow>(row),
            Table::Site => is::<wire::SiteRow>(row),
            Table::Book | Table::Program | Table::Day => false,
        });
        tables.push(key.table);
    }
    tables.dedup();
    assert_eq!(tables, [Table::Order, Table::Bill, Table::Capture, Table::Peer, Table::Site]);
    let start = start_row(BookId::from_bytes([3; 8]), None);
    let row = Row { key: start.key, version: 1, bytes: start.bytes };
    assert!(is::<wire::BookStart>(&row) && read_start(&row.bytes).is_some());
    let capture: wire::CaptureRow =
        read(&ledger, &RowKey::new(Table::Capture, &alloc::format!("SIM1{order_no}W")));
    assert_eq!((capture.order_no.as_str(), capture.payment_no.as_str()), (order_no.as_str(), "wx-1"));
    let finder: wire::CaptureRow = read(&ledger, &RowKey::new(Table::Capture, "wechat/wx-1"));
    assert!(finder == wire::CaptureRow { order_no: order_no.as_str().into(), ..wire::CaptureRow::default() });
}
