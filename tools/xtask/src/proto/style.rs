//! The style of the schemas: names, comments, and what generated code cannot carry.

use hispos_codegen::schema::{Schema, comment, place, upper_snake};
use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};

/// Path of a file's syntax line, where its own comment stands.
const SYNTAX: &[i32] = &[12];

/// Every violation, as `file:line: rule; what to do`.
pub(super) fn violations(schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for file in schema.files() {
        of_file(&file, &mut found);
    }
    for message in schema.messages() {
        of_message(&message, &mut found);
    }
    for item in schema.enums() {
        of_enum(&item, &mut found);
    }
    found
}

fn of_file(file: &FileDescriptor, found: &mut Vec<String>) {
    let mut say = |rule: &str| found.push(format!("{}: {rule}", place(file, SYNTAX)));
    let folder = file.package_name().replace('.', "/");
    let name = file.name().strip_prefix(&format!("{folder}/")).and_then(|name| name.strip_suffix(".proto"));
    if !name.is_some_and(is_lower_snake) {
        say(&format!(
            "package {} does not fit the path; use {folder}/lower_snake.proto",
            file.package_name()
        ));
    }
    let version = file.package_name().rsplit('.').next().and_then(|last| last.strip_prefix('v'));
    if version.is_none_or(|digits| digits.parse::<u32>().is_err()) {
        say("the package ends with no version; use hispos.v1");
    }
    if file.syntax() != prost_reflect::Syntax::Proto3 {
        say("not proto3; write `syntax = \"proto3\";`");
    }
    if comment(file, SYNTAX).is_empty() {
        say("no comment before `syntax`; say what the file is for");
    }
    if file.services().len() > 0 {
        say("a service; the link carries messages and knows no RPC system, remove it");
    }
}

fn of_message(message: &MessageDescriptor, found: &mut Vec<String>) {
    let file = message.parent_file();
    if message.is_map_entry() {
        return;
    }
    let mut say =
        |rule: &str| found.push(format!("{}: {}: {rule}", place(&file, message.path()), message.name()));
    if !is_upper_camel(message.name()) {
        say("message names are UpperCamel");
    }
    if let Err(rule) = sentence(&comment(&file, message.path())) {
        say(rule);
    }
    let numbers: Vec<i32> = message.descriptor_proto().field.iter().map(|field| field.number()).collect();
    if !numbers.is_sorted() {
        say("field numbers fall; list fields in the order of their numbers");
    }
    for field in message.fields() {
        of_field(&file, &field, found);
    }
}

fn of_field(file: &FileDescriptor, field: &FieldDescriptor, found: &mut Vec<String>) {
    let mut say =
        |rule: &str| found.push(format!("{}: {}: {rule}", place(file, field.path()), field.full_name()));
    if !is_lower_snake(field.name()) {
        say("field names are lower_snake");
    }
    if field.is_map() {
        say("a map has no order; use a repeated message");
    }
    if field.field_descriptor_proto().proto3_optional() {
        say("proto3 `optional` tells absent from zero; let zero mean absent");
    }
    let odd = matches!(
        field.kind(),
        Kind::Double
            | Kind::Float
            | Kind::Int32
            | Kind::Int64
            | Kind::Fixed32
            | Kind::Fixed64
            | Kind::Sfixed32
            | Kind::Sfixed64
    );
    if odd {
        say("number type not in use here; take uint32, uint64, sint32 or sint64");
    }
    let text = comment(file, field.path());
    if !text.is_empty()
        && let Err(rule) = sentence(&text)
    {
        say(rule);
    }
}

fn of_enum(item: &EnumDescriptor, found: &mut Vec<String>) {
    let file = item.parent_file();
    let mut say =
        |path: &[i32], name: &str, rule: &str| found.push(format!("{}: {name}: {rule}", place(&file, path)));
    if !is_upper_camel(item.name()) {
        say(item.path(), item.name(), "enum names are UpperCamel");
    }
    if let Err(rule) = sentence(&comment(&file, item.path())) {
        say(item.path(), item.name(), rule);
    }
    let prefix = upper_snake(item.name()) + "_";
    for value in item.values() {
        if !is_upper_snake(value.name()) || !value.name().starts_with(&prefix) {
            say(value.path(), value.name(), &format!("enum values are UPPER_SNAKE and begin with {prefix}"));
        }
        if value.number() == 0 && value.name() != format!("{prefix}UNSPECIFIED") {
            say(value.path(), value.name(), &format!("value 0 is {prefix}UNSPECIFIED"));
        }
    }
}

/// A comment has to be there, begin with a capital and end with a full stop.
fn sentence(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("no comment; say in one sentence what it is");
    }
    let first_word = text.split_whitespace().next().unwrap_or_default();
    let is_identifier = first_word.contains(['_', '(']);
    let begins = !text.starts_with(|first: char| first.is_ascii_lowercase());
    let ends = text.ends_with(['.', '?', ':', ')']);
    if (begins || is_identifier) && ends {
        Ok(())
    } else {
        Err("a comment is a sentence; begin with a capital and end with a full stop")
    }
}

fn is_lower_snake(name: &str) -> bool {
    is_snake(name, |letter| letter.is_ascii_lowercase())
}

fn is_upper_snake(name: &str) -> bool {
    is_snake(name, |letter| letter.is_ascii_uppercase())
}

fn is_snake(name: &str, is_letter: impl Fn(char) -> bool) -> bool {
    let words_fill = name.split('_').all(|word| !word.is_empty());
    words_fill
        && name.starts_with(&is_letter)
        && name.chars().all(|letter| is_letter(letter) || letter == '_' || letter.is_ascii_digit())
}

fn is_upper_camel(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric())
}
