//! What the reader takes and refuses.

use super::States;

const WORDS: &str = "table\tkind\tword\tmeaning\npos\tstate\tnone\tNo record.\npos\tstate\tended\tEnded.\n\
                     pos\tevent\tcancel\tA cancel.\nhis\tstate\tsent\tSent.\n";
const TABLE: &str = "state\tevent\tnext\tdoes\nnone\tcancel\tended\tSigns.\n";

fn refused(table: &str, words: &str) -> String {
    States::read("pos", table, words).expect_err("refused")
}

#[test]
fn table_is_read_with_the_words_of_its_side_only() {
    let read = States::read("pos", TABLE, WORDS).expect("a table");
    assert_eq!(read.states.iter().map(|word| word.word.as_str()).collect::<Vec<_>>(), ["none", "ended"]);
    assert_eq!((read.events.len(), read.transitions.len()), (1, 1));
    assert!(read.has("none", "cancel", "ended"));
    assert!(!read.has("none", "cancel", "none"));
}

#[test]
fn word_that_is_not_listed_or_not_of_that_kind_is_refused_with_its_line() {
    let other = format!("{TABLE}ended\tcancel\tsent\tNothing.\n");
    assert_eq!(refused(&other, WORDS), "pos.tsv:3: words.txt has no `sent` of that kind for pos");
    let turned = format!("{TABLE}ended\tnone\tended\tNothing.\n");
    assert!(refused(&turned, WORDS).contains("no `none` of that kind"));
}

#[test]
fn word_that_no_line_uses_is_refused() {
    let more = format!("{WORDS}pos\tevent\tscan\tA scan.\n");
    assert_eq!(refused(TABLE, &more), "pos.tsv: no line uses the word `scan`");
}

#[test]
fn transition_has_one_line() {
    let twice = format!("{TABLE}none\tcancel\tended\tSigns again.\n");
    assert!(refused(&twice, WORDS).contains("pos.tsv:3: none, cancel, ended has a line already"));
}

#[test]
fn line_with_other_cells_than_four_and_another_head_are_refused() {
    assert!(refused(&format!("{TABLE}none\tcancel\tended\n"), WORDS).contains("pos.tsv:3: not four cells"));
    assert!(refused(&format!("{TABLE}none\tcancel\tended\t\n"), WORDS).contains("pos.tsv:3: not four cells"));
    assert!(refused("none\tcancel\tended\tSigns.\n", WORDS).contains("pos.tsv:1: the head"));
}

#[test]
fn declared_tables_are_read() {
    let words = include_str!("../../../spec-crate/tables/words.txt");
    let pos = include_str!("../../../spec-crate/tables/pos.tsv");
    let his = include_str!("../../../spec-crate/tables/his.tsv");
    for (side, table) in [("pos", pos), ("his", his)] {
        let read = States::read(side, table, words).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.states.first().map(|word| word.word.as_str()), Some("none"), "{side}");
    }
}
