//! The values of the worked example, from `spec-crate/vectors/example.json`.

use crate::root;
use serde_json::Value;

/// Digits in a line.
const DIGITS: usize = 64;
/// Columns of a value's name.
const NAME: usize = 16;

/// The generated part of a name, in a block of its own; the same in both editions.
pub(super) fn render(part: &str) -> Result<String, String> {
    let text = root::read(&root::root().join("spec-crate/vectors/example.json"))?;
    let file: Value = serde_json::from_str(&text).map_err(|error| format!("example.json: {error}"))?;
    Ok(format!("```text\n{}```\n", lines(&file, part)?))
}

/// The values of one part.
fn lines(file: &Value, part: &str) -> Result<String, String> {
    let named = |of: &str, names: &[&str]| -> Result<String, String> {
        names.iter().map(|name| Ok(shown(name, at(file, &format!("/{of}/{name}"))?))).collect()
    };
    let (kind, number) = part.split_once(':').unwrap_or((part, ""));
    match kind {
        "parties" => named(
            "site",
            &[
                "site_id",
                "terminal_id",
                "terminal_seed",
                "terminal_key",
                "device_id",
                "device_seed",
                "device_key",
                "site_secret",
            ],
        ),
        "agreement" => Ok(message(at(file, "/site/agreement")?)? + &named("site", &["agreement_hash"])?),
        "manifests" => {
            Ok(message(at(file, "/site/device_manifest")?)? + &message(at(file, "/site/terminal_manifest")?)?)
        }
        "draws" => named("draws", &["his", "pos"]),
        "m1" => Ok(named("handshake/elements", &["m1"])?
            + &named("handshake/frames", &["m1"])?.replacen("m1  ", "wire", 1)),
        "hello" => named("handshake/elements", &["hello"]),
        "schedule" => Ok(named(
            "handshake/transcript",
            &["t0", "th1", "th2", "th3", "th4", "th5", "th6", "th7", "th8"],
        )? + &named(
            "handshake/secrets",
            &["ss", "prk1", "hs_p", "key_p", "iv_p", "hs_h", "key_h", "iv_h", "prk2", "ap_h", "ap_p", "tag"],
        )?),
        "proofs" => named(
            "handshake/elements",
            &["identity_p", "signature_p", "confirm_p", "identity_h", "signature_h", "confirm_h"],
        ),
        "m2" => Ok(named("handshake/messages", &["auth_p", "m2"])?
            + &named("handshake/frames", &["m2"])?.replacen("m2  ", "wire", 1)),
        "m3" => Ok(named("handshake/messages", &["auth_h", "m3"])?
            + &named("handshake/frames", &["m3"])?.replacen("m3  ", "wire", 1)),
        "record" => record(at(file, &format!("/records/{}", place(number)?))?),
        "number" => named("order", &["bill", "generation", "number_input", "number_mac"]),
        "order" => Ok(message(at(file, "/order/core")?)? + &named("order", &["hash_input", "hash"])?),
        "code" => named("code", &["digits", "hash_input", "hash"]),
        "result" => Ok(message(at(file, "/result/result")?)?
            + &named("result", &["signature_input", "signature", "result_hash"])?),
        "journal" | "ledger" => kept(at(file, &format!("/{kind}/{}", place(number)?))?),
        _ => Err(format!("the example has no part {part}")),
    }
}

/// The place of a number that counts from 1.
fn place(number: &str) -> Result<usize, String> {
    let number: usize = number.parse().map_err(|_| format!("not a number: {number}"))?;
    number.checked_sub(1).ok_or_else(|| "the example counts from 1".to_owned())
}

fn at<'a>(value: &'a Value, path: &str) -> Result<&'a Value, String> {
    value.pointer(path).ok_or_else(|| format!("example.json has no {path}"))
}

/// One record of the session.
fn record(record: &Value) -> Result<String, String> {
    let mut text = message(at(record, "/plaintext")?)?;
    for name in [
        "sender",
        "type",
        "tag",
        "counter",
        "key",
        "iv",
        "nonce",
        "aad",
        "ciphertext",
        "aead_tag",
        "checksum",
        "frame",
        "wire",
    ] {
        text.push_str(&shown(name, at(record, &format!("/{name}"))?));
    }
    Ok(text)
}

/// One record of a book.
fn kept(kept: &Value) -> Result<String, String> {
    let row = at(kept, "/row")?;
    let mut fields = Vec::new();
    said("", at(row, "/decoded")?, &mut fields);
    let name = at(row, "/message")?.as_str().unwrap_or_default();
    let row: String = fields.iter().map(|(field, value)| format!("  {field} ={value}\n")).collect();
    let mut text = format!("{name}\n{row}{}", message(at(kept, "/record")?)?);
    for name in ["head", "anchor"] {
        text.push_str(&shown(name, at(kept, &format!("/{name}"))?));
    }
    Ok(text)
}

/// What the bytes of a message say, and the bytes.
fn message(message: &Value) -> Result<String, String> {
    let name = at(message, "/message")?.as_str().unwrap_or_default();
    let mut fields = Vec::new();
    said("", at(message, "/decoded")?, &mut fields);
    let said: String = fields.iter().map(|(field, value)| format!("  {field} ={value}\n")).collect();
    Ok(format!("{name}\n{said}{}", shown("  bytes", at(message, "/bytes")?)))
}

/// Each field that is there, by its path, in lines that do not run too long.
fn said(path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(inner) if inner.is_empty() => fields.push((path.to_owned(), " {}".to_owned())),
        Value::Object(inner) => inner.iter().for_each(|(name, value)| said(&below(name), value, fields)),
        Value::Array(inner) if inner.iter().all(Value::is_number) => {
            fields.push((path.to_owned(), format!(" {value}")));
        }
        Value::Array(inner) => {
            for (place, value) in inner.iter().enumerate() {
                said(&format!("{path}[{place}]"), value, fields);
            }
        }
        Value::String(text) => fields.push((path.to_owned(), wrapped(text, 4))),
        other => fields.push((path.to_owned(), format!(" {other}"))),
    }
}

/// A name and its value, wrapped behind the name.
fn shown(name: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => wrapped(text, NAME),
        Value::Array(values) => {
            let lines: Vec<String> =
                values.iter().map(|value| wrapped(value.as_str().unwrap_or_default(), NAME)).collect();
            lines.join(&format!("\n{}", " ".repeat(NAME)))
        }
        other => other.to_string(),
    };
    format!("{name:NAME$}{text}\n")
}

/// Long hexadecimal in lines of 64 digits, those behind the first indented.
fn wrapped(text: &str, indent: usize) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(DIGITS).filter_map(|line| str::from_utf8(line).ok()).collect();
    if indent < NAME && lines.len() > 1 {
        let begin = format!("\n{}", " ".repeat(indent));
        return lines.iter().map(|line| format!("{begin}{line}")).collect();
    }
    let between = if indent < NAME { " " } else { "" };
    format!("{between}{}", lines.join(&format!("\n{}", " ".repeat(indent))))
}
