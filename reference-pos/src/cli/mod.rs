//! Arguments and commands. Every command answers with `--json`, and ends with a code of one table.

mod ask;
mod journal;
mod provision;
mod serve;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use hispos::catalogue::Language;
use hispos_common::exit::{self, Exit};
use hispos_common::output::{Answers, Failure, Output};

use crate::home::Home;

const EXAMPLES: &str = "\
A first terminal:
  hispos-pos device init --id POS-1 --serial-no SN123
  hispos-pos device request --out pos-1.json      (to the terminal company, for its device manifest)
  hispos-pos agreement import link.hispos         (shows both fingerprints: compare them, then repeat)
  hispos-pos terminals import windows.hispos
  hispos-pos serve --serial /dev/serial/by-id/usb-cable --credentials merchants.json --scanner stdin";

/// The payment terminal of a hospital window, and its commands.
///
/// `serve` waits for orders of HIS, takes payment codes, asks WeChat Pay or Alipay, and reports signed results. The
/// cable, the platform and the power may go at any time: nothing is paid twice, and nothing paid is forgotten.
#[derive(Debug, Parser)]
#[command(name = "hispos-pos", version, propagate_version = true, after_long_help = format!("{EXAMPLES}\n\n{}", exit::HELP), after_help = exit::HELP)]
pub struct Cli {
    /// The terminal's directory: key, agreements, manifests, journal, log.
    #[arg(long, global = true, env = "HISPOS_POS_HOME", default_value = "hispos-pos", value_name = "DIR")]
    home: PathBuf,
    #[command(flatten)]
    answers: Answers,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// This device's identity: made here, never exported.
    #[command(subcommand)]
    Device(provision::Device),
    /// The link agreement that hospital and terminal company signed.
    #[command(subcommand)]
    Agreement(provision::Agreement),
    /// The software terminals that may send orders to this device.
    #[command(subcommand)]
    Terminals(provision::Terminals),
    /// Run the terminal.
    Serve(serve::Serve),
    /// Give a payment code to the running terminal, as a scanner does.
    Scan(ask::Scan),
    /// What the running terminal is doing.
    Status,
    /// The journal: verify it, export it, declare it restored.
    #[command(subcommand)]
    Journal(journal::Journal),
}

/// What every command has at hand.
struct Context {
    home: Home,
    output: Output,
    language: Language,
}

/// Runs a command line to its exit code.
#[must_use]
pub fn run(cli: Cli) -> Exit {
    let answers = cli.answers;
    let context =
        Context { home: Home::at(&cli.home), output: answers.output(), language: answers.language() };
    let output = context.output;
    output.end(dispatch(cli.command, &context))
}

fn dispatch(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Device(command) => provision::device(command, context),
        Command::Agreement(command) => provision::agreement(command, context),
        Command::Terminals(command) => provision::terminals(command, context),
        Command::Serve(arguments) => serve::run(arguments, context),
        Command::Scan(arguments) => ask::scan(arguments, context),
        Command::Status => ask::status(context),
        Command::Journal(command) => journal::run(command, context),
    }
}
