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
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let Some(target) = meta(lines[index]) else {
            index += 1;
            continue;
        };
        let place = format!("{path}:{}", index + 1);
        index += 1;
        let mut kind = Kind::Implementation;
        while let Some(word) = lines.get(index).and_then(|line| meta(line)).filter(|word| word.contains('='))
        {
            kind = match word {
                "type=test" => Kind::Test,
                "type=implication" => Kind::Implication,
                _ => kind,
            };
            index += 1;
        }
        let mut quote = Vec::new();
        while let Some(part) = lines.get(index).and_then(|line| line.strip_prefix("//#")) {
            quote.push(part.trim());
            index += 1;
        }
        let above_test = is_test(&lines[index..]);
        found.push(Citation { place, target: target.to_owned(), kind, quote: quote.join(" "), above_test });
    }
    found
}

fn meta(line: &str) -> Option<&str> {
    line.strip_prefix("//=").map(str::trim)
}

/// Whether the next thing that is neither comment nor another attribute is a test.
fn is_test(lines: &[&str]) -> bool {
    let attributes = lines.iter().take_while(|line| line.starts_with("//") || line.starts_with("#["));
    attributes.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}
