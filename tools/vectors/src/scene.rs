//! A real link in a session, to which one record is given by somebody who holds the keys of its peer.

use hispos::frame::{Decoder, FrameType, Side};
use hispos::platform::Ask;
use hispos::platform::{Proof, Request};
use hispos::record::{Opener, Sealer};
use serde_json::Value as Json;

use crate::example::{first, parties, platform};
use crate::exchange;
use crate::hex::bytes;
use crate::pair::{BEGIN, End, Pair, kind_of};
use crate::schema::Schema;
use crate::site::DAY;
use crate::story::{Out, What};
use crate::streams::encode;

/// How far the session is before the record comes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Stage {
    /// SessionReady was sent, and nothing of HIS has come.
    Committed,
    /// Past Sync, the device's list is pulled, no order is known.
    Synced,
    /// No merchant is verified.
    Unverified,
    /// The journal takes no new orders.
    Full,
    /// A collect waits for a code.
    Waiting,
    /// A collect is paid and confirmed.
    Paid,
    /// HIS has sent an order, and the POS has not answered.
    Sent,
}

impl Stage {
    pub(crate) const ALL: [Self; 7] =
        [Self::Committed, Self::Synced, Self::Unverified, Self::Full, Self::Waiting, Self::Paid, Self::Sent];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Synced => "synced",
            Self::Unverified => "unverified",
            Self::Full => "full",
            Self::Waiting => "waiting",
            Self::Paid => "paid",
            Self::Sent => "sent",
        }
    }
}

/// A session of real links, and the keys of both ends.
pub(crate) struct Scene {
    stage: Stage,
    pub(crate) pair: Pair,
    his: (Sealer, Opener),
    pos: (Sealer, Opener),
}

/// Counters that the links have not reached.
const FAR: u32 = 64;

fn silent(ask: &Ask) -> Option<(Proof, &'static str)> {
    if matches!(ask.request, Request::Verify) { None } else { platform(ask) }
}

impl Scene {
    /// A session as far as this.
    pub(crate) fn open(stage: Stage) -> Result<Self, String> {
        Self::among(stage, if stage == Stage::Unverified { silent } else { platform })
    }

