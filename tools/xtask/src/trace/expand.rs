//! `//= FRM-7` as a quotation.

use super::Placed;
use crate::root;

/// The greatest width of a line.
const WIDTH: usize = 110;

/// Expands every short form of every file.
pub(super) fn all(sources: &[(String, String)], placed: &[Placed]) -> Result<(), String> {
    let mut count = 0;
    for (path, text) in sources {
        let expanded = expand(text, placed).map_err(|error| format!("{path}:{error}"))?;
        if expanded != *text {
            root::write(&root::root().join(path), expanded.as_bytes())?;
            count += 1;
        }
    }
    println!("trace: {count} files changed");
    Ok(())
}

/// Expands every short form of a text.
pub(super) fn expand(text: &str, placed: &[Placed]) -> Result<String, String> {
    let mut expanded = String::new();
    for (index, line) in text.lines().enumerate() {
        match short(line) {
            Some((indent, id, kind)) => {
                let found = placed.iter().find(|placed| placed.requirement.id == id);
                let found = found.ok_or_else(|| format!("{}: no requirement has the id {id}", index + 1))?;
                expanded.push_str(&quotation(indent, kind, found));
            }
            None => {
                expanded.push_str(line);
                expanded.push('\n');
            }
        }
    }
    Ok(expanded)
}

/// `    //= FRM-7 test` as its indentation, id and kind.
fn short(line: &str) -> Option<(&str, &str, &str)> {
    let at = line.find("//=")?;
    let (indent, rest) = line.split_at(at);
    let mut words = rest.trim_start_matches("//=").split_whitespace();
    let id = words.next()?;
    let (letters, number) = id.split_once('-')?;
    let is_id = letters.len() == 3
        && letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_id && indent.trim().is_empty()).then(|| (indent, id, words.next().unwrap_or_default()))
}

fn quotation(indent: &str, kind: &str, placed: &Placed) -> String {
    let mut lines = vec![format!("{indent}//= {}", placed.target)];
    if !kind.is_empty() {
        lines.push(format!("{indent}//= type={kind}"));
    }
    let mut line = format!("{indent}//#");
    for word in placed.requirement.text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, format!("{indent}//#")));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n") + "\n"
}
