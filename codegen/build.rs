//! Puts the schemas, the state tables and the templates into the program, so that it needs no file to run.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = here.parent().unwrap_or(&here).to_path_buf();
    let folders = [
        ("SCHEMAS", "The schemas, by their names for imports.", root.join("proto")),
        ("STATES", "The declared state tables, by their names.", root.join("spec-crate/tables")),
        ("TEMPLATES", "The templates, by language and path.", here.join("templates")),
    ];
    let mut text = String::new();
    for (name, doc, folder) in folders {
        // A folder that does not exist yet is watched through the one that will hold it.
        let watched = if folder.exists() { &folder } else { folder.parent().unwrap_or(&root) };
        println!("cargo::rerun-if-changed={}", watched.display());
        let _ = writeln!(text, "/// {doc}\npub(crate) static {name}: &[(&str, &[u8])] = &[");
        for path in files(&folder)? {
            let key = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let _ = writeln!(text, "    ({key:?}, include_bytes!({:?})),", path.display().to_string());
        }
        text += "];\n";
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("embedded.rs"), text)
}

/// Every file below a folder, sorted; an absent folder has none.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop().filter(|folder| folder.exists()) {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "__pycache__") {
                    open.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
