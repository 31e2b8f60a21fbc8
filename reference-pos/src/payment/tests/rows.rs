//! Every row of the answer tables, written down once more from the specification, and what is around the rows.

use hispos::platform::{Capture, Channel, Proof, Request};
use hispos::time::UnixSeconds;

use super::{PAYMENT_NO, TOTAL, ask, paid_reply, pay, query_refund, refund};
use crate::payment::tables::{ANSWERS, Profile};
use crate::payment::verdict::{Mismatch, provider_code, verdict};
use crate::payment::{Reply, tables};

fn capture(amount: u64) -> Capture {
    Capture { payment_no: PAYMENT_NO.into(), amount, captured_at: Some(UnixSeconds(1_800_000_000)) }
}

fn refunded() -> Proof {
    Proof::Refunded { refund_id: "50000001".into(), at: Some(UnixSeconds(1_800_000_100)) }
}

/// How a word of the tables is told: as the call's own code, or as the state of an order or a refund.
#[derive(Clone, Copy)]
enum As {
    Code,
    State,
}
use As::{Code, State};

fn rows_of_wechat() -> Vec<(Request, As, &'static [&'static str], Proof)> {
    let refused: &[_] = &["AUTHCODEEXPIRE", "AUTH_CODE_ERROR", "AUTH_CODE_INVALID"];
    let merchant_refused: &[_] = &[
        "PARAM_ERROR",
        "LACK_PARAMS",
        "NOAUTH",
        "APPID_NOT_EXIST",
        "MCHID_NOT_EXIST",
        "APPID_MCHID_NOT_MATCH",
        "FREQUENCY_LIMITED",
    ];
    let payer: &[_] = &["NOTENOUGH", "NOTSUPORTCARD", "BUYER_MISMATCH", "RULELIMIT", "TRADE_ERROR"];
    let known: &[_] = &["ORDERPAID", "ORDERCLOSED", "ORDERREVERSED", "OUT_TRADE_NO_USED", "INVALID_REQUEST"];
    let refund_refused: &[_] = &[
        "NOTENOUGH",
        "NOT_ENOUGH",
        "REFUND_FEE_INVALID",
        "REFUND_FEE_MISMATCH",
        "ORDER_NOT_READY",
        "TRADE_OVERDUE",
        "ORDERNOTEXIST",
        "ERROR_REFUND_FEE",
    ];
    vec![
        (pay(), Code, &["SUCCESS"], Proof::Captured(capture(TOTAL))),
        (pay(), Code, refused, Proof::Refused),
        (pay(), Code, merchant_refused, Proof::MerchantRefused),
        (pay(), Code, payer, Proof::PayerRefused),
        (pay(), Code, known, Proof::NumberKnown),
        (pay(), Code, &["USERPAYING", "SYSTEMERROR", "BANKERROR"], Proof::Open),
        (Request::Query, State, &["SUCCESS"], Proof::Captured(capture(TOTAL))),
        (
            Request::Query,
            State,
            &["REFUND"],
            Proof::CapturedAndRefunded { capture: capture(TOTAL), refunded: 0 },
        ),
        (Request::Query, State, &["REVOKED", "CLOSED"], Proof::Closed),
        (Request::Query, State, &["NOTPAY", "USERPAYING", "ACCEPT", "PAYERROR"], Proof::Alive),
        (Request::Query, Code, &["ORDERNOTEXIST", "ORDER_NOT_EXIST"], Proof::Absent),
        (refund(), Code, refund_refused, Proof::NotRefunded { closed: false }),
        (refund(), Code, &["REFUND_NUMBER_USED", "OUT_REFUND_NO_USED"], Proof::NumberKnown),
        (query_refund(), State, &["SUCCESS"], refunded()),
        (query_refund(), State, &["PROCESSING"], PENDING),
        (query_refund(), State, &["REFUNDCLOSE", "CLOSED"], Proof::NotRefunded { closed: true }),
        (query_refund(), State, &["CHANGE", "ABNORMAL"], Proof::RefundAbnormal),
        (query_refund(), Code, &["REFUNDNOTEXIST", "RESOURCE_NOT_EXISTS"], Proof::Absent),
        (Request::Verify, Code, &["SUCCESS"], Proof::Verified),
    ]
}

