//! What a signed answer proves.
//!
//! Number, merchant, currency and total are compared where the answer has them; an answer about something else
//! proves nothing. Then the closed tables decide; what no row names is open. The one answer that is believed although
//! it names another total or merchant is a query that tells of captured money: that is a mismatch people have to see.
//!
//! Specified in spec: what an answer proves.

use hispos::platform::{Ask, Capture, Proof, Request};

use super::reply::Reply;
use super::tables::{ANSWERS, AnswerVerdict, Call, Profile};

/// The only currency of version 1.
const CURRENCY: &str = "CNY";
/// Bound of the platform's own numbers.
const PAYMENT_NO_BYTES_MAX: usize = hispos::limits::PAYMENT_NO_BYTES_MAX;
/// Bound of a code that is reported for support.
const PROVIDER_CODE_BYTES_MAX: usize = hispos::limits::PROVIDER_CODE_BYTES_MAX;
/// What Alipay's silence about a refund is called in the table.
const NO_REFUND_STATUS: &str = "NO_REFUND_STATUS";

/// Why a signed answer is no answer to what was asked: it proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mismatch {
    /// It is about another order.
    Number,
    /// It is about another refund, or another amount of it.
    Refund,
    /// It is about another merchant.
    Merchant,
    /// It names another total.
    Total,
    /// It names another currency.
    Currency,
}

/// Judges a signed answer to an ask.
///
/// # Errors
///
/// [`Mismatch`] if it is an answer to something else.
pub fn verdict(profile: Profile, ask: &Ask, reply: &Reply) -> Result<Proof, Mismatch> {
    let about = |told: &Option<String>, asked: Option<&str>| told.as_deref().is_none_or(|t| Some(t) == asked);
    //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
    //# An adapter MUST take a signed answer that names another order number than the question for untrusted.
    if !about(&reply.number, ask.number.as_ref().map(AsRef::as_ref)) {
        return Err(Mismatch::Number);
    }
    let (refund, amount) = match &ask.request {
        Request::Refund { refund, amount } | Request::QueryRefund { refund, amount } => {
            (Some(refund.as_ref()), Some(*amount))
        }
        _ => (None, None),
    };
    let amount_differs = amount.is_some_and(|asked| reply.refund_amount.is_some_and(|told| told != asked));
    //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
    //# An adapter MUST take a signed answer that names another refund number than the question, names one
    //# although the question has none, or names another amount of the refund than the question for untrusted.
    if !about(&reply.refund_number, refund) || amount_differs {
        return Err(Mismatch::Refund);
    }
    let call = call_of(&ask.request);
    let found = listed(profile, call, word(profile, call, reply));
    let differs = differs(ask, reply);
    if let (Some(verdict), Call::Query, Some(_)) = (found, call, differs)
        && let Some(capture) = captured_money(verdict, reply)
    {
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST give the proof mismatch for a signed answer to a query that names another account,
        //# sub-account, currency or total and tells of captured money by PAY-25.
        return Ok(Proof::Mismatch(capture));
    }
    match differs {
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST take a signed answer that names another account, sub-account, currency than CNY,
        //# or total than the question for untrusted, unless PAY-19 applies.
        Some(mismatch) => Err(mismatch),
        None => Ok(found.map_or_else(|| unlisted(call), |verdict| proof(verdict, reply))),
    }
}

/// The platform's own code, as it is reported for support: at most 64 visible ASCII characters.
#[must_use]
pub fn provider_code(profile: Profile, ask: &Ask, reply: &Reply) -> String {
    let (Word::Code(code) | Word::State(code)) = word(profile, call_of(&ask.request), reply);
    let code = if code.is_empty() { &reply.code } else { code };
    //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
    //# An adapter MUST give as provider code of a trusted answer its word, or its code if the word is empty,
    //# without all but visible ASCII characters and cut to 64.
    code.chars().filter(char::is_ascii_graphic).take(PROVIDER_CODE_BYTES_MAX).collect()
}

fn call_of(request: &Request) -> Call {
    match request {
        Request::Verify => Call::Verify,
        Request::Query => Call::Query,
        Request::Pay { .. } => Call::Pay,
        Request::Reverse => Call::Reverse,
        Request::Refund { .. } => Call::Refund,
        Request::QueryRefund { .. } => Call::QueryRefund,
    }
}

