//! Telling programs what happens, and taking their answers.

use hispos::book::Batch;
use hispos::link::Input;
use serde_json::{Value, json};

use super::answer::{Answer, Kind, Out};
use super::books::{found_line, read_records};
use super::members::{Members, hex};
use super::peers::{node, place};
use super::platform::verdict_line;
use super::process::Failed;
use super::seat::Telling;
use crate::causes::{Source, Stimulus};
use crate::nodes::{Machine, Node};
use crate::world::World;

/// Ticks in a row that change nothing and want to be repeated at once.
const IDLE_TICKS_MAX: u32 = 1_000;

impl World {
    pub(crate) fn is_driven(&self, machine: Machine) -> bool {
        self.peers.has(machine)
    }

    /// Tells a program something, now or when it reads again.
    pub(crate) fn tell(&mut self, node: Node, telling: Telling) {
        let machine = node.machine();
        let wanted = match &telling {
            Telling::Command(line, _) | Telling::Refresh(line) | Telling::Decision(line, _) => {
                line.get("do").and_then(Value::as_str).map(str::to_owned)
            }
            _ => None,
        };
        let Some(seat) = self.peers.seat(machine) else { return };
        if let Some(wanted) = wanted.filter(|wanted| !seat.can.contains(wanted)) {
            seat.lacks.insert(wanted);
            return;
        }
        seat.queue(place(node), telling);
        self.pump(machine);
    }

    /// Tells a program what its store says.
    pub(crate) fn tell_stored(&mut self, of: Node, input: &Input<'_>) {
        let machine = of.machine();
        self.observed.input(of, input);
        let line = match input {
            Input::Persisted(id, anchor) => {
                json!({"do": "persisted", "id": id.0, "anchor": hex(&anchor.encode())})
            }
            Input::Stale(id) => json!({"do": "stale", "id": id.0}),
            Input::PersistFailed(id) => json!({"do": "persist_failed", "id": id.0}),
            Input::Loaded(id, found) => {
                let mut line = found_line(found);
                if let Some(line) = line.as_object_mut() {
                    line.insert("id".into(), json!(id.0));
                }
                line
            }
            _ => return,
        };
        let Some(seat) = self.peers.seat(machine) else { return };
        seat.waits = None;
        if seat.own && matches!(input, Input::PersistFailed(_)) {
            seat.halted = true;
        }
        self.deliver(machine, Some(place(of)), line, 0);
        self.pump(machine);
    }

    /// Tells a program what waits for it, as long as it reads.
    fn pump(&mut self, machine: Machine) {
        while self.peers.fault.is_none() {
            let Some(seat) = self.peers.seat(machine).filter(|seat| seat.waits.is_none()) else { return };
            let Some((desk, telling)) = seat.backlog.pop_front() else { return };
            let of = node(machine, desk);
            if let Some(input) = telling.input() {
                self.observed.input(of, &input);
            }
            match telling {
                Telling::Opened => self.deliver(machine, Some(desk), json!({"do": "opened"}), 0),
                Telling::Closed => self.deliver(machine, Some(desk), json!({"do": "closed"}), 0),
                Telling::Bytes(bytes) => {
                    self.deliver(machine, Some(desk), json!({"do": "bytes", "bytes": hex(&bytes)}), 0);
                }
                Telling::Tick => self.deliver(machine, Some(desk), json!({"do": "tick"}), 0),
                Telling::Verdict(verdict) => self.deliver(machine, Some(desk), verdict_line(&verdict), 0),
                Telling::Command(line, ticket) => {
                    self.observed.told(of, Stimulus::Person);
                    self.deliver(machine, Some(desk), Value::Object(line), ticket);
                }
                Telling::Refresh(line) => {
                    self.observed.told(of, Stimulus::Time);
                    self.deliver(machine, Some(desk), Value::Object(line), 0);
                }
                Telling::Decision(line, about) => {
                    if let Some(seat) = self.peers.seat(machine) {
                        seat.about = about;
                    }
                    self.deliver(machine, None, Value::Object(line), 0);
                }
            }
        }
    }

    /// Writes a line, takes its answer, and stores at once what the whole program wants stored.
    pub(crate) fn deliver(&mut self, machine: Machine, desk: Option<usize>, line: Value, ticket: u64) {
        let mut next = Some((desk, line));
        while let Some((desk, line)) = next.take() {
            let what = line.get("do").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Err(Failed(n, why)) = self.exchange(machine, desk, line, ticket) {
                let (age, seed) = (self.age(), self.peers.seed);
                let who = match machine {
                    Machine::His => "the HIS".to_owned(),
                    Machine::Pos(desk) => format!("the POS at desk {desk}"),
                };
                let fault = format!(
                    "seed {seed}, at {}.{:03} s of the life, line {n} ({what}): {who} {why}",
                    age / 1_000,
                    age % 1_000
                );
                self.note(|| fault.clone());
                self.peers.fault = Some(fault);
                return;
            }
            next = self.store_at_once(machine).map(|line| (None, line));
        }
    }

