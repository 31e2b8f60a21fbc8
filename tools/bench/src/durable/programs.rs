//! The programs: built as they are released, started, asked by their own commands.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::Told;

/// The first argument with which this program becomes another one that dies with it.
pub(crate) const BECOME: &str = "--become";

/// Where the built programs are.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    pub(crate) his: PathBuf,
    pub(crate) pos: PathBuf,
    pub(crate) platform: PathBuf,
}

impl Binaries {
    /// The programs that the environment names, or else built ones.
    pub(crate) fn find() -> Told<Self> {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
        match (named("HISPOS_HIS"), named("HISPOS_POS"), named("PROVIDER_SIM")) {
            (Some(his), Some(pos), Some(platform)) => Ok(Self { his, pos, platform }),
            _ => Self::build(),
        }
    }

    /// Builds the programs with the cargo that runs this one.
    pub(crate) fn build() -> Told<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--release", "--message-format=json-render-diagnostics"])
            .args(["--package", "hispos-his", "--package", "hispos-pos", "--package", "hispos-provider-sim"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo cannot be run: {error}"))?;
        if !output.status.success() {
            return Err("the programs cannot be built: see above".into());
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let built: Vec<PathBuf> = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
            .collect();
        let find = |name: &str| {
            let found = built.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
            found.cloned().ok_or_else(|| format!("cargo built no {name}"))
        };
        Ok(Self { his: find("hispos-his")?, pos: find("hispos-pos")?, platform: find("provider-sim")? })
    }
}

/// Becomes another program, which the system kills when the bench dies. Returns only what went wrong.
pub(crate) fn become_program(arguments: &[String]) -> String {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("the system refuses: {error}");
    }
    let Some((program, rest)) = arguments.split_first() else { return "no program is named".into() };
    let error = std::os::unix::process::CommandExt::exec(Command::new(program).args(rest));
    format!("{program} cannot be run: {error}")
}

/// A running program whose answers are JSON lines. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    name: String,
    lines: Option<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts a program. To be called by the thread that lives longest: the program dies with it.
    pub(crate) fn start(name: &str, program: &Path, arguments: &[&str]) -> Told<Self> {
        Self::start_in(Path::new("."), name, program, arguments)
    }

    /// The same, in a folder.
    pub(crate) fn start_in(folder: &Path, name: &str, program: &Path, arguments: &[&str]) -> Told<Self> {
        let about = |error: std::io::Error| format!("{name} cannot be started: {error}");
        let mut child = Command::new(std::env::current_exe().map_err(about)?)
            .arg(BECOME)
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(about)?;
        let lines = child.stdout.take().map(BufReader::new);
        Ok(Self { child, name: name.into(), lines })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads lines until one has this member; gives its text.
    pub(crate) fn wait_for(&mut self, member: &str) -> Told<String> {
        let lines = self.lines.as_mut().ok_or("its lines are read elsewhere")?;
        let mut line = String::new();
        loop {
            line.clear();
            if lines.read_line(&mut line).map_err(|error| format!("{}: {error}", self.name))? == 0 {
                return Err(format!("{} ended without {member}", self.name));
            }
            let object: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(text) = object[member].as_str() {
                return Ok(text.to_owned());
            }
        }
    }

    /// What it says, and what it reads.
    pub(crate) fn talk(&mut self) -> Told<(BufReader<ChildStdout>, ChildStdin)> {
        self.lines.take().zip(self.child.stdin.take()).ok_or_else(|| format!("{} is talked to", self.name))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command to its end, which has to be a good one; gives the last JSON line.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> Told<Value> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} {}: {text}{why}", program.display(), arguments.join(" ")));
    }
    Ok(text.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default())
}

/// Writes a line to a program.
pub(crate) fn say(stdin: &mut ChildStdin, text: &str) -> std::io::Result<()> {
    stdin.write_all(format!("{text}\n").as_bytes())
}
