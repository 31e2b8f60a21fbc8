//! Who may ask, and what binds an answer to its question.

use hispos_provider_sim::sign;
use serde_json::json;

use crate::process::{Platform, exchange, header, pay_body, raw, seconds, with_merchant};

const CODE: &str = "130000000000000100";

#[test]
fn the_worked_example_of_the_readme_holds() {
    // Computed with `openssl dgst -sha256 -mac HMAC`, not with this program.
    let key: sign::Key = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let body = br#"{"channel":"wechat","account":"1900000001","number":"SIM001B0W"}"#;
    let request = sign::to_hex(&sign::digest(&key, &sign::request_parts("/v1/query", body)));
    assert_eq!(request, "2e23d7f45e2c6e82831ec39c7b8ae0d5f64ce683f9e2666c95d49174174aec72");
    let answer = br#"{"simulated":true,"code":"ORDERNOTEXIST"}"#;
    assert_eq!(
        sign::sign_answer(&key, 200, &request, answer),
        "60642f5c453f3059e1391c8c4936fab64cecf2e32797e9e70a4510b0537ae4c5"
    );
}

#[test]
fn answers_are_signed_dated_and_marked_as_simulated() {
    let p = Platform::start();
    for channel in ["wechat", "alipay"] {
        let reply = p.call("/v1/query", &with_merchant(channel, json!({"number": "SIM001B0W"})));
        assert!(reply.signed && reply.status == 200, "{reply:?}");
        assert_eq!(reply.body["simulated"], json!(true));
        assert_eq!(header(&reply.head, "Connection").unwrap(), "close");
        let date = header(&reply.head, "Date").unwrap();
        let near: Vec<String> =
            (-2..=2).map(|off| hispos_provider_sim::http::date((seconds() + off) * 1000)).collect();
        assert!(near.contains(&date), "{date}");
    }
}

#[test]
fn an_answer_is_bound_to_its_request() {
    let p = Platform::start();
    let first = with_merchant("wechat", json!({"number": "SIM001B0W", "nonce": "1"}));
    let (bytes, _) = p.request("/v1/query", &first);
    let (_, other) =
        p.request("/v1/query", &with_merchant("wechat", json!({"number": "SIM001B0W", "nonce": "2"})));
    let reply = exchange(&p.address, &bytes, p.secret("wechat"), &other).unwrap();
    assert_eq!(reply.status, 200);
    assert!(!reply.signed, "an answer to one request must not pass for an answer to another");
}

#[test]
fn a_request_without_the_right_signature_moves_no_money_and_gets_no_signature() {
    let p = Platform::start();
    for channel in ["wechat", "alipay"] {
        let code = if channel == "wechat" { CODE } else { "280000000000000100" };
        let body = pay_body(channel, "SIM001B0W", 100, code).to_string();
        let parts = sign::request_parts("/v1/pay", body.as_bytes());
        let good = sign::to_hex(&sign::digest(p.secret(channel), &parts));
        let elsewhere = sign::request_parts("/v1/query", body.as_bytes());
        let of_other_path = sign::to_hex(&sign::digest(p.secret(channel), &elsewhere));
        let of_reversal = sign::to_hex(&sign::digest(p.reversal_secret(channel), &parts));
        let flipped = good.replace(['0', '1', '2', '3'], "4");
        for signature in ["", "zz", &good[..62], &flipped, &of_other_path, &of_reversal] {
            let bytes = raw("/v1/pay", &body, signature, "");
            let reply = exchange(&p.address, &bytes, p.secret(channel), signature).unwrap();
            let code = reply.body["sub_code"].as_str().or(reply.body["code"].as_str()).unwrap().to_owned();
            let word = if channel == "wechat" { "SIGNERROR" } else { "isv.invalid-signature" };
            assert_eq!((reply.status, code.as_str(), reply.signed), (401, word, false), "{signature}");
        }
        let altered = body.replace("\"total\":100", "\"total\":900");
        let reply =
            exchange(&p.address, &raw("/v1/pay", &altered, &good, ""), p.secret(channel), &good).unwrap();
        assert_eq!(reply.status, 401);
    }
    assert_eq!(p.export()["orders"], json!([]));
    assert_eq!(p.export()["calls"], json!([]));
}

#[test]
fn an_unknown_merchant_is_refused_without_signature() {
    let p = Platform::start();
    let mut body = with_merchant("wechat", json!({"number": "SIM001B0W"}));
    body["account"] = json!("1900000002");
    let reply = p.call("/v1/query", &body);
    assert_eq!((reply.status, &reply.body["code"], reply.signed), (401, &json!("MCHID_NOT_EXIST"), false));
}

#[test]
fn reverses_and_refunds_need_the_second_secret() {
    let p = Platform::start();
    p.call("/v1/pay", &pay_body("wechat", "SIM001B0W", 100, CODE));
    let bodies = [
        ("/v1/reverse", json!({"number": "SIM001B0W"})),
        (
            "/v1/refund",
            json!({"number": "SIM001B0W", "refund_number": "SIM001B0R", "amount": 1, "total": 100}),
        ),
        ("/v1/verify", json!({"reversal": true})),
    ];
    for (path, body) in bodies {
        let text = with_merchant("wechat", body).to_string();
        let parts = sign::request_parts(path, text.as_bytes());
        let signature = sign::to_hex(&sign::digest(p.secret("wechat"), &parts));
        for reversal in ["", &signature] {
            let bytes = raw(path, &text, &signature, reversal);
            let reply = exchange(&p.address, &bytes, p.secret("wechat"), &signature).unwrap();
            assert!(reply.signed);
            assert_eq!(reply.body["code"], json!("NOAUTH"), "{path}");
        }
    }
    assert_eq!(p.export()["orders"][0]["state"], json!("captured"));
    assert_eq!(
        p.call("/v1/verify", &with_merchant("wechat", json!({"reversal": true}))).body["code"],
        "SUCCESS"
    );
    assert_eq!(p.call("/v1/verify", &with_merchant("alipay", json!({}))).body["code"], "10000");
}

#[test]
fn the_stories_that_spoil_an_answer_spoil_it_on_the_wire() {
    let p = Platform::start();
    let pay = |number: &str, ending: u32| {
        p.try_call(
            "/v1/pay",
            &pay_body("wechat", number, 500, &format!("1300000000000{ending:03}{ending:02}")),
        )
    };
    assert!(pay("SIM007B0W", 7).is_none(), "lost");
    assert!(pay("SIM008B0W", 8).is_none(), "silent");
    let unavailable = pay("SIM010B0W", 10).unwrap();
    assert_eq!((unavailable.status, unavailable.signed), (503, false));
    let forged = pay("SIM011B0W", 11).unwrap();
    assert_eq!((forged.status, forged.signed), (200, false));
    let book = p.export();
    let captured: Vec<&str> =
        book["orders"].as_array().unwrap().iter().map(|order| order["number"].as_str().unwrap()).collect();
    assert_eq!(captured, ["SIM007B0W", "SIM011B0W"]);
    let answers: Vec<&str> =
        book["calls"].as_array().unwrap().iter().map(|call| call["answer"].as_str().unwrap()).collect();
    assert_eq!(answers, ["lost", "503", "SUCCESS"], "what was lost on the way here is not in the book");
}
