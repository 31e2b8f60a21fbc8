//! Each way in which the gate has to fail.

use super::citations::{Kind, read};
use super::expand::expand;
use super::gate::judge;
use super::mutants::{self, Mutant, Outcome};
use super::{Placed, Trace, report, sections, slug};
use crate::spec::requirements::Requirement;
use std::collections::BTreeMap;

const CODE: &str =
    "//= spec-crate/spec/framing.md#size\n//# A receiver MUST drop\n//# 5 bytes.\nfn drop() {}\n";
const TEST: &str = "    //= spec-crate/spec/framing.md#size\n    //= type=test\n    //# A receiver MUST drop 5 bytes.\n    #[test]\n    fn five() {}\n";

fn placed() -> Vec<Placed> {
    let requirement = |id: &str, text: &str| Placed {
        requirement: Requirement { id: id.into(), line: 1, text: text.into() },
        target: "spec-crate/spec/framing.md#size".into(),
    };
    vec![
        requirement("FRM-1", "A receiver MUST drop 5 bytes."),
        requirement("FRM-2", "A receiver MAY count them."),
    ]
}

fn findings(code: &str, exceptions: &[(&str, &str)]) -> String {
    let exceptions: BTreeMap<String, String> =
        exceptions.iter().map(|(id, reason)| ((*id).to_owned(), (*reason).to_owned())).collect();
    judge(&placed(), &read("a.rs", code), &exceptions).findings.join("\n")
}

#[test]
fn code_and_test_cover_a_must_and_a_may_needs_neither_or_both() {
    let liberty = "//= spec-crate/spec/framing.md#size\n//# A receiver MAY count them.\nfn count() {}\n";
    assert_eq!(findings(&format!("{CODE}{TEST}{liberty}"), &[]), "FRM-2 is cited by code and has no test");
    assert_eq!(findings(&format!("{CODE}{TEST}"), &[]), "");
}

#[test]
fn a_bare_must_fails() {
    assert_eq!(findings("fn drop() {}", &[]), "FRM-1 is bare: neither code nor test cites it");
    assert_eq!(findings(CODE, &[]), "FRM-1 has no test");
    assert_eq!(findings(TEST, &[]), "FRM-1 has a test, and no code cites it");
}

#[test]
fn a_stale_quotation_fails_even_by_one_digit() {
    let stale = CODE.replace("5 bytes", "6 bytes");
    assert!(
        findings(&format!("{CODE}{stale}{TEST}"), &[])
            .contains("a.rs:5: spec-crate/spec/framing.md#size has no")
    );
    let moved = TEST.replace("#size", "#other");
    assert!(findings(&format!("{CODE}{TEST}{moved}"), &[]).contains("is now in"));
}

#[test]
fn a_lost_test_fails() {
    let lost = TEST.replace("    #[test]\n", "");
    assert!(findings(&format!("{CODE}{lost}"), &[]).contains("a.rs:5: the test of FRM-1 is lost"));
}

#[test]
fn an_exception_stands_for_both_and_not_beside_both() {
    assert_eq!(findings("", &[("FRM-1", "it is for the operator")]), "");
    assert!(findings(&format!("{CODE}{TEST}"), &[("FRM-1", "x")]).contains("is an exception, and has both"));
}

#[test]
fn a_short_form_becomes_a_quotation_that_is_read_again() {
    let text = "    //= FRM-1 test\n    //= FRM-2\n    #[test]\n    fn five() {}\n";
    let expanded = expand(text, &placed()).unwrap();
    assert!(expanded.contains("    //= type=test\n    //# A receiver MUST drop 5 bytes.\n"), "{expanded}");
    let found = read("a.rs", &expanded);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].kind, found[0].test.as_deref()), (Kind::Test, Some("five")));
    assert!(expand("//= FRM-9\n", &placed()).is_err());
}

#[test]
fn a_heading_is_found_by_its_anchor() {
    assert_eq!(slug(" Who says what, and when "), "who-says-what-and-when");
    let found = sections("# Framing\n\n## Size\n\n```\n# not this\n```\n");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(1, "framing".to_owned()), (3, "size".to_owned())]);
}

#[test]
fn a_line_of_the_list_is_read_and_written_back() {
    let line = "FRM-1\ta.rs\tif big {\\n    drop();\t\tfive\tkilled\n";
    let mutant = mutants::read(line.trim_end_matches('\n')).unwrap();
    assert_eq!((mutant.from.as_str(), mutant.to.as_str()), ("if big {\n    drop();", ""));
    assert_eq!(mutants::write(&mutant), line);
    assert!(mutants::read("FRM-1\ta.rs\tx\ty\tfive").is_err());
    assert!(mutants::read("FRM-1\ta.rs\tx\ty\tfive\tperhaps").is_err());
}

fn mutant(from: &str, outcome: Outcome) -> Mutant {
    let [id, file, to, test] = ["FRM-1", "a.rs", "", "five"].map(str::to_owned);
    Mutant { id, file, from: from.into(), to, test, outcome }
}

