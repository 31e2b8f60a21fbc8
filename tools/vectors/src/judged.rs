//! What an answer proves: the rules of the payment chapter, over the answer tables.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// What was asked, in every case.
pub(crate) const NUMBER: &str = "SIM1BR816CGQ7VC793192XF6W";
/// See [`NUMBER`].
pub(crate) const REFUND: &str = "SIM1BAAAAAAAAAAAAAAAAAAAR";
/// See [`NUMBER`].
pub(crate) const ACCOUNT: &str = "1900000109";
/// See [`NUMBER`].
pub(crate) const SUB_ACCOUNT: &str = "1900000110";
/// See [`NUMBER`].
pub(crate) const TOTAL: u64 = 8_800;
/// See [`NUMBER`].
pub(crate) const AMOUNT: u64 = 800;
/// See [`NUMBER`].
pub(crate) const PAYMENT_NO: &str = "4200002611240000000000000001";
/// Money that an answer tells of.
#[derive(Clone, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Capture {
    pub(crate) payment_no: String,
    pub(crate) fen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_at: Option<u64>,
}

/// Profile, call and word to the verdict of the tables.
pub(crate) type Tables = BTreeMap<(String, String, String), String>;

/// The code of a call that has succeeded.
pub(crate) fn success(profile: &str) -> &'static str {
    if profile == "alipay" { "10000" } else { "SUCCESS" }
}

/// What an answer proves.
#[derive(Clone)]
pub(crate) struct Proven {
    pub(crate) name: &'static str,
    pub(crate) capture: Option<Capture>,
    pub(crate) refunded: Option<u64>,
    pub(crate) closed: Option<bool>,
}

impl Proven {
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, capture: None, refunded: None, closed: None }
    }
}

/// The word of an answer, and whether it is a state that a call which succeeded told.
pub(crate) struct Said(String, bool);

fn part<'a>(reply: &'a Map<String, Json>, name: &str) -> Option<&'a str> {
    reply.get(name).and_then(Json::as_str)
}

pub(crate) fn said(profile: &str, call: &str, reply: &Map<String, Json>) -> Said {
    let code = part(reply, "code").unwrap_or_default();
    if code != success(profile) {
        let sub_code = part(reply, "sub_code").unwrap_or_default();
        let told_apart = profile == "alipay" && code == "40004";
        let word = if told_apart { sub_code.strip_prefix("ACQ.").unwrap_or(sub_code) } else { code };
        return Said(word.to_owned(), false);
    }
    let state = |name: &str| part(reply, name).unwrap_or_default().to_owned();
    let is_paid = |state: &str| matches!(state, "" | "SUCCESS" | "TRADE_SUCCESS" | "TRADE_FINISHED");
    match call {
        "pay" if !is_paid(&state("trade_state")) => Said(String::new(), true),
        "query" => Said(state("trade_state"), true),
        "refund" if profile == "alipay" => Said(
            match part(reply, "fund_change") {
                Some("Y") => "FUND_CHANGE_Y".to_owned(),
                Some("N") => "FUND_CHANGE_N".to_owned(),
                _ => String::new(),
            },
            true,
        ),
        "query_refund" if profile == "alipay" && state("refund_status").is_empty() => {
            Said("NO_REFUND_STATUS".to_owned(), false)
        }
        "refund" | "query_refund" => Said(state("refund_status"), true),
        _ => Said(code.to_owned(), false),
    }
}

pub(crate) fn listed<'a>(tables: &'a Tables, profile: &str, call: &str, said: &Said) -> Option<&'a str> {
    let Said(word, is_state) = said;
    let looked_up = if *is_state && call == "refund" && profile != "alipay" { "query_refund" } else { call };
    let verdict = tables.get(&(profile.to_owned(), looked_up.to_owned(), word.clone()))?.as_str();
    let asks = matches!(call, "query" | "query_refund");
    match (is_state, verdict) {
        (true, "absent") => None,
        (false, verdict) if asks && verdict != "absent" => None,
        _ => Some(verdict),
    }
}

