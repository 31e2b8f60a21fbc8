//! The life of one task, from the wish to its end. Each step is durable before what follows from it.

use hispos::book::Query;
use hispos::catalogue::{Retry, Status};
use hispos::time::Instant;
use hispos::timers;
use tokio::sync::{oneshot, watch};

use super::orders::Heard;
use super::task::{Asked, End, State, Task};
use super::{Desk, view};
use crate::api::types::{Order, OrderState, Progress, TaskEnd, TaskKind, TaskState, TaskView};
use crate::events::Happening;
use crate::ledger::{LedgerError, Unwritten};
use crate::link::{Command, LinkState, NotMade, WindowHandle};

/// A task that runs.
pub(super) struct Run {
    desk: Desk,
    window: WindowHandle,
    task: Task,
    /// Of the task's row.
    version: u64,
    stop: watch::Receiver<bool>,
    view: watch::Sender<Option<TaskView>>,
    /// The latest order, as last read.
    order: Option<Order>,
    /// No order is made by itself before this.
    not_before: Instant,
}

/// What comes next.
enum Step {
    /// For the window, and the gap between two orders.
    Wait,
    /// Make an order.
    Make,
    /// See an order to its end.
    Follow(String),
    /// Nothing more.
    End(End),
}

impl Run {
    pub(super) fn new(
        desk: Desk,
        window: WindowHandle,
        (task, version): (Task, u64),
        stop: watch::Receiver<bool>,
        view: watch::Sender<Option<TaskView>>,
    ) -> Self {
        let gap = if task.orders.is_empty() { 0 } else { timers::AGAIN_NOW_GAP };
        let not_before = Instant(desk.now().0.saturating_add(gap));
        Self { desk, window, task, version, stop, view, order: None, not_before }
    }

    /// Runs the task to its end, or until the ledger fails: the next start then takes it up from its row.
    pub(super) async fn run(mut self) {
        if let Err(error) = self.steps().await {
            self.desk.failed(&error);
        }
    }

    async fn steps(&mut self) -> Result<(), LedgerError> {
        let mut step = match self.task.state.clone() {
            State::Waiting => Step::Wait,
            // Found at a start. If the order was made, it is followed; it is never made again.
            State::Acting { known } => self.made_since(&known).await?.map_or(Step::Wait, Step::Follow),
            State::Ended(_) => return Ok(()),
        };
        loop {
            step = match step {
                Step::Wait => self.wait().await?,
                Step::Make => self.make().await?,
                Step::Follow(order_no) => self.follow(order_no).await?,
                Step::End(end) => return self.end(end).await,
            }
        }
    }

    async fn wait(&mut self) -> Result<Step, LedgerError> {
        loop {
            if *self.stop.borrow_and_update() || self.task.stopped {
                return Ok(Step::End(self.end_without_more("stopped", "the cashier stopped it")));
            }
            let (now, deadline) = (self.desk.now(), self.deadline());
            if now >= deadline {
                return Ok(Step::End(self.end_without_more("timed_out", "the time ran out")));
            }
            if now >= self.not_before && self.window.state.borrow_and_update().ready {
                return Ok(Step::Make);
            }
            self.show(TaskState::Waiting, None);
            let next = if now < self.not_before { self.not_before.min(deadline) } else { deadline };
            tokio::select! {
                _ = self.stop.changed() => {}
                _ = self.window.state.changed() => {}
                () = self.desk.sleep_until(next) => {}
            }
        }
    }

    async fn make(&mut self) -> Result<Step, LedgerError> {
        let known = self.orders_of_bill().await?.into_iter().map(|order| order.order_no).collect::<Vec<_>>();
        self.task.state = State::Acting { known: known.clone() };
        self.write().await?;
        self.show(TaskState::Making, None);
        let Some(make) = self.task.asked.make() else {
            return Ok(Step::End(End::not_made("row", "the row of this task is not readable")));
        };
        let (answer, answered) = oneshot::channel();
        let sent = self.window.commands.send(Command::Make(make, answer)).await;
        let refused = match (sent, answered.await) {
            (Ok(()), Ok(Ok(order_no))) => return Ok(Step::Follow(order_no)),
            (Ok(()), Ok(Err(refused))) => refused,
            // The driver has ended, or dropped the question: the ledger knows whether an order was made.
            _ => NotMade { code: "link".into(), text: "the link was lost".into(), again: true },
        };
        if let Some(order_no) = self.made_since(&known).await? {
            return Ok(Step::Follow(order_no));
        }
        if refused.again {
            self.not_before = Instant(self.desk.now().0.saturating_add(1000));
            return Ok(Step::Wait);
        }
        Ok(Step::End(End::not_made(&refused.code, &refused.text)))
    }

    async fn follow(&mut self, order_no: String) -> Result<Step, LedgerError> {
        if !self.task.orders.contains(&order_no) {
            self.task.orders.push(order_no.clone());
        }
        self.not_before = Instant(self.desk.now().0.saturating_add(timers::AGAIN_NOW_GAP));
        let mut heard = self.desk.orders().follow(&order_no);
        self.order = self.desk.order(&order_no).await?;
        let mut cancelled = false;
        loop {
            let (progress, ended) = self.hear(&mut heard);
            if ended {
                return Ok(self.after_order());
            }
            //= spec-crate/spec/orders.md#what-his-asks-in-a-session
            //# A HIS MUST show every open order of a device as unknown, and never as failed, while it has no
            //# session past Sync with the device, has opened no record of it for 25 seconds, or has the order
            //# in Asking.
            let state = if self.heard() { TaskState::Open } else { TaskState::Unknown };
            self.show(state, progress);
            let wanted = *self.stop.borrow_and_update() || self.desk.now() >= self.deadline();
            if wanted && !cancelled {
                // That no further order follows is durable before this one is cancelled.
                self.task.stopped = true;
                self.write().await?;
                // Refused if it has ended meanwhile: its end is on its way.
                cancelled = self.desk.cancel(&order_no).await.is_ok();
            }
            let deadline = self.deadline();
            tokio::select! {
                changed = heard.changed() => if changed.is_err() { return Err(LedgerError::Gone) },
                _ = self.stop.changed(), if !cancelled => {}
                changed = self.window.state.changed() => if changed.is_err() { return Err(LedgerError::Gone) },
                () = self.desk.sleep_until(deadline), if !cancelled => {}
            }
        }
    }

