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

impl Kind {
    /// It shows where a requirement is implemented.
    pub(super) fn implements(self) -> bool {
        self != Self::Test
    }

    /// It shows that a requirement is tested, or needs no test.
    pub(super) fn tests(self) -> bool {
        self != Self::Implementation
    }
}

/// One quotation.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Citation {
    /// The file, from the repository's root.
    pub(super) path: String,
    /// Its first line, from 1.
    pub(super) line: usize,
    /// The line below it and below the quotations that follow it directly, from 1.
    pub(super) below: usize,
    pub(super) target: String,
    pub(super) kind: Kind,
    /// What is quoted, on one line.
    pub(super) quote: String,
    /// The name of the `#[test]` that follows.
    pub(super) test: Option<String>,
}

impl Citation {
    /// `file:line`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }
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
        let mut following = lines.clone().skip_while(|(_, line)| quotes(line));
        found.push(Citation {
            path: path.to_owned(),
            line: index + 1,
            below: following.next().map_or(index, |(index, _)| index) + 1,
            target: target.to_owned(),
            kind,
            quote: quote.join(" "),
            test: test_of(lines.clone().map(|(_, line)| line)),
        });
    }
    found
}

fn meta(line: &str) -> Option<&str> {
    line.strip_prefix("//=").map(str::trim)
}

fn quotes(line: &str) -> bool {
    line.starts_with("//=") || line.starts_with("//#")
}

/// The name of the test that follows, if what is neither comment nor attribute is one.
fn test_of<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut marked = false;
    let item = lines.find(|line| {
        marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        !line.starts_with("//") && !line.starts_with("#[")
    })?;
    let (_, rest) = item.split_once("fn ").filter(|_| marked)?;
    let name = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?;
    Some(name.to_owned())
}
