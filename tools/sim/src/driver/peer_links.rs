//! The reference links of a program, fed by lines.

use hispos::amount::Amount;
use hispos::book::{Batch, Query, Row, RowKey, Table};
use hispos::error::Refusal;
use hispos::ids::OrderNo;
use hispos::ledger::OrderView;
use hispos::link::his::{NewCollect, NewRefund};
use hispos::link::{HisConfig, HisLink, Input, LoadId, Output, PersistId, PosConfig, PosLink};
use hispos::message::agreement::Agreement;
use hispos::message::manifest::{Device, Manifest};
use hispos::platform::{Merchant, PaymentCode};
use hispos::time::{Clock, Instant};
use hispos::{Entropy, Secret};
use serde_json::{Value, json};

use super::Draws;
use super::books::{read_anchor, read_found, read_unix};
use super::members::{Members, bytes, checked, fixed, hex, list, number, object, small, text, truth, unhex};
use super::peer_words::{his_event, pos_event};
use super::platform::{ask_line, channel, read_verdict};
use crate::refusals;

/// One link.
enum End {
    His(Box<HisLink>),
    Pos(Box<PosLink>),
}

/// The links of one program.
pub(crate) struct Links {
    ends: Vec<End>,
    pub(crate) agreements: Vec<Agreement>,
    pub(crate) devices: Manifest<Device>,
    pub(crate) clock: Clock,
    ticks: Vec<Option<Instant>>,
}

/// What a link wants.
pub(crate) enum Wanted {
    Line(Value),
    Persist(PersistId, Batch),
    Load(LoadId, Query),
    Later,
}

/// Both clocks of a line.
pub(crate) fn read_clock(line: &Members) -> Result<Clock, String> {
    Ok(Clock { now: Instant(number(line, "now")?), unix: read_unix(line)? })
}

impl Links {
    /// Makes the links of a start.
    pub(crate) fn start(role: &str, line: &Members) -> Result<Self, String> {
        let clock = read_clock(line)?;
        let agreements = list(line, "agreements")?.iter().map(|one| {
            let payload = one.as_str().and_then(unhex).ok_or("an agreement is not lower-case hexadecimal")?;
            Agreement::decode(payload).map_err(|error| error.to_string())
        });
        let agreements: Vec<Agreement> = agreements.collect::<Result<_, _>>()?;
        let devices = Manifest::decode(bytes(line, "devices")?).map_err(|error| error.to_string())?;
        let mut links = Self { ends: Vec::new(), agreements, devices, clock, ticks: Vec::new() };
        for desk in list(line, "desks")? {
            let desk = object(desk, "a desk")?;
            let entropy = Box::new(Draws::new(fixed(desk, "random")?));
            let end = match role {
                "his" => links.his(line, desk, entropy)?,
                _ => links.pos(line, desk, entropy)?,
            };
            links.ends.push(end);
            links.ticks.push(None);
        }
        Ok(links)
    }

    fn his(&self, line: &Members, desk: &Members, entropy: Box<dyn Entropy + Send>) -> Result<End, String> {
        let config = HisConfig {
            terminal_id: checked(desk, "terminal_id")?,
            terminal_seed: Secret::new(fixed(desk, "seed")?),
            site_secret: Secret::new(fixed(line, "site_secret")?),
            device_id: checked(desk, "device_id")?,
            agreements: self.agreements.clone(),
            devices: self.devices.clone(),
        };
        let link = HisLink::new(config, entropy, self.clock).ok_or("no agreement is given")?;
        Ok(End::His(Box::new(link)))
    }

    fn pos(&self, line: &Members, desk: &Members, entropy: Box<dyn Entropy + Send>) -> Result<End, String> {
        let merchant = |one: &Value| -> Result<Merchant, String> {
            let one = object(one, "a merchant")?;
            Ok(Merchant {
                channel: channel(one)?,
                account: text(one, "account")?.into(),
                sub_account: text(one, "sub_account")?.into(),
                simulated: truth(one, "simulated")?,
            })
        };
        let config = PosConfig {
            device_id: checked(desk, "device_id")?,
            device_seed: Secret::new(fixed(desk, "seed")?),
            boot: fixed(line, "boot")?,
            software: text(line, "software")?.into(),
            agreements: self.agreements.clone(),
            terminals: Manifest::decode(bytes(line, "terminals")?).map_err(|error| error.to_string())?,
            merchants: list(line, "merchants")?.iter().map(merchant).collect::<Result<_, _>>()?,
        };
        let link = PosLink::new(config, entropy, self.clock).ok_or("no agreement is given")?;
        Ok(End::Pos(Box::new(link)))
    }

    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Some link has stopped because of its book.
    pub(crate) fn halted(&self) -> bool {
        self.ends.iter().any(|end| match end {
            End::His(link) => link.halted(),
            End::Pos(link) => link.halted(),
        })
    }

    pub(crate) fn ticks(&self) -> Value {
        self.ticks.iter().map(|tick| tick.map(|at| at.0)).collect()
    }

