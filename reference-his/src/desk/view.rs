//! From rows of the ledger to what travels over HTTP.

use hispos::amount::Amount;
use hispos::book::{Row, Table};
use hispos::catalogue::Status;
use hispos::ledger::{self, BillView, CaptureView, DecisionKind, OrderView};
use hispos::platform::Channel;

use super::task::{State, Task};
use crate::api::types::{
    Bill, Capture, Decision, Order, OrderState, Progress, TaskKind, TaskState, TaskView, Totals, TotalsRow,
    Window,
};
use crate::link::WindowHandle;
use crate::texts;

/// An order row; `None` if it is none, or was never written.
pub(crate) fn order(row: &Row) -> Option<Order> {
    (row.key.table == Table::Order && row.version > 0)
        .then(|| OrderView::read(row))
        .flatten()
        .map(|view| of(&view))
}

/// An order as the link tells of it.
pub(crate) fn of(view: &OrderView) -> Order {
    let state = state(view.state);
    let fen = view.amount.map_or(0, Amount::fen);
    let kind = if fen < 0 { TaskKind::Refund } else { TaskKind::Collection };
    let status = Status::from_code(view.status);
    let text = texts::of_order(state, kind, view.status);
    let present = |number: u64| (number != 0).then_some(number);
    Order {
        order_no: view.order_no.to_string(),
        bill: view.bill.clone(),
        device: view.device_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        window: view.terminal_id.clone(),
        kind,
        amount: amount_text(fen),
        state,
        status: status.map(|status| status.name().to_owned()),
        status_code: (view.status != 0).then_some(view.status),
        money: money(state, status).to_owned(),
        retry: status.map(|status| status.retry().name().to_owned()),
        channel: view.channel.map(|channel| channel.name().to_owned()),
        payment_no: view.payment_no.clone(),
        refund_id: view.refund_id.clone(),
        captured_at: view.captured_at.map(|at| at.0),
        posting: (view.posting != "none").then(|| view.posting.to_owned()),
        business_day: view.business_day,
        made_at: present(view.made_at),
        ended_at: present(view.ended_at),
        refund_of: view.refund_of.as_ref().map(|original| original.order_no.to_string()),
        item: view.item.clone(),
        evidence: view.evidence,
        orphan: view.orphan,
        text_en: text.en,
        text_zh: text.zh,
    }
}

/// A capture row; `None` if it is none.
pub(crate) fn capture(row: &Row) -> Option<Capture> {
    let view = (row.key.table == Table::Capture).then(|| CaptureView::read(row)).flatten()?;
    Some(Capture {
        order_no: view.order_no,
        channel: view.channel.map(|channel| channel.name().to_owned()),
        payment_no: view.payment_no,
        amount: amount_text(i64::try_from(view.amount).unwrap_or(i64::MAX)),
        refunded_fen: view.refunded,
        reserved_fen: view.reserved,
        returned: view.returned,
    })
}

/// A bill from the rows that its query found; `None` if nothing was ever made for it.
pub(crate) fn bill(bill: &str, rows: &[Row]) -> Option<Bill> {
    let (first, rest) = rows.split_first()?;
    if first.version == 0 && rest.is_empty() {
        return None;
    }
    Some(Bill {
        bill: bill.to_owned(),
        present: BillView::read(first).map(|view| view.present).filter(|present| !present.is_empty()),
        orders: rest.iter().filter_map(order).collect(),
        captures: rest.iter().filter_map(capture).collect(),
    })
}

/// A task as far as it is.
pub(crate) fn task(
    task: &Task,
    state: TaskState,
    order: Option<&Order>,
    progress: Option<Progress>,
    change: u64,
) -> TaskView {
    let kind = task.asked.kind();
    let (end, text) = match &task.state {
        State::Ended(end) => (Some(end.end), texts::of_end(end.end, order, &end.code, &end.text)),
        _ => (None, texts::of_task(state, kind, progress.as_ref())),
    };
    let money = match (end, order) {
        (Some(_), Some(order)) => order.money.clone(),
        (None, Some(_)) => "unknown".to_owned(),
        (_, None) => "none".to_owned(),
    };
    TaskView {
        id: task.id.clone(),
        kind,
        window: task.window.clone(),
        bill: task.bill.clone(),
        amount: amount_text(task.asked.fen()),
        state,
        end,
        order_no: order.map(|order| order.order_no.clone()),
        orders: task.orders.clone(),
        status: order.and_then(|order| order.status.clone()),
        money,
        channel: order.and_then(|order| order.channel.clone()),
        payment_no: order.and_then(|order| order.payment_no.clone()),
        refund_id: order.and_then(|order| order.refund_id.clone()),
        progress,
        text_en: text.en,
        text_zh: text.zh,
        change,
    }
}

/// Totals of a day, a device's or the ledger's own.
pub(crate) fn totals(totals: &ledger::Totals) -> Totals {
    Totals {
        rows: totals.rows.iter().map(totals_row).collect(),
        open: totals.open,
        digest: totals.digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn totals_row(row: &ledger::TotalsRow) -> TotalsRow {
    TotalsRow {
        channel: Channel::from_code(row.channel).map(|channel| channel.name().to_owned()),
        kind: if row.kind == 2 { TaskKind::Refund } else { TaskKind::Collection },
        count: row.count,
        fen: row.amount,
        beyond: row.beyond,
    }
}

/// A window and what is known of its terminal.
pub(crate) fn window(handle: &WindowHandle) -> Window {
    let state = handle.state.borrow().clone();
    Window {
        window: handle.window.clone(),
        device: handle.device.clone(),
        ready: state.ready,
        silent: state.silent,
        software: state.software,
        simulated: state.simulated,
        blocked: state.blocked,
        text: state.text,
    }
}

/// Fen as a person types them. A row with an impossible amount shows its fen.
pub(crate) fn amount_text(fen: i64) -> String {
    Amount::from_fen(fen).map_or_else(|_| format!("{fen} fen"), |amount| amount.to_string())
}

/// A decision as the ledger names it.
pub(crate) fn decision(decision: Decision) -> DecisionKind {
    match decision {
        Decision::Evidence => DecisionKind::Evidence,
        Decision::NotPaid => DecisionKind::NotPaid,
        Decision::Keep => DecisionKind::Keep,
        Decision::Returned => DecisionKind::Returned,
    }
}

fn state(name: &str) -> OrderState {
    match name {
        "sent" => OrderState::Sent,
        "cancelling" => OrderState::Cancelling,
        "paid" => OrderState::Paid,
        "not_paid" => OrderState::NotPaid,
        "refunded" => OrderState::Refunded,
        "not_refunded" => OrderState::NotRefunded,
        "attention" => OrderState::Attention,
        // Also a state that this version does not know: open, and unknown.
        _ => OrderState::Asking,
    }
}

/// Where the patient's money is. A status that this version does not know, and an order that has not ended, say
/// `unknown`.
fn money(state: OrderState, status: Option<Status>) -> &'static str {
    match status {
        Some(status) if state.ended() => status.money().name(),
        _ => "unknown",
    }
}
