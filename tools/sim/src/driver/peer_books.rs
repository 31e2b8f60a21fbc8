//! A book that the program keeps itself, around the reference links: it stores one batch after the other and waits.

use std::collections::VecDeque;

use hispos::book::{Batch, Query, Row, RowKey, Table, start_row};
use hispos::ids::BookId;
use hispos::journal;
use hispos::ledger::{self, Decision, DecisionKind};
use hispos::link::{Input, PersistId};
use hispos::time::Clock;
use serde_json::{Value, json};

use super::books::{read_records, records_line};
use super::members::{Members, fixed, list, maybe, number, object, text};
use super::peer_links::{Links, Wanted, read_clock};
use crate::book::{Kept, MemoryBook};

/// Who waits for records to become durable.
enum Waits {
    Link(usize, PersistId),
    Program,
}

/// What the program itself has to store, in this order.
enum Step {
    Begin(BookId),
    Born,
    Restored(BookId),
    Start,
    Decided(Batch),
}

/// A book, and what of it is not durable yet.
pub(crate) struct OwnBook {
    book: MemoryBook,
    ledger: bool,
    steps: VecDeque<Step>,
    waiting: Option<(u64, Waits, Vec<Kept>)>,
    next: u64,
}

fn of_row(batch: &Batch, at: Clock) -> Vec<Kept> {
    batch.write.iter().map(|write| Kept { write: write.clone(), at: at.unix }).collect()
}

impl OwnBook {
    /// The book that a start gives.
    pub(crate) fn read(line: &Members) -> Result<Self, String> {
        let ledger = maybe(line, "site_secret").is_some();
        let given = object(line.get("book").ok_or("member book is missing")?, "book")?;
        let mut book = MemoryBook::default();
        let records = list(given, "records")?;
        let mut steps = VecDeque::new();
        if records.is_empty() {
            steps.push_back(Step::Begin(BookId::from_bytes(fixed(given, "id")?)));
        } else {
            let kept = read_records(records, &book, ledger)?;
            book.keep(kept);
        }
        Ok(Self { book, ledger, steps, waiting: None, next: 1 })
    }

    /// What a start asks for, before any link runs.
    pub(crate) fn begin(&mut self, line: &Members) -> Result<(), String> {
        if self.ledger {
            self.steps.push_back(Step::Born);
        }
        if maybe(line, "restored").is_some() {
            self.steps.push_back(Step::Restored(BookId::from_bytes(fixed(line, "restored")?)));
        }
        if self.ledger {
            self.steps.push_back(Step::Start);
        }
        Ok(())
    }

