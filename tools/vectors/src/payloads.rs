//! Payloads of agreements and manifests, right ones and ones with one thing changed.

use hispos::crypto::ed25519_public;
use hispos::message::agreement::Timers;
use prost_reflect::{DynamicMessage, Value};

use crate::fields::text;
use crate::schema::Schema;
use crate::site::{SITE, UNIX, seed};

/// A payload with one thing changed: where, how, and the payload.
pub(crate) struct Changed {
    pub(crate) field: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) message: DynamicMessage,
}

/// A payload that is held, and one that is to take its place.
pub(crate) struct Pair {
    pub(crate) field: &'static str,
    pub(crate) how: &'static str,
    pub(crate) held: DynamicMessage,
    pub(crate) newer: DynamicMessage,
}

/// The payload of a kind as every case begins: a production agreement, or a manifest of three entries.
pub(crate) fn of_kind(schema: &Schema, kind: i32) -> Result<DynamicMessage, String> {
    if kind == 1 { agreement(schema) } else { manifest(schema, kind, 5, &["A-1", "B-1", "C-1"]) }
}

/// The message with the field at a path changed.
pub(crate) fn changed(message: &DynamicMessage, path: &str, value: Value) -> Result<DynamicMessage, String> {
    let mut out = message.clone();
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = if rest.is_empty() {
        value
    } else {
        let inner = message.get_field_by_name(name).ok_or_else(|| format!("no field {name}"))?;
        let inner = inner.as_message().ok_or_else(|| format!("{name} is no message"))?;
        Value::Message(changed(inner, rest, value)?)
    };
    out.try_set_field_by_name(name, value).map_err(|error| error.to_string())?;
    Ok(out)
}

fn without(message: &DynamicMessage, name: &str) -> DynamicMessage {
    let mut out = message.clone();
    out.clear_field_by_name(name);
    out
}

fn key(name: &str) -> Value {
    Value::Bytes(ed25519_public(&seed(name)).to_vec().into())
}

/// A point of small order.
fn weak() -> Value {
    let mut point = [0; 32];
    point.iter_mut().take(1).for_each(|byte| *byte = 1);
    Value::Bytes(point.to_vec().into())
}

fn numbers(values: &[u32]) -> Value {
    Value::List(values.iter().map(|value| Value::U32(*value)).collect())
}

fn agreement(schema: &Schema) -> Result<DynamicMessage, String> {
    let usual = Timers::USUAL;
    let millis = |value: u64| Value::U32(value as u32);
    let timers = schema.build(
        "AgreedTimers",
        &[
            ("start", millis(usual.start)),
            ("act", millis(usual.act)),
            ("drift", millis(usual.drift)),
            ("connect", millis(usual.connect)),
            ("http", millis(usual.http)),
            ("poll_wechat", millis(usual.poll_wechat)),
            ("poll_alipay", millis(usual.poll_alipay)),
            ("reverse_min", millis(usual.reverse_min)),
            ("fence", millis(usual.fence)),
            ("quiet", millis(usual.quiet)),
            ("expiry", millis(usual.expiry)),
            ("query", millis(usual.query)),
            ("absence_gap", millis(usual.absence_gap)),
        ],
    )?;
    let amounts = [
        ("collect_max", Value::U64(5_000_000)),
        ("refund_max", Value::U64(5_000_000)),
        ("refund_day_max", Value::U64(20_000_000)),
    ];
    let day = [("utc_offset_minutes", Value::I32(480)), ("cut_minutes", Value::U32(30))];
    schema.build(
        "Agreement",
        &[
            ("agreement_no", Value::U32(7)),
            ("site_id", text(SITE)),
            ("site_code", text("H001")),
            ("versions", numbers(&[1])),
            ("suites", numbers(&[1])),
            ("his_organisation_key", key("his organisation")),
            ("pos_organisation_key", key("pos organisation")),
            ("currency", text("CNY")),
            ("amounts", Value::Message(schema.build("AmountLimits", &amounts)?)),
            ("timers", Value::Message(timers)),
            ("business_day", Value::Message(schema.build("BusinessDay", &day)?)),
            ("wechat", Value::Message(schema.build("WechatMerchant", &[("mch_id", text("1900000109"))])?)),
            (
                "alipay",
                Value::Message(schema.build("AlipayMerchant", &[("app_id", text("2021000000000001"))])?),
            ),
        ],
    )
}

