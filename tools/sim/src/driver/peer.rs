//! The reference links behind the driver interface: a program that the simulator drives as one of somebody else.
//!
//! That lives through it are the same lives as without it, bit for bit, shows that the interface leaves nothing out.
//! With a book of its own it is what a hand-written client is: it holds its book, and waits while it stores.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use super::books::{batch_line, query_line};
use super::members::{Members, number, text};
use super::peer_books::OwnBook;
use super::peer_links::{Links, Wanted, read_clock};

/// Serves one role over lines until `end`, or until they end.
///
/// # Errors
///
/// If lines cannot be read or written.
pub fn serve(role: &str, own: bool, input: impl BufRead, mut output: impl Write) -> std::io::Result<()> {
    let mut program = Program { role: role.into(), own, run: None };
    for line in input.lines() {
        let line = line?;
        let Ok(Value::Object(line)) = serde_json::from_str::<Value>(&line) else {
            writeln!(output, "{}", json!({"n": 0, "error": "that is no object"}))?;
            continue;
        };
        let n = line.get("n").cloned().unwrap_or_default();
        let answer = match text(&line, "do") {
            Ok("end") => return Ok(()),
            Ok(what) => program.answer(what, &line),
            Err(why) => Err(why),
        };
        let mut answer = answer.unwrap_or_else(|why| {
            let mut members = Members::new();
            members.insert("error".into(), json!(why));
            members
        });
        answer.insert("n".into(), n);
        writeln!(output, "{}", Value::Object(answer))?;
        output.flush()?;
    }
    Ok(())
}

/// A program of one role.
struct Program {
    role: String,
    own: bool,
    run: Option<Run>,
}

/// One run of it.
struct Run {
    links: Links,
    book: Option<OwnBook>,
}

const HIS_CAN: [&str; 8] = ["collect", "refund", "cancel", "query", "look_up", "pull", "totals", "refresh"];
const HIS_DECIDES: [&str; 4] = ["posted", "adopt", "decide", "go_on_without"];

impl Program {
    fn answer(&mut self, what: &str, line: &Members) -> Result<Members, String> {
        match what {
            "hello" => return self.hello(line),
            "start" => {
                let book = self.own.then(|| OwnBook::read(line)).transpose()?;
                let links = Links::start(&self.role, line)?;
                self.run = Some(Run { links, book });
            }
            _ => {}
        }
        let run = self.run.as_mut().ok_or("there was no start")?;
        run.take(what, line)
    }

    fn hello(&self, line: &Members) -> Result<Members, String> {
        if number(line, "driver")? != super::VERSION {
            return Err(format!("this is version {} of the driver interface", super::VERSION));
        }
        let asked = text(line, "role")?;
        if asked != self.role {
            return Err(format!("this is a {} and no {asked}", self.role));
        }
        let can: Vec<&str> = match (self.role.as_str(), self.own) {
            ("his", true) => HIS_CAN.into_iter().chain(HIS_DECIDES).collect(),
            ("his", false) => HIS_CAN.to_vec(),
            _ => vec!["scan"],
        };
        let hello = json!({
            "driver": super::VERSION,
            "name": concat!("hispos reference ", env!("CARGO_PKG_VERSION")),
            "role": self.role,
            "book": if self.own { "own" } else { "asked" },
            "can": can,
        });
        Ok(hello.as_object().cloned().unwrap_or_default())
    }
}

impl Run {
    fn take(&mut self, what: &str, line: &Members) -> Result<Members, String> {
        self.links.clock = read_clock(line)?;
        let mut refused = None;
        match (self.book.as_mut(), what) {
            (Some(book), "start") => book.begin(line)?,
            (None, "start") => {}
            (Some(book), "posted" | "adopt" | "decide" | "go_on_without") => {
                refused = book.decide(&self.links, what, line)?;
            }
            (Some(book), "persisted") => book.persisted(&mut self.links, line)?,
            (Some(book), "persist_failed") => book.failed(&mut self.links, line)?,
            _ => refused = self.links.take(what, line)?,
        }
        let out = match self.book.as_mut() {
            Some(book) => book.settle(&mut self.links),
            None if what == "start" => (0..self.links.count()).flat_map(|desk| self.drain(desk)).collect(),
            None => self.drain(usize::try_from(number(line, "desk")?).unwrap_or(usize::MAX)),
        };
        let mut answer = Members::new();
        answer.insert("out".into(), Value::Array(out));
        answer.insert("ticks".into(), self.links.ticks());
        if let Some(refused) = refused {
            answer.insert("refused".into(), json!(refused));
        }
        if self.links.halted() {
            answer.insert("halted".into(), json!(true));
        }
        Ok(answer)
    }

    /// Everything that a link wants whose rows are elsewhere.
    fn drain(&mut self, desk: usize) -> Vec<Value> {
        let mut out = Vec::new();
        loop {
            out.push(match self.links.poll(desk) {
                Wanted::Later => return out,
                Wanted::Line(line) => line,
                Wanted::Load(id, query) => {
                    json!({"is": "load", "desk": desk, "id": id.0, "query": query_line(&query)})
                }
                Wanted::Persist(id, batch) => {
                    let mut members = batch_line(&batch);
                    members.insert("is".into(), json!("persist"));
                    members.insert("desk".into(), json!(desk));
                    members.insert("id".into(), json!(id.0));
                    Value::Object(members)
                }
            });
        }
    }
}
