//! The link agreement: what the HIS organisation and the POS organisation agreed on for one site.
//!
//! Both sign it; its hash is bound into every handshake, and an order is held to the agreement that its core names, for
//! ever. Specified in spec: provisioning; timers.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use prost::Message as _;

use super::signed_file::{FileKind, OrganisationKey, SignedFile};
use crate::codec;
use crate::crypto::hash::sha256;
use crate::ids::{SiteCode, SiteId};
use crate::limits::AMOUNT_FEN_MAX;
use crate::platform::{Channel, Merchant};
use crate::wire;

mod error;
#[cfg(test)]
mod tests;
mod timers;

pub use error::AgreementError;
pub use timers::Timers;

/// The one currency of version 1, in fen.
const CURRENCY: &str = "CNY";

/// What an agreement says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    /// Rises with each agreement of a site; not 0.
    pub agreement_no: u32,
    /// The site.
    pub site_id: SiteId,
    /// Leads every platform number. Begins with `SIM` exactly if the site is simulated.
    pub site_code: SiteCode,
    /// Versions of the protocol that are allowed, ascending.
    pub versions: Vec<u32>,
    /// Cipher suites that are allowed, ascending.
    pub suites: Vec<u32>,
    /// The organisation that signs terminal manifests.
    pub his_organisation: OrganisationKey,
    /// The organisation that signs device manifests.
    pub pos_organisation: OrganisationKey,
    /// Greatest amounts.
    pub amounts: AmountLimits,
    /// Durations that an order of this agreement uses.
    pub timers: Timers,
    /// Which day an order counts for.
    pub business_day: BusinessDay,
    /// Where WeChat Pay's money goes.
    pub wechat: Option<Account>,
    /// Where Alipay's money goes.
    pub alipay: Option<Account>,
    /// No money moves: the platforms are simulated.
    pub simulated: bool,
}

/// Greatest amounts in fen; none is 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AmountLimits {
    /// Of one collect.
    pub collect_max: u64,
    /// Of one refund.
    pub refund_max: u64,
    /// Of all refunds of a business day.
    pub refund_day_max: u64,
}

/// Which day an order counts for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BusinessDay {
    /// Offset of the site's clock from UTC: -720 to 840.
    pub utc_offset_minutes: i32,
    /// Minutes after midnight at which the day changes, below 1,440.
    pub cut_minutes: u32,
}

/// An account at a payment platform.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// WeChat `mch_id`, or Alipay `app_id`: 1 to 32 of `[0-9A-Za-z._-]`.
    pub id: String,
    /// WeChat `sub_mch_id`, or Alipay `seller_id`, if there is one.
    pub sub_id: Option<String>,
}

/// An agreement that keeps every rule, with the bytes that it was made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agreement {
    payload: Vec<u8>,
    hash: [u8; 32],
    terms: Terms,
}

impl Agreement {
    /// Reads a signed file: kind, rules, and the signatures of both organisations that the agreement names.
    ///
    /// Whether these two keys are the right ones is for people to compare, once, by
    /// [`fingerprint`](OrganisationKey::fingerprint).
    ///
    /// # Errors
    ///
    /// [`AgreementError`] naming the first thing that is wrong.
    pub fn open(file: &SignedFile) -> Result<Self, AgreementError> {
        file.expect_kind(FileKind::Agreement)?;
        let agreement = Self::decode(file.payload().to_vec())?;
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement that is not signed by both organisation keys which it names.
        file.verify(&agreement.terms.his_organisation)?;
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement that is not signed by both organisation keys which it names.
        file.verify(&agreement.terms.pos_organisation)?;
        Ok(agreement)
    }

