//! The desk: collections and refunds, from what a person asks for to how it ended.
//!
//! Each is a [`Task`](task::Task): named by who asks, so that asking twice is asking once; a row of the ledger, so that
//! it survives a kill; and run by [`Run`](run::Run), which asks a window's driver for orders and follows them.

mod act;
mod days;
mod decide;
mod error;
mod orders;
mod run;
mod running;
mod task;
#[cfg(test)]
mod tests;
pub(crate) mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hispos::book::{Query, RowKey, Table};
use hispos::message::agreement::Agreement;
use hispos::time::{Clock, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::api::types::{Order, Progress, TaskKind, TaskState, TaskView};
use crate::events::{Events, Happening};
use crate::ledger::{Ledger, LedgerError, Unwritten};
use crate::link::WindowHandle;
use orders::Orders;
use run::Run;
use running::{Handle, Running};
use task::{Deadline, Task};

pub use error::DeskError;
pub(crate) use task::Asked;

/// Reads both clocks.
pub type ClockSource = Arc<dyn Fn() -> Clock + Send + Sync>;

/// Tells the business day of this moment, as YYYYMMDD; `None` without a clock or an agreement.
pub type Today = Arc<dyn Fn() -> Option<u32> + Send + Sync>;

/// Tells every agreement ever held, newest first.
pub type Agreements = Arc<dyn Fn() -> Vec<Agreement> + Send + Sync>;

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: Ledger,
    windows: BTreeMap<String, WindowHandle>,
    orders: Orders,
    events: Events,
    clock: ClockSource,
    boot: [u8; 16],
    agreements: Agreements,
    today: Today,
    running: Running,
    runs: Mutex<JoinSet<()>>,
    failure: mpsc::Sender<String>,
}

/// What a desk is made of.
pub struct Parts {
    /// The one ledger.
    pub ledger: Ledger,
    /// Every window of the site.
    pub windows: Vec<WindowHandle>,
    /// Where it tells what happens.
    pub events: Events,
    /// Both clocks.
    pub clock: ClockSource,
    /// This boot of the machine.
    pub boot: [u8; 16],
    /// Every agreement ever held: each has the captures of its orders under its own site code.
    pub agreements: Agreements,
    /// The business day of this moment.
    pub today: Today,
    /// Told why, when the server has to stop.
    pub failure: mpsc::Sender<String>,
}

