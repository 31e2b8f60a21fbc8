//! A terminal's orders over a platform that answers as a test says, without any link.

mod collecting;
mod lists;
mod refunding;
mod states;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec;

use super::requests::Asking;
use super::*;
use crate::catalogue::Status;
use crate::crypto::Secret;
use crate::ids::{DeviceId, OperatorId, SiteCode, SiteId};
use crate::message::agreement::{Account, Agreement, AmountLimits, BusinessDay, Terms};
use crate::message::order::{NewOrder, RefundOf};
use crate::message::result::ResultCore;
use crate::message::signed_file::OrganisationKey;
use crate::platform::Request;
use crate::time::UnixSeconds;

const RUN: [u8; 4] = [1, 2, 3, 4];
const UNIX: u64 = 1_800_000_000;
const GAP: u64 = Timers::USUAL.absence_gap;

/// A function and no closure: the seed is erased where it was, see [`Secret::new`].
fn seed(number: u8) -> Secret<32> {
    Secret::new([number; 32])
}

fn agreement() -> Agreement {
    let account = |id: &str| Some(Account { id: id.into(), sub_id: None });
    Agreement::encode(&Terms {
        agreement_no: 1,
        site_id: SiteId::try_from("site-1").unwrap(),
        site_code: SiteCode::try_from("SIM1").unwrap(),
        versions: vec![1],
        suites: vec![1],
        his_organisation: OrganisationKey::of(&seed(21)),
        pos_organisation: OrganisationKey::of(&seed(22)),
        amounts: AmountLimits { collect_max: 5_000_000, refund_max: 5_000_000, refund_day_max: 5_000_000 },
        timers: Timers::USUAL,
        business_day: BusinessDay::default(),
        wechat: account("1900000109"),
        alipay: account("2021000000000001"),
        simulated: true,
    })
    .unwrap()
}

fn core(order_no: &str, device: &str, refund: bool) -> OrderCore {
    let of = RefundOf {
        order_no: OrderNo::try_from("B0").unwrap(),
        agreement_no: 1,
        channel: Channel::Wechat,
        amount: 500,
        payment_no: "wx-1".into(),
        operator: OperatorId::try_from("op-1").unwrap(),
        approver: OperatorId::try_from("op-2").unwrap(),
        reason: "not dispensed".into(),
    };
    OrderCore::encode(&NewOrder {
        order_no: OrderNo::try_from(order_no).unwrap(),
        device_id: DeviceId::try_from(device).unwrap(),
        amount: Amount::from_fen(if refund { -500 } else { 500 }).unwrap(),
        business_day: 20_270_115,
        agreement_no: 1,
        refund_of: refund.then_some(of),
    })
    .unwrap()
}

/// A terminal, and what it wants.
struct Pos {
    flow: PosFlow,
    now: Instant,
    asks: Vec<Ask>,
    events: Vec<OrderEvent>,
    /// What HIS was told without having asked.
    notices: Vec<wire::OrderState>,
    /// Every byte that went into the journal.
    written: Vec<u8>,
}

impl Pos {
    fn new() -> Self {
        let merchants: Vec<Merchant> =
            Channel::ALL.into_iter().filter_map(|channel| agreement().merchant(channel)).collect();
        let context = Context {
            device_id: DeviceId::try_from("POS-1").unwrap(),
            seed: seed(1),
            agreements: vec![agreement()],
            verified: merchants.iter().cloned().collect::<BTreeSet<_>>(),
            merchants,
            boot: vec![5; 16],
            run: RUN.to_vec(),
            started: Instant(0),
            synced: true,
            anchored: true,
            dates: BTreeMap::new(),
            next_ask: 0,
        };
        let now = Instant(1_000);
        let flow = PosFlow::new(context, now);
        Self { flow, now, asks: Vec::new(), events: Vec::new(), notices: Vec::new(), written: Vec::new() }
    }

