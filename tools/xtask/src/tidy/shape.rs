//! Sizes, and what the house does not write: globs, unsafe, foreign words, std in the normative crate.

use super::floors::SPEC;
use super::source::{SourceFile, Tree, is_cfg_test, own_lines, product_lines};
use proc_macro2::{Ident, Span};
use syn::spanned::Spanned;
use syn::visit::Visit;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const SPEC_LINES_MAX: usize = 15_500;

/// The programs show a vendor how to embed the normative crate.
const PROGRAMS: [&str; 3] = ["reference-common", "reference-pos", "reference-his"];
/// What of it is not theirs, whatever its visibility: how the protocol works inside.
const NOT_FOR_PROGRAMS: [&str; 9] =
    ["codec", "frame", "handshake", "key_schedule", "labels", "record", "session", "transcript", "wire"];
/// Words that name nothing here, with what to say instead.
const WORDS: [(&str, &str); 4] = [
    ("packet", "frame, record or message"),
    ("telegram", "frame, record or message"),
    ("ack", "the message that answers"),
    ("nak", "alert"),
];

/// Everything about one tree's own text.
pub(super) fn findings(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| !file.is_generated) {
        let lines = product_lines(file);
        if !file.is_test && lines > FILE_LINES_MAX {
            found.push(format!(
                "{}:1: file size: {lines} lines, {FILE_LINES_MAX} allowed; split it by nouns",
                file.path
            ));
        }
        let mut eyes =
            Eyes { file, in_spec: tree.package == SPEC, package: &tree.package, found: &mut found };
        eyes.visit_file(&file.syntax);
    }
    found
}

/// The normative crate stays small enough to be read by one person.
pub(super) fn spec_size(trees: &[Tree]) -> Vec<String> {
    let files =
        trees.iter().filter(|tree| tree.package == SPEC && tree.is_product).flat_map(|tree| &tree.files);
    let lines: usize = files.filter(|file| !file.is_test && !file.is_generated).map(product_lines).sum();
    if lines <= SPEC_LINES_MAX {
        return Vec::new();
    }
    vec![format!(
        "{SPEC}/src/lib.rs:1: crate size: {lines} lines, {SPEC_LINES_MAX} allowed; delete before you add"
    )]
}

struct Eyes<'a> {
    file: &'a SourceFile,
    in_spec: bool,
    package: &'a str,
    found: &'a mut Vec<String>,
}

impl Eyes<'_> {
    fn say(&mut self, span: Span, text: &str) {
        self.found.push(format!("{}:{}: {text}", self.file.path, span.start().line));
    }

    fn function(&mut self, name: &Ident, span: Span) {
        let lines = own_lines(self.file, span.start().line, span.end().line);
        if lines > FUNCTION_LINES_MAX && !self.file.is_test {
            let text = format!(
                "function size: {name} has {lines} lines, {FUNCTION_LINES_MAX} allowed; give its parts names"
            );
            self.say(name.span(), &text);
        }
        let text = name.to_string();
        if text.starts_with("do_") || text.starts_with("process_") {
            self.say(name.span(), &format!("name: {text}; say what it does"));
        }
    }

    fn defined(&mut self, name: &Ident) {
        for word in words(&name.to_string()) {
            if let Some((_, instead)) = WORDS.iter().find(|(banned, _)| *banned == word) {
                self.say(name.span(), &format!("name: {name}; say {instead}"));
            }
            if self.in_spec && (word == "client" || word == "server") {
                self.say(name.span(), &format!("name: {name}; say HIS and POS, or initiator and responder"));
            }
        }
    }

    fn path(&mut self, words: &[String], span: Span) {
        let pair = (words.first().map(String::as_str), words.get(1).map(String::as_str));
        match pair {
            (Some("std"), _) if self.in_spec && !self.file.is_test => {
                self.say(span, "std: the normative crate is no_std; use core and alloc, and take clocks and bytes as inputs");
            }
            (Some("hispos"), Some(inner))
                if PROGRAMS.contains(&self.package)
                    && !self.file.is_test
                    && NOT_FOR_PROGRAMS.contains(&inner) =>
            {
                self.say(
                    span,
                    &format!(
                        "programs: hispos::{inner} is not for programs; use what its door, lib.rs, hands out"
                    ),
                );
            }
            _ => {}
        }
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        match tree {
            syn::UseTree::Path(path) => {
                let mut words = before.to_vec();
                words.push(path.ident.to_string());
                self.use_tree(&path.tree, &words);
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(tree, before)),
            syn::UseTree::Glob(glob) => {
                if !self.file.is_test {
                    self.say(glob.span(), "glob import; name what you use");
                }
                self.path(before, glob.span());
            }
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                let mut words = before.to_vec();
                words.push(ident.to_string());
                self.path(&words, ident.span());
            }
        }
    }
}

/// `someName`, `SomeName` and `some_name` as `some`, `name`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in name.chars() {
        if letter == '_' || (letter.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    words
}

/// From the signature to the closing brace: documentation and attributes are no part of a function's length.
fn body_span(signature: &syn::Signature, block: &syn::Block) -> Span {
    signature.span().join(block.span()).unwrap_or_else(|| block.span())
}

impl<'ast> Visit<'ast> for Eyes<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_cfg_test(&item.attrs) {
            self.defined(&item.ident);
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_cfg_test(&item.attrs) {
            self.function(&item.sig.ident, body_span(&item.sig, &item.block));
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, body_span(&item.sig, &item.block));
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig.ident, item.span());
        syn::visit::visit_trait_item_fn(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.defined(&signature.ident);
        if let Some(word) = signature.unsafety {
            self.say(word.span, "unsafe; find a safe way");
        }
        syn::visit::visit_signature(self, signature);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.defined(&item.ident);
        syn::visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.defined(&item.ident);
        syn::visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.defined(&item.ident);
        syn::visit::visit_item_trait(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.defined(&item.ident);
        syn::visit::visit_item_const(self, item);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.defined(&variant.ident);
        syn::visit::visit_variant(self, variant);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        field.ident.iter().for_each(|name| self.defined(name));
        syn::visit::visit_field(self, field);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.defined(&pattern.ident);
        syn::visit::visit_pat_ident(self, pattern);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.say(block.span(), "unsafe; find a safe way");
        syn::visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(word) = item.unsafety {
            self.say(word.span, "unsafe; find a safe way");
        }
        if !is_cfg_test(&item.attrs) {
            syn::visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_cfg_test(&item.attrs) {
            self.use_tree(&item.tree, &[]);
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        if !is_cfg_test(&item.attrs) {
            self.path(&[item.ident.to_string()], item.ident.span());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&words, path.span());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let prints =
            ["print", "println", "eprint", "eprintln", "dbg"].iter().any(|name| item.path.is_ident(name));
        if prints && self.in_spec && !self.file.is_test {
            self.say(item.span(), "print: the normative crate has no console; return an event");
        }
        syn::visit::visit_macro(self, item);
    }
}
