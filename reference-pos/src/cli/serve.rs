//! `serve`: puts line, journal, platforms, scanner and display around the link.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use clap::{ArgGroup, Args};
use hispos::link::{PosConfig, PosLink};
use hispos_common::book::SqliteBook;
use hispos_common::entropy::OsEntropy;
use hispos_common::exit::Exit;
use hispos_common::line::{Line, LineConfig};
use hispos_common::log::{Level, Log, LogConfig};
use hispos_common::output::Failure;
use hispos_common::{clock, keys};
use serde_json::{Value, json};

use super::{Context, journal, provision};
use crate::asker::Asker;
use crate::control::Control;
use crate::driver::{self, Driver, Happened};
use crate::payment::simulated::Simulated;
use crate::payment::{Credentials, Transport, credentials};
use crate::provisioning::{self, Held};
use crate::scanner::{Scanner, ScannerConfig};
use crate::terminal::Terminal;

const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
const LOG_FILES: u32 = 8;
/// How long a command waits for the loop.
const PATIENCE: Duration = Duration::from_secs(4);

const EXAMPLES: &str = "\
With the simulated platform 使用模拟支付平台:
  provider-sim init --dir bank --merchant wechat:1900000001 --merchant alipay:2021000001:2088000001
  provider-sim serve --dir bank --listen 127.0.0.1:7100
  hispos-pos serve --listen 127.0.0.1:7000 --scanner stdin \\
      --credentials bank/credentials.json --platform http://127.0.0.1:7100

The merchants are those of the agreement, with the same accounts. Each payment code is shown once
and begins as a real one: 10 to 15 for WeChat, 25 to 30 for Alipay. Its last two digits choose what
happens: 134567890123456700 pays at once, and `provider-sim --help` has the others.
商户须与对接协议一致。付款码每个只用一次，末两位决定情景：134567890123456700 立即成功，其余见 provider-sim --help。";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("line").required(true).args(["serial", "listen", "connect", "pty"])))]
pub(super) struct Serve {
    /// A serial port by its stable name, such as /dev/serial/by-id/… or COM3.
    #[arg(long, value_name = "PATH")]
    serial: Option<String>,
    //= spec-crate/spec/framing.md#the-line
    //# A sender on a serial line MUST use 115,200 baud unless both ends of the line are configured for
    //# another rate.
    /// Bits per second of the serial port.
    #[arg(long, value_name = "N", default_value_t = 115_200, requires = "serial")]
    baud: u32,
    /// Wait for HIS at this address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Call HIS, and call again.
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// Make a pseudo-terminal that HIS opens like a serial port. Not on Windows.
    #[arg(long)]
    pty: bool,
    /// A symbolic link that is made to the pseudo-terminal.
    #[arg(long, value_name = "PATH", requires = "pty")]
    pty_link: Option<PathBuf>,
    /// Where codes are scanned: stdin, serial:PORT[@BAUD], or a device or FIFO that gives lines. `scan` always works.
    #[arg(long, value_name = "SCANNER")]
    scanner: Option<ScannerConfig>,
    /// The merchants' accounts and secrets. `provider-sim init --dir DIR` makes them for the simulated platform, as
    /// DIR/credentials.json; only the owner may read the file. 商户凭证，模拟平台的凭证由 provider-sim init 生成
    #[arg(long, value_name = "FILE")]
    credentials: PathBuf,
    //= spec-crate/spec/conformance.md#testing-with-a-driver
    //# An implementation of level HIS or POS MUST be testable by such a driver without changes to its code,
    //# in a simulated site.
    /// The platform's address, `http://127.0.0.1:PORT` as `provider-sim serve` prints it. It goes before the `url` of
    /// the credentials, and has to be given if they have none. 支付平台地址，优先于凭证中的 url
    #[arg(long, value_name = "URL")]
    platform: Option<String>,
    /// Mebibytes that the disk has to keep free before new orders are taken.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    reserve: u64,
    /// Also log to standard error.
    #[arg(long)]
    verbose: bool,
}

