//! The two clocks: instants for timers, seconds of the calendar for records and validity.

/// A moment of the monotonic clock, in milliseconds since the machine's boot.
///
/// The clock runs during sleep and is the same for every process of one boot. Arithmetic saturates: a timer beyond
/// the end of time never fires, and an instant from the future has age 0.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(pub u64);

impl Instant {
    /// The instant this many milliseconds later.
    pub const fn after(self, milliseconds: u64) -> Self {
        //= spec-crate/spec/orders.md#time
        //# A HIS and a POS MUST let sums of instants and durations end at 2^64 - 1 milliseconds, and take a
        //# duration back to a later instant for 0.
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from an earlier instant to this one; 0 if it is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        //= spec-crate/spec/orders.md#time
        //# A HIS and a POS MUST let sums of instants and durations end at 2^64 - 1 milliseconds, and take a
        //# duration back to a later instant for 0.
        self.0.saturating_sub(earlier.0)
    }
}

/// Seconds since 1970-01-01T00:00:00Z, of the machine's calendar clock. Never used for timers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixSeconds(pub u64);

/// Both clocks, as they come in with each input of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clock {
    /// For every timer.
    pub now: Instant,
    /// For records and validity only. `None` if the machine has no trustworthy time.
    pub unix: Option<UnixSeconds>,
}

#[cfg(test)]
mod tests {
    use super::Instant;

    //= spec-crate/spec/orders.md#time
    //= type=test
    //# A HIS and a POS MUST let sums of instants and durations end at 2^64 - 1 milliseconds, and take a
    //# duration back to a later instant for 0.
    #[test]
    fn sums_end_at_the_end_of_time_and_nothing_lies_before_its_beginning() {
        assert_eq!(Instant(5).after(u64::MAX), Instant(u64::MAX));
        assert_eq!(Instant(5).after(7), Instant(12));
        assert_eq!([Instant(12).since(Instant(5)), Instant(5).since(Instant(12))], [7, 0]);
    }
}
