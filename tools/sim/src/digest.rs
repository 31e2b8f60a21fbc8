//! What a world is, as one number: two worlds with the same digest live the same lives from here on.
//!
//! A link is a deterministic function of what it was told and of its randomness, so the digest has for each link all
//! that it was told since it was made, instead of what is inside it; nothing is left out that could matter. Books are
//! their anchors (heads of hash chains), platforms are spelt out, and so is what waits to happen.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{Debug, Write};
use std::hash::{Hash as _, Hasher};

use hispos::link::Input;
use hispos::time::Clock;

use crate::history::Fact;
use crate::nodes::Node;
use crate::site::DESKS;
use crate::world::{Host, World};

/// What links were told and people saw, in order, as digests.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Nothing is kept unless somebody wants digests.
    kept: bool,
    his: [u64; DESKS],
    pos: [u64; DESKS],
    deeds: u64,
    facts: u64,
    platform: u64,
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

impl World {
    /// From now on digests are wanted.
    pub fn keep_digests(&mut self) {
        self.heard.kept = true;
    }

    /// Somebody did something, or something broke.
    pub fn deed(&mut self, deed: &impl Debug) {
        if !self.heard.kept {
            return;
        }
        let mut hasher = DefaultHasher::new();
        (self.heard.deeds, self.now).hash(&mut hasher);
        spell(deed, &mut hasher);
        self.heard.deeds = hasher.finish();
        self.platform_changed();
    }

    pub(crate) fn platform_changed(&mut self) {
        if !self.heard.kept {
            return;
        }
        let mut hasher = DefaultHasher::new();
        spell(&self.platform.fold(), &mut hasher);
        self.heard.platform = hasher.finish();
    }

    /// Everything that decides what may happen from here on.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let heard = &self.heard;
        (self.now, heard.his, heard.pos, heard.deeds, heard.facts, heard.platform).hash(&mut hasher);
        (&self.chance, &self.secrets, &self.replaced, self.unnoticed).hash(&mut hasher);
        for host in self.pos.iter().chain([&self.his]) {
            host.fold(&mut hasher);
        }
        self.lines.iter().for_each(|line| line.fold(&mut hasher));
        let mut queue: Vec<(u64, u64, u64)> = self.queue.iter().map(|queued| queued.0.fold()).collect();
        queue.sort_unstable();
        queue.iter().for_each(|(time, _, event)| (time, event).hash(&mut hasher));
        hasher.finish()
    }
}

impl crate::world::Queued {
    fn fold(&self) -> (u64, u64, u64) {
        (self.0, self.1, self.3)
    }
}

impl Host {
    fn fold(&self, into: &mut impl Hasher) {
        let anchor = self.book.anchor();
        (self.up, self.epoch, self.booted, self.boot, self.skew, self.frozen_until, self.storage_fails)
            .hash(into);
        (anchor.seq, anchor.head, anchor.book.as_bytes(), self.pending.len(), self.dies_in).hash(into);
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
fn spell(what: &impl Debug, into: &mut DefaultHasher) {
    struct Into<'a>(&'a mut DefaultHasher);
    impl Write for Into<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let _ = write!(Into(into), "{what:?}");
}
