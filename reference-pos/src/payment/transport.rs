//! The port to a platform: how a question is written, and how an answer is checked and read.
//!
//! Pure: no connection, no clock, no randomness of its own. WeChat Pay (XML or JSON, signed with HMAC or RSA) and
//! Alipay (form and JSON, RSA) fit it alike; so does the simulated platform.

use std::fmt;

use hispos::platform::{Ask, Merchant};
use zeroize::Zeroizing;

use super::http;
use super::reply::Reply;
use super::tables::Profile;

/// One merchant at one platform, with its credentials.
pub trait Transport: Send + Sync {
    /// Whose credentials they are.
    fn merchant(&self) -> &Merchant;

    /// Which tables judge the answers.
    fn profile(&self) -> Profile;

    /// Writes the one request of an ask.
    ///
    /// A pay carries the platform's own absolute expiry, and the neutral subject; never a name, a department or a
    /// bill. `nonce` is fresh and random: it makes every request another one, so that no answer fits two.
    fn request(&self, ask: &Ask, nonce: &[u8; 16]) -> Outgoing;

    /// Checks that an answer comes from the platform, and is the answer to this request; then reads it.
    ///
    /// # Errors
    ///
    /// [`Untrusted`]: it then proves nothing, whatever it says.
    fn read(&self, sent: &Outgoing, answer: &http::Answer) -> Result<Reply, Untrusted>;
}

/// Where a platform is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is TLS; only a simulated platform goes without.
    pub tls: bool,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A request ready to be written. It may hold a payment code: erased when dropped, never printed.
pub struct Outgoing {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// Every byte, head and body.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What the answer has to be bound to, such as the request's signature; meaningful to the transport only.
    pub binding: String,
}

//= spec-crate/spec/privacy.md#payment-codes
//# A POS MUST NOT write a payment code to a disk, a log, a core dump, an error text, a display or the link.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Why an answer cannot be trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Untrusted {
    /// A status of a gateway or a failing server.
    Status(u16),
    /// No signature, or a wrong one.
    Signature,
    /// Not of the shape that answers have.
    Shape,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the gateway answered with status {status}"),
            Self::Signature => f.write_str("the answer is not signed by the platform"),
            Self::Shape => f.write_str("the answer cannot be read"),
        }
    }
}
