//! Every rule that is removed has a counterexample in its space.

use hispos_model::mutants::{all, caught};

#[test]
fn every_missing_rule_has_a_counterexample() {
    for mutant in all() {
        assert!(caught(mutant).is_some(), "{} has no counterexample", mutant.name());
    }
}
