//! What has to hold between the three books.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::books::{End, Journal, JournalOrder, Ledger, LedgerOrder};
use crate::platform::{self, Platform, order_no};

/// Three books of one site at one time.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Of HIS.
    pub ledger: Ledger,
    /// Of its terminals.
    pub journals: Vec<Journal>,
    /// Of the payment platform.
    pub platform: Platform,
}

/// The kinds of disagreement.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The platform took money that HIS or a terminal does not know as it is.
    CaptureUnknown,
    /// HIS or a terminal has an order paid, and the platform took nothing like it.
    PaidWithoutCapture,
    /// A refund of the platform and the books differ.
    Refund,
    /// More than one capture of one order.
    CapturedTwice,
    /// More than one pay request for one order.
    PaidTwice,
    /// HIS and terminal tell different things of one order.
    Ends,
    /// The sums of a channel differ.
    Sums,
    /// Something has not ended.
    Open,
}

/// One disagreement.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Disagreement {
    /// Which kind.
    pub kind: Kind,
    /// The order or the platform number; a channel for sums.
    pub about: String,
    /// What is told by whom.
    pub text: String,
}

/// What a channel moved, in fen: taken and not given back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Sums {
    /// By HIS.
    pub his: i64,
    /// By the terminals.
    pub pos: i64,
    /// By the platform.
    pub platform: i64,
}

/// What the comparison found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// By channel.
    pub sums: BTreeMap<&'static str, Sums>,
    /// Every disagreement; none if the books agree.
    pub disagreements: Vec<Disagreement>,
}

/// Compares the books.
#[must_use]
pub fn compare(books: &Books) -> Found {
    let mut check = Check { books, found: Found::default() };
    for order in &books.platform.orders {
        check.capture(order);
        for refund in &order.refunds {
            check.refund(order, refund);
        }
    }
    for number in check.numbers() {
        check.order(&number);
    }
    check.requests();
    check.captures_given_back();
    check.sums();
    check.found
}

struct Check<'a> {
    books: &'a Books,
    found: Found,
}

impl<'a> Check<'a> {
    fn say(&mut self, kind: Kind, about: &str, text: String) {
        self.found.disagreements.push(Disagreement { kind, about: about.into(), text });
    }