/// Path, kind and value.
type Row = (&'static str, &'static str, Value);

/// Agreements with one thing changed.
pub(crate) fn agreements(schema: &Schema) -> Result<Vec<Changed>, String> {
    let whole = agreement(schema)?;
    let mut made = Vec::new();
    for (field, kind, value) in agreement_values().into_iter().chain(timer_values()) {
        made.push(Changed { field, kind, message: changed(&whole, field, value)? });
    }
    for name in ["business_day", "wechat", "alipay"] {
        made.push(Changed { field: name, kind: "absent", message: without(&whole, name) });
    }
    let neither = without(&without(&whole, "wechat"), "alipay");
    made.push(Changed { field: "wechat", kind: "absent, and alipay too", message: neither });
    let same = changed(&whole, "pos_organisation_key", key("his organisation"))?;
    made.push(Changed { field: "pos_organisation_key", kind: "that of HIS", message: same });
    let simulated = changed(&changed(&whole, "site_code", text("SIM1"))?, "simulated", Value::Bool(true))?;
    made.push(Changed {
        field: "simulated",
        kind: "with a site code that says so",
        message: simulated.clone(),
    });
    let short = changed(&simulated, "timers.fence", Value::U32(1))?;
    made.push(Changed { field: "timers.fence", kind: "1 ms at a simulated site", message: short });
    let high = changed(&whole, "timers.http", Value::U32(12_001))?;
    made.push(Changed { field: "timers.http", kind: "with fence above quiet", message: high });
    let expiry = changed(&whole, "timers.expiry", Value::U32(120_001))?;
    made.push(Changed { field: "timers.expiry", kind: "above fence", message: expiry });
    Ok(made)
}

fn agreement_values() -> Vec<Row> {
    vec![
        ("currency", "USD", text("USD")),
        ("currency", "small letters", text("cny")),
        ("versions", "1 and 2", numbers(&[1, 2])),
        ("versions", "falling", numbers(&[2, 1])),
        ("versions", "twice the same", numbers(&[1, 1])),
        ("suites", "1 and 257", numbers(&[1, 257])),
        ("suites", "falling", numbers(&[257, 1])),
        ("suites", "twice the same", numbers(&[1, 1])),
        ("his_organisation_key", "a point of small order", weak()),
        ("pos_organisation_key", "a point of small order", weak()),
        ("pos_organisation_key", "not canonical", Value::Bytes(vec![0xFF; 32].into())),
        ("his_organisation_key", "another one, which did not sign", key("third")),
        ("amounts.collect_max", "the greatest", Value::U64(9_999_999_999)),
        ("amounts.collect_max", "one more than the greatest", Value::U64(10_000_000_000)),
        ("amounts.refund_max", "one more than the greatest", Value::U64(10_000_000_000)),
        ("amounts.refund_day_max", "one more than the greatest of one order", Value::U64(10_000_000_000)),
        ("business_day.utc_offset_minutes", "-720", Value::I32(-720)),
        ("business_day.utc_offset_minutes", "840", Value::I32(840)),
        ("business_day.utc_offset_minutes", "-721", Value::I32(-721)),
        ("business_day.utc_offset_minutes", "841", Value::I32(841)),
        ("business_day.cut_minutes", "1439", Value::U32(1_439)),
        ("business_day.cut_minutes", "1440", Value::U32(1_440)),
        ("simulated", "with a site code that does not say so", Value::Bool(true)),
        ("site_code", "of a simulated site", text("SIM1")),
        ("site_code", "SIM alone is not enough of it", text("ASIM")),
        ("site_code", "three characters", text("H01")),
        ("site_id", "another", text("site-2")),
        ("wechat.sub_mch_id", "a sub-merchant", text("1900000110")),
    ]
}

