//! How the simulated platform is spoken to.

use hispos::crypto::Secret;
use hispos::platform::{Channel, Request};
use serde_json::{Value, json};

use super::{ask, merchant, pay, query_refund, refund};
use crate::payment::credentials::Credential;
use crate::payment::simulated::Simulated;
use crate::payment::{Endpoint, Transport, Untrusted, http};

pub(super) const KEY: [u8; 32] = [1; 32];
const REVERSAL_KEY: [u8; 32] = [2; 32];

pub(super) fn simulated(channel: Channel) -> Simulated {
    Simulated::new(Credential {
        merchant: merchant(channel),
        endpoint: Endpoint { host: "127.0.0.1".into(), port: 8080, tls: false },
        secret: Secret::new(KEY),
        reversal: Secret::new(REVERSAL_KEY),
    })
}

fn request(channel: Channel, request: Request) -> (String, Value) {
    let outgoing = simulated(channel).request(&ask(channel, request), &[0xab; 16]);
    let text = String::from_utf8(outgoing.bytes.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    (head.to_owned(), serde_json::from_str(body).unwrap())
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST send a platform nothing about the patient, the bill, the department or the treatment, and
//# show the payer a neutral subject.
//= spec-crate/spec/payment.md#the-pay
//= type=test
//# An adapter MUST NOT replace the absolute expiry of a pay by a duration that begins when the payer acts.
//= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
//= type=test
//# A POS MUST send one fixed neutral subject with every pay, the same for every department.
//= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
//= type=test
//# A POS MUST NOT fill optional fields of a platform's request with data that names a person or that a person
//# could be found by.
#[test]
fn a_pay_names_number_total_expiry_and_a_neutral_subject_and_nothing_else() {
    let (head, body) = request(Channel::Wechat, pay());
    assert!(head.starts_with("POST /v1/pay HTTP/1.1\r\n") && head.contains("Hispos-Sim-Signature: "));
    assert_eq!(
        body,
        json!({"channel": "wechat", "account": "1900000001", "sub_account": "", "number": "SIM1B0W",
               "total": 12_345, "code": "134567890123456789", "expires_at": 1_800_000_090_u64,
               "subject": "医院缴费", "nonce": "ab".repeat(16)})
    );
}

//= spec-crate/spec/payment.md#verifying-merchants
//= type=test
//# An adapter MUST prove with verify also the credentials that reverses and refunds need.
#[test]
fn only_what_gives_money_back_is_signed_with_the_second_secret() {
    for (asked, path, second) in [
        (Request::Verify, "verify", true),
        (Request::Query, "query", false),
        (pay(), "pay", false),
        (Request::Reverse, "reverse", true),
        (refund(), "refund", true),
        (query_refund(), "refund-query", false),
    ] {
        for channel in Channel::ALL {
            let (head, body) = request(channel, asked.clone());
            assert!(head.starts_with(&format!("POST /v1/{path} HTTP/1.1\r\n")), "{head}");
            assert_eq!(head.contains("Hispos-Sim-Reversal-Signature: "), second, "{head}");
            assert_eq!(body["channel"], channel.name());
        }
    }
}

#[test]
fn refunds_name_both_numbers() {
    let (_, body) = request(Channel::Alipay, refund());
    assert_eq!(body["number"], "SIM1B0W");
    assert_eq!(
        (&body["refund_number"], &body["amount"], &body["total"]),
        (&json!("SIM1B0R"), &json!(345), &json!(12_345))
    );
    let (_, body) = request(Channel::Alipay, query_refund());
    assert_eq!((&body["number"], &body["refund_number"]), (&json!("SIM1B0W"), &json!("SIM1B0R")));
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST take an answer in which a part has another type than it should have for untrusted, not for
//# one without that part.
#[test]
fn a_member_of_a_wrong_type_makes_the_answer_unreadable() {
    let transport = simulated(Channel::Wechat);
    let sent = transport.request(&ask(Channel::Wechat, Request::Query), &[0; 16]);
    for (body, expected) in [
        (json!({"simulated": true, "code": "SUCCESS", "total": "12345"}), Some(Untrusted::Shape)),
        (json!({"simulated": true, "code": "SUCCESS", "total": -1}), Some(Untrusted::Shape)),
        (json!({"simulated": true, "code": 1}), Some(Untrusted::Shape)),
        (json!({"simulated": true}), Some(Untrusted::Shape)),
        (json!({"simulated": false, "code": "SUCCESS"}), Some(Untrusted::Shape)),
        (json!([1]), Some(Untrusted::Shape)),
        (json!({"simulated": true, "code": "SUCCESS", "new": {"a": 1}}), None),
    ] {
        let body = body.to_string().into_bytes();
        let head = format!("200\n{}\n", sent.binding);
        let signed = hispos::crypto::hash::hmac_sha256(&KEY, &[head.as_bytes(), &body]);
        let signature = signed.iter().map(|byte| format!("{byte:02x}")).collect();
        let headers = vec![("hispos-sim-signature".to_owned(), signature)];
        let read = transport.read(&sent, &http::Answer { status: 200, headers, body });
        assert_eq!(read.err(), expected);
    }
}