    fn does<T>(&mut self, act: impl FnOnce(&mut PosFlow, Clock, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let clock = Clock { now: self.now, unix: Some(UnixSeconds(UNIX + self.now.0 / 1_000)) };
        let told = act(&mut self.flow, clock, &mut effects);
        effects.writes.iter().for_each(|write| self.written.extend(&write.bytes));
        for effect in effects.then {
            match effect {
                Effect::Ask(ask) => self.asks.push(ask),
                Effect::Event(event) => self.events.push(event),
                Effect::Notice(Body::OrderState(notice)) => self.notices.push(notice),
                Effect::Notice(_) | Effect::Report(_) => {}
            }
        }
        told
    }

    fn submit(&mut self, core: &OrderCore, search: &[&str]) {
        let submit = wire::SubmitOrder {
            core: core.bytes().to_vec(),
            terminal_id: "WIN-1".into(),
            start_by: 90,
            run: RUN.to_vec(),
            search: search.iter().map(ToString::to_string).collect(),
        };
        let asking =
            Asking { peer: "WIN-1", peer_active: true, zero: Instant(0), current: &[1], storage: true };
        let told = self.does(|flow, clock, effects| flow.submit(&submit, &asking, clock, effects));
        assert!(matches!(told, Body::OrderState(_)), "it was not accepted");
    }

    fn cancel(&mut self, core: &OrderCore, search: &[&str]) {
        let search = search.iter().map(ToString::to_string).collect();
        let cancel = wire::CancelOrder { core: core.bytes().to_vec(), run: RUN.to_vec(), search };
        self.does(|flow, clock, effects| flow.cancel(&cancel, clock, effects));
    }

    fn scan(&mut self, channel: Channel, digits: &str) {
        let code = PaymentCode::new(digits.into());
        self.does(|flow, clock, effects| flow.scan(channel, code, clock, effects)).unwrap();
    }

    fn answer(&mut self, ask: &Ask, proof: Proof, date: Option<u64>) {
        let verdict = Verdict {
            id: ask.id,
            proof,
            provider_code: String::new(),
            date: date.map(UnixSeconds),
            first_byte: Some(self.now),
            ended: self.now,
            answered: true,
        };
        self.does(|flow, clock, effects| flow.verdict(&verdict, clock, effects));
    }

    /// Every question that is out is answered with the same proof.
    fn answer_all(&mut self, proof: &Proof, date: Option<u64>) {
        for ask in core::mem::take(&mut self.asks) {
            self.answer(&ask, proof.clone(), date);
        }
    }

    fn pass(&mut self, milliseconds: u64) {
        let end = self.now.after(milliseconds);
        while let Some(due) = self.flow.deadline(self.now).filter(|due| *due <= end) {
            self.now = due;
            self.does(|flow, clock, effects| flow.tick(clock, effects));
        }
        self.now = end;
        self.does(|flow, clock, effects| flow.tick(clock, effects));
    }

    /// The status that an order ended with.
    fn status(&self, order_no: &str) -> Option<Status> {
        let (result, _) = self.flow.report(&OrderNo::try_from(order_no).unwrap())?;
        ResultCore::decode(result).unwrap().status()
    }

    fn pays(&self) -> usize {
        self.asks.iter().filter(|ask| matches!(ask.request, Request::Pay { .. })).count()
    }

    fn alarms(&self) -> Vec<PosAlarm> {
        let alarm = |event: &OrderEvent| match event {
            OrderEvent::Alarm(alarm) => Some(alarm.clone()),
            _ => None,
        };
        self.events.iter().filter_map(alarm).collect()
    }
}

const CODE: &str = "130000000012345678";

//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST ask in WaitCode about every entry of the order's list of PAY-37 at once, and every 5 seconds
//# again about each entry that has not been answered and, while a good code waits and no trusted answer of
//# its channel has told the platform's clock, about the own entry of that channel.
#[test]
fn a_good_code_waits_until_an_answer_tells_the_platforms_clock() {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &[]);
    pos.answer_all(&Proof::Absent, None);
    pos.scan(Channel::Wechat, CODE);
    assert_eq!(pos.pays(), 0);
    pos.pass(5_000);
    assert_eq!(pos.asks.iter().map(|ask| ask.merchant.channel).collect::<Vec<_>>(), [Channel::Wechat]);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    assert_eq!(pos.pays(), 1);
    let Request::Pay { code, .. } = &pos.asks[0].request else { panic!() };
    assert_eq!(code.digits(), CODE);
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST list in `found` of an `attention` result the first two captures that it knows, in the order of
//# PAY-37, and leave `found` out of every other result.
#[test]
fn a_pay_answered_with_money_from_before_it_needs_people_and_tells_them_of_the_money() {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &[]);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    pos.scan(Channel::Wechat, CODE);
    assert_eq!(pos.pays(), 1);
    let earlier = Some(UnixSeconds(UNIX - 3_600));
    let found = crate::platform::Capture { payment_no: "wx-9".into(), amount: 500, captured_at: earlier };
    pos.answer_all(&Proof::Captured(found), Some(UNIX));
    assert_eq!(pos.status("B1"), Some(Status::NumberUsed));
    let (result, _) = pos.flow.report(&OrderNo::try_from("B1").unwrap()).unwrap();
    let result = ResultCore::decode(result).unwrap();
    let found: Vec<&str> = result.get().found.iter().map(|found| found.capture.payment_no.as_str()).collect();
    assert_eq!(found, ["wx-9"]);
}

