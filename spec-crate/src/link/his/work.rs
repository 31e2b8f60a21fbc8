//! The pieces of work of a HIS link, and what the store is asked for one.

use alloc::string::String;
use alloc::vec::Vec;

use crate::book::Query;
use crate::ids::OrderNo;
use crate::link::{LoadId, PersistId};
use crate::order_flow::his::{Changes, NewCollect, NewRefund, Rows};
use crate::wire;

/// One piece of work.
#[derive(Clone, PartialEq)]
pub(super) enum Work {
    Begin,
    Start(u64),
    Collect(NewCollect),
    Refund {
        new: NewRefund,
        not_to_post: bool,
    },
    Accept {
        result: Vec<u8>,
        signature: Vec<u8>,
        journal: Vec<u8>,
        call: Option<(u64, u32)>,
    },
    Item(wire::OrderItem),
    Pulled(wire::OrderList),
    SyncReply(u64, wire::SyncReply),
    Unsupported((u64, u32)),
    Seen(Vec<u8>),
    Ask(OrderNo),
    /// With the code of the refusal that it follows, or 0.
    Cancel(OrderNo, u32),
    LookElsewhere(OrderNo),
    OfRevoked {
        device: String,
        after: u64,
    },
    Conflict {
        order_no: OrderNo,
        rejected: wire::Rejected,
    },
    Waited,
    PullIfNeeded,
    Refresh(OrderNo),
}

/// What the store is asked, and for which work.
pub(super) enum Waiting {
    Load { id: LoadId, query: Query, work: Work, rows: Rows },
    Persist { id: PersistId, work: Work, changes: Changes },
}

impl Work {
    /// The request of the POS that this answers: session and call.
    pub(super) fn answers(&self) -> Option<(u64, u32)> {
        match self {
            Self::Accept { call, .. } => *call,
            Self::Unsupported(call) => Some(*call),
            _ => None,
        }
    }
}

impl Waiting {
    pub(super) fn work(&self) -> &Work {
        match self {
            Self::Load { work, .. } | Self::Persist { work, .. } => work,
        }
    }
}
