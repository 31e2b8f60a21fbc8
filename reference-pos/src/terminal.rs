//! What the patient sees: one line at a time, in Chinese or English; for programs one JSON object a line.

use hispos::amount::Amount;
use hispos::catalogue::{Language, Status};
use hispos::link::pos::{OrderEvent, PosAlarm, PosEvent, Progress, Stage};
use hispos::message::result::Outcome;
use hispos_common::output::Output;
use serde_json::{Value, json};

use crate::payment::CodeRefusal;

/// The patient's display.
#[derive(Clone, Debug)]
pub struct Terminal {
    output: Output,
    language: Language,
    simulated: bool,
    /// What the present order is about.
    amount: Option<Amount>,
    shown: Option<(String, Stage)>,
}

impl Terminal {
    /// A display. A simulated site says so on every line.
    #[must_use]
    pub fn new(output: Output, language: Language, simulated: bool) -> Self {
        Self { output, language, simulated, amount: None, shown: None }
    }

    /// Shows what became of the link or an order, as far as it is the patient's or a program's to know.
    pub fn show(&mut self, event: &PosEvent) {
        match event {
            PosEvent::Order(order) => self.order(order),
            PosEvent::SessionUp { terminal_id } => {
                self.say(json!({"event": "session_up", "terminal_id": terminal_id}), None);
            }
            PosEvent::SessionDown { reason } => {
                self.say(json!({"event": "session_down", "reason": reason}), None);
            }
            PosEvent::Line(seen) => self.say(json!({"event": "line", "seen": format!("{seen:?}")}), None),
        }
    }

    /// Shows that a scanned code cannot be paid with.
    pub fn refused(&self, refusal: CodeRefusal) {
        let text = refusal.text(self.language);
        self.say(json!({"event": "code_refused", "why": refusal.name(), "text": text}), Some(text));
    }

    /// Shows that no order waits for the scanned code.
    pub fn not_waiting(&self) {
        let text =
            self.pick("现在无需付款，付款码未使用。", "Nothing is to be paid now. The code was not used.");
        self.say(json!({"event": "code_not_waited_for", "text": text}), Some(text.to_owned()));
    }

    fn order(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Accepted { order_no, amount } => {
                self.amount = Some(*amount);
                let object =
                    json!({"event": "accepted", "order_no": order_no.as_str(), "amount_fen": amount.fen()});
                self.say(object, None);
            }
            OrderEvent::Progress(progress) => self.progress(progress),
            OrderEvent::Ended { order_no, outcome, status, amount, channel, payment_no } => {
                let text = self.end_text(*status, *amount);
                let object = json!({
                    "event": "ended", "order_no": order_no.as_str(), "outcome": outcome_name(*outcome),
                    "status": status.name(), "amount_fen": amount.fen(),
                    "channel": channel.map(|channel| channel.name()), "payment_no": payment_no, "text": text,
                });
                (self.amount, self.shown) = (None, None);
                self.say(object, text);
            }
            OrderEvent::Answered { order_no, .. } => {
                self.say(json!({"event": "answered", "order_no": order_no.as_str()}), None);
            }
            OrderEvent::Merchant { merchant, verified } => {
                let object = json!({
                    "event": "merchant", "channel": merchant.channel.name(), "account": merchant.account,
                    "verified": verified,
                });
                self.say(object, None);
            }
            OrderEvent::Alarm(alarm) => self.say(alarm_object(alarm), None),
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let now = (progress.order_no.as_str().to_owned(), progress.stage);
        // The same stage again tells programs the seconds, and the patient nothing new.
        let text = if self.shown.as_ref() == Some(&now) { None } else { self.stage_text(progress) };
        self.shown = Some(now);
        let object = json!({
            "event": progress.stage.name(), "order_no": progress.order_no.as_str(),
            "channel": progress.channel.map(|channel| channel.name()),
            "money_unknown": progress.money_unknown, "seconds_left": progress.seconds_left, "text": text,
        });
        self.say(object, text);
    }

