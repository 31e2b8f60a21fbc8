//! Quotations of the specification in comments.

/// What a quotation claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The code below implements it.
    Implementation,
    /// The test below tests it.
    Test,
    /// Both at once: it holds by construction.
    Implication,
}

/// One quotation.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Citation {
    /// `file:line`.
    pub(super) place: String,
    pub(super) target: String,
    pub(super) kind: Kind,
    /// What is quoted, on one line.
    pub(super) quote: String,
    /// Whether a `#[test]` follows.
    pub(super) above_test: bool,
}

/// The quotations of a file.
pub(super) fn read(path: &str, text: &str) -> Vec<Citation> {
    let mut lines = text.lines().map(str::trim).enumerate().peekable();
    let mut found = Vec::new();
    while let Some((index, line)) = lines.next() {
        let Some(target) = meta(line) else { continue };
        let mut kind = Kind::Implementation;
        while let Some((_, line)) =
            lines.next_if(|(_, line)| meta(line).is_some_and(|word| word.contains('=')))
        {
            kind = match meta(line) {
                Some("type=test") => Kind::Test,
                Some("type=implication") => Kind::Implication,
                _ => kind,
            };
        }
        let mut quote = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with("//#")) {
            quote.push(line.trim_start_matches("//#").trim());
        }
        let above_test = is_test(lines.clone().map(|(_, line)| line));
        let place = format!("{path}:{}", index + 1);
        found.push(Citation { place, target: target.to_owned(), kind, quote: quote.join(" "), above_test });
    }
    found
}

fn meta(line: &str) -> Option<&str> {
    line.strip_prefix("//=").map(str::trim)
}

/// Whether the next thing that is neither comment nor another attribute is a test.
fn is_test<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let mut attributes = lines.take_while(|line| line.starts_with("//") || line.starts_with("#["));
    attributes.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}
