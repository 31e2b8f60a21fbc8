//! What a command prints: for people, or with `--json` exactly one object a line for programs.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
use hispos::catalogue::Language;
use serde_json::{Map, Value};

use crate::exit::Exit;

/// How every command of every program answers.
#[derive(Args, Clone, Copy, Debug)]
pub struct Answers {
    /// Answer in JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    //= spec-crate/spec/catalogue.md#texts
    //# A program MUST use Chinese texts unless its operator has chosen another language.
    /// The language of what people at the window read.
    #[arg(long, global = true, value_enum, default_value_t = Lang::Zh)]
    lang: Lang,
}

/// A language, as it is typed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Answers {
    /// Where answers go.
    #[must_use]
    pub fn output(self) -> Output {
        Output::new(self.json)
    }

    /// The language of what people at the window read.
    #[must_use]
    pub fn language(self) -> Language {
        match self.lang {
            Lang::Zh => Language::Zh,
            Lang::En => Language::En,
        }
    }
}

/// Where a command's answers go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Output {
    json: bool,
    colour: bool,
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// One sentence: what happened, and what to do.
    pub text: String,
}

impl Failure {
    /// Ends a command.
    pub fn new(exit: Exit, text: impl fmt::Display) -> Self {
        Self { exit, text: text.to_string() }
    }

    /// Turns an error into a failure, saying what it was about.
    pub fn about<E: fmt::Display>(exit: Exit, what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(exit, format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl Output {
    /// Decides by `--json`, and by whether standard output is a terminal that wants colour (`NO_COLOR` is not set).
    #[must_use]
    pub fn new(json: bool) -> Self {
        let colour = !json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour }
    }

    /// Whether programs read it.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer: the object, or the text.
    pub fn say(self, object: &Value, text: impl fmt::Display) {
        let line = if self.json { object.to_string() } else { text.to_string() };
        let mut out = io::stdout().lock();
        // A reader that has gone away is no failure of the command.
        drop(writeln!(out, "{line}").and_then(|()| out.flush()));
    }

    /// Ends a command: prints a failure, gives the exit code. In JSON `{"ok":false,"exit":…,"code":…,"text":…}`.
    pub fn end(self, result: Result<(), Failure>) -> Exit {
        let Err(failure) = result else { return Exit::Done };
        if self.json {
            let mut object = Map::new();
            object.insert("ok".into(), false.into());
            object.insert("exit".into(), failure.exit.name().into());
            object.insert("code".into(), failure.exit.code().into());
            object.insert("text".into(), failure.text.into());
            self.say(&Value::Object(object), "");
        } else {
            drop(writeln!(io::stderr(), "{}: {failure}", self.strong(failure.exit.name())));
        }
        failure.exit
    }

    /// A word that stands out on a terminal with colour.
    #[must_use]
    pub fn strong(self, word: &str) -> String {
        if self.colour { format!("\u{1b}[1m{word}\u{1b}[0m") } else { word.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use hispos::catalogue::Language;

    use super::Answers;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        answers: Answers,
    }

    //= spec-crate/spec/catalogue.md#texts
    //= type=test
    //# A program MUST use Chinese texts unless its operator has chosen another language.
    #[test]
    fn people_read_chinese_unless_another_language_is_chosen() {
        let language = |words: &[&str]| Program::parse_from(words).answers.language();
        assert_eq!(language(&["program"]), Language::Zh);
        assert_eq!(language(&["program", "--lang", "en"]), Language::En);
    }
}
