//! `hispos-his`: see `hispos-his --help`.

use clap::Parser;
use hispos_common::exit::Exit;

fn main() -> Exit {
    hispos_his::cli::run(hispos_his::cli::Cli::parse())
}
