//! A page of Markdown, read outside its code blocks.

/// Lines outside code blocks with their numbers, from 1.
pub(crate) fn lines(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    (1..).zip(page.lines()).filter(move |(_, line)| {
        let fence = line.starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Headings of every level with the numbers of their lines.
pub(crate) fn headings(page: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(page).filter_map(|(number, line)| {
        let title = line.strip_prefix('#')?;
        Some((number, title.trim_start_matches('#').trim()))
    })
}
