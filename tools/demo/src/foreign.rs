//! A sender of the demo's own: it holds a registered terminal's key and sends an order that names another terminal.
//!
//! HIS as a whole cannot be made to do that, so the floors below are used: key exchange, frames, records.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hispos::amount::Amount;
use hispos::crypto::Secret;
use hispos::frame::{Decoder, FrameType, Side, encode};
use hispos::handshake::initiator::start;
use hispos::handshake::{HeldAgreement, Keyed, Peering};
use hispos::ids::{DeviceId, OrderNo};
use hispos::message::agreement::Agreement;
use hispos::message::manifest::{Device, Manifest};
use hispos::message::order::{NewOrder, OrderCore};
use hispos::message::signed_file::SignedFile;
use hispos_common::entropy::OsEntropy;
use hispos_common::line::{Line, LineConfig, LineEvent};
use hispos_common::{files, keys};
use prost::Message as _;

use crate::line::BAUD;
use crate::provision::{DEVICE, OTHER_WINDOW, Places, WINDOW};
use crate::tell::Told;

/// Every request is repeated this often until its answer comes.
const REPEAT: Duration = Duration::from_secs(1);
/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(30);
/// Any business day: the order is refused before it counts for one.
const DAY: u32 = 20_260_101;

/// The members of `proto/hispos/v1/message.proto` that are sent or read here.
#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(uint32, tag = "1")]
    call: u32,
    #[prost(uint32, tag = "2")]
    reply_to: u32,
    #[prost(message, optional, tag = "4")]
    ready: Option<Ready>,
    #[prost(message, optional, tag = "5")]
    sync: Option<Empty>,
    #[prost(message, optional, tag = "7")]
    submit: Option<Submit>,
    #[prost(message, optional, tag = "18")]
    rejected: Option<Rejected>,
}

/// A Sync that has seen no book: an absent anchor counts as contained.
#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
struct Ready {
    #[prost(bytes = "vec", tag = "1")]
    run: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Submit {
    #[prost(bytes = "vec", tag = "1")]
    core: Vec<u8>,
    #[prost(string, tag = "2")]
    terminal_id: String,
    #[prost(uint32, tag = "3")]
    start_by: u32,
    #[prost(bytes = "vec", tag = "4")]
    run: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Rejected {
    #[prost(uint32, tag = "1")]
    code: u32,
}

/// What the POS answered.
pub(crate) struct Refused {
    pub(crate) order_no: String,
    /// A code of the catalogue.
    pub(crate) code: u32,
}

/// Opens the line, makes a session as the other window, and sends an order that names the first one.
pub(crate) fn send(places: &Places, line: &Path, number: u64) -> Told<Refused> {
    let peering = peering(places)?;
    let mut sender = Sender::open(line)?;
    let mut session = sender.session(&peering)?;
    let order_no = format!("F{number:015X}");
    let amount = Amount::from_fen(9_900).map_err(|error| error.to_string())?;
    let order = NewOrder {
        order_no: OrderNo::try_from(order_no.as_str()).map_err(|error| error.to_string())?,
        device_id: DeviceId::try_from(DEVICE).map_err(|error| error.to_string())?,
        amount,
        business_day: DAY,
        agreement_no: 1,
        refund_of: None,
    };
    let core = OrderCore::encode(&order).map_err(|error| error.to_string())?;
    let run = sender.hear(&mut session, |message| message.ready.map(|ready| ready.run))?;
    let sync = Message { call: 1, sync: Some(Empty {}), ..Message::default() };
    sender.ask(&mut session, &sync, |answer| (answer.reply_to == 1).then_some(()))?;
    let submit = Submit { core: core.bytes().to_vec(), terminal_id: WINDOW.into(), start_by: 60, run };
    let submit = Message { call: 2, submit: Some(submit), ..Message::default() };
    let code = sender.ask(&mut session, &submit, |answer| {
        (answer.reply_to == 2).then(|| answer.rejected.map_or(0, |rejected| rejected.code))
    })?;
    Ok(Refused { order_no, code })
}

fn peering(places: &Places) -> Told<Peering> {
    let about = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let read = |name: &'static str| -> Told<SignedFile> {
        let bytes = files::read(&places.path(name)).map_err(about(name))?;
        SignedFile::decode(&bytes).map_err(|error| error.to_string())
    };
    let agreement = Agreement::open(&read("link.hispos")?).map_err(|error| error.to_string())?;
    let terms = agreement.terms();
    let devices: Manifest<Device> =
        Manifest::open(&read("devices.hispos")?, &terms.pos_organisation, &terms.site_id)
            .map_err(|error| error.to_string())?;
    let peers: BTreeMap<String, [u8; 32]> =
        devices.entries().iter().map(|device| (device.id.to_string(), device.public_key)).collect();
    let key = places.path("his").join("terminals").join(format!("{OTHER_WINDOW}.key"));
    let seed: Secret<32> = keys::load(&key).map_err(about("the other window's key"))?;
    Peering::new(OTHER_WINDOW.into(), seed, HeldAgreement::serving(&[agreement]), peers, Some(DEVICE.into()))
        .map_err(|error| error.to_string())
}

/// The line, and the frames on it.
struct Sender {
    line: Line,
    bytes: Receiver<Vec<u8>>,
    decoder: Decoder,
    waiting: Vec<(FrameType, Vec<u8>)>,
    until: Instant,
}

impl Sender {
    fn open(path: &Path) -> Told<Self> {
        let (sender, bytes) = channel();
        let config = LineConfig::Serial { path: path.display().to_string(), baud: BAUD };
        let line = Line::start(&config, move |event| match event {
            // An empty piece tells that it is open.
            LineEvent::Opened { .. } => sender.send(Vec::new()).is_ok(),
            LineEvent::Bytes { bytes, .. } => sender.send(bytes).is_ok(),
            LineEvent::Closed { .. } | LineEvent::Failed { .. } => true,
        })
        .map_err(|error| format!("the foreign sender's line: {error}"))?;
        let until = Instant::now() + WITHIN;
        bytes.recv_timeout(WITHIN).map_err(|_| "the foreign sender's line does not open".to_owned())?;
        line.write(1, vec![0]);
        Ok(Self { line, bytes, decoder: Decoder::new(Side::His), waiting: Vec::new(), until })
    }

