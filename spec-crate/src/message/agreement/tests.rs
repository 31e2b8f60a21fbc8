use alloc::vec;

use super::*;
use crate::crypto::Secret;
use crate::message::signed_file::FileError;

/// A function and no closure: the seed is erased where it was, see [`Secret::new`].
fn seed(number: u8) -> Secret<32> {
    Secret::new([number; 32])
}

fn key(number: u8) -> OrganisationKey {
    OrganisationKey::of(&seed(number))
}

fn production() -> Terms {
    Terms {
        agreement_no: 3,
        site_id: SiteId::try_from("hospital-1").unwrap(),
        site_code: SiteCode::try_from("H001").unwrap(),
        versions: vec![1],
        suites: vec![1, 0x201],
        his_organisation: key(1),
        pos_organisation: key(2),
        amounts: AmountLimits { collect_max: 5_000_000, refund_max: 5_000_000, refund_day_max: 20_000_000 },
        timers: Timers::USUAL,
        business_day: BusinessDay { utc_offset_minutes: 480, cut_minutes: 0 },
        wechat: Some(Account { id: "1900000109".into(), sub_id: Some("1900000110".into()) }),
        alipay: Some(Account { id: "2021000000000001".into(), sub_id: None }),
        simulated: false,
    }
}

fn simulated() -> Terms {
    Terms { site_code: SiteCode::try_from("SIM1").unwrap(), simulated: true, ..production() }
}

fn refused(terms: Terms) -> AgreementError {
    Agreement::encode(&terms).unwrap_err()
}

fn file(terms: &Terms, signers: &[u8]) -> SignedFile {
    let payload = Agreement::encode(terms).unwrap().payload;
    let mut file = SignedFile::create(FileKind::Agreement, payload).unwrap();
    signers.iter().for_each(|signer| file.sign(&seed(*signer)).unwrap());
    file
}

//= spec-crate/spec/encoding.md#strict-messages
//= type=test
//# An implementation MUST hash, sign, verify, store and repeat a strict message as the bytes that were
//# received or first made, and never as a new encoding of their content.
#[test]
fn an_agreement_keeps_its_bytes_and_says_what_was_put_in() {
    let utc = Terms { business_day: BusinessDay::default(), wechat: None, ..production() };
    for terms in [production(), simulated(), utc] {
        let agreement = Agreement::encode(&terms).unwrap();
        assert_eq!(Agreement::decode(agreement.payload().to_vec()).unwrap(), agreement);
        assert_eq!(agreement.terms(), &terms);
        assert_eq!(agreement.hash(), &sha256(&[agreement.payload()]));
        assert_eq!(agreement.short_hash(), agreement.hash()[..8]);
    }
}

//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement that is not signed by both organisation keys which it names.
#[test]
fn an_agreement_needs_the_signatures_of_both_organisations() {
    assert_eq!(Agreement::open(&file(&production(), &[1, 2])).unwrap().terms(), &production());
    for (signers, missing) in [(&[1][..], 2), (&[2], 1), (&[2, 3], 1), (&[], 1)] {
        let unsigned = AgreementError::File(FileError::Unsigned(key(missing).key_id()));
        assert_eq!(Agreement::open(&file(&production(), signers)), Err(unsigned));
    }
    // A third signature is no harm.
    assert!(Agreement::open(&file(&production(), &[1, 2, 3])).is_ok());
}

//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement if one of its organisation keys is unusable as PRV-2 says, or both are
//# the same.
#[test]
fn one_organisation_cannot_sign_for_both() {
    assert_eq!(refused(Terms { pos_organisation: key(1), ..production() }), AgreementError::SameOrganisation);
}

//= spec-crate/spec/provisioning.md#organisation-keys
//= type=test
//# A program MUST refuse an organisation key that is not canonical, not on the curve, or of small order, as
//# [Ed25519](key-exchange.md#ed25519) says.
//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement if one of its organisation keys is unusable as PRV-2 says, or both are
//# the same.
//= spec-crate/spec/key-exchange.md#ed25519
//= type=test
//# An end MUST check that a public key is canonical, on the curve and not of small order when it imports the
//# key.
#[test]
fn an_unusable_organisation_key_is_refused() {
    for bytes in [[0; 32], [0xff; 32]] {
        let payload = Agreement::encode(&production()).unwrap().payload;
        let mut read = wire::Agreement::decode(payload.as_slice()).unwrap();
        read.pos_organisation_key = bytes.to_vec();
        let error = AgreementError::File(FileError::UnusableKey);
        assert_eq!(Agreement::decode(read.encode_to_vec()), Err(error));
    }
}

