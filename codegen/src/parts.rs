//! What of a language's templates belongs to which role.
//!
//! `roles.tsv` beside the templates names what only one role has, a file or, with a `/` at its end, a folder in a line:
//!
//! ```text
//! role    path
//! his     examples/window.py
//! pos     hispos_client/pos_link.py
//! ```
//!
//! A project of both roles has everything, and what the list gives to `both` it alone has: what needs both ends. What the
//! list does not name every project has. Inside such a file, comment lines mark what only one of them has:
//!
//! ```text
//! # only: his
//! "conversations.json": his_vectors.replay,
//! # only: end
//! ```
//!
//! The marks never reach a project.

use crate::language::Role;

/// The list of what only one role has; no part of a project.
pub(crate) const LIST: &str = "roles.tsv";

const HEAD: &str = "role\tpath";

/// What only one role has, as its list says it.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<(Role, String)>);

impl Parts {
    /// Reads a list. Paths are those of the templates, their ending for templates included.
    ///
    /// # Errors
    ///
    /// Names the line that is no role and path, or whose path no template has.
    pub(crate) fn read(list: &str, templates: &[&str]) -> Result<Self, String> {
        let mut lines = list.lines().zip(1..);
        if lines.next().map(|(line, _)| line) != Some(HEAD) {
            return Err(format!("{LIST}:1: the head is not `{HEAD}`"));
        }
        let part = |(line, number): (&str, usize)| {
            let (role, path) = match line.split_once('\t') {
                Some(("his", path)) => (Role::His, path),
                Some(("pos", path)) => (Role::Pos, path),
                Some(("both", path)) => (Role::Both, path),
                _ => return Err(format!("{LIST}:{number}: not `his`, `pos` or `both`, a tab and a path")),
            };
            if !templates.iter().any(|template| holds(path, template)) {
                return Err(format!("{LIST}:{number}: there is no template {path}"));
            }
            Ok((role, path.to_owned()))
        };
        lines.map(part).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a client of a role has a file.
    pub(crate) fn has(&self, role: Role, path: &str) -> bool {
        let mut own = self.0.iter().filter(|(_, listed)| holds(listed, path));
        role == Role::Both || own.all(|(only, _)| *only == role)
    }
}

fn holds(listed: &str, path: &str) -> bool {
    listed == path || (listed.ends_with('/') && path.starts_with(listed))
}

/// A file without the marks, and without what they keep from a role.
///
/// # Errors
///
/// Names the line of a mark that begins inside another, or ends nothing, or is never ended.
pub(crate) fn of_role(role: Role, path: &str, text: &str) -> Result<String, String> {
    let mut kept = String::with_capacity(text.len());
    let mut open: Option<(Role, usize)> = None;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        match (mark(line), open) {
            (Some(Mark::Only(only)), None) => open = Some((only, number)),
            (Some(Mark::End), Some(_)) => open = None,
            (Some(_), _) => return Err(format!("{path}:{number}: this mark does not belong here")),
            (None, Some((only, _))) if role != Role::Both && role != only => {}
            (None, _) => kept.push_str(line),
        }
    }
    open.map_or(Ok(kept), |(_, number)| Err(format!("{path}:{number}: no `only: end` follows this mark")))
}

enum Mark {
    Only(Role),
    End,
}

fn mark(line: &str) -> Option<Mark> {
    let (sign, words) = line.trim().split_once(' ')?;
    match (sign, words.trim_end_matches("-->").trim_end()) {
        ("//" | "#" | "<!--", "only: his") => Some(Mark::Only(Role::His)),
        ("//" | "#" | "<!--", "only: pos") => Some(Mark::Only(Role::Pos)),
        ("//" | "#" | "<!--", "only: both") => Some(Mark::Only(Role::Both)),
        ("//" | "#" | "<!--", "only: end") => Some(Mark::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Parts, of_role};
    use crate::language::Role;

    #[test]
    fn a_role_has_its_own_files_and_those_that_nobody_lists() {
        let list = "role\tpath\nhis\tdesk/\npos\ta.py\nboth\tcable.py\n";
        let parts = Parts::read(list, &["desk/b.py", "a.py", "cable.py"]).unwrap();
        for (path, his, pos) in [
            ("desk/b.py", true, false),
            ("a.py", false, true),
            ("cable.py", false, false),
            ("a.pyi", true, true),
            ("desk.py", true, true),
        ] {
            assert_eq!((parts.has(Role::His, path), parts.has(Role::Pos, path)), (his, pos), "{path}");
            assert!(parts.has(Role::Both, path), "{path}");
        }
    }

    #[test]
    fn a_line_of_the_list_that_names_no_role_or_no_template_is_an_error() {
        for (list, error) in [
            ("role path\n", "roles.tsv:1: the head"),
            ("role\tpath\nall\ta.py\n", "roles.tsv:2: not `his`, `pos` or `both`"),
            ("role\tpath\nhis\ta.py\nhis\tgone.py\n", "roles.tsv:3: there is no template gone.py"),
        ] {
            let said = Parts::read(list, &["a.py"]).unwrap_err();
            assert!(said.starts_with(error), "{said}");
        }
    }

    #[test]
    fn marked_lines_stay_in_the_role_that_they_are_of_and_marks_stay_in_none() {
        let text =
            "all\n  // only: his\n  desk\n  // only: end\n<!-- only: pos -->\npaper\n<!-- only: end -->\n";
        for (role, kept) in
            [(Role::His, "all\n  desk\n"), (Role::Pos, "all\npaper\n"), (Role::Both, "all\n  desk\npaper\n")]
        {
            assert_eq!(of_role(role, "a", text).unwrap(), kept);
        }
    }

    #[test]
    fn a_mark_without_its_other_is_an_error_with_its_line() {
        for (text, line) in
            [("# only: his\na\n", 1), ("a\n# only: end\n", 2), ("# only: his\n# only: pos\n# only: end\n", 2)]
        {
            let error = of_role(Role::Both, "a.py", text).unwrap_err();
            assert!(error.starts_with(&format!("a.py:{line}: ")), "{error}");
        }
    }
}
