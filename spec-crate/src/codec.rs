//! The canonical validator: one byte string for one meaning, checked before any protobuf parser.
//!
//! Protobuf libraries disagree about odd encodings, and none of them is canonical. Every message that is hashed or
//! signed is therefore walked once, byte by byte, in the order of the stream. The walk stops at the first field that
//! fails, at the first of ten steps that fails there, so every implementation gives the same reason:
//!
//! | step | what has to hold |
//! |---|---|
//! | 1 | the key is a minimal varint of at most 5 bytes with wire type 0 or 2 |
//! | 2 | the field is known, and behind the one before it |
//! | 3 | the wire type is the declared one; a packed run is not empty |
//! | 4 | varints, also lengths and packed elements, are minimal and in range |
//! | 5 | nothing is zero or empty |
//! | 6 | the length lies within the parent and the field's bounds; not too many elements |
//! | 7 | text consists of the characters of its class |
//! | 8 | messages nest at most 3 deep |
//! | 9 | required fields are there at the end of their message |
//! | 10 | no varint is cut off |
//!
//! Specified in spec: canonical validator.

use core::fmt;

use prost::Message;

use crate::wire::rules::{FieldKind, FieldRule, MessageRule, TextClass};
use crate::wire::strict::STEPS;

mod strict;
#[cfg(test)]
mod tests;

pub use strict::Strict;

/// Greatest depth of nested messages; the top is 1.
const DEPTH_MAX: usize = 3;

/// Checks that the bytes are the canonical encoding of a strict message.
///
/// # Errors
///
/// [`Violation`] naming the first step that fails at the first field that fails.
pub fn check(message: Strict, bytes: &[u8]) -> Result<(), Violation> {
    validate(bytes, message.rule())
}

/// Checks the bytes against a rule: in one pass, without allocation.
pub(crate) fn validate(bytes: &[u8], rule: &'static MessageRule) -> Result<(), Violation> {
    //= spec-crate/spec/encoding.md#steps-of-the-validator
    //# The validator MUST give as its reason the number of the first step that fails at the first field that
    //# fails, in the order of the bytes.
    Walk { bytes, at: 0, path: [rule.name, "", ""] }.message(rule, bytes.len(), 1)
}

/// Validates, then parses.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8], rule: &'static MessageRule) -> Result<M, Violation> {
    //= spec-crate/spec/encoding.md#strict-messages
    //# A receiver MUST run the validator of this chapter over the bytes of a strict message before it gives
    //# them to a protobuf parser or uses anything of them.
    validate(bytes, rule)?;
    // The validator is stricter than the parser: what it passes is parsed, and a test holds them to it.
    M::decode(bytes).map_err(|_| Violation { step: 4, path: [rule.name, "", ""], field: "", offset: 0 })
}

/// The walk: where it stands, and in which message.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    path: Path,
}

