//! The durations that an agreement sets.

use super::AgreementError;
use crate::timers;
use crate::wire;

/// Durations in milliseconds; none is 0, each is below 2^32. [`Timers::USUAL`] has the usual ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timers {
    /// T_START: from acceptance to the last moment to write the first byte of a pay.
    pub start: u64,
    /// T_ACT: from there to the last moment to reverse, or to repeat a refund.
    pub act: u64,
    /// T_DRIFT: allowance for clocks that run apart.
    pub drift: u64,
    /// T_CONN: to connect to a platform.
    pub connect: u64,
    /// T_HTTP: from the first byte of a request to its abort.
    pub http: u64,
    /// T_POLL of WeChat Pay: from a pay's first byte to its reverse.
    pub poll_wechat: u64,
    /// T_POLL of Alipay.
    pub poll_alipay: u64,
    /// T_REV_MIN: least time from a pay to its reverse.
    pub reverse_min: u64,
    /// T_FENCE: nothing sent takes effect later than this after its connection ended.
    pub fence: u64,
    /// T_QUIET: from the end of a lease until another device may look.
    pub quiet: u64,
    /// The platform's own expiry of a pay.
    pub expiry: u64,
    /// From one query to the next.
    pub query: u64,
    /// Least time between two answers that together prove absence.
    pub absence_gap: u64,
}

impl Timers {
    /// The usual durations, good for production.
    pub const USUAL: Self = Self {
        start: timers::START,
        act: timers::ACT,
        drift: timers::DRIFT,
        connect: timers::CONNECT,
        http: timers::HTTP,
        poll_wechat: timers::POLL_WECHAT,
        poll_alipay: timers::POLL_ALIPAY,
        reverse_min: timers::REVERSE_MIN,
        fence: timers::FENCE,
        quiet: timers::QUIET,
        expiry: timers::EXPIRY,
        query: timers::QUERY,
        absence_gap: timers::ABSENCE_GAP,
    };

    /// FULL_LEASE: the longest time for which a device may still act on an order.
    #[must_use]
    pub const fn full_lease(&self) -> u64 {
        self.start.saturating_add(self.act).saturating_add(self.drift)
    }

    /// Production may raise what protects, never lower it. Specified in spec: timers.
    pub(super) fn check_production(&self) -> Result<(), AgreementError> {
        let at_least = [
            //= spec-crate/spec/provisioning.md#agreed-timers
            //# A program MUST refuse an agreement that is not simulated if `drift` is below 20,000 ms
            //# (DRIFT), `reverse_min` below 15,000 ms (REVERSE_MIN), `fence` below 120,000 ms (FENCE), or
            //# `quiet` below 132,000 ms (QUIET).
            ("drift", self.drift, timers::DRIFT),
            ("reverse_min", self.reverse_min, timers::REVERSE_MIN),
            ("fence", self.fence, timers::FENCE),
            ("quiet", self.quiet, timers::QUIET),
            // Another device looks only when nothing of this one can take effect any more.
            //= spec-crate/spec/provisioning.md#agreed-timers
            //# A program MUST refuse an agreement that is not simulated if `quiet` is below the sum of `http`
            //# and `fence`, or `fence` is below `expiry`.
            ("quiet", self.quiet, self.http.saturating_add(self.fence)),
            // A pay ends at its platform before its fence.
            //= spec-crate/spec/provisioning.md#agreed-timers
            //# A program MUST refuse an agreement that is not simulated if `quiet` is below the sum of `http`
            //# and `fence`, or `fence` is below `expiry`.
            ("fence", self.fence, self.expiry),
        ];
        match at_least.into_iter().find(|(_, got, min)| got < min) {
            Some((name, got, min)) => Err(AgreementError::TimerShort { name, got, min }),
            None => Ok(()),
        }
    }

    pub(super) fn from_wire(read: &wire::AgreedTimers) -> Self {
        Self {
            start: read.start.into(),
            act: read.act.into(),
            drift: read.drift.into(),
            connect: read.connect.into(),
            http: read.http.into(),
            poll_wechat: read.poll_wechat.into(),
            poll_alipay: read.poll_alipay.into(),
            reverse_min: read.reverse_min.into(),
            fence: read.fence.into(),
            quiet: read.quiet.into(),
            expiry: read.expiry.into(),
            query: read.query.into(),
            absence_gap: read.absence_gap.into(),
        }
    }

    pub(super) fn to_wire(self) -> Result<wire::AgreedTimers, AgreementError> {
        let fit = |name, got| u32::try_from(got).map_err(|_| AgreementError::TimerLong { name, got });
        Ok(wire::AgreedTimers {
            start: fit("start", self.start)?,
            act: fit("act", self.act)?,
            drift: fit("drift", self.drift)?,
            connect: fit("connect", self.connect)?,
            http: fit("http", self.http)?,
            poll_wechat: fit("poll_wechat", self.poll_wechat)?,
            poll_alipay: fit("poll_alipay", self.poll_alipay)?,
            reverse_min: fit("reverse_min", self.reverse_min)?,
            fence: fit("fence", self.fence)?,
            quiet: fit("quiet", self.quiet)?,
            expiry: fit("expiry", self.expiry)?,
            query: fit("query", self.query)?,
            absence_gap: fit("absence_gap", self.absence_gap)?,
        })
    }
}
