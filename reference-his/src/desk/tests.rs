//! The desk over a real ledger on virtual time, with a scripted driver in the place of a link.

mod days;

use std::sync::Arc;
use std::time::Duration;

use hispos::amount::Amount;
use hispos::book::{Batch, Index, Query, RowKey, Table, Write};
use hispos::catalogue::Status;
use hispos::ids::{DeviceId, OrderNo, SiteCode, SiteId};
use hispos::message::agreement::{Account, Agreement, AmountLimits, BusinessDay, Terms, Timers};
use hispos::message::order::{NewOrder, OrderCore};
use hispos::message::result::{NewResult, Outcome, ResultCore};
use hispos::message::signed_file::OrganisationKey;
use hispos::platform::Channel;
use hispos::time::{Clock, Instant, UnixSeconds};
use hispos_common::book::{Mode, SqliteBook};
use hispos_common::entropy::OsEntropy;
use tokio::sync::mpsc;

use super::{Asked, Desk, DeskError, Parts, view};
use crate::api::types::{Decision, TaskEnd, TaskKind, TaskState, TaskView};
use crate::events::Events;
use crate::ledger::Ledger;
use crate::link::{Command, LinkState, Make, NotMade, WindowEnd, window};

/// A site with one window; its terminal does what the test says.
struct Rig {
    home: tempfile::TempDir,
    desk: Desk,
    ledger: Ledger,
    end: WindowEnd,
    boot: [u8; 16],
    _failure: mpsc::Receiver<String>,
}

impl Rig {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        drop(SqliteBook::create(&home.path().join("ledger.db"), &mut OsEntropy, None).unwrap());
        Self::open(home, [7; 16])
    }

    fn open(home: tempfile::TempDir, boot: [u8; 16]) -> Self {
        let book = SqliteBook::open(&home.path().join("ledger.db"), Mode::Write).unwrap();
        let ledger = Ledger::in_a_task(book);
        let (handle, end) = window("W1", "D1");
        let (failure, failed) = mpsc::channel(1);
        let start = tokio::time::Instant::now();
        let clock = move || {
            let now = Instant(1_000_000 + u64::try_from(start.elapsed().as_millis()).unwrap());
            Clock { now, unix: Some(UnixSeconds(1_800_000_000)) }
        };
        let desk = Desk::new(Parts {
            ledger: ledger.clone(),
            windows: vec![handle],
            events: Events::new("run"),
            clock: Arc::new(clock),
            boot,
            agreements: Arc::new(|| vec![agreement()]),
            today: Arc::new(|| Some(20_260_201)),
            failure,
        });
        Self { home, desk, ledger, end, boot, _failure: failed }
    }

    /// The process is killed: every task stops where it is, the ledger keeps what is durable.
    async fn restarted(self) -> Self {
        let Self { home, desk, ledger, end, boot, _failure } = self;
        desk.close().await;
        drop((desk, ledger, end));
        // The ledger's task ends with its last handle, and its lock with it.
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if SqliteBook::open(&home.path().join("ledger.db"), Mode::Write).is_ok() {
                return Self::open(home, boot);
            }
        }
    }

    fn ready(&self, ready: bool) {
        self.end.state.send_replace(LinkState { ready, ..LinkState::default() });
    }

    async fn collect(&self, id: &str, bill: &str, fen: i64) -> Result<(bool, TaskView), DeskError> {
        self.desk.put(id, None, Asked::Collect { bill: bill.into(), fen, seconds: 100 }).await
    }

    /// The next command, which has to come.
    async fn command(&mut self) -> Command {
        tokio::time::timeout(Duration::from_secs(600), self.end.commands.recv()).await.unwrap().unwrap()
    }

    /// The driver makes the order that it is asked for.
    async fn make(&mut self, order_no: &str) {
        let Command::Make(Make::Collect { bill, amount }, answer) = self.command().await else {
            panic!("an order is to be made");
        };
        self.write(order_no, &bill, amount.fen(), SENT, None).await;
        answer.send(Ok(order_no.into())).unwrap();
    }

    /// The order ends with a signed result.
    async fn end(&self, order_no: &str, state: u8, outcome: Outcome, status: Status) {
        let before = self.desk.order(order_no).await.unwrap().unwrap();
        let fen: Amount = before.amount.parse().unwrap();
        self.write(order_no, &before.bill, fen.fen(), state, Some((outcome, status))).await;
        self.desk.tell_order(self.desk.order(order_no).await.unwrap().unwrap());
    }

    async fn write(
        &self,
        order_no: &str,
        bill: &str,
        fen: i64,
        state: u8,
        result: Option<(Outcome, Status)>,
    ) {
        let key = RowKey::new(Table::Order, order_no);
        let found = self.ledger.find(Query::Rows(vec![key.clone()])).await.unwrap();
        let bytes = row(order_no, bill, fen, state, result);
        let index = Index { open: result.is_none(), device: "D1".into(), bill: bill.into(), day: 20_260_131 };
        let batch = Batch {
            read: vec![(key.clone(), found.rows[0].version)],
            write: vec![Write { key, bytes, index }],
        };
        self.ledger.commit(batch).await.unwrap();
    }

    /// Waits until a collection is as wanted.
    async fn until(&self, id: &str, wanted: impl Fn(&TaskView) -> bool) -> TaskView {
        let mut seen = 0;
        loop {
            let wait = Duration::from_secs(600);
            let view = self.desk.task(TaskKind::Collection, id, Some((seen, wait))).await.unwrap();
            if wanted(&view) {
                return view;
            }
            assert!(view.change > seen, "nothing more happens: {view:?}");
            seen = view.change;
        }
    }
}

