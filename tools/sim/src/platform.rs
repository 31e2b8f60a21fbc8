//! The payment platforms as a model: orders by number, with effects that come late.
//!
//! It is honest: nothing takes effect later than the fence after its connection ended, and a pay not after its
//! expiry. Everything else that a platform or a network may do, it does. It is lenient where that shows more: it
//! carries out every refund, also beyond what was taken, so that the checkers see what was asked for.

use std::collections::BTreeMap;

use hispos::platform::{Ask, Capture, Channel, Proof, Request};
use hispos::time::UnixSeconds;

use crate::decided::{Decided, Refunding, Reversal};
use crate::rng::Rng;
use crate::site::UNIX_START;
use crate::story::Story;

/// What a trade is.
#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    Confirming { expires: u64, closes: bool },
    Captured,
    Closed,
}

/// One number.
#[derive(Clone, Debug)]
struct Trade {
    channel: Channel,
    state: State,
    amount: u64,
    captured_at: u64,
    payment_no: String,
    given_back: u64,
    /// Not known to queries before.
    visible: u64,
}

/// One refund.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Back {
    Pending,
    Done(u64),
    Closed,
    Abnormal,
}

/// What a platform does later.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// The payer confirms.
    Confirm(String),
    /// A reverse takes effect.
    Reverse(String),
    /// A refund takes effect: its number, the original's, fen.
    Refund(String, String, u64),
}

/// What happened to money.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Money {
    /// Taken: number, fen.
    Captured(String, u64),
    /// All of it given back by a reverse: number, fen.
    Reversed(String, u64),
    /// Given back by a refund: the refund's number, the original's, fen.
    Refunded(String, String, u64),
}

/// Both platforms.
#[derive(Debug, Default)]
pub struct Platform {
    trades: BTreeMap<String, Trade>,
    refunds: BTreeMap<String, (Back, u64)>,
    stories: BTreeMap<String, Story>,
    used: std::collections::BTreeSet<String>,
    next_payment: u64,
    /// What is decided instead of drawn, in scripts.
    pub decided: Option<Decided>,
    /// Effects that are still to come, with their times.
    pub due: Vec<(u64, Effect)>,
}

/// Seconds of the platform's clock.
#[must_use]
pub fn unix(now: u64) -> UnixSeconds {
    UnixSeconds(UNIX_START.saturating_add(now / 1_000))
}

impl Platform {
    /// Prints a payment code with a story.
    pub fn code(&mut self, code: &str, story: Story) {
        self.stories.insert(code.into(), story);
    }

