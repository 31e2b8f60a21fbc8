//! Taking money by a code.

use crate::model::{
    Answer, Channel, CodeUse, Delivery, Merchant, Millis, Order, Outcome, PayRequest, Rules, Scenario, State,
    TOTAL_FEN_MAX, View, Word, number_is_good,
};

/// How long a code lives from its first sight.
const CODE_LIFE_MS: i64 = 60_000;
/// How long a payer is asked for the password.
const PROMPT_MS: i64 = 45_000;
/// How long an order of [`Scenario::VisibleLater`] is seen by no query.
const HIDDEN_MS: i64 = 8_000;

/// Tries to take the total of an order, once a number and once a code; writes the order and the code into the
/// view. Whatever the scenario, nothing is captured at or after the request's `expires_at`.
pub fn pay(
    rules: &Rules,
    view: &mut View,
    merchant: &Merchant,
    request: &PayRequest,
    now: Millis,
) -> Outcome {
    let scenario = Scenario::of(&request.code, request.total);
    let silent =
        |delivery| Outcome { answer: Answer::about(merchant, &request.number, Word::Error), delivery };
    match scenario {
        Scenario::RequestLost => return silent(Delivery::Silent),
        Scenario::Unavailable => return silent(Delivery::Unavailable),
        _ => {}
    }
    if let Some(word) = refusal(rules, view, merchant, request, now) {
        return Outcome::told(Answer::about(merchant, &request.number, word));
    }
    let story = Story::of(scenario, rules, merchant, &request.number, now);
    let Some(mut order) = story.order(rules, merchant, request, scenario, now) else {
        return Outcome::told(Answer::about(merchant, &request.number, story.word));
    };
    if let Some(at) = story.capture_at {
        order.capture_at(at);
    }
    // What waits for a payment that comes too late waits in vain: nobody ever sees the hidden trade.
    if story.hidden_until_captured && order.captured_at.is_none() {
        order.visible_from = Millis::MAX;
    }
    let answer = match story.word {
        Word::Done => Answer::trade(&order, Word::Done, now),
        word => Answer::about(merchant, &request.number, word),
    };
    view.order = Some(order);
    Outcome { answer, delivery: story.delivery }
}

/// What is said before any order exists; remembers the code as seen, and as used once nothing else is wrong.
fn refusal(
    rules: &Rules,
    view: &mut View,
    merchant: &Merchant,
    request: &PayRequest,
    now: Millis,
) -> Option<Word> {
    let expires_at = request.expires_at.saturating_mul(1000);
    if !number_is_good(&request.number) || !(1..=TOTAL_FEN_MAX).contains(&request.total) {
        return Some(Word::BadParameter);
    }
    if !merchant.channel.owns_code(&request.code) {
        return Some(Word::CodeForeign);
    }
    let code = *view.code.get_or_insert(CodeUse { first_seen: now, used: false });
    if let Some(order) = &view.order {
        return Some(match order.state(now) {
            State::Captured | State::Refunded => Word::OrderPaid,
            State::Reversed => Word::OrderReversed,
            State::Closed if order.reversed(now) => Word::OrderReversed,
            State::Closed => Word::OrderClosed,
            State::Waiting | State::Unpaid => Word::NumberUsed,
        });
    }
    if expires_at <= now {
        return Some(Word::BadParameter);
    }
    if code.used {
        return Some(Word::CodeUsed);
    }
    view.code = Some(CodeUse { used: true, ..code });
    let too_old = now.saturating_sub(code.first_seen) >= rules.scaled(CODE_LIFE_MS);
    too_old.then_some(Word::CodeExpired)
}

/// What a scenario makes of a payment.
#[derive(Clone, Copy)]
struct Story {
    word: Word,
    delivery: Delivery,
    keeps_order: bool,
    capture_at: Option<Millis>,
    prompt_until: Millis,
    visible_from: Millis,
    hidden_until_captured: bool,
}

impl Story {
    fn of(scenario: Scenario, rules: &Rules, merchant: &Merchant, number: &str, now: Millis) -> Story {
        let paid = Story {
            word: Word::Done,
            delivery: Delivery::Told,
            keeps_order: true,
            capture_at: Some(now),
            prompt_until: now,
            visible_from: now,
            hidden_until_captured: false,
        };
        let unpaid = |word| Story { word, capture_at: None, ..paid };
        let refused = |word| Story { keeps_order: false, ..unpaid(word) };
        let after = |what, low, high| now.saturating_add(rules.delay(what, merchant, number, low, high));
        match scenario {
            Scenario::Paid | Scenario::WrongTotal => paid,
            Scenario::RefundSlow | Scenario::RefundAbnormal | Scenario::MerchantShort => paid,
            // Alipay makes the trade only with the password: until then a query does not find it.
            Scenario::PasswordLater => {
                let hidden = merchant.channel == Channel::Alipay;
                paid.coming(Word::Waiting, after("password", 4_000, 8_000), hidden)
            }
            Scenario::ErrorButPaid => paid.coming(Word::GatewayError, after("late pay", 1_000, 4_000), true),
            Scenario::PasswordNever
            | Scenario::PaidDuringReverse
            | Scenario::ReverseBusy
            | Scenario::ReverseAgain
            | Scenario::ReverseHollow => {
                let prompt_until = now.saturating_add(rules.scaled(PROMPT_MS));
                Story { prompt_until, ..unpaid(Word::Waiting) }
            }
            Scenario::VisibleLater => {
                let visible_from = now.saturating_add(rules.scaled(HIDDEN_MS));
                Story { word: Word::GatewayError, visible_from, ..paid }
            }
            Scenario::AnswerLost => Story { delivery: Delivery::Lost, ..paid },
            Scenario::BadSignature => Story { delivery: Delivery::Forged, ..paid },
            Scenario::NotEnough => unpaid(Word::NotEnough),
            Scenario::CodeExpired => refused(Word::CodeExpired),
            Scenario::Risk => refused(Word::Risk),
            Scenario::ErrorNotPaid | Scenario::RequestLost | Scenario::Unavailable => refused(Word::Error),
        }
    }

    /// The same payment, taking effect at a later time.
    fn coming(self, word: Word, at: Millis, hidden: bool) -> Story {
        let visible_from = if hidden { at } else { self.visible_from };
        let capture_at = Some(at);
        Story { word, capture_at, prompt_until: at, visible_from, hidden_until_captured: hidden, ..self }
    }

    /// The order that the story leaves in the book.
    fn order(
        &self,
        rules: &Rules,
        merchant: &Merchant,
        request: &PayRequest,
        scenario: Scenario,
        now: Millis,
    ) -> Option<Order> {
        let expires_at = request.expires_at.saturating_mul(1000);
        self.keeps_order.then(|| Order {
            merchant: merchant.clone(),
            number: request.number.clone(),
            total: request.total,
            subject: request.subject.clone(),
            scenario,
            payment_no: rules.platform_number('P', merchant, &request.number),
            created_at: now,
            expires_at,
            visible_from: self.visible_from,
            prompt_until: self.prompt_until.min(expires_at),
            captured_at: None,
            reversed_at: None,
            reverses: 0,
            refunds: Vec::new(),
        })
    }
}
