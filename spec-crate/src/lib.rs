//! The normative implementation of the hispos link between a hospital information system and a payment terminal.
#![no_std]
extern crate alloc;
