//! Peers that hold real keys and say what no HIS and no POS of ours would say.
//!
//! Each takes the place of one end of a line: key exchange, frames and records are those of the crate, the messages
//! are put together field by field.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hispos::crypto::ed25519_public;
use hispos::frame::{Decoder, FrameType, Side, encode};
use hispos::handshake::initiator::start;
use hispos::handshake::responder::Hello;
use hispos::handshake::{HeldAgreement, Keyed, Peering};
use hispos::link::Input;
use hispos_sim::fields::{Fields, Value};
use hispos_sim::line::Way;
use hispos_sim::rng::Rng;
use hispos_sim::site;
use hispos_sim::world::Event;

use crate::scene::Scene;

/// Body fields of a message.
pub(crate) mod body {
    pub(crate) const ALERT: u64 = 3;
    pub(crate) const READY: u64 = 4;
    pub(crate) const SYNC: u64 = 5;
    pub(crate) const SYNC_REPLY: u64 = 6;
    pub(crate) const SUBMIT: u64 = 7;
    pub(crate) const ORDER_STATE: u64 = 8;
    pub(crate) const SIGNED_RESULT: u64 = 9;
    pub(crate) const QUERY: u64 = 10;
    pub(crate) const CANCEL: u64 = 11;
    pub(crate) const REPORT: u64 = 14;
    pub(crate) const CONFIRM: u64 = 15;
    pub(crate) const LOOK_UP: u64 = 16;
    pub(crate) const REJECTED: u64 = 18;
    pub(crate) const LIST: u64 = 19;
    pub(crate) const ORDER_LIST: u64 = 20;
    pub(crate) const UNSUPPORTED: u64 = 24;
}

/// Fields of a message or of one in it.
pub(crate) fn fields(values: &[(u64, Value)]) -> Fields {
    let mut fields = Fields::default();
    for (field, value) in values {
        fields.set(*field, value.clone());
    }
    fields
}

pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Value {
    Value::Bytes(bytes.as_ref().to_vec())
}

/// One end of a line, taken over.
pub(crate) struct Foreign {
    desk: usize,
    side: Side,
    heard: Rc<RefCell<Vec<u8>>>,
    decoder: Decoder,
    rng: Rng,
    keyed: Option<Keyed>,
    calls: u64,
    /// The program run of the POS, as its SessionReady told it.
    pub(crate) run: Vec<u8>,
}

impl Foreign {
    /// Takes the place of one end, and says nothing.
    pub(crate) fn take_over(scene: &mut Scene, desk: usize, side: Side) -> Self {
        let heard = Rc::<RefCell<Vec<u8>>>::default();
        let ear = heard.clone();
        let own = if side == Side::His { Way::Up } else { Way::Down };
        scene.world.script.tap = Some(Box::new(move |of, way, bytes| {
            let ours = of == desk && way == own;
            if ours {
                ear.borrow_mut().extend_from_slice(bytes);
            }
            !ours
        }));
        let foreign = Self {
            desk,
            side,
            heard,
            decoder: Decoder::new(side),
            rng: Rng::new(9, "foreign"),
            keyed: None,
            calls: 0,
            run: Vec::new(),
        };
        let [closed, opened] = [Input::Closed, Input::Opened];
        if side == Side::His {
            scene.world.his_links[desk] = None;
            scene.world.at_terminal(desk, |link, clock| {
                link.handle_input(closed, clock);
                link.handle_input(opened, clock);
            });
        } else {
            scene.world.pos_links[desk] = None;
            scene.world.at_window(desk, |link, clock| {
                link.handle_input(closed, clock);
                link.handle_input(opened, clock);
            });
        }
        foreign
    }

    /// A HIS in the place of a window, with a session past Sync.
    pub(crate) fn his(scene: &mut Scene, desk: usize) -> Self {
        let mut foreign = Self::his_before_sync(scene, desk);
        foreign.ask(scene, body::SYNC, &Fields::default());
        foreign
    }

    /// A HIS in the place of a window, with a session before its Sync.
    pub(crate) fn his_before_sync(scene: &mut Scene, desk: usize) -> Self {
        let mut foreign = Self::take_over(scene, desk, Side::His);
        let peering = foreign.peering(scene);
        let expect = start(&peering.agreements()[0], &mut foreign.rng).unwrap();
        foreign.write(scene, FrameType::M1, expect.m1());
        let m2 = foreign.frame(scene, FrameType::M2);
        let (keyed, m3) = expect.open_m2(&m2).ok().unwrap().finish(&peering).ok().unwrap();
        foreign.keyed = Some(keyed);
        foreign.write(scene, FrameType::M3, &m3);
        let ready = foreign.hear(scene).into_iter().find_map(|message| message.bytes(body::READY)).unwrap();
        foreign.run = Fields::read(&ready).bytes(1).unwrap();
        foreign
    }

    /// A POS in the place of a terminal, with a session past Sync.
    pub(crate) fn pos(scene: &mut Scene, desk: usize) -> Self {
        let mut foreign = Self::take_over(scene, desk, Side::Pos);
        let peering = foreign.peering(scene);
        let m1 = foreign.frame(scene, FrameType::M1);
        let offer = Hello::read(&m1).ok().unwrap().negotiate(peering.agreements()).ok().unwrap();
        let expect = offer.answer(&peering, &mut foreign.rng).ok().unwrap();
        foreign.write(scene, FrameType::M2, expect.m2());
        let m3 = foreign.frame(scene, FrameType::M3);
        let opened = expect.open_m3(&m3).ok().unwrap();
        foreign.keyed = expect.finish(opened, &peering).ok();
        foreign.run = vec![1, 2, 3, 4];
        let ready = fields(&[(1, bytes(&foreign.run)), (4, Value::Number(1))]);
        foreign.say(scene, &fields(&[(body::READY, bytes(ready.write()))]));
        let mut answered = 0;
        while answered < 2 {
            for message in foreign.hear(scene) {
                let call = message.number(1).unwrap_or(0);
                let reply = if message.bytes(body::SYNC).is_some() {
                    body::SYNC_REPLY
                } else if message.bytes(body::LIST).is_some() {
                    body::ORDER_LIST
                } else {
                    continue;
                };
                answered += 1;
                foreign.reply(scene, call, reply, &Fields::default());
            }
        }
        scene.until(5_000, "a session past Sync", |scene| scene.ready(desk));
        foreign
    }

