//! The platform's door: authenticates requests, has the book answer them, signs what it answers.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::{self, Request};
use crate::model::{
    self, Answer, Delivery, Merchant, Millis, NumberRequest, Outcome, PayRequest, RefundQueryRequest,
    RefundRequest, Rules, Word,
};
use crate::sign;
use crate::store::{Account, Call, Names, Store, StoreError};

/// Signs the request, and in an answer the answer.
pub const SIGNATURE: &str = "Hispos-Sim-Signature";
/// Signs a reverse or a refund besides, with the second secret.
pub const REVERSAL_SIGNATURE: &str = "Hispos-Sim-Reversal-Signature";

/// Connections that are served at one time; one more is closed at once.
pub const CONNECTIONS_MAX: usize = 256;

/// How long a lost request leaves its caller without a word, in scenario milliseconds.
const SILENCE_MS: i64 = 20_000;

/// One running platform.
#[derive(Debug)]
pub struct Server {
    store: Mutex<Store>,
    rules: Rules,
    latest: AtomicI64,
    connections: AtomicUsize,
}

/// What a connection gets.
enum Reply {
    /// An answer with a signature.
    Signed { signature: String, body: Vec<u8> },
    /// An answer without: the caller is unknown, or its request is no request.
    Unsigned { status: u16, body: Vec<u8> },
    /// The connection closes.
    Nothing,
    /// The connection stays silent for a while, then closes.
    Silence,
}

impl Server {
    /// A platform over a book.
    pub fn new(store: Store, rules: Rules) -> Server {
        let (latest, connections) = (AtomicI64::new(0), AtomicUsize::new(0));
        Server { store: Mutex::new(store), rules, latest, connections }
    }

    /// Serves until the process ends, each connection in a thread of its own.
    pub fn run(self: &Arc<Server>, listener: &TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept() else {
                // Out of file descriptors, most likely: those in use come back.
                thread::sleep(Duration::from_millis(20));
                continue;
            };
            if self.connections.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS_MAX {
                self.connections.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let place = Place(Arc::clone(self));
            // Without a thread the closure is dropped, and with it the place and the connection.
            let _ = thread::Builder::new().spawn(move || place.0.serve(stream));
        }
    }

    fn serve(&self, mut stream: TcpStream) {
        let reply = match http::read_request(&mut stream) {
            Ok(request) => self.reply(&request),
            Err(bad) => match bad.status() {
                Some(status) => unsigned(status, json!({"simulated": true, "code": format!("{bad:?}")})),
                None => Reply::Nothing,
            },
        };
        let now = self.now();
        match reply {
            Reply::Signed { signature, body } => {
                http::write_answer(&mut stream, 200, now, &[(SIGNATURE, &signature)], &body);
            }
            Reply::Unsigned { status, body } => {
                say(&json!({"simulated": true, "event": "unsigned", "at_ms": now, "status": status}));
                http::write_answer(&mut stream, status, now, &[], &body);
            }
            Reply::Nothing => {}
            Reply::Silence => {
                let time = u64::try_from(self.rules.scaled(SILENCE_MS)).unwrap_or_default();
                http::wait_for_close(&mut stream, Duration::from_millis(time));
            }
        }
    }

