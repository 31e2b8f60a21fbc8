//! What the answers of payment platforms prove, by the answer tables of the schemas.

use prost_reflect::DynamicMessage;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::case::{Cases, Fault};
use crate::judged::{
    ACCOUNT, AMOUNT, Capture, NUMBER, PAYMENT_NO, Proven, REFUND, SUB_ACCOUNT, TOTAL, Tables, judge, listed,
    provider_code, said, success,
};
use crate::schema::{Schema, text, word};

/// A trusted answer, and what it proves.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Answer {
    profile: String,
    call: String,
    /// What the platform said; a part that it did not say is missing.
    reply: Map<String, Json>,
    /// The proof; of an untrusted answer: open.
    proof: String,
    /// The capture that comes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<Capture>,
    /// Refunded so far, beside a capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<u64>,
    /// Whether the refund was closed, beside `not_refunded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<bool>,
    /// For support; empty if the answer is untrusted.
    provider_code: String,
}

const CALLS: [&str; 6] = ["verify", "query", "pay", "reverse", "refund", "query_refund"];
const PROFILES: [&str; 3] = ["wechat_v2", "wechat_v3", "alipay"];

/// Every case.
pub(crate) fn file(schema: &Schema) -> Result<Cases<Answer>, String> {
    let mut file = Cases::new(vec![
        "`reply` is a trusted answer to `call` under `profile`; `proof` is what it proves.",
        "Asked was in every case: number SIM1BR816CGQ7VC793192XF6W, total 8800 fen, account 1900000109, sub-account \
         1900000110; refund number SIM1BAAAAAAAAAAAAAAAAAAAR and, for a refund and the question about it, 800 fen.",
        "An invalid answer is one to something else (untrusted), or one that no table lists; `reaction` says which.",
    ]);
    let lower =
        |row: &DynamicMessage, field: &str, prefix: &str| word(row, field).replace(prefix, "").to_lowercase();
    let mut tables = Tables::new();
    for row in schema.rows("answer") {
        let key =
            (lower(&row, "profile", "PROFILE_"), lower(&row, "call", "PLATFORM_CALL_"), text(&row, "code"));
        tables.insert(key, lower(&row, "verdict", "VERDICT_"));
    }
    for profile in PROFILES {
        for call in CALLS {
            for (kind, reply) in replies(&tables, profile, call) {
                add(&mut file, &tables, profile, call, &kind, reply);
            }
        }
    }
    Ok(file)
}

fn add(
    file: &mut Cases<Answer>,
    tables: &Tables,
    profile: &str,
    call: &str,
    kind: &str,
    reply: Map<String, Json>,
) {
    let judged = judge(tables, profile, call, &reply);
    let message = format!("{profile} {call}");
    let provider_code =
        judged.as_ref().map_or_else(|_| String::new(), |_| provider_code(profile, call, &reply));
    let proven = judged.clone().unwrap_or_else(|_| Proven::named("open"));
    let unlisted = judged.is_ok() && listed(tables, profile, call, &said(profile, call, &reply)).is_none();
    let what = Answer {
        profile: profile.into(),
        call: call.into(),
        reply,
        proof: proven.name.into(),
        capture: proven.capture,
        refunded: proven.refunded,
        closed: proven.closed,
        provider_code,
    };
    let cited = match (&judged, unlisted) {
        (Err("number"), _) => "PAY-13 PAY-16",
        (Err("refund"), _) => "PAY-13 PAY-17",
        (Err(_), _) => "PAY-13 PAY-18",
        (_, true) => "PAY-22 PAY-23 PAY-24",
        _ if what.proof == "mismatch" => "PAY-19 PAY-25",
        _ if what.proof == "not_refunded" => "PAY-20 PAY-21 PAY-29 PAY-30 PAY-31",
        _ if what.refunded.is_some() && !what.reply.contains_key("refunded") => {
            "PAY-20 PAY-21 PAY-25 PAY-27 PAY-28 PAY-31"
        }
        _ => "PAY-20 PAY-21 PAY-25 PAY-26 PAY-27 PAY-30 PAY-31",
    };
    match judged {
        Ok(_) if !unlisted => file.valid(&format!("{message}: {kind}"), cited, what),
        judged => {
            let reason = judged.err().unwrap_or("not listed");
            let reaction =
                if unlisted { format!("proves {}", what.proof) } else { "untrusted: proves open".into() };
            let fault = Fault { reason, reaction: &reaction, mutation: (&message, reason, kind) };
            file.invalid(&format!("{message}: {kind}"), cited, what, &fault);
        }
    }
}

