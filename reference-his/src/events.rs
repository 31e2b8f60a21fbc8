//! What happens, told to every listener: a bounded log with resumable places.
//!
//! Events tell that something changed; what holds is always asked for. So a listener that came back too late to
//! resume is told `reset` and asks again for what it shows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;
use utoipa::ToSchema;

use crate::api::types::{Order, Progress, TaskView, Totals};

/// Events that a listener may have missed and can still be given.
const KEPT: usize = 4096;

/// One event.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// A collection or refund came a step further.
    Task(TaskView),
    /// An order ended, or changed after its end.
    Order(Order),
    /// How far an order is that has not ended.
    Progress(Progress),
    /// A window's terminal came or went.
    Window {
        /// The software terminal.
        window: String,
        /// Orders can be made.
        ready: bool,
        /// Why, or what the terminal said; free text.
        text: String,
    },
    /// The terminal has something to say: paper, network, cover.
    Notice {
        /// The software terminal.
        window: String,
        /// The terminal's own code.
        code: u32,
        /// Free text of the terminal.
        text: String,
    },
    /// People have to look, now.
    Alarm {
        /// The software terminal, or empty.
        window: String,
        /// What happened.
        text: String,
    },
    /// The signed end of an order is still to be posted to the bill; told again at each start.
    Unposted(Order),
    /// Totals that a device gave.
    Totals {
        /// The software terminal.
        window: String,
        /// The business day, YYYYMMDD.
        day: u32,
        /// What the device counts.
        totals: Totals,
    },
    /// A day was closed, or the totals of a closed day changed: ask for the day.
    Day {
        /// YYYYMMDD.
        day: u32,
        /// From 1, which is the closing.
        revision: u32,
    },
    /// Events were missed that are no longer kept: ask again for what you show.
    Reset,
}

/// An event and its place.
#[derive(Debug)]
pub struct Event {
    /// Its place: the program run and a number that rises by one.
    pub number: u64,
    /// What happened.
    pub happening: Happening,
}

/// The log of events of this program run.
#[derive(Clone, Debug)]
pub struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    run: String,
    kept: Mutex<VecDeque<Arc<Event>>>,
    live: broadcast::Sender<Arc<Event>>,
}

impl Events {
    /// Begins a log; `run` tells this program run from others.
    #[must_use]
    pub fn new(run: &str) -> Self {
        let (live, _) = broadcast::channel(1024);
        Self { inner: Arc::new(Inner { run: run.to_owned(), kept: Mutex::new(VecDeque::new()), live }) }
    }

    /// Tells every listener.
    pub fn publish(&self, happening: Happening) {
        let mut kept = self.kept();
        let number = kept.back().map_or(1, |last| last.number.saturating_add(1));
        let event = Arc::new(Event { number, happening });
        kept.push_back(Arc::clone(&event));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        // Sent under the lock, so that `listen` sees each event either as kept or as live. No listener: no error.
        let _ = self.inner.live.send(event);
    }

    /// The place of an event, as a listener names it to resume.
    #[must_use]
    pub fn place(&self, event: &Event) -> String {
        format!("{}-{}", self.inner.run, event.number)
    }

    /// What came after `place`, and everything from now on.
    ///
    /// Without a place: only from now on. `None` instead of the missed events if they are no longer kept.
    #[must_use]
    pub fn listen(&self, place: Option<&str>) -> (Option<Vec<Arc<Event>>>, broadcast::Receiver<Arc<Event>>) {
        let kept = self.kept();
        let live = self.inner.live.subscribe();
        let Some(place) = place else {
            return (Some(Vec::new()), live);
        };
        let number = place
            .strip_prefix(self.inner.run.as_str())
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|number| number.parse::<u64>().ok());
        let oldest = kept.front().map_or(1, |first| first.number);
        let missed = number
            .filter(|number| number.saturating_add(1) >= oldest)
            .map(|number| kept.iter().filter(|event| event.number > number).map(Arc::clone).collect());
        (missed, live)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<Event>>> {
        self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Events, Happening, KEPT};

    fn alarm(text: &str) -> Happening {
        Happening::Alarm { window: String::new(), text: text.into() }
    }

    #[test]
    fn a_listener_resumes_exactly_behind_the_place_it_names() {
        let events = Events::new("run");
        for text in ["a", "b", "c"] {
            events.publish(alarm(text));
        }
        let (missed, _) = events.listen(Some("run-1"));
        let numbers: Vec<u64> = missed.unwrap().iter().map(|event| event.number).collect();
        assert_eq!(numbers, [2, 3]);
    }

    #[test]
    fn a_place_of_another_run_or_too_old_is_no_place() {
        let events = Events::new("run");
        for _ in 0..KEPT + 10 {
            events.publish(alarm("x"));
        }
        assert!(events.listen(Some("other-4000")).0.is_none());
        assert!(events.listen(Some("run-5")).0.is_none());
        assert!(events.listen(Some("run-10")).0.is_some());
        assert!(events.listen(None).0.unwrap().is_empty());
    }
}
