//! Verifying a book: each record against the one before it.

use super::{Head, Record, decode_record};

/// Verifies a book record by record, in order.
///
/// Finds each altered, deleted or swapped record. A cut tail or an older copy of the whole book is found only by
/// the anchor that the peer holds.
#[derive(Clone, Debug)]
pub struct Verifier {
    seq: u64,
    head: Head,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { seq: 0, head: Head::EMPTY }
    }
}

impl Verifier {
    /// Takes the next record, with the head that the store kept for it.
    ///
    /// # Errors
    ///
    /// [`BookError`] naming the first thing that does not fit.
    pub fn next(&mut self, record: &[u8], kept: &Head) -> Result<Record, BookError> {
        //= spec-crate/spec/books.md#verification
        //# A program that verifies a book MUST report the first record that is not canonical, whose sequence
        //# number is not one more than the last one's, or whose stored head is not that of BOK-15, in this
        //# order for each record, from record 1 on.
        let read = decode_record(record)?;
        let expected = self.seq.saturating_add(1);
        //= spec-crate/spec/books.md#verification
        //# A program that verifies a book MUST report the first record that is not canonical, whose sequence
        //# number is not one more than the last one's, or whose stored head is not that of BOK-15, in this
        //# order for each record, from record 1 on.
        if read.seq != expected {
            return Err(BookError::Gap { expected, got: read.seq });
        }
        let head = self.head.after(record);
        //= spec-crate/spec/books.md#verification
        //# A program that verifies a book MUST report the first record that is not canonical, whose sequence
        //# number is not one more than the last one's, or whose stored head is not that of BOK-15, in this
        //# order for each record, from record 1 on.
        if head != *kept {
            return Err(BookError::Chain { seq: expected });
        }
        self.seq = expected;
        self.head = head;
        Ok(read)
    }

    /// How far the book was verified, and its head there.
    #[must_use]
    pub fn end(&self) -> (u64, Head) {
        (self.seq, self.head)
    }
}

/// Why a book is not what it should be.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BookError {
    /// A record is not canonical.
    Malformed,
    /// A record is missing, or two are swapped.
    Gap {
        /// The sequence number that should come.
        expected: u64,
        /// The one that came.
        got: u64,
    },
    /// A record was altered, or one before it.
    Chain {
        /// Its sequence number.
        seq: u64,
    },
}

impl core::fmt::Display for BookError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed => f.write_str("a record is not canonical: the book was damaged"),
            Self::Gap { expected, got } => {
                write!(f, "record {expected} should come and record {got} came: the book was altered")
            }
            Self::Chain { seq } => {
                write!(f, "the chain breaks at record {seq}: it or one before it was altered")
            }
        }
    }
}

impl core::error::Error for BookError {}
