//! The repository's Rust, parsed: packages, their module trees, and what in them is a test or generated.

use std::collections::{BTreeMap, BTreeSet};
use syn::spanned::Spanned;

/// Texts by their paths from the repository's root.
pub(super) type Texts = BTreeMap<String, String>;

/// One parsed file.
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) syntax: syn::File,
    /// Its place in its tree; empty for the root.
    pub(super) module: Vec<String>,
    /// Reached only in test builds.
    pub(super) is_test: bool,
    /// Written by a generator.
    pub(super) is_generated: bool,
}

/// A root file and every module below it.
pub(super) struct Tree {
    /// The package's folder.
    pub(super) package: String,
    /// Whether the root is a file in `src/`, not a test, example or fuzz target.
    pub(super) is_product: bool,
    pub(super) files: Vec<SourceFile>,
}

/// The trees of all packages, and what is wrong with the files themselves.
pub(super) struct Sources {
    pub(super) trees: Vec<Tree>,
    pub(super) findings: Vec<String>,
}

/// Finds packages by their `Cargo.toml` and follows `mod` from each root file.
pub(super) fn collect(texts: &Texts) -> Sources {
    let mut sources = Sources { trees: Vec::new(), findings: Vec::new() };
    let mut packages: Vec<&str> = texts.keys().filter_map(|path| path.strip_suffix("/Cargo.toml")).collect();
    packages.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
    let mut reached = BTreeSet::new();
    for package in packages {
        let inside = format!("{package}/");
        let all: Vec<&String> = texts
            .keys()
            .filter(|path| path.starts_with(&inside) && path.ends_with(".rs") && !reached.contains(*path))
            .collect();
        let (roots, others): (Vec<&String>, Vec<&String>) =
            all.into_iter().partition(|path| is_root(path, &inside));
        for root in roots {
            let mut tree =
                Tree { package: package.to_owned(), is_product: root.contains("/src/"), files: Vec::new() };
            let is_test = !tree.is_product;
            follow(texts, root, Vec::new(), is_test, &mut tree, &mut sources.findings);
            reached.extend(tree.files.iter().map(|file| file.path.clone()));
            sources.trees.push(tree);
        }
        for path in others {
            let generated = texts.get(path).is_some_and(|text| is_generated(text));
            if !generated && path.contains("/src/") && reached.insert(path.clone()) {
                sources
                    .findings
                    .push(format!("{path}:1: orphan: no `mod` reaches this file; declare or delete it"));
            }
        }
    }
    sources.trees.sort_by(|one, other| one.package.cmp(&other.package));
    sources
}

/// Roots are `lib.rs`, `main.rs`, `src/bin/*.rs`, `build.rs`, and the files of tests, examples and fuzz targets.
fn is_root(path: &str, inside: &str) -> bool {
    let local = path.strip_prefix(inside).unwrap_or(path);
    let parts: Vec<&str> = local.split('/').collect();
    matches!(
        parts.as_slice(),
        ["src", "lib.rs" | "main.rs"]
            | ["build.rs"]
            | ["src", "bin", _]
            | ["tests" | "examples" | "benches" | "fuzz_targets", _]
            | ["tests" | "examples", _, "main.rs"]
    )
}

fn follow(
    texts: &Texts,
    path: &str,
    module: Vec<String>,
    is_test: bool,
    tree: &mut Tree,
    findings: &mut Vec<String>,
) {
    let Some(text) = texts.get(path) else { return };
    let syntax = match syn::parse_file(text) {
        Ok(syntax) => syntax,
        Err(error) => {
            findings.push(format!("{path}:{}: parse: {error}", error.span().start().line));
            return;
        }
    };
    let is_generated = is_generated(text);
    let declared = declarations(&syntax.items);
    tree.files.push(SourceFile {
        path: path.to_owned(),
        text: text.clone(),
        syntax,
        module: module.clone(),
        is_test,
        is_generated,
    });
    for (name, own_path, only_tests) in declared {
        let mut inner = module.clone();
        inner.push(name.clone());
        if let Some(file) =
            candidates(path, &name, own_path).into_iter().find(|file| texts.contains_key(file))
        {
            follow(texts, &file, inner, is_test || only_tests, tree, findings);
        }
    }
}

/// The `mod name;` of a file: name, `#[path]`, and whether only tests have it.
fn declarations(items: &[syn::Item]) -> Vec<(String, Option<String>, bool)> {
    let modules = items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if module.content.is_none() => Some(module),
        _ => None,
    });
    modules
        .map(|module| (module.ident.to_string(), own_path(&module.attrs), is_cfg_test(&module.attrs)))
        .collect()
}

fn own_path(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

fn candidates(path: &str, name: &str, own_path: Option<String>) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(own) = own_path {
        return vec![format!("{folder}/{own}")];
    }
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let is_door =
        matches!(stem, "lib" | "main" | "mod") || folder.ends_with("/tests") || folder.ends_with("/bin");
    let base = if is_door { folder.to_owned() } else { format!("{folder}/{stem}") };
    vec![format!("{base}/{name}.rs"), format!("{base}/{name}/mod.rs")]
}

/// Whether an item exists only in test builds.
pub(super) fn is_cfg_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// Whether a text says that a generator wrote it.
pub(super) fn is_generated(text: &str) -> bool {
    text.lines().take(3).any(|line| line.contains("Generated by") && line.contains("do not edit"))
}

/// Lines of a file without its own test modules and without quotations of the specification, which are not its own.
pub(super) fn product_lines(file: &SourceFile) -> usize {
    let tests = file.syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if module.content.is_some() && is_cfg_test(&module.attrs) => {
            Some(module.span())
        }
        _ => None,
    });
    let inside: usize = tests.map(|span| own_lines(file, span.start().line, span.end().line)).sum();
    own_lines(file, 1, usize::MAX).saturating_sub(inside)
}

/// Lines from one to another, both included, without quotations of the specification.
pub(super) fn own_lines(file: &SourceFile, first: usize, last: usize) -> usize {
    let numbered = (1..).zip(file.text.lines().map(str::trim_start));
    let within = numbered.skip_while(|(line, _)| *line < first).take_while(|(line, _)| *line <= last);
    within.filter(|(_, text)| !text.starts_with("//=") && !text.starts_with("//#")).count()
}
