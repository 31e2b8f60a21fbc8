//! Payment calls on lines: questions to platforms and what their answers prove.

use hispos::ids::PlatformNumber;
use hispos::platform::{Ask, AskId, Capture, Channel, Merchant, PaymentCode, Proof, Request, Verdict};
use hispos::time::{Instant, UnixSeconds};
use serde_json::{Value, json};

use super::members::{Members, checked, maybe, maybe_number, number, object, text, truth};

/// A channel by its code.
pub(crate) fn channel(members: &Members) -> Result<Channel, String> {
    let code = number(members, "channel")?;
    let known = i32::try_from(code).ok().and_then(Channel::from_code);
    known.ok_or_else(|| format!("channel {code} is neither 1 nor 2"))
}

/// A question as a line has it.
pub(crate) fn ask_line(ask: &Ask) -> Value {
    let mut line = json!({
        "is": "ask",
        "id": ask.id.0,
        "channel": ask.merchant.channel.code(),
        "account": ask.merchant.account,
        "sub_account": ask.merchant.sub_account,
        "number": ask.number.as_ref().map(PlatformNumber::as_str),
        "total": ask.total,
        "not_after": ask.not_after.map(|at| at.0),
        "http_ms": ask.http_ms,
        "connect_ms": ask.connect_ms,
    });
    let more = match &ask.request {
        Request::Verify => json!({"request": "verify"}),
        Request::Query => json!({"request": "query"}),
        Request::Pay { code, expires_at } => {
            json!({"request": "pay", "code": code.digits(), "expires_at": expires_at.0})
        }
        Request::Reverse => json!({"request": "reverse"}),
        Request::Refund { refund, amount } => {
            json!({"request": "refund", "refund_number": refund.as_str(), "fen": amount})
        }
        Request::QueryRefund { refund, amount } => {
            json!({"request": "query_refund", "refund_number": refund.as_str(), "fen": amount})
        }
    };
    if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
    line
}

/// Reads a question; its merchant has to be one of these.
pub(crate) fn read_ask(line: &Members, merchants: &[Merchant]) -> Result<Ask, String> {
    let (channel, account, sub) = (channel(line)?, text(line, "account")?, text(line, "sub_account")?);
    let given = |merchant: &&Merchant| {
        merchant.channel == channel && merchant.account == account && merchant.sub_account == sub
    };
    let merchant = merchants.iter().find(given).cloned();
    let merchant = merchant.ok_or_else(|| format!("account {account} is no merchant of the start"))?;
    let refund = || checked::<PlatformNumber>(line, "refund_number");
    let request = match text(line, "request")? {
        "verify" => Request::Verify,
        "query" => Request::Query,
        "pay" => Request::Pay {
            code: PaymentCode::new(text(line, "code")?.into()),
            expires_at: UnixSeconds(number(line, "expires_at")?),
        },
        "reverse" => Request::Reverse,
        "refund" => Request::Refund { refund: refund()?, amount: number(line, "fen")? },
        "query_refund" => Request::QueryRefund { refund: refund()?, amount: number(line, "fen")? },
        other => return Err(format!("request {other} is none of this interface")),
    };
    let of_number = maybe(line, "number").map(|_| checked::<PlatformNumber>(line, "number")).transpose()?;
    if of_number.is_none() && request != Request::Verify {
        return Err("member number is missing".into());
    }
    let moves = matches!(request, Request::Pay { .. } | Request::Reverse | Request::Refund { .. });
    let not_after = maybe_number(line, "not_after")?.map(Instant);
    if moves && not_after.is_none() {
        return Err("a request that moves money has no not_after".into());
    }
    Ok(Ask {
        id: AskId(number(line, "id")?),
        merchant,
        number: of_number,
        total: number(line, "total")?,
        request,
        not_after,
        http_ms: number(line, "http_ms")?,
        connect_ms: number(line, "connect_ms")?,
    })
}

