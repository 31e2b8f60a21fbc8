//! Giving money back, in parts or in full, and asking what became of it.

use crate::model::{
    Answer, Channel, Merchant, Millis, Order, Outcome, Refund, RefundEnd, RefundQueryRequest, RefundRequest,
    Rules, Scenario, View, Word, number_is_good,
};

/// How long after the capture a refund is possible.
const WINDOW_MS: i64 = 365 * 24 * 3_600_000;
/// How long a refund of [`Scenario::RefundSlow`] is in process.
const SLOW_MS: i64 = 30_000;

/// Requests a refund. The same number with the same content is the same refund; the sum of all refunds never
/// exceeds the capture. A refusal leaves the refund number free.
pub fn refund(
    rules: &Rules,
    view: &mut View,
    merchant: &Merchant,
    request: &RefundRequest,
    now: Millis,
) -> Outcome {
    let say = |word| Outcome::told(Answer::about(merchant, &request.number, word));
    if !number_is_good(&request.refund_number) || request.amount < 1 {
        return say(Word::BadParameter);
    }
    if view.refund_holder.as_ref().is_some_and(|holder| *holder != request.number) {
        return say(Word::RefundNumberUsed);
    }
    let Some(order) = view.order.as_mut().filter(|order| order.visible(now)) else {
        return say(Word::OrderUnknown);
    };
    if let Some(known) = order.refunds.iter().find(|refund| refund.number == request.refund_number) {
        let same = known.amount == request.amount && order.total == request.total;
        let fund_change = (merchant.channel == Channel::Alipay).then_some("N");
        return match same {
            true => Outcome::told(Answer::refund(order, known, fund_change, now)),
            false => say(Word::RefundNumberUsed),
        };
    }
    if let Some(word) = refusal(order, request, now) {
        return say(word);
    }
    let refund = new_refund(rules, order, request, now);
    let moved = refund.settles_at <= now && refund.end == RefundEnd::Success;
    let fund_change = (merchant.channel == Channel::Alipay).then_some(if moved { "Y" } else { "N" });
    let answer = Answer::refund(order, &refund, fund_change, now);
    order.refunds.push(refund);
    view.refund_holder = Some(request.number.clone());
    Outcome::told(answer)
}

/// Answers what the book shows of a refund. Changes nothing.
pub fn query_refund(view: &View, merchant: &Merchant, request: &RefundQueryRequest, now: Millis) -> Outcome {
    let say = |word| Outcome::told(Answer::about(merchant, &request.number, word));
    let Some(order) = view.order.as_ref().filter(|order| order.visible(now)) else {
        return say(match merchant.channel {
            Channel::Wechat => Word::RefundUnknown,
            Channel::Alipay => Word::OrderUnknown,
        });
    };
    match order.refunds.iter().find(|refund| refund.number == request.refund_number) {
        Some(refund) => Outcome::told(Answer::refund(order, refund, None, now)),
        None => say(Word::RefundUnknown),
    }
}

fn refusal(order: &Order, request: &RefundRequest, now: Millis) -> Option<Word> {
    let captured_at = order.captured_at.filter(|at| *at <= now);
    let left = order.total.saturating_sub(order.held_by_refunds(now));
    match captured_at {
        _ if order.total != request.total => Some(Word::TotalWrong),
        None => Some(Word::NotCaptured),
        Some(_) if order.reversed_at.is_some() => Some(Word::NotCaptured),
        Some(at) if now.saturating_sub(at) > WINDOW_MS => Some(Word::RefundTooLate),
        Some(_) if request.amount > left => Some(Word::RefundTooLarge),
        Some(_) if order.scenario == Scenario::MerchantShort => Some(Word::MerchantShort),
        Some(_) => None,
    }
}

fn new_refund(rules: &Rules, order: &Order, request: &RefundRequest, now: Millis) -> Refund {
    let merchant = &order.merchant;
    let (wait, end) = match (order.scenario, merchant.channel) {
        (Scenario::RefundSlow, _) => (rules.scaled(SLOW_MS), RefundEnd::Success),
        (Scenario::RefundAbnormal, channel) => {
            let wait = rules.delay("abnormal refund", merchant, &request.refund_number, 1_000, 3_000);
            // Alipay has no such state: the refund fails, and its number looks as if never requested.
            (wait, if channel == Channel::Wechat { RefundEnd::Abnormal } else { RefundEnd::Failed })
        }
        _ => (0, RefundEnd::Success),
    };
    Refund {
        number: request.refund_number.clone(),
        refund_id: rules.platform_number('R', merchant, &request.refund_number),
        amount: request.amount,
        requested_at: now,
        settles_at: now.saturating_add(wait),
        end,
    }
}
