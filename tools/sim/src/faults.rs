//! Faults, as they happen to a world.

use std::collections::BTreeSet;

use hispos::book::{RowKey, Table};
use hispos::ids::{BookId, OrderNo};
use hispos::ledger::{CaptureView, OrderView};
use hispos::link::Input;

use crate::acts::{BILLS, bill_key};
use crate::fields::Fields;
use crate::history::Fact;
use crate::line::Noise;
use crate::nodes::{Machine, Node};
use crate::plan::Fault;
use crate::site::{self, DESKS};
use crate::world::{Event, World};

impl World {
    /// Something breaks.
    pub(crate) fn fault(&mut self, fault: Fault) {
        if self.unnoticed && matches!(fault, Fault::JournalBack(..) | Fault::JournalLost(_)) {
            // Both books at once, before either is noticed: a residual.
            return;
        }
        if !fault.name().is_empty() {
            self.summary.fault(fault.name());
        }
        self.note(|| format!("!!  {fault:?}"));
        let is_of_a_book =
            matches!(fault, Fault::JournalBack(..) | Fault::JournalLost(_) | Fault::LedgerBack(..));
        match fault {
            Fault::Dies(machine, at) => self.host_mut(machine).dies_in = Some(at),
            Fault::Killed(machine) => self.kill(machine),
            Fault::Reboots(desk) => self.reboot(Machine::Pos(desk)),
            Fault::JournalBack(desk, records, reboots) => {
                self.kill(Machine::Pos(desk));
                let seen = self.journal_seen(desk);
                let host = self.host_mut(Machine::Pos(desk));
                let mut seq = host.book.records().saturating_sub(records).max(1);
                if !reboots {
                    // Within one boot a copy that is newer than what HIS has seen cannot be noticed: a residual.
                    seq = seq.min(seen.saturating_sub(1));
                }
                if seq == 0 {
                    return;
                }
                host.book = host.book.back_to(seq);
                if let Some(replaced) = self.replaced.get_mut(desk).filter(|_| !reboots) {
                    *replaced = true;
                }
                if reboots {
                    self.reboot(Machine::Pos(desk));
                }
            }
            Fault::JournalLost(desk) => {
                self.kill(Machine::Pos(desk));
                let id = BookId::from_bytes(self.chance.bytes());
                self.host_mut(Machine::Pos(desk)).book = crate::book::MemoryBook::create(id);
            }
            Fault::LedgerBack(records, declared) => self.ledger_back(records, declared),
            Fault::NoticeLedger => self.notice_ledger(),
            Fault::NoticeJournal(desk) => self.notice_journal(desk),
            Fault::StorageFails(machine) => self.host_mut(machine).storage_fails = true,
            Fault::ClockJumps(machine, seconds) => {
                let host = self.host_mut(machine);
                host.skew = host.skew.saturating_add(seconds);
            }
            Fault::Freezes(desk, length) => {
                let until = self.now.saturating_add(length);
                self.host_mut(Machine::Pos(desk)).frozen_until = until;
            }
            Fault::Cut(desk, length, keeps) => {
                if let Some(line) = self.lines.get_mut(desk).filter(|line| line.up) {
                    line.cut(keeps);
                    self.feed(Node::His(desk), Input::Closed);
                    self.feed(Node::Pos(desk), Input::Closed);
                    self.after(length, Event::Reconnect(desk));
                }
            }
            Fault::Peace => self.peace(),
        }
        if is_of_a_book {
            self.see(Fact::BookBack(self.known_orders()));
        }
    }

    /// The orders that the ledger or a journal has.
    fn known_orders(&self) -> BTreeSet<OrderNo> {
        let ledger = self.his.book.table(Table::Order);
        let journals = self.pos.iter().flat_map(|pos| pos.book.table(Table::Order));
        ledger
            .iter()
            .map(|row| row.key.key.clone())
            .chain(journals.map(|row| row.key.key.clone()))
            .filter_map(|key| OrderNo::try_from(key.as_str()).ok())
            .collect()
    }

    /// A program dies. Its unacknowledged batches are durable or lost, in order.
    pub(crate) fn kill(&mut self, machine: Machine) {
        if !self.host(machine).up {
            return;
        }
        self.note(|| format!("{machine:?}  dies"));
        let pending = std::mem::take(&mut self.host_mut(machine).pending);
        let keeps = self.chance.between(0, pending.len() as u64);
        if !self.host(machine).storage_fails {
            for (waits, batch) in pending.iter().take(usize::try_from(keeps).unwrap_or(0)) {
                self.make_durable(machine, *waits, batch);
            }
        }
        let host = self.host_mut(machine);
        host.up = false;
        host.dies_in = None;
        if let Some(seat) = self.peers.seat(machine) {
            seat.dies();
        }
        let desks = match machine {
            Machine::His => {
                self.his_links.iter_mut().for_each(|link| *link = None);
                0..DESKS
            }
            Machine::Pos(desk) => {
                if let Some(slot) = self.pos_links.get_mut(desk) {
                    *slot = None;
                }
                desk..desk.saturating_add(1)
            }
        };
        for desk in desks {
            if self.lines.get(desk).is_some_and(|line| line.notices) {
                let peer = if machine == Machine::His { Node::Pos(desk) } else { Node::His(desk) };
                self.feed(peer, Input::Closed);
            }
        }
        let wait = if let Some(wait) = self.script.restart_after {
            wait
        } else if self.chance.in_thousand(200) {
            self.chance.between(30_000, 400_000)
        } else {
            self.chance.between(500, 8_000)
        };
        self.after(wait, Event::Start(machine));
    }

