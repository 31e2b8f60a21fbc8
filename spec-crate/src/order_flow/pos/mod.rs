//! The terminal's half of the order's life: all orders of one POS.
//!
//! Reading order: `life` (one order), `collect` and `refund` (its states), `asking` and `evidence` (what answers
//! prove), `ending` (the signed result), `requests` (what HIS asks and is answered).

mod asking;
mod collect;
pub(crate) mod context;
mod ending;
mod events;
mod evidence;
mod life;
mod progress;
mod refund;
pub(crate) mod requests;
#[cfg(test)]
mod tests;
pub(crate) mod totals;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use prost::Message as _;

pub(crate) use self::context::Context;
pub use self::events::{OrderEvent, PosAlarm};
use self::life::Life;
pub use self::progress::{Progress, Stage};
use super::{Body, Disposition};
use crate::amount::Amount;
use crate::book::{Row, Write};
use crate::ids::OrderNo;
use crate::message::agreement::Timers;
use crate::message::order::{OrderCore, order_hash};
use crate::message::result::result_hash;
use crate::platform::{Ask, AskId, Channel, Merchant, PaymentCode, Proof, Request, Verdict};
use crate::time::{Clock, Instant};
use crate::timers;
use crate::wire::{self, PosState};

/// What a step wants done: the writes first, in one batch, then the rest in order.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) writes: Vec<Write>,
    pub(crate) then: Vec<Effect>,
}

/// One thing to be done once the writes are durable.
pub(crate) enum Effect {
    Ask(Ask),
    Notice(Body),
    Event(OrderEvent),
    Report(OrderNo),
}

impl Effects {
    /// Writes a row; an earlier write of the same row in this step is replaced.
    pub(crate) fn write(&mut self, write: Write) {
        self.writes.retain(|earlier| earlier.key != write.key);
        self.writes.push(write);
    }

    fn ask(&mut self, ask: Ask) {
        self.then.push(Effect::Ask(ask));
    }

    fn progress(&mut self, progress: Progress) {
        self.event(OrderEvent::Progress(progress));
    }

    fn event(&mut self, event: OrderEvent) {
        self.then.push(Effect::Event(event));
    }
}

/// All orders that a POS still has to do with.
pub(crate) struct PosFlow {
    pub(crate) context: Context,
    lives: BTreeMap<OrderNo, Life>,
    looks: BTreeMap<OrderNo, Life>,
    asks: BTreeMap<AskId, Asked>,
    unanswered: VecDeque<OrderNo>,
    next_verify: Instant,
    /// Something was imported: also what was verified is verified again.
    verify_again: bool,
}

/// Whom a verdict is for.
enum Asked {
    Order { order_no: OrderNo, look: bool },
    Merchant(Merchant),
}

impl PosFlow {
    pub(crate) fn new(context: Context, now: Instant) -> Self {
        Self {
            context,
            lives: BTreeMap::new(),
            looks: BTreeMap::new(),
            asks: BTreeMap::new(),
            unanswered: VecDeque::new(),
            next_verify: now,
            verify_again: false,
        }
    }

    /// Takes a row of the journal over: at the start every open one, later the one that a request is about.
    pub(crate) fn load(&mut self, row: &Row, at_start: bool, clock: Clock) {
        let Some(mut life) = self.read(row, clock.now) else { return };
        let order_no = life.core.order_no().clone();
        if at_start && life.state() == PosState::Ended && life.row.answered == 0 {
            //= spec-crate/spec/orders.md#reporting-results
            //# A POS MUST report unanswered results again after every restart and in every new session, for
            //# as long as they are unanswered.
            self.unanswered.push_back(order_no.clone());
        }
        life.restarted = at_start && life.state() != PosState::Ended;
        if life.restarted && life.row.attempt.is_some() {
            let timers = self.context.timers(&life.core);
            life.paid_from = life.paid_from.after(timers.connect.saturating_add(timers.http));
        }
        self.lives.entry(order_no).or_insert(life);
    }

    fn read(&self, row: &Row, now: Instant) -> Option<Life> {
        let stored = wire::PosOrder::decode(row.bytes.as_slice()).ok()?;
        let core = OrderCore::decode(stored.core.clone()).ok()?;
        let hash = self.hash(&core)?;
        Some(Life::new(core, hash, stored, now))
    }

