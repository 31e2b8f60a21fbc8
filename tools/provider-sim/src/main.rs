//! A simulated payment platform in a process of its own.

fn main() {}
