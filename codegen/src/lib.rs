//! Makes a vendor's client, in his own language, from the schemas.
//!
//! One description of the protocol, without a word of any language, and one set of templates per language:
//!
//! ```text
//!  proto/hispos/v1/*.proto ─┐                       ┌─ templates/<lang>/    what people wrote for the language
//!  spec-crate/tables/*.tsv ─┴─▶ description ────────┤
//!            │                  fields, bounds,     └─▶ render ─┐
//!            │                  codes, limits, …                 ├─▶ project ─▶ formatter ─▶ clients/<lang>/
//!            └─────────────────▶ stripped schemas ──▶ protoc ────┘             the language's own
//! ```
//!
//! [`schema`] reads the schemas with their own options; the repository's commands use it, too. [`description`] is all
//! that templates see, and [`describe`] reads it. [`language`] lists the languages, and what of each role is there. [`project`] makes the files,
//! and [`prove`] runs what their README says.

#[cfg(test)]
#[cfg(feature = "generate")]
mod changed;
#[cfg(feature = "generate")]
pub mod describe;
#[cfg(feature = "generate")]
pub mod description;
#[cfg(feature = "generate")]
mod embedded;
#[cfg(feature = "generate")]
pub mod language;
#[cfg(feature = "generate")]
mod messages;
#[cfg(feature = "generate")]
pub mod name;
#[cfg(feature = "generate")]
mod parts;
#[cfg(feature = "generate")]
mod program;
#[cfg(feature = "generate")]
pub mod project;
#[cfg(feature = "generate")]
pub mod prove;
#[cfg(feature = "generate")]
mod render;
pub mod schema;
