//! The repository's own commands: generate, check, test.

mod proto;
mod root;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  proto             generate Rust from proto/, after checking style and compatibility
  proto --check     generate elsewhere and name each committed file that differs
  proto --publish   write proto's descriptor set as the published one of its version
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["proto", rest @ ..] => proto::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
