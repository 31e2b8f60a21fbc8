//! The wire's own types: what prost encodes and decodes, and the rules of strict messages.
//!
//! Private to the crate: nothing here is checked yet. `codec` turns received ones into checked values, after the
//! canonical validator has passed the bytes of a strict message. None of these types has `Debug`: what travels must
//! not end up in a log by accident.

pub(crate) mod rules;
#[allow(dead_code, reason = "generated: which tables are used follows the codec")]
pub(crate) mod strict;
#[path = "hispos.v1.rs"]
#[allow(dead_code, unreachable_pub, clippy::all, reason = "generated: a schema holds more than one end uses")]
pub(crate) mod v1;
