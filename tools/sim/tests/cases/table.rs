//! The table of cases names tests that exist, and every test of this folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const TABLE: &str = "spec-crate/spec/cases.md";
const FOLDER: &str = "tools/sim/tests/cases";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the tests of a file.
fn tests_of(text: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| marked) {
            tests.extend(rest.split('(').next().map(str::to_owned));
            marked = false;
        }
    }
    tests
}

/// The rows of the table: a case, and its tests as path and name.
fn rows(table: &str) -> Vec<(String, Vec<(String, String)>)> {
    let lines = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case "));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let tests = cells[1].split("<br>").map(|test| test.trim_matches('`').split_once("::").unwrap());
            (cells[0].to_owned(), tests.map(|(path, name)| (path.to_owned(), name.to_owned())).collect())
        })
        .collect()
}

#[test]
fn every_case_of_the_table_has_a_test_that_exists() {
    let rows = rows(&read(TABLE));
    assert!(rows.len() >= 60, "{} cases", rows.len());
    let mut missing = Vec::new();
    for (case, tests) in rows {
        for (path, name) in tests {
            if !tests_of(&read(&path)).contains(&name) {
                missing.push(format!("{case}: {path}::{name}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "named in {TABLE} and not there");
}

#[test]
fn every_conversation_of_this_folder_is_in_the_table() {
    let named: BTreeSet<(String, String)> =
        rows(&read(TABLE)).into_iter().flat_map(|(_, tests)| tests).collect();
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(root().join(FOLDER)).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{FOLDER}/{file}");
        for name in tests_of(&read(&path)) {
            if file != "table.rs" && !named.contains(&(path.clone(), name.clone())) {
                missing.push(format!("{path}::{name}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "not named in {TABLE}");
}
