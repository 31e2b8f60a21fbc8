//! Order numbers that a ledger restored from backup makes again.
//!
//! The number is a function of what the order is for: the same bill gets the same number again, and another bill never
//! a used one. Specified in spec: order numbers.

use alloc::string::String;
use alloc::vec::Vec;

use super::order::Kind;
use crate::crypto::Secret;
use crate::crypto::hash::hmac_sha256;
use crate::ids::{IdError, OrderNo};
use crate::labels;
use crate::platform::Channel;

/// Digits and capitals without I, L, O and U: nothing is taken for another when read aloud or from a phone.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters behind the leading `B`: 95 bits.
const CHARACTERS: usize = 19;

/// Derives the number of an order.
///
/// For a collect, `key` is the bill key and `generation` the number of earlier orders of that bill, however they
/// ended. For a refund, `key` is [`refund_key`] and `generation` the number of earlier refunds of that item.
///
/// # Errors
///
/// [`IdError::Length`] if the key is empty or longer than 65,535 bytes.
pub fn derive_order_no(
    site_secret: &Secret<32>,
    kind: Kind,
    key: &[u8],
    generation: u32,
) -> Result<OrderNo, IdError> {
    let too_long = IdError::Length { what: "bill key", min: 1, max: usize::from(u16::MAX), got: key.len() };
    let length = u16::try_from(key.len()).map_err(|_| too_long)?;
    if length == 0 {
        return Err(too_long);
    }
    //= spec-crate/spec/orders.md#order-numbers
    //# A HIS that derives order numbers MUST compute them exactly as in the diagram above.
    let head = [0, if kind == Kind::Collect { 1 } else { 2 }];
    let parts = [labels::ORDER_NUMBER, &head, &length.to_be_bytes(), key, &generation.to_be_bytes()];
    //= spec-crate/spec/orders.md#order-numbers
    //# A HIS MUST NOT put anything about the patient, the bill or the department into an order number in a
    //# form that can be read back.
    let mac = hmac_sha256(site_secret.expose(), &parts);
    let mut number = String::from("B");
    for place in 0..CHARACTERS {
        let value = bits(&mac, place.saturating_mul(5));
        number.push(char::from(ALPHABET.get(value).copied().unwrap_or(b'0')));
    }
    OrderNo::try_from(number.as_str())
}

/// The key of a refund: original order number, channel and item, each behind its length or in one byte.
#[must_use]
pub fn refund_key(original: &OrderNo, channel: Channel, item: &str) -> Vec<u8> {
    //= spec-crate/spec/orders.md#order-numbers
    //# A HIS that derives order numbers MUST compute them exactly as in the diagram above.
    let number = original.as_str().as_bytes();
    let channel = if channel == Channel::Wechat { 1 } else { 2 };
    // An order number has at most 24 bytes.
    [&[number.len() as u8], number, &[channel], item.as_bytes()].concat()
}

/// Five bits from a place on, the most significant first.
fn bits(bytes: &[u8], from: usize) -> usize {
    (from..from.saturating_add(5)).fold(0, |value, place| {
        let byte = bytes.get(place / 8).copied().unwrap_or_default();
        (value << 1) | usize::from(byte >> (7 - place % 8) & 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    fn secret() -> Secret<32> {
        Secret::new([7; 32])
    }

    //= spec-crate/spec/orders.md#order-numbers
    //= type=test
    //# A HIS MUST NOT put anything about the patient, the bill or the department into an order number in a
    //# form that can be read back.
    //= spec-crate/spec/orders.md#order-numbers
    //= type=test
    //# A HIS that derives order numbers MUST compute them exactly as in the diagram above.
    #[test]
    fn a_number_is_b_and_19_characters_that_are_not_mistaken() {
        let number = derive_order_no(&secret(), Kind::Collect, b"bill-1", 0).unwrap();
        assert_eq!(number.as_str().len(), 20);
        assert!(number.as_str().starts_with('B'));
        assert!(number.as_str().bytes().skip(1).all(|byte| ALPHABET.contains(&byte)));
        // Computed with another implementation of HMAC-SHA-256.
        assert_eq!(number.as_str(), "BR816CGQ7VC793192XF6");
    }

    //= spec-crate/spec/orders.md#order-numbers
    //= type=test
    //# A HIS that derives order numbers MUST compute them exactly as in the diagram above.
    #[test]
    fn each_input_changes_the_number_and_nothing_else_does() {
        fn derive(secret: u8, kind: Kind, key: &[u8], generation: u32) -> OrderNo {
            derive_order_no(&Secret::new([secret; 32]), kind, key, generation).unwrap()
        }
        let numbers = [
            derive(7, Kind::Collect, b"bill-1", 0),
            derive(8, Kind::Collect, b"bill-1", 0),
            derive(7, Kind::Refund, b"bill-1", 0),
            derive(7, Kind::Collect, b"bill-2", 0),
            derive(7, Kind::Collect, b"bill-10", 0),
            derive(7, Kind::Collect, b"bill-1", 1),
            derive(7, Kind::Collect, b"bill-1", 1 << 24),
        ];
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
        assert_eq!(derive(7, Kind::Collect, b"bill-1", 0), numbers[0]);
    }

    //= spec-crate/spec/orders.md#order-numbers
    //= type=test
    //# A HIS that derives order numbers MUST compute them exactly as in the diagram above.
    #[test]
    fn the_first_95_bits_count() {
        assert_eq!(bits(&[0b1010_1101, 0b1000_0000], 0), 0b10101);
        assert_eq!(bits(&[0b1010_1101, 0b1000_0000], 5), 0b10110);
        assert_eq!(bits(&[0xff; 12], 90), 0b11111);
    }

    #[test]
    fn a_key_has_1_to_65535_bytes() {
        assert!(derive_order_no(&secret(), Kind::Collect, b"", 0).is_err());
        assert!(derive_order_no(&secret(), Kind::Collect, &[1; 65_535], 0).is_ok());
        assert!(derive_order_no(&secret(), Kind::Collect, &[1; 65_536], 0).is_err());
    }

    //= spec-crate/spec/orders.md#order-numbers
    //= type=test
    //# A HIS that derives order numbers MUST compute them exactly as in the diagram above.
    #[test]
    fn refunds_of_different_originals_channels_and_items_have_different_keys() {
        let no = |text| OrderNo::try_from(text).unwrap();
        let keys = [
            refund_key(&no("B1"), Channel::Wechat, "x"),
            refund_key(&no("B1"), Channel::Alipay, "x"),
            refund_key(&no("B1"), Channel::Wechat, "y"),
            refund_key(&no("B1X"), Channel::Wechat, ""),
        ];
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }
}
