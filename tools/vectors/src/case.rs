//! What the cases of all files have in common.

use hispos::frame::{self, FrameType};
use schemars::JsonSchema;
use serde::Serialize;

use crate::hex::hex;

/// Whether the bytes are to be accepted as a whole.
#[derive(Clone, Copy, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Valid,
    Invalid,
}

/// Which side receives.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    His,
    Pos,
}

/// What makes a case invalid: no other case of its file has the same three.
#[derive(Clone, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Mutation {
    /// What is changed.
    pub(crate) message: String,
    /// Where in it; empty: as a whole.
    pub(crate) field: String,
    /// How.
    pub(crate) kind: String,
}

impl Mutation {
    /// The mutation of an invalid case, nothing for a valid one.
    pub(crate) fn of(result: Verdict, message: &str, field: &str, kind: &str) -> Option<Self> {
        (result == Verdict::Invalid).then(|| Self {
            message: message.into(),
            field: field.into(),
            kind: kind.into(),
        })
    }
}

/// Ids of requirements.
pub(crate) type Cited = Vec<String>;

/// Ids in one text, with spaces between them.
pub(crate) fn cited(ids: &str) -> Cited {
    ids.split_whitespace().map(str::to_owned).collect()
}

/// A frame as it goes over the wire, with its final 00 and without the opening one, in hexadecimal.
pub(crate) fn wire_frame(kind: FrameType, body: &[u8]) -> Result<String, String> {
    frame::encode(kind, body).map(|encoded| hex(&encoded.bytes)).map_err(|_| "body too long".to_owned())
}

/// A file of cases of one kind of content.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Cases<W> {
    /// How to check this file, in words.
    check: Vec<&'static str>,
    cases: Vec<Case<W>>,
}

/// One case.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Case<W> {
    tc_id: u32,
    comment: String,
    requirements: Cited,
    #[serde(flatten)]
    what: W,
    result: Verdict,
    /// The rule that is broken; empty if valid.
    reason: String,
    /// What a receiver does, exactly; empty if valid.
    #[serde(skip_serializing_if = "String::is_empty")]
    reaction: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Mutation>,
}

/// Why a case is invalid.
pub(crate) struct Fault<'a> {
    pub(crate) reason: &'a str,
    pub(crate) reaction: &'a str,
    /// Message, field and kind of the mutation.
    pub(crate) mutation: (&'a str, &'a str, &'a str),
}

impl<W> Cases<W> {
    pub(crate) fn new(check: Vec<&'static str>) -> Self {
        Self { check, cases: Vec::new() }
    }

    /// The cases alone, for a file that holds more.
    pub(crate) fn into_cases(self) -> Vec<Case<W>> {
        self.cases
    }

    pub(crate) fn valid(&mut self, comment: &str, requirements: &str, what: W) {
        self.push(comment, requirements, what, None);
    }

    pub(crate) fn invalid(&mut self, comment: &str, requirements: &str, what: W, fault: &Fault<'_>) {
        self.push(comment, requirements, what, Some(fault));
    }

    pub(crate) fn push(&mut self, comment: &str, requirements: &str, what: W, fault: Option<&Fault<'_>>) {
        let result = if fault.is_some() { Verdict::Invalid } else { Verdict::Valid };
        let text = |part: fn(&Fault<'_>) -> String| fault.map(part).unwrap_or_default();
        self.cases.push(Case {
            tc_id: self.cases.len() as u32 + 1,
            comment: comment.to_owned(),
            requirements: cited(requirements),
            what,
            result,
            reason: text(|fault| fault.reason.to_owned()),
            reaction: text(|fault| fault.reaction.to_owned()),
            mutation: fault.and_then(|fault| {
                let (message, field, kind) = fault.mutation;
                Mutation::of(result, message, field, kind)
            }),
        });
    }
}