    /// Takes what was told of the followed order.
    fn hear(&mut self, heard: &mut watch::Receiver<Heard>) -> (Option<Progress>, bool) {
        let heard = heard.borrow_and_update().clone();
        if heard.order.is_some() {
            self.order = heard.order;
        }
        (heard.progress, self.order.as_ref().is_some_and(|order| order.state.ended()))
    }

    /// What follows from the order that has just ended.
    fn after_order(&self) -> Step {
        let Some(order) = &self.order else {
            return Step::Wait;
        };
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST NOT make another order of a bill by itself after an end whose status has another retry
        //# class, or one that it does not know.
        let again = order.status_code.and_then(Status::from_code).map(Status::retry) == Some(Retry::AgainNow);
        let collects = self.task.asked.kind() == TaskKind::Collection;
        match order.state {
            // A task that was stopped ends there.
            OrderState::NotPaid if again && collects => Step::Wait,
            OrderState::NotPaid => Step::End(End::of_order(TaskEnd::NotPaid)),
            OrderState::Paid => Step::End(End::of_order(TaskEnd::Paid)),
            OrderState::Refunded => Step::End(End::of_order(TaskEnd::Refunded)),
            OrderState::NotRefunded => Step::End(End::of_order(TaskEnd::NotRefunded)),
            OrderState::Attention => Step::End(End::of_order(TaskEnd::Attention)),
            OrderState::Sent | OrderState::Cancelling | OrderState::Asking => {
                Step::Follow(order.order_no.clone())
            }
        }
    }

    /// The end of a task that makes no more orders: as its last order ended, or that there was none.
    fn end_without_more(&self, code: &str, text: &str) -> End {
        if self.order.is_some() || !self.task.orders.is_empty() {
            End::of_order(TaskEnd::NotPaid)
        } else {
            End::not_made(code, text)
        }
    }

    async fn end(&mut self, end: End) -> Result<(), LedgerError> {
        if self.order.is_none()
            && let Some(last) = self.task.orders.last().cloned()
        {
            self.order = self.desk.order(&last).await?;
        }
        self.task.state = State::Ended(end);
        self.write().await?;
        // Before it is told: whoever hears of the end may begin the next one at once.
        self.desk.running().release(&self.task);
        self.show(TaskState::Ended, None);
        Ok(())
    }

    /// The order that was made for this task since `known` was read, if one was.
    async fn made_since(&self, known: &[String]) -> Result<Option<String>, LedgerError> {
        let orders = self.orders_of_bill().await?;
        Ok(orders
            .into_iter()
            .rev()
            .find(|order| !known.contains(&order.order_no))
            .map(|order| order.order_no))
    }

    /// The orders of the bill that a task like this one makes: same direction and amount and, for a refund, the same
    /// original and item. Oldest first.
    async fn orders_of_bill(&self) -> Result<Vec<Order>, LedgerError> {
        let asked = &self.task.asked;
        let (original, item) = match asked {
            Asked::Refund { order_no, item, .. } => (Some(order_no), item.as_str()),
            Asked::Collect { .. } => (None, ""),
        };
        let found = self.desk.ledger().find(Query::Bill(self.task.bill.clone())).await?;
        let amount = view::amount_text(asked.fen());
        Ok(found
            .rows
            .iter()
            .filter_map(view::order)
            .filter(|order| order.kind == asked.kind() && order.amount == amount)
            .filter(|order| order.refund_of.as_ref() == original && order.item == item)
            .collect())
    }

    /// Whether what is shown of the open order holds.
    fn heard(&mut self) -> bool {
        let link: LinkState = self.window.state.borrow_and_update().clone();
        link.heard() && self.order.as_ref().is_none_or(|order| order.state != OrderState::Asking)
    }

    fn deadline(&self) -> Instant {
        let deadline = self.task.deadline;
        if deadline.boot == self.desk.boot() { Instant(deadline.at) } else { Instant(0) }
    }

    /// Makes the task's row durable.
    async fn write(&mut self) -> Result<(), LedgerError> {
        match self.desk.ledger().commit(self.task.batch(self.version)).await {
            Ok(anchor) => {
                self.version = anchor.seq;
                Ok(())
            }
            Err(Unwritten::Failed(error)) => Err(error),
            Err(Unwritten::Stale) => Err(LedgerError::Store("two programs run this task".into())),
        }
    }

    /// Shows where the task is, if that is anything new.
    fn show(&self, state: TaskState, progress: Option<Progress>) {
        let before = self.view.borrow().clone();
        let change = before.as_ref().map_or(0, |view| view.change);
        let mut view = view::task(&self.task, state, self.order.as_ref(), progress, change);
        if before.as_ref() == Some(&view) {
            return;
        }
        view.change = change.saturating_add(1);
        self.desk.events().publish(Happening::Task(view.clone()));
        self.view.send_replace(Some(view));
    }
}
