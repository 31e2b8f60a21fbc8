//! Chance, all of it from one seed: the same seed lives the same life again.

use hispos::Entropy;

/// A small, fast generator (xoshiro256++). Good for simulation and for nothing else.
#[derive(Clone, Debug, Hash)]
pub struct Rng([u64; 4], bool);

impl Rng {
    /// The generator of a seed; `stream` tells its uses apart, so that one use does not disturb another.
    #[must_use]
    pub fn new(seed: u64, stream: &str) -> Self {
        let mut mixed = stream.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
        });
        let mut next = || {
            mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self([next(), next(), next(), next()], false)
    }

    /// A generator that still draws bytes, but decides nothing by chance: every number is the middle one, and only what
    /// is more likely than not happens.
    #[must_use]
    pub fn steady(seed: u64, stream: &str) -> Self {
        Self(Self::new(seed, stream).0, true)
    }

    /// 64 bits.
    pub fn draw(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        if self.1 {
            return low.saturating_add(high.saturating_sub(low) / 2);
        }
        let span = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(self.draw() % span.max(1))
    }

    /// `true` in so many of a thousand cases.
    pub fn in_thousand(&mut self, cases: u64) -> bool {
        if self.1 { cases > 500 } else { self.draw() % 1_000 < cases }
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, among: &[T], otherwise: T) -> T {
        if self.1 {
            return among.first().copied().unwrap_or(otherwise);
        }
        let place = usize::try_from(self.draw() % (among.len().max(1) as u64)).unwrap_or(0);
        among.get(place).copied().unwrap_or(otherwise)
    }

    /// Bytes of any length.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        Entropy::fill(self, &mut out);
        out
    }
}

impl Entropy for Rng {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.draw().to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }
}
