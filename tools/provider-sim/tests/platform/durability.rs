//! What was answered survives the death of the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Platform, pay_body, with_merchant};

/// What a caller knows for certain.
#[derive(Default)]
struct Told {
    sent: BTreeSet<String>,
    paid: BTreeMap<String, String>,
    refunded: BTreeSet<String>,
    reversed: BTreeSet<String>,
}

/// Pays, refunds and reverses until told to stop; remembers what was sent before it is sent.
fn shop(p: &Platform, told: &Mutex<Told>, stop: &AtomicBool, till: usize, round: usize) {
    for serial in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let number = format!("SIM{till}{round:02}{serial:05}W");
        let code =
            format!("13{till}{round:02}{serial:05}0000000000").chars().take(16).collect::<String>() + "00";
        told.lock().unwrap().sent.insert(number.clone());
        let Some(reply) = p.try_call("/v1/pay", &pay_body("wechat", &number, 100, &code)) else { continue };
        assert!(reply.signed && reply.body["code"] == "SUCCESS", "{reply:?}");
        let payment_no = reply.body["payment_no"].as_str().unwrap().to_owned();
        told.lock().unwrap().paid.insert(number.clone(), payment_no);
        let names =
            json!({"number": number, "refund_number": format!("{number}R"), "amount": 40, "total": 100});
        let (path, is_refund) = if serial % 2 == 0 { ("/v1/refund", true) } else { ("/v1/reverse", false) };
        let Some(reply) = p.try_call(path, &with_merchant("wechat", names)) else { continue };
        assert_eq!(reply.body["code"], "SUCCESS");
        let mut told = told.lock().unwrap();
        if is_refund {
            told.refunded.insert(number)
        } else {
            told.reversed.insert(number)
        };
    }
}

#[test]
fn killed_in_the_middle_of_payments_it_has_lost_nothing_that_it_told() {
    let mut p = Platform::start();
    let told = Mutex::new(Told::default());
    let mut in_flight = 0;
    for round in 0..6 {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for till in 0..4 {
                let (p, told, stop) = (&p, &told, &stop);
                scope.spawn(move || shop(p, told, stop, till, round));
            }
            std::thread::sleep(Duration::from_millis(150 + 37 * round as u64));
            // The tills still talk; the process dies under them.
            p.kill();
            std::thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
        });
        p.start_again();
        in_flight += compare(&p.export(), &told.lock().unwrap());
    }
    let told = told.lock().unwrap();
    assert!(told.paid.len() > 50, "{} payments are too few to mean anything", told.paid.len());
    println!(
        "{} payments told, {} refunds, {} reverses; {in_flight} orders in the book that nobody was told of",
        told.paid.len(),
        told.refunded.len(),
        told.reversed.len()
    );
}

/// Everything told is in the book; what else is in the book was sent. Gives how many were never told.
fn compare(book: &Value, told: &Told) -> usize {
    let orders: BTreeMap<&str, &Value> =
        book["orders"].as_array().unwrap().iter().map(|o| (o["number"].as_str().unwrap(), o)).collect();
    for (number, payment_no) in &told.paid {
        let order =
            orders.get(number.as_str()).unwrap_or_else(|| panic!("{number} was told as paid and is lost"));
        assert_eq!(order["captured"], json!(100), "{number}");
        assert_eq!(order["payment_no"], json!(payment_no), "{number}");
    }
    for number in &told.refunded {
        assert_eq!(orders[number.as_str()]["refunds"][0]["amount"], json!(40), "{number}");
        assert_eq!(orders[number.as_str()]["refunded"], json!(40), "{number}");
    }
    for number in &told.reversed {
        assert_eq!(orders[number.as_str()]["state"], json!("reversed"), "{number}");
    }
    let pays = book["calls"].as_array().unwrap().iter().filter(|call| call["call"] == "pay").count();
    assert_eq!(pays, orders.len(), "an order and its evidence are written together");
    orders.keys().for_each(|number| assert!(told.sent.contains(*number), "{number} was never sent"));
    orders.len() - told.paid.len()
}

#[test]
fn a_payment_that_was_to_come_comes_although_the_platform_was_down() {
    let mut p = Platform::start();
    p.call("/v1/pay", &pay_body("wechat", "SIM001B0W", 100, "130000000000000101"));
    p.kill();
    std::thread::sleep(Duration::from_millis(500));
    p.start_again();
    assert_eq!(p.query("wechat", "SIM001B0W")["trade_state"], "SUCCESS");
}

#[test]
fn a_used_code_stays_used_after_a_restart() {
    let mut p = Platform::start();
    p.call("/v1/pay", &pay_body("wechat", "SIM001B0W", 100, "130000000000000100"));
    p.kill();
    p.start_again();
    let reply = p.call("/v1/pay", &pay_body("wechat", "SIM002B0W", 100, "130000000000000100"));
    assert_eq!(reply.body["code"], "AUTH_CODE_ERROR");
}
