//! The languages, and what of each role is there.

use serde::Serialize;

/// The end of the link that a client plays.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The hospital information system.
    His,
    /// The payment terminal.
    Pos,
    /// Either, as the program chooses.
    Both,
}

/// How far a role is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Standing {
    /// The role.
    pub role: Role,
    /// What a vendor gets; nothing while the role is refused.
    pub has: &'static [&'static str],
    /// What he does not get yet.
    pub lacks: &'static [&'static str],
}

impl Standing {
    /// Whether a client of the role is made at all.
    pub fn is_there(&self) -> bool {
        !self.has.is_empty()
    }
}

/// A formatter that the language's people use, at the version that the committed output was formatted with.
#[derive(Clone, Copy, Debug)]
pub struct Formatter {
    /// The program.
    pub program: &'static str,
    /// Its version, as `asks` prints it.
    pub version: &'static str,
    /// The command that prints the version.
    pub asks: &'static [&'static str],
    /// The calls that format the current folder, or the files behind them, and drop imports that nothing uses.
    pub calls: &'static [&'static [&'static str]],
    /// The ending of the files whose names it is given; empty: it takes the folder itself.
    pub files: &'static str,
    /// The command that installs it.
    pub install: &'static str,
}

/// How the standard message generator of a language is called.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    /// The folder of the message classes in the project, which is their name for imports, too.
    pub folder: &'static str,
    /// The folder that stands before it and is no part of the name, such as `src/`; empty: none.
    pub root: &'static str,
    /// The outputs of protoc, such as `python`, or `java=lite` with an option.
    pub outputs: &'static [&'static str],
    /// The Java package of the classes, one file each; empty: the language has none.
    pub java_package: &'static str,
    /// The Go package of the classes; empty: the language has none.
    pub go_package: &'static str,
    /// A generator that protoc has not built in.
    pub plugin: Option<Plugin>,
}

/// A message generator that protoc calls.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// The program.
    pub program: &'static str,
    /// What `program --version` prints.
    pub version: &'static str,
    /// The command that installs it.
    pub install: &'static str,
}

/// A language, as the generator knows it.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// Its name on the command line, in `templates/` and in `clients/`.
    pub id: &'static str,
    /// How it begins a comment that ends with the line, by a file's ending; other files carry no header.
    pub comments: &'static [(&'static str, &'static str)],
    /// Its formatters: one for each kind of file.
    pub formatters: &'static [Formatter],
    /// Its message classes.
    pub messages: Messages,
    /// What is there of each role.
    pub roles: &'static [Standing],
}

/// Every language.
pub static LANGUAGES: &[Language] = &[GO, JAVA, PYTHON];

const PYTHON: Language = Language {
    id: "python",
    comments: &[("py", "#"), ("pyi", "#"), ("toml", "#")],
    formatters: &[Formatter {
        program: "ruff",
        version: "ruff 0.17.6",
        asks: &["ruff", "--version"],
        calls: &[
            &["check", "--quiet", "--exit-zero", "--fix", "--select", "F401,I", "."],
            &["format", "--quiet", "."],
        ],
        files: "",
        install: "python3 -m pip install ruff==0.17.6",
    }],
    messages: Messages {
        folder: "hispos_client/messages",
        root: "",
        outputs: &["python", "pyi"],
        java_package: "",
        go_package: "",
        plugin: None,
    },
    roles: &[
        Standing {
            role: Role::His,
            has: &[
                "message classes, tables, texts",
                "frames, canonical validator",
                "key exchange, records and session, both roles",
                "signed files, and newer ones in a running link",
                "orders: collect, refund, cancel, query, look-up at the own and at other devices, results, later looks",
                "ledger in a file: orphans, adopting, decisions of two people, conflicts, step back, closing a day",
                "storages that answer late; an alarm for what is not posted",
                "TCP and serial lines, blocking and for asyncio; an example window",
                "the driver interface",
            ],
            lacks: &[
                "posting to a bill database (the ledger tells what is unposted)",
                "a proof on every platform of the list",
            ],
        },
        Standing {
            role: Role::Pos,
            has: &[
                "the layers of the his below its link",
                "order flow: accept, code, pay, reverse, refund, looks, leases, fences, reports, lists, totals",
                "journal in a file, which tells its room; declaring its restore",
                "the interface for a vendor's payment code, verdicts from the platforms' tables",
                "newer agreements, manifests and credentials in a running link",
                "TCP and serial lines, blocking and for asyncio; an example terminal that pays at the simulated platform",
                "the driver interface",
            ],
            lacks: &["a proof on every platform of the list"],
        },
    ],
};

