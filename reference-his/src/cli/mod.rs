//! Arguments and commands. Every command answers with `--json`, and ends with a code of one table.

mod days;
mod devices;
mod files;
mod ledger;
mod orders;
mod organisations;
mod tasks;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hispos::catalogue::Language;
use hispos_common::exit::{self, Exit};
use hispos_common::output::{Answers, Failure, Output};

use crate::home::Home;
use crate::serve;

/// The cashier-window server of a hospital, and its commands.
///
/// Amounts are typed with their sign: + takes money, - gives it back. An order whose end is unknown is never repeated:
/// `open` lists what has not ended, `query` and `look` ask about it.
#[derive(Debug, Parser)]
#[command(name = "hispos-his", version, after_help = exit::HELP, propagate_version = true)]
pub struct Cli {
    /// The directory of the site's server: keys, agreements, manifests, ledger.
    #[arg(long, global = true, env = "HISPOS_HIS_HOME", default_value = "hispos-his", value_name = "DIR")]
    home: PathBuf,
    #[command(flatten)]
    answers: Answers,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Organisation keys, kept offline: the hospital's or the POS company's.
    #[command(subcommand)]
    Org(organisations::Org),
    /// Link agreements: what hospital and POS company agreed on.
    #[command(subcommand)]
    Agreement(organisations::Agreement),
    /// Manifests: the devices of a POS company, or the software terminals of a hospital.
    #[command(subcommand)]
    Manifest(organisations::Manifest),
    /// Software terminals of this server.
    #[command(subcommand)]
    Terminal(devices::Terminal),
    /// Payment terminals that this site may use.
    #[command(subcommand)]
    Devices(devices::Devices),
    /// Run the server: one for every window of the site.
    Serve(serve::Serve),
    /// Take money for a bill: `collect --bill B-1 +12.34`.
    Collect(tasks::Collect),
    /// Give money of a paid order back: `refund ORDER -5.00 --operator A --approver B --reason TEXT`.
    Refund(tasks::Refund),
    /// Stop a collection or a refund by its id: no more orders, the present one is cancelled if nothing has moved.
    Stop(tasks::Stop),
    /// End an order if nothing has moved.
    Cancel(orders::One),
    /// Ask the order's own device about it.
    Query(orders::One),
    /// Ask a device what the platform knows of an order.
    Look(orders::Look),
    /// Orders that have not ended.
    Open,
    /// Signed ends that the bill database has still to take over.
    Unposted,
    /// Tell that the bill database has taken the end of an order over.
    Posted(orders::One),
    /// Record what two people decided about an order.
    Decide(orders::Decide),
    /// Give an order that only a terminal knew to its bill.
    Adopt(orders::Adopt),
    /// A bill, its orders and its captures.
    Bill(orders::Bill),
    /// Windows and their terminals.
    Windows,
    /// Business days: show one beside what every terminal counts, close one.
    #[command(subcommand)]
    Day(days::Day),
    /// What a window's terminal counts for a business day: `totals 20260131 --window W1`.
    Totals(days::OfDevice),
    /// The ledger: verify, export, declare it restored.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
}

/// What every command has at hand.
pub(crate) struct Context {
    pub(crate) home: Home,
    pub(crate) output: Output,
    pub(crate) language: Language,
}

/// Runs a command line to its exit code.
#[must_use]
pub fn run(cli: Cli) -> Exit {
    let answers = cli.answers;
    let context =
        Context { home: Home::at(&cli.home), output: answers.output(), language: answers.language() };
    let output = context.output;
    match dispatch(cli.command, &context) {
        Ok(exit) => exit,
        Err(failure) => output.end(Err(failure)),
    }
}

fn dispatch(command: Command, context: &Context) -> Result<Exit, Failure> {
    let done = |result: Result<(), Failure>| result.map(|()| Exit::Done);
    match command {
        Command::Org(command) => done(organisations::org(command, context)),
        Command::Agreement(command) => done(organisations::agreement(command, context)),
        Command::Manifest(command) => done(organisations::manifest(command, context)),
        Command::Terminal(command) => done(devices::terminal(command, context)),
        Command::Ledger(command) => done(ledger::run(command, context)),
        Command::Serve(arguments) => threads(serve::run(arguments, &context.home, context.output)),
        command => one_thread(ask(command, context)),
    }
}

/// Commands that ask the running server.
async fn ask(command: Command, context: &Context) -> Result<Exit, Failure> {
    let done = |result: Result<(), Failure>| result.map(|()| Exit::Done);
    match command {
        Command::Devices(command) => done(devices::devices(command, context).await),
        Command::Collect(arguments) => tasks::collect(arguments, context).await,
        Command::Refund(arguments) => tasks::refund(arguments, context).await,
        Command::Stop(arguments) => done(tasks::stop(arguments, context).await),
        Command::Cancel(order) => done(orders::act(&order, "cancel", context).await),
        Command::Query(order) => done(orders::act(&order, "query", context).await),
        Command::Posted(order) => done(orders::act(&order, "posted", context).await),
        Command::Look(arguments) => done(orders::look(arguments, context).await),
        Command::Decide(arguments) => done(orders::decide(arguments, context).await),
        Command::Adopt(arguments) => done(orders::adopt(arguments, context).await),
        Command::Open => done(orders::list("/orders", context).await),
        Command::Unposted => done(orders::list("/unposted", context).await),
        Command::Bill(arguments) => done(orders::bill(&arguments, context).await),
        Command::Windows => done(orders::windows(context).await),
        Command::Day(command) => days::run(command, context).await,
        Command::Totals(arguments) => done(days::totals(&arguments, context).await),
        // Those that need no server were handled before.
        _ => Err(Failure::new(Exit::Usage, "this command does not ask the server")),
    }
}

fn one_thread(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::about(Exit::Unreachable, "the system gives no runtime"))?.block_on(command)
}

fn threads(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(Failure::about(Exit::Unreachable, "the system gives no runtime"))?.block_on(command)
}

/// Where a file that a command makes goes.
#[derive(Args, Debug)]
struct Out {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}
