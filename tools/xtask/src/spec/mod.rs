//! `cargo xtask spec`: the specification's tables, requirements and book.
//!
//! The prose is written by people. Its tables come from the schemas ([`tables`]) and stand between two comments
//! ([`blocks`]); its requirements have ids ([`requirements`]) that both editions share; [`book`] makes pages of it.

mod blocks;
mod book;
mod example;
mod links;
pub(crate) mod page;
pub(crate) mod requirements;
mod tables;
#[cfg(test)]
mod tests;
mod words;

use crate::root::{self, shown};
use hispos_codegen::schema::Schema;
use std::path::{Path, PathBuf};

/// The folder of the English edition; `zh` in it is the Chinese one.
const FOLDER: &str = "spec-crate/spec";

/// What to do.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Fill the tables in.
    Write,
    /// Say where the tables are not what the schemas say, and which requirements are not in order.
    Check,
    /// Fill the tables in, and make the pages of both editions.
    Book,
}

/// A language of the specification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Edition {
    English,
    Chinese,
}

/// One chapter of one edition.
struct Chapter {
    edition: Edition,
    path: PathBuf,
    /// Its file's name, the same in both editions.
    name: String,
    text: String,
}

/// Checks or writes both editions, and makes the book of them if asked.
pub(crate) fn run(mode: Mode) -> Result<(), String> {
    let repository = root::root();
    let schema = Schema::load(&repository.join("proto"))?;
    let words = words::Words::load(&repository.join(FOLDER).join("zh/schema-texts.tsv"))?;
    let mut chapters = chapters(&repository)?;
    let mut findings = Vec::new();
    for chapter in &mut chapters {
        let render = |name: &str| tables::render(&schema, &words, chapter.edition, name);
        match blocks::fill(&chapter.text, render) {
            Ok(text) if text == chapter.text => {}
            Ok(_) if mode == Mode::Check => {
                findings.push(format!("{}: its tables are not what the schemas say", shown(&chapter.path)));
            }
            Ok(text) => {
                root::write(&chapter.path, text.as_bytes())?;
                chapter.text = text;
            }
            Err(error) => findings.push(format!("{}: {error}", shown(&chapter.path))),
        }
    }
    findings.extend(requirements::findings(&chapters));
    findings.extend(links::findings(&chapters));
    if !findings.is_empty() {
        let hint = "`cargo xtask spec` fills tables in; requirements are for people to mend";
        return Err(format!("spec:\n  {}\n{hint}", findings.join("\n  ")));
    }
    let count = requirements::count(&chapters);
    println!("spec: {} chapters, {count} requirements, every table is what the schemas say", chapters.len());
    if mode == Mode::Book { book::make(&repository) } else { Ok(()) }
}

/// Every chapter of both editions, in the order of names.
fn chapters(repository: &Path) -> Result<Vec<Chapter>, String> {
    let folder = repository.join(FOLDER);
    let mut found = Vec::new();
    for path in root::files(&folder, "md") {
        let chinese = path.parent().is_some_and(|parent| parent.ends_with("zh"));
        let edition = if chinese { Edition::Chinese } else { Edition::English };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.push(Chapter { edition, name, text: root::read(&path)?, path });
    }
    Ok(found)
}
