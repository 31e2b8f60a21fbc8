//! The people: a cashier at each window who collects again and again, and a patient at each terminal who pays.

use std::io::BufRead;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Told;
use super::http::Http;
use super::programs::{Program, say};
use super::site::window;

/// How long a window may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A collect that has ended: when it was told, how long it took, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Collect {
    pub(crate) told: Instant,
    pub(crate) took: Duration,
    /// `paid`, or the status of its last order.
    pub(crate) end: String,
    /// More than one if the first was not paid: the patient then waits for the next one.
    pub(crate) orders: usize,
}

impl Collect {
    pub(crate) fn paid(&self) -> bool {
        self.end == "paid"
    }
}

/// What the people have done so far.
#[derive(Default)]
pub(crate) struct Done {
    stop: AtomicBool,
    paid: AtomicU64,
    all: Mutex<Vec<Collect>>,
    failed: Mutex<Option<String>>,
}

impl Done {
    /// Collects that were told as paid.
    pub(crate) fn paid(&self) -> u64 {
        self.paid.load(Ordering::Relaxed)
    }

    /// Nobody begins another collect.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What went wrong, if anything did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failed.lock().ok().and_then(|failed| failed.clone())
    }

    /// Every collect that has ended.
    pub(crate) fn collects(&self) -> Vec<Collect> {
        self.all.lock().map(|all| all.clone()).unwrap_or_default()
    }
}

/// Waits until every window can make orders.
pub(crate) fn wait_until_ready(http: &mut Http, links: usize) -> Told<()> {
    let until = Instant::now() + READY_WITHIN;
    loop {
        let windows = http.ask("GET", "/windows", "")?;
        let ready = windows.as_array().into_iter().flatten().filter(|window| window["ready"] == true).count();
        if ready == links {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("only {ready} of {links} windows became ready: {windows}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Puts people at every window; returns when they have stopped. `meanwhile` says when.
pub(crate) fn run<T>(
    terminals: &mut [Program],
    server: (&str, &str),
    done: &Done,
    meanwhile: impl FnOnce() -> T,
) -> Told<T> {
    thread::scope(|scope| {
        for (number, terminal) in terminals.iter_mut().enumerate() {
            let (lines, mut stdin) = terminal.talk()?;
            // Ends when the terminal does.
            thread::spawn(move || patient(lines, number, |code| say(&mut stdin, code).is_ok()));
            let http = Http::connect(server.0, server.1)?;
            scope.spawn(move || {
                if let (Err(why), Ok(mut failed)) = (cashier(http, number, done), done.failed.lock()) {
                    failed.get_or_insert(why);
                }
            });
        }
        let told = meanwhile();
        done.stop();
        Ok(told)
    })
}

/// Shows a code, never the same one twice, whenever the terminal asks for one.
fn patient(mut lines: impl BufRead, number: usize, mut show: impl FnMut(&str) -> bool) {
    let (mut line, mut last, mut serial) = (String::new(), String::new(), 0_u64);
    loop {
        line.clear();
        if !matches!(lines.read_line(&mut line), Ok(1..)) {
            return;
        }
        let Some(order) = asks_for(&line).filter(|order| *order != last) else { continue };
        last = order;
        serial += 1;
        if !show(&code(number, serial)) {
            return;
        }
    }
}

/// The order for which a terminal asks for a code, if this line says that.
pub(crate) fn asks_for(line: &str) -> Option<String> {
    // The display says much; most of it is for nobody here.
    if !line.contains("wait_code") {
        return None;
    }
    let shown: Value = serde_json::from_str(line).ok()?;
    (shown["event"] == "wait_code").then(|| shown["order_no"].as_str().unwrap_or_default().to_owned())
}

/// What a payer shows at a terminal: WeChat and Alipay in turns; the last two digits are the story that is paid at once.
pub(crate) fn code(number: usize, serial: u64) -> String {
    let channel = if serial.is_multiple_of(2) { 28 } else { 13 };
    format!("{channel}{number:04}{serial:010}00")
}

/// Collects bill after bill, each to its end.
fn cashier(mut http: Http, number: usize, done: &Done) -> Told<()> {
    let mut serial = 0_u64;
    while !done.stop.load(Ordering::Relaxed) {
        serial += 1;
        let begun = Instant::now();
        let path = format!("/collections/c-{number}-{serial}");
        let wanted =
            json!({"bill": format!("bill-{number}-{serial}"), "amount": "+12.34", "window": window(number)});
        http.ask("PUT", &path, &wanted.to_string())?;
        // No change is newer than this: it is answered at the end.
        let end = format!("{path}?seen={}&wait=60", u64::MAX);
        let ended = loop {
            let view = http.ask("GET", &end, "")?;
            if view["state"] == "ended" {
                break view;
            }
        };
        let member = if ended["end"] == "paid" { "end" } else { "status" };
        let collect = Collect {
            told: Instant::now(),
            took: begun.elapsed(),
            end: ended[member].as_str().unwrap_or("no order").to_owned(),
            orders: ended["orders"].as_array().map_or(0, Vec::len),
        };
        done.paid.fetch_add(u64::from(collect.paid()), Ordering::Relaxed);
        done.all.lock().map_err(|_| "a cashier has died")?.push(collect);
    }
    Ok(())
}
