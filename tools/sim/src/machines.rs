//! The two programs around the links: they start, feed, drain, store and die.

use hispos::book::{Anchor, Batch, Query, Row, RowKey, Table};
use hispos::ids::BookId;
use hispos::ledger::{self, CaptureView, OrderView};
use hispos::link::{
    HisConfig, HisEvent, HisLink, Input, LoadId, Output, PersistId, PosConfig, PosEvent, PosLink,
};
use hispos::platform::Ask;
use hispos::time::{Clock, UnixSeconds};

use crate::faults::Fault;
use crate::history::Fact;
use crate::line::Way;
use crate::mutants;
use crate::site::{self, DESKS};
use crate::world::{Event, Machine, Node, Waits, World};

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
                self.begin_ledger();
                (0..DESKS).for_each(|desk| self.make_his_link(desk));
            }
            Machine::Pos(desk) => {
                let config = self.pos_config(desk);
                let entropy = Box::new(crate::rng::Rng::new(
                    mutants::pos_entropy(self.mutant, self.secrets.draw()),
                    "pos",
                ));
                let link = config.ok().and_then(|config| PosLink::new(config, entropy, clock));
                if let Some(slot) = self.pos_links.get_mut(desk) {
                    *slot = link;
                }
                self.open(Node::Pos(desk));
                self.drain(Node::Pos(desk));
            }
        }
    }

    /// What every start of HIS does to its ledger before links run.
    fn begin_ledger(&mut self) {
        let clock = self.clock(Machine::His);
        let site_id = self.site.agreement.terms().site_id.clone();
        let agreements = [self.site.agreement.clone()];
        if self.his.book.row(&RowKey::new(Table::Site, site_id.as_str())).version == 0 {
            // Most sites are older than the days for which a new ledger searches.
            let age = if self.plan.old_site { 10 * 86_400 } else { 0 };
            let unix = clock.unix.map(|unix| UnixSeconds(unix.0.saturating_sub(age)));
            self.commit_now(ledger::born(site_id.as_str(), Clock { unix, ..clock }));
        }
        let open = self.his.book.find(&Query::Open { device: String::new(), after: 0, limit: usize::MAX });
        self.commit_now(ledger::start(&open.rows, &agreements, clock));
    }

    /// The HIS program commits a batch of its own at once.
    pub(crate) fn commit_now(&mut self, batch: Batch) {
        let at = self.clock(Machine::His).unix;
        if self.his.book.commit(&batch, at).is_some() {
            self.stored(&batch);
        }
    }

    /// A step back of the ledger is declared: what the alarm asks the program to do.
    pub(crate) fn declare_ledger_restored(&mut self) {
        let clock = self.clock(Machine::His);
        let id = BookId::from_bytes(self.chance.bytes());
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
        self.commit_now(batch);
        self.note(|| "His  declares the step back of its ledger".into());
    }

    pub(crate) fn make_his_link(&mut self, desk: usize) {
        let clock = self.clock(Machine::His);
        let entropy = Box::new(crate::rng::Rng::new(self.secrets.draw(), "his"));
        let link = self.his_config(desk).ok().and_then(|config| HisLink::new(config, entropy, clock));
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
    fn open(&mut self, node: Node) {
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
            Output::CloseStream | Output::Ask(_) => {}
            Output::Timeout(at) => {
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
            Output::Ask(ask) => self.connect(desk, ask),
            Output::CloseStream => {}
            Output::Timeout(at) => {
                self.wake(node, at);
                return true;
            }
        }
        false
    }

    /// A planned death at this output; `true` if the program died.
    fn dies(&mut self, machine: Machine) -> bool {
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

    fn persist(&mut self, node: Node, id: PersistId, batch: Batch) -> bool {
        let machine = node.machine();
        let epoch = self.host(machine).epoch;
        self.summary.persists += 1;
        if mutants::acknowledges_early(self.mutant, node, &batch) {
            // Acknowledged, and not yet durable.
            let anchor = self.host(machine).book.anchor();
            self.at(self.now, Event::Committed(node, epoch, id, Ok(anchor)));
            self.host_mut(machine).pending.push((Waits::Program, batch));
            self.after(3_000, Event::Commit(machine, epoch));
            return self.dies(machine);
        }
        self.host_mut(machine).pending.push((Waits::Link(node, id), batch));
        if self.dies(machine) {
            return true;
        }
        let slow = self.chance.in_thousand(20);
        let delay = if slow { self.chance.between(100, 1_500) } else { self.chance.between(1, 12) };
        self.after(delay, Event::Commit(machine, epoch));
        false
    }

    fn transmit(&mut self, node: Node, bytes: Vec<u8>) -> bool {
        let machine = node.machine();
        let desk = desk_of(node);
        self.summary.transmits += 1;
        // Half of the deaths come before the write, half behind it.
        if self.chance.in_thousand(500) && self.dies(machine) {
            return true;
        }
        let way = if matches!(node, Node::His(_)) { Way::Down } else { Way::Up };
        let now = self.now;
        let arrivals = match self.lines.get_mut(desk) {
            Some(line) => line.write(way, bytes, now, &mut self.chance),
            None => Vec::new(),
        };
        for at in arrivals {
            self.at(at, Event::Arrive(desk, way));
        }
        self.dies(machine)
    }

    fn ask_store(&mut self, node: Node, id: LoadId, query: Query) {
        let epoch = self.host(node.machine()).epoch;
        let delay = self.chance.between(0, 3);
        self.after(delay, Event::Load(node, epoch, id, query));
    }

    fn connect(&mut self, desk: usize, ask: Ask) {
        let epoch = self.host(Machine::Pos(desk)).epoch;
        if self.plan.at_connect && ask.not_after.is_some() && self.chance.in_thousand(400) {
            // It freezes between its last look at the clock and the first byte.
            let length = self.chance.between(60_000, 400_000);
            self.after(1, Event::Fault(Fault::Freezes(desk, length)));
        }
        let slow = self.chance.in_thousand(self.plan.slow_connects);
        let delay =
            if slow { self.chance.between(500, ask.connect_ms.max(500)) } else { self.chance.between(5, 80) };
        self.after(delay, Event::Write(desk, epoch, Box::new(ask)));
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

    pub(crate) fn load(&mut self, node: Node, epoch: u32, id: LoadId, query: &Query) {
        let host = self.host(node.machine());
        if host.epoch != epoch || !host.up {
            return;
        }
        let found = host.book.find(query);
        let found = mutants::found(self.mutant, node, self.host(node.machine()).boot, query, found);
        self.feed(node, Input::Loaded(id, found));
    }

    /// Everything that waits becomes durable, in one group.
    pub(crate) fn commit(&mut self, machine: Machine, epoch: u32) {
        if self.host(machine).epoch != epoch || !self.host(machine).up {
            return;
        }
        let pending = std::mem::take(&mut self.host_mut(machine).pending);
        let fails = self.host(machine).storage_fails;
        for (waits, batch) in pending {
            let result = if fails { None } else { self.make_durable(machine, &batch) };
            if let Waits::Link(node, id) = waits {
                let delay = self.chance.between(0, 2);
                self.after(delay, Event::Committed(node, epoch, id, result.ok_or(())));
            }
        }
    }

    /// Writes a batch into a machine's book, unless it is stale.
    pub(crate) fn make_durable(&mut self, machine: Machine, batch: &Batch) -> Option<Anchor> {
        let at = self.clock(machine).unix;
        let batch = &mutants::durable(self.mutant, machine, batch);
        let anchor = self.host_mut(machine).book.commit(batch, at)?;
        match machine {
            Machine::His => self.stored(batch),
            Machine::Pos(_) => self.journalled(batch),
        }
        Some(anchor)
    }

    /// What the ledger durably holds was to be seen.
    fn stored(&mut self, batch: &Batch) {
        for write in &batch.write {
            let row = Row { key: write.key.clone(), version: 1, bytes: write.bytes.clone() };
            if let Some(order) = OrderView::read(&row) {
                self.note(|| format!("ledger  {} {} {}", order.order_no, order.state, order.status));
                self.summary.his_state(order.state);
                self.see(Fact::Order(Box::new(order)));
            }
            if let Some(capture) = CaptureView::read(&row) {
                self.note(|| {
                    format!(
                        "ledger  capture {} refunded {} reserved {}",
                        capture.number, capture.refunded, capture.reserved
                    )
                });
                self.see(Fact::Capture(capture));
            }
        }
    }

    fn journalled(&mut self, batch: &Batch) {
        for write in &batch.write {
            let row = Row { key: write.key.clone(), version: 1, bytes: write.bytes.clone() };
            if let Some(order) = hispos::journal::PosOrderView::read(&row) {
                self.note(|| {
                    let intact = if order.intact { "" } else { " not intact" };
                    format!("journal  {} {} {}{intact}", order.order_no, order.state, order.status)
                });
                self.summary.pos_state(order.state);
                if let Some(outcome) = order.outcome.filter(|_| order.state == "ended") {
                    self.see(Fact::Signed(order.order_no, outcome.code()));
                }
            }
        }
    }

    pub(crate) fn committed(&mut self, node: Node, epoch: u32, id: PersistId, result: Result<Anchor, ()>) {
        let host = self.host(node.machine());
        if host.epoch != epoch || !host.up {
            return;
        }
        let failed = host.storage_fails;
        self.feed(
            node,
            match result {
                Ok(anchor) => Input::Persisted(id, anchor),
                Err(()) if failed => Input::PersistFailed(id),
                Err(()) => Input::Stale(id),
            },
        );
        let halted = match node {
            Node::His(desk) => self.his_links.get(desk).and_then(Option::as_ref).is_some_and(HisLink::halted),
            Node::Pos(desk) => self.pos_links.get(desk).and_then(Option::as_ref).is_some_and(PosLink::halted),
        };
        if halted {
            if !failed {
                self.see(Fact::Halted(format!("{node:?}")));
            }
            // A program that could not store stops, and recovers from its book.
            self.kill(node.machine());
        }
    }
}

/// The desk of a link.
pub(crate) fn desk_of(node: Node) -> usize {
    match node {
        Node::His(desk) | Node::Pos(desk) => desk,
    }
}