fn proof_line(proof: &Proof) -> Value {
    let capture = |name: &str, capture: &Capture| {
        json!({
            "name": name,
            "payment_no": capture.payment_no,
            "fen": capture.amount,
            "captured_at": capture.captured_at.map(|at| at.0),
        })
    };
    let name = match proof {
        Proof::Open => "open",
        Proof::Captured(of) => return capture("captured", of),
        Proof::Mismatch(of) => return capture("mismatch", of),
        Proof::CapturedAndRefunded { capture: of, refunded } => {
            let mut line = capture("captured_and_refunded", of);
            if let Some(line) = line.as_object_mut() {
                line.insert("refunded".into(), json!(refunded));
            }
            return line;
        }
        Proof::Refunded { refund_id, at } => {
            return json!({"name": "refunded", "refund_id": refund_id, "at": at.map(|at| at.0)});
        }
        Proof::NotRefunded { closed } => return json!({"name": "not_refunded", "closed": closed}),
        Proof::Closed => "closed",
        Proof::Refused => "refused",
        Proof::PayerRefused => "payer_refused",
        Proof::NumberKnown => "number_known",
        Proof::Alive => "alive",
        Proof::Absent => "absent",
        Proof::RefundPending => "refund_pending",
        Proof::RefundAbnormal => "refund_abnormal",
        Proof::Verified => "verified",
        Proof::MerchantRefused => "merchant_refused",
    };
    json!({ "name": name })
}

fn read_proof(line: &Members) -> Result<Proof, String> {
    let capture = || -> Result<Capture, String> {
        Ok(Capture {
            payment_no: text(line, "payment_no")?.into(),
            amount: number(line, "fen")?,
            captured_at: maybe_number(line, "captured_at")?.map(UnixSeconds),
        })
    };
    Ok(match text(line, "name")? {
        "open" => Proof::Open,
        "captured" => Proof::Captured(capture()?),
        "mismatch" => Proof::Mismatch(capture()?),
        "captured_and_refunded" => {
            Proof::CapturedAndRefunded { capture: capture()?, refunded: number(line, "refunded")? }
        }
        "closed" => Proof::Closed,
        "refused" => Proof::Refused,
        "payer_refused" => Proof::PayerRefused,
        "number_known" => Proof::NumberKnown,
        "alive" => Proof::Alive,
        "absent" => Proof::Absent,
        "refunded" => Proof::Refunded {
            refund_id: text(line, "refund_id")?.into(),
            at: maybe_number(line, "at")?.map(UnixSeconds),
        },
        "refund_pending" => Proof::RefundPending,
        "not_refunded" => Proof::NotRefunded { closed: truth(line, "closed")? },
        "refund_abnormal" => Proof::RefundAbnormal,
        "verified" => Proof::Verified,
        "merchant_refused" => Proof::MerchantRefused,
        other => return Err(format!("proof {other} is none of this interface")),
    })
}

/// A verdict as a line has it.
pub(crate) fn verdict_line(verdict: &Verdict) -> Value {
    json!({
        "do": "verdict",
        "id": verdict.id.0,
        "proof": proof_line(&verdict.proof),
        "provider_code": verdict.provider_code,
        "date": verdict.date.map(|date| date.0),
        "first_byte": verdict.first_byte.map(|at| at.0),
        "ended": verdict.ended.0,
        "answered": verdict.answered,
    })
}

/// Reads a verdict.
pub(crate) fn read_verdict(line: &Members) -> Result<Verdict, String> {
    let proof = line.get("proof").ok_or("member proof is missing")?;
    Ok(Verdict {
        id: AskId(number(line, "id")?),
        proof: read_proof(object(proof, "proof")?)?,
        provider_code: text(line, "provider_code")?.into(),
        date: maybe_number(line, "date")?.map(UnixSeconds),
        first_byte: maybe_number(line, "first_byte")?.map(Instant),
        ended: Instant(number(line, "ended")?),
        answered: truth(line, "answered")?,
    })
}
