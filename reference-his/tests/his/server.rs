//! The server: its door, its tasks, and what survives a kill.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use crate::site::Site;

fn collection(bill: &str, amount: &str) -> Value {
    json!({"bill": bill, "amount": amount, "seconds": 600})
}

//= spec-crate/spec/security.md#books-and-machines
//= type=test
//# A HIS that offers its functions to other programs of a machine MUST let only programs in that can show a
//# secret or an account that the person who runs the HIS has allowed.
#[test]
fn the_door_is_closed_without_token_from_other_names_and_for_other_origins() {
    let site = Site::set_up("pty");
    let server = site.serve();
    let (address, token) = (&server.address, &server.token);
    let status = |head: String| server.raw(&head, "").0;
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(status(format!("GET /orders HTTP/1.1\r\nHost: {address}\r\n{bearer}")), 200);
    assert_eq!(status(format!("GET /orders HTTP/1.1\r\nHost: {address}")), 401);
    assert_eq!(status(format!("GET /orders HTTP/1.1\r\nHost: evil.example\r\n{bearer}")), 403);
    let origin = "Origin: https://evil.example";
    assert_eq!(status(format!("GET /orders HTTP/1.1\r\nHost: {address}\r\n{bearer}\r\n{origin}")), 403);
    assert_eq!(status(format!("GET /health HTTP/1.1\r\nHost: {address}")), 200);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(site.home().join("token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let far = site.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(far.code, 2, "{far:?}");
    let second = site.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 6, "one ledger has one writer: {second:?}");
}

//= spec-crate/spec/orders.md#order-numbers
//= type=test
//# A HIS that derives order numbers MUST use bill keys of 1 to 64 bytes of text without control characters,
//# and never give one bill key to two bills.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST take the operator and the approver of a refund from two people that it has told apart itself.
#[test]
fn a_collection_is_idempotent_by_its_id_and_one_bill_has_one() {
    let site = Site::set_up("pty");
    let server = site.serve();
    let (status, view) = server.ask("PUT", "/collections/c1", &collection("B1", "+12.34"));
    assert_eq!((status, &view["state"]), (201, &json!("waiting")), "{view}");
    assert_eq!(server.ask("PUT", "/collections/c1", &collection("B1", "+12.34")).0, 200);
    let (status, problem) = server.ask("PUT", "/collections/c1", &collection("B1", "+12.35"));
    assert_eq!((status, &problem["code"]), (409, &json!("other_content")));
    let (status, problem) = server.ask("PUT", "/collections/c2", &collection("B1", "+12.34"));
    assert_eq!((status, &problem["code"], &problem["about"]), (409, &json!("held"), &json!("c1")));
    for wrong in ["12.34", "-1.00", "+0.00", "+1.234"] {
        assert_eq!(server.ask("PUT", "/collections/c3", &collection("B3", wrong)).0, 400, "{wrong}");
    }
    assert_eq!(server.ask("PUT", "/collections/c 3", &collection("B3", "+1.00")).0, 400);
    for bill in ["", &"x".repeat(65), "a\nb"] {
        assert_eq!(server.ask("PUT", "/collections/c3", &collection(bill, "+1.00")).0, 400, "{bill:?}");
    }
    let unknown = json!({"bill": "B3", "amount": "+1.00", "surprise": 1});
    assert_eq!(server.ask("PUT", "/collections/c3", &unknown).0, 400);
    let same = json!({"order_no": "BA", "amount": "-1.00", "operator": "a", "approver": "a", "reason": "r"});
    assert_eq!(server.ask("PUT", "/refunds/r1", &same).0, 400, "a refund needs two people");
    let refund =
        json!({"order_no": "BA", "amount": "-1.00", "operator": "a", "approver": "b", "reason": "r"});
    assert_eq!(server.ask("PUT", "/refunds/r1", &refund).0, 404);
    // Stopped before an order was made: nothing moved.
    assert_eq!(server.ask("POST", "/collections/c1/stop", &json!({})).0, 202);
    let (_, view) = server.ask("GET", "/collections/c1?seen=1&wait=10", &Value::Null);
    assert_eq!(view["end"], "not_made", "{view}");
    assert_eq!(server.ask("GET", "/collections/none", &Value::Null).0, 404);
}

#[test]
fn a_collection_survives_a_kill_of_the_server() {
    let site = Site::set_up("pty");
    let server = site.serve();
    assert_eq!(server.ask("PUT", "/collections/c1", &collection("B1", "+12.34")).0, 201);
    server.kill();
    let server = site.serve();
    let (status, view) = server.ask("PUT", "/collections/c1", &collection("B1", "+12.34"));
    assert_eq!((status, &view["state"]), (200, &json!("waiting")), "{view}");
    assert_eq!(server.ask("PUT", "/collections/c2", &collection("B1", "+12.34")).0, 409);
}

#[test]
fn a_command_that_follows_a_collection_follows_it_over_a_new_start_of_the_server() {
    let site = Site::set_up("pty");
    let server = site.serve();
    let mut collect = site.spawn(&["collect", "--bill", "B1", "+12.34", "--id", "c1"]);
    let mut told = BufReader::new(collect.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["state"], "waiting");
    server.kill();
    // Another port, and another token.
    let server = site.serve();
    assert_eq!(server.ask("POST", "/collections/c1/stop", &json!({})).0, 202);
    assert_eq!(collect.wait().unwrap().code(), Some(3));
    let last: Value = serde_json::from_str(&told.last().unwrap().unwrap()).unwrap();
    assert_eq!((&last["end"], &last["exit"]), (&json!("not_made"), &json!("refused")));
}

//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST allow a declared restore only while no program serves orders from that ledger.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST go on without the list of a device that cannot answer only on the recorded decision of two
//# different people.
//= spec-crate/spec/books.md#export
//= type=test
//# A program that exports a book MUST write one line for each record from the first one asked for to the
//# latest, in rising order, with the members of the table above.
//= spec-crate/spec/security.md#losing-a-device-or-a-key
//= type=test
//# A HIS MUST let people revoke a device at a site at once, before a new manifest has come, and make no new
//# order for it from then on.
//= spec-crate/spec/conformance.md#choices-that-are-free
//= type=test
//# An implementation of level HIS or POS MUST be able to export its book in the form of
//# [books.md](books.md#export).
#[test]
fn commands_end_with_the_code_of_the_table() {
    let site = Site::set_up("pty");
    let server = site.serve();
    // The terminal never comes: no order, nothing moved.
    let refused = site.run(&["collect", "--bill", "B1", "+12.34", "--seconds", "1"]);
    assert_eq!((refused.code, &refused.last["end"]), (3, &json!("not_made")), "{refused:?}");
    assert_eq!(refused.last["exit"], "refused");
    assert_eq!(site.done(&["open"]).lines, Vec::<Value>::new());
    for command in [["query", "BX"], ["cancel", "BX"], ["look", "BX"], ["posted", "BX"], ["bill", "none"]] {
        assert_eq!(site.run(&command).code, 3, "{command:?}");
    }
    assert_eq!(site.run(&["decide", "BX", "keep", "--by", "zhang", "--by", "li"]).code, 3);
    for by in [["zhang", "--by", "zhang"].as_slice(), ["zhang"].as_slice()] {
        let command = [&["devices", "without-list", "D1", "--by"], by].concat();
        assert_eq!(site.run(&command).code, 2, "{command:?}");
    }
    site.done(&["devices", "without-list", "D1", "--by", "zhang", "--by", "li"]);
    assert_eq!(site.done(&["windows"]).last["ready"], false);
    site.done(&["devices", "revoke", "D1"]);
    assert_eq!(site.done(&["windows"]).last["blocked"], true);
    site.done(&["devices", "allow", "D1"]);
    // A day that is over closes once, and a terminal that is not there does not hinder it.
    let closed = site.done(&["day", "close", "20260131", "--by", "zhang"]);
    assert_eq!((&closed.last["closed"]["by"], &closed.last["latest"]), (&json!("zhang"), &Value::Null));
    assert_eq!(site.done(&["day", "show", "20260131"]).last["closed"]["revision"], 1);
    assert_eq!(site.run(&["day", "close", "20260131", "--by", "zhang"]).code, 3);
    assert_eq!(site.run(&["day", "close", "20260130", "--by", "zhang", "--with-open", "BX"]).code, 3);
    assert_eq!(site.run(&["day", "show", "20260230"]).code, 2);
    assert_eq!(site.run(&["totals", "20260131", "--window", "W1"]).code, 3);
    let verified = site.done(&["ledger", "verify"]);
    assert!(verified.last["records"].as_u64().unwrap() > 3, "{verified:?}");
    let export = site.path("export.jsonl");
    let exported = site.done(&["ledger", "export", "--out", &export]);
    let lines = std::fs::read_to_string(&export).unwrap().lines().count();
    assert_eq!(exported.last["records"].as_u64().unwrap(), u64::try_from(lines).unwrap());
    assert_eq!(site.run(&["ledger", "restored"]).code, 3, "the server holds the ledger");
    #[cfg(unix)]
    {
        assert_eq!(server.stop(), 0);
        site.done(&["ledger", "restored"]);
        assert_eq!(site.done(&["ledger", "verify"]).last["starts"], 2);
    }
}

#[test]
fn the_interface_describes_itself() {
    let site = Site::set_up("pty");
    let server = site.serve();
    let (_, document) = server.raw(&format!("GET /openapi.json HTTP/1.1\r\nHost: {}", server.address), "");
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/collections/{id}",
        "/refunds/{id}",
        "/orders/{order_no}/decide",
        "/events",
        "/unposted",
        "/days/{day}",
        "/days/{day}/close",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    assert!(document["components"]["schemas"]["TaskView"]["properties"]["money"].is_object(), "{document}");
}

#[test]
fn events_are_told_as_they_happen_and_resumed_behind_the_last_one_seen() {
    let site = Site::set_up("pty");
    let server = site.serve();
    let mut stream = server.listen(None);
    server.ask("PUT", "/collections/c1", &collection("B1", "+1.00"));
    server.ask("POST", "/collections/c1/stop", &json!({}));
    let (first, told) = stream.next_task();
    assert_eq!((&told["id"], &told["state"]), (&json!("c1"), &json!("waiting")));
    // A listener that saw only the first is told the rest; one that was away for too long is told so.
    let (_, told) = server.listen(Some(&first)).next_task();
    assert_eq!(told["end"], "not_made", "{told}");
    let reset = server.listen(Some("another-1")).next();
    assert_eq!(reset.1["event"], "reset");
}
