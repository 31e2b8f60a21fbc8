//! One connection that carries one request: the life of an [`Ask`] from its question to its verdict.
//!
//! Poll style: tell [`Call::step`] what happened, do what it says. It never retries. The clock is looked at again
//! once the connection stands, just before the first byte: a request that is then too late is not written. From the
//! first byte on `http_ms` count until the connection is aborted.
//!
//! Specified in spec: payment state machine.

use std::sync::Arc;

use hispos::platform::{Ask, Proof, Verdict};
use hispos::time::{Instant, UnixSeconds};

use super::http::{self, Parsed};
use super::transport::{Endpoint, Outgoing, Transport};
use super::verdict::{provider_code, verdict};

/// What happened to the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Happened {
    /// Nothing yet: begin.
    Begin,
    /// The connection stands, with TLS if the endpoint has it.
    Connected,
    /// It cannot be made, or broke.
    Failed,
    /// Bytes of the answer came.
    Bytes(Vec<u8>),
    /// The platform has said all it will say.
    Closed,
    /// The time of the last step is over.
    TimeOut,
}

/// What is to be done.
#[derive(Debug)]
pub enum Step {
    /// Connect, and give up at this instant.
    Connect(Endpoint, Instant),
    /// Write all of the request at once, then read until this instant.
    Write(Instant),
    /// Read on until this instant.
    Read(Instant),
    /// Close the connection, if there is one, with a reset if `abort`; this is the verdict.
    Done {
        /// The verdict.
        verdict: Verdict,
        /// The request may still be on its way: reset, so that no more of it is sent.
        abort: bool,
        /// For the log: why the answer was not trusted, or there was none.
        note: Option<String>,
    },
}

/// An ask on its way.
pub struct Call {
    ask: Ask,
    transport: Arc<dyn Transport>,
    outgoing: Outgoing,
    first_byte: Option<Instant>,
    received: Vec<u8>,
}

impl Call {
    /// Prepares an ask. `nonce` is fresh and random.
    #[must_use]
    pub fn new(ask: Ask, transport: Arc<dyn Transport>, nonce: &[u8; 16]) -> Self {
        let outgoing = transport.request(&ask, nonce);
        Self { ask, transport, outgoing, first_byte: None, received: Vec::new() }
    }

    /// The request's bytes, for [`Step::Write`].
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.outgoing.bytes
    }

    /// Takes what happened, says what to do next.
    pub fn step(&mut self, happened: Happened, now: Instant) -> Step {
        match happened {
            //= spec-crate/spec/payment.md#questions
            //# An adapter MUST give a connection up that does not stand T_CONN after the question began.
            Happened::Begin => Step::Connect(self.outgoing.endpoint.clone(), now.after(self.ask.connect_ms)),
            //= spec-crate/spec/payment.md#questions
            //# An adapter MUST write each request at most once, and switch off every repetition of the
            //# libraries below it.
            Happened::Connected if self.first_byte.is_none() => self.write(now),
            Happened::Connected => Step::Read(self.deadline(now)),
            Happened::Bytes(bytes) => {
                self.received.extend_from_slice(&bytes);
                self.read(now, false)
            }
            Happened::Closed => self.read(now, true),
            Happened::Failed if self.first_byte.is_none() => self.unanswered(now, "not connected"),
            Happened::Failed => self.unanswered(now, "the connection broke"),
            Happened::TimeOut => self.unanswered(now, "no answer in time"),
        }
    }

    fn write(&mut self, now: Instant) -> Step {
        //= spec-crate/spec/payment.md#questions
        //# An adapter MUST read the boot clock when the connection, with TLS, stands, and write no byte if
        //# that instant is at or after the question's last instant.
        //= spec-crate/spec/orders.md#leases
        //# A POS MUST read its boot clock after the connection to the platform stands and just before the
        //# first byte of every pay, reverse and refund, and write no byte of it at or after the instant that
        //# PAY-72, PAY-78 or PAY-83 names.
        if self.ask.not_after.is_some_and(|last| now >= last) {
            return self.unanswered(now, "too late: nothing was written");
        }
        //= spec-crate/spec/payment.md#verdicts
        //# An adapter MUST leave out the instant of the first byte only if it is certain that no byte of the
        //# request was handed to the network.
        self.first_byte = Some(now);
        Step::Write(self.deadline(now))
    }

    fn deadline(&self, now: Instant) -> Instant {
        //= spec-crate/spec/payment.md#questions
        //# An adapter MUST end the connection when T_HTTP has passed since the first byte and no whole answer
        //# is there.
        self.first_byte.unwrap_or(now).after(self.ask.http_ms)
    }

    fn read(&mut self, now: Instant, closed: bool) -> Step {
        match http::parse(&self.received, closed) {
            Parsed::Incomplete => Step::Read(self.deadline(now)),
            Parsed::Bad => self.unanswered(now, "the answer is cut off, or is none"),
            Parsed::Whole(answer) => self.judge(&answer, now),
        }
    }

    fn judge(&self, answer: &http::Answer, now: Instant) -> Step {
        let profile = self.transport.profile();
        let (judged, code) = match self.transport.read(&self.outgoing, answer) {
            Ok(reply) => {
                let judged = verdict(profile, &self.ask, &reply);
                let judged = judged.map_err(|mismatch| format!("an answer to something else: {mismatch:?}"));
                (judged, provider_code(profile, &self.ask, &reply))
            }
            Err(untrusted) => (Err(untrusted.to_string()), String::new()),
        };
        //= spec-crate/spec/privacy.md#logs-screens-and-exports
        //# A HIS and a POS MUST NOT log plaintexts, requests to a platform or its answers, as a whole or in
        //# part.
        let note = judged.as_ref().err().cloned();
        let answered = note.is_none();
        let verdict = Verdict {
            //= spec-crate/spec/payment.md#verdicts
            //# An adapter MUST give the proof open, without provider code and date and as not answered, for a
            //# connection that failed, an answer that came too late, was cut off, was not signed by the
            //# platform, was not bound to this request, or differs by PAY-16, PAY-17 or PAY-18.
            proof: judged.unwrap_or(Proof::Open),
            provider_code: if answered { code } else { String::new() },
            date: answer.date().filter(|_| answered),
            answered,
            ..self.nothing(now)
        };
        Step::Done { verdict, abort: false, note }
    }

    fn unanswered(&self, now: Instant, why: &str) -> Step {
        Step::Done { verdict: self.nothing(now), abort: true, note: Some(why.to_owned()) }
    }

    fn nothing(&self, now: Instant) -> Verdict {
        Verdict {
            id: self.ask.id,
            //= spec-crate/spec/payment.md#verdicts
            //# An adapter MUST give the proof open, without provider code and date and as not answered, for a
            //# connection that failed, an answer that came too late, was cut off, was not signed by the
            //# platform, was not bound to this request, or differs by PAY-16, PAY-17 or PAY-18.
            proof: Proof::Open,
            provider_code: String::new(),
            date: None::<UnixSeconds>,
            first_byte: self.first_byte,
            ended: now,
            answered: false,
        }
    }
}
