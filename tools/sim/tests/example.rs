//! The example of `clients/driver` is what a real run says.

use std::time::Duration;

use hispos_sim::driver::Peers;
use hispos_sim::life::live_planned;
use hispos_sim::plan::{Plan, Strike};

const SIM: &str = env!("CARGO_BIN_EXE_hispos-sim");
const SEED: u64 = 8;

/// A line with long bytes cut: their beginning, and how many there are.
fn cut(line: &str) -> String {
    let parts = line.split('"').map(|part| {
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && part.len() > 32 {
            format!("{}... {} bytes", &part[..12], part.len() / 2)
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("\"")
}

/// The lines of the POS at desk 0 in one collect whose program is killed behind the first byte of its pay.
fn lived() -> Result<Vec<String>, String> {
    let pos = format!("{SIM} peer --role pos --book own");
    let mut peers = Peers::start(None, Some(&pos), Duration::from_secs(20))?;
    peers.show_lines();
    let plan = Plan {
        collects: 1,
        business_ms: 5_000,
        at_write: Some(Strike::Kills),
        peace_at: 120_000,
        ..Plan::calm()
    };
    let life = live_planned(SEED, plan, &mut peers, true)?;
    assert!(life.violations.is_empty() && life.history.rest.unrest.is_empty());
    let lines = life.trace.iter().filter_map(|line| line.split_once("  Pos(0) "));
    Ok(lines.filter(|(_, line)| line.starts_with(['>', '<'])).map(|(_, line)| cut(line)).collect())
}

/// What a line is in its run: its direction and number.
fn place(line: &str) -> Option<(char, u64)> {
    let (way, object) = line.split_once(' ').filter(|(way, _)| matches!(*way, ">" | "<"))?;
    let object: serde_json::Value = serde_json::from_str(object).ok()?;
    Some((way.chars().next()?, object.get("n")?.as_u64()?))
}

/// A document whose lines are those of the run.
fn renewed(text: &str, lived: &[String]) -> String {
    let line = |line: &str| {
        let Some(place_of) = place(line) else { return line.to_owned() };
        let same = lived.iter().find(|one| place(one) == Some(place_of));
        same.cloned().unwrap_or_else(|| format!("{line} was never said"))
    };
    text.lines().map(|one| line(one) + "\n").collect()
}

/// Written again with `HISPOS_RENEW=1`.
#[test]
fn the_example_of_the_driver_interface_is_what_a_run_says() {
    let lived = lived().unwrap();
    for name in ["example.md", "example.zh.md"] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/driver/").to_owned() + name;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().filter_map(place).count() >= 40, "{name} shows a whole collect");
        let renewed = renewed(&text, &lived);
        if std::env::var_os("HISPOS_RENEW").is_some() {
            std::fs::write(&path, &renewed).unwrap();
            continue;
        }
        for (shown, said) in text.lines().zip(renewed.lines()) {
            assert_eq!(shown, said, "{name}");
        }
    }
}
