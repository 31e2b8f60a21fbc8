//! What a script does to a world beside the events that it queues.

use hispos::link::{HisLink, PosLink};
use hispos::time::Clock;

use crate::nodes::{Machine, Node};
use crate::plan::Fault;
use crate::script::Told;
use crate::world::World;

impl World {
    /// Has a window's link do something, and carries out what follows. `None` if its program is down.
    pub fn at_window<T>(&mut self, desk: usize, act: impl FnOnce(&mut HisLink, Clock) -> T) -> Option<T> {
        let clock = self.clock(Machine::His);
        let done = self.his_links.get_mut(desk)?.as_mut().map(|link| act(link, clock));
        self.drain(Node::His(desk));
        done
    }

    /// Has a terminal's link do something, and carries out what follows. `None` if its program is down.
    pub fn at_terminal<T>(&mut self, desk: usize, act: impl FnOnce(&mut PosLink, Clock) -> T) -> Option<T> {
        let clock = self.clock(Machine::Pos(desk));
        let done = self.pos_links.get_mut(desk)?.as_mut().map(|link| act(link, clock));
        self.drain(Node::Pos(desk));
        done
    }

    /// Something breaks now.
    pub fn strike(&mut self, fault: Fault) {
        self.fault(fault);
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
        for (_, batch) in pending.iter().filter(|_| durable) {
            self.make_durable(machine, batch);
        }
        self.note(|| format!("!!  the power of {machine:?} goes, durable {durable}"));
        self.reboot(machine);
        true
    }
}