/// More agreements with one thing changed.
pub(crate) fn more_agreements(schema: &Schema) -> Result<Vec<Changed>, String> {
    let whole = agreement(schema)?;
    let mut made = Vec::new();
    for (field, kind, value) in [
        ("amounts.collect_max", "the greatest number of all", Value::U64(u64::MAX)),
        ("amounts.refund_max", "the greatest number of all", Value::U64(u64::MAX)),
        ("amounts.refund_max", "the greatest", Value::U64(9_999_999_999)),
        ("site_code", "SIM and a letter", text("SIMX")),
    ] {
        made.push(Changed { field, kind, message: changed(&whole, field, value)? });
    }
    let simulated = changed(&changed(&whole, "site_code", text("SIM1"))?, "simulated", Value::Bool(true))?;
    let other = changed(&simulated, "site_code", text("S1MX"))?;
    made.push(Changed { field: "site_code", kind: "S1M at a simulated site", message: other });
    let neither = |of: &DynamicMessage| without(&without(of, "wechat"), "alipay");
    let (at_none, no_day) = (neither(&simulated), without(&neither(&whole), "business_day"));
    made.push(Changed {
        field: "wechat",
        kind: "absent, and alipay too, at a simulated site",
        message: at_none,
    });
    made.push(Changed {
        field: "wechat",
        kind: "absent, and alipay and the business day too",
        message: no_day,
    });
    Ok(made)
}

fn timer_values() -> Vec<Row> {
    vec![
        ("timers.drift", "one below the least", Value::U32(19_999)),
        ("timers.reverse_min", "one below the least", Value::U32(14_999)),
        ("timers.fence", "one below the least", Value::U32(119_999)),
        ("timers.quiet", "one below the least", Value::U32(131_999)),
        ("timers.quiet", "higher", Value::U32(500_000)),
        ("timers.drift", "higher", Value::U32(60_000)),
        ("timers.fence", "higher than quiet allows", Value::U32(120_001)),
        ("timers.reverse_min", "higher", Value::U32(20_000)),
        ("timers.start", "1 ms", Value::U32(1)),
        ("timers.start", "the greatest", Value::U32(u32::MAX)),
        ("timers.expiry", "as long as fence", Value::U32(120_000)),
    ]
}

/// The name of a manifest's entries, of an entry's message, its id and its name.
fn names(kind: i32) -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
    match kind {
        2 => ("DeviceManifest", "devices", "Device", "device_id", "serial_no"),
        _ => ("TerminalManifest", "terminals", "Terminal", "terminal_id", "window_name"),
    }
}

fn entry(schema: &Schema, kind: i32, id: &str) -> Result<DynamicMessage, String> {
    let (_, _, message, id_field, name_field) = names(kind);
    schema.build(
        message,
        &[
            (id_field, text(id)),
            (name_field, text("N-1")),
            ("public_key", key(id)),
            ("valid_from", Value::U64(UNIX)),
            ("valid_until", Value::U64(UNIX + 1_000)),
        ],
    )
}

/// A manifest of these entries.
fn manifest_of(
    schema: &Schema,
    kind: i32,
    serial: u32,
    entries: Vec<DynamicMessage>,
) -> Result<DynamicMessage, String> {
    let (message, list, ..) = names(kind);
    let entries = entries.into_iter().map(Value::Message).collect();
    schema.build(
        message,
        &[("serial", Value::U32(serial)), ("site_id", text(SITE)), (list, Value::List(entries))],
    )
}

fn manifest(schema: &Schema, kind: i32, serial: u32, ids: &[&str]) -> Result<DynamicMessage, String> {
    let entries = ids.iter().map(|id| entry(schema, kind, id)).collect::<Result<_, String>>()?;
    manifest_of(schema, kind, serial, entries)
}

/// Manifests with one thing changed.
pub(crate) fn manifests(schema: &Schema, kind: i32) -> Result<Vec<Changed>, String> {
    let (_, list, ..) = names(kind);
    let mut made = Vec::new();
    for (how, ids) in [
        ("one", vec!["A-1"]),
        ("ids in the order of bytes", vec!["A-1", "B-1", "a-1"]),
        ("ids that fall", vec!["B-1", "A-1"]),
        ("one id twice", vec!["A-1", "A-1"]),
        ("ids in an order that ignores capitals", vec!["a-1", "B-1"]),
    ] {
        made.push(Changed { field: list, kind: how, message: manifest(schema, kind, 5, &ids)? });
    }
    let whole = manifest(schema, kind, 5, &["A-1", "B-1"])?;
    made.push(Changed {
        field: "site_id",
        kind: "another",
        message: changed(&whole, "site_id", text("site-2"))?,
    });
    let (first, second) = (entry(schema, kind, "A-1")?, entry(schema, kind, "B-1")?);
    for (field, how, value) in [
        ("public_key", "that of another entry", key("A-1")),
        ("public_key", "a point of small order", weak()),
        ("public_key", "not canonical", Value::Bytes(vec![0xFF; 32].into())),
        ("valid_until", "before valid_from", Value::U64(UNIX - 1)),
        ("valid_until", "equal to valid_from", Value::U64(UNIX)),
        ("revocation", "1, retired", Value::EnumNumber(1)),
        ("revocation", "2 without a date", Value::EnumNumber(2)),
        ("revocation", "3", Value::EnumNumber(3)),
        ("compromised_since", "without a revocation", Value::U64(UNIX)),
    ] {
        let entries = vec![first.clone(), changed(&second, field, value)?];
        made.push(Changed { field, kind: how, message: manifest_of(schema, kind, 5, entries)? });
    }
    for (how, revocation) in [("of a retired entry", 1), ("of a compromised entry", 2)] {
        let revoked = revoked(&second, revocation, Some(UNIX))?;
        let entries = vec![first.clone(), revoked];
        made.push(Changed {
            field: "compromised_since",
            kind: how,
            message: manifest_of(schema, kind, 5, entries)?,
        });
    }
    Ok(made)
}

