//! Every rule that is removed is missed by a checker.

use hispos_sim::life::caught;
use hispos_sim::mutants::Mutant;

//= spec-crate/spec/conformance.md#what-a-test-checks
//= type=test
//# An implementation of level HIS or POS MUST be judged by these nine checks after each test of CON-18 and
//# CON-19 and after each story of [losses.md](losses.md).
#[test]
fn every_mutant_is_caught_within_a_thousand_lives() {
    for mutant in Mutant::ALL {
        assert!(caught(mutant, 1_000).is_some(), "{} is not caught", mutant.name());
    }
}
