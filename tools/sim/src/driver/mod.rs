//! The driver interface: programs in any language as HIS or POS of a life, `clients/driver/README.md`.
//!
//! A program has a [`Seat`](seat::Seat) in the world instead of links. What a link would be told becomes a line, and
//! what its answer wants is carried out as a link's outputs are: the same faults, stores, platforms and people, and the
//! same checkers.

mod answer;
mod books;
mod carrying;
mod draws;
mod members;
mod peer;
mod peer_books;
mod peer_links;
mod peer_words;
mod peers;
mod platform;
mod process;
mod seat;
mod starting;
mod telling;

pub use peer::serve;
pub use peers::Peers;

pub(crate) use draws::Draws;
pub(crate) use members::{Members, hex};
pub(crate) use seat::Telling;

/// The version of the interface.
pub(crate) const VERSION: u64 = 1;
