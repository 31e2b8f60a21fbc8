//! What the commands do.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use hispos_provider_sim::book::{Book, OrderShown};
use hispos_provider_sim::model::Rules;
use hispos_provider_sim::server::{Server, now};
use hispos_provider_sim::sign::{Key, to_hex};
use hispos_provider_sim::store::{Account, Store, StoreError, lock};

use crate::cli::{Awaited, Cli, Command, Export, Init, Order, Serve, Wait};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 2.
    Usage(String),
    /// Exit code 3.
    Refused(String),
    /// Exit code 5.
    Unreachable(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        match error {
            StoreError::Exists(_) | StoreError::Locked(_) | StoreError::Version(_) => {
                Failure::Refused(error.to_string())
            }
            StoreError::Missing(_) | StoreError::Sqlite(_) | StoreError::Io(_) => {
                Failure::Unreachable(error.to_string())
            }
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        StoreError::Io(error).into()
    }
}

/// Does what was typed.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Init(asked) => init(&asked),
        Command::Serve(asked) => serve(&asked),
        Command::Export(asked) => export(&asked),
        Command::Order(asked) => order(&asked),
        Command::Wait(asked) => wait(&asked),
    }
}

fn init(asked: &Init) -> Result<(), Failure> {
    let merchants: BTreeSet<_> = asked.merchants.iter().collect();
    if merchants.len() < asked.merchants.len() {
        return Err(Failure::Usage("a merchant is named twice / 商户重复".to_owned()));
    }
    let mut accounts = Vec::new();
    for merchant in merchants {
        accounts.push(Account { merchant: merchant.clone(), secret: new_key()?, reversal: new_key()? });
    }
    let dir = &asked.place.dir;
    Store::create(dir, &new_key()?, &accounts)?;
    let rows: Vec<Value> = accounts.iter().map(credential).collect();
    let mut credentials = json!({"simulated": true, "merchants": rows});
    if let (Some(url), Some(members)) = (&asked.url, credentials.as_object_mut()) {
        members.insert("url".to_owned(), json!(url));
    }
    let path = asked.credentials.clone().unwrap_or_else(|| dir.join("credentials.json"));
    replace(&path, &format!("{credentials:#}\n"))?;
    let names: Vec<_> = accounts.iter().map(|account| &account.merchant).collect();
    print(&json!({"simulated": true, "event": "initialised", "credentials": path, "merchants": names}))
}

fn credential(account: &Account) -> Value {
    json!({
        "channel": account.merchant.channel,
        "account": account.merchant.account,
        "sub_account": account.merchant.sub_account,
        "secret_hex": to_hex(&account.secret),
        "reversal_secret_hex": to_hex(&account.reversal),
    })
}

fn serve(asked: &Serve) -> Result<(), Failure> {
    let dir = &asked.place.dir;
    let store = Store::open(dir)?;
    let _lock = lock(dir)?;
    let rules = Rules { seed: asked.seed, scale_permille: asked.scale, book_key: store.book_key()? };
    let listener = TcpListener::bind(asked.listen)?;
    let address = listener.local_addr()?;
    replace(&dir.join("address"), &format!("{address}\n"))?;
    print(&json!({
        "simulated": true,
        "event": "listening",
        "address": address.to_string(),
        "url": format!("http://{address}"),
        "seed": asked.seed,
        "scale_permille": asked.scale,
    }))?;
    Arc::new(Server::new(store, rules)).run(&listener);
    Ok(())
}

fn export(asked: &Export) -> Result<(), Failure> {
    let book = Book::read(&mut Store::open_to_read(&asked.place.dir)?, None, now())?;
    if asked.json { print(&json!(book)) } else { print_table(&book) }
}

fn order(asked: &Order) -> Result<(), Failure> {
    let book = Book::read(&mut Store::open_to_read(&asked.place.dir)?, Some(&asked.number), now())?;
    if book.orders.is_empty() && book.calls.is_empty() {
        let number = &asked.number;
        return Err(Failure::Refused(format!("the book has no number {number} / 账本中没有此单号")));
    }
    if asked.json {
        return print(&json!(book));
    }
    print_table(&book)?;
    for call in &book.calls {
        line(&format!("{} {} {} -> {}", call.at_ms, call.merchant.channel.name(), call.call, call.answer))?;
    }
    Ok(())
}

fn wait(asked: &Wait) -> Result<(), Failure> {
    let mut store = Store::open_to_read(&asked.place.dir)?;
    let deadline = Instant::now() + Duration::from_secs(asked.timeout.min(86_400));
    loop {
        let now = now();
        let orders = store.orders(Some(&asked.number))?;
        let shown = orders.iter().map(|order| OrderShown::of(order, now));
        if let Some(found) = shown.into_iter().find(|order| reached(order, asked.state)) {
            return print(&json!({"simulated": true, "event": "reached", "order": found}));
        }
        if Instant::now() >= deadline {
            let seen = orders.first().map_or("no such number", |order| order.state(now).name());
            let Wait { number, state, timeout, .. } = asked;
            return Err(Failure::Refused(format!(
                "{number} was not {state:?} within {timeout} s, it is: {seen} / 等待超时"
            )));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn reached(order: &OrderShown, awaited: Awaited) -> bool {
    match awaited {
        Awaited::Known => true,
        Awaited::Captured => order.captured > 0,
        Awaited::Returned => order.captured > 0 && order.refunded == order.captured,
        Awaited::Closed => order.state == "closed",
    }
}

fn print_table(book: &Book) -> Result<(), Failure> {
    line("模拟 · simulated payment platform · 金额单位：分 amounts in fen")?;
    line(&row(["CHANNEL", "ACCOUNT", "NUMBER", "TOTAL", "CAPTURED", "REFUNDED", "STATE", "PAYMENT_NO"]))?;
    for order in &book.orders {
        let account = match order.merchant.sub_account.as_str() {
            "" => order.merchant.account.clone(),
            sub_account => format!("{}:{sub_account}", order.merchant.account),
        };
        line(&row([
            order.merchant.channel.name(),
            &account,
            &order.number,
            &order.total.to_string(),
            &order.captured.to_string(),
            &order.refunded.to_string(),
            order.state,
            order.payment_no.as_deref().unwrap_or("-"),
        ]))?;
        for refund in &order.refunds {
            let amount = refund.amount.to_string();
            line(&row([
                "  refund",
                "退款",
                &refund.refund_number,
                &amount,
                "",
                "",
                refund.state,
                &refund.refund_id,
            ]))?;
        }
    }
    let taken: i64 = book.orders.iter().map(|order| order.captured).sum();
    let returned: i64 = book.orders.iter().map(|order| order.refunded).sum();
    line(&format!("{} orders 笔 · captured 收款 {taken} · refunded 退回 {returned}", book.orders.len()))
}

fn row(cells: [&str; 8]) -> String {
    let [channel, account, number, total, captured, refunded, state, payment_no] = cells;
    format!(
        "{channel:<8} {account:<22} {number:<32} {total:>11} {captured:>11} {refunded:>11} {state:<10} {payment_no}"
    )
}

fn print(value: &Value) -> Result<(), Failure> {
    line(&value.to_string())
}

fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

fn new_key() -> Result<Key, Failure> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Failure::Unreachable(format!("random numbers: {error}")))?;
    Ok(key)
}

/// Puts a whole file in a place at once, for its owner only where the system knows owners.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let _ = fs::remove_file(&draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(fs::rename(&draft, path)?)
}
