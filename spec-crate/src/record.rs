//! Records: one message each, sealed under a counter that is never used twice.
//!
//! ```text
//! body = tag u8 | counter u32 | ciphertext | GCM tag 16
//! aad  = type | tag | counter           nonce = iv_e XOR (0^8 | counter)           e = counter >> 16
//! ```
//!
//! Each direction has its own secret, which is replaced every 65,536 records; the old one is erased. Records may be
//! lost, so counters may skip, and there is no retransmission of a record. Specified in spec: records.

use alloc::vec::Vec;

use crate::crypto::Secret;
use crate::crypto::aead::{AeadKey, NONCE_BYTES, TAG_BYTES};
use crate::crypto::hash::label;
use crate::frame::{FrameType, Side};
use crate::labels::{IV, KEY, UPDATE};
use crate::limits::PLAINTEXT_BYTES_MAX;

/// Tag and counter, in front of the ciphertext.
const HEADER_BYTES: usize = 5;

/// Length of a body that holds a plaintext of one byte.
pub const BODY_BYTES_MIN: usize = HEADER_BYTES + 1 + TAG_BYTES;

/// Length of a body that holds the longest plaintext.
pub const BODY_BYTES_MAX: usize = HEADER_BYTES + PLAINTEXT_BYTES_MAX + TAG_BYTES;

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SealError {
    /// The plaintext is empty or longer than 1,024 bytes; it has this length.
    Length(usize),
    /// The counter 2^32-1 is never sealed: the session is used up.
    Exhausted,
}

/// Why a record is dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordDrop {
    /// No record has a body of this length.
    Size,
    /// It belongs to another session.
    Stale,
    /// Its counter is not above that of the last record opened.
    Replayed,
    /// It does not open, or its counter lies beyond the next epoch.
    Forged,
}

//= spec-crate/spec/security.md#on-the-cable
//= type=implication
//# A HIS and a POS MUST NOT move the traffic of a link to another stream, program or machine by copying
//# session keys.
/// Seals the records of one end.
pub struct Sealer {
    sender: Side,
    tag: u8,
    /// The counter of the next record.
    next: u32,
    epoch: Epoch,
}

impl Sealer {
    pub(crate) fn new(sender: Side, tag: u8, secret: Secret<32>) -> Self {
        //= spec-crate/spec/records.md#counters
        //# A sender MUST number the records of a session and direction from 0, each one 1 above the one
        //# before.
        Self { sender, tag, next: 0, epoch: Epoch::new(0, secret) }
    }

    /// How many counters are used up.
    pub const fn sealed(&self) -> u32 {
        self.next
    }

    /// The body of the next record. Uses up its counter, whatever becomes of the record.
    ///
    /// # Errors
    ///
    /// [`SealError`]; no counter is used up then.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        //= spec-crate/spec/records.md#record-format
        //# A sender MUST send as plaintext one serialised Message of 1 to 1,024 bytes (PLAINTEXT_BYTES_MAX),
        //# without padding.
        //= spec-crate/spec/messages.md#message
        //# A sender MUST NOT send a Message of more than 1,024 bytes (PLAINTEXT_BYTES_MAX).
        if plaintext.is_empty() || plaintext.len() > PLAINTEXT_BYTES_MAX {
            return Err(SealError::Length(plaintext.len()));
        }
        let counter = self.next;
        //= spec-crate/spec/records.md#counters
        //# A sender MUST number the records of a session and direction from 0, each one 1 above the one
        //# before.
        //= spec-crate/spec/records.md#counters
        //# A sender MUST use up a counter by sealing, whether or not the record is sent afterwards.
        //= spec-crate/spec/records.md#counters
        //# A sender MUST NOT seal two plaintexts under one counter of one session and direction.
        //= spec-crate/spec/records.md#counters
        //# A sender MUST NOT seal a record with the counter 2^32-1.
        self.next = counter.checked_add(1).ok_or(SealError::Exhausted)?;
        if epoch_of(counter) != self.epoch.number {
            //= spec-crate/spec/records.md#keys-of-an-epoch
            //# A sender MUST erase ap_e, key_e and iv_e when it has derived ap_(e+1) for its first record of
            //# epoch e+1.
            self.epoch = self.epoch.successor();
        }
        //= spec-crate/spec/records.md#keys-of-an-epoch
        //# A sender MUST seal a record under key_e, nonce and aad of its counter as this section gives them.
        let aad = header(self.sender, self.tag, counter);
        let sealed = self.epoch.key.seal(&self.epoch.nonce(counter), &aad, plaintext);
        Ok([aad.get(1..).unwrap_or_default(), sealed.as_slice()].concat())
    }
}

/// Opens the records of the other end.
pub struct Opener {
    sender: Side,
    tag: u8,
    /// The counter of the last record opened.
    last: Option<u32>,
    epoch: Epoch,
}

