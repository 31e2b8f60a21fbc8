//! Names of sites, ends, orders and runs, as checked values.
//!
//! Specified in spec: identities; order numbers.

use alloc::string::String;
use core::fmt;

use crate::limits::{ID_BYTES_MAX, SITE_CODE_BYTES};

/// Declares a checked text: what it is, its lengths in bytes, and its characters.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $lengths:expr, $characters:expr) => {
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                checked($what, text.as_bytes(), $lengths, $characters).map(Self)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(text: &[u8]) -> Result<Self, IdError> {
                checked($what, text, $lengths, $characters).map(Self)
            }
        }

        impl core::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text)
            }
        }
    };
}

/// Lets a text be shown.
macro_rules! shown {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

text_id!(
    /// A hospital site: 1 to 24 of `[0-9A-Za-z._-]`.
    SiteId, "site id", (1, ID_BYTES_MAX), IDENTIFIER
);
shown!(SiteId);

text_id!(
    /// A payment terminal, as the device manifest names it: 1 to 24 of `[0-9A-Za-z._-]`.
    DeviceId, "device id", (1, ID_BYTES_MAX), IDENTIFIER
);
shown!(DeviceId);

text_id!(
    /// A software terminal of HIS, as the terminal manifest names it: 1 to 24 of `[0-9A-Za-z._-]`.
    TerminalId, "terminal id", (1, ID_BYTES_MAX), IDENTIFIER
);
shown!(TerminalId);

text_id!(
    /// A member of the staff: 1 to 24 of `[0-9A-Za-z._-]`. It names a person, so `Debug` hides it and there is no
    /// `Display`.
    OperatorId, "operator id", (1, ID_BYTES_MAX), IDENTIFIER
);

impl fmt::Debug for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorId(..)")
    }
}

text_id!(
    /// An order's number, unique at its site for ever: 1 to 24 of `[0-9A-Z]`.
    //= spec-crate/spec/orders.md#order-numbers
    //# An order number MUST have 1 to 24 characters of `[0-9A-Z]`.
    OrderNo, "order number", (1, ID_BYTES_MAX), CAPITALS
);
shown!(OrderNo);

text_id!(
    /// What leads every platform number of a site: exactly 4 of `[0-9A-Z]`.
    SiteCode, "site code", (SITE_CODE_BYTES, SITE_CODE_BYTES), CAPITALS
);
shown!(SiteCode);

impl SiteCode {
    /// Whether the site is simulated: no money moves there.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.0.starts_with("SIM")
    }
}

text_id!(
    /// The number under which a payment platform knows an order: see [`platform_number`].
    PlatformNumber, "platform number", (PLATFORM_NUMBER_MIN, PLATFORM_NUMBER_MAX), CAPITALS
);
shown!(PlatformNumber);

const PLATFORM_NUMBER_MIN: usize = SITE_CODE_BYTES + 2;
const PLATFORM_NUMBER_MAX: usize = SITE_CODE_BYTES + ID_BYTES_MAX + 1;

impl PlatformNumber {
    /// What the number stands for, or `None` if no order gives such a number.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| self.0.ends_with(purpose.letter()))
    }

    //= spec-crate/spec/catalogue.md#platform-numbers
    //# A program that reads a platform number back MUST refuse one with fewer than 6 or more than 29
    //# characters, with a character other than `[0-9A-Z]`, or that ends with another letter than W, A or R.
    /// The order whose number this is.
    #[must_use]
    pub fn order_no(&self) -> Option<OrderNo> {
        let end = self.0.len().checked_sub(1)?;
        self.purpose().and_then(|_| OrderNo::try_from(self.0.get(SITE_CODE_BYTES..end)?).ok())
    }
}

/// What an order asks a platform for: the last letter of its number there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Purpose {
    /// A payment by WeChat Pay.
    Wechat,
    /// A payment by Alipay.
    Alipay,
    /// A refund, on either.
    Refund,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Wechat, Self::Alipay, Self::Refund];

    /// The letter that ends the platform number.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Wechat => 'W',
            Self::Alipay => 'A',
            Self::Refund => 'R',
        }
    }
}

