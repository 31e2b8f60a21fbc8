//! What the desk and a window's driver say to each other.

use hispos::amount::Amount;
use hispos::error::Refusal;
use hispos::ids::{OperatorId, OrderNo};
use hispos::ledger::{OrderView, Totals};
use tokio::sync::{mpsc, oneshot, watch};

/// What a window's driver is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Make an order; the answer names it, or says why there is none.
    Make(Make, oneshot::Sender<Result<String, NotMade>>),
    /// End an order if nothing has moved.
    Cancel(OrderNo, oneshot::Sender<Result<(), Refusal>>),
    /// Ask the order's own device about it.
    Query(OrderNo, oneshot::Sender<Result<(), Refusal>>),
    /// The order's row was changed by a person, or by another window.
    Refresh(OrderNo),
    /// Ask this window's device what the platform knows of another device's order; the answer says whether it is asked.
    LookUp(Box<OrderView>, oneshot::Sender<Result<(), Refusal>>),
    /// Ask the device for its totals of a business day.
    Totals(u32, oneshot::Sender<Result<Totals, Refusal>>),
    /// Pull the orders that only the device knows.
    Pull(oneshot::Sender<Result<(), Refusal>>),
    /// The server stops: end the session in order.
    Close,
    /// Agreements, manifests or blocks have changed: read them again.
    Provision,
}

/// The order to make.
#[derive(Clone, Eq, PartialEq)]
pub enum Make {
    /// Take money.
    Collect {
        /// The bill.
        bill: String,
        /// Positive.
        amount: Amount,
    },
    /// Give money back.
    Refund {
        /// The paid order.
        order_no: OrderNo,
        /// Which item of the bill; may be empty.
        item: String,
        /// Negative.
        amount: Amount,
        /// Who asks.
        operator: OperatorId,
        /// Who approved.
        approver: OperatorId,
        /// Why.
        reason: String,
        /// The payment is not to be posted then.
        not_to_post: bool,
    },
}

impl core::fmt::Debug for Make {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Collect { .. } => "Collect(..)",
            Self::Refund { .. } => "Refund(..)",
        })
    }
}

/// Why no order was made. Nothing moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotMade {
    /// For programs.
    pub code: String,
    /// For people.
    pub text: String,
    /// The link was lost in between: worth trying again when it is back.
    pub again: bool,
}

/// What is known of a window's terminal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LinkState {
    /// Orders can be made.
    pub ready: bool,
    /// Nothing was heard for a while.
    pub silent: bool,
    /// What the device calls its program.
    pub software: Option<String>,
    /// No money moves.
    pub simulated: Option<bool>,
    /// The device is blocked at this site.
    pub blocked: bool,
    /// Why it is not ready.
    pub text: String,
}

impl LinkState {
    /// Whether the terminal is heard, so that what is shown of an open order holds.
    #[must_use]
    pub fn heard(&self) -> bool {
        self.ready && !self.silent
    }
}

/// A window, as the desk holds it: commands go in, the state comes out.
#[derive(Clone, Debug)]
pub struct WindowHandle {
    /// The software terminal.
    pub window: String,
    /// The device bound to it.
    pub device: String,
    /// To its driver.
    pub commands: mpsc::Sender<Command>,
    /// What is known of it.
    pub state: watch::Receiver<LinkState>,
}

/// The driver's end of a [`WindowHandle`].
#[derive(Debug)]
pub struct WindowEnd {
    /// From the desk.
    pub commands: mpsc::Receiver<Command>,
    /// To whoever watches.
    pub state: watch::Sender<LinkState>,
}

/// Makes both ends of a window.
#[must_use]
pub fn window(window: &str, device: &str) -> (WindowHandle, WindowEnd) {
    let (commands, received) = mpsc::channel(64);
    let (state, watched) =
        watch::channel(LinkState { text: "the terminal was not heard yet".into(), ..LinkState::default() });
    let handle =
        WindowHandle { window: window.to_owned(), device: device.to_owned(), commands, state: watched };
    (handle, WindowEnd { commands: received, state })
}
