//! What becomes of payment codes.

/// What becomes of a payment code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Story {
    /// Taken at once.
    Paid,
    /// Taken, and the answer says nothing.
    PaidSilently,
    /// The payer has to type a password, and does after so many milliseconds.
    Password(u64),
    /// The payer never types it.
    NeverTyped,
    /// The platform closes nothing by itself: the number stays alive beyond its expiry.
    NeverClosed,
    /// Not enough money: the number is unknown afterwards.
    RefusedAbsent,
    /// Not enough money: the number is closed afterwards.
    RefusedClosed,
    /// Not enough money, and the number lives on: the payer may still pay after so many milliseconds.
    RefusedAlive(u64),
    /// The code is no good.
    BadCode,
    /// A system error, and nothing happened.
    Error,
    /// Another total was taken.
    WrongTotal,
}
