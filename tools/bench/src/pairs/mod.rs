//! How long a handshake and an order take between a client of each language and the reference, as real processes.
//!
//! Each client is HIS at the reference POS and POS at the reference HIS, beside the reference at itself. Every pair has
//! its own site and platform, and they take turns: only one of them has something to do. Times are taken in the middle
//! of the line, from when frames of each type pass, so what is measured is the same for every language.

mod cell;
mod relay;
mod report;
mod times;

/// The clients and their words are those of the table of all pairs.
#[path = "../../../demo/src/members.rs"]
#[expect(dead_code, reason = "nobody refunds or cancels here, and no line is serial")]
mod members;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use hispos::frame::FrameType;

use crate::durable::programs::Binaries;
use crate::durable::{MEMORY, Told};
use cell::{Cell, Folders, REFERENCE};
use members::{MEMBERS, Member};
use relay::Passed;
pub(crate) use report::Report;
use report::Row;
use times::Times;

/// How long a frame may take.
const WITHIN: Duration = Duration::from_secs(20);
/// How long a line is away before the next handshake: an example's loop opens it again within a second.
const AWAY: Duration = Duration::from_millis(1_200);
/// What an end still sends when it has told all that is waited for passes within this.
const SETTLE: Duration = Duration::from_millis(30);
/// What is asked for.
pub(crate) struct Options {
    /// Where the folders of the clients are.
    pub(crate) clients: PathBuf,
    /// Only these clients; all if there are none.
    pub(crate) members: Vec<String>,
    /// Handshakes, and orders, of each pair.
    pub(crate) rounds: usize,
}

/// Measures.
///
/// # Errors
///
/// What cannot be built or started, and which pair does not pay.
pub(crate) fn measure(options: &Options) -> Told<Report> {
    let clients = &options.clients;
    let clients = clients.canonicalize().map_err(|error| format!("{}: {error}", clients.display()))?;
    let wanted = wanted(&options.members)?;
    let built = tempfile::tempdir().map_err(|error| error.to_string())?;
    for member in &wanted {
        eprintln!("building {}", member.name);
        member.prepare(&clients, built.path())?;
    }
    let binaries = Binaries::find()?;
    let folders = Folders { clients: &clients, built: built.path() };
    let warm_up = (options.rounds / 10).max(20);
    let codes = (options.rounds + warm_up + 1) as u64;
    let mut cells = Vec::new();
    for members in pairs(&wanted) {
        let root = tempfile::tempdir_in(MEMORY).map_err(|error| format!("{MEMORY}: {error}"))?;
        eprintln!("starting {} HIS at {} POS", members[0].name, members[1].name);
        cells.push(Cell::start(members, &binaries, &folders, root, codes)?);
    }
    let orders = turns(&mut cells, options.rounds, warm_up, "orders", order)?;
    let handshakes = turns(&mut cells, options.rounds, warm_up, "handshakes", handshake)?;
    let rows = cells.iter().zip(handshakes.into_iter().zip(orders)).map(|(cell, (handshakes, orders))| Row {
        his: cell.members[0].name,
        pos: cell.members[1].name,
        handshakes,
        orders,
    });
    let processors = thread::available_parallelism().map_or(0, usize::from);
    Ok(Report { rounds: options.rounds, warm_up, processors, rows: rows.collect() })
}

/// The clients that take part.
fn wanted(names: &[String]) -> Told<Vec<&'static Member>> {
    let clients = || MEMBERS.iter().filter(|member| member.name != REFERENCE);
    if let Some(name) = names.iter().find(|name| !clients().any(|member| member.name == **name)) {
        let known: Vec<&str> = clients().map(|member| member.name).collect();
        return Err(format!("no client {name}: there are {}", known.join(", ")));
    }
    Ok(clients().filter(|member| names.is_empty() || names.iter().any(|name| name == member.name)).collect())
}