    fn hash(&self, core: &OrderCore) -> Option<[u8; 32]> {
        let agreement = self.context.agreements.first()?;
        Some(order_hash(&agreement.terms().site_id, core.bytes()))
    }

    /// Whether a request about this number can be answered without asking the journal.
    pub(crate) fn knows(&self, order_no: &OrderNo) -> bool {
        self.lives.contains_key(order_no)
    }

    /// A payment code was scanned, and its channel recognised. `None`: no order waits for one on that channel.
    pub(crate) fn scan(
        &mut self,
        channel: Channel,
        code: PaymentCode,
        clock: Clock,
        effects: &mut Effects,
    ) -> Option<()> {
        let order_no = self.waiting()?.core.order_no().clone();
        let life = self.lives.get_mut(&order_no)?;
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST take a scanned code only while an order in WaitCode of the present run waits and only
        //# for a channel that has a merchant in the order's agreement, show a clear text for every other
        //# code, and keep none of those.
        //= spec-crate/spec/payment.md#payment-codes
        //# A POS MUST NOT try a code at a platform other than the one that PAY-93 names.
        self.context.agreement(life.core.agreement_no())?.merchant(channel)?;
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST let a newly scanned good code replace one that is waiting for its number's answer.
        life.code = Some((channel, code));
        self.step(&order_no, clock, effects);
        Some(())
    }

    /// The order that waits for a code.
    fn waiting(&self) -> Option<&Life> {
        self.lives.values().find(|life| life.state() == PosState::WaitCode && !life.restarted)
    }

    /// The order that stands in the way of another one.
    fn active(&self) -> Option<&Life> {
        let blocks = |state| matches!(state, PosState::WaitCode | PosState::Paying | PosState::Refunding);
        self.lives.values().find(|life| blocks(life.state()))
    }

    /// Whether an order waits for a code.
    pub(crate) fn waits(&self) -> bool {
        self.waiting().is_some()
    }

    /// How far the active order is, for the display.
    pub(crate) fn active_progress(&self, now: Instant) -> Option<(Progress, Amount)> {
        let life = self.active()?;
        Some((life.progress(now)?, life.core.amount()))
    }

    /// Orders that have not ended.
    pub(crate) fn open(&self) -> usize {
        self.lives.values().filter(|life| life.state() != PosState::Ended).count()
    }

    /// Results that HIS has not answered, oldest first.
    pub(crate) fn unanswered(&self) -> &VecDeque<OrderNo> {
        &self.unanswered
    }

    /// A result to be reported, with its signature.
    pub(crate) fn report(&self, order_no: &OrderNo) -> Option<(Vec<u8>, Vec<u8>)> {
        let life = self.lives.get(order_no)?;
        (!life.row.result.is_empty()).then(|| (life.row.result.clone(), life.row.signature.clone()))
    }

    /// A platform's answer.
    pub(crate) fn verdict(&mut self, verdict: &Verdict, clock: Clock, effects: &mut Effects) {
        match self.asks.remove(&verdict.id) {
            Some(Asked::Merchant(merchant)) => self.merchant_verdict(merchant, verdict, effects),
            Some(Asked::Order { order_no, look }) => {
                //= spec-crate/spec/orders.md#looking-up
                //# A POS MUST NOT change the state of an order that it holds because a look at it runs or
                //# ends, but for the result that it keeps.
                let lives = if look { &mut self.looks } else { &mut self.lives };
                if let Some(life) = lives.get_mut(&order_no) {
                    if let (Some(date), Some(evidence)) = (verdict.date, life.evidence.first()) {
                        let asked = life.evidence.iter().find(|e| e.in_flight == Some(verdict.id));
                        let channel = asked.unwrap_or(evidence).merchant.channel;
                        self.context.dates.insert(channel, (date, verdict.ended));
                    }
                    life.verdict(verdict, &mut self.context, clock, effects);
                }
                self.settle(&order_no, look, clock, effects);
            }
            None => {}
        }
    }

