//! What a world is, as one number: two worlds with the same digest live the same lives from here on.
//!
//! A link is a deterministic function of what it was told and of its randomness, so the digest has for each link all
//! that it was told since it was made, instead of what is inside it; nothing is left out that could matter. Books are
//! their anchors (heads of hash chains), platforms are spelt out, and so is what waits to happen.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash as _, Hasher};

use crate::heard::spell;
use crate::host::Host;
use crate::world::World;

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

    /// All that was to be seen and counted in a life, and every book, as one number.
    pub(crate) fn life_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        spell(&self.history, &mut hasher);
        spell(&self.summary, &mut hasher);
        for host in self.pos.iter().chain([&self.his]) {
            let anchor = host.book.anchor();
            (anchor.seq, host.book.head().0, anchor.book.as_bytes()).hash(&mut hasher);
        }
        hasher.finish()
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
        (anchor.seq, anchor.head, anchor.book.as_bytes(), self.pending.len(), self.dies_in, self.called)
            .hash(into);
    }
}
