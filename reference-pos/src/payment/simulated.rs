//! The dialect of the simulated platform: JSON over HTTP, each request and each answer signed with HMAC-SHA256.
//!
//! The answer's signature covers the request's, and every request holds a nonce: an answer fits one request only.
//! The words are those of WeChat Pay v2 and of Alipay's gateway, so the same tables judge it.

use hispos::crypto::hash::{equal, hmac_sha256};
use hispos::platform::{Ask, Channel, Merchant, Request};
use hispos::time::UnixSeconds;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::credentials::Credential;
use super::hex;
use super::http;
use super::reply::Reply;
use super::tables::Profile;
use super::transport::{Outgoing, Transport, Untrusted};

const SIGNATURE: &str = "Hispos-Sim-Signature";
const REVERSAL_SIGNATURE: &str = "Hispos-Sim-Reversal-Signature";
//= spec-crate/spec/payment.md#questions
//# An adapter MUST send a platform nothing about the patient, the bill, the department or the treatment, and
//# show the payer a neutral subject.
//= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
//# A POS MUST send one fixed neutral subject with every pay, the same for every department.
//= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
//# A POS MUST NOT fill optional fields of a platform's request with data that names a person or that a person
//# could be found by.
/// What the patient reads at the wallet: neutral, whatever the bill is about.
const SUBJECT: &str = "医院缴费";

/// One merchant at the simulated platform.
#[derive(Debug)]
pub struct Simulated {
    credential: Credential,
}

impl Simulated {
    /// Takes the credentials over.
    #[must_use]
    pub fn new(credential: Credential) -> Self {
        Self { credential }
    }

    fn body(&self, ask: &Ask, nonce: &[u8; 16]) -> Zeroizing<String> {
        let merchant = &self.credential.merchant;
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        put("channel", merchant.channel.name().into());
        put("account", merchant.account.clone().into());
        put("sub_account", merchant.sub_account.clone().into());
        put("nonce", hex::encode(nonce).into());
        if let Some(number) = &ask.number {
            put("number", number.as_str().into());
        }
        match &ask.request {
            //= spec-crate/spec/payment.md#verifying-merchants
            //# An adapter MUST prove with verify also the credentials that reverses and refunds need.
            Request::Verify => put("reversal", true.into()),
            Request::Query | Request::Reverse => {}
            Request::Pay { expires_at, .. } => {
                put("total", ask.total.into());
                //= spec-crate/spec/payment.md#the-pay
                //# An adapter MUST NOT replace the absolute expiry of a pay by a duration that begins when
                //# the payer acts.
                put("expires_at", expires_at.0.into());
                put("subject", SUBJECT.into());
            }
            Request::Refund { refund, amount } => {
                put("refund_number", refund.as_str().into());
                put("amount", (*amount).into());
                put("total", ask.total.into());
            }
            Request::QueryRefund { refund, .. } => put("refund_number", refund.as_str().into()),
        }
        let mut text = Zeroizing::new(Value::Object(body).to_string());
        // The code is put in last, so that no value tree holds a copy that would not be erased.
        if let Request::Pay { code, .. } = &ask.request {
            text.pop();
            text.push_str(",\"code\":\"");
            text.push_str(code.digits());
            text.push_str("\"}");
        }
        text
    }
}

impl Transport for Simulated {
    fn merchant(&self) -> &Merchant {
        &self.credential.merchant
    }

    fn profile(&self) -> Profile {
        match self.credential.merchant.channel {
            Channel::Wechat => Profile::WechatV2,
            Channel::Alipay => Profile::Alipay,
        }
    }

    fn request(&self, ask: &Ask, nonce: &[u8; 16]) -> Outgoing {
        let (path, reverses) = match ask.request {
            Request::Verify => ("/v1/verify", true),
            Request::Query => ("/v1/query", false),
            Request::Pay { .. } => ("/v1/pay", false),
            Request::Reverse => ("/v1/reverse", true),
            Request::Refund { .. } => ("/v1/refund", true),
            Request::QueryRefund { .. } => ("/v1/refund-query", false),
        };
        let body = self.body(ask, nonce);
        let sign = |key: &[u8; 32]| {
            hex::encode(&hmac_sha256(key, &[b"POST\n", path.as_bytes(), b"\n", body.as_bytes()]))
        };
        let signature = sign(self.credential.secret.expose());
        let endpoint = self.credential.endpoint.clone();
        let mut text = Zeroizing::new(String::with_capacity(body.len().saturating_add(512)));
        text.push_str(&format!("POST {path} HTTP/1.1\r\nHost: {endpoint}\r\n{SIGNATURE}: {signature}\r\n"));
        if reverses {
            let reversal = sign(self.credential.reversal.expose());
            text.push_str(&format!("{REVERSAL_SIGNATURE}: {reversal}\r\n"));
        }
        text.push_str(&format!(
            "Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        ));
        text.push_str(&body);
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        Outgoing { endpoint, bytes, binding: signature }
    }

    fn read(&self, sent: &Outgoing, answer: &http::Answer) -> Result<Reply, Untrusted> {
        if answer.status != 200 {
            return Err(Untrusted::Status(answer.status));
        }
        let head = format!("{}\n{}\n", answer.status, sent.binding);
        let expected = hmac_sha256(self.credential.secret.expose(), &[head.as_bytes(), &answer.body]);
        let told = answer.header(&SIGNATURE.to_ascii_lowercase()).and_then(hex::decode);
        if !told.is_some_and(|told| equal(&told, &expected)) {
            return Err(Untrusted::Signature);
        }
        let body: Value = serde_json::from_slice(&answer.body).map_err(|_| Untrusted::Shape)?;
        let body = body.as_object().ok_or(Untrusted::Shape)?;
        // A platform that takes real money never says this, and this program has no transport for one.
        if body.get("simulated") != Some(&Value::Bool(true)) {
            return Err(Untrusted::Shape);
        }
        read_body(body)
    }
}

fn read_body(body: &Map<String, Value>) -> Result<Reply, Untrusted> {
    // A member of another type than it should have makes the whole answer unreadable: it must not seem absent.
    //= spec-crate/spec/payment.md#from-an-answer-to-a-proof
    //# An adapter MUST take an answer in which a part has another type than it should have for untrusted, not
    //# for one without that part.
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Untrusted::Shape),
    };
    let number = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(Untrusted::Shape),
    };
    Ok(Reply {
        code: text("code")?.ok_or(Untrusted::Shape)?,
        sub_code: text("sub_code")?.unwrap_or_default(),
        account: text("account")?,
        sub_account: text("sub_account")?,
        number: text("number")?,
        trade_state: text("trade_state")?,
        total: number("total")?,
        currency: text("currency")?,
        payment_no: text("payment_no")?,
        captured_at: number("captured_at")?.map(UnixSeconds),
        refunded: number("refunded")?,
        refund_number: text("refund_number")?,
        refund_amount: number("amount")?,
        refund_id: text("refund_id")?,
        refund_status: text("refund_status")?,
        fund_change: text("fund_change")?,
        refunded_at: number("refunded_at")?.map(UnixSeconds),
    })
}
