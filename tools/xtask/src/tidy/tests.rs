//! Each rule sees one small repository that breaks it, and one that does not.

use super::findings;
use super::source::Texts;

fn repository(files: &[(&str, &str)]) -> Vec<String> {
    let mut texts: Texts =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    for package in ["spec-crate", "reference-pos"] {
        texts.insert(format!("{package}/Cargo.toml"), String::new());
    }
    findings(&texts)
}

#[track_caller]
fn says(files: &[(&str, &str)], expected: &str) {
    let found = repository(files);
    assert!(found.iter().any(|text| text.contains(expected)), "expected {expected:?} among {found:#?}");
}

#[track_caller]
fn is_silent(files: &[(&str, &str)]) {
    assert_eq!(repository(files), Vec::<String>::new());
}

const SPEC: &str = "spec-crate/src/lib.rs";
const POS: &str = "reference-pos/src/lib.rs";

#[test]
fn imports_downward_are_in_order() {
    is_silent(&[
        (SPEC, "mod limits; mod frame; pub mod link; pub use link::Link;"),
        ("spec-crate/src/limits.rs", "pub const MAX: usize = 1;"),
        ("spec-crate/src/frame.rs", "use crate::limits::MAX;"),
        ("spec-crate/src/link/mod.rs", "mod his; pub use his::Link; use crate::frame; pub struct Input;"),
        ("spec-crate/src/link/his.rs", "use super::Input; pub struct Link(crate::frame::Frame);"),
    ]);
}

#[test]
fn an_import_upward_is_reported_in_whatever_form() {
    for text in [
        "use crate::frame::Frame;",
        "use crate::{frame::Frame};",
        "use super::frame;",
        "fn f() { crate::frame::cut(); }",
        "fn f() { assert!(crate::frame::cut()); }",
        "struct S(crate::frame::Frame);",
        "pub use crate::frame::Frame;",
    ] {
        let files = [
            (SPEC, "mod limits; mod frame;"),
            ("spec-crate/src/frame.rs", ""),
            ("spec-crate/src/limits.rs", text),
        ];
        says(&files, "spec-crate/src/limits.rs:1: floor: limits (F0 words) imports frame (F2 bytes), upward");
    }
}

#[test]
fn an_import_sideways_is_reported() {
    let files = [
        (SPEC, "mod frame; mod codec;"),
        ("spec-crate/src/frame.rs", "use crate::codec::Codec;"),
        ("spec-crate/src/codec.rs", ""),
    ];
    says(&files, "frame (F2 bytes) imports codec (F2 bytes), sideways");
}

#[test]
fn the_order_inside_a_folder_is_kept() {
    let files = [
        (SPEC, "mod link;"),
        ("spec-crate/src/link/mod.rs", "mod his; fn f() { his::run(); }"),
        ("spec-crate/src/link/his.rs", "pub fn run() {}"),
    ];
    says(&files, "link (F6 links) imports link::his (F6 links), upward");
}

#[test]
fn imports_of_the_door_and_modules_without_a_floor_are_reported() {
    let files = [(SPEC, "mod link; pub struct Here;"), ("spec-crate/src/link/mod.rs", "use crate::Here;")];
    says(&files, "link imports from the door");
    says(&[(SPEC, "mod kitchen;"), ("spec-crate/src/kitchen.rs", "")], "kitchen is on no floor");
}

#[test]
fn an_import_through_a_reexport_counts_for_what_is_behind_it() {
    let files = [
        (POS, "mod a; mod b;"),
        ("reference-pos/src/a/mod.rs", "mod inner; pub use inner::Thing;"),
        ("reference-pos/src/a/inner.rs", "use crate::b::Other; pub struct Thing;"),
        ("reference-pos/src/b.rs", "use crate::a::Thing; pub struct Other;"),
    ];
    says(&files, "cycle: b -> a::inner -> back");
}

#[test]
fn import_cycles_are_reported_in_every_crate() {
    let files = [
        (POS, "mod a; mod b; mod c;"),
        ("reference-pos/src/a.rs", "use crate::b::B;"),
        ("reference-pos/src/b.rs", "use crate::c::C;"),
        ("reference-pos/src/c.rs", "use crate::a::A;"),
    ];
    says(&files, "reference-pos/src/a.rs:1: cycle: b -> c -> a -> back");
    let root = [
        ("reference-pos/src/main.rs", "mod a; fn main() { a::run(); }"),
        ("reference-pos/src/a.rs", "use crate::X;"),
    ];
    says(&root, "cycle: a -> the root -> back");
}

#[test]
fn methods_in_files_of_their_own_folder_are_no_cycle_and_siblings_are() {
    let link = (SPEC, "mod link;");
    let folder = ("spec-crate/src/link/mod.rs", "mod calls; mod due; pub use calls::Call; pub struct Link;");
    is_silent(&[
        link,
        folder,
        ("spec-crate/src/link/calls.rs", "use super::Link; pub struct Call;"),
        ("spec-crate/src/link/due.rs", "use super::calls::Call; use super::Link;"),
    ]);
    let siblings = [
        link,
        folder,
        ("spec-crate/src/link/calls.rs", "use super::due::Due; pub struct Call;"),
        ("spec-crate/src/link/due.rs", "use super::calls::Call; pub struct Due;"),
    ];
    says(&siblings, "cycle: link::due -> link::calls -> back");
}