/// The word that the tables have for an answer.
#[derive(Clone, Copy)]
enum Word<'a> {
    /// The call's own code.
    Code(&'a str),
    /// What a call that succeeded says of the order or the refund.
    State(&'a str),
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//# An adapter MUST form the word of an answer as the table below says, where a call has succeeded if its code
//# is `SUCCESS` (WeChat) or `10000` (Alipay).
fn word(profile: Profile, call: Call, reply: &Reply) -> Word<'_> {
    let succeeded = match profile {
        Profile::WechatV2 | Profile::WechatV3 => reply.code == "SUCCESS",
        Profile::Alipay => reply.code == "10000",
    };
    if !succeeded {
        let sub_code = reply.sub_code.strip_prefix("ACQ.").unwrap_or(&reply.sub_code);
        let told_apart = profile == Profile::Alipay && reply.code == "40004";
        return Word::Code(if told_apart { sub_code } else { &reply.code });
    }
    let state = |told: &'_ Option<String>| told.as_deref().is_some_and(|told| !told.is_empty());
    match call {
        // A success that shows an order in another state than paid is no success.
        Call::Pay if state(&reply.trade_state) && !reply.trade_state.as_deref().is_some_and(is_paid) => {
            Word::State("")
        }
        Call::Pay | Call::Verify | Call::Reverse => Word::Code(&reply.code),
        Call::Query => Word::State(reply.trade_state.as_deref().unwrap_or_default()),
        Call::Refund if profile == Profile::Alipay => match reply.fund_change.as_deref() {
            Some("Y") => Word::State("FUND_CHANGE_Y"),
            Some("N") => Word::State("FUND_CHANGE_N"),
            _ => Word::State(""),
        },
        Call::QueryRefund if profile == Profile::Alipay && !state(&reply.refund_status) => {
            Word::Code(NO_REFUND_STATUS)
        }
        Call::Refund | Call::QueryRefund => Word::State(reply.refund_status.as_deref().unwrap_or_default()),
    }
}

fn is_paid(state: &str) -> bool {
    matches!(state, "SUCCESS" | "TRADE_SUCCESS" | "TRADE_FINISHED")
}

fn listed(profile: Profile, call: Call, word: Word<'_>) -> Option<AnswerVerdict> {
    let row = |call, code| {
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST look a word up in the tables below under its profile and call, and under query
        //# refund for the refund state of a WeChat answer to a refund.
        let found = ANSWERS.iter().find(|row| (row.profile, row.call, row.code) == (profile, call, code));
        found.map(|row| row.verdict)
    };
    let asks = matches!(call, Call::Query | Call::QueryRefund);
    match word {
        // A failed question says at most that the number is not known; states are told by a successful one.
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST let a query or query refund that did not succeed prove absent, if its word has
        //# that verdict, and nothing else.
        Word::Code(code) if asks => row(call, code).filter(|verdict| *verdict == AnswerVerdict::Absent),
        Word::Code(code) => row(call, code),
        // WeChat's answer to a refund request may show its state, in the words of a refund query.
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST look a word up in the tables below under its profile and call, and under query
        //# refund for the refund state of a WeChat answer to a refund.
        Word::State(state) if call == Call::Refund && profile != Profile::Alipay => {
            row(Call::QueryRefund, state)
        }
        Word::State(state) => row(call, state),
    }
    //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
    //# An adapter MUST NOT take a state that a successful call told for absent, but for `NO_REFUND_STATUS`.
    .filter(|verdict| !matches!(word, Word::State(_)) || *verdict != AnswerVerdict::Absent)
}

fn unlisted(call: Call) -> Proof {
    // A signed answer other than success to the question whether the credentials are right says that they are not.
    //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
    //# An adapter MUST give the proof open for a word that no row names, but merchant refused for a trusted
    //# answer to a verification that no row names.
    if call == Call::Verify { Proof::MerchantRefused } else { Proof::Open }
}

fn differs(ask: &Ask, reply: &Reply) -> Option<Mismatch> {
    let other = |told: &Option<String>, asked: &str| told.as_deref().is_some_and(|told| told != asked);
    if other(&reply.account, &ask.merchant.account) || other(&reply.sub_account, &ask.merchant.sub_account) {
        Some(Mismatch::Merchant)
    } else if other(&reply.currency, CURRENCY) {
        Some(Mismatch::Currency)
    } else if reply.total.is_some_and(|told| told != ask.total) {
        Some(Mismatch::Total)
    } else {
        None
    }
}

fn proof(verdict: AnswerVerdict, reply: &Reply) -> Proof {
    let capture = || captured_money(verdict, reply);
    match verdict {
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST give the proof open for a row with the verdict captured or captured and refunded
        //# whose answer does not tell of money.
        AnswerVerdict::Captured => capture().map_or(Proof::Open, Proof::Captured),
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST give the proof open for a row with the verdict captured or captured and refunded
        //# whose answer does not tell of money.
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST take the refunded amount for 0 where an answer tells of refunds without saying how
        //# much.
        AnswerVerdict::CapturedAndRefunded => match capture() {
            Some(capture) => Proof::CapturedAndRefunded { capture, refunded: reply.refunded.unwrap_or(0) },
            None => Proof::Open,
        },
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST give, for a row with the verdict closed, the proof captured and refunded if the
        //# answer tells of money, open if it is not told of only because the payment number or the total
        //# cannot be used, and closed otherwise.
        AnswerVerdict::Closed => match capture() {
            Some(capture) => Proof::CapturedAndRefunded { capture, refunded: reply.refunded.unwrap_or(0) },
            // Money moved, and the answer does not say which.
            None if closed_after_payment(reply) => Proof::Open,
            None => Proof::Closed,
        },
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST give for every other verdict of a row the proof of the same name, where the
        //# verdict dead is the proof refused.
        AnswerVerdict::Dead => Proof::Refused,
        AnswerVerdict::PayerRefused => Proof::PayerRefused,
        AnswerVerdict::NumberKnown => Proof::NumberKnown,
        AnswerVerdict::Alive => Proof::Alive,
        AnswerVerdict::Absent => Proof::Absent,
        AnswerVerdict::Refunded => {
            Proof::Refunded { refund_id: own_number(reply.refund_id.as_ref()), at: reply.refunded_at }
        }
        //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
        //# An adapter MUST say of the proof not refunded that the refund was closed if the answer tells a
        //# refund state, and that it was refused otherwise.
        AnswerVerdict::NotRefunded => Proof::NotRefunded { closed: reply.refund_status.is_some() },
        AnswerVerdict::RefundPending => Proof::RefundPending,
        AnswerVerdict::RefundAbnormal => Proof::RefundAbnormal,
        AnswerVerdict::Verified => Proof::Verified,
        AnswerVerdict::MerchantRefused => Proof::MerchantRefused,
        AnswerVerdict::Open => Proof::Open,
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//# An adapter MUST take money for told only by a row with the verdict captured or captured and refunded, or
//# by the state `TRADE_CLOSED` with a time of payment or a refunded amount above 0, and only with a payment
//# number of 1 to 64 visible ASCII characters and a total.
/// The money that an answer tells of, if it does. Without the platform's own number and a total nothing is captured.
fn captured_money(verdict: AnswerVerdict, reply: &Reply) -> Option<Capture> {
    let told = match verdict {
        AnswerVerdict::Captured | AnswerVerdict::CapturedAndRefunded => true,
        AnswerVerdict::Closed => closed_after_payment(reply),
        _ => false,
    };
    let payment_no = own_number(reply.payment_no.as_ref());
    let amount = reply.total.filter(|_| told && !payment_no.is_empty())?;
    Some(Capture { payment_no, amount, captured_at: reply.captured_at })
}

/// Alipay closes an order both when nobody paid and when everything was given back.
fn closed_after_payment(reply: &Reply) -> bool {
    reply.trade_state.as_deref() == Some("TRADE_CLOSED")
        && (reply.captured_at.is_some() || reply.refunded.is_some_and(|fen| fen > 0))
}

/// A number of the platform's own, or empty if it is none that a result can hold.
fn own_number(told: Option<&String>) -> String {
    let good = |text: &&String| {
        text.len() <= PAYMENT_NO_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    told.filter(good).cloned().unwrap_or_default()
}
