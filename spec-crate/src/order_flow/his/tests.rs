//! A refund instead of a posting, over rows in memory.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::accepting::{self, Told};
use super::making::{self, NewCollect, NewRefund, Session};
use super::{Changes, Held, HisContext, HisOrderEvent, OrderRefusal, OrderView, Rows, Step};
use crate::amount::Amount;
use crate::book::{Anchor, Containment, Found, Index, Query, Row, RowKey, Table};
use crate::catalogue::Status;
use crate::crypto::{Secret, ed25519_public};
use crate::ids::{BookId, DeviceId, OperatorId, OrderNo, SiteCode, SiteId, TerminalId};
use crate::ledger;
use crate::message::agreement::{Account, Agreement, AmountLimits, BusinessDay, Terms, Timers};
use crate::message::manifest::{Entry, Manifest};
use crate::message::result::{NewResult, Outcome, ResultCore, sign};
use crate::message::signed_file::OrganisationKey;
use crate::platform::Channel;
use crate::time::{Clock, Instant, UnixSeconds};
use crate::wire::{self, HisState, Posting};

const UNIX: u64 = 1_800_000_000;
const DAY: u32 = 20_270_115;

fn device_seed() -> Secret<32> {
    Secret::new([11; 32])
}

fn agreement() -> Agreement {
    let organisation = |number| OrganisationKey::of(&Secret::new([number; 32]));
    Agreement::encode(&Terms {
        agreement_no: 1,
        site_id: SiteId::try_from("S").unwrap(),
        site_code: SiteCode::try_from("SIM1").unwrap(),
        versions: vec![1],
        suites: vec![1],
        his_organisation: organisation(1),
        pos_organisation: organisation(2),
        amounts: AmountLimits { collect_max: 5_000_000, refund_max: 5_000_000, refund_day_max: 20_000_000 },
        timers: Timers::USUAL,
        business_day: BusinessDay { utc_offset_minutes: 480, cut_minutes: 0 },
        wechat: Some(Account { id: "1900000109".into(), sub_id: None }),
        alipay: Some(Account { id: "2021000000000001".into(), sub_id: None }),
        simulated: true,
    })
    .unwrap()
}

fn context() -> HisContext {
    let device = Entry {
        id: DeviceId::try_from("D1").unwrap(),
        name: "SN-1".into(),
        public_key: ed25519_public(&device_seed()),
        valid_from: UnixSeconds(UNIX - 86_400),
        valid_until: UnixSeconds(UNIX + 86_400 * 100),
        revocation: None,
    };
    let site_id = SiteId::try_from("S").unwrap();
    HisContext {
        terminal_id: TerminalId::try_from("W1").unwrap(),
        devices: Manifest::encode(1, &site_id, vec![device]).unwrap(),
        site_id,
        site_secret: Secret::new([7; 32]),
        device_id: DeviceId::try_from("D1").unwrap(),
        agreements: vec![agreement()],
        started: Instant(0),
    }
}

/// A ledger in memory, and the time at which everything happens.
struct Desk {
    context: HisContext,
    rows: BTreeMap<RowKey, (Row, Index)>,
    seq: u64,
    unix: u64,
}

impl Desk {
    fn new() -> Self {
        Self { context: context(), rows: BTreeMap::new(), seq: 0, unix: UNIX }
    }

    fn clock(&self) -> Clock {
        Clock { now: Instant(1_000), unix: Some(UnixSeconds(self.unix)) }
    }

    fn row(&self, key: &RowKey) -> Row {
        let missing = || Row { key: key.clone(), version: 0, bytes: Vec::new() };
        self.rows.get(key).map_or_else(missing, |(row, _)| row.clone())
    }

    fn held(&self, order_no: &OrderNo) -> Held {
        Held::read(&self.row(&RowKey::new(Table::Order, order_no.as_str()))).unwrap()
    }

    fn find(&self, query: &Query) -> Found {
        let rows = match query {
            Query::Rows(keys) => keys.iter().map(|key| self.row(key)).collect(),
            Query::Bill(bill) => {
                let of_bill = |(row, index): &&(Row, Index)| {
                    index.bill == *bill && matches!(row.key.table, Table::Order | Table::Capture)
                };
                let rest = self.rows.values().filter(of_bill).map(|(row, _)| row.clone());
                core::iter::once(self.row(&RowKey::new(Table::Bill, bill))).chain(rest).collect()
            }
            Query::Day(day) => {
                let of_day =
                    |(row, index): &&(Row, Index)| index.day == *day && row.key.table == Table::Order;
                self.rows.values().filter(of_day).map(|(row, _)| row.clone()).collect()
            }
            other => panic!("{other:?}"),
        };
        let anchor = Anchor { book: BookId::from_bytes([1; 8]), seq: self.seq, head: [0; 8] };
        Found { rows, more: false, containment: Containment::Contained, anchor }
    }

