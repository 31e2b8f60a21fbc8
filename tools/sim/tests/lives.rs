//! A few hundred lives under faults. `hispos-sim lives` lives thousands.

use hispos_sim::life::live;

#[test]
fn no_property_is_violated_in_any_life() {
    for seed in 1_000_000..1_000_150 {
        let life = live(seed, None, false).expect("a site");
        assert!(life.violations.is_empty(), "{:?}\nagain: hispos-sim replay {seed}", life.violations);
    }
}

#[test]
fn the_same_seed_lives_the_same_life() {
    for seed in [3, 7, 11] {
        let [one, other] = [0; 2].map(|_| live(seed, None, true).expect("a site").trace);
        assert_eq!(one, other, "seed {seed}");
    }
}
