//! `hispos-codegen`: see `hispos-codegen --help`.

use clap::{Parser, Subcommand, ValueEnum};
use hispos_codegen::describe;
use hispos_codegen::language::{LANGUAGES, Language, Role, Standing};
use hispos_codegen::project::{self, Failure};
use hispos_codegen::prove;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Makes a hispos client in a vendor's own language: a complete project with messages, tables, validator, key exchange,
/// records, order flow, an example program, tests.
///
/// A client is for one end of the link: the hospital information system (`his`), the payment terminal (`pos`), or both.
/// Schemas, state tables and templates are inside this program; it reads no other file, and the same version makes the same
/// bytes. Nothing in a client is edited by hand: what the schemas gain reaches every language by running `new --replace`
/// again, and what people wrote beside it stays. codegen/README.md in hispos tells how a language is added.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "A first client:\n  \
        hispos-codegen list                                        what is there\n  \
        hispos-codegen new --lang python --role his --out my-his   make it\n  \
        cd my-his, then read README.md: commands, a first payment, what to do before production\n\n\
        Programs that it calls: bash, and the language's own formatters at their pinned versions; `new` says what is missing \
        and how it is installed.\n\n\
        Exit codes: 0 done · 1 check found a difference, or prove a failure · 2 usage, or a schema or template is wrong · \
        3 refused: nothing was written · 5 a program of this machine is missing"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// One JSON object in place of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a client in an empty folder.
    New {
        /// Its language; `list` names them.
        #[arg(long)]
        lang: String,
        /// The end of the link that it plays.
        #[arg(long, value_enum)]
        role: RoleWord,
        /// The folder; it may not exist yet.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Replace an earlier client in the folder. What people wrote beside it stays.
        #[arg(long)]
        replace: bool,
    },
    /// Name the languages, and what of each role is there and what is missing.
    List,
    /// Make a client in an empty folder, build it, and run its tests by the commands of its own README.
    Prove {
        /// Its language; `list` names them.
        #[arg(long)]
        lang: String,
        /// The end of the link that it plays.
        #[arg(long, value_enum)]
        role: RoleWord,
        /// The folder of the vectors that its tests replay.
        #[arg(long, value_name = "DIR", default_value = "spec-crate/vectors")]
        vectors: PathBuf,
        /// Also its first payments, with the reference programs that HISPOS_HIS, HISPOS_POS and PROVIDER_SIM name.
        #[arg(long)]
        pay: bool,
        /// The folder that is emptied for it and left; a temporary one if not named.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    /// Make the committed clients again and name every file that differs.
    Check {
        /// The folder of the committed clients.
        #[arg(long, value_name = "DIR", default_value = "clients")]
        clients: PathBuf,
        /// Only this language.
        #[arg(long)]
        lang: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleWord {
    His,
    Pos,
    Both,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::His => Self::His,
            RoleWord::Pos => Self::Pos,
            RoleWord::Both => Self::Both,
        }
    }
}

/// What ends the program, by its exit code.
enum End {
    Done(serde_json::Value, String),
    Failed(u8, String),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let end = match &arguments.command {
        Command::New { lang, role, out, replace } => new(lang, (*role).into(), out, *replace),
        Command::List => list(),
        Command::Prove { lang, role, vectors, pay, keep } => {
            prove(lang, (*role).into(), vectors, *pay, keep.as_deref())
        }
        Command::Check { clients, lang } => check(clients, lang.as_deref()),
    };
    match end {
        End::Done(object, _) if arguments.json => {
            println!("{object}");
            ExitCode::SUCCESS
        }
        End::Done(_, text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        End::Failed(code, why) => {
            if arguments.json {
                println!("{}", json!({"exit": code, "why": why}));
            } else {
                eprintln!("{why}");
            }
            ExitCode::from(code)
        }
    }
}

fn failed(failure: Failure) -> End {
    match failure {
        Failure::Missing(why) => End::Failed(5, why),
        Failure::Broken(why) => End::Failed(2, why),
    }
}

fn unknown(lang: &str) -> End {
    let known: Vec<&str> = LANGUAGES.iter().map(|language| language.id).collect();
    End::Failed(2, format!("usage: there is no language {lang}; there is: {}", known.join(", ")))
}

/// The language, if a client of the role is made in it.
fn language_of(lang: &str, role: Role) -> Result<&'static Language, End> {
    let Some(language) = Language::of(lang) else { return Err(unknown(lang)) };
    if language.has(role) {
        return Ok(language);
    }
    let lacking = language.roles.iter().filter(|standing| !standing.is_there());
    let lacks: Vec<&str> = lacking.flat_map(|standing| standing.lacks.iter().copied()).collect();
    let word = format!("{role:?}").to_lowercase();
    let why = format!(
        "refused: {lang} has no client for the role {word} yet, and half a client is not made; missing: {}",
        lacks.join(", ")
    );
    Err(End::Failed(3, why))
}

