//! The tables of the specification, from the schemas.

use super::Edition;
use super::words::Words;
use crate::root;
use hispos_codegen::schema::{Code, Schema, comment, short_name};
use hispos_tables::{States, Transition, Word};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What a table is made with.
struct Source<'a> {
    schema: &'a Schema,
    words: &'a Words,
    edition: Edition,
    /// Sentences that have no translation.
    missing: RefCell<BTreeSet<String>>,
}

/// A table's columns and rows.
struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// The Markdown of the table of a name.
pub(super) fn render(schema: &Schema, words: &Words, edition: Edition, name: &str) -> Result<String, String> {
    if let Some(part) = name.strip_prefix("example:") {
        return super::example::render(part);
    }
    let source = Source { schema, words, edition, missing: RefCell::default() };
    let tables = match name.strip_prefix("states:") {
        Some(side) => source.states(side)?,
        None => vec![source.table(name)?],
    };
    let tables: Vec<String> = tables.iter().map(|table| source.markdown(table)).collect();
    let text = tables.join("\n");
    let missing = source.missing.into_inner();
    if missing.is_empty() {
        return Ok(text);
    }
    let sentences: Vec<String> = missing.into_iter().collect();
    Err(format!("zh/schema-texts.tsv has no translation of:\n    {}", sentences.join("\n    ")))
}

