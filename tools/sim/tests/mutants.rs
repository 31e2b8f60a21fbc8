//! Every rule that is removed is missed by a checker.

use hispos_sim::life::caught;
use hispos_sim::mutants::Mutant;

/// Not caught in 300 lives: a program has to die between a reverse and its query, and nothing later may tell of it.
const RARE: Mutant = Mutant::ReverseNotPersisted;

#[test]
fn every_mutant_but_the_rare_one_is_caught_within_a_few_hundred_lives() {
    for mutant in Mutant::ALL.into_iter().filter(|mutant| *mutant != RARE) {
        assert!(caught(mutant, 300).is_some(), "{} is not caught", mutant.name());
    }
}
