//! Rules that are missing, one at a time. Each is planted at the border between a link and its world, so that nothing
//! in the product knows of it, and has its names from `formal/orders`. A life of a mutant has the faults that it needs.

use hispos::book::{Batch, Containment, Found, Query, Table, Write};
use hispos::journal::PosOrderView;
use hispos::message::agreement::{Agreement, Terms, Timers};
use hispos::platform::{Ask, Channel, Proof, Request, Verdict};

use crate::fields::{Fields, Value};
use crate::nodes::{Machine, Node};
use crate::plan::{Plan, Strike};

/// A rule that is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutant {
    /// A pay is written before its attempt is durable.
    AttemptNotPersisted,
    /// A refund is requested before that is durable.
    StartedNotPersisted,
    /// A reverse is written before that is durable.
    ReverseNotPersisted,
    /// A journal is believed after a reboot.
    IntactAfterReboot,
    /// A journal is believed although the peer's anchor is not in it.
    IntactDespiteAnchor,
    /// The clock is not read again before the first byte.
    NoRecheck,
    /// Nothing is waited for behind a request.
    NoFence,
    /// A pay carries no expiry to speak of.
    NoExpiry,
    /// HIS does not remember until when an order is leased.
    HisForgetsLease,
    /// Every run of a terminal has the same name.
    NoRun,
    /// After a step back of the ledger nothing is waited for, and no list is pulled.
    NoWaitNoPull,
    /// What a refund may give back is not reserved.
    ReleasedOnUnknown,
    /// A capture gets no row.
    EvidenceNotKept,
    /// The store does not look at the versions that a batch was computed from.
    LockNotTransactional,
    /// A refund in process is taken for a failed one.
    ProcessingIsFailed,
    /// A pay is written however late it is.
    NoStartBy,
    /// A reverse is written however late it is.
    NoActBy,
    /// A refund is requested however late it is.
    RepeatAfterLease,
    /// Another device looks as soon as the lease is over.
    QuietIsLeaseEnd,
    /// A refund that people have to look at is taken for a failed one.
    AbnormalIsFailed,
    /// One absent number of the two is enough.
    OneDeadSuffices,
    /// Without an attempt in the journal nothing is asked behind a restart.
    OnlyJournalNumber,
    /// Nothing is asked before a pay.
    NoAskBeforePay,
    /// A bill gets its next order before the present one has ended.
    NextBeforeEnd,
    /// What a bill has paid is not looked at when an order is made.
    CapturesNotLookedAt,
    /// A device that looks at another one's order reverses it.
    OtherReverses,
    /// A device that looks at another one's refund requests it.
    LookerSends,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::AttemptNotPersisted,
        Self::StartedNotPersisted,
        Self::ReverseNotPersisted,
        Self::IntactAfterReboot,
        Self::IntactDespiteAnchor,
        Self::NoRecheck,
        Self::NoFence,
        Self::NoExpiry,
        Self::HisForgetsLease,
        Self::NoRun,
        Self::NoWaitNoPull,
        Self::ReleasedOnUnknown,
        Self::EvidenceNotKept,
        Self::LockNotTransactional,
        Self::ProcessingIsFailed,
    ];

    /// Those of which chance alone would need too many lives: a model finds them.
    pub const RARE: [Self; 12] = [
        Self::NoStartBy,
        Self::NoActBy,
        Self::RepeatAfterLease,
        Self::QuietIsLeaseEnd,
        Self::AbnormalIsFailed,
        Self::OneDeadSuffices,
        Self::OnlyJournalNumber,
        Self::NoAskBeforePay,
        Self::NextBeforeEnd,
        Self::CapturesNotLookedAt,
        Self::OtherReverses,
        Self::LookerSends,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AttemptNotPersisted => "attempt_not_persisted",
            Self::StartedNotPersisted => "started_not_persisted",
            Self::ReverseNotPersisted => "reverse_not_persisted",
            Self::IntactAfterReboot => "intact_after_reboot",
            Self::IntactDespiteAnchor => "intact_despite_anchor",
            Self::NoRecheck => "no_recheck",
            Self::NoFence => "no_fence",
            Self::NoExpiry => "no_expiry",
            Self::HisForgetsLease => "his_forgets_lease",
            Self::NoRun => "no_run_submit, no_run_cancel",
            Self::NoWaitNoPull => "no_wait, no_pull",
            Self::ReleasedOnUnknown => "released_on_unknown",
            Self::EvidenceNotKept => "evidence_not_kept",
            Self::LockNotTransactional => "lock_not_transactional",
            Self::ProcessingIsFailed => "processing_is_failed",
            Self::NoStartBy => "no_start_by",
            Self::NoActBy => "no_act_by",
            Self::RepeatAfterLease => "repeat_after_lease",
            Self::QuietIsLeaseEnd => "quiet_is_lease_end",
            Self::AbnormalIsFailed => "abnormal_is_failed",
            Self::OneDeadSuffices => "one_dead_suffices",
            Self::OnlyJournalNumber => "only_journal_number",
            Self::NoAskBeforePay => "no_ask_before_pay",
            Self::NextBeforeEnd => "next_before_end",
            Self::CapturesNotLookedAt => "not_looked_at_when_made, not_looked_at_when_sent",
            Self::OtherReverses => "other_reverses",
            Self::LookerSends => "looker_sends",
        }
    }

    /// The life of a seed, with the faults that make this rule needed.
    #[must_use]
    pub fn plan(self, seed: u64) -> Plan {
        let mut plan = Plan::of(seed);
        plan.collects = plan.collects.max(3);
        plan.plain_codes = false;
        match self {
            Self::AttemptNotPersisted => plan.at_write = Some(Strike::Kills),
            Self::StartedNotPersisted => {
                plan.at_write = Some(Strike::KillsRefund);
                plan.refunds = 1_000;
            }
            Self::ReverseNotPersisted => {
                plan.at_write = Some(Strike::KillsReverse);
                plan.cancels = 900;
                plan.slow_payers = Some((18_000, 60_000));
                plan.late_requests = 700;
            }
            Self::IntactAfterReboot => plan.at_write = Some(Strike::JournalBack(true)),
            Self::IntactDespiteAnchor => plan.at_write = Some(Strike::JournalBack(false)),
            Self::NoRun => plan.at_write = Some(Strike::JournalLost),
            Self::NoRecheck => plan.at_connect = true,
            Self::NoFence => {
                plan.late_requests = 500;
                plan.lost_answers = 500;
            }
            Self::NoExpiry => plan.slow_payers = Some((100_000, 500_000)),
            Self::HisForgetsLease => {
                plan.at_write = Some(Strike::KillsHis);
                plan.slow_payers = Some((40_000, 85_000));
                plan.faults.clear();
                plan.late_requests = 500;
                plan.lost_answers = 500;
            }
            Self::NoWaitNoPull => plan.at_made = true,
            Self::ReleasedOnUnknown | Self::ProcessingIsFailed => plan.refunds = 1_000,
            _ => {}
        }
        plan
    }
}