    /// A session as far as this, over a platform that answers so.
    pub(crate) fn among(
        stage: Stage,
        answers: impl FnMut(&Ask) -> Option<(Proof, &'static str)> + 'static,
    ) -> Result<Self, String> {
        let mute = move |end: End, wire: &[u8]| match stage {
            Stage::Committed => !(end == End::His && kind_of(end, wire) == Some(FrameType::HisRecord)),
            _ => true,
        };
        let mut pair = Pair::new(answers, Box::new(mute))?;
        pair.start(End::Pos)?;
        pair.start(End::His)?;
        pair.pass(2_000);
        match stage {
            Stage::Full => pair.storage(false),
            Stage::Sent => pair.cut(),
            _ => {}
        }
        if matches!(stage, Stage::Waiting | Stage::Paid | Stage::Sent) {
            pair.collect("bill-2026-0001", 8_800, DAY)?;
            pair.pass(1_000);
        }
        if stage == Stage::Paid {
            pair.scan(hispos::platform::Channel::Wechat, "134567890123456789")?;
            pair.pass(1_000);
        }
        Self::cut(stage, pair)
    }

    /// A session as it is, from now on with somebody else in the place of either peer.
    pub(crate) fn over(mut pair: Pair) -> Result<Self, String> {
        pair.pass(2_000);
        Self::cut(Stage::Synced, pair)
    }

    fn cut(stage: Stage, mut pair: Pair) -> Result<Self, String> {
        pair.cut();
        Self::of(stage, pair)
    }

    /// The present session of both links, which goes on by itself where its line is not cut.
    pub(crate) fn of(stage: Stage, pair: Pair) -> Result<Self, String> {
        let (his, pos) = parties(&pair)?;
        let run = exchange::run(&his, &pos, pair.site().agreement.payload(), (1, 1))?;
        let (mut his, mut pos) = (run.records(Side::His), run.records(Side::Pos));
        for sealer in [&mut his.0, &mut pos.0] {
            while sealer.sealed() < FAR {
                sealer.seal(&[0]).map_err(|error| format!("{error:?}"))?;
            }
        }
        Ok(Self { stage, pair, his, pos })
    }

    /// Whether it came as far as this.
    pub(crate) fn is_of(&self, stage: Stage) -> bool {
        self.stage == stage
    }

    /// Milliseconds since the session's zero at the POS.
    pub(crate) fn session_ms(&self) -> u64 {
        let [_, pos] = &self.pair.log;
        let m2 = pos.iter().find(|happening| match &happening.what {
            What::Out(Out::Transmit(text)) => {
                kind_of(End::Pos, &bytes(text).unwrap_or_default()) == Some(FrameType::M2)
            }
            _ => false,
        });
        self.pair.now - m2.map_or(BEGIN, |m2| m2.at)
    }

    /// The run that the POS drew.
    pub(crate) fn pos_run(&self) -> Result<Vec<u8>, String> {
        crate::draws::all(first(&self.pair, End::Pos)?).into_iter().next().ok_or_else(|| "no run".to_owned())
    }

    /// Gives an end records of its peer with these plaintexts, all in one piece.
    pub(crate) fn give_at_once(&mut self, receiver: End, plaintexts: &[Vec<u8>]) -> Result<(), String> {
        let (sealer, kind) = self.peer_of(receiver);
        let mut wire = Vec::new();
        for plaintext in plaintexts {
            let body = sealer.seal(plaintext).map_err(|error| format!("{error:?}"))?;
            wire.extend(encode(kind, &body)?);
        }
        self.pair.inject(receiver, &wire);
        Ok(())
    }

    /// What seals for an end, and the type of the frame.
    fn peer_of(&mut self, receiver: End) -> (&mut Sealer, FrameType) {
        match receiver {
            End::Pos => (&mut self.his.0, FrameType::HisRecord),
            End::His => (&mut self.pos.0, FrameType::PosRecord),
        }
    }

    /// Gives an end one record of its peer with this plaintext. What it sends at once, decoded, and whether its session
    /// still stands.
    pub(crate) fn give(&mut self, receiver: End, plaintext: &[u8]) -> Result<(Vec<Vec<u8>>, bool), String> {
        let (sealer, kind) = self.peer_of(receiver);
        let body = sealer.seal(plaintext).map_err(|error| format!("{error:?}"))?;
        let wire = encode(kind, &body)?;
        let place = if receiver == End::His { 0 } else { 1 };
        let before = self.pair.log.get(place).map_or(0, Vec::len);
        self.pair.inject(receiver, &wire);
        let log = self.pair.log.get(place).map(Vec::as_slice).unwrap_or_default();
        let sent = log.iter().skip(before).filter_map(|happening| match &happening.what {
            What::Out(Out::Transmit(text)) => Some(text.clone()),
            _ => None,
        });
        let sent: Vec<String> = sent.collect();
        let (opener, side) = match receiver {
            End::Pos => (&mut self.his.1, Side::His),
            End::His => (&mut self.pos.1, Side::Pos),
        };
        let mut opened = Vec::new();
        for text in sent {
            let wire = bytes(&text)?;
            let mut decoder = Decoder::new(side);
            let mut unread = wire.as_slice();
            let frame = decoder.next_frame(&mut unread).ok_or("no frame")?.map_err(|_| "a drop")?;
            if matches!(frame.kind, FrameType::HisRecord | FrameType::PosRecord) {
                opened.push(opener.open(frame.body).map_err(|drop| format!("{drop:?}"))?);
            }
        }
        Ok((opened, self.pair.is_up(receiver)))
    }
}

/// What messages say.
pub(crate) fn said(schema: &Schema, messages: &[Vec<u8>]) -> Result<Vec<Json>, String> {
    messages.iter().map(|message| schema.decoded("Message", message)).collect()
}
