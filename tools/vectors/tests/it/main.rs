//! The vectors against the reference programs, from outside.

#[cfg(test)]
mod adapter;