    pub(crate) fn reboot(&mut self, machine: Machine) {
        self.kill(machine);
        let (now, boot) = (self.now, self.chance.bytes());
        let host = self.host_mut(machine);
        host.booted = now;
        host.boot = boot;
        host.frozen_until = 0;
    }

    /// The latest record of a journal that HIS durably knows.
    fn journal_seen(&self, desk: usize) -> u64 {
        let key = site::device_id(desk).map(|id| RowKey::new(Table::Peer, id.as_str()));
        let row = key.map(|key| self.his.book.row(&key));
        let bytes = row.map(|row| Fields::read(&row.bytes).bytes(1).unwrap_or_default()).unwrap_or_default();
        let own = self.host(Machine::Pos(desk)).book.anchor().book;
        hispos::book::Anchor::decode(&bytes)
            .filter(|anchor| anchor.book == own)
            .map_or(0, |anchor| anchor.seq)
    }

    /// A terminal has seen a later record of the ledger than this.
    fn is_noticed(&self, seq: u64) -> bool {
        let key = RowKey::new(Table::Peer, self.site.agreement.terms().site_id.as_str());
        let own = self.his.book.anchor().book;
        self.pos.iter().any(|pos| {
            let bytes = Fields::read(&pos.book.row(&key).bytes).bytes(1).unwrap_or_default();
            let seen = hispos::book::Anchor::decode(&bytes);
            seen.is_some_and(|anchor| anchor.book == own && anchor.seq > seq)
        })
    }

    fn ledger_back(&mut self, records: u64, declared: bool) {
        if self.replaced.contains(&true) {
            // Both books at once, before either is noticed: a residual.
            return;
        }
        self.kill(Machine::His);
        let seq = self.his.book.records().saturating_sub(records).max(1);
        // Without a terminal that knows better nobody notices: a residual, so people declare it.
        let declared = declared || !self.is_noticed(seq);
        self.unnoticed = !declared;
        self.his.book = self.his.book.back_to(seq);
        // What the restored ledger may have forgotten, the hospital collects again.
        self.people.again = (0..BILLS).map(bill_key).collect();
        let orders = self.his.book.table(Table::Order);
        let captures = self.his.book.table(Table::Capture);
        self.see(Fact::LedgerBack(
            orders.iter().filter_map(OrderView::read).collect(),
            captures.iter().filter_map(CaptureView::read).collect(),
        ));
        if declared {
            self.declare_ledger_restored();
        }
    }

    /// A link said that its ledger went back: declared in the book, and every link is made again.
    fn notice_ledger(&mut self) {
        if !self.his.up {
            return;
        }
        self.unnoticed = false;
        self.declare_ledger_restored();
        if self.his.up {
            self.begin_anew();
        }
    }

    pub(crate) fn reconnect(&mut self, desk: usize) {
        let Some(line) = self.lines.get_mut(desk).filter(|line| !line.up) else { return };
        line.up = true;
        let stale = [crate::line::Way::Down, crate::line::Way::Up].map(|way| (way, line.waiting(way)));
        for (way, at) in stale {
            if let Some(at) = at {
                self.at(at, Event::Arrive(desk, way));
            }
        }
        self.feed(Node::His(desk), Input::Opened);
        self.feed(Node::Pos(desk), Input::Opened);
    }

    /// From now on nothing breaks any more.
    fn peace(&mut self) {
        self.people.closing = true;
        self.plan.slow_connects = 0;
        self.plan.dead_connects = 0;
        self.plan.lost_requests = 0;
        self.plan.late_requests = 0;
        self.plan.lost_answers = 0;
        self.plan.platform_errors = 0;
        for machine in [Machine::His, Machine::Pos(0), Machine::Pos(1)] {
            let now = self.now;
            let host = self.host_mut(machine);
            host.dies_in = None;
            host.storage_fails = false;
            host.frozen_until = host.frozen_until.min(now);
            self.after(1, Event::Start(machine));
        }
        for desk in 0..DESKS {
            if let Some(line) = self.lines.get_mut(desk) {
                line.noise = Noise::default();
            }
            self.after(1, Event::Reconnect(desk));
        }
    }
}
