//! What brings the batches of links about: what each link was told last.
//!
//! While a link waits for its store, what it is told queues up; then each of these may have been it.

use std::collections::BTreeMap;

use hispos::link::{Input, PersistId};
use hispos::platform::{Ask, AskId, Proof, Request, Verdict};
use hispos::time::Instant;

use crate::history::Violation;
use crate::nodes::Node;

/// Something that a link was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stimulus {
    /// It was made.
    Began,
    /// Bytes of the other side.
    Bytes,
    /// Time has passed.
    Time,
    /// A person or a program wants something: at a POS a code was scanned.
    Person,
    /// A platform answered; the event that this is.
    Answer(&'static str),
}

/// What a link was told last, how many answers of its store it waits for, and whether all of it is done.
#[derive(Debug, Default)]
struct Told {
    waits: usize,
    rests: bool,
    stimuli: Vec<Stimulus>,
}

/// What may have brought a batch about, and when its link asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) stimuli: Vec<Stimulus>,
    pub(crate) now: Instant,
}

/// Where a batch comes from.
pub(crate) enum Source {
    /// A link.
    Link(Cause),
    /// A program beside its links; the event that this is.
    Program(&'static str),
}

/// What is known of causes, and what was found.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    told: BTreeMap<Node, Told>,
    asks: BTreeMap<(usize, AskId), Request>,
    causes: Vec<(Node, PersistId, Cause)>,
    /// The start of a terminal's program to which a run belongs.
    pub(crate) runs: BTreeMap<(usize, Vec<u8>), u32>,
    pub(crate) strays: Vec<Violation>,
}

impl Observed {
    fn of(&mut self, node: Node) -> &mut Told {
        self.told.entry(node).or_default()
    }

    /// A link was made.
    pub(crate) fn began(&mut self, node: Node) {
        *self.of(node) = Told { waits: 0, rests: false, stimuli: vec![Stimulus::Began] };
        self.causes.retain(|(of, ..)| *of != node);
        if let Node::Pos(desk) = node {
            self.asks.retain(|(of, _), _| *of != desk);
        }
    }

    /// A link was told this.
    pub(crate) fn told(&mut self, node: Node, stimulus: Stimulus) {
        let told = self.of(node);
        if std::mem::take(&mut told.rests) {
            told.stimuli.clear();
        }
        if !told.stimuli.contains(&stimulus) {
            told.stimuli.push(stimulus);
        }
    }

    /// A link wants nothing now: what it was told is done, unless it waits for its store.
    pub(crate) fn rests(&mut self, node: Node) {
        let told = self.of(node);
        told.rests = told.waits == 0;
    }

    /// A link gets this input.
    pub(crate) fn input(&mut self, node: Node, input: &Input<'_>) {
        let stimulus = match input {
            Input::Bytes(_) => Stimulus::Bytes,
            Input::Verdict(verdict) => Stimulus::Answer(self.answer(node, verdict)),
            Input::Opened | Input::Closed | Input::Tick => Stimulus::Time,
            Input::Persisted(..) | Input::Stale(_) | Input::PersistFailed(_) | Input::Loaded(..) => {
                let told = self.of(node);
                told.waits = told.waits.saturating_sub(1);
                return;
            }
        };
        self.told(node, stimulus);
    }

    fn answer(&mut self, node: Node, verdict: &Verdict) -> &'static str {
        let Node::Pos(desk) = node else { return "none" };
        self.asks.remove(&(desk, verdict.id)).map_or("none", |request| proved(&request, verdict))
    }

    /// A link asks its platform.
    pub(crate) fn asked(&mut self, desk: usize, ask: &Ask) {
        self.asks.insert((desk, ask.id), ask.request.clone());
    }

    /// A link waits for its store; for a batch with its id.
    pub(crate) fn waits(&mut self, node: Node, batch: Option<PersistId>, now: Instant) {
        let told = self.of(node);
        told.waits += 1;
        if let Some(id) = batch {
            let cause = Cause { stimuli: told.stimuli.clone(), now };
            self.causes.push((node, id, cause));
        }
    }

    /// Where a batch comes from that a link waits for.
    pub(crate) fn source(&mut self, node: Node, id: PersistId) -> Option<Source> {
        let place = self.causes.iter().position(|(of, known, _)| *of == node && *known == id)?;
        Some(Source::Link(self.causes.swap_remove(place).2))
    }
}

/// What a platform's answer is.
fn proved(request: &Request, verdict: &Verdict) -> &'static str {
    match (request, &verdict.proof) {
        (Request::Verify, _) => "verified",
        (Request::Reverse, _) => "reverse_ended",
        (Request::Pay { .. }, _) if verdict.first_byte.is_none() => "pay_unwritten",
        (Request::Pay { .. }, Proof::Captured(_)) => "pay_captured",
        (Request::Pay { .. }, Proof::Refused | Proof::MerchantRefused) => "pay_refused",
        (Request::Pay { .. }, Proof::PayerRefused) => "payer_refused",
        (Request::Pay { .. }, Proof::NumberKnown) => "number_known",
        (Request::Pay { .. }, _) => "pay_open",
        (_, Proof::Captured(_)) => "captured",
        (_, Proof::Mismatch(_) | Proof::CapturedAndRefunded { .. }) => "other_money",
        (_, Proof::Closed) => "closed",
        (_, Proof::Alive) => "alive",
        (Request::Query, Proof::Absent) => "absent",
        (_, Proof::Refunded { .. }) => "refunded",
        (_, Proof::NotRefunded { .. }) => "not_refunded",
        (_, Proof::RefundAbnormal | Proof::NumberKnown) => "refund_abnormal",
        (_, Proof::RefundPending) => "refund_pending",
        (Request::QueryRefund { .. }, Proof::Absent) => "refund_absent",
        (Request::Refund { .. }, _) => "refund_open",
        _ => "no_answer",
    }
}
