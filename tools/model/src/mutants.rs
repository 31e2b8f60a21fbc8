//! Rules that are missing, one at a time: each has a space of its own, small, in which it is needed.

use hispos::platform::Channel;
use hispos_sim::mutants::Mutant;
use hispos_sim::story::Story;
use stateright::{Checker, HasDiscoveries, Model};

use crate::life::live;
use crate::scope::{Kind, STORIES, Scope};
use crate::space::Space;

/// A counterexample.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The property.
    pub property: &'static str,
    /// What its checker says.
    pub what: String,
    /// States until then.
    pub states: usize,
    /// The choices that lead to it.
    pub choices: Vec<u8>,
}

const PAID: &[(Channel, Story)] = &[(Channel::Wechat, Story::Paid)];
const TYPED_LATE: &[(Channel, Story)] = &[(Channel::Wechat, Story::Password(53_000))];
const TYPED_BEFORE_POLL: &[(Channel, Story)] = &[(Channel::Alipay, Story::Password(53_000))];
const TYPED_BEHIND_POLL: &[(Channel, Story)] = &[(Channel::Alipay, Story::Password(70_000))];
const TYPED_MUCH_LATER: &[(Channel, Story)] = &[(Channel::Alipay, Story::Password(500_000))];
const NEVER_TYPED: &[(Channel, Story)] = &[(Channel::Alipay, Story::NeverTyped)];

/// Every mutant that has a space here.
#[must_use]
pub fn all() -> Vec<Mutant> {
    Mutant::ALL.into_iter().chain(Mutant::RARE).collect()
}

/// The space in which a rule is needed.
#[must_use]
pub fn scope(mutant: Mutant) -> Scope {
    let usual = Scope {
        faults: 0,
        kinds: &[],
        stories: PAID,
        no_code: false,
        window: 700_000,
        mutant: Some(mutant),
        ..Scope::default()
    };
    broken(mutant, &usual).unwrap_or_else(|| told(mutant, usual))
}

/// Where something breaks or somebody stops at any moment.
fn broken(mutant: Mutant, usual: &Scope) -> Option<Scope> {
    let usual = usual.clone();
    Some(match mutant {
        Mutant::AttemptNotPersisted | Mutant::StartedNotPersisted => {
            Scope { faults: 1, kinds: &[Kind::Strike], ..usual }
        }
        Mutant::ReverseNotPersisted => Scope {
            faults: 1,
            kinds: &[Kind::Strike],
            stories: TYPED_LATE,
            fixed: &[(Kind::Reversal, 1)],
            ..usual
        },
        Mutant::IntactAfterReboot | Mutant::OneDeadSuffices | Mutant::OnlyJournalNumber => {
            Scope { faults: 1, kinds: &[Kind::Journal], ..usual }
        }
        Mutant::IntactDespiteAnchor => Scope {
            faults: 1,
            kinds: &[Kind::Journal],
            stories: TYPED_LATE,
            fixed: &[(Kind::Reversal, 2)],
            ..usual
        },
        Mutant::NoRun => Scope { faults: 2, kinds: &[Kind::Journal, Kind::Cancel], ..usual },
        Mutant::NoAskBeforePay => {
            Scope { faults: 1, kinds: &[Kind::Journal], fixed: &[(Kind::Ledger, 2)], ..usual }
        }
        Mutant::NoWaitNoPull => Scope {
            faults: 1,
            kinds: &[Kind::Ledger],
            fixed: &[(Kind::Cut, 1), (Kind::Window, 2)],
            shown_after: 25_000,
            ..usual
        },
        Mutant::NoFence => Scope { faults: 1, kinds: &[Kind::Cancel], fixed: &[(Kind::Network, 3)], ..usual },
        _ => return None,
    })
}

/// Where everything that happens is told beforehand.
fn told(mutant: Mutant, usual: Scope) -> Scope {
    match mutant {
        Mutant::NoExpiry => Scope {
            stories: TYPED_MUCH_LATER,
            fixed: &[
                (Kind::Cut, 1),
                (Kind::Network, 0),
                (Kind::Network, 1),
                (Kind::Network, 1),
                (Kind::Network, 1),
                (Kind::Network, 1),
                (Kind::Network, 1),
                (Kind::Network, 1),
                (Kind::Network, 1),
                (Kind::Network, 1),
            ],
            ..usual
        },
        Mutant::HisForgetsLease => Scope {
            faults: 1,
            kinds: &[Kind::Strike],
            stories: TYPED_BEFORE_POLL,
            fixed: &[(Kind::Cut, 1)],
            ..usual
        },
        Mutant::QuietIsLeaseEnd => Scope {
            stories: TYPED_BEHIND_POLL,
            fixed: &[(Kind::Cut, 1), (Kind::SlowReverse, 1), (Kind::Reversal, 1)],
            ..usual
        },
        Mutant::OtherReverses => Scope { stories: NEVER_TYPED, fixed: &[(Kind::Cut, 1)], ..usual },
        Mutant::LookerSends => Scope { fixed: &[(Kind::Cut, 2), (Kind::RefundNetwork, 3)], ..usual },
        Mutant::NoRecheck | Mutant::NoStartBy => Scope { fixed: &[(Kind::Slow, 1)], ..usual },
        Mutant::NoActBy => Scope { stories: NEVER_TYPED, fixed: &[(Kind::SlowReverse, 2)], ..usual },
        Mutant::RepeatAfterLease => Scope { fixed: &[(Kind::SlowRefund, 2)], ..usual },
        Mutant::ReleasedOnUnknown | Mutant::ProcessingIsFailed => {
            Scope { fixed: &[(Kind::Refunding, 1)], ..usual }
        }
        Mutant::AbnormalIsFailed => Scope { fixed: &[(Kind::Refunding, 4)], ..usual },
        Mutant::LockNotTransactional => Scope { fixed: &[(Kind::Window, 1)], ..usual },
        Mutant::NextBeforeEnd => Scope { stories: STORIES, fixed: &[(Kind::Window, 2)], ..usual },
        Mutant::CapturesNotLookedAt => Scope { fixed: &[(Kind::Window, 2)], ..usual },
        _ => usual,
    }
}

/// Searches the space of a missing rule for a counterexample. With the rule the same choices have to be clean:
/// otherwise it is not the missing rule that was found.
#[must_use]
pub fn caught(mutant: Mutant) -> Option<Caught> {
    let scope = scope(mutant);
    let checker = Space::new(scope.clone()).checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let states = checker.unique_state_count();
    let choices = checker.discoveries().into_values().next()?.last_state().choices();
    let broken = live(&scope, &choices, false).ok()?;
    let with_rule = live(&Scope { mutant: None, ..scope }, &choices, false).ok()?;
    if !with_rule.violations.is_empty() || !with_rule.unrest.is_empty() {
        return None;
    }
    let first = broken.violations.first()?;
    Some(Caught { property: first.property, what: first.what.clone(), states, choices })
}
