//! The two programs around the links: they start, feed, drain, store and die.

use hispos::Entropy;
use hispos::book::{Batch, Query, Row, RowKey, Table};
use hispos::ids::BookId;
use hispos::ledger;
use hispos::link::{HisConfig, HisEvent, HisLink, Input, Output, PosConfig, PosEvent, PosLink};
use hispos::platform::Ask;
use hispos::time::{Clock, UnixSeconds};

use crate::causes::Source;
use crate::driver::{Draws, Telling};
use crate::history::Fact;
use crate::line::Way;
use crate::mutants;
use crate::nodes::{Machine, Node, desk_of};
use crate::plan::Fault;
use crate::rng::Rng;
use crate::script::{Fate, Moment};
use crate::site::{self, DESKS};
use crate::world::{Event, World};

impl World {
    /// A program starts: HIS begins with what its ledger asks for, then makes its links.
    pub(crate) fn start(&mut self, machine: Machine) {
        if self.host(machine).up {
            return;
        }
        let clock = self.clock(machine);
        let host = self.host_mut(machine);
        host.up = true;
        host.epoch = host.epoch.saturating_add(1);
        host.pending.clear();
        host.storage_fails = false;
        self.note(|| format!("{machine:?}  starts"));
        match machine {
            Machine::His => {
                if self.peers.keeps_book(machine) {
                    self.age_ledger();
                } else {
                    self.begin_ledger();
                }
                if self.is_driven(machine) {
                    return self.start_driven(machine);
                }
                (0..DESKS).for_each(|desk| self.make_his_link(desk));
            }
            Machine::Pos(_) if self.is_driven(machine) => self.start_driven(machine),
            Machine::Pos(desk) => {
                let config = self.pos_config(desk);
                let entropy = self.entropy(machine);
                let link = config.ok().and_then(|config| PosLink::new(config, entropy, clock));
                self.heard.made(Node::Pos(desk));
                self.observed.began(Node::Pos(desk));
                if let Some(slot) = self.pos_links.get_mut(desk) {
                    *slot = link;
                }
                self.open(Node::Pos(desk));
                self.drain(Node::Pos(desk));
            }
        }
    }

    /// What every start of HIS does to its ledger before links run.
    pub(crate) fn begin_ledger(&mut self) {
        let clock = self.clock(Machine::His);
        let site_id = self.site.agreement.terms().site_id.clone();
        let agreements = [self.site.agreement.clone()];
        if self.his.book.row(&RowKey::new(Table::Site, site_id.as_str())).version == 0 {
            // Most sites are older than the days for which a new ledger searches.
            let age = if self.plan.old_site { 10 * 86_400 } else { 0 };
            let unix = clock.unix.map(|unix| UnixSeconds(unix.0.saturating_sub(age)));
            self.commit_now("start", ledger::born(site_id.as_str(), Clock { unix, ..clock }));
        }
        let open = self.his.book.find(&Query::Open { device: String::new(), after: 0, limit: usize::MAX });
        self.commit_now("start", ledger::start(&open.rows, &agreements, clock));
    }

    /// The HIS program commits a batch of its own at once; `event` is what it is about in the tables of states.
    pub(crate) fn commit_now(&mut self, event: &'static str, batch: Batch) {
        let at = self.clock(Machine::His).unix;
        let batch = mutants::durable(self.mutant, Machine::His, &batch);
        let before = self.rows_before(Machine::His, &batch);
        if self.his.book.commit(&batch, at).is_some() {
            self.compare(Machine::His, &Source::Program(event), &batch, &before);
            self.stored(&batch);
        }
    }

    /// What a link draws its randomness from.
    fn entropy(&mut self, machine: Machine) -> Box<dyn Entropy + Send> {
        if self.peers.draws {
            return Box::new(Draws::new(self.random(machine)));
        }
        let drawn = self.secrets.draw();
        Box::new(match machine {
            Machine::His => Rng::new(drawn, "his"),
            Machine::Pos(_) => Rng::new(mutants::pos_entropy(self.mutant, drawn), "pos"),
        })
    }

