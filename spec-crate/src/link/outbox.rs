//! The one queue of a link, and the names of what the store is asked.

use alloc::collections::VecDeque;

use super::Output;
use crate::book::{Batch, Query};
use crate::time::Instant;

/// Names a batch until the store has answered.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PersistId(pub u64);

/// Names a query until the store has answered.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LoadId(pub u64);

/// Outputs in order.
#[derive(Debug)]
pub(super) struct Outbox<E> {
    queue: VecDeque<Output<E>>,
    next: u64,
}

impl<E> Outbox<E> {
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::new(), next: 1 }
    }

    /// Queues an output behind everything queued before.
    pub(super) fn push(&mut self, output: Output<E>) {
        self.queue.push_back(output);
    }

    /// Queues a batch.
    pub(super) fn persist(&mut self, batch: Batch) -> PersistId {
        let id = PersistId(self.draw());
        self.push(Output::Persist(id, batch));
        id
    }

    /// Queues a query.
    pub(super) fn load(&mut self, query: Query) -> LoadId {
        let id = LoadId(self.draw());
        self.push(Output::Load(id, query));
        id
    }

    /// The next output, or the time-out.
    pub(super) fn poll(&mut self, timeout: Option<Instant>) -> Output<E> {
        self.queue.pop_front().unwrap_or(Output::Timeout(timeout))
    }

    fn draw(&mut self) -> u64 {
        let id = self.next;
        self.next = self.next.saturating_add(1);
        id
    }
}
