//! What holds for money in every story.

use hispos_provider_sim::model::{Channel, State, Word};

use crate::world::{BOTH, NUMBER, TOTAL, World, said};

fn both(story: impl Fn(&mut World)) {
    for channel in BOTH {
        story(&mut World::new(channel));
    }
}

#[test]
fn a_number_is_paid_once() {
    both(|w| {
        w.pay(0);
        let payment_no = w.order().payment_no.clone();
        let code = w.code(2, 0);
        assert_eq!(said(&w.pay_with(NUMBER, TOTAL, &code).answer), w.word("ORDERPAID", "TRADE_HAS_SUCCESS"));
        assert_eq!(w.order().payment_no, payment_no);
    });
}

#[test]
fn a_number_that_is_open_is_not_paid_by_another_code() {
    both(|w| {
        w.pay(2);
        let code = w.code(2, 0);
        assert_eq!(
            said(&w.pay_with(NUMBER, TOTAL, &code).answer),
            w.word("OUT_TRADE_NO_USED", "CONTEXT_INCONSISTENT")
        );
        assert_eq!(w.state(), State::Waiting);
    });
}

#[test]
fn a_code_is_good_for_one_try_even_if_that_failed() {
    both(|w| {
        for ending in [0, 3, 6, 9] {
            let code = w.code(ending, ending);
            w.pay_with(&format!("SIM0{ending}A"), TOTAL, &code);
            assert_eq!(
                said(&w.pay_with(&format!("SIM0{ending}B"), TOTAL, &code).answer),
                w.word("AUTH_CODE_ERROR", "PAYMENT_AUTH_CODE_INVALID"),
                "ending {ending}"
            );
        }
    });
}

#[test]
fn a_code_lives_60_s_from_its_first_sight() {
    both(|w| {
        w.pay(0);
        let (early, late) = (w.code(2, 0), w.code(3, 0));
        // Seen, but not used: the number was paid already.
        w.pay_with(NUMBER, TOTAL, &early);
        w.pay_with(NUMBER, TOTAL, &late);
        w.now += 59_999;
        assert_eq!(said(&w.pay_with("SIM001", TOTAL, &early).answer), w.word("SUCCESS", "10000"));
        w.now += 1;
        let answer = w.pay_with("SIM002", TOTAL, &late).answer;
        assert_eq!(said(&answer), w.word("AUTHCODEEXPIRE", "PAYMENT_AUTH_CODE_INVALID"));
    });
}

#[test]
fn a_code_of_the_other_channel_is_refused() {
    for (channel, code) in [(Channel::Wechat, "280000000000000100"), (Channel::Alipay, "130000000000000100")]
    {
        let mut w = World::new(channel);
        let answer = w.pay_with(NUMBER, TOTAL, code).answer;
        assert_eq!(said(&answer), w.word("AUTH_CODE_INVALID", "PAYMENT_AUTH_CODE_INVALID"));
        assert!(w.orders.is_empty());
    }
}

#[test]
fn a_payment_that_arrives_at_its_expiry_or_later_is_refused() {
    both(|w| {
        for (late, paid) in [(-1, true), (0, false), (1, false)] {
            let code = w.code(u32::try_from(late + 2).unwrap(), 0);
            let number = format!("SIM00{}", late + 2);
            let expires_at = w.now / 1000 - late;
            let answer = w.pay_until(&number, TOTAL, &code, expires_at).answer;
            let word = if paid {
                w.word("SUCCESS", "10000")
            } else {
                w.word("PARAM_ERROR", "isv.invalid-parameter")
            };
            assert_eq!(said(&answer), word);
            assert_eq!(w.orders.contains_key(&number), paid);
        }
    });
}

#[test]
fn numbers_and_totals_outside_their_limits_are_refused() {
    both(|w| {
        let code = w.code(1, 0);
        for (number, total) in [
            ("SIM01", 1),
            ("SIM-001", 1),
            (&*"S".repeat(33), 1),
            (NUMBER, 0),
            (NUMBER, -1),
            (NUMBER, i64::MAX),
        ] {
            let answer = w.pay_with(number, total, &code).answer;
            assert_eq!(answer.code, w.word("PARAM_ERROR", "40002"), "{number} {total}");
        }
        assert!(w.orders.is_empty());
    });
}

#[test]
fn refunds_in_parts_reach_the_capture_and_never_exceed_it() {
    both(|w| {
        w.pay(0);
        assert_eq!(said(&w.refund("SIM001R1", 345)), w.word("SUCCESS", "10000"));
        assert_eq!(w.query().trade.unwrap().trade_state, w.word("REFUND", "TRADE_SUCCESS"));
        let refused = w.refund("SIM001R2", 12_001);
        assert_eq!(said(&refused), w.word("REFUND_FEE_INVALID", "REFUND_AMT_NOT_EQUAL_TOTAL"));
        assert_eq!(said(&w.refund("SIM001R2", 12_000)), w.word("SUCCESS", "10000"));
        assert_eq!((w.state(), w.order().refunded(w.now)), (State::Refunded, TOTAL));
        assert_eq!(w.query().trade.unwrap().trade_state, w.word("REFUND", "TRADE_CLOSED"));
        assert_eq!(
            said(&w.refund("SIM001R3", 1)),
            w.word("REFUND_FEE_INVALID", "REFUND_AMT_NOT_EQUAL_TOTAL")
        );
    });
}

