//! The reference terminal program: see `hispos-pos --help`.

use clap::Parser;
use hispos_common::exit::Exit;
use hispos_pos::cli::{self, Cli};

fn main() -> Exit {
    cli::run(Cli::parse())
}
