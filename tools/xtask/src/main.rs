//! The repository's own commands: generate, check, test.

mod clients;
mod proto;
mod root;
mod spec;
mod status;
mod test;
mod tidy;
mod trace;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  proto             generate Rust from proto/, after checking style and compatibility
  proto --check     generate elsewhere and name each committed file that differs
  proto --publish   write proto's descriptor set as the published one of its version
  spec              fill the specification's tables in, after checking its requirements
  spec --check      name every table and requirement that is not in order
  spec --book       make the pages too: target/spec, HTML and PDF of both editions
  test              run everything a change has to pass; ends with `N passed, N failed`
  test --list       name the steps
  test --only STEP  run one of them
  vectors [--check] make the test vectors, or compare the committed ones
  trace             name each MUST without code or test, each stale quotation, each lost test
  trace --report    have duvet agree, and write its report and the book's page to target/trace
  trace --expand    make quotations of the short forms `//= FRM-7` and `//= FRM-7 test`
  trace --mutate [ID...]  break the code of many a MUST, one at a time, in a copy: the cited test has to fail
  clients [--lang L]... [--strict] [--pay]  prove the vendor clients and pay by each with everybody; what cannot run is
                    listed as missing, and fails with --strict; --pay makes the first payments of the READMEs, too
  clients --write [--lang L]...  all of that, and write what came of it
                    to clients/status.json and its pages
  status [--check]  write again what follows from clients/status.json and the clients' files, or name what differs
  wasm              prove that the normative crate imports nothing from its host
  tidy              check floors, import cycles, sizes and names
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["proto"] => proto::run(proto::Mode::Write),
        ["proto", "--check"] => proto::run(proto::Mode::Check),
        ["proto", "--publish"] => proto::run(proto::Mode::Publish),
        ["spec"] => spec::run(spec::Mode::Write),
        ["spec", "--check"] => spec::run(spec::Mode::Check),
        ["spec", "--book"] => trace::pages().and_then(|()| spec::run(spec::Mode::Book)),
        ["test", rest @ ..] => test::run(rest),
        ["vectors", rest @ ..] => {
            test::cargo(&[&["run", "--package", "hispos-vectors", "--"], rest].concat())
        }
        ["trace"] => trace::run(trace::Mode::Gate),
        ["trace", "--report"] => trace::run(trace::Mode::Report),
        ["trace", "--expand"] => trace::run(trace::Mode::Expand),
        ["trace", "--mutate", ids @ ..] => trace::mutate(ids),
        ["clients", rest @ ..] => clients::run(rest),
        ["status"] => status::run(false),
        ["status", "--check"] => status::run(true),
        ["wasm"] => wasm::run(),
        ["tidy"] => tidy::run(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            if !message.is_empty() {
                eprintln!("{message}");
            }
            ExitCode::FAILURE
        }
    }
}
