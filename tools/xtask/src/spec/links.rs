//! Links between chapters: every file and every heading that one names has to exist.

use super::{Chapter, shown};
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
    let mut code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        code ^= line.starts_with("```");
        let parts = line.split("](").skip(1).filter(|_| !code);
        found.extend(parts.filter_map(|part| part.split_once(')')).map(|(target, _)| target));
    }
    found.retain(|target| !target.contains("://"));
    found
}

/// The anchors of the page's headings, as the book makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut code = false;
    let mut found = BTreeSet::new();
    for line in page.lines() {
        code ^= line.starts_with("```");
        if let Some(title) = line.strip_prefix('#').filter(|_| !code) {
            let anchor = title.trim_start_matches('#').trim().to_lowercase();
            let kept =
                anchor.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
            found.insert(kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect());
        }
    }
    found
}
