//! The stories that a code's last two digits select, for payments and refunds.

use hispos_provider_sim::model::{Channel, Delivery, State};

use crate::world::{BOTH, NUMBER, TOTAL, World, said, shown};

fn both(story: impl Fn(&mut World)) {
    for channel in BOTH {
        story(&mut World::new(channel));
    }
}

#[test]
fn ending_00_is_paid_at_once_and_told_with_everything_a_till_compares() {
    both(|w| {
        let outcome = w.pay(0);
        assert_eq!(outcome.delivery, Delivery::Told);
        assert_eq!(said(&outcome.answer), w.word("SUCCESS", "10000"));
        let trade = outcome.answer.trade.unwrap();
        assert_eq!((trade.total, trade.currency, trade.refunded), (TOTAL, "CNY", 0));
        assert_eq!(trade.captured_at, Some(w.now / 1000));
        assert_eq!(trade.payment_no.unwrap().len(), 28);
        assert_eq!(shown(&w.query()), w.word("SUCCESS", "TRADE_SUCCESS"));
    });
}

#[test]
fn endings_without_a_story_are_paid() {
    both(|w| {
        for ending in 21..100 {
            let code = w.code(ending, ending);
            let answer = w.pay_with(&format!("SIM0{ending:02}"), TOTAL, &code).answer;
            assert_eq!(said(&answer), w.word("SUCCESS", "10000"));
        }
    });
}

#[test]
fn totals_of_one_two_and_three_fen_are_paid_whatever_the_code() {
    both(|w| {
        for total in 1..=3 {
            let code = w.code(u32::try_from(total).unwrap(), 3);
            let answer = w.pay_with(&format!("SIM00{total}"), total, &code).answer;
            assert_eq!(said(&answer), w.word("SUCCESS", "10000"));
        }
        let code = w.code(4, 3);
        let answer = w.pay_with("SIM004", 4, &code).answer;
        assert_eq!(said(&answer), w.word("NOTENOUGH", "BUYER_BALANCE_NOT_ENOUGH"));
    });
}

#[test]
fn ending_01_waits_for_the_password_and_is_then_paid() {
    both(|w| {
        assert_eq!(said(&w.pay(1).answer), w.word("USERPAYING", "10003"));
        w.wait(3);
        assert_eq!(shown(&w.query()), w.word("USERPAYING", "TRADE_NOT_EXIST"));
        assert_eq!(w.state(), State::Waiting);
        w.wait(6);
        assert_eq!(shown(&w.query()), w.word("SUCCESS", "TRADE_SUCCESS"));
        assert_eq!(w.state(), State::Captured);
    });
}

#[test]
fn ending_01_is_never_paid_once_the_payment_has_expired() {
    both(|w| {
        let (code, expires_at) = (w.code(1, 1), w.now / 1000 + 2);
        w.pay_until(NUMBER, TOTAL, &code, expires_at);
        w.wait(3600);
        assert_eq!(w.order().captured(w.now), 0);
        assert_eq!(shown(&w.query()), w.word("NOTPAY", "TRADE_NOT_EXIST"));
    });
}

#[test]
fn ending_02_is_asked_for_45_s_and_never_paid() {
    both(|w| {
        assert_eq!(said(&w.pay(2).answer), w.word("USERPAYING", "10003"));
        w.wait(44);
        assert_eq!(shown(&w.query()), w.word("USERPAYING", "WAIT_BUYER_PAY"));
        w.wait(1);
        assert_eq!(shown(&w.query()), w.word("NOTPAY", "WAIT_BUYER_PAY"));
        // WeChat leaves it open until a reverse; Alipay closes it at the expiry, without evidence of a payment.
        w.wait(45);
        let answer = w.query();
        assert_eq!(shown(&answer), w.word("NOTPAY", "TRADE_CLOSED"));
        assert_eq!(answer.trade.unwrap().payment_no, None);
        assert_eq!(w.order().captured(w.now), 0);
    });
}

#[test]
fn ending_03_is_refused_and_leaves_an_open_order() {
    both(|w| {
        assert_eq!(said(&w.pay(3).answer), w.word("NOTENOUGH", "BUYER_BALANCE_NOT_ENOUGH"));
        assert_eq!(shown(&w.query()), w.word("NOTPAY", "WAIT_BUYER_PAY"));
        w.reverse();
        assert_eq!(shown(&w.query()), w.word("REVOKED", "TRADE_CLOSED"));
    });
}

