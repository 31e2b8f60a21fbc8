//! The secure transport of one stream: key exchange, its repetition, records and alerts. It dies with the stream.
//!
//! [`HisSession`] drives: it starts key exchanges, repeats, waits after failures, and switches to a new session when the
//! first record of it opens. [`PosSession`] answers: it holds one candidate and one live session. Both are fed with
//! bytes and time, and drained with `poll`; what they share about the line is in `line`, about a live session in
//! `live`. Orders, and the meaning of messages, belong to the floor above.
//!
//! Specified in spec: key exchange; records; alerts.

mod event;
mod his;
mod line;
mod live;
mod pos;
mod watch;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use event::{DropCounts, Dropped, ForeignPeer, SessionEnd, SessionEvent};
pub(crate) use his::HisSession;
pub(crate) use pos::PosSession;

use crate::handshake::HeldAgreement;
use crate::time::Instant;

//= spec-crate/spec/framing.md#end-of-a-stream
//= type=implication
//# An end MUST NOT close its stream because the peer broke a rule of the protocol.
/// What a session tells the floor above, in order.
pub(crate) enum SessionOutput {
    /// Write these bytes to the stream.
    Transmit(Vec<u8>),
    /// A session is live. It replaces the one before, which is not reported down.
    Up(Established),
    /// The plaintext of a record: a decodable Message that is no alert.
    Message(Vec<u8>),
    /// The session ended, and none is live.
    Down(SessionEnd),
    /// Something that people or the program should know.
    Notice(SessionEvent),
}

/// A session that both ends have proved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Established {
    /// The authenticated id of the peer.
    pub(crate) peer_id: String,
    /// The agreement that holds in this session.
    pub(crate) agreement: HeldAgreement,
    /// Session time 0: at the POS the first transmission of M2, at HIS the acceptance of M2.
    pub(crate) zero: Instant,
}

impl fmt::Debug for SessionOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Bytes may hold what must not be printed.
            Self::Transmit(bytes) => write!(formatter, "Transmit({} bytes)", bytes.len()),
            Self::Message(bytes) => write!(formatter, "Message({} bytes)", bytes.len()),
            Self::Up(established) => formatter.debug_tuple("Up").field(established).finish(),
            Self::Down(end) => formatter.debug_tuple("Down").field(end).finish(),
            Self::Notice(event) => formatter.debug_tuple("Notice").field(event).finish(),
        }
    }
}