    fn reply(&self, request: &Request) -> Reply {
        let Some(endpoint) = request.path.strip_prefix("/v1/") else {
            return unsigned(404, json!({"simulated": true, "code": "NotFound"}));
        };
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return unsigned(400, json!({"simulated": true, "code": "NotJson"}));
        };
        let Ok(merchant) = serde_json::from_value::<Merchant>(body.clone()) else {
            return unsigned(400, json!({"simulated": true, "code": "NoMerchant"}));
        };
        let account = match self.store().account(&merchant) {
            Ok(account) => account,
            Err(error) => return broken(&error),
        };
        let Some(account) = account else {
            return unsigned(401, json!(Answer::to(&merchant, Word::MerchantUnknown)));
        };
        let signature = request.header(&SIGNATURE.to_ascii_lowercase()).unwrap_or_default();
        if !sign::verify(&account.secret, &sign::request_parts(&request.path, &request.body), signature) {
            return unsigned(401, json!(Answer::to(&merchant, Word::SignatureWrong)));
        }
        match self.answer(endpoint, &account, request, body) {
            Ok(Some(outcome)) => deliver(&account, signature, &outcome),
            Ok(None) => unsigned(404, json!({"simulated": true, "code": "NotFound"})),
            Err(error) => broken(&error),
        }
    }

    /// What the book says to a request of a known merchant; none for an endpoint that does not exist.
    fn answer(
        &self,
        endpoint: &str,
        account: &Account,
        request: &Request,
        body: Value,
    ) -> Result<Option<Outcome>, StoreError> {
        let may_reverse = || {
            let signature = request.header(&REVERSAL_SIGNATURE.to_ascii_lowercase()).unwrap_or_default();
            let parts = sign::request_parts(&request.path, &request.body);
            sign::verify(&account.reversal, &parts, signature)
        };
        let merchant = &account.merchant;
        let outcome = match endpoint {
            "verify" => {
                let needs_reversal = body.get("reversal") == Some(&Value::Bool(true));
                let word = if needs_reversal && !may_reverse() { Word::NoRight } else { Word::Done };
                Outcome::told(Answer::to(merchant, word))
            }
            "reverse" | "refund" if !may_reverse() => Outcome::told(Answer::to(merchant, Word::NoRight)),
            "pay" => with(merchant, body, |asked| self.pay(merchant, asked))?,
            "query" => with(merchant, body, |asked| self.query(merchant, asked))?,
            "reverse" => with(merchant, body, |asked| self.reverse(merchant, asked))?,
            "refund" => with(merchant, body, |asked| self.refund(merchant, asked))?,
            "refund-query" => with(merchant, body, |asked| self.query_refund(merchant, asked))?,
            _ => return Ok(None),
        };
        log(endpoint, &outcome, self.now());
        Ok(Some(outcome))
    }

    fn pay(&self, merchant: &Merchant, asked: &PayRequest) -> Result<Outcome, StoreError> {
        let hash = self.rules.code_hash(merchant, &asked.code);
        let names = Names { merchant, number: &asked.number, code_hash: Some(&hash), refund_number: None };
        self.store().change(
            Call::Pay,
            names,
            || self.now(),
            |view, now| model::pay(&self.rules, view, merchant, asked, now),
        )
    }

    fn query(&self, merchant: &Merchant, asked: &NumberRequest) -> Result<Outcome, StoreError> {
        let names = Names { merchant, number: &asked.number, code_hash: None, refund_number: None };
        self.store().look(names, |view| model::query(view, merchant, asked, self.now()))
    }

    fn reverse(&self, merchant: &Merchant, asked: &NumberRequest) -> Result<Outcome, StoreError> {
        let names = Names { merchant, number: &asked.number, code_hash: None, refund_number: None };
        self.store().change(
            Call::Reverse,
            names,
            || self.now(),
            |view, now| model::reverse(&self.rules, view, merchant, asked, now),
        )
    }

    fn refund(&self, merchant: &Merchant, asked: &RefundRequest) -> Result<Outcome, StoreError> {
        let refund_number = Some(asked.refund_number.as_str());
        let names = Names { merchant, number: &asked.number, code_hash: None, refund_number };
        self.store().change(
            Call::Refund,
            names,
            || self.now(),
            |view, now| model::refund(&self.rules, view, merchant, asked, now),
        )
    }

    fn query_refund(&self, merchant: &Merchant, asked: &RefundQueryRequest) -> Result<Outcome, StoreError> {
        let names = Names { merchant, number: &asked.number, code_hash: None, refund_number: None };
        self.store().look(names, |view| model::query_refund(view, merchant, asked, self.now()))
    }

    /// The book. A thread that died while it had the book left it as it was: its transaction was rolled back.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The platform's time: the system's, but never going back while the process lives.
    fn now(&self) -> Millis {
        let now = now();
        self.latest.fetch_max(now, Ordering::AcqRel).max(now)
    }
}

/// The system's time.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// One of the [`CONNECTIONS_MAX`] places, given back when dropped.
struct Place(Arc<Server>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Reads the members of a request and acts on them; members that are missing or wrong are the answer else.
fn with<T: DeserializeOwned>(
    merchant: &Merchant,
    body: Value,
    act: impl FnOnce(&T) -> Result<Outcome, StoreError>,
) -> Result<Outcome, StoreError> {
    match serde_json::from_value::<T>(body) {
        Ok(asked) => act(&asked),
        Err(error) => {
            let missing = error.to_string().starts_with("missing field");
            let word = if missing { Word::MissingParameter } else { Word::BadParameter };
            Ok(Outcome::told(Answer::to(merchant, word)))
        }
    }
}

fn deliver(account: &Account, request_signature: &str, outcome: &Outcome) -> Reply {
    let Ok(body) = serde_json::to_vec(&outcome.answer) else {
        return unsigned(500, json!({"simulated": true, "code": "Broken"}));
    };
    let mut signature = sign::sign_answer(&account.secret, 200, request_signature, &body);
    match outcome.delivery {
        Delivery::Told => Reply::Signed { signature, body },
        Delivery::Forged => {
            // As signed by somebody who has another secret.
            signature = sign::sign_answer(&account.reversal, 200, request_signature, &body);
            Reply::Signed { signature, body }
        }
        Delivery::Lost => Reply::Nothing,
        Delivery::Silent => Reply::Silence,
        Delivery::Unavailable => unsigned(503, json!({"simulated": true, "code": "Unavailable"})),
    }
}

fn unsigned(status: u16, body: Value) -> Reply {
    Reply::Unsigned { status, body: body.to_string().into_bytes() }
}

fn broken(error: &StoreError) -> Reply {
    say(&json!({"simulated": true, "event": "broken", "error": error.to_string()}));
    unsigned(500, json!({"simulated": true, "code": "Broken"}))
}

/// One line to the standard error for each answer. Neither codes nor secrets are in it.
fn log(endpoint: &str, outcome: &Outcome, now: Millis) {
    let Outcome { answer, delivery } = outcome;
    say(&json!({
        "simulated": true,
        "event": endpoint,
        "at_ms": now,
        "channel": answer.merchant.channel,
        "account": answer.merchant.account,
        "number": answer.number,
        "code": answer.code,
        "sub_code": answer.sub_code,
        "trade_state": answer.trade.as_ref().map(|trade| trade.trade_state),
        "delivery": format!("{delivery:?}"),
    }));
}

/// Writes a line to the standard error; the platform goes on if nobody reads it.
fn say(line: &Value) {
    let _ = writeln!(io::stderr(), "{line}");
}