/// The parts of an answer that everything else is changed from.
fn object(parts: &[(&str, Json)]) -> Map<String, Json> {
    parts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// An answer that says this word.
fn saying(profile: &str, call: &str, word: &str) -> Map<String, Json> {
    let ok = success(profile);
    let state = |name: &str, value: &str| object(&[("code", json!(ok)), (name, json!(value))]);
    let failed = |word: &str| match profile {
        "alipay" if !word.starts_with('4') && !word.starts_with('1') && !word.starts_with('2') => {
            object(&[("code", json!("40004")), ("sub_code", json!(format!("ACQ.{word}")))])
        }
        _ => object(&[("code", json!(word))]),
    };
    match (call, word) {
        (_, "FUND_CHANGE_Y") => state("fund_change", "Y"),
        (_, "FUND_CHANGE_N") => state("fund_change", "N"),
        (_, "NO_REFUND_STATUS") => object(&[("code", json!(ok))]),
        ("query", "ORDERNOTEXIST" | "ORDER_NOT_EXIST" | "TRADE_NOT_EXIST")
        | ("query_refund", "REFUNDNOTEXIST" | "RESOURCE_NOT_EXISTS") => failed(word),
        ("query", _) => state("trade_state", word),
        ("query_refund", _) => state("refund_status", word),
        _ => failed(word),
    }
}

/// What goes with money.
fn paid() -> Map<String, Json> {
    object(&[
        ("total", json!(TOTAL)),
        ("payment_no", json!(PAYMENT_NO)),
        ("currency", json!("CNY")),
        ("number", json!(NUMBER)),
        ("account", json!(ACCOUNT)),
        ("sub_account", json!(SUB_ACCOUNT)),
    ])
}

fn joined(mut left: Map<String, Json>, right: Map<String, Json>) -> Map<String, Json> {
    left.extend(right);
    left
}

/// Kinds and answers of one call.
fn replies(tables: &Tables, profile: &str, call: &str) -> Vec<(String, Map<String, Json>)> {
    let rows = tables.keys().filter(|(p, c, _)| p == profile && c == call);
    let words: Vec<&str> = rows.map(|(_, _, word)| word.as_str()).collect();
    let mut made = Vec::new();
    for word in &words {
        made.push(((*word).to_owned(), saying(profile, call, word)));
        made.push((
            format!("{word}, with all that goes with a payment"),
            joined(saying(profile, call, word), paid()),
        ));
    }
    for word in ["SOMETHING_NEW", "", "success", "SUCCESS "] {
        made.push((format!("`{word}`, which nobody lists"), saying(profile, call, word)));
    }
    let ok = object(&[("code", json!(success(profile)))]);
    made.push(("success without a state".into(), joined(ok.clone(), paid())));
    let state = match (call, profile) {
        ("query_refund" | "refund", "alipay") => ("refund_status", "REFUND_SUCCESS"),
        ("query_refund" | "refund", _) => ("refund_status", "SUCCESS"),
        (_, "alipay") => ("trade_state", "TRADE_SUCCESS"),
        _ => ("trade_state", "SUCCESS"),
    };
    let good = joined(joined(ok.clone(), paid()), object(&[(state.0, json!(state.1))]));
    made.push(("a success with its state".into(), good.clone()));
    for (kind, part, value) in [
        ("another number", "number", json!("SIM1BR816CGQ7VC793192XF6A")),
        ("another refund number", "refund_number", json!("SIM1BR")),
        ("another account", "account", json!("1900000111")),
        ("another sub-account", "sub_account", json!("1900000111")),
        ("another currency", "currency", json!("USD")),
        ("another total", "total", json!(TOTAL + 1)),
        ("a total of 0", "total", json!(0)),
        ("a time of the payment", "captured_at", json!(1_795_486_412)),
        ("refunds of a part", "refunded", json!(100)),
        ("a payment number of 65 characters", "payment_no", json!("4".repeat(65))),
        ("a payment number with a space", "payment_no", json!("42 1")),
        ("a payment number of 64 characters", "payment_no", json!("4".repeat(64))),
    ] {
        made.push((kind.into(), joined(good.clone(), object(&[(part, value)]))));
    }
    for part in ["total", "payment_no"] {
        let mut without = good.clone();
        without.remove(part);
        made.push((format!("without {part}"), without));
    }
    made.extend(special(profile, call, &good));
    made
}

/// Answers that only some calls have.
fn special(profile: &str, call: &str, good: &Map<String, Json>) -> Vec<(String, Map<String, Json>)> {
    let with = |parts: &[(&str, Json)]| joined(good.clone(), object(parts));
    match (call, profile) {
        ("pay", _) => vec![
            ("a success that shows an order not paid".into(), with(&[("trade_state", json!("NOTPAY"))])),
            ("a success with a state of no letters".into(), with(&[("trade_state", json!(""))])),
        ],
        ("query", "alipay") => vec![
            (
                "closed with a time of payment".into(),
                with(&[("trade_state", json!("TRADE_CLOSED")), ("captured_at", json!(1_795_486_412))]),
            ),
            (
                "closed with refunds".into(),
                with(&[("trade_state", json!("TRADE_CLOSED")), ("refunded", json!(TOTAL))]),
            ),
            ("closed without evidence".into(), with(&[("trade_state", json!("TRADE_CLOSED"))])),
            (
                "closed with evidence and another total".into(),
                with(&[
                    ("trade_state", json!("TRADE_CLOSED")),
                    ("captured_at", json!(1_795_486_412)),
                    ("total", json!(1)),
                ]),
            ),
        ],
        ("query", _) => vec![
            ("refunds in full".into(), with(&[("trade_state", json!("REFUND")), ("refunded", json!(TOTAL))])),
            ("refunds of an amount that is not told".into(), with(&[("trade_state", json!("REFUND"))])),
            ("a state that says absent".into(), with(&[("trade_state", json!("ORDERNOTEXIST"))])),
        ],
        ("refund", _) => vec![
            (
                "the right refund".into(),
                with(&[("refund_number", json!(REFUND)), ("refund_amount", json!(AMOUNT))]),
            ),
            ("another amount of the refund".into(), with(&[("refund_amount", json!(AMOUNT + 1))])),
        ],
        ("query_refund", _) => vec![
            (
                "the right refund of another amount".into(),
                with(&[("refund_number", json!(REFUND)), ("refund_amount", json!(AMOUNT + 1))]),
            ),
            ("a state that says absent".into(), with(&[("refund_status", json!("REFUNDNOTEXIST"))])),
        ],
        _ => Vec::new(),
    }
}
