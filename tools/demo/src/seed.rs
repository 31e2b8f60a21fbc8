//! The demo's chance: a seed moves the moments, and the same seed moves them alike.

use std::time::Duration;

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from the clock.
    pub(crate) fn any_seed() -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.subsec_nanos().into())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A while from `least` on and shorter than `most`, in milliseconds.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least.saturating_add(self.below(most.saturating_sub(least))))
    }

    /// A payment code of a channel; its last two digits choose the platform's story.
    pub(crate) fn code(&mut self, channel: Channel, story: u64) -> String {
        let first = match channel {
            Channel::Wechat => 10 + self.below(6),
            Channel::Alipay => 25 + self.below(6),
        };
        format!("{first}{:014}{story:02}", self.below(100_000_000_000_000))
    }
}

/// Which purse the patient opens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Channel {
    Wechat,
    Alipay,
}

impl Channel {
    /// The letter that ends its platform numbers.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Wechat => 'W',
            Self::Alipay => 'A',
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wechat => "WeChat",
            Self::Alipay => "Alipay",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Channel};

    #[test]
    fn the_same_seed_gives_the_same_codes_each_of_its_channel_and_story() {
        let codes = |seed| -> Vec<String> {
            let mut chance = Chance::new(seed);
            (0..200_u64)
                .map(|nth| chance.code([Channel::Wechat, Channel::Alipay][nth as usize % 2], nth % 21))
                .collect()
        };
        assert_eq!(codes(7), codes(7));
        assert_ne!(codes(7), codes(8));
        for (nth, code) in codes(7).iter().enumerate() {
            let first: u64 = code[..2].parse().unwrap();
            assert!(
                if nth % 2 == 0 { (10..=15).contains(&first) } else { (25..=30).contains(&first) },
                "{code}"
            );
            assert!(code.len() == 18 && code.ends_with(&format!("{:02}", nth % 21)), "{code}");
        }
    }
}
