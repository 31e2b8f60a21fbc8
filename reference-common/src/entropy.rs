//! Randomness of the operating system.

use hispos::crypto::Entropy;

/// Draws from the operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        //= spec-crate/spec/key-exchange.md#randomness
        //# An end MUST draw every random byte of this chapter from a cryptographically secure generator of
        //# its operating system at the moment it is needed.
        // Keys without randomness would be worse than no program: there is nothing to go on with.
        if getrandom::fill(out).is_err() {
            eprintln!("the operating system gives no randomness");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use hispos::crypto::Entropy as _;

    use super::OsEntropy;

    //= spec-crate/spec/key-exchange.md#randomness
    //= type=test
    //# An end MUST draw every random byte of this chapter from a cryptographically secure generator of its
    //# operating system at the moment it is needed.
    #[test]
    fn each_draw_gives_other_bytes_and_fills_all_of_them() {
        let draw = || {
            let mut bytes = [0; 64];
            OsEntropy.fill(&mut bytes);
            bytes
        };
        let (first, second) = (draw(), draw());
        assert_ne!(first, second);
        assert!([first, second].iter().all(|bytes| bytes[32..] != [0; 32]));
    }
}
