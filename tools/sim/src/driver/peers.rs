//! The programs of somebody else in a world.

use std::time::Duration;

use serde_json::json;

use super::answer::read_hello;
use super::members::Members;
use super::process::Process;
use super::seat::Seat;
use crate::nodes::{Machine, Node};
use crate::site::DESKS;

/// Which programs of a world are somebody else's, by their processes. They live through many lives.
#[derive(Default)]
pub struct Peers {
    his: Option<Seat>,
    pos: Vec<Option<Seat>>,
    /// Links draw as the interface says, also those of this process.
    pub(crate) draws: bool,
    pub(crate) seed: u64,
    /// Traces have every line that programs were told, and what they answered.
    pub(crate) lines: bool,
    /// Why no life can go on.
    pub(crate) fault: Option<String>,
}

impl Peers {
    /// No program of anybody else, and links that draw as the interface says: what lives with programs are compared to.
    #[must_use]
    pub fn none() -> Self {
        Self { draws: true, ..Self::default() }
    }

    /// From now on traces have every line that programs were told, and what they answered.
    pub fn show_lines(&mut self) {
        self.lines = true;
    }

    /// Starts the programs of a HIS, of the terminals, or of both, and greets them.
    ///
    /// # Errors
    ///
    /// Which program does not start, or does not speak this interface.
    pub fn start(his: Option<&str>, pos: Option<&str>, patience: Duration) -> Result<Self, String> {
        let his = his.map(|command| greet(command, "his", DESKS, patience)).transpose()?;
        let terminals = pos.map_or(0, |_| DESKS);
        let pos = (0..terminals).map(|_| pos.map(|command| greet(command, "pos", 1, patience)).transpose());
        Ok(Self { his, pos: pos.collect::<Result<_, _>>()?, ..Self::none() })
    }

    /// A new life begins.
    pub(crate) fn begin(&mut self, seed: u64) {
        self.seed = seed;
        self.his.iter_mut().chain(self.pos.iter_mut().flatten()).for_each(Seat::forget);
    }

    /// The place of a machine's program, if it is somebody else's.
    pub(crate) fn seat(&mut self, machine: Machine) -> Option<&mut Seat> {
        match machine {
            Machine::His => self.his.as_mut(),
            Machine::Pos(desk) => self.pos.get_mut(desk)?.as_mut(),
        }
    }

    pub(crate) fn has(&self, machine: Machine) -> bool {
        match machine {
            Machine::His => self.his.is_some(),
            Machine::Pos(desk) => self.pos.get(desk).is_some_and(Option::is_some),
        }
    }

    /// Its program keeps its book itself.
    pub(crate) fn keeps_book(&self, machine: Machine) -> bool {
        let seat = match machine {
            Machine::His => self.his.as_ref(),
            Machine::Pos(desk) => self.pos.get(desk).and_then(Option::as_ref),
        };
        seat.is_some_and(|seat| seat.own)
    }

    /// What every program calls itself, and the commands that were wanted and that it does not take.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let of = |role: &str, seat: &Seat| {
            let lacks: Vec<&str> = seat.lacks.iter().map(String::as_str).collect();
            let lacks = if lacks.is_empty() {
                String::new()
            } else {
                format!(", does not take {}", lacks.join(", "))
            };
            format!("{role} {}{lacks}", seat.name)
        };
        let his = self.his.iter().map(|seat| of("HIS", seat));
        let pos = (0..).zip(&self.pos).filter_map(|(desk, seat)| Some((desk, seat.as_ref()?)));
        his.chain(pos.map(|(desk, seat): (usize, _)| of(&format!("POS {desk}"), seat))).collect()
    }
}

fn greet(command: &str, role: &str, desks: usize, patience: Duration) -> Result<Seat, String> {
    let mut process = Process::start(command, patience).map_err(|why| format!("{role} {command}: {why}"))?;
    let hello = json!({"do": "hello", "driver": super::VERSION, "role": role});
    let hello: Members = hello.as_object().cloned().unwrap_or_default();
    let answer = process.exchange(hello).map_err(|failed| failed.1);
    let hello = answer.and_then(|answer| read_hello(&answer, role));
    Ok(Seat::new(process, hello.map_err(|why| format!("{role} {command}, line 1 (hello): {why}"))?, desks))
}

/// The number of a link in its program.
pub(crate) fn place(node: Node) -> usize {
    match node {
        Node::His(desk) => desk,
        Node::Pos(_) => 0,
    }
}

/// The link of a program by its number.
pub(crate) fn node(machine: Machine, place: usize) -> Node {
    match machine {
        Machine::His => Node::His(place),
        Machine::Pos(desk) => Node::Pos(desk),
    }
}
