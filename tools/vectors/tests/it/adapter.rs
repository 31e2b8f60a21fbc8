//! The reference terminal's adapter says of the answers and codes of the vectors what the vectors say.

use hispos::ids::PlatformNumber;
use hispos::platform::{Ask, AskId, Capture, Channel, Merchant, PaymentCode, Proof, Request};
use hispos::time::UnixSeconds;
use hispos_pos::payment::tables::Profile;
use hispos_pos::payment::verdict::provider_code;
use hispos_pos::payment::{Reply, recognise, verdict};
use serde_json::{Value, json};

const REFUND: &str = "SIM1BAAAAAAAAAAAAAAAAAAAR";

fn file(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn ask(profile: &str, call: &str) -> Ask {
    let refund = PlatformNumber::try_from(REFUND).unwrap();
    Ask {
        id: AskId(1),
        merchant: Merchant {
            channel: if profile == "alipay" { Channel::Alipay } else { Channel::Wechat },
            account: "1900000109".into(),
            sub_account: "1900000110".into(),
            simulated: true,
        },
        number: (call != "verify").then(|| PlatformNumber::try_from("SIM1BR816CGQ7VC793192XF6W").unwrap()),
        total: if call == "verify" { 0 } else { 8_800 },
        request: match call {
            "verify" => Request::Verify,
            "query" => Request::Query,
            "pay" => Request::Pay { code: PaymentCode::new("1".into()), expires_at: UnixSeconds(1) },
            "reverse" => Request::Reverse,
            "refund" => Request::Refund { refund, amount: 800 },
            _ => Request::QueryRefund { refund, amount: 800 },
        },
        not_after: None,
        http_ms: 1,
        connect_ms: 1,
    }
}

fn reply(said: &Value) -> Reply {
    let fen = |name: &str| said.get(name).and_then(Value::as_u64);
    Reply {
        code: text(said, "code").unwrap_or_default(),
        sub_code: text(said, "sub_code").unwrap_or_default(),
        account: text(said, "account"),
        sub_account: text(said, "sub_account"),
        number: text(said, "number"),
        trade_state: text(said, "trade_state"),
        total: fen("total"),
        currency: text(said, "currency"),
        payment_no: text(said, "payment_no"),
        captured_at: fen("captured_at").map(UnixSeconds),
        refunded: fen("refunded"),
        refund_number: text(said, "refund_number"),
        refund_amount: fen("refund_amount"),
        refund_status: text(said, "refund_status"),
        fund_change: text(said, "fund_change"),
        ..Reply::default()
    }
}

fn capture(capture: &Capture) -> Value {
    let mut shown = json!({ "payment_no": capture.payment_no, "fen": capture.amount });
    if let Some(at) = capture.captured_at {
        shown["captured_at"] = json!(at.0);
    }
    shown
}

/// A proof as the file shows it.
fn shown(proof: &Proof) -> Value {
    match proof {
        Proof::Open => json!({ "proof": "open" }),
        Proof::Captured(money) => json!({ "proof": "captured", "capture": capture(money) }),
        Proof::Mismatch(money) => json!({ "proof": "mismatch", "capture": capture(money) }),
        Proof::CapturedAndRefunded { capture: money, refunded } => {
            json!({ "proof": "captured_and_refunded", "capture": capture(money), "refunded": refunded })
        }
        Proof::Closed => json!({ "proof": "closed" }),
        Proof::Refused => json!({ "proof": "refused" }),
        Proof::PayerRefused => json!({ "proof": "payer_refused" }),
        Proof::NumberKnown => json!({ "proof": "number_known" }),
        Proof::Alive => json!({ "proof": "alive" }),
        Proof::Absent => json!({ "proof": "absent" }),
        Proof::Refunded { .. } => json!({ "proof": "refunded" }),
        Proof::RefundPending => json!({ "proof": "refund_pending" }),
        Proof::NotRefunded { closed } => json!({ "proof": "not_refunded", "closed": closed }),
        Proof::RefundAbnormal => json!({ "proof": "refund_abnormal" }),
        Proof::Verified => json!({ "proof": "verified" }),
        Proof::MerchantRefused => json!({ "proof": "merchant_refused" }),
    }
}

#[test]
fn the_adapter_proves_by_each_answer_what_the_vectors_say() {
    let cases = file(include_str!("../../../../spec-crate/vectors/verdicts.json"));
    for case in &cases {
        let (profile, call) = (text(case, "profile").unwrap(), text(case, "call").unwrap());
        let known = match profile.as_str() {
            "wechat_v2" => Profile::WechatV2,
            "wechat_v3" => Profile::WechatV3,
            _ => Profile::Alipay,
        };
        let (ask, reply) = (ask(&profile, &call), reply(&case["reply"]));
        let judged = verdict(known, &ask, &reply);
        let code = judged.as_ref().map_or_else(|_| String::new(), |_| provider_code(known, &ask, &reply));
        let proven = shown(&judged.unwrap_or(Proof::Open));
        for name in ["proof", "capture", "refunded", "closed"] {
            assert_eq!(case.get(name), proven.get(name), "case {}, {name}", case["tc_id"]);
        }
        assert_eq!(case["provider_code"], json!(code), "case {}", case["tc_id"]);
    }
    assert!(cases.len() >= 600);
}

#[test]
fn the_adapter_takes_each_scanned_text_for_what_the_vectors_say() {
    let cases = file(include_str!("../../../../spec-crate/vectors/codes.json"));
    for case in &cases {
        match recognise(case["text"].as_str().unwrap()) {
            Ok((channel, code)) => {
                assert_eq!(case["channel"], json!(channel.code()), "case {}", case["tc_id"]);
                assert_eq!(case["digits"], json!(code.digits()), "case {}", case["tc_id"]);
            }
            Err(refusal) => assert_eq!(case["reaction"], json!(refusal.name()), "case {}", case["tc_id"]),
        }
    }
    assert!(cases.len() >= 150);
}
