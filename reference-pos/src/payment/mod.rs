//! The payment machine: what a platform is asked, and what its answers prove.
//!
//! Everything here is pure: bytes and clocks come in, bytes and verdicts go out. A vendor who connects another
//! platform, or WeChat Pay and Alipay themselves, writes one [`Transport`]: how a question is written, and how an
//! answer is checked and read. What an answer proves is decided by [`verdict`] from closed tables; when something is
//! asked, paid or reversed is decided by `hispos` alone.
//!
//! In reading order: [`codes`] tells the channel from a scanned code, [`transport`] is the port, [`reply`] what an
//! answer says, [`verdict`] what it proves, [`call`] one connection with one request, and [`simulated`] the dialect
//! of the simulated platform.

pub mod call;
pub mod codes;
pub mod credentials;
mod hex;
pub mod http;
pub mod reply;
pub mod simulated;
pub mod tables;
pub mod transport;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use call::{Call, Happened, Step};
pub use codes::{CodeRefusal, recognise};
pub use credentials::{Credentials, CredentialsError};
pub use reply::Reply;
pub use transport::{Endpoint, Outgoing, Transport, Untrusted};
pub use verdict::{Mismatch, verdict};
