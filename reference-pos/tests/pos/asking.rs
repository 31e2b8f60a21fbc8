//! The terminal asks a platform: one connection, one request, one verdict.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use hispos::ids::PlatformNumber;
use hispos::platform::{Ask, AskId, Channel, Merchant, PaymentCode, Proof, Request, Verdict};
use hispos::time::{Instant, UnixSeconds};
use hispos_common::clock;
use hispos_common::log::{Level, Log, LogConfig};
use hispos_pos::asker::Asker;
use hispos_pos::payment::simulated::Simulated;
use hispos_pos::payment::{Credentials, Transport};

use crate::bank::Bank;

const PATIENCE: Duration = Duration::from_secs(30);
const NUMBER: &str = "SIM1B0001W";

fn asker(credentials: &str) -> Asker {
    let read = Credentials::read(credentials, None).unwrap();
    let transport = |credential| Arc::new(Simulated::new(credential)) as Arc<dyn Transport>;
    Asker::new(read.merchants.into_iter().map(transport).collect())
}

fn ask(channel: Channel, request: Request) -> Ask {
    let account = if channel == Channel::Wechat { "1900000001" } else { "2021000001" };
    let number = |text: &str| PlatformNumber::try_from(text).unwrap();
    let total = if request == Request::Verify { 0 } else { 5000 };
    Ask {
        id: AskId(1),
        merchant: Merchant { channel, account: account.into(), sub_account: String::new(), simulated: true },
        number: (request != Request::Verify).then(|| number(NUMBER)),
        total,
        request,
        not_after: None,
        http_ms: 12_000,
        connect_ms: 3000,
    }
}

fn code(channel: Channel, story: u8) -> Request {
    let lead = if channel == Channel::Wechat { 13 } else { 28 };
    let code = PaymentCode::new(format!("{lead}00000000000001{story:02}"));
    let expires_at = UnixSeconds(clock::unix().unwrap().0 + 90);
    Request::Pay { code, expires_at }
}

fn log() -> Log {
    let quiet = LogConfig { path: None, bytes_max: 0, keep: 0, level: Level::Info, stderr: false };
    Log::open(quiet).unwrap()
}