    fn in_ledger(&self, order: &str) -> Option<&'a LedgerOrder> {
        self.books.ledger.orders.get(order)
    }

    /// The order in the journal of the terminal that acts on it, or in any that knows it.
    fn in_journal(&self, order: &str) -> Option<&'a JournalOrder> {
        self.books.journals.iter().find_map(|journal| journal.orders.get(order))
    }

    /// The numbers of all orders of ledger and journals.
    fn numbers(&self) -> BTreeSet<String> {
        let journals = self.books.journals.iter().flat_map(|journal| journal.orders.keys());
        self.books.ledger.orders.keys().chain(journals).cloned().collect()
    }

    /// Money that the platform took is a paid order with the same amount and payment number in both books, or it is
    /// with people (attention), or all of it went back.
    fn capture(&mut self, order: &platform::Order) {
        if order.state == "waiting" {
            self.say(Kind::Open, &order.number, "platform: the payer can still pay it".into());
        }
        if order.captured == 0 {
            return;
        }
        let number = order_no(&order.number);
        let his = self.in_ledger(number).map(|order| (order.end, order.result.as_ref()));
        let pos = self.in_journal(number).map(|order| (order.end, order.result.as_ref()));
        for (who, told) in [("HIS", his), ("POS", pos)] {
            let end = told.map(|(end, _)| end);
            let right = match told {
                Some((End::Paid, Some(result))) => {
                    result.amount == order.captured
                        && order.payment_no.as_ref() == Some(&result.payment_no)
                        && result.channel == order.channel
                }
                Some((End::Attention, _)) => true,
                _ => order.refunded == order.captured,
            };
            if !right {
                let told = match told.and_then(|(_, result)| result) {
                    Some(result) => format!(
                        "{} {} by {} {}",
                        result.end.name(),
                        result.amount,
                        result.channel,
                        result.payment_no
                    ),
                    None => end.map_or("nothing", End::name).into(),
                };
                let took = order.payment_no.as_deref().unwrap_or_default();
                let text = format!(
                    "platform took {} fen by {} {took}, {who} has: {told}",
                    order.captured, order.channel
                );
                self.say(Kind::CaptureUnknown, &order.number, text);
            }
        }
    }

    /// A refund that the platform carried out is a refunded order with the same amount and refund id in both books.
    fn refund(&mut self, order: &platform::Order, refund: &platform::Refund) {
        let about = refund.refund_number.as_str();
        match refund.state.as_str() {
            "refunded" => {}
            "processing" => {
                return self.say(Kind::Open, about, "platform: the refund is being processed".into());
            }
            _ => return,
        }
        let number = order_no(about);
        let his = self.in_ledger(number).map(|o| (&o.core, o.end, o.result.as_ref()));
        let pos = self.in_journal(number).map(|o| (&o.core, o.end, o.result.as_ref()));
        for (who, told) in [("HIS", his), ("POS", pos)] {
            let right = told.is_some_and(|(core, end, result)| {
                let same = result.is_some_and(|result| {
                    result.amount == refund.amount.saturating_neg() && result.refund_id == refund.refund_id
                });
                core.refund_of == order_no(&order.number)
                    && (end == End::Attention || end == End::Refunded && same)
            });
            if !right {
                let end = told.map_or("nothing", |(_, end, _)| end.name());
                let text = format!(
                    "platform gave back {} fen of {}, {who} has: {end}, or another amount, original or refund id",
                    refund.amount, order.number
                );
                self.say(Kind::Refund, about, text);
            }
        }
    }

    /// One order in both books: the same core, the same signed end, ended and answered, and its money at the platform.
    fn order(&mut self, number: &str) {
        let (his, pos) = (self.in_ledger(number), self.in_journal(number));
        let (Some(his), Some(pos)) = (his, pos) else {
            let who = if his.is_some() { "only HIS" } else { "only a POS" };
            return self.say(Kind::Ends, number, format!("{who} knows this order"));
        };
        if his.core.bytes != pos.core.bytes {
            self.say(Kind::Ends, number, "HIS and POS hold different orders of this number".into());
        }
        if his.end == End::Open || pos.end == End::Open {
            let text = format!("HIS has it {}, POS {}", his.end.name(), pos.end.name());
            return self.say(Kind::Open, number, text);
        }
        if !pos.answered {
            self.say(Kind::Open, number, "HIS has not answered the result of the POS".into());
        }
        if his.end != pos.end || his.result != pos.result {
            let text = format!(
                "HIS has it {}, POS {}, or with another signed result",
                his.end.name(),
                pos.end.name()
            );
            self.say(Kind::Ends, number, text);
        }
        for (who, end, result) in [("HIS", his.end, &his.result), ("POS", pos.end, &pos.result)] {
            if let Some(result) = result {
                self.money_of(number, who, end, result);
            }
        }
    }

    /// A paid order has its capture, and a refunded one its refund.
    fn money_of(&mut self, number: &str, who: &str, end: End, result: &crate::books::SignedEnd) {
        let orders = &self.books.platform.orders;
        if end == End::Paid {
            let captured = orders.iter().any(|order| {
                order_no(&order.number) == number
                    && order.captured == result.amount
                    && order.payment_no.as_ref() == Some(&result.payment_no)
            });
            if !captured {
                let text = format!(
                    "{who} has it paid, {} fen by {} {}, and the platform did not take that",
                    result.amount, result.channel, result.payment_no
                );
                self.say(Kind::PaidWithoutCapture, number, text);
            }
        }
        if end == End::Refunded {
            let refunds = orders.iter().flat_map(|order| &order.refunds);
            let carried_out = refunds
                .filter(|refund| order_no(&refund.refund_number) == number && refund.state == "refunded")
                .count();
            if carried_out != 1 {
                let text = format!(
                    "{who} has it refunded, and the platform carried out {carried_out} refunds of it"
                );
                self.say(Kind::Refund, number, text);
            }
        }
    }

    /// At most one pay request and one capture for an order, whatever was repeated.
    fn requests(&mut self) {
        let mut pays: BTreeMap<&str, usize> = BTreeMap::new();
        for call in self.books.platform.calls.iter().filter(|call| call.call == "pay") {
            *pays.entry(order_no(&call.number)).or_default() += 1;
        }
        let mut captures: BTreeMap<&str, usize> = BTreeMap::new();
        for order in self.books.platform.orders.iter().filter(|order| order.captured > 0) {
            *captures.entry(order_no(&order.number)).or_default() += 1;
        }
        for (number, count) in pays.into_iter().filter(|(_, count)| *count > 1) {
            self.say(Kind::PaidTwice, number, format!("the platform got {count} pay requests for one order"));
        }
        for (number, count) in captures.into_iter().filter(|(_, count)| *count > 1) {
            self.say(
                Kind::CapturedTwice,
                number,
                format!("the platform took money {count} times for one order"),
            );
        }
    }

    /// What HIS has as given back of a capture is what the platform gave back, and never more than it took.
    fn captures_given_back(&mut self) {
        for (number, capture) in &self.books.ledger.captures {
            let order = self.books.platform.orders.iter().find(|order| order.number == *number);
            let (took, gave) = order.map_or((0, 0), |order| (order.captured, order.refunded));
            let his = if capture.returned { capture.amount } else { capture.refunded };
            if capture.amount != took || his != gave || his > capture.amount {
                let text = format!(
                    "HIS has {} fen taken and {his} given back, the platform {took} and {gave}",
                    capture.amount
                );
                self.say(Kind::Refund, number, text);
            }
        }
    }

    /// What each channel took and did not give back. Orders that are with people are in no sum.
    fn sums(&mut self) {
        for channel in ["wechat", "alipay"] {
            let his = self.books.ledger.orders.values().map(|order| moved(order.end, &order.result, channel));
            let journals = self.books.journals.iter().flat_map(|journal| journal.orders.values());
            let pos = journals.map(|order| moved(order.end, &order.result, channel));
            let with_people = |number: &str| {
                self.in_ledger(order_no(number)).is_some_and(|order| order.end == End::Attention)
            };
            let orders = self.books.platform.orders.iter();
            let platform = orders
                .filter(|order| order.channel == channel && !with_people(&order.number))
                .map(|order| order.captured.saturating_sub(order.refunded));
            let sums = Sums { his: his.sum(), pos: pos.sum(), platform: platform.sum() };
            if sums.his != sums.platform || sums.pos != sums.platform {
                let text =
                    format!("HIS {} fen, POS {} fen, platform {} fen", sums.his, sums.pos, sums.platform);
                self.say(Kind::Sums, channel, text);
            }
            self.found.sums.insert(channel, sums);
        }
    }
}

/// What an order moved by a channel, in fen.
fn moved(end: End, result: &Option<crate::books::SignedEnd>, channel: &str) -> i64 {
    match result {
        Some(result) if matches!(end, End::Paid | End::Refunded) && result.channel == channel => {
            result.amount
        }
        _ => 0,
    }
}
