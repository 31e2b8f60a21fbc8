//! Both ends of a stream in one process, on virtual time.

mod alerts;
mod bad_input;
mod lossy;
mod records;
mod repetition;
mod watch;

use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use prost::Message;

use super::{Dropped, Established, HisSession, PosSession, SessionEnd, SessionEvent, SessionOutput};
use crate::crypto::hash::sha256;
use crate::crypto::{Entropy, Secret, ed25519_public};
use crate::frame::{FrameType, encode};
use crate::handshake::{HeldAgreement, Peering};
use crate::time::{Clock, Instant, UnixSeconds};
use crate::wire;

/// A seeded source: SHA-256 over seed and number of the block.
struct Seeded(u64, u64);

impl Entropy for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.1 += 1;
            let block = sha256(&[&self.0.to_be_bytes(), &self.1.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// A frame on the line, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Sent {
    kind: FrameType,
    body: Vec<u8>,
    checksum: u32,
    bytes: Vec<u8>,
}

impl Sent {
    fn new(kind: FrameType, body: Vec<u8>) -> Self {
        let encoded = encode(kind, &body).unwrap();
        Self { kind, body, checksum: encoded.checksum, bytes: encoded.bytes }
    }

    /// What an end writes behind the opening zero: one frame, as the protocol encodes it.
    fn read(bytes: &[u8]) -> Self {
        let frame = cobs::decode_vec(bytes.strip_suffix(&[0]).unwrap()).unwrap();
        let read = Self::new(FrameType::from_number(frame[0]).unwrap(), frame[1..frame.len() - 4].to_vec());
        assert_eq!(read.bytes, bytes);
        read
    }

    /// Code and reference of a plain alert.
    fn alert(&self) -> (u8, u32) {
        assert_eq!(self.kind, FrameType::PlainAlert);
        (self.body[0], u32::from_be_bytes(self.body[1..].try_into().unwrap()))
    }
}

/// What came out of an end beside frames.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Said {
    Up(Established),
    Message(Vec<u8>),
    Down(SessionEnd),
    Notice(SessionEvent),
}

/// Both ends, and what each knows.
struct Bench {
    now: Instant,
    his: HisSession,
    pos: PosSession,
    his_peering: Peering,
    pos_peering: Peering,
    entropy: Seeded,
    his_said: Vec<Said>,
    pos_said: Vec<Said>,
}

fn agreement(byte: u8) -> HeldAgreement {
    HeldAgreement {
        hash: [byte; 32],
        no: u32::from(byte),
        versions: vec![1],
        suites: vec![1],
        simulated: false,
    }
}

fn peering(own: (&str, u8), peer: (&str, u8), agreements: &[u8]) -> Peering {
    let peers = BTreeMap::from([(peer.0.into(), ed25519_public(&Secret::new([peer.1; 32])))]);
    let agreements = agreements.iter().copied().map(agreement).collect();
    Peering::new(own.0.into(), Secret::new([own.1; 32]), agreements, peers, Some(peer.0.into())).unwrap()
}

/// What the POS's program tells of itself.
fn ready() -> wire::SessionReady {
    wire::SessionReady { run: vec![1, 2, 3, 4], ..Default::default() }
}

/// A request with this call number.
fn message(call: u32) -> Vec<u8> {
    wire::Message { call, ..Default::default() }.encode_to_vec()
}

impl Bench {
    fn new() -> Self {
        let now = Instant(1_000_000);
        let (mut his, mut pos) = (HisSession::open(now), PosSession::open(ready()));
        opened(his.poll());
        opened(pos.poll());
        Self {
            now,
            his,
            pos,
            his_peering: peering(("his", 1), ("pos", 2), &[9]),
            pos_peering: peering(("pos", 2), ("his", 1), &[9]),
            entropy: Seeded(7, 0),
            his_said: vec![],
            pos_said: vec![],
        }
    }

    /// Both ends with a live session that both have used, `age` ms old.
    fn live() -> Self {
        let mut bench = Self::new();
        bench.run();
        bench.his.send(&message(1), bench.now).unwrap();
        bench.run();
        bench.pos.send(&message(1), bench.now).unwrap();
        bench.run();
        assert!(matches!(bench.his_said.as_slice(), [Said::Up(_), Said::Message(_), Said::Message(_)]));
        assert!(matches!(bench.pos_said.as_slice(), [Said::Up(_), Said::Message(_)]));
        bench.forget();
        bench
    }

