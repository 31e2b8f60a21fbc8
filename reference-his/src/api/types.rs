//! What travels over HTTP: requests, tasks, orders, problems.

mod days;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use days::{CloseRequest, Day, DeviceDay, Revision, Totals, TotalsRow};

/// Take money for a bill. Amounts are typed with their sign.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectionRequest {
    /// The bill, as the hospital names it: opaque, 1 to 64 bytes, never sent to a terminal or a platform.
    pub bill: String,
    /// `+12.34`: yuan with sign, at most two decimals.
    #[schema(example = "+12.34")]
    pub amount: String,
    /// The software terminal whose device collects. May be left out where the site has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// For how long orders are made, in seconds; then the present one is cancelled.
    #[serde(default = "default_seconds")]
    pub seconds: u32,
}

/// The time a patient has, if nobody says otherwise.
#[must_use]
pub const fn default_seconds() -> u32 {
    300
}

/// Give money of a paid order back.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// The paid order.
    pub order_no: String,
    /// Which item of the bill is given back: opaque, at most 64 bytes; empty for the bill as a whole.
    #[serde(default)]
    pub item: String,
    /// `-5.00`: yuan with sign.
    #[schema(example = "-5.00")]
    pub amount: String,
    /// Who asks for it.
    pub operator: String,
    /// Who approved it: somebody else.
    pub approver: String,
    /// Why, at most 128 bytes.
    pub reason: String,
    /// The payment waits to be posted and goes back whole: neither it nor the refund is posted. Refused for a payment
    /// that is posted, and for a part of one.
    #[serde(default)]
    pub not_to_post: bool,
    /// The software terminal whose device gives it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// For how long the link is waited for, in seconds.
    #[serde(default = "default_seconds")]
    pub seconds: u32,
}

/// A collection or a refund, as far as it has come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct TaskView {
    /// Its name, chosen by who asked for it.
    pub id: String,
    /// Which of the two.
    pub kind: TaskKind,
    /// The software terminal.
    pub window: String,
    /// The bill.
    pub bill: String,
    /// The amount with its sign.
    pub amount: String,
    /// How far it is.
    pub state: TaskState,
    /// How it ended, if it did.
    pub end: Option<TaskEnd>,
    /// The present or last order.
    pub order_no: Option<String>,
    /// Every order made for it, oldest first.
    pub orders: Vec<String>,
    /// Catalogue name of the last order's status.
    pub status: Option<String>,
    /// `none`, `taken`, `returned` or `unknown`: where the patient's money is.
    pub money: String,
    /// `wechat` or `alipay`.
    pub channel: Option<String>,
    /// The platform's own number of the payment.
    pub payment_no: Option<String>,
    /// The platform's own number of the refund.
    pub refund_id: Option<String>,
    /// How far the present order is.
    pub progress: Option<Progress>,
    /// For the cashier.
    pub text_en: String,
    /// For the cashier.
    pub text_zh: String,
    /// Rises with every change; give it as `seen` to wait for the next one.
    pub change: u64,
}

/// Which way the money goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// From the patient.
    Collection,
    /// Back to the patient.
    Refund,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// No order is open: the terminal, or the gap between two orders, is waited for.
    Waiting,
    /// An order is being made.
    Making,
    /// An order is open, and the terminal is heard.
    Open,
    /// An order is open, and the terminal is not heard: do not take the money again.
    Unknown,
    /// It has ended.
    Ended,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnd {
    /// The platform took the money.
    Paid,
    /// No money was taken, or all of it was given back.
    NotPaid,
    /// The money was given back.
    Refunded,
    /// No money was given back.
    NotRefunded,
    /// People have to look.
    Attention,
    /// No order was made: nothing moved.
    NotMade,
}

