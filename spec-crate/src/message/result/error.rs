//! Why something is no result.

use core::fmt;

use super::Outcome;
use crate::amount::{Amount, AmountError};
use crate::codec::Violation;
use crate::ids::IdError;
use crate::limits::AMOUNT_FEN_MAX;

/// Why bytes, or what a device put together, are no result.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResultError {
    /// The bytes are not canonical.
    NotCanonical(Violation),
    /// An id is not of its form.
    Id(IdError),
    /// The amount is too large.
    Amount(AmountError),
    /// The outcome is unknown.
    Outcome(i32),
    /// The outcome and the sign of the amount disagree.
    Sign {
        /// The outcome.
        outcome: Outcome,
        /// The amount.
        amount: Amount,
    },
    /// The status does not belong to the outcome.
    Status {
        /// The outcome.
        outcome: Outcome,
        /// The status.
        status: u32,
    },
    /// The channel is unknown.
    Channel(i32),
    /// Money moved, and channel or payment number is missing.
    PaymentMissing(Outcome),
    /// A payment number without its channel.
    ChannelMissing,
    /// A collect with the number of a refund.
    RefundIdOfCollect,
    /// A paid result with a code of the platform.
    ProviderCodeOfPaid,
    /// Captures found beside another outcome than attention.
    Found(Outcome),
    /// A capture of no money, or above the limit.
    FoundAmount(i64),
}

impl From<Violation> for ResultError {
    fn from(violation: Violation) -> Self {
        Self::NotCanonical(violation)
    }
}

impl From<IdError> for ResultError {
    fn from(error: IdError) -> Self {
        Self::Id(error)
    }
}

impl From<AmountError> for ResultError {
    fn from(error: AmountError) -> Self {
        Self::Amount(error)
    }
}

impl fmt::Display for ResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCanonical(violation) => write!(f, "{violation}"),
            Self::Id(error) => write!(f, "{error}"),
            Self::Amount(error) => write!(f, "{error}"),
            Self::Outcome(code) => write!(f, "outcome {code} is unknown: the result proves nothing"),
            Self::Sign { outcome, amount } => {
                write!(f, "an order of {amount} cannot end as {}", outcome.name())
            }
            Self::Status { outcome, status } => {
                write!(f, "status {status} does not belong to {}", outcome.name())
            }
            Self::Channel(code) => write!(f, "channel {code} is neither 1 (wechat) nor 2 (alipay)"),
            Self::PaymentMissing(outcome) => {
                write!(f, "a result of {} has to name channel and payment number", outcome.name())
            }
            Self::ChannelMissing => f.write_str("a payment number has to come with its channel"),
            Self::RefundIdOfCollect => f.write_str("a collect must not have a refund id"),
            Self::ProviderCodeOfPaid => f.write_str("a paid result must not have a code of the platform"),
            Self::Found(outcome) => {
                write!(f, "captures found belong to attention, not to {}", outcome.name())
            }
            Self::FoundAmount(fen) => write!(f, "a capture of {fen} fen: it has to be 1 to {AMOUNT_FEN_MAX}"),
        }
    }
}

impl core::error::Error for ResultError {}
