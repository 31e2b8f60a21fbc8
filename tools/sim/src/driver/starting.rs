//! Starting programs: what they are given.

use hispos::ids::BookId;
use hispos::ledger;
use hispos::time::{Clock, UnixSeconds};
use serde_json::{Value, json};

use super::books::records_line;
use super::members::hex;
use super::peers::node;
use crate::book::MemoryBook;
use crate::nodes::Machine;
use crate::rng::Rng;
use crate::site::{self, DESKS, SiteError};
use crate::world::World;

impl World {
    /// The program of somebody else starts.
    pub(crate) fn start_driven(&mut self, machine: Machine) {
        let own = self.peers.keeps_book(machine);
        let desks = match machine {
            Machine::His => 0..DESKS,
            Machine::Pos(desk) => desk..desk.saturating_add(1),
        };
        let randoms: Vec<[u8; 32]> = desks.clone().map(|_| self.random(machine)).collect();
        let book = self.book_line(machine, own);
        let line = self.start_line(machine, &desks, &randoms, book);
        let Ok(mut line) = line else { return };
        let restored = self.peers.seat(machine).and_then(|seat| {
            seat.dies();
            seat.about = if seat.restored.is_some() { "restored" } else { "start" };
            seat.restored.take()
        });
        if let (Some(line), Some(id)) = (line.as_object_mut(), restored) {
            line.insert("restored".into(), json!(hex(id.as_bytes())));
        }
        for place in 0..desks.len() {
            self.heard.made(node(machine, place));
            self.observed.began(node(machine, place));
        }
        self.deliver(machine, None, line, 0);
        for place in 0..desks.len() {
            self.open(node(machine, place));
            self.drain(node(machine, place));
        }
    }

    /// 32 bytes for a link to draw from.
    pub(crate) fn random(&mut self, machine: Machine) -> [u8; 32] {
        let stream = if machine == Machine::His { "his" } else { "pos" };
        Rng::new(self.secrets.draw(), stream).bytes()
    }

    /// Most sites are older than the days for which a new ledger searches.
    pub(crate) fn age_ledger(&mut self) {
        if !self.plan.old_site || self.his.epoch != 1 || self.his.book.records() != 1 {
            return;
        }
        let clock = self.clock(Machine::His);
        let unix = clock.unix.map(|unix| UnixSeconds(unix.0.saturating_sub(10 * 86_400)));
        let born = ledger::born(self.site.agreement.terms().site_id.as_str(), Clock { unix, ..clock });
        self.commit_now("start", born);
    }

    /// The book that a program is given. One of which only the first record was made is its own to begin.
    fn book_line(&mut self, machine: Machine, own: bool) -> Value {
        let known = self.host(machine).book.anchor().book;
        let fresh = self.host(machine).book.records() <= 1;
        let Some(seat) = self.peers.seat(machine).filter(|_| own) else {
            return json!({"id": hex(known.as_bytes()), "records": []});
        };
        if !fresh || seat.restored.is_some() {
            seat.new_book = None;
            let records = records_line(&self.host(machine).book, 1);
            return json!({"id": hex(known.as_bytes()), "records": records});
        }
        let id = if self.host(machine).book.records() == 0 {
            self.peers.seat(machine).and_then(|seat| seat.new_book).unwrap_or(known)
        } else {
            known
        };
        if let Some(seat) = self.peers.seat(machine) {
            seat.new_book = Some(id);
        }
        self.host_mut(machine).book = MemoryBook::default();
        json!({"id": hex(id.as_bytes()), "records": []})
    }

    fn start_line(
        &self,
        machine: Machine,
        desks: &std::ops::Range<usize>,
        randoms: &[[u8; 32]],
        book: Value,
    ) -> Result<Value, SiteError> {
        let is_his = machine == Machine::His;
        let kind = if is_his { site::TERMINAL } else { site::DEVICE };
        let links = desks.clone().zip(randoms).map(|(desk, random)| {
            Ok(json!({
                "device_id": site::device_id(desk)?.as_str(),
                "terminal_id": site::terminal_id(desk)?.as_str(),
                "seed": hex(site::seed(kind, desk).expose()),
                "random": hex(random),
            }))
        });
        let merchants = self.site.merchants.iter().map(|merchant| {
            json!({
                "channel": merchant.channel.code(),
                "account": merchant.account,
                "sub_account": merchant.sub_account,
                "simulated": merchant.simulated,
            })
        });
        let mut line = json!({
            "do": "start",
            "life": self.peers.seed,
            "boot": hex(&self.host(machine).boot),
            "software": "sim 1",
            "agreements": [hex(self.site.agreement.payload())],
            "devices": hex(self.site.devices.payload()),
            "terminals": hex(self.site.terminals.payload()),
            "desks": links.collect::<Result<Vec<_>, SiteError>>()?,
            "book": book,
        });
        if let Some(line) = line.as_object_mut() {
            if is_his {
                line.insert("site_secret".into(), json!(hex(site::seed(site::SITE_SECRET, 0).expose())));
            } else {
                line.insert("merchants".into(), merchants.collect());
            }
        }
        Ok(line)
    }

    /// A restore of a book that its program keeps itself is declared while the program is stopped; `false`: the store
    /// keeps it.
    pub(crate) fn declare_driven(&mut self, machine: Machine, id: BookId) -> bool {
        if !self.peers.keeps_book(machine) {
            return false;
        }
        self.kill(machine);
        if let Some(seat) = self.peers.seat(machine) {
            seat.restored = Some(id);
        }
        self.note(|| format!("{machine:?}  a restore is declared for its next start"));
        true
    }

    /// Somebody stops the terminal's program and declares the restore of its journal.
    pub(crate) fn notice_journal(&mut self, desk: usize) {
        let machine = Machine::Pos(desk);
        self.host_mut(machine).called = false;
        if self.peers.keeps_book(machine) {
            let id = BookId::from_bytes(self.chance.bytes());
            self.declare_driven(machine, id);
        } else {
            self.declare_journal_restored(desk);
        }
    }

    /// The ledger of a HIS went back while its program runs: its links begin anew.
    pub(crate) fn begin_anew(&mut self) {
        self.his.pending.clear();
        self.his.epoch = self.his.epoch.saturating_add(1);
        if self.is_driven(Machine::His) {
            return self.start_driven(Machine::His);
        }
        let clock = self.clock(Machine::His);
        for desk in 0..DESKS {
            if let Some(Some(link)) = self.his_links.get_mut(desk) {
                link.close(clock);
            }
            self.make_his_link(desk);
        }
    }
}
