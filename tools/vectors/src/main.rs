//! Makes the frozen test vectors with the normative crate, from fixed draws: `cargo xtask vectors [--check]`.
//!
//! Each file is written together with its JSON Schema. `tools/vectors-check` derives the same values from the
//! specification alone, in another language.

mod about;
mod again;
mod alarms;
mod armour;
mod arrivals;
mod asked;
mod beyond;
mod book;
mod books;
mod boots;
mod case;
mod characters;
mod codes;
mod configs;
mod conversations;
mod cores;
mod draws;
mod elsewhere;
mod example;
mod exchange;
mod fences;
mod fields;
mod files;
mod forgotten;
mod frames;
mod given_back;
mod handshake;
mod hex;
mod imports;
mod judged;
mod kept;
mod late;
mod lines;
mod looks;
mod lookups;
mod losses;
mod merchants;
mod messages;
mod more_refusals;
mod orders;
mod otherwise;
mod pair;
mod paying;
mod payloads;
mod played;
mod primitives;
mod questions;
mod records;
mod refunds;
mod refusals;
mod reports;
mod requests;
mod results;
mod rules;
mod scene;
mod schema;
mod sent;
mod sessions;
mod shown;
mod shows;
mod signed;
mod site;
mod stories;
mod story;
mod streams;
mod submits;
mod systematic;
mod validator;
mod verdicts;
mod went_back;
mod windows;
mod young;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

const USAGE: &str = "usage: vectors [--check]

  Writes spec-crate/vectors/ and its schemas; with --check it names each committed file that differs.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        [] => made().and_then(|files| write(&files)),
        ["--check"] => made().and_then(|files| compare(&files)),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Paths below the folder of the vectors, and texts.
type Files = Vec<(String, String)>;

/// All files of vectors and their schemas.
fn made() -> Result<Files, String> {
    let schema = schema::Schema::load()?;
    let first = handshake::first()?;
    let files = [
        rendered("books", &books::file()?)?,
        rendered("codes", &codes::file(&schema)?)?,
        rendered("conversations", &conversations::file()?)?,
        rendered("example", &example::file(&schema)?)?,
        rendered("frames", &frames::file()?)?,
        rendered("handshake", &handshake::file(&schema, &first)?)?,
        rendered("key_schedule", &primitives::file()?)?,
        rendered("messages", &messages::file(&schema)?)?,
        rendered("orders", &orders::file(&schema)?)?,
        rendered("records", &records::file(&first)?)?,
        rendered("signed_files", &files::file(&schema)?)?,
        rendered("validator", &validator::file(&schema)?)?,
        rendered("verdicts", &verdicts::file(&schema)?)?,
    ];
    Ok(files.into_iter().flatten().collect())
}

fn write(files: &Files) -> Result<(), String> {
    for (path, text) in files {
        let path = folder().join(path);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn compare(files: &Files) -> Result<(), String> {
    let differs = |(path, text): &&(String, String)| {
        fs::read_to_string(folder().join(path)).ok().as_ref() != Some(text)
    };
    let differing: Vec<&str> = files.iter().filter(differs).map(|(path, _)| path.as_str()).collect();
    match differing.as_slice() {
        [] => Ok(()),
        _ => Err(format!("not as the crate makes them (cargo xtask vectors):\n  {}", differing.join("\n  "))),
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec-crate/vectors")
}

/// One file of vectors and its schema: path and text.
fn rendered<T: Serialize + JsonSchema>(name: &str, file: &T) -> Result<[(String, String); 2], String> {
    let text = serde_json::to_string_pretty(file).map_err(|error| error.to_string())?;
    // As the file is written: what may be left out there is not required.
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    let schema = serde_json::to_string_pretty(&schema).map_err(|error| error.to_string())?;
    Ok([(format!("{name}.json"), text + "\n"), (format!("schema/{name}.schema.json"), schema + "\n")])
}