/// The number of an order at a platform: site code, order number, letter; at most 29 of `[0-9A-Z]`.
///
/// It is a function and not a memory, so every device and every HIS finds the same one.
/// Specified in spec: order numbers.
#[must_use]
pub fn platform_number(site: &SiteCode, order: &OrderNo, purpose: Purpose) -> PlatformNumber {
    //= spec-crate/spec/orders.md#order-numbers
    //# A POS and a HIS MUST form the platform number of an order as in the diagram above, with the site code
    //# of the agreement that the order's core names.
    let mut number = String::with_capacity(PLATFORM_NUMBER_MAX);
    number.push_str(&site.0);
    number.push_str(&order.0);
    number.push(purpose.letter());
    PlatformNumber(number)
}

/// Declares an id of random bytes, shown in hexadecimal.
macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name([u8; $length]);

        impl $name {
            /// The id of these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                <[u8; $length]>::try_from(bytes).map(Self).map_err(|_| IdError::Length {
                    what: $what,
                    min: $length,
                    max: $length,
                    got: bytes.len(),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

byte_id!(
    /// One run of a POS program: drawn at its start.
    RunId, "run id", 4
);

byte_id!(
    /// One book, a journal or a ledger: drawn when it begins.
    BookId, "book id", 8
);

/// Characters that a text may consist of.
struct Characters {
    shown: &'static str,
    hold: fn(u8) -> bool,
}

const IDENTIFIER: Characters = Characters {
    shown: "[0-9A-Za-z._-]",
    hold: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'),
};

const CAPITALS: Characters =
    Characters { shown: "[0-9A-Z]", hold: |byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() };

//= spec-crate/spec/catalogue.md#forms-of-numbers
//# A program MUST NOT change an id by trimming, folding case or normalising.
fn checked(
    what: &'static str,
    text: &[u8],
    (min, max): (usize, usize),
    characters: Characters,
) -> Result<String, IdError> {
    if text.len() < min || text.len() > max {
        return Err(IdError::Length { what, min, max, got: text.len() });
    }
    if let Some(at) = text.iter().position(|byte| !(characters.hold)(*byte)) {
        return Err(IdError::Character { what, at, allowed: characters.shown });
    }
    Ok(text.iter().map(|byte| char::from(*byte)).collect())
}

/// Why a text or bytes are no id.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IdError {
    /// The length is out of bounds.
    Length {
        /// What the id names.
        what: &'static str,
        /// Least length in bytes.
        min: usize,
        /// Greatest length in bytes.
        max: usize,
        /// The length found.
        got: usize,
    },
    /// A character is not allowed.
    Character {
        /// What the id names.
        what: &'static str,
        /// Its offset in bytes.
        at: usize,
        /// The characters that are.
        allowed: &'static str,
    },
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { what, min, max, got } if min == max => {
                write!(f, "the {what} has {got} bytes: give exactly {max}")
            }
            Self::Length { what, min, max, got } => {
                write!(f, "the {what} has {got} bytes: give {min} to {max}")
            }
            Self::Character { what, at, allowed } => {
                write!(f, "the {what} has another character than {allowed} at byte {at}")
            }
        }
    }
}