fn rows_of_alipay() -> Vec<(Request, As, &'static [&'static str], Proof)> {
    let payer: &[_] = &[
        "BUYER_BALANCE_NOT_ENOUGH",
        "BUYER_BANKCARD_BALANCE_NOT_ENOUGH",
        "BUYER_SELLER_EQUAL",
        "PAYMENT_FAIL",
        "BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR",
        "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR",
        "NO_PAYMENT_INSTRUMENTS_AVAILABLE",
        "ERROR_BALANCE_PAYMENT_DISABLE",
        "PULL_MOBILE_CASHIER_FAIL",
        "PAYMENT_REQUEST_HAS_RISK",
        "BUYER_ENABLE_STATUS_FORBID",
    ];
    let known: &[_] =
        &["TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE", "CONTEXT_INCONSISTENT", "TRADE_BUYER_NOT_MATCH"];
    let refund_refused: &[_] = &[
        "SELLER_BALANCE_NOT_ENOUGH",
        "REFUND_AMT_NOT_EQUAL_TOTAL",
        "TRADE_HAS_FINISHED",
        "TRADE_NOT_ALLOW_REFUND",
        "NOT_ALLOW_PARTIAL_REFUND",
        "REFUND_FEE_ERROR",
        "TRADE_NOT_EXIST",
        "TRADE_STATUS_ERROR",
    ];
    vec![
        (pay(), Code, &["10000"], Proof::Captured(capture(TOTAL))),
        (pay(), Code, &["40001", "40002", "40006"], Proof::MerchantRefused),
        (pay(), Code, &["PAYMENT_AUTH_CODE_INVALID"], Proof::Refused),
        (pay(), Code, payer, Proof::PayerRefused),
        (pay(), Code, known, Proof::NumberKnown),
        (pay(), Code, &["10003", "20000", "SYSTEM_ERROR"], Proof::Open),
        (Request::Query, State, &["TRADE_SUCCESS", "TRADE_FINISHED"], Proof::Captured(capture(TOTAL))),
        (
            Request::Query,
            State,
            &["TRADE_CLOSED"],
            Proof::CapturedAndRefunded { capture: capture(TOTAL), refunded: 0 },
        ),
        (Request::Query, State, &["WAIT_BUYER_PAY"], Proof::Alive),
        (Request::Query, Code, &["TRADE_NOT_EXIST"], Proof::Absent),
        (refund(), State, &["FUND_CHANGE_Y"], refunded()),
        (refund(), State, &["FUND_CHANGE_N"], PENDING),
        (refund(), Code, refund_refused, Proof::NotRefunded { closed: false }),
        (refund(), Code, &["DISCORDANT_REPEAT_REQUEST"], Proof::NumberKnown),
        (query_refund(), State, &["REFUND_SUCCESS"], refunded()),
        (query_refund(), State, &["NO_REFUND_STATUS"], Proof::Absent),
        (Request::Verify, Code, &["10000"], Proof::Verified),
    ]
}

/// A refund that the platform knows and that has not ended.
const PENDING: Proof = Proof::RefundPending;

/// An answer that says a word of the tables.
fn says(profile: Profile, request: &Request, how: As, word: &str) -> Reply {
    let channel = channel(profile);
    let success = if channel == Channel::Wechat { "SUCCESS" } else { "10000" };
    let code = match how {
        Code => word,
        State => success,
    };
    let mut reply = paid_reply(channel, code);
    if channel == Channel::Alipay && matches!(how, Code) && word.parse::<u32>().is_err() {
        (reply.code, reply.sub_code) = ("40004".into(), format!("ACQ.{word}"));
    }
    if matches!(request, Request::Refund { .. } | Request::QueryRefund { .. }) {
        reply.refund_number = Some("SIM1B0R".into());
        reply.refund_amount = Some(345);
        reply.refund_id = Some("50000001".into());
        reply.refunded_at = Some(UnixSeconds(1_800_000_100));
    }
    if *request == Request::Verify {
        (reply.number, reply.total) = (None, None);
    }
    if matches!(how, State) {
        match (request, word) {
            (Request::Query | Request::Pay { .. }, _) => reply.trade_state = Some(word.into()),
            (_, "FUND_CHANGE_Y") => reply.fund_change = Some("Y".into()),
            (_, "FUND_CHANGE_N") => reply.fund_change = Some("N".into()),
            (_, "NO_REFUND_STATUS") => {}
            _ => reply.refund_status = Some(word.into()),
        }
    }
    reply
}

