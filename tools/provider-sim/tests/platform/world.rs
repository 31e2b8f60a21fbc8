//! The model alone, with a clock that only the test moves.

use std::collections::BTreeMap;

use hispos_provider_sim::model::{
    self, Answer, Channel, CodeUse, Delivery, Merchant, Millis, NumberRequest, Order, Outcome, PayRequest,
    RefundQueryRequest, RefundRequest, Rules, State, View,
};

pub(crate) const BOTH: [Channel; 2] = [Channel::Wechat, Channel::Alipay];
pub(crate) const NUMBER: &str = "SIM001B0W";
pub(crate) const TOTAL: i64 = 12_345;
/// How long the payments of these tests may take effect.
pub(crate) const VALID_MS: Millis = 90_000;

/// One merchant's world. Each request checks afterwards that no money was made or lost.
pub(crate) struct World {
    pub(crate) merchant: Merchant,
    pub(crate) rules: Rules,
    pub(crate) now: Millis,
    pub(crate) orders: BTreeMap<String, Order>,
    codes: BTreeMap<String, CodeUse>,
    holders: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn new(channel: Channel) -> World {
        World::with_seed(channel, 7)
    }

    pub(crate) fn with_seed(channel: Channel, seed: u64) -> World {
        let merchant = Merchant { channel, account: "1900000001".into(), sub_account: String::new() };
        World {
            merchant,
            rules: Rules { seed, scale_permille: 1000, book_key: [9; 32] },
            now: 1_700_000_000_000,
            orders: BTreeMap::new(),
            codes: BTreeMap::new(),
            holders: BTreeMap::new(),
        }
    }

    /// A code of the channel whose last two digits select a story; `serial` makes it another patient's.
    pub(crate) fn code(&self, serial: u32, ending: u32) -> String {
        let lead = if self.merchant.channel == Channel::Wechat { 13 } else { 28 };
        format!("{lead}{serial:014}{ending:02}")
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += seconds * 1000;
    }

    pub(crate) fn pay(&mut self, ending: u32) -> Outcome {
        let code = self.code(1, ending);
        self.pay_with(NUMBER, TOTAL, &code)
    }

    pub(crate) fn pay_with(&mut self, number: &str, total: i64, code: &str) -> Outcome {
        let expires_at = (self.now + VALID_MS) / 1000;
        self.pay_until(number, total, code, expires_at)
    }

    pub(crate) fn pay_until(&mut self, number: &str, total: i64, code: &str, expires_at: i64) -> Outcome {
        let asked = PayRequest {
            number: number.into(),
            total,
            code: code.into(),
            expires_at,
            subject: "医院缴费".into(),
        };
        let hash = self.rules.code_hash(&self.merchant, code);
        let (merchant, rules, now) = (self.merchant.clone(), self.rules.clone(), self.now);
        self.act(number, Some(&hash), None, |view| model::pay(&rules, view, &merchant, &asked, now))
    }

    pub(crate) fn query(&mut self) -> Answer {
        self.query_number(NUMBER)
    }

    pub(crate) fn query_number(&mut self, number: &str) -> Answer {
        let (merchant, now) = (self.merchant.clone(), self.now);
        let asked = NumberRequest { number: number.into() };
        self.act(number, None, None, |view| model::query(view, &merchant, &asked, now)).answer
    }

    pub(crate) fn reverse(&mut self) -> Answer {
        let (merchant, rules, now) = (self.merchant.clone(), self.rules.clone(), self.now);
        let asked = NumberRequest { number: NUMBER.into() };
        self.act(NUMBER, None, None, |view| model::reverse(&rules, view, &merchant, &asked, now)).answer
    }

    pub(crate) fn refund(&mut self, refund_number: &str, amount: i64) -> Answer {
        self.refund_of(NUMBER, refund_number, amount, TOTAL)
    }

    pub(crate) fn refund_of(&mut self, number: &str, refund_number: &str, amount: i64, total: i64) -> Answer {
        let (merchant, rules, now) = (self.merchant.clone(), self.rules.clone(), self.now);
        let asked =
            RefundRequest { number: number.into(), refund_number: refund_number.into(), amount, total };
        self.act(number, None, Some(refund_number), |view| {
            model::refund(&rules, view, &merchant, &asked, now)
        })
        .answer
    }

    pub(crate) fn query_refund(&mut self, refund_number: &str) -> Answer {
        let (merchant, now) = (self.merchant.clone(), self.now);
        let asked = RefundQueryRequest { number: NUMBER.into(), refund_number: refund_number.into() };
        self.act(NUMBER, None, None, |view| model::query_refund(view, &merchant, &asked, now)).answer
    }

    pub(crate) fn order(&self) -> &Order {
        &self.orders[NUMBER]
    }

    pub(crate) fn state(&self) -> State {
        self.order().state(self.now)
    }

    /// Says the word that this world's channel has.
    pub(crate) fn word<'a>(&self, wechat: &'a str, alipay: &'a str) -> &'a str {
        if self.merchant.channel == Channel::Wechat { wechat } else { alipay }
    }

    fn act(
        &mut self,
        number: &str,
        hash: Option<&str>,
        refund_number: Option<&str>,
        act: impl FnOnce(&mut View) -> Outcome,
    ) -> Outcome {
        let mut view = View {
            order: self.orders.get(number).cloned(),
            code: hash.and_then(|hash| self.codes.get(hash)).copied(),
            refund_holder: refund_number.and_then(|number| self.holders.get(number)).cloned(),
        };
        let outcome = act(&mut view);
        if outcome.delivery == Delivery::Silent {
            return outcome;
        }
        if let Some(order) = view.order {
            self.orders.insert(number.into(), order);
        }
        if let (Some(hash), Some(code)) = (hash, view.code) {
            self.codes.insert(hash.into(), code);
        }
        if let (Some(number), Some(holder)) = (refund_number, view.refund_holder) {
            self.holders.insert(number.into(), holder);
        }
        self.audit();
        outcome
    }

    /// No money is made or lost, now or in an hour.
    pub(crate) fn audit(&self) {
        for order in self.orders.values() {
            for now in [self.now, self.now + 3_600_000] {
                let (captured, refunded) = (order.captured(now), order.refunded(now));
                assert!(captured == 0 || captured == order.total, "{order:?}");
                assert!(refunded <= captured, "{order:?}");
                assert!(order.held_by_refunds(now) <= captured, "{order:?}");
            }
            assert!(order.captured_at.is_none_or(|at| at < order.expires_at), "{order:?}");
        }
    }
}

/// What an answer says: the sub-code where there is one, else the code.
pub(crate) fn said(answer: &Answer) -> &'static str {
    answer.sub_code.unwrap_or(answer.code)
}

/// The trade state of an answer, or what it says instead of one.
pub(crate) fn shown(answer: &Answer) -> &'static str {
    answer.trade.as_ref().map_or_else(|| said(answer), |trade| trade.trade_state)
}
