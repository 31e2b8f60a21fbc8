//! Results: how an order ended, signed once by a device.
//!
//! A result is a receipt that outlives the session: anyone who holds the device's key can check it. It is stored and
//! repeated byte for byte. Specified in spec: results.

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message as _;

use crate::amount::Amount;
use crate::catalogue::{Money, Status};
use crate::codec;
use crate::crypto::hash::sha256;
use crate::crypto::sign::BadSignature;
use crate::crypto::{Secret, ed25519_sign, ed25519_verify};
use crate::ids::{DeviceId, OrderNo};
use crate::labels;
use crate::limits::AMOUNT_FEN_MAX;
use crate::platform::{Capture, Channel};
use crate::time::UnixSeconds;
use crate::wire;

mod error;
#[cfg(test)]
mod tests;

pub use error::ResultError;

/// How an order ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// The platform took the money.
    Paid,
    /// No money moved, or all of it is back.
    NotPaid,
    /// The money was given back as asked.
    Refunded,
    /// Nothing was given back.
    NotRefunded,
    /// People have to look at it.
    Attention,
}

impl Outcome {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] =
        [Self::Paid, Self::NotPaid, Self::Refunded, Self::NotRefunded, Self::Attention];

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Paid => 1,
            Self::NotPaid => 2,
            Self::Refunded => 3,
            Self::NotRefunded => 4,
            Self::Attention => 5,
        }
    }

    /// The outcome of a code, or `None`: a result with another one is refused.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }

    /// The name in tables and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::NotPaid => "not_paid",
            Self::Refunded => "refunded",
            Self::NotRefunded => "not_refunded",
            Self::Attention => "attention",
        }
    }

    /// Whether an order of this amount can end so: a collect is paid or not, a refund refunded or not.
    const fn suits(self, amount: Amount) -> bool {
        match self {
            Self::Paid | Self::NotPaid => amount.collects(),
            Self::Refunded | Self::NotRefunded => !amount.collects(),
            Self::Attention => true,
        }
    }

    /// Whether a status may stand beside the outcome. Codes say it by their hundreds, except that 110 is a refund.
    ///
    /// Codes that this version does not know may stand beside any: what they mean is money unknown.
    fn allows(self, status: u32) -> bool {
        //= spec-crate/spec/catalogue.md#code-ranges
        //# A receiver MUST accept a result with a status that it does not know, if the rest of the result is
        //# right.
        Status::from_code(status).is_none()
            || match self {
                Self::Paid => (100..110).contains(&status),
                Self::Refunded => (110..200).contains(&status),
                Self::NotPaid => status / 100 == 2,
                Self::Attention => status / 100 == 3,
                Self::NotRefunded => status / 100 == 4,
            }
    }
}

/// What a device puts into a result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewResult {
    /// The order that ended: see [`order_hash`](super::order::order_hash).
    pub order_hash: [u8; 32],
    /// Its number.
    pub order_no: OrderNo,
    /// The signer.
    pub device_id: DeviceId,
    /// How it ended.
    pub outcome: Outcome,
    /// Why: a code of the catalogue, perhaps one that this version does not know.
    pub status: u32,
    /// The core's amount, always.
    pub amount: Amount,
    /// Where it was paid or tried. `None` if no channel was used.
    pub channel: Option<Channel>,
    /// The platform's own number; for a refund the original's.
    pub payment_no: Option<String>,
    /// The platform's own number of the refund, where there is one.
    pub refund_id: Option<String>,
    /// When the platform took the money, or gave it back; platform time.
    pub captured_at: Option<UnixSeconds>,
    /// When the device decided. `None` without a clock.
    pub decided_at: Option<UnixSeconds>,
    /// The platform's own code, for support. Not if paid.
    pub provider_code: Option<String>,
    /// Captures seen, at most 2. Only for attention.
    pub found: Vec<FoundCapture>,
}

/// Money that a platform told of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FoundCapture {
    /// Where.
    pub channel: Channel,
    /// The capture itself.
    pub capture: Capture,
}

/// A result, with the bytes that it was made from. It is only as true as its signature: see [`verify`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResultCore {
    bytes: Vec<u8>,
    result: NewResult,
}

