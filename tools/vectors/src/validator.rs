//! Cases of the canonical validator: some made by hand, and every field with every kind of mutation.
//!
//! No message of version 1 nests deeply enough for step 8.

use hispos::codec::{self, Strict};
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cited, Mutation, Verdict, cited};
use crate::hex::{bytes, words};
use crate::schema::Schema;
use crate::systematic;

/// The canonical validator.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// How to check this file, in words.
    check: [&'static str; 4],
    cases: Vec<Case>,
}

/// One message.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Case {
    tc_id: u32,
    comment: String,
    requirements: Cited,
    /// The message's name in the schemas.
    message: String,
    /// Hexadecimal words; `HHxN` repeats the bytes HH.
    bytes: String,
    result: Verdict,
    /// The first step that fails, 1 to 10; 0 if valid.
    step: u8,
    /// Empty if valid.
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Mutation>,
}

/// Every case with the verdict of the crate's validator.
pub(crate) fn file(schema: &Schema) -> Result<File, String> {
    let mut cases = Vec::new();
    for &(message, text, comment) in CASES {
        cases.push(case(cases.len(), comment.to_owned(), message, &bytes(text)?, "", comment)?);
    }
    for strict in Strict::ALL {
        for made in systematic::of(schema, strict.name())? {
            let comment = format!("{}: {}", made.field, made.kind);
            let case = case(cases.len(), comment, &made.message, &made.bytes, &made.field, made.kind)?;
            if case.step != made.step {
                let Case { message, comment, step, .. } = case;
                return Err(format!("{message}: {comment}: step {step} and not {}", made.step));
            }
            cases.push(case);
        }
    }
    let check = [
        "Validate `bytes` as the message type `message` of proto/hispos/v1 in one pass over the stream.",
        "`step` is the first step that fails at the first field that fails; 0 means that the bytes are canonical.",
        "`mutation` of an invalid case is the message, the field by its path, and what was done to it.",
        "A canonical message, parsed and serialised again by a protobuf library, has to give `bytes` again.",
    ];
    Ok(File { check, cases })
}

fn case(
    place: usize,
    comment: String,
    message: &str,
    bytes: &[u8],
    field: &str,
    kind: &str,
) -> Result<Case, String> {
    let (result, step, reason) = match codec::check(Schema::strict(message)?, bytes) {
        Ok(()) => (Verdict::Valid, 0, ""),
        Err(violation) => (Verdict::Invalid, violation.step(), violation.reason()),
    };
    let requirements = match step {
        0 => cited("ENC-1"),
        // The steps are ENC-6 to ENC-15, in their order.
        step => cited(&format!("ENC-5 ENC-{}", step + 5)),
    };
    Ok(Case {
        tc_id: place as u32 + 1,
        comment,
        requirements,
        message: message.to_owned(),
        bytes: words(bytes),
        result,
        step,
        reason,
        mutation: Mutation::of(result, message, field, kind),
    })
}

