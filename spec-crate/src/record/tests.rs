//! Records: order, epochs, forgeries and the end of the counters.

use std::vec;
use std::vec::Vec;

use super::{BODY_BYTES_MAX, BODY_BYTES_MIN, Epoch, Opener, RecordDrop, SealError, Sealer, epoch_of, header};
use crate::crypto::Secret;
use crate::crypto::hash::label;
use crate::frame::Side;
use crate::labels::UPDATE;

fn pair() -> (Sealer, Opener) {
    (Sealer::new(Side::His, 0x59, Secret::new([7; 32])), Opener::new(Side::Pos, 0x59, Secret::new([7; 32])))
}

/// The keys of an epoch, by as many steps as it is away.
fn epoch(number: u16) -> Epoch {
    (0..number).fold(Epoch::new(0, Secret::new([7; 32])), |epoch, _| epoch.successor())
}

fn sealer_at(counter: u32) -> Sealer {
    Sealer { sender: Side::His, tag: 0x59, next: counter, epoch: epoch(epoch_of(counter)) }
}

fn opener_at(last: u32) -> Opener {
    Opener { sender: Side::His, tag: 0x59, last: Some(last), epoch: epoch(epoch_of(last)) }
}

//= spec-crate/spec/records.md#counters
//= type=test
//# A sender MUST number the records of a session and direction from 0, each one 1 above the one before.
//= spec-crate/spec/records.md#counters
//= type=test
//# A sender MUST use up a counter by sealing, whether or not the record is sent afterwards.
//= spec-crate/spec/records.md#counters
//= type=test
//# A sender MUST NOT seal two plaintexts under one counter of one session and direction.
//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST drop as `replayed` a record whose counter is not above that of the last record which it
//# opened in this session.
#[test]
fn records_open_once_and_gaps_are_normal() {
    let (mut sealer, mut opener) = pair();
    let records: Vec<_> = (0..6u8).map(|n| sealer.seal(&[n]).unwrap()).collect();
    // Whether it is sent or not, each has used up its counter.
    for (n, record) in (0_u32..).zip(&records) {
        assert_eq!(record[1..5], n.to_be_bytes());
    }
    assert_eq!(opener.open(&records[0]), Ok(vec![0]));
    assert_eq!(opener.open(&records[0]), Err(RecordDrop::Replayed));
    assert_eq!(opener.open(&records[4]), Ok(vec![4]));
    for late in [1, 2, 3, 4] {
        assert_eq!(opener.open(&records[late]), Err(RecordDrop::Replayed));
    }
    assert_eq!(opener.open(&records[5]), Ok(vec![5]));
    assert_eq!((sealer.sealed(), opener.last()), (6, Some(5)));
}

