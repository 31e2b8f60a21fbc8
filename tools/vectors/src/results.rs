//! Results: what makes one none.

use hispos::catalogue::{Retry, Status};
use hispos::message::result::{ResultCore, ResultError, result_hash};
use prost_reflect::Value;

use crate::about::{About, File};
use crate::case::Fault;
use crate::fields::{Fields, paid_fields, result_fields, text, with, without};
use crate::hex::hex;
use crate::schema::Schema;

/// Every case of a result.
pub(crate) fn results(file: &mut File, schema: &Schema) -> Result<(), String> {
    let plain = shapes(schema)?.into_iter().map(|(field, kind, fields)| (field, kind.to_owned(), fields));
    for (field, kind, fields) in plain.chain(statuses(schema)?) {
        let bytes = schema.encode("ResultCore", &fields)?;
        let read = ResultCore::decode(bytes.clone());
        let decoded = read.is_ok().then(|| schema.decoded("ResultCore", &bytes)).transpose()?;
        let name = decoded.as_ref().map(|_| hex(&result_hash(&bytes)));
        let what =
            About::Result { result_core: hex(&bytes), decoded, result_hash: name, money: None, retry: None };
        let comment = format!("{field} {kind}");
        match read {
            Ok(_) => {
                let unknown = if kind.starts_with("unknown") { " CAT-1" } else { "" };
                file.valid(comment.trim(), &format!("ORD-42 ORD-43 ORD-45 ORD-46{unknown}"), what);
            }
            Err(error) => {
                let (reason, cited) = broken(&error);
                let fault = Fault { reason, reaction: "no result", mutation: ("ResultCore", field, &kind) };
                file.invalid(&comment, cited, what, &fault);
            }
        }
    }
    Ok(())
}

/// Results with a status of the right group that nobody knows.
pub(crate) fn unknown_statuses(file: &mut File, schema: &Schema) -> Result<(), String> {
    for (outcome, status) in [(1, 109), (2, 298), (2, 1_000), (3, 198), (4, 498), (5, 398)] {
        let amount = if matches!(outcome, 3 | 4) { -8_800 } else { 8_800 };
        let mut fields = result_fields(outcome, status, amount);
        if matches!(outcome, 1 | 3) {
            fields = with(&with(&fields, "channel", Value::EnumNumber(1)), "payment_no", text("42"));
        }
        let bytes = schema.encode("ResultCore", &fields)?;
        let read = ResultCore::decode(bytes.clone()).map_err(|error| format!("{error:?}"))?;
        let what = About::Result {
            result_core: hex(&bytes),
            decoded: Some(schema.decoded("ResultCore", &bytes)?),
            result_hash: Some(hex(&result_hash(&bytes))),
            money: Some(read.money().name()),
            retry: Some(read.status().map_or(Retry::Never, Status::retry).name()),
        };
        file.valid(&format!("status {status}, which nobody knows"), "ORD-42 ORD-43 ORD-44 ORD-46", what);
    }
    Ok(())
}

/// The rule that is broken, and its requirements.
fn broken(error: &ResultError) -> (&'static str, &'static str) {
    use ResultError::{Amount, Channel, Id, NotCanonical, Outcome, Sign, Status};
    match error {
        NotCanonical(_) => ("not canonical", "ENC-2 ORD-42"),
        Status { .. } => ("status of another outcome", "ORD-43"),
        Outcome(_) | Sign { .. } | Channel(_) | Amount(_) | Id(_) => {
            ("outcome, sign, amount or channel", "ORD-42")
        }
        _ => ("fields that do not go together", "ORD-45"),
    }
}