impl Opener {
    pub(crate) fn new(own: Side, tag: u8, secret: Secret<32>) -> Self {
        let sender = match own {
            Side::His => Side::Pos,
            Side::Pos => Side::His,
        };
        Self { sender, tag, last: None, epoch: Epoch::new(0, secret) }
    }

    /// The counter of the last record opened.
    pub const fn last(&self) -> Option<u32> {
        self.last
    }

    /// Opens the body of a record: size, session, order, epoch and authenticity are checked in this order.
    ///
    /// # Errors
    ///
    /// [`RecordDrop`]; nothing has changed then, and no header can make this side derive more than one key.
    pub fn open(&mut self, body: &[u8]) -> Result<Vec<u8>, RecordDrop> {
        //= spec-crate/spec/records.md#receiving-a-record
        //# A receiver MUST drop as `size` a record whose body has fewer than 22 or more than 1,045 bytes.
        if body.len() < BODY_BYTES_MIN || body.len() > BODY_BYTES_MAX {
            return Err(RecordDrop::Size);
        }
        let (tag, rest) = body.split_first().ok_or(RecordDrop::Size)?;
        let (counter, sealed) = rest.split_first_chunk::<4>().ok_or(RecordDrop::Size)?;
        let counter = u32::from_be_bytes(*counter);
        //= spec-crate/spec/records.md#receiving-a-record
        //# A receiver MUST drop as `stale` a record if it has no live session, or if the record's tag is not
        //# that of its live session.
        if *tag != self.tag {
            return Err(RecordDrop::Stale);
        }
        //= spec-crate/spec/records.md#receiving-a-record
        //# A receiver MUST drop as `replayed` a record whose counter is not above that of the last record
        //# which it opened in this session.
        if self.last.is_some_and(|last| counter <= last) {
            return Err(RecordDrop::Replayed);
        }
        let aad = header(self.sender, self.tag, counter);
        let open = |epoch: &Epoch| {
            //= spec-crate/spec/records.md#receiving-a-record
            //# A receiver MUST drop as `forged` a record that does not open.
            epoch.key.open(&epoch.nonce(counter), &aad, sealed).map_err(|_| RecordDrop::Forged)
        };
        let number = epoch_of(counter);
        let plaintext = if number == self.epoch.number {
            open(&self.epoch)?
        } else if self.epoch.number.checked_add(1) == Some(number) {
            let successor = self.epoch.successor();
            //= spec-crate/spec/records.md#receiving-a-record
            //# A receiver MUST forget the keys that it derived for a record of the next epoch if that record
            //# does not open.
            let plaintext = open(&successor)?;
            //= spec-crate/spec/records.md#keys-of-an-epoch
            //# A receiver MUST erase ap_e, key_e and iv_e when it has opened its first record of epoch e+1.
            self.epoch = successor;
            plaintext
        } else {
            //= spec-crate/spec/records.md#receiving-a-record
            //# A receiver MUST drop as `forged` a record whose epoch is neither that of its receive keys nor
            //# the next one.
            return Err(RecordDrop::Forged);
        };
        //= spec-crate/spec/records.md#receiving-a-record
        //# A receiver MUST NOT change anything of a session because of a record that it drops, but the counts
        //# of drops and of forged records in a row.
        self.last = Some(counter);
        Ok(plaintext)
    }
}

//= spec-crate/spec/records.md#counters
//= type=implication
//# An end MUST NOT store the keys, secrets or counters of a session beyond its program run.
/// The keys of 65,536 counters of one direction.
struct Epoch {
    number: u16,
    secret: Secret<32>,
    key: AeadKey,
    iv: Secret<NONCE_BYTES>,
}

impl Epoch {
    fn new(number: u16, secret: Secret<32>) -> Self {
        Self { number, key: AeadKey::new(&label(&secret, KEY, &[])), iv: label(&secret, IV, &[]), secret }
    }

    fn successor(&self) -> Self {
        Self::new(self.number.wrapping_add(1), label(&self.secret, UPDATE, &[]))
    }

    fn nonce(&self, counter: u32) -> [u8; NONCE_BYTES] {
        let mut nonce = *self.iv.expose();
        for (byte, counter) in nonce.iter_mut().skip(NONCE_BYTES - 4).zip(counter.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce
    }
}

const fn epoch_of(counter: u32) -> u16 {
    (counter >> 16) as u16
}

/// The first six bytes of a record's frame: its associated data.
fn header(sender: Side, tag: u8, counter: u32) -> [u8; HEADER_BYTES + 1] {
    let kind = match sender {
        Side::His => FrameType::HisRecord,
        Side::Pos => FrameType::PosRecord,
    };
    let [a, b, c, d] = counter.to_be_bytes();
    [kind.number(), tag, a, b, c, d]
}

#[cfg(test)]
mod tests;
