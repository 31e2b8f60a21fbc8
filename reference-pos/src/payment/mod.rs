//! The payment machine: what a platform is asked, and what its answers prove.

pub mod tables;
