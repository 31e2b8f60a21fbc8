//! `cargo xtask tidy`: the house rules that no compiler knows.
//!
//! [`source`] parses the repository; [`imports`] says who imports whom, for [`floors`] and [`cycles`]; [`shape`] and
//! [`words`] look at each file. Every finding reads `file:line: rule: what; what to do`.

mod cycles;
mod floors;
mod imports;
mod shape;
mod source;
#[cfg(test)]
mod tests;
mod words;

use crate::root;
use source::Texts;

/// Checks the repository and prints every finding.
pub(crate) fn run() -> Result<(), String> {
    let repository = root::root();
    let mut texts = Texts::new();
    for path in words::ENDINGS.iter().flat_map(|ending| root::files(&repository, ending)) {
        let name = path.strip_prefix(&repository).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        texts.insert(name, root::read(&path)?);
    }
    let found = findings(&texts);
    if found.is_empty() {
        println!("tidy: {} files are in order", texts.len());
        return Ok(());
    }
    Err(format!("{}\ntidy: {} findings", found.join("\n"), found.len()))
}

/// Every finding, sorted by place.
fn findings(texts: &Texts) -> Vec<String> {
    let sources = source::collect(texts);
    let mut found = sources.findings;
    for tree in &sources.trees {
        found.extend(shape::findings(tree));
        if !tree.is_product {
            continue;
        }
        let imports = imports::of(tree);
        found.extend(cycles::findings(&imports));
        if tree.package == floors::SPEC {
            let files = tree.files.iter().filter(|file| !file.is_test);
            let modules: Vec<_> = files.map(|file| (file.module.join("::"), file.path.clone())).collect();
            found.extend(floors::findings(&imports, &modules));
        }
    }
    found.extend(shape::spec_size(&sources.trees));
    found.extend(words::findings(texts));
    found.sort();
    found.dedup();
    found
}
