//! What the reference links tell, as events of the interface.

use hispos::link::his::{HisAlarm, HisOrderEvent};
use hispos::link::pos::{OrderEvent, PosAlarm};
use hispos::link::{HisEvent, PosEvent};
use serde_json::{Value, json};

use crate::refusals;

fn event(name: &str, members: Value) -> Value {
    let mut line = json!({"is": "event", "event": name});
    if let (Some(line), Value::Object(members)) = (line.as_object_mut(), members) {
        line.extend(members);
    }
    line
}

/// What a HIS link tells.
pub(crate) fn his_event(told: HisEvent) -> Value {
    match told {
        HisEvent::Order(HisOrderEvent::Made { ticket, order }) => {
            event("made", json!({"ticket": ticket, "order_no": order.order_no.as_str()}))
        }
        HisEvent::Order(HisOrderEvent::Refused { ticket, why }) => {
            event("refused", json!({"ticket": ticket, "why": refusals::of_order(&why)}))
        }
        HisEvent::Order(HisOrderEvent::Ended(order)) => {
            event("ended", json!({"order_no": order.order_no.as_str()}))
        }
        HisEvent::Order(HisOrderEvent::Changed(order)) => {
            event("changed", json!({"order_no": order.order_no.as_str()}))
        }
        HisEvent::Order(HisOrderEvent::Alarm(alarm)) => his_alarm(&alarm),
        HisEvent::SessionUp { device_id, software, .. } => {
            event("session_up", json!({"device_id": device_id, "software": software}))
        }
        HisEvent::Ready => event("ready", json!({})),
        HisEvent::SessionDown { reason } => event("session_down", json!({"reason": reason})),
        HisEvent::Silent => event("silent", json!({})),
        HisEvent::Progress(progress) => {
            let stage = format!("{:?}", progress.stage);
            event("progress", json!({"order_no": progress.order_no.as_str(), "stage": stage}))
        }
        HisEvent::Rejected { order_no, code, .. } => {
            event("rejected", json!({"order_no": order_no.as_str(), "code": code}))
        }
        HisEvent::Totals { business_day, .. } => event("totals", json!({"business_day": business_day})),
        HisEvent::Pulled => event("pulled", json!({})),
        HisEvent::DeviceNotice { code, text } => event("notice", json!({"code": code, "text": text})),
        HisEvent::Line(seen) => event("line", json!({"seen": format!("{seen:?}")})),
    }
}

fn his_alarm(alarm: &HisAlarm) -> Value {
    let (name, order_no) = match alarm {
        HisAlarm::NotAuthentic => ("not_authentic", None),
        HisAlarm::Orphan { order_no } => ("orphan", Some(order_no)),
        HisAlarm::Contradiction { order_no } => ("contradiction", Some(order_no)),
        HisAlarm::Refused { order_no, .. } => ("refused", Some(order_no)),
        HisAlarm::Conflict { order_no } => ("conflict", Some(order_no)),
        HisAlarm::LedgerWentBack => ("ledger_went_back", None),
    };
    event("alarm", json!({"alarm": name, "order_no": order_no.map(|order_no| order_no.as_str())}))
}

/// What a POS link tells.
pub(crate) fn pos_event(told: PosEvent) -> Value {
    let order = match told {
        PosEvent::SessionUp { terminal_id } => {
            return event("session_up", json!({"terminal_id": terminal_id}));
        }
        PosEvent::SessionDown { reason } => return event("session_down", json!({"reason": reason})),
        PosEvent::Line(seen) => return event("line", json!({"seen": format!("{seen:?}")})),
        PosEvent::Order(order) => order,
    };
    match order {
        OrderEvent::Accepted { order_no, amount } => {
            event("accepted", json!({"order_no": order_no.as_str(), "amount": amount.fen()}))
        }
        OrderEvent::Progress(progress) => {
            let stage = format!("{:?}", progress.stage);
            event("progress", json!({"order_no": progress.order_no.as_str(), "stage": stage}))
        }
        OrderEvent::Ended { order_no, outcome, status, .. } => {
            let ended =
                json!({"order_no": order_no.as_str(), "outcome": outcome.code(), "status": status.code()});
            event("ended", ended)
        }
        OrderEvent::Answered { order_no, disposition } => event(
            "answered",
            json!({"order_no": order_no.as_str(), "disposition": format!("{disposition:?}")}),
        ),
        OrderEvent::Merchant { merchant, verified } => {
            event("merchant", json!({"channel": merchant.channel.code(), "verified": verified}))
        }
        OrderEvent::Alarm(PosAlarm::JournalWentBack) => event("alarm", json!({"alarm": "journal_went_back"})),
        OrderEvent::Alarm(PosAlarm::NumberKnown { order_no }) => {
            event("alarm", json!({"alarm": "number_known", "order_no": order_no.as_str()}))
        }
        OrderEvent::Alarm(PosAlarm::Unconfirmed { order_no }) => {
            event("alarm", json!({"alarm": "unconfirmed", "order_no": order_no.as_str()}))
        }
    }
}