impl Source<'_> {
    fn table(&self, name: &str) -> Result<Table, String> {
        match name.split_once(':').unwrap_or((name, "")) {
            ("limits", _) => Ok(self.limits()),
            ("timers", _) => Ok(self.timers()),
            ("labels", _) => Ok(self.labels()),
            ("reasons", _) => Ok(self.reasons()),
            ("codes", _) => Ok(self.codes()),
            ("catalogue", _) => self.statuses(),
            ("alerts", _) => self.meanings("AlertCode"),
            ("rejects", _) => self.meanings("RejectCode"),
            ("message", message) => self.message(message),
            ("forms", _) => self.enumeration("TextClass"),
            ("enums", _) => Ok(self.enumerations()),
            ("answers", profile) => self.answers(profile),
            _ => Err(format!("nobody makes the table {name}")),
        }
    }

    fn limits(&self) -> Table {
        let rows = self.schema.rows("limit");
        let row = |row: &hispos_codegen::schema::Row| {
            vec![
                code(&row.text("name")),
                row.number("value").to_string(),
                self.say(&row.text("unit")),
                self.say(&row.text("doc")),
            ]
        };
        Table { head: vec!["limit", "value", "unit", "meaning"], rows: rows.iter().map(row).collect() }
    }

    fn timers(&self) -> Table {
        let rows = self.schema.rows("timer");
        let row = |row: &hispos_codegen::schema::Row| {
            let agreed = if row.flag("agreed") { self.say("yes") } else { String::new() };
            vec![
                code(&row.text("name")),
                duration(row.number("milliseconds")),
                agreed,
                self.say(&row.text("doc")),
            ]
        };
        Table { head: vec!["timer", "value", "agreed", "meaning"], rows: rows.iter().map(row).collect() }
    }

    fn labels(&self) -> Table {
        let rows = self.schema.rows("label");
        let row = |row: &hispos_codegen::schema::Row| {
            let text = row.text("text");
            vec![
                code(&row.text("name")),
                format!("`\"{text}\"`"),
                text.len().to_string(),
                self.say(&row.text("doc")),
            ]
        };
        Table { head: vec!["label", "ASCII", "bytes", "use"], rows: rows.iter().map(row).collect() }
    }

    fn reasons(&self) -> Table {
        let field = if self.edition == Edition::Chinese { "zh" } else { "en" };
        let rows = self.schema.rows("reason");
        let row = |row: &hispos_codegen::schema::Row| vec![row.number("step").to_string(), row.text(field)];
        Table { head: vec!["step", "what is wrong"], rows: rows.iter().map(row).collect() }
    }

    fn codes(&self) -> Table {
        let rows = self.schema.rows("code_range");
        let row = |row: &hispos_codegen::schema::Row| {
            let (first, last) = (row.text("first"), row.text("last"));
            let (least, most) = (row.number("length_min"), row.number("length_max"));
            let begins = if first == last { first } else { format!("{first} – {last}") };
            let digits = if least == most { least.to_string() } else { format!("{least} – {most}") };
            vec![begins, digits, self.say(&row.word("kind").to_lowercase())]
        };
        Table { head: vec!["begins with", "digits", "kind"], rows: rows.iter().map(row).collect() }
    }

    fn statuses(&self) -> Result<Table, String> {
        let row = |status: &Code| {
            let meaning = &status.meaning;
            let absence = if meaning.flag("rests_on_absence") { self.say("yes") } else { String::new() };
            vec![
                status.number.to_string(),
                code(&meaning.text("name")),
                self.say(&status.comment),
                self.say(&meaning.word("money").to_lowercase()),
                self.say(&plain(&meaning.word("retry"))),
                absence,
                self.both(&meaning.text("cashier_en"), &meaning.text("cashier_zh")),
                self.both(&meaning.text("patient_en"), &meaning.text("patient_zh")),
            ]
        };
        let codes = self.schema.meanings(&self.schema.enumeration("Status")?);
        let head = vec!["code", "name", "meaning", "money", "again", "absence", "cashier", "patient"];
        Ok(Table { head, rows: codes.iter().map(row).collect() })
    }

    fn meanings(&self, item: &str) -> Result<Table, String> {
        let row = |code: &Code| {
            let texts = self.both(&code.meaning.text("cashier_en"), &code.meaning.text("cashier_zh"));
            vec![
                code.number.to_string(),
                self::code(&code.meaning.text("name")),
                self.say(&code.comment),
                texts,
            ]
        };
        let codes = self.schema.meanings(&self.schema.enumeration(item)?);
        Ok(Table { head: vec!["code", "name", "meaning", "cashier"], rows: codes.iter().map(row).collect() })
    }

    fn message(&self, name: &str) -> Result<Table, String> {
        let found = self.schema.messages().find(|message| message.name() == name);
        let message: MessageDescriptor =
            found.ok_or_else(|| format!("the schemas have no message {name}"))?;
        let mut fields: Vec<FieldDescriptor> = message.fields().collect();
        fields.sort_by_key(FieldDescriptor::number);
        let row = |field: &FieldDescriptor| {
            let comment = comment(&message.parent_file(), field.path());
            vec![
                field.number().to_string(),
                code(field.name()),
                kind(field),
                self.bounds(field),
                self.say(&comment),
            ]
        };
        let head = vec!["tag", "field", "type", "bounds", "meaning"];
        Ok(Table { head, rows: fields.iter().map(row).collect() })
    }

    fn bounds(&self, field: &FieldDescriptor) -> String {
        let bounds = self.schema.bounds(field);
        let mut parts = Vec::new();
        if bounds.required {
            parts.push(self.say("required"));
        }
        if bounds.max > 0 {
            let least = bounds.min.max(1);
            let length =
                if least == bounds.max { least.to_string() } else { format!("{least} – {}", bounds.max) };
            parts.push(format!("{length} B"));
        }
        if bounds.count > 0 {
            parts.push(format!("≤ {}", bounds.count));
        }
        if !bounds.class.is_empty() && bounds.class != "UNSPECIFIED" {
            parts.push(bounds.class);
        }
        parts.join(", ")
    }

    fn enumeration(&self, name: &str) -> Result<Table, String> {
        let item = self.schema.enumeration(name)?;
        let row = |value: prost_reflect::EnumValueDescriptor| {
            let comment = comment(&item.parent_file(), value.path());
            vec![value.number().to_string(), code(&short_name(item.name(), value.name())), self.say(&comment)]
        };
        Ok(Table { head: vec!["value", "name", "meaning"], rows: item.values().map(row).collect() })
    }

    /// Every enumeration of the wire and the books; codes with a meaning have tables of their own.
    fn enumerations(&self) -> Table {
        let rows = self.schema.enums().filter(|item| {
            !item.parent_file().name().ends_with("options.proto") && self.schema.meanings(item).is_empty()
        });
        let rows = rows.flat_map(|item| {
            let file = item.parent_file();
            let row = |value: prost_reflect::EnumValueDescriptor| {
                let name = code(&short_name(item.name(), value.name()));
                vec![
                    code(item.name()),
                    value.number().to_string(),
                    name,
                    self.say(&comment(&file, value.path())),
                ]
            };
            item.values().filter(|value| value.number() != 0).map(row).collect::<Vec<_>>()
        });
        Table { head: vec!["enumeration", "value", "name", "meaning"], rows: rows.collect() }
    }

    /// One row for each call and verdict, with every code that means it.
    fn answers(&self, profile: &str) -> Result<Table, String> {
        let mut codes: BTreeMap<(usize, String), Vec<String>> = BTreeMap::new();
        let calls = ["PAY", "QUERY", "REVERSE", "REFUND", "QUERY_REFUND", "VERIFY"];
        for row in self.schema.rows("answer") {
            if row.word("profile").eq_ignore_ascii_case(profile) {
                let call = row.word("call");
                let place = calls.iter().position(|known| *known == call).ok_or(call)?;
                codes.entry((place, row.word("verdict"))).or_default().push(code(&row.text("code")));
            }
        }
        if codes.is_empty() {
            return Err(format!("no answers of the profile {profile}"));
        }
        let row = |((place, verdict), codes): ((usize, String), Vec<String>)| {
            let call = calls.get(place).copied().unwrap_or_default();
            vec![self.say(&plain(call)), self.say(&plain(&verdict)), codes.join(" ")]
        };
        let head = vec!["call", "verdict", "codes"];
        Ok(Table { head, rows: codes.into_iter().map(row).collect() })
    }

    /// The states of an order at one side, the events, and which turns which into which.
    fn states(&self, side: &str) -> Result<Vec<Table>, String> {
        let read = |file: &str| root::read(&root::root().join("spec-crate/tables").join(file));
        let states = States::read(side, &read(&format!("{side}.tsv"))?, &read("words.txt")?)?;
        let words = |head: &'static str, words: &[Word]| {
            let row = |word: &Word| vec![code(&word.word), self.say(&word.meaning)];
            Table { head: vec![head, "meaning"], rows: words.iter().map(row).collect() }
        };
        let row =
            |row: &Transition| vec![code(&row.state), code(&row.event), code(&row.next), self.say(&row.does)];
        let head = vec!["state", "event", "next state", "what it does"];
        let transitions = Table { head, rows: states.transitions.iter().map(row).collect() };
        Ok(vec![words("state", &states.states), words("event", &states.events), transitions])
    }

    /// What people read in both languages, the edition's own first.
    fn both(&self, english: &str, chinese: &str) -> String {
        match self.edition {
            _ if english.is_empty() => String::new(),
            Edition::English => format!("{english}<br>{chinese}"),
            Edition::Chinese => format!("{chinese}<br>{english}"),
        }
    }

    /// A sentence of the schemas in the edition's language.
    fn say(&self, english: &str) -> String {
        let english = english.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.edition == Edition::English || english.is_empty() {
            return english;
        }
        match self.words.chinese(&english) {
            Some(chinese) => chinese.to_owned(),
            None => {
                self.missing.borrow_mut().insert(english.clone());
                english
            }
        }
    }

    fn markdown(&self, table: &Table) -> String {
        let head: Vec<String> = table.head.iter().map(|word| self.say(word)).collect();
        let rule = vec!["---".to_owned(); head.len()];
        let lines = [&head, &rule].into_iter().chain(&table.rows);
        lines.map(|cells| format!("| {} |\n", cells.join(" | ").replace("  ", " "))).collect()
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// `SOME_NAME` as people write it.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', " ")
}

fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0".to_owned(),
        whole if whole % 3_600_000 == 0 => format!("{} h", whole / 3_600_000),
        whole if whole % 1000 == 0 => format!("{} s", whole / 1000),
        rest => format!("{rest} ms"),
    }
}

fn kind(field: &FieldDescriptor) -> String {
    let name = match field.kind() {
        Kind::Message(inner) => inner.name().to_owned(),
        Kind::Enum(item) => item.name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    if field.is_list() { format!("repeated {name}") } else { name }
}