fn revoked(entry: &DynamicMessage, revocation: i32, since: Option<u64>) -> Result<DynamicMessage, String> {
    let entry = match revocation {
        0 => entry.clone(),
        _ => changed(entry, "revocation", Value::EnumNumber(revocation))?,
    };
    match since {
        Some(since) => changed(&entry, "compromised_since", Value::U64(since)),
        None => Ok(entry),
    }
}

/// Manifests that are to take another one's place.
pub(crate) fn successions(schema: &Schema, kind: i32) -> Result<Vec<Pair>, String> {
    let (_, list, ..) = names(kind);
    let ids = ["A-1", "B-1"];
    let held = manifest(schema, kind, 5, &ids)?;
    let mut made = Vec::new();
    for (field, how, newer) in [
        ("serial", "one higher", manifest(schema, kind, 6, &ids)?),
        ("serial", "much higher", manifest(schema, kind, u32::MAX, &ids)?),
        ("serial", "one lower", manifest(schema, kind, 4, &ids)?),
        ("serial", "the same, the very same payload", held.clone()),
        ("serial", "the same with an entry more", manifest(schema, kind, 5, &["A-1", "B-1", "C-1"])?),
        (list, "an entry more", manifest(schema, kind, 6, &["A-1", "B-1", "C-1"])?),
        (list, "an entry more before the others", manifest(schema, kind, 6, &["0-1", "A-1", "B-1"])?),
        (list, "the last entry missing", manifest(schema, kind, 6, &["A-1"])?),
        (list, "the first entry missing", manifest(schema, kind, 6, &["B-1"])?),
        ("site_id", "another", changed(&manifest(schema, kind, 6, &ids)?, "site_id", text("site-2"))?),
    ] {
        made.push(Pair { field, how, held: held.clone(), newer });
    }
    let entries = |first: DynamicMessage, serial| -> Result<DynamicMessage, String> {
        manifest_of(schema, kind, serial, vec![first, entry(schema, kind, "B-1")?])
    };
    let first = entry(schema, kind, "A-1")?;
    for (field, how, newer) in [
        ("public_key", "another", changed(&first, "public_key", key("new"))?),
        ("valid_until", "later", changed(&first, "valid_until", Value::U64(UNIX + 9_000))?),
        ("valid_until", "earlier", changed(&first, "valid_until", Value::U64(UNIX + 1))?),
    ] {
        made.push(Pair { field, how, held: held.clone(), newer: entries(newer, 6)? });
    }
    for (how, before, behind) in [
        ("none to retired", (0, None), (1, None)),
        ("none to compromised", (0, None), (2, Some(UNIX))),
        ("retired to compromised", (1, None), (2, Some(UNIX))),
        ("retired to none", (1, None), (0, None)),
        ("compromised to none", (2, Some(UNIX)), (0, None)),
        ("compromised to retired", (2, Some(UNIX)), (1, None)),
        ("compromised, an earlier date", (2, Some(UNIX)), (2, Some(UNIX - 1))),
        ("compromised, the same date", (2, Some(UNIX)), (2, Some(UNIX))),
        ("compromised, a later date", (2, Some(UNIX)), (2, Some(UNIX + 1))),
    ] {
        let before = entries(revoked(&first, before.0, before.1)?, 5)?;
        let newer = entries(revoked(&first, behind.0, behind.1)?, 6)?;
        made.push(Pair { field: "revocation", how, held: before, newer });
    }
    Ok(made)
}