/// One order of the ledger.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Order {
    /// Its number.
    pub order_no: String,
    /// The bill; empty for an order that no bill has adopted.
    pub bill: String,
    /// The only device that may act on it.
    pub device: String,
    /// The software terminal that made it.
    pub window: String,
    /// Which way the money goes.
    pub kind: TaskKind,
    /// The amount with its sign.
    pub amount: String,
    /// Its state.
    pub state: OrderState,
    /// Catalogue name of its status.
    pub status: Option<String>,
    /// Catalogue code of its status.
    pub status_code: Option<u32>,
    /// `none`, `taken`, `returned` or `unknown`.
    pub money: String,
    /// `again_now`, `later` or `never`: whether another order may follow.
    pub retry: Option<String>,
    /// `wechat` or `alipay`.
    pub channel: Option<String>,
    /// The platform's own number of the payment.
    pub payment_no: Option<String>,
    /// The platform's own number of the refund.
    pub refund_id: Option<String>,
    /// When the platform took the money, or gave it back: Unix seconds of the platform.
    pub captured_at: Option<u64>,
    /// `unposted`, `posted` or `not_to_post`, once that has a meaning.
    pub posting: Option<String>,
    /// The day that it counts for, YYYYMMDD; 0 while only its result is known.
    pub business_day: u32,
    /// Unix seconds.
    pub made_at: Option<u64>,
    /// Unix seconds.
    pub ended_at: Option<u64>,
    /// The order whose money it gives back.
    pub refund_of: Option<String>,
    /// The item of the bill that it gives back; empty otherwise.
    pub item: String,
    /// Signed results that are kept beside the one that ended it.
    pub evidence: usize,
    /// Only a terminal knew it: no bill has adopted it.
    pub orphan: bool,
    /// For the cashier.
    pub text_en: String,
    /// For the cashier.
    pub text_zh: String,
}

/// How far an order is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// The order.
    pub order_no: String,
    /// `wait_code`, `paying`, `user_confirming`, `reversing`, `refunding`, `asking` or `looking`.
    pub stage: String,
    /// `wechat` or `alipay`, once the patient chose.
    pub channel: Option<String>,
    /// Money may have moved: nobody knows yet.
    pub money_unknown: bool,
    /// Seconds in which a code may still be shown; 0 if that has no meaning.
    pub seconds_left: u32,
}

/// Where an order is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Sent to its device.
    Sent,
    /// Being cancelled.
    Cancelling,
    /// Devices are asked what became of it.
    Asking,
    /// The platform took the money.
    Paid,
    /// No money was taken.
    NotPaid,
    /// The money was given back.
    Refunded,
    /// No money was given back.
    NotRefunded,
    /// People have to look.
    Attention,
}

impl OrderState {
    /// Whether it has ended.
    #[must_use]
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Sent | Self::Cancelling | Self::Asking)
    }
}

/// Money that a platform took for an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Capture {
    /// The order.
    pub order_no: String,
    /// `wechat` or `alipay`.
    pub channel: Option<String>,
    /// The platform's own number.
    pub payment_no: String,
    /// Yuan with sign.
    pub amount: String,
    /// Given back so far, in fen.
    pub refunded_fen: u64,
    /// Reserved by refunds that have not ended, in fen.
    pub reserved_fen: u64,
    /// All of it went back, by a signed fact or two people's word.
    pub returned: bool,
}

/// A bill and what was made for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Bill {
    /// The bill.
    pub bill: String,
    /// Its order that has not ended, or the latest.
    pub present: Option<String>,
    /// Its orders, oldest first.
    pub orders: Vec<Order>,
    /// Its captures.
    pub captures: Vec<Capture>,
}

/// A window and its terminal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Window {
    /// The software terminal.
    pub window: String,
    /// The device bound to it.
    pub device: String,
    /// Orders can be made.
    pub ready: bool,
    /// Nothing was heard for a while.
    pub silent: bool,
    /// What the device calls its program.
    pub software: Option<String>,
    /// No money moves: the platform is simulated.
    pub simulated: Option<bool>,
    /// The device is blocked at this site.
    pub blocked: bool,
    /// Why it is not ready.
    pub text: String,
}

/// Two people's decision about an order.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// What they decided.
    pub decision: Decision,
    /// Two different people.
    pub by: Vec<String>,
}

/// Which bill adopts an order.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptRequest {
    /// The bill.
    pub bill: String,
}

/// Two people who answer for something.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TwoPeople {
    /// Two different people.
    pub by: Vec<String>,
}

/// What two people can decide.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// As the signed evidence has it.
    Evidence,
    /// Not paid; only if every capture of the order is returned.
    NotPaid,
    /// Keep it as it is.
    Keep,
    /// Its captures were returned outside the link.
    Returned,
}

/// Which device looks at an order.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookRequest {
    /// A device of the site; its own one if left out.
    #[serde(default)]
    pub device: Option<String>,
}

/// A device that may not be used at this site any more.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockRequest {
    /// `true` blocks it, `false` lifts the block.
    pub blocked: bool,
}

/// Why a request was refused. Nothing was done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// For programs.
    pub code: String,
    /// For people.
    pub text: String,
    /// What stands in the way: a task or an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl Problem {
    /// Says what is wrong.
    #[must_use]
    pub fn new(code: &str, text: &str) -> Self {
        Self { code: code.to_owned(), text: text.to_owned(), about: None }
    }
}
