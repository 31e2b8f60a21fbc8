//! Cashiers at two windows, and patients at two terminals.

use hispos::amount::Amount;
use hispos::book::{RowKey, Table};
use hispos::ids::OperatorId;
use hispos::ledger::{self, OrderView};
use hispos::link::his::{HisAlarm, HisOrderEvent, NewCollect, NewRefund};
use hispos::link::pos::{OrderEvent, PosAlarm};
use hispos::link::{HisEvent, PosEvent};
use hispos::platform::{Channel, PaymentCode};
use serde_json::json;

use crate::acts::{Act, BILLS, DAY, any_desk, bill_key};
use crate::causes::Stimulus;
use crate::driver::Telling;
use crate::nodes::{Machine, Node};
use crate::plan::Fault;
use crate::refusals;
use crate::script::Told;
use crate::site::{self, DESKS};
use crate::wishes::Wish;
use crate::world::{Event, World};

impl World {
    /// The day begins.
    pub(crate) fn open_windows(&mut self) {
        for _ in 0..self.plan.collects {
            let rng = &mut self.people.rng;
            let at = rng.between(4_000, self.plan.business_ms);
            let desk = any_desk(rng);
            let bill = usize::try_from(rng.between(0, (BILLS - 1) as u64)).unwrap_or(0);
            self.after(at, Event::Act(Act::Collect(desk, bill, 20)));
        }
        if self.people.rng.in_thousand(300) {
            let at = self.people.rng.between(4_000, self.plan.business_ms);
            // Two windows take the same bill at the same moment.
            for desk in 0..DESKS {
                self.after(at, Event::Act(Act::Collect(desk, 0, 20)));
            }
        }
        let at = self.people.rng.between(30_000, 300_000);
        self.after(at, Event::Act(Act::Pull(0)));
    }

    /// A person does something.
    pub(crate) fn act(&mut self, act: Act) {
        match act.clone() {
            Act::Scan(desk) => self.scan(desk),
            Act::LookAfter => self.look_after(),
            Act::Post(order_no) => {
                let line = json!({"do": "posted", "order_no": order_no.as_str()});
                if self.his.up && self.decide_driven(line, "posted") {
                    return;
                }
                let row = self.his.book.row(&RowKey::new(Table::Order, order_no.as_str()));
                if self.his.up
                    && let Ok(batch) = ledger::posted(&row)
                {
                    self.commit_now("posted", batch);
                }
            }
            Act::LookElsewhere(order_no) => self.look_elsewhere(&order_no),
            Act::Collect(desk, bill, _)
                if !self.people.closing || self.people.again.contains(&bill_key(bill)) =>
            {
                let ticket = self.ticket(act);
                let amount = Amount::from_fen(1_234 + 100 * i64::try_from(bill).unwrap_or(0));
                let Ok(amount) = amount else { return };
                let new = NewCollect { ticket, bill: bill_key(bill), amount, business_day: DAY };
                self.command(desk, ticket, Wish::Collect(new));
            }
            Act::Refund(desk, order_no, fen, _) if !self.people.closing => {
                let ticket = self.ticket(act);
                let (Ok(amount), Ok(operator), Ok(approver)) = (
                    Amount::from_fen(fen.saturating_neg()),
                    OperatorId::try_from("op-1"),
                    OperatorId::try_from("op-2"),
                ) else {
                    return;
                };
                let item = if fen % 2 == 0 { "x-ray" } else { "" };
                let new = NewRefund {
                    ticket,
                    order_no,
                    item: item.into(),
                    amount,
                    operator,
                    approver,
                    reason: "twice".into(),
                    business_day: DAY,
                };
                self.command(desk, ticket, Wish::Refund(new));
            }
            Act::Cancel(desk, order_no) => {
                self.command(desk, 0, Wish::Cancel(order_no));
            }
            Act::Query(desk, order_no) => {
                self.command(desk, 0, Wish::Query(order_no));
            }
            Act::Pull(desk) => {
                self.command(desk, 0, Wish::Pull);
                self.command(desk, 0, Wish::Totals(DAY));
            }
            Act::Collect(..) | Act::Refund(..) => {}
        }
    }

