//! Chinese for what the schemas say in English: comments, and what tables call their columns.

use crate::root;
use std::collections::BTreeMap;
use std::path::Path;

/// English sentences and their translations. A changed sentence has none until it is translated anew.
pub(super) struct Words(BTreeMap<String, String>);

impl Words {
    /// Reads lines of two parts with a tab between them.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let text = if path.exists() { root::read(path)? } else { String::new() };
        Self::read(&text)
    }

    /// Reads lines of two parts with a tab between them.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut words = BTreeMap::new();
        for line in text.lines() {
            let (english, chinese) =
                line.split_once('\t').ok_or_else(|| format!("no translation in the line `{line}`"))?;
            if words.insert(english.to_owned(), chinese.to_owned()).is_some() {
                return Err(format!("translated twice: `{english}`"));
            }
        }
        Ok(Self(words))
    }

    /// The translation of a sentence.
    pub(super) fn chinese(&self, english: &str) -> Option<&str> {
        self.0.get(english).map(String::as_str)
    }
}
