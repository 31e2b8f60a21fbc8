//! Orders and results as fields of messages, to be changed one at a time.

use prost_reflect::Value;

/// Fields of a message by name.
pub(crate) type Fields<'a> = Vec<(&'a str, Value)>;

pub(crate) fn text(value: &str) -> Value {
    Value::String(value.into())
}

pub(crate) fn collect_fields() -> Fields<'static> {
    vec![
        ("order_no", text("BR816CGQ7VC793192XF6")),
        ("device_id", text("POS-0001")),
        ("kind", Value::EnumNumber(1)),
        ("amount", Value::I64(8_800)),
        ("business_day", Value::U32(20_261_124)),
        ("agreement_no", Value::U32(1)),
    ]
}

pub(crate) fn refund_fields() -> Fields<'static> {
    vec![
        ("order_no", text("BR816CGQ7VC793192XF6")),
        ("agreement_no", Value::U32(1)),
        ("channel", Value::EnumNumber(1)),
        ("amount", Value::U64(8_800)),
        ("payment_no", text("4200002611240000000000000001")),
        ("operator", text("cashier-1")),
        ("approver", text("manager-2")),
        ("reason", text("item not dispensed")),
    ]
}

/// The fields with one of them changed.
pub(crate) fn with<'a>(fields: &Fields<'a>, name: &'a str, value: Value) -> Fields<'a> {
    let mut fields: Fields<'a> = fields.iter().filter(|(other, _)| *other != name).cloned().collect();
    fields.push((name, value));
    fields
}

pub(crate) fn without<'a>(fields: &Fields<'a>, name: &str) -> Fields<'a> {
    fields.iter().filter(|(other, _)| *other != name).cloned().collect()
}

pub(crate) fn result_fields(outcome: i32, status: i32, amount: i64) -> Fields<'static> {
    vec![
        ("order_hash", Value::Bytes(vec![0xAB; 32].into())),
        ("order_no", text("BR816CGQ7VC793192XF6")),
        ("device_id", text("POS-0001")),
        ("outcome", Value::EnumNumber(outcome)),
        ("status", Value::EnumNumber(status)),
        ("amount", Value::I64(amount)),
    ]
}

pub(crate) fn paid_fields() -> Fields<'static> {
    let fields = with(&result_fields(1, 100, 8_800), "channel", Value::EnumNumber(1));
    with(&fields, "payment_no", text("4200002611240000000000000001"))
}
