//! The trace as a page of the specification, in both editions: requirement, code, tests, exceptions, mutants.

use super::citations::{Citation, Kind};
use super::gate::is_must;
use super::mutants::{self, Mutant, Outcome};
use super::{CHAPTERS, Placed, Reasons, Trace};
use crate::root;
use crate::spec::page::headings;

/// Where the pages go, from the repository's root; the book takes them from there.
const FOLDER: &str = "target/trace";

/// What an edition calls things.
pub(super) struct Words {
    file: &'static str,
    chapters: &'static str,
    title: &'static str,
    intro: &'static str,
    summary: fn([usize; 4]) -> String,
    columns: &'static str,
    by_construction: &'static str,
    excepted: &'static str,
    not_yet: &'static str,
    exceptions: &'static str,
    exceptions_intro: &'static str,
    reasons: fn(&Trace) -> &Reasons,
    exception_columns: &'static str,
    mutants: &'static str,
    mutants_intro: &'static str,
    mutant_columns: &'static str,
    outcome: fn(Outcome) -> &'static str,
    nothing: &'static str,
}

pub(super) const ENGLISH: Words = Words {
    file: "en.md",
    chapters: CHAPTERS,
    title: "Trace",
    intro: "For each requirement with MUST or MUST NOT: the code that implements it and the tests that test it. Both \
            quote the requirement word for word, and a quotation that differs from the text is an error. Places are \
            files and lines of the repository.",
    summary: |[musts, exceptions, not_yet, mutants]| {
        format!(
            "{musts} requirements; {exceptions} of them are exceptions; {not_yet} are not traced yet; {mutants} mutants."
        )
    },
    columns: "| requirement | code | tests |",
    by_construction: "by construction",
    excepted: "an exception, see below",
    not_yet: "not traced yet",
    exceptions: "Exceptions",
    exceptions_intro: "These requirements have no code or no test here, each for the reason given.",
    reasons: |trace| &trace.exceptions,
    exception_columns: "| requirement | reason |",
    mutants: "Mutants",
    mutants_intro: "A test that quotes a requirement may still not notice when the requirement is broken. Each line of \
                    this table is a deliberate break of code that quotes a requirement. It is planted in a copy, alone, \
                    and a test that quotes the same requirement has to fail. The last column says what happened when \
                    it was last planted. One break for a requirement does not show that every break would be noticed.",
    mutant_columns: "| requirement | place | text | replaced by | test | outcome |",
    outcome: |outcome| match outcome {
        Outcome::Killed => "killed",
        Outcome::Survived => "survived",
        Outcome::NotBuilt => "not built",
        Outcome::NotRun => "not run",
    },
    nothing: "nothing",
};

pub(super) const CHINESE: Words = Words {
    file: "zh.md",
    chapters: "spec-crate/spec/zh",
    title: "追溯",
    intro: "对每条含“必须”或“不得”的要求：实现它的代码，以及测试它的测试。两者都逐字引用英文要求；与文本不同的引用是错误。位置是仓库中的\
            文件和行。",
    summary: |[musts, exceptions, not_yet, mutants]| {
        format!("{musts} 条要求，其中 {exceptions} 条为例外，{not_yet} 条尚未追溯；{mutants} 个变异。")
    },
    columns: "| 要求 | 代码 | 测试 |",
    by_construction: "由构造保证",
    excepted: "例外，见下",
    not_yet: "尚未追溯",
    exceptions: "例外",
    exceptions_intro: "这些要求在这里没有代码或没有测试，理由各自列出。",
    reasons: |trace| &trace.chinese_exceptions,
    exception_columns: "| 要求 | 理由 |",
    mutants: "变异",
    mutants_intro: "引用某条要求的测试，仍可能察觉不到该要求被破坏。此表每一行是对引用某条要求的代码的一次故意破坏。它单独植入一份副本，引用\
                    同一要求的测试必须失败。最后一列是最近一次植入的结果。一条要求的一次破坏被察觉，并不表明每次破坏都会被察觉。",
    mutant_columns: "| 要求 | 位置 | 原文 | 替换为 | 测试 | 结果 |",
    outcome: |outcome| match outcome {
        Outcome::Killed => "被测试发现",
        Outcome::Survived => "未被发现",
        Outcome::NotBuilt => "无法编译",
        Outcome::NotRun => "未运行",
    },
    nothing: "无",
};

/// Writes the page of each edition.
pub(super) fn write(trace: &Trace) -> Result<(), String> {
    for words in [&ENGLISH, &CHINESE] {
        let titles = titles(words)?;
        root::write(&root::root().join(FOLDER).join(words.file), page(trace, words, &titles).as_bytes())?;
    }
    println!("trace: {FOLDER}/{} and {FOLDER}/{}, pages of the book", ENGLISH.file, CHINESE.file);
    Ok(())
}

/// What each chapter of an edition calls itself, in the order of its table of contents.
fn titles(words: &Words) -> Result<Vec<(String, String)>, String> {
    let folder = root::root().join(words.chapters);
    let mut found = Vec::new();
    for line in root::read(&folder.join("SUMMARY.md"))?.lines() {
        let Some((_, target)) = line.split_once("](") else { continue };
        let name = target.trim_end_matches(')');
        let text = root::read(&folder.join(name))?;
        let title = headings(&text).next().map_or(name, |(_, title)| title).to_owned();
        found.push((name.to_owned(), title));
    }
    Ok(found)
}