const SENT: u8 = 1;
const PAID: u8 = 4;
const NOT_PAID: u8 = 5;
const ATTENTION: u8 = 8;

/// The agreement that every core of these tests names.
fn agreement() -> Agreement {
    let key = |number| OrganisationKey::of(&hispos::crypto::Secret::new([number; 32]));
    let account = |id: &str| Some(Account { id: id.into(), sub_id: None });
    Agreement::encode(&Terms {
        agreement_no: 1,
        site_id: SiteId::try_from("S").unwrap(),
        site_code: SiteCode::try_from("SIM1").unwrap(),
        versions: vec![1],
        suites: vec![1],
        his_organisation: key(1),
        pos_organisation: key(2),
        amounts: AmountLimits { collect_max: 5_000_000, refund_max: 5_000_000, refund_day_max: 5_000_000 },
        timers: Timers::USUAL,
        business_day: BusinessDay::default(),
        wechat: account("1900000109"),
        alipay: account("2021000000000001"),
        simulated: true,
    })
    .unwrap()
}

/// A HisOrder row, written field by field: core 1, state 2, bill 3, terminal 6, result 12.
fn row(order_no: &str, bill: &str, fen: i64, state: u8, result: Option<(Outcome, Status)>) -> Vec<u8> {
    let order_no = OrderNo::try_from(order_no).unwrap();
    let device_id = DeviceId::try_from("D1").unwrap();
    let amount = Amount::from_fen(fen).unwrap();
    let core = OrderCore::encode(&NewOrder {
        order_no: order_no.clone(),
        device_id: device_id.clone(),
        amount,
        business_day: 20_260_131,
        agreement_no: 1,
        refund_of: None,
    })
    .unwrap();
    let mut bytes = Vec::new();
    field(&mut bytes, 1, core.bytes());
    bytes.extend([2 << 3, state]);
    field(&mut bytes, 3, bill.as_bytes());
    field(&mut bytes, 6, b"W1");
    if let Some((outcome, status)) = result {
        let paid = outcome == Outcome::Paid;
        let result = ResultCore::encode(&NewResult {
            order_hash: core.hash(&SiteId::try_from("S").unwrap()),
            order_no,
            device_id,
            outcome,
            status: status.code(),
            amount,
            channel: paid.then_some(Channel::Wechat),
            payment_no: paid.then(|| "4200001".into()),
            refund_id: None,
            captured_at: paid.then_some(UnixSeconds(1_800_000_000)),
            decided_at: None,
            provider_code: None,
            found: Vec::new(),
        })
        .unwrap();
        field(&mut bytes, 12, result.bytes());
    }
    bytes
}

fn field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(bytes);
}

fn ended(view: &TaskView) -> bool {
    view.end.is_some()
}

#[tokio::test(start_paused = true)]
async fn a_collection_waits_for_the_terminal_and_ends_with_its_order() {
    let mut rig = Rig::new();
    let (new, view) = rig.collect("c1", "B1", 1234).await.unwrap();
    assert!(new);
    assert_eq!((view.state, view.amount.as_str()), (TaskState::Waiting, "+12.34"));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(rig.end.commands.try_recv().is_err(), "nothing is made without a terminal");
    rig.ready(true);
    rig.make("BA").await;
    rig.until("c1", |view| view.state == TaskState::Open).await;
    rig.end("BA", PAID, Outcome::Paid, Status::Paid).await;
    let view = rig.until("c1", ended).await;
    assert_eq!(view.end, Some(TaskEnd::Paid));
    assert_eq!((view.order_no.as_deref(), view.payment_no.as_deref()), (Some("BA"), Some("4200001")));
    assert_eq!((view.channel.as_deref(), view.money.as_str()), (Some("wechat"), "taken"));
}