impl core::error::Error for IdError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    //= spec-crate/spec/catalogue.md#forms-of-numbers
    //= type=test
    //# A program MUST NOT change an id by trimming, folding case or normalising.
    #[test]
    fn an_id_has_1_to_24_characters_of_its_class() {
        for good in ["a", "HIS-TERM-0123456789.abcd", "POS_1"] {
            assert_eq!(DeviceId::try_from(good).unwrap().to_string(), good);
            assert_eq!(TerminalId::try_from(good.as_bytes()).unwrap().as_str(), good);
        }
        let length = |got| IdError::Length { what: "site id", min: 1, max: 24, got };
        assert_eq!(SiteId::try_from(""), Err(length(0)));
        assert_eq!(SiteId::try_from("HIS-TERM-0123456789.abcde"), Err(length(25)));
        for bad in ["a b", "a/b", "a\u{e9}", "a:b", "a\0b"] {
            assert!(matches!(SiteId::try_from(bad), Err(IdError::Character { at: 1, .. })), "{bad:?}");
        }
        assert!(SiteId::try_from(&[b'a', 0xff][..]).is_err());
        assert_ne!(SiteId::try_from("site"), SiteId::try_from("SITE"));
        assert!([" a", "a ", "a\n"].iter().all(|spaced| SiteId::try_from(*spaced).is_err()));
    }

    //= spec-crate/spec/orders.md#order-numbers
    //= type=test
    //# An order number MUST have 1 to 24 characters of `[0-9A-Z]`.
    #[test]
    fn order_numbers_and_site_codes_are_digits_and_capitals() {
        assert!(OrderNo::try_from("B0123456789ABCDEFGHJKMNP").is_ok());
        assert!(OrderNo::try_from("B0123456789ABCDEFGHJKMNPQ").is_err());
        assert!(OrderNo::try_from("b1").is_err());
        assert!(OrderNo::try_from("B-1").is_err());
        assert!(SiteCode::try_from("H001").is_ok());
        for bad in ["H01", "H0001", "h001"] {
            assert!(SiteCode::try_from(bad).is_err(), "{bad}");
        }
        assert_eq!(
            SiteCode::try_from("H01").unwrap_err().to_string(),
            "the site code has 3 bytes: give exactly 4"
        );
    }

    #[test]
    fn a_site_code_tells_whether_the_site_is_simulated() {
        assert!(SiteCode::try_from("SIM1").unwrap().is_simulated());
        assert!(!SiteCode::try_from("XSIM").unwrap().is_simulated());
    }

    //= spec-crate/spec/orders.md#order-numbers
    //= type=test
    //# A POS and a HIS MUST form the platform number of an order as in the diagram above, with the site code
    //# of the agreement that the order's core names.
    //= spec-crate/spec/catalogue.md#platform-numbers
    //= type=test
    //# A program that reads a platform number back MUST refuse one with fewer than 6 or more than 29
    //# characters, with a character other than `[0-9A-Z]`, or that ends with another letter than W, A or R.
    #[test]
    fn a_platform_number_is_a_function_of_site_order_and_purpose() {
        let site = SiteCode::try_from("H001").unwrap();
        let order = OrderNo::try_from("B0123456789ABCDEFGHJKMNP").unwrap();
        for (purpose, letter) in [(Purpose::Wechat, "W"), (Purpose::Alipay, "A"), (Purpose::Refund, "R")] {
            let number = platform_number(&site, &order, purpose);
            assert_eq!(number.as_str(), ["H001", order.as_str(), letter].concat());
            assert_eq!(number.as_str().len(), 29);
            assert_eq!(number.purpose(), Some(purpose));
            assert_eq!(number.order_no().as_ref(), Some(&order));
            assert_eq!(PlatformNumber::try_from(number.as_str()).as_ref(), Ok(&number));
        }
        assert_eq!(PlatformNumber::try_from("H001ABCX").unwrap().order_no(), None);
        let longest = alloc::format!("H001{}W", "B".repeat(24));
        assert!(PlatformNumber::try_from(longest.as_str()).is_ok_and(|number| number.order_no().is_some()));
        for bad in ["H001W", &alloc::format!("B{longest}"), "H001bW", "H001B W", "H001-BW"] {
            assert!(PlatformNumber::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_of_bytes_have_exactly_their_length() {
        assert_eq!(RunId::try_from(&[0xab, 1, 2, 3][..]).unwrap().to_string(), "ab010203");
        assert!(RunId::try_from(&[1, 2, 3][..]).is_err());
        assert!(BookId::try_from(&[0; 9][..]).is_err());
        assert_eq!(BookId::from_bytes([7; 8]).as_bytes(), &[7; 8]);
    }

    #[test]
    fn an_operator_is_not_printed() {
        let operator = OperatorId::try_from("zhang.san").unwrap();
        assert_eq!(alloc::format!("{operator:?}"), "OperatorId(..)");
    }
}
