use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::crypto::ed25519_public;

fn paid() -> NewResult {
    NewResult {
        order_hash: [9; 32],
        order_no: OrderNo::try_from("B0123456789ABCDEFGHJ").unwrap(),
        device_id: DeviceId::try_from("pos-1").unwrap(),
        outcome: Outcome::Paid,
        status: 100,
        amount: Amount::from_fen(1234).unwrap(),
        channel: Some(Channel::Wechat),
        payment_no: Some("4200002345202601311234567890".into()),
        refund_id: None,
        captured_at: Some(UnixSeconds(1_769_817_600)),
        decided_at: Some(UnixSeconds(1_769_817_601)),
        provider_code: None,
        found: Vec::new(),
    }
}

fn not_paid() -> NewResult {
    NewResult {
        outcome: Outcome::NotPaid,
        status: 200,
        channel: None,
        payment_no: None,
        captured_at: None,
        ..paid()
    }
}

fn refunded() -> NewResult {
    let amount = Amount::from_fen(-1234).unwrap();
    NewResult { outcome: Outcome::Refunded, status: 110, amount, refund_id: Some("5030".into()), ..paid() }
}

fn not_refunded() -> NewResult {
    NewResult { outcome: Outcome::NotRefunded, status: 404, refund_id: None, ..refunded() }
}

fn attention() -> NewResult {
    let capture = Capture { payment_no: "42".into(), amount: 1234, captured_at: None };
    let found =
        [Channel::Wechat, Channel::Alipay].map(|channel| FoundCapture { channel, capture: capture.clone() });
    NewResult { outcome: Outcome::Attention, status: 301, found: found.to_vec(), ..not_paid() }
}

fn each() -> [NewResult; 5] {
    [paid(), not_paid(), refunded(), not_refunded(), attention()]
}

fn refused(result: NewResult) -> ResultError {
    ResultCore::encode(&result).unwrap_err()
}

/// The bytes of a result after a change that its encoder would not make.
fn forged(result: &NewResult, change: impl FnOnce(&mut wire::ResultCore)) -> Result<ResultCore, ResultError> {
    let mut core = wire::ResultCore::decode(ResultCore::encode(result).unwrap().bytes()).unwrap();
    change(&mut core);
    ResultCore::decode(core.encode_to_vec())
}