const JAVA: Language = Language {
    id: "java",
    comments: &[("java", "//"), ("kt", "//")],
    formatters: &[
        Formatter {
            program: "google-java-format",
            version: "google-java-format: Version 1.28.0",
            asks: &["google-java-format", "--version"],
            calls: &[&["--replace"]],
            files: "java",
            install: "codegen/formatters/google-java-format DIR, for a DIR of PATH",
        },
        Formatter {
            program: "ktfmt",
            version: "ktfmt version 0.64",
            asks: &["ktfmt", "--version"],
            calls: &[&["--kotlinlang-style", "--quiet"]],
            files: "kt",
            install: "codegen/formatters/ktfmt DIR, for a DIR of PATH",
        },
    ],
    messages: Messages {
        folder: "hispos/client/messages",
        root: "link/src/main/java/",
        outputs: &["java=lite"],
        java_package: "hispos.client.messages",
        go_package: "",
        plugin: None,
    },
    roles: &[
        Standing {
            role: Role::His,
            has: &[
                "message classes, tables, texts",
                "frames, canonical validator",
                "key exchange, records and session, both roles",
                "signed files",
                "orders: collect, refund, cancel, query, look-ups at any device, later looks, results",
                "ledger in a file: orphans, adopting, decisions of two people, conflicts (ORD-185), step back, lists",
                "closing a day, totals of both ends",
                "roll-over of agreements and manifests in a running link",
                "storages that answer late, as a thread of their own does",
                "TCP and serial lines; an example window",
                "a desk of suspending functions and flows for Kotlin; an example window in Kotlin",
                "the driver interface",
            ],
            lacks: &["a proof on every platform of the list"],
        },
        Standing {
            role: Role::Pos,
            has: &[
                "message classes, tables, texts",
                "key exchange, records and session",
                "journal in a file",
                "order flow: collects, refunds, cancels, look-ups, lists, totals, reports",
                "payment interface: questions out, verdicts in; leases, fences and money rules are the link's",
                "payment codes, and what answers of platforms prove",
                "newer agreements, manifests and credentials in a running link",
                "an example terminal that pays at the simulated platform",
                "a device and payment code of suspending functions for Kotlin; an example terminal in Kotlin",
                "the driver interface",
            ],
            lacks: &["a proof on every platform of the list"],
        },
    ],
};

const GO: Language = Language {
    id: "go",
    comments: &[("go", "//"), ("mod", "//")],
    formatters: &[Formatter {
        program: "gofmt",
        version: "go1.26.8",
        asks: &["go", "env", "GOVERSION"],
        calls: &[&["-w", "."]],
        files: "",
        install: "go install golang.org/dl/go1.26.8@latest && go1.26.8 download",
    }],
    messages: Messages {
        folder: "internal/messages",
        root: "",
        outputs: &["go=module=hispos-client"],
        java_package: "",
        go_package: "hispos-client/internal/messages",
        plugin: Some(Plugin {
            program: "protoc-gen-go",
            version: "protoc-gen-go v1.36.12",
            install: "go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
        }),
    },
    roles: &[
        Standing {
            role: Role::His,
            has: &[
                "message types, tables, texts",
                "frames, canonical validator",
                "key exchange, records and session, both roles",
                "signed files, and newer ones in a running link",
                "orders: collect, refund, cancel, query, look-up at the own and at other devices, results, later looks",
                "ledger in a file: orphans, adopting, decisions of two people, conflicts, step back, totals, closing a day",
                "TCP and serial lines of Linux, Windows and macOS; an example window",
                "the driver interface",
            ],
            lacks: &[
                "posting to a bill database (the ledger tells what is unposted)",
                "a serial line seen on Windows or macOS themselves (both are built and checked on Linux)",
                "a proof on every platform of the list",
            ],
        },
        Standing {
            role: Role::Pos,
            has: &[
                "the layers of the his below its link",
                "order flow: accept, code, pay, reverse, refund, looks, leases, fences, reports, lists, totals",
                "journal in a file, which tells its room; declaring its restore",
                "the interface for a vendor's payment code, verdicts from the platforms' tables",
                "newer agreements, manifests and credentials in a running link",
                "TCP and serial lines of Linux, Windows and macOS; an example terminal that pays at the simulated platform",
                "the driver interface",
            ],
            lacks: &[
                "a serial line seen on Windows or macOS themselves (both are built and checked on Linux)",
                "a proof on every platform of the list",
            ],
        },
    ],
};

/// What the clients proved, as `cargo xtask clients --write` saw it.
const PROVED: &str = include_str!("../../clients/status.json");

impl Language {
    /// `proved` while the client is as a whole run proved it, `experimental` else: the word of `clients/status.json`.
    pub fn status(&self) -> String {
        let facts: serde_json::Value = serde_json::from_str(PROVED).unwrap_or_default();
        let word = facts.pointer(&format!("/clients/{}/status", self.id)).and_then(serde_json::Value::as_str);
        word.unwrap_or("experimental").to_owned()
    }

    /// The language of a name.
    pub fn of(id: &str) -> Option<&'static Self> {
        LANGUAGES.iter().find(|language| language.id == id)
    }

    /// What is there of a role, or of each.
    pub fn standings(&self, role: Role) -> Vec<Standing> {
        let wanted = |standing: &&Standing| role == Role::Both || standing.role == role;
        self.roles.iter().filter(wanted).copied().collect()
    }

    /// Whether a client of a role is made; of both only if each is there.
    pub fn has(&self, role: Role) -> bool {
        self.standings(role).iter().all(Standing::is_there)
    }
}
