//! The normative implementation of the hispos link between a hospital information system and a payment terminal.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod amount;
pub mod book;
pub mod catalogue;
pub mod codec;
pub mod crypto;
pub mod error;
pub mod frame;
pub mod handshake;
pub mod ids;
pub mod journal;
pub mod key_schedule;
#[allow(dead_code, reason = "generated: all labels of the protocol, also those that only vendors need")]
mod labels;
pub mod ledger;
pub mod limits;
pub mod link;
pub mod message;
mod order_flow;
pub mod platform;
pub mod record;
mod session;
pub mod time;
pub mod timers;
pub mod transcript;
mod wire;

pub use crypto::{Entropy, Secret};
pub use order_flow::Disposition;
pub use session::{DropCounts, Dropped, ForeignPeer, SessionEnd, SessionEvent};