fn prove(lang: &str, role: Role, vectors: &Path, pays: bool, keep: Option<&Path>) -> End {
    let language = match language_of(lang, role) {
        Ok(language) => language,
        Err(end) => return end,
    };
    let proved = describe::embedded().map_err(Failure::Broken).and_then(|description| {
        let wanted = prove::Wanted { vectors, pays, keep };
        prove::run(language, role, &description, &wanted)
    });
    match proved {
        Ok(proof) => {
            let word = format!("{role:?}").to_lowercase();
            let text = format!("{lang} {word}: built, tested: {proof}");
            End::Done(json!({"language": lang, "role": role, "proof": proof}), text)
        }
        Err(Failure::Broken(why)) => End::Failed(1, why),
        Err(failure) => failed(failure),
    }
}

fn new(lang: &str, role: Role, out: &Path, replace: bool) -> End {
    let language = match language_of(lang, role) {
        Ok(language) => language,
        Err(end) => return end,
    };
    let occupied = out.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !replace {
        return End::Failed(3, format!("refused: {} is not empty; --replace writes into it", out.display()));
    }
    let made = describe::embedded()
        .map_err(Failure::Broken)
        .and_then(|description| project::make(language, role, &description))
        .and_then(|made| project::write(&made, out).map(|()| made).map_err(Failure::Broken));
    match made {
        Ok(made) => End::Done(
            json!({"language": lang, "role": role, "files": made.len(), "out": out}),
            format!(
                "{} files in {}; begin with {}",
                made.len(),
                out.display(),
                out.join("README.md").display()
            ),
        ),
        Err(failure) => failed(failure),
    }
}

fn status(language: &Language, standing: &Standing) -> String {
    if standing.is_there() { language.status() } else { "missing".to_owned() }
}

fn list() -> End {
    let row = |language: &Language, standing: &Standing| {
        let role = format!("{:?}", standing.role).to_lowercase();
        format!(
            "{:<10}{:<6}{:<14}{}\n{:<30}missing: {}",
            language.id,
            role,
            status(language, standing),
            standing.has.join("; "),
            "",
            standing.lacks.join(", ")
        )
    };
    let rows =
        LANGUAGES.iter().flat_map(|language| language.roles.iter().map(move |standing| (language, standing)));
    let (objects, lines): (Vec<_>, Vec<_>) = rows
        .map(|(language, standing)| {
            (
                json!({"language": language.id, "status": status(language, standing), "standing": standing}),
                row(language, standing),
            )
        })
        .unzip();
    End::Done(json!({"clients": objects}), lines.join("\n"))
}

fn check(clients: &Path, lang: Option<&str>) -> End {
    if let Some(lang) = lang.filter(|lang| Language::of(lang).is_none()) {
        return unknown(lang);
    }
    let description = match describe::embedded() {
        Ok(description) => description,
        Err(why) => return End::Failed(2, why),
    };
    let (mut files, mut found) = (0, Vec::new());
    for language in LANGUAGES.iter().filter(|language| lang.is_none_or(|lang| lang == language.id)) {
        let roles: Vec<Role> = language.roles.iter().filter(|s| s.is_there()).map(|s| s.role).collect();
        let role = if let [role] = roles.as_slice() { *role } else { Role::Both };
        let folder = clients.join(language.id);
        let drift = project::make(language, role, &description).and_then(|made| {
            files += made.len();
            project::drift(&made, &folder).map_err(Failure::Broken)
        });
        match drift {
            Ok(drift) => found.extend(drift.iter().map(|line| format!("{}/{line}", folder.display()))),
            Err(failure) => return failed(failure),
        }
    }
    if found.is_empty() {
        let text = format!("clients: {files} generated files are up to date");
        return End::Done(json!({"files": files, "drift": found}), text);
    }
    let hint = "not what schemas and templates say; run `hispos-codegen new --replace` for the language";
    End::Failed(1, format!("clients: {hint}:\n  {}", found.join("\n  ")))
}