//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST leave WaitCode at `start_by` as ORD-110 says, with `platform_down` (220) if a good code is
//# waiting and with `no_code` (200) if none is.
#[test]
fn a_good_code_that_no_clock_comes_for_ends_as_platform_down_and_is_never_written() {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &[]);
    pos.answer_all(&Proof::Absent, None);
    pos.scan(Channel::Wechat, CODE);
    for _ in 0..20 {
        pos.pass(5_000);
        pos.answer_all(&Proof::Absent, None);
    }
    assert_eq!(pos.status("B1"), Some(Status::PlatformDown));
    assert!(!pos.written.windows(CODE.len()).any(|bytes| bytes == CODE.as_bytes()));
}

#[test]
fn absent_answers_before_a_pending_refund_do_not_count() {
    let mut pos = Pos::new();
    let core = core("B1", "POS-2", true);
    let look = wire::LookUp { core: core.bytes().to_vec(), fresh: false };
    pos.does(|flow, clock, effects| flow.look_up(&look, clock, effects));
    let proofs = [Proof::Absent, Proof::Absent, Proof::RefundPending, Proof::Absent, Proof::Absent];
    for proof in proofs {
        while pos.asks.is_empty() {
            pos.pass(GAP);
        }
        pos.answer_all(&proof, None);
        assert_eq!(pos.status("B1"), None);
    }
    while pos.asks.is_empty() {
        pos.pass(GAP);
    }
    pos.answer_all(&Proof::Absent, None);
    assert_eq!(pos.status("B1"), Some(Status::RefundAbsent));
}

/// Whatever is asked is absent until the order has ended.
fn absent_to_the_end(pos: &mut Pos, order_no: &str) -> Status {
    for _ in 0..20 {
        pos.answer_all(&Proof::Absent, Some(UNIX));
        if let Some(status) = pos.status(order_no) {
            return status;
        }
        pos.pass(GAP);
    }
    panic!("{order_no} has not ended")
}

