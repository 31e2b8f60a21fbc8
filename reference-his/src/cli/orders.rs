//! Single orders: ask, cancel, look, decide, post; and what there is.

use clap::Args;
use hispos::catalogue::Language;
use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use hyper::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use crate::api::types::{self, AdoptRequest, Decision, DecisionRequest, LookRequest, Order, Window};
use crate::client::{Client, segment};

/// An order.
#[derive(Args, Debug)]
pub(crate) struct One {
    /// Its number.
    order: String,
}

/// Ask a device about an order.
#[derive(Args, Debug)]
pub(crate) struct Look {
    /// The order's number.
    order: String,
    /// The device that looks; the order's own one if left out.
    #[arg(long)]
    device: Option<String>,
}

/// Two people's decision.
#[derive(Args)]
pub(crate) struct Decide {
    /// The order's number.
    order: String,
    /// evidence: as the signed evidence has it; not-paid: only if every capture is returned; keep: as it is;
    /// returned: its captures were returned outside the link.
    #[arg(value_enum)]
    decision: Decision,
    /// One of the two people; give it twice.
    #[arg(long, required = true)]
    by: Vec<String>,
}

impl std::fmt::Debug for Decide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decide").field("order", &self.order).finish_non_exhaustive()
    }
}

/// A bill adopts an order.
#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// The order's number.
    order: String,
    /// The bill, as the hospital names it.
    #[arg(long, value_name = "KEY")]
    bill: String,
}

/// A bill.
#[derive(Args, Debug)]
pub(crate) struct Bill {
    /// As the hospital names it.
    bill: String,
}

/// `cancel`, `query` and `posted`: one order, one word.
pub(crate) async fn act(order: &One, word: &str, context: &Context) -> Result<(), Failure> {
    ask(&order.order, word, &json!({}), context).await
}

pub(crate) async fn look(arguments: Look, context: &Context) -> Result<(), Failure> {
    let Look { order, device } = arguments;
    ask(&order, "look", &LookRequest { device }, context).await
}

pub(crate) async fn decide(arguments: Decide, context: &Context) -> Result<(), Failure> {
    let Decide { order, decision, by } = arguments;
    match by.as_slice() {
        [first, second] if first != second => {}
        _ => {
            return Err(Failure::new(
                Exit::Refused,
                "a decision needs two different people: give --by A --by B",
            ));
        }
    }
    ask(&order, "decide", &DecisionRequest { decision, by }, context).await
}

pub(crate) async fn adopt(arguments: Adopt, context: &Context) -> Result<(), Failure> {
    ask(&arguments.order, "adopt", &AdoptRequest { bill: arguments.bill }, context).await
}

async fn ask(order: &str, word: &str, body: &impl Serialize, context: &Context) -> Result<(), Failure> {
    let path = format!("/orders/{}/{word}", segment(order));
    let order: Order = Client::of(&context.home)?.send(Method::POST, &path, body).await?;
    context.output.say(&value(&order), line(&order, context.language));
    Ok(())
}

/// Prints a list of orders, one a line.
pub(crate) async fn list(path: &str, context: &Context) -> Result<(), Failure> {
    let orders: Vec<Order> = Client::of(&context.home)?.get(path).await?;
    for order in &orders {
        context.output.say(&value(order), line(order, context.language));
    }
    if orders.is_empty() && !context.output.is_json() {
        context.output.say(&Value::Null, if context.language == Language::En { "none" } else { "无" });
    }
    Ok(())
}

pub(crate) async fn bill(arguments: &Bill, context: &Context) -> Result<(), Failure> {
    let path = format!("/bills/{}", segment(&arguments.bill));
    let bill: types::Bill = Client::of(&context.home)?.get(&path).await?;
    let mut text: Vec<String> = bill.orders.iter().map(|order| line(order, context.language)).collect();
    text.extend(bill.captures.iter().map(|capture| {
        let state = if capture.returned { "returned" } else { "kept" };
        format!(
            "capture of {}: {} {} {} {state}",
            capture.order_no,
            capture.channel.as_deref().unwrap_or("?"),
            capture.payment_no,
            capture.amount
        )
    }));
    context.output.say(&value(&bill), text.join("\n"));
    Ok(())
}

pub(crate) async fn windows(context: &Context) -> Result<(), Failure> {
    let windows: Vec<Window> = Client::of(&context.home)?.get("/windows").await?;
    for window in &windows {
        let state = match (window.ready, window.silent) {
            (true, false) => "ready".to_owned(),
            (true, true) => "silent".to_owned(),
            (false, _) => window.text.clone(),
        };
        context.output.say(&value(window), format!("{} {} {state}", window.window, window.device));
    }
    Ok(())
}

/// An order in one line: number, amount, bill, and what it says to the cashier.
fn line(order: &Order, language: Language) -> String {
    let text = if language == Language::En { &order.text_en } else { &order.text_zh };
    format!("{} {} {} {} {text}", order.order_no, order.amount, order.device, order.bill)
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
