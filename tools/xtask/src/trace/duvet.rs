//! duvet reads the same quotations by its own rules and has to agree.

use super::gate::is_must;
use super::{EXCEPTIONS, Placed, SOURCES};
use crate::root;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where its settings, its requirements and its report go.
const FOLDER: &str = "target/trace";

/// Runs duvet with citations and tests required.
pub(super) fn agree(placed: &[Placed], exceptions: &BTreeMap<String, String>) -> Result<(), String> {
    let repository = root::root();
    let folder = repository.join(FOLDER);
    // What an earlier text required is not required any more.
    let musts = folder.join("musts");
    if musts.exists() {
        std::fs::remove_dir_all(&musts).map_err(|error| format!("{}: {error}", musts.display()))?;
    }
    root::write(&folder.join("config.toml"), settings().as_bytes())?;
    write_requirements(&folder, placed)?;
    write_exceptions(&folder, placed, exceptions)?;
    let status = Command::new("duvet")
        .args(["report", "--config-path", "target/trace/config.toml"])
        // Without the last one it only reports.
        .args(["--require-citations", "true", "--require-tests", "true", "--ci", "true"])
        .current_dir(&repository)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {
            println!("trace: duvet agrees; its report is {FOLDER}/report.html");
            Ok(())
        }
        Ok(status) => Err(format!("duvet: {status}")),
        Err(error) => Err(format!("duvet: {error}; it comes with `cargo install duvet --locked`")),
    }
}

fn settings() -> String {
    let mut text = String::from("'$schema' = \"https://awslabs.github.io/duvet/config/v0.4.json\"\n\n");
    for folder in SOURCES {
        text += &format!("[[source]]\npattern = \"{folder}/**/*.rs\"\n\n");
    }
    text += &format!("[[requirement]]\npattern = \"{FOLDER}/musts/**/*.toml\"\n\n");
    text += &format!("[report.html]\nenabled = true\npath = \"{FOLDER}/report.html\"\n\n");
    text + &format!("[report.json]\nenabled = true\npath = \"{FOLDER}/report.json\"\n")
}

/// One file for each section, with what binds in it.
fn write_requirements(folder: &Path, placed: &[Placed]) -> Result<(), String> {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for placed in placed.iter().filter(|placed| is_must(placed)) {
        let text =
            sections.entry(&placed.target).or_insert_with(|| format!("target = \"{}\"\n", placed.target));
        *text += &format!("\n[[spec]]\nlevel = \"MUST\"\nquote = '''\n{}\n'''\n", placed.requirement.text);
    }
    for (target, text) in sections {
        root::write(&folder.join("musts").join(file_name(target)), text.as_bytes())?;
    }
    Ok(())
}

fn write_exceptions(
    folder: &Path,
    placed: &[Placed],
    exceptions: &BTreeMap<String, String>,
) -> Result<(), String> {
    let mut text = format!("# From {EXCEPTIONS}.\n");
    for placed in placed {
        if let Some(reason) = exceptions.get(&placed.requirement.id) {
            text += &format!(
                "\n[[exception]]\ntarget = \"{}\"\nquote = '''\n{}\n'''\nreason = '''\n{reason}\n'''\n",
                placed.target, placed.requirement.text
            );
        }
    }
    root::write(&folder.join("musts/exceptions.toml"), text.as_bytes())
}

fn file_name(target: &str) -> String {
    let name: String =
        target.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    name + ".toml"
}