#[test]
fn a_refund_in_process_holds_its_amount() {
    both(|w| {
        w.pay(18);
        w.refund("SIM001R1", TOTAL);
        let refused = w.refund("SIM001R2", 1);
        assert_eq!(said(&refused), w.word("REFUND_FEE_INVALID", "REFUND_AMT_NOT_EQUAL_TOTAL"));
    });
}

#[test]
fn a_refund_number_is_one_refund() {
    both(|w| {
        w.pay(0);
        let first = w.refund("SIM001B0R", 100).refund.unwrap();
        let again = w.refund("SIM001B0R", 100).refund.unwrap();
        assert_eq!(again.refund_id, first.refund_id);
        // Alipay says of each call whether it moved money.
        assert_eq!(first.fund_change.unwrap_or("-"), w.word("-", "Y"));
        assert_eq!(again.fund_change.unwrap_or("-"), w.word("-", "N"));
        assert_eq!(w.order().refunded(w.now), 100);
        assert_eq!(
            said(&w.refund("SIM001B0R", 101)),
            w.word("OUT_REFUND_NO_USED", "DISCORDANT_REPEAT_REQUEST")
        );
    });
}

#[test]
fn a_refund_number_of_another_order_is_known_with_other_content() {
    both(|w| {
        w.pay(0);
        let code = w.code(2, 0);
        w.pay_with("SIM002B0W", TOTAL, &code);
        w.refund("SIM001B0R", 100);
        let answer = w.refund_of("SIM002B0W", "SIM001B0R", 100, TOTAL);
        assert_eq!(said(&answer), w.word("OUT_REFUND_NO_USED", "DISCORDANT_REPEAT_REQUEST"));
    });
}

#[test]
fn what_is_not_captured_or_another_total_is_not_refunded() {
    both(|w| {
        assert_eq!(said(&w.refund("SIM001B0R", 1)), w.word("ORDERNOTEXIST", "TRADE_NOT_EXIST"));
        w.pay(2);
        assert_eq!(said(&w.refund("SIM001B0R", 1)), w.word("ORDER_NOT_READY", "TRADE_STATUS_ERROR"));
        let answer = w.refund_of(NUMBER, "SIM001B0R", 1, TOTAL + 1);
        assert_eq!(said(&answer), w.word("REFUND_FEE_MISMATCH", "REFUND_FEE_ERROR"));
    });
}

#[test]
fn a_refund_after_a_year_comes_too_late() {
    both(|w| {
        w.pay(0);
        w.wait(365 * 86_400);
        assert_eq!(said(&w.refund("SIM001R1", 1)), w.word("SUCCESS", "10000"));
        w.wait(1);
        assert_eq!(said(&w.refund("SIM001R2", 1)), w.word("TRADE_OVERDUE", "TRADE_HAS_FINISHED"));
    });
}

#[test]
fn a_refund_that_nobody_requested_is_not_there() {
    both(|w| {
        assert_eq!(said(&w.query_refund("SIM001B0R")), w.word("REFUNDNOTEXIST", "TRADE_NOT_EXIST"));
        w.pay(0);
        let answer = w.query_refund("SIM001B0R");
        assert_eq!((said(&answer), answer.refund), (w.word("REFUNDNOTEXIST", "10000"), None));
    });
}

#[test]
fn delays_follow_the_seed_and_the_scale_and_nothing_else() {
    let captured = |seed, scale| {
        let mut w = World::with_seed(Channel::Wechat, seed);
        w.rules.scale_permille = scale;
        w.pay(1);
        w.order().captured_at.unwrap() - w.now
    };
    assert_eq!(captured(1, 1000), captured(1, 1000));
    let delays: std::collections::BTreeSet<_> = (0..50).map(|seed| captured(seed, 1000)).collect();
    assert!(delays.len() > 40 && *delays.first().unwrap() >= 4000 && *delays.last().unwrap() <= 8000);
    assert_eq!(captured(1, 100), captured(1, 1000) / 10);
}

#[test]
fn money_only_moves_forward_in_any_order_of_requests() {
    let mut draw = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: u64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        draw % below
    };
    for round in 0..3_000_u32 {
        let mut w = World::with_seed(BOTH[random(2) as usize], random(1 << 20));
        let mut best = (0, 0);
        for step in 0..12_u32 {
            let code = w.code(round, random(22) as u32);
            match random(6) {
                0 | 1 => drop(w.pay_with(NUMBER, TOTAL, &code)),
                2 => drop(w.reverse()),
                3 => drop(w.refund(&format!("SIM00R{}", random(3)), 1 + random(2) as i64 * 6_000)),
                _ => drop(w.query()),
            }
            w.now += random(4) as i64 * random(20_000) as i64;
            w.audit();
            if let Some(order) = w.orders.get(NUMBER) {
                let seen = (order.captured(w.now), order.refunded(w.now));
                assert!(
                    seen.0 >= best.0 && seen.1 >= best.1,
                    "round {round} step {step}: {best:?} then {seen:?}"
                );
                best = seen;
            }
        }
    }
}

#[test]
fn every_word_is_marked_as_simulated_in_both_languages() {
    for word in Word::ALL {
        for channel in BOTH {
            let words = word.of(channel);
            assert!(
                words.message.starts_with("模拟：") && words.message.contains(" / simulated: "),
                "{word:?}"
            );
            assert!(words.code.len() <= 32 && words.sub_code.is_none_or(|code| code.len() <= 32), "{word:?}");
        }
    }
}
