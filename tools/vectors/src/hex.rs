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
