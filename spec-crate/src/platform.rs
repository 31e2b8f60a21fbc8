//! The payment platform as the order flow sees it: questions out, verdicts in.
//!
//! What WeChat Pay or Alipay answer is the adapter's to know; it turns each answer into one [`Verdict`]. No rule
//! about money is in an adapter, and no code of a platform is in the order flow.
//!
//! Specified in spec: payment state machine.

use alloc::string::String;

use zeroize::Zeroizing;

use crate::ids::{PlatformNumber, Purpose};
use crate::time::{Instant, UnixSeconds};

/// A payment platform.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Channel {
    /// WeChat Pay.
    Wechat,
    /// Alipay.
    Alipay,
}

impl Channel {
    /// Both, in the order of their codes.
    pub const ALL: [Self; 2] = [Self::Wechat, Self::Alipay];

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Wechat => 1,
            Self::Alipay => 2,
        }
    }

    /// The channel of a code, or `None`.
    #[must_use]
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Wechat),
            2 => Some(Self::Alipay),
            _ => None,
        }
    }

    /// What a platform number of it is for.
    pub(crate) const fn purpose(self) -> Purpose {
        match self {
            Self::Wechat => Purpose::Wechat,
            Self::Alipay => Purpose::Alipay,
        }
    }

    /// The name in programs and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Alipay => "alipay",
        }
    }
}

/// Where the money of a channel goes. The credentials are the adapter's.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Merchant {
    /// The platform.
    pub channel: Channel,
    /// WeChat `mch_id`, or Alipay `app_id`.
    pub account: String,
    /// WeChat `sub_mch_id`, or Alipay `seller_id`; may be empty.
    pub sub_account: String,
    /// No money moves: the platform is simulated.
    pub simulated: bool,
}

/// Names one question until its verdict has come.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AskId(pub u64);

//= spec-crate/spec/payment.md#the-pay
//= type=implication
//# A POS MUST erase the payment code from memory when the pay has been written or the code was replaced,
//# refused or forgotten.
//= spec-crate/spec/privacy.md#erasing
//= type=implication
//# A HIS and a POS MUST overwrite payment codes, private keys and session secrets in memory when they are no
//# longer used.
/// A payment code as it was scanned: erased when dropped, never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct PaymentCode(Zeroizing<String>);

impl PaymentCode {
    /// Takes a code over.
    #[must_use]
    pub fn new(digits: String) -> Self {
        Self(Zeroizing::new(digits))
    }

    /// The digits, for the request to the platform and nothing else.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The last four digits, for support.
    #[must_use]
    pub fn last_four(&self) -> &str {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or_default()
    }
}

impl core::fmt::Debug for PaymentCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PaymentCode(..)")
    }
}

/// A question, or a request that moves money, for one platform.
///
/// Each goes out on a connection of its own that carries one request, and is retried by no layer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ask {
    /// Comes back in the verdict.
    pub id: AskId,
    /// Whose credentials are used. Without them there is no verdict.
    pub merchant: Merchant,
    /// The platform number that it is about; of the original, for a refund.
    pub number: Option<PlatformNumber>,
    /// The original's total in fen; answers with another total prove a mismatch. 0 for [`Request::Verify`].
    pub total: u64,
    /// What is asked.
    pub request: Request,
    /// The clock is read again just before the first byte; at or after this instant no byte is written.
    /// `None` for questions that move nothing.
    pub not_after: Option<Instant>,
    /// From the first byte until the connection is aborted, and to connect, in milliseconds.
    pub http_ms: u64,
    /// See `http_ms`.
    pub connect_ms: u64,
}

/// What is asked of a platform.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// Are this merchant's credentials right, also the certificate that reversals need?
    Verify,
    /// What became of the number?
    Query,
    /// Take the money.
    Pay {
        /// The patient's code.
        code: PaymentCode,
        /// Absolute end of the platform's order: Unix seconds in the platform's own time.
        expires_at: UnixSeconds,
    },
    /// Close the number, or give everything back.
    Reverse,
    /// Give back a part or all of it.
    Refund {
        /// The refund's own platform number.
        refund: PlatformNumber,
        /// Fen.
        amount: u64,
    },
    /// What became of the refund?
    QueryRefund {
        /// The refund's own platform number.
        refund: PlatformNumber,
        /// Fen; an answer with another amount is about another refund.
        amount: u64,
    },
}

/// The answer to an [`Ask`], as far as it proves something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Which question.
    pub id: AskId,
    /// What it proves.
    pub proof: Proof,
    /// The platform's own code, at most 64 visible ASCII characters; empty if there was no answer.
    pub provider_code: String,
    /// The platform's clock in the answer.
    pub date: Option<UnixSeconds>,
    /// When the first byte was written; `None` if provably none was.
    pub first_byte: Option<Instant>,
    /// When the connection had ended, answered or aborted.
    pub ended: Instant,
    /// An answer came and could be trusted. `false`: transport failed, or it was unsigned or mismatching.
    pub answered: bool,
}

/// What an answer proves. Whatever no table lists is [`Open`](Self::Open).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Nothing.
    Open,
    /// The platform has the money, at the right total.
    Captured(Capture),
    /// The platform has money under this number, at another total or merchant.
    Mismatch(Capture),
    /// Captured, and refunds are seen on it: all of it, or a part.
    CapturedAndRefunded {
        /// The capture.
        capture: Capture,
        /// Fen given back so far, if told.
        refunded: u64,
    },
    /// The number is closed: it can never be paid any more. With payment evidence see
    /// [`CapturedAndRefunded`](Self::CapturedAndRefunded).
    Closed,
    /// A pay was refused before an order came to exist: the code is of no use.
    Refused,
    /// The payer's account refused; a query tells whether the number lives.
    PayerRefused,
    /// The platform already knew the number.
    NumberKnown,
    /// The number is known and can still be paid.
    Alive,
    /// The platform does not know the number.
    Absent,
    /// The refund was carried out.
    Refunded {
        /// The platform's own number of the refund; may be empty.
        refund_id: String,
        /// When; platform time.
        at: Option<UnixSeconds>,
    },
    /// The platform knows the refund, and it has not ended.
    RefundPending,
    /// The refund was refused (`closed` = false) or closed, and cannot happen any more.
    NotRefunded {
        /// The platform had accepted it and closed it.
        closed: bool,
    },
    /// A person has to carry the refund on at the platform.
    RefundAbnormal,
    /// The merchant's credentials are right.
    Verified,
    /// The merchant's credentials or the request are refused; as the answer to a pay, before an order came to exist.
    MerchantRefused,
}

/// Money that the platform took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Capture {
    /// The platform's own number, at most 64 visible ASCII characters.
    pub payment_no: String,
    /// Fen.
    pub amount: u64,
    /// Platform time.
    pub captured_at: Option<UnixSeconds>,
}
