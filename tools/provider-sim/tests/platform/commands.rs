//! The commands: what they print and how they end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Platform, init, pay_body, run, with_merchant};

fn code(arguments: &[&str]) -> i32 {
    run(arguments).status.code().unwrap()
}

#[test]
fn exit_codes_tell_usage_refusal_and_absence_apart() {
    let dir = TempDir::new().unwrap();
    let place = dir.path().to_str().unwrap();
    assert_eq!(code(&[]), 2);
    assert_eq!(code(&["init", "--dir", place]), 2, "without a merchant");
    assert_eq!(code(&["init", "--dir", place, "--merchant", "paypal:1"]), 2);
    assert_eq!(code(&["init", "--dir", place, "--merchant", "wechat:1", "--merchant", "wechat:1"]), 2);
    assert_eq!(code(&["export", "--dir", place]), 5, "without a platform");
    assert_eq!(code(&["serve", "--dir", place]), 5);
    assert_eq!(init(dir.path()).status.code(), Some(0));
    assert_eq!(init(dir.path()).status.code(), Some(3), "a second time");
    assert_eq!(code(&["serve", "--dir", place, "--listen", "0.0.0.0:0"]), 2, "other machines are not served");
    assert_eq!(code(&["serve", "--dir", place, "--scale", "0"]), 2);
    assert_eq!(code(&["order", "SIM001B0W", "--dir", place]), 3);
    assert_eq!(code(&["wait", "--number", "SIM001B0W", "--timeout", "0", "--dir", place]), 3);
    assert_eq!(code(&["--help"]), 0);
}

#[test]
fn init_writes_credentials_for_their_owner_only_and_prints_no_secret() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("pos.json");
    let bank = dir.path().join("bank");
    let output = run(&[
        "init",
        "--dir",
        bank.to_str().unwrap(),
        "--merchant",
        "wechat:1900000001:1900000002",
        "--credentials",
        file.to_str().unwrap(),
        "--url",
        "http://127.0.0.1:8123",
    ]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&printed["simulated"], &written["simulated"]), (&json!(true), &json!(true)));
    assert_eq!(written["url"], "http://127.0.0.1:8123");
    let merchant = &written["merchants"][0];
    assert_eq!(
        (&merchant["account"], &merchant["sub_account"]),
        (&json!("1900000001"), &json!("1900000002"))
    );
    let secret = merchant["secret_hex"].as_str().unwrap();
    assert_eq!(secret.len(), 64);
    assert_ne!(secret, merchant["reversal_secret_hex"].as_str().unwrap());
    assert!(!String::from_utf8(output.stdout).unwrap().contains(secret));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(&bank), 0o700);
        assert_eq!(mode(&bank.join("platform.sqlite")), 0o600);
    }
}

#[test]
fn a_directory_is_served_by_one_process_and_names_its_address() {
    let p = Platform::start();
    let place = p.dir.path().to_str().unwrap();
    assert_eq!(code(&["serve", "--dir", place]), 3);
    assert_eq!(std::fs::read_to_string(p.dir.path().join("address")).unwrap().trim(), p.address);
}

#[test]
fn export_shows_orders_by_number_with_their_refunds_while_the_platform_serves() {
    let p = Platform::start();
    p.call("/v1/pay", &pay_body("alipay", "SIM002B0A", 700, "280000000000000200"));
    p.call("/v1/pay", &pay_body("wechat", "SIM001B0W", 500, "130000000000000100"));
    p.call("/v1/pay", &pay_body("wechat", "SIM003B0W", 900, "130000000000000302"));
    let refund = json!({"number": "SIM001B0W", "refund_number": "SIM001B0R", "amount": 200, "total": 500});
    p.call("/v1/refund", &with_merchant("wechat", refund));
    let book = p.export();
    assert_eq!(book["simulated"], json!(true));
    let rows: Vec<_> = book["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (o["number"].clone(), o["state"].clone(), o["captured"].clone(), o["refunded"].clone()))
        .collect();
    let row = |number: &str, state: &str, captured: i64, refunded: i64| {
        (json!(number), json!(state), json!(captured), json!(refunded))
    };
    assert_eq!(
        rows,
        [
            row("SIM001B0W", "captured", 500, 200),
            row("SIM002B0A", "captured", 700, 0),
            row("SIM003B0W", "waiting", 0, 0)
        ]
    );
    assert_eq!(book["orders"][0]["refunds"][0]["refund_number"], "SIM001B0R");
    assert_eq!(book["orders"][2]["payment_no"], json!(null));
    assert_eq!(book["calls"].as_array().unwrap().len(), 4);

    let place = p.dir.path().to_str().unwrap();
    let table = String::from_utf8(run(&["export", "--dir", place]).stdout).unwrap();
    assert!(
        table.contains("模拟 · simulated") && table.contains("captured 收款 1200 · refunded 退回 200"),
        "{table}"
    );
    let one = String::from_utf8(run(&["order", "SIM001B0W", "--dir", place]).stdout).unwrap();
    assert!(
        one.contains("SIM001B0R") && one.contains("refund -> SUCCESS") && !one.contains("SIM002B0A"),
        "{one}"
    );
}

#[test]
fn wait_ends_when_the_book_shows_the_capture() {
    let p = Platform::start_scaled("0.1");
    let place = p.dir.path().to_str().unwrap().to_owned();
    let begun = Instant::now();
    p.call("/v1/pay", &pay_body("wechat", "SIM001B0W", 500, "130000000000000101"));
    let output =
        run(&["wait", "--number", "SIM001B0W", "--state", "captured", "--timeout", "5", "--dir", &place]);
    assert!(output.status.success());
    assert!(begun.elapsed() >= Duration::from_millis(400), "the password takes 4 s, a tenth of them here");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["order"]["captured"], json!(500));
    p.call("/v1/reverse", &with_merchant("wechat", json!({"number": "SIM001B0W"})));
    assert_eq!(
        code(&["wait", "--number", "SIM001B0W", "--state", "returned", "--timeout", "5", "--dir", &place]),
        0
    );
    assert_eq!(
        code(&["wait", "--number", "SIM001B0W", "--state", "closed", "--timeout", "0", "--dir", &place]),
        3
    );
}
