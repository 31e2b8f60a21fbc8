//! The terminal's payment adapter, as it is in `hispos-pos`, with a port to the platforms of this world.
//!
//! One connection with one request, its clock and its time-outs are [`Call`]; what an answer proves is decided by the
//! tables behind it. Only what a vendor writes for a platform, a [`Transport`], is this world's own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hispos::platform::{Ask, Channel, Merchant, Verdict};
use hispos::time::Instant;
use hispos_pos::payment::http::Answer;
use hispos_pos::payment::tables::Profile;
use hispos_pos::payment::{Call, Endpoint, Happened, Outgoing, Reply, Step, Transport, Untrusted};
use zeroize::Zeroizing;

use crate::platform::unix;

/// The port of one question: nothing has to be written, and what is read is known.
struct Port {
    merchant: Merchant,
    reply: Reply,
}

impl Transport for Port {
    fn merchant(&self) -> &Merchant {
        &self.merchant
    }

    fn profile(&self) -> Profile {
        match self.merchant.channel {
            Channel::Wechat => Profile::WechatV2,
            Channel::Alipay => Profile::Alipay,
        }
    }

    fn request(&self, _: &Ask, _: &[u8; 16]) -> Outgoing {
        let endpoint = Endpoint { host: self.merchant.channel.name().into(), port: 443, tls: true };
        Outgoing { endpoint, bytes: Zeroizing::default(), binding: String::new() }
    }

    fn read(&self, _: &Outgoing, _: &Answer) -> Result<Reply, Untrusted> {
        Ok(self.reply.clone())
    }
}

/// A question whose connection is being made.
fn begun(ask: &Ask, reply: Reply, now: Instant) -> Call {
    let port = Port { merchant: ask.merchant.clone(), reply };
    let mut call = Call::new(ask.clone(), Arc::new(port), &[0; 16]);
    call.step(Happened::Begin, now);
    call
}

fn verdict(step: Step) -> Option<Verdict> {
    match step {
        Step::Done { verdict, .. } => Some(verdict),
        Step::Connect(..) | Step::Write(_) | Step::Read(_) => None,
    }
}

/// Comes to the moment before the first byte: the verdict, if none is written.
pub(crate) fn unwritten(ask: &Ask, connects: bool, now: Instant) -> Option<Verdict> {
    let happened = if connects { Happened::Connected } else { Happened::Failed };
    verdict(begun(ask, Reply::default(), now).step(happened, now))
}

/// Gives a question up that was written and not answered.
pub(crate) fn unanswered(ask: &Ask, first_byte: Instant, ended: Instant) -> Option<Verdict> {
    let mut call = begun(ask, Reply::default(), first_byte);
    call.step(Happened::Connected, first_byte);
    verdict(call.step(Happened::TimeOut, ended))
}

/// Judges a platform's answer of a moment to a question that was written.
pub(crate) fn judged(ask: &Ask, reply: Reply, first_byte: Instant, age: u64) -> Option<Verdict> {
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(unix(age).0);
    let head =
        format!("HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Length: 0\r\n\r\n", httpdate::fmt_http_date(date));
    let mut call = begun(ask, reply, first_byte);
    call.step(Happened::Connected, first_byte);
    verdict(call.step(Happened::Bytes(head.into_bytes()), first_byte))
}
