//! What was measured, for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::disk::Rates;

/// Collects for each sync of the disk that should be reached.
const RATIO_AIM: f64 = 0.8;
/// With more of the processors at others, the ratio is no evidence: one thread then syncs far less than the disk can do.
const OTHERS_MAX: f64 = 0.2;

/// What was measured.
pub(crate) struct Report {
    pub(crate) links: usize,
    pub(crate) seconds: f64,
    pub(crate) disk: Rates,
    pub(crate) disk_before_and_after: [Rates; 2],
    /// Of each collect that was told as paid, the shortest first.
    pub(crate) took: Vec<Duration>,
    /// Collects that ended otherwise, by the status of their last order.
    pub(crate) not_paid: BTreeMap<String, u64>,
    /// Of the paid ones, those whose first order was not: they wait before the next one.
    pub(crate) repeated: usize,
    pub(crate) ledger_commits: u64,
    pub(crate) journal_commits: u64,
    pub(crate) bank_commits: u64,
    pub(crate) bank_in_memory: bool,
    /// Processor seconds: server, terminals, platforms, this program.
    pub(crate) processor: [f64; 4],
    /// Processor seconds of the machine, and of these idle or waiting for the disk.
    pub(crate) machine: f64,
    pub(crate) idle: f64,
    /// Paid collects of the whole run as told, and as the ledger has them after everything was killed.
    pub(crate) told: usize,
    pub(crate) kept: usize,
}

