//! What a payment platform's answers prove, and how payment codes look.

use super::emit::{HEADER, camel, doc};
use hispos_codegen::schema::{Schema, comment, short_name};

/// Writes the payment machine's `tables.rs`.
pub(super) fn source(schema: &Schema) -> Result<String, String> {
    let mut text =
        format!("{HEADER}\n//! What a payment platform's answers prove, and how payment codes look.\n\n");
    for (name, item) in [
        ("Profile", "Profile"),
        ("Call", "PlatformCall"),
        ("AnswerVerdict", "Verdict"),
        ("CodeKind", "CodeKind"),
    ] {
        text += &enumeration(schema, name, item)?;
    }
    text += ANSWER;
    for row in schema.rows("answer") {
        text += &format!(
            "Answer {{ profile: Profile::{}, call: Call::{}, code: {:?}, verdict: AnswerVerdict::{} }},\n",
            camel(&row.word("profile")),
            camel(&row.word("call")),
            row.text("code"),
            camel(&row.word("verdict")),
        );
    }
    text += CODE_RANGE;
    for row in schema.rows("code_range") {
        text += &format!(
            "CodeRange {{ first: {:?}, last: {:?}, length_min: {}, length_max: {}, kind: CodeKind::{} }},\n",
            row.text("first"),
            row.text("last"),
            row.number("length_min"),
            row.number("length_max"),
            camel(&row.word("kind")),
        );
    }
    Ok(text + "];\n")
}

const ANSWER: &str = "
/// One row: what a code of one profile proves as the answer to one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The platform's dialect.
    pub profile: Profile,
    /// The call that was answered.
    pub call: Call,
    /// The platform's code.
    pub code: &'static str,
    /// What it proves.
    pub verdict: AnswerVerdict,
}

/// Closed lists: what no row names is open.
pub static ANSWERS: &[Answer] = &[
";

const CODE_RANGE: &str = "];

/// One row: a code of this length that begins with digits of this range is of this kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodeRange {
    /// The first leading digits.
    pub first: &'static str,
    /// The last leading digits, as many as the first.
    pub last: &'static str,
    /// The least number of digits of a whole code.
    pub length_min: usize,
    /// The greatest number of digits of a whole code.
    pub length_max: usize,
    /// What such a code is.
    pub kind: CodeKind,
}

/// How payment codes are told apart; what no row matches is not a payment code.
pub static CODE_RANGES: &[CodeRange] = &[
";

fn enumeration(schema: &Schema, name: &str, item: &str) -> Result<String, String> {
    let item = schema.enumeration(item)?;
    let file = item.parent_file();
    let mut text = doc(&comment(&file, item.path()));
    text +=
        &format!("#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]\npub enum {name} {{\n");
    for value in item.values().filter(|value| value.number() != 0) {
        let short = short_name(item.name(), value.name());
        let comment = comment(&file, value.path());
        text += &doc(&if comment.is_empty() { format!("`{}`.", value.name()) } else { comment });
        text += &format!("{},\n", camel(&short));
    }
    Ok(text + "}\n\n")
}
