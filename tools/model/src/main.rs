//! `hispos-model`: the order flow, explored exhaustively.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
