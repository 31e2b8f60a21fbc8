//! What a session tells people: events, the ends of sessions, and the counters of what was dropped.

use core::fmt;

use crate::catalogue::AlertCode;
use crate::error::PeerError;
use crate::frame::FrameDrop;
use crate::record::RecordDrop;

/// Something on the line that people or the program should know. None of it needs an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// Own frames come back: a terminal in cooked mode, or a loop-back plug. Told once per stream, at the third.
    Echo,
    /// Bytes arrive that are no frames of this protocol. Told once per stream.
    ForeignPeer(ForeignPeer),
    /// A plain alert arrived. It was not authenticated.
    PlainAlert(AlertCode),
    /// A key exchange of the peer was refused. The peer sees the alert code only, the reason stays here.
    PeerRefused(PeerError),
    /// HIS: three answers of one attempt did not open. The agreement, the keys or the line differ.
    AnswersDoNotOpen,
    /// HIS: the POS refuses what is offered; the next attempt begins in 30 s.
    OfferRefused(AlertCode),
    /// HIS: no agreement is held under which an attempt could be made.
    NoAgreement,
}

/// What the other end of the line looks like if it does not speak this protocol. A guess.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ForeignPeer {
    /// `ENQ`, or `STX` … `ETX`: a till protocol of the character kind.
    EnqOrStx,
    /// `DLE STX`.
    DleStx,
    /// Readable text: a console, or a modem.
    Text,
    /// One byte again and again: another baud rate, or a broken wire.
    Repeated(u8),
    /// Our own frames.
    Echo,
    /// None of these.
    Unknown,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The peer ended it with this code; 0 is an orderly end.
    PeerAlert(u32),
    /// The peer broke a rule of the records.
    Broken(PeerError),
    /// This end ended it with this code.
    Closed(AlertCode),
    /// It was 24 h old.
    Expired,
    /// Its counters are used up.
    Exhausted,
}

impl SessionEnd {
    /// The sealed alert with which this end says so; the peer's own alert is not answered.
    pub(super) fn own_alert(self) -> Option<AlertCode> {
        match self {
            Self::Broken(error) => Some(error.alert()),
            //= spec-crate/spec/records.md#sealed-alerts
            //# An end that ends a session in order MUST send sealed alert 0 (close).
            Self::Closed(code) => Some(code),
            //= spec-crate/spec/records.md#sealed-alerts
            //# An end MUST NOT answer a sealed alert.
            //= spec-crate/spec/key-exchange.md#starts
            //# An end MUST end a session that is 24 h old (SESSION_AGE_MAX), without an alert.
            Self::PeerAlert(_) | Self::Expired | Self::Exhausted => None,
        }
    }

    /// Whether an alert other than close ended it.
    pub(super) fn is_alert(self) -> bool {
        match self {
            Self::PeerAlert(code) => code != AlertCode::Close.code(),
            Self::Closed(code) => code != AlertCode::Close,
            Self::Broken(_) => true,
            Self::Expired | Self::Exhausted => false,
        }
    }
}

/// What was dropped: no reply, no change, one counter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dropped {
    /// A run that is no COBS.
    Cobs,
    /// A frame of fewer than 5 bytes.
    Short,
    /// A run or frame that is too long.
    Long,
    /// A frame with a wrong checksum.
    Crc,
    /// A frame of an unknown type.
    Type,
    /// A frame of a type that only this end sends.
    Echo,
    /// A message of the key exchange.
    Handshake,
    /// A plain alert.
    Alert,
    /// A record of an impossible size.
    Size,
    /// A record of another session.
    Stale,
    /// A record whose counter was there before.
    Replayed,
    /// A record that does not open.
    Forged,
}

impl Dropped {
    /// All of them, in the order of their layers.
    pub const ALL: [Self; 12] = [
        Self::Cobs,
        Self::Short,
        Self::Long,
        Self::Crc,
        Self::Type,
        Self::Echo,
        Self::Handshake,
        Self::Alert,
        Self::Size,
        Self::Stale,
        Self::Replayed,
        Self::Forged,
    ];

    /// The counter's name, in the spec and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cobs => "cobs",
            Self::Short => "short",
            Self::Long => "long",
            Self::Crc => "crc",
            Self::Type => "type",
            Self::Echo => "echo",
            Self::Handshake => "handshake",
            Self::Alert => "alert",
            Self::Size => "size",
            Self::Stale => "stale",
            Self::Replayed => "replayed",
            Self::Forged => "forged",
        }
    }
}

impl From<FrameDrop> for Dropped {
    fn from(drop: FrameDrop) -> Self {
        match drop {
            FrameDrop::Cobs => Self::Cobs,
            FrameDrop::Short => Self::Short,
            FrameDrop::Long => Self::Long,
            FrameDrop::Crc => Self::Crc,
            FrameDrop::Type => Self::Type,
            FrameDrop::Echo => Self::Echo,
        }
    }
}

impl From<RecordDrop> for Dropped {
    fn from(drop: RecordDrop) -> Self {
        match drop {
            RecordDrop::Size => Self::Size,
            RecordDrop::Stale => Self::Stale,
            RecordDrop::Replayed => Self::Replayed,
            RecordDrop::Forged => Self::Forged,
        }
    }
}

/// How often each thing was dropped on one stream.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub struct DropCounts([u64; Dropped::ALL.len()]);

impl DropCounts {
    /// How often this was dropped.
    pub fn get(&self, what: Dropped) -> u64 {
        self.0.get(what as usize).copied().unwrap_or_default()
    }

    pub(super) fn count(&mut self, what: Dropped) -> u64 {
        match self.0.get_mut(what as usize) {
            Some(counter) => {
                *counter = counter.saturating_add(1);
                *counter
            }
            None => 0,
        }
    }
}

impl fmt::Debug for DropCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = Dropped::ALL.into_iter().map(|what| (what.name(), self.get(what)));
        formatter.debug_map().entries(counted.filter(|(_, count)| *count != 0)).finish()
    }
}