    //= spec-crate/spec/privacy.md#logs-screens-and-exports
    //# A POS MUST show the patient the amount and what to do, and nothing that tells the department or the
    //# treatment.
    fn stage_text(&self, progress: &Progress) -> Option<String> {
        let amount = self.amount.map(yuan).unwrap_or_default();
        Some(match progress.stage {
            Stage::WaitCode => match self.language {
                Language::Zh => format!("请出示付款码  {amount}元"),
                Language::En => format!("Please show your payment code: {amount} yuan"),
            },
            Stage::Paying => self.pick("正在支付，请稍候…", "Paying, please wait…").to_owned(),
            Stage::UserConfirming => {
                self.pick("请在手机上确认支付", "Please confirm the payment on your phone").to_owned()
            }
            Stage::Reversing => self.pick("正在取消支付，请稍候…", "Cancelling the payment…").to_owned(),
            Stage::Refunding => self.pick("正在退款，请稍候…", "Giving the money back…").to_owned(),
            Stage::Asking => self
                .pick("正在核实结果，请勿重复支付", "Checking the result. Please do not pay again")
                .to_owned(),
            Stage::Looking => return None,
        })
    }

    //= spec-crate/spec/catalogue.md#texts
    //# A program MUST show the patient nothing of a code whose text for the patient is empty.
    fn end_text(&self, status: Status, amount: Amount) -> Option<String> {
        let text = status.patient_text(self.language)?;
        Some(match status {
            Status::Paid | Status::PaidAfterCancel | Status::Refunded => match self.language {
                Language::Zh => format!("{text} {}元", yuan(amount)),
                Language::En => format!("{text} {} yuan", yuan(amount)),
            },
            _ => text.to_owned(),
        })
    }

    fn pick(&self, zh: &'static str, en: &'static str) -> &'static str {
        match self.language {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    /// People read the text, if there is one for them; programs every object.
    fn say(&self, mut object: Value, text: Option<String>) {
        if self.output.is_json() {
            if let Some(members) = object.as_object_mut() {
                members.insert("simulated".into(), self.simulated.into());
            }
            self.output.say(&object, "");
        } else if let Some(text) = text {
            let mark = if self.simulated { self.pick("【模拟】", "[SIMULATED] ") } else { "" };
            self.output.say(&object, format!("{mark}{text}"));
        }
    }
}

/// What the log keeps of an event: numbers, states and names, and no amount, payment number or person.
#[must_use]
pub fn logged(event: &PosEvent) -> String {
    match event {
        PosEvent::SessionUp { terminal_id } => format!("session with {terminal_id}"),
        PosEvent::SessionDown { reason } => format!("session ended: {reason}"),
        PosEvent::Line(seen) => format!("line: {seen:?}"),
        //= spec-crate/spec/privacy.md#logs-screens-and-exports
        //# A HIS and a POS MUST log of orders only the order number, state, status, alert, reject and drop
        //# names, channel, and times.
        //= spec-crate/spec/privacy.md#logs-screens-and-exports
        //# A HIS and a POS MUST NOT log operators, approvers and reasons.
        PosEvent::Order(order) => match order {
            OrderEvent::Accepted { order_no, .. } => format!("order {order_no} accepted"),
            OrderEvent::Progress(progress) => {
                format!("order {}: {}", progress.order_no, progress.stage.name())
            }
            OrderEvent::Ended { order_no, outcome, status, channel, .. } => {
                let channel = channel.map_or("no channel", |channel| channel.name());
                format!("order {order_no} ended: {}, {}, {channel}", outcome_name(*outcome), status.name())
            }
            OrderEvent::Answered { order_no, disposition } => {
                format!("order {order_no} answered: {disposition:?}")
            }
            OrderEvent::Merchant { merchant, verified } => {
                format!(
                    "{} merchant {}",
                    merchant.channel.name(),
                    if *verified { "verified" } else { "refused" }
                )
            }
            OrderEvent::Alarm(alarm) => format!("alarm {}", alarm_object(alarm)),
        },
    }
}

fn alarm_object(alarm: &PosAlarm) -> Value {
    match alarm {
        PosAlarm::NumberKnown { order_no } => {
            json!({"event": "alarm", "alarm": "number_known", "order_no": order_no.as_str()})
        }
        PosAlarm::Unconfirmed { order_no } => {
            json!({"event": "alarm", "alarm": "unconfirmed", "order_no": order_no.as_str()})
        }
        PosAlarm::JournalWentBack => json!({"event": "alarm", "alarm": "journal_went_back"}),
    }
}

const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Paid => "paid",
        Outcome::NotPaid => "not_paid",
        Outcome::Refunded => "refunded",
        Outcome::NotRefunded => "not_refunded",
        Outcome::Attention => "attention",
    }
}