    /// A step back of the ledger is declared: what the alarm asks the program to do.
    pub(crate) fn declare_ledger_restored(&mut self) {
        let clock = self.clock(Machine::His);
        let id = BookId::from_bytes(self.chance.bytes());
        if self.declare_driven(Machine::His, id) {
            return;
        }
        self.his.book.declare_restored(id, clock.unix);
        let site_id = self.site.agreement.terms().site_id.clone();
        let site = self.his.book.row(&RowKey::new(Table::Site, site_id.as_str()));
        let peer = |entry: &hispos::message::manifest::Device| RowKey::new(Table::Peer, entry.id.as_str());
        let peers: Vec<Row> =
            self.site.devices.entries().iter().map(|entry| self.his.book.row(&peer(entry))).collect();
        let open = self.his.book.find(&Query::Open { device: String::new(), after: 0, limit: usize::MAX });
        let agreements = [self.site.agreement.clone()];
        let batch = ledger::restored(&site, &peers, &open.rows, &agreements, clock);
        let batch = mutants::restored(self.mutant, batch);
        self.commit_now("restored", batch);
        self.note(|| "His  declares the step back of its ledger".into());
    }

    pub(crate) fn make_his_link(&mut self, desk: usize) {
        let clock = self.clock(Machine::His);
        let entropy = self.entropy(Machine::His);
        let link = self.his_config(desk).ok().and_then(|config| HisLink::new(config, entropy, clock));
        self.heard.made(Node::His(desk));
        self.observed.began(Node::His(desk));
        if let Some(slot) = self.his_links.get_mut(desk) {
            *slot = link;
        }
        self.open(Node::His(desk));
        self.drain(Node::His(desk));
    }

    fn his_config(&self, desk: usize) -> Result<HisConfig, site::SiteError> {
        Ok(HisConfig {
            terminal_id: site::terminal_id(desk)?,
            terminal_seed: site::seed(site::TERMINAL, desk),
            site_secret: site::seed(site::SITE_SECRET, 0),
            device_id: site::device_id(desk)?,
            agreements: vec![mutants::agreement(self.mutant, &self.site.agreement)],
            devices: self.site.devices.clone(),
        })
    }

    fn pos_config(&self, desk: usize) -> Result<PosConfig, site::SiteError> {
        Ok(PosConfig {
            device_id: site::device_id(desk)?,
            device_seed: site::seed(site::DEVICE, desk),
            boot: self.host(Machine::Pos(desk)).boot,
            software: "sim 1".into(),
            agreements: vec![mutants::agreement(self.mutant, &self.site.agreement)],
            terminals: self.site.terminals.clone(),
            merchants: self.site.merchants.clone(),
        })
    }

    /// The end of a line opens at a program that has just made its link.
    pub(crate) fn open(&mut self, node: Node) {
        let desk = desk_of(node);
        let up = self.lines.get(desk).is_some_and(|line| line.up);
        if !up {
            return;
        }
        let peer = match node {
            Node::His(desk) => Node::Pos(desk),
            Node::Pos(desk) => Node::His(desk),
        };
        self.input(node, Input::Opened);
        if self.lines.get(desk).is_some_and(|line| line.notices) {
            self.feed(peer, Input::Closed);
            self.feed(peer, Input::Opened);
        }
    }

    /// Gives a link an input, without draining it.
    pub(crate) fn input(&mut self, node: Node, input: Input<'_>) {
        let clock = self.clock(node.machine());
        if !self.host(node.machine()).up {
            return;
        }
        if self.is_driven(node.machine()) {
            return match Telling::of(&input) {
                Some(telling) => self.tell(node, telling),
                None => self.tell_stored(node, &input),
            };
        }
        self.heard.input(node, &input, clock);
        self.observed.input(node, &input);
        match node {
            Node::His(desk) => {
                if let Some(Some(link)) = self.his_links.get_mut(desk) {
                    link.handle_input(input, clock);
                }
            }
            Node::Pos(desk) => {
                if let Some(Some(link)) = self.pos_links.get_mut(desk) {
                    link.handle_input(input, clock);
                }
            }
        }
    }

    /// Gives a link an input and carries out what follows.
    pub(crate) fn feed(&mut self, node: Node, input: Input<'_>) {
        self.input(node, input);
        self.drain(node);
    }

    /// Carries out what a link wants, until it wants nothing more now.
    pub(crate) fn drain(&mut self, node: Node) {
        if self.is_driven(node.machine()) {
            return self.drain_driven(node);
        }
        for _ in 0..10_000 {
            let done = match node {
                Node::His(desk) => {
                    let output =
                        self.his_links.get_mut(desk).and_then(Option::as_mut).map(HisLink::poll_output);
                    self.his_output(desk, output)
                }
                Node::Pos(desk) => {
                    let output =
                        self.pos_links.get_mut(desk).and_then(Option::as_mut).map(PosLink::poll_output);
                    self.pos_output(desk, output)
                }
            };
            if done {
                return;
            }
        }
        self.see(Fact::Spins(format!("{node:?} has outputs without end")));
    }

