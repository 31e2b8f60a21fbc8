//! Generated parts of a page, between `<!-- generated: NAME -->` and `<!-- end -->`.

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// The page with every generated part made afresh.
pub(super) fn fill(page: &str, render: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        filled.push_str(line);
        filled.push('\n');
        let Some(name) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        if !lines.any(|line| line == END) {
            return Err(format!("the generated part {name} has no end"));
        }
        filled.push_str(&format!("\n{}\n{END}\n", render(name)?));
    }
    Ok(filled)
}
