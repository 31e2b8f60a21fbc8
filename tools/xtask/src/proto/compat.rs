//! Whether the schemas still speak what a published version spoke.
//!
//! Nothing that crossed the wire may change its meaning: numbers, types, labels, codes, and the options that decide
//! anything. Texts for people and documentation may improve.

use hispos_codegen::schema::{Row, Schema};
use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor};
use std::collections::BTreeMap;

/// The fields of an option that only people read.
const FOR_PEOPLE: [&str; 5] = ["doc", "cashier_en", "cashier_zh", "patient_en", "patient_zh"];

/// Every break between a published version and the schemas as they are.
pub(super) fn breaks(published: &Schema, current: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for old in published.messages() {
        match current.pool.get_message_by_name(old.full_name()) {
            Some(new) => message(published, current, &old, &new, &mut found),
            None => found.push(format!("{}: message removed; keep it", old.full_name())),
        }
    }
    for old in published.enums() {
        match current.pool.get_enum_by_name(old.full_name()) {
            Some(new) => enumeration(published, current, &old, &new, &mut found),
            None => found.push(format!("{}: enum removed; keep it", old.full_name())),
        }
    }
    for (option, keys) in [
        ("limit", &["name"][..]),
        ("timer", &["name"]),
        ("label", &["name"]),
        ("code_range", &["first", "last"]),
        ("answer", &["profile", "call", "code"]),
    ] {
        rows(option, &table(published, option, keys), &table(current, option, keys), &mut found);
    }
    found
}

fn message(
    published: &Schema,
    current: &Schema,
    old: &MessageDescriptor,
    new: &MessageDescriptor,
    found: &mut Vec<String>,
) {
    if published.is_strict(old) != current.is_strict(new) {
        found.push(format!("{}: option strict changed; put it back", old.full_name()));
    }
    for before in old.fields() {
        let Some(after) = new.get_field(before.number()) else {
            if !new.reserved_ranges().any(|range| range.contains(&before.number())) {
                found.push(format!("{}: removed; write `reserved {};`", before.full_name(), before.number()));
            }
            continue;
        };
        field(&before, &after, found);
        if published.bounds(&before) != current.bounds(&after) {
            found.push(format!("{}: bounds changed; put them back", before.full_name()));
        }
    }
}

fn field(before: &FieldDescriptor, after: &FieldDescriptor, found: &mut Vec<String>) {
    let name = before.full_name();
    if before.name() != after.name() {
        found.push(format!(
            "{name}: number {} reused for {}; take a new number",
            before.number(),
            after.name()
        ));
    }
    if kind(before) != kind(after) {
        found.push(format!("{name}: type changed from {} to {}; add a new field", kind(before), kind(after)));
    }
    if before.cardinality() != after.cardinality() {
        found.push(format!("{name}: label changed; add a new field"));
    }
    let group = |field: &FieldDescriptor| field.containing_oneof().map(|oneof| oneof.name().to_owned());
    if group(before) != group(after) {
        found.push(format!("{name}: moved into or out of a oneof; add a new field"));
    }
}

/// A type with the full name of its message or enumeration.
fn kind(field: &FieldDescriptor) -> String {
    let kind = field.kind();
    let message = kind.as_message().map(|message| message.full_name().to_owned());
    let item = kind.as_enum().map(|item| item.full_name().to_owned());
    message.or(item).unwrap_or_else(|| format!("{kind:?}").to_ascii_lowercase())
}

fn enumeration(
    published: &Schema,
    current: &Schema,
    old: &EnumDescriptor,
    new: &EnumDescriptor,
    found: &mut Vec<String>,
) {
    for before in old.values() {
        match new.get_value(before.number()) {
            Some(after) if after.name() != before.name() => {
                found.push(format!(
                    "{}: number {} reused for {}",
                    before.full_name(),
                    before.number(),
                    after.name()
                ));
            }
            Some(_) => {}
            None if new.reserved_ranges().any(|range| range.contains(&before.number())) => {}
            None => {
                found.push(format!("{}: removed; write `reserved {};`", before.full_name(), before.number()))
            }
        }
    }
    let meanings = |schema: &Schema, item: &EnumDescriptor| -> BTreeMap<String, String> {
        schema
            .meanings(item)
            .into_iter()
            .map(|code| (code.number.to_string(), deciding(&code.meaning)))
            .collect()
    };
    rows(&format!("meaning of {}", old.name()), &meanings(published, old), &meanings(current, new), found);
}

/// The rows of a file option by their keys.
fn table(schema: &Schema, option: &str, keys: &[&str]) -> BTreeMap<String, String> {
    let key = |row: &Row| {
        keys.iter().map(|key| format!("{}{}", row.text(key), row.word(key))).collect::<Vec<_>>().join(" ")
    };
    schema.rows(option).into_iter().map(|row| (key(&row), deciding(&row))).collect()
}

/// What a row decides: everything but the texts for people.
fn deciding(row: &Row) -> String {
    let fields = row.0.fields().filter(|(field, _)| !FOR_PEOPLE.contains(&field.name()));
    let texts: BTreeMap<u32, String> =
        fields.map(|(field, value)| (field.number(), format!("{}: {value}", field.name()))).collect();
    texts.into_values().collect::<Vec<_>>().join(", ")
}

fn rows(
    option: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    found: &mut Vec<String>,
) {
    for (key, before) in old {
        match new.get(key) {
            None => found.push(format!("{option} {key}: removed; keep it")),
            Some(after) if after != before => {
                found.push(format!("{option} {key}: was {before}, is {after}; put it back"))
            }
            Some(_) => {}
        }
    }
}
