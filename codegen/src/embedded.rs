//! What the program carries with it: schemas, state tables, templates.

use crate::schema::Sources;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A carried file as text.
///
/// # Errors
///
/// Names the file if it is not UTF-8.
pub(crate) fn text(name: &str, bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|error| format!("{name}: {error}"))
}

/// The schemas that this program was built with.
///
/// # Errors
///
/// Names a schema that is not UTF-8.
pub(crate) fn schemas() -> Result<Sources, String> {
    let texts = SCHEMAS.iter().filter(|(name, _)| name.ends_with(".proto"));
    let texts = texts.map(|(name, bytes)| Ok(((*name).to_owned(), text(name, bytes)?)));
    texts.collect::<Result<_, String>>().map(Sources)
}

/// A declared state table, or the list of its words.
///
/// # Errors
///
/// Names a file that is not there, or is not UTF-8.
pub(crate) fn state_table(name: &str) -> Result<String, String> {
    let found = STATES.iter().find(|(known, _)| *known == name);
    found.ok_or_else(|| format!("{name}: not there")).and_then(|(name, bytes)| text(name, bytes))
}
