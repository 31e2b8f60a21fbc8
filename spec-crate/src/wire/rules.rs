//! What the canonical validator knows of a strict message: one static table per message.
//!
//! The tables are generated into [`strict`](super::strict) from the schemas' `bounds`; the validator walks them.

/// The rules of one strict message.
pub(crate) struct MessageRule {
    /// The message's name in the schemas.
    pub(crate) name: &'static str,
    /// Its fields, numbers ascending.
    pub(crate) fields: &'static [FieldRule],
}

/// The rules of one field of a strict message.
pub(crate) struct FieldRule {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    /// The field has to be present.
    pub(crate) required: bool,
    /// Least length in bytes of a string, of bytes or of a nested message.
    pub(crate) min: u32,
    /// Greatest length in bytes. 0: only the parent bounds it, as for numbers and packed runs.
    pub(crate) max: u32,
    /// Greatest number of elements. 0: singular.
    pub(crate) count: u32,
    /// The characters of a string, or of bytes that hold text.
    pub(crate) class: TextClass,
}

/// The declared type of a field.
pub(crate) enum FieldKind {
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Bool,
    Enum,
    Bytes,
    String,
    Message(&'static MessageRule),
    /// One packed run of `uint32`.
    PackedUint32,
}

/// The characters that a string, or bytes holding text, may consist of.
#[derive(Clone, Copy)]
pub(crate) enum TextClass {
    /// Any bytes.
    None,
    /// `[0-9A-Z]`.
    OrderNo,
    /// `[0-9A-Za-z._-]`.
    Identifier,
    /// `0x21` to `0x7E`.
    Visible,
    /// Well-formed UTF-8 without control characters.
    Text,
}
