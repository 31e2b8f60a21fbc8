//! What every order of a POS needs to know: who it is, what was agreed, and what this program run has seen.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::crypto::{self, Secret};
use crate::ids::{DeviceId, OrderNo, PlatformNumber, Purpose, platform_number};
use crate::labels;
use crate::message::agreement::{Agreement, Timers};
use crate::message::order::OrderCore;
use crate::platform::{Ask, AskId, Channel, Merchant, PaymentCode, Request};
use crate::time::{Instant, UnixSeconds};

/// Shared by all orders of one POS.
pub(crate) struct Context {
    pub(crate) device_id: DeviceId,
    pub(crate) seed: Secret<32>,
    /// All ever held, newest first.
    pub(crate) agreements: Vec<Agreement>,
    /// Merchants whose credentials are held, and those of them that a platform has verified.
    pub(crate) merchants: Vec<Merchant>,
    pub(crate) verified: BTreeSet<Merchant>,
    pub(crate) boot: Vec<u8>,
    /// 4 random bytes of this program run.
    pub(crate) run: Vec<u8>,
    pub(crate) started: Instant,
    /// The first Sync of this run has come.
    pub(crate) synced: bool,
    /// It showed our anchor contained, and no restore was declared.
    pub(crate) anchored: bool,
    /// The platforms' own clocks, as their latest answers told them.
    pub(crate) dates: BTreeMap<Channel, (UnixSeconds, Instant)>,
    pub(crate) next_ask: u64,
}

