//! Rows of the declared tables of states that chance makes seldom or never: each is made by a script.

use hispos::catalogue::Status;
use hispos::platform::{Capture, Channel, Proof, Request};
use hispos_sim::decided::Refunding;
use hispos_sim::script::Passage;
use hispos_sim::states::BY_SCRIPT;
use hispos_sim::story::Story;

use crate::scene::{FEN, Scene, made, s};
use crate::{refunds, sessions};

const LOST: Passage = Passage { there: None, back: None, instead: None };

/// An order whose number the platform answers so about ends while it waits for a code.
fn number_is_not_free(says: &Proof, state: &str, status: Status) {
    let mut scene = Scene::open();
    let says = says.clone();
    scene.network(move |ask, _| {
        let instead = matches!(ask.request, Request::Query).then(|| says.clone());
        Passage { instead, ..Passage::GOOD }
    });
    let order_no = scene.try_collect(0, "bill").unwrap();
    scene.ends(s(20), &order_no, state, status);
}

/// Nobody answers about a refund's number until its start is over.
fn refund_is_not_answered_about() {
    let mut scene = Scene::open();
    let order_no = scene.paid(0, "bill", Channel::Wechat);
    scene.pass(s(61));
    scene.network(
        |ask, _| if matches!(ask.request, Request::QueryRefund { .. }) { LOST } else { Passage::GOOD },
    );
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.ends(s(120), &refund, "not_refunded", Status::RefundPlatformDown);
}

/// A payment goes back whole before it is posted, or is to be posted again because that failed.
fn payment_is_given_back_unposted(becomes: Refunding, state: &str, status: Status) {
    let mut scene = Scene::open();
    scene.decide(|decided| decided.refunds.push_back(becomes));
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.ends(s(10), &order_no, "paid", Status::Paid);
    let refund = scene.refund_not_to_post(&order_no);
    scene.ends(s(60), &refund, state, status);
}

#[test]
fn every_row_that_is_left_to_scripts_is_made_by_one() {
    let capture = Capture { payment_no: "1".into(), amount: 99, captured_at: None };
    number_is_not_free(&Proof::Mismatch(capture), "attention", Status::NumberUsed);
    number_is_not_free(&Proof::Alive, "attention", Status::NumberUsed);
    number_is_not_free(&Proof::Closed, "not_paid", Status::NumberClosed);
    refund_is_not_answered_about();
    payment_is_given_back_unposted(Refunding::Done, "refunded", Status::Refunded);
    payment_is_given_back_unposted(Refunding::Refused, "not_refunded", Status::RefundRefused);
    refunds::refund_of_the_wrong_original_is_not_done();
    refunds::refund_that_never_arrived_is_released_after_a_day_of_looks_also_at_a_terminal_without_a_clock();
    sessions::compromised_device_with_money_in_flight_tells_evidence_only_and_another_device_ends_its_order();
    let made = made();
    let missing: Vec<String> =
        BY_SCRIPT.iter().map(|row| row.join(" ")).filter(|row| !made.contains_key(row)).collect();
    assert_eq!(missing, Vec::<String>::new(), "rows of spec-crate/tables that no script makes");
}
