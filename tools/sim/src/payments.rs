//! The network between the payment adapter of a terminal and the platforms: asks out, verdicts in.

use hispos::book::{RowKey, Table};
use hispos::ids::PlatformNumber;
use hispos::journal::PosOrderView;
use hispos::link::Input;
use hispos::platform::{Ask, Proof, Request, Verdict};
use hispos::time::Instant;

use crate::acts::Act;
use crate::adapter;
use crate::history::{Fact, Moving};
use crate::mutants;
use crate::nodes::{Machine, Node};
use crate::plan::{Fault, Strike};
use crate::platform::unix;
use crate::script::Passage;
use crate::site;
use crate::words;
use crate::world::{Event, World};

impl World {
    /// Connected: the clock is read again just before the first byte.
    pub(crate) fn write_ask(&mut self, desk: usize, epoch: u32, ask: Ask) {
        let machine = Machine::Pos(desk);
        if self.host(machine).epoch != epoch || !self.host(machine).up {
            return;
        }
        let ask = mutants::asked(self.mutant, ask);
        let now = self.clock(machine).now;
        let connects = !self.chance.in_thousand(self.plan.dead_connects);
        if let Some(verdict) = adapter::unwritten(&ask, connects, now) {
            return self.answer(desk, epoch, verdict);
        }
        self.see_written(desk, &ask);
        if self.say_unasked(desk, epoch, &ask, now) {
            return;
        }
        self.strike_at_write(desk, &ask);
        let passage = self.passage(&ask);
        if let Some(proof) = passage.instead {
            let verdict = said(&ask, proof, now, self.age());
            return self.come_back(desk, epoch, passage.back, Some(verdict));
        }
        let back = passage.back.zip(passage.there).filter(|(back, there)| there + back < ask.http_ms);
        if back.is_none() {
            let given_up = adapter::unanswered(&ask, now, now.after(ask.http_ms));
            self.come_back(desk, epoch, Some(ask.http_ms), given_up);
        }
        if let Some(there) = passage.there {
            let back = back.map(|(back, _)| back);
            self.after(there, Event::AtPlatform(desk, epoch, Box::new(ask), now, back));
        }
    }

    /// A mutant's adapter: `true` if it answers without asking. It may also send what nobody asked for.
    fn say_unasked(&mut self, desk: usize, epoch: u32, ask: &Ask, now: Instant) -> bool {
        let order_no = number(ask).and_then(|number| number.order_no());
        let row = order_no.map(|order_no| RowKey::new(Table::Order, order_no.as_str()));
        let row = row.map(|key| self.host(Machine::Pos(desk)).book.row(&key));
        let order = row.and_then(|row| PosOrderView::read(&row));
        let device = site::device_id(desk).ok();
        let own =
            order.as_ref().is_some_and(|order| device.is_some_and(|own| own.as_str() == order.device_id));
        let amount = order.as_ref().map_or(0, |order| order.amount.magnitude());
        if let Some(request) = mutants::beside(self.mutant, ask, own, amount) {
            let sent = Ask { request, ..ask.clone() };
            self.see_written(desk, &sent);
            let age = self.age();
            let (_, money) = self.platform.arrive(&sent, age, &mut self.chance);
            self.see_money(money);
        }
        let Some(proof) = mutants::unasked(self.mutant, ask, order.as_ref()) else { return false };
        let verdict = said(ask, proof, now, self.age());
        self.come_back(desk, epoch, Some(1), Some(verdict));
        true
    }

    /// What the network does with a request.
    fn passage(&mut self, ask: &Ask) -> Passage {
        let age = self.age();
        if let Some(network) = self.script.network.as_mut() {
            return network(ask, age);
        }
        let moves = moving(ask).is_some();
        let lost = self.chance.in_thousand(self.plan.lost_requests);
        let late = moves && self.chance.in_thousand(self.plan.late_requests);
        // A network may hold a request back, yet not longer than the fence.
        let most = self.plan.timers.fence / 4;
        let there = if late { self.chance.between(5_000, most) } else { self.chance.between(10, 250) };
        let back = self.chance.between(10, 250);
        let silent = self.chance.in_thousand(self.plan.lost_answers);
        Passage { there: (!lost).then_some(there), back: (!silent).then_some(back), instead: None }
    }

    fn see_written(&mut self, desk: usize, ask: &Ask) {
        let (Some(moving), Some(number)) = (moving(ask), number(ask)) else { return };
        let Ok(device) = site::device_id(desk) else { return };
        self.summary.writes += 1;
        self.note(|| format!("Pos({desk})  writes {moving:?} {number}"));
        self.see(Fact::Written { device, number, moving });
    }

