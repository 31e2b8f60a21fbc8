//! Randomness of the operating system.

use hispos::crypto::Entropy;

/// Draws from the operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        // Keys without randomness would be worse than no program: there is nothing to go on with.
        if getrandom::fill(out).is_err() {
            eprintln!("the operating system gives no randomness");
            std::process::abort();
        }
    }
}
