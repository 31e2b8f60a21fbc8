//! The public catalogue: statuses, alerts and rejections with their meaning to programs and people.

use super::emit::{HEADER, camel, doc};
use hispos_codegen::schema::{Code, Row, Schema, comment, short_name};

const HEAD: &str = "
//! Statuses, alerts and rejections: their codes, and what they mean to programs and to people.
//!
//! Codes cross the wire and names appear in exports; both stay for ever. Texts are for people and may improve.

/// The language of a text for people.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Language {
    /// English.
    En,
    /// Chinese, the default at the window.
    #[default]
    Zh,
}

/// What a code says to people, in both languages.
struct Texts {
    cashier_en: &'static str,
    cashier_zh: &'static str,
    patient_en: &'static str,
    patient_zh: &'static str,
}

impl Texts {
    const fn cashier(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.cashier_en,
            Language::Zh => self.cashier_zh,
        }
    }

    const fn patient(&self, language: Language) -> Option<&'static str> {
        let text = match language {
            Language::En => self.patient_en,
            Language::Zh => self.patient_zh,
        };
        if text.is_empty() { None } else { Some(text) }
    }
}
";

const STATUS_METHODS: &str = "
    /// What this status says about the patient's money.
    #[must_use]
    pub const fn money(self) -> Money { match self { MONEY } }

    /// Whether HIS may make another order for the same bill.
    #[must_use]
    pub const fn retry(self) -> Retry { match self { RETRY } }

    /// Whether the end rests on the platform not knowing the number, so that HIS has it looked up again.
    #[must_use]
    pub const fn rests_on_absence(self) -> bool { matches!(self, ABSENCE) }

    /// What the patient reads, or `None` where the patient is shown nothing.
    #[must_use]
    pub const fn patient_text(self, language: Language) -> Option<&'static str> {
        self.texts().patient(language)
    }
";

/// Writes `catalogue.rs`.
pub(super) fn source(schema: &Schema) -> Result<String, String> {
    let mut text = format!("{HEADER}{HEAD}");
    text += &plain(schema, "Money")?;
    text += &plain(schema, "Retry")?;
    for name in ["Status", "AlertCode", "RejectCode"] {
        let item = schema.enumeration(name)?;
        let codes = schema.meanings(&item);
        let docs = doc(&comment(&item.parent_file(), item.path()));
        let methods = if name == "Status" { status_methods(&codes) } else { String::new() };
        text += &coded(name, &docs, &codes, &methods);
    }
    Ok(text)
}

/// An enumeration without codes on the wire.
fn plain(schema: &Schema, name: &str) -> Result<String, String> {
    let item = schema.enumeration(name)?;
    let file = item.parent_file();
    let mut text = format!("\n{}", doc(&comment(&file, item.path())));
    text +=
        &format!("#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]\npub enum {name} {{\n");
    let values: Vec<_> = item.values().filter(|value| value.number() != 0).collect();
    for value in &values {
        text += &doc(&comment(&file, value.path()));
        text += &format!("{},\n", camel(&short_name(name, value.name())));
    }
    text += &format!(
        "}}\n\nimpl {name} {{\n/// The name in tables and exports.\n#[must_use]\npub const fn name(self) -> &'static str {{ match self {{"
    );
    for value in &values {
        let short = short_name(name, value.name());
        text += &format!("Self::{} => \"{}\",\n", camel(&short), short.to_ascii_lowercase());
    }
    Ok(text + "} }\n}\n")
}

/// The variant of a code. An alert without a code is a close.
fn variant(item: &str, code: &Code) -> String {
    if code.number == 0 {
        camel(&code.meaning.text("name").to_ascii_uppercase())
    } else {
        camel(&short_name(item, &code.name))
    }
}

/// An enumeration with codes on the wire, names and texts.
fn coded(name: &str, docs: &str, codes: &[Code], methods: &str) -> String {
    let arms = |arm: &dyn Fn(&str, &Code) -> String| -> String {
        codes.iter().map(|code| arm(&variant(name, code), code)).collect()
    };
    let variants = arms(&|variant, code| format!("{}{variant},\n", doc(&code.comment)));
    let all = arms(&|variant, _| format!("Self::{variant},"));
    let numbers = arms(&|variant, code| format!("Self::{variant} => {},\n", code.number));
    let from = arms(&|variant, code| format!("{} => Some(Self::{variant}),\n", code.number));
    let names = arms(&|variant, code| format!("Self::{variant} => {:?},\n", code.meaning.text("name")));
    let texts = arms(&|variant, code| format!("Self::{variant} => &{},\n", texts(&code.meaning)));
    let count = codes.len();
    format!(
        "\n{docs}#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum {name} {{ {variants} }}

impl {name} {{
    /// Every code, ascending.
    pub const ALL: [Self; {count}] = [{all}];

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u32 {{ match self {{ {numbers} }} }}

    /// What a code on the wire stands for, or `None` if this version does not know it.
    #[must_use]
    pub const fn from_code(code: u32) -> Option<Self> {{ match code {{ {from} _ => None, }} }}

    /// The name in programs, tables and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {{ match self {{ {names} }} }}

    /// What the cashier reads.
    #[must_use]
    pub const fn cashier_text(self, language: Language) -> &'static str {{ self.texts().cashier(language) }}
{methods}
    const fn texts(self) -> &'static Texts {{ match self {{ {texts} }} }}
}}

impl core::fmt::Display for {name} {{
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{
        formatter.write_str(self.name())
    }}
}}
"
    )
}

fn texts(meaning: &Row) -> String {
    let mut text = "Texts {".to_owned();
    for field in ["cashier_en", "cashier_zh", "patient_en", "patient_zh"] {
        text +=
            &format!("{field}: \"{}\",\n", meaning.text(field).replace('\\', "\\\\").replace('"', "\\\""));
    }
    text + "}"
}

fn status_methods(codes: &[Code]) -> String {
    let grouped = |field: &str, kind: &str| -> String {
        let mut words: Vec<String> = codes.iter().map(|code| code.meaning.word(field)).collect();
        words.sort();
        words.dedup();
        let arm = |word: &String| {
            let same = codes.iter().filter(|code| code.meaning.word(field) == *word);
            let names: Vec<String> = same.map(|code| format!("Self::{}", variant("Status", code))).collect();
            format!("{} => {kind}::{},\n", names.join(" | "), camel(word))
        };
        words.iter().map(arm).collect()
    };
    let absent = codes.iter().filter(|code| code.meaning.flag("rests_on_absence"));
    let absence: Vec<String> = absent.map(|code| format!("Self::{}", variant("Status", code))).collect();
    STATUS_METHODS
        .replace("MONEY", &grouped("money", "Money"))
        .replace("RETRY", &grouped("retry", "Retry"))
        .replace("ABSENCE", &absence.join(" | "))
}