    fn merchant_verdict(&mut self, merchant: Merchant, verdict: &Verdict, effects: &mut Effects) {
        if let Some(date) = verdict.date {
            self.context.dates.insert(merchant.channel, (date, verdict.ended));
        }
        let verified = match verdict.proof {
            //= spec-crate/spec/payment.md#verifying-merchants
            //# A POS MUST count a merchant as verified after the proof verified, and no longer after the
            //# proof merchant refused to a verification.
            Proof::Verified => self.context.verified.insert(merchant.clone()),
            Proof::MerchantRefused => self.context.verified.remove(&merchant),
            _ => false,
        };
        if verified {
            let verified = verdict.proof == Proof::Verified;
            effects.event(OrderEvent::Merchant { merchant, verified });
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, clock: Clock, effects: &mut Effects) {
        let orders: Vec<OrderNo> = self.lives.keys().cloned().collect();
        for order_no in orders {
            self.step(&order_no, clock, effects);
        }
        let looks: Vec<OrderNo> = self.looks.keys().cloned().collect();
        for order_no in looks {
            if let Some(look) = self.looks.get_mut(&order_no) {
                look.step(&mut self.context, clock, effects);
            }
            self.settle(&order_no, true, clock, effects);
        }
        for life in self.lives.values_mut() {
            //= spec-crate/spec/orders.md#reporting-results
            //# A POS SHOULD raise an alarm for a result that has been unanswered for 120 seconds.
            if life.unconfirmed_at().is_some_and(|due| clock.now >= due) {
                life.unconfirmed_told = true;
                let order_no = life.core.order_no().clone();
                effects.event(OrderEvent::Alarm(PosAlarm::Unconfirmed { order_no }));
            }
        }
        self.verify_merchants(clock, effects);
    }

    fn verify_merchants(&mut self, clock: Clock, effects: &mut Effects) {
        let asked = |merchant: &Merchant| {
            self.asks.values().any(|asked| matches!(asked, Asked::Merchant(under) if under == merchant))
        };
        //= spec-crate/spec/payment.md#verifying-merchants
        //# A POS MUST ask verify for every merchant whose credentials it holds at its start and after each
        //# import of agreements or credentials, and again 60 seconds after the last round for each that is
        //# not verified.
        let missing = |merchant: &&Merchant| {
            self.verify_again || (!self.context.verified.contains(*merchant) && !asked(merchant))
        };
        let missing: Vec<Merchant> = self.context.merchants.iter().filter(missing).cloned().collect();
        if missing.is_empty() || clock.now < self.next_verify {
            return;
        }
        self.verify_again = false;
        self.next_verify = clock.now.after(timers::VERIFY_RETRY);
        for merchant in missing {
            let agreement = self
                .context
                .agreements
                .iter()
                .find(|a| a.merchant(merchant.channel).as_ref() == Some(&merchant));
            //= spec-crate/spec/payment.md#questions
            //# A POS MUST use T_CONN and T_HTTP of the order's agreement for its questions, and for a
            //# verification those of the newest agreement that names the merchant.
            let timers = agreement.map_or(Timers::USUAL, |agreement| agreement.terms().timers);
            let ask = self.context.ask(timers, merchant.clone(), None, 0, Request::Verify, None);
            self.asks.insert(ask.id, Asked::Merchant(merchant));
            effects.ask(ask);
        }
    }

    /// New credentials or agreements: every merchant is verified at once.
    pub(crate) fn provisioned(&mut self, now: Instant) {
        self.next_verify = now;
        //= spec-crate/spec/payment.md#verifying-merchants
        //# A POS MUST ask verify for every merchant whose credentials it holds at its start and after each
        //# import of agreements or credentials, and again 60 seconds after the last round for each that is
        //# not verified.
        self.verify_again = true;
    }

    /// Steps one order, then registers what it asked and tells how far it is.
    fn step(&mut self, order_no: &OrderNo, clock: Clock, effects: &mut Effects) {
        if let Some(life) = self.lives.get_mut(order_no) {
            life.step(&mut self.context, clock, effects);
        }
        self.settle(order_no, false, clock, effects);
    }

    /// Registers the questions of an order, tells how far it is, and moves what has ended to its place.
    fn settle(&mut self, order_no: &OrderNo, look: bool, clock: Clock, effects: &mut Effects) {
        for effect in &effects.then {
            match effect {
                Effect::Ask(ask) if !self.asks.contains_key(&ask.id) => {
                    self.asks.insert(ask.id, Asked::Order { order_no: order_no.clone(), look });
                }
                Effect::Report(ended) if !self.unanswered.contains(ended) => {
                    self.unanswered.push_back(ended.clone())
                }
                _ => {}
            }
        }
        if look {
            if self.looks.get(order_no).is_some_and(|look| !look.looking)
                && let Some(ended) = self.looks.remove(order_no)
            {
                self.lives.insert(order_no.clone(), ended);
            }
            return;
        }
        if let Some(life) = self.lives.get_mut(order_no) {
            life.tell(clock.now, effects);
        }
    }

    /// The next instant after `now` at which something is due.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let lives = self
            .lives
            .values()
            .chain(self.looks.values())
            .filter_map(|life| life.deadline(&self.context, now));
        let unverified =
            self.context.merchants.iter().any(|merchant| !self.context.verified.contains(merchant));
        let unconfirmed = self.lives.values().filter_map(Life::unconfirmed_at).filter(|at| *at > now);
        lives.chain(unconfirmed).chain(unverified.then_some(self.next_verify).filter(|at| *at > now)).min()
    }

