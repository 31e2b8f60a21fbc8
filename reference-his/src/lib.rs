//! The reference cashier-window server: one for every window of a site, over one ledger.
//!
//! It shows a hospital how to embed `hispos`, and is the smallest honest program that one could really run:
//!
//! ```text
//!   commands, bill system ── HTTP on loopback ── api ── desk ──┬── driver ── line ── terminal of window 1
//!                                                   events     ├── driver ── line ── terminal of window 2
//!                                                              └── ...
//!                                              ledger thread: every row of all of them, group commit
//! ```
//!
//! Read in this order: `link` (what desk and driver say to each other), `driver` (the loop around one link), `ledger`
//! (the thread that makes things durable), `desk` (collections and refunds), `api` (the interface), `serve` (all of it
//! put together), `cli` (the commands), `provisioning` (keys, agreements, manifests).

pub mod api;
pub mod cli;
pub mod client;
pub mod desk;
mod driver;
pub mod events;
pub mod home;
pub mod ledger;
pub mod link;
pub mod provisioning;
pub mod serve;
pub mod texts;