    fn ticket(&mut self, act: Act) -> u64 {
        self.people.next_ticket = self.people.next_ticket.saturating_add(1);
        self.people.tickets.insert(self.people.next_ticket, act);
        self.people.next_ticket
    }

    pub(crate) fn command(&mut self, desk: usize, ticket: u64, wish: Wish) {
        if !self.his.up {
            return self.try_again(ticket);
        }
        if self.is_driven(Machine::His) {
            self.tell(Node::His(desk), Telling::Command(wish.line(), ticket));
            return self.drain(Node::His(desk));
        }
        let clock = self.clock(Machine::His);
        self.observed.told(Node::His(desk), Stimulus::Person);
        let Some(link) = self.his_links.get_mut(desk).and_then(Option::as_mut) else { return };
        let refused = wish.command(link, clock).is_err();
        if refused {
            self.try_again(ticket);
        }
        self.drain(Node::His(desk));
    }

    /// A cashier tries again what could not be begun.
    pub(crate) fn try_again(&mut self, ticket: u64) {
        let again = match self.people.tickets.remove(&ticket) {
            Some(Act::Collect(desk, bill, left)) if left > 0 => Act::Collect(desk, bill, left - 1),
            Some(Act::Refund(desk, order_no, fen, left)) if left > 0 => {
                Act::Refund(desk, order_no, fen, left - 1)
            }
            _ => return,
        };
        let wait = self.people.rng.between(3_000, 20_000);
        self.after(wait, Event::Act(again));
    }

    /// A patient: any code, right or wrong, for one of the channels.
    fn scan(&mut self, desk: usize) {
        let clock = self.clock(Machine::Pos(desk));
        if !self.pos.get(desk).is_some_and(|pos| pos.up) {
            return;
        }
        self.people.next_code = self.people.next_code.saturating_add(1);
        let mut digits = format!("1300000000{:08}", self.people.next_code);
        let rng = &mut self.people.rng;
        let story = self.plan.story(rng);
        if rng.in_thousand(20) {
            digits = format!("1300000000{:08}", self.people.next_code.saturating_sub(1).max(1));
        }
        let channel = rng.pick(&Channel::ALL, Channel::Wechat);
        self.platform.code(&digits, story);
        self.note(|| format!("patient  scans {} at {desk}: {story:?}", channel.name()));
        if self.is_driven(Machine::Pos(desk)) {
            let line = json!({"do": "scan", "channel": channel.code(), "code": digits});
            let line = line.as_object().cloned().unwrap_or_default();
            self.tell(Node::Pos(desk), Telling::Command(line, 0));
            return self.drain(Node::Pos(desk));
        }
        self.observed.told(Node::Pos(desk), Stimulus::Person);
        if let Some(Some(link)) = self.pos_links.get_mut(desk) {
            let _ = link.scan(channel, PaymentCode::new(digits), clock);
        }
        self.drain(Node::Pos(desk));
    }

    /// What a window shows its cashier.
    pub(crate) fn his_event(&mut self, desk: usize, event: HisEvent) {
        self.keep_told(|| Told::His(desk, event.clone()));
        if !matches!(event, HisEvent::Progress(_) | HisEvent::Totals { .. }) {
            self.note(|| format!("His({desk})  {}", shown(&event)));
        }
        match event {
            HisEvent::Order(HisOrderEvent::Made { ticket, order }) => self.made(desk, ticket, &order),
            HisEvent::Order(HisOrderEvent::Refused { ticket, why }) => {
                self.order_refused(ticket, refusals::of_order(&why));
            }
            HisEvent::Order(HisOrderEvent::Ended(order)) => self.ended(&order),
            HisEvent::Order(HisOrderEvent::Changed(order)) => self.refresh_others(desk, &order),
            HisEvent::Order(HisOrderEvent::Alarm(HisAlarm::LedgerWentBack)) => {
                self.summary.alarms += 1;
                self.after(0, Event::Fault(Fault::NoticeLedger));
            }
            HisEvent::Order(HisOrderEvent::Alarm(_)) => self.summary.alarms += 1,
            HisEvent::SessionUp { .. } => self.summary.sessions += 1,
            _ => {}
        }
    }