fn verdict(asker: &Asker, ask: Ask) -> Verdict {
    let (sender, verdicts) = channel();
    asker.ask(ask, &log(), move |verdict| sender.send(verdict).unwrap());
    verdicts.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn both_merchants_are_verified_asked_paid_and_refunded() {
    let bank = Bank::open();
    let asker = asker(&bank.credentials(None));
    let proof = |channel, request| verdict(&asker, ask(channel, request)).proof;
    let refund = PlatformNumber::try_from("SIM1B0001R").unwrap();
    for channel in Channel::ALL {
        assert_eq!(proof(channel, Request::Verify), Proof::Verified);
        assert_eq!(proof(channel, Request::Query), Proof::Absent);
        let paid = verdict(&asker, ask(channel, code(channel, 0)));
        let Proof::Captured(capture) = &paid.proof else { panic!("{paid:?}") };
        assert_eq!((capture.amount, paid.answered), (5000, true));
        assert!(paid.date.is_some() && paid.first_byte.unwrap() <= paid.ended);
        assert_eq!(proof(channel, Request::Query), Proof::Captured(capture.clone()));
        assert_eq!(
            proof(channel, Request::QueryRefund { refund: refund.clone(), amount: 1200 }),
            Proof::Absent
        );
        let refunded = proof(channel, Request::Refund { refund: refund.clone(), amount: 1200 });
        assert!(matches!(refunded, Proof::Refunded { .. }), "{refunded:?}");
        let told = proof(channel, Request::QueryRefund { refund: refund.clone(), amount: 1200 });
        assert!(matches!(told, Proof::Refunded { .. }), "{told:?}");
    }
    let book = bank.book();
    assert!(book.orders.iter().all(|order| (order.captured, order.refunded) == (5000, 1200)));
}

#[test]
fn each_story_of_the_platform_proves_what_it_should() {
    for (channel, story, expected) in [
        (Channel::Wechat, 2, Proof::Open),
        (Channel::Wechat, 3, Proof::PayerRefused),
        (Channel::Wechat, 4, Proof::Refused),
        (Channel::Wechat, 5, Proof::Open),
        (Channel::Wechat, 9, Proof::PayerRefused),
        (Channel::Wechat, 10, Proof::Open),
        (Channel::Wechat, 11, Proof::Open),
        (Channel::Wechat, 12, Proof::Open),
        (Channel::Alipay, 1, Proof::Open),
        (Channel::Alipay, 3, Proof::PayerRefused),
        (Channel::Alipay, 4, Proof::Refused),
        (Channel::Alipay, 7, Proof::Open),
    ] {
        let bank = Bank::open();
        let asker = asker(&bank.credentials(None));
        let told = verdict(&asker, ask(channel, code(channel, story)));
        assert_eq!(told.proof, expected, "{channel:?}, story {story}");
        // Lost, unavailable, forged, and about another total: no answer at all.
        assert_eq!(told.answered, !matches!(story, 7 | 10 | 11 | 12), "{channel:?}, story {story}");
        if story == 12 {
            let told = verdict(&asker, ask(channel, Request::Query));
            assert!(matches!(told.proof, Proof::Mismatch(capture) if capture.amount == 5001));
        }
    }
}

#[test]
fn a_wrong_secret_verifies_no_merchant() {
    let bank = Bank::open();
    let asker = asker(&bank.credentials(Some(&"33".repeat(32))));
    let told = verdict(&asker, ask(Channel::Wechat, Request::Verify));
    assert_eq!((told.proof, told.answered), (Proof::Open, false));
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST give exactly one verdict for each question, also when its own thread fails.
//= spec-crate/spec/payment.md#verifying-merchants
//= type=test
//# A POS MUST NOT ask or pay at a simulated merchant under a production agreement, nor at a production one
//# under a simulated agreement.
#[test]
fn a_merchant_without_credentials_gets_no_verdict_and_no_request() {
    let bank = Bank::open();
    let asker = asker(&bank.credentials(None));
    let mut other = ask(Channel::Wechat, code(Channel::Wechat, 0));
    other.merchant.account = "1900000002".into();
    let mut production = ask(Channel::Wechat, code(Channel::Wechat, 0));
    production.merchant.simulated = false;
    for asked in [other, production] {
        let told = verdict(&asker, asked);
        assert_eq!((told.proof, told.answered, told.first_byte), (Proof::Open, false, None));
    }
    assert!(bank.book().calls.is_empty());
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST read the boot clock when the connection, with TLS, stands, and write no byte if that
//# instant is at or after the question's last instant.
//= spec-crate/spec/orders.md#leases
//= type=test
//# A POS MUST read its boot clock after the connection to the platform stands and just before the first byte
//# of every pay, reverse and refund, and write no byte of it at or after the instant that PAY-72, PAY-78 or
//# PAY-83 names.
#[test]
fn a_pay_whose_time_has_passed_reaches_nobody() {
    let bank = Bank::open();
    let asker = asker(&bank.credentials(None));
    let late = Ask { not_after: Some(Instant(1)), ..ask(Channel::Wechat, code(Channel::Wechat, 0)) };
    let told = verdict(&asker, late);
    assert_eq!((told.proof, told.first_byte), (Proof::Open, None));
    assert!(bank.book().calls.is_empty());
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST carry each question on a new connection that carries this one request and nothing else.
//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST write each request at most once, and switch off every repetition of the libraries
//# below it.
//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST end the connection when T_HTTP has passed since the first byte and no whole answer is
//# there.
//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST end a connection without a whole answer by a reset that sends no more bytes.
#[test]
fn a_platform_that_says_nothing_sees_a_reset_when_the_time_is_over() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let bank = Bank::open();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let credentials = bank.credentials(None).replace(&bank.url, &address);
    let (sender, verdicts) = channel();
    let asked = Ask { http_ms: 300, ..ask(Channel::Wechat, code(Channel::Wechat, 0)) };
    asker(&credentials).ask(asked, &log(), move |verdict| sender.send(verdict).unwrap());
    let (mut stream, _) = silent.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut seen = Vec::new();
    let end = stream.read_to_end(&mut seen).unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(seen.starts_with(b"POST /v1/pay "));
    assert_eq!(seen.windows(5).filter(|five| five == b"POST ").count(), 1, "one request");
    let told = verdicts.recv_timeout(PATIENCE).unwrap();
    assert_eq!((told.answered, told.proof), (false, Proof::Open));
    assert!(told.ended.since(told.first_byte.unwrap()) >= 300);
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_err(), "nothing is retried");
}

//= spec-crate/spec/payment.md#verdicts
//= type=test
//# An adapter MUST leave out the instant of the first byte only if it is certain that no byte of the request
//# was handed to the network.
#[test]
fn a_platform_that_is_not_there_has_got_no_byte() {
    let bank = Bank::open();
    let credentials = bank.credentials(None).replace(&bank.url, "http://127.0.0.1:1");
    let told = verdict(&asker(&credentials), ask(Channel::Wechat, code(Channel::Wechat, 0)));
    assert_eq!((told.first_byte, told.answered), (None, false));
}

/// A transport with a fault of its own.
struct Faulty(Merchant);

impl Transport for Faulty {
    fn merchant(&self) -> &Merchant {
        &self.0
    }

    fn profile(&self) -> hispos_pos::payment::tables::Profile {
        hispos_pos::payment::tables::Profile::WechatV2
    }

    fn request(&self, _: &Ask, _: &[u8; 16]) -> hispos_pos::payment::Outgoing {
        panic!("a fault of this transport")
    }

    fn read(
        &self,
        _: &hispos_pos::payment::Outgoing,
        _: &hispos_pos::payment::http::Answer,
    ) -> Result<hispos_pos::payment::Reply, hispos_pos::payment::Untrusted> {
        unreachable!()
    }
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST give exactly one verdict for each question, also when its own thread fails.
#[test]
fn a_thread_that_dies_owes_a_verdict_that_does_not_claim_that_nothing_was_written() {
    let asked = ask(Channel::Wechat, code(Channel::Wechat, 0));
    let told = verdict(&Asker::new(vec![Arc::new(Faulty(asked.merchant.clone()))]), asked);
    assert_eq!((told.proof, told.answered), (Proof::Open, false));
    assert!(told.first_byte.is_some());
}
