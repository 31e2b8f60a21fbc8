//! What was measured, for people and for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::disk::Rates;

/// Collects for each sync of the disk that should be reached.
const RATIO_AIM: f64 = 0.8;

/// What was measured.
pub(crate) struct Report {
    pub(crate) links: usize,
    pub(crate) seconds: f64,
    pub(crate) disk: Rates,
    pub(crate) disk_before_and_after: [Rates; 2],
    /// Of each collect that was told as paid, the shortest first.
    pub(crate) took: Vec<Duration>,
    pub(crate) not_paid: usize,
    pub(crate) ledger_commits: u64,
    pub(crate) journal_commits: u64,
    pub(crate) bank_commits: u64,
    pub(crate) bank_in_memory: bool,
    /// Processor seconds: server, terminals, platform, this program.
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

    /// What the machine was busy with, in processors.
    fn shares(&self) -> [(&'static str, f64); 6] {
        let [his, pos, platform, bench] = self.processor.map(|seconds| seconds / self.seconds);
        let idle = self.idle / self.seconds;
        let other = (self.machine / self.seconds - his - pos - platform - bench - idle).max(0.0);
        [
            ("hispos-his", his),
            ("all hispos-pos", pos),
            ("platform", platform),
            ("this bench", bench),
            ("others on this machine", other),
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
        let (disk, collects) = (self.disk, self.collects());
        println!("durable collects through both programs, {} links, {:.0} s", self.links, self.seconds);
        println!("  (aim: at least {RATIO_AIM} collects for each sync that the disk can do)");
        let against = |rate: f64| {
            let ratio = collects / rate;
            format!("{rate:>8.0} /s   collects / this {ratio:.2}, {}", if ratio >= RATIO_AIM { "reached" } else { "missed" })
        };
        println!("  the disk, one thread, each record makes the file longer      {}", against(disk.growing));
        println!("  the disk, one thread, records replaced in place              {}", against(disk.in_place));
        println!("  collects paid and committed in the ledger                    {collects:>8.0} /s");
        println!(
            "  commits of the ledger                                        {:>8.0} /s   {:.2} collects in each",
            self.rate(self.ledger_commits),
            self.per_commit(self.ledger_commits)
        );
        println!(
            "  commits of the journals                                      {:>8.0} /s   {:.1} for each collect",
            self.rate(self.journal_commits),
            1.0 / self.per_commit(self.journal_commits)
        );
        println!(
            "  commits of the platform, its book {:<26} {:>8.0} /s",
            if self.bank_in_memory { "in memory" } else { "on the same disk" },
            self.rate(self.bank_commits)
        );
        println!("  one collect: median {:.0} ms, 99 of 100 within {:.0} ms", self.percentile(50), self.percentile(99));
        let shares: Vec<String> = self.shares().iter().map(|(name, share)| format!("{name} {share:.2}")).collect();
        println!("  processors: {}", shares.join(", "));
        let [his, pos, platform, bench] = self.cost();
        println!(
            "  processor time of one collect: server {his:.2} ms, terminal {pos:.2} ms, platform {platform:.2} ms, \
             bench {bench:.2} ms"
        );
        println!(
            "  told as paid in the whole run {}, in the ledger after SIGKILL {}; not paid {}",
            self.told, self.kept, self.not_paid
        );
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
            "ledger_commits_per_s": self.rate(self.ledger_commits),
            "orders_per_ledger_commit": self.per_commit(self.ledger_commits),
            "journal_commits_per_s": self.rate(self.journal_commits),
            "platform_commits_per_s": self.rate(self.bank_commits), "platform_book_in_memory": self.bank_in_memory,
            "collect_ms": {"p50": self.percentile(50), "p99": self.percentile(99)},
            "processors": self.shares().iter().map(|(name, share)| json!({"name": name, "busy": share})).collect::<Vec<_>>(),
            "processor_ms_per_collect": {"his": his, "pos": pos, "platform": platform, "bench": bench},
            "told_as_paid": self.told, "in_the_ledger_after_kill": self.kept, "not_paid": self.not_paid,
        })
    }
}
