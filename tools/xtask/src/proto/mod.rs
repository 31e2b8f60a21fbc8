//! `cargo xtask proto`: Rust from the schemas, committed and checked for drift.
//!
//! [`hispos_codegen::schema`] compiles `proto/` without protoc and reads our options. Each other file writes one kind of
//! generated source. Nothing here knows what the protocol means.

mod answers;
mod catalogue;
mod compat;
mod constants;
mod emit;
mod messages;
mod sense;
mod strict;
mod style;
#[cfg(test)]
mod tests;

use crate::root;
use hispos_codegen::schema::Schema;
use std::path::Path;

/// A generated file: its path from the repository's root, and its content.
type Generated = (&'static str, String);

/// Where each published version's descriptor set lies.
const PUBLISHED: &str = "spec-crate/schema";

/// What to do with what the schemas say.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Write the generated files.
    Write,
    /// Compare them with the committed ones.
    Check,
    /// Write them, and the descriptor set as the published one.
    Publish,
}

/// Checks the schemas, generates, and compares with what is published.
pub(crate) fn run(mode: Mode) -> Result<(), String> {
    let repository = root::root();
    let schema = Schema::load(&repository.join("proto"))?;
    judge("style", [style::violations(&schema), sense::violations(&schema)].concat())?;
    if mode == Mode::Check {
        check(&schema, &repository)?;
    } else {
        write(&generate(&schema)?, &repository)?;
    }
    if mode == Mode::Publish {
        publish(&repository)?;
    }
    compare_with_published(&schema, &repository)
}

/// Fails with all findings, if there are any.
fn judge(what: &str, findings: Vec<String>) -> Result<(), String> {
    if findings.is_empty() { Ok(()) } else { Err(format!("proto: {what}:\n  {}", findings.join("\n  "))) }
}

fn publish(repository: &Path) -> Result<(), String> {
    let bare = Schema::load_bare(&repository.join("proto"))?;
    root::write(&repository.join(PUBLISHED).join("v1.binpb"), &bare.encoded)
}

fn compare_with_published(schema: &Schema, repository: &Path) -> Result<(), String> {
    let published = root::files(&repository.join(PUBLISHED), "binpb");
    if published.is_empty() {
        return Err(format!("proto: nothing is published in {PUBLISHED}; run `cargo xtask proto --publish`"));
    }
    for path in published {
        let encoded = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hint = "compatibility with published";
        judge(&format!("{hint} {name}"), compat::breaks(&Schema::decode(encoded)?, schema)).map_err(
            |error| {
                format!("{error}\nBefore the first release, `cargo xtask proto --publish` publishes afresh.")
            },
        )?;
    }
    Ok(())
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
