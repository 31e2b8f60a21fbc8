//! What the link tells, told on; and what the desk commands, commanded.

use hispos::error::Refusal;
use hispos::link::HisEvent;
use hispos::link::his::{HisAlarm, HisOrderEvent, NewCollect, NewRefund, OrderRefusal};
use tokio::sync::oneshot;

use super::Driver;
use crate::api::types::Progress;
use crate::desk::view;
use crate::events::Happening;
use crate::ledger::LedgerError;
use crate::link::{Command, Make, NotMade};

impl Driver {
    /// Tells the desk and every listener what the link tells. Nothing in it is told before it is durable.
    pub(super) fn tell(&mut self, event: HisEvent) {
        match event {
            HisEvent::SessionUp { device_id, software, simulated } => {
                self.log.info(format_args!("{}: session with {device_id}, {software}", self.name));
                self.window.state.send_modify(|state| {
                    state.software = Some(software);
                    state.simulated = Some(simulated);
                    state.text = "being synchronised".into();
                });
            }
            HisEvent::Ready => {
                let blocked = self.blocked;
                self.change(|state| {
                    state.ready = !blocked;
                    state.silent = false;
                    state.text = if blocked { "the device is blocked at this site" } else { "" }.into();
                });
            }
            HisEvent::SessionDown { reason } => {
                for (_, answer) in self.totals.drain(..) {
                    drop(answer.send(Err(Refusal::NoSession)));
                }
                self.change(|state| {
                    state.ready = false;
                    state.text = format!("the session ended: {reason}");
                });
            }
            HisEvent::Silent => self.change(|state| state.silent = true),
            HisEvent::Order(event) => self.tell_order(event),
            HisEvent::Progress(progress) => {
                let progress = Progress {
                    order_no: progress.order_no.to_string(),
                    stage: progress.stage.name().to_owned(),
                    channel: progress.channel.map(|channel| channel.name().to_owned()),
                    money_unknown: progress.money_unknown,
                    seconds_left: progress.seconds_left,
                };
                self.heard_again();
                self.desk.tell_progress(progress.clone());
                self.publish(Happening::Progress(progress));
            }
            HisEvent::Rejected { order_no, code, why } => {
                let text = why.map_or_else(|| format!("code {code}"), |why| why.name().to_owned());
                self.log.warn(format_args!("{}: order {order_no} was refused: {text}", self.name));
                self.notice(code, &format!("order {order_no} was refused by the terminal: {text}"));
            }
            HisEvent::Totals { business_day: day, totals } => {
                let (window, shown) = (self.name.clone(), view::totals(&totals));
                // An asker that is gone needs no answer.
                for (_, answer) in self.totals.extract_if(.., |(asked, _)| *asked == day) {
                    drop(answer.send(Ok(totals.clone())));
                }
                self.publish(Happening::Totals { window, day, totals: shown });
            }
            HisEvent::Pulled => self.log.info(format_args!("{}: the device's orders are pulled", self.name)),
            HisEvent::DeviceNotice { code, text } => self.notice(code, &text),
            HisEvent::Line(event) => self.log.info(format_args!("{}: line: {event:?}", self.name)),
        }
    }

    fn tell_order(&mut self, event: HisOrderEvent) {
        match event {
            HisOrderEvent::Made { ticket, order } => {
                self.log.info(format_args!("{}: order {} made", self.name, order.order_no));
                self.answer(ticket, Ok(order.order_no.to_string()));
                self.publish(Happening::Order(view::of(&order)));
            }
            HisOrderEvent::Refused { ticket, why } => self.answer(ticket, Err(refused(&why))),
            HisOrderEvent::Ended(order) => {
                self.log.info(format_args!("{}: order {} ended: {}", self.name, order.order_no, order.state));
                self.heard_again();
                self.desk.tell_order(view::of(&order));
                self.publish(Happening::Order(view::of(&order)));
            }
            HisOrderEvent::Changed(order) => {
                self.desk.tell_order(view::of(&order));
                self.publish(Happening::Order(view::of(&order)));
            }
            HisOrderEvent::Alarm(alarm) => {
                let text = alarm_text(&alarm);
                self.log.error(format_args!("{}: {text}", self.name));
                self.publish(Happening::Alarm { window: self.name.clone(), text });
                if alarm == HisAlarm::LedgerWentBack {
                    self.went_back = true;
                }
            }
        }
    }

    /// Carries out what the desk wants.
    pub(super) async fn command(&mut self, command: Command) -> Result<(), LedgerError> {
        let now = self.now();
        // An asker that is gone needs no answer.
        match command {
            Command::Make(make, answer) => self.make(make, answer),
            Command::Cancel(order_no, answer) => drop(answer.send(self.link.cancel(&order_no, now))),
            Command::Query(order_no, answer) => drop(answer.send(self.link.query(&order_no, now))),
            Command::LookUp(order, answer) => drop(answer.send(self.link.look_up(&order, now))),
            Command::Refresh(order_no) => self.link.refresh(&order_no, now),
            Command::Totals(day, answer) => match self.link.totals(day, now) {
                Ok(()) => self.totals.push((day, answer)),
                Err(refusal) => drop(answer.send(Err(refusal))),
            },
            Command::Pull(answer) => drop(answer.send(self.link.pull(now))),
            Command::Provision => self.provision().await?,
            // The loop ends by it.
            Command::Close => {}
        }
        Ok(())
    }

