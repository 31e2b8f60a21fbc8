//! The world of one life: a queue of events in virtual time, two windows over one ledger, two terminals, two lines and
//! the platforms.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hispos::book::Query;
use hispos::link::{HisLink, LoadId, PersistId, PosLink};
use hispos::platform::{Ask, Verdict};
use hispos::time::{Clock, Instant, UnixSeconds};

use crate::acts::{Act, People};
use crate::causes::Observed;
use crate::driver::Peers;
use crate::heard::Heard;
use crate::history::{Fact, History, Rest};
use crate::host::{BIRTH, Host};
use crate::line::{Line, Way};
use crate::mutants::Mutant;
use crate::nodes::{Machine, Node};
use crate::plan::{Fault, Plan};
use crate::platform::{Money, Platform};
use crate::rng::Rng;
use crate::script::Script;
use crate::site::{DESKS, Site, SiteError, UNIX_START};
use crate::summary::Summary;

/// What happens at a moment.
#[derive(Clone, Debug)]
pub enum Event {
    /// A link asked to be called.
    Tick(Node, u32),
    /// Bytes arrive at the end of a line.
    Arrive(usize, Way),
    /// A store answers a question.
    Load(Node, u32, LoadId, Query),
    /// A store makes durable what waits.
    Commit(Machine, u32),
    /// A store answers for a batch.
    Committed(Node, u32, PersistId, Result<hispos::book::Anchor, ()>),
    /// A terminal is connected and writes the first byte of a request.
    Write(usize, u32, Box<Ask>),
    /// A request arrives at a platform; if the number is there, its answer comes back so much later.
    AtPlatform(usize, u32, Box<Ask>, Instant, Option<u64>),
    /// The answer arrives at the terminal.
    Answer(usize, u32, Box<Verdict>),
    /// Something that a platform does later is due.
    Effects,
    /// A person does something.
    Act(Act),
    /// Something breaks.
    Fault(Fault),
    /// A program starts.
    Start(Machine),
    /// A cable is plugged in again.
    Reconnect(usize),
}

/// One life.
pub struct World {
    /// Now, in milliseconds.
    pub now: u64,
    /// What is provisioned.
    pub site: Site,
    /// The HIS machine and its links.
    pub his: Host,
    /// One per desk.
    pub his_links: Vec<Option<HisLink>>,
    /// The terminals and their links.
    pub pos: Vec<Host>,
    /// One per desk.
    pub pos_links: Vec<Option<PosLink>>,
    /// Journals that were replaced within one boot, until their terminal has noticed. One per desk.
    pub replaced: Vec<bool>,
    /// The ledger went back, and no terminal has told so yet.
    pub unnoticed: bool,
    /// One per desk.
    pub lines: Vec<Line>,
    /// The platforms.
    pub platform: Platform,
    /// Cashiers and patients.
    pub people: People,
    /// What breaks.
    pub plan: Plan,
    /// A rule that is missing, if one is.
    pub mutant: Option<Mutant>,
    /// What is decided instead of drawn.
    pub script: Script,
    /// What was to be seen.
    pub history: History,
    /// What the links were told so far, and what was to be seen, as digests.
    pub(crate) heard: Heard,
    /// What may have changed which row, and changes that no table has.
    pub(crate) observed: Observed,
    /// Programs that are somebody else's.
    pub(crate) peers: Peers,
    /// Numbers about this life.
    pub summary: Summary,
    /// What is printed at a replay.
    pub trace: Option<Vec<String>>,
    /// Chance of networks, stores and platforms.
    pub chance: Rng,
    /// What the links draw.
    pub secrets: Rng,
    pub(crate) queue: BinaryHeap<Reverse<Queued>>,
    next: u64,
    pub(crate) ticks: Vec<(Node, Option<u64>, u32)>,
}