    fn write(&self, kind: FrameType, body: &[u8]) {
        if let Ok(frame) = encode(kind, body) {
            self.line.write(1, frame.bytes);
        }
    }

    /// The next frame; `None` if it is time to repeat.
    fn frame(&mut self, repeat_at: Instant) -> Told<Option<(FrameType, Vec<u8>)>> {
        loop {
            if !self.waiting.is_empty() {
                return Ok(Some(self.waiting.remove(0)));
            }
            if Instant::now() >= self.until {
                return Err("the POS does not answer the foreign sender".into());
            }
            let wait = repeat_at.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.bytes.recv_timeout(wait) else { return Ok(None) };
            let mut input = bytes.as_slice();
            while let Some(item) = self.decoder.next_frame(&mut input) {
                if let Ok(frame) = item {
                    self.waiting.push((frame.kind, frame.body.to_vec()));
                }
            }
        }
    }

    /// The key exchange, up to the first record that opens.
    fn session(&mut self, peering: &Peering) -> Told<Session> {
        let agreement = peering.agreements().first().ok_or("no agreement")?;
        let expect = start(agreement, &mut OsEntropy).ok_or("no suite in common")?;
        let (mut keyed, m3) = loop {
            self.write(FrameType::M1, expect.m1());
            let repeat_at = Instant::now() + REPEAT;
            let answer = loop {
                match self.frame(repeat_at)? {
                    Some((FrameType::M2, body)) => break expect.open_m2(&body).ok(),
                    Some(_) => {}
                    None => break None,
                }
            };
            if let Some(opened) = answer {
                break opened
                    .finish(peering)
                    .map_err(|error| format!("the POS is not the one registered: {error}"))?;
            }
        };
        loop {
            self.write(FrameType::M3, &m3);
            let repeat_at = Instant::now() + REPEAT;
            while let Some((kind, body)) = self.frame(repeat_at)? {
                if kind == FrameType::PosRecord
                    && let Ok(plaintext) = keyed.opener.open(&body)
                {
                    return Ok(Session { keyed, first: Some(plaintext) });
                }
            }
        }
    }

    /// Waits for a message without asking for it.
    fn hear<T>(&mut self, session: &mut Session, wanted: impl Fn(Message) -> Option<T>) -> Told<T> {
        loop {
            let repeat_at = Instant::now() + REPEAT;
            if let Some(found) = self.message(session, repeat_at)?.and_then(&wanted) {
                return Ok(found);
            }
        }
    }

    /// Asks until the answer comes.
    fn ask<T>(
        &mut self,
        session: &mut Session,
        question: &Message,
        wanted: impl Fn(Message) -> Option<T>,
    ) -> Told<T> {
        loop {
            let record = session.keyed.sealer.seal(&question.encode_to_vec());
            self.write(FrameType::HisRecord, &record.map_err(|_| "a message is too long")?);
            let repeat_at = Instant::now() + REPEAT;
            while let Some(message) = self.message(session, repeat_at)? {
                if let Some(found) = wanted(message) {
                    return Ok(found);
                }
            }
        }
    }

    /// The next message of the session; `None` if it is time to repeat.
    fn message(&mut self, session: &mut Session, repeat_at: Instant) -> Told<Option<Message>> {
        loop {
            let plaintext = match session.first.take() {
                Some(first) => Some(first),
                None => match self.frame(repeat_at)? {
                    Some((FrameType::PosRecord, body)) => session.keyed.opener.open(&body).ok(),
                    Some(_) => None,
                    None => return Ok(None),
                },
            };
            if let Some(message) = plaintext.and_then(|bytes| Message::decode(bytes.as_slice()).ok()) {
                return Ok(Some(message));
            }
        }
    }
}

/// A session, and its first record, which proved it.
struct Session {
    keyed: Keyed,
    first: Option<Vec<u8>>,
}
