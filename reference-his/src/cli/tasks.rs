//! `collect`, `refund`, `stop`: what the cashier does all day.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use hispos::amount::Amount;
use hispos::catalogue::Language;
use hispos_common::entropy::OsEntropy;
use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Context;
use crate::api::types::{CollectionRequest, RefundRequest, TaskEnd, TaskState, TaskView};
use crate::client::{Client, ClientError, segment};

/// Take money for a bill.
#[derive(Args, Debug)]
pub(crate) struct Collect {
    /// The bill, as the hospital names it.
    #[arg(long, value_name = "KEY")]
    bill: String,
    /// Yuan with a plus, as in +12.34.
    #[arg(allow_hyphen_values = true)]
    amount: Amount,
    #[command(flatten)]
    how: How,
}

/// Give money back.
#[derive(Args)]
pub(crate) struct Refund {
    /// The paid order.
    order: String,
    /// Yuan with a minus, as in -5.00.
    #[arg(allow_hyphen_values = true)]
    amount: Amount,
    /// Who asks for it.
    #[arg(long)]
    operator: String,
    /// Who approved it: somebody else.
    #[arg(long)]
    approver: String,
    //= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
    //# A HIS MUST tell the person who writes the reason of a refund that no patient is to be named in it.
    /// Why. It is sent to the terminal and kept for years: name no patient in it.
    #[arg(long)]
    reason: String,
    /// Which item of the bill is given back.
    #[arg(long, default_value = "")]
    item: String,
    /// The payment is not posted to its bill yet and goes back whole: neither it nor this refund is posted. Refused for
    /// a payment that is posted, and for a part of one.
    #[arg(long)]
    not_to_post: bool,
    #[command(flatten)]
    how: How,
}

impl std::fmt::Debug for Refund {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refund").field("order", &self.order).finish_non_exhaustive()
    }
}

/// Where and for how long.
#[derive(Args, Debug)]
struct How {
    /// The software terminal; may be left out where the site has only one.
    #[arg(long)]
    window: Option<String>,
    /// Names the request: the same id again is the same request, and is followed to its end. Random if left out.
    #[arg(long)]
    id: Option<String>,
    /// For how long orders are made, in seconds.
    #[arg(long, default_value_t = crate::api::types::default_seconds())]
    seconds: u32,
    /// How long an unknown state is waited out before the command ends with 4, in seconds. The server goes on.
    #[arg(long, default_value_t = 60)]
    patience: u64,
}

/// Stop a task.
#[derive(Args, Debug)]
pub(crate) struct Stop {
    /// Its id.
    id: String,
    /// It is a refund.
    #[arg(long)]
    refund: bool,
}

pub(crate) async fn collect(arguments: Collect, context: &Context) -> Result<Exit, Failure> {
    let Collect { bill, amount, how } = arguments;
    let request = CollectionRequest {
        bill,
        amount: amount.to_string(),
        window: how.window.clone(),
        seconds: how.seconds,
    };
    let client = Client::of(&context.home)?;
    let path = format!("/collections/{}", segment(&id(&how)));
    let view = client.send(Method::PUT, &path, &request).await?;
    Follow { client, path, context, patience: Duration::from_secs(how.patience) }.until_the_end(view).await
}

pub(crate) async fn refund(arguments: Refund, context: &Context) -> Result<Exit, Failure> {
    let Refund { order, amount, operator, approver, reason, item, not_to_post, how } = arguments;
    let request = RefundRequest {
        order_no: order,
        item,
        amount: amount.to_string(),
        operator,
        approver,
        reason,
        not_to_post,
        window: how.window.clone(),
        seconds: how.seconds,
    };
    let client = Client::of(&context.home)?;
    let path = format!("/refunds/{}", segment(&id(&how)));
    let view = client.send(Method::PUT, &path, &request).await?;
    Follow { client, path, context, patience: Duration::from_secs(how.patience) }.until_the_end(view).await
}

pub(crate) async fn stop(arguments: Stop, context: &Context) -> Result<(), Failure> {
    let kind = if arguments.refund { "refunds" } else { "collections" };
    let client = Client::of(&context.home)?;
    client.order(&format!("/{kind}/{}/stop", segment(&arguments.id)), &json!({})).await?;
    context
        .output
        .say(&json!({"ok": true}), "stopped; what the present order ends with is told by its own command");
    Ok(())
}

