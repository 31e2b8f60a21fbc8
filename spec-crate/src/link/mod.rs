//! Links: the long-lived ends of one HIS and one POS. A link outlives its streams; orders live in books.
//!
//! # The loop
//!
//! A link does no input or output of its own. A program feeds it and drains it:
//!
//! 1. call [`handle_input`](HisLink::handle_input) with what happened, or a command;
//! 2. call [`poll_output`](HisLink::poll_output) until it returns [`Output::Timeout`], and carry out each output in
//!    the order given: outputs are one queue, and nothing behind a [`Output::Persist`] is handed out before its
//!    [`Input::Persisted`] has come, events included;
//! 3. wait for the next input or the time-out, then begin again.
//!
//! A store answers [`Output::Load`] with [`Input::Loaded`], and [`Output::Persist`] with [`Input::Persisted`] once the
//! batch is durable, with [`Input::Stale`] if a row that it was computed from has changed (the link then runs the
//! input again), or with [`Input::PersistFailed`] if it could not be stored: a state that cannot be persisted is
//! never told, so the program then stops and recovers from its book.
//!
//! Read next: [`HisLink`] and [`PosLink`], then `order_flow`, which holds the rules about money.

mod outbox;

pub mod his;
pub mod pos;

#[cfg(test)]
mod tests;

pub use his::{HisConfig, HisEvent, HisLink};
pub use outbox::{LoadId, PersistId};
pub use pos::{PosConfig, PosEvent, PosLink};

use alloc::vec::Vec;

use crate::book::{Anchor, Batch, Found, Query};
use crate::platform::{Ask, Verdict};
pub use crate::time::Clock;
use crate::time::Instant;

/// What the world tells a link.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The line was opened: a new stream begins.
    Opened,
    /// The line is gone.
    Closed,
    /// Bytes of the stream, split in any way.
    Bytes(&'a [u8]),
    /// Time has passed. Harmless when early.
    Tick,
    /// A batch is durable; the anchor is the book's after it.
    Persisted(PersistId, Anchor),
    /// A row that the batch was computed from has changed: nothing was written.
    Stale(PersistId),
    /// The batch could not be stored.
    PersistFailed(PersistId),
    /// What a query found.
    Loaded(LoadId, Found),
    /// POS only: what the platform's answer to an [`Output::Ask`] proves.
    Verdict(Verdict),
}

/// What a link tells the world. Drain until [`Output::Timeout`].
#[derive(Clone, Debug)]
#[must_use]
pub enum Output<E> {
    /// Make this durable, then say so.
    Persist(PersistId, Batch),
    /// Find this.
    Load(LoadId, Query),
    /// Write these bytes to the stream.
    Transmit(Vec<u8>),
    /// POS only: ask the platform.
    Ask(Ask),
    /// Something that people or the program should know.
    Event(E),
    /// Nothing more now; come back at this instant at the latest.
    Timeout(Option<Instant>),
}
