//! The protocol as templates see it: what the schemas and the state tables say, without a word of any language.

use crate::name::Name;
use hispos_tables::States;
use serde::Serialize;

/// Everything that a client needs to know of the protocol.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// Every message but those of the options, in the order of files and lines.
    pub messages: Vec<Message>,
    /// Every enumeration, those of the options included.
    pub enums: Vec<Enumeration>,
    /// Bounds of the protocol.
    pub limits: Vec<Limit>,
    /// Durations of the protocol.
    pub timers: Vec<Timer>,
    /// Byte strings of the key schedule, contexts of signatures and hashes.
    pub labels: Vec<Label>,
    /// What each step of the validator finds wrong, from step 1.
    pub reasons: Vec<Reason>,
    /// How a payment code is told apart.
    pub code_ranges: Vec<CodeRange>,
    /// What an answer of a platform proves.
    pub answers: Vec<Answer>,
    /// The declared states, events and transitions of orders, by role.
    pub states: Vec<StateTable>,
}

/// The states of an order at one role.
#[derive(Clone, Debug, Serialize)]
pub struct StateTable {
    /// `his` or `pos`.
    pub role: String,
    /// States and events with what they mean, and every transition.
    #[serde(flatten)]
    pub states: States,
}

/// A message.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// Its name.
    pub name: Name,
    /// The schema that has it, without folder and ending.
    pub file: String,
    /// Its comment.
    pub doc: String,
    /// Whether the canonical validator judges it.
    pub strict: bool,
    /// In ascending order of numbers.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// Its number.
    pub number: u32,
    /// Its comment.
    pub doc: String,
    /// What one element of it is.
    pub kind: FieldKind,
    /// The message or enumeration, if the kind is one.
    pub of: Option<Name>,
    /// Whether it is a list.
    pub repeated: bool,
    /// The choice that it belongs to.
    pub oneof: Option<Name>,
    /// It has to be there.
    pub required: bool,
    /// Least length in bytes.
    pub min: u32,
    /// Greatest length in bytes; 0: none.
    pub max: u32,
    /// Greatest number of elements.
    pub count: u32,
    /// The characters that it may consist of; empty: any.
    pub class: Name,
}

/// The abstract types of the schemas.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of the schema language")]
pub enum FieldKind {
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Bool,
    String,
    Bytes,
    Enum,
    Message,
}

/// An enumeration.
#[derive(Clone, Debug, Serialize)]
pub struct Enumeration {
    /// Its name.
    pub name: Name,
    /// The schema that has it, without folder and ending.
    pub file: String,
    /// Its comment.
    pub doc: String,
    /// In the order of the schema.
    pub values: Vec<Value>,
    /// Whether its values have texts for people.
    pub has_texts: bool,
}

/// A value of an enumeration.
#[derive(Clone, Debug, Serialize)]
pub struct Value {
    /// Its name without that of the enumeration.
    pub name: Name,
    /// Its number.
    pub number: i32,
    /// Its comment.
    pub doc: String,
    /// What it means to people.
    pub meaning: Option<Meaning>,
}

/// What a code means to people.
#[derive(Clone, Debug, Serialize)]
pub struct Meaning {
    /// The name in programs, tables and exports.
    pub name: String,
    /// What it says about the money; empty: nothing.
    pub money: Name,
    /// Whether another order may follow; empty: it says nothing.
    pub retry: Name,
    /// The end rests on the platform not knowing the number.
    pub rests_on_absence: bool,
    /// English, for the cashier.
    pub cashier_en: String,
    /// Chinese, for the cashier.
    pub cashier_zh: String,
    /// English, for the patient; empty: nothing is shown.
    pub patient_en: String,
    /// Chinese, for the patient; empty: nothing is shown.
    pub patient_zh: String,
}

/// A bound.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// Its name.
    pub name: Name,
    /// Its value, in its unit.
    pub value: u64,
    /// What it counts.
    pub unit: String,
    /// What it bounds.
    pub doc: String,
}

/// A duration.
#[derive(Clone, Debug, Serialize)]
pub struct Timer {
    /// Its name.
    pub name: Name,
    /// Its value, or its usual one.
    pub milliseconds: u64,
    /// What it measures.
    pub doc: String,
    /// An agreement sets it.
    pub agreed: bool,
}

/// A byte string.
#[derive(Clone, Debug, Serialize)]
pub struct Label {
    /// Its name.
    pub name: Name,
    /// Its ASCII text.
    pub text: String,
    /// What it is for.
    pub doc: String,
}

/// What a step of the validator finds wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// The step.
    pub step: u64,
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// A range of payment codes.
#[derive(Clone, Debug, Serialize)]
pub struct CodeRange {
    /// The first leading digits.
    pub first: String,
    /// The last leading digits.
    pub last: String,
    /// Least number of digits.
    pub length_min: u64,
    /// Greatest number of digits.
    pub length_max: u64,
    /// What such a code is.
    pub kind: Name,
}

/// A row of the answer tables.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The platform's dialect.
    pub profile: Name,
    /// The call.
    pub call: Name,
    /// The platform's code.
    pub code: String,
    /// What it proves.
    pub verdict: Name,
}
