//! The main job: a first payment over the wire, told step by step.

fn main() {}
