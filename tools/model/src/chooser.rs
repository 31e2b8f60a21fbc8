//! Choices instead of chance: given ones first, then always the usual one, and all of them are written down.

use crate::scope::{Kind, Scope};

/// One choice that was made.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Choice {
    /// What it was about.
    pub kind: Kind,
    /// How many alternatives there were.
    pub of: u8,
    /// Which was taken; 0 is the usual one.
    pub taken: u8,
}

/// Makes the choices of one life.
#[derive(Debug, Default)]
pub struct Chooser {
    given: Vec<u8>,
    log: Vec<Choice>,
    left: u8,
    scope: Scope,
    fixed: Vec<(Kind, u8)>,
    /// Only then anything but the usual happens.
    pub armed: bool,
}

impl Chooser {
    /// A chooser that begins with these choices.
    #[must_use]
    pub fn new(scope: &Scope, given: &[u8]) -> Self {
        Self {
            given: given.to_vec(),
            log: Vec::new(),
            left: scope.faults,
            scope: scope.clone(),
            fixed: scope.fixed.to_vec(),
            armed: false,
        }
    }

    /// All choices so far.
    #[must_use]
    pub fn log(&self) -> &[Choice] {
        &self.log
    }

    /// What decides the choices that are still to come.
    #[must_use]
    pub fn budgets(&self) -> (u8, usize, bool) {
        (self.left, self.fixed.len(), self.armed)
    }

    /// One of so many alternatives, whatever the budget.
    pub fn free(&mut self, kind: Kind, of: usize) -> usize {
        if !self.armed || of < 2 {
            return 0;
        }
        let of = u8::try_from(of).unwrap_or(u8::MAX);
        let taken = self.given.get(self.log.len()).copied().unwrap_or(0).min(of.saturating_sub(1));
        self.log.push(Choice { kind, of, taken });
        usize::from(taken)
    }

    /// One of so many alternatives; each but the first uses up some of the budget.
    pub fn deviates(&mut self, kind: Kind, of: usize) -> usize {
        if !self.armed {
            return 0;
        }
        if let Some(place) = self.fixed.iter().position(|(fixed, _)| *fixed == kind) {
            let (_, option) = self.fixed.remove(place);
            return usize::from(option).min(of.saturating_sub(1));
        }
        if self.left == 0 || !self.scope.kinds.contains(&kind) {
            return 0;
        }
        let taken = self.free(kind, of);
        self.left = self.left.saturating_sub(u8::from(taken > 0));
        taken
    }
}
