//! Reverses, and the stories in which they go wrong.

use hispos_provider_sim::model::State;

use crate::world::{BOTH, NUMBER, TOTAL, World, said, shown};

fn both(story: impl Fn(&mut World)) {
    for channel in BOTH {
        story(&mut World::new(channel));
    }
}

/// `recall` or `retry_flag` of a reverse.
fn again(w: &mut World) -> (&'static str, &'static str) {
    let answer = w.reverse();
    let reversal = answer.reversal.clone().unwrap();
    (said(&answer), reversal.recall.or(reversal.retry_flag).unwrap())
}

#[test]
fn a_reverse_closes_what_is_unpaid_and_the_payer_can_pay_no_more() {
    both(|w| {
        w.pay(2);
        w.wait(15);
        let answer = w.reverse();
        assert_eq!(said(&answer), w.word("SUCCESS", "10000"));
        assert_eq!(answer.reversal.unwrap().action.unwrap_or("-"), w.word("-", "close"));
        assert_eq!(shown(&w.query()), w.word("REVOKED", "TRADE_CLOSED"));
        assert_eq!(w.query().trade.unwrap().payment_no, None);
    });
}

#[test]
fn a_reverse_stops_a_password_that_was_to_come() {
    let mut w = World::new(BOTH[0]);
    w.pay(1);
    w.reverse();
    w.wait(3600);
    assert_eq!((w.state(), w.order().captured(w.now)), (State::Closed, 0));
}

#[test]
fn a_reverse_gives_back_all_of_what_is_paid() {
    both(|w| {
        w.pay(0);
        let answer = w.reverse();
        assert_eq!(answer.reversal.unwrap().action.unwrap_or("-"), w.word("-", "refund"));
        let answer = w.query();
        assert_eq!(shown(&answer), w.word("REFUND", "TRADE_CLOSED"));
        assert_eq!(answer.trade.as_ref().unwrap().refunded, TOTAL);
        assert!(answer.trade.unwrap().payment_no.is_some());
        assert_eq!(w.state(), State::Reversed);
        assert_eq!(said(&w.refund("SIM001B0R", 1)), w.word("ORDER_NOT_READY", "TRADE_STATUS_ERROR"));
    });
}

#[test]
fn a_reverse_of_an_unknown_number_closes_nothing() {
    both(|w| {
        let answer = w.reverse();
        assert_eq!(said(&answer), w.word("ORDERNOTEXIST", "10000"));
        assert_eq!(answer.reversal.unwrap().action, None);
        assert_eq!(said(&w.pay(0).answer), w.word("SUCCESS", "10000"), "the number can still be paid");
    });
}

#[test]
fn a_reverse_before_a_late_payment_does_not_stop_it() {
    both(|w| {
        w.pay(5);
        w.reverse();
        w.wait(5);
        assert_eq!(w.state(), State::Captured);
    });
}

#[test]
fn a_reverse_is_the_same_when_repeated() {
    both(|w| {
        w.pay(0);
        let first = w.reverse();
        w.wait(10);
        assert_eq!(w.reverse(), first);
        assert_eq!(w.order().refunded(w.now), TOTAL);
    });
}

#[test]
fn an_order_with_refunds_is_not_reversed() {
    both(|w| {
        w.pay(0);
        w.refund("SIM001B0R", 100);
        assert_eq!(said(&w.reverse()), w.word("TRADE_ERROR", "CANCEL_NOT_ALLOWED"));
        assert_eq!(w.order().refunded(w.now), 100);
    });
}

#[test]
fn a_reverse_after_seven_days_or_one_comes_too_late() {
    both(|w| {
        w.pay(0);
        w.wait(if w.word("w", "a") == "w" { 7 * 86_400 } else { 86_400 });
        w.wait(1);
        assert_eq!(said(&w.reverse()), w.word("REVERSE_EXPIRE", "TRADE_CANCEL_TIME_OUT"));
        assert_eq!(w.state(), State::Captured);
    });
}

#[test]
fn ending_13_is_paid_during_the_reverse_and_given_back_seconds_later() {
    both(|w| {
        w.pay(13);
        w.wait(50);
        assert_eq!(shown(&w.query()), w.word("NOTPAY", "WAIT_BUYER_PAY"));
        assert_eq!(again(w), (w.word("SUCCESS", "10000"), "N"));
        assert_eq!(shown(&w.query()), w.word("SUCCESS", "TRADE_SUCCESS"), "what is seen now does not stay");
        w.wait(7);
        assert_eq!(shown(&w.query()), w.word("REFUND", "TRADE_CLOSED"));
        assert_eq!(w.order().refunded(w.now), TOTAL);
    });
}

#[test]
fn ending_13_is_only_closed_when_the_payment_has_expired() {
    both(|w| {
        w.pay(13);
        w.wait(90);
        w.reverse();
        w.wait(7);
        assert_eq!((w.state(), w.order().captured(w.now)), (State::Closed, 0));
    });
}

#[test]
fn ending_14_is_reversed_by_the_third_call() {
    both(|w| {
        w.pay(14);
        w.wait(15);
        for _ in 0..2 {
            assert_eq!(again(w), (w.word("USERPAYING", "SYSTEM_ERROR"), "Y"));
            assert_eq!(w.state(), State::Waiting);
        }
        assert_eq!(again(w), (w.word("SUCCESS", "10000"), "N"));
        assert_eq!(w.state(), State::Closed);
    });
}

#[test]
fn ending_15_asks_three_times_for_another_call_and_closes_after_the_fourth() {
    both(|w| {
        w.pay(15);
        w.wait(15);
        for _ in 0..3 {
            assert_eq!(again(w), (w.word("SUCCESS", "10000"), "Y"));
            assert_eq!(w.state(), State::Waiting);
        }
        assert_eq!(again(w).1, "N");
        assert_eq!(w.state(), State::Waiting, "the effect comes later than the answer");
        w.wait(4);
        assert_eq!(w.state(), State::Closed);
    });
}

#[test]
fn ending_16_is_paid_after_a_reverse_that_claimed_success() {
    both(|w| {
        w.pay(16);
        w.wait(50);
        assert_eq!(again(w), (w.word("SUCCESS", "10000"), "N"));
        assert_eq!(shown(&w.query()), w.word("NOTPAY", "WAIT_BUYER_PAY"));
        w.wait(8);
        assert_eq!(shown(&w.query()), w.word("SUCCESS", "TRADE_SUCCESS"));
        again(w);
        assert_eq!(w.state(), State::Captured);
    });
}

#[test]
fn a_reversed_number_is_not_paid_again() {
    both(|w| {
        w.pay(2);
        w.reverse();
        let code = w.code(2, 0);
        assert_eq!(
            said(&w.pay_with(NUMBER, TOTAL, &code).answer),
            w.word("ORDERREVERSED", "TRADE_HAS_CLOSE")
        );
        assert_eq!(w.order().captured(w.now), 0);
    });
}
