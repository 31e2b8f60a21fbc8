//! Every rule that is removed is missed by a checker.

use hispos_sim::life::caught;
use hispos_sim::mutants::Mutant;

#[test]
fn every_mutant_is_caught_within_a_thousand_lives() {
    for mutant in Mutant::ALL {
        assert!(caught(mutant, 1_000).is_some(), "{} is not caught", mutant.name());
    }
}
