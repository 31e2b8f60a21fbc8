//! The pages: one HTML book and one PDF for each edition.

use crate::root;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An edition's folder from the repository's root, its language, its title.
const EDITIONS: [(&str, &str, &str); 2] = [
    ("spec-crate/spec", "en", "hispos: the link between a hospital and its payment terminal"),
    ("spec-crate/spec/zh", "zh", "hispos：医院与支付终端之间的链路"),
];

/// What the pages look like on paper.
const PRINT: &str = include_str!("print.css");

/// The chapter behind all others, which is not written by people: its file, and what each edition calls it.
const TRACE: (&str, [(&str, &str); 2]) = ("trace.md", [("en", "Trace"), ("zh", "追溯")]);
/// Where the trace has left that chapter, by language.
const TRACE_FOLDER: &str = "target/trace";

/// Makes the pages of both editions below `target/spec`.
pub(super) fn make(repository: &Path) -> Result<(), String> {
    let out = repository.join("target/spec");
    for (folder, language, title) in EDITIONS {
        if !repository.join(folder).join("SUMMARY.md").exists() {
            println!("spec: {folder} has no SUMMARY.md, so no book");
            continue;
        }
        let pages = out.join(language);
        let book = out.join(format!("{language}-book"));
        let source = gather(repository, folder, language, &book.join("src"))?;
        root::write(&book.join("book.toml"), settings(&source, &pages, language, title).as_bytes())?;
        root::write(&book.join("print.css"), PRINT.as_bytes())?;
        tool("mdbook", &["build".as_ref(), book.as_os_str()], "`cargo install mdbook --locked`")?;
        let pdf = out.join(format!("hispos-{language}.pdf"));
        let page = pages.join("print.html");
        tool(
            "weasyprint",
            &["-q".as_ref(), page.as_os_str(), pdf.as_os_str()],
            "Debian's weasyprint and fonts-noto-cjk",
        )?;
        println!("spec: target/spec/{language}/index.html, target/spec/hispos-{language}.pdf");
    }
    Ok(())
}

/// Lays the chapters of an edition and the trace side by side, as mdBook wants them.
fn gather(repository: &Path, folder: &str, language: &str, to: &Path) -> Result<PathBuf, String> {
    if to.exists() {
        std::fs::remove_dir_all(to).map_err(|error| format!("{}: {error}", root::shown(to)))?;
    }
    let folder = repository.join(folder);
    let written = root::files(&folder, "md").into_iter().filter(|path| path.parent() == Some(&folder));
    for path in written {
        let mut text = root::read(&path)?;
        let name = path.file_name().unwrap_or_default();
        if name == "SUMMARY.md" {
            let (file, titles) = TRACE;
            let title = titles.iter().find(|(of, _)| *of == language).map_or(file, |(_, title)| title);
            text += &format!("\n[{title}]({file})\n");
        }
        root::write(&to.join(name), text.as_bytes())?;
    }
    let trace = root::read(&repository.join(TRACE_FOLDER).join(format!("{language}.md")))?;
    root::write(&to.join(TRACE.0), trace.as_bytes())?;
    Ok(to.to_path_buf())
}

fn settings(source: &Path, pages: &Path, language: &str, title: &str) -> String {
    format!(
        "[book]\ntitle = {title:?}\nlanguage = {language:?}\nsrc = {:?}\n\n[build]\nbuild-dir = {:?}\ncreate-missing = false\n\n\
         [output.html]\nadditional-css = [\"print.css\"]\nno-section-label = true\n",
        source.display().to_string(),
        pages.display().to_string(),
    )
}

fn tool(name: &str, words: &[&std::ffi::OsStr], from: &str) -> Result<(), String> {
    let status = Command::new(name).args(words).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name}: {status}")),
        Err(error) => Err(format!("{name}: {error}; it comes with {from}")),
    }
}