//= spec-crate/spec/orders.md#cancelling
//= type=test
//# A POS that knows no order of a CancelOrder of its own run MUST store the order with its core and
//# `cancel_wanted`, end it as `not_paid` with `never_seen` (222), or as `not_refunded` with
//# `refund_never_seen` (401), if the request has no `search`, and enter Asking otherwise.
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST leave WaitCode as ORD-110 says with `cancelled` (230) if a cancel is wanted.
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST end an order that leaves WaitCode as `not_paid` with the named status if the order has no
//# `search` and the journal is intact for it, and enter Asking otherwise.
//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS that enters Asking MUST forget a waiting code and set up the list of PAY-40.
//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS that has gone through the whole list and found every entry dead MUST end the order as `not_paid`. If
//# a cancel is wanted, the order has no attempt, the journal is intact for it and it is no look, the status
//# is `cancelled` (230), or `never_seen` (222) for the order of ORD-96. Otherwise it is the status of PAY-77
//# for the strongest death, where closed is stronger than expired and expired is stronger than absent.
#[test]
fn a_cancel_before_the_scan_ends_as_cancelled_also_after_a_search() {
    let (order, search) = (core("B1", "POS-1", false), ["B1", "B2"]);
    let mut pos = Pos::new();
    pos.submit(&order, &search);
    assert_eq!(pos.asks.len(), 4);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    pos.cancel(&order, &search);
    assert_eq!(pos.status("B1"), None, "the numbers of the search are asked about first");
    assert_eq!(absent_to_the_end(&mut pos, "B1"), Status::Cancelled);
    // Without a search nothing has to be asked, and nobody waits for the start instant.
    let mut pos = Pos::new();
    pos.submit(&order, &[]);
    assert_eq!(pos.status("B1"), None);
    pos.cancel(&order, &[]);
    assert_eq!(pos.status("B1"), Some(Status::Cancelled));
    // The order was never seen.
    let mut pos = Pos::new();
    pos.cancel(&order, &search);
    assert_eq!(absent_to_the_end(&mut pos, "B1"), Status::NeverSeen);
    // Nobody cancelled.
    let mut pos = Pos::new();
    pos.submit(&order, &search);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    pos.pass(90_000);
    assert_eq!(absent_to_the_end(&mut pos, "B1"), Status::Absent);
}

//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST end an order in Asking as `attention` with `number_used` (300) if the journal is intact for it,
//# it has no attempt, it is no look, and an entry of its list has money or was last answered as alive.
#[test]
fn a_cancelled_order_whose_search_finds_money_needs_people() {
    let (order, search) = (core("B1", "POS-1", false), ["B1", "B2"]);
    let mut pos = Pos::new();
    pos.submit(&order, &search);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    pos.cancel(&order, &search);
    let found = crate::platform::Capture { payment_no: "wx-9".into(), amount: 500, captured_at: None };
    for ask in core::mem::take(&mut pos.asks) {
        let later = ask.number.as_ref().is_some_and(|number| number.as_str() == "SIM1B2W");
        pos.answer(&ask, if later { Proof::Captured(found.clone()) } else { Proof::Absent }, None);
    }
    assert_eq!(pos.status("B1"), Some(Status::NumberUsed));
}

//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS SHOULD raise an alarm for a result that has been unanswered for 120 seconds.
#[test]
fn a_result_that_his_does_not_answer_raises_one_alarm_after_its_time() {
    let mut pos = Pos::new();
    let order = core("B1", "POS-1", false);
    pos.cancel(&order, &[]);
    assert_eq!(pos.status("B1"), Some(Status::NeverSeen));
    pos.pass(timers::UNCONFIRMED_ALARM - 1);
    assert_eq!(pos.alarms(), []);
    pos.pass(3 * timers::UNCONFIRMED_ALARM);
    assert_eq!(pos.alarms(), [PosAlarm::Unconfirmed { order_no: order.order_no().clone() }]);
    // One that is answered in time raises none.
    let mut pos = Pos::new();
    pos.cancel(&order, &[]);
    let (result, _) = pos.flow.report(order.order_no()).unwrap();
    let confirm = wire::ConfirmResult {
        order_no: "B1".into(),
        result_hash: result_hash(&result).to_vec(),
        disposition: 1,
        ledger: Vec::new(),
    };
    pos.does(|flow, _, effects| flow.confirmed(&confirm, effects));
    pos.pass(3 * timers::UNCONFIRMED_ALARM);
    assert_eq!(pos.alarms(), []);
}