#[test]
fn a_result_of_each_outcome_keeps_its_bytes_and_says_what_was_put_in() {
    for result in each() {
        let core = ResultCore::encode(&result).unwrap();
        assert_eq!(ResultCore::decode(core.bytes().to_vec()).unwrap(), core);
        assert_eq!(core.get(), &result);
        assert_eq!(Outcome::from_code(core.outcome().code()), Some(result.outcome));
    }
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result unless it is canonical, its outcome is 1 to 5, `paid`
//# and `not_paid` stand with a positive amount, `refunded` and `not_refunded` stand with a negative one, the
//# amount has at most 9,999,999,999 fen (AMOUNT_FEN_MAX), and every channel in it is 1 or 2.
//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result with a status that it does not know MUST take the money for unknown and the retry
//# class for `never`.
//= spec-crate/spec/catalogue.md#code-ranges
//= type=test
//# A receiver MUST accept a result with a status that it does not know, if the rest of the result is right.
#[test]
fn an_unknown_outcome_is_refused_and_an_unknown_status_means_money_unknown() {
    assert_eq!(forged(&paid(), |core| core.outcome = 6), Err(ResultError::Outcome(6)));
    for result in each() {
        let known = ResultCore::encode(&result).unwrap();
        assert_eq!(known.status().map(Status::money), Some(known.money()));
        let unknown = ResultCore::encode(&NewResult { status: 999, ..result.clone() }).unwrap();
        assert_eq!((unknown.status(), unknown.money()), (None, Money::Unknown));
        // Also a code in the hundreds of another outcome: nobody here knows what it means.
        assert!(ResultCore::encode(&NewResult { status: 299, ..result }).is_ok());
    }
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result if its status is one that the receiver knows and is not
//# of the outcome's group, where `paid` has 100 to 109, `refunded` 110 to 199, `not_paid` 200 to 299,
//# `attention` 300 to 399 and `not_refunded` 400 to 499.
#[test]
fn every_known_status_belongs_to_exactly_one_outcome() {
    for status in Status::ALL {
        let fitting = each().into_iter().filter(|result| {
            ResultCore::encode(&NewResult { status: status.code(), ..result.clone() }).is_ok()
        });
        assert_eq!(fitting.count(), 1, "{status}");
    }
    let wrong = refused(NewResult { status: 200, ..paid() });
    assert_eq!(wrong, ResultError::Status { outcome: Outcome::Paid, status: 200 });
    assert_eq!(wrong.to_string(), "status 200 does not belong to paid");
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result unless it is canonical, its outcome is 1 to 5, `paid`
//# and `not_paid` stand with a positive amount, `refunded` and `not_refunded` stand with a negative one, the
//# amount has at most 9,999,999,999 fen (AMOUNT_FEN_MAX), and every channel in it is 1 or 2.
#[test]
fn outcome_and_sign_have_to_agree() {
    for result in each() {
        let outcome = result.outcome;
        let amount = Amount::from_fen(-result.amount.fen()).unwrap();
        let turned = ResultCore::encode(&NewResult { amount, refund_id: None, ..result });
        match outcome {
            Outcome::Attention => assert!(turned.is_ok()),
            _ => assert_eq!(turned, Err(ResultError::Sign { outcome, amount })),
        }
    }
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result unless it is canonical, its outcome is 1 to 5, `paid`
//# and `not_paid` stand with a positive amount, `refunded` and `not_refunded` stand with a negative one, the
//# amount has at most 9,999,999,999 fen (AMOUNT_FEN_MAX), and every channel in it is 1 or 2.
//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result if it is `paid` or `refunded` without `channel` or
//# `payment_no`, has `payment_no` without `channel`, has `refund_id` with a positive amount, is `paid` with
//# `provider_code`, has `found` without being `attention`, or has in `found` an amount below 0 or above
//# 9,999,999,999 fen.
#[test]
fn money_that_moved_has_a_channel_and_a_payment_number() {
    for result in [paid(), refunded()] {
        let missing = ResultError::PaymentMissing(result.outcome);
        assert_eq!(refused(NewResult { payment_no: None, ..result.clone() }), missing);
        assert_eq!(refused(NewResult { channel: None, payment_no: None, ..result.clone() }), missing);
        // Only its time may be missing, and the refund id, which not every platform gives.
        assert!(ResultCore::encode(&NewResult { captured_at: None, refund_id: None, ..result }).is_ok());
    }
    assert_eq!(
        refused(NewResult { payment_no: Some("1".into()), ..not_paid() }),
        ResultError::ChannelMissing
    );
    assert_eq!(forged(&paid(), |core| core.channel = 3), Err(ResultError::Channel(3)));
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result if it is `paid` or `refunded` without `channel` or
//# `payment_no`, has `payment_no` without `channel`, has `refund_id` with a positive amount, is `paid` with
//# `provider_code`, has `found` without being `attention`, or has in `found` an amount below 0 or above
//# 9,999,999,999 fen.
#[test]
fn refund_id_provider_code_and_captures_stand_only_where_they_belong() {
    assert_eq!(refused(NewResult { refund_id: Some("1".into()), ..paid() }), ResultError::RefundIdOfCollect);
    let code = Some("USERPAYING".into());
    assert_eq!(refused(NewResult { provider_code: code.clone(), ..paid() }), ResultError::ProviderCodeOfPaid);
    assert!(ResultCore::encode(&NewResult { provider_code: code, ..not_paid() }).is_ok());
    for result in [paid(), not_paid(), refunded(), not_refunded()] {
        let outcome = result.outcome;
        assert_eq!(refused(NewResult { found: attention().found, ..result }), ResultError::Found(outcome));
    }
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result unless it is canonical, its outcome is 1 to 5, `paid`
//# and `not_paid` stand with a positive amount, `refunded` and `not_refunded` stand with a negative one, the
//# amount has at most 9,999,999,999 fen (AMOUNT_FEN_MAX), and every channel in it is 1 or 2.
//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result MUST take it for no result if it is `paid` or `refunded` without `channel` or
//# `payment_no`, has `payment_no` without `channel`, has `refund_id` with a positive amount, is `paid` with
//# `provider_code`, has `found` without being `attention`, or has in `found` an amount below 0 or above
//# 9,999,999,999 fen.
#[test]
fn captures_found_are_at_most_two_and_of_real_money() {
    let mut three = attention();
    three.found.push(three.found[0].clone());
    assert!(matches!(refused(three), ResultError::NotCanonical(violation) if violation.step() == 6));
    assert_eq!(forged(&attention(), |core| core.found[0].amount = -1), Err(ResultError::FoundAmount(-1)));
    let large = forged(&attention(), |core| core.found[0].amount = 10_000_000_000);
    assert_eq!(large, Err(ResultError::FoundAmount(10_000_000_000)));
    assert_eq!(forged(&attention(), |core| core.found[0].channel = 9), Err(ResultError::Channel(9)));
}

#[test]
fn a_result_that_could_not_be_received_is_not_made() {
    let long = |length| Some("x".repeat(length));
    for (step, result) in [
        (6, NewResult { payment_no: long(65), ..paid() }),
        (6, NewResult { refund_id: long(65), ..refunded() }),
        (6, NewResult { provider_code: long(65), ..not_paid() }),
        (7, NewResult { provider_code: Some("a b".into()), ..not_paid() }),
        (9, NewResult { status: 0, ..paid() }),
    ] {
        let error = refused(result);
        assert!(matches!(error, ResultError::NotCanonical(violation) if violation.step() == step), "{error}");
    }
    assert!(matches!(forged(&paid(), |core| core.amount = i64::MAX), Err(ResultError::Amount(_))));
}

#[test]
fn a_signature_is_of_one_key_over_one_result_under_its_own_context() {
    let seed = Secret::new([3; 32]);
    let key = ed25519_public(&seed);
    let core = ResultCore::encode(&paid()).unwrap();
    let signature = sign(&seed, &core);
    assert_eq!(verify(&key, core.bytes(), &signature), Ok(()));
    assert_eq!(verify(&ed25519_public(&Secret::new([4; 32])), core.bytes(), &signature), Err(BadSignature));
    let other = ResultCore::encode(&not_paid()).unwrap();
    assert_eq!(verify(&key, other.bytes(), &signature), Err(BadSignature));
    let foreign = ed25519_sign(&seed, labels::AGREEMENT, core.bytes());
    assert_eq!(verify(&key, core.bytes(), &foreign), Err(BadSignature));
    let mut cases = 0;
    for bit in 0..512 {
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        cases += 1;
        assert_eq!(verify(&key, core.bytes(), &flipped), Err(BadSignature), "bit {bit}");
    }
    for bit in 0..core.bytes().len() * 8 {
        let mut flipped = core.bytes().to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        cases += 1;
        assert_eq!(verify(&key, &flipped, &signature), Err(BadSignature), "bit {bit}");
    }
    std::println!("{cases} flips of a signed result");
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A HIS and a POS MUST name a result in a confirmation by the first 16 bytes of SHA-256 over the result's
//# bytes.
#[test]
fn a_confirmation_names_the_first_16_bytes_of_the_hash() {
    let core = ResultCore::encode(&paid()).unwrap();
    assert_eq!(core.hash(), sha256(&[core.bytes()])[..16]);
    assert_eq!(vec![result_hash(core.bytes())], [core.hash()]);
}
