//! Armour for mail: base64 (RFC 4648, canonical) between a line that begins and a line that ends.
//!
//! ```text
//! -----BEGIN HISPOS DEVICE MANIFEST-----
//! CAISEQ==
//! -----END HISPOS DEVICE MANIFEST-----
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::SIGNED_FILE_BYTES_MAX;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BEGIN: &str = "-----BEGIN HISPOS ";
const END: &str = "-----END HISPOS ";
const DASHES: &str = "-----";

/// Bytes of one line: 64 characters.
const LINE_BYTES: usize = 48;

/// Why armour cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Damaged {
    /// The line, from 1, that is not what it should be.
    Line(usize),
    /// More bytes than a signed file may have.
    TooLong(usize),
}

pub(super) fn write(name: &str, bytes: &[u8]) -> String {
    let name = name.to_ascii_uppercase();
    let mut text = [BEGIN, &name, DASHES, "\n"].concat();
    for line in bytes.chunks(LINE_BYTES) {
        for group in line.chunks(3) {
            let mut bits = 0_usize;
            (0..3).for_each(|place| {
                bits = bits << 8 | usize::from(group.get(place).copied().unwrap_or_default())
            });
            for place in 0..4 {
                let digit = ALPHABET.get(bits >> (18 - 6 * place) & 63).copied().unwrap_or_default();
                text.push(if place > group.len() { '=' } else { char::from(digit) });
            }
        }
        text.push('\n');
    }
    text + END + &name + DASHES + "\n"
}

/// Reads armour: the name in lower case, and the bytes. `None` if the bytes are no armour.
///
/// Text before and behind is passed over, as mail puts it there.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(String, Vec<u8>)>, Damaged> {
    let Ok(text) = core::str::from_utf8(bytes) else { return Ok(None) };
    //= spec-crate/spec/provisioning.md#armour
    //# A program that reads armour MUST ignore all lines before the first line that begins with `-----BEGIN
    //# HISPOS ` and all lines behind the END line, and white space at both ends of each line.
    let mut lines = text.lines().map(str::trim).zip(1..).skip_while(|(line, _)| !line.starts_with(BEGIN));
    let Some((first, number)) = lines.next() else { return Ok(None) };
    let name = first.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES));
    //= spec-crate/spec/provisioning.md#armour
    //# A program that reads armour MUST refuse it if the BEGIN line does not end with five hyphens, if the
    //# END line is missing or has another name than the BEGIN line, or if the name is not that of the kind of
    //# the file inside.
    let name = name.ok_or(Damaged::Line(number))?;
    let mut out = Vec::new();
    let (mut last, mut padded) = (number, false);
    for (line, number) in lines {
        last = number;
        //= spec-crate/spec/provisioning.md#armour
        //# A program that reads armour MUST ignore all lines before the first line that begins with
        //# `-----BEGIN HISPOS ` and all lines behind the END line, and white space at both ends of each line.
        //= spec-crate/spec/provisioning.md#armour
        //# A program that reads armour MUST refuse it if the BEGIN line does not end with five hyphens, if
        //# the END line is missing or has another name than the BEGIN line, or if the name is not that of the
        //# kind of the file inside.
        if line.strip_prefix(END).and_then(|rest| rest.strip_suffix(DASHES)) == Some(name) {
            return Ok(Some((name.to_ascii_lowercase(), out)));
        }
        for group in line.as_bytes().chunks(4) {
            // Padding ends the content.
            //= spec-crate/spec/provisioning.md#armour
            //# A program that reads armour MUST refuse it if a line between BEGIN and END has a character
            //# other than those of base64, does not consist of groups of four, has padding anywhere but at
            //# the end of the content, or has bits that are not zero behind the content in its last group.
            let bytes = if padded { None } else { decode_group(group, &mut out) };
            padded = bytes.ok_or(Damaged::Line(number))? < 3;
        }
        if out.len() > SIGNED_FILE_BYTES_MAX {
            return Err(Damaged::TooLong(out.len()));
        }
    }
    //= spec-crate/spec/provisioning.md#armour
    //# A program that reads armour MUST refuse it if the BEGIN line does not end with five hyphens, if the
    //# END line is missing or has another name than the BEGIN line, or if the name is not that of the kind of
    //# the file inside.
    Err(Damaged::Line(last))
}

/// Decodes four characters and tells how many bytes they gave; `None` if they are not canonical.
fn decode_group(group: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let digits = group.iter().position(|byte| *byte == b'=').unwrap_or(group.len());
    let (group, padding) = <&[u8; 4]>::try_from(group).ok()?.split_at_checked(digits)?;
    //= spec-crate/spec/provisioning.md#armour
    //# A program that reads armour MUST refuse it if a line between BEGIN and END has a character other than
    //# those of base64, does not consist of groups of four, has padding anywhere but at the end of the
    //# content, or has bits that are not zero behind the content in its last group.
    if digits < 2 || padding.iter().any(|byte| *byte != b'=') {
        return None;
    }
    let mut bits = 0_u32;
    for place in 0..4 {
        let value = match group.get(place) {
            //= spec-crate/spec/provisioning.md#armour
            //# A program that reads armour MUST refuse it if a line between BEGIN and END has a character
            //# other than those of base64, does not consist of groups of four, has padding anywhere but at
            //# the end of the content, or has bits that are not zero behind the content in its last group.
            Some(byte) => ALPHABET.iter().position(|digit| digit == byte)?,
            None => 0,
        };
        bits = bits << 6 | u32::try_from(value).ok()?;
    }
    let [_, decoded @ ..] = bits.to_be_bytes();
    let (decoded, rest) = decoded.split_at_checked(digits.checked_sub(1)?)?;
    //= spec-crate/spec/provisioning.md#armour
    //# A program that reads armour MUST refuse it if a line between BEGIN and END has a character other than
    //# those of base64, does not consist of groups of four, has padding anywhere but at the end of the
    //# content, or has bits that are not zero behind the content in its last group.
    if rest.iter().any(|byte| *byte != 0) {
        return None;
    }
    out.extend_from_slice(decoded);
    Some(decoded.len())
}