#[test]
fn tests_may_import_and_name_what_they_like() {
    is_silent(&[
        (SPEC, "mod limits; mod link; #[cfg(test)] mod tests;"),
        (
            "spec-crate/src/limits.rs",
            "#[cfg(test)] mod tests { use super::*; use std::vec; fn f() { crate::link::g() } }",
        ),
        ("spec-crate/src/link/mod.rs", ""),
        ("spec-crate/src/tests.rs", "use crate::limits::*; use std::vec::Vec;"),
    ]);
}

#[test]
fn long_files_and_functions_are_reported_tests_apart() {
    let lines = "const A: u8 = 0;\n".repeat(401);
    says(&[(POS, &lines)], "reference-pos/src/lib.rs:1: file size: 401 lines");
    let tested = format!(
        "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
        "const A: u8 = 0;\n".repeat(300),
        "const A: u8 = 0;\n".repeat(300)
    );
    is_silent(&[(POS, &tested)]);
    let body = format!("/// Long.\nfn long() {{\n{}}}\n", "    let _ = 0;\n".repeat(69));
    says(&[(POS, &body)], "reference-pos/src/lib.rs:2: function size: long has 71 lines");
    is_silent(&[(POS, &body.replacen("    let _ = 0;\n", "", 1))]);
    let cited =
        body.replacen("    let _ = 0;\n", "    //= spec-crate/spec/framing.md#size\n    //# A MUST.\n", 1);
    is_silent(&[(POS, &cited)]);
    let generated = format!("// Generated by cargo xtask proto; do not edit.\n{lines}");
    is_silent(&[(POS, &generated)]);
}

#[test]
fn a_normative_crate_that_grows_too_long_is_reported() {
    let declared: String = (0..40).map(|number| format!("mod m{number};")).collect();
    let lines = "const A: u8 = 0;\n".repeat(399);
    let paths: Vec<String> = (0..40).map(|number| format!("spec-crate/src/m{number}.rs")).collect();
    let mut files = vec![(SPEC, declared.as_str())];
    files.extend(paths.iter().map(|path| (path.as_str(), lines.as_str())));
    says(&files, "crate size: 15961 lines, 15500 allowed");
}

#[test]
fn words_of_other_trades_are_reported() {
    says(&[(POS, "fn send_packet() {}")], "name: send_packet; say frame, record or message");
    says(&[(POS, "struct TelegramHeader;")], "name: TelegramHeader");
    says(&[(POS, "fn f() { let ack = 1; }")], "name: ack; say the message that answers");
    says(&[(POS, "enum E { Nak }")], "name: Nak; say alert");
    says(&[(POS, "fn do_it() {}")], "name: do_it; say what it does");
    says(&[(POS, "struct S; impl S { fn process_it(&self) {} }")], "name: process_it; say what it does");
    says(&[(SPEC, "struct ClientState;")], "name: ClientState; say HIS and POS");
    says(&[(POS, "// waits for the ACK\n")], "name: ACK in a comment");
    says(&[(POS, "/// One packet.\nstruct S;")], "name: packet in a comment");
    is_silent(&[(
        POS,
        "struct Server; fn background() { let snack = 1; } // acknowledged, do not process twice\n",
    )]);
}

#[test]
fn globs_unsafe_and_unfinished_work_are_reported() {
    says(&[(POS, "use std::fmt::*;")], "glob import; name what you use");
    says(&[(POS, "fn f() { unsafe { g() } }")], "unsafe; find a safe way");
    says(&[(POS, "unsafe fn f() {}")], "unsafe; find a safe way");
    says(&[(POS, "unsafe impl Send for S {}")], "unsafe; find a safe way");
    let mark = concat!("// TO", "DO: later\n");
    says(&[(POS, mark)], "unfinished: bare");
    is_silent(&[(POS, &mark.replace(':', "(#12):"))]);
}

#[test]
fn paths_of_one_machine_are_reported() {
    let path = concat!("cp /ho", "me/me/x .\n");
    says(&[("tools/x.sh", path)], "tools/x.sh:1: machine path");
    is_silent(&[("tools/x.md", "see https://example.org/home/x and docs/work/x\n")]);
}

#[test]
fn the_normative_crate_uses_no_std_and_prints_nothing() {
    says(&[(SPEC, "use std::time::Instant;")], "std: the normative crate is no_std");
    says(&[(SPEC, "fn f() { std::thread::yield_now(); }")], "std: the normative crate is no_std");
    says(&[(SPEC, "extern crate std;")], "std: the normative crate is no_std");
    says(&[(SPEC, "fn f() { println!(); }")], "print: the normative crate has no console");
    is_silent(&[(POS, "use std::time::Instant; fn f() { println!(); }")]);
}

#[test]
fn programs_use_the_public_interface_only() {
    says(&[(POS, "use hispos::record::Opener;")], "programs: hispos::record is not for programs");
    says(&[(POS, "fn f() { hispos::frame::cut(); }")], "programs: hispos::frame is not for programs");
    is_silent(&[(POS, "use hispos::link::PosLink;")]);
}

#[test]
fn files_that_nothing_reaches_or_parses_are_reported() {
    says(&[(POS, ""), ("reference-pos/src/left.rs", "")], "reference-pos/src/left.rs:1: orphan");
    says(&[(POS, "fn {")], "reference-pos/src/lib.rs:1: parse");
}
