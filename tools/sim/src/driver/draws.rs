//! The random bytes of a link: one stream from 32 bytes, in any language.

use hispos::Entropy;
use hispos::crypto::hash::sha256;

/// `SHA-256(random | 0) | SHA-256(random | 1) | ...`, the counter as 8 bytes, big-endian.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    random: [u8; 32],
    block: [u8; 32],
    next: u64,
    used: usize,
}

impl Draws {
    pub(crate) fn new(random: [u8; 32]) -> Self {
        Self { random, block: [0; 32], next: 0, used: 32 }
    }
}

impl Entropy for Draws {
    fn fill(&mut self, out: &mut [u8]) {
        for to in out {
            if self.used == self.block.len() {
                self.block = sha256(&[&self.random, &self.next.to_be_bytes()]);
                self.next = self.next.wrapping_add(1);
                self.used = 0;
            }
            *to = self.block.get(self.used).copied().unwrap_or(0);
            self.used = self.used.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use hispos::Entropy as _;
    use hispos::crypto::hash::sha256;

    use super::Draws;

    #[test]
    fn draws_of_any_length_are_the_hashes_one_after_the_other() {
        let mut draws = Draws::new([7; 32]);
        let drawn: Vec<u8> = [1, 5, 0, 40, 50]
            .into_iter()
            .flat_map(|length| {
                let mut draw = vec![0; length];
                draws.fill(&mut draw);
                draw
            })
            .collect();
        let hashes: Vec<u8> = (0_u64..3).flat_map(|n| sha256(&[&[7; 32], &n.to_be_bytes()])).collect();
        assert_eq!(drawn, hashes);
    }
}
