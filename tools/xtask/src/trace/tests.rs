//! Each way in which the gate has to fail.

use super::citations::{Kind, read};
use super::expand::expand;
use super::gate::judge;
use super::{Placed, sections, slug};
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
    assert_eq!((found[0].kind, found[0].above_test), (Kind::Test, true));
    assert!(expand("//= FRM-9\n", &placed()).is_err());
}

#[test]
fn a_heading_is_found_by_its_anchor() {
    assert_eq!(slug(" Who says what, and when "), "who-says-what-and-when");
    let found = sections("# Framing\n\n## Size\n\n```\n# not this\n```\n");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(1, "framing".to_owned()), (3, "size".to_owned())]);
}

#[test]
fn a_chapter_that_is_not_traced_yet_is_counted_and_what_it_has_must_be_right() {
    let mut placed = placed();
    placed[0].target = "spec-crate/spec/orders.md#size".into();
    let judged = |code: &str| judge(&placed, &read("a.rs", code), &BTreeMap::new());
    let bare = judged("");
    assert!(bare.findings.is_empty() && bare.summary.contains("1 of orders.md"), "{}", bare.summary);
    let half = CODE.replace("framing.md", "orders.md");
    assert!(judged(&half).findings.is_empty());
    assert!(!judged(&half.replace("5 bytes", "6 bytes")).findings.is_empty());
}