/// The reference at itself, then each client as HIS, and then each as POS, at the reference.
fn pairs(clients: &[&'static Member]) -> Vec<[&'static Member; 2]> {
    let reference = MEMBERS.iter().find(|member| member.name == REFERENCE);
    let with = |member: &&'static Member| reference.map(|reference| [*member, reference]);
    let mut pairs: Vec<_> = reference.iter().map(|reference| [*reference, *reference]).collect();
    pairs.extend(clients.iter().filter_map(with));
    pairs.extend(clients.iter().filter_map(with).map(|[client, reference]| [reference, client]));
    pairs
}

/// All pairs in turns, again and again; the first rounds warm everything.
fn turns(
    cells: &mut [Cell],
    rounds: usize,
    warm_up: usize,
    what: &str,
    mut once: impl FnMut(&mut Cell) -> Told<Duration>,
) -> Told<Vec<Times>> {
    let mut times = vec![Vec::with_capacity(rounds); cells.len()];
    for round in 0..warm_up + rounds {
        if round % 50 == 0 {
            eprintln!("{what}: {round} of {}", warm_up + rounds);
        }
        for (cell, times) in cells.iter_mut().zip(&mut times) {
            let time = once(cell).map_err(|why| {
                format!("{}: {what}, round {round}: {why}; {}", cell.name(), cell.last_words())
            })?;
            if round >= warm_up {
                times.push(time);
            }
        }
    }
    Ok(times.into_iter().map(Times::new).collect())
}

/// One order: from its SubmitOrder to what its HIS sends when the result is in the ledger.
fn order(cell: &mut Cell) -> Told<Duration> {
    cell.relay.forget();
    cell.begin()?;
    cell.end()?;
    cell.relay.wait(WITHIN, spanned).ok_or("the HIS confirms no result")?;
    thread::sleep(SETTLE);
    spanned(&cell.relay.passed()).ok_or_else(|| "the line was made anew".to_owned())
}

/// From the first record of a HIS to its last.
fn spanned(passed: &[Passed]) -> Option<Duration> {
    let mut records = passed.iter().filter(|frame| frame.kind == FrameType::HisRecord);
    let first = records.next()?;
    Some(records.next_back()?.at - first.at)
}

/// One handshake: from M1 to the first record of the POS, which is SessionReady; the line was cut before it.
fn handshake(cell: &mut Cell) -> Told<Duration> {
    cell.stay_away(AWAY)?;
    cell.relay.forget();
    if !cell.relay.let_pass(WITHIN) {
        return Err("no M1 came".to_owned());
    }
    let time = cell.relay.wait(WITHIN, keyed).ok_or("no SessionReady passed")?;
    cell.relay.wait(WITHIN, |passed| is_synced(passed).then_some(())).ok_or("no SyncReply passed")?;
    cell.cut()?;
    Ok(time)
}

/// From M1 to the first record of the POS.
fn keyed(passed: &[Passed]) -> Option<Duration> {
    let at = |kind| passed.iter().find(|frame| frame.kind == kind).map(|frame| frame.at);
    Some(at(FrameType::PosRecord)? - at(FrameType::M1)?)
}

/// Whether the POS has answered what a HIS asks first in a session.
fn is_synced(passed: &[Passed]) -> bool {
    let mut asked = passed.iter().skip_while(|frame| frame.kind != FrameType::HisRecord);
    asked.any(|frame| frame.kind == FrameType::PosRecord)
}

#[cfg(test)]
mod tests {
    use super::{Passed, is_synced, keyed, pairs, spanned, wanted};
    use hispos::frame::FrameType::{HisRecord, M1, M2, M3, PosRecord};
    use std::time::{Duration, Instant};

    fn passed(kinds: &[(hispos::frame::FrameType, u64)]) -> Vec<Passed> {
        let began = Instant::now();
        let frame = |&(kind, at)| Passed { kind, at: began + Duration::from_millis(at) };
        kinds.iter().map(frame).collect()
    }

    #[test]
    fn a_handshake_ends_with_the_first_record_of_the_pos() {
        let half = [(M1, 1), (M2, 3), (M3, 6)];
        assert_eq!(keyed(&passed(&half)), None);
        let whole = [&half[..], &[(PosRecord, 8), (HisRecord, 9), (PosRecord, 12)]].concat();
        assert_eq!(keyed(&passed(&whole)), Some(Duration::from_millis(7)));
        assert!(is_synced(&passed(&whole)) && !is_synced(&passed(&whole[..5])));
    }

    #[test]
    fn an_order_lasts_from_the_first_record_of_its_his_to_the_last() {
        assert_eq!(spanned(&passed(&[(PosRecord, 1), (HisRecord, 2)])), None);
        let order = [(HisRecord, 2), (PosRecord, 5), (PosRecord, 9), (HisRecord, 11), (PosRecord, 13)];
        assert_eq!(spanned(&passed(&order)), Some(Duration::from_millis(9)));
    }

    #[test]
    fn every_client_meets_the_reference_in_both_roles_and_no_other() {
        let clients = wanted(&["go".to_owned(), "python".to_owned()]).expect("both are there");
        let names: Vec<[&str; 2]> =
            pairs(&clients).iter().map(|pair| pair.map(|member| member.name)).collect();
        let reference = "reference";
        let all = [
            [reference, reference],
            ["go", reference],
            ["python", reference],
            [reference, "go"],
            [reference, "python"],
        ];
        assert_eq!(names, all);
        assert!(wanted(&["reference".to_owned()]).is_err());
    }
}
