//! Numbers about lives.

use std::collections::BTreeMap;

use hispos::ledger::OrderView;

/// Transitions of declared tables that were made for certain, each as `side state event next`, and how often.
pub type Made = BTreeMap<String, u64>;

/// What happened, counted.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Lives.
    pub lives: u64,
    /// Orders made.
    pub orders: u64,
    /// How orders ended at HIS.
    pub outcomes: BTreeMap<String, u64>,
    /// Why none was made.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Faults by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// States that were durably entered, of both books.
    pub states: BTreeMap<String, u64>,
    /// Transitions of the declared tables that were made for certain.
    pub transitions: Made,
    /// Batches, writes to lines, and first bytes of requests that move money.
    pub persists: u64,
    /// See `persists`.
    pub transmits: u64,
    /// See `persists`.
    pub writes: u64,
    /// Sessions, alarms, orphans that were adopted.
    pub sessions: u64,
    /// See `sessions`.
    pub alarms: u64,
    /// See `sessions`.
    pub adopted: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
}

impl Summary {
    pub(crate) fn his_state(&mut self, state: &str) {
        *self.states.entry(format!("his {state}")).or_default() += 1;
    }

    pub(crate) fn pos_state(&mut self, state: &str) {
        *self.states.entry(format!("pos {state}")).or_default() += 1;
    }

    pub(crate) fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    pub(crate) fn ended(&mut self, order: &OrderView) {
        *self.outcomes.entry(format!("{} {}", order.state, order.status)).or_default() += 1;
    }

    /// Adds another life's numbers.
    pub fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.orders += other.orders;
        self.persists += other.persists;
        self.transmits += other.transmits;
        self.writes += other.writes;
        self.sessions += other.sessions;
        self.alarms += other.alarms;
        self.adopted += other.adopted;
        self.virtual_ms += other.virtual_ms;
        other
            .outcomes
            .iter()
            .for_each(|(name, count)| *self.outcomes.entry(name.clone()).or_default() += count);
        other.states.iter().for_each(|(name, count)| *self.states.entry(name.clone()).or_default() += count);
        other
            .transitions
            .iter()
            .for_each(|(name, count)| *self.transitions.entry(name.clone()).or_default() += count);
        other.refusals.iter().for_each(|(name, count)| *self.refusals.entry(name).or_default() += count);
        other.faults.iter().for_each(|(name, count)| *self.faults.entry(name).or_default() += count);
    }
}