pub(crate) fn judge(
    tables: &Tables,
    profile: &str,
    call: &str,
    reply: &Map<String, Json>,
) -> Result<Proven, &'static str> {
    let differs = |name: &str, asked: &str| part(reply, name).is_some_and(|told| told != asked);
    let fen = |name: &str| reply.get(name).and_then(Json::as_u64);
    if part(reply, "number").is_some_and(|told| call == "verify" || told != NUMBER) {
        return Err("number");
    }
    let is_refund = matches!(call, "refund" | "query_refund");
    let other_refund = part(reply, "refund_number").is_some_and(|told| !is_refund || told != REFUND);
    if other_refund || (is_refund && fen("refund_amount").is_some_and(|told| told != AMOUNT)) {
        return Err("refund");
    }
    let total = if call == "verify" { 0 } else { TOTAL };
    let other = match () {
        () if differs("account", ACCOUNT) || differs("sub_account", SUB_ACCOUNT) => Some("merchant"),
        () if differs("currency", "CNY") => Some("currency"),
        () if fen("total").is_some_and(|told| told != total) => Some("total"),
        () => None,
    };
    let verdict = listed(tables, profile, call, &said(profile, call, reply));
    let capture = verdict.and_then(|verdict| money(verdict, reply));
    match (other, capture.clone(), call) {
        (Some(_), Some(capture), "query") => {
            return Ok(Proven { capture: Some(capture), ..Proven::named("mismatch") });
        }
        (Some(other), _, _) => return Err(other),
        _ => {}
    }
    Ok(proof(verdict.unwrap_or(if call == "verify" { "merchant_refused" } else { "open" }), capture, reply))
}

fn proof(verdict: &str, capture: Option<Capture>, reply: &Map<String, Json>) -> Proven {
    let refunded = Some(reply.get("refunded").and_then(Json::as_u64).unwrap_or(0));
    match (verdict, capture) {
        ("captured", Some(capture)) => Proven { capture: Some(capture), ..Proven::named("captured") },
        ("captured_and_refunded" | "closed", Some(capture)) => {
            Proven { capture: Some(capture), refunded, ..Proven::named("captured_and_refunded") }
        }
        ("captured" | "captured_and_refunded" | "open", _) => Proven::named("open"),
        ("not_refunded", _) => {
            Proven { closed: Some(reply.contains_key("refund_status")), ..Proven::named("not_refunded") }
        }
        ("dead", _) => Proven::named("refused"),
        (verdict, _) => Proven::named(
            [
                "closed",
                "payer_refused",
                "number_known",
                "alive",
                "absent",
                "refunded",
                "refund_pending",
                "refund_abnormal",
                "verified",
                "merchant_refused",
            ]
            .into_iter()
            .find(|known| *known == verdict)
            .unwrap_or("open"),
        ),
    }
}

/// The money that an answer tells of.
fn money(verdict: &str, reply: &Map<String, Json>) -> Option<Capture> {
    let fen = |name: &str| reply.get(name).and_then(Json::as_u64);
    let told = match verdict {
        "captured" | "captured_and_refunded" => true,
        "closed" => {
            part(reply, "trade_state") == Some("TRADE_CLOSED")
                && (fen("captured_at").is_some() || fen("refunded").is_some_and(|fen| fen > 0))
        }
        _ => false,
    };
    let payment_no = part(reply, "payment_no").filter(|number| {
        (1..=64).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_graphic())
    })?;
    let fen_told = fen("total").filter(|_| told)?;
    Some(Capture { payment_no: payment_no.into(), fen: fen_told, captured_at: fen("captured_at") })
}

pub(crate) fn provider_code(profile: &str, call: &str, reply: &Map<String, Json>) -> String {
    let Said(word, _) = said(profile, call, reply);
    let code = if word.is_empty() { part(reply, "code").unwrap_or_default() } else { &word };
    code.chars().filter(char::is_ascii_graphic).take(hispos::limits::PROVIDER_CODE_BYTES_MAX).collect()
}
