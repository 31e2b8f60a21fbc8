use alloc::string::ToString;
use alloc::vec;

use super::*;

pub(crate) fn collect() -> NewOrder {
    NewOrder {
        order_no: OrderNo::try_from("B0123456789ABCDEFGHJ").unwrap(),
        device_id: DeviceId::try_from("pos-1").unwrap(),
        amount: Amount::from_fen(1234).unwrap(),
        business_day: 20_260_131,
        agreement_no: 3,
        refund_of: None,
    }
}

pub(crate) fn refund() -> NewOrder {
    let refund_of = RefundOf {
        order_no: OrderNo::try_from("B0123456789ABCDEFGHJ").unwrap(),
        agreement_no: 2,
        channel: Channel::Alipay,
        amount: 1234,
        payment_no: "2026013122001".into(),
        operator: OperatorId::try_from("op-1").unwrap(),
        approver: OperatorId::try_from("op-2").unwrap(),
        reason: "\u{91cd}\u{590d}\u{6536}\u{8d39}".into(),
    };
    NewOrder { amount: Amount::from_fen(-1234).unwrap(), refund_of: Some(refund_of), ..collect() }
}

/// The bytes of an order after a change that its encoder would not make.
fn forged(order: &NewOrder, change: impl FnOnce(&mut wire::OrderCore)) -> Result<OrderCore, CoreError> {
    let bytes = OrderCore::encode(order).unwrap().bytes;
    let mut core = wire::OrderCore::decode(bytes.as_slice()).unwrap();
    change(&mut core);
    OrderCore::decode(core.encode_to_vec())
}

