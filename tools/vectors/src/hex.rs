//! Bytes as the vectors write them.

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the notation of the case tables: hexadecimal words; `HHxN` repeats a byte.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let bad = |word: &str| format!("not hexadecimal: {word}");
    let mut out = Vec::new();
    for word in text.split_ascii_whitespace() {
        let (digits, times) = word.split_once('x').unwrap_or((word, "1"));
        let times: usize = times.parse().map_err(|_| bad(word))?;
        let pairs = digits.as_bytes().chunks(2);
        let decoded: Option<Vec<u8>> = pairs
            .map(|pair| {
                u8::from_str_radix(str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()
            })
            .collect();
        out.extend(decoded.ok_or_else(|| bad(word))?.repeat(times));
    }
    Ok(out)
}

/// Hexadecimal words, in which a long repetition is written once: `HHxN`. Short bytes are one word.
pub(crate) fn words(bytes: &[u8]) -> String {
    const LONG: usize = 1_024;
    if bytes.len() < LONG {
        return hex(bytes);
    }
    let (mut out, mut plain, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match (1..=64).find_map(|period| repetition(rest, period)) {
            Some((unit, times)) => {
                if !plain.is_empty() {
                    out.push(hex(&plain));
                    plain.clear();
                }
                at += unit.len() * times;
                out.push(format!("{}x{times}", hex(unit)));
            }
            None => {
                plain.extend(rest.first());
                at += 1;
            }
        }
    }
    if !plain.is_empty() {
        out.push(hex(&plain));
    }
    out.join(" ")
}

/// The first so many bytes and how often they come, if that is often.
fn repetition(bytes: &[u8], period: usize) -> Option<(&[u8], usize)> {
    let unit = bytes.get(..period)?;
    let times = bytes.chunks(period).take_while(|chunk| *chunk == unit).count();
    (times * period >= 128 && times > 2).then_some((unit, times))
}
