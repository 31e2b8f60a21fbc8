//! Orders of other devices: looked up here by itself once their own device is revoked.

use alloc::string::String;
use alloc::vec::Vec;

use super::work::Waiting;
use super::{HisLink, Work};
use crate::book::Found;
use crate::order_flow::his::Held;
use crate::time::Clock;
use crate::timers;
use crate::wire::HisState;

impl HisLink {
    /// Looks for orders of revoked devices, once a while, in a session of a device that is in use.
    pub(super) fn queue_revoked(&mut self, clock: Clock) {
        if !self.view().ready || self.look_for_revoked.is_none_or(|at| clock.now < at) {
            return;
        }
        let own = self.is_revoked(self.context.device_id.as_str());
        let entries = self.context.devices.entries().iter();
        let revoked = entries.filter(|entry| !own && entry.revocation.is_some());
        let revoked: Vec<String> = revoked.map(|entry| entry.id.as_str().into()).collect();
        self.look_for_revoked = (!revoked.is_empty()).then(|| clock.now.after(timers::VERIFY_RETRY));
        for device in revoked {
            let busy = |work: &Work| matches!(work, Work::OfRevoked { device: of, .. } if *of == device);
            // A store that is slower than this asks for nothing twice.
            if !self.work.iter().chain(self.waiting.as_ref().map(Waiting::work)).any(busy) {
                self.work.push_back(Work::OfRevoked { device, after: 0 });
            }
        }
    }

    /// Has this device asked about those orders of a revoked one whose time has come.
    pub(super) fn of_revoked(&mut self, device: &str, found: &Found, clock: Clock) {
        for held in found.rows.iter().filter_map(Held::read) {
            let over = self.may_look(&held);
            let own = held.core.as_ref().is_some_and(|core| core.device_id().as_str() == device);
            // A row that names this device already is followed here from now on.
            let here = held.row.devices.iter().any(|asked| asked == self.context.device_id.as_str());
            let asked = held.state() != HisState::Asking
                || self.tracked.contains_key(&held.order_no)
                || !here && held.row.devices.iter().any(|asked| !self.is_revoked(asked));
            //= spec-crate/spec/orders.md#another-device
            //# A HIS MUST ask another device by itself about each order in Asking whose own device is
            //# revoked, as soon as ORD-215 allows it and a device that is in use has a session past Sync.
            //= spec-crate/spec/security.md#losing-a-device-or-a-key
            //# A HIS MUST, when a device is marked as compromised, have its open orders looked up at another
            //# device of the site as soon as ORD-215 allows.
            match own && !asked {
                true if clock.now >= over => self.work.push_back(Work::LookElsewhere(held.order_no)),
                true => self.look_for_revoked = self.look_for_revoked.map(|at| at.min(over)),
                false => {}
            }
        }
        if let Some(last) = found.rows.last().filter(|_| found.more) {
            self.work.push_front(Work::OfRevoked { device: device.into(), after: last.version });
        }
    }

    fn is_revoked(&self, device: &str) -> bool {
        let mut entries = self.context.devices.entries().iter();
        entries.any(|entry| entry.id.as_str() == device && entry.revocation.is_some())
    }
}
