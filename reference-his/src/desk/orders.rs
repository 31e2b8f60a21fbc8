//! Who follows which order: a driver tells of one, the tasks that follow it hear it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::api::types::{Order, Progress};

/// What was last heard of an order in this program run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Its state, once it ended or changed.
    pub(crate) order: Option<Order>,
    /// How far it is.
    pub(crate) progress: Option<Progress>,
}

/// The orders that somebody follows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    followed: Arc<Mutex<HashMap<String, watch::Sender<Heard>>>>,
}

impl Orders {
    /// Follows an order from now on. Read its row after this, not before.
    pub(crate) fn follow(&self, order_no: &str) -> watch::Receiver<Heard> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.retain(|_, sender| !sender.is_closed());
        followed.entry(order_no.to_owned()).or_insert_with(|| watch::channel(Heard::default()).0).subscribe()
    }

    /// Tells of an order; nothing happens if nobody follows it.
    pub(crate) fn tell(&self, order_no: &str, change: impl FnOnce(&mut Heard)) {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followed.get(order_no) {
            sender.send_modify(change);
        }
    }
}
