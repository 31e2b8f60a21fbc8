//! The reference terminal program.
