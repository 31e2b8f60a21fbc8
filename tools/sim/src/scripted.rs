//! What a script does to a world beside the events that it queues.

use std::cmp::Reverse;

use hispos::book::{Query, RowKey, Table};
use hispos::ids::{BookId, OrderNo};
use hispos::journal;
use hispos::ledger::{self, Decision, DecisionKind, DecisionRefusal, OrderView};
use hispos::link::{HisLink, PosLink};
use hispos::time::Clock;

use crate::causes::{Source, Stimulus};
use crate::line::Noise;
use crate::nodes::{Machine, Node};
use crate::plan::Fault;
use crate::script::{Fate, Moment, Told};
use crate::world::{Event, Queued, World};

impl World {
    /// Has a window's link do something, and carries out what follows. `None` if its program is down.
    pub fn at_window<T>(&mut self, desk: usize, act: impl FnOnce(&mut HisLink, Clock) -> T) -> Option<T> {
        let clock = self.clock(Machine::His);
        self.heard.command(Node::His(desk), clock);
        self.observed.told(Node::His(desk), Stimulus::Person);
        let done = self.his_links.get_mut(desk)?.as_mut().map(|link| act(link, clock));
        self.drain(Node::His(desk));
        done
    }

    /// Has a terminal's link do something, and carries out what follows. `None` if its program is down.
    pub fn at_terminal<T>(&mut self, desk: usize, act: impl FnOnce(&mut PosLink, Clock) -> T) -> Option<T> {
        let clock = self.clock(Machine::Pos(desk));
        self.heard.command(Node::Pos(desk), clock);
        self.observed.told(Node::Pos(desk), Stimulus::Person);
        let done = self.pos_links.get_mut(desk)?.as_mut().map(|link| act(link, clock));
        self.drain(Node::Pos(desk));
        done
    }

    /// Two people decide about an order of the ledger.
    ///
    /// # Errors
    ///
    /// Why it cannot be decided so.
    pub fn two_people(&mut self, order_no: &OrderNo, kind: DecisionKind) -> Result<(), DecisionRefusal> {
        let row = self.his.book.row(&RowKey::new(Table::Order, order_no.as_str()));
        let agreements = [self.site.agreement.clone()];
        let keys = ledger::rows_of(&row, &agreements);
        let captures: Vec<_> = keys.iter().map(|key| self.his.book.row(key)).collect();
        let event = match kind {
            DecisionKind::Evidence => "decided_evidence",
            DecisionKind::NotPaid => "decided_unpaid",
            DecisionKind::Keep => "decided_keep",
            DecisionKind::Returned => "decided_returned",
        };
        let decision = Decision { kind, by_first: "op-1".into(), by_second: "op-2".into() };
        let batch = ledger::decide(&row, &captures, &decision, &agreements, self.clock(Machine::His))?;
        self.commit_now(event, batch);
        if let Some(order) = OrderView::read(&row) {
            self.refresh_others(usize::MAX, &order);
        }
        Ok(())
    }

    /// A terminal's program is stopped, and a step back of its journal is declared.
    pub fn declare_journal_restored(&mut self, desk: usize) {
        let machine = Machine::Pos(desk);
        self.kill(machine);
        let (id, at) = (BookId::from_bytes(self.chance.bytes()), self.clock(machine).unix);
        let book = &mut self.host_mut(machine).book;
        book.declare_restored(id, at);
        let open = book.find(&Query::Open { device: String::new(), after: 0, limit: usize::MAX });
        let batch = journal::restored(&open.rows);
        let before = self.rows_before(machine, &batch);
        if self.host_mut(machine).book.commit(&batch, at).is_some() {
            self.compare(machine, &Source::Program("restored"), &batch, &before);
        }
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(Queued(time, ..))| *time)
    }

    /// A request that can move money is to be written, or on its way.
    pub(crate) fn is_under_way(&self) -> bool {
        self.queue.iter().any(|Reverse(Queued(_, _, event, _))| match event {
            Event::Write(.., ask) | Event::AtPlatform(_, _, ask, ..) => ask.not_after.is_some(),
            _ => false,
        })
    }

    /// Lets the next event happen.
    pub fn step(&mut self) {
        if let Some(Reverse(Queued(time, _, event, _))) = self.queue.pop() {
            self.now = time;
            self.happen(event);
        }
    }

    /// Something breaks now.
    pub fn strike(&mut self, fault: Fault) {
        self.fault(fault);
    }

    /// What becomes of this, if that is scripted.
    pub(crate) fn fate(&mut self, moment: Moment<'_>) -> Fate {
        self.script.fates.as_mut().map_or(Fate::Goes, |fates| fates(moment))
    }

    /// Carries out what becomes of a batch that waits; `true` if the program died.
    pub(crate) fn ends(&mut self, machine: Machine, fate: Fate) -> bool {
        let (durable, reboots) = match fate {
            Fate::Killed(durable) => (durable, false),
            Fate::PowerCut(durable) => (durable, true),
            Fate::Then(wait, fault) => {
                self.after(wait, Event::Fault(fault));
                return false;
            }
            Fate::Goes | Fate::Lost | Fate::Twice | Fate::Late | Fate::Delayed(_) => return false,
        };
        let pending = std::mem::take(&mut self.host_mut(machine).pending);
        for (waits, batch) in pending.iter().filter(|_| durable) {
            self.make_durable(machine, *waits, batch);
        }
        self.note(|| format!("!!  {machine:?} dies at a Persist: durable {durable}, reboots {reboots}"));
        if reboots {
            self.reboot(machine);
        } else {
            self.kill(machine);
        }
        true
    }

    pub(crate) fn keep_told(&mut self, told: impl FnOnce() -> Told) {
        let age = self.age();
        if let Some(kept) = self.script.told.as_mut() {
            kept.push((age, told()));
        }
    }

    /// The power goes at this Persist, if that is scripted.
    pub(crate) fn power_goes(&mut self, machine: Machine) -> bool {
        let Some(cut) = self.script.power_cut.as_mut().filter(|cut| cut.machine == machine) else {
            return false;
        };
        if cut.persists > 0 {
            cut.persists -= 1;
            return false;
        }
        let durable = cut.durable;
        self.script.power_cut = None;
        let pending = std::mem::take(&mut self.host_mut(machine).pending);
        for (waits, batch) in pending.iter().filter(|_| durable) {
            self.make_durable(machine, *waits, batch);
        }
        self.note(|| format!("!!  the power of {machine:?} goes, durable {durable}"));
        self.reboot(machine);
        true
    }
}

impl Fate {
    /// How bad the line is for one write.
    pub(crate) fn noise(&self) -> Option<Noise> {
        let noise = Noise::default();
        match self {
            Self::Lost => Some(Noise { lost: 1_000, ..noise }),
            Self::Twice => Some(Noise { doubled: 1_000, ..noise }),
            Self::Late => Some(Noise { late: 1_000, ..noise }),
            _ => None,
        }
    }
}
