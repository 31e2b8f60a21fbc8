//! The platform from outside: its stories on virtual time, and the process as others meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its set-up may stop anywhere"
)]

mod bad_clients;
mod commands;
mod durability;
mod http_text;
mod money;
mod process;
mod signatures;
mod stories;
mod stories_of_reverse;
mod world;