impl Desk {
    /// Opens the desk. Nothing runs before [`resume`](Self::resume).
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let windows = parts.windows.into_iter().map(|handle| (handle.window.clone(), handle)).collect();
        Self {
            inner: Arc::new(Inner {
                ledger: parts.ledger,
                windows,
                orders: Orders::default(),
                events: parts.events,
                clock: parts.clock,
                boot: parts.boot,
                agreements: parts.agreements,
                today: parts.today,
                running: Running::default(),
                runs: Mutex::default(),
                failure: parts.failure,
            }),
        }
    }

    /// Takes up every task that has not ended. Its present order is asked about, never submitted again.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the rows cannot be read.
    pub async fn resume(&self) -> Result<usize, LedgerError> {
        let rows = self.ledger().open_rows(Table::Program).await?;
        let mut resumed = 0_usize;
        for row in &rows {
            let Some(task) = Task::read(row).filter(|task| !matches!(task.state, task::State::Ended(_)))
            else {
                continue;
            };
            let Some(window) = self.inner.windows.get(&task.window) else {
                self.alarm(
                    &task.window,
                    &format!("the task {} belongs to a window that is not bound any more", task.id),
                );
                continue;
            };
            let Ok((handle, view)) = self.running().register(&task) else {
                continue;
            };
            self.spawn(window.clone(), task, row.version, &handle, view);
            resumed = resumed.saturating_add(1);
        }
        Ok(resumed)
    }

    /// Stops every task where it is, and has every window end its session; the next start takes the tasks up.
    pub async fn close(&self) {
        self.inner.runs.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        for window in self.windows() {
            // A driver that has ended needs no word.
            let _ = window.commands.send(crate::link::Command::Close).await;
        }
    }

    /// Starts a task, or finds the one of this id: `true` if it is new.
    pub(crate) async fn put(
        &self,
        id: &str,
        window: Option<&str>,
        asked: Asked,
    ) -> Result<(bool, TaskView), DeskError> {
        let key = Task::key(asked.kind(), id);
        if let Some(view) = self.same(&key, window, &asked).await? {
            return Ok((false, view));
        }
        let handle = self.window(window)?;
        let bill = self.bill_of(&asked).await?;
        let deadline = Instant(self.now().0.saturating_add(u64::from(asked.seconds()).saturating_mul(1000)));
        let task = Task {
            id: id.to_owned(),
            asked,
            window: handle.window.clone(),
            bill,
            state: task::State::Waiting,
            orders: Vec::new(),
            deadline: Deadline { boot: self.boot(), at: deadline.0 },
            stopped: false,
        };
        let (running, view) = match self.running().register(&task) {
            Ok(registered) => registered,
            // Asked for twice at once: the other one has begun it.
            Err(by) if by == id => {
                let found = self.same(&key, window, &task.asked).await?;
                return found.map(|view| (false, view)).ok_or(DeskError::Held { by });
            }
            Err(by) => return Err(DeskError::Held { by }),
        };
        match self.ledger().commit(task.batch(0)).await {
            Ok(anchor) => {
                let shown = view::task(&task, TaskState::Waiting, None, None, 1);
                view.send_replace(Some(shown.clone()));
                self.events().publish(Happening::Task(shown.clone()));
                self.spawn(handle, task, anchor.seq, &running, view);
                Ok((true, shown))
            }
            Err(Unwritten::Failed(error)) => {
                self.running().release(&task);
                Err(error.into())
            }
            // Asked for twice at once, and the other has ended since: it is found now.
            Err(Unwritten::Stale) => {
                self.running().release(&task);
                let found = self.same(&key, Some(&task.window), &task.asked).await?;
                found.map(|view| (false, view)).ok_or(DeskError::OtherContent)
            }
        }
    }

    /// Makes no more orders for the task and cancels the present one. Its end follows as an event.
    pub(crate) fn stop(&self, kind: TaskKind, id: &str) -> Result<(), DeskError> {
        let handle = self.running().handle(&Task::key(kind, id)).ok_or(DeskError::Missing("running task"))?;
        handle.stop.send_replace(true);
        Ok(())
    }

    /// How far a task is. Waits for a change behind `seen`, for at most `wait`.
    pub(crate) async fn task(
        &self,
        kind: TaskKind,
        id: &str,
        wait: Option<(u64, Duration)>,
    ) -> Result<TaskView, DeskError> {
        let key = Task::key(kind, id);
        let handle = self.running().handle(&key);
        let Some(mut handle) = handle else {
            return self.ended_task(&key).await?.ok_or(DeskError::Missing("task"));
        };
        let (seen, wait) = wait.unwrap_or((0, Duration::ZERO));
        let newer = |view: &Option<TaskView>| view.as_ref().is_some_and(|view| view.change > seen);
        // Too late, or its task has ended meanwhile: what holds now is the answer.
        let _ = tokio::time::timeout(wait, handle.view.wait_for(newer)).await;
        let view = handle.view.borrow().clone();
        match view {
            Some(view) => Ok(view),
            None => self.ended_task(&key).await?.ok_or(DeskError::Missing("task")),
        }
    }

    /// The view of a task of this id, if it is the same one.
    async fn same(
        &self,
        key: &RowKey,
        window: Option<&str>,
        asked: &Asked,
    ) -> Result<Option<TaskView>, DeskError> {
        let handle = self.running().handle(key);
        if let Some(mut handle) = handle {
            if handle.asked != *asked || window.is_some_and(|window| window != handle.window) {
                return Err(DeskError::OtherContent);
            }
            // It is told once it is durable. If it never became so, it is not there.
            if let Ok(view) = handle.view.wait_for(Option::is_some).await {
                return Ok(view.clone());
            }
        }
        let Some(task) = self.read(key).await? else {
            return Ok(None);
        };
        if task.asked != *asked || window.is_some_and(|window| window != task.window) {
            return Err(DeskError::OtherContent);
        }
        Ok(Some(self.view_of(&task).await?))
    }

    async fn read(&self, key: &RowKey) -> Result<Option<Task>, LedgerError> {
        let found = self.ledger().find(Query::Rows(vec![key.clone()])).await?;
        Ok(found.rows.first().and_then(Task::read))
    }

    async fn ended_task(&self, key: &RowKey) -> Result<Option<TaskView>, LedgerError> {
        match self.read(key).await? {
            Some(task) => Ok(Some(self.view_of(&task).await?)),
            None => Ok(None),
        }
    }

    async fn view_of(&self, task: &Task) -> Result<TaskView, LedgerError> {
        let order = match task.orders.last() {
            Some(order_no) => self.order(order_no).await?,
            None => None,
        };
        let state =
            if matches!(task.state, task::State::Ended(_)) { TaskState::Ended } else { TaskState::Waiting };
        // The last change of all: whoever waits for a newer one than it saw gets it at once.
        Ok(view::task(task, state, order.as_ref(), None, u64::MAX))
    }

    fn window(&self, name: Option<&str>) -> Result<WindowHandle, DeskError> {
        let windows = &self.inner.windows;
        match name {
            Some(name) => windows.get(name).cloned().ok_or(DeskError::Missing("window")),
            None if windows.len() == 1 => {
                windows.values().next().cloned().ok_or(DeskError::Missing("window"))
            }
            None => Err(DeskError::Malformed("the site has several windows: name one".into())),
        }
    }

    async fn bill_of(&self, asked: &Asked) -> Result<String, DeskError> {
        match asked {
            Asked::Collect { bill, .. } => Ok(bill.clone()),
            Asked::Refund { order_no, .. } => {
                let original = self.order(order_no).await?.ok_or(DeskError::Missing("order"))?;
                Ok(original.bill)
            }
        }
    }

    fn spawn(
        &self,
        window: WindowHandle,
        task: Task,
        version: u64,
        handle: &Handle,
        view: watch::Sender<Option<TaskView>>,
    ) {
        let run = Run::new(self.clone(), window, (task, version), handle.stop.subscribe(), view);
        let mut runs = self.inner.runs.lock().unwrap_or_else(PoisonError::into_inner);
        while runs.try_join_next().is_some() {}
        runs.spawn(run.run());
    }

    /// One order as the ledger has it.
    pub(crate) async fn order(&self, order_no: &str) -> Result<Option<Order>, LedgerError> {
        let found = self.ledger().find(Query::Rows(vec![RowKey::new(Table::Order, order_no)])).await?;
        Ok(found.rows.first().and_then(view::order))
    }

    /// A driver tells that an order ended or changed.
    pub(crate) fn tell_order(&self, order: Order) {
        self.inner.orders.tell(&order.order_no.clone(), |heard| heard.order = Some(order));
    }

    /// A driver tells how far an order is.
    pub(crate) fn tell_progress(&self, progress: Progress) {
        self.inner.orders.tell(&progress.order_no.clone(), |heard| heard.progress = Some(progress));
    }

    /// Tells everybody that people have to look.
    pub(crate) fn alarm(&self, window: &str, text: &str) {
        let (window, text) = (window.to_owned(), text.to_owned());
        self.inner.events.publish(Happening::Alarm { window, text });
    }

    /// The ledger failed: the server stops, and its next start takes everything up from the rows.
    fn failed(&self, error: &LedgerError) {
        // Full or closed: the server is stopping already.
        let _ = self.inner.failure.try_send(error.to_string());
    }

    pub(crate) fn windows(&self) -> impl Iterator<Item = &WindowHandle> {
        self.inner.windows.values()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    pub(crate) fn events(&self) -> &Events {
        &self.inner.events
    }

    fn orders(&self) -> &Orders {
        &self.inner.orders
    }

    fn agreements(&self) -> Vec<Agreement> {
        (self.inner.agreements)()
    }

    fn today(&self) -> Option<u32> {
        (self.inner.today)()
    }

    fn boot(&self) -> [u8; 16] {
        self.inner.boot
    }

    pub(crate) fn clock(&self) -> Clock {
        (self.inner.clock)()
    }

    fn now(&self) -> Instant {
        self.clock().now
    }

    async fn sleep_until(&self, instant: Instant) {
        let wait = instant.0.saturating_sub(self.now().0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    fn running(&self) -> &Running {
        &self.inner.running
    }
}