impl Report {
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.seconds
    }

    fn collects(&self) -> f64 {
        self.rate(self.took.len() as u64)
    }

    fn percentile(&self, percent: usize) -> f64 {
        let last = self.took.len().saturating_sub(1);
        let took = self.took.get((self.took.len() * percent / 100).min(last));
        took.map_or(f64::NAN, Duration::as_secs_f64) * 1_000.0
    }

    fn per_commit(&self, commits: u64) -> f64 {
        self.took.len() as f64 / commits.max(1) as f64
    }

    /// Processors that were busy with what is no part of this.
    fn others(&self) -> f64 {
        ((self.machine - self.idle - self.processor.iter().sum::<f64>()) / self.seconds).max(0.0)
    }

    /// `reached` or `missed`, or why it cannot be told.
    fn judged(&self, ratio: f64) -> &'static str {
        match ratio >= RATIO_AIM {
            _ if self.others() > OTHERS_MAX => "not judged, the machine is busy with others",
            true => "reached",
            false => "missed",
        }
    }

    /// What the machine was busy with, in processors.
    fn shares(&self) -> [(&'static str, f64); 6] {
        let [his, pos, platform, bench] = self.processor.map(|seconds| seconds / self.seconds);
        let idle = self.idle / self.seconds;
        [
            ("hispos-his", his),
            ("all hispos-pos", pos),
            ("platforms", platform),
            ("this bench", bench),
            ("others on this machine", self.others()),
            ("idle or waiting for the disk", idle),
        ]
    }

    /// Milliseconds of processor time that one collect costs each side.
    fn cost(&self) -> [f64; 4] {
        self.processor.map(|seconds| seconds * 1_000.0 / self.took.len().max(1) as f64)
    }

    /// Whether what was told as durable is still there.
    pub(crate) fn holds(&self) -> bool {
        self.kept >= self.told
    }

    pub(crate) fn print(&self) {
        println!("durable collects through both programs, {} links, {:.0} s", self.links, self.seconds);
        println!("  (aim: at least {RATIO_AIM} collects for each sync that the disk can do)");
        let row = |name: &str, rate: f64, note: &str| {
            let line = format!("  {name:<60} {rate:>8.0} /s   {note}");
            println!("{}", line.trim_end());
        };
        let collects = self.collects();
        let disk = |name: &str, rate: fn(&Rates) -> f64| {
            let (mean, [before, after]) = (rate(&self.disk), self.disk_before_and_after.each_ref().map(rate));
            let met = self.judged(collects / mean);
            let note = format!(
                "collects / this {:.2}: {met}; {before:.0} before, {after:.0} after",
                collects / mean
            );
            row(name, mean, &note);
        };
        disk("the disk, one thread: each record makes the file longer", |rates| rates.growing);
        disk("the disk, one thread: records replaced in place", |rates| rates.in_place);
        row("collects, paid and committed in the ledger", collects, "");
        let ledger = format!("{:.2} collects in each", self.per_commit(self.ledger_commits));
        row("commits of the ledger", self.rate(self.ledger_commits), &ledger);
        let journals = format!("{:.1} for each collect", 1.0 / self.per_commit(self.journal_commits));
        row("commits of the journals", self.rate(self.journal_commits), &journals);
        let place =
            if self.bank_in_memory { "in memory: not of the two programs" } else { "on the same disk" };
        row("commits of the platforms", self.rate(self.bank_commits), place);
        let (median, most) = (self.percentile(50), self.percentile(99));
        println!("  one collect: median {median:.0} ms, 99 of 100 within {most:.0} ms");
        let shares: Vec<String> =
            self.shares().iter().map(|(name, share)| format!("{name} {share:.2}")).collect();
        println!("  processors busy: {}", shares.join(", "));
        let [his, pos, platforms, bench] = self.cost();
        println!(
            "  processor time of a collect: server {his:.2} ms, terminal {pos:.2} ms, platforms {platforms:.2} ms, bench \
             {bench:.2} ms"
        );
        println!(
            "  told as paid in the whole run {}, in the ledger after SIGKILL {}; paid by a later order {}, not paid {}",
            self.told,
            self.kept,
            self.repeated,
            self.not_paid.values().sum::<u64>()
        );
        for (status, count) in &self.not_paid {
            println!("    not paid: {count} {status}");
        }
    }

    pub(crate) fn json(&self) -> Value {
        let rates = |rates: Rates| json!({"growing": rates.growing, "in_place": rates.in_place});
        let collects = self.collects();
        let [his, pos, platform, bench] = self.cost();
        json!({
            "links": self.links, "seconds": self.seconds, "aim": RATIO_AIM,
            "fsyncs_per_s": rates(self.disk), "fsyncs_per_s_before_and_after": self.disk_before_and_after.map(rates),
            "collects_per_s": collects,
            "collects_per_fsync": {"growing": collects / self.disk.growing, "in_place": collects / self.disk.in_place},
            "judged": {
                "growing": self.judged(collects / self.disk.growing),
                "in_place": self.judged(collects / self.disk.in_place),
            },
            "ledger_commits_per_s": self.rate(self.ledger_commits),
            "orders_per_ledger_commit": self.per_commit(self.ledger_commits),
            "journal_commits_per_s": self.rate(self.journal_commits),
            "platform_commits_per_s": self.rate(self.bank_commits), "platform_book_in_memory": self.bank_in_memory,
            "collect_ms": {"p50": self.percentile(50), "p99": self.percentile(99)},
            "processors": self.shares().iter().map(|(name, share)| json!({"name": name, "busy": share})).collect::<Vec<_>>(),
            "processor_ms_per_collect": {"his": his, "pos": pos, "platform": platform, "bench": bench},
            "told_as_paid": self.told, "in_the_ledger_after_kill": self.kept, "paid_by_a_later_order": self.repeated, "not_paid": self.not_paid,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{Rates, Report};

    fn report(others: f64) -> Report {
        let disk = Rates { growing: 100.0, in_place: 1_000.0 };
        Report {
            links: 64,
            seconds: 10.0,
            disk,
            disk_before_and_after: [disk; 2],
            took: (1..=1_000).map(Duration::from_millis).collect(),
            not_paid: BTreeMap::new(),
            repeated: 0,
            ledger_commits: 250,
            journal_commits: 4_000,
            bank_commits: 1_000,
            bank_in_memory: true,
            processor: [3.0, 6.0, 3.0, 1.0],
            machine: 20.0,
            idle: 7.0 - others,
            told: 1_000,
            kept: 1_000,
        }
    }

    #[test]
    fn a_ratio_is_judged_only_if_the_machine_did_nothing_else() {
        let quiet = report(0.0);
        assert_eq!((quiet.judged(100.0 / 100.0), quiet.judged(100.0 / 1_000.0)), ("reached", "missed"));
        assert!(report(6.0).judged(100.0 / 100.0).starts_with("not judged"));
        let json = quiet.json();
        assert_eq!(
            (&json["judged"]["growing"], &json["judged"]["in_place"]),
            (&"reached".into(), &"missed".into())
        );
        assert_eq!(json["orders_per_ledger_commit"], 4.0);
        assert_eq!((&json["collect_ms"]["p50"], &json["collect_ms"]["p99"]), (&501.0.into(), &991.0.into()));
    }

    #[test]
    fn a_collect_that_was_told_and_is_gone_after_the_kill_fails_the_run() {
        assert!(report(0.0).holds());
        assert!(!Report { kept: 999, ..report(0.0) }.holds());
    }
}
