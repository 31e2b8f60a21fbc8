//! Who imports whom inside one tree, file by file.

use super::source::{SourceFile, Tree, is_cfg_test};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::Visit;

/// One file's use of another file's module.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) path: String,
    pub(super) line: usize,
}

/// Every import between two product files of a tree. The root's module is the empty name.
pub(super) fn of(tree: &Tree) -> Vec<Import> {
    let files: Vec<&SourceFile> = tree.files.iter().filter(|file| !file.is_test).collect();
    let modules: BTreeSet<Vec<String>> = files.iter().map(|file| file.module.clone()).collect();
    let doors: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>> =
        files.iter().map(|file| (file.module.clone(), reexports(file, &modules))).collect();
    let mut imports = BTreeSet::new();
    for file in files {
        let mut seen = Seen { modules: &modules, file, inner: Vec::new(), found: Vec::new() };
        seen.visit_file(&file.syntax);
        for (path, line) in seen.found {
            let target = target(&path, &modules, &doors);
            if target != file.module {
                imports.insert(Import {
                    from: file.module.join("::"),
                    to: target.join("::"),
                    path: file.path.clone(),
                    line,
                });
            }
        }
    }
    imports.into_iter().collect()
}

/// The file that a path leads to, through one re-export if there is one.
fn target(
    path: &[String],
    modules: &BTreeSet<Vec<String>>,
    doors: &BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
) -> Vec<String> {
    let module = longest(path, modules);
    let name = path.get(module.len());
    let behind = name.and_then(|name| doors.get(&module).and_then(|door| door.get(name)));
    behind.map_or(module, |path| longest(path, modules))
}

fn longest(path: &[String], modules: &BTreeSet<Vec<String>>) -> Vec<String> {
    let lengths = (0..=path.len()).rev();
    lengths
        .filter_map(|length| path.get(..length))
        .find(|prefix| modules.contains(*prefix))
        .unwrap_or_default()
        .to_vec()
}

/// Names that a file hands on from its own children: a door, not a use.
fn reexports(file: &SourceFile, modules: &BTreeSet<Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let uses = file.syntax.items.iter().filter_map(|item| match item {
        syn::Item::Use(item) if is_reexport(item) => Some(&item.tree),
        _ => None,
    });
    let mut names = BTreeMap::new();
    for tree in uses {
        for path in flat(tree) {
            let Some(absolute) = absolute(&path, &file.module, modules) else { continue };
            if absolute.len() > file.module.len()
                && absolute.starts_with(&file.module)
                && let Some(name) = absolute.last()
            {
                names.insert(name.clone(), absolute.clone());
            }
        }
    }
    names
}

fn is_reexport(item: &syn::ItemUse) -> bool {
    !matches!(item.vis, syn::Visibility::Inherited)
}

/// The paths of a use tree; a glob ends its path.
fn flat(tree: &syn::UseTree) -> Vec<Vec<String>> {
    match tree {
        syn::UseTree::Path(path) => {
            let mut paths = flat(&path.tree);
            paths.iter_mut().for_each(|inner| inner.insert(0, path.ident.to_string()));
            paths
        }
        syn::UseTree::Name(name) if name.ident == "self" => vec![Vec::new()],
        syn::UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        syn::UseTree::Rename(rename) => vec![vec![rename.ident.to_string()]],
        syn::UseTree::Glob(_) => vec![Vec::new()],
        syn::UseTree::Group(group) => group.items.iter().flat_map(flat).collect(),
    }
}

/// A path from the tree's root, or `None` if it leads to another crate or to a local name.
fn absolute(path: &[String], module: &[String], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = path;
    match path.first().map(String::as_str)? {
        "crate" => {
            base.clear();
            rest = path.get(1..)?;
        }
        "self" => rest = path.get(1..)?,
        "super" => {
            while rest.first().is_some_and(|first| first == "super") {
                base.pop();
                rest = rest.get(1..)?;
            }
        }
        child => {
            let mut inner = base.clone();
            inner.push(child.to_owned());
            if !modules.contains(&inner) {
                return None;
            }
        }
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// Collects the absolute paths that a file names outside its tests.
struct Seen<'a> {
    modules: &'a BTreeSet<Vec<String>>,
    file: &'a SourceFile,
    /// Inline modules around the current place.
    inner: Vec<String>,
    found: Vec<(Vec<String>, usize)>,
}

impl Seen<'_> {
    fn name(&mut self, path: &[String], line: usize) {
        let mut module = self.file.module.clone();
        module.extend_from_slice(&self.inner);
        if let Some(path) = absolute(path, &module, self.modules) {
            self.found.push((path, line));
        }
    }

    /// Macro bodies are tokens: `crate::a::b` is found in them, other forms are not.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Ident(word) if word == "crate" => path = vec![word.to_string()],
                TokenTree::Ident(word) if !path.is_empty() => {
                    path.push(word.to_string());
                    let line = word.span().start().line;
                    self.name(&path.clone(), line);
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {}
                TokenTree::Group(group) => {
                    path.clear();
                    self.tokens(group.stream());
                }
                _ => path.clear(),
            }
        }
    }
}

impl<'ast> Visit<'ast> for Seen<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let is_test = match item {
            syn::Item::Mod(item) => is_cfg_test(&item.attrs),
            syn::Item::Fn(item) => is_cfg_test(&item.attrs),
            syn::Item::Use(item) => is_cfg_test(&item.attrs),
            syn::Item::Impl(item) => is_cfg_test(&item.attrs),
            _ => false,
        };
        if !is_test {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inner.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.inner.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let line = item.use_token.span.start().line;
        for path in flat(&item.tree) {
            let own_child = absolute(&path, &self.file.module, self.modules).is_some_and(|path| {
                path.len() > self.file.module.len() && path.starts_with(&self.file.module)
            });
            if !(is_reexport(item) && own_child) {
                self.name(&path, line);
            }
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if words.len() > 1 {
            let line = path.segments.first().map_or(1, |segment| segment.ident.span().start().line);
            self.name(&words, line);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        syn::visit::visit_macro(self, item);
    }
}
