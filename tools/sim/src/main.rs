//! Lives of the link on virtual time, as a program.

use std::io::Write as _;

use hispos_sim::life;

fn main() {
    let mut args = std::env::args().skip(1);
    let from: u64 = args.next().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let count: u64 = args.next().and_then(|count| count.parse().ok()).unwrap_or(1);
    let mut out = std::io::stdout().lock();
    for seed in from..from.saturating_add(count) {
        let Ok(life) = life::live(seed, None, count == 1) else { continue };
        for line in &life.trace {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(
            out,
            "seed {seed} {:?} {:?} {}s",
            life.violations,
            life.history.rest.unrest,
            life.summary.virtual_ms / 1000
        );
        if count == 1 {
            let _ = writeln!(out, "{:#?}", life.summary);
        }
    }
}
