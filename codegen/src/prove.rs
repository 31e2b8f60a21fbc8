//! Proves a client as a vendor gets it: made in an empty folder, then the commands of its own README, as they stand there.

use crate::description::Description;
use crate::language::{Language, Role};
use crate::project::{self, Failure};
use serde::Serialize;
use std::fmt::{self, Write};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The blocks of a README that build, lint and test.
const COMMANDS: &str = "```sh";

/// The blocks that pay against the reference programs.
const PAYMENT: &str = "```sh payment";

/// The programs that the blocks of a payment name.
const PROGRAMS: [&str; 3] = ["HISPOS_HIS", "HISPOS_POS", "PROVIDER_SIM"];

/// What the end of each kind of block says, with the seconds since the client was made.
const TESTED: &str = "hispos: tested after";
const PAID: &str = "hispos: paid after";

/// What a client proved.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Proof {
    /// Vectors that its tests replayed.
    pub replayed: u64,
    /// Vectors that they cannot replay yet.
    pub unimplemented: u64,
    /// Seconds from nothing to built and tested.
    pub tested_after_s: u64,
    /// Seconds from nothing to each first payment; empty if none was wanted.
    pub paid_after_s: Vec<u64>,
}

impl fmt::Display for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { replayed, unimplemented, tested_after_s, paid_after_s } = self;
        write!(out, "{replayed} vectors replayed, {unimplemented} unimplemented, after {tested_after_s} s")?;
        paid_after_s.iter().try_for_each(|seconds| write!(out, "; paid after {seconds} s"))
    }
}

/// How a client is to be proved.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The folder of the vectors that its tests replay.
    pub vectors: &'a Path,
    /// Whether the first payments are made, too.
    pub pays: bool,
    /// The folder that is emptied for it and left; a temporary one without.
    pub keep: Option<&'a Path>,
}

/// Makes a client and runs the commands of its README: build, lint, tests and, where wanted, the first payments. What they
/// say goes to the standard error at once.
///
/// # Errors
///
/// As [`project::make`]; [`Failure::Missing`] without the programs that pay or that the commands begin with,
/// [`Failure::Broken`] when a command failed, or when the tests count no vectors.
pub fn run(
    language: &Language,
    role: Role,
    description: &Description,
    wanted: &Wanted<'_>,
) -> Result<Proof, Failure> {
    let Wanted { vectors, pays, keep } = *wanted;
    if let Some(program) = PROGRAMS.iter().find(|name| pays && std::env::var_os(name).is_none()) {
        return Err(Failure::Missing(format!("{program} has to name a reference program, to pay with")));
    }
    let broken = |what: &str, error: std::io::Error| Failure::Broken(format!("{what}: {error}"));
    let vectors =
        std::fs::canonicalize(vectors).map_err(|error| broken(&vectors.display().to_string(), error))?;
    let temporary = tempfile::tempdir().map_err(|error| broken("temporary folder", error))?;
    let folder = keep.unwrap_or(temporary.path());
    if keep.is_some() && folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| broken(&folder.display().to_string(), error))?;
    }
    let began = Instant::now();
    let made = project::make(language, role, description)?;
    project::write(&made, folder).map_err(Failure::Broken)?;
    let readme = made.get("README.md").map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let readme = readme.unwrap_or_default();
    if let Some(program) = lacking(&readme)? {
        return Err(Failure::Missing(format!("README.md of {} needs {program}", language.id)));
    }
    let mut bash = Command::new("bash");
    bash.current_dir(folder).env("HISPOS_VECTORS", vectors);
    let said = carry_out(&mut bash, &script(&readme, pays), began)?;
    proof(&said).ok_or_else(|| {
        Failure::Broken(format!(
            "{said}\nits tests do not count the vectors that they replayed, or some failed"
        ))
    })
}

/// The first program that the commands begin with and this machine has not.
fn lacking(readme: &str) -> Result<Option<String>, Failure> {
    let commands = block(readme, COMMANDS, "");
    let is_name = |word: &&str| word.chars().all(|letter| letter.is_ascii_alphanumeric());
    let words = commands.lines().filter(|line| !line.starts_with(' '));
    for word in words.filter_map(|line| line.split(' ').next()).filter(is_name) {
        let asked = Command::new("bash").args(["-c", "type -t \"$0\"", word]).output();
        if !asked.map_err(|error| Failure::Missing(format!("bash: {error}")))?.status.success() {
            return Ok(Some(word.to_owned()));
        }
    }
    Ok(None)
}