    fn peering(&self, scene: &Scene) -> Peering {
        let (device, terminal) = (site::device_id(self.desk).unwrap(), site::terminal_id(self.desk).unwrap());
        let (device, terminal) = (device.to_string(), terminal.to_string());
        let seeds = [site::TERMINAL, site::DEVICE].map(|kind| site::seed(kind, self.desk));
        let [terminal_seed, device_seed] = seeds;
        let agreements = HeldAgreement::serving(std::slice::from_ref(&scene.world.site.agreement));
        let (own, own_seed, peer, peer_seed) = match self.side {
            Side::His => (terminal, terminal_seed, device, device_seed),
            Side::Pos => (device, device_seed, terminal, terminal_seed),
        };
        let peers = BTreeMap::from([(peer.clone(), ed25519_public(&peer_seed))]);
        let bound = (self.side == Side::His).then_some(peer);
        Peering::new(own, own_seed, agreements, peers, bound).unwrap()
    }

    /// Writes bytes that need be no frame.
    pub(crate) fn write_raw(&mut self, scene: &mut Scene, bytes: Vec<u8>) {
        let way = if self.side == Side::His { Way::Down } else { Way::Up };
        let now = scene.world.now;
        for at in scene.world.lines[self.desk].write(way, bytes, now, &mut self.rng) {
            scene.world.at(at, Event::Arrive(self.desk, way));
        }
    }

    pub(crate) fn write(&mut self, scene: &mut Scene, kind: FrameType, body: &[u8]) {
        self.write_raw(scene, encode(kind, body).unwrap().bytes);
    }

    /// Bytes that came.
    pub(crate) fn heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.heard.borrow_mut())
    }

    /// Frames that came within some time.
    pub(crate) fn frames(&mut self, scene: &mut Scene) -> Vec<(FrameType, Vec<u8>)> {
        scene.pass(300);
        let heard = self.heard();
        let mut input = heard.as_slice();
        let mut frames = Vec::new();
        while let Some(item) = self.decoder.next_frame(&mut input) {
            frames.extend(item.ok().map(|frame| (frame.kind, frame.body.to_vec())));
        }
        frames
    }

    fn frame(&mut self, scene: &mut Scene, wanted: FrameType) -> Vec<u8> {
        for _ in 0..200 {
            if let Some((_, body)) = self.frames(scene).into_iter().find(|(kind, _)| *kind == wanted) {
                return body;
            }
        }
        panic!("no {wanted:?} came");
    }

    /// Messages that came within some time.
    pub(crate) fn hear(&mut self, scene: &mut Scene) -> Vec<Fields> {
        let frames = self.frames(scene);
        let opener = &mut self.keyed.as_mut().unwrap().opener;
        frames.iter().filter_map(|(_, body)| Some(Fields::read(&opener.open(body).ok()?))).collect()
    }

    /// Seals a message.
    pub(crate) fn seal(&mut self, message: &Fields) -> Vec<u8> {
        self.keyed.as_mut().unwrap().sealer.seal(&message.write()).unwrap()
    }

    /// Seals a message and sends it.
    pub(crate) fn say(&mut self, scene: &mut Scene, message: &Fields) {
        let record = self.seal(message);
        let kind = if self.side == Side::His { FrameType::HisRecord } else { FrameType::PosRecord };
        self.write(scene, kind, &record);
    }

    /// Sends a request under a new call.
    pub(crate) fn call(&mut self, scene: &mut Scene, kind: u64, body: &Fields) -> u64 {
        self.calls += 1;
        self.say(scene, &fields(&[(1, Value::Number(self.calls)), (kind, bytes(body.write()))]));
        self.calls
    }

    pub(crate) fn reply(&mut self, scene: &mut Scene, call: u64, kind: u64, body: &Fields) {
        self.say(scene, &fields(&[(2, Value::Number(call)), (kind, bytes(body.write()))]));
    }

    /// Sends a request, and waits for its reply.
    pub(crate) fn ask(&mut self, scene: &mut Scene, kind: u64, body: &Fields) -> Fields {
        let call = self.call(scene, kind, body);
        for _ in 0..20 {
            if let Some(reply) = self.hear(scene).into_iter().find(|message| message.number(2) == Some(call))
            {
                return reply;
            }
        }
        panic!("no reply to {kind}");
    }

    /// Waits for a request of the peer: its call, and its body.
    pub(crate) fn asked(&mut self, scene: &mut Scene, kind: u64) -> (u64, Fields) {
        for _ in 0..100 {
            let wanted = |message: Fields| Some((message.number(1)?, Fields::read(&message.bytes(kind)?)));
            if let Some(asked) = self.hear(scene).into_iter().find_map(wanted) {
                return asked;
            }
        }
        panic!("{kind} is not asked");
    }

    /// The tag of the session, and the counter of the next record.
    pub(crate) fn next_header(&mut self) -> (u8, u32) {
        let sealer = &mut self.keyed.as_mut().unwrap().sealer;
        let sealed = sealer.sealed();
        let record = sealer.seal(&[0x08]).unwrap();
        (record[0], sealed + 1)
    }
}
