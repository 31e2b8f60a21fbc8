//! One connection, one request, on virtual time.

use std::sync::Arc;

use hispos::crypto::hash::hmac_sha256;
use hispos::platform::{Channel, Proof, Request, Verdict};
use hispos::time::{Instant, UnixSeconds};

use super::dialect::{KEY, simulated};
use super::{ask, pay, refund};
use crate::payment::{Call, Happened, Step};

const NONCE: [u8; 16] = [5; 16];

fn call(request: Request) -> Call {
    Call::new(ask(Channel::Wechat, request), Arc::new(simulated(Channel::Wechat)), &NONCE)
}

fn done(step: Step) -> (Verdict, bool) {
    match step {
        Step::Done { verdict, abort, .. } => (verdict, abort),
        other => panic!("a verdict was expected, not {other:?}"),
    }
}

/// Connects and writes, at these instants.
fn written(call: &mut Call, begin: u64, connected: u64) {
    assert!(matches!(
        call.step(Happened::Begin, Instant(begin)),
        Step::Connect(_, until) if until == Instant(begin + 3000)
    ));
    assert!(matches!(
        call.step(Happened::Connected, Instant(connected)),
        Step::Write(until) if until == Instant(connected + 12_000)
    ));
}

/// What the platform says, signed for this call's request.
fn answer(call: &Call, status: u16, body: &str) -> Vec<u8> {
    let text = std::str::from_utf8(call.bytes()).unwrap();
    let binding = text.lines().find_map(|line| line.strip_prefix("Hispos-Sim-Signature: ")).unwrap();
    let signed = hmac_sha256(&KEY, &[format!("{status}\n{binding}\n").as_bytes(), body.as_bytes()]);
    let signature: String = signed.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "HTTP/1.1 {status} OK\r\nDate: Tue, 24 Nov 2026 18:51:30 GMT\r\nHispos-Sim-Signature: {signature}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const PAID: &str =
    r#"{"simulated":true,"code":"SUCCESS","number":"SIM1B0W","total":12345,"payment_no":"42"}"#;

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST give a connection up that does not stand T_CONN after the question began.
#[test]
fn a_signed_answer_gives_its_verdict_with_its_times() {
    let mut call = call(pay());
    written(&mut call, 1000, 1200);
    let bytes = answer(&call, 200, PAID);
    let (verdict, abort) = done(call.step(Happened::Bytes(bytes), Instant(1900)));
    assert!(matches!(&verdict.proof, Proof::Captured(capture) if capture.payment_no == "42"));
    assert_eq!((verdict.first_byte, verdict.ended), (Some(Instant(1200)), Instant(1900)));
    assert_eq!(verdict.date, Some(UnixSeconds(1_795_546_290)));
    assert_eq!((verdict.answered, abort, verdict.provider_code.as_str()), (true, false, "SUCCESS"));
}

#[test]
fn an_answer_may_come_in_any_pieces() {
    let whole = answer(&call(pay()), 200, PAID);
    for cut in 1..whole.len() {
        let mut call = call(pay());
        written(&mut call, 0, 0);
        let step = call.step(Happened::Bytes(whole[..cut].to_vec()), Instant(10));
        assert!(matches!(step, Step::Read(until) if until == Instant(12_000)));
        let (verdict, _) = done(call.step(Happened::Bytes(whole[cut..].to_vec()), Instant(20)));
        assert!(matches!(verdict.proof, Proof::Captured(_)));
    }
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST read the boot clock when the connection, with TLS, stands, and write no byte if that
//# instant is at or after the question's last instant.
//= spec-crate/spec/payment.md#verdicts
//= type=test
//# An adapter MUST leave out the instant of the first byte only if it is certain that no byte of the request
//# was handed to the network.
//= spec-crate/spec/orders.md#leases
//= type=test
//# A POS MUST read its boot clock after the connection to the platform stands and just before the first byte
//# of every pay, reverse and refund, and write no byte of it at or after the instant that PAY-72, PAY-78 or
//# PAY-83 names.
#[test]
fn what_moves_money_is_not_written_when_the_connection_stands_too_late() {
    for request in [pay(), Request::Reverse, refund()] {
        for (connected, is_written) in [(49_999, true), (50_000, false), (50_001, false)] {
            let mut call = call(request.clone());
            drop(call.step(Happened::Begin, Instant(49_000)));
            match call.step(Happened::Connected, Instant(connected)) {
                Step::Write(_) => assert!(is_written),
                step => {
                    let (verdict, abort) = done(step);
                    assert!(!is_written && abort);
                    assert_eq!((verdict.first_byte, verdict.answered), (None, false));
                }
            }
        }
    }
}

#[test]
fn questions_are_never_too_late() {
    let mut call = call(Request::Query);
    written(&mut call, 90_000_000, 90_000_100);
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST give a connection up that does not stand T_CONN after the question began.
//= spec-crate/spec/payment.md#verdicts
//= type=test
//# An adapter MUST leave out the instant of the first byte only if it is certain that no byte of the request
//# was handed to the network.
//= spec-crate/spec/payment.md#verdicts
//= type=test
//# An adapter MUST give the proof open, without provider code and date and as not answered, for a connection
//# that failed, an answer that came too late, was cut off, was not signed by the platform, was not bound to
//# this request, or differs by PAY-16, PAY-17 or PAY-18.
#[test]
fn a_connection_that_is_never_made_has_written_nothing() {
    for happened in [Happened::Failed, Happened::TimeOut] {
        let mut call = call(pay());
        drop(call.step(Happened::Begin, Instant(0)));
        let (verdict, _) = done(call.step(happened, Instant(3000)));
        assert_eq!((verdict.first_byte, verdict.proof), (None, Proof::Open));
    }
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST end the connection when T_HTTP has passed since the first byte and no whole answer is
//# there.
//= spec-crate/spec/payment.md#questions
//= type=test
//# An adapter MUST end a connection without a whole answer by a reset that sends no more bytes.
//= spec-crate/spec/payment.md#verdicts
//= type=test
//# An adapter MUST give the proof open, without provider code and date and as not answered, for a connection
//# that failed, an answer that came too late, was cut off, was not signed by the platform, was not bound to
//# this request, or differs by PAY-16, PAY-17 or PAY-18.
#[test]
fn without_an_answer_in_time_the_connection_is_aborted_and_nothing_is_known() {
    for happened in [Happened::TimeOut, Happened::Failed, Happened::Closed] {
        let mut call = call(pay());
        written(&mut call, 0, 100);
        let (verdict, abort) = done(call.step(happened, Instant(12_100)));
        assert!(abort);
        assert_eq!((verdict.first_byte, verdict.ended), (Some(Instant(100)), Instant(12_100)));
        assert_eq!((verdict.proof, verdict.answered, verdict.date), (Proof::Open, false, None));
    }
}

//= spec-crate/spec/payment.md#verdicts
//= type=test
//# An adapter MUST give the proof open, without provider code and date and as not answered, for a connection
//# that failed, an answer that came too late, was cut off, was not signed by the platform, was not bound to
//# this request, or differs by PAY-16, PAY-17 or PAY-18.
#[test]
fn an_answer_that_is_not_signed_for_this_request_proves_nothing() {
    let other = answer(
        &Call::new(ask(Channel::Wechat, pay()), Arc::new(simulated(Channel::Wechat)), &[6; 16]),
        200,
        PAID,
    );
    let mut forged = answer(&call(pay()), 200, PAID);
    let at = forged.len() - 3;
    forged[at] ^= 1;
    let unavailable = answer(&call(pay()), 503, PAID);
    let unsigned = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{PAID}", PAID.len()).into_bytes();
    for bytes in [other, forged, unavailable, unsigned] {
        let mut call = call(pay());
        written(&mut call, 0, 0);
        let (verdict, _) = done(call.step(Happened::Bytes(bytes), Instant(50)));
        assert_eq!((verdict.proof, verdict.answered, verdict.date), (Proof::Open, false, None));
        assert_eq!(verdict.provider_code, "");
    }
}

//= spec-crate/spec/privacy.md#payment-codes
//= type=test
//# A POS MUST NOT write a payment code to a disk, a log, a core dump, an error text, a display or the link.
//= spec-crate/spec/privacy.md#logs-screens-and-exports
//= type=test
//# A HIS and a POS MUST NOT log plaintexts, requests to a platform or its answers, as a whole or in part.
#[test]
fn nothing_of_a_call_shows_the_payment_code() {
    let mut call = call(pay());
    let bytes =
        answer(&call, 200, r#"{"simulated":true,"code":"AUTHCODEEXPIRE","message":"134567890123456789"}"#);
    let shown = format!("{:?}", call.step(Happened::Begin, Instant(0)))
        + &format!("{:?}", call.step(Happened::Connected, Instant(0)))
        + &format!("{:?}", call.step(Happened::Bytes(bytes), Instant(0)));
    assert!(!shown.contains("134567890123456789"), "{shown}");
}