/// Runs a script to its end; what it said.
fn carry_out(bash: &mut Command, script: &str, began: Instant) -> Result<String, Failure> {
    let script = format!("exec 2>&1\nSECONDS={}\n{script}", began.elapsed().as_secs());
    bash.args(["-e", "-u", "-o", "pipefail", "-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped());
    let bash = bash.spawn();
    let mut bash = bash.map_err(|error| Failure::Missing(format!("bash: {error}")))?;
    let mut said = String::new();
    for line in
        bash.stdout.take().into_iter().flat_map(|output| BufReader::new(output).split(b'\n')).flatten()
    {
        let line = String::from_utf8_lossy(&line).into_owned();
        eprintln!("{line}");
        let _ = writeln!(said, "{line}");
    }
    let ended = bash.wait().map_err(|error| Failure::Broken(format!("bash: {error}")))?;
    if ended.success() {
        return Ok(said);
    }
    Err(Failure::Broken(format!("{said}\nthe commands of README.md: {ended}")))
}

/// Reads the counts and times from what the commands said; nothing if vectors failed or were not counted.
fn proof(said: &str) -> Option<Proof> {
    let counted = said.lines().find(|line| line.starts_with("all "))?;
    let numbers: Vec<u64> = counted.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    let &[replayed, 0, unimplemented] = numbers.as_slice() else { return None };
    // A tool may have left the colours of its last line in front of ours.
    let seconds = |mark: &'static str| {
        said.lines().filter_map(move |line| {
            line.split_once(mark).map(|(_, rest)| rest)?.trim().trim_end_matches(" s").parse().ok()
        })
    };
    let tested_after_s = seconds(TESTED).next_back()?;
    Some(Proof { replayed, unimplemented, tested_after_s, paid_after_s: seconds(PAID).collect() })
}

/// What bash runs. However it ends, nothing that it started goes on.
fn script(readme: &str, pays: bool) -> String {
    let stop = "for role in his pos; do bash practice $role stop > /dev/null 2>&1 || true; done";
    let mut script = format!("trap 'kill $(jobs -p) 2> /dev/null || true; {stop}' EXIT\n");
    script += &block(readme, COMMANDS, &format!("echo \"{TESTED} $SECONDS s\"\n"));
    if pays {
        script += &block(readme, PAYMENT, &format!("echo \"{PAID} $SECONDS s\"\n"));
    }
    script
}

/// The lines of every block that begins with a fence, each with `end` behind it.
fn block(text: &str, fence: &str, end: &str) -> String {
    let mut inside = false;
    let mut lines = String::new();
    for line in text.lines() {
        if line == fence {
            inside = true;
        } else if line == "```" {
            lines += if inside { end } else { "" };
            inside = false;
        } else if inside {
            let _ = writeln!(lines, "{line}");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, PAYMENT, block, lacking, proof};

    #[test]
    fn each_kind_of_block_is_taken_by_itself() {
        let text = "a\n```sh\none\n```\n```sh payment\npay\n```\n```python\nno\n```\n```sh\ntwo\n```\n";
        assert_eq!(block(text, COMMANDS, "end\n"), "one\nend\ntwo\nend\n");
        assert_eq!(block(text, PAYMENT, ""), "pay\n");
    }

    #[test]
    fn a_program_that_the_commands_begin_with_is_told_when_it_is_not_there() {
        assert_eq!(
            lacking("```sh\ntest -z \"\"\nnosuchbuilder -q\n    more\n```\n").unwrap(),
            Some("nosuchbuilder".into())
        );
        assert_eq!(lacking("```sh\ntest -z \"\"\n.venv/bin/python x\n```\n").unwrap(), None);
    }

    #[test]
    fn nothing_is_proved_by_tests_that_count_no_vectors_or_that_fail_some() {
        let times = "\u{1b}[0m\u{1b}[0mhispos: tested after 40 s\nhispos: paid after 60 s\n";
        let proved = proof(&format!("all   6624       0              5\n{times}")).unwrap();
        assert_eq!((proved.replayed, proved.unimplemented), (6624, 5));
        assert_eq!((proved.tested_after_s, proved.paid_after_s), (40, vec![60]));
        assert_eq!(proof(&format!("all   6624       1              5\n{times}")), None);
        assert_eq!(proof(times), None);
    }
}
