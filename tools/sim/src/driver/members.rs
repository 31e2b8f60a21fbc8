//! Members of lines: what is missing or of another type is named.

use serde_json::{Map, Value};

/// A line, or an object in one.
pub(crate) type Members = Map<String, Value>;

/// The greatest number that every reader of JSON takes exactly.
pub(crate) const GREATEST: u64 = (1 << 53) - 1;

/// The object of a value.
pub(crate) fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Members, String> {
    value.as_object().ok_or_else(|| format!("{what} is no object"))
}

/// A member; absent and `null` are the same.
pub(crate) fn maybe<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn needed<'a>(members: &'a Members, name: &str) -> Result<&'a Value, String> {
    maybe(members, name).ok_or_else(|| format!("member {name} is missing"))
}

/// A number from 0 to 2^53 - 1.
pub(crate) fn number(members: &Members, name: &str) -> Result<u64, String> {
    read_number(needed(members, name)?, name)
}

/// A number that may be absent.
pub(crate) fn maybe_number(members: &Members, name: &str) -> Result<Option<u64>, String> {
    maybe(members, name).map(|value| read_number(value, name)).transpose()
}

/// A number that is a value of its own.
pub(crate) fn read_number(value: &Value, name: &str) -> Result<u64, String> {
    value
        .as_u64()
        .filter(|number| *number <= GREATEST)
        .ok_or_else(|| format!("{name} is no number from 0 to 2^53 - 1"))
}

/// A number of 32 bits.
pub(crate) fn small(members: &Members, name: &str) -> Result<u32, String> {
    u32::try_from(number(members, name)?).map_err(|_| format!("{name} is above 2^32 - 1"))
}

/// A text.
pub(crate) fn text<'a>(members: &'a Members, name: &str) -> Result<&'a str, String> {
    needed(members, name)?.as_str().ok_or_else(|| format!("{name} is no text"))
}

/// A truth; absent is `false`.
pub(crate) fn truth(members: &Members, name: &str) -> Result<bool, String> {
    maybe(members, name)
        .map_or(Ok(false), |value| value.as_bool().ok_or_else(|| format!("{name} is not true or false")))
}

/// A list.
pub(crate) fn list<'a>(members: &'a Members, name: &str) -> Result<&'a [Value], String> {
    needed(members, name)?.as_array().map(Vec::as_slice).ok_or_else(|| format!("{name} is no list"))
}

/// Bytes of any length.
pub(crate) fn bytes(members: &Members, name: &str) -> Result<Vec<u8>, String> {
    unhex(text(members, name)?).ok_or_else(|| format!("{name} is not lower-case hexadecimal"))
}

/// Bytes of a given length.
pub(crate) fn fixed<const N: usize>(members: &Members, name: &str) -> Result<[u8; N], String> {
    let bytes = bytes(members, name)?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| format!("{name} has {length} bytes instead of {N}"))
}

/// A checked text, such as an order number.
pub(crate) fn checked<'a, T>(members: &'a Members, name: &str) -> Result<T, String>
where
    T: TryFrom<&'a str>,
    T::Error: std::fmt::Display,
{
    T::try_from(text(members, name)?).map_err(|error| format!("{name}: {error}"))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}

/// Bytes of lower-case hexadecimal.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
