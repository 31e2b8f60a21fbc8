//! Which orders a HIS link has to do something about, and when.

use super::{HisLink, Tracked};
use crate::book::Row;
use crate::message::result::ResultCore;
use crate::order_flow::his::Held;
use crate::time::{Clock, Instant};
use crate::wire;

impl HisLink {
    /// Whether this session's look at an order that has ended was taken up, so that its answer is awaited.
    pub(super) fn looked_at(&self, result: &[u8]) -> bool {
        let about = |result: ResultCore| result.get().order_no.clone();
        let tracked = ResultCore::decode(result.to_vec()).ok().and_then(|r| self.tracked.get(&about(r)));
        tracked.is_some_and(|tracked| tracked.answered && tracked.held.ended())
    }

    /// From when on this link's device may be asked about an order that is open.
    pub(super) fn may_look(&self, held: &Held) -> Instant {
        let own = held.core.as_ref().is_some_and(|core| *core.device_id() == self.context.device_id);
        if own || held.ended() {
            return Instant(0);
        }
        //= spec-crate/spec/orders.md#another-device
        //# A HIS MUST ask another device than the order's own about an order only in Asking, and only at or
        //# after its lease end + T_QUIET, the largest T_QUIET of all agreements held.
        Instant(held.row.leased_until).after(self.context.quiet())
    }

    /// Keeps an eye on an order as long as this link has to do something about it.
    pub(super) fn track(&mut self, row: &Row, fresh: bool, clock: Clock) {
        let Some(held) = Held::read(row) else { return };
        let own = held.core.as_ref().is_some_and(|core| *core.device_id() == self.context.device_id);
        let asked = held.row.devices.iter().any(|device| device == self.context.device_id.as_str());
        //= spec-crate/spec/orders.md#asking-again
        //# A HIS MUST keep a look that could not be answered due, and ask it in the next session with a
        //# device that the order's row names.
        let to_do = !held.ended() || held.look_again_at().is_some();
        let order_no = held.order_no.clone();
        if !(own || asked) || !to_do || (held.core.is_none()) {
            self.tracked.remove(&order_no);
            self.calls.forget(&order_no, clock.now);
            return;
        }
        let same = self.tracked.get(&order_no).is_some_and(|tracked| {
            let (before, now) = (&tracked.held.row, &held.row);
            // Another device is asked about another core anew, and not inside another lease.
            let alike = before.core == now.core && before.leased_until == now.leased_until;
            tracked.held.state() == held.state() && before.looked_again == now.looked_again && (own || alike)
        });
        if same {
            if let Some(tracked) = self.tracked.get_mut(&order_no) {
                tracked.held = held;
            }
            return;
        }
        //= spec-crate/spec/orders.md#what-his-asks-in-a-session
        //# A HIS MUST drop an open call about an order when the order's row enters another state.
        self.calls.forget(&order_no, clock.now);
        self.tracked.insert(order_no, Tracked { held, fresh, answered: false, retry_at: clock.now });
    }
}

impl Tracked {
    /// When something about this order falls due, which may be looked up here from `may_look` on.
    pub(super) fn due(&self, may_look: Instant, clock: Clock) -> Option<Instant> {
        if !self.held.ended() {
            let lease = Instant(self.held.row.leased_until);
            let leased = matches!(self.held.state(), wire::HisState::Sent | wire::HisState::Cancelling);
            let waits = (!self.answered).then_some(self.retry_at.max(may_look));
            return [leased.then_some(lease), waits].into_iter().flatten().filter(|at| *at > clock.now).min();
        }
        let at = self.held.look_again_at()?;
        let seconds = at.saturating_sub(clock.unix?.0);
        Some(clock.now.after(seconds.saturating_mul(1_000)).max(self.retry_at))
    }
}