/// The whole page.
pub(super) fn page(trace: &Trace, words: &Words, titles: &[(String, String)]) -> String {
    let musts: Vec<&Placed> = trace.placed.iter().filter(|placed| is_must(placed)).collect();
    let not_yet = musts.iter().filter(|placed| is_not_yet(trace, placed)).count();
    let counts = [musts.len(), trace.exceptions.len(), not_yet, trace.mutants.len()];
    let mut text = format!(
        "# {}\n\n{}\n\n{}\n\n<div class=\"trace\">\n",
        words.title,
        words.intro,
        (words.summary)(counts)
    );
    for (name, title) in titles {
        let rows: Vec<String> = musts
            .iter()
            .filter(|placed| placed.chapter() == name)
            .map(|placed| row(trace, words, placed))
            .collect();
        if !rows.is_empty() {
            text += &format!("\n## [{title}]({name})\n\n{}\n|---|---|---|\n{}", words.columns, rows.concat());
        }
    }
    text += &exceptions(trace, words);
    text += &mutants_table(trace, words);
    text + "\n</div>\n"
}

fn is_not_yet(trace: &Trace, placed: &Placed) -> bool {
    let cited: Vec<&Citation> = trace.cited(&placed.requirement.id).collect();
    let code = cited.iter().any(|citation| citation.kind.implements());
    let test = cited.iter().any(|citation| citation.kind.tests());
    let excepted = trace.exceptions.contains_key(&placed.requirement.id);
    !(excepted || code && test)
}

/// A requirement with its code and its tests.
fn row(trace: &Trace, words: &Words, placed: &Placed) -> String {
    let id = &placed.requirement.id;
    let all: Vec<&Citation> = trace.cited(id).collect();
    let tests = all.iter().filter_map(|citation| {
        let name = citation.test.as_ref().filter(|_| citation.kind == Kind::Test)?;
        Some(format!("{} {name}", citation.place()))
    });
    let mut tests = tests.collect::<Vec<_>>().join("<br>");
    if tests.is_empty() && all.iter().any(|citation| citation.kind == Kind::Implication) {
        tests = words.by_construction.to_owned();
    }
    let remark = match () {
        () if trace.exceptions.contains_key(id) => words.excepted,
        () if is_not_yet(trace, placed) => words.not_yet,
        () => "",
    };
    let [code, tests] =
        [places(words, &all), tests].map(|cell| if cell.is_empty() { remark.to_owned() } else { cell });
    format!("| {id} | {code} | {tests} |\n")
}

/// Where the code is: each file once, with its lines.
fn places(words: &Words, cited: &[&Citation]) -> String {
    let mut files: Vec<(&str, String)> = Vec::new();
    for citation in cited.iter().filter(|citation| citation.kind.implements()) {
        let place = match citation.kind {
            Kind::Implication => format!("{} ({})", citation.line, words.by_construction),
            _ => citation.line.to_string(),
        };
        match files.last_mut().filter(|(file, _)| *file == citation.path) {
            Some((_, lines)) => *lines += &format!(", {place}"),
            None => files.push((&citation.path, place)),
        }
    }
    files.iter().map(|(file, lines)| format!("{file}:{lines}")).collect::<Vec<_>>().join("<br>")
}

fn exceptions(trace: &Trace, words: &Words) -> String {
    let known = trace.placed.iter().filter_map(|placed| {
        let id = &placed.requirement.id;
        (words.reasons)(trace).get(id).map(|reason| format!("| {id} | {} |\n", escaped(reason)))
    });
    let rows: String = known.collect();
    let Words { exceptions, exceptions_intro, exception_columns, .. } = words;
    format!("\n## {exceptions}\n\n{exceptions_intro}\n\n{exception_columns}\n|---|---|\n{rows}")
}

fn mutants_table(trace: &Trace, words: &Words) -> String {
    let rows: String = trace.mutants.iter().map(|mutant| mutant_row(trace, words, mutant)).collect();
    let Words { mutants, mutants_intro, mutant_columns, .. } = words;
    format!(
        "\n</div>\n\n<div class=\"trace mutants\">\n\n## {mutants}\n\n{mutants_intro}\n\n{mutant_columns}\n|---|---|---|---|---|---|\n{rows}"
    )
}

fn mutant_row(trace: &Trace, words: &Words, mutant: &Mutant) -> String {
    let Mutant { id, file, from, to, test, outcome } = mutant;
    let place = match mutants::place(mutant, trace) {
        Ok((_, line)) => format!("{file}:{line}"),
        Err(_) => file.clone(),
    };
    let to = if to.trim().is_empty() { words.nothing.to_owned() } else { code(to) };
    let outcome = (words.outcome)(*outcome);
    format!("| {id} | {place} | {} | {to} | {test} | {outcome} |\n", code(from))
}

/// Code in a cell of a table, on one line.
fn code(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{}`", line.replace('|', "\\|"))
}

/// Prose in a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
