//! The floors of the normative crate: a file imports only from floors below it.

use super::imports::Import;

/// The normative crate's folder.
pub(super) const SPEC: &str = "spec-crate";

/// Floors from the ground up. Modules of one row do not see each other; a longer name wins over a shorter one.
/// What lies inside one entry is free of order, and still free of cycles.
const FLOORS: &[(&str, &[&str])] = &[
    ("F0 words", &["limits", "timers", "labels", "catalogue"]),
    ("F0 words", &["time", "ids"]),
    ("F1 meaning", &["error", "amount"]),
    ("F1 meaning", &["platform"]),
    ("F2 bytes", &["wire", "crypto"]),
    ("F2 bytes", &["frame", "codec"]),
    ("F3 speech", &["record", "transcript", "message", "book"]),
    ("F4 secrecy", &["key_schedule"]),
    ("F5 conduct", &["handshake", "order_flow"]),
    ("F5 conduct", &["handshake::initiator", "handshake::responder", "order_flow::his", "order_flow::pos"]),
    // Journal and ledger read the order flow for programs without a link; the session carries it.
    ("F5 conduct", &["session", "journal", "ledger"]),
    ("F6 links", &["link"]),
    ("F6 links", &["link::his", "link::pos"]),
];

/// The row and the entry of a module.
fn place(module: &str) -> Option<(usize, &'static str)> {
    let entries =
        FLOORS.iter().enumerate().flat_map(|(row, (_, names))| names.iter().map(move |name| (row, *name)));
    let holds =
        |name: &str| module == name || module.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"));
    entries.filter(|(_, name)| holds(name)).max_by_key(|(_, name)| name.len())
}

/// Every import of the normative crate that does not go down, and every module on no floor.
pub(super) fn findings(imports: &[Import], modules: &[(String, String)]) -> Vec<String> {
    let unplaced = modules.iter().filter(|(module, _)| !module.is_empty() && place(module).is_none());
    let mut found: Vec<String> = unplaced
        .map(|(module, path)| {
            format!("{path}:1: floor: {module} is on no floor; give it one in tools/xtask/src/tidy/floors.rs")
        })
        .collect();
    for import in imports.iter().filter(|import| !import.from.is_empty()) {
        if let Some(complaint) = complaint(import) {
            found.push(format!("{}:{}: floor: {complaint}", import.path, import.line));
        }
    }
    found
}

fn complaint(import: &Import) -> Option<String> {
    if import.to.is_empty() {
        return Some(format!("{} imports from the door; name the module that has it", import.from));
    }
    let ((from_row, from_name), (to_row, to_name)) = (place(&import.from)?, place(&import.to)?);
    if to_row < from_row || from_name == to_name {
        return None;
    }
    let floor = |row: usize| FLOORS.get(row).map_or("", |(name, _)| *name);
    let way = if to_row == from_row { "sideways" } else { "upward" };
    Some(format!(
        "{} ({}) imports {} ({}), {way}; move what both need down, or pass it in",
        import.from,
        floor(from_row),
        import.to,
        floor(to_row)
    ))
}