impl Context {
    /// The agreement that an order names, if it was ever held.
    pub(crate) fn agreement(&self, no: u32) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| agreement.terms().agreement_no == no)
    }

    /// The timers of an order's own agreement.
    pub(crate) fn timers(&self, core: &OrderCore) -> Timers {
        //= spec-crate/spec/conformance.md#testing-with-a-driver
        //# An implementation MUST take the agreed timers of a simulated agreement as they are, so that tests
        //# can be short.
        self.agreement(core.agreement_no()).map_or(Timers::USUAL, |agreement| agreement.terms().timers)
    }

    /// The platform number of an order, this one or another, on a channel.
    pub(crate) fn number(
        &self,
        core: &OrderCore,
        order_no: &OrderNo,
        channel: Channel,
    ) -> Option<PlatformNumber> {
        let agreement = self.agreement(core.agreement_no())?;
        Some(platform_number(&agreement.terms().site_code, order_no, channel.purpose()))
    }

    /// The refund's own platform number.
    pub(crate) fn refund_number(&self, core: &OrderCore) -> Option<PlatformNumber> {
        let agreement = self.agreement(core.agreement_no())?;
        Some(platform_number(&agreement.terms().site_code, core.order_no(), Purpose::Refund))
    }

    /// Where an order's money of a channel goes, then the merchants of older agreements whose credentials are held.
    pub(crate) fn merchants(&self, core: &OrderCore, channel: Channel) -> Vec<Merchant> {
        let own = self.agreement(core.agreement_no()).and_then(|agreement| agreement.merchant(channel));
        let Some(own) = own else { return Vec::new() };
        let older = self.agreements.iter().filter_map(|agreement| agreement.merchant(channel));
        //= spec-crate/spec/orders.md#the-core
        //# A POS MUST ask for and move the money of a collect only at the merchants of the agreement that its
        //# core names, but for the questions of PAY-37, and of a refund only at the merchant of the
        //# original's agreement.
        //= spec-crate/spec/payment.md#the-numbers-of-an-order
        //# A POS MUST form the list of a collect's numbers as follows: for the order's own number and then
        //# for each number of `search` that is another one, in their order, for WeChat and then Alipay, one
        //# entry at the merchant of the order's agreement on that channel, and then one at each other
        //# merchant of that channel in all agreements ever held, newest first, whose credentials are held,
        //# without repeats.
        let mut merchants = alloc::vec![own];
        for merchant in older.filter(|merchant| self.merchants.contains(merchant)) {
            if !merchants.contains(&merchant) {
                merchants.push(merchant);
            }
        }
        merchants
    }

    /// Merchant and platform number of a refund's original.
    pub(crate) fn original(&self, core: &OrderCore) -> Option<(Merchant, PlatformNumber)> {
        let original = core.refund_of()?;
        let agreement = self.agreement(original.agreement_no)?;
        let number =
            platform_number(&agreement.terms().site_code, &original.order_no, original.channel.purpose());
        //= spec-crate/spec/orders.md#the-core
        //# A POS MUST ask for and move the money of a collect only at the merchants of the agreement that its
        //# core names, but for the questions of PAY-37, and of a refund only at the merchant of the
        //# original's agreement.
        Some((agreement.merchant(original.channel)?, number))
    }

    /// Whether a verdict about an order can be had here: credentials of every merchant it needs.
    pub(crate) fn can_ask(&self, core: &OrderCore) -> bool {
        self.needs_only(core, |merchant| self.merchants.contains(merchant))
    }

    /// Whether a platform has verified every merchant that an order needs.
    pub(crate) fn may_move(&self, core: &OrderCore) -> bool {
        self.needs_only(core, |merchant| self.verified.contains(merchant))
    }

    /// Whether every merchant that an order needs is good; `false` if it has none.
    fn needs_only(&self, core: &OrderCore, good: impl Fn(&Merchant) -> bool) -> bool {
        //= spec-crate/spec/payment.md#verifying-merchants
        //# A POS MUST count as the merchants that an order needs every merchant of the agreement that its
        //# core names for a collect, and the merchant of the original's channel in the agreement that
        //# `refund_of.agreement_no` names for a refund.
        let needed: Vec<Merchant> = match core.refund_of() {
            Some(_) => self.original(core).map(|(merchant, _)| merchant).into_iter().collect(),
            None => Channel::ALL
                .into_iter()
                .filter_map(|channel| self.agreement(core.agreement_no())?.merchant(channel))
                .collect(),
        };
        !needed.is_empty() && needed.iter().all(good)
    }

    /// A new question, with the times of its agreement.
    pub(crate) fn ask(
        &mut self,
        timers: Timers,
        merchant: Merchant,
        number: Option<PlatformNumber>,
        total: u64,
        request: Request,
        not_after: Option<Instant>,
    ) -> Ask {
        self.next_ask = self.next_ask.saturating_add(1);
        //= spec-crate/spec/payment.md#questions
        //# A POS MUST use T_CONN and T_HTTP of the order's agreement for its questions, and for a
        //# verification those of the newest agreement that names the merchant.
        let (http_ms, connect_ms) = (timers.http, timers.connect);
        Ask { id: AskId(self.next_ask), merchant, number, total, request, not_after, http_ms, connect_ms }
    }

    /// The platform's clock now: that of its latest answer, and the time since.
    pub(crate) fn platform_time(&self, channel: Channel, now: Instant) -> Option<UnixSeconds> {
        let (date, at) = self.dates.get(&channel)?;
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST give each pay the absolute expiry of the diagram above.
        Some(UnixSeconds(date.0.saturating_add(now.since(*at).div_ceil(1_000))))
    }

    /// The keyed hash of a payment code that may be stored for support.
    pub(crate) fn code_hash(&self, code: &PaymentCode) -> [u8; 32] {
        //= spec-crate/spec/payment.md#the-pay
        //# A POS MUST compute the keyed hash of a payment code as in the diagram above, with the 32-byte seed
        //# of its Ed25519 device key and the ASCII digits.
        crypto::hash::hmac_sha256(self.seed.expose(), &[labels::PAYMENT_CODE, &[0], code.digits().as_bytes()])
    }

    /// Signs a result's bytes as this device.
    pub(crate) fn sign_result(&self, result: &[u8]) -> [u8; 64] {
        //= spec-crate/spec/orders.md#results
        //# A POS MUST sign the canonical bytes of a result with Ed25519 and its device key over 64 bytes
        //# 0x20, `hispos/1 result`, one byte 00, and those bytes.
        crypto::ed25519_sign(&self.seed, labels::RESULT, result)
    }
}
