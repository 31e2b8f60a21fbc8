//! A simulated payment platform in a process of its own, with a book of its own.
//!
//! It plays the barcode payment of WeChat Pay and Alipay behind one small HTTP dialect (`README.md`), so that a
//! terminal has a bank that survives the terminal's death, and so that at the end three books can be compared that
//! were written by three programs. It shares no code with `hispos`, and every word it says is marked as simulated.
//!
//! [`model`] decides, [`store`] keeps, [`server`] talks, [`book`] shows.

pub mod book;
pub mod http;
pub mod model;
mod rows;
pub mod server;
pub mod sign;
pub mod store;