    /// Everything that decides what it does next, for a digest.
    pub(crate) fn fold(&self) -> impl std::fmt::Debug + '_ {
        (&self.trades, &self.refunds, &self.stories, &self.used, &self.due)
    }

    /// Nothing that could still move money is under way.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        self.due.is_empty()
    }

    /// Every number that holds money, with the platform's own number and fen left.
    #[must_use]
    pub fn held_all(&self) -> Vec<(String, String, u64)> {
        let trades = self.trades.iter();
        let held =
            trades.map(|(number, trade)| (number.clone(), trade.payment_no.clone(), self.held(number)));
        held.filter(|(.., left)| *left > 0).collect()
    }

    /// Fen that are captured under a number and not given back.
    #[must_use]
    pub fn held(&self, number: &str) -> u64 {
        let trade = self.trades.get(number).filter(|trade| trade.state == State::Captured);
        trade.map_or(0, |trade| trade.amount.saturating_sub(trade.given_back))
    }

    /// A request has arrived: what it does and what is answered.
    pub fn arrive(&mut self, ask: &Ask, now: u64, rng: &mut Rng) -> (Proof, String, Vec<Money>) {
        let number = ask.number.as_ref().map_or_else(String::new, |number| number.as_str().into());
        let mut money = Vec::new();
        let (proof, code) = match &ask.request {
            Request::Verify => (Proof::Verified, "OK"),
            Request::Query => (self.query(&number, ask.total, now), "Q"),
            Request::Pay { code, expires_at } => {
                let expires = expires_at.0.saturating_sub(UNIX_START).saturating_mul(1_000);
                self.pay(ask, &number, code.digits(), expires, now, rng, &mut money)
            }
            Request::Reverse => {
                self.reverse(&number, now, rng, &mut money);
                (Proof::Open, "REVERSED")
            }
            Request::Refund { refund, amount } => {
                self.refund(refund.as_str(), &number, *amount, now, rng, &mut money)
            }
            Request::QueryRefund { refund, .. } => (self.query_refund(refund.as_str(), now), "QR"),
        };
        (proof, code.into(), money)
    }

    /// An effect takes place.
    pub fn happen(&mut self, effect: &Effect, now: u64) -> Vec<Money> {
        let mut money = Vec::new();
        match effect {
            Effect::Confirm(number) => {
                let confirming = self.trades.get(number).is_some_and(
                    |trade| matches!(trade.state, State::Confirming { expires, .. } if now < expires),
                );
                if confirming {
                    self.capture(number, now, &mut money);
                }
            }
            Effect::Reverse(number) => self.carry_out_reverse(number, &mut money),
            Effect::Refund(refund, original, amount) => {
                self.carry_out_refund(refund, original, *amount, now, &mut money)
            }
        }
        money
    }

    #[expect(clippy::too_many_arguments, reason = "one request in all its parts")]
    fn pay(
        &mut self,
        ask: &Ask,
        number: &str,
        code: &str,
        expires: u64,
        now: u64,
        rng: &mut Rng,
        money: &mut Vec<Money>,
    ) -> (Proof, &'static str) {
        if self.trades.contains_key(number) {
            return (Proof::NumberKnown, "OUT_TRADE_NO_USED");
        }
        if now >= expires {
            return (Proof::Open, "EXPIRED");
        }
        if !self.used.insert(code.into()) {
            return (Proof::Refused, "AUTHCODEEXPIRE");
        }
        let story = self.stories.get(code).copied().unwrap_or(Story::BadCode);
        match story {
            Story::BadCode => return (Proof::Refused, "AUTH_CODE_INVALID"),
            Story::Error => return (Proof::Open, "SYSTEMERROR"),
            Story::RefusedAbsent => return (Proof::PayerRefused, "NOTENOUGH"),
            _ => {}
        }
        self.next_payment = self.next_payment.saturating_add(1);
        let closes = story != Story::NeverClosed;
        let hidden = if rng.in_thousand(200) { rng.between(0, 8_000) } else { 0 };
        // Alipay knows a number only from the moment that its password is typed.
        // A number that outlives its payer's refusal is known at once: the protocol asks once and believes it.
        let refused = matches!(story, Story::RefusedAlive(_));
        let hidden = if refused { 0 } else { hidden };
        let never_seen = !refused && ask.merchant.channel == Channel::Alipay && rng.in_thousand(300);
        let visible = if never_seen { u64::MAX } else { now.saturating_add(hidden) };
        let visible = self.decided.as_ref().map_or(visible, |decided| now.saturating_add(decided.hidden));
        let trade = Trade {
            channel: ask.merchant.channel,
            state: State::Confirming { expires, closes },
            amount: if story == Story::WrongTotal { ask.total.saturating_add(1) } else { ask.total },
            captured_at: 0,
            payment_no: format!("{}{:012}", ask.merchant.channel.name(), self.next_payment),
            given_back: 0,
            visible,
        };
        self.trades.insert(number.into(), trade);
        self.tell(number, story, now, money)
    }

    /// What a new number does by its story, and what is answered.
    fn tell(
        &mut self,
        number: &str,
        story: Story,
        now: u64,
        money: &mut Vec<Money>,
    ) -> (Proof, &'static str) {
        let confirm = |after: u64| (now.saturating_add(after), Effect::Confirm(number.into()));
        match story {
            Story::Paid | Story::WrongTotal => {
                self.capture(number, now, money);
                let taken = self.taken(number);
                let proof =
                    if story == Story::Paid { Proof::Captured(taken) } else { Proof::Mismatch(taken) };
                (proof, "SUCCESS")
            }
            Story::PaidSilently => {
                self.capture(number, now, money);
                (Proof::Open, "SYSTEMERROR")
            }
            Story::Password(after) => {
                self.due.push(confirm(after));
                (Proof::Open, "USERPAYING")
            }
            Story::RefusedAlive(after) => {
                self.due.push(confirm(after));
                (Proof::PayerRefused, "NOTENOUGH")
            }
            Story::RefusedClosed => {
                self.close(number);
                (Proof::PayerRefused, "TRADE_ERROR")
            }
            _ => (Proof::Open, "USERPAYING"),
        }
    }

    fn close(&mut self, number: &str) {
        if let Some(trade) = self.trades.get_mut(number) {
            trade.state = State::Closed;
        }
    }

    fn capture(&mut self, number: &str, now: u64, money: &mut Vec<Money>) {
        if let Some(trade) = self.trades.get_mut(number) {
            trade.state = State::Captured;
            trade.captured_at = now;
            trade.visible = trade.visible.min(now.saturating_add(4_000));
            money.push(Money::Captured(number.into(), trade.amount));
        }
    }

    fn taken(&self, number: &str) -> Capture {
        let trade = self.trades.get(number);
        Capture {
            payment_no: trade.map_or_else(String::new, |trade| trade.payment_no.clone()),
            amount: trade.map_or(0, |trade| trade.amount),
            captured_at: trade.map(|trade| unix(trade.captured_at)),
        }
    }

    fn query(&mut self, number: &str, total: u64, now: u64) -> Proof {
        let Some(trade) = self.trades.get_mut(number).filter(|trade| now >= trade.visible) else {
            return Proof::Absent;
        };
        if let State::Confirming { expires, closes: true } = trade.state
            && now >= expires
        {
            trade.state = State::Closed;
        }
        let (state, channel, given_back) = (trade.state.clone(), trade.channel, trade.given_back);
        let (amount, reversed) = (trade.amount, trade.captured_at != 0);
        let taken = self.taken(number);
        match state {
            State::Confirming { .. } => Proof::Alive,
            State::Captured if given_back > 0 => {
                Proof::CapturedAndRefunded { capture: taken, refunded: given_back }
            }
            State::Captured if amount != total => Proof::Mismatch(taken),
            State::Captured => Proof::Captured(taken),
            // Reversed: WeChat says revoked, Alipay shows the payment with it.
            State::Closed if reversed && channel == Channel::Alipay => {
                Proof::CapturedAndRefunded { capture: taken, refunded: amount }
            }
            State::Closed => Proof::Closed,
        }
    }

    fn reverse(&mut self, number: &str, now: u64, rng: &mut Rng, money: &mut Vec<Money>) {
        let reversal = match self.decided.as_mut() {
            Some(decided) => decided.reversal(),
            None => Reversal::drawn(rng),
        };
        match reversal {
            Reversal::NoEffect => {}
            Reversal::Late(after) => {
                self.due.push((now.saturating_add(after), Effect::Reverse(number.into())));
            }
            Reversal::Works => self.carry_out_reverse(number, money),
        }
    }

    fn carry_out_reverse(&mut self, number: &str, money: &mut Vec<Money>) {
        let Some(trade) = self.trades.get_mut(number) else { return };
        if trade.state == State::Captured && trade.given_back == 0 {
            trade.given_back = trade.amount;
            money.push(Money::Reversed(number.into(), trade.amount));
        }
        if trade.state != State::Captured || trade.given_back == trade.amount {
            trade.state = State::Closed;
        }
    }

    fn refund(
        &mut self,
        refund: &str,
        original: &str,
        amount: u64,
        now: u64,
        rng: &mut Rng,
        money: &mut Vec<Money>,
    ) -> (Proof, &'static str) {
        if self.refunds.contains_key(refund) {
            return (self.query_refund(refund, u64::MAX), "REPEATED");
        }
        let (becomes, hidden) = match self.decided.as_mut() {
            Some(decided) => (decided.refunding(), 0),
            None => Refunding::drawn(rng),
        };
        let visible = now.saturating_add(hidden);
        let mut enter = |back| self.refunds.insert(refund.into(), (back, visible));
        match becomes {
            Refunding::Refused => (Proof::NotRefunded { closed: false }, "NOTENOUGH"),
            Refunding::Processing(after) => {
                enter(Back::Pending);
                let effect = Effect::Refund(refund.into(), original.into(), amount);
                self.due.push((now.saturating_add(after), effect));
                (Proof::RefundPending, "PROCESSING")
            }
            Refunding::Abnormal(later) => {
                enter(Back::Abnormal);
                let effect = Effect::Refund(refund.into(), original.into(), amount);
                self.due.extend((later > 0).then_some((now.saturating_add(later), effect)));
                (Proof::RefundAbnormal, "ABNORMAL")
            }
            Refunding::Closed => {
                enter(Back::Closed);
                (Proof::RefundPending, "PROCESSING")
            }
            Refunding::Done => {
                enter(Back::Pending);
                self.carry_out_refund(refund, original, amount, now, money);
                (self.query_refund(refund, u64::MAX), "SUCCESS")
            }
        }
    }

    fn carry_out_refund(
        &mut self,
        refund: &str,
        original: &str,
        amount: u64,
        now: u64,
        money: &mut Vec<Money>,
    ) {
        if let Some(back) = self.refunds.get_mut(refund) {
            back.0 = Back::Done(now);
        }
        if let Some(trade) = self.trades.get_mut(original) {
            trade.given_back = trade.given_back.saturating_add(amount);
        }
        money.push(Money::Refunded(refund.into(), original.into(), amount));
    }

    fn query_refund(&self, refund: &str, now: u64) -> Proof {
        match self.refunds.get(refund).filter(|(_, visible)| now >= *visible) {
            None => Proof::Absent,
            Some((Back::Pending, _)) => Proof::RefundPending,
            Some((Back::Done(at), _)) => {
                Proof::Refunded { refund_id: format!("re{refund}"), at: Some(unix(*at)) }
            }
            Some((Back::Closed, _)) => Proof::NotRefunded { closed: true },
            Some((Back::Abnormal, _)) => Proof::RefundAbnormal,
        }
    }
}
