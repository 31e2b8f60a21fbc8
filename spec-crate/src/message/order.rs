//! Orders: what one attempt to pay, or to pay back, is about.
//!
//! HIS serialises the core once, persists it, and repeats it byte for byte. Terminal, deadlines and times are outside
//! it, so another window can recover an order. Specified in spec: orders.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use prost::Message as _;

use crate::amount::{Amount, AmountError};
use crate::codec::{self, Violation};
use crate::crypto::hash::sha256;
use crate::ids::{DeviceId, IdError, OperatorId, OrderNo, SiteId};
use crate::labels;
use crate::limits::AMOUNT_FEN_MAX;
use crate::platform::Channel;
use crate::wire;

/// Whether an order takes money or gives it back.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// It takes money; the amount is positive.
    Collect,
    /// It gives money back; the amount is negative.
    Refund,
}

impl Kind {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Collect => 1,
            Self::Refund => 2,
        }
    }

    /// The kind of a code, or `None`.
    #[must_use]
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Collect),
            2 => Some(Self::Refund),
            _ => None,
        }
    }

    /// The kind that an amount's sign stands for.
    #[must_use]
    pub const fn of(amount: Amount) -> Self {
        if amount.collects() { Self::Collect } else { Self::Refund }
    }
}

/// What a refund gives back, and who answers for it.
#[derive(Clone, Eq, PartialEq)]
pub struct RefundOf {
    /// The original order.
    pub order_no: OrderNo,
    /// The agreement of the original: its merchant gives the money back.
    pub agreement_no: u32,
    /// Where the original was paid.
    pub channel: Channel,
    /// The original's amount in fen, at least the refund's.
    pub amount: u64,
    /// The platform's own number of the original payment: 1 to 64 visible ASCII characters.
    pub payment_no: String,
    /// Who asked for it.
    pub operator: OperatorId,
    /// Who approved it: another person.
    pub approver: OperatorId,
    /// Why: 1 to 128 bytes of text without control characters.
    pub reason: String,
}

impl fmt::Debug for RefundOf {
    /// Leaves out people and the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefundOf({} {:?} {} fen, ..)", self.order_no, self.channel, self.amount)
    }
}

/// What HIS puts into an order. The kind follows from the sign of the amount.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewOrder {
    /// Unique at the site for ever; holds nothing about the patient.
    pub order_no: OrderNo,
    /// The only device that may ever act on it.
    pub device_id: DeviceId,
    /// + collects, - refunds.
    pub amount: Amount,
    /// YYYYMMDD in the calendar of HIS.
    pub business_day: u32,
    /// The agreement whose limits and merchants hold; not 0.
    pub agreement_no: u32,
    /// For refunds, and only for them.
    pub refund_of: Option<RefundOf>,
}

/// The core of an order, with the bytes that it was made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderCore {
    bytes: Vec<u8>,
    order: NewOrder,
}

