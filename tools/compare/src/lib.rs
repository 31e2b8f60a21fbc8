//! Compares three books: the ledger of HIS, the journals of its terminals, and the payment platform's own.
//!
//! Each is read from what its program exports. Ledger and journal are hash chains of records, verified here with
//! code of this crate's own; the platform's export is one JSON document. Nothing of `hispos` is used: an error that
//! both programs share would be shared by a comparison made of their code, too.
//!
//! Read next: [`books`] for what is read, [`checks`] for what has to hold.

pub mod books;
mod chain;
pub mod checks;
mod fields;
pub mod platform;
pub mod table;

pub use chain::ChainError;
