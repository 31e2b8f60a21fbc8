//! Who takes part in the table: one entry for each language, with the words of its example programs.
//!
//! In the words, `{home}` is the folder of files and book, `{line}` the line as the reference programs write it,
//! `{tty}` or `{at}` its place, and so on: see [`Member::words`]'s callers.

/// A language's programs.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its folder below `clients`; `reference` is no folder.
    pub(crate) name: &'static str,
    /// What builds the programs, in its folder.
    pub(crate) build: &'static [&'static [&'static str]],
    /// What the building leaves in the folder: where it is, nothing is built. Empty: it is always built.
    pub(crate) leaves: &'static str,
    pub(crate) his: His,
    pub(crate) pos: Pos,
}

/// How a HIS is run.
#[derive(Debug)]
pub(crate) struct His {
    /// The server behind the commands; empty if a command is the whole HIS.
    pub(crate) serve: &'static [&'static str],
    pub(crate) collect: &'static [&'static str],
    pub(crate) refund: &'static [&'static str],
    /// How it names a TCP line and a serial one.
    pub(crate) lines: [&'static str; 2],
}

/// How a POS is run.
#[derive(Debug)]
pub(crate) struct Pos {
    pub(crate) serve: &'static [&'static str],
    /// How it names a TCP line, where it listens, and a serial one.
    pub(crate) lines: [&'static [&'static str]; 2],
    /// What it says, with an order number, when a code can be shown.
    pub(crate) waits: &'static str,
    /// Whether the codes are its last words in place of lines of its standard input.
    pub(crate) has_codes_as_words: bool,
}

const PYTHON: &str = ".venv/bin/python";
const CLASSES: &str = "example/target/classes:example/target/lib/*";

/// All members.
pub(crate) const MEMBERS: [Member; 4] = [
    Member {
        name: "reference",
        build: &[],
        leaves: "",
        his: His {
            serve: &["{his}", "--home", "{home}", "--json", "serve", "--listen", "127.0.0.1:0"],
            collect: &[
                "{his}",
                "--home",
                "{home}",
                "--json",
                "--lang",
                "en",
                "collect",
                "--bill",
                "{bill}",
                "{amount}",
                "--window",
                "{window}",
                "--id",
                "{bill}",
                "--patience",
                "120",
            ],
            refund: &[
                "{his}",
                "--home",
                "{home}",
                "--json",
                "--lang",
                "en",
                "refund",
                "{order}",
                "{amount}",
                "--operator",
                "1001",
                "--approver",
                "2001",
                "--reason",
                "wrong item",
                "--window",
                "{window}",
            ],
            lines: ["dial:{at}", "serial:{tty}@115200"],
        },
        pos: Pos {
            serve: &[
                "{pos}",
                "--home",
                "{home}",
                "--json",
                "--lang",
                "en",
                "serve",
                "--scanner",
                "stdin",
                "--credentials",
                "{credentials}",
                "--platform",
                "{url}",
                "{line}",
            ],
            lines: [&["--listen", "{at}"], &["--serial", "{tty}"]],
            waits: "wait_code",
            has_codes_as_words: false,
        },
    },
    Member {
        name: "go",
        build: &[
            &["go", "build", "-o", "{build}/window", "./examples/window"],
            &["go", "build", "-o", "{build}/terminal", "./examples/terminal"],
        ],
        leaves: "",
        his: His {
            serve: &[],
            collect: &[
                "{build}/window",
                "-home",
                "{home}",
                "-line",
                "{line}",
                "collect",
                "{bill}",
                "{amount}",
            ],
            refund: &[
                "{build}/window",
                "-home",
                "{home}",
                "-line",
                "{line}",
                "refund",
                "{order}",
                "{amount}",
                "1001",
                "2001",
            ],
            lines: ["tcp:{at}", "serial:{tty}"],
        },
        pos: Pos {
            serve: &[
                "{build}/terminal",
                "-home",
                "{home}",
                "-credentials",
                "{credentials}",
                "-platform",
                "{url}",
                "{line}",
            ],
            lines: [&["-line", "listen:{at}"], &["-line", "serial:{tty}"]],
            waits: "Accepted",
            has_codes_as_words: false,
        },
    },
    Member {
        name: "java",
        build: &[&["mvn", "-q", "-B", "-DskipTests", "package"]],
        leaves: "example/target/lib",
        his: His {
            serve: &[],
            collect: &[
                "java",
                "-cp",
                CLASSES,
                "hispos.example.Window",
                "{home}",
                "{line}",
                "collect",
                "{bill}",
                "{amount}",
            ],
            refund: &[
                "java",
                "-cp",
                CLASSES,
                "hispos.example.Window",
                "{home}",
                "{line}",
                "refund",
                "{order}",
                "{amount}",
                "item-1",
                "1001",
                "2001",
                "wrong item",
            ],
            lines: ["tcp:{at}", "serial:{tty}"],
        },
        pos: Pos {
            serve: &[
                "java",
                "-cp",
                CLASSES,
                "hispos.example.PosTerminal",
                "{home}",
                "{line}",
                "{credentials}",
                "{url}",
            ],
            lines: [&["listen:{port}"], &["serial:{tty}"]],
            waits: "accepted",
            has_codes_as_words: true,
        },
    },
    Member {
        name: "python",
        build: &[
            &["python3", "-m", "venv", ".venv"],
            &[PYTHON, "-m", "pip", "install", "--quiet", "--editable", "."],
        ],
        leaves: ".venv/bin/pip",
        his: His {
            serve: &[],
            collect: &[
                PYTHON,
                "-u",
                "-m",
                "examples.window",
                "--home",
                "{home}",
                "--line",
                "{line}",
                "collect",
                "--bill",
                "{bill}",
                "{amount}",
            ],
            refund: &[
                PYTHON,
                "-u",
                "-m",
                "examples.window",
                "--home",
                "{home}",
                "--line",
                "{line}",
                "refund",
                "{order}",
                "{amount}",
                "--operator",
                "1001",
                "--approver",
                "2001",
            ],
            lines: ["tcp:{at}", "serial:{tty}"],
        },
        pos: Pos {
            serve: &[
                PYTHON,
                "-u",
                "-m",
                "examples.terminal",
                "--home",
                "{home}",
                "--credentials",
                "{credentials}",
                "--platform",
                "{url}",
                "{line}",
            ],
            lines: [&["--line", "tcp:{at}"], &["--line", "serial:{tty}"]],
            waits: "Accepted",
            has_codes_as_words: false,
        },
    },
];