impl ResultCore {
    /// Takes received bytes over. Their signature is another matter.
    ///
    /// # Errors
    ///
    /// [`ResultError`] naming the first rule that is broken.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, ResultError> {
        //= spec-crate/spec/orders.md#results
        //# A receiver of a result MUST take it for no result unless it is canonical, its outcome is 1 to 5,
        //# `paid` and `not_paid` stand with a positive amount, `refunded` and `not_refunded` stand with a
        //# negative one, the amount has at most 9,999,999,999 fen (AMOUNT_FEN_MAX), and every channel in it
        //# is 1 or 2.
        let core: wire::ResultCore = codec::decode(&bytes, &wire::strict::RESULT_CORE)?;
        let outcome = Outcome::from_code(core.outcome).ok_or(ResultError::Outcome(core.outcome))?;
        let result = NewResult {
            // The validator has counted 32 bytes.
            order_hash: <[u8; 32]>::try_from(core.order_hash.as_slice()).unwrap_or_default(),
            order_no: OrderNo::try_from(core.order_no.as_str())?,
            device_id: DeviceId::try_from(core.device_id.as_str())?,
            outcome,
            status: core.status.unsigned_abs(),
            amount: Amount::from_fen(core.amount)?,
            channel: match core.channel {
                0 => None,
                code => Some(Channel::from_code(code).ok_or(ResultError::Channel(code))?),
            },
            payment_no: present(core.payment_no),
            refund_id: present(core.refund_id),
            captured_at: moment(core.captured_at),
            decided_at: moment(core.decided_at),
            provider_code: present(core.provider_code),
            found: core.found.into_iter().map(found).collect::<Result<_, _>>()?,
        };
        result.check()?;
        Ok(Self { bytes, result })
    }

    /// Serialises a new result. Done once in its life: afterwards only [`bytes`](Self::bytes) are used.
    ///
    /// # Errors
    ///
    /// [`ResultError`] naming the first rule that is broken.
    pub fn encode(result: &NewResult) -> Result<Self, ResultError> {
        let found = result.found.iter().map(|found| wire::FoundCapture {
            channel: found.channel.code(),
            payment_no: found.capture.payment_no.clone(),
            amount: i64::try_from(found.capture.amount).unwrap_or(i64::MAX),
            captured_at: seconds(found.capture.captured_at),
        });
        let core = wire::ResultCore {
            order_hash: result.order_hash.to_vec(),
            order_no: result.order_no.as_str().into(),
            device_id: result.device_id.as_str().into(),
            outcome: result.outcome.code(),
            status: i32::try_from(result.status).unwrap_or(i32::MAX),
            amount: result.amount.fen(),
            channel: result.channel.map_or(0, Channel::code),
            payment_no: result.payment_no.clone().unwrap_or_default(),
            refund_id: result.refund_id.clone().unwrap_or_default(),
            captured_at: seconds(result.captured_at),
            decided_at: seconds(result.decided_at),
            provider_code: result.provider_code.clone().unwrap_or_default(),
            found: found.collect(),
        };
        Self::decode(core.encode_to_vec())
    }

    /// The bytes as they were received or first made: what is signed, stored and repeated.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the result says.
    #[must_use]
    pub fn get(&self) -> &NewResult {
        &self.result
    }

    /// How the order ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.result.outcome
    }

    /// Why, or `None` for a code that this version does not know.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        Status::from_code(self.result.status)
    }

    /// What is known about the money. An unknown status means that it is unknown, never that it failed.
    #[must_use]
    pub fn money(&self) -> Money {
        //= spec-crate/spec/orders.md#results
        //# A receiver of a result with a status that it does not know MUST take the money for unknown and the
        //# retry class for `never`.
        //= spec-crate/spec/catalogue.md#code-ranges
        //# A program MUST NOT show, store, total or export an order whose money is unknown as failed.
        self.status().map_or(Money::Unknown, Status::money)
    }

    /// First 16 bytes of SHA-256 over the result, as a confirmation names it.
    #[must_use]
    pub fn hash(&self) -> [u8; 16] {
        result_hash(&self.bytes)
    }
}

