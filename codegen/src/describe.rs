//! Reads the description out of the schemas and the state tables.

use crate::description::{
    Answer, CodeRange, Description, Enumeration, Field, FieldKind, Label, Limit, Meaning, Message, Reason,
    StateTable, Timer, Value,
};
use crate::embedded;
use crate::name::Name;
use crate::schema::{Row, Schema, Sources, comment, is_option, place, short_name};
use hispos_tables::States;
use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use std::collections::BTreeSet;

/// Reads the schemas and tables that this program was built with.
///
/// # Errors
///
/// As [`schemas`], and names a state table that is none.
pub fn embedded() -> Result<Description, String> {
    let mut description = schemas(embedded::schemas()?)?;
    let words = embedded::state_table("words.txt")?;
    for role in ["his", "pos"] {
        let table = embedded::state_table(&format!("{role}.tsv"))?;
        let states = States::read(role, &table, &words)?;
        description.states.push(StateTable { role: role.to_owned(), states });
    }
    Ok(description)
}

/// Reads schemas.
///
/// # Errors
///
/// What the compiler says, or file, line, message and field of what no client could be made for.
pub fn schemas(sources: Sources) -> Result<Description, String> {
    let schema = Schema::compile(sources, true)?;
    check_names(&schema)?;
    let messages = schema.messages().filter(|message| !is_option(message.parent_file().name()));
    Ok(Description {
        messages: messages.map(|item| message(&schema, &item)).collect::<Result<_, _>>()?,
        enums: schema.enums().map(|item| enumeration(&schema, &item)).collect::<Result<_, _>>()?,
        limits: schema.rows("limit").iter().map(limit).collect(),
        timers: schema.rows("timer").iter().map(timer).collect(),
        labels: schema.rows("label").iter().map(label).collect(),
        reasons: schema.rows("reason").iter().map(reason).collect(),
        code_ranges: schema.rows("code_range").iter().map(code_range).collect(),
        answers: schema.rows("answer").iter().map(answer).collect(),
        states: Vec::new(),
    })
}

/// Templates know a message or an enumeration by its own name alone, wherever it is declared.
fn check_names(schema: &Schema) -> Result<(), String> {
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

/// The comment of an element, which every language has to be able to hold in a comment of its own.
fn doc(file: &FileDescriptor, path: &[i32]) -> Result<String, String> {
    let text = comment(file, path);
    let ends = ["*/", "\"\"\"", "-->"].into_iter().find(|end| text.contains(end));
    ends.map_or(Ok(text), |end| {
        Err(format!("{}: its comment has {end}, which ends a comment", place(file, path)))
    })
}

fn stem(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".proto").unwrap_or(name).to_owned()
}

fn message(schema: &Schema, item: &MessageDescriptor) -> Result<Message, String> {
    let mut fields: Vec<FieldDescriptor> = item.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    Ok(Message {
        name: Name::new(item.name()),
        file: stem(item.parent_file().name()),
        doc: doc(&item.parent_file(), item.path())?,
        strict: schema.is_strict(item),
        fields: fields.iter().map(|inner| field(schema, inner)).collect::<Result<_, _>>()?,
    })
}

fn field(schema: &Schema, item: &FieldDescriptor) -> Result<Field, String> {
    let (kind, of) = kind(item)?;
    let bounds = schema.bounds(item);
    let class = if bounds.class == "UNSPECIFIED" { "" } else { &bounds.class };
    Ok(Field {
        name: Name::new(item.name()),
        number: item.number(),
        doc: doc(&item.parent_message().parent_file(), item.path())?,
        kind,
        of,
        repeated: item.is_list(),
        oneof: item.containing_oneof().map(|oneof| Name::new(oneof.name())),
        required: bounds.required,
        min: bounds.min,
        max: bounds.max,
        count: bounds.count,
        class: Name::new(class),
    })
}