/// The name of the top message, then those of the nested fields.
type Path = [&'static str; DEPTH_MAX];

impl Walk<'_> {
    /// Walks one message up to `end`; `depth` is its own.
    fn message(&mut self, rule: &'static MessageRule, end: usize, depth: usize) -> Result<(), Violation> {
        let mut ahead = rule.fields.iter();
        let mut last: Option<(&FieldRule, u32)> = None;
        let mut missing: Option<&FieldRule> = None;
        while self.at < end {
            let start = self.at;
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 1 if a field key is a varint that is not minimal, that has no
            //# last byte within 5 bytes, or whose wire type is neither 0 nor 2.
            let key = self.varint(end, 5, 1, None)?;
            let wire_type = key & 7;
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 1 if a field key is a varint that is not minimal, that has no
            //# last byte within 5 bytes, or whose wire type is neither 0 nor 2.
            if wire_type != 0 && wire_type != 2 {
                return Err(self.violation(1, None, start));
            }
            let number = key >> 3;
            let (field, seen) = match last {
                Some((field, seen)) if u64::from(field.number) == number && field.repeats() => (field, seen),
                _ => {
                    // A required field that is passed over cannot come any more; it is missed at the end.
                    let found = ahead.by_ref().find(|field| {
                        let found = u64::from(field.number) == number;
                        if !found && field.required && missing.is_none() {
                            missing = Some(field);
                        }
                        found
                    });
                    //= spec-crate/spec/encoding.md#steps-of-the-validator
                    //# The validator MUST fail at step 2 if the message has no field of the key's number, or
                    //# if that number is not greater than the number of the field before it in the same
                    //# message, unless it is equal and the field is a repeated message or repeated `bytes`.
                    (found.ok_or_else(|| self.violation(2, None, start))?, 0)
                }
            };
            self.field(field, wire_type, seen, Parent { start, end, depth })?;
            last = Some((field, seen.saturating_add(1)));
        }
        match missing.or_else(|| ahead.find(|field| field.required)) {
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 9 if a message ends and one of its required fields was not
            //# there.
            Some(field) => Err(self.violation(9, Some(field), end)),
            None => Ok(()),
        }
    }

    /// Walks one field behind its key: the declared wire type, then the length, then the content.
    fn field(
        &mut self,
        field: &'static FieldRule,
        wire_type: u64,
        seen: u32,
        parent: Parent,
    ) -> Result<(), Violation> {
        if wire_type != field.kind.wire_type() {
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 3 if the key's wire type is not that of the field's schema
            //# type, or if the length of a packed run is 0.
            return Err(self.violation(3, Some(field), parent.start));
        }
        if wire_type == 0 {
            let start = self.at;
            return match self.number(field, parent.end)? {
                //= spec-crate/spec/encoding.md#steps-of-the-validator
                //# The validator MUST fail at step 5 if a value or a packed element is 0, or if the length of
                //# a field that is not a packed run is 0.
                0 => Err(self.violation(5, Some(field), start)),
                _ => Ok(()),
            };
        }
        let start = self.at;
        let length = self.number(field, parent.end)?;
        if length == 0 {
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 3 if the key's wire type is not that of the field's schema
            //# type, or if the length of a packed run is 0.
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 5 if a value or a packed element is 0, or if the length of a
            //# field that is not a packed run is 0.
            let step = if matches!(field.kind, FieldKind::PackedUint32) { 3 } else { 5 };
            return Err(self.violation(step, Some(field), start));
        }
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        //= spec-crate/spec/encoding.md#steps-of-the-validator
        //# The validator MUST fail at step 6 if the content ends behind the end of its parent, if its length
        //# is below `min` or above `max`, if as many elements of the repeated field as `count` allows stand
        //# before this one, or if a packed run has more elements than `count`.
        let Some(end) = end.filter(|end| *end <= parent.end && field.bounds(length) && field.room(seen))
        else {
            return Err(self.violation(6, Some(field), start));
        };
        match field.kind {
            FieldKind::Message(rule) => self.nested(field, rule, end, parent.depth),
            FieldKind::PackedUint32 => self.run(field, end),
            _ => self.text(field, end),
        }
    }

    fn nested(
        &mut self,
        field: &'static FieldRule,
        rule: &'static MessageRule,
        end: usize,
        depth: usize,
    ) -> Result<(), Violation> {
        let outer = self.path;
        //= spec-crate/spec/encoding.md#steps-of-the-validator
        //# The validator MUST fail at step 8 if a message nests deeper than 3, the top message having depth
        //# 1.
        let Some(place) = self.path.get_mut(depth) else {
            return Err(self.violation(8, Some(field), self.at));
        };
        *place = field.name;
        self.message(rule, end, depth.saturating_add(1))?;
        self.path = outer;
        Ok(())
    }

    /// Walks a packed run. The number of its elements is checked behind them.
    fn run(&mut self, field: &'static FieldRule, end: usize) -> Result<(), Violation> {
        let run = self.at;
        let mut elements = 0_u32;
        while self.at < end {
            let start = self.at;
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 5 if a value or a packed element is 0, or if the length of a
            //# field that is not a packed run is 0.
            if self.number(field, end)? == 0 {
                return Err(self.violation(5, Some(field), start));
            }
            elements = elements.saturating_add(1);
        }
        //= spec-crate/spec/encoding.md#steps-of-the-validator
        //# The validator MUST fail at step 6 if the content ends behind the end of its parent, if its length
        //# is below `min` or above `max`, if as many elements of the repeated field as `count` allows stand
        //# before this one, or if a packed run has more elements than `count`.
        if elements > field.count {
            return Err(self.violation(6, Some(field), run));
        }
        Ok(())
    }

    /// Passes over a string or bytes, if their characters are of the class.
    fn text(&mut self, field: &'static FieldRule, end: usize) -> Result<(), Violation> {
        let content = self.bytes.get(self.at..end).unwrap_or_default();
        let utf8 = !matches!(field.kind, FieldKind::String) || core::str::from_utf8(content).is_ok();
        //= spec-crate/spec/encoding.md#steps-of-the-validator
        //# The validator MUST fail at step 7 if the content of a string is not well-formed UTF-8, or if the
        //# content of a string or of bytes is not of the field's class.
        if !utf8 || !field.class.holds(content) {
            return Err(self.violation(7, Some(field), self.at));
        }
        self.at = end;
        Ok(())
    }

    /// Reads a number of a field's type, or the length of one that has a length.
    fn number(&mut self, field: &'static FieldRule, end: usize) -> Result<u64, Violation> {
        let start = self.at;
        let (bytes_max, greatest) = field.kind.range();
        let value = self.varint(end, bytes_max, 4, Some(field))?;
        //= spec-crate/spec/encoding.md#steps-of-the-validator
        //# The validator MUST fail at step 4 if a value, a length or a packed element is a varint that is not
        //# minimal, that has no last byte within the bytes that the table of schema types allows, or that is
        //# above the greatest value of its type.
        if value > greatest {
            return Err(self.violation(4, Some(field), start));
        }
        Ok(value)
    }

    /// Reads a minimal varint of at most `bytes_max` bytes, all of them before `end`.
    ///
    /// A longer one, or one that is not minimal, fails at `step`; one that is cut off at 10.
    fn varint(
        &mut self,
        end: usize,
        bytes_max: u32,
        step: u8,
        field: Option<&'static FieldRule>,
    ) -> Result<u64, Violation> {
        let start = self.at;
        let mut value = 0_u64;
        for place in 0..bytes_max {
            let byte = if self.at < end { self.bytes.get(self.at) } else { None };
            //= spec-crate/spec/encoding.md#steps-of-the-validator
            //# The validator MUST fail at step 10 if a field key, a value, a length or a packed element has
            //# no last byte before the end of its parent and step 1 or 4 does not fail because it is too
            //# long.
            let Some(&byte) = byte else { return Err(self.violation(10, field, start)) };
            self.at = self.at.saturating_add(1);
            // The tenth byte has room for one bit.
            if place == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                //= spec-crate/spec/encoding.md#steps-of-the-validator
                //# The validator MUST fail at step 1 if a field key is a varint that is not minimal, that has
                //# no last byte within 5 bytes, or whose wire type is neither 0 nor 2.
                //= spec-crate/spec/encoding.md#steps-of-the-validator
                //# The validator MUST fail at step 4 if a value, a length or a packed element is a varint
                //# that is not minimal, that has no last byte within the bytes that the table of schema types
                //# allows, or that is above the greatest value of its type.
                return if byte == 0 && place > 0 {
                    Err(self.violation(step, field, start))
                } else {
                    Ok(value)
                };
            }
        }
        //= spec-crate/spec/encoding.md#steps-of-the-validator
        //# The validator MUST fail at step 1 if a field key is a varint that is not minimal, that has no last
        //# byte within 5 bytes, or whose wire type is neither 0 nor 2.
        //= spec-crate/spec/encoding.md#steps-of-the-validator
        //# The validator MUST fail at step 4 if a value, a length or a packed element is a varint that is not
        //# minimal, that has no last byte within the bytes that the table of schema types allows, or that is
        //# above the greatest value of its type.
        Err(self.violation(step, field, start))
    }

    fn violation(&self, step: u8, field: Option<&'static FieldRule>, offset: usize) -> Violation {
        Violation { step, path: self.path, field: field.map_or("", |field| field.name), offset }
    }
}

