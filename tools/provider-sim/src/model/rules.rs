//! What a run of the platform is set up with: its seed, the length of its seconds, and its own key.

use crate::model::{Merchant, Millis};
use crate::sign;

/// The constants of one run. The same rules and the same requests at the same times give the same answers.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Chooses the delays of effects that come later.
    pub seed: u64,
    /// A scenario's second in thousandths of a real one: 1000 is real time. Never zero.
    pub scale_permille: i64,
    /// The book's own key: payment numbers and the hashes of codes are made with it.
    pub book_key: sign::Key,
}

impl Rules {
    /// The real length of a scenario's duration, at least one millisecond.
    pub fn scaled(&self, scenario_ms: i64) -> Millis {
        (scenario_ms.saturating_mul(self.scale_permille) / 1000).max(1)
    }

    /// The real length of a delay between two bounds (scenario milliseconds), chosen by the seed, the order and
    /// what it delays: not by how many requests went before.
    pub fn delay(&self, what: &str, merchant: &Merchant, number: &str, low: i64, high: i64) -> Millis {
        let mut key = [0; 32];
        for (place, byte) in key.iter_mut().zip(self.seed.to_be_bytes()) {
            *place = byte;
        }
        let digest = sign::digest(&key, &[&name(what, merchant, number)]);
        let draw = digest.iter().take(6).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
        let span = high.saturating_sub(low).max(0).saturating_add(1);
        self.scaled(low.saturating_add(draw % span))
    }

    /// The platform's own number of a payment or a refund: 28 characters, always the same for the same order.
    pub fn platform_number(&self, letter: char, merchant: &Merchant, number: &str) -> String {
        let digest = sign::digest(&self.book_key, &[&name(&letter.to_string(), merchant, number)]);
        let hex = sign::to_hex(digest.get(..12).unwrap_or_default()).to_ascii_uppercase();
        format!("SIM{letter}{hex}")
    }

    /// The keyed hash under which a code is remembered, as hex.
    pub fn code_hash(&self, merchant: &Merchant, code: &str) -> String {
        let text = format!("code\n{}\n{code}", merchant.channel.name());
        sign::to_hex(&sign::digest(&self.book_key, &[text.as_bytes()]))
    }
}

fn name(what: &str, merchant: &Merchant, number: &str) -> Vec<u8> {
    let Merchant { channel, account, sub_account } = merchant;
    format!("{what}\n{}\n{account}\n{sub_account}\n{number}", channel.name()).into_bytes()
}