#[test]
fn a_mutant_stands_exactly_once_close_below_a_citation() {
    let at = |from: &str, text: &str, below: &[usize]| {
        mutants::place_in(&mutant(from, Outcome::NotRun), text, below)
    };
    let text = "drop();\n// cited\ndrop();\n";
    assert_eq!(at("drop();", text, &[3]), Ok((17, 3)));
    assert!(at("drop();", text, &[1]).unwrap_err().contains("2 times"));
    assert!(at("keep();", text, &[3]).unwrap_err().contains("0 times"));
    assert!(at("drop();", text, &[]).unwrap_err().contains("not cited"));
    assert!(at("drop();", &format!("{}drop();", "\n".repeat(40)), &[1]).unwrap_err().contains("0 times"));
    assert!(at("", text, &[3]).unwrap_err().contains("nothing is broken"));
}

fn trace(mutants: Vec<Mutant>) -> Trace {
    let text = format!("{CODE}{TEST}");
    Trace {
        placed: placed(),
        citations: read("a.rs", &text),
        sources: vec![("a.rs".into(), text)],
        exceptions: BTreeMap::new(),
        chinese_exceptions: BTreeMap::new(),
        mutants,
    }
}

#[test]
fn a_list_fails_that_is_short_or_leaves_a_chapter_out_or_has_a_mutant_that_lives() {
    let findings = |list| mutants::findings(&trace(list)).join("\n");
    let none = findings(vec![]);
    assert!(none.contains("0 requirements have a mutant"), "{none}");
    assert!(none.contains("framing.md has code and no mutant"), "{none}");
    let killed = findings(vec![mutant("fn drop() {}", Outcome::Killed)]);
    assert!(killed.contains("1 requirements have a mutant") && !killed.contains('\n'), "{killed}");
    for (outcome, told) in [
        (Outcome::Survived, "FRM-1: survived"),
        (Outcome::NotBuilt, "FRM-1: not built"),
        (Outcome::NotRun, "FRM-1: not run"),
    ] {
        let found = findings(vec![mutant("fn drop() {}", outcome)]);
        assert!(found.contains(told), "{found}");
    }
    let other = Mutant { test: "six".into(), ..mutant("fn drop() {}", Outcome::Killed) };
    assert!(findings(vec![other]).contains("no test six cites it"));
    let liberty = Mutant { id: "FRM-2".into(), ..mutant("fn drop() {}", Outcome::Killed) };
    assert!(findings(vec![liberty]).contains("no MUST has the id FRM-2"));
}

#[test]
fn the_page_tells_code_tests_exceptions_and_what_came_of_each_mutant() {
    let mut trace = trace(vec![mutant("fn drop() {}", Outcome::Survived)]);
    let titles = [("framing.md".to_owned(), "Framing".to_owned())];
    let page = report::page(&trace, &report::ENGLISH, &titles);
    assert!(page.contains("## [Framing](framing.md)"), "{page}");
    assert!(page.contains("| FRM-1 | a.rs:1 | a.rs:5 five |"), "{page}");
    assert!(!page.contains("| FRM-2 |"), "{page}");
    assert!(page.contains("| FRM-1 | a.rs:4 | `fn drop() {}` | nothing | five | survived |"), "{page}");
    trace.citations.clear();
    trace.exceptions.insert("FRM-1".into(), "it binds | people".into());
    let page = report::page(&trace, &report::ENGLISH, &titles);
    assert!(page.contains("| FRM-1 | an exception, see below | an exception, see below |"), "{page}");
    assert!(page.contains("| FRM-1 | it binds \\| people |"), "{page}");
    trace.chinese_exceptions.insert("FRM-1".into(), "它约束人".into());
    let page = report::page(&trace, &report::CHINESE, &titles);
    assert!(page.contains("| FRM-1 | 它约束人 |") && !page.contains("it binds"), "{page}");
}

#[test]
fn an_exception_has_its_reason_in_both_languages() {
    let read = |text: &str| super::exceptions(text, &placed());
    let (english, chinese) = read("FRM-1\tIt binds people only.\t它只约束人员。\n").unwrap();
    assert_eq!(english["FRM-1"], "It binds people only.");
    assert_eq!(chinese["FRM-1"], "它只约束人员。");
    for (text, told) in [
        ("FRM-1\tIt binds people only.\n", "FRM-1 needs its reason in Chinese"),
        ("FRM-1\tIt binds people only.\tIt binds people only.\n", "FRM-1 needs its reason in Chinese"),
        ("FRM-1\tPeople.\t它只约束人员。\n", "FRM-1 needs a reason in words"),
        ("FRM-9\tIt binds people only.\t它只约束人员。\n", "no requirement has the id FRM-9"),
    ] {
        assert!(read(text).unwrap_err().contains(told), "{text}");
    }
}
