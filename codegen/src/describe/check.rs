//! What some language could not take, refused with its place before a template sees it.

use crate::name::{Name, pascal};
use crate::schema::{Row, Schema, comment, place, short_name};
use prost_reflect::{
    Cardinality, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, Syntax,
};
use std::collections::BTreeSet;

/// The options of files whose rows become tables, each with the columns that tell a row from the others.
const TABLES: [(&str, &[&str]); 6] = [
    ("limit", &["name"]),
    ("timer", &["name"]),
    ("label", &["name"]),
    ("reason", &["step"]),
    ("code_range", &["first", "last"]),
    ("answer", &["profile", "call", "code"]),
];

/// Greatest number of rows of a table: a method of the virtual machine of Java holds no table that is much longer.
pub(super) const ROWS_MAX: usize = 1000;

/// What cannot stand in a comment of every language: its end, and what begins an escape even there.
const ENDS: [&str; 4] = ["*/", "\"\"\"", "-->", "\\"];

/// The columns of a row that become comments.
const COMMENTS: [&str; 2] = ["doc", "unit"];

/// Refuses what the compiler takes and some language does not.
///
/// # Errors
///
/// Names file and line, and message and field, enum and value, or table and row.
pub(super) fn all(schema: &Schema) -> Result<(), String> {
    own_names(schema)?;
    // An entry of a map is no message of its own: the field that is the map is named.
    schema.messages().filter(|item| !item.is_map_entry()).try_for_each(|item| message(schema, &item))?;
    schema.enums().try_for_each(|item| enumeration(schema, &item))?;
    schema.files().try_for_each(|item| file(&item))?;
    TABLES.iter().try_for_each(|(name, keys)| table(schema, name, keys))
}

/// Templates know a message or an enumeration by its own name alone, wherever it is declared.
fn own_names(schema: &Schema) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let messages =
        schema.messages().map(|item| (item.name().to_owned(), place(&item.parent_file(), item.path())));
    let enums = schema.enums().map(|item| (item.name().to_owned(), place(&item.parent_file(), item.path())));
    for (name, place) in messages.chain(enums) {
        if !seen.insert(name.clone()) {
            return Err(format!("{place}: {name}: another message or enum has this name"));
        }
    }
    Ok(())
}

fn message(schema: &Schema, item: &MessageDescriptor) -> Result<(), String> {
    let file = item.parent_file();
    is_comment(&comment(&file, item.path())).map_err(|why| {
        format!("{}: message {}: its comment {why}", place(&file, item.path()), item.name())
    })?;
    let mut seen = BTreeSet::new();
    for inner in item.fields() {
        let at = |why: &str| field_at(&inner, why);
        field(&inner).map_err(|why| at(&format!("no client has {why}")))?;
        is_comment(&comment(&file, inner.path())).map_err(|why| at(&format!("its comment {why}")))?;
        if !seen.insert(pascal(&Name::new(inner.name()).words)) {
            return Err(at("another field has this name in some language"));
        }
        let kind = inner.kind();
        let of = kind.as_message().filter(|of| schema.is_strict(item) && !schema.is_strict(of));
        if let Some(of) = of {
            return Err(at(&format!("{} is not strict, and the validator could not judge it", of.name())));
        }
    }
    Ok(())
}

fn field_at(item: &FieldDescriptor, why: &str) -> String {
    let message = item.parent_message();
    let place = place(&message.parent_file(), item.path());
    format!("{place}: message {}, field {}: {why}", message.name(), item.name())
}