    fn forget(&mut self) {
        self.his_said.clear();
        self.pos_said.clear();
    }

    /// Restarts the POS's program: a new stream on its side.
    fn restart_pos(&mut self) {
        self.pos = PosSession::open(ready());
        opened(self.pos.poll());
    }

    fn tick_his(&mut self) -> Vec<Sent> {
        self.his.handle_tick(self.now, &self.his_peering, &mut self.entropy);
        self.his_out()
    }

    /// The calendar of a terminal that was set at boot.
    fn clock(&self) -> Clock {
        Clock { now: self.now, unix: Some(UnixSeconds(self.now.0 / 1_000)) }
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now = self.now.after(milliseconds);
    }

    /// Time passes, and both notice.
    fn wait(&mut self, milliseconds: u64) {
        self.pass(milliseconds);
        self.pos.handle_tick(self.now);
        self.his.handle_tick(self.now, &self.his_peering, &mut self.entropy);
    }

    fn his_out(&mut self) -> Vec<Sent> {
        drain(|| self.his.poll(), &mut self.his_said)
    }

    fn pos_out(&mut self) -> Vec<Sent> {
        drain(|| self.pos.poll(), &mut self.pos_said)
    }

    fn give_his(&mut self, bytes: &[u8]) -> Vec<Sent> {
        self.his.handle_bytes(bytes, self.now, &self.his_peering, &mut self.entropy);
        self.his_out()
    }

    fn give_pos(&mut self, bytes: &[u8]) -> Vec<Sent> {
        self.pos.handle_bytes(bytes, self.clock(), &self.pos_peering, &mut self.entropy);
        self.pos_out()
    }

    fn alert_to_his(&mut self, code: u8, answered: u32) -> Vec<Sent> {
        let body = [&[code], answered.to_be_bytes().as_slice()].concat();
        self.give_his(&Sent::new(FrameType::PlainAlert, body).bytes)
    }

    /// Carries everything over a perfect line until both are quiet.
    fn run(&mut self) {
        let (mut from_his, mut from_pos) = (self.tick_his(), self.pos_out());
        while !from_his.is_empty() || !from_pos.is_empty() {
            let to_pos = core::mem::take(&mut from_his);
            let to_his = core::mem::take(&mut from_pos);
            from_pos = to_pos.iter().flat_map(|sent| self.give_pos(&sent.bytes)).collect();
            from_his = to_his.iter().flat_map(|sent| self.give_his(&sent.bytes)).collect();
        }
    }

    /// The first three messages, with M3 still on its way to the POS.
    fn up_to_m3(&mut self) -> (Sent, Sent, Sent) {
        let m1 = only(self.tick_his());
        let m2 = only(self.give_pos(&m1.bytes));
        let m3 = only(self.give_his(&m2.bytes));
        assert_eq!((m1.kind, m2.kind, m3.kind), (FrameType::M1, FrameType::M2, FrameType::M3));
        (m1, m2, m3)
    }

    fn his_drops(&self, what: Dropped) -> u64 {
        self.his.drops().get(what)
    }

    fn pos_drops(&self, what: Dropped) -> u64 {
        self.pos.drops().get(what)
    }
}

/// Takes the opening zero off.
fn opened(output: Option<SessionOutput>) {
    assert!(matches!(output, Some(SessionOutput::Transmit(bytes)) if bytes == [0]));
}

fn drain(mut poll: impl FnMut() -> Option<SessionOutput>, said: &mut Vec<Said>) -> Vec<Sent> {
    let mut sent = vec![];
    while let Some(output) = poll() {
        match output {
            SessionOutput::Transmit(bytes) => sent.push(Sent::read(&bytes)),
            SessionOutput::Up(established) => said.push(Said::Up(established)),
            SessionOutput::Message(bytes) => said.push(Said::Message(bytes)),
            SessionOutput::Down(end) => said.push(Said::Down(end)),
            SessionOutput::Notice(event) => said.push(Said::Notice(event)),
        }
    }
    sent
}

fn only(sent: Vec<Sent>) -> Sent {
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.into_iter().next().unwrap()
}
