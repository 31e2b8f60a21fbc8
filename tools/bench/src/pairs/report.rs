//! What was measured, for people and for programs.

use serde_json::{Value, json};

use super::times::Times;

/// A pair.
pub(super) struct Row {
    pub(super) his: &'static str,
    pub(super) pos: &'static str,
    pub(super) handshakes: Times,
    pub(super) orders: Times,
}

/// Every pair; the first is what the others are compared with.
pub(crate) struct Report {
    pub(super) rounds: usize,
    pub(super) warm_up: usize,
    /// Of the machine.
    pub(super) processors: usize,
    pub(super) rows: Vec<Row>,
}

/// A kind of time, with where a row has it.
type Kind = (&'static str, fn(&Row) -> &Times);

/// The kinds of times, with their names.
const KINDS: [Kind; 2] = [("handshake", |row| &row.handshakes), ("order", |row| &row.orders)];

impl Report {
    /// Of each pair: its times of a kind, and its median beside the first pair's.
    fn compared(&self, times: fn(&Row) -> &Times) -> impl Iterator<Item = (&Row, &Times, f64)> {
        let first = self.rows.first().map_or(f64::NAN, |row| times(row).percentile(50));
        self.rows.iter().map(move |row| (row, times(row), times(row).percentile(50) / first))
    }

    fn text(&self) -> String {
        let mut text = format!(
            "clients at the reference, real processes over TCP; {} of each after {} to warm up, {} processors\n  \
             (handshake: M1 to SessionReady; order: SubmitOrder to the ledger's answer; books in memory)\n  \
             {:<11}{:<11}{:<11}{:>10}{:>10}   median / reference",
            self.rounds, self.warm_up, self.processors, "HIS", "POS", "", "median ms", "p95 ms"
        );
        for (kind, times) in KINDS {
            for (Row { his, pos, .. }, times, ratio) in self.compared(times) {
                let [median, high] = [50, 95].map(|percent| times.percentile(percent));
                text += &format!("\n  {his:<11}{pos:<11}{kind:<11}{median:>10.2}{high:>10.2}   {ratio:.2}");
            }
        }
        text
    }

    pub(crate) fn print(&self) {
        println!("{}", self.text());
    }

    pub(crate) fn json(&self) -> Value {
        let mut rows = Vec::new();
        for (kind, times) in KINDS {
            rows.extend(self.compared(times).map(|(Row { his, pos, .. }, times, ratio)| {
                json!({
                    "his": his, "pos": pos, "what": kind, "count": times.len(), "over_reference": ratio,
                    "median_ms": times.percentile(50), "p95_ms": times.percentile(95),
                })
            }));
        }
        json!({ "rounds": self.rounds, "warm_up": self.warm_up, "processors": self.processors, "rows": rows })
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Row};
    use crate::pairs::times::Times;
    use std::time::Duration;

    fn report() -> Report {
        let times = |times: [u64; 3]| Times::new(times.map(Duration::from_millis).to_vec());
        let row = |his, pos, handshakes, orders| Row {
            his,
            pos,
            handshakes: times(handshakes),
            orders: times(orders),
        };
        let rows = vec![
            row("reference", "reference", [4, 2, 3], [20, 10, 30]),
            row("go", "reference", [9, 6, 5], [30, 50, 40]),
        ];
        Report { rounds: 3, warm_up: 20, processors: 2, rows }
    }

    #[test]
    fn each_row_is_compared_with_the_reference_at_itself_in_its_own_kind() {
        let text = report().text();
        let lines: Vec<Vec<&str>> =
            text.lines().skip(3).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines,
            [
                ["reference", "reference", "handshake", "3.00", "4.00", "1.00"],
                ["go", "reference", "handshake", "6.00", "9.00", "2.00"],
                ["reference", "reference", "order", "20.00", "30.00", "1.00"],
                ["go", "reference", "order", "40.00", "50.00", "2.00"],
            ]
        );
    }

    #[test]
    fn programs_read_the_same_numbers() {
        let told = report().json();
        assert_eq!(told["rounds"], 3);
        let row = &told["rows"][3];
        assert_eq!((row["his"].as_str(), row["what"].as_str()), (Some("go"), Some("order")));
        assert_eq!((row["count"].as_u64(), row["median_ms"].as_f64()), (Some(3), Some(40.0)));
        assert_eq!((row["p95_ms"].as_f64(), row["over_reference"].as_f64()), (Some(50.0), Some(2.0)));
    }
}
