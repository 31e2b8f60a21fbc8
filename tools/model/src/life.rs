//! One life, lived from the start with given choices, and everything that was to be seen along it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;

use hispos_sim::history::Violation;
use hispos_sim::site::SiteError;

use crate::chooser::Choice;
use crate::drive::Drive;
use crate::scope::Scope;

/// One state of a life.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What it is: states with the same digest have the same future.
    pub digest: u64,
    /// How many alternatives there are here; 1 if time just goes on.
    pub of: u8,
    /// The properties that are violated by now, a bit each.
    pub broken: u8,
    /// Choices made before it.
    pub choices: u16,
}

/// A whole life.
#[derive(Clone, Debug)]
pub struct Life {
    /// Every choice.
    pub choices: Vec<Choice>,
    /// Every state, from the moment that choices begin.
    pub steps: Vec<Step>,
    /// What the checkers found.
    pub violations: Vec<Violation>,
    /// What had not come to rest.
    pub unrest: Vec<String>,
    /// What is printed of it, if that was wanted.
    pub trace: Vec<String>,
}

/// The properties, in the order of their bits.
pub const PROPERTIES: [(&str, &str); 8] = [
    ("S1", "S1 for one order at most one pay request is written, and at most one capture exists"),
    ("S2", "S2 HIS has paid only what was captured and cannot be undone, and knows what was captured"),
    ("S3", "S3 refunds of a capture never exceed it"),
    ("S4", "S4 windows that share one ledger cannot charge one bill twice"),
    ("S5", "S5 a wrong device never moves money"),
    ("S6", "S6 unknown is never held as failed"),
    ("S7", "S7 no request that can move money leaves a POS without a living lease"),
    ("liveness", "no link spins or stops, and the books agree at the end"),
];

/// Lives a life that begins with these choices and goes on as usual.
///
/// # Errors
///
/// [`SiteError`]: never, unless the simulator is wrong.
pub fn live(scope: &Scope, given: &[u8], traced: bool) -> Result<Life, SiteError> {
    let mut drive = Drive::prepared(scope, given, traced)?;
    let mut steps = vec![state(&drive)];
    let mut ages = vec![drive.world.age()];
    loop {
        let before = drive.chooser.borrow().log().len();
        let goes_on = drive.step();
        let log: Vec<Choice> = drive.chooser.borrow().log().to_vec();
        for (place, choice) in log.iter().enumerate().skip(before) {
            // The state in which the choice is made: that before the event, and what was chosen in it so far.
            let base = steps.last().map_or(0, |step| step.digest);
            let choices = u16::try_from(place).unwrap_or(u16::MAX);
            steps.push(Step { digest: mixed(&(base, choice.kind)), of: choice.of, broken: 0, choices });
            ages.push(drive.world.age());
            steps.push(Step {
                digest: mixed(&(base, choice)),
                of: 1,
                broken: 0,
                choices: choices.saturating_add(1),
            });
            ages.push(drive.world.age());
        }
        steps.push(state(&drive));
        ages.push(drive.world.age());
        if !goes_on {
            break;
        }
    }
    let choices = drive.chooser.borrow().log().to_vec();
    let life = drive.world.over(0);
    let unrest = life.history.rest.unrest;
    mark(&mut steps, &ages, &life.violations);
    Ok(Life { choices, steps, violations: life.violations, unrest, trace: life.trace })
}

fn state(drive: &Drive) -> Step {
    let choices = u16::try_from(drive.chooser.borrow().log().len()).unwrap_or(u16::MAX);
    Step { digest: mixed(&drive.digest()), of: 1, broken: 0, choices }
}

fn mixed(what: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Notes from which state on each property is violated.
fn mark(steps: &mut [Step], ages: &[u64], violations: &[Violation]) {
    let last = steps.len().saturating_sub(1);
    for violation in violations {
        let bit = PROPERTIES.iter().position(|(name, _)| *name == violation.property).unwrap_or(7);
        let from = ages.iter().position(|age| *age >= violation.at).unwrap_or(last);
        steps.iter_mut().skip(from).for_each(|step| step.broken |= 1 << bit);
    }
}
