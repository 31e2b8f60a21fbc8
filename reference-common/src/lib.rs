//! What both reference programs need around the link: books in SQLite, lines, clocks, logs, exit codes.
//!
//! `hispos` does no input or output of its own. Here is what a driver puts around it, in reading order:
//!
//! * [`clock`] and [`entropy`]: the two sources that a link is given;
//! * [`line`](mod@line): a serial port, a TCP stream or a pseudo-terminal that may vanish and return at any time;
//! * [`book`]: the hash chain of records that makes `Persist` and `Load` durable;
//! * [`keys`], [`request`] and [`files`]: secrets that never leave the machine, and what does; [`folder`] is where
//!   they lie;
//! * [`log`], [`exit`] and [`output`]: what people and scripts read.

pub mod book;
pub mod clock;
pub mod entropy;
pub mod exit;
pub mod files;
pub mod folder;
pub mod keys;
pub mod line;
pub mod log;
pub mod output;
pub mod request;
