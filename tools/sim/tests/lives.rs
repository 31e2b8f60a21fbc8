//! A few hundred lives under faults. `hispos-sim lives` lives thousands.

use hispos_sim::life::live;

//= spec-crate/spec/conformance.md#testing-with-a-driver
//= type=test
//# A test that draws at random MUST print its seed, and run again with a seed that it is given.
//= spec-crate/spec/conformance.md#what-a-test-checks
//= type=test
//# An implementation of level HIS or POS MUST be judged by these nine checks after each test of CON-18 and
//# CON-19 and after each story of [losses.md](losses.md).
#[test]
fn no_property_is_violated_in_any_life() {
    for seed in 1_000_000..1_000_150 {
        let life = live(seed, None, false).expect("a site");
        //= spec-crate/spec/conformance.md#testing-with-a-driver
        //# A test that draws at random MUST print its seed, and run again with a seed that it is given.
        //= spec-crate/spec/conformance.md#what-a-test-checks
        //# An implementation of level HIS or POS MUST be judged by these nine checks after each test of
        //# CON-18 and CON-19 and after each story of [losses.md](losses.md).
        assert!(life.violations.is_empty(), "{:?}\nagain: hispos-sim replay {seed}", life.violations);
    }
}

//= spec-crate/spec/conformance.md#testing-with-a-driver
//= type=test
//# A test that draws at random MUST print its seed, and run again with a seed that it is given.
#[test]
fn the_same_seed_lives_the_same_life() {
    for seed in [3, 7, 11] {
        let [one, other] = [0; 2].map(|_| live(seed, None, true).expect("a site").trace);
        assert_eq!(one, other, "seed {seed}");
    }
}
