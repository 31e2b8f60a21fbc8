//! What stands around the links: books that do not answer at once, and the platform's connections.

use hispos::book::{Batch, Query};
use hispos::link::{Input, LoadId, PersistId};
use hispos::platform::{Ask, Proof, Request, Verdict};
use hispos::time::{Instant, UnixSeconds};

use super::{BEGIN, Coming, End, Pair};
use crate::hex::hex;
use crate::site::UNIX;
use crate::story::{self, In, What};

/// How the connections to the platform go.
pub(super) struct Connections {
    /// From a question to its answer.
    takes: u64,
    /// No answer comes before this instant.
    slow_until: u64,
    /// The first byte is written.
    written: bool,
    /// An answer tells the platform's clock.
    dated: bool,
}

impl Default for Connections {
    fn default() -> Self {
        Self { takes: 200, slow_until: 0, written: true, dated: true }
    }
}

/// What a book was asked and has not answered.
pub(super) enum Unanswered {
    Persist(PersistId, Batch),
    Load(LoadId, Query),
}

impl Pair {
    /// From now on an end's book does not answer.
    pub(crate) fn hold(&mut self, end: End) {
        (self.held, self.holds_loads) = (Some(end), true);
    }

    /// From now on an end's book does not say that something is durable.
    pub(crate) fn hold_writes(&mut self, end: End) {
        (self.held, self.holds_loads) = (Some(end), false);
    }

    /// The book that was held answers, and goes on answering.
    pub(crate) fn release(&mut self) {
        let end = self.held.take();
        match (end, self.unanswered.take()) {
            (Some(end), Some(Unanswered::Persist(id, batch))) => self.persist(end, id, batch),
            (Some(end), Some(Unanswered::Load(id, query))) => self.load(end, id, query),
            _ => {}
        }
    }

    /// Answers of the platform come at this instant at the earliest.
    pub(crate) fn slow(&mut self, until: u64) {
        self.connections.slow_until = until;
    }

    /// From now on a question to the platform takes so long.
    pub(crate) fn platform_takes(&mut self, milliseconds: u64) {
        self.connections.takes = milliseconds;
    }

    /// From now on no byte of a question is written, or every one.
    pub(crate) fn platform_written(&mut self, written: bool) {
        self.connections.written = written;
    }

    /// From now on no answer tells the platform's clock.
    pub(crate) fn platform_undated(&mut self) {
        self.connections.dated = false;
    }

    pub(super) fn persist(&mut self, end: End, id: PersistId, batch: Batch) {
        if self.held == Some(end) {
            self.unanswered = Some(Unanswered::Persist(id, batch));
            return;
        }
        if self.journal_fails && end == End::Pos {
            self.give(end, In::PersistFailed {}, Input::PersistFailed(id));
            return;
        }
        let unix = self.clock().unix;
        if let Some(anchor) = self.book_of(end).commit(&batch, unix) {
            let shown = In::Persisted { anchor: hex(&anchor.encode()) };
            self.give(end, shown, Input::Persisted(id, anchor));
        }
    }

    pub(super) fn load(&mut self, end: End, id: LoadId, query: Query) {
        if self.held == Some(end) && self.holds_loads {
            self.unanswered = Some(Unanswered::Load(id, query));
            return;
        }
        let found = self.book_of(end).memory.find(&query);
        self.give(end, story::loaded(&found), Input::Loaded(id, found));
    }

    pub(super) fn ask(&mut self, ask: &Ask) {
        self.note(End::Pos, What::Out(story::ask(ask)));
        let answer = (self.platform)(ask);
        let Connections { takes, slow_until, written, dated } = self.connections;
        let ended = slow_until.max(self.now + takes);
        let answered = answer.is_some();
        let (proof, code) = answer.unwrap_or((Proof::Open, ""));
        let unix = UNIX + (ended - BEGIN) / 1000;
        let begun = written && (answered || !matches!(ask.request, Request::Verify));
        let verdict = Verdict {
            id: ask.id,
            proof,
            provider_code: code.into(),
            date: (answered && dated).then_some(UnixSeconds(unix)),
            first_byte: begun.then_some(Instant(self.now + 20)),
            ended: Instant(ended),
            answered,
        };
        self.coming.push((ended, Coming::Verdict(Box::new(verdict))));
    }
}
