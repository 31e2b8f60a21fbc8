//! Every life with at most one fault.

use hispos_model::scope::Scope;
use hispos_model::space::Space;
use stateright::{Checker, Model};

/// How many states the space has. It changes with what links send, store and wait for: look why, then set it anew.
const STATES: usize = 459_188;

#[test]
fn every_life_with_one_fault_keeps_every_property_and_the_space_is_the_known_one() {
    let checker = Space::new(Scope::default()).checker().spawn_dfs().join();
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), STATES);
}
