//! A terminal at the other end of the line, and a platform that says what the test wants.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use hispos::ids::DeviceId;
use hispos::link::pos::{OrderEvent, Stage};
use hispos::link::{Input, Output, PosConfig, PosEvent, PosLink};
use hispos::message::agreement::Agreement;
use hispos::message::manifest::Manifest;
use hispos::message::signed_file::SignedFile;
use hispos::platform::{Ask, Capture, Channel, PaymentCode, Proof, Request, Verdict};
use hispos::time::{Clock, UnixSeconds};
use hispos_common::book::{Book, CommitError, SqliteBook};
use hispos_common::clock;
use hispos_common::entropy::OsEntropy;
use hispos_common::keys;
use hispos_common::line::{Line, LineConfig, LineEvent};
use serde_json::json;

use crate::site::Site;

/// What the platform does with a pay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Platform {
    /// It takes the money.
    Takes,
    /// It refuses the first code and takes the money of the second order.
    RefusesFirst,
    /// It never answers, so the order stays open.
    Silent,
}

enum Happened {
    Line(LineEvent),
    Stop,
}

/// A terminal in a thread of its own. A patient shows a code as soon as one is awaited.
struct Terminal {
    address: String,
    sender: Sender<Happened>,
    thread: Option<std::thread::JoinHandle<usize>>,
}

impl Terminal {
    fn start(site: &Site, listen: &str, platform: Platform) -> Self {
        let (sender, happened) = channel();
        let tell = sender.clone();
        let line = LineConfig::Listen(listen.parse().unwrap());
        let line = Line::start(&line, move |event| tell.send(Happened::Line(event)).is_ok()).unwrap();
        let address = line.path().to_owned();
        let journal =
            SqliteBook::open_or_create(&site.file("journal.db"), &mut OsEntropy, clock::unix()).unwrap();
        let link = PosLink::new(config(site), Box::new(OsEntropy), now()).unwrap();
        let mut machine = Machine { link, line, journal, stream: 0, platform, asked: Vec::new(), pays: 0 };
        let thread = std::thread::spawn(move || machine.run(&happened));
        Self { address, sender, thread: Some(thread) }
    }

    /// Ends it, and says how many pays were written.
    fn stop(mut self) -> usize {
        self.sender.send(Happened::Stop).unwrap();
        self.thread.take().unwrap().join().unwrap()
    }
}

fn config(site: &Site) -> PosConfig {
    let file = |name: &str| SignedFile::decode(&std::fs::read(site.file(name)).unwrap()).unwrap();
    let agreement = Agreement::open(&file("agreement-1.hispos")).unwrap();
    let terms = agreement.terms();
    PosConfig {
        device_id: DeviceId::try_from("D1").unwrap(),
        device_seed: keys::load(&site.file("device.key")).unwrap(),
        boot: clock::boot_id(),
        software: "test terminal".into(),
        terminals: Manifest::open(&file("terminals.hispos"), &terms.his_organisation, &terms.site_id)
            .unwrap(),
        merchants: Channel::ALL.iter().filter_map(|channel| agreement.merchant(*channel)).collect(),
        agreements: vec![agreement],
    }
}

fn now() -> Clock {
    Clock { now: clock::instant(), unix: clock::unix() }
}

struct Machine {
    link: PosLink,
    line: Line,
    journal: SqliteBook,
    stream: u64,
    platform: Platform,
    asked: Vec<Ask>,
    pays: usize,
}

impl Machine {
    fn run(&mut self, happened: &Receiver<Happened>) -> usize {
        loop {
            let until = self.carry_out();
            let wait =
                until.map_or(Duration::from_secs(1), |until| Duration::from_millis(until.since(now().now)));
            match happened.recv_timeout(wait.min(Duration::from_millis(200))) {
                Ok(Happened::Stop) | Err(RecvTimeoutError::Disconnected) => return self.pays,
                Err(RecvTimeoutError::Timeout) => self.link.handle_input(Input::Tick, now()),
                Ok(Happened::Line(LineEvent::Opened { stream })) => {
                    self.stream = stream;
                    self.link.handle_input(Input::Opened, now());
                }
                Ok(Happened::Line(LineEvent::Bytes { bytes, .. })) => {
                    self.link.handle_input(Input::Bytes(&bytes), now());
                }
                Ok(Happened::Line(LineEvent::Closed { .. })) => self.link.handle_input(Input::Closed, now()),
                Ok(Happened::Line(LineEvent::Failed { why })) => panic!("{why}"),
            }
        }
    }

