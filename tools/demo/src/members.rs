//! Who takes part in the table: one entry for each language, with the words of its example programs.
//!
//! In the words, `{home}` is the folder of files and book, `{line}` the line as the reference programs write it,
//! `{tty}` or `{at}` its place, and so on: see the pair, which fills them in.

use std::path::Path;
use std::process::Command;

/// A language's programs.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its folder below `clients`; `reference` is no folder.
    pub(crate) name: &'static str,
    /// What builds the programs, in its folder.
    pub(crate) build: &'static [&'static str],
    /// What the building leaves in the folder: where it is, nothing is built. Empty: it is always built.
    pub(crate) leaves: &'static str,
    pub(crate) his: His,
    pub(crate) pos: Pos,
}

impl Member {
    /// Builds the programs of a client in its folder below `clients`; what is no part of the folder goes below `built`.
    pub(crate) fn prepare(&self, clients: &Path, built: &Path) -> Result<(), String> {
        let folder = clients.join(self.name);
        if !self.build.is_empty() && !folder.is_dir() {
            return Err(format!("no client in {}", folder.display()));
        }
        if !self.leaves.is_empty() && folder.join(self.leaves).exists() {
            return Ok(());
        }
        let place = built.join(self.name).display().to_string();
        for words in self.build {
            let words: Vec<String> = words.split(' ').map(|word| word.replace("{build}", &place)).collect();
            let (program, rest) = words.split_first().ok_or("no program")?;
            let output = Command::new(program).args(rest).current_dir(&folder).output();
            let output = output.map_err(|error| format!("{program} in {}: {error}", folder.display()))?;
            if !output.status.success() {
                return Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)));
            }
        }
        Ok(())
    }
}

/// How a HIS is run: words with spaces between them.
#[derive(Debug)]
pub(crate) struct His {
    /// The server behind the commands; empty if a command is the whole HIS.
    pub(crate) serve: &'static str,
    pub(crate) collect: &'static str,
    /// What has to stand behind a collect for it to make no second order when the first has ended unpaid.
    pub(crate) once: &'static str,
    pub(crate) refund: &'static str,
    /// Cancels an order that waits for a code: one of its own, made for it, or the one that another command made.
    pub(crate) cancel: Cancel,
    /// Asks about an order that a killed HIS left, and waits for its end.
    pub(crate) look: &'static str,
    /// How it names a TCP line and a serial one.
    pub(crate) lines: [&'static str; 2],
}

/// How a HIS cancels.
#[derive(Debug)]
pub(crate) enum Cancel {
    /// A collect that cancels its order as soon as the POS waits for a code.
    Itself(&'static str),
    /// A command beside the collect.
    Beside(&'static str),
}

/// How a POS is run.
#[derive(Debug)]
pub(crate) struct Pos {
    pub(crate) serve: &'static str,
    /// How it names a TCP line, where it listens, and a serial one.
    pub(crate) lines: [&'static str; 2],
    /// What it says, with an order number, when a code can be shown: as a line of its standard input.
    pub(crate) waits: &'static str,
}

/// Where Java's example programs are.
pub(crate) const CLASSES: &str = "example/target/classes:example/target/lib/*";

/// All members.
pub(crate) const MEMBERS: [Member; 4] = [REFERENCE, GO, JAVA, PYTHON];

const REFERENCE: Member = Member {
    name: "reference",
    build: &[],
    leaves: "",
    his: His {
        serve: "{his} --home {home} --json serve --listen 127.0.0.1:0",
        collect: "{his} --home {home} --json --lang en collect --bill {bill} {amount} --window {window} --id {bill} --patience 120",
        once: "--seconds 5",
        refund: "{his} --home {home} --json --lang en refund {order} {amount} --operator 1001 --approver 2001 --reason mistake --window {window}",
        cancel: Cancel::Beside("{his} --home {home} --json --lang en cancel {order}"),
        // The same request is followed to its end.
        look: "{his} --home {home} --json --lang en collect --bill {bill} {amount} --window {window} --id {bill} --patience 120",
        lines: ["dial:{at}", "serial:{tty}@115200"],
    },
    pos: Pos {
        serve: "{pos} --home {home} --json --lang en serve --scanner stdin --credentials {credentials} --platform {url} {line}",
        lines: ["--listen {at}", "--serial {tty}"],
        waits: "wait_code",
    },
};

const GO: Member = Member {
    name: "go",
    build: &[
        "go build -o {build}/window ./examples/window",
        "go build -o {build}/terminal ./examples/terminal",
    ],
    leaves: "",
    his: His {
        serve: "",
        collect: "{build}/window -home {home} -line {line} collect {bill} {amount}",
        once: "",
        refund: "{build}/window -home {home} -line {line} refund {order} {amount} 1001 2001",
        cancel: Cancel::Itself("{build}/window -home {home} -line {line} cancel {bill} {amount}"),
        look: "{build}/window -home {home} -line {line} look {order}",
        lines: ["tcp:{at}", "serial:{tty}"],
    },
    pos: Pos {
        serve: "{build}/terminal -home {home} -credentials {credentials} -platform {url} {line}",
        lines: ["-line listen:{at}", "-line serial:{tty}"],
        waits: "Accepted",
    },
};

const JAVA: Member = Member {
    name: "java",
    build: &["mvn -q -B -DskipTests package"],
    leaves: "example/target/lib",
    his: His {
        serve: "",
        collect: "java -cp {classes} hispos.example.Window {home} {line} collect {bill} {amount}",
        once: "",
        refund: "java -cp {classes} hispos.example.Window {home} {line} refund {order} {amount} item-1 1001 2001 mistake",
        cancel: Cancel::Itself(
            "java -cp {classes} hispos.example.Window {home} {line} cancel {bill} {amount}",
        ),
        look: "java -cp {classes} hispos.example.Window {home} {line} look {order}",
        lines: ["tcp:{at}", "serial:{tty}"],
    },
    pos: Pos {
        serve: "java -cp {classes} hispos.example.PosTerminal {home} {line} {credentials} {url}",
        lines: ["listen:{port}", "serial:{tty}"],
        waits: "accepted",
    },
};

const PYTHON: Member = Member {
    name: "python",
    build: &["python3 -m venv .venv", ".venv/bin/python -m pip install --quiet --editable ."],
    leaves: ".venv/bin/pip",
    his: His {
        serve: "",
        collect: ".venv/bin/python -u -m examples.window --home {home} --line {line} collect --bill {bill} {amount}",
        once: "",
        refund: ".venv/bin/python -u -m examples.window --home {home} --line {line} refund {order} {amount} --operator 1001 --approver 2001",
        cancel: Cancel::Itself(
            ".venv/bin/python -u -m examples.window --home {home} --line {line} cancel --bill {bill} {amount}",
        ),
        look: ".venv/bin/python -u -m examples.window --home {home} --line {line} look {order}",
        lines: ["tcp:{at}", "serial:{tty}"],
    },
    pos: Pos {
        serve: ".venv/bin/python -u -m examples.terminal --home {home} --credentials {credentials} --platform {url} {line}",
        lines: ["--line tcp:{at}", "--line serial:{tty}"],
        waits: "Accepted",
    },
};