    /// Runs a step over as many rows as it wants, and stores what it comes to in one transaction.
    fn run(&mut self, step: impl Fn(&HisContext, &Rows, Clock) -> Step) -> Changes {
        let mut rows = Rows::default();
        loop {
            match step(&self.context, &rows, self.clock()) {
                Err(query) => {
                    let found = self.find(&query);
                    rows.take(&query, found);
                }
                Ok(changes) => {
                    self.store(&changes.batch);
                    return changes;
                }
            }
        }
    }

    fn store(&mut self, batch: &crate::book::Batch) {
        for (key, version) in &batch.read {
            assert_eq!(self.row(key).version, *version, "{key:?} was read in another version");
        }
        for write in &batch.write {
            self.seq += 1;
            let row = Row { key: write.key.clone(), version: self.seq, bytes: write.bytes.clone() };
            self.rows.insert(write.key.clone(), (row, write.index.clone()));
        }
    }

    /// Collects, and the terminal's result says paid.
    fn paid(&mut self, bill: &str, fen: i64) -> OrderNo {
        let amount = Amount::from_fen(fen).unwrap();
        let new = NewCollect { ticket: 1, bill: bill.into(), amount, business_day: DAY };
        let changes = self.run(|context, rows, clock| making::collect(context, &new, session(), rows, clock));
        let order_no = made(&changes).unwrap();
        self.told(&order_no, Outcome::Paid, Status::Paid);
        order_no
    }

    fn refund(&mut self, original: &OrderNo, fen: i64, not_to_post: bool) -> Result<OrderNo, OrderRefusal> {
        self.unix += 3_600;
        let new = NewRefund {
            ticket: 2,
            order_no: original.clone(),
            item: alloc::string::String::new(),
            amount: Amount::from_fen(-fen).unwrap(),
            operator: OperatorId::try_from("zhang").unwrap(),
            approver: OperatorId::try_from("li").unwrap(),
            reason: "wrong bill".into(),
            business_day: DAY,
        };
        let step = |context: &HisContext, rows: &Rows, clock| {
            making::refund(context, &new, not_to_post, session(), rows, clock)
        };
        made(&self.run(step))
    }

    /// The terminal tells how an order ended.
    fn told(&mut self, order_no: &OrderNo, outcome: Outcome, status: Status) {
        assert!(self.tell(order_no, outcome, status) == Some(wire::Disposition::Recorded));
    }

    fn tell(&mut self, order_no: &OrderNo, outcome: Outcome, status: Status) -> Option<wire::Disposition> {
        let held = self.held(order_no);
        let core = held.core.unwrap();
        let moved = matches!(outcome, Outcome::Paid | Outcome::Refunded);
        let result = ResultCore::encode(&NewResult {
            order_hash: core.hash(&self.context.site_id),
            order_no: order_no.clone(),
            device_id: core.device_id().clone(),
            outcome,
            status: status.code(),
            amount: core.amount(),
            channel: moved.then_some(Channel::Wechat),
            payment_no: moved.then(|| match core.refund_of() {
                Some(of) => of.payment_no.clone(),
                None => alloc::format!("4200{}", order_no.as_str()),
            }),
            refund_id: None,
            captured_at: None,
            decided_at: Some(UnixSeconds(self.unix)),
            provider_code: None,
            found: Vec::new(),
        })
        .unwrap();
        let signature = sign(&device_seed(), &result);
        let told = Told { result: result.bytes(), signature: &signature, peer: "D1", looked: false };
        self.run(|context, rows, clock| accepting::accept(context, &told, rows, clock)).disposition
    }

    fn posting(&self, order_no: &OrderNo) -> &'static str {
        OrderView::of(&self.held(order_no)).posting
    }
}

fn session() -> Session<'static> {
    Session { run: &[1, 2, 3, 4], zero: Instant(0), agreement_no: 1 }
}

