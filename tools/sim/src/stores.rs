//! The stores of the programs: questions, group commits, and what becomes durable.

use hispos::book::{Anchor, Batch, Query, Row};
use hispos::journal::PosOrderView;
use hispos::ledger::{CaptureView, OrderView};
use hispos::link::{HisLink, Input, LoadId, PersistId, PosLink};

use crate::history::Fact;
use crate::host::Waits;
use crate::mutants;
use crate::nodes::{Machine, Node};
use crate::script::Moment;
use crate::world::{Event, World};

impl World {
    pub(crate) fn persist(&mut self, node: Node, id: PersistId, batch: Batch) -> bool {
        let machine = node.machine();
        let epoch = self.host(machine).epoch;
        self.observed.waits(node, Some(id), self.clock(machine).now);
        self.summary.persists += 1;
        if mutants::acknowledges_early(self.mutant, node, &batch) {
            // Acknowledged, and not yet durable.
            let anchor = self.host(machine).book.anchor();
            self.at(self.now, Event::Committed(node, epoch, id, Ok(anchor)));
            self.host_mut(machine).pending.push((Waits::Program, batch));
            self.after(3_000, Event::Commit(machine, epoch));
            return self.dies(machine);
        }
        let fate = self.fate(Moment::Persist(machine, &batch));
        self.host_mut(machine).pending.push((Waits::Link(node, id), batch));
        if self.ends(machine, fate) {
            return true;
        }
        if self.dies(machine) || self.power_goes(machine) {
            return true;
        }
        let slow = self.chance.in_thousand(20);
        let delay = if slow { self.chance.between(100, 1_500) } else { self.chance.between(1, 12) };
        self.after(delay, Event::Commit(machine, epoch));
        false
    }

    pub(crate) fn ask_store(&mut self, node: Node, id: LoadId, query: Query) {
        let epoch = self.host(node.machine()).epoch;
        self.observed.waits(node, None, self.clock(node.machine()).now);
        let delay = self.chance.between(0, 3);
        self.after(delay, Event::Load(node, epoch, id, query));
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
            let result = if fails { None } else { self.make_durable(machine, waits, &batch) };
            if let Waits::Link(node, id) = waits {
                let delay = self.chance.between(0, 2);
                self.after(delay, Event::Committed(node, epoch, id, result.ok_or(())));
            }
        }
    }

    /// Writes a batch into a machine's book, unless it is stale.
    pub(crate) fn make_durable(&mut self, machine: Machine, waits: Waits, batch: &Batch) -> Option<Anchor> {
        let at = self.clock(machine).unix;
        let batch = &mutants::durable(self.mutant, machine, batch);
        let before = self.rows_before(machine, batch);
        let records = match waits {
            Waits::Link(_, id) => self.records_of(machine, id.0),
            Waits::Program => None,
        };
        let book = &mut self.host_mut(machine).book;
        let anchor = match records {
            Some(records) => book.keep(records),
            None => book.commit(batch, at)?,
        };
        if let Waits::Link(node, id) = waits
            && let Some(source) = self.observed.source(node, id)
        {
            self.compare(machine, &source, batch, &before);
        }
        match machine {
            Machine::His => self.stored(batch),
            Machine::Pos(_) => self.journalled(batch),
        }
        Some(anchor)
    }

    /// What the ledger durably holds was to be seen.
    pub(crate) fn stored(&mut self, batch: &Batch) {
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

    pub(crate) fn journalled(&mut self, batch: &Batch) {
        for write in &batch.write {
            let row = Row { key: write.key.clone(), version: 1, bytes: write.bytes.clone() };
            if let Some(order) = PosOrderView::read(&row) {
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
        let driven = self.peers.seat(node.machine()).map(|seat| seat.halted);
        let halted = driven.unwrap_or(match node {
            Node::His(desk) => self.his_links.get(desk).and_then(Option::as_ref).is_some_and(HisLink::halted),
            Node::Pos(desk) => self.pos_links.get(desk).and_then(Option::as_ref).is_some_and(PosLink::halted),
        });
        if halted {
            if !failed {
                self.see(Fact::Halted(format!("{node:?}")));
            }
            // A program that could not store stops, and recovers from its book.
            self.kill(node.machine());
        }
    }
}