#[derive(Debug)]
pub(crate) struct Queued(pub(crate) u64, pub(crate) u64, pub(crate) Event, pub(crate) u64);

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl World {
    /// A world at the beginning of a life.
    ///
    /// # Errors
    ///
    /// [`SiteError`]: never, unless the simulator is wrong.
    pub fn new(seed: u64, plan: Plan, mutant: Option<Mutant>, traced: bool) -> Result<Self, SiteError> {
        let mut chance = Rng::new(seed, "chance");
        let timers = plan.timers;
        let his = Host::new(&mut chance);
        let pos = (0..DESKS).map(|_| Host::new(&mut chance)).collect();
        Ok(Self {
            now: BIRTH,
            site: Site::new(timers)?,
            his,
            his_links: (0..DESKS).map(|_| None).collect(),
            pos,
            pos_links: (0..DESKS).map(|_| None).collect(),
            replaced: vec![false; DESKS],
            unnoticed: false,
            lines: (0..DESKS).map(|_| Line::plugged()).collect(),
            platform: Platform::default(),
            people: People::new(seed),
            plan,
            mutant,
            script: Script::default(),
            history: History { timers, facts: Vec::new(), rest: Rest::default() },
            heard: Heard::default(),
            observed: Observed::default(),
            peers: Peers::default(),
            summary: Summary::default(),
            trace: traced.then(Vec::new),
            chance,
            secrets: Rng::new(seed, "secrets"),
            queue: BinaryHeap::new(),
            next: 0,
            ticks: Vec::new(),
        })
    }

    /// Milliseconds of the life so far.
    #[must_use]
    pub fn age(&self) -> u64 {
        self.now.saturating_sub(BIRTH)
    }

    /// Writes a line of the trace.
    pub fn note(&mut self, text: impl FnOnce() -> String) {
        let age = self.age();
        if let Some(trace) = self.trace.as_mut() {
            trace.push(format!("{:>6}.{:03}  {}", age / 1_000, age % 1_000, text()));
        }
    }

    /// Something was to be seen.
    pub fn see(&mut self, fact: Fact) {
        let age = self.age();
        self.heard.fact(age, &fact);
        self.history.facts.push((age, fact));
    }

    /// Money moved.
    pub fn see_money(&mut self, money: Vec<Money>) {
        for money in money {
            self.note(|| format!("platform  {money:?}"));
            self.see(Fact::Money(money));
        }
    }

    /// Queues an event.
    pub fn at(&mut self, time: u64, event: Event) {
        self.next = self.next.saturating_add(1);
        let spelt = crate::heard::spelt(&self.heard, &event);
        self.queue.push(Reverse(Queued(time.max(self.now), self.next, event, spelt)));
    }

    /// Queues an event some time from now.
    pub fn after(&mut self, milliseconds: u64, event: Event) {
        self.at(self.now.saturating_add(milliseconds), event);
    }

    /// A machine.
    #[must_use]
    pub fn host(&self, machine: Machine) -> &Host {
        match machine {
            Machine::His => &self.his,
            Machine::Pos(desk) => self.pos.get(desk).unwrap_or(&self.his),
        }
    }

    /// A machine.
    pub fn host_mut(&mut self, machine: Machine) -> &mut Host {
        match machine {
            Machine::His => &mut self.his,
            Machine::Pos(desk) => self.pos.get_mut(desk).unwrap_or(&mut self.his),
        }
    }

    /// Both clocks of a machine.
    #[must_use]
    pub fn clock(&self, machine: Machine) -> Clock {
        let host = self.host(machine);
        let unix = i64::try_from(UNIX_START.saturating_add(self.age() / 1_000)).unwrap_or(i64::MAX);
        let unix = u64::try_from(unix.saturating_add(host.skew)).unwrap_or(0);
        let has_calendar = self.script.no_calendar != Some(machine);
        Clock { now: host.instant(self.now), unix: has_calendar.then_some(UnixSeconds(unix)) }
    }

    /// Calls a link again when it asked for it.
    pub fn wake(&mut self, node: Node, at: Option<Instant>) {
        let host = self.host(node.machine());
        let (epoch, now) = (host.epoch, self.now);
        // Beyond a century nothing is due.
        let at = at.filter(|at| at.0 < 1 << 42);
        let time = at.map(|at| host.world(at).max(now.saturating_add(1)));
        let entry = self.ticks.iter().position(|(of, ..)| *of == node);
        let place = entry.unwrap_or_else(|| {
            self.ticks.push((node, None, epoch));
            self.ticks.len().saturating_sub(1)
        });
        let Some((_, known, of)) = self.ticks.get_mut(place) else { return };
        let sooner =
            *of != epoch || known.is_none_or(|known| known <= now || time.is_some_and(|time| time < known));
        if let Some(time) = time.filter(|_| sooner) {
            *known = Some(time);
            *of = epoch;
            self.at(time, Event::Tick(node, epoch));
        }
    }

    /// Lives until nothing is left to happen before `end`.
    pub fn live_until(&mut self, end: u64) {
        let mut moment = (self.now, 0_u32);
        while self.peers.fault.is_none() && self.next_at().is_some_and(|time| time <= end) {
            let Some(Reverse(Queued(time, _, event, _))) = self.queue.pop() else { break };
            self.now = time;
            moment = if moment.0 == time { (time, moment.1.saturating_add(1)) } else { (time, 0) };
            if moment.1 > 20_000 {
                self.see(Fact::Spins(format!("{event:?}")));
                return;
            }
            self.happen(event);
        }
        self.now = end;
    }

    pub(crate) fn happen(&mut self, event: Event) {
        if let Some(until) = self.frozen(&event) {
            return self.at(until, event);
        }
        match event {
            Event::Tick(node, epoch) => self.tick(node, epoch),
            Event::Arrive(line, way) => self.arrive(line, way),
            Event::Load(node, epoch, id, query) => self.load(node, epoch, id, &query),
            Event::Commit(machine, epoch) => self.commit(machine, epoch),
            Event::Committed(node, epoch, id, result) => self.committed(node, epoch, id, result),
            Event::Write(desk, epoch, ask) => self.write_ask(desk, epoch, *ask),
            Event::AtPlatform(desk, epoch, ask, first_byte, back) => {
                self.at_platform(desk, epoch, &ask, first_byte, back)
            }
            Event::Answer(desk, epoch, verdict) => self.answer(desk, epoch, *verdict),
            Event::Effects => self.effects(),
            Event::Act(act) => {
                self.deed(&act);
                self.act(act);
            }
            Event::Fault(fault) => {
                self.deed(&fault);
                self.fault(fault);
            }
            Event::Start(machine) => self.start(machine),
            Event::Reconnect(line) => self.reconnect(line),
        }
    }

    /// Until when a machine does not even notice this.
    fn frozen(&self, event: &Event) -> Option<u64> {
        let machine = match event {
            Event::Tick(node, _) | Event::Load(node, ..) | Event::Committed(node, ..) => node.machine(),
            Event::Commit(machine, _) => *machine,
            Event::Arrive(line, Way::Down) => Machine::Pos(*line),
            Event::Arrive(_, Way::Up) => Machine::His,
            Event::Write(desk, ..) | Event::Answer(desk, ..) => Machine::Pos(*desk),
            Event::AtPlatform(..) | Event::Effects | Event::Fault(_) => return None,
            Event::Act(act) => {
                return act.desk_of_pos().and_then(|desk| self.frozen_until(Machine::Pos(desk)));
            }
            Event::Start(_) | Event::Reconnect(_) => return None,
        };
        self.frozen_until(machine)
    }

    fn frozen_until(&self, machine: Machine) -> Option<u64> {
        let until = self.host(machine).frozen_until;
        (until > self.now).then_some(until)
    }
}