impl NewResult {
    fn check(&self) -> Result<(), ResultError> {
        let (outcome, status) = (self.outcome, self.status);
        //= spec-crate/spec/orders.md#results
        //# A receiver of a result MUST take it for no result unless it is canonical, its outcome is 1 to 5,
        //# `paid` and `not_paid` stand with a positive amount, `refunded` and `not_refunded` stand with a
        //# negative one, the amount has at most 9,999,999,999 fen (AMOUNT_FEN_MAX), and every channel in it
        //# is 1 or 2.
        if !outcome.suits(self.amount) {
            return Err(ResultError::Sign { outcome, amount: self.amount });
        }
        //= spec-crate/spec/orders.md#results
        //# A receiver of a result MUST take it for no result if its status is one that the receiver knows and
        //# is not of the outcome's group, where `paid` has 100 to 109, `refunded` 110 to 199, `not_paid` 200
        //# to 299, `attention` 300 to 399 and `not_refunded` 400 to 499.
        if !outcome.allows(status) {
            return Err(ResultError::Status { outcome, status });
        }
        //= spec-crate/spec/orders.md#results
        //# A receiver of a result MUST take it for no result if it is `paid` or `refunded` without `channel`
        //# or `payment_no`, has `payment_no` without `channel`, has `refund_id` with a positive amount, is
        //# `paid` with `provider_code`, has `found` without being `attention`, or has in `found` an amount
        //# below 0 or above 9,999,999,999 fen.
        let moved = matches!(outcome, Outcome::Paid | Outcome::Refunded);
        if moved && (self.channel.is_none() || self.payment_no.is_none()) {
            return Err(ResultError::PaymentMissing(outcome));
        }
        if self.payment_no.is_some() && self.channel.is_none() {
            return Err(ResultError::ChannelMissing);
        }
        if self.refund_id.is_some() && self.amount.collects() {
            return Err(ResultError::RefundIdOfCollect);
        }
        if self.provider_code.is_some() && outcome == Outcome::Paid {
            return Err(ResultError::ProviderCodeOfPaid);
        }
        if !self.found.is_empty() && outcome != Outcome::Attention {
            return Err(ResultError::Found(outcome));
        }
        Ok(())
    }
}

fn found(found: wire::FoundCapture) -> Result<FoundCapture, ResultError> {
    let channel = Channel::from_code(found.channel).ok_or(ResultError::Channel(found.channel))?;
    //= spec-crate/spec/orders.md#results
    //# A receiver of a result MUST take it for no result if it is `paid` or `refunded` without `channel` or
    //# `payment_no`, has `payment_no` without `channel`, has `refund_id` with a positive amount, is `paid`
    //# with `provider_code`, has `found` without being `attention`, or has in `found` an amount below 0 or
    //# above 9,999,999,999 fen.
    let amount = u64::try_from(found.amount).ok().filter(|amount| *amount <= AMOUNT_FEN_MAX);
    let amount = amount.ok_or(ResultError::FoundAmount(found.amount))?;
    let captured_at = moment(found.captured_at);
    Ok(FoundCapture { channel, capture: Capture { payment_no: found.payment_no, amount, captured_at } })
}

fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn moment(seconds: u64) -> Option<UnixSeconds> {
    (seconds != 0).then_some(UnixSeconds(seconds))
}

fn seconds(moment: Option<UnixSeconds>) -> u64 {
    moment.map_or(0, |moment| moment.0)
}

/// Signs a result with the device's key. Specified in spec: results.
#[must_use]
pub fn sign(seed: &Secret<32>, result: &ResultCore) -> [u8; 64] {
    ed25519_sign(seed, labels::RESULT, &result.bytes)
}

/// Verifies the signature of a result over its bytes as they were received.
///
/// # Errors
///
/// [`BadSignature`] if the device with this key did not sign these bytes as a result.
pub fn verify(key: &[u8; 32], result: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
    ed25519_verify(key, labels::RESULT, result, signature).map(drop)
}

/// First 16 bytes of SHA-256 over a result's bytes.
#[must_use]
pub fn result_hash(result: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    //= spec-crate/spec/orders.md#results
    //# A HIS and a POS MUST name a result in a confirmation by the first 16 bytes of SHA-256 over the
    //# result's bytes.
    short.iter_mut().zip(sha256(&[result])).for_each(|(to, from)| *to = from);
    short
}
