//! The normative implementation of the hispos link between a hospital information system and a payment terminal.
#![no_std]
extern crate alloc;

pub mod catalogue;
#[allow(dead_code, reason = "generated: all labels of the protocol, also those that only vendors need")]
mod labels;
pub mod limits;
pub mod timers;
mod wire;
