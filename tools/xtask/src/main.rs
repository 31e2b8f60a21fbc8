//! The repository's own commands: generate, check, test.

fn main() {}
