//! What links were told and people saw, in order, as digests: what [`World::digest`](crate::world::World::digest) knows
//! of the past.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{Debug, Write};
use std::hash::{Hash as _, Hasher};

use hispos::link::Input;
use hispos::time::Clock;

use crate::history::Fact;
use crate::nodes::Node;
use crate::site::DESKS;

/// What links were told and people saw, in order, as digests.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Nothing is kept unless somebody wants digests.
    pub(crate) kept: bool,
    pub(crate) his: [u64; DESKS],
    pub(crate) pos: [u64; DESKS],
    pub(crate) deeds: u64,
    pub(crate) facts: u64,
    pub(crate) platform: u64,
}

impl Heard {
    fn of(&mut self, node: Node) -> Option<&mut u64> {
        match node {
            Node::His(desk) => self.his.get_mut(desk),
            Node::Pos(desk) => self.pos.get_mut(desk),
        }
    }

    /// A link was told this.
    pub(crate) fn input(&mut self, node: Node, input: &Input<'_>, clock: Clock) {
        let kept = self.kept;
        let Some(chain) = self.of(node).filter(|_| kept) else { return };
        let mut hasher = DefaultHasher::new();
        (*chain, clock.now, clock.unix).hash(&mut hasher);
        match input {
            Input::Bytes(bytes) => bytes.hash(&mut hasher),
            other => spell(other, &mut hasher),
        }
        *chain = hasher.finish();
    }

    /// A link was commanded something; the deed behind it has a digest of its own.
    pub(crate) fn command(&mut self, node: Node, clock: Clock) {
        let deeds = self.deeds;
        if let Some(chain) = self.of(node) {
            *chain = mixed(&(*chain, clock.now, deeds));
        }
    }

    /// A link is made anew.
    pub(crate) fn made(&mut self, node: Node) {
        if let Some(chain) = self.of(node) {
            *chain = 0;
        }
    }

    /// Something was to be seen.
    pub(crate) fn fact(&mut self, age: u64, fact: &Fact) {
        if !self.kept {
            return;
        }
        let mut hasher = DefaultHasher::new();
        (self.facts, age).hash(&mut hasher);
        spell(fact, &mut hasher);
        self.facts = hasher.finish();
    }
}

/// The digest of what an event is.
pub(crate) fn spelt(heard: &Heard, what: &impl Debug) -> u64 {
    if !heard.kept {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    spell(what, &mut hasher);
    hasher.finish()
}

fn mixed(what: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Hashes the spelling of something, without keeping it.
pub(crate) fn spell(what: &impl Debug, into: &mut DefaultHasher) {
    struct Into<'a>(&'a mut DefaultHasher);
    impl Write for Into<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let _ = write!(Into(into), "{what:?}");
}