    /// Some lives have faults just behind the first byte of a request that moves money.
    fn strike_at_write(&mut self, desk: usize, ask: &Ask) {
        let Some(strike) = self.plan.at_write.filter(|_| moving(ask).is_some()) else { return };
        if self.plan.peace_at <= self.age() || !self.chance.in_thousand(500) {
            return;
        }
        let only = match strike {
            Strike::KillsRefund => Some(Moving::Refund),
            Strike::KillsReverse => Some(Moving::Reverse),
            _ => None,
        };
        if only.is_some() && moving(ask) != only {
            return;
        }
        let wait = self.chance.between(0, 400);
        let back = self.chance.between(1, 3);
        let fault = match strike {
            Strike::Kills | Strike::KillsRefund | Strike::KillsReverse => Fault::Killed(Machine::Pos(desk)),
            Strike::KillsHis => {
                let order_no = number(ask).and_then(|number| number.order_no());
                for after in [9_000, 15_000, 25_000] {
                    let look = order_no.clone().map(|order_no| Event::Act(Act::LookElsewhere(order_no)));
                    look.into_iter().for_each(|look| self.after(after, look));
                }
                self.after(0, Event::Fault(Fault::Cut(desk, 100_000, false)));
                Fault::Killed(Machine::His)
            }
            Strike::JournalBack(reboots) => Fault::JournalBack(desk, back, reboots),
            Strike::JournalLost => Fault::JournalLost(desk),
        };
        self.after(wait, Event::Fault(fault));
    }

    /// A request is there.
    pub(crate) fn at_platform(
        &mut self,
        desk: usize,
        epoch: u32,
        ask: &Ask,
        first_byte: Instant,
        back: Option<u64>,
    ) {
        let age = self.age();
        let known = self.platform.due.len();
        let trouble = self.chance.in_thousand(self.plan.platform_errors);
        if trouble && matches!(ask.request, Request::Query | Request::QueryRefund { .. } | Request::Verify) {
            let reply = words::TROUBLE.by(ask.merchant.channel);
            return self.come_back(desk, epoch, back, adapter::judged(ask, reply, first_byte, age));
        }
        let (reply, money) = self.platform.arrive(ask, age, &mut self.chance);
        self.platform_changed();
        self.see_money(money);
        let later: Vec<u64> = self.platform.due.iter().skip(known).map(|(at, _)| *at).collect();
        for at in later {
            self.after(at.saturating_sub(age), Event::Effects);
        }
        let verdict = adapter::judged(ask, reply, first_byte, age);
        if self.trace.is_some() && !matches!(ask.request, Request::Verify) {
            let shown = ask.number.as_ref().map_or_else(String::new, ToString::to_string);
            let proof = verdict.as_ref().map(|verdict| verdict.proof.clone());
            self.note(|| format!("platform  {} {shown}: {proof:?}", name(&ask.request)));
        }
        self.come_back(desk, epoch, back, verdict);
    }

    fn come_back(&mut self, desk: usize, epoch: u32, back: Option<u64>, verdict: Option<Verdict>) {
        if let (Some(back), Some(verdict)) = (back, verdict) {
            self.after(back, Event::Answer(desk, epoch, Box::new(verdict)));
        }
    }

    /// An answer, or its absence, reaches the terminal.
    pub(crate) fn answer(&mut self, desk: usize, epoch: u32, mut verdict: Verdict) {
        let machine = Machine::Pos(desk);
        if self.host(machine).epoch != epoch || !self.host(machine).up {
            return;
        }
        verdict.ended = self.clock(machine).now;
        let verdict = mutants::verdict(self.mutant, verdict);
        self.feed(Node::Pos(desk), Input::Verdict(verdict));
    }

    /// What platforms do later.
    pub(crate) fn effects(&mut self) {
        let age = self.age();
        let due = std::mem::take(&mut self.platform.due);
        let (now, later): (Vec<_>, Vec<_>) = due.into_iter().partition(|(at, _)| *at <= age);
        self.platform.due = later;
        for (_, effect) in now {
            let money = self.platform.happen(&effect, age);
            self.see_money(money);
        }
        self.platform_changed();
    }
}

fn moving(ask: &Ask) -> Option<Moving> {
    match ask.request {
        Request::Pay { .. } => Some(Moving::Pay),
        Request::Reverse => Some(Moving::Reverse),
        Request::Refund { .. } => Some(Moving::Refund),
        Request::Verify | Request::Query | Request::QueryRefund { .. } => None,
    }
}

fn number(ask: &Ask) -> Option<PlatformNumber> {
    match &ask.request {
        Request::Refund { refund, .. } => Some(refund.clone()),
        _ => ask.number.clone(),
    }
}

fn name(request: &Request) -> &'static str {
    match request {
        Request::Verify => "verify",
        Request::Query => "query",
        Request::Pay { .. } => "pay",
        Request::Reverse => "reverse",
        Request::Refund { .. } => "refund",
        Request::QueryRefund { .. } => "query of a refund",
    }
}

/// What no platform has said: an answer of a script or of a mutant's adapter.
fn said(ask: &Ask, proof: Proof, first_byte: Instant, age: u64) -> Verdict {
    Verdict {
        id: ask.id,
        proof,
        provider_code: "SAID".into(),
        date: Some(unix(age)),
        first_byte: Some(first_byte),
        ended: first_byte,
        answered: true,
    }
}