/// What of a field no client has.
fn field(item: &FieldDescriptor) -> Result<(), String> {
    let is_proto3 = item.parent_file().syntax() == Syntax::Proto3;
    let options = item.field_descriptor_proto().options.as_ref();
    match item.kind() {
        _ if item.is_map() => Err("a map".to_owned()),
        _ if item.is_group() => Err("a group".to_owned()),
        _ if item.cardinality() == Cardinality::Required => Err("`required`".to_owned()),
        _ if item.field_descriptor_proto().proto3_optional() => Err("`optional`".to_owned()),
        _ if !is_proto3
            && item.cardinality() == Cardinality::Optional
            && item.containing_oneof().is_none() =>
        {
            Err("`optional`".to_owned())
        }
        _ if options.and_then(|options| options.packed) == Some(false) => Err("`packed = false`".to_owned()),
        Kind::Uint32 | Kind::Uint64 | Kind::Sint32 | Kind::Sint64 => Ok(()),
        Kind::Bool | Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Message(_) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn enumeration(schema: &Schema, item: &EnumDescriptor) -> Result<(), String> {
    let file = item.parent_file();
    is_comment(&comment(&file, item.path()))
        .map_err(|why| format!("{}: enum {}: its comment {why}", place(&file, item.path()), item.name()))?;
    let codes = schema.meanings(item);
    if codes.len() > ROWS_MAX {
        return Err(format!(
            "{}: enum {}: no client has more than {ROWS_MAX} codes",
            place(&file, item.path()),
            item.name()
        ));
    }
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for value in item.values() {
        let at = |why: &str| {
            format!("{}: enum {}, value {}: {why}", place(&file, value.path()), item.name(), value.name())
        };
        is_comment(&comment(&file, value.path())).map_err(|why| at(&format!("its comment {why}")))?;
        let short = short_name(item.name(), value.name());
        if !is_name(&short) {
            return Err(at("no language has a name that begins with no letter"));
        }
        if !names.insert(pascal(&Name::new(&short).words)) {
            return Err(at("another value has this name in some language"));
        }
        if !numbers.insert(value.number()) {
            return Err(at("another value has this number"));
        }
        if let Some(code) = codes.iter().find(|code| code.number == value.number()) {
            texts(&code.meaning).map_err(|why| at(&why))?;
        }
    }
    Ok(())
}

fn file(item: &FileDescriptor) -> Result<(), String> {
    if item.syntax() != Syntax::Proto3 {
        return Err(format!("proto/{}: no client has a schema but of proto3", item.name()));
    }
    if let Some(service) = item.services().next() {
        return Err(format!("proto/{}: service {}: no client has services", item.name(), service.name()));
    }
    Ok(())
}

/// The rows of a table, whichever file has them. The compiler keeps no line of a row.
fn table(schema: &Schema, table: &str, keys: &[&str]) -> Result<(), String> {
    let of_file = |file: FileDescriptor| {
        let rows = schema.rows_of(&file, table);
        rows.into_iter().map(move |row| (file.name().to_owned(), row))
    };
    let mut seen = BTreeSet::new();
    for ((file, row), step) in schema.files().flat_map(of_file).zip(1..) {
        if step > ROWS_MAX as u64 {
            return Err(format!("proto/{file}: {table}: no client has more than {ROWS_MAX} rows"));
        }
        let key: Vec<String> = keys.iter().map(|column| cell(&row, column)).collect();
        let at = |why: &str| format!("proto/{file}: {table} {}: {why}", key.join(", "));
        if key.iter().any(|cell| cell.is_empty() || cell == "UNSPECIFIED") {
            return Err(at("a row without a name"));
        }
        let is_named = keys == ["name"];
        if is_named && !key.iter().all(|name| is_name(name)) {
            return Err(at("no language has a name but of letters, digits and _, a letter first"));
        }
        // Two names that some language joins to one.
        let joined = if is_named { pascal(&Name::new(&key.concat()).words) } else { key.join(" ") };
        if !seen.insert(joined) {
            return Err(at("another row has this name in some language"));
        }
        texts(&row).map_err(|why| at(&why))?;
        match table {
            "label" if !row.text("text").is_ascii() => return Err(at("its text is not ASCII")),
            "reason" if row.number("step") != step => {
                return Err(at("steps begin with 1 and leave none out"));
            }
            "answer" if row.word("verdict") == "UNSPECIFIED" => return Err(at("no verdict")),
            "code_range" if row.word("kind") == "UNSPECIFIED" => return Err(at("no kind")),
            "limit" | "timer"
                if i64::try_from(row.number("value").max(row.number("milliseconds"))).is_err() =>
            {
                return Err(at("no client has a number above 2^63-1"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether every language can take it for a name.
fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A cell in words, whatever its type is.
fn cell(row: &Row, column: &str) -> String {
    let number = || Some(row.number(column)).filter(|number| *number > 0).map(|number| number.to_string());
    let word = || Some(row.word(column)).filter(|word| !word.is_empty());
    Some(row.text(column)).filter(|text| !text.is_empty()).or_else(word).or_else(number).unwrap_or_default()
}

/// Texts become literals, and some of them comments.
fn texts(row: &Row) -> Result<(), String> {
    for (column, value) in row.0.fields() {
        let Some(text) = value.as_str() else { continue };
        if text.contains(char::is_control) {
            return Err(format!("its {} has a control character", column.name()));
        }
        if COMMENTS.contains(&column.name()) {
            is_comment(text).map_err(|why| format!("its {} {why}", column.name()))?;
        }
    }
    Ok(())
}

/// Whether every language can hold a text in a comment of its own.
fn is_comment(text: &str) -> Result<(), String> {
    if let Some(end) = ENDS.into_iter().find(|end| text.contains(end)) {
        return Err(format!("has {end}, which ends a comment or begins an escape in some language"));
    }
    if text.ends_with('"') {
        return Err("ends with \", which runs into the end of a comment in some language".to_owned());
    }
    Ok(())
}
