//! The tasks that have not ended, and what they hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hispos::book::RowKey;
use tokio::sync::watch;

use super::task::{Asked, Task};
use crate::api::types::TaskView;

/// The tasks that have not ended.
#[derive(Default)]
pub(super) struct Running {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tasks: HashMap<RowKey, Handle>,
    /// From a bill or an item to the task that holds it.
    held: HashMap<String, String>,
}

/// A task that has not ended.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) asked: Asked,
    pub(super) window: String,
    pub(super) stop: Arc<watch::Sender<bool>>,
    /// `None` until its first row is durable.
    pub(super) view: watch::Receiver<Option<TaskView>>,
}

impl Running {
    /// Registers a task, unless another one holds its bill or item: then that one's id.
    pub(super) fn register(&self, task: &Task) -> Result<(Handle, watch::Sender<Option<TaskView>>), String> {
        let mut inner = self.lock();
        if let Some(by) = inner.held.get(&task.asked.hold()) {
            return Err(by.clone());
        }
        let (view, watched) = watch::channel(None);
        let handle = Handle {
            asked: task.asked.clone(),
            window: task.window.clone(),
            stop: Arc::new(watch::channel(task.stopped).0),
            view: watched,
        };
        inner.tasks.insert(Task::key(task.asked.kind(), &task.id), handle.clone());
        inner.held.insert(task.asked.hold(), task.id.clone());
        Ok((handle, view))
    }

    /// Forgets a task that has ended: its row has it.
    pub(super) fn release(&self, task: &Task) {
        let mut inner = self.lock();
        inner.tasks.remove(&Task::key(task.asked.kind(), &task.id));
        inner.held.remove(&task.asked.hold());
    }

    /// A task that has not ended.
    pub(super) fn handle(&self, key: &RowKey) -> Option<Handle> {
        self.lock().tasks.get(key).cloned()
    }

    /// Stops the task whose present order this is; `false` if there is none.
    pub(super) fn stop_with(&self, order_no: &str) -> bool {
        let present = |handle: &&Handle| {
            handle.view.borrow().as_ref().is_some_and(|view| view.order_no.as_deref() == Some(order_no))
        };
        let Some(handle) = self.lock().tasks.values().find(present).cloned() else { return false };
        handle.stop.send_replace(true);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