    /// No order was made.
    pub(crate) fn order_refused(&mut self, ticket: u64, why: &'static str) {
        *self.summary.refusals.entry(why).or_default() += 1;
        let known = refusals::knows_the_bill(why);
        if let Some(Act::Collect(_, bill, _)) = self.people.tickets.get(&ticket).filter(|_| known) {
            self.people.again.remove(&bill_key(*bill));
        }
        if refusals::passes(why) {
            self.try_again(ticket);
        }
    }

    pub(crate) fn made(&mut self, desk: usize, ticket: u64, order: &OrderView) {
        self.people.tickets.remove(&ticket);
        self.people.again.remove(&order.bill);
        self.summary.orders += 1;
        let lease = self.his.world(hispos::time::Instant(order.leased_until));
        let timers = self.plan.timers;
        let act_by = lease.saturating_sub(timers.drift);
        self.see(crate::history::Fact::Made {
            order: Box::new(order.clone()),
            start_by: act_by.saturating_sub(timers.act).saturating_sub(crate::host::BIRTH),
            act_by: act_by.saturating_sub(crate::host::BIRTH),
        });
        if self.people.rng.in_thousand(self.plan.cancels) {
            let wait = self.people.rng.between(0, 120_000);
            self.after(wait, Event::Act(Act::Cancel(desk, order.order_no.clone())));
        }
        if self.plan.at_made && self.people.rng.in_thousand(300) && !self.people.closing {
            let (wait, records) = (self.people.rng.between(10, 40_000), self.people.rng.between(2, 12));
            self.after(wait, Event::Fault(Fault::LedgerBack(records, true)));
            // The patient is sent to the other window.
            let bill = order.bill.rsplit('-').next().and_then(|bill| bill.parse().ok()).unwrap_or(0);
            self.after(wait + 9_000, Event::Act(Act::Collect(1 - desk.min(1), bill, 20)));
        }
        if self.people.rng.in_thousand(self.plan.looks) {
            for _ in 0..3 {
                let wait = self.people.rng.between(5_000, 150_000);
                self.after(wait, Event::Act(Act::LookElsewhere(order.order_no.clone())));
            }
        }
        if self.people.rng.in_thousand(200) {
            let wait = self.people.rng.between(0, 60_000);
            self.after(wait, Event::Act(Act::Query(desk, order.order_no.clone())));
        }
    }

    /// A cashier goes on after an order's end.
    pub(crate) fn ended(&mut self, order: &OrderView) {
        self.summary.ended(order);
        self.refresh_others(usize::MAX, order);
        let rng = &mut self.people.rng;
        let desk = any_desk(rng);
        match order.state {
            "not_paid" if rng.in_thousand(600) => {
                let bill = order.bill.rsplit('-').next().and_then(|bill| bill.parse().ok()).unwrap_or(0);
                let wait = rng.between(5_000, 30_000);
                self.after(wait, Event::Act(Act::Collect(desk, bill, 5)));
            }
            "paid" if rng.in_thousand(self.plan.refunds) => {
                let whole = order.amount.map_or(0, |amount| amount.fen());
                let fen =
                    if rng.in_thousand(500) { whole } else { whole / 2 + i64::from(rng.in_thousand(500)) };
                let wait = rng.between(1_000, 60_000);
                let both = rng.in_thousand(200);
                self.after(wait, Event::Act(Act::Refund(desk, order.order_no.clone(), fen, 5)));
                if both {
                    self.after(
                        wait,
                        Event::Act(Act::Refund(1 - desk.min(1), order.order_no.clone(), fen, 5)),
                    );
                }
                // Another item of the bill.
                let other = fen.saturating_sub(1).max(1);
                self.after(wait + 61_000, Event::Act(Act::Refund(desk, order.order_no.clone(), other, 5)));
            }
            _ => {}
        }
        if matches!(order.state, "paid" | "refunded") {
            self.after(50, Event::Act(Act::Post(order.order_no.clone())));
        }
    }

