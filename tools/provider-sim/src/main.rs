//! The simulated payment platform as a program.

mod cli;
mod commands;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::commands::Failure;

fn main() -> ExitCode {
    let (code, reason) = match commands::run(cli::Cli::parse()) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(reason)) => (2, reason),
        Err(Failure::Refused(reason)) => (3, reason),
        Err(Failure::Unreachable(reason)) => (5, reason),
    };
    let _ = writeln!(io::stderr(), "provider-sim (simulated 模拟): {reason}");
    ExitCode::from(code)
}