#[tokio::test(start_paused = true)]
async fn the_same_id_is_the_same_collection_and_other_content_is_refused() {
    let mut rig = Rig::new();
    rig.ready(true);
    let (first, second) = tokio::join!(rig.collect("c1", "B1", 100), rig.collect("c1", "B1", 100));
    let new = [first.unwrap().0, second.unwrap().0];
    assert_eq!(new.iter().filter(|new| **new).count(), 1, "one of them began it");
    rig.make("BA").await;
    assert!(!rig.collect("c1", "B1", 100).await.unwrap().0);
    assert!(matches!(rig.collect("c1", "B1", 101).await, Err(DeskError::OtherContent)));
    assert!(matches!(rig.collect("c2", "B1", 100).await, Err(DeskError::Held { by }) if by == "c1"));
    rig.end("BA", PAID, Outcome::Paid, Status::Paid).await;
    rig.until("c1", ended).await;
    let (new, view) = rig.collect("c1", "B1", 100).await.unwrap();
    assert_eq!((new, view.end), (false, Some(TaskEnd::Paid)));
    assert!(matches!(rig.collect("c1", "B1", 101).await, Err(DeskError::OtherContent)));
    assert!(rig.end.commands.try_recv().is_err(), "exactly one order was made");
}

//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST NOT make another order of a bill by itself after an end whose status has another retry class,
//# or one that it does not know.
#[tokio::test(start_paused = true)]
async fn another_order_follows_by_itself_only_after_again_now_and_not_within_five_seconds() {
    let mut rig = Rig::new();
    rig.ready(true);
    rig.collect("c1", "B1", 100).await.unwrap();
    rig.make("BA").await;
    let made = tokio::time::Instant::now();
    rig.end("BA", NOT_PAID, Outcome::NotPaid, Status::CodeRefused).await;
    rig.make("BB").await;
    assert!(made.elapsed() >= Duration::from_secs(5), "{:?}", made.elapsed());
    rig.end("BB", NOT_PAID, Outcome::NotPaid, Status::PlatformDown).await;
    let view = rig.until("c1", ended).await;
    assert_eq!((view.end, view.orders), (Some(TaskEnd::NotPaid), vec!["BA".into(), "BB".into()]));
    assert!(rig.end.commands.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stop_cancels_the_present_order_and_no_other_follows() {
    let mut rig = Rig::new();
    rig.ready(true);
    rig.collect("c1", "B1", 100).await.unwrap();
    rig.make("BA").await;
    rig.until("c1", |view| view.state == TaskState::Open).await;
    rig.desk.stop(TaskKind::Collection, "c1").unwrap();
    let Command::Cancel(order_no, answer) = rig.command().await else { panic!("it is to be cancelled") };
    assert_eq!(order_no.as_str(), "BA");
    answer.send(Ok(())).unwrap();
    // Even an end that says `again_now` is the last one now; and a payment that was faster counts.
    rig.end("BA", NOT_PAID, Outcome::NotPaid, Status::NoCode).await;
    assert_eq!(rig.until("c1", ended).await.end, Some(TaskEnd::NotPaid));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(rig.end.commands.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn when_the_time_runs_out_the_present_order_is_cancelled_and_without_one_nothing_moved() {
    let mut rig = Rig::new();
    rig.collect("c1", "B1", 100).await.unwrap();
    let view = rig.until("c1", ended).await;
    assert_eq!(view.end, Some(TaskEnd::NotMade));
    assert!(view.text_en.contains("nothing moved"), "{}", view.text_en);
    rig.ready(true);
    rig.collect("c2", "B1", 100).await.unwrap();
    rig.make("BA").await;
    assert!(matches!(rig.command().await, Command::Cancel(..)));
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_an_open_order_is_followed_and_never_made_again() {
    let mut rig = Rig::new();
    rig.ready(true);
    rig.collect("c1", "B1", 100).await.unwrap();
    rig.make("BA").await;
    rig.until("c1", |view| view.state == TaskState::Open).await;
    let mut rig = rig.restarted().await;
    assert_eq!(rig.desk.resume().await.unwrap(), 1);
    rig.ready(true);
    let view = rig.until("c1", |view| view.order_no.is_some()).await;
    assert_eq!(view.order_no.as_deref(), Some("BA"));
    assert!(matches!(rig.collect("c2", "B1", 100).await, Err(DeskError::Held { .. })));
    assert!(rig.end.commands.try_recv().is_err(), "it is not made again");
    rig.end("BA", PAID, Outcome::Paid, Status::Paid).await;
    assert_eq!(rig.until("c1", ended).await.end, Some(TaskEnd::Paid));
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_order_was_made_it_is_made_once_and_killed_after_it_is_found() {
    for made in [false, true] {
        let mut rig = Rig::new();
        rig.ready(true);
        rig.write("B0", "B1", 100, NOT_PAID, Some((Outcome::NotPaid, Status::NoCode))).await;
        rig.collect("c1", "B1", 100).await.unwrap();
        let Command::Make(..) = rig.command().await else { panic!("an order is to be made") };
        if made {
            // The link made it durable; the desk never heard.
            rig.write("BA", "B1", 100, SENT, None).await;
        }
        let mut rig = rig.restarted().await;
        rig.desk.resume().await.unwrap();
        rig.ready(true);
        if !made {
            rig.make("BA").await;
        }
        let view = rig.until("c1", |view| view.state == TaskState::Open).await;
        assert_eq!(view.orders, ["BA"], "made: {made}");
        assert!(rig.end.commands.try_recv().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn in_another_boot_a_collection_makes_no_more_orders() {
    let mut rig = Rig::new();
    rig.collect("c1", "B1", 100).await.unwrap();
    rig.boot = [8; 16];
    let mut rig = rig.restarted().await;
    rig.desk.resume().await.unwrap();
    rig.ready(true);
    assert_eq!(rig.until("c1", ended).await.end, Some(TaskEnd::NotMade));
    assert!(rig.end.commands.try_recv().is_err());
}

//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST show every open order of a device as unknown, and never as failed, while it has no session past
//# Sync with the device, has opened no record of it for 25 seconds, or has the order in Asking.
//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST tell the cashier while an order is unknown that the money may have been taken and is not to be
//# taken again, and for a refund that no cash is to be given.
#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_not_heard_makes_an_open_order_unknown() {
    let mut rig = Rig::new();
    rig.ready(true);
    rig.collect("c1", "B1", 100).await.unwrap();
    rig.make("BA").await;
    rig.until("c1", |view| view.state == TaskState::Open).await;
    rig.ready(false);
    let view = rig.until("c1", |view| view.state == TaskState::Unknown).await;
    assert_eq!(view.money, "unknown");
    assert!(view.text_en.contains("do not take the money again"), "{}", view.text_en);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_link_ends_it_and_a_lost_link_is_waited_for() {
    let mut rig = Rig::new();
    rig.ready(true);
    rig.collect("c1", "B1", 100).await.unwrap();
    for again in [true, false] {
        let Command::Make(_, answer) = rig.command().await else { panic!("an order is to be made") };
        answer.send(Err(NotMade { code: "x".into(), text: "because".into(), again })).unwrap();
    }
    let view = rig.until("c1", ended).await;
    assert_eq!(view.end, Some(TaskEnd::NotMade));
    assert!(view.text_en.contains("because"));
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST record a decision about an order only with two different people, what was decided, and the
//# time.
//= spec-crate/spec/security.md#a-real-key-in-wrong-hands
//= type=test
//# A HIS MUST NOT let one person give both names of a refund or of a decision.
#[tokio::test(start_paused = true)]
async fn attention_ends_a_collection_and_needs_two_different_people() {
    let mut rig = Rig::new();
    rig.ready(true);
    rig.collect("c1", "B1", 100).await.unwrap();
    rig.make("BA").await;
    rig.end("BA", ATTENTION, Outcome::Attention, Status::NumberUsed).await;
    let view = rig.until("c1", ended).await;
    assert_eq!((view.end, view.money.as_str()), (Some(TaskEnd::Attention), "unknown"));
    for by in [vec!["zhang".to_owned()], vec!["zhang".into(), "zhang".into()], vec![]] {
        let decided = rig.desk.decide("BA", Decision::Keep, &by).await;
        assert!(matches!(decided, Err(DeskError::Malformed(_) | DeskError::Refused { .. })), "{by:?}");
    }
    let by = ["zhang".to_owned(), "li".into()];
    let order = rig.desk.decide("BA", Decision::NotPaid, &by).await.unwrap();
    assert_eq!(order.state, crate::api::types::OrderState::NotPaid);
    assert!(view::amount_text(0).contains("fen"));
}
