//! Programs of this machine that making a project needs.

use std::process::Command;

/// Why no project was made.
#[derive(Debug)]
pub enum Failure {
    /// A program of this machine is missing, or another version of it is there.
    Missing(String),
    /// A schema or a template is wrong, or a file cannot be written.
    Broken(String),
}

/// What a command prints; `None` without its program.
pub(crate) fn said(words: &[&str]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned())
}
