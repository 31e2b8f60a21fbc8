//! The characters at the edges of each class, inside and outside.

/// A kind and its characters.
pub(crate) type Characters = &'static [(&'static str, &'static [u8])];

/// What a class allows and what it does not: kinds and characters.
pub(crate) fn characters(class: &str) -> Option<(Characters, Characters)> {
    const ORDER_NO: (Characters, Characters) = (
        &[("digit 9", b"9"), ("letter A", b"A"), ("letter Z", b"Z")],
        &[
            ("slash", b"/"),
            ("colon", b":"),
            ("at sign", b"@"),
            ("bracket", b"["),
            ("small letter", b"a"),
            ("space", b" "),
            ("letter of two bytes", "é".as_bytes()),
        ],
    );
    const IDENTIFIER: (Characters, Characters) = (
        &[("dot", b"."), ("hyphen", b"-"), ("underscore", b"_"), ("letter z", b"z"), ("letter Z", b"Z")],
        &[
            ("slash", b"/"),
            ("colon", b":"),
            ("at sign", b"@"),
            ("brace", b"{"),
            ("space", b" "),
            ("star", b"*"),
            ("letter of two bytes", "é".as_bytes()),
        ],
    );
    const VISIBLE: (Characters, Characters) = (
        &[("exclamation mark", b"!"), ("tilde", b"~")],
        &[
            ("space", b" "),
            ("NUL", b"\0"),
            ("LF", b"\n"),
            ("DEL", b"\x7f"),
            ("letter of two bytes", "é".as_bytes()),
        ],
    );
    const TEXT: (Characters, Characters) = (
        &[
            ("space", b" "),
            ("character of two bytes", "é".as_bytes()),
            ("first character behind the controls", b"\xC2\xA0"),
            ("character of three bytes", "项".as_bytes()),
            ("last character before the surrogates", b"\xED\x9F\xBF"),
            ("character of four bytes", b"\xF0\x9F\x8F\xA5"),
            ("greatest character", b"\xF4\x8F\xBF\xBF"),
        ],
        &[
            ("NUL", b"\0"),
            ("control character U+001F", b"\x1F"),
            ("DEL", b"\x7f"),
            ("control character U+0080", b"\xC2\x80"),
            ("control character U+009F", b"\xC2\x9F"),
            ("overlong form of two bytes", b"\xC0\xAF"),
            ("overlong form of three bytes", b"\xE0\x80\xAF"),
            ("surrogate", b"\xED\xA0\x80"),
            ("character above U+10FFFF", b"\xF4\x90\x80\x80"),
            ("character cut off", b"\xE9\xA1"),
            ("continuation byte alone", b"\x80"),
        ],
    );
    match class {
        "ORDER_NO" => Some(ORDER_NO),
        "IDENTIFIER" => Some(IDENTIFIER),
        "VISIBLE" => Some(VISIBLE),
        "TEXT" => Some(TEXT),
        _ => None,
    }
}
