//! The reference terminal program.

pub mod asker;
pub mod control;
pub mod payment;
pub mod scanner;