    fn carry_out(&mut self) -> Option<hispos::time::Instant> {
        loop {
            match self.link.poll_output() {
                Output::Persist(id, batch) => match self.journal.commit(vec![batch], clock::unix()).pop() {
                    Some(Ok(anchor)) => self.link.handle_input(Input::Persisted(id, anchor), now()),
                    Some(Err(CommitError::Stale)) => self.link.handle_input(Input::Stale(id), now()),
                    failed => panic!("{failed:?}"),
                },
                Output::Load(id, query) => {
                    let found = self.journal.find(&query).unwrap();
                    self.link.handle_input(Input::Loaded(id, found), now());
                }
                Output::Transmit(bytes) => self.line.write(self.stream, bytes),
                Output::Ask(ask) => self.asked.push(ask),
                Output::Event(PosEvent::Order(OrderEvent::Progress(progress)))
                    if progress.stage == Stage::WaitCode =>
                {
                    let code = PaymentCode::new("134567890123456789".into());
                    // One waits already: the newest counts.
                    let _ = self.link.scan(Channel::Wechat, code, now());
                }
                Output::Event(_) => {}
                Output::Timeout(until) => {
                    if self.asked.is_empty() {
                        return until;
                    }
                    for ask in std::mem::take(&mut self.asked) {
                        self.answer(&ask);
                    }
                }
            }
        }
    }

    fn answer(&mut self, ask: &Ask) {
        let proof = match &ask.request {
            Request::Verify => Proof::Verified,
            Request::Pay { .. } => {
                self.pays += 1;
                match (self.platform, self.pays) {
                    (Platform::Silent, _) => return,
                    (Platform::RefusesFirst, 1) => Proof::Refused,
                    _ => Proof::Captured(Capture {
                        payment_no: format!("42000{}", self.pays),
                        amount: ask.total,
                        captured_at: Some(UnixSeconds(1_800_000_000)),
                    }),
                }
            }
            Request::Refund { .. } => Proof::Refunded { refund_id: "503001".into(), at: None },
            Request::Query if self.journal_says_paid(ask) => Proof::Captured(Capture {
                payment_no: "420001".into(),
                amount: ask.total,
                captured_at: Some(UnixSeconds(1_800_000_000)),
            }),
            _ => Proof::Absent,
        };
        let verdict = Verdict {
            id: ask.id,
            proof,
            provider_code: String::new(),
            date: clock::unix(),
            first_byte: Some(now().now),
            ended: now().now,
            answered: true,
        };
        self.link.handle_input(Input::Verdict(verdict), now());
    }

    /// The check of a refund's original: the order was paid here.
    fn journal_says_paid(&self, ask: &Ask) -> bool {
        let number = ask.number.as_ref().and_then(hispos::ids::PlatformNumber::order_no);
        let paid = |order_no: &hispos::ids::OrderNo| {
            let key = hispos::book::RowKey::new(hispos::book::Table::Order, order_no.as_str());
            let found = self.journal.find(&hispos::book::Query::Rows(vec![key])).unwrap();
            hispos::journal::PosOrderView::read(&found.rows[0]).is_some_and(|view| {
                view.payment_no.is_some() && ask.number.as_ref().is_some_and(|n| n.as_str().ends_with('W'))
            })
        };
        number.as_ref().is_some_and(paid)
    }
}

/// A free port, for a line that is named before its terminal is there.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

