//! HMAC-SHA256 over requests and answers, and hex.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A shared secret or a key of the book's own.
pub type Key = [u8; 32];

/// HMAC-SHA256 of the parts, one after the other.
pub fn digest(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    started(key, parts).finalize().into_bytes().into()
}

/// Whether `hex` is the HMAC-SHA256 of the parts; compared in constant time.
pub fn verify(key: &Key, parts: &[&[u8]], hex: &str) -> bool {
    from_hex(hex).is_some_and(|tag| started(key, parts).verify_slice(&tag).is_ok())
}

/// The parts that the signature of a request covers.
pub fn request_parts<'a>(path: &'a str, body: &'a [u8]) -> [&'a [u8]; 4] {
    [b"POST\n", path.as_bytes(), b"\n", body]
}

/// The signature of an answer, bound to the request that it answers.
pub fn sign_answer(key: &Key, status: u16, request_signature: &str, body: &[u8]) -> String {
    let head = format!("{status}\n{request_signature}\n");
    to_hex(&digest(key, &[head.as_bytes(), body]))
}

/// Lower-case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a hex text of even length; none for anything else.
pub fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit)).collect())
}

fn started(key: &Key, parts: &[&[u8]]) -> Hmac<Sha256> {
    // A key shorter than the block is padded with zeros, as HMAC itself does.
    let mut block = [0_u8; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac
}