    /// Takes a payload over. Its signatures are another matter: see [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// [`AgreementError`] naming the first rule that is broken.
    pub fn decode(payload: Vec<u8>) -> Result<Self, AgreementError> {
        //= spec-crate/spec/encoding.md#strict-messages
        //# A receiver MUST treat a strict message that the validator refuses as the chapter says that
        //# describes where it came from, and use nothing of it.
        let read: wire::Agreement = codec::decode(&payload, &wire::strict::AGREEMENT)?;
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement if its `currency` is not `CNY`, or if `versions` or `suites` do
        //# not ascend strictly.
        if read.currency != CURRENCY {
            return Err(AgreementError::Currency);
        }
        let amounts = read.amounts.unwrap_or_default();
        let day = read.business_day.unwrap_or_default();
        let terms = Terms {
            agreement_no: read.agreement_no,
            site_id: SiteId::try_from(read.site_id.as_str())?,
            site_code: SiteCode::try_from(read.site_code.as_str())?,
            versions: read.versions,
            suites: read.suites,
            //= spec-crate/spec/provisioning.md#the-agreement
            //# A program MUST refuse an agreement if one of its organisation keys is unusable as PRV-2 says,
            //# or both are the same.
            his_organisation: organisation(&read.his_organisation_key)?,
            //= spec-crate/spec/provisioning.md#the-agreement
            //# A program MUST refuse an agreement if one of its organisation keys is unusable as PRV-2 says,
            //# or both are the same.
            pos_organisation: organisation(&read.pos_organisation_key)?,
            amounts: AmountLimits {
                collect_max: amounts.collect_max,
                refund_max: amounts.refund_max,
                refund_day_max: amounts.refund_day_max,
            },
            timers: Timers::from_wire(&read.timers.unwrap_or_default()),
            business_day: BusinessDay {
                utc_offset_minutes: day.utc_offset_minutes,
                cut_minutes: day.cut_minutes,
            },
            wechat: read.wechat.map(|wechat| Account::new(wechat.mch_id, wechat.sub_mch_id)),
            alipay: read.alipay.map(|alipay| Account::new(alipay.app_id, alipay.seller_id)),
            simulated: read.simulated,
        };
        terms.check()?;
        //= spec-crate/spec/encoding.md#strict-messages
        //# An implementation MUST hash, sign, verify, store and repeat a strict message as the bytes that
        //# were received or first made, and never as a new encoding of their content.
        Ok(Self { hash: sha256(&[&payload]), payload, terms })
    }

    /// Serialises terms: the payload that both organisations then sign.
    ///
    /// # Errors
    ///
    /// [`AgreementError`] naming the first rule that is broken.
    pub fn encode(terms: &Terms) -> Result<Self, AgreementError> {
        let day = terms.business_day;
        let split = |account: &Account| (account.id.clone(), account.sub_id.clone().unwrap_or_default());
        let agreement = wire::Agreement {
            agreement_no: terms.agreement_no,
            site_id: terms.site_id.to_string(),
            site_code: terms.site_code.to_string(),
            versions: terms.versions.clone(),
            suites: terms.suites.clone(),
            his_organisation_key: terms.his_organisation.as_bytes().to_vec(),
            pos_organisation_key: terms.pos_organisation.as_bytes().to_vec(),
            currency: CURRENCY.into(),
            amounts: Some(wire::AmountLimits {
                collect_max: terms.amounts.collect_max,
                refund_max: terms.amounts.refund_max,
                refund_day_max: terms.amounts.refund_day_max,
            }),
            timers: Some(terms.timers.to_wire()?),
            business_day: (day != BusinessDay::default()).then_some(wire::BusinessDay {
                utc_offset_minutes: day.utc_offset_minutes,
                cut_minutes: day.cut_minutes,
            }),
            wechat: terms
                .wechat
                .as_ref()
                .map(split)
                .map(|(mch_id, sub_mch_id)| wire::WechatMerchant { mch_id, sub_mch_id }),
            alipay: terms
                .alipay
                .as_ref()
                .map(split)
                .map(|(app_id, seller_id)| wire::AlipayMerchant { app_id, seller_id }),
            simulated: terms.simulated,
        };
        //= spec-crate/spec/encoding.md#strict-messages
        //# A sender MUST send only strict messages that the validator passes.
        Self::decode(agreement.encode_to_vec())
    }

    /// The bytes as they were received or first made: what is hashed and signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// SHA-256 over the payload, as every handshake binds it.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The first 8 bytes of the hash, by which M1 names the agreement.
    #[must_use]
    pub fn short_hash(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.hash;
        [a, b, c, d, e, f, g, h]
    }

    /// What the agreement says.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Where the money of a channel goes, or `None` if the channel is not agreed on.
    #[must_use]
    pub fn merchant(&self, channel: Channel) -> Option<Merchant> {
        let account = match channel {
            Channel::Wechat => self.terms.wechat.as_ref(),
            Channel::Alipay => self.terms.alipay.as_ref(),
        }?;
        Some(Merchant {
            channel,
            account: account.id.clone(),
            sub_account: account.sub_id.clone().unwrap_or_default(),
            simulated: self.terms.simulated,
        })
    }