fn made(changes: &Changes) -> Result<OrderNo, OrderRefusal> {
    let told = |event: &HisOrderEvent| match event {
        HisOrderEvent::Made { order, .. } => Some(Ok(order.order_no.clone())),
        HisOrderEvent::Refused { why, .. } => Some(Err(why.clone())),
        _ => None,
    };
    changes.events.iter().find_map(told).unwrap()
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST mark an unposted order as not to be posted only in the transaction that makes a refund of all
//# that its payment took, of which nothing was given back or is reserved, mark that refund as not to be
//# posted, too, and mark the order as unposted again in the transaction that removes the refund's reservation
//# without a booking.
#[test]
fn an_unposted_payment_that_goes_back_whole_is_posted_neither_way() {
    let mut desk = Desk::new();
    let paid = desk.paid("B1", 500);
    assert_eq!(desk.posting(&paid), "unposted");
    let before = desk.seq;
    let refund = desk.refund(&paid, 500, true).unwrap();
    // One transaction: the payment's row, the capture with its reservation, and the refund order.
    assert_eq!(desk.seq, before + 3);
    assert_eq!(desk.posting(&paid), "not_to_post");
    let row = desk.row(&RowKey::new(Table::Order, paid.as_str()));
    assert_eq!(ledger::posted(&row).unwrap_err(), ledger::DecisionRefusal::NotToPost);
    desk.told(&refund, Outcome::Refunded, Status::Refunded);
    assert_eq!((desk.posting(&paid), desk.posting(&refund)), ("not_to_post", "not_to_post"));
    let again = NewCollect {
        ticket: 3,
        bill: "B1".into(),
        amount: Amount::from_fen(500).unwrap(),
        business_day: DAY,
    };
    let next = desk.run(|context, rows, clock| making::collect(context, &again, session(), rows, clock));
    assert!(made(&next).is_ok(), "the bill can be collected again");
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST mark an unposted order as not to be posted only in the transaction that makes a refund of all
//# that its payment took, of which nothing was given back or is reserved, mark that refund as not to be
//# posted, too, and mark the order as unposted again in the transaction that removes the refund's reservation
//# without a booking.
#[test]
fn a_refund_that_fails_for_good_gives_the_payment_back_to_posting() {
    let mut desk = Desk::new();
    let paid = desk.paid("B1", 500);
    let refund = desk.refund(&paid, 500, true).unwrap();
    desk.told(&refund, Outcome::NotRefunded, Status::RefundPlatformDown);
    assert_eq!(desk.posting(&paid), "unposted");
    let row = desk.row(&RowKey::new(Table::Order, paid.as_str()));
    assert!(ledger::posted(&row).is_ok());
    // And once more, from the beginning.
    let second = desk.refund(&paid, 500, true).unwrap();
    assert_ne!(second, refund);
    assert_eq!(desk.posting(&paid), "not_to_post");
}

#[test]
fn a_refund_that_only_seems_to_have_failed_keeps_the_payment_from_being_posted() {
    let mut desk = Desk::new();
    let paid = desk.paid("B1", 500);
    let refund = desk.refund(&paid, 500, true).unwrap();
    desk.told(&refund, Outcome::NotRefunded, Status::RefundAbsent);
    for later in [600, 3_600, 86_400] {
        assert_eq!(desk.posting(&paid), "not_to_post", "its reservation holds until the last look");
        desk.unix += later;
        assert!(
            desk.tell(&refund, Outcome::NotRefunded, Status::RefundAbsent) == Some(wire::Disposition::Kept)
        );
    }
    assert_eq!(desk.posting(&paid), "unposted");
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST mark an unposted order as not to be posted only in the transaction that makes a refund of all
//# that its payment took, of which nothing was given back or is reserved, mark that refund as not to be
//# posted, too, and mark the order as unposted again in the transaction that removes the refund's reservation
//# without a booking.
#[test]
fn only_the_whole_of_an_unposted_payment_is_kept_from_being_posted() {
    let mut desk = Desk::new();
    let paid = desk.paid("B1", 500);
    assert_eq!(desk.refund(&paid, 499, true), Err(OrderRefusal::NotWhole { amount: 500 }));
    assert_eq!(desk.posting(&paid), "unposted");
    let part = desk.refund(&paid, 200, false).unwrap();
    desk.told(&part, Outcome::Refunded, Status::Refunded);
    assert_eq!((desk.posting(&paid), desk.posting(&part)), ("unposted", "unposted"));
    assert_eq!(desk.refund(&paid, 300, true), Err(OrderRefusal::NotWhole { amount: 500 }));
    let posted = desk.paid("B2", 500);
    let batch = ledger::posted(&desk.row(&RowKey::new(Table::Order, posted.as_str()))).unwrap();
    desk.store(&batch);
    assert_eq!(desk.refund(&posted, 500, true), Err(OrderRefusal::Posted));
    assert!(desk.refund(&posted, 500, false).is_ok(), "a posted payment is given back and its refund posted");
}

#[test]
fn a_capture_that_is_not_the_payment_itself_leaves_its_posting_alone() {
    let mut desk = Desk::new();
    let paid = desk.paid("B1", 500);
    let mut held = desk.held(&paid);
    held.row.set_posting(Posting::Unspecified);
    held.row.set_state(HisState::Attention);
    let mut changes = Changes::default();
    held.store(&mut changes);
    desk.store(&changes.batch);
    assert_eq!(desk.refund(&paid, 500, true), Err(OrderRefusal::NothingToPost));
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A HIS MUST make no order for a business day that is closed, and close a day with orders that have not
//# ended only together with the list of them.
#[test]
fn no_order_is_made_for_a_closed_day() {
    let mut desk = Desk::new();
    let paid = desk.paid("B1", 500);
    let site = RowKey::new(Table::Site, "S");
    let row = wire::SiteRow { closed_days: vec![DAY], search_until: 1, ..wire::SiteRow::default() };
    let mut changes = Changes::default();
    changes.write(&site, 0, &row, Index::default());
    desk.store(&changes.batch);
    assert_eq!(desk.refund(&paid, 500, false), Err(OrderRefusal::DayClosed(DAY)));
    let new = NewCollect {
        ticket: 1,
        bill: "B2".to_string(),
        amount: Amount::from_fen(1).unwrap(),
        business_day: DAY,
    };
    let refused = desk.run(|context, rows, clock| making::collect(context, &new, session(), rows, clock));
    assert_eq!(made(&refused), Err(OrderRefusal::DayClosed(DAY)));
}
