//! Both links, both books and a platform model on virtual time.
//!
//! A [`life`] is a few orders of two windows and two terminals at one site, from one seed: people, networks, platforms
//! and everything that can break are drawn from it, so the same seed lives the same life again. What was to be seen
//! from outside is its [`history`]; the [`checkers`] read nothing else and know no rule of the links.

pub mod acts;
mod adapter;
pub mod book;
mod care;
mod causes;
pub mod checkers;
pub mod decided;
pub mod digest;
pub mod driver;
mod faults;
pub mod fields;
pub mod heard;
pub mod history;
pub mod host;
pub mod life;
pub mod line;
mod machines;
pub mod mutants;
pub mod nodes;
mod payments;
mod people;
pub mod plan;
pub mod platform;
mod refusals;
pub mod rng;
pub mod script;
mod scripted;
pub mod site;
pub mod states;
mod stores;
pub mod story;
pub mod summary;
mod wishes;
mod words;
pub mod world;
