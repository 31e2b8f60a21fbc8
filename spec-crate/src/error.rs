//! What can go wrong, split by who has to act.
//!
//! [`PeerError`]: the peer broke a rule; the session or attempt ends with one alert, the local log has the reason.
//! [`Refusal`]: the caller asked at the wrong time; nothing happened. There is no third kind.

use core::fmt;

use crate::catalogue::AlertCode;

/// A rule that the peer broke. One variant is one MUST; each has one alert code, and several may share it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PeerError {
    /// The body of M1 has this many bytes, more than 1,536.
    HelloTooLong(usize),
    /// The body of M1 does not begin with `hsp1`.
    HelloMagic,
    /// HisHello fails at this step of the canonical validator.
    HelloNotCanonical {
        /// The step, 1 to 10.
        step: u8,
    },
    /// Two key shares are of this group.
    HelloGroupTwice(u32),
    /// The extension of this id does not have a higher one than its predecessor.
    HelloExtensionOrder(u32),
    /// M1 names an agreement that is not held.
    AgreementNotHeld,
    /// No offered version is allowed by the agreement and known here.
    NoVersion,
    /// No offered suite is allowed by the agreement and known here.
    NoSuite,
    /// None of the allowed suites has a key share.
    ShareMissing,
    /// The key share has this many bytes.
    ShareLength(usize),
    /// The key share is a point of small order.
    ShareNotContributory,
    /// Auth or Identity fails at this step of the canonical validator.
    AuthNotCanonical {
        /// The step, 1 to 10.
        step: u8,
    },
    /// The peer's id is not registered.
    PeerUnknown,
    /// The peer's key is not the registered one.
    PeerKeyDiffers,
    /// The peer shows this side's own id or key.
    PeerIsSelf,
    /// The peer is registered, and not the device bound to this desk.
    PeerNotBound,
    /// The peer's signature does not verify.
    SignatureWrong,
    /// The peer's confirmation is not the one that the keys give.
    ConfirmDiffers,
    /// Eight records in a row did not open.
    RecordsForged,
    /// The plaintext of a record is no message.
    PlaintextNotMessage,
}

impl PeerError {
    /// The alert that answers it. Every failure of authentication has the same one.
    pub const fn alert(self) -> AlertCode {
        match self {
            Self::HelloTooLong(_)
            | Self::HelloMagic
            | Self::HelloNotCanonical { .. }
            | Self::HelloGroupTwice(_)
            | Self::HelloExtensionOrder(_)
            | Self::PlaintextNotMessage => AlertCode::DecodeError,
            Self::AgreementNotHeld => AlertCode::Agreement,
            Self::NoVersion => AlertCode::Version,
            Self::NoSuite => AlertCode::Suite,
            Self::ShareMissing | Self::ShareLength(_) | Self::ShareNotContributory => {
                AlertCode::IllegalParameter
            }
            Self::AuthNotCanonical { .. }
            | Self::PeerUnknown
            | Self::PeerKeyDiffers
            | Self::PeerIsSelf
            | Self::PeerNotBound
            | Self::SignatureWrong
            //= spec-crate/spec/key-exchange.md#authentication
            //# An end MUST NOT send an alert code for a failed authentication other than 40
            //# (handshake_failure).
            | Self::ConfirmDiffers => AlertCode::HandshakeFailure,
            Self::RecordsForged => AlertCode::BadRecord,
        }
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelloTooLong(length) => write!(formatter, "first message of {length} bytes"),
            Self::HelloMagic => formatter.write_str("first message of another protocol"),
            Self::HelloNotCanonical { step } => {
                write!(formatter, "hello fails at step {step} of the validator")
            }
            Self::HelloGroupTwice(group) => write!(formatter, "two key shares of group {group}"),
            Self::HelloExtensionOrder(id) => write!(formatter, "extension {id} out of order"),
            Self::AgreementNotHeld => formatter.write_str("agreement not held"),
            Self::NoVersion => formatter.write_str("no common version"),
            Self::NoSuite => formatter.write_str("no common suite"),
            Self::ShareMissing => formatter.write_str("no key share for an allowed suite"),
            Self::ShareLength(length) => write!(formatter, "key share of {length} bytes"),
            Self::ShareNotContributory => formatter.write_str("key share of small order"),
            Self::AuthNotCanonical { step } => {
                write!(formatter, "proof fails at step {step} of the validator")
            }
            Self::PeerUnknown => formatter.write_str("peer not registered"),
            Self::PeerKeyDiffers => formatter.write_str("peer has another key than registered"),
            Self::PeerIsSelf => formatter.write_str("peer shows our own identity"),
            Self::PeerNotBound => formatter.write_str("peer is not bound to this desk"),
            Self::SignatureWrong => formatter.write_str("peer's signature is wrong"),
            Self::ConfirmDiffers => formatter.write_str("peer's confirmation differs"),
            Self::RecordsForged => formatter.write_str("8 records in a row did not open"),
            Self::PlaintextNotMessage => formatter.write_str("record without a message"),
        }
    }
}

impl core::error::Error for PeerError {}

/// A request that came at the wrong time, or with a value that no state allows. Nothing happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no session to send in.
    NoSession,
    /// The POS has not opened a record of HIS in this session yet.
    PeerNotReady,
    /// A message is empty or longer than 1,024 bytes; it has this length.
    MessageLength(usize),
    /// No order waits for a payment code.
    NoOrderWaits,
    /// No such order is open here.
    UnknownOrder,
    /// Another device may still move the order's money.
    Leased {
        /// Seconds until it cannot any more.
        seconds: u64,
    },
    /// An id is not of 1 to 24 characters of `[0-9A-Za-z._-]`.
    Identifier,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSession => formatter.write_str("no session"),
            Self::PeerNotReady => formatter.write_str("peer has not spoken in this session"),
            Self::MessageLength(length) => write!(formatter, "message of {length} bytes"),
            Self::NoOrderWaits => formatter.write_str("no order waits for a payment code"),
            Self::UnknownOrder => formatter.write_str("no such order is open here"),
            Self::Leased { seconds } => {
                write!(
                    formatter,
                    "the order's own device may still move its money: ask another in {seconds} s"
                )
            }
            Self::Identifier => formatter.write_str("not an identifier"),
        }
    }
}

impl core::error::Error for Refusal {}
