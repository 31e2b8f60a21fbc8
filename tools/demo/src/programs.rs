//! The programs: built, started, asked by their own commands, killed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::tell::Told;

/// The first argument with which this program becomes another one that dies with it.
pub(crate) const BECOME: &str = "--become";
/// How long a program that is told to stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How long a command may take that only asks or writes files.
pub(crate) const COMMAND_WITHIN: Duration = Duration::from_secs(60);

/// Where the built programs are.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    pub(crate) his: PathBuf,
    pub(crate) pos: PathBuf,
    pub(crate) platform: PathBuf,
    pub(crate) compare: PathBuf,
}

impl Binaries {
    /// The programs that the environment names, or else built ones.
    pub(crate) fn find() -> Told<Self> {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let all = (named("HISPOS_HIS"), named("HISPOS_POS"), named("PROVIDER_SIM"), named("HISPOS_COMPARE"));
        match all {
            (Some(his), Some(pos), Some(platform), Some(compare)) => Ok(Self { his, pos, platform, compare }),
            _ => Self::build(),
        }
    }

    /// Builds the programs with the cargo that runs this one.
    pub(crate) fn build() -> Told<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--message-format=json-render-diagnostics"])
            .args(["--package", "hispos-his", "--package", "hispos-pos"])
            .args(["--package", "hispos-provider-sim", "--package", "hispos-compare"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo cannot be run: {error}"))?;
        if !output.status.success() {
            return Err("the programs cannot be built: see above".into());
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let executables: Vec<PathBuf> = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
            .collect();
        let find = |name: &str| {
            let found = executables.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
            found.cloned().ok_or_else(|| format!("cargo built no {name}"))
        };
        Ok(Self {
            his: find("hispos-his")?,
            pos: find("hispos-pos")?,
            platform: find("provider-sim")?,
            compare: find("hispos-compare")?,
        })
    }
}

/// Becomes another program, which the system kills when the demo dies, however that happens. Returns only what
/// went wrong.
pub(crate) fn become_program(arguments: &[std::ffi::OsString]) -> String {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("the system refuses: {error}");
    }
    let Some((program, rest)) = arguments.split_first() else { return "no program is named".into() };
    let error = std::os::unix::process::CommandExt::exec(Command::new(program).args(rest));
    format!("{} cannot be run: {error}", program.display())
}

/// A running program whose answers are JSON lines.
pub(crate) struct Program {
    child: Child,
    name: String,
    lines: Receiver<Value>,
}

impl Program {
    /// Starts a program; what it says goes to `NAME.log` in `logs`, too.
    pub(crate) fn start(name: &str, program: &Path, arguments: &[&str], logs: &Path) -> Told<Self> {
        let about = |what: &str, error: std::io::Error| format!("{name}: {what}: {error}");
        let open = |end: &str| {
            let path = logs.join(format!("{name}.{end}"));
            File::options().create(true).append(true).open(path).map_err(|error| about("its log", error))
        };
        let mut log = open("log")?;
        let own = std::env::current_exe().map_err(|error| about("this program's file", error))?;
        let mut child = Command::new(own)
            .arg(BECOME)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(open("err")?)
            .spawn()
            .map_err(|error| about("cannot be started", error))?;
        let (sender, lines) = channel();
        let output = child.stdout.take();
        std::thread::spawn(move || {
            for line in
                output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok)
            {
                drop(writeln!(log, "{line}"));
                if let Ok(value) = serde_json::from_str(&line)
                    && sender.send(value).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { child, name: name.into(), lines })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that `wanted` takes; earlier ones are passed over.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&Value) -> Option<T>,
    ) -> Told<T> {
        let until = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("{}: no {what} within {} s", self.name, within.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("{} ended without {what}", self.name));
                }
            }
        }
    }

    /// Kills it with SIGKILL: it cannot do anything about it.
    pub(crate) fn kill(&mut self) -> Told<()> {
        self.child.kill().map_err(|error| format!("{}: cannot be killed: {error}", self.name))?;
        self.ended().map(drop)
    }

    /// Tells it to stop, and waits for it.
    pub(crate) fn stop(&mut self) -> Told<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        let until = Instant::now() + STOP_WITHIN;
        while told && Instant::now() < until {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> Told<ExitStatus> {
        self.child.wait().map_err(|error| format!("{}: {error}", self.name))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How a command ended, and the JSON lines that it printed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) lines: Vec<Value>,
    /// All of it, for messages and files.
    pub(crate) text: String,
}

impl Answer {
    /// A text member of the last line; empty if there is none.
    pub(crate) fn text_of(&self, member: &str) -> String {
        let value = self.lines.last().and_then(|line| line.get(member));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The answer, if the command ended with this code.
    pub(crate) fn expect(self, code: i32, what: &str) -> Told<Self> {
        if self.code == code {
            return Ok(self);
        }
        Err(format!("{what} ended with {} in place of {code}: {}", self.code, self.text.trim()))
    }
}

/// Runs a command to its end; `input` is what it reads.
pub(crate) fn run(program: &Path, arguments: &[&str], input: &str, within: Duration) -> Told<Answer> {
    let about = |error: std::io::Error| format!("{}: {error}", program.display());
    let own = std::env::current_exe().map_err(about)?;
    let mut child = Command::new(own)
        .arg(BECOME)
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(about)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read ends by itself and says why.
        drop(stdin.write_all(input.as_bytes()));
    }
    let read = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            drop(stream.map(|mut stream| stream.read_to_end(&mut text)));
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let err = read(child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let until = Instant::now() + within;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(about)? {
            break status;
        }
        if Instant::now() >= until {
            drop(child.kill());
            drop(child.wait());
            return Err(format!("{} {} did not end", program.display(), arguments.join(" ")));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = out.join().unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let text = format!("{text}{}", err.join().unwrap_or_default());
    Ok(Answer { code: status.code().unwrap_or(-1), lines, text })
}
