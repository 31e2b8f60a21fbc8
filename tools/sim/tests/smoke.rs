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
