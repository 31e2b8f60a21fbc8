//! Scanned texts and what they are, by the ranges of the schemas.

use prost_reflect::DynamicMessage;
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cases, Fault};
use crate::schema::{Schema, text, word};

/// A scanned text.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Scan {
    /// As the scanner sent it, without the CR or LF that ended it.
    text: String,
    /// 1 WeChat Pay, 2 Alipay; absent: refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u8>,
    /// The digits to pay with.
    #[serde(skip_serializing_if = "Option::is_none")]
    digits: Option<String>,
}

/// Digits of an insurance code.
const INSURANCE: usize = 28;

/// Every case.
pub(crate) fn file(schema: &Schema) -> Result<Cases<Scan>, String> {
    let ranges = schema.rows("code_range");
    let mut file = Cases::new(vec![
        "`text` is scanned; a valid one is a payment code of `channel` with `digits`. All codes are made up.",
        "An invalid one is refused; `reaction` is what the patient is told: one of the kinds that PAY-94 tells apart.",
    ]);
    for (kind, scanned) in texts() {
        let read = recognise(&scanned, &ranges);
        let (channel, digits) =
            read.clone().map_or((None, None), |(channel, digits)| (Some(channel), Some(digits)));
        let what = Scan { text: scanned, channel, digits };
        match read {
            Ok(_) => file.valid(&kind, "PAY-89 PAY-93", what),
            Err(refusal) => {
                let cited = match refusal {
                    "insurance" => "PAY-92 PAY-94",
                    "empty" | "not_digits" | "full_width" | "link" => "PAY-91 PAY-94",
                    _ => "PAY-93 PAY-94 PAY-95",
                };
                let fault = Fault {
                    reason: "no payment code",
                    reaction: refusal,
                    mutation: ("code", refusal, &kind),
                };
                file.invalid(&kind, cited, what, &fault);
            }
        }
    }
    Ok(file)
}

/// Kinds and texts.
fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let digits = |lead: &str, length: usize| format!("{lead:0<length$}");
    for lead in ["10", "11", "12", "13", "14", "15"] {
        for length in [16, 17, 18, 19, 24] {
            texts.push((format!("{length} digits that begin with {lead}"), digits(lead, length)));
        }
    }
    for lead in ["25", "26", "27", "28", "29", "30"] {
        for length in 14..=26 {
            texts.push((format!("{length} digits that begin with {lead}"), digits(lead, length)));
        }
    }
    for lead in ["09", "16", "19", "20", "24", "31", "40", "62", "99", "00"] {
        for length in [16, 18, 19, 20] {
            texts.push((format!("{length} digits that begin with {lead}"), digits(lead, length)));
        }
    }
    for lead in ["42", "13", "28", "62", "00"] {
        texts.push((format!("28 digits that begin with {lead}"), digits(lead, INSURANCE)));
    }
    let good = digits("13", 18);
    for (kind, text) in [
        ("nothing", String::new()),
        ("spaces", "   ".into()),
        ("control characters", "\t\u{7f}\u{1}".into()),
        ("spaces around a code", format!(" {good} ")),
        ("a TAB behind a code", format!("{good}\t")),
        ("a STX and an ETX around a code", format!("\u{2}{good}\u{3}")),
        ("a DEL before a code", format!("\u{7f}{good}")),
        ("a space inside a code", format!("13 {}", good.get(2..).unwrap_or_default())),
        ("a hyphen inside a code", format!("13-{}", good.get(2..).unwrap_or_default())),
        ("a letter at the end of a code", format!("{}A", good.get(..17).unwrap_or_default())),
        ("a no-break space behind a code", format!("{good}\u{a0}")),
        ("an electronic insurance code", format!("opc{}", "1".repeat(25))),
        ("an electronic insurance code in capitals", format!("OPC{}", "1".repeat(25))),
        ("an electronic insurance code of 27 characters", format!("opc{}", "1".repeat(24))),
        ("an electronic insurance code with letters", format!("oPc{}", "aZ9bY".repeat(5))),
        ("a web address", "https://example.org/pay".into()),
        ("a link of WeChat Pay for receiving", "wxp://f2f0abcdef".into()),
        ("a short link of WeChat Pay", "WXP:f2f0".into()),
        ("a web address without a scheme", "www.example.org".into()),
        ("a web address in capitals", "WWW.EXAMPLE.ORG".into()),
        ("a link inside other text", "see http://example.org".into()),
        ("full-width digits", "１３４５６７８９０１２３４５６７８９".into()),
        ("full-width and other digits", "13４567890123456789".into()),
        ("digits of another script", "١٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩".into()),
        ("a word", "hello".into()),
        ("Chinese text", "付款码".into()),
        ("a sign before a code", format!("+{good}")),
        ("one digit", "1".into()),
        ("a hundred digits", "1".repeat(100)),
        ("512 digits", "2".repeat(512)),
    ] {
        texts.push((kind.to_owned(), text));
    }
    texts
}

/// Channel and digits, or what the patient is told.
fn recognise(scanned: &str, ranges: &[DynamicMessage]) -> Result<(u8, String), &'static str> {
    let code = scanned.trim_matches(|c: char| c.is_ascii_control() || c == ' ');
    let lower = code.to_ascii_lowercase();
    let is_wide = |c: char| ('\u{ff10}'..='\u{ff19}').contains(&c);
    let number = |row: &DynamicMessage, field: &str| {
        row.get_field_by_name(field).and_then(|value| value.as_u32()).unwrap_or(0) as usize
    };
    let got = code.len();
    if code.is_empty() {
        return Err("empty");
    }
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(match () {
            () if code.chars().all(|c| c.is_ascii_digit() || is_wide(c)) => "full_width",
            () if code.contains("://") || lower.starts_with("wxp:") || lower.starts_with("www.") => "link",
            () if lower.starts_with("opc") && got == INSURANCE => "insurance",
            () => "not_digits",
        });
    }
    if got == INSURANCE {
        return Err("insurance");
    }
    let begins = |row: &&DynamicMessage| {
        let (first, last) = (text(row, "first"), text(row, "last"));
        code.get(..first.len()).is_some_and(|lead| first.as_str() <= lead && lead <= last.as_str())
    };
    let range = ranges.iter().find(begins).ok_or("unknown")?;
    let fits = (number(range, "length_min")..=number(range, "length_max")).contains(&got);
    match word(range, "kind").as_str() {
        "CODE_KIND_WECHAT" if fits => Ok((1, code.to_owned())),
        "CODE_KIND_ALIPAY" if fits => Ok((2, code.to_owned())),
        "CODE_KIND_WECHAT" | "CODE_KIND_ALIPAY" => Err("length"),
        "CODE_KIND_UNIONPAY" if fits => Err("unionpay"),
        _ => Err("unknown"),
    }
}