/// What a declared step back writes.
pub(crate) fn restored(mutant: Option<Mutant>, batch: Batch) -> Batch {
    if mutant != Some(Mutant::NoWaitNoPull) {
        return batch;
    }
    rewritten(batch, Table::Site, |fields| {
        fields.clear(1);
        fields.clear(2);
    })
}

/// The agreement that a program holds.
pub(crate) fn agreement(mutant: Option<Mutant>, agreement: &Agreement) -> Agreement {
    let timers = agreement.terms().timers;
    let timers = match mutant {
        Some(Mutant::NoFence) => Timers { fence: 1, ..timers },
        Some(Mutant::NoExpiry) => Timers { expiry: 3_600_000, ..timers },
        Some(Mutant::QuietIsLeaseEnd) => Timers { quiet: 1, ..timers },
        _ => return agreement.clone(),
    };
    let terms = Terms { timers, ..agreement.terms().clone() };
    Agreement::encode(&terms).unwrap_or_else(|_| agreement.clone())
}

/// Whether a store acknowledges this before it is durable.
pub(crate) fn acknowledges_early(mutant: Option<Mutant>, node: Node, batch: &Batch) -> bool {
    let in_state = |state: u64| {
        batch.write.iter().any(|write| {
            write.key.table == Table::Order && Fields::read(&write.bytes).number(2) == Some(state)
        })
    };
    let started = || {
        let orders = batch.write.iter().filter(|write| write.key.table == Table::Order);
        orders.map(|write| Fields::read(&write.bytes)).any(|fields| fields.number(15).is_some())
    };
    matches!(node, Node::Pos(_))
        && match mutant {
            Some(Mutant::AttemptNotPersisted) => in_state(2),
            Some(Mutant::ReverseNotPersisted) => in_state(3),
            Some(Mutant::StartedNotPersisted) => in_state(4) && started(),
            _ => false,
        }
}

/// What a store writes of a batch.
pub(crate) fn durable(mutant: Option<Mutant>, machine: Machine, batch: &Batch) -> Batch {
    let mut batch = batch.clone();
    match mutant.filter(|_| machine == Machine::His) {
        Some(Mutant::HisForgetsLease) => rewritten(batch, Table::Order, |fields| {
            if fields.number(2) == Some(3) {
                fields.clear(9);
            }
        }),
        Some(Mutant::ReleasedOnUnknown) => rewritten(batch, Table::Capture, |fields| fields.clear(8)),
        Some(Mutant::EvidenceNotKept) => {
            batch.write.retain(|write| write.key.table != Table::Capture);
            batch
        }
        Some(Mutant::LockNotTransactional) => {
            batch.read.clear();
            batch
        }
        _ => batch,
    }
}

