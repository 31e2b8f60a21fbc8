//! Whether what the options say makes sense: bounds of strict messages, and the rows of tables.

use hispos_codegen::schema::{Row, Schema, place, short_name};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use std::collections::{BTreeMap, BTreeSet};

/// Every violation, as `file:line: rule; what to do` or `option name: rule`.
pub(super) fn violations(schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for message in schema.messages() {
        bounds(schema, &message, &mut found);
    }
    for item in schema.enums() {
        meanings(schema, &item, &mut found);
    }
    for option in ["limit", "timer", "label"] {
        named_rows(schema, option, &mut found);
    }
    answers(schema, &mut found);
    code_ranges(schema, &mut found);
    agreed_timers(schema, &mut found);
    found
}

/// A strict message binds everything that has a length or a count, and nothing else.
fn bounds(schema: &Schema, message: &MessageDescriptor, found: &mut Vec<String>) {
    let is_strict = schema.is_strict(message);
    if is_strict && message.oneofs().len() > 0 {
        found.push(format!(
            "{}: a strict message has no oneof",
            place(&message.parent_file(), message.path())
        ));
    }
    for field in message.fields() {
        if let Err(rule) = field_bounds(schema, &field, is_strict) {
            found.push(format!(
                "{}: {}: {rule}",
                place(&message.parent_file(), field.path()),
                field.full_name()
            ));
        }
    }
}

fn field_bounds(schema: &Schema, field: &FieldDescriptor, is_strict: bool) -> Result<(), &'static str> {
    let bounds = schema.bounds(field);
    if !is_strict {
        return if bounds == hispos_codegen::schema::Bounds::default() {
            Ok(())
        } else {
            Err("bounds outside a strict message; nothing checks them")
        };
    }
    let has_class = !bounds.class.is_empty() && bounds.class != "UNSPECIFIED";
    match field.kind() {
        Kind::String if !has_class => return Err("a string of a strict message has a class"),
        Kind::String | Kind::Bytes if bounds.max == 0 => {
            return Err("a length of a strict message has a max");
        }
        Kind::Message(inner) if !schema.is_strict(&inner) => {
            return Err("a strict message holds only strict messages");
        }
        Kind::Message(_) if bounds.max == 0 && bounds.count == 0 => return Err("a nested message has a max"),
        Kind::String | Kind::Bytes | Kind::Message(_) => {}
        _ if bounds.min > 0 || bounds.max > 0 || has_class => {
            return Err("a number has no length and no class");
        }
        _ => {}
    }
    if has_class && matches!(field.kind(), Kind::Message(_)) {
        return Err("a message has no class");
    }
    if bounds.min > bounds.max {
        return Err("min is above max");
    }
    match (field.is_list(), bounds.count) {
        (true, 0) => Err("a repeated field of a strict message has a count"),
        (false, 1..) => Err("a count belongs to a repeated field"),
        _ => Ok(()),
    }
}

/// Names follow the values and are unique; texts come in both languages.
fn meanings(schema: &Schema, item: &EnumDescriptor, found: &mut Vec<String>) {
    let codes = schema.meanings(item);
    let missing = item
        .values()
        .filter(|value| value.number() != 0 && !codes.iter().any(|code| code.name == value.name()));
    let missing = missing.count();
    if !codes.is_empty() && missing > 0 {
        found
            .push(format!("{}: {missing} values without a meaning", place(&item.parent_file(), item.path())));
    }
    let is_status = item.name() == "Status";
    for code in codes {
        let mut say = |rule: &str| found.push(format!("{}: {rule}", code.name));
        let (name, meaning) = (code.meaning.text("name"), &code.meaning);
        if code.number != 0 && name != short_name(item.name(), &code.name).to_ascii_lowercase() {
            say("the name is the value's own in lower case");
        }
        if is_status && (meaning.word("money") == "UNSPECIFIED" || meaning.word("retry") == "UNSPECIFIED") {
            say("a status tells about the money and about another try");
        }
        if meaning.text("cashier_en").is_empty() || meaning.text("cashier_zh").is_empty() {
            say("the cashier reads something in both languages");
        }
        if meaning.text("patient_en").is_empty() != meaning.text("patient_zh").is_empty() {
            say("the patient reads both languages or neither");
        }
        if code.comment.is_empty() {
            say("no comment; say in one sentence what it is");
        }
    }
}

/// Names are unique and in capitals, each with a sentence.
fn named_rows(schema: &Schema, option: &str, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for row in schema.rows(option) {
        let (name, doc) = (row.text("name"), row.text("doc"));
        let capitals = name
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
        if name.is_empty() || !capitals {
            found.push(format!("{option} {name}: names are UPPER_SNAKE"));
        }
        if !doc.ends_with('.') {
            found.push(format!("{option} {name}: its doc is a sentence; end with a full stop"));
        }
        if !seen.insert(name.clone()) {
            found.push(format!("{option} {name}: two rows of one name; keep one"));
        }
    }
}

/// One code of one profile proves one thing as the answer to one call.
fn answers(schema: &Schema, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for row in schema.rows("answer") {
        let key = format!("{} {} {}", row.word("profile"), row.word("call"), row.text("code"));
        if row.word("verdict") == "UNSPECIFIED" || key.contains("UNSPECIFIED") || row.text("code").is_empty()
        {
            found.push(format!("answer {key}: profile, call, code and verdict are all given"));
        }
        if !seen.insert(key.clone()) {
            found.push(format!("answer {key}: two rows for one code; keep one"));
        }
    }
}

/// Ranges are digits of equal length, rise, and do not overlap within a length of prefix.
fn code_ranges(schema: &Schema, found: &mut Vec<String>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for row in schema.rows("code_range") {
        let (first, last) = (row.text("first"), row.text("last"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let rises = first.len() == last.len()
            && first <= last
            && row.number("length_min") <= row.number("length_max");
        if !digits(&first) || !digits(&last) || !rises {
            found.push(format!(
                "code_range {first} to {last}: digits of equal length, first to last, least to greatest"
            ));
        }
        if seen.iter().any(|(from, to)| from.len() == first.len() && *from <= last && first <= *to) {
            found.push(format!("code_range {first} to {last}: overlaps another row"));
        }
        seen.insert(first, last);
    }
}

/// The agreed timers are the fields of `AgreedTimers`.
fn agreed_timers(schema: &Schema, found: &mut Vec<String>) {
    let Some(message) = schema.messages().find(|message| message.name() == "AgreedTimers") else { return };
    let fields: BTreeSet<String> = message.fields().map(|field| field.name().to_owned()).collect();
    let agreed = schema.rows("timer").into_iter().filter(|row| row.flag("agreed"));
    let timers: BTreeSet<String> = agreed.map(|row: Row| row.text("name").to_ascii_lowercase()).collect();
    for name in fields.symmetric_difference(&timers) {
        found.push(format!("timer {name}: agreed timers and the fields of AgreedTimers are the same"));
    }
}