impl OrderCore {
    /// Takes received bytes over.
    ///
    /// # Errors
    ///
    /// [`CoreError`] naming the first rule that is broken.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, CoreError> {
        //= spec-crate/spec/orders.md#the-core
        //# A receiver of a core MUST take it for malformed unless it is canonical, its kind is 1 or 2,
        //# `business_day` is a day of the Gregorian calendar from 10000101 to 99991231, and `refund_of` is
        //# there for a refund and only for a refund.
        let core: wire::OrderCore = codec::decode(&bytes, &wire::strict::ORDER_CORE)?;
        let kind = Kind::from_code(core.kind).ok_or(CoreError::Kind(core.kind))?;
        let amount = Amount::from_fen(core.amount)?;
        //= spec-crate/spec/orders.md#the-core
        //# A receiver of a canonical core of kind 1 or 2 MUST take it for one with a wrong amount if the
        //# magnitude is above 9,999,999,999 fen, or if the amount is not positive for kind 1 or not negative
        //# for kind 2, before it looks at `business_day` and `refund_of`.
        if kind != Kind::of(amount) {
            return Err(CoreError::Sign { kind, amount });
        }
        //= spec-crate/spec/orders.md#the-core
        //# A receiver of a core MUST take it for malformed unless it is canonical, its kind is 1 or 2,
        //# `business_day` is a day of the Gregorian calendar from 10000101 to 99991231, and `refund_of` is
        //# there for a refund and only for a refund.
        if !is_date(core.business_day) {
            return Err(CoreError::Date(core.business_day));
        }
        //= spec-crate/spec/orders.md#the-core
        //# A receiver of a core MUST take it for malformed unless it is canonical, its kind is 1 or 2,
        //# `business_day` is a day of the Gregorian calendar from 10000101 to 99991231, and `refund_of` is
        //# there for a refund and only for a refund.
        let refund_of = match (kind, core.refund_of) {
            (Kind::Collect, Some(_)) => return Err(CoreError::RefundOfCollect),
            (Kind::Refund, None) => return Err(CoreError::RefundOfMissing),
            (_, refund_of) => refund_of.map(|of| checked_refund(of, amount)).transpose()?,
        };
        let order = NewOrder {
            order_no: OrderNo::try_from(core.order_no.as_str())?,
            device_id: DeviceId::try_from(core.device_id.as_str())?,
            amount,
            business_day: core.business_day,
            agreement_no: core.agreement_no,
            refund_of,
        };
        Ok(Self { bytes, order })
    }

    //= spec-crate/spec/orders.md#the-core
    //# A HIS MUST serialise the core of an order once, in the canonical form of [encoding.md](encoding.md),
    //# and store and send those bytes unchanged for ever.
    /// Serialises a new order. Done once in its life: afterwards only [`bytes`](Self::bytes) are used.
    ///
    /// # Errors
    ///
    /// [`CoreError`] naming the first rule that is broken.
    pub fn encode(order: &NewOrder) -> Result<Self, CoreError> {
        let refund_of = order.refund_of.as_ref().map(|of| wire::RefundOf {
            order_no: of.order_no.as_str().into(),
            agreement_no: of.agreement_no,
            channel: of.channel.code(),
            amount: of.amount,
            payment_no: of.payment_no.clone(),
            operator: of.operator.as_str().into(),
            approver: of.approver.as_str().into(),
            reason: of.reason.clone(),
        });
        let core = wire::OrderCore {
            order_no: order.order_no.as_str().into(),
            device_id: order.device_id.as_str().into(),
            kind: Kind::of(order.amount).code(),
            amount: order.amount.fen(),
            business_day: order.business_day,
            agreement_no: order.agreement_no,
            refund_of,
        };
        Self::decode(core.encode_to_vec())
    }

    /// The bytes as they were received or first made.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The order's number.
    #[must_use]
    pub fn order_no(&self) -> &OrderNo {
        &self.order.order_no
    }

    /// The only device that may ever act on it.
    #[must_use]
    pub fn device_id(&self) -> &DeviceId {
        &self.order.device_id
    }

    /// Whether it takes money or gives it back.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of(self.order.amount)
    }

    /// + collects, - refunds.
    #[must_use]
    pub fn amount(&self) -> Amount {
        self.order.amount
    }

    /// YYYYMMDD in the calendar of HIS.
    #[must_use]
    pub fn business_day(&self) -> u32 {
        self.order.business_day
    }

    /// The agreement whose limits and merchants hold.
    #[must_use]
    pub fn agreement_no(&self) -> u32 {
        self.order.agreement_no
    }

    /// What is given back: there for refunds, and only for them.
    #[must_use]
    pub fn refund_of(&self) -> Option<&RefundOf> {
        self.order.refund_of.as_ref()
    }

    /// The hash by which both ends know this order at a site: see [`order_hash`].
    #[must_use]
    pub fn hash(&self, site: &SiteId) -> [u8; 32] {
        order_hash(site, &self.bytes)
    }
}

/// SHA-256 over `"hispos/1 order" 00 | u8 len | site id | core`: same number and same hash is the same order.
///
/// Specified in spec: orders.
#[must_use]
pub fn order_hash(site: &SiteId, core: &[u8]) -> [u8; 32] {
    let site = site.as_str().as_bytes();
    // A site id has at most 24 bytes.
    //= spec-crate/spec/orders.md#the-core
    //# A HIS and a POS MUST compute the hash of an order as the diagram below says, over the core's bytes as
    //# they were first made or received.
    sha256(&[labels::ORDER, &[0, site.len() as u8], site, core])
}

