//! Money: a signed number of fen, never zero and never a float.
//!
//! Plus collects and minus refunds, as at the window. Specified in spec: orders.

use core::fmt;

use crate::limits::AMOUNT_FEN_MAX;

//= spec-crate/spec/orders.md#amounts
//= type=implication
//# A HIS and a POS MUST hold, send and compare money as whole numbers of fen, never as a floating-point
//# number.
/// An amount in fen: + collects, - refunds; not zero, at most 9,999,999,999 either way.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Amount(i64);

impl Amount {
    /// Takes signed fen.
    ///
    /// # Errors
    ///
    /// [`AmountError::Zero`], [`AmountError::TooLarge`].
    pub const fn from_fen(fen: i64) -> Result<Self, AmountError> {
        match fen.unsigned_abs() {
            //= spec-crate/spec/orders.md#amounts
            //# A HIS and a POS MUST refuse an order whose amount is 0, or more than 9,999,999,999 fen in
            //# either direction.
            0 => Err(AmountError::Zero),
            1..=AMOUNT_FEN_MAX => Ok(Self(fen)),
            _ => Err(AmountError::TooLarge),
        }
    }

    /// Reads yuan as a person types them: `+12.34`, `-5.00`, `+7`. The sign has to be there; at most two decimals.
    ///
    /// # Errors
    ///
    /// [`AmountError`] naming the first thing that is wrong.
    pub fn parse_signed(text: &str) -> Result<Self, AmountError> {
        //= spec-crate/spec/orders.md#amounts
        //# A program that reads an amount from a person MUST take only a text of the form sign, one or more
        //# digits, and optionally a point with one or two digits, where the sign is `+` for a collect and `-`
        //# for a refund, in ASCII and with nothing around it.
        let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(digits), _) => (1, digits),
            (_, Some(digits)) => (-1, digits),
            _ => return Err(AmountError::Sign),
        };
        let (yuan, decimals) =
            digits.split_once('.').map_or((digits, None), |(yuan, rest)| (yuan, Some(rest)));
        let decimals = match decimals {
            None => "00",
            Some("") => return Err(AmountError::Number),
            Some(decimals) => decimals,
        };
        if yuan.is_empty() || !yuan.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::Number);
        }
        if decimals.len() > 2 {
            return Err(AmountError::Decimals);
        }
        let scale = if decimals.len() == 1 { "0" } else { "" };
        let mut fen = 0_i64;
        for byte in yuan.bytes().chain(decimals.bytes()).chain(scale.bytes()) {
            let digit = i64::from(byte.saturating_sub(b'0'));
            fen = fen.checked_mul(10).and_then(|fen| fen.checked_add(digit)).ok_or(AmountError::TooLarge)?;
        }
        Self::from_fen(fen.saturating_mul(sign))
    }

    /// Signed fen.
    #[must_use]
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// Fen without the sign.
    #[must_use]
    pub const fn magnitude(self) -> u64 {
        self.0.unsigned_abs()
    }

    /// Whether it takes money; otherwise it gives money back.
    #[must_use]
    pub const fn collects(self) -> bool {
        self.0 > 0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.collects() { '+' } else { '-' };
        write!(f, "{sign}{}.{:02}", self.magnitude() / 100, self.magnitude() % 100)
    }
}

impl core::str::FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        Self::parse_signed(text)
    }
}

/// Why something is no amount.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AmountError {
    /// The sign is missing.
    Sign,
    /// What follows the sign is no decimal number.
    Number,
    /// There are parts of a fen.
    Decimals,
    /// It is zero.
    Zero,
    /// It is above the limit.
    TooLarge,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sign => {
                f.write_str("the amount has no sign: begin with + to collect or - to refund, as in +12.34")
            }
            Self::Number => f.write_str("the amount is no number: write digits and one point, as in +12.34"),
            Self::Decimals => f.write_str("the amount has more than 2 decimals: the smallest amount is 0.01"),
            Self::Zero => f.write_str("the amount is zero: the smallest is 0.01"),
            Self::TooLarge => {
                let (yuan, fen) = (AMOUNT_FEN_MAX / 100, AMOUNT_FEN_MAX % 100);
                write!(f, "the amount is above the greatest one, {yuan}.{fen:02}")
            }
        }
    }
}