pub(super) fn run(arguments: Serve, context: &Context) -> Result<(), Failure> {
    let device = provision::known_device(context)?;
    let home = &context.home;
    let held = Held::load(home)?;
    let Some(newest) = held.agreements.first() else {
        return Err(Failure::new(Exit::Usage, "no agreement is held: hispos-pos agreement import FILE"));
    };
    let Some(terminals) = held.terminals.clone() else {
        return Err(Failure::new(Exit::Usage, "no terminals are held: hispos-pos terminals import FILE"));
    };
    let simulated = newest.terms().simulated;
    let asker = asker(&arguments, simulated)?;
    let log = open_log(&arguments, context)?;
    //= spec-crate/spec/provisioning.md#dates
    //# A program MUST warn a person of an entry in use if its calendar clock is more than 86,400 s before
    //# `valid_from` or more than 86,400 s after `valid_until`.
    for (terminal, warning) in terminals.warnings(clock::unix()) {
        log.warn(format!("terminal {terminal} {warning}"));
    }
    let opened = SqliteBook::open_or_create(&home.journal_file(), &mut OsEntropy, clock::unix());
    let journal = opened.map_err(journal::failure)?;

    let (sender, happened) = channel();
    let link = PosLink::new(
        PosConfig {
            device_id: provisioning::device_id(&device.device_id)?,
            device_seed: keys::load(&home.key_file()).map_err(Failure::about(Exit::Refused, "device.key"))?,
            boot: clock::boot_id(),
            software: concat!("hispos-pos ", env!("CARGO_PKG_VERSION")).into(),
            agreements: held.agreements,
            terminals,
            merchants: asker.merchants(),
        },
        Box::new(OsEntropy),
        driver::now(),
    )
    .ok_or_else(|| {
        Failure::new(Exit::Refused, "this device cannot serve under the agreement that it holds")
    })?;
    let line = start_line(&arguments, sender.clone())?;
    let _scanner =
        arguments.scanner.as_ref().map(|config| start_scanner(config, sender.clone())).transpose()?;
    let _control = start_control(context, sender.clone())?;
    let stop = sender.clone();
    ctrlc::set_handler(move || drop(stop.send(Happened::Stop)))
        .map_err(Failure::about(Exit::Usage, "signals cannot be caught"))?;

    log.info(format!("started, {}, line {}", env!("CARGO_PKG_VERSION"), line.path()));
    ready(&line, &device.device_id, simulated, context);
    let terminal = Terminal::new(context.output, context.language, simulated);
    let reserve = arguments.reserve.saturating_mul(1024 * 1024);
    let home = home.clone();
    Driver { home, link, journal, line, asker, terminal, log, reserve, sender, happened, stream: 0 }.run()
}

fn ready(line: &Line, device_id: &str, simulated: bool, context: &Context) {
    let object = json!({
        "event": "ready", "pid": std::process::id(), "line": line.path(), "device_id": device_id,
        "simulated": simulated,
    });
    let mark = if simulated { ", simulated: no money moves" } else { "" };
    let text = format!("terminal {device_id} is ready at {}{mark}", line.path());
    context.output.say(&object, text);
}

fn asker(arguments: &Serve, simulated: bool) -> Result<Asker, Failure> {
    let what = arguments.credentials.display();
    let mut json = zeroize::Zeroizing::new(String::new());
    let read = File::open(&arguments.credentials).and_then(|mut file| {
        //= spec-crate/spec/privacy.md#keys-and-secrets
        //# A HIS and a POS MUST keep private keys, the site secret and platform credentials in files that
        //# only the account of the program can read.
        keys::check_owner_only(&file)?;
        file.read_to_string(&mut json)
    });
    read.map_err(Failure::about(Exit::Usage, &what))?;
    let read = Credentials::read(&json, arguments.platform.as_deref());
    let read = read.map_err(Failure::about(Exit::Usage, &what))?;
    //= spec-crate/spec/privacy.md#payment-codes
    //# A POS MUST NOT take a payment code from a command line or an environment variable in a production
    //# profile.
    credentials::admit(true, simulated).map_err(|error| Failure::new(Exit::Refused, error))?;
    let transport = |credential| Arc::new(Simulated::new(credential)) as Arc<dyn Transport>;
    Ok(Asker::new(read.merchants.into_iter().map(transport).collect()))
}

fn open_log(arguments: &Serve, context: &Context) -> Result<Log, Failure> {
    let path = context.home.log_file("hispos-pos").map_err(Failure::about(Exit::Refused, "log"))?;
    let config = LogConfig {
        path: Some(path),
        bytes_max: LOG_BYTES_MAX,
        keep: LOG_FILES,
        level: Level::Info,
        stderr: arguments.verbose,
    };
    Log::open(config).map_err(Failure::about(Exit::Refused, "log"))
}

fn start_line(arguments: &Serve, sender: Sender<Happened>) -> Result<Line, Failure> {
    let config = if let Some(path) = &arguments.serial {
        LineConfig::Serial { path: path.clone(), baud: arguments.baud }
    } else if let Some(address) = arguments.listen {
        LineConfig::Listen(address)
    } else if let Some(address) = &arguments.connect {
        LineConfig::Dial(address.clone())
    } else {
        LineConfig::Pty { link: arguments.pty_link.clone() }
    };
    let line = Line::start(&config, move |event| sender.send(Happened::Line(event)).is_ok());
    line.map_err(Failure::about(Exit::Unreachable, config))
}

fn start_scanner(config: &ScannerConfig, sender: Sender<Happened>) -> Result<Scanner, Failure> {
    Scanner::start(config, move |scan| sender.send(Happened::Scanned(scan)).is_ok())
        .map_err(Failure::about(Exit::Unreachable, "scanner"))
}

fn start_control(context: &Context, sender: Sender<Happened>) -> Result<Control, Failure> {
    let answer = move |ask| {
        let (reply, answers) = channel::<Value>();
        if sender.send(Happened::Control(ask, reply)).is_err() {
            return Value::Null;
        }
        answers.recv_timeout(PATIENCE).unwrap_or(Value::Null)
    };
    Control::open(&context.home.control_file(), answer).map_err(Failure::about(Exit::Refused, "control.json"))
}