    fn exchange(
        &mut self,
        machine: Machine,
        desk: Option<usize>,
        line: Value,
        ticket: u64,
    ) -> Result<(), Failed> {
        let Value::Object(mut line) = line else { return Ok(()) };
        let clock = self.clock(machine);
        line.insert("now".into(), json!(clock.now.0));
        line.insert("unix".into(), json!(clock.unix.map(|unix| unix.0)));
        if let Some(desk) = desk {
            line.insert("desk".into(), json!(desk));
        }
        let is_tick = line.get("do").is_some_and(|what| what == "tick");
        let shown = self.peers.lines.then(|| line.clone());
        let Some(seat) = self.peers.seat(machine) else { return Ok(()) };
        let members = seat.process.exchange(line)?;
        let n = seat.process.latest();
        if let Some(mut told) = shown {
            told.insert("n".into(), json!(n));
            self.note(|| format!("{machine:?} > {}", Value::Object(told)));
            self.note(|| format!("{machine:?} < {}", Value::Object(members.clone())));
        }
        let Some(seat) = self.peers.seat(machine) else { return Ok(()) };
        let kind = Kind { own: seat.own, desks: seat.queues.len(), merchants: &self.site.merchants };
        let answer = kind.read(&members, desk).map_err(|why| Failed(n, format!("answered: {why}")))?;
        let due = answer.ticks.as_ref().and_then(|ticks| *ticks.get(desk.unwrap_or(0))?);
        let idle = is_tick && answer.out.is_empty() && due.is_some_and(|due| due <= clock.now);
        seat.idle = if idle { seat.idle.saturating_add(1) } else { 0 };
        if seat.idle > IDLE_TICKS_MAX {
            return Err(Failed(n, "wants to be called again and again, and does nothing".into()));
        }
        self.take(machine, desk, answer, ticket).map_err(|why| Failed(n, format!("answered: {why}")))
    }

    /// Takes an answer: nothing of it happens before the program's turn in the world.
    fn take(
        &mut self,
        machine: Machine,
        desk: Option<usize>,
        answer: Answer,
        ticket: u64,
    ) -> Result<(), String> {
        if let Some(why) = &answer.refused {
            self.command_refused(ticket, why);
        }
        for (of, out) in answer.out {
            let out = match out {
                Out::Records(id, records) => match self.take_records(machine, of, id, &records)? {
                    Some(batch) => Out::Rows(id, batch),
                    None => continue,
                },
                other => other,
            };
            let Some(seat) = self.peers.seat(machine) else { return Ok(()) };
            if let Some(queue) = seat.queues.get_mut(of.unwrap_or(0)) {
                queue.push_back(out);
            }
        }
        let Some(seat) = self.peers.seat(machine) else { return Ok(()) };
        seat.halted |= answer.halted;
        for place in 0..seat.ticks.len() {
            let known = seat.ticks.get(place).copied().flatten();
            let told = match &answer.ticks {
                Some(ticks) => ticks.get(place).copied().flatten(),
                None => known,
            };
            if (desk == Some(place) || told != known)
                && let (Some(tick), Some(wake)) = (seat.ticks.get_mut(place), seat.wakes.get_mut(place))
            {
                *tick = told;
                *wake = Some(told);
            }
        }
        Ok(())
    }

    /// Records have to follow from the book. Those of a link become a batch of its own.
    fn take_records(
        &mut self,
        machine: Machine,
        of: Option<usize>,
        id: u64,
        records: &[Value],
    ) -> Result<Option<Batch>, String> {
        let kept = read_records(records, &self.host(machine).book, machine == Machine::His)?;
        let write = kept.iter().map(|kept| kept.write.clone()).collect();
        let Some(seat) = self.peers.seat(machine) else { return Ok(None) };
        if of.is_none() {
            seat.at_once = Some((id, kept));
            return Ok(None);
        }
        seat.waits = Some(id);
        if seat.records.insert(id, kept).is_some() {
            return Err(format!("persist {id} comes twice"));
        }
        Ok(Some(Batch { read: Vec::new(), write }))
    }

    /// What the whole program wants stored is stored at once; the line that says so.
    fn store_at_once(&mut self, machine: Machine) -> Option<Value> {
        let seat = self.peers.seat(machine)?;
        let (id, kept) = seat.at_once.take()?;
        // A restore is one transaction; what the program stores behind it is its start's.
        let about =
            if seat.about == "restored" { std::mem::replace(&mut seat.about, "start") } else { seat.about };
        let batch = Batch { read: Vec::new(), write: kept.iter().map(|kept| kept.write.clone()).collect() };
        let before = self.rows_before(machine, &batch);
        let anchor = self.host_mut(machine).book.keep(kept);
        self.compare(machine, &Source::Program(about), &batch, &before);
        match machine {
            Machine::His => self.stored(&batch),
            Machine::Pos(_) => self.journalled(&batch),
        }
        Some(json!({"do": "persisted", "id": id, "anchor": hex(&anchor.encode())}))
    }

    /// The records of a link's batch, for its book.
    pub(crate) fn records_of(&mut self, machine: Machine, id: u64) -> Option<Vec<crate::book::Kept>> {
        self.peers.seat(machine)?.records.remove(&id)
    }

    /// Tells a HIS that an order of one of its links was changed elsewhere.
    pub(crate) fn refresh_driven(&mut self, desk: usize, line: Members) {
        if self.his.up {
            self.tell(Node::His(desk), Telling::Refresh(line));
            if self.peers.keeps_book(Machine::His) {
                return self.drain(Node::His(desk));
            }
            // What it wants is carried out in its own turn.
            let now = self.clock(Machine::His).now;
            self.wake(Node::His(desk), Some(now));
        }
    }

    /// Tells a HIS that keeps its ledger itself what people decided; `false`: it does not keep it.
    pub(crate) fn decide_driven(&mut self, line: Value, about: &'static str) -> bool {
        if !self.peers.keeps_book(Machine::His) {
            return false;
        }
        let line: Members = line.as_object().cloned().unwrap_or_default();
        self.tell(Node::His(0), Telling::Decision(line, about));
        self.drain(Node::His(0));
        true
    }
}