    /// HIS answered a result.
    pub(crate) fn confirmed(&mut self, confirm: &wire::ConfirmResult, effects: &mut Effects) {
        let Ok(order_no) = OrderNo::try_from(confirm.order_no.as_str()) else { return };
        let Some(life) = self.lives.get_mut(&order_no) else { return };
        //= spec-crate/spec/orders.md#reporting-results
        //# A POS MUST store the disposition of a ConfirmResult and stop repeating if its order is known here
        //# and its `result_hash` is that of the order's latest result, and ignore the ConfirmResult
        //# otherwise.
        let same = result_hash(&life.row.result).as_slice() == confirm.result_hash.as_slice();
        //= spec-crate/spec/messages.md#contents-of-fields
        //# A receiver MUST treat a content that is not as it should be as this table says, and never end the
        //# session because of it.
        let Some(disposition) = Disposition::from_code(confirm.disposition).filter(|_| same) else { return };
        life.row.answered = confirm.disposition;
        if disposition == Disposition::Recorded {
            life.row.recorded = true;
            life.row.recorded_result.clear();
        }
        if let Some(look) = self.looks.get_mut(&order_no) {
            look.follows(&life.row);
        }
        effects.write(life.write());
        effects.event(OrderEvent::Answered { order_no: order_no.clone(), disposition });
        self.unanswered.retain(|unanswered| *unanswered != order_no);
        if life.state() == PosState::Ended {
            self.lives.remove(&order_no);
        }
    }

    /// The first Sync of a session came: does the journal contain the anchor that HIS holds?
    pub(crate) fn synced(&mut self, contained: bool, clock: Clock, effects: &mut Effects) {
        let first = !core::mem::replace(&mut self.context.synced, true);
        if first {
            self.context.anchored &= contained;
        }
        //= spec-crate/spec/books.md#a-journal-that-went-back
        //# A POS whose journal does not contain the anchor of a Sync MUST raise an alarm, act as ORD-61 says,
        //# and go on under the same book id until a person declares the restore.
        if !contained {
            self.context.anchored = false;
            let open = |life: &&mut Life| life.state() != PosState::Ended && !life.row.not_intact;
            for life in self.lives.values_mut().filter(open) {
                //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
                //# A POS to which a Sync shows an anchor that its journal does not contain MUST mark every
                //# order that has not ended as `not_intact` and raise an alarm.
                life.row.not_intact = true;
                effects.write(life.write());
            }
            //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
            //# A POS to which a Sync shows an anchor that its journal does not contain MUST mark every order
            //# that has not ended as `not_intact` and raise an alarm.
            effects.event(OrderEvent::Alarm(PosAlarm::JournalWentBack));
        } else if first {
            let other_boot = |life: &&mut Life| life.restarted && life.row.boot != self.context.boot;
            for life in self.lives.values_mut().filter(other_boot).filter(|life| !life.row.not_intact) {
                //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
                //# A POS MUST mark each loaded order that has not ended and whose boot is not the present one
                //# as `not_intact`, at the first Sync of its run.
                life.row.not_intact = true;
                effects.write(life.write());
            }
        }
        self.tick(clock, effects);
    }
}
