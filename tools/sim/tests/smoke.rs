//! Lives without any fault: what has to work before anything else is tried.

use hispos_sim::life::live_by;
use hispos_sim::plan::Plan;

#[test]
fn every_order_of_a_calm_life_ends_and_every_capture_is_known() {
    for seed in 0..20 {
        let plan = Plan { collects: 3, refunds: 800, cancels: 300, ..Plan::calm() };
        let life = live_by(seed, plan, None, true).expect("a site");
        let trace = life.trace.join("\n");
        assert!(life.summary.orders > 0, "seed {seed}: no order\n{trace}");
        assert!(life.history.rest.unrest.is_empty(), "seed {seed}: {:?}\n{trace}", life.history.rest.unrest);
        assert!(life.violations.is_empty(), "seed {seed}: {:?}\n{trace}", life.violations);
    }
}

#[test]
fn lives_tell_their_progress_on_standard_error_and_nothing_but_json_on_standard_output() {
    let sim = env!("CARGO_BIN_EXE_hispos-sim");
    let lived = std::process::Command::new(sim).args(["lives", "20", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&lived.stdout).unwrap();
    assert_eq!((&all["lives"], all["violations"].as_array().unwrap().len()), (&20.into(), 0));
    let told = String::from_utf8(lived.stderr).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[9]),
        (10, "2/20 lives, 0 found", "20/20 lives, 0 found"),
        "{told}"
    );
}
