//! The stories that the last two digits of a code select.

/// What happens to a payment. The numbers are the endings of the codes, and what the database stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// 00 and every ending without a story: paid at once.
    Paid = 0,
    /// 01: the payer types the password after 4 to 8 s.
    PasswordLater = 1,
    /// 02: the payer never types it.
    PasswordNever = 2,
    /// 03: not enough money; the order stays unpaid in the book.
    NotEnough = 3,
    /// 04: the code is too old.
    CodeExpired = 4,
    /// 05: a system error is told, and 1 to 4 s later the payment takes effect.
    ErrorButPaid = 5,
    /// 06: a system error is told, and nothing was done.
    ErrorNotPaid = 6,
    /// 07: paid, and the connection closes without an answer.
    AnswerLost = 7,
    /// 08: the request is lost: nothing is done, and the connection is silent.
    RequestLost = 8,
    /// 09: refused by risk control; no order stays.
    Risk = 9,
    /// 10: the gateway answers 503, and nothing was done.
    Unavailable = 10,
    /// 11: paid, and the answer carries a wrong signature.
    BadSignature = 11,
    /// 12: paid, and the answers to pay and query name one fen too much.
    WrongTotal = 12,
    /// 13: nobody pays until the first reverse; then both happen.
    PaidDuringReverse = 13,
    /// 14: nobody pays, and the first two reverses answer that the payer is paying.
    ReverseBusy = 14,
    /// 15: nobody pays, and the first three reverses ask to be called again.
    ReverseAgain = 15,
    /// 16: reverses succeed without effect, and 3 to 8 s after the first the payer pays.
    ReverseHollow = 16,
    /// 17: paid under a system error, and no query sees it for 8 s.
    VisibleLater = 17,
    /// 18: paid; a refund is in process for 30 s.
    RefundSlow = 18,
    /// 19: paid; a refund goes wrong.
    RefundAbnormal = 19,
    /// 20: paid; the merchant has no money for a refund.
    MerchantShort = 20,
}

const ALL: [Scenario; 21] = [
    Scenario::Paid,
    Scenario::PasswordLater,
    Scenario::PasswordNever,
    Scenario::NotEnough,
    Scenario::CodeExpired,
    Scenario::ErrorButPaid,
    Scenario::ErrorNotPaid,
    Scenario::AnswerLost,
    Scenario::RequestLost,
    Scenario::Risk,
    Scenario::Unavailable,
    Scenario::BadSignature,
    Scenario::WrongTotal,
    Scenario::PaidDuringReverse,
    Scenario::ReverseBusy,
    Scenario::ReverseAgain,
    Scenario::ReverseHollow,
    Scenario::VisibleLater,
    Scenario::RefundSlow,
    Scenario::RefundAbnormal,
    Scenario::MerchantShort,
];

impl Scenario {
    /// The story of a code. A total of 1, 2 or 3 fen is paid at once whatever the code, as in WeChat's sandbox.
    pub fn of(code: &str, total: i64) -> Scenario {
        let ending = code.len().checked_sub(2).and_then(|at| code.get(at..)).and_then(|two| two.parse().ok());
        match ending {
            Some(ending) if !(1..=3).contains(&total) => Scenario::from_number(ending),
            _ => Scenario::Paid,
        }
    }

    /// The story of a number; paid at once for a number without one.
    pub fn from_number(number: i64) -> Scenario {
        ALL.into_iter().find(|scenario| scenario.number() == number).unwrap_or(Scenario::Paid)
    }

    /// The ending that selects this story.
    pub fn number(self) -> i64 {
        self as i64
    }
}
