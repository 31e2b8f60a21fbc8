//! The declared state tables: `state, event, next, does`, one transition in a line.

use serde::Serialize;

/// One transition of an order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Transition {
    /// The state in which the event finds the order.
    pub state: String,
    /// What happens.
    pub event: String,
    /// The state behind it.
    pub next: String,
    /// What is done meanwhile.
    pub does: String,
}

/// All transitions of one role.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StateTable {
    /// The role: the file's name without its ending.
    pub role: String,
    /// In the order of the file.
    pub transitions: Vec<Transition>,
}

const COLUMNS: [&str; 4] = ["state", "event", "next", "does"];

/// Reads one table.
///
/// # Errors
///
/// Names file and line of what is no transition.
pub(crate) fn read(name: &str, text: &str) -> Result<StateTable, String> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let heading: Vec<&str> = lines.next().map(|(_, line)| line.split('\t').collect()).unwrap_or_default();
    let places: Vec<usize> = COLUMNS
        .iter()
        .map(|column| heading.iter().position(|found| found == column))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{name}:1: the columns are not {}", COLUMNS.join(", ")))?;
    let transition = |(index, line): (usize, &str)| {
        let cells: Vec<&str> = line.split('\t').collect();
        let row: Option<Vec<&str>> = places.iter().map(|place| cells.get(*place).copied()).collect();
        match row.as_deref() {
            Some([state, event, next, does]) if cells.len() == heading.len() => Ok(Transition {
                state: (*state).to_owned(),
                event: (*event).to_owned(),
                next: (*next).to_owned(),
                does: (*does).to_owned(),
            }),
            _ => Err(format!("{name}:{}: {} cells, {} wanted", index + 1, cells.len(), heading.len())),
        }
    };
    let role = name.strip_suffix(".tsv").unwrap_or(name).to_owned();
    Ok(StateTable { role, transitions: lines.map(transition).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_table_gives_its_transitions_and_a_short_line_is_named() {
        let table = read("his.tsv", "state\tevent\tnext\tdoes\nSent\tresult\tPaid\tconfirm\n").unwrap();
        assert_eq!((table.role.as_str(), table.transitions.len()), ("his", 1));
        assert_eq!(table.transitions[0].next, "Paid");
        let error = read("his.tsv", "state\tevent\tnext\tdoes\nSent\tresult\n").unwrap_err();
        assert!(error.starts_with("his.tsv:2:"), "{error}");
        assert!(read("his.tsv", "state\tevent\n").is_err());
    }
}