    fn his_output(&mut self, desk: usize, output: Option<Output<HisEvent>>) -> bool {
        let node = Node::His(desk);
        let Some(output) = output else { return true };
        match output {
            Output::Event(event) => self.his_event(desk, event),
            Output::Persist(id, batch) => return self.persist(node, id, batch),
            Output::Load(id, query) => self.ask_store(node, id, query),
            Output::Transmit(bytes) => return self.transmit(node, bytes),
            Output::Ask(_) => {}
            Output::Timeout(at) => {
                self.observed.rests(node);
                self.wake(node, at);
                return true;
            }
        }
        false
    }

    fn pos_output(&mut self, desk: usize, output: Option<Output<PosEvent>>) -> bool {
        let node = Node::Pos(desk);
        let Some(output) = output else { return true };
        match output {
            Output::Event(event) => self.pos_event(desk, event),
            Output::Persist(id, batch) => return self.persist(node, id, batch),
            Output::Load(id, query) => self.ask_store(node, id, query),
            Output::Transmit(bytes) => return self.transmit(node, bytes),
            Output::Ask(ask) => {
                self.observed.asked(desk, &ask);
                self.connect(desk, ask);
            }
            Output::Timeout(at) => {
                self.observed.rests(node);
                self.wake(node, at);
                return true;
            }
        }
        false
    }

    /// A planned death at this output; `true` if the program died.
    pub(crate) fn dies(&mut self, machine: Machine) -> bool {
        let host = self.host_mut(machine);
        let Some(left) = host.dies_in else { return false };
        if left > 0 {
            host.dies_in = Some(left.saturating_sub(1));
            return false;
        }
        host.dies_in = None;
        self.kill(machine);
        true
    }

    pub(crate) fn transmit(&mut self, node: Node, bytes: Vec<u8>) -> bool {
        let machine = node.machine();
        let desk = desk_of(node);
        self.summary.transmits += 1;
        let fate = self.fate(Moment::Transmit(node, bytes.len()));
        if let Fate::Killed(written) = fate
            && !written
        {
            self.kill(machine);
            return true;
        }
        // Half of the deaths come before the write, half behind it.
        if self.chance.in_thousand(500) && self.dies(machine) {
            return true;
        }
        let way = if matches!(node, Node::His(_)) { Way::Down } else { Way::Up };
        let delay = if let Fate::Delayed(delay) = fate { delay } else { 0 };
        let now = self.now.saturating_add(delay);
        let passes = self.script.tap.as_mut().is_none_or(|tap| tap(desk, way, &bytes));
        let arrivals = match self.lines.get_mut(desk).filter(|_| passes) {
            Some(line) => {
                let usual = line.noise;
                line.noise = fate.noise().unwrap_or(usual);
                let arrivals = line.write(way, bytes, now, &mut self.chance);
                line.noise = usual;
                arrivals
            }
            None => Vec::new(),
        };
        for at in arrivals {
            self.at(at, Event::Arrive(desk, way));
        }
        if fate == Fate::Killed(true) {
            self.kill(machine);
            return true;
        }
        self.dies(machine)
    }

    pub(crate) fn connect(&mut self, desk: usize, ask: Ask) {
        let epoch = self.host(Machine::Pos(desk)).epoch;
        if self.plan.at_connect && ask.not_after.is_some() && self.chance.in_thousand(400) {
            // It freezes between its last look at the clock and the first byte.
            let length = self.chance.between(60_000, 400_000);
            self.after(1, Event::Fault(Fault::Freezes(desk, length)));
        }
        let scripted = self.script.connects.as_mut().map(|connects| connects(&ask));
        let slow = self.chance.in_thousand(self.plan.slow_connects);
        let drawn =
            if slow { self.chance.between(500, ask.connect_ms.max(500)) } else { self.chance.between(5, 80) };
        self.after(scripted.unwrap_or(drawn), Event::Write(desk, epoch, Box::new(ask)));
    }

    pub(crate) fn tick(&mut self, node: Node, epoch: u32) {
        if self.host(node.machine()).epoch == epoch && self.host(node.machine()).up {
            self.feed(node, Input::Tick);
        }
    }

    pub(crate) fn arrive(&mut self, desk: usize, way: Way) {
        let now = self.now;
        let Some(line) = self.lines.get_mut(desk).filter(|line| line.up) else { return };
        let bytes = line.read(way, now);
        let node = if way == Way::Down { Node::Pos(desk) } else { Node::His(desk) };
        if !bytes.is_empty() {
            self.feed(node, Input::Bytes(&bytes));
        }
    }
}