fn channel(profile: Profile) -> Channel {
    if profile == Profile::Alipay { Channel::Alipay } else { Channel::Wechat }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST form the word of an answer as the table below says, where a call has succeeded if its code
//# is `SUCCESS` (WeChat) or `10000` (Alipay).
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST look a word up in the tables below under its profile and call, and under query refund for
//# the refund state of a WeChat answer to a refund.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST NOT take a state that a successful call told for absent, but for `NO_REFUND_STATUS`.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST say of the proof not refunded that the refund was closed if the answer tells a refund
//# state, and that it was refused otherwise.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST give for every other verdict of a row the proof of the same name, where the verdict dead
//# is the proof refused.
#[test]
fn every_row_proves_what_the_specification_says_and_there_is_no_other_row() {
    let mut checked = 0;
    for profile in [Profile::WechatV2, Profile::WechatV3, Profile::Alipay] {
        let rows = if profile == Profile::Alipay { rows_of_alipay() } else { rows_of_wechat() };
        for (request, how, words, proof) in rows {
            for word in words {
                let asked = ask(channel(profile), request.clone());
                let reply = says(profile, &request, how, word);
                assert_eq!(
                    verdict(profile, &asked, &reply),
                    Ok(proof.clone()),
                    "{profile:?} {word} {request:?}"
                );
                checked += 1;
            }
        }
    }
    assert_eq!(checked, ANSWERS.len());
}

#[test]
fn no_row_is_there_twice() {
    for (place, row) in ANSWERS.iter().enumerate() {
        let again = ANSWERS[place + 1..]
            .iter()
            .find(|other| (other.profile, other.call, other.code) == (row.profile, row.call, row.code));
        assert_eq!(again, None);
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST give the proof open for a word that no row names, but merchant refused for a trusted
//# answer to a verification that no row names.
#[test]
fn what_no_row_names_is_open() {
    for profile in [Profile::WechatV2, Profile::WechatV3, Profile::Alipay] {
        for request in [pay(), Request::Query, refund(), query_refund()] {
            for word in ["NEW_CODE", "success", "Success", "10001", ""] {
                for how in [Code, State] {
                    let reply = says(profile, &request, how, word);
                    // A success without a state is a state of its own where the call needs none.
                    let says_enough = matches!((how, word), (State, ""))
                        && (matches!(request, Request::Pay { .. })
                            || profile == Profile::Alipay && matches!(request, Request::QueryRefund { .. }));
                    if !says_enough {
                        let proof = verdict(profile, &ask(channel(profile), request.clone()), &reply);
                        assert_eq!(proof, Ok(Proof::Open), "{profile:?} {request:?} {word:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn no_answer_to_a_reverse_proves_anything() {
    for profile in [Profile::WechatV2, Profile::WechatV3, Profile::Alipay] {
        for row in ANSWERS {
            let reply = says(profile, &Request::Reverse, Code, row.code);
            assert_eq!(verdict(profile, &ask(channel(profile), Request::Reverse), &reply), Ok(Proof::Open));
        }
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST let a query or query refund that did not succeed prove absent, if its word has that
//# verdict, and nothing else.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST NOT take a state that a successful call told for absent, but for `NO_REFUND_STATUS`.
#[test]
fn a_state_is_believed_only_from_a_question_that_succeeded() {
    for row in
        ANSWERS.iter().filter(|row| matches!(row.call, tables::Call::Query | tables::Call::QueryRefund))
    {
        let request = if row.call == tables::Call::Query { Request::Query } else { query_refund() };
        let swapped = match row.verdict {
            tables::AnswerVerdict::Absent => State,
            _ => Code,
        };
        if matches!(row.code, "SUCCESS" | "NO_REFUND_STATUS") {
            continue;
        }
        let reply = says(row.profile, &request, swapped, row.code);
        let proof = verdict(row.profile, &ask(channel(row.profile), request), &reply);
        assert_eq!(proof, Ok(Proof::Open), "{row:?}");
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST give the proof open for a word that no row names, but merchant refused for a trusted
//# answer to a verification that no row names.
#[test]
fn a_signed_refusal_of_a_verification_refuses_the_merchant() {
    let reply = says(Profile::WechatV2, &Request::Verify, Code, "NOAUTH");
    let proof = verdict(Profile::WechatV2, &ask(Channel::Wechat, Request::Verify), &reply);
    assert_eq!(proof, Ok(Proof::MerchantRefused));
}

/// Each member of an answer that is compared, made wrong.
fn wrong(reply: &Reply) -> [(Reply, Mismatch); 5] {
    let reply = || reply.clone();
    [
        (Reply { number: Some("SIM1B1W".into()), ..reply() }, Mismatch::Number),
        (Reply { account: Some("1900000002".into()), ..reply() }, Mismatch::Merchant),
        (Reply { sub_account: Some("1".into()), ..reply() }, Mismatch::Merchant),
        (Reply { currency: Some("USD".into()), ..reply() }, Mismatch::Currency),
        (Reply { total: Some(TOTAL + 1), ..reply() }, Mismatch::Total),
    ]
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST take a signed answer that names another order number than the question for untrusted.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST take a signed answer that names another account, sub-account, currency than CNY, or total
//# than the question for untrusted, unless PAY-19 applies.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST give the proof mismatch for a signed answer to a query that names another account,
//# sub-account, currency or total and tells of captured money by PAY-25.
#[test]
fn an_answer_about_something_else_proves_nothing() {
    for profile in [Profile::WechatV2, Profile::WechatV3, Profile::Alipay] {
        let rows = if profile == Profile::Alipay { rows_of_alipay() } else { rows_of_wechat() };
        for (request, how, words, proof) in rows {
            let asked = ask(channel(profile), request.clone());
            for (reply, mismatch) in words.iter().flat_map(|word| wrong(&says(profile, &request, how, word)))
            {
                let money = matches!(proof, Proof::Captured(_) | Proof::CapturedAndRefunded { .. });
                let judged = verdict(profile, &asked, &reply);
                if money && request == Request::Query && mismatch != Mismatch::Number {
                    let amount = reply.total.unwrap();
                    assert_eq!(judged, Ok(Proof::Mismatch(capture(amount))), "{reply:?}");
                } else {
                    assert_eq!(judged, Err(mismatch), "{reply:?}");
                }
            }
        }
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST take a signed answer that names another refund number than the question, names one
//# although the question has none, or names another amount of the refund than the question for untrusted.
#[test]
fn an_answer_about_another_refund_or_another_amount_of_it_proves_nothing() {
    for (profile, channel, request, word) in [
        (Profile::WechatV2, Channel::Wechat, refund(), "SUCCESS"),
        (Profile::WechatV2, Channel::Wechat, query_refund(), "SUCCESS"),
        (Profile::Alipay, Channel::Alipay, refund(), "FUND_CHANGE_Y"),
        (Profile::Alipay, Channel::Alipay, query_refund(), "REFUND_SUCCESS"),
    ] {
        let reply = says(profile, &request, State, word);
        let asked = ask(channel, request);
        assert!(verdict(profile, &asked, &reply).is_ok());
        for other in [
            Reply { refund_number: Some("SIM1B1R".into()), ..reply.clone() },
            Reply { refund_amount: Some(344), ..reply },
        ] {
            assert_eq!(verdict(profile, &asked, &other), Err(Mismatch::Refund));
        }
    }
    // A refund, although none was asked about.
    let reply = says(Profile::WechatV2, &Request::Query, State, "SUCCESS");
    let other = Reply { refund_number: Some("SIM1B0R".into()), ..reply };
    let asked = ask(Channel::Wechat, Request::Query);
    assert_eq!(verdict(Profile::WechatV2, &asked, &other), Err(Mismatch::Refund));
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST take money for told only by a row with the verdict captured or captured and refunded, or
//# by the state `TRADE_CLOSED` with a time of payment or a refunded amount above 0, and only with a payment
//# number of 1 to 64 visible ASCII characters and a total.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST give the proof open for a row with the verdict captured or captured and refunded whose
//# answer does not tell of money.
#[test]
fn a_capture_needs_a_total_and_the_platforms_own_number() {
    for (profile, state) in [(Profile::WechatV2, "SUCCESS"), (Profile::Alipay, "TRADE_SUCCESS")] {
        for request in [pay(), Request::Query] {
            let asked = ask(channel(profile), request.clone());
            let success = if profile == Profile::Alipay { "10000" } else { "SUCCESS" };
            let reply = Reply { trade_state: Some(state.into()), ..paid_reply(channel(profile), success) };
            assert_eq!(verdict(profile, &asked, &reply), Ok(Proof::Captured(capture(TOTAL))));
            for lacking in [
                Reply { total: None, ..reply.clone() },
                Reply { payment_no: None, ..reply.clone() },
                Reply { payment_no: Some(String::new()), ..reply.clone() },
                Reply { payment_no: Some("9".repeat(65)), ..reply.clone() },
                Reply { payment_no: Some("4200 0001".into()), ..reply.clone() },
            ] {
                assert_eq!(verdict(profile, &asked, &lacking), Ok(Proof::Open), "{lacking:?}");
            }
        }
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST form the word of an answer as the table below says, where a call has succeeded if its code
//# is `SUCCESS` (WeChat) or `10000` (Alipay).
#[test]
fn a_pay_that_shows_an_unpaid_order_is_no_success() {
    for (profile, code, state) in
        [(Profile::WechatV3, "SUCCESS", "USERPAYING"), (Profile::Alipay, "10000", "WAIT_BUYER_PAY")]
    {
        let reply = Reply { trade_state: Some(state.into()), ..paid_reply(channel(profile), code) };
        assert_eq!(verdict(profile, &ask(channel(profile), pay()), &reply), Ok(Proof::Open));
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST take money for told only by a row with the verdict captured or captured and refunded, or
//# by the state `TRADE_CLOSED` with a time of payment or a refunded amount above 0, and only with a payment
//# number of 1 to 64 visible ASCII characters and a total.
//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST give, for a row with the verdict closed, the proof captured and refunded if the answer
//# tells of money, open if it is not told of only because the payment number or the total cannot be used, and
//# closed otherwise.
#[test]
fn alipay_closes_with_and_without_money() {
    let asked = ask(Channel::Alipay, Request::Query);
    let closed = says(Profile::Alipay, &Request::Query, State, "TRADE_CLOSED");
    // Alipay gives a number of its own to unpaid trades too: it is no evidence of a payment.
    let unpaid = Reply { captured_at: None, refunded: None, ..closed.clone() };
    assert_eq!(verdict(Profile::Alipay, &asked, &unpaid), Ok(Proof::Closed));
    let returned = Reply { refunded: Some(TOTAL), ..closed };
    let proof = Proof::CapturedAndRefunded { capture: capture(TOTAL), refunded: TOTAL };
    assert_eq!(verdict(Profile::Alipay, &asked, &returned), Ok(proof));
    // Money moved, and the payment's number or total cannot be told: that is no proof that nothing happened.
    for unusable in [None, Some(String::new()), Some("2026 1".into()), Some("1".repeat(65))] {
        let reply = Reply { payment_no: unusable, ..returned.clone() };
        assert_eq!(verdict(Profile::Alipay, &asked, &reply), Ok(Proof::Open));
    }
    let reply = Reply { total: None, refunded: None, ..returned };
    assert_eq!(verdict(Profile::Alipay, &asked, &reply), Ok(Proof::Open));
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST take the refunded amount for 0 where an answer tells of refunds without saying how much.
#[test]
fn refunds_of_an_amount_that_is_not_told_count_as_nothing_given_back() {
    let expected = Proof::CapturedAndRefunded { capture: capture(TOTAL), refunded: 0 };
    for (profile, state) in [(Profile::WechatV2, "REFUND"), (Profile::Alipay, "TRADE_CLOSED")] {
        let reply = Reply { refunded: None, ..says(profile, &Request::Query, State, state) };
        let proof = verdict(profile, &ask(channel(profile), Request::Query), &reply);
        assert_eq!(proof, Ok(expected.clone()), "{profile:?}");
    }
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST look a word up in the tables below under its profile and call, and under query refund for
//# the refund state of a WeChat answer to a refund.
#[test]
fn a_refund_request_may_be_answered_with_its_state() {
    let asked = ask(Channel::Wechat, refund());
    for (state, proof) in
        [("SUCCESS", refunded()), ("PROCESSING", PENDING), ("CHANGE", Proof::RefundAbnormal)]
    {
        let reply = says(Profile::WechatV2, &query_refund(), State, state);
        assert_eq!(verdict(Profile::WechatV2, &asked, &reply), Ok(proof));
    }
    let accepted = Reply { refund_status: None, ..says(Profile::WechatV2, &query_refund(), State, "") };
    assert_eq!(verdict(Profile::WechatV2, &asked, &accepted), Ok(Proof::Open));
}

//= spec-crate/spec/payment.md#from-an-answer-to-a-proof
//= type=test
//# An adapter MUST give as provider code of a trusted answer its word, or its code if the word is empty,
//# without all but visible ASCII characters and cut to 64.
#[test]
fn the_code_for_support_is_short_and_visible() {
    let asked = ask(Channel::Alipay, pay());
    let longest = "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR";
    let reply = says(Profile::Alipay, &pay(), Code, longest);
    assert_eq!(provider_code(Profile::Alipay, &asked, &reply), longest);
    let reply = Reply { sub_code: "X".repeat(65), ..reply };
    assert_eq!(provider_code(Profile::Alipay, &asked, &reply), "X".repeat(64));
    let reply = Reply { code: "系统 ERROR\n1".into(), ..Reply::default() };
    assert_eq!(provider_code(Profile::WechatV2, &ask(Channel::Wechat, pay()), &reply), "ERROR1");
    let reply = says(Profile::Alipay, &Request::Query, State, "WAIT_BUYER_PAY");
    let asked = ask(Channel::Alipay, Request::Query);
    assert_eq!(provider_code(Profile::Alipay, &asked, &reply), "WAIT_BUYER_PAY");
}
