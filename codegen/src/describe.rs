//! Reads the description out of the schemas and the state tables.

use crate::description::{
    Answer, CodeRange, Description, Enumeration, Field, FieldKind, Label, Limit, Meaning, Message, Reason,
    StateTable, Timer, Value,
};
use crate::embedded;
use crate::name::Name;
use crate::schema::{Row, Schema, Sources, comment, is_option, short_name};
use hispos_tables::States;
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

mod check;

/// Reads the schemas and tables that this program was built with.
///
/// # Errors
///
/// As [`schemas`], and names a state table that is none.
pub fn embedded() -> Result<Description, String> {
    whole(embedded::schemas()?, embedded::state_table)
}

/// Reads schemas and state tables.
pub(crate) fn whole(
    sources: Sources,
    state_table: impl Fn(&str) -> Result<String, String>,
) -> Result<Description, String> {
    let mut description = schemas(sources)?;
    let words = state_table("words.txt")?;
    for role in ["his", "pos"] {
        let states = States::read(role, &state_table(&format!("{role}.tsv"))?, &words)?;
        if states.transitions.len() > check::ROWS_MAX {
            return Err(format!("{role}.tsv: no client has more than {} rows", check::ROWS_MAX));
        }
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
    check::all(&schema)?;
    let messages = schema.messages().filter(|message| !is_option(message.parent_file().name()));
    Ok(Description {
        messages: messages.map(|item| message(&schema, &item)).collect::<Result<_, _>>()?,
        enums: schema.enums().map(|item| enumeration(&schema, &item)).collect(),
        limits: schema.rows("limit").iter().map(limit).collect(),
        timers: schema.rows("timer").iter().map(timer).collect(),
        labels: schema.rows("label").iter().map(label).collect(),
        reasons: schema.rows("reason").iter().map(reason).collect(),
        code_ranges: schema.rows("code_range").iter().map(code_range).collect(),
        answers: schema.rows("answer").iter().map(answer).collect(),
        states: Vec::new(),
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
        doc: comment(&item.parent_file(), item.path()),
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
        doc: comment(&item.parent_message().parent_file(), item.path()),
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
    let kind = match item.kind() {
        Kind::Uint32 => FieldKind::Uint32,
        Kind::Uint64 => FieldKind::Uint64,
        Kind::Sint32 => FieldKind::Sint32,
        Kind::Sint64 => FieldKind::Sint64,
        Kind::Bool => FieldKind::Bool,
        Kind::String => FieldKind::String,
        Kind::Bytes => FieldKind::Bytes,
        Kind::Enum(of) => return Ok((FieldKind::Enum, Some(Name::new(of.name())))),
        Kind::Message(of) => return Ok((FieldKind::Message, Some(Name::new(of.name())))),
        // Refused before, with its place.
        other => return Err(format!("{}: {other:?}", item.full_name())),
    };
    Ok((kind, None))
}

fn enumeration(schema: &Schema, item: &EnumDescriptor) -> Enumeration {
    let codes = schema.meanings(item);
    let values = item.values().map(|value| {
        let code = codes.iter().find(|code| code.number == value.number());
        Value {
            name: Name::new(&short_name(item.name(), value.name())),
            number: value.number(),
            doc: comment(&item.parent_file(), value.path()),
            meaning: code.map(|code| meaning(&code.meaning)),
        }
    });
    Enumeration {
        name: Name::new(item.name()),
        file: stem(item.parent_file().name()),
        doc: comment(&item.parent_file(), item.path()),
        values: values.collect(),
        has_texts: !codes.is_empty(),
    }
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
mod oddities;
#[cfg(test)]
mod tests;