    /// People decided something; why it cannot be.
    pub(crate) fn decide(
        &mut self,
        links: &Links,
        what: &str,
        line: &Members,
    ) -> Result<Option<&'static str>, String> {
        let clock = read_clock(line)?;
        let decided = if what == "go_on_without" {
            Ok(ledger::pulled_by_decision(
                &self.book.row(&RowKey::new(Table::Peer, text(line, "device_id")?)),
            ))
        } else {
            let row = self.book.row(&RowKey::new(Table::Order, text(line, "order_no")?));
            let keys = ledger::rows_of(&row, &links.agreements);
            let captures: Vec<Row> = keys.iter().map(|key| self.book.row(key)).collect();
            match what {
                "posted" => ledger::posted(&row),
                "adopt" => {
                    let bill = self.book.row(&RowKey::new(Table::Bill, text(line, "bill")?));
                    ledger::adopt(&row, &bill, &captures, &links.agreements)
                }
                _ => ledger::decide(&row, &captures, &decision(line)?, &links.agreements, clock),
            }
        };
        let Ok(batch) = decided else { return Ok(Some("other")) };
        self.steps.push_back(Step::Decided(batch));
        Ok(None)
    }

    /// What was waited for is durable.
    pub(crate) fn persisted(&mut self, links: &mut Links, line: &Members) -> Result<(), String> {
        links.clock = read_clock(line)?;
        let id = number(line, "id")?;
        let Some((_, waits, kept)) = self.waiting.take().filter(|(waited, ..)| *waited == id) else {
            return Err(format!("nothing waits for {id}"));
        };
        let anchor = self.book.keep(kept);
        if let Waits::Link(desk, of) = waits {
            links.input(desk, Input::Persisted(of, anchor));
        }
        Ok(())
    }

    /// What was waited for could not be stored.
    pub(crate) fn failed(&mut self, links: &mut Links, line: &Members) -> Result<(), String> {
        links.clock = read_clock(line)?;
        if let Some((_, Waits::Link(desk, of), _)) = self.waiting.take() {
            links.input(desk, Input::PersistFailed(of));
        }
        Ok(())
    }

    /// Goes on until something has to be stored, or nothing is left to do.
    pub(crate) fn settle(&mut self, links: &mut Links) -> Vec<Value> {
        let mut out = Vec::new();
        while self.waiting.is_none()
            && let Some(step) = self.steps.pop_front()
        {
            let kept = self.records_of(step, links);
            if !kept.is_empty() {
                out.push(self.persist(None, Waits::Program, kept));
            }
        }
        for desk in 0..links.count() {
            while self.waiting.is_none() {
                match links.poll(desk) {
                    Wanted::Line(line) => out.push(line),
                    Wanted::Load(id, query) => links.input(desk, Input::Loaded(id, self.book.find(&query))),
                    // Another link has changed what it was computed from: the link runs again.
                    Wanted::Persist(id, batch) if !self.book.is_fresh(&batch) => {
                        links.input(desk, Input::Stale(id));
                    }
                    Wanted::Persist(id, batch) => {
                        let kept = of_row(&batch, links.clock);
                        out.push(self.persist(Some(desk), Waits::Link(desk, id), kept));
                    }
                    Wanted::Later => break,
                }
            }
        }
        out
    }

    fn persist(&mut self, desk: Option<usize>, waits: Waits, kept: Vec<Kept>) -> Value {
        let id = self.next;
        self.next = self.next.saturating_add(1);
        let mut after = self.book.clone();
        after.keep(kept.clone());
        let records = records_line(&after, self.book.records().saturating_add(1));
        self.waiting = Some((id, waits, kept));
        let mut line = json!({"is": "persist", "id": id, "records": records});
        if let (Some(line), Some(desk)) = (line.as_object_mut(), desk) {
            line.insert("desk".into(), json!(desk));
        }
        line
    }

    fn records_of(&self, step: Step, links: &Links) -> Vec<Kept> {
        let clock = links.clock;
        let open =
            || self.book.find(&Query::Open { device: String::new(), after: 0, limit: usize::MAX }).rows;
        let site_id = links.agreements.first().map(|agreement| agreement.terms().site_id.clone());
        let site = self.book.row(&RowKey::new(Table::Site, site_id.as_ref().map_or("", |id| id.as_str())));
        match step {
            Step::Begin(id) => vec![Kept { write: start_row(id, None), at: clock.unix }],
            Step::Born if site.version == 0 => of_row(&ledger::born(&site.key.key, clock), clock),
            Step::Born => Vec::new(),
            Step::Restored(id) => {
                let fork = self.book.anchor();
                let peer = |id: &str| self.book.row(&RowKey::new(Table::Peer, id));
                let peers: Vec<Row> =
                    links.devices.entries().iter().map(|entry| peer(entry.id.as_str())).collect();
                let batch = if self.ledger {
                    ledger::restored(&site, &peers, &open(), &links.agreements, clock)
                } else {
                    journal::restored(&open())
                };
                let start = Kept { write: start_row(id, Some(&fork)), at: clock.unix };
                [vec![start], of_row(&batch, clock)].concat()
            }
            Step::Start => of_row(&ledger::start(&open(), &links.agreements, clock), clock),
            Step::Decided(batch) => of_row(&batch, clock),
        }
    }
}

fn decision(line: &Members) -> Result<Decision, String> {
    let kind = match text(line, "kind")? {
        "evidence" => DecisionKind::Evidence,
        "not_paid" => DecisionKind::NotPaid,
        "keep" => DecisionKind::Keep,
        "returned" => DecisionKind::Returned,
        other => return Err(format!("kind {other} is no decision")),
    };
    Ok(Decision { kind, by_first: text(line, "first")?.into(), by_second: text(line, "second")?.into() })
}
