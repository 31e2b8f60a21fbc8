//! Callers that are slow, broken or hostile: the others are served all the same.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::process::{Platform, exchange_bytes, pay_body, raw, with_merchant};

fn status_of(address: &str, bytes: &[u8]) -> String {
    String::from_utf8_lossy(&exchange_bytes(address, bytes)).chars().skip(9).take(3).collect()
}

#[test]
fn what_is_no_request_gets_a_plain_refusal() {
    let p = Platform::start();
    let long = format!("POST /v1/query HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(20_000));
    let cases: [(&[u8], &str); 14] = [
        (b"\r\n\r\n", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"),
        (b"GET /v1/query HTTP/1.1\r\n\r\n", "405"),
        (b"POST /v1/query HTTP/2\r\n\r\n", "400"),
        (b"POST /v1/query HTTP/1.1\r\nno colon\r\n\r\n", "400"),
        (b"POST /v1/query HTTP/1.1\r\n\r\n", "411"),
        (b"POST /v1/query HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "411"),
        (b"POST /v1/query HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", "411"),
        (b"POST /v1/query HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
        (b"POST /v1/query HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "413"),
        (b"POST /v1/query HTTP/1.1\r\nContent-Length: 16385\r\n\r\n", "413"),
        (b"POST /v1/query HTTP/1.1\r\nContent-Length: 2\r\n\r\n{]", "400"),
        (b"POST /v1/query HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "400"),
        (b"POST /query HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "404"),
    ];
    for (bytes, status) in cases {
        assert_eq!(status_of(&p.address, bytes), status, "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(status_of(&p.address, long.as_bytes()), "431");
    assert_eq!(p.query("wechat", "SIM001B0W")["code"], "ORDERNOTEXIST");
}

#[test]
fn members_that_are_missing_or_wrong_are_told_in_the_words_of_the_channel() {
    let p = Platform::start();
    let mut body = pay_body("wechat", "SIM001B0W", 100, "130000000000000100");
    body.as_object_mut().unwrap().remove("code");
    assert_eq!(p.call("/v1/pay", &body).body["code"], "LACK_PARAMS");
    body["code"] = json!(130_000_000_000_000_100_u64);
    assert_eq!(p.call("/v1/pay", &body).body["code"], "PARAM_ERROR");
    assert_eq!(p.call("/v1/query", &with_merchant("alipay", json!({}))).body["code"], "40001");
    let unknown = p.call("/v1/unknown", &with_merchant("alipay", json!({})));
    assert_eq!(unknown.status, 404);
}

#[test]
fn no_prefix_of_a_payment_is_a_payment() {
    let p = Platform::start();
    let (bytes, _) = p.request("/v1/pay", &pay_body("wechat", "SIM001B0W", 100, "130000000000000100"));
    for end in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        let mut stream = TcpStream::connect(&p.address).unwrap();
        stream.write_all(&bytes[..end]).unwrap();
    }
    assert_eq!(p.query("wechat", "SIM001B0W")["code"], "ORDERNOTEXIST");
    let whole = exchange_bytes(&p.address, &bytes);
    assert!(whole.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_request_that_drips_is_ended_and_keeps_nobody_waiting() {
    let p = Platform::start();
    let begun = Instant::now();
    let mut drips: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&p.address).unwrap()).collect();
    for drip in &mut drips {
        drip.write_all(b"POST /v1/pay HTTP/1.1\r\nHost: ").unwrap();
    }
    let asked = Instant::now();
    assert_eq!(p.query("wechat", "SIM001B0W")["code"], "ORDERNOTEXIST");
    assert!(asked.elapsed() < Duration::from_secs(1));
    // A byte now and then does not prolong the time of a request.
    let mut drip = drips.pop().unwrap();
    let ended = loop {
        std::thread::sleep(Duration::from_millis(200));
        if drip.write_all(b"a").is_err() {
            break begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
    };
    assert!(ended > Duration::from_secs(4) && ended < Duration::from_secs(9), "{ended:?}");
}

#[test]
fn more_connections_than_places_do_not_stop_the_platform() {
    let p = Platform::start();
    let crowd: Vec<TcpStream> = (0..400).filter_map(|_| TcpStream::connect(&p.address).ok()).collect();
    assert!(crowd.len() > 256);
    drop(crowd);
    let reply = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(20));
        p.try_call("/v1/query", &with_merchant("wechat", json!({"number": "SIM001B0W"})))
    });
    assert_eq!(reply.unwrap().body["code"], "ORDERNOTEXIST");
}

#[test]
fn two_requests_on_one_connection_are_one_request() {
    let p = Platform::start();
    let (mut bytes, _) = p.request("/v1/pay", &pay_body("wechat", "SIM001B0W", 100, "130000000000000100"));
    let (second, _) = p.request("/v1/pay", &pay_body("wechat", "SIM002B0W", 100, "130000000000000200"));
    bytes.extend_from_slice(&second);
    let answer = exchange_bytes(&p.address, &bytes);
    assert_eq!(answer.windows(8).filter(|eight| *eight == b"HTTP/1.1").count(), 1);
    assert_eq!(p.export()["orders"].as_array().unwrap().len(), 1);
}

#[test]
fn the_log_and_the_book_hold_no_payment_code_and_no_secret() {
    let p = Platform::start();
    let code = "130987612345678900";
    p.call("/v1/pay", &pay_body("wechat", "SIM001B0W", 100, code));
    p.call("/v1/pay", &pay_body("wechat", "SIM002B0W", 100, code));
    exchange_bytes(
        &p.address,
        &raw("/v1/pay", &pay_body("wechat", "SIM003B0W", 1, code).to_string(), "", ""),
    );
    let secret = hispos_provider_sim::sign::to_hex(p.secret("wechat"));
    let mut seen = 0;
    for entry in std::fs::read_dir(p.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(code), "{path:?}");
        assert!(path.ends_with("credentials.json") || !holds(&secret), "{path:?}");
        seen += usize::from(path.ends_with("log") && holds("SIM001B0W"));
    }
    assert_eq!(seen, 1, "the log was read");
}
