//! `scan` and `status`: what is asked of the running terminal.

use std::io::Read;

use clap::Args;
use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use serde_json::Value;

use super::Context;
use crate::control::{self, Code, ControlError};
use crate::payment::recognise;

/// Longer ones are no code.
const CODE_BYTES_MAX: u64 = 512;

#[derive(Args, Debug)]
pub(super) struct Scan {
    /// The code as the scanner would send it; `-` reads it from standard input, where no process list shows it.
    #[arg(value_name = "CODE", allow_hyphen_values = true)]
    code: String,
}

pub(super) fn scan(arguments: Scan, context: &Context) -> Result<(), Failure> {
    let code = if arguments.code == "-" { read_code()? } else { Code::new(arguments.code) };
    let refused = |text: String| Failure::new(Exit::Refused, text);
    // Refused here already, so that a clear text needs no running terminal.
    recognise(code.as_str()).map_err(|refusal| refused(refusal.text(context.language)))?;
    let answer = asked(control::Ask::Scan { code }, context)?;
    match answer.get("ok") {
        Some(Value::Bool(true)) => {
            let channel = answer.get("channel").and_then(Value::as_str).unwrap_or_default();
            context.output.say(&answer, format!("code taken, {channel}"));
            Ok(())
        }
        _ => Err(refused("no order waits for a code; it was not used".into())),
    }
}

pub(super) fn status(context: &Context) -> Result<(), Failure> {
    let answer = asked(control::Ask::Status, context)?;
    let text = |name: &str| match answer.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "none".into(),
        Some(other) => other.to_string(),
    };
    let line = format!(
        "line {} (open: {})\nsession {}\norder {}\nnot ended {}, not answered {}\nverified {}",
        text("line"),
        text("line_open"),
        text("session"),
        text("active"),
        text("open"),
        text("unanswered"),
        text("verified"),
    );
    context.output.say(&answer, line);
    Ok(())
}

fn asked(ask: control::Ask, context: &Context) -> Result<Value, Failure> {
    let is_status = ask == control::Ask::Status;
    control::ask(&context.home.control_file(), ask).map_err(|error| match error {
        ControlError::NoAnswer if !is_status => Failure::new(
            Exit::Unknown,
            "the terminal took the code and does not answer: look at its display first",
        ),
        ControlError::NoAnswer => Failure::new(Exit::Unreachable, "the terminal does not answer"),
        ControlError::NotRunning => {
            let home = context.home.path().display();
            Failure::new(Exit::Unreachable, format!("no terminal runs from {home}: hispos-pos serve"))
        }
    })
}

fn read_code() -> Result<Code, Failure> {
    let mut code = String::new();
    let read = std::io::stdin().lock().take(CODE_BYTES_MAX).read_to_string(&mut code);
    let code = Code::new(code);
    read.map(|_| code).map_err(Failure::about(Exit::Usage, "standard input"))
}
