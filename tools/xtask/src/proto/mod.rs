//! `cargo xtask proto`: Rust from the schemas, committed and checked for drift.
//!
//! [`schema`] compiles `proto/` without protoc and reads our options. Each other file writes one kind of
//! generated source. Nothing here knows what the protocol means.

mod answers;
mod catalogue;
mod constants;
mod emit;
mod messages;
mod schema;
mod strict;

use crate::root;
use schema::Schema;
use std::path::Path;

/// A generated file: its path from the repository's root, and its content.
type Generated = (&'static str, String);

/// Runs the command with the words behind `proto`.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let repository = root::root();
    let schema = Schema::load(&repository.join("proto"))?;
    match words {
        [] => write(&generate(&schema)?, &repository),
        ["--check"] => check(&schema, &repository),
        _ => Err(crate::USAGE.to_owned()),
    }
}

fn generate(schema: &Schema) -> Result<Vec<Generated>, String> {
    let sources = [
        ("spec-crate/src/wire/hispos.v1.rs", messages::source(schema)?),
        ("spec-crate/src/wire/strict.rs", strict::source(schema)?),
        ("spec-crate/src/limits.rs", constants::limits(schema)?),
        ("spec-crate/src/timers.rs", constants::timers(schema)?),
        ("spec-crate/src/labels.rs", constants::labels(schema)?),
        ("spec-crate/src/catalogue.rs", catalogue::source(schema)?),
        ("reference-pos/src/payment/tables.rs", answers::source(schema)?),
    ];
    sources.into_iter().map(|(path, source)| Ok((path, emit::format(path, &source)?))).collect()
}

fn write(files: &[Generated], folder: &Path) -> Result<(), String> {
    files.iter().try_for_each(|(path, content)| root::write(&folder.join(path), content.as_bytes()))
}

/// Writes everything into an empty folder and compares it with the committed files, byte for byte.
fn check(schema: &Schema, repository: &Path) -> Result<(), String> {
    let fresh = tempfile::tempdir().map_err(|error| format!("temporary folder: {error}"))?;
    let files = generate(schema)?;
    write(&files, fresh.path())?;
    let differing: Vec<&str> = files
        .iter()
        .map(|(path, _)| *path)
        .filter(|path| {
            std::fs::read(fresh.path().join(path)).ok() != std::fs::read(repository.join(path)).ok()
        })
        .collect();
    if differing.is_empty() {
        println!("proto: {} generated files are up to date", files.len());
        return Ok(());
    }
    Err(format!("proto: not what the schemas say; run `cargo xtask proto`:\n  {}", differing.join("\n  ")))
}
