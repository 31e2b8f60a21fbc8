//! The server: ledger, windows, desk and interface put together, and taken apart again.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hispos::ids::{DeviceId, TerminalId};
use hispos::link::{HisConfig, HisLink};
use hispos::time::Clock;
use hispos_common::book::SqliteBook;
use hispos_common::clock;
use hispos_common::entropy::OsEntropy;
use hispos_common::exit::Exit;
use hispos_common::line::{Line, LineEvent};
use hispos_common::log::{Level, Log, LogConfig};
use hispos_common::output::{Failure, Output};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::api::{self, Context as ApiContext};
use crate::desk::{ClockSource, Desk, Parts};
use crate::driver::Driver;
use crate::events::{Events, Happening};
use crate::home::{Bound, Home, parse_line};
use crate::ledger::{self, Ledger, LedgerError};
use crate::link::{WindowEnd, window};
use crate::provisioning::{self, Provisioned, organisation::hex};

/// Size at which the log rotates, and how many old files are kept.
const LOG_BYTES_MAX: u64 = 4 << 20;
const LOG_FILES: u32 = 8;
/// Events of a line that wait for their driver before its reader does.
const LINE_EVENTS: usize = 256;

/// How long the windows have to end their sessions when the server stops.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Run the server.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where commands and the bill system reach it. Loopback only.
    #[arg(long, default_value = "127.0.0.1:7411", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Log to standard error, too.
    #[arg(long)]
    verbose: bool,
}

/// Runs the server until it is told to stop, or has to.
pub(crate) async fn run(arguments: Serve, home: &Home, output: Output) -> Result<Exit, Failure> {
    if !arguments.listen.ip().is_loopback() {
        return Err(Failure::new(
            Exit::Usage,
            "the server listens on loopback only: its interface moves money",
        ));
    }
    let provisioned = provisioning::load(home)?;
    let log = open_log(home, arguments.verbose)?;
    //= spec-crate/spec/provisioning.md#dates
    //# A program MUST warn a person of an entry in use if its calendar clock is more than 86,400 s before
    //# `valid_from` or more than 86,400 s after `valid_until`.
    for (device, warning) in provisioned.devices.warnings(clock::unix()) {
        log.warn(format_args!("device {device} {warning}"));
    }
    let book = open_ledger(home, &provisioned)?;
    let (ledger, _thread) =
        Ledger::start(book).map_err(Failure::about(Exit::Unreachable, "the system has no thread left"))?;
    let site = Site { home, provisioned, log: log.clone(), clock: Arc::new(now) };
    let (failure, mut failed) = mpsc::channel(1);
    let (desk, ends) = site.desk(&ledger, failure)?;
    //= spec-crate/spec/orders.md#posting
    //# A HIS MUST hand over again every unposted order at its start, before it makes new orders.
    for order in desk.unposted().await.map_err(Failure::about(Exit::Alarm, "the ledger"))? {
        desk.events().publish(Happening::Unposted(order));
    }
    let mut drivers = JoinSet::new();
    for (bound, end) in ends {
        drivers.spawn(site.driver(&bound, end, &ledger, &desk)?.run());
    }
    let resumed = desk.resume().await.map_err(Failure::about(Exit::Alarm, "the ledger"))?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(Failure::about(Exit::Unreachable, arguments.listen))?;
    let address = listener.local_addr().map_err(Failure::about(Exit::Unreachable, arguments.listen))?;
    let token = publish_access(home, address)?;
    log.info(format_args!("serving at {address}; {resumed} tasks taken up"));
    output.say(
        &json!({"ok": true, "address": address.to_string(), "tasks": resumed}),
        format!("serving at {address}"),
    );
    let router = api::router(ApiContext { desk: desk.clone(), token: token.into() });
    let watch = desk.clone();
    let end = tokio::select! {
        served = async { axum::serve(listener, router).await } => Err(format!("the interface ended: {served:?}")),
        why = failed.recv() => Err(why.unwrap_or_default()),
        ended = drivers.join_next() => Err(driver_end(ended)),
        () = watch.watch_unposted() => Ok(()),
        ended = watch.watch_days() => ended.map_err(|error| error.to_string()),
        () = told_to_stop() => Ok(()),
    };
    desk.close().await;
    // A driver that is cut off here has told nothing that is not durable: the next start takes everything up.
    let closed = async { while drivers.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(CLOSE_WITHIN, closed).await;
    let _ = std::fs::remove_file(home.address_file());
    match end {
        Ok(()) => {
            log.info("stopped");
            Ok(Exit::Done)
        }
        Err(why) => {
            log.error(&why);
            Err(Failure::new(Exit::Alarm, why))
        }
    }
}

fn driver_end(ended: Option<Result<Result<(), LedgerError>, tokio::task::JoinError>>) -> String {
    match ended {
        Some(Ok(Err(error))) => error.to_string(),
        Some(Ok(Ok(()))) => "a line ended for good".into(),
        Some(Err(error)) => format!("a window's driver failed: {error}"),
        None => "no window is bound: `devices bind`".into(),
    }
}

/// What every window of the site shares.
struct Site<'a> {
    home: &'a Home,
    provisioned: Provisioned,
    log: Log,
    clock: ClockSource,
}

type Ends = Vec<(Bound, WindowEnd)>;