//= spec-crate/spec/orders.md#posting
//= type=test
//# A HIS MUST mark an order as posted only after the bill database has made it durable.
//= spec-crate/spec/orders.md#posting
//= type=test
//# A HIS MUST hand over again every unposted order at its start, before it makes new orders.
#[test]
fn a_bill_is_collected_posted_and_given_back_by_commands() {
    let address = free_port();
    let site = Site::set_up(&format!("dial:{address}"));
    let terminal = Terminal::start(&site, &address, Platform::Takes);
    assert_eq!(terminal.address, address);
    let server = site.serve();
    let paid = site.done(&["collect", "--bill", "B1", "+12.34", "--id", "c1"]);
    assert_eq!(paid.last["end"], "paid", "{paid:?}");
    assert_eq!((&paid.last["channel"], &paid.last["payment_no"]), (&json!("wechat"), &json!("420001")));
    let order = paid.last["order_no"].as_str().unwrap().to_owned();
    // The same request is the same payment; another one for the paid bill is refused.
    assert_eq!(
        site.done(&["collect", "--bill", "B1", "+12.34", "--id", "c1"]).last["order_no"],
        order.as_str()
    );
    let again = site.run(&["collect", "--bill", "B1", "+12.34"]);
    assert_eq!((again.code, &again.last["end"]), (3, &json!("not_made")), "{again:?}");
    assert_eq!(site.done(&["unposted"]).last["order_no"], order.as_str());
    // A start hands it over again.
    server.kill();
    let server = site.serve();
    let (_, told) = server.listen(None).next();
    assert_eq!((&told["event"], &told["order_no"]), (&json!("unposted"), &json!(order)));
    site.done(&["posted", &order]);
    site.done(&["posted", &order]);
    assert!(site.done(&["unposted"]).lines.is_empty());
    let refund =
        ["refund", &order, "-5.00", "--operator", "zhang", "--approver", "li", "--reason", "returned"];
    let refunded = site.done(&refund);
    assert_eq!((&refunded.last["end"], &refunded.last["money"]), (&json!("refunded"), &json!("returned")));
    let bill = site.done(&["bill", "B1"]);
    assert_eq!(bill.last["captures"][0]["refunded_fen"], 500);
    let day = bill.last["orders"][0]["business_day"].to_string();
    let shown = alike(&site, &day);
    let sums: Vec<_> =
        shown["totals"]["rows"].as_array().unwrap().iter().map(|row| row["fen"].clone()).collect();
    assert_eq!(sums, [1_234, -500]);
    let told = site.done(&["totals", &day, "--window", "W1"]);
    assert_eq!(told.last, shown["totals"]);
    let open = site.run(&["day", "close", &day, "--by", "zhang"]);
    assert_eq!(open.code, 3, "a day that is not over does not close: {open:?}");
    assert_eq!(terminal.stop(), 1);
}

/// The day, once the terminal has heard that its latest result is recorded and counts the same.
fn alike(site: &Site, day: &str) -> serde_json::Value {
    for _ in 0..50 {
        let shown = site.run(&["day", "show", day]);
        if shown.code == 0 && shown.last["devices"][0]["told"].is_object() {
            return shown.last;
        }
        assert!([0, 6].contains(&shown.code), "{shown:?}");
    }
    panic!("the terminal never counts the same: {:?}", site.run(&["day", "show", day]));
}

