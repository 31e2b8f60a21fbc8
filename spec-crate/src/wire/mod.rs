//! The wire's own types: what prost encodes and decodes, and the rules of strict messages.
//!
//! Private to the crate: nothing here is checked yet. `codec` passes the bytes of a strict message through the
//! canonical validator, and `message` turns received types into checked values. None of these types has `Debug`:
//! what travels must not end up in a log by accident.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::all,
    reason = "generated: a schema holds more than one crate uses"
)]

pub(crate) mod rules;
pub(crate) mod strict;

include!("hispos.v1.rs");
