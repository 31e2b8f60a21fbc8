//! A whole project: templates filled, message classes made, the result formatted, and compared.

use crate::description::Description;
use crate::language::{Formatter, Language, Role};
pub use crate::program::Failure;
use crate::program::said;
use crate::schema::Sources;
use crate::{embedded, messages, render};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A project: each file's content, by its path.
pub type Project = BTreeMap<String, Vec<u8>>;

/// Makes a client. The same schemas and templates always give the same bytes.
///
/// # Errors
///
/// [`Failure::Missing`] without the language's formatter at its pinned version, [`Failure::Broken`] for the rest.
pub fn make(language: &Language, role: Role, description: &Description) -> Result<Project, Failure> {
    let schemas = embedded::schemas().map_err(Failure::Broken)?;
    make_of(language, role, description, schemas)
}

/// Makes a client of schemas, and of what was read of them.
pub(crate) fn make_of(
    language: &Language,
    role: Role,
    description: &Description,
    schemas: Sources,
) -> Result<Project, Failure> {
    let work = tempfile::tempdir().map_err(|error| Failure::Broken(format!("temporary folder: {error}")))?;
    let folder = work.path();
    for (path, content) in render::files(language, role, description).map_err(Failure::Broken)? {
        write_file(&folder.join(path), &content).map_err(Failure::Broken)?;
    }
    messages::write(language, schemas, folder)?;
    mark(language, folder).map_err(Failure::Broken)?;
    language.formatters.iter().try_for_each(|formatter| format(formatter, language, folder))?;
    read(folder).map_err(Failure::Broken)
}

/// Puts our header over what the message generator wrote.
fn mark(language: &Language, project: &Path) -> Result<(), String> {
    let folder = project.join(language.messages.root).join(language.messages.folder);
    for (path, content) in read(&folder)? {
        if !is_ours(&content) {
            write_file(&folder.join(&path), &render::with_header(language, &path, &content))?;
        }
    }
    Ok(())
}

fn format(formatter: &Formatter, language: &Language, folder: &Path) -> Result<(), Failure> {
    let Formatter { program, version, asks, install, files, calls } = formatter;
    let needed = |found: &str| {
        Failure::Missing(format!("{version} is needed to format the result, {found}; install it: {install}"))
    };
    match said(asks) {
        None => return Err(needed(&format!("there is no {program}"))),
        Some(found) if found != *version => return Err(needed(&format!("this is {found}"))),
        Some(_) => {}
    }
    // What protoc wrote stays as it is where the formatter is told each file.
    let made = format!("{}{}/", language.messages.root, language.messages.folder);
    let named = read(folder).map_err(Failure::Broken)?.into_keys();
    let named: Vec<String> = named
        .filter(|path| !files.is_empty() && path.ends_with(&format!(".{files}")) && !path.starts_with(&made))
        .collect();
    for call in *calls {
        let output = Command::new(program).args(*call).args(&named).current_dir(folder).output();
        let output = output.map_err(|error| Failure::Broken(format!("{program}: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::Broken(format!("{program}: {}", said.trim())));
        }
    }
    Ok(())
}

/// Writes a project into a folder, and removes what an earlier run of the generator left in it.
///
/// # Errors
///
/// Names the file.
pub fn write(project: &Project, folder: &Path) -> Result<(), String> {
    for (path, content) in read(folder)? {
        if is_ours(&content) && !project.contains_key(&path) {
            let path = folder.join(path);
            std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    project.iter().try_for_each(|(path, content)| write_file(&folder.join(path), content))
}

/// Every file that differs from what is made now, with how.
///
/// # Errors
///
/// Names a file that cannot be read.
pub fn drift(project: &Project, folder: &Path) -> Result<Vec<String>, String> {
    let committed = read(folder)?;
    let mut found: Vec<String> = committed
        .iter()
        .filter(|(path, _)| !project.contains_key(*path))
        .map(|(path, _)| format!("{path}: nothing makes it"))
        .collect();
    for (path, content) in project {
        match committed.get(path) {
            None => found.push(format!("{path}: missing")),
            Some(there) if there != content => {
                let same = there.split(|byte| *byte == b'\n').zip(content.split(|byte| *byte == b'\n'));
                let line = 1 + same.take_while(|(one, other)| one == other).count();
                found.push(format!("{path}:{line}: differs"));
            }
            Some(_) => {}
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the generator wrote a file.
fn is_ours(content: &[u8]) -> bool {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(first).contains(render::HEADER)
}

/// Folders that tools leave behind in a project: no part of it.
const LEFT_BEHIND: [&str; 4] = ["__pycache__", "build", "dist", "target"];

/// Every file below a folder but what tools left behind. An absent folder has none.
pub(crate) fn read(folder: &Path) -> Result<Project, String> {
    let mut project = Project::new();
    let mut open: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(inner) = open.pop().filter(|inner| inner.exists()) {
        let entries = std::fs::read_dir(&inner).map_err(|error| format!("{}: {error}", inner.display()))?;
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name.starts_with('.') || LEFT_BEHIND.contains(&name.as_str()) || name.ends_with(".egg-info") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let content = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let local = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            project.insert(local, content);
        }
    }
    Ok(project)
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, content))
        .map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Project, drift, write};

    fn project(files: &[(&str, &str)]) -> Project {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    const OURS: &str = "# Generated by hispos-codegen; do not edit.\n";

    #[test]
    fn each_kind_of_drift_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let first = project(&[("a.py", "one\ntwo\n"), ("deep/b.py", "one\n"), ("c.py", OURS)]);
        write(&first, folder.path()).unwrap();
        assert_eq!(drift(&first, folder.path()).unwrap(), Vec::<String>::new());
        let second = project(&[("a.py", "one\nthree\n"), ("d.py", "")]);
        let found = drift(&second, folder.path()).unwrap();
        let expected =
            ["a.py:2: differs", "c.py: nothing makes it", "d.py: missing", "deep/b.py: nothing makes it"];
        assert_eq!(found, expected);
    }

    #[test]
    fn writing_again_removes_what_the_generator_wrote_and_leaves_what_people_wrote() {
        let folder = tempfile::tempdir().unwrap();
        write(&project(&[("old.py", OURS), ("people.py", "mine\n")]), folder.path()).unwrap();
        write(&project(&[("new.py", OURS)]), folder.path()).unwrap();
        assert!(!folder.path().join("old.py").exists());
        assert!(folder.path().join("people.py").exists() && folder.path().join("new.py").exists());
    }
}