    /// The program tells the other links that an order's row has changed.
    pub(crate) fn refresh_others(&mut self, desk: usize, order: &OrderView) {
        let clock = self.clock(Machine::His);
        for other in (0..DESKS).filter(|other| *other != desk) {
            let own = site::device_id(other).ok();
            let asked = own.as_ref().is_some_and(|own| order.devices.iter().any(|of| of == own.as_str()));
            if (own == order.device_id || asked) && self.is_driven(Machine::His) {
                let line = json!({"do": "refresh", "order_no": order.order_no.as_str()});
                let line = line.as_object().cloned().unwrap_or_default();
                self.refresh_driven(other, line);
            } else if (own == order.device_id || asked)
                && let Some(Some(link)) = self.his_links.get_mut(other)
            {
                link.refresh(&order.order_no, clock);
                self.observed.told(Node::His(other), Stimulus::Time);
                self.wake(Node::His(other), Some(clock.now));
            }
        }
    }

    /// What a terminal shows.
    pub(crate) fn pos_event(&mut self, desk: usize, event: PosEvent) {
        self.keep_told(|| Told::Pos(desk, event.clone()));
        if !matches!(event, PosEvent::Order(OrderEvent::Progress(_) | OrderEvent::Merchant { .. })) {
            self.note(|| format!("Pos({desk})  {event:?}"));
        }
        match event {
            PosEvent::Order(OrderEvent::Accepted { amount, .. }) if amount.fen() > 0 => self.accepted(desk),
            PosEvent::Order(OrderEvent::Alarm(PosAlarm::JournalWentBack)) => self.journal_went_back(desk),
            _ => {}
        }
    }

    /// The patient of a collect looks for a code.
    pub(crate) fn accepted(&mut self, desk: usize) {
        if self.people.closing {
            return;
        }
        let rng = &mut self.people.rng;
        if rng.in_thousand(850) {
            let wait =
                if rng.in_thousand(150) { rng.between(70_000, 91_000) } else { rng.between(500, 40_000) };
            let twice = rng.in_thousand(120);
            self.after(wait, Event::Act(Act::Scan(desk)));
            if twice {
                self.after(wait + 400, Event::Act(Act::Scan(desk)));
            }
        }
    }

    /// A terminal has noticed that its journal is an older copy. It goes on, and somebody comes later.
    pub(crate) fn journal_went_back(&mut self, desk: usize) {
        self.summary.alarms += 1;
        self.replaced.iter_mut().skip(desk).take(1).for_each(|replaced| *replaced = false);
        if !crate::mutants::believes_anchor(self.mutant)
            && !std::mem::replace(&mut self.host_mut(Machine::Pos(desk)).called, true)
        {
            let wait = self.chance.between(30_000, 120_000);
            self.after(wait, Event::Fault(Fault::NoticeJournal(desk)));
        }
    }
}

fn shown(event: &HisEvent) -> String {
    match event {
        HisEvent::Order(HisOrderEvent::Made { order, .. }) => {
            format!("made {} for {}", order.order_no, order.bill)
        }
        HisEvent::Order(HisOrderEvent::Ended(order)) => {
            format!("ended {} {} {}", order.order_no, order.state, order.status)
        }
        HisEvent::Order(HisOrderEvent::Changed(order)) => {
            format!("changed {} {}", order.order_no, order.state)
        }
        other => format!("{other:?}"),
    }
}
