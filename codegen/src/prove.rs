//! Proves a client as a vendor gets it: made in an empty folder, then the commands of its own README, as they stand there.

use crate::description::Description;
use crate::language::{Language, Role};
use crate::project::{self, Failure};
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The blocks of a README that build, lint and test.
const COMMANDS: &str = "```sh";

/// The blocks that pay against the reference programs.
const PAYMENT: &str = "```sh payment";

/// The programs that the blocks of a payment name.
const PROGRAMS: [&str; 3] = ["HISPOS_HIS", "HISPOS_POS", "PROVIDER_SIM"];

/// Makes a client and runs the commands of its README: build, lint, tests and, with `pays`, the first payments. Gives the
/// line in which its tests count the vectors.
///
/// # Errors
///
/// As [`project::make`]; [`Failure::Missing`] without the programs that pay, [`Failure::Broken`] with what was said before
/// a command failed, or when the tests count no vectors.
pub fn run(
    language: &Language,
    role: Role,
    description: &Description,
    vectors: &Path,
    pays: bool,
) -> Result<String, Failure> {
    if let Some(program) = PROGRAMS.iter().find(|name| pays && std::env::var_os(name).is_none()) {
        return Err(Failure::Missing(format!("{program} has to name a reference program, to pay with")));
    }
    let vectors = std::fs::canonicalize(vectors)
        .map_err(|error| Failure::Broken(format!("{}: {error}", vectors.display())))?;
    let folder =
        tempfile::tempdir().map_err(|error| Failure::Broken(format!("temporary folder: {error}")))?;
    let made = project::make(language, role, description)?;
    project::write(&made, folder.path()).map_err(Failure::Broken)?;
    let readme = made.get("README.md").map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let script = script(&readme.unwrap_or_default(), pays);
    let mut bash = Command::new("bash");
    bash.args(["-e", "-u", "-o", "pipefail", "-c", &script]).current_dir(folder.path());
    bash.env("HISPOS_VECTORS", vectors).stdin(Stdio::null());
    let output = bash.output().map_err(|error| Failure::Missing(format!("bash: {error}")))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if !output.status.success() {
        return Err(Failure::Broken(format!("{said}\nthe commands of README.md: {}", output.status)));
    }
    let counted = said.lines().find(|line| line.starts_with("all "));
    let numbers = counted.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>());
    match numbers.as_deref() {
        Some([replayed, "0", missing]) => Ok(format!("{replayed} vectors replayed, {missing} unimplemented")),
        _ => Err(Failure::Broken(format!("{said}\nits tests do not count the vectors that they replayed"))),
    }
}

/// What bash runs. However it ends, nothing that it started goes on.
fn script(readme: &str, pays: bool) -> String {
    let stop = "for role in his pos; do bash practice $role stop > /dev/null 2>&1 || true; done";
    let mut script = format!("trap 'kill $(jobs -p) 2> /dev/null || true; {stop}' EXIT\n");
    script += &block(readme, COMMANDS);
    if pays {
        script += &block(readme, PAYMENT);
    }
    script
}

/// The lines of every block that begins with a fence.
fn block(text: &str, fence: &str) -> String {
    let mut inside = false;
    let mut lines = String::new();
    for line in text.lines() {
        if line == fence {
            inside = true;
        } else if line == "```" {
            inside = false;
        } else if inside {
            let _ = writeln!(lines, "{line}");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, PAYMENT, block};

    #[test]
    fn each_kind_of_block_is_taken_by_itself() {
        let text = "a\n```sh\none\n```\n```sh payment\npay\n```\n```python\nno\n```\n```sh\ntwo\n```\n";
        assert_eq!(block(text, COMMANDS), "one\ntwo\n");
        assert_eq!(block(text, PAYMENT), "pay\n");
    }
}
