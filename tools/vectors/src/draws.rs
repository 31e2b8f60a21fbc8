//! Draws that are known in advance: the first bytes of SHA-256 over a name and a number, one hash for each 32 bytes.

use std::sync::{Arc, Mutex};

use hispos::crypto::Entropy;
use hispos::crypto::hash::sha256;

/// Every draw of one source, first to last.
pub(crate) type Drawn = Arc<Mutex<Vec<Vec<u8>>>>;

/// A source of known draws that remembers them.
pub(crate) struct Known {
    name: String,
    next: u32,
    drawn: Drawn,
}

impl Known {
    /// The source of this name, and what it will have drawn.
    pub(crate) fn new(name: &str) -> (Self, Drawn) {
        let drawn = Drawn::default();
        (Self { name: name.to_owned(), next: 0, drawn: drawn.clone() }, drawn)
    }
}

impl Entropy for Known {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let hash = sha256(&[self.name.as_bytes(), &self.next.to_be_bytes()]);
            self.next += 1;
            for (to, from) in chunk.iter_mut().zip(hash) {
                *to = from;
            }
        }
        if let Ok(mut drawn) = self.drawn.lock() {
            drawn.push(out.to_vec());
        }
    }
}

/// The known bytes of a name.
pub(crate) fn known<const N: usize>(name: &str) -> [u8; N] {
    let mut out = [0; N];
    Known::new(name).0.fill(&mut out);
    out
}

/// What was drawn.
pub(crate) fn all(drawn: &Drawn) -> Vec<Vec<u8>> {
    drawn.lock().map(|drawn| drawn.clone()).unwrap_or_default()
}
