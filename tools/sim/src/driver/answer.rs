//! What a program answers.

use std::collections::VecDeque;

use hispos::book::{Batch, Query};
use hispos::platform::{Ask, Merchant};
use hispos::time::Instant;
use serde_json::Value;

use super::books::{read_batch, read_query};
use super::members::{Members, bytes, list, maybe, maybe_number, number, object, read_number, text, truth};
use super::platform::read_ask;

/// What a program wants.
pub(crate) enum Out {
    Transmit(Vec<u8>),
    /// Records of its own book, as they stand on the line.
    Records(u64, Vec<Value>),
    Rows(u64, Batch),
    Load(u64, Query),
    Ask(Box<Ask>),
    Event(String, Members),
    Close,
}

/// An answer.
pub(crate) struct Answer {
    /// By link of the program; without one it is about the whole program.
    pub(crate) out: VecDeque<(Option<usize>, Out)>,
    pub(crate) ticks: Option<Vec<Option<Instant>>>,
    pub(crate) refused: Option<String>,
    pub(crate) halted: bool,
}

/// What an answer may have.
pub(crate) struct Kind<'a> {
    pub(crate) own: bool,
    pub(crate) desks: usize,
    pub(crate) merchants: &'a [Merchant],
}

impl Kind<'_> {
    /// Reads an answer to a line about a desk.
    pub(crate) fn read(&self, members: &Members, desk: Option<usize>) -> Result<Answer, String> {
        let ticks = maybe(members, "ticks").map(|_| self.ticks(members)).transpose()?;
        let given = if maybe(members, "out").is_some() { list(members, "out")? } else { &[] };
        let mut out: VecDeque<(Option<usize>, Out)> = VecDeque::new();
        for (nth, value) in given.iter().enumerate() {
            let one = object(value, "an output").and_then(|one| self.out(one, desk));
            let (of, one) = one.map_err(|why| format!("output {nth}: {why}"))?;
            if let Some(why) = out.iter().find_map(|(stored, before)| self.unsound(before, *stored, of)) {
                return Err(format!("output {nth}: {why}"));
            }
            out.push_back((of, one));
        }
        let refused = maybe(members, "refused").map(|_| text(members, "refused").map(str::to_owned));
        Ok(Answer { out, ticks, refused: refused.transpose()?, halted: truth(members, "halted")? })
    }

    /// Why nothing may come behind an output.
    fn unsound(&self, before: &Out, stored: Option<usize>, of: Option<usize>) -> Option<&'static str> {
        match before {
            Out::Records(..) => Some("it stands behind a persist that is not acknowledged"),
            Out::Rows(..) if stored == of && !self.own => {
                Some("it stands behind a persist of its desk that is not acknowledged")
            }
            _ => None,
        }
    }

    fn ticks(&self, members: &Members) -> Result<Vec<Option<Instant>>, String> {
        let given = list(members, "ticks")?;
        if given.len() != self.desks {
            return Err(format!("ticks has {} members instead of {}", given.len(), self.desks));
        }
        let one = |value: &Value| {
            if value.is_null() {
                return Ok(None);
            }
            // What cannot be written exactly is never.
            value.as_u64().map(|at| Some(Instant(at))).ok_or_else(|| "a tick is no instant".to_owned())
        };
        given.iter().map(one).collect()
    }

    fn out(&self, one: &Members, desk: Option<usize>) -> Result<(Option<usize>, Out), String> {
        let given = maybe(one, "desk").map(|value| read_number(value, "desk")).transpose()?;
        let given = given.map(|desk| usize::try_from(desk).unwrap_or(usize::MAX));
        let of = given.or(desk);
        if of.is_some_and(|of| of >= self.desks) {
            return Err(format!("there is no desk {}", of.unwrap_or(0)));
        }
        let is = text(one, "is")?;
        let out = match is {
            "transmit" => Out::Transmit(bytes(one, "bytes")?),
            "persist" if self.own => Out::Records(number(one, "id")?, list(one, "records")?.to_vec()),
            "persist" => Out::Rows(number(one, "id")?, read_batch(one)?),
            "load" if self.own => return Err("a program with a book of its own loads nothing".into()),
            "load" => {
                let query = object(one.get("query").ok_or("member query is missing")?, "query")?;
                Out::Load(number(one, "id")?, read_query(query)?)
            }
            "ask" => Out::Ask(Box::new(read_ask(one, self.merchants)?)),
            "event" => Out::Event(text(one, "event")?.into(), one.clone()),
            "close" => Out::Close,
            other => return Err(format!("{other} is no output of this interface")),
        };
        if of.is_none() && !matches!(out, Out::Records(..)) {
            return Err(format!("{is} of no desk"));
        }
        Ok((of, out))
    }
}

/// What a program says of itself.
pub(crate) struct Hello {
    pub(crate) name: String,
    pub(crate) own: bool,
    pub(crate) can: Vec<String>,
}

/// Reads the answer to `hello`.
pub(crate) fn read_hello(members: &Members, role: &str) -> Result<Hello, String> {
    let version = maybe_number(members, "driver")?;
    if version != Some(super::VERSION) {
        let said = version.map_or_else(|| "none".into(), |version| version.to_string());
        return Err(format!(
            "speaks version {said} of the driver interface, and this is version {}",
            super::VERSION
        ));
    }
    let said = text(members, "role")?;
    if said != role {
        return Err(format!("is a {said} and was started as {role}"));
    }
    let own = match text(members, "book")? {
        "own" => true,
        "asked" => false,
        other => return Err(format!("book {other} is neither own nor asked")),
    };
    let can = list(members, "can")?.iter();
    let can =
        can.map(|one| one.as_str().map(str::to_owned).ok_or_else(|| "can has what is no text".to_owned()));
    Ok(Hello { name: text(members, "name")?.into(), own, can: can.collect::<Result<_, _>>()? })
}
