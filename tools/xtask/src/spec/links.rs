//! Links between chapters: every file and every heading that one names has to exist.

use super::Chapter;
use super::page::{headings, lines};
use crate::root::shown;
use std::collections::BTreeSet;

/// Every link that leads nowhere.
pub(super) fn findings(chapters: &[Chapter]) -> Vec<String> {
    let mut found = Vec::new();
    for chapter in chapters {
        for target in targets(&chapter.text) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let name = if file.is_empty() { chapter.name.as_str() } else { file };
            let page = chapters.iter().find(|page| page.edition == chapter.edition && page.name == name);
            let complaint = match page {
                None if chapter.path.parent().is_some_and(|folder| folder.join(name).exists()) => continue,
                None => format!("no chapter {name}"),
                Some(page) if !anchor.is_empty() && !anchors(&page.text).contains(anchor) => {
                    format!("{name} has no heading #{anchor}")
                }
                Some(_) => continue,
            };
            found.push(format!("{}: {complaint}", shown(&chapter.path)));
        }
    }
    found
}

/// What the page links to, outside code and this book's outside.
fn targets(page: &str) -> Vec<&str> {
    let parts = lines(page).flat_map(|(_, line)| line.split("](").skip(1));
    let mut found: Vec<&str> = parts.filter_map(|part| Some(part.split_once(')')?.0)).collect();
    found.retain(|target| !target.contains("://"));
    found
}

/// The anchors of the page's headings, as the book makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let anchor =
        |title: &str| title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
    headings(page).map(|(_, title)| anchor(title)).collect()
}