fn shapes(schema: &Schema) -> Result<Vec<(&'static str, &'static str, Fields<'static>)>, String> {
    let found = |fen: i64, channel: i32| -> Result<Value, String> {
        let fields = [
            ("channel", Value::EnumNumber(channel)),
            ("payment_no", text("42")),
            ("amount", Value::I64(fen)),
        ];
        Ok(Value::List(vec![Value::Message(schema.build("FoundCapture", &fields)?)]))
    };
    let paid = paid_fields();
    let refunded = with(&with(&paid, "outcome", Value::EnumNumber(3)), "amount", Value::I64(-8_800));
    let refunded = with(&refunded, "status", Value::EnumNumber(110));
    let (attention, not_paid) = (result_fields(5, 301, 8_800), result_fields(2, 206, 8_800));
    Ok(vec![
        ("", "paid", paid.clone()),
        ("", "refunded", refunded.clone()),
        ("", "attention with a capture", with(&attention, "found", found(8_800, 2)?)),
        ("", "not paid with a code of the platform", with(&not_paid, "provider_code", text("ORDERNOTEXIST"))),
        ("refund_id", "in a refund", with(&refunded, "refund_id", text("50000"))),
        ("refund_id", "in a collect", with(&paid, "refund_id", text("50000"))),
        ("channel", "absent in paid", without(&without(&paid, "channel"), "payment_no")),
        ("channel", "absent beside payment_no", with(&not_paid, "payment_no", text("42"))),
        ("channel", "3", with(&paid, "channel", Value::EnumNumber(3))),
        ("channel", "absent in refunded", without(&without(&refunded, "channel"), "payment_no")),
        ("payment_no", "absent in paid", without(&paid, "payment_no")),
        ("payment_no", "absent in refunded", without(&refunded, "payment_no")),
        ("provider_code", "in paid", with(&paid, "provider_code", text("SUCCESS"))),
        ("found", "in paid", with(&paid, "found", found(8_800, 1)?)),
        ("found", "in not paid", with(&not_paid, "found", found(8_800, 1)?)),
        ("found.amount", "negative", with(&attention, "found", found(-1, 1)?)),
        ("found.amount", "above the greatest", with(&attention, "found", found(10_000_000_000, 1)?)),
        ("found.amount", "the greatest", with(&attention, "found", found(9_999_999_999, 1)?)),
        ("found.channel", "3", with(&attention, "found", found(1, 3)?)),
        ("outcome", "6", with(&not_paid, "outcome", Value::EnumNumber(6))),
        ("amount", "above the greatest", with(&not_paid, "amount", Value::I64(10_000_000_000))),
        ("amount", "negative in paid", with(&paid, "amount", Value::I64(-8_800))),
        ("amount", "negative in not paid", with(&not_paid, "amount", Value::I64(-8_800))),
        ("amount", "positive in refunded", with(&refunded, "amount", Value::I64(8_800))),
        ("amount", "positive in not refunded", result_fields(4, 404, 8_800)),
        ("amount", "negative in attention", result_fields(5, 306, -8_800)),
        ("order_hash", "absent", without(&paid, "order_hash")),
        ("order_no", "absent", without(&paid, "order_no")),
        ("device_id", "absent", without(&paid, "device_id")),
        ("status", "absent", without(&paid, "status")),
    ])
}

/// Every known status in every outcome, and unknown ones.
fn statuses(schema: &Schema) -> Result<Vec<(&'static str, String, Fields<'static>)>, String> {
    let (paid, not_paid) = (paid_fields(), result_fields(2, 206, 8_800));
    let mut rows = Vec::new();
    let known = schema.enumeration("Status")?;
    let names = ["", "paid", "not_paid", "refunded", "not_refunded", "attention"];
    let statuses: Vec<(i32, String)> = known
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| (value.number(), value.name().to_owned()))
        .collect();
    let comments: Vec<(i32, i32, String)> = (1..=5)
        .flat_map(|outcome| statuses.iter().map(move |(status, _)| (outcome, *status)))
        .map(|(outcome, status)| {
            let name = names.get(outcome as usize).copied().unwrap_or_default();
            (outcome, status, format!("{status} in {name}"))
        })
        .collect();
    for (outcome, status, kind) in &comments {
        let amount = if matches!(outcome, 3 | 4) { -8_800 } else { 8_800 };
        let mut fields = result_fields(*outcome, *status, amount);
        if matches!(outcome, 1 | 3) {
            fields = with(&with(&fields, "channel", Value::EnumNumber(1)), "payment_no", text("42"));
        }
        rows.push(("status", kind.clone(), fields));
    }
    for (kind, outcome, status) in [("unknown, 199 in paid", 1, 199), ("unknown, 999 in not paid", 2, 999)] {
        let fields = if outcome == 1 { paid.clone() } else { not_paid.clone() };
        rows.push(("status", kind.to_owned(), with(&fields, "status", Value::EnumNumber(status))));
    }
    Ok(rows)
}