/// What a store finds for a link.
pub(crate) fn found(
    mutant: Option<Mutant>,
    node: Node,
    boot: [u8; 16],
    query: &Query,
    mut found: Found,
) -> Found {
    if !matches!(node, Node::Pos(_)) {
        forget_bill(mutant, query, &mut found);
        return found;
    }
    if mutant == Some(Mutant::IntactDespiteAnchor) {
        found.containment = Containment::Contained;
    }
    if mutant == Some(Mutant::IntactAfterReboot) && matches!(query, Query::Open { .. }) {
        for row in found.rows.iter_mut().filter(|row| row.key.table == Table::Order) {
            let mut fields = Fields::read(&row.bytes);
            fields.clear(9);
            fields.set(4, Value::Bytes(boot.to_vec()));
            row.bytes = fields.write();
        }
        found.containment = Containment::Contained;
    }
    found
}

/// The draws of a terminal's run: the first one names it.
pub(crate) fn pos_entropy(mutant: Option<Mutant>, drawn: u64) -> u64 {
    if mutant == Some(Mutant::NoRun) { 1 } else { drawn }
}

/// Whether the anchor of a journal is believed whatever it is.
pub(crate) fn believes_anchor(mutant: Option<Mutant>) -> bool {
    matches!(mutant, Some(Mutant::IntactDespiteAnchor | Mutant::IntactAfterReboot))
}

/// A request as the adapter takes it.
pub(crate) fn asked(mutant: Option<Mutant>, ask: Ask) -> Ask {
    let late = matches!(
        (mutant, &ask.request),
        (Some(Mutant::NoRecheck), _)
            | (Some(Mutant::NoStartBy), Request::Pay { .. })
            | (Some(Mutant::NoActBy), Request::Reverse)
            | (Some(Mutant::RepeatAfterLease), Request::Refund { .. })
    );
    if late { Ask { not_after: None, ..ask } } else { ask }
}

/// An answer as the adapter reads it.
pub(crate) fn verdict(mutant: Option<Mutant>, verdict: Verdict) -> Verdict {
    if mutant == Some(Mutant::ProcessingIsFailed) && verdict.proof == Proof::RefundPending {
        return Verdict { proof: Proof::NotRefunded { closed: true }, ..verdict };
    }
    if mutant == Some(Mutant::AbnormalIsFailed) && verdict.proof == Proof::RefundAbnormal {
        return Verdict { proof: Proof::NotRefunded { closed: true }, ..verdict };
    }
    verdict
}

/// What a window does not see of a bill.
fn forget_bill(mutant: Option<Mutant>, query: &Query, found: &mut Found) {
    if !matches!(query, Query::Bill(_)) {
        return;
    }
    let forgets = |state: u64| match mutant {
        Some(Mutant::NextBeforeEnd) => state < 4,
        Some(Mutant::CapturesNotLookedAt) => state == 4,
        _ => false,
    };
    for row in found.rows.iter_mut().filter(|row| row.key.table == Table::Order) {
        let mut fields = Fields::read(&row.bytes);
        if fields.number(2).is_some_and(forgets) {
            fields.set(2, Value::Number(5));
            row.bytes = fields.write();
        }
    }
    if mutant == Some(Mutant::CapturesNotLookedAt) {
        found.rows.retain(|row| row.key.table != Table::Capture);
    }
}

/// What an adapter says of a number without asking anybody.
pub(crate) fn unasked(mutant: Option<Mutant>, ask: &Ask, order: Option<&PosOrderView>) -> Option<Proof> {
    let order = order.filter(|_| ask.request == Request::Query)?;
    let says = match mutant? {
        Mutant::NoAskBeforePay => order.state == "wait_code",
        Mutant::OnlyJournalNumber => order.state == "asking" && order.attempt.is_none(),
        Mutant::OneDeadSuffices => {
            order.state == "asking" && !order.intact && ask.merchant.channel == Channel::Wechat
        }
        _ => false,
    };
    says.then_some(Proof::Absent)
}

/// What an adapter sends beside what it was asked to.
pub(crate) fn beside(mutant: Option<Mutant>, ask: &Ask, own: bool, amount: u64) -> Option<Request> {
    match (mutant?, &ask.request) {
        (Mutant::OtherReverses, Request::Query) if !own => Some(Request::Reverse),
        (Mutant::LookerSends, Request::QueryRefund { refund, .. }) if !own => {
            Some(Request::Refund { refund: refund.clone(), amount })
        }
        _ => None,
    }
}

fn rewritten(mut batch: Batch, table: Table, change: impl Fn(&mut Fields)) -> Batch {
    let of_table = |write: &&mut Write| write.key.table == table && !write.key.key.contains('/');
    for write in batch.write.iter_mut().filter(of_table) {
        let mut fields = Fields::read(&write.bytes);
        change(&mut fields);
        let bytes = fields.write();
        if !bytes.is_empty() {
            write.bytes = bytes;
        }
    }
    batch
}