//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement unless `site_code` begins with `SIM` exactly if `simulated` is true.
#[test]
fn site_codes_begin_with_sim_exactly_at_simulated_sites() {
    let sim = simulated().site_code;
    let error = AgreementError::Simulated { simulated: false };
    assert_eq!(refused(Terms { site_code: sim, ..production() }), error);
    assert_eq!(error.to_string(), "a production agreement must not have a site code that begins with SIM");
    let error = AgreementError::Simulated { simulated: true };
    assert_eq!(refused(Terms { simulated: true, ..production() }), error);
}

//= spec-crate/spec/provisioning.md#agreed-timers
//= type=test
//# A program MUST refuse an agreement that is not simulated if `drift` is below 20,000 ms (DRIFT),
//# `reverse_min` below 15,000 ms (REVERSE_MIN), `fence` below 120,000 ms (FENCE), or `quiet` below 132,000 ms
//# (QUIET).
//= spec-crate/spec/provisioning.md#agreed-timers
//= type=test
//# A program MUST refuse an agreement that is not simulated if `quiet` is below the sum of `http` and
//# `fence`, or `fence` is below `expiry`.
#[test]
fn production_may_raise_what_protects_and_never_lower_it() {
    let with = |change: fn(&mut Timers)| {
        let mut timers = Timers::USUAL;
        change(&mut timers);
        Terms { timers, ..production() }
    };
    type Change = fn(&mut Timers);
    let lowered: [(&str, Change); 7] = [
        ("drift", |t| t.drift -= 1),
        ("reverse_min", |t| t.reverse_min -= 1),
        ("fence", |t| t.fence -= 1),
        ("quiet", |t| t.quiet -= 1),
        ("quiet", |t| t.http += 1),
        ("quiet", |t| t.fence += 1),
        ("fence", |t| t.expiry = 120_001),
    ];
    for (timer, change) in lowered {
        let error = refused(with(change));
        assert!(
            matches!(error, AgreementError::TimerShort { name, got, min } if name == timer && got < min),
            "{error}"
        );
    }
    let raised: [Change; 6] = [
        |t| t.drift += 1,
        |t| t.reverse_min += 1,
        |t| t.quiet += 1,
        |t| (t.http, t.quiet) = (t.http + 1, t.quiet + 1),
        |t| (t.fence, t.quiet) = (t.fence + 1, t.quiet + 1),
        |t| t.http -= 1,
    ];
    for change in raised {
        assert!(Agreement::encode(&with(change)).is_ok());
    }
    let error = refused(with(|t| t.fence = 1_000));
    assert_eq!(error.to_string(), "timer fence is 1000 ms: production needs at least 120000 ms");
}

#[test]
fn a_simulated_site_may_use_any_timers_that_fit() {
    let one =
        Timers { start: 1, act: 1, drift: 1, http: 9, fence: 1, quiet: 1, reverse_min: 1, ..Timers::USUAL };
    let agreement = Agreement::encode(&Terms { timers: one, ..simulated() }).unwrap();
    assert_eq!(agreement.terms().timers, one);
    assert_eq!(one.full_lease(), 3);
    let long = Timers { act: 1 << 32, ..Timers::USUAL };
    assert_eq!(
        refused(Terms { timers: long, ..simulated() }),
        AgreementError::TimerLong { name: "act", got: 1 << 32 }
    );
    let none = Timers { act: 0, ..Timers::USUAL };
    assert!(matches!(
        refused(Terms { timers: none, ..simulated() }),
        AgreementError::File(FileError::NotCanonical(_))
    ));
}

#[test]
fn the_usual_timers_are_those_of_the_tables() {
    let usual = Timers::USUAL.to_wire().unwrap();
    let usual = [
        ("start", usual.start),
        ("act", usual.act),
        ("drift", usual.drift),
        ("connect", usual.connect),
        ("http", usual.http),
        ("poll_wechat", usual.poll_wechat),
        ("poll_alipay", usual.poll_alipay),
        ("reverse_min", usual.reverse_min),
        ("fence", usual.fence),
        ("quiet", usual.quiet),
        ("expiry", usual.expiry),
        ("query", usual.query),
        ("absence_gap", usual.absence_gap),
    ];
    assert_eq!(usual.map(|(name, value)| (name, u64::from(value))), crate::timers::AGREED);
    // Worst case until another device may look.
    assert_eq!(Timers::USUAL.full_lease() + Timers::USUAL.quiet, (90 + 150 + 20 + 132) * 1_000);
}

