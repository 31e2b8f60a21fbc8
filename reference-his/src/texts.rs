//! What the cashier reads where no status of the catalogue says it: both languages side by side.

use hispos::catalogue::{Language, Status};

use crate::api::types::{Order, OrderState, Progress, TaskEnd, TaskKind, TaskState};

/// A text in both languages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Text {
    fn new(en: &str, zh: &str) -> Self {
        Self { en: en.to_owned(), zh: zh.to_owned() }
    }

    fn of_status(status: Status) -> Self {
        Self::new(status.cashier_text(Language::En), status.cashier_text(Language::Zh))
    }
}

/// What an order's state says to the cashier.
#[must_use]
pub fn of_order(state: OrderState, kind: TaskKind, status: u32) -> Text {
    match Status::from_code(status).filter(|_| state.ended()) {
        //= spec-crate/spec/catalogue.md#texts
        //# A program MUST show the cashier the catalogue's text of a status, or a text of its own that says
        //# the same about the money and about what to do next.
        Some(status) => return Text::of_status(status),
        //= spec-crate/spec/catalogue.md#texts
        //# A program MUST show a code that it does not know by its number, with a text that says that the
        //# money is unknown and is not to be taken again.
        None if state.ended() && status != 0 => return of_unknown_status(status),
        None => {}
    }
    match (state, kind) {
        (OrderState::Sent, TaskKind::Collection) => {
            Text::new("The terminal has the order.", "终端已收到订单。")
        }
        (OrderState::Sent, TaskKind::Refund) => {
            Text::new("The terminal has the refund. Give no cash for it.", "终端正在退款，请勿另付现金。")
        }
        (OrderState::Cancelling, _) => {
            Text::new("It is being cancelled: wait for its end.", "正在取消，请等待结果。")
        }
        (OrderState::Asking, kind) => unknown(kind),
        (OrderState::Paid, _) => Text::new("Paid.", "已收款。"),
        (OrderState::Refunded, _) => Text::new("The money was given back.", "已退款。"),
        // What people decided has no status.
        (OrderState::NotPaid, _) => Text::new("Not paid.", "未收款。"),
        (OrderState::NotRefunded, _) => Text::new("Not refunded.", "未退款。"),
        (OrderState::Attention, _) => Text::new("People have to look at it.", "需要人工处理。"),
    }
}

/// An end whose status this version does not know.
fn of_unknown_status(code: u32) -> Text {
    Text {
        en: format!(
            "Status {code} is not known here: whether money moved is unknown. Do not take it again and give no cash; \
             call the supervisor."
        ),
        zh: format!("未知状态码 {code}：资金状态不明，请勿重复收款，请勿另付现金，请联系主管。"),
    }
}

fn unknown(kind: TaskKind) -> Text {
    match kind {
        TaskKind::Collection => Text::new(
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST tell the cashier while an order is unknown that the money may have been taken and
            //# is not to be taken again, and for a refund that no cash is to be given.
            "Unknown whether it was paid: do not take the money again. It is being asked about.",
            "收款结果未知，请勿重复收款，系统正在查询。",
        ),
        TaskKind::Refund => Text::new(
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST tell the cashier while an order is unknown that the money may have been taken and
            //# is not to be taken again, and for a refund that no cash is to be given.
            "Unknown whether it was refunded: give no cash for it. It is being asked about.",
            "退款结果未知，请勿另付现金，系统正在查询。",
        ),
    }
}

/// What a task says to the cashier while it has not ended by an order.
#[must_use]
pub fn of_task(state: TaskState, kind: TaskKind, progress: Option<&Progress>) -> Text {
    match state {
        TaskState::Waiting => Text::new("Waiting for the terminal.", "等待终端就绪。"),
        TaskState::Making => Text::new("Sending the order to the terminal.", "正在向终端发送订单。"),
        TaskState::Unknown => unknown(kind),
        TaskState::Open | TaskState::Ended => {
            progress.map_or_else(|| of_order(OrderState::Sent, kind, 0), of_progress)
        }
    }
}

/// How far an order is, for the cashier.
#[must_use]
pub fn of_progress(progress: &Progress) -> Text {
    match progress.stage.as_str() {
        "wait_code" => Text {
            en: format!("Ask the patient to show a payment code ({} s).", progress.seconds_left),
            zh: format!("请患者出示付款码（{} 秒）。", progress.seconds_left),
        },
        "paying" => Text::new("Paying.", "正在扣款。"),
        "user_confirming" => {
            Text::new("The patient has to confirm on the phone.", "请患者在手机上确认支付。")
        }
        "reversing" => Text::new("Not paid in time: the platform is closing it.", "支付超时，正在撤销。"),
        "refunding" => Text::new("Refunding.", "正在退款。"),
        "looking" | "asking" => Text::new("The platform is being asked.", "正在查询支付平台。"),
        _ => Text::new("In progress.", "处理中。"),
    }
}

/// How a task ended without an order.
#[must_use]
pub fn of_no_order(code: &str, text: &str) -> Text {
    match code {
        "stopped" => Text::new("Stopped before an order was made: nothing moved.", "已停止，未发起收款。"),
        "timed_out" => Text::new(
            "The terminal was not ready in time: nothing moved.",
            "终端未在规定时间内就绪，未发起交易。",
        ),
        _ => Text {
            en: format!("No order was made, nothing moved: {text}."),
            zh: format!("未发起交易：{text}"),
        },
    }
}

/// What a task's end says, with its last order if it has one.
#[must_use]
pub fn of_end(end: TaskEnd, order: Option<&Order>, code: &str, text: &str) -> Text {
    match (end, order) {
        (TaskEnd::NotMade, _) => of_no_order(code, text),
        (_, Some(order)) => Text { en: order.text_en.clone(), zh: order.text_zh.clone() },
        (_, None) => Text::new("Ended.", "已结束。"),
    }
}

#[cfg(test)]
mod tests {
    use hispos::catalogue::{Language, Status};

    use super::of_order;
    use crate::api::types::{OrderState, TaskKind};

    const ENDS: [OrderState; 5] = [
        OrderState::Paid,
        OrderState::NotPaid,
        OrderState::Refunded,
        OrderState::NotRefunded,
        OrderState::Attention,
    ];

    //= spec-crate/spec/catalogue.md#code-ranges
    //= type=test
    //# A program MUST NOT show, store, total or export an order whose money is unknown as failed.
    //= spec-crate/spec/catalogue.md#texts
    //= type=test
    //# A program MUST show a code that it does not know by its number, with a text that says that the money
    //# is unknown and is not to be taken again.
    #[test]
    fn a_status_that_is_not_known_is_shown_by_its_number_and_never_as_failed() {
        for state in ENDS {
            let text = of_order(state, TaskKind::Collection, 299);
            assert!(text.en.contains("299") && text.en.contains("unknown"), "{text:?}");
            assert!(text.en.contains("Do not take it again"), "{text:?}");
            assert!(text.zh.contains("299") && text.zh.contains("请勿重复收款"), "{text:?}");
        }
    }

    //= spec-crate/spec/catalogue.md#texts
    //= type=test
    //# A program MUST show the cashier the catalogue's text of a status, or a text of its own that says the
    //# same about the money and about what to do next.
    #[test]
    fn a_known_status_has_the_text_of_the_catalogue() {
        for status in [Status::Paid, Status::NoCode, Status::NumberUsed, Status::RefundAbsent] {
            let text = of_order(OrderState::Attention, TaskKind::Collection, status.code());
            assert_eq!(text.en, status.cashier_text(Language::En));
            assert_eq!(text.zh, status.cashier_text(Language::Zh));
        }
    }
}