    fn make(&mut self, make: Make, answer: oneshot::Sender<Result<String, NotMade>>) {
        self.last_ticket = self.last_ticket.saturating_add(1);
        let (ticket, now) = (self.last_ticket, self.now());
        if self.blocked {
            return drop(answer.send(Err(not_made("blocked", "the device is blocked at this site", true))));
        }
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST put into a core the business day of the moment at which it makes the order, by the rule
        //# of [provisioning.md](provisioning.md#the-business-day).
        let Some(business_day) = self.provisioned.business_day(now.unix) else {
            return drop(answer.send(Err(not_made("clock", "the machine has no trustworthy time", false))));
        };
        let asked = match make {
            Make::Collect { bill, amount } => {
                self.link.collect(NewCollect { ticket, bill, amount, business_day }, now)
            }
            Make::Refund { order_no, item, amount, operator, approver, reason, not_to_post } => {
                let new =
                    NewRefund { ticket, order_no, item, amount, operator, approver, reason, business_day };
                if not_to_post { self.link.refund_not_to_post(new, now) } else { self.link.refund(new, now) }
            }
        };
        match asked {
            Ok(()) => drop(self.tickets.insert(ticket, answer)),
            Err(refusal) => {
                let again = refusal == Refusal::NoSession;
                drop(answer.send(Err(not_made("link", &refusal.to_string(), again))));
            }
        }
    }

    fn answer(&mut self, ticket: u64, answer: Result<String, NotMade>) {
        if let Some(asker) = self.tickets.remove(&ticket) {
            drop(asker.send(answer));
        }
    }

    /// A record was opened after a silence.
    fn heard_again(&self) {
        self.window.state.send_if_modified(|state| std::mem::take(&mut state.silent));
    }

    fn change(&self, change: impl FnOnce(&mut crate::link::LinkState)) {
        self.window.state.send_modify(change);
        let state = self.window.state.borrow().clone();
        let (window, ready) = (self.name.clone(), state.heard());
        self.publish(Happening::Window { window, ready, text: state.text });
    }

    fn notice(&self, code: u32, text: &str) {
        self.publish(Happening::Notice { window: self.name.clone(), code, text: text.to_owned() });
    }

    fn publish(&self, happening: Happening) {
        self.desk.events().publish(happening);
    }
}

fn not_made(code: &str, text: &str, again: bool) -> NotMade {
    NotMade { code: code.to_owned(), text: text.to_owned(), again }
}

fn refused(why: &OrderRefusal) -> NotMade {
    let (code, again) = match why {
        OrderRefusal::BillBusy { .. } => ("bill_busy", false),
        OrderRefusal::BillCaptured { .. } => ("bill_captured", false),
        OrderRefusal::Orphan { .. } => ("orphan", false),
        OrderRefusal::Restoring { .. } => ("restoring", false),
        OrderRefusal::DayClosed(_) => ("day_closed", false),
        OrderRefusal::Amount => ("amount", false),
        OrderRefusal::NoAgreement => ("no_agreement", false),
        OrderRefusal::NotCaptured => ("not_captured", false),
        OrderRefusal::Exceeds { .. } => ("exceeds", false),
        OrderRefusal::ItemBusy { .. } => ("item_busy", false),
        OrderRefusal::TooSoon { .. } => ("too_soon", false),
        OrderRefusal::TooMany => ("too_many", false),
        OrderRefusal::Posted => ("posted", false),
        OrderRefusal::NothingToPost => ("nothing_to_post", false),
        OrderRefusal::NotWhole { .. } => ("not_whole", false),
        OrderRefusal::DayLimit { .. } => ("day_limit", false),
        OrderRefusal::Device => ("device", false),
        OrderRefusal::NoSession => ("link", true),
        _ => ("core", false),
    };
    not_made(code, &why.to_string(), again)
}

fn alarm_text(alarm: &HisAlarm) -> String {
    match alarm {
        HisAlarm::NotAuthentic => {
            "a result did not verify: a wrong key, a wrong signer or an altered text".into()
        }
        HisAlarm::Orphan { order_no } => {
            format!("order {order_no} is known only from a terminal: adopt or decide it")
        }
        HisAlarm::Contradiction { order_no } => {
            format!("order {order_no}: the terminal tells of something else than the ledger: look at it now")
        }
        HisAlarm::Refused { order_no, code } => {
            format!(
                "order {order_no} was refused with {code} although it was checked: the programs do not match"
            )
        }
        HisAlarm::Conflict { order_no } => {
            format!(
                "order {order_no}: the terminal holds another order of this number, which has taken its place"
            )
        }
        HisAlarm::LedgerWentBack => {
            "the ledger is an older copy: stop the server, run `ledger restored`, start it again".into()
        }
    }
}