    /// Gives a link an input.
    pub(crate) fn input(&mut self, desk: usize, input: Input<'_>) {
        match self.ends.get_mut(desk) {
            Some(End::His(link)) => link.handle_input(input, self.clock),
            Some(End::Pos(link)) => link.handle_input(input, self.clock),
            None => {}
        }
    }

    /// Takes a line that is about a link; why a command was not begun.
    pub(crate) fn take(&mut self, what: &str, line: &Members) -> Result<Option<&'static str>, String> {
        let desk = usize::try_from(number(line, "desk")?).unwrap_or(usize::MAX);
        if desk >= self.ends.len() {
            return Err(format!("there is no desk {desk}"));
        }
        let read;
        let input = match what {
            "opened" => Input::Opened,
            "closed" => Input::Closed,
            "bytes" => {
                read = bytes(line, "bytes")?;
                Input::Bytes(&read)
            }
            "tick" => Input::Tick,
            "persisted" => Input::Persisted(PersistId(number(line, "id")?), read_anchor(line)?),
            "persist_failed" => Input::PersistFailed(PersistId(number(line, "id")?)),
            "stale" => Input::Stale(PersistId(number(line, "id")?)),
            "loaded" => Input::Loaded(LoadId(number(line, "id")?), read_found(line)?),
            "verdict" => Input::Verdict(read_verdict(line)?),
            _ => return self.command(desk, what, line),
        };
        self.input(desk, input);
        Ok(None)
    }

    fn command(&mut self, desk: usize, what: &str, line: &Members) -> Result<Option<&'static str>, String> {
        let clock = self.clock;
        let done = match self.ends.get_mut(desk) {
            Some(End::His(link)) => his_command(link, what, line, clock)?,
            Some(End::Pos(link)) if what == "scan" => {
                link.scan(channel(line)?, PaymentCode::new(text(line, "code")?.into()), clock)
            }
            _ => return Err(format!("{what} is no line of this interface")),
        };
        Ok(done.err().map(|why| refusals::of_command(&why)))
    }

    /// The next thing that a link wants.
    pub(crate) fn poll(&mut self, desk: usize) -> Wanted {
        let (wanted, timeout) = match self.ends.get_mut(desk) {
            Some(End::His(link)) => wanted(desk, link.poll_output(), &his_event),
            Some(End::Pos(link)) => wanted(desk, link.poll_output(), &pos_event),
            None => (Wanted::Later, None),
        };
        if matches!(wanted, Wanted::Later)
            && let Some(tick) = self.ticks.get_mut(desk)
        {
            *tick = timeout;
        }
        wanted
    }
}

fn his_command(
    link: &mut HisLink,
    what: &str,
    line: &Members,
    clock: Clock,
) -> Result<Result<(), Refusal>, String> {
    let order_no = || checked::<OrderNo>(line, "order_no");
    let amount = |sign: i64| {
        let fen = i64::try_from(number(line, "fen")?).unwrap_or(i64::MAX);
        Amount::from_fen(fen.saturating_mul(sign)).map_err(|error| format!("fen: {error}"))
    };
    Ok(match what {
        "collect" => {
            let new = NewCollect {
                ticket: number(line, "ticket")?,
                bill: text(line, "bill")?.into(),
                amount: amount(1)?,
                business_day: small(line, "business_day")?,
            };
            link.collect(new, clock)
        }
        "refund" => {
            let new = NewRefund {
                ticket: number(line, "ticket")?,
                order_no: order_no()?,
                item: text(line, "item")?.into(),
                amount: amount(-1)?,
                operator: checked(line, "operator")?,
                approver: checked(line, "approver")?,
                reason: text(line, "reason")?.into(),
                business_day: small(line, "business_day")?,
            };
            link.refund(new, clock)
        }
        "cancel" => link.cancel(&order_no()?, clock),
        "query" => link.query(&order_no()?, clock),
        "look_up" => {
            let key = RowKey::new(Table::Order, order_no()?.as_str());
            let row = Row { key, version: 1, bytes: bytes(line, "row")? };
            let order = OrderView::read(&row).ok_or("row is no order's")?;
            link.look_up(&order, clock)
        }
        "pull" => link.pull(clock),
        "totals" => link.totals(small(line, "business_day")?, clock),
        "refresh" => {
            link.refresh(&order_no()?, clock);
            Ok(())
        }
        _ => return Err(format!("{what} is no line of this interface")),
    })
}

fn wanted<E>(desk: usize, output: Output<E>, event: &dyn Fn(E) -> Value) -> (Wanted, Option<Instant>) {
    let mut line = match output {
        Output::Persist(id, batch) => return (Wanted::Persist(id, batch), None),
        Output::Load(id, query) => return (Wanted::Load(id, query), None),
        Output::Timeout(at) => return (Wanted::Later, at),
        Output::Transmit(bytes) => json!({"is": "transmit", "bytes": hex(&bytes)}),
        Output::Ask(ask) => ask_line(&ask),
        Output::Event(told) => event(told),
    };
    if let Some(line) = line.as_object_mut() {
        line.insert("desk".into(), json!(desk));
    }
    (Wanted::Line(line), None)
}
