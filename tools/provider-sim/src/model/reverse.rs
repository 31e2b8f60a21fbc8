//! Undoing a payment: closing what is unpaid, giving back all of what is paid.

use crate::model::{
    Answer, Channel, Merchant, Millis, NumberRequest, Order, Outcome, Rules, Scenario, View, Word,
};

const DAY_MS: i64 = 24 * 3_600_000;

/// Reverses an order. A number that the book does not show is answered as the platforms do (WeChat: no such
/// order; Alipay: success without an action), and nothing is closed: a payment still on its way comes through.
pub fn reverse(
    rules: &Rules,
    view: &mut View,
    merchant: &Merchant,
    request: &NumberRequest,
    now: Millis,
) -> Outcome {
    let say =
        |word, again, action| Outcome::told(Answer::reversal(merchant, &request.number, word, again, action));
    let Some(order) = view.order.as_mut().filter(|order| order.visible(now)) else {
        return match merchant.channel {
            Channel::Wechat => say(Word::OrderUnknown, false, None),
            Channel::Alipay => say(Word::Done, false, None),
        };
    };
    let window = match merchant.channel {
        Channel::Wechat => 7 * DAY_MS,
        Channel::Alipay => DAY_MS,
    };
    if now.saturating_sub(order.created_at) > window {
        return say(Word::ReverseTooLate, false, None);
    }
    if order.held_by_refunds(now) > 0 {
        return say(Word::ReverseRefused, false, None);
    }
    if order.reversed_at.is_some() {
        return say(Word::Done, false, Some(action(order, now)));
    }
    order.reverses = order.reverses.saturating_add(1);
    let (word, again) = told(order);
    // The answer says what it would have done, whether it does it or not.
    take_effect(rules, order, now);
    say(word, again, (!again).then(|| action(order, now)))
}

fn action(order: &Order, now: Millis) -> &'static str {
    if order.captured(now) > 0 { "refund" } else { "close" }
}

/// What this call answers, and whether it asks to be called again.
fn told(order: &Order) -> (Word, bool) {
    match order.scenario {
        Scenario::ReverseBusy if order.reverses <= 2 => (busy(order.merchant.channel), true),
        Scenario::ReverseAgain if order.reverses <= 3 => (Word::Done, true),
        _ => (Word::Done, false),
    }
}

/// Alipay has no word for a payer who is busy: it says a system error and asks for another call.
fn busy(channel: Channel) -> Word {
    match channel {
        Channel::Wechat => Word::Waiting,
        Channel::Alipay => Word::Error,
    }
}

fn take_effect(rules: &Rules, order: &mut Order, now: Millis) {
    let delay = |order: &Order, what, low, high| rules.delay(what, &order.merchant, &order.number, low, high);
    let unpaid = order.captured_at.is_none();
    match order.scenario {
        Scenario::ReverseBusy if order.reverses <= 2 => {}
        Scenario::ReverseAgain if order.reverses <= 3 => {}
        Scenario::ReverseHollow => {
            if unpaid && order.reverses == 1 {
                order.capture_at(now.saturating_add(delay(order, "pay after reverse", 3_000, 8_000)));
            }
        }
        Scenario::PaidDuringReverse if unpaid => {
            order.capture_at(now);
            order.reverse_at(now.saturating_add(delay(order, "late reverse", 2_000, 6_000)));
        }
        Scenario::ReverseAgain => {
            order.reverse_at(now.saturating_add(delay(order, "late reverse", 1_000, 4_000)));
        }
        _ => order.reverse_at(now),
    }
}