#[test]
fn a_refused_code_is_followed_by_another_order_of_the_same_bill() {
    let address = free_port();
    let site = Site::set_up(&format!("dial:{address}"));
    let terminal = Terminal::start(&site, &address, Platform::RefusesFirst);
    let _server = site.serve();
    let paid = site.done(&["collect", "--bill", "B1", "+1.00"]);
    assert_eq!(paid.last["orders"].as_array().unwrap().len(), 2, "{paid:?}");
    assert_eq!(terminal.stop(), 2);
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST, at each start of its program and before any link runs, set every order that has not ended to
//# Asking, with a lease end of now + FULL_LEASE, and never submit it again.
#[test]
fn a_server_killed_while_the_platform_thinks_asks_about_the_order_and_makes_no_other() {
    let address = free_port();
    let site = Site::set_up(&format!("dial:{address}"));
    let terminal = Terminal::start(&site, &address, Platform::Silent);
    let server = site.serve();
    let wanted = json!({"bill": "B1", "amount": "+1.00", "seconds": 300});
    let (_, mut view) = server.ask("PUT", "/collections/c1", &wanted);
    while view["progress"]["stage"] != "paying" {
        let path = format!("/collections/c1?seen={}&wait=20", view["change"]);
        view = server.ask("GET", &path, &json!({})).1;
    }
    let open = site.done(&["open"]).last["order_no"].clone();
    server.kill();
    let _server = site.serve();
    assert_eq!(site.done(&["open"]).last["order_no"], open);
    assert_eq!(site.done(&["open"]).last["state"], "asking");
    let held = site.run(&["collect", "--bill", "B1", "+1.00"]);
    assert_eq!(held.code, 3, "{held:?}");
    let unknown =
        site.run(&["collect", "--bill", "B1", "+1.00", "--id", "c1", "--seconds", "300", "--patience", "1"]);
    assert_eq!((unknown.code, &unknown.last["money"]), (4, &json!("unknown")), "{unknown:?}");
    assert_eq!(terminal.stop(), 1);
}

//= spec-crate/spec/orders.md#decisions-of-persons
//= type=test
//# A HIS MUST mark an unposted order as not to be posted only in the transaction that makes a refund of all
//# that its payment took, of which nothing was given back or is reserved, mark that refund as not to be
//# posted, too, and mark the order as unposted again in the transaction that removes the refund's reservation
//# without a booking.
#[test]
fn an_unposted_payment_goes_back_whole_and_is_posted_neither_way() {
    let address = free_port();
    let site = Site::set_up(&format!("dial:{address}"));
    let terminal = Terminal::start(&site, &address, Platform::Takes);
    let _server = site.serve();
    let paid = site.done(&["collect", "--bill", "B1", "+12.34"]).last["order_no"].clone();
    let order = paid.as_str().unwrap();
    let people = ["--operator", "zhang", "--approver", "li", "--reason", "wrong patient", "--not-to-post"];
    let refund = |amount: &str| site.run(&[&["refund", order, amount], people.as_slice()].concat());
    let part = refund("-5.00");
    assert_eq!((part.code, &part.last["end"]), (3, &json!("not_made")), "{part:?}");
    assert!(part.last["text_en"].as_str().unwrap().contains("whole payment of 1234 fen"), "{part:?}");
    assert_eq!(site.done(&["unposted"]).last["order_no"], paid);
    let whole = refund("-12.34");
    assert_eq!((whole.code, &whole.last["end"]), (0, &json!("refunded")), "{whole:?}");
    assert!(site.done(&["unposted"]).lines.is_empty());
    let bill = site.done(&["bill", "B1"]).last;
    let postings: Vec<_> =
        bill["orders"].as_array().unwrap().iter().map(|order| order["posting"].clone()).collect();
    assert_eq!(postings, ["not_to_post", "not_to_post"]);
    assert_eq!(site.run(&["posted", order]).code, 3);
    // A posted payment is given back as one that was posted.
    let second = site.done(&["collect", "--bill", "B1", "+12.34"]).last["order_no"].clone();
    site.done(&["posted", second.as_str().unwrap()]);
    let refused = site.run(&[&["refund", second.as_str().unwrap(), "-12.34"], people.as_slice()].concat());
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.last["text_en"].as_str().unwrap().contains("posted to its bill already"), "{refused:?}");
    assert_eq!(terminal.stop(), 2);
}

/// Every file of the ledger, copied from one directory to another in the place of what is there.
fn copy_ledger(from: &std::path::Path, to: &std::path::Path) {
    let of_ledger = |directory: &std::path::Path| -> Vec<std::ffi::OsString> {
        let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("ledger.db")).collect()
    };
    for name in of_ledger(to) {
        std::fs::remove_file(to.join(name)).unwrap();
    }
    let names = of_ledger(from);
    assert!(!names.is_empty());
    for name in names {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

#[test]
fn a_server_whose_ledger_went_back_stops_with_an_alarm_until_people_declare_it() {
    let address = free_port();
    let site = Site::set_up(&format!("dial:{address}"));
    let terminal = Terminal::start(&site, &address, Platform::Takes);
    let server = site.serve();
    site.done(&["collect", "--bill", "B1", "+1.00"]);
    server.kill();
    let older = tempfile::tempdir().unwrap();
    copy_ledger(&site.home(), older.path());
    let server = site.serve();
    site.done(&["collect", "--bill", "B2", "+2.00"]);
    server.kill();
    copy_ledger(older.path(), &site.home());
    // The chain of the older copy is whole: only the terminal knows better, and tells it in the first Sync.
    site.done(&["ledger", "verify"]);
    let (code, said) = site.serve().ended();
    assert_eq!((code, &said["exit"]), (6, &json!("alarm")), "{said}");
    assert!(said["text"].as_str().unwrap().contains("ledger restored"), "{said}");
    // It does not help to start it again.
    assert_eq!(site.serve().ended().0, 6);
    site.done(&["ledger", "restored"]);
    let _server = site.serve();
    let wait = site.run(&["collect", "--bill", "B2", "+2.00"]);
    assert_eq!((wait.code, &wait.last["end"]), (3, &json!("not_made")), "{wait:?}");
    assert!(wait.last["text_en"].as_str().unwrap().contains("went back"), "{wait:?}");
    assert_eq!(terminal.stop(), 2);
}
