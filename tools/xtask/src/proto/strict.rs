//! The canonical validator's rules as static tables.

use super::emit::{HEADER, camel};
use hispos_codegen::schema::{Schema, comment, upper_snake};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// Writes `wire/strict.rs`.
pub(super) fn source(schema: &Schema) -> Result<String, String> {
    let mut text =
        format!("{HEADER}\n//! The rules of every strict message, for the canonical validator.\n\n");
    text += "use super::rules::{FieldKind, FieldRule, MessageRule, TextClass};\n";
    for message in schema.messages().filter(|message| schema.is_strict(message)) {
        text += &table(schema, &message)?;
    }
    Ok(text + &steps(schema))
}

/// What each step of the validator finds wrong, from step 1.
fn steps(schema: &Schema) -> String {
    let rows = schema.rows("reason");
    let texts: String = rows.iter().map(|row| format!("{:?},", row.text("en"))).collect();
    format!(
        "\n/// What each step of the validator finds wrong, from step 1.\npub(crate) static STEPS: [&str; {}] = [{texts}];\n",
        rows.len()
    )
}

fn table(schema: &Schema, message: &MessageDescriptor) -> Result<String, String> {
    let mut fields: Vec<FieldDescriptor> = message.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    let rows: Vec<String> = fields.iter().map(|field| row(schema, field)).collect::<Result<_, _>>()?;
    let comment = comment(&message.parent_file(), message.path());
    Ok(format!(
        "\n/// {}\npub(crate) static {}: MessageRule = MessageRule {{ name: \"{}\", fields: &[{}] }};\n",
        comment.lines().next().unwrap_or(message.name()),
        upper_snake(message.name()),
        message.name(),
        rows.concat(),
    ))
}

fn row(schema: &Schema, field: &FieldDescriptor) -> Result<String, String> {
    let bounds = schema.bounds(field);
    let class = if bounds.class == "UNSPECIFIED" || bounds.class.is_empty() { "NONE" } else { &bounds.class };
    Ok(format!(
        "FieldRule {{ number: {}, name: \"{}\", kind: {}, required: {}, min: {}, max: {}, count: {}, class: TextClass::{} }},",
        field.number(),
        field.name(),
        kind(field)?,
        bounds.required,
        bounds.min,
        bounds.max,
        bounds.count,
        camel(class),
    ))
}

fn kind(field: &FieldDescriptor) -> Result<String, String> {
    let name = match (field.kind(), field.is_list()) {
        (Kind::Message(inner), _) => {
            return Ok(format!("FieldKind::Message(&{})", upper_snake(inner.name())));
        }
        (Kind::Uint32, true) => "PackedUint32",
        (Kind::Bytes, _) => "Bytes",
        (_, true) => return Err(format!("{}: no validator rule for such a list", field.full_name())),
        (Kind::Uint32, false) => "Uint32",
        (Kind::Uint64, false) => "Uint64",
        (Kind::Sint32, false) => "Sint32",
        (Kind::Sint64, false) => "Sint64",
        (Kind::Bool, false) => "Bool",
        (Kind::Enum(_), false) => "Enum",
        (Kind::String, false) => "String",
        (other, false) => return Err(format!("{}: no validator rule for {other:?}", field.full_name())),
    };
    Ok(format!("FieldKind::{name}"))
}