impl core::error::Error for AmountError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::{prop_assert_eq, proptest};

    //= spec-crate/spec/orders.md#amounts
    //= type=test
    //# A program that reads an amount from a person MUST take only a text of the form sign, one or more
    //# digits, and optionally a point with one or two digits, where the sign is `+` for a collect and `-` for
    //# a refund, in ASCII and with nothing around it.
    #[test]
    fn what_a_person_types_becomes_fen() {
        let typed = [
            ("+12.34", 1234),
            ("-5.00", -500),
            ("+7", 700),
            ("+0.01", 1),
            ("-0.5", -50),
            ("+99999999.99", 9_999_999_999),
            ("-99999999.99", -9_999_999_999),
        ];
        for (text, fen) in typed {
            assert_eq!(Amount::parse_signed(text).map(Amount::fen), Ok(fen), "{text}");
        }
    }

    //= spec-crate/spec/orders.md#amounts
    //= type=test
    //# A program that reads an amount from a person MUST take only a text of the form sign, one or more
    //# digits, and optionally a point with one or two digits, where the sign is `+` for a collect and `-` for
    //# a refund, in ASCII and with nothing around it.
    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        let refused = [
            ("", AmountError::Sign),
            ("12.34", AmountError::Sign),
            ("\u{ff0b}1", AmountError::Sign),
            (" +1", AmountError::Sign),
            ("+", AmountError::Number),
            ("+.5", AmountError::Number),
            ("+1.", AmountError::Number),
            ("+1.2.3", AmountError::Number),
            ("+1,50", AmountError::Number),
            ("+-1", AmountError::Number),
            ("+1e3", AmountError::Number),
            ("+\u{0661}", AmountError::Number),
            ("+1 ", AmountError::Number),
            ("+1.234", AmountError::Decimals),
            ("+1.000", AmountError::Decimals),
            ("+0.00", AmountError::Zero),
            ("-0", AmountError::Zero),
            ("+100000000.00", AmountError::TooLarge),
            ("-100000000", AmountError::TooLarge),
            ("+99999999999999999999999999", AmountError::TooLarge),
        ];
        for (text, reason) in refused {
            assert_eq!(Amount::parse_signed(text), Err(reason), "{text:?}");
        }
    }

    //= spec-crate/spec/orders.md#amounts
    //= type=test
    //# A HIS and a POS MUST refuse an order whose amount is 0, or more than 9,999,999,999 fen in either
    //# direction.
    #[test]
    fn fen_are_bounded_either_way_and_not_zero() {
        assert_eq!(Amount::from_fen(0), Err(AmountError::Zero));
        assert_eq!(Amount::from_fen(10_000_000_000), Err(AmountError::TooLarge));
        assert_eq!(Amount::from_fen(-10_000_000_000), Err(AmountError::TooLarge));
        assert_eq!(Amount::from_fen(i64::MIN), Err(AmountError::TooLarge));
        assert_eq!(Amount::from_fen(-1).unwrap().to_string(), "-0.01");
        assert_eq!(AmountError::TooLarge.to_string(), "the amount is above the greatest one, 99999999.99");
    }

    proptest! {
        #[test]
        fn every_amount_is_read_back_as_it_is_shown(fen in -9_999_999_999_i64..=9_999_999_999) {
            if let Ok(amount) = Amount::from_fen(fen) {
                prop_assert_eq!(Amount::parse_signed(&amount.to_string()), Ok(amount));
                prop_assert_eq!(amount.collects(), fen > 0);
            }
        }
    }
}