//= spec-crate/spec/records.md#record-format
//= type=test
//# A sender MUST send as plaintext one serialised Message of 1 to 1,024 bytes (PLAINTEXT_BYTES_MAX), without
//# padding.
//= spec-crate/spec/messages.md#message
//= type=test
//# A sender MUST NOT send a Message of more than 1,024 bytes (PLAINTEXT_BYTES_MAX).
#[test]
fn plaintext_has_1_to_1024_bytes_and_a_refused_one_uses_no_counter() {
    let (mut sealer, mut opener) = pair();
    assert_eq!(sealer.seal(&[]), Err(SealError::Length(0)));
    assert_eq!(sealer.seal(&[0; 1025]), Err(SealError::Length(1025)));
    assert_eq!(sealer.sealed(), 0);
    for length in [1, 1024] {
        let record = sealer.seal(&vec![3; length]).unwrap();
        assert_eq!(record.len(), [BODY_BYTES_MIN, BODY_BYTES_MAX][usize::from(length == 1024)]);
        assert_eq!(opener.open(&record).unwrap().len(), length);
    }
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST drop as `size` a record whose body has fewer than 22 or more than 1,045 bytes.
//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST NOT change anything of a session because of a record that it drops, but the counts of
//# drops and of forged records in a row.
#[test]
fn checks_come_in_order_size_session_counter_epoch_key() {
    let mut opener = opener_at(5);
    let forged = |tag: u8, counter: u32, length: usize| {
        [&[tag], counter.to_be_bytes().as_slice(), &vec![0; length]].concat()
    };
    assert_eq!(opener.open(&forged(0, 0, 16)), Err(RecordDrop::Size));
    assert_eq!(opener.open(&forged(0, 0, 1041)), Err(RecordDrop::Size));
    assert_eq!(opener.open(&forged(0, 0, 17)), Err(RecordDrop::Stale));
    assert_eq!(opener.open(&forged(0x59, 5, 1040)), Err(RecordDrop::Replayed));
    assert_eq!(opener.open(&forged(0x59, 6, 17)), Err(RecordDrop::Forged));
    assert_eq!(opener.open(&[]), Err(RecordDrop::Size));
    assert_eq!(opener.last(), Some(5));
}

#[test]
fn reflected_record_does_not_open() {
    let (mut sealer, _) = pair();
    // The same secret in both directions, which no key schedule gives: the type in the header still tells them apart.
    let mut own = Opener::new(Side::His, 0x59, Secret::new([7; 32]));
    assert_eq!(own.open(&sealer.seal(b"x").unwrap()), Err(RecordDrop::Forged));
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST drop as `forged` a record that does not open.
//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST NOT change anything of a session because of a record that it drops, but the counts of
//# drops and of forged records in a row.
#[test]
fn every_flipped_bit_of_a_record_is_dropped_and_the_session_goes_on() {
    let (mut sealer, mut opener) = pair();
    assert!(opener.open(&sealer.seal(b"first").unwrap()).is_ok());
    let record = sealer.seal(b"message").unwrap();
    let mut cases = 0;
    for bit in 0..record.len() * 8 {
        let mut changed = record.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(opener.open(&changed).is_err(), "bit {bit}");
        cases += 1;
    }
    for length in 0..record.len() {
        assert!(opener.open(&record[..length]).is_err(), "length {length}");
        cases += 1;
    }
    std::println!("{cases} damaged records");
    assert_eq!(opener.open(&record).unwrap(), b"message");
}

//= spec-crate/spec/records.md#keys-of-an-epoch
//= type=test
//# A sender MUST erase ap_e, key_e and iv_e when it has derived ap_(e+1) for its first record of epoch e+1.
//= spec-crate/spec/records.md#keys-of-an-epoch
//= type=test
//# A receiver MUST erase ap_e, key_e and iv_e when it has opened its first record of epoch e+1.
#[test]
fn epoch_changes_between_counter_65535_and_65536() {
    let (mut sealer, mut opener) = (sealer_at(0xFFFE), opener_at(0xFFFD));
    let records: Vec<_> = (0..4u8).map(|n| sealer.seal(&[n]).unwrap()).collect();
    for (n, record) in records.iter().enumerate() {
        assert_eq!(opener.open(record), Ok(vec![n as u8]));
        assert_eq!(opener.epoch.number, u16::from(n >= 2));
    }
    let secret: Secret<32> = label(&Secret::<32>::new([7; 32]), UPDATE, &[]);
    assert_eq!(opener.epoch.secret.expose(), secret.expose());
    assert_eq!(sealer.epoch.secret.expose(), secret.expose());
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST drop as `forged` a record whose epoch is neither that of its receive keys nor the next
//# one.
#[test]
fn whole_epoch_may_be_lost_and_the_epoch_after_the_next_may_not() {
    // The first record of epoch 1 opens although no other of epoch 0 but the first came.
    let mut opener = opener_at(0);
    assert!(opener.open(&sealer_at(0x1_FFFF).seal(b"x").unwrap()).is_ok());
    let mut opener = opener_at(0);
    assert_eq!(opener.open(&sealer_at(0x2_0000).seal(b"x").unwrap()), Err(RecordDrop::Forged));
}

//= spec-crate/spec/records.md#receiving-a-record
//= type=test
//# A receiver MUST forget the keys that it derived for a record of the next epoch if that record does not
//# open.
#[test]
fn failed_try_of_the_next_epoch_changes_nothing() {
    let mut opener = opener_at(0xFFFE);
    let mut forged = sealer_at(0x1_0000).seal(b"x").unwrap();
    forged[9] ^= 1;
    assert_eq!(opener.open(&forged), Err(RecordDrop::Forged));
    assert_eq!((opener.epoch.number, opener.last()), (0, Some(0xFFFE)));
    assert!(opener.open(&sealer_at(0xFFFF).seal(b"y").unwrap()).is_ok());
}

#[test]
fn forged_counter_near_the_end_costs_no_key_derivation_and_blocks_nothing() {
    let (mut sealer, mut opener) = pair();
    let secret = *opener.epoch.secret.expose();
    for counter in [u32::MAX, u32::MAX - 1, 0x8000_0000, 0x0002_0000] {
        let forged = [&header(Side::His, 0x59, counter)[1..], &[0; 40]].concat();
        assert_eq!(opener.open(&forged), Err(RecordDrop::Forged));
    }
    assert_eq!(opener.epoch.secret.expose(), &secret);
    assert!(opener.open(&sealer.seal(b"x").unwrap()).is_ok());
}

//= spec-crate/spec/records.md#counters
//= type=test
//# A sender MUST NOT seal a record with the counter 2^32-1.
#[test]
fn last_counter_is_never_sealed() {
    let mut sealer = sealer_at(u32::MAX - 1);
    assert!(sealer.seal(b"x").is_ok());
    assert_eq!(sealer.seal(b"x"), Err(SealError::Exhausted));
    assert_eq!(sealer.sealed(), u32::MAX);
}

/// For the tests of sessions: as if this many records had been sealed.
impl Sealer {
    pub(crate) fn skip_to(&mut self, counter: u32) {
        while self.epoch.number < epoch_of(counter) {
            self.epoch = self.epoch.successor();
        }
        self.next = counter;
    }
}

impl Opener {
    /// As if this had been the counter of the last record opened.
    pub(crate) fn skip_to(&mut self, counter: u32) {
        while self.epoch.number < epoch_of(counter) {
            self.epoch = self.epoch.successor();
        }
        self.last = Some(counter);
    }
}
