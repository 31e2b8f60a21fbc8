//! Business days: show one, close one, ask a device for what it counts.

use clap::{Args, Subcommand};
use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use hyper::Method;
use serde_json::json;

use super::Context;
use crate::api::types::{self, CloseRequest, DeviceDay, Revision, TaskKind, Totals};
use crate::client::{Client, segment};

/// Business days.
#[derive(Debug, Subcommand)]
pub(crate) enum Day {
    /// What the ledger has of a day beside what each terminal tells, differences marked. Ends with 6 if one differs: a
    /// result that is just being confirmed makes a difference of a moment, so look twice.
    Show(Show),
    /// Close a day that is over: no order is made for it any more. There is no way back; what changes later is a new
    /// revision. A day with open orders closes only with exactly their list: `day show` gives it.
    Close(Close),
}

/// One day.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// YYYYMMDD.
    day: u32,
}

/// Close a day.
#[derive(Args)]
pub(crate) struct Close {
    /// YYYYMMDD.
    day: u32,
    /// The orders of the day that are open, all of them.
    #[arg(long, value_name = "ORDER", num_args = 1..)]
    with_open: Vec<String>,
    /// Who closes it.
    #[arg(long, value_name = "PERSON")]
    by: String,
}

impl std::fmt::Debug for Close {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Close").field("day", &self.day).finish_non_exhaustive()
    }
}

/// What a device counts.
#[derive(Args, Debug)]
pub(crate) struct OfDevice {
    /// YYYYMMDD.
    day: u32,
    /// The software terminal whose device is asked.
    #[arg(long)]
    window: String,
}

pub(crate) async fn run(command: Day, context: &Context) -> Result<Exit, Failure> {
    let client = Client::of(&context.home)?;
    let (day, shown): (types::Day, bool) = match command {
        Day::Show(Show { day }) => (client.get(&format!("/days/{day}")).await?, true),
        Day::Close(Close { day, with_open, by }) => {
            let request = CloseRequest { with_open, by };
            (client.send(Method::POST, &format!("/days/{day}/close"), &request).await?, false)
        }
    };
    context.output.say(&serde_json::to_value(&day).unwrap_or_default(), text(&day));
    let differs = day.devices.iter().any(|device| !device.differences.is_empty());
    Ok(if shown && differs { Exit::Alarm } else { Exit::Done })
}

pub(crate) async fn totals(arguments: &OfDevice, context: &Context) -> Result<(), Failure> {
    let OfDevice { day, window } = arguments;
    let path = format!("/windows/{}/totals/{day}", segment(window));
    let told: Totals = Client::of(&context.home)?.send(Method::POST, &path, &json!({})).await?;
    context.output.say(&serde_json::to_value(&told).unwrap_or_default(), lines("", &told).join("\n"));
    Ok(())
}

fn text(day: &types::Day) -> String {
    let mut text = vec![match (&day.closed, &day.latest) {
        (None, _) => format!("{}: not closed", day.day),
        (Some(closed), None) => format!("{}: closed by {}", day.day, closed.by),
        (Some(closed), Some(Revision { revision, .. })) => {
            format!("{}: closed by {}, changed since: revision {revision}", day.day, closed.by)
        }
    }];
    if let (Some(closed), Some(_)) = (&day.closed, &day.latest) {
        text.push("as it was closed".into());
        text.extend(lines("  ", &closed.totals));
        text.push("as it is now".into());
    }
    text.extend(lines("  ", &day.totals));
    text.extend(day.open.iter().map(|order| format!("  open {order}")));
    for device in &day.devices {
        text.extend(of_device(device));
    }
    text.join("\n")
}

fn of_device(device: &DeviceDay) -> Vec<String> {
    let name = match &device.window {
        Some(window) => format!("{} ({window})", device.device),
        None => device.device.clone(),
    };
    match &device.told {
        None => vec![format!("{name}: not asked: {}", device.text)],
        Some(_) if device.differences.is_empty() => vec![format!("{name}: counts the same")],
        Some(told) => {
            let mut text = vec![format!("{name}: DIFFERS in {}", device.differences.join(", "))];
            text.push("  the ledger has".into());
            text.extend(lines("    ", &device.expected));
            text.push("  the terminal tells".into());
            text.extend(lines("    ", told));
            text
        }
    }
}

fn lines(indent: &str, totals: &Totals) -> Vec<String> {
    let row = |row: &types::TotalsRow| {
        let channel = row.channel.as_deref().unwrap_or("?");
        let way = if row.kind == TaskKind::Refund { "given back" } else { "collected" };
        let beyond = if row.beyond { ", beyond what was recorded" } else { "" };
        let amount = crate::desk::view::amount_text(row.fen);
        format!("{indent}{channel} {way}: {} orders, {amount}{beyond}", row.count)
    };
    let mut text: Vec<String> = totals.rows.iter().map(row).collect();
    text.push(format!("{indent}{} orders open; digest {}", totals.open, totals.digest));
    text
}
