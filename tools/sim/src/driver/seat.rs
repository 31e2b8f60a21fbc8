//! The place of one program in a world: what it was told, what it wants, and what waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hispos::ids::BookId;
use hispos::link::Input;
use hispos::platform::Verdict;
use hispos::time::Instant;

use super::answer::Out;
use super::members::Members;
use super::process::Process;
use crate::book::Kept;

/// What a program is told.
pub(crate) enum Telling {
    Opened,
    Closed,
    Bytes(Vec<u8>),
    Tick,
    Verdict(Verdict),
    /// A command: its members, and the ticket of what it is for, or 0.
    Command(Members, u64),
    /// An order's row was changed by another link or a person.
    Refresh(Members),
    /// A person decided something about the ledger; the event that this is in the tables of states.
    Decision(Members, &'static str),
}

/// One program.
pub(crate) struct Seat {
    pub(crate) process: Process,
    pub(crate) name: String,
    /// It keeps its book itself, and waits while it stores.
    pub(crate) own: bool,
    pub(crate) can: BTreeSet<String>,
    /// Commands that were wanted and that it does not take.
    pub(crate) lacks: BTreeSet<String>,
    pub(crate) queues: Vec<VecDeque<Out>>,
    pub(crate) ticks: Vec<Option<Instant>>,
    /// Ticks that the world does not know yet.
    pub(crate) wakes: Vec<Option<Option<Instant>>>,
    /// The batch for which it waits, and does nothing else.
    pub(crate) waits: Option<u64>,
    /// Records of the whole program that are to be stored at once.
    pub(crate) at_once: Option<(u64, Vec<Kept>)>,
    /// What the last line about the whole program was, in the tables of states.
    pub(crate) about: &'static str,
    pub(crate) backlog: VecDeque<(usize, Telling)>,
    /// Records of batches that are not durable yet.
    pub(crate) records: BTreeMap<u64, Vec<Kept>>,
    pub(crate) halted: bool,
    /// Ticks in a row that changed nothing.
    pub(crate) idle: u32,
    /// A restore of its book was declared while it was stopped.
    pub(crate) restored: Option<BookId>,
    /// The book that it begins, until one is begun.
    pub(crate) new_book: Option<BookId>,
}

impl Seat {
    pub(crate) fn new(process: Process, hello: super::answer::Hello, desks: usize) -> Self {
        Self {
            process,
            name: hello.name,
            own: hello.own,
            can: hello.can.into_iter().collect(),
            lacks: BTreeSet::new(),
            queues: (0..desks).map(|_| VecDeque::new()).collect(),
            ticks: vec![None; desks],
            wakes: vec![None; desks],
            waits: None,
            at_once: None,
            about: "start",
            backlog: VecDeque::new(),
            records: BTreeMap::new(),
            halted: false,
            idle: 0,
            restored: None,
            new_book: None,
        }
    }

    /// Its program died: nothing of it is left but what is durable.
    pub(crate) fn dies(&mut self) {
        self.queues.iter_mut().for_each(VecDeque::clear);
        self.ticks.fill(None);
        self.wakes.fill(None);
        self.waits = None;
        self.at_once = None;
        self.backlog.clear();
        self.records.clear();
        self.halted = false;
    }

    /// A new life: nothing of the earlier one is left at all.
    pub(crate) fn forget(&mut self) {
        self.dies();
        self.restored = None;
        self.new_book = None;
    }

    /// What it wants next, at one of these desks.
    pub(crate) fn pop(&mut self, desks: std::ops::Range<usize>) -> Option<(usize, Out)> {
        desks.into_iter().find_map(|desk| self.queues.get_mut(desk)?.pop_front().map(|out| (desk, out)))
    }

    /// Puts something behind what it is still to be told. Time passes once, however long it waited.
    pub(crate) fn queue(&mut self, desk: usize, telling: Telling) {
        let again = |(of, known): &(usize, Telling)| *of == desk && matches!(known, Telling::Tick);
        if !(matches!(telling, Telling::Tick) && self.backlog.iter().any(again)) {
            self.backlog.push_back((desk, telling));
        }
    }
}

impl Telling {
    /// What a link is told, to be kept until its program reads.
    pub(crate) fn of(input: &Input<'_>) -> Option<Self> {
        Some(match input {
            Input::Opened => Self::Opened,
            Input::Closed => Self::Closed,
            Input::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Input::Tick => Self::Tick,
            Input::Verdict(verdict) => Self::Verdict(verdict.clone()),
            Input::Persisted(..) | Input::Stale(_) | Input::PersistFailed(_) | Input::Loaded(..) => {
                return None;
            }
        })
    }

    /// The input that it is, if it is none of a person.
    pub(crate) fn input(&self) -> Option<Input<'_>> {
        Some(match self {
            Self::Opened => Input::Opened,
            Self::Closed => Input::Closed,
            Self::Bytes(bytes) => Input::Bytes(bytes),
            Self::Tick => Input::Tick,
            Self::Verdict(verdict) => Input::Verdict(verdict.clone()),
            Self::Command(..) | Self::Refresh(_) | Self::Decision(..) => return None,
        })
    }
}
