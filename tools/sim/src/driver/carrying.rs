//! Carrying out what programs want, as links' outputs are carried out, and hearing what they tell.

use hispos::book::{Row, RowKey, Table};
use hispos::ids::OrderNo;
use hispos::ledger::OrderView;
use hispos::link::{LoadId, PersistId};
use serde_json::Value;

use super::answer::Out;
use super::members::{Members, checked, number, text};
use super::peers::{node, place};
use crate::nodes::{Machine, Node};
use crate::plan::Fault;
use crate::refusals;
use crate::world::{Event, World};

impl World {
    /// Carries out what a program wants, until it wants nothing more now.
    pub(crate) fn drain_driven(&mut self, of: Node) {
        let machine = of.machine();
        let own = place(of);
        let desks = match machine {
            // Links of a program with one book wait together, and go on together.
            Machine::His if self.peers.keeps_book(machine) => 0..crate::site::DESKS,
            _ => own..own.saturating_add(1),
        };
        for _ in 0..10_000 {
            let next = self.peers.seat(machine).and_then(|seat| seat.pop(desks.clone()));
            let Some((desk, out)) = next else {
                return self.wake_driven(machine, desks);
            };
            if self.peers.fault.is_some() || self.carry_out(machine, desk, out) {
                return;
            }
        }
        self.see(crate::history::Fact::Spins(format!("{of:?} has outputs without end")));
    }

    /// The world learns when links have something to do.
    fn wake_driven(&mut self, machine: Machine, desks: std::ops::Range<usize>) {
        for desk in desks {
            let seat = self.peers.seat(machine);
            let wake = seat.and_then(|seat| seat.wakes.get_mut(desk)).and_then(Option::take);
            if let Some(at) = wake {
                self.observed.rests(node(machine, desk));
                self.wake(node(machine, desk), at);
            }
        }
    }

    /// Carries out one output; `true` if the program died.
    fn carry_out(&mut self, machine: Machine, desk: usize, out: Out) -> bool {
        let of = node(machine, desk);
        match out {
            Out::Rows(id, batch) => return self.persist(of, PersistId(id), batch),
            Out::Load(id, query) => self.ask_store(of, LoadId(id), query),
            Out::Transmit(bytes) => return self.transmit(of, bytes),
            Out::Ask(ask) => {
                if let Machine::Pos(desk) = machine {
                    self.observed.asked(desk, &ask);
                    self.connect(desk, *ask);
                }
            }
            Out::Event(name, members) => {
                if let Err(why) = self.said(of, &name, &members) {
                    let seed = self.peers.seed;
                    let fault =
                        format!("seed {seed}, at {} ms of the life: {of:?} told {name}: {why}", self.age());
                    self.peers.fault = Some(fault);
                }
                // What it told may have stopped it.
                return !self.host(machine).up;
            }
            Out::Records(..) | Out::Close => {}
        }
        false
    }

    fn said(&mut self, of: Node, name: &str, members: &Members) -> Result<(), String> {
        if !matches!(name, "progress" | "totals" | "merchant") {
            self.note(|| format!("{of:?}  {}", Value::Object(members.clone())));
        }
        match of {
            Node::His(desk) => self.his_said(desk, name, members),
            Node::Pos(desk) => self.pos_said(desk, name, members),
        }
    }

    fn his_said(&mut self, desk: usize, name: &str, members: &Members) -> Result<(), String> {
        match name {
            "made" => {
                let order = self.told_order(members)?;
                self.made(desk, number(members, "ticket")?, &order);
            }
            "refused" => {
                self.order_refused(number(members, "ticket")?, refusals::told(text(members, "why")?))
            }
            "ended" => {
                let order = self.told_order(members)?;
                self.ended(&order);
            }
            "changed" => {
                let order = self.told_order(members)?;
                self.refresh_others(desk, &order);
            }
            "alarm" => {
                self.summary.alarms += 1;
                if text(members, "alarm")? == "ledger_went_back" {
                    self.after(0, Event::Fault(Fault::NoticeLedger));
                }
            }
            "session_up" => self.summary.sessions += 1,
            _ => {}
        }
        Ok(())
    }

    fn pos_said(&mut self, desk: usize, name: &str, members: &Members) -> Result<(), String> {
        match name {
            "accepted" => {
                let amount =
                    members.get("amount").and_then(Value::as_i64).ok_or("amount is no signed number")?;
                if amount > 0 {
                    self.accepted(desk);
                }
            }
            "alarm" if text(members, "alarm")? == "journal_went_back" => self.journal_went_back(desk),
            _ => {}
        }
        Ok(())
    }

    /// The order of an event: its ledger durably holds it.
    fn told_order(&self, members: &Members) -> Result<OrderView, String> {
        let order_no: OrderNo = checked(members, "order_no")?;
        let row: Row = self.his.book.row(&RowKey::new(Table::Order, order_no.as_str()));
        OrderView::read(&row).ok_or_else(|| format!("{order_no} is not in the ledger"))
    }

    /// A command was not begun.
    pub(crate) fn command_refused(&mut self, ticket: u64, why: &str) {
        match refusals::told(why) {
            _ if ticket == 0 => {}
            why if refusals::finds_no_session(why) => self.try_again(ticket),
            why => self.order_refused(ticket, why),
        }
    }
}