fn kind(item: &FieldDescriptor) -> Result<(FieldKind, Option<Name>), String> {
    let is_optional = item.field_descriptor_proto().proto3_optional();
    let kind = match item.kind() {
        _ if is_optional => return Err(unmapped(item, "`optional`")),
        Kind::Uint32 => FieldKind::Uint32,
        Kind::Uint64 => FieldKind::Uint64,
        Kind::Sint32 => FieldKind::Sint32,
        Kind::Sint64 => FieldKind::Sint64,
        Kind::Bool => FieldKind::Bool,
        Kind::String => FieldKind::String,
        Kind::Bytes => FieldKind::Bytes,
        Kind::Enum(of) => return Ok((FieldKind::Enum, Some(Name::new(of.name())))),
        Kind::Message(of) if !item.is_map() => return Ok((FieldKind::Message, Some(Name::new(of.name())))),
        _ if item.is_map() => return Err(unmapped(item, "a map")),
        other => return Err(unmapped(item, &format!("{other:?}"))),
    };
    Ok((kind, None))
}

fn unmapped(item: &FieldDescriptor, what: &str) -> String {
    let message = item.parent_message();
    let place = place(&message.parent_file(), item.path());
    format!("{place}: message {}, field {}: no client has {what}", message.name(), item.name())
}

fn enumeration(schema: &Schema, item: &EnumDescriptor) -> Result<Enumeration, String> {
    let codes = schema.meanings(item);
    let values = item.values().map(|value| {
        let code = codes.iter().find(|code| code.number == value.number());
        Ok(Value {
            name: Name::new(&short_name(item.name(), value.name())),
            number: value.number(),
            doc: doc(&item.parent_file(), value.path())?,
            meaning: code.map(|code| meaning(&code.meaning)),
        })
    });
    Ok(Enumeration {
        name: Name::new(item.name()),
        file: stem(item.parent_file().name()),
        doc: doc(&item.parent_file(), item.path())?,
        values: values.collect::<Result<_, String>>()?,
        has_texts: !codes.is_empty(),
    })
}

/// The name of an enumeration's value in a row; empty for the unspecified one.
fn word(row: &Row, field: &str) -> Name {
    let word = row.word(field);
    Name::new(if word == "UNSPECIFIED" { "" } else { &word })
}

fn meaning(row: &Row) -> Meaning {
    Meaning {
        name: row.text("name"),
        money: word(row, "money"),
        retry: word(row, "retry"),
        rests_on_absence: row.flag("rests_on_absence"),
        cashier_en: row.text("cashier_en"),
        cashier_zh: row.text("cashier_zh"),
        patient_en: row.text("patient_en"),
        patient_zh: row.text("patient_zh"),
    }
}

fn limit(row: &Row) -> Limit {
    Limit {
        name: Name::new(&row.text("name")),
        value: row.number("value"),
        unit: row.text("unit"),
        doc: row.text("doc"),
    }
}

fn timer(row: &Row) -> Timer {
    Timer {
        name: Name::new(&row.text("name")),
        milliseconds: row.number("milliseconds"),
        doc: row.text("doc"),
        agreed: row.flag("agreed"),
    }
}

fn label(row: &Row) -> Label {
    Label { name: Name::new(&row.text("name")), text: row.text("text"), doc: row.text("doc") }
}

fn reason(row: &Row) -> Reason {
    Reason { step: row.number("step"), en: row.text("en"), zh: row.text("zh") }
}

fn code_range(row: &Row) -> CodeRange {
    CodeRange {
        first: row.text("first"),
        last: row.text("last"),
        length_min: row.number("length_min"),
        length_max: row.number("length_max"),
        kind: word(row, "kind"),
    }
}

fn answer(row: &Row) -> Answer {
    Answer {
        profile: word(row, "profile"),
        call: word(row, "call"),
        code: row.text("code"),
        verdict: word(row, "verdict"),
    }
}

#[cfg(test)]
mod tests;
