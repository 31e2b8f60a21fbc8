//! The payment platforms as a model: orders by number, with effects that come late.
//!
//! It is honest: nothing takes effect later than the fence after its connection ended, and a pay not after its
//! expiry. Everything else that a platform or a network may do, it does. It is lenient where that shows more: it
//! carries out every refund, also beyond what was taken, so that the checkers see what was asked for.

mod refunds;

use std::collections::BTreeMap;

use hispos::platform::{Ask, Channel, Request};
use hispos::time::UnixSeconds;
use hispos_pos::payment::Reply;

use crate::decided::{Decided, Reversal};
use crate::rng::Rng;
use crate::site::UNIX_START;
use crate::story::Story;
use crate::words;

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

    /// A request has arrived: what is answered, and what it did.
    pub fn arrive(&mut self, ask: &Ask, now: u64, rng: &mut Rng) -> (Reply, Vec<Money>) {
        let number = ask.number.as_ref().map_or_else(String::new, |number| number.as_str().into());
        let channel = ask.merchant.channel;
        let mut money = Vec::new();
        let reply = match &ask.request {
            Request::Verify => words::DONE.by(channel),
            Request::Query => self.query(channel, &number, now),
            Request::Pay { code, expires_at } => {
                let expires = expires_at.0.saturating_sub(UNIX_START).saturating_mul(1_000);
                self.pay(ask, &number, code.digits(), expires, now, rng, &mut money)
            }
            Request::Reverse => {
                self.reverse(&number, now, rng, &mut money);
                words::DONE.by(channel)
            }
            Request::Refund { refund, amount } => {
                self.refund(channel, refund.as_str(), &number, *amount, now, rng, &mut money)
            }
            Request::QueryRefund { refund, .. } => self.query_refund(channel, refund.as_str(), now),
        };
        let account = Some(ask.merchant.account.clone());
        let about = Some(number).filter(|number| !number.is_empty());
        (Reply { account, number: about, ..reply }, money)
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
    ) -> Reply {
        let channel = ask.merchant.channel;
        if self.trades.contains_key(number) {
            return words::NUMBER_USED.by(channel);
        }
        if now >= expires {
            return words::TROUBLE.by(channel);
        }
        if !self.used.insert(code.into()) {
            return words::USED_CODE.by(channel);
        }
        let story = self.stories.get(code).copied().unwrap_or(Story::BadCode);
        match story {
            Story::BadCode => return words::BAD_CODE.by(channel),
            Story::Error => return words::TROUBLE.by(channel),
            Story::RefusedAbsent => return words::EMPTY_PURSE.by(channel),
            _ => {}
        }
        self.next_payment = self.next_payment.saturating_add(1);
        let closes = story != Story::NeverClosed;
        let hidden = if rng.in_thousand(200) { rng.between(0, 8_000) } else { 0 };
        // Alipay knows a number only from the moment that its password is typed.
        // A number that outlives its payer's refusal is known at once: the protocol asks once and believes it.
        let refused = matches!(story, Story::RefusedAlive(_));
        let hidden = if refused { 0 } else { hidden };
        let never_seen = !refused && channel == Channel::Alipay && rng.in_thousand(300);
        let visible = if never_seen { u64::MAX } else { now.saturating_add(hidden) };
        let visible = self.decided.as_ref().map_or(visible, |decided| now.saturating_add(decided.hidden));
        let trade = Trade {
            state: State::Confirming { expires, closes },
            amount: if story == Story::WrongTotal { ask.total.saturating_add(1) } else { ask.total },
            captured_at: 0,
            payment_no: format!("{}{:012}", channel.name(), self.next_payment),
            given_back: 0,
            visible,
        };
        self.trades.insert(number.into(), trade);
        self.tell(channel, number, story, now, money)
    }

    /// What a new number does by its story, and what is answered.
    fn tell(
        &mut self,
        channel: Channel,
        number: &str,
        story: Story,
        now: u64,
        money: &mut Vec<Money>,
    ) -> Reply {
        let confirm = |after: u64| (now.saturating_add(after), Effect::Confirm(number.into()));
        match story {
            Story::Paid | Story::WrongTotal => {
                self.capture(number, now, money);
                self.taken(number, words::DONE.by(channel))
            }
            Story::PaidSilently => {
                self.capture(number, now, money);
                words::TROUBLE.by(channel)
            }
            Story::Password(after) => {
                self.due.push(confirm(after));
                words::CONFIRMING.by(channel)
            }
            Story::RefusedAlive(after) => {
                self.due.push(confirm(after));
                words::EMPTY_PURSE.by(channel)
            }
            Story::RefusedClosed => {
                self.close(number);
                words::PAYMENT_FAILED.by(channel)
            }
            _ => words::CONFIRMING.by(channel),
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

    /// An answer with the money that was taken under a number.
    fn taken(&self, number: &str, reply: Reply) -> Reply {
        let Some(trade) = self.trades.get(number) else { return reply };
        Reply {
            total: Some(trade.amount),
            payment_no: Some(trade.payment_no.clone()),
            captured_at: Some(unix(trade.captured_at)),
            ..reply
        }
    }

    fn query(&mut self, channel: Channel, number: &str, now: u64) -> Reply {
        let Some(trade) = self.trades.get_mut(number).filter(|trade| now >= trade.visible) else {
            return words::UNKNOWN.by(channel);
        };
        if let State::Confirming { expires, closes: true } = trade.state
            && now >= expires
        {
            trade.state = State::Closed;
        }
        let (state, given_back, amount) = (trade.state.clone(), trade.given_back, trade.amount);
        let reversed = trade.captured_at != 0;
        let told = |wechat, alipay| Reply {
            trade_state: words::either(channel, wechat, alipay),
            refunded: (given_back > 0).then_some(given_back),
            ..words::DONE.by(channel)
        };
        match state {
            State::Confirming { .. } => told("USERPAYING", "WAIT_BUYER_PAY"),
            State::Captured if given_back == 0 => self.taken(number, told("SUCCESS", "TRADE_SUCCESS")),
            // Alipay's trade stays a success until all of it is given back.
            State::Captured if given_back < amount => self.taken(number, told("REFUND", "TRADE_SUCCESS")),
            State::Captured => self.taken(number, told("REFUND", "TRADE_CLOSED")),
            // Reversed: WeChat says revoked, Alipay shows the payment with it.
            State::Closed if reversed && channel == Channel::Alipay => {
                self.taken(number, told("REVOKED", "TRADE_CLOSED"))
            }
            State::Closed if reversed => Reply { refunded: None, ..told("REVOKED", "TRADE_CLOSED") },
            State::Closed => told("CLOSED", "TRADE_CLOSED"),
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
}