fn checked_refund(of: wire::RefundOf, amount: Amount) -> Result<RefundOf, CoreError> {
    //= spec-crate/spec/orders.md#the-core
    //# A receiver of a core MUST take it for malformed unless `refund_of.operator` and `refund_of.approver`
    //# differ, `refund_of.channel` is 1 or 2, and `refund_of.amount` is at least the magnitude of the refund
    //# and at most 9,999,999,999 fen.
    if of.operator == of.approver {
        //= spec-crate/spec/security.md#a-real-key-in-wrong-hands
        //# A HIS MUST NOT let one person give both names of a refund or of a decision.
        return Err(CoreError::SamePerson);
    }
    //= spec-crate/spec/orders.md#the-core
    //# A receiver of a core MUST take it for malformed unless `refund_of.operator` and `refund_of.approver`
    //# differ, `refund_of.channel` is 1 or 2, and `refund_of.amount` is at least the magnitude of the refund
    //# and at most 9,999,999,999 fen.
    if of.amount < amount.magnitude() || of.amount > AMOUNT_FEN_MAX {
        return Err(CoreError::Original { original: of.amount, refund: amount.magnitude() });
    }
    Ok(RefundOf {
        order_no: OrderNo::try_from(of.order_no.as_str())?,
        agreement_no: of.agreement_no,
        channel: Channel::from_code(of.channel).ok_or(CoreError::Channel(of.channel))?,
        amount: of.amount,
        payment_no: of.payment_no,
        operator: OperatorId::try_from(of.operator.as_str())?,
        approver: OperatorId::try_from(of.approver.as_str())?,
        reason: of.reason,
    })
}

/// Whether YYYYMMDD is a day of the Gregorian calendar, from the year 1000 on.
#[must_use]
pub fn is_date(day: u32) -> bool {
    let (year, month, day) = (day / 10_000, day / 100 % 100, day % 100);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1_000..=9_999).contains(&year) && (1..=last).contains(&day)
}

/// Why bytes, or what HIS put together, are no order.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CoreError {
    /// The bytes are not canonical.
    NotCanonical(Violation),
    /// An id is not of its form.
    Id(IdError),
    /// The kind is neither collect nor refund.
    Kind(i32),
    /// The amount is zero or too large.
    Amount(AmountError),
    /// The kind and the sign of the amount disagree.
    Sign {
        /// The kind.
        kind: Kind,
        /// The amount.
        amount: Amount,
    },
    /// The business day is in no calendar.
    Date(u32),
    /// A refund does not say what it gives back.
    RefundOfMissing,
    /// A collect says that it gives something back.
    RefundOfCollect,
    /// The original's channel is unknown.
    Channel(i32),
    /// The original is smaller than the refund, or above the limit.
    Original {
        /// The original's amount in fen.
        original: u64,
        /// The refund's amount in fen.
        refund: u64,
    },
    /// One person asked for the refund and approved it.
    SamePerson,
}

impl From<Violation> for CoreError {
    fn from(violation: Violation) -> Self {
        Self::NotCanonical(violation)
    }
}

impl From<IdError> for CoreError {
    fn from(error: IdError) -> Self {
        Self::Id(error)
    }
}

impl From<AmountError> for CoreError {
    fn from(error: AmountError) -> Self {
        Self::Amount(error)
    }
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCanonical(violation) => write!(f, "{violation}"),
            Self::Id(error) => write!(f, "{error}"),
            Self::Kind(code) => write!(f, "kind {code} is neither 1 (collect) nor 2 (refund)"),
            Self::Amount(error) => write!(f, "{error}"),
            Self::Sign { kind: Kind::Collect, amount } => {
                write!(f, "a collect of {amount}: it has to be positive")
            }
            Self::Sign { kind: Kind::Refund, amount } => {
                write!(f, "a refund of {amount}: it has to be negative")
            }
            Self::Date(day) => write!(f, "business day {day} is in no calendar: write YYYYMMDD"),
            Self::RefundOfMissing => f.write_str("a refund has to name the original payment"),
            Self::RefundOfCollect => f.write_str("a collect must not name an original payment"),
            Self::Channel(code) => write!(f, "channel {code} is neither 1 (wechat) nor 2 (alipay)"),
            Self::Original { original, refund } => {
                write!(
                    f,
                    "a refund of {refund} fen of an original of {original} fen: refund at most the original"
                )
            }
            Self::SamePerson => f.write_str("operator and approver are one person: a refund needs two"),
        }
    }
}

impl core::error::Error for CoreError {}

#[cfg(test)]
mod tests;
