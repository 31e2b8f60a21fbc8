//! Asking a platform: one thread and one connection for each ask, and one verdict back.
//!
//! All rules are in [`Call`]; here is the socket. Nothing is retried. An abort is a reset, so that no rest of a request
//! reaches the platform later.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use hispos::crypto::Entropy;
use hispos::platform::{Ask, AskId, Merchant, Proof, Verdict};
use hispos::time::Instant;
use hispos_common::clock;
use hispos_common::entropy::OsEntropy;
use hispos_common::log::Log;

use crate::payment::{Call, Endpoint, Happened, Step, Transport};

/// The transports of the merchants whose credentials this terminal has.
#[derive(Clone, Default)]
pub struct Asker {
    transports: Vec<Arc<dyn Transport>>,
}

impl Asker {
    /// One transport for each merchant.
    #[must_use]
    pub fn new(transports: Vec<Arc<dyn Transport>>) -> Self {
        Self { transports }
    }

    /// The merchants that can be asked for.
    #[must_use]
    pub fn merchants(&self) -> Vec<Merchant> {
        self.transports.iter().map(|transport| transport.merchant().clone()).collect()
    }

    /// Asks in a thread of its own; `tell` gets exactly one verdict. What became of it is logged without any code.
    pub fn ask(&self, ask: Ask, log: &Log, tell: impl FnOnce(Verdict) + Send + 'static) {
        //= spec-crate/spec/payment.md#questions
        //# An adapter MUST give exactly one verdict for each question, also when its own thread fails.
        let mut owed = Owed { id: ask.id, started: None, tell: Some(Box::new(tell)) };
        let found = self.transports.iter().find(|transport| *transport.merchant() == ask.merchant);
        let Some(transport) = found.cloned() else {
            return log.warn("a merchant is asked for whose credentials are not here");
        };
        let ours = log.clone();
        let started = std::thread::Builder::new().name("platform".into()).spawn(move || {
            owed.started = Some(clock::instant());
            let (verdict, note) = ask_now(ask, transport);
            if let Some(note) = note {
                ours.warn(format!("platform: {note}"));
            }
            owed.pay(verdict);
        });
        if let Err(error) = started {
            log.error(format!("no thread for a platform: {error}"));
        }
    }
}

/// A verdict that is owed: whatever happens to the thread, the link gets one.
struct Owed {
    id: AskId,
    /// From then on a byte may have been written.
    started: Option<Instant>,
    tell: Option<Box<dyn FnOnce(Verdict) + Send>>,
}

impl Owed {
    fn pay(mut self, verdict: Verdict) {
        if let Some(tell) = self.tell.take() {
            tell(verdict);
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(Verdict {
                id: self.id,
                proof: Proof::Open,
                provider_code: String::new(),
                date: None,
                first_byte: self.started,
                ended: clock::instant(),
                answered: false,
            });
        }
    }
}

/// Asks and waits for the verdict.
fn ask_now(ask: Ask, transport: Arc<dyn Transport>) -> (Verdict, Option<String>) {
    let mut nonce = [0; 16];
    OsEntropy.fill(&mut nonce);
    let mut call = Call::new(ask, transport, &nonce);
    let mut stream: Option<TcpStream> = None;
    let mut happened = Happened::Begin;
    loop {
        happened = match call.step(happened, clock::instant()) {
            //= spec-crate/spec/payment.md#questions
            //# An adapter MUST carry each question on a new connection that carries this one request and
            //# nothing else.
            Step::Connect(endpoint, until) => match connect(&endpoint, until) {
                Some(connected) => {
                    stream = Some(connected);
                    Happened::Connected
                }
                None => Happened::Failed,
            },
            Step::Write(until) => match stream.as_mut().map(|stream| write(stream, call.bytes(), until)) {
                // The next step is to read: nothing has come yet.
                Some(true) => Happened::Connected,
                _ => Happened::Failed,
            },
            Step::Read(until) => stream.as_mut().map_or(Happened::Failed, |stream| read(stream, until)),
            Step::Done { verdict, abort, note } => {
                //= spec-crate/spec/payment.md#questions
                //# An adapter MUST end a connection without a whole answer by a reset that sends no more
                //# bytes.
                if let Some(stream) = stream.filter(|_| abort) {
                    reset(&stream);
                }
                return (verdict, note);
            }
        };
    }
}

fn connect(endpoint: &Endpoint, until: Instant) -> Option<TcpStream> {
    if endpoint.tls {
        return None;
    }
    for address in (endpoint.host.as_str(), endpoint.port).to_socket_addrs().ok()? {
        if let Ok(stream) = TcpStream::connect_timeout(&address, left(until)?) {
            stream.set_nodelay(true).ok()?;
            return Some(stream);
        }
    }
    None
}

fn write(stream: &mut TcpStream, bytes: &[u8], until: Instant) -> bool {
    let Some(left) = left(until) else { return false };
    stream.set_write_timeout(Some(left)).is_ok() && stream.write_all(bytes).is_ok()
}

fn read(stream: &mut TcpStream, until: Instant) -> Happened {
    let mut buffer = [0; 4096];
    let Some(left) = left(until) else { return Happened::TimeOut };
    if stream.set_read_timeout(Some(left)).is_err() {
        return Happened::Failed;
    }
    match stream.read(&mut buffer) {
        Ok(0) => Happened::Closed,
        Ok(count) => Happened::Bytes(buffer.get(..count).unwrap_or_default().to_vec()),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Happened::TimeOut,
            ErrorKind::Interrupted => Happened::Bytes(Vec::new()),
            _ => Happened::Failed,
        },
    }
}

/// Time left until an instant of the boot clock, or `None` if it has come.
fn left(until: Instant) -> Option<Duration> {
    let left = until.since(clock::instant());
    (left > 0).then(|| Duration::from_millis(left))
}

/// Closing after this sends a reset.
fn reset(stream: &TcpStream) {
    drop(socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)));
}