/// An amount without its sign, in yuan: the patient is told which way the money goes in words.
fn yuan(amount: Amount) -> String {
    let fen = amount.fen().unsigned_abs();
    format!("{}.{:02}", fen / 100, fen % 100)
}

#[cfg(test)]
mod tests {
    use super::{Terminal, logged};
    use hispos::amount::Amount;
    use hispos::catalogue::{Language, Status};
    use hispos::ids::OrderNo;
    use hispos::link::pos::{OrderEvent, PosEvent, Progress, Stage};
    use hispos::message::result::Outcome;
    use hispos::platform::Channel;
    use hispos_common::output::Output;

    fn order_no() -> OrderNo {
        OrderNo::try_from("B0123456789").unwrap()
    }

    //= spec-crate/spec/privacy.md#logs-screens-and-exports
    //= type=test
    //# A HIS and a POS MUST log of orders only the order number, state, status, alert, reject and drop names,
    //# channel, and times.
    //= spec-crate/spec/privacy.md#logs-screens-and-exports
    //= type=test
    //# A HIS and a POS MUST NOT log operators, approvers and reasons.
    #[test]
    fn the_log_keeps_number_state_status_and_channel_of_an_order_and_nothing_else() {
        let amount = Amount::from_fen(98_765).unwrap();
        let accepted = OrderEvent::Accepted { order_no: order_no(), amount };
        assert_eq!(logged(&PosEvent::Order(accepted)), "order B0123456789 accepted");
        let ended = OrderEvent::Ended {
            order_no: order_no(),
            outcome: Outcome::Paid,
            status: Status::PaidAfterCancel,
            amount,
            channel: Some(Channel::Wechat),
            payment_no: Some("4200000077".into()),
        };
        assert_eq!(
            logged(&PosEvent::Order(ended)),
            "order B0123456789 ended: paid, paid_after_cancel, wechat"
        );
    }

    //= spec-crate/spec/privacy.md#logs-screens-and-exports
    //= type=test
    //# A POS MUST show the patient the amount and what to do, and nothing that tells the department or the
    //# treatment.
    #[test]
    fn the_patient_reads_the_amount_and_what_to_do_and_no_number() {
        let mut terminal = Terminal::new(Output::new(true), Language::Zh, false);
        terminal.amount = Some(Amount::from_fen(12_345).unwrap());
        for (stage, text) in [
            (Stage::WaitCode, Some("请出示付款码  123.45元")),
            (Stage::Paying, Some("正在支付，请稍候…")),
            (Stage::UserConfirming, Some("请在手机上确认支付")),
            (Stage::Reversing, Some("正在取消支付，请稍候…")),
            (Stage::Refunding, Some("正在退款，请稍候…")),
            (Stage::Asking, Some("正在核实结果，请勿重复支付")),
            (Stage::Looking, None),
        ] {
            let progress = Progress {
                order_no: order_no(),
                stage,
                channel: None,
                money_unknown: false,
                seconds_left: 9,
            };
            assert_eq!(terminal.stage_text(&progress).as_deref(), text);
        }
    }

    //= spec-crate/spec/catalogue.md#texts
    //= type=test
    //# A program MUST show the patient nothing of a code whose text for the patient is empty.
    #[test]
    fn a_status_without_a_text_for_the_patient_shows_him_nothing() {
        let terminal = Terminal::new(Output::new(true), Language::Zh, false);
        let shown = |status| terminal.end_text(status, Amount::from_fen(12_345).unwrap());
        assert_eq!(shown(Status::NeverSeen), None);
        assert_eq!(shown(Status::Paid).as_deref(), Some("支付成功。 123.45元"));
    }
}
