//! What a program commands a HIS link to do.

use alloc::vec::Vec;

use super::calls::About;
use super::{HisLink, HisView, Work};
use crate::catalogue::AlertCode;
use crate::error::Refusal;
use crate::handshake::HeldAgreement;
use crate::ids::OrderNo;
use crate::message::agreement::Agreement;
use crate::message::manifest::{Device, Manifest};
use crate::order_flow::Body;
use crate::order_flow::his::{NewCollect, NewRefund};
use crate::session::{DropCounts, HisSession};
use crate::time::{Clock, Instant};
use crate::wire;

impl HisLink {
    /// Makes the next order of a bill and submits it. What came of it is told by an event with the same ticket.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session past Sync.
    pub fn collect(&mut self, new: NewCollect, clock: Clock) -> Result<(), Refusal> {
        self.in_session(Work::Collect(new), clock)
    }

    /// Makes a refund order and submits it. What came of it is told by an event with the same ticket.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session past Sync.
    pub fn refund(&mut self, new: NewRefund, clock: Clock) -> Result<(), Refusal> {
        self.in_session(Work::Refund { new, not_to_post: false }, clock)
    }

    /// Makes a refund order of the whole of a payment that waits to be posted, and marks both as not to be posted: the
    /// people whom it names decide so. What came of it is told by an event with the same ticket.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session past Sync.
    pub fn refund_not_to_post(&mut self, new: NewRefund, clock: Clock) -> Result<(), Refusal> {
        self.in_session(Work::Refund { new, not_to_post: true }, clock)
    }

    /// Cancels an order, if that is still possible: the outcome comes as its result, whatever it is.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownOrder`] if no such order of this device is open.
    pub fn cancel(&mut self, order_no: &OrderNo, clock: Clock) -> Result<(), Refusal> {
        let tracked = self.tracked.get(order_no).filter(|tracked| !tracked.held.ended());
        tracked.ok_or(Refusal::UnknownOrder)?;
        self.work.push_back(Work::Cancel(order_no.clone(), 0));
        self.run(clock);
        Ok(())
    }

    /// Asks again at once how an open order stands.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session past Sync, [`Refusal::UnknownOrder`] if no such order is open here.
    pub fn query(&mut self, order_no: &OrderNo, clock: Clock) -> Result<(), Refusal> {
        self.needs_session()?;
        let tracked = self.tracked.get_mut(order_no).ok_or(Refusal::UnknownOrder)?;
        tracked.answered = false;
        tracked.retry_at = clock.now;
        self.run(clock);
        Ok(())
    }

    /// Has this link's device ask the platform about an order of another device, whose lease has to be over.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session past Sync; [`Refusal::Leased`] with the seconds left while the
    /// order's own device, or a request that it sent, may still move money; [`Refusal::UnknownOrder`] if it is not
    /// being asked about.
    pub fn look_up(&mut self, order: &super::OrderView, clock: Clock) -> Result<(), Refusal> {
        self.needs_session()?;
        //= spec-crate/spec/orders.md#another-device
        //# A HIS MUST ask another device than the order's own about an order only in Asking, and only at or
        //# after its lease end + T_QUIET, the largest T_QUIET of all agreements held.
        if order.ended || order.state != "asking" {
            return Err(Refusal::UnknownOrder);
        }
        let over = Instant(order.leased_until).after(self.context.quiet());
        if clock.now < over {
            return Err(Refusal::Leased { seconds: over.since(clock.now).div_ceil(1_000) });
        }
        self.work.push_back(Work::LookElsewhere(order.order_no.clone()));
        self.run(clock);
        Ok(())
    }

    /// An order's row was changed by another link or by a person: it is read again.
    pub fn refresh(&mut self, order_no: &OrderNo, clock: Clock) {
        self.work.push_back(Work::Refresh(order_no.clone()));
        self.run(clock);
    }