impl Site<'_> {
    fn desk(&self, ledger: &Ledger, failure: mpsc::Sender<String>) -> Result<(Desk, Ends), Failure> {
        let site = self.home.site().map_err(Failure::about(Exit::Usage, "site.json"))?;
        if site.windows.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "no window is bound: `devices bind DEVICE --terminal ID --line LINE`",
            ));
        }
        let mut windows = Vec::new();
        let mut ends = Vec::new();
        for bound in site.windows {
            let (handle, end) = window(&bound.window, &bound.device);
            windows.push(handle);
            ends.push((bound, end));
        }
        let mut run = [0; 4];
        hispos::crypto::Entropy::fill(&mut OsEntropy, &mut run);
        let desk = Desk::new(Parts {
            ledger: ledger.clone(),
            windows,
            events: Events::new(&hex(&run)),
            clock: Arc::clone(&self.clock),
            boot: clock::boot_id(),
            agreements: agreements(self.home.clone()),
            today: today(self.home.clone()),
            failure,
        });
        Ok((desk, ends))
    }

    fn driver(&self, bound: &Bound, end: WindowEnd, ledger: &Ledger, desk: &Desk) -> Result<Driver, Failure> {
        let link = HisLink::new(
            HisConfig {
                terminal_id: TerminalId::try_from(bound.window.as_str()).map_err(wrong(bound, "the id"))?,
                terminal_seed: self.home.terminal_key(&bound.window).map_err(wrong(bound, "the key"))?,
                site_secret: self.home.site_secret().map_err(wrong(bound, "the site's secret"))?,
                device_id: DeviceId::try_from(bound.device.as_str()).map_err(wrong(bound, "the device"))?,
                agreements: self.provisioned.agreements.clone(),
                devices: self.provisioned.devices.clone(),
            },
            Box::new(OsEntropy),
            (self.clock)(),
        )
        .ok_or_else(|| {
            Failure::new(Exit::Usage, format!("window {} cannot use the agreement", bound.window))
        })?;
        let (events, heard) = mpsc::channel::<LineEvent>(LINE_EVENTS);
        let config = parse_line(&bound.line).map_err(|text| Failure::new(Exit::Usage, text))?;
        let line = Line::start(&config, move |event| events.blocking_send(event).is_ok())
            .map_err(wrong(bound, "the line"))?;
        self.log.info(format_args!("window {}: device {} at {}", bound.window, bound.device, line.path()));
        Ok(Driver {
            name: bound.window.clone(),
            device: bound.device.clone(),
            home: self.home.clone(),
            provisioned: self.provisioned.clone(),
            blocked: false,
            went_back: false,
            link,
            line,
            heard,
            stream: 0,
            window: end,
            ledger: ledger.clone(),
            desk: desk.clone(),
            clock: Arc::clone(&self.clock),
            log: self.log.clone(),
            tickets: std::collections::HashMap::new(),
            last_ticket: 0,
            totals: Vec::new(),
        })
    }
}

/// What is wrong with a window.
fn wrong<E: std::fmt::Display>(bound: &Bound, what: &str) -> impl FnOnce(E) -> Failure {
    Failure::about(Exit::Usage, format!("{what} of window {}", bound.window))
}

/// Every agreement, also one that was imported meanwhile.
fn agreements(home: Home) -> crate::desk::Agreements {
    Arc::new(move || provisioning::agreements(&home).unwrap_or_default())
}

/// The business day of this moment under the newest agreement, also one that was imported meanwhile.
fn today(home: Home) -> crate::desk::Today {
    Arc::new(move || provisioning::load(&home).ok()?.business_day(clock::unix()))
}

fn now() -> Clock {
    Clock { now: clock::instant(), unix: clock::unix() }
}

fn open_log(home: &Home, verbose: bool) -> Result<Log, Failure> {
    let path = home.log_file("hispos-his").map_err(Failure::about(Exit::Usage, "the log"))?;
    let config = LogConfig {
        path: Some(path),
        bytes_max: LOG_BYTES_MAX,
        keep: LOG_FILES,
        level: Level::Info,
        stderr: verbose,
    };
    Log::open(config).map_err(Failure::about(Exit::Usage, "the log"))
}

/// Opens the ledger, or begins it, and turns every order that has not ended to being asked about.
fn open_ledger(home: &Home, provisioned: &Provisioned) -> Result<SqliteBook, Failure> {
    let alarm = Failure::about(Exit::Alarm, "the ledger");
    let mut book =
        SqliteBook::open_or_create(&home.ledger_file(), &mut OsEntropy, clock::unix()).map_err(alarm)?;
    ledger::begin(&mut book, &provisioned.agreements, now())
        .map_err(Failure::about(Exit::Alarm, "the ledger"))?;
    Ok(book)
}

/// Writes where the server listens, and a new token that only this user can read.
fn publish_access(home: &Home, address: SocketAddr) -> Result<String, Failure> {
    let mut bytes = [0; 32];
    hispos::crypto::Entropy::fill(&mut OsEntropy, &mut bytes);
    let token = hex(&bytes);
    let write = || {
        let path = home.token_file();
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        // Elsewhere a new file has the rights of its directory, which belongs to the account of the program.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)?.write_all(token.as_bytes())?;
        std::fs::write(home.address_file(), address.to_string())
    };
    write().map_err(Failure::about(Exit::Usage, "the token file"))?;
    Ok(token)
}

/// Ctrl-C, or the system's wish that the program ends.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