//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement if its `currency` is not `CNY`, or if `versions` or `suites` do not
//# ascend strictly.
//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement if `collect_max` or `refund_max` is above 9,999,999,999 fen
//# (AMOUNT_FEN_MAX).
//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement if `utc_offset_minutes` is below -720 or above 840, or `cut_minutes` is
//# above 1,439.
//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement that names a merchant neither for WeChat Pay nor for Alipay.
#[test]
fn lists_rise_limits_fit_and_some_merchant_is_there() {
    for list in [vec![2, 1], vec![1, 1]] {
        assert_eq!(refused(Terms { versions: list.clone(), ..production() }), AgreementError::Order);
        assert_eq!(refused(Terms { suites: list, ..production() }), AgreementError::Order);
    }
    let got = AMOUNT_FEN_MAX + 1;
    let amounts = production().amounts;
    for amounts in [AmountLimits { collect_max: got, ..amounts }, AmountLimits { refund_max: got, ..amounts }]
    {
        assert_eq!(refused(Terms { amounts, ..production() }), AgreementError::AmountLimit { got });
    }
    assert_eq!(refused(Terms { wechat: None, alipay: None, ..production() }), AgreementError::NoMerchant);
    for (utc_offset_minutes, cut_minutes) in [(-721, 0), (841, 0), (480, 1_440)] {
        let business_day = BusinessDay { utc_offset_minutes, cut_minutes };
        let error = AgreementError::BusinessDay { utc_offset_minutes, cut_minutes };
        assert_eq!(refused(Terms { business_day, ..production() }), error);
    }
}

//= spec-crate/spec/provisioning.md#the-agreement
//= type=test
//# A program MUST refuse an agreement if its `currency` is not `CNY`, or if `versions` or `suites` do not
//# ascend strictly.
#[test]
fn another_currency_is_refused() {
    let payload = Agreement::encode(&production()).unwrap().payload;
    let mut read = wire::Agreement::decode(payload.as_slice()).unwrap();
    read.currency = "EUR".into();
    assert_eq!(Agreement::decode(read.encode_to_vec()), Err(AgreementError::Currency));
}

#[test]
fn a_merchant_is_where_the_money_of_a_channel_goes() {
    let agreement = Agreement::encode(&Terms { alipay: None, ..production() }).unwrap();
    let wechat = agreement.merchant(Channel::Wechat).unwrap();
    assert_eq!((wechat.account.as_str(), wechat.sub_account.as_str()), ("1900000109", "1900000110"));
    assert!(!wechat.simulated);
    assert_eq!(agreement.merchant(Channel::Alipay), None);
    let agreement = Agreement::encode(&simulated()).unwrap();
    let alipay = agreement.merchant(Channel::Alipay).unwrap();
    assert!(alipay.simulated && alipay.sub_account.is_empty() && alipay.channel == Channel::Alipay);
}

//= spec-crate/spec/provisioning.md#taking-an-agreement-over
//= type=test
//# A program MUST refuse an agreement whose `agreement_no` is below that of the newest one that it holds, or
//# equal to it with another payload.
#[test]
fn the_next_agreement_is_of_the_same_site_and_has_a_higher_number() {
    let held = Agreement::encode(&production()).unwrap();
    let after = |change: fn(&mut Terms)| {
        let mut terms = production();
        change(&mut terms);
        held.check_successor(&Agreement::encode(&terms).unwrap())
    };
    assert_eq!(after(|_| ()), Ok(()));
    assert_eq!(after(|terms| terms.agreement_no = 4), Ok(()));
    assert_eq!(after(|terms| terms.agreement_no = 2), Err(AgreementError::Older { held: 3, got: 2 }));
    assert_eq!(after(|terms| terms.alipay = None), Err(AgreementError::SameNumber(3)));
    let elsewhere: fn(&mut Terms) = |terms| {
        terms.site_id = SiteId::try_from("hospital-2").unwrap();
        terms.agreement_no = 4;
    };
    assert_eq!(after(elsewhere), Err(AgreementError::Site));
}
