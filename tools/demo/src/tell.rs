//! What the demo says while it runs, and what it sums up at the end.

use serde_json::{Value, json};

use crate::line::Crossed;

/// What came out, or why nothing did.
pub(crate) type Told<T> = Result<T, String>;

/// The story so far.
pub(crate) struct Tell {
    json: bool,
    scenes: Vec<Value>,
}

impl Tell {
    /// Tells on standard output, or with `json` on standard error.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, scenes: Vec::new() }
    }

    /// Says a line.
    pub(crate) fn say(&self, text: &str) {
        if self.json {
            eprintln!("{text}");
        } else {
            println!("{text}");
        }
    }

    /// A step of the mission.
    pub(crate) fn step(&self, number: u8, text: &str) {
        self.say(&format!("\n[{number}] {text}"));
    }

    /// A line below a step or scene.
    pub(crate) fn note(&self, text: &str) {
        self.say(&format!("    {text}"));
    }

    /// What a scene, or a part of one, cost on the line.
    pub(crate) fn cost(&mut self, what: &str, crossed: Crossed) {
        let Crossed { to_pos, to_his } = crossed;
        self.note(&format!("line: {to_pos} bytes to the POS, {to_his} to HIS"));
        self.scenes.push(json!({"scene": what, "bytes_to_pos": to_pos, "bytes_to_his": to_his}));
    }

    /// Every scene with its bytes.
    pub(crate) fn scenes(&self) -> &[Value] {
        &self.scenes
    }
}