fn forged_refund(change: impl FnOnce(&mut wire::RefundOf)) -> Result<OrderCore, CoreError> {
    forged(&refund(), |core| change(core.refund_of.as_mut().unwrap()))
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A HIS MUST serialise the core of an order once, in the canonical form of [encoding.md](encoding.md), and
//# store and send those bytes unchanged for ever.
#[test]
fn an_order_keeps_its_bytes_and_says_what_was_put_in() {
    for order in [collect(), refund()] {
        let core = OrderCore::encode(&order).unwrap();
        let again = OrderCore::decode(core.bytes().to_vec()).unwrap();
        assert_eq!(again, core);
        assert_eq!(again.order, order);
        assert_eq!(again.kind(), Kind::of(order.amount));
        assert_eq!((again.order_no(), again.device_id()), (&order.order_no, &order.device_id));
        assert_eq!(
            (again.amount(), again.business_day(), again.agreement_no()),
            (order.amount, 20_260_131, 3)
        );
        assert_eq!(again.refund_of(), order.refund_of.as_ref());
    }
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A receiver of a canonical core of kind 1 or 2 MUST take it for one with a wrong amount if the magnitude is
//# above 9,999,999,999 fen, or if the amount is not positive for kind 1 or not negative for kind 2, before it
//# looks at `business_day` and `refund_of`.
#[test]
fn kind_and_sign_have_to_agree() {
    assert!(matches!(
        forged(&collect(), |core| core.kind = 2),
        Err(CoreError::Sign { kind: Kind::Refund, .. })
    ));
    assert!(matches!(
        forged(&collect(), |core| core.amount = -1),
        Err(CoreError::Sign { kind: Kind::Collect, .. })
    ));
    assert_eq!(forged(&collect(), |core| core.kind = 3), Err(CoreError::Kind(3)));
    let error = forged(&refund(), |core| core.kind = 1).unwrap_err();
    assert_eq!(error.to_string(), "a collect of -12.34: it has to be positive");
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A receiver of a canonical core of kind 1 or 2 MUST take it for one with a wrong amount if the magnitude is
//# above 9,999,999,999 fen, or if the amount is not positive for kind 1 or not negative for kind 2, before it
//# looks at `business_day` and `refund_of`.
#[test]
fn an_amount_above_the_limit_is_refused_and_zero_is_not_canonical() {
    assert_eq!(
        forged(&collect(), |core| core.amount = 10_000_000_000),
        Err(CoreError::Amount(AmountError::TooLarge))
    );
    assert_eq!(
        forged(&collect(), |core| core.amount = i64::MAX),
        Err(CoreError::Amount(AmountError::TooLarge))
    );
    let error = forged(&collect(), |core| core.amount = 0).unwrap_err();
    assert!(matches!(error, CoreError::NotCanonical(violation) if violation.step() == 9));
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A receiver of a core MUST take it for malformed unless it is canonical, its kind is 1 or 2, `business_day`
//# is a day of the Gregorian calendar from 10000101 to 99991231, and `refund_of` is there for a refund and
//# only for a refund.
#[test]
fn a_business_day_is_a_real_date() {
    for day in [10_000_101, 20_240_229, 20_000_229, 20_260_131, 20_260_430, 99_991_231] {
        assert!(is_date(day), "{day}");
    }
    for day in
        [0, 20_260_229, 19_000_229, 20_260_431, 20_261_301, 20_260_001, 20_260_100, 20_260_132, 9_991_231]
    {
        assert!(!is_date(day), "{day}");
    }
    assert!(!is_date(u32::MAX));
    assert_eq!(
        OrderCore::encode(&NewOrder { business_day: 20_260_231, ..collect() }),
        Err(CoreError::Date(20_260_231))
    );
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A receiver of a core MUST take it for malformed unless it is canonical, its kind is 1 or 2, `business_day`
//# is a day of the Gregorian calendar from 10000101 to 99991231, and `refund_of` is there for a refund and
//# only for a refund.
#[test]
fn exactly_refunds_name_an_original() {
    assert_eq!(forged(&refund(), |core| core.refund_of = None), Err(CoreError::RefundOfMissing));
    let of = refund().refund_of;
    assert_eq!(OrderCore::encode(&NewOrder { refund_of: of, ..collect() }), Err(CoreError::RefundOfCollect));
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A receiver of a core MUST take it for malformed unless `refund_of.operator` and `refund_of.approver`
//# differ, `refund_of.channel` is 1 or 2, and `refund_of.amount` is at least the magnitude of the refund and
//# at most 9,999,999,999 fen.
//= spec-crate/spec/security.md#a-real-key-in-wrong-hands
//= type=test
//# A HIS MUST NOT let one person give both names of a refund or of a decision.
#[test]
fn a_refund_needs_two_people_a_known_channel_and_an_original_that_is_large_enough() {
    assert_eq!(forged_refund(|of| of.approver.clone_from(&of.operator)), Err(CoreError::SamePerson));
    assert_eq!(forged_refund(|of| of.channel = 3), Err(CoreError::Channel(3)));
    assert_eq!(
        forged_refund(|of| of.amount = 1233),
        Err(CoreError::Original { original: 1233, refund: 1234 })
    );
    assert!(forged_refund(|of| of.amount = AMOUNT_FEN_MAX).is_ok());
    assert!(matches!(forged_refund(|of| of.amount = AMOUNT_FEN_MAX + 1), Err(CoreError::Original { .. })));
}

#[test]
fn an_order_that_could_not_be_received_is_not_made() {
    let long = |order: &mut NewOrder| order.refund_of.as_mut().unwrap().reason = "x".repeat(129);
    let control = |order: &mut NewOrder| order.refund_of.as_mut().unwrap().reason = "a\nb".into();
    let number = |order: &mut NewOrder| order.refund_of.as_mut().unwrap().payment_no = "a b".into();
    type Change = fn(&mut NewOrder);
    let changes: [(u8, Change); 4] =
        [(6, long), (7, control), (7, number), (9, |order| order.agreement_no = 0)];
    for (step, change) in changes {
        let mut order = refund();
        change(&mut order);
        let error = OrderCore::encode(&order).unwrap_err();
        assert!(matches!(error, CoreError::NotCanonical(violation) if violation.step() == step), "{error}");
    }
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A HIS and a POS MUST compute the hash of an order as the diagram below says, over the core's bytes as they
//# were first made or received.
#[test]
fn the_hash_binds_site_and_bytes() {
    let core = OrderCore::encode(&collect()).unwrap();
    let site = |text| SiteId::try_from(text).unwrap();
    let by_hand = sha256(&[b"hispos/1 order\0\x06site-1", core.bytes()]);
    assert_eq!(core.hash(&site("site-1")), by_hand);
    assert_ne!(core.hash(&site("site-2")), by_hand);
    // The length in front keeps a longer site id apart from one that continues into the core.
    assert_ne!(order_hash(&site("ab"), b"c"), order_hash(&site("a"), b"bc"));
}

#[test]
fn every_truncation_and_bit_flip_is_refused_or_another_order() {
    let site = SiteId::try_from("site-1").unwrap();
    let (mut cases, mut accepted) = (0, 0);
    for order in [collect(), refund()] {
        let core = OrderCore::encode(&order).unwrap();
        let flips = (0..core.bytes.len() * 8).map(|bit| {
            let mut bytes = core.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        });
        for bytes in flips.chain((0..core.bytes.len()).map(|length| core.bytes[..length].to_vec())) {
            cases += 1;
            if let Ok(other) = OrderCore::decode(bytes.clone()) {
                accepted += 1;
                assert_eq!(OrderCore::encode(&other.order).unwrap().bytes, bytes);
                assert_ne!((&other.order, other.hash(&site)), (&order, core.hash(&site)));
            }
        }
    }
    std::println!("{cases} cases, {accepted} of them are other orders");
    assert!(cases > 1_000);
}

#[test]
fn what_people_wrote_is_not_printed() {
    let text = alloc::format!("{:?}", OrderCore::encode(&refund()).unwrap().order);
    assert!(
        !text.contains("op-1") && !text.contains("\u{91cd}") && !text.contains("2026013122001"),
        "{text}"
    );
    assert_eq!(vec![Kind::Collect.code(), Kind::Refund.code()], [1, 2]);
}
