//! All lives of a scope, as a space that `stateright` searches.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stateright::{Model, Property};

use crate::life::{Life, PROPERTIES, Step, live};
use crate::scope::Scope;

/// A state: a place in a life that leads to it.
#[derive(Clone)]
pub struct Spot {
    life: Arc<Life>,
    place: usize,
}

impl Spot {
    fn step(&self) -> Step {
        self.life.steps.get(self.place).copied().unwrap_or(Step { digest: 0, of: 1, broken: 0, choices: 0 })
    }

    fn is_last(&self) -> bool {
        self.place.saturating_add(1) >= self.life.steps.len()
    }

    /// The choices that lead here.
    #[must_use]
    pub fn choices(&self) -> Vec<u8> {
        self.life.choices.iter().take(usize::from(self.step().choices)).map(|choice| choice.taken).collect()
    }

    fn breaks(&self, property: usize) -> bool {
        self.step().broken & (1 << property) != 0
    }
}

impl PartialEq for Spot {
    fn eq(&self, other: &Self) -> bool {
        self.step().digest == other.step().digest
    }
}

impl Eq for Spot {}

impl Hash for Spot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.step().digest.hash(state);
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.choices())
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Move {
    /// The next event, or the next timer.
    Next,
    /// A choice is made.
    Take(u8),
}

/// All lives of a scope.
#[derive(Debug)]
pub struct Space {
    scope: Scope,
    lived: AtomicU64,
}

impl Space {
    /// The space of a scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self { scope, lived: AtomicU64::new(0) }
    }

    /// How many lives were lived so far.
    #[must_use]
    pub fn lived(&self) -> u64 {
        self.lived.load(Ordering::Relaxed)
    }

    fn live(&self, given: &[u8]) -> Option<Arc<Life>> {
        self.lived.fetch_add(1, Ordering::Relaxed);
        live(&self.scope, given, false).ok().map(Arc::new)
    }
}

impl Model for Space {
    type State = Spot;
    type Action = Move;

    fn init_states(&self) -> Vec<Spot> {
        self.live(&[]).map(|life| Spot { life, place: 0 }).into_iter().collect()
    }

    fn actions(&self, spot: &Spot, actions: &mut Vec<Move>) {
        match spot.step().of {
            _ if spot.is_last() => {}
            1 => actions.push(Move::Next),
            of => actions.extend((0..of).map(Move::Take)),
        }
    }

    fn next_state(&self, spot: &Spot, action: Move) -> Option<Spot> {
        let place = spot.place.saturating_add(1);
        let taken = spot.life.choices.get(usize::from(spot.step().choices)).map(|choice| choice.taken);
        let life = match action {
            Move::Take(option) if taken != Some(option) => {
                let mut given = spot.choices();
                given.push(option);
                self.live(&given)?
            }
            Move::Take(_) | Move::Next => spot.life.clone(),
        };
        Some(Spot { life, place })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        const CHECKS: [fn(&Space, &Spot) -> bool; 8] = [
            |_, spot| !spot.breaks(0),
            |_, spot| !spot.breaks(1),
            |_, spot| !spot.breaks(2),
            |_, spot| !spot.breaks(3),
            |_, spot| !spot.breaks(4),
            |_, spot| !spot.breaks(5),
            |_, spot| !spot.breaks(6),
            |_, spot| !spot.breaks(7),
        ];
        let always = PROPERTIES.iter().zip(CHECKS).map(|((_, name), check)| Property::always(name, check));
        let ends = Property::<Self>::eventually(
            "once link, programs and platform are up, every order ends and both books agree",
            |_, spot| spot.is_last() && spot.life.unrest.is_empty(),
        );
        always.chain([ends]).collect()
    }
}
