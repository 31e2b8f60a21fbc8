//! What the checks of the specification find, on small pages.

use super::requirements::{findings, read};
use super::words::Words;
use super::{Chapter, Edition, blocks};

fn chapter(edition: Edition, text: &str) -> Chapter {
    Chapter { edition, path: "page.md".into(), name: "page.md".into(), text: text.into() }
}

fn complaints(english: &str, chinese: &str) -> String {
    let mut chapters = vec![chapter(Edition::English, english)];
    if !chinese.is_empty() {
        chapters.push(chapter(Edition::Chinese, chinese));
    }
    findings(&chapters).join("\n")
}

#[test]
fn a_generated_part_is_replaced_and_the_rest_stays() {
    let page = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n";
    let filled = blocks::fill(page, |name| Ok(format!("| {name} |\n"))).unwrap();
    assert_eq!(filled, "a\n<!-- generated: x -->\n\n| x |\n\n<!-- end -->\nb\n");
    assert!(blocks::fill("<!-- generated: x -->\n", |_| Ok(String::new())).is_err());
    assert!(blocks::fill(page, |_| Err("no".into())).is_err());
}

#[test]
fn a_requirement_is_one_paragraph_with_an_id() {
    let page = "**FRM-1** A sender MUST\nsend 5 bytes.\n\nWhy.\n\n```\n**FRM-2** not this MUST\n```\n";
    let found = read(page);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id.as_str(), found[0].line), ("FRM-1", 1));
    assert_eq!(found[0].text, "A sender MUST send 5 bytes.");
    assert_eq!(complaints(page, ""), "");
}

#[test]
fn a_must_outside_a_requirement_is_found() {
    assert!(complaints("A sender MUST send.\n", "").contains("MUST outside a requirement"));
    assert_eq!(complaints("The word `MUST` is from RFC 2119.\n", ""), "");
    assert!(complaints("A sender SHALL send.\n", "").contains("SHALL"));
}

#[test]
fn ids_count_from_one_without_gaps_and_one_word_makes_a_requirement() {
    assert!(complaints("**FRM-2** A sender MUST send.\n", "").contains("is requirement 1"));
    assert!(complaints("**FRM-1** A sender sends.\n", "").contains("exactly one word"));
    assert!(complaints("**FRM-1** A MUST send and MUST NOT stop.\n", "").contains("exactly one word"));
}

#[test]
fn both_editions_have_the_same_ids_and_numbers() {
    let english = "**FRM-1** A receiver MUST drop 2048 bytes after READY_GAP.\n";
    assert_eq!(complaints(english, "**FRM-1** 接收方必须在 READY_GAP 后丢弃 2048 字节。\n"), "");
    assert!(complaints(english, "**FRM-1** 接收方必须在 READY_GAP 后丢弃 2049 字节。\n").contains("numbers"));
    assert!(complaints(english, "无要求。\n").contains("has 0 requirements"));
}

#[test]
fn a_duty_stays_a_duty_in_the_other_edition() {
    let english = "**FRM-1** A receiver MUST NOT send.\n";
    assert_eq!(complaints(english, "**FRM-1** 接收方不得发送。\n"), "");
    assert!(complaints(english, "**FRM-1** 接收方可以发送。\n").contains("MAY"));
}

#[test]
fn a_link_leads_to_a_heading_of_its_edition() {
    let lost = |text: &str| super::links::findings(&[chapter(Edition::English, text)]).join("\n");
    assert_eq!(lost("# One, two\n\n[a](page.md#one-two) [b](#one-two) [c](https://x.org)\n"), "");
    assert!(lost("[a](page.md#three)\n").contains("no heading #three"));
    assert!(lost("[a](gone.md)\n").contains("no chapter gone.md"));
}

#[test]
fn a_sentence_is_translated_once() {
    let words = Words::read("A word.\t一个词。\n").unwrap();
    assert_eq!(words.chinese("A word."), Some("一个词。"));
    assert_eq!(words.chinese("Another word."), None);
    assert!(Words::read("A word.\tx\nA word.\ty\n").is_err());
    assert!(Words::read("A word.\n").is_err());
}