    /// Asks the device for its totals of a business day (YYYYMMDD).
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session past Sync.
    pub fn totals(&mut self, business_day: u32, clock: Clock) -> Result<(), Refusal> {
        self.needs_session()?;
        // Asked twice, answered once: a silent device must not come back to more calls than it may have open.
        if !self.calls.asks(&About::Totals(business_day)) {
            self.call(About::Totals(business_day), Body::GetTotals(wire::GetTotals { business_day }), clock);
        }
        self.run(clock);
        Ok(())
    }

    /// Pulls the device's list of orders from where the ledger has it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session past Sync.
    pub fn pull(&mut self, clock: Clock) -> Result<(), Refusal> {
        self.in_session(Work::PullIfNeeded, clock)
    }

    /// Takes over what was imported: agreements (newest first) and devices.
    pub fn provision(&mut self, agreements: Vec<Agreement>, devices: Manifest<Device>, clock: Clock) {
        //= spec-crate/spec/provisioning.md#taking-an-agreement-over
        //# A program MUST use the two newest agreements that it holds, or the one, for new sessions and new
        //# orders, and the older ones for the orders that name them only.
        //= spec-crate/spec/provisioning.md#taking-a-manifest-over
        //# A program MUST use a manifest that it has taken over for all new sessions and new orders from then
        //# on, and a POS also to end, with sealed alert 0 (close), the live session of a terminal that the
        //# manifest revokes as compromised.
        self.peering.provision(HeldAgreement::serving(&agreements), super::interface::device_keys(&devices));
        self.context.agreements = agreements;
        self.context.devices = devices;
        self.look_for_revoked = Some(clock.now);
        self.run(clock);
    }

    /// Ends the session in order, for a program that stops.
    pub fn close(&mut self, clock: Clock) {
        //= spec-crate/spec/records.md#sealed-alerts
        //# An end that ends a session in order MUST send sealed alert 0 (close).
        self.close_session(AlertCode::Close, clock);
    }

    /// What the link is doing.
    #[must_use]
    pub fn view(&self) -> HisView {
        HisView {
            session: self.up.as_ref().map(|up| up.established.peer_id.clone()),
            ready: self.up.as_ref().is_some_and(|up| up.synced),
            silent: self.silent,
            open: self.tracked.values().filter(|tracked| !tracked.held.ended()).count(),
        }
    }

    /// What was dropped in the present stream, by reason.
    #[must_use]
    pub fn drops(&self) -> Option<DropCounts> {
        self.session.as_ref().map(HisSession::drops)
    }

    fn in_session(&mut self, work: Work, clock: Clock) -> Result<(), Refusal> {
        self.needs_session()?;
        self.work.push_back(work);
        self.run(clock);
        Ok(())
    }

    fn needs_session(&self) -> Result<(), Refusal> {
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST make an order only in a session past Sync, for the device of that session, under the
        //# agreement of that session.
        let ready = self.up.as_ref().is_some_and(|up| up.synced && !up.run.is_empty());
        if ready { Ok(()) } else { Err(Refusal::NoSession) }
    }

    /// Asks for the first page of the list, unless one is asked for.
    pub(super) fn pull_now(&mut self, clock: Clock) {
        if !self.calls.asks(&About::List) {
            //= spec-crate/spec/books.md#a-ledger-that-went-back
            //# A HIS MUST, while the site row is pulling, make no order before the list of every device of the
            //# device manifest has been pulled to its end by a pull that began after the wait was over.
            self.pull_counts = self.waited;
            self.next_page(clock);
        }
    }

    /// Asks for the page behind what the ledger holds of the list.
    pub(super) fn next_page(&mut self, clock: Clock) {
        //= spec-crate/spec/books.md#a-ledger-that-went-back
        //# A HIS MUST begin such a pull at the place of the device's list that the restored ledger holds, or
        //# at the first record if it holds none.
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST send ListOrders after each Sync, from the place up to which the ledger has the device's
        //# list, and ask page after page until one says that there are no more.
        let (book, seq) = self.pulled.clone();
        self.call(About::List, Body::ListOrders(wire::ListOrders { book, seq }), clock);
    }
}