/// Where a field stands: the place of its key, and the end and depth of its message.
struct Parent {
    start: usize,
    end: usize,
    depth: usize,
}

impl FieldRule {
    /// Whether the field may come several times: only messages and bytes; a packed run stands once.
    fn repeats(&self) -> bool {
        self.count > 0 && matches!(self.kind, FieldKind::Message(_) | FieldKind::Bytes)
    }

    /// Whether the length of the content lies within the field's own bounds.
    fn bounds(&self, length: u64) -> bool {
        length >= u64::from(self.min) && (self.max == 0 || length <= u64::from(self.max))
    }

    /// Whether there is room for one more element.
    fn room(&self, seen: u32) -> bool {
        !self.repeats() || seen < self.count
    }
}

impl FieldKind {
    fn wire_type(&self) -> u64 {
        match self {
            Self::Bytes | Self::String | Self::Message(_) | Self::PackedUint32 => 2,
            _ => 0,
        }
    }

    /// Greatest length in bytes and greatest value of a varint: the number itself, a length, or a packed element.
    fn range(&self) -> (u32, u64) {
        match self {
            Self::Bool => (1, 1),
            Self::Enum => (5, i32::MAX as u64),
            Self::Uint64 | Self::Sint64 => (10, u64::MAX),
            _ => (5, u32::MAX as u64),
        }
    }
}

impl TextClass {
    fn holds(self, content: &[u8]) -> bool {
        match self {
            Self::None => true,
            Self::OrderNo => content.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()),
            Self::Identifier => {
                content.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
            }
            Self::Visible => content.iter().all(u8::is_ascii_graphic),
            Self::Text => core::str::from_utf8(content).is_ok_and(|text| !text.chars().any(char::is_control)),
        }
    }
}

/// Why bytes are not canonical: the first step that fails at the first field that fails.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Violation {
    step: u8,
    path: Path,
    field: &'static str,
    offset: usize,
}

impl Violation {
    /// The step that failed, 1 to 10.
    #[must_use]
    pub fn step(&self) -> u8 {
        self.step
    }

    /// The offset of the byte at which the thing that failed begins: a key (1, 2, 3), a number or length (3 for an
    /// empty run, 4, 5, 6, 10), a content (6 for too many elements of a run, 7, 8), or the end of a message (9).
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The names from the top message down to the field; the field's is left out where no field is known (1, 2).
    pub fn path(&self) -> impl Iterator<Item = &'static str> {
        self.path.into_iter().chain([self.field]).filter(|name| !name.is_empty())
    }

    /// What the step asks for and did not find.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        STEPS.get(usize::from(self.step).wrapping_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.path().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            f.write_str(name)?;
        }
        write!(f, " is not canonical at byte {} (step {}): {}", self.offset, self.step, self.reason())
    }
}

impl core::error::Error for Violation {}