/// Message, bytes (hexadecimal, `HHxN` repeats a byte), and what the case is about.
///
/// Nothing here says the verdict: the file gets it from the validator, and a second implementation judges it.
pub(crate) const CASES: &[(&str, &str, &str)] = &[
    // Canonical.
    ("Identity", "0a0141 1220 11x32", "shortest id"),
    ("Identity", "0a18 41x24 1220 11x32", "longest id"),
    (
        "HisHello",
        "0a0401020304 120101 1a10 33x16 2224 0801 1220 22x32 2a08 44x8 7a02 0801 7a09 08ffffffff0f 120100",
        "four versions; two extensions, one without data, one with the greatest id and a data byte 0",
    ),
    ("PosHello", "0801 1001 1a10 33x16 2220 22x32", "without extensions"),
    ("Auth", "0a40 0ax64 1240 55x64 1a20 66x32", "nested bytes are not entered"),
    ("OrderCore", "0a044a303031120444303031180120fe8fdfc04a28cccfd4093001", "the greatest collect order"),
    (
        "OrderCore",
        "0a044a3030321204443030311802209f9c0128cccfd40930013a210a044a3030311001180120904e2a02703132026f31 \
         3a026f324206e98080e6acbe",
        "a refund: field numbers begin anew inside a nested message",
    ),
    ("BookRecord", "08ffffffffffffffffff01 1001 220100 28ffffffffffffffffff01", "greatest 64-bit numbers"),
    (
        "Agreement",
        "08071204483030311a0453494d312201012a01013220 11x32 3a20 22x32 4203434e594a0c08a08d0610d086 \
         0318c09a0c522f0890bf0510f0930918a09c0120b81728e05d30d0860338e0d40340987548c0a90750a0870858 \
         90bf0560882768904e5a0308c007620c0a0a313930303030303130397001",
        "packed, nested, a sint32 and a bool",
    ),
    // Step 1: the key.
    ("PosHello", "8800 01", "key that is not minimal"),
    ("PosHello", "8880808000 01", "key that is not minimal, of five bytes"),
    ("PosHello", "888080808000 01", "key of six bytes"),
    ("PosHello", "8880808080", "key longer than five bytes, and cut off: too long comes first"),
    ("PosHello", "09 01x8", "64-bit wire type"),
    ("PosHello", "0b 0c", "group"),
    ("PosHello", "3d 01x4", "32-bit wire type of an unknown field: the key comes first"),
    // Step 2: known, and rising.
    ("PosHello", "0801 3001", "unknown field"),
    ("PosHello", "0001", "field number 0"),
    ("PosHello", "8080808010 01", "field number 2^29"),
    ("PosHello", "1001 0801", "field numbers that fall"),
    ("PosHello", "0801 0801", "a number twice"),
    ("PosHello", "0801 0a0141", "a number again, as bytes: the repetition comes first"),
    ("TerminalManifest", "0801 120141 120142", "a string twice"),
    ("HisHello", "0a0101 0a0102", "a second packed run of one field"),
    // Step 3: the declared wire type.
    ("PosHello", "0a0141", "a number as bytes"),
    ("TerminalManifest", "0801 1001", "a string as a number"),
    ("HisHello", "0801", "a packed field, element by element"),
    ("HisHello", "0a00", "an empty run"),
    // Step 4: varints.
    ("PosHello", "088100", "number that is not minimal"),
    ("PosHello", "08ffffffff1f", "33 bits for uint32"),
    ("PosHello", "088080808080", "number longer than five bytes, and cut off: too long comes first"),
    ("TerminalManifest", "0801 128100 41", "length that is not minimal"),
    ("HisHello", "0a8000", "length of an empty run that is not minimal"),
    ("HisHello", "0a028100", "packed element that is not minimal"),
    ("ResultCore", "6a10 0801 120170 18ffffffffffffffffff02", "65 bits for sint64, in a nested message"),
    ("Agreement", "7002", "bool 2"),
    // Step 5: no zero, nothing empty.
    ("PosHello", "0800", "a zero"),
    ("TerminalManifest", "0801 1200", "an empty string"),
    ("HisHello", "0a020100", "a zero in a run"),
    ("OrderCore", "0a0141 120142 1800", "an enum's 0"),
    ("HisHello", "0a0101 120101 1a10 33x16 2200", "an empty message"),
    ("HisHello", "0a050101010100", "a zero in a run that is also too long: elements come first"),
    // Step 6: lengths and numbers of elements.
    ("TerminalManifest", "0801 1205 41", "length beyond the message"),
    (
        "TerminalManifest",
        "0801 1219 20x25",
        "string longer than 24, of another class too: the length comes first",
    ),
    ("Identity", "0a0141 121f 11x31", "a byte missing of a fixed size"),
    ("Identity", "0a0141 1221 11x33", "a byte too many of a fixed size"),
    ("HisHello", "0a050101010101", "five versions"),
    (
        "HisHello",
        "0a0101 120101 1a10 33x16 2205 0801 120141 2205 0802 120141 2205 0800 120141",
        "a third share, whose content fails too: the number comes first",
    ),
    ("HisHello", "0a0101 120101 1a10 33x16 2205 0801 120241 42", "length beyond a nested message"),
    // Step 7: classes.
    ("Identity", "0a0120 1220 11x32", "a space in an id"),
    ("OrderCore", "0a016a", "a small letter in an order number"),
    ("ResultCore", "42017f", "DEL in a payment number"),
    ("OrderCore", "3a04 4202c080", "a reason that is not UTF-8"),
    ("OrderCore", "3a04 4202c285", "U+0085 in a reason"),
    // Step 9: required fields.
    ("Identity", "", "nothing at all"),
    ("Identity", "0a0141", "no public key"),
    ("HisHello", "0a0101 120101 1a10 33x16 2202 0801 2a08 44x8", "a nested message that lacks a field"),
    // Step 10: cut off.
    ("PosHello", "08", "number missing"),
    ("PosHello", "0881", "number cut off"),
    ("TerminalManifest", "0801 12", "length missing"),
    ("PosHello", "88", "key cut off"),
    ("HisHello", "0a0181", "element cut off by the end of its run, at the end of the message"),
    ("HisHello", "0a0181 120101", "element cut off by the end of its run, with more behind the run"),
    (
        "HisHello",
        "0a0101 120101 1a10 33x16 2201 08 2a08 44x8",
        "number cut off by the end of a nested message",
    ),
];