    /// Whether a newer agreement may stand beside this one: the same site and a higher number. The very same
    /// agreement once more is no harm.
    ///
    /// # Errors
    ///
    /// [`AgreementError::Site`], [`AgreementError::SameNumber`], [`AgreementError::Older`].
    pub fn check_successor(&self, newer: &Self) -> Result<(), AgreementError> {
        let (held, got) = (self.terms.agreement_no, newer.terms.agreement_no);
        //= spec-crate/spec/provisioning.md#taking-an-agreement-over
        //# A program MUST refuse an agreement of another site id than the newest one that it holds, or
        //# under which PRV-33 would refuse the manifest that it holds.
        if self.terms.site_id != newer.terms.site_id {
            return Err(AgreementError::Site);
        }
        match got.cmp(&held) {
            core::cmp::Ordering::Greater => Ok(()),
            core::cmp::Ordering::Equal if self.hash == newer.hash => Ok(()),
            //= spec-crate/spec/provisioning.md#taking-an-agreement-over
            //# A program MUST refuse an agreement whose `agreement_no` is below that of the newest one that
            //# it holds, or equal to it with another payload.
            core::cmp::Ordering::Equal => Err(AgreementError::SameNumber(got)),
            //= spec-crate/spec/provisioning.md#taking-an-agreement-over
            //# A program MUST refuse an agreement whose `agreement_no` is below that of the newest one that
            //# it holds, or equal to it with another payload.
            core::cmp::Ordering::Less => Err(AgreementError::Older { held, got }),
        }
    }
}

impl Terms {
    fn check(&self) -> Result<(), AgreementError> {
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement if its `currency` is not `CNY`, or if `versions` or `suites` do
        //# not ascend strictly.
        if !rises(&self.versions) || !rises(&self.suites) {
            return Err(AgreementError::Order);
        }
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement if one of its organisation keys is unusable as PRV-2 says, or
        //# both are the same.
        if self.his_organisation == self.pos_organisation {
            return Err(AgreementError::SameOrganisation);
        }
        for got in [self.amounts.collect_max, self.amounts.refund_max] {
            //= spec-crate/spec/provisioning.md#the-agreement
            //# A program MUST refuse an agreement if `collect_max` or `refund_max` is above 9,999,999,999 fen
            //# (AMOUNT_FEN_MAX).
            if got > AMOUNT_FEN_MAX {
                return Err(AgreementError::AmountLimit { got });
            }
        }
        let BusinessDay { utc_offset_minutes, cut_minutes } = self.business_day;
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement if `utc_offset_minutes` is below -720 or above 840, or
        //# `cut_minutes` is above 1,439.
        if !(-720..=840).contains(&utc_offset_minutes) || cut_minutes >= 1_440 {
            return Err(AgreementError::BusinessDay { utc_offset_minutes, cut_minutes });
        }
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement that names a merchant neither for WeChat Pay nor for Alipay.
        if self.wechat.is_none() && self.alipay.is_none() {
            return Err(AgreementError::NoMerchant);
        }
        //= spec-crate/spec/provisioning.md#the-agreement
        //# A program MUST refuse an agreement unless `site_code` begins with `SIM` exactly if `simulated` is
        //# true.
        if self.site_code.is_simulated() != self.simulated {
            return Err(AgreementError::Simulated { simulated: self.simulated });
        }
        if self.simulated { Ok(()) } else { self.timers.check_production() }
    }
}

impl Account {
    fn new(id: String, sub_id: String) -> Self {
        Self { id, sub_id: (!sub_id.is_empty()).then_some(sub_id) }
    }
}

/// A list without repetition that has one form only.
fn rises(numbers: &[u32]) -> bool {
    numbers.is_sorted_by(|left, right| left < right)
}

fn organisation(key: &[u8]) -> Result<OrganisationKey, AgreementError> {
    // The validator has counted 32 bytes; zeros are no usable key.
    Ok(OrganisationKey::from_bytes(<[u8; 32]>::try_from(key).unwrap_or_default())?)
}
