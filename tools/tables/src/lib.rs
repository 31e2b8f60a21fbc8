//! Reads the declared states of an order, `spec-crate/tables`: which state an event turns into which.
//!
//! `pos.tsv` and `his.tsv` have a head and then one transition a line, four cells with a tab between them: the state
//! before, the event, the state after, and what is done. `words.txt` lists the words that the first three cells may
//! have: the table, whether it is a state or an event, the word, and what it means. A pair of state and event may have
//! several lines; what is done then says when each applies. The state `none` is that of an order without a record.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

/// The first line of a table.
const HEAD: &str = "state\tevent\tnext\tdoes";

/// The first line of the list of words.
const WORDS_HEAD: &str = "table\tkind\tword\tmeaning";

/// One transition.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Transition {
    /// The state before.
    pub state: String,
    /// What came.
    pub event: String,
    /// The state after.
    pub next: String,
    /// What is done, and if needed when.
    pub does: String,
}

/// A state or an event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Word {
    /// As it stands in the table.
    pub word: String,
    /// One sentence.
    pub meaning: String,
}

/// The transitions of an order at one side.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct States {
    /// Every state, in the order of the list of words.
    pub states: Vec<Word>,
    /// Every event.
    pub events: Vec<Word>,
    /// Every transition.
    pub transitions: Vec<Transition>,
}

impl States {
    /// Reads the table of a side, `pos` or `his`, and its words.
    ///
    /// # Errors
    ///
    /// A sentence naming the line that has other cells than four, an empty cell, an unknown word, or a transition of an
    /// earlier line, or the word that no line uses.
    pub fn read(side: &str, table: &str, words: &str) -> Result<Self, String> {
        let mut read = Self::default();
        for (line, [of, kind, word, meaning]) in cells("words.txt", WORDS_HEAD, words)? {
            let word = Word { word: word.into(), meaning: meaning.into() };
            match kind {
                _ if of != side => {}
                "state" => read.states.push(word),
                "event" => read.events.push(word),
                _ => return Err(format!("words.txt:{line}: `{kind}` is neither state nor event")),
            }
        }
        let name = format!("{side}.tsv");
        let mut seen = BTreeSet::new();
        for (line, [state, event, next, does]) in cells(&name, HEAD, table)? {
            for (word, list) in [(state, &read.states), (event, &read.events), (next, &read.states)] {
                if !list.iter().any(|known| known.word == word) {
                    return Err(format!("{name}:{line}: words.txt has no `{word}` of that kind for {side}"));
                }
            }
            if !seen.insert((state, event, next)) {
                return Err(format!("{name}:{line}: {state}, {event}, {next} has a line already"));
            }
            let [state, event, next, does] = [state, event, next, does].map(str::to_owned);
            read.transitions.push(Transition { state, event, next, does });
        }
        read.unused().map_or(Ok(()), |word| Err(format!("{name}: no line uses the word `{word}`")))?;
        Ok(read)
    }

    /// Whether a transition is declared.
    #[must_use]
    pub fn has(&self, state: &str, event: &str, next: &str) -> bool {
        let same = |row: &Transition| row.state == state && row.event == event && row.next == next;
        self.transitions.iter().any(same)
    }

    fn unused(&self) -> Option<String> {
        let state =
            |word: &&Word| self.transitions.iter().all(|t| t.state != word.word && t.next != word.word);
        let event = |word: &&Word| self.transitions.iter().all(|row| row.event != word.word);
        let unused = self.states.iter().find(state).or_else(|| self.events.iter().find(event))?;
        Some(unused.word.clone())
    }
}

/// The lines below the head, each with its number.
fn cells<'a>(name: &str, head: &str, text: &'a str) -> Result<Vec<(usize, [&'a str; 4])>, String> {
    let mut lines = text.lines().zip(1..);
    if lines.next().map(|(line, _)| line) != Some(head) {
        return Err(format!("{name}:1: the head is not `{head}`"));
    }
    let cells = |(line, number): (&'a str, usize)| {
        let cells: Vec<&str> = line.split('\t').collect();
        let four =
            <[&str; 4]>::try_from(cells).ok().filter(|cells| cells.iter().all(|cell| !cell.is_empty()));
        four.map(|cells| (number, cells)).ok_or_else(|| format!("{name}:{number}: not four cells with text"))
    };
    lines.map(cells).collect()
}