#[test]
fn ending_04_is_refused_as_too_old_and_leaves_nothing() {
    both(|w| {
        assert_eq!(said(&w.pay(4).answer), w.word("AUTHCODEEXPIRE", "PAYMENT_AUTH_CODE_INVALID"));
        assert_eq!(shown(&w.query()), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
    });
}

#[test]
fn ending_05_tells_an_error_is_absent_and_then_paid() {
    both(|w| {
        let answer = w.pay(5).answer;
        assert_eq!(answer.code, w.word("SYSTEMERROR", "20000"));
        assert_eq!(shown(&w.query()), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
        w.wait(5);
        assert_eq!(shown(&w.query()), w.word("SUCCESS", "TRADE_SUCCESS"));
    });
}

#[test]
fn ending_06_tells_an_error_and_nothing_was_done() {
    both(|w| {
        assert_eq!(said(&w.pay(6).answer), w.word("SYSTEMERROR", "SYSTEM_ERROR"));
        w.wait(3600);
        assert_eq!(shown(&w.query()), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
    });
}

#[test]
fn ending_07_is_paid_without_an_answer() {
    both(|w| {
        assert_eq!(w.pay(7).delivery, Delivery::Lost);
        assert_eq!(shown(&w.query()), w.word("SUCCESS", "TRADE_SUCCESS"));
    });
}

#[test]
fn ending_08_never_arrives_and_leaves_the_code_unused() {
    both(|w| {
        assert_eq!(w.pay(8).delivery, Delivery::Silent);
        assert_eq!(shown(&w.query()), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
        assert!(w.orders.is_empty());
    });
}

#[test]
fn ending_09_is_refused_by_risk_control_and_leaves_nothing() {
    both(|w| {
        assert_eq!(said(&w.pay(9).answer), w.word("RULELIMIT", "PAYMENT_REQUEST_HAS_RISK"));
        assert_eq!(shown(&w.query()), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
    });
}

#[test]
fn ending_10_is_a_gateway_error_and_nothing_was_done() {
    both(|w| {
        assert_eq!(w.pay(10).delivery, Delivery::Unavailable);
        assert_eq!(shown(&w.query()), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
    });
}

#[test]
fn ending_11_is_paid_under_a_wrong_signature_and_queries_are_signed_right() {
    both(|w| {
        assert_eq!(w.pay(11).delivery, Delivery::Forged);
        assert_eq!(shown(&w.query()), w.word("SUCCESS", "TRADE_SUCCESS"));
    });
}

#[test]
fn ending_12_names_one_fen_too_much_while_the_book_is_right() {
    both(|w| {
        assert_eq!(w.pay(12).answer.trade.unwrap().total, TOTAL + 1);
        assert_eq!(w.query().trade.unwrap().total, TOTAL + 1);
        assert_eq!(w.order().captured(w.now), TOTAL);
    });
}

#[test]
fn ending_17_is_paid_and_seen_by_nobody_for_8_s() {
    both(|w| {
        assert_eq!(w.pay(17).answer.code, w.word("SYSTEMERROR", "20000"));
        assert_eq!(w.order().captured(w.now), TOTAL);
        w.wait(7);
        assert_eq!(shown(&w.query()), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
        w.reverse();
        w.wait(1);
        assert_eq!(
            shown(&w.query()),
            w.word("SUCCESS", "TRADE_SUCCESS"),
            "a reverse that found nothing did nothing"
        );
    });
}

#[test]
fn ending_18_refunds_after_30_s() {
    both(|w| {
        w.pay(18);
        let told = w.refund("SIM001B0R", 100).refund.unwrap();
        assert_eq!(told.refund_status.or(told.fund_change), Some(w.word("PROCESSING", "N")));
        w.wait(29);
        let told = w.query_refund("SIM001B0R").refund.unwrap();
        assert_eq!(told.refund_status.unwrap_or("none"), w.word("PROCESSING", "none"));
        assert_eq!(w.order().refunded(w.now), 0);
        w.wait(1);
        let told = w.query_refund("SIM001B0R").refund.unwrap();
        assert_eq!(told.refund_status, Some(w.word("SUCCESS", "REFUND_SUCCESS")));
        assert_eq!(told.refunded_at, Some(w.now / 1000));
        assert_eq!(w.order().refunded(w.now), 100);
    });
}

#[test]
fn ending_19_holds_an_abnormal_refund_at_wechat_and_fails_it_at_alipay() {
    both(|w| {
        w.pay(19);
        w.refund("SIM001B0R", TOTAL);
        w.wait(4);
        let answer = w.query_refund("SIM001B0R");
        assert_eq!(said(&answer), w.word("SUCCESS", "10000"));
        assert_eq!(answer.refund.unwrap().refund_status.unwrap_or("none"), w.word("CHANGE", "none"));
        assert_eq!(w.order().refunded(w.now), 0);
        let held = if w.merchant.channel == Channel::Wechat { TOTAL } else { 0 };
        assert_eq!(w.order().held_by_refunds(w.now), held);
    });
}

#[test]
fn ending_20_refuses_a_refund_and_keeps_its_number_free() {
    both(|w| {
        w.pay(20);
        assert_eq!(said(&w.refund("SIM001B0R", 100)), w.word("NOTENOUGH", "SELLER_BALANCE_NOT_ENOUGH"));
        let answer = w.query_refund("SIM001B0R");
        assert_eq!(said(&answer), w.word("REFUNDNOTEXIST", "10000"));
        assert_eq!(answer.refund, None);
    });
}
