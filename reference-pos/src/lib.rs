//! The reference terminal program.

pub mod payment;