fn id(how: &How) -> String {
    how.id.clone().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        hispos::crypto::Entropy::fill(&mut OsEntropy, &mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// Follows a task and shows it.
struct Follow<'a> {
    client: Client,
    path: String,
    context: &'a Context,
    patience: Duration,
}

impl Follow<'_> {
    async fn until_the_end(mut self, mut view: TaskView) -> Result<Exit, Failure> {
        let mut screen = Screen { context: self.context, shown: String::new() };
        let mut unknown_since: Option<Instant> = None;
        let mut stopped = false;
        loop {
            screen.show(&view);
            if let Some(end) = view.end {
                return Ok(screen.end(&view, exit_of(end)));
            }
            unknown_since = match view.state {
                TaskState::Unknown => unknown_since.or_else(|| Some(Instant::now())),
                _ => None,
            };
            if unknown_since.is_some_and(|since| since.elapsed() > self.patience) {
                return Ok(screen.end(&view, Exit::Unknown));
            }
            tokio::select! {
                next = self.next(view.change, &screen) => view = next?,
                _ = tokio::signal::ctrl_c() => {
                    if stopped {
                        return Ok(screen.end(&view, Exit::Unknown));
                    }
                    stopped = true;
                    self.client.order(&format!("{}/stop", self.path), &json!({})).await?;
                    screen.note("stopping: wait for the end of the present order", "正在停止，请等待当前订单的结果");
                }
            }
        }
    }

    /// The next change. A server that is gone may come back, elsewhere and with another token, and its task with it.
    async fn next(&mut self, mut seen: u64, screen: &Screen<'_>) -> Result<TaskView, Failure> {
        let until = Instant::now() + self.patience;
        let mut gone = false;
        loop {
            match self.client.get(&format!("{}?seen={seen}&wait=5", self.path)).await {
                Ok(view) => return Ok(view),
                // Another start of the server has another token, and a listener of another may have its place.
                Err(ClientError::Refused(status, problem)) if !matches!(status.as_u16(), 401 | 403) => {
                    return Err(ClientError::Refused(status, problem).into());
                }
                Err(_) if Instant::now() < until => {}
                Err(_) => {
                    let text = "the server is gone and the end is unknown: do not repeat it; start the server and ask again";
                    return Err(Failure::new(Exit::Unknown, text));
                }
            }
            if !std::mem::replace(&mut gone, true) {
                screen.note(
                    "the server is gone and the end is unknown: waiting for it, do not take the money again",
                    "服务已中断，结果未知：正在等待恢复，请勿再次收款",
                );
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            if let Ok(client) = Client::of(&self.context.home) {
                self.client = client;
            }
            // Its count of changes begins anew.
            seen = 0;
        }
    }
}

/// What a task's end means to a script.
fn exit_of(end: TaskEnd) -> Exit {
    match end {
        TaskEnd::Paid | TaskEnd::Refunded => Exit::Done,
        TaskEnd::NotPaid | TaskEnd::NotRefunded | TaskEnd::NotMade => Exit::Refused,
        TaskEnd::Attention => Exit::Alarm,
    }
}

/// Shows a task to a person on standard error, or every change to a program on standard output.
struct Screen<'a> {
    context: &'a Context,
    shown: String,
}

impl Screen<'_> {
    fn show(&mut self, view: &TaskView) {
        if self.context.output.is_json() {
            self.context.output.say(&object(view), "");
            return;
        }
        let text = self.text(view);
        if text == self.shown || view.end.is_some() {
            return;
        }
        let mut out = std::io::stderr().lock();
        // A terminal that has gone away is no failure of the payment.
        let _ = if out.is_terminal() { write!(out, "\r\u{1b}[K{text}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
        self.shown = text;
    }

    fn end(&self, view: &TaskView, exit: Exit) -> Exit {
        let mut end = object(view);
        if let Value::Object(fields) = &mut end {
            fields.insert("exit".into(), exit.name().into());
            fields.insert("code".into(), exit.code().into());
        }
        let mut text = self.text(view);
        for (name, value) in [
            ("order", view.order_no.as_ref()),
            ("channel", view.channel.as_ref()),
            ("payment", view.payment_no.as_ref()),
            ("refund", view.refund_id.as_ref()),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("\n{name} {value}"));
            }
        }
        if std::io::stderr().is_terminal() && !self.shown.is_empty() && !self.context.output.is_json() {
            eprintln!();
        }
        self.context.output.say(&end, text);
        exit
    }

    fn note(&self, en: &str, zh: &str) {
        if !self.context.output.is_json() {
            eprintln!("\n{}", if self.context.language == Language::En { en } else { zh });
        }
    }

    fn text(&self, view: &TaskView) -> String {
        if self.context.language == Language::En { view.text_en.clone() } else { view.text_zh.clone() }
    }
}

fn object(view: &TaskView) -> Value {
    serde_json::to_value(view).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::Refund;

    //= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
    //= type=test
    //# A HIS MUST tell the person who writes the reason of a refund that no patient is to be named in it.
    #[test]
    fn who_writes_a_reason_is_told_to_name_no_patient() {
        let help = Refund::augment_args(Command::new("refund")).render_long_help().to_string();
        assert!(help.contains("name no patient in it"), "{help}");
    }
}
