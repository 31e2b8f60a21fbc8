//! Why something is no agreement.

use core::fmt;

use crate::codec::Violation;
use crate::ids::IdError;
use crate::limits::AMOUNT_FEN_MAX;
use crate::message::signed_file::FileError;

/// Why a file, a payload or terms are no agreement.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AgreementError {
    /// The file, or a signature or key in it, is not right.
    File(FileError),
    /// An id is not of its form.
    Id(IdError),
    /// The currency is not CNY.
    Currency,
    /// Versions or suites do not rise strictly.
    Order,
    /// One key stands for both organisations.
    SameOrganisation,
    /// A limit is above the greatest amount of the protocol.
    AmountLimit {
        /// The limit in fen.
        got: u64,
    },
    /// The day's rule is of no clock on earth.
    BusinessDay {
        /// Offset from UTC.
        utc_offset_minutes: i32,
        /// Minutes after midnight.
        cut_minutes: u32,
    },
    /// No channel has a merchant.
    NoMerchant,
    /// The site code and `simulated` disagree.
    Simulated {
        /// What the agreement says.
        simulated: bool,
    },
    /// A timer is too short for production.
    TimerShort {
        /// Its name.
        name: &'static str,
        /// Its value in milliseconds.
        got: u64,
        /// The least value.
        min: u64,
    },
    /// A timer does not fit the schema.
    TimerLong {
        /// Its name.
        name: &'static str,
        /// Its value in milliseconds.
        got: u64,
    },
    /// The newer agreement is of another site.
    Site,
    /// The newer agreement has the number of the one held, and says something else.
    SameNumber(u32),
    /// The newer agreement has a lower number than the one held.
    Older {
        /// The number held.
        held: u32,
        /// The number of the newer one.
        got: u32,
    },
}

impl From<Violation> for AgreementError {
    fn from(violation: Violation) -> Self {
        Self::File(violation.into())
    }
}

impl From<FileError> for AgreementError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<IdError> for AgreementError {
    fn from(error: IdError) -> Self {
        Self::Id(error)
    }
}

impl fmt::Display for AgreementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Id(error) => write!(f, "{error}"),
            Self::Currency => f.write_str("the currency is not CNY: this version knows no other"),
            Self::Order => f.write_str("versions and suites have to rise, each once"),
            Self::SameOrganisation => f.write_str("both organisations have one key: each needs its own"),
            Self::AmountLimit { got } => {
                write!(f, "a limit of {got} fen: at most {AMOUNT_FEN_MAX} are allowed")
            }
            Self::BusinessDay { utc_offset_minutes, cut_minutes } => write!(
                f,
                "business day at {utc_offset_minutes} min from utc, cut at {cut_minutes} min: \
                 the offset is -720 to 840, the cut 0 to 1439"
            ),
            Self::NoMerchant => f.write_str("no merchant: name one for wechat or alipay, or for both"),
            Self::Simulated { simulated: true } => {
                f.write_str("a simulated agreement needs a site code that begins with SIM")
            }
            Self::Simulated { simulated: false } => {
                f.write_str("a production agreement must not have a site code that begins with SIM")
            }
            Self::TimerShort { name, got, min } => {
                write!(f, "timer {name} is {got} ms: production needs at least {min} ms")
            }
            Self::TimerLong { name, got } => {
                write!(f, "timer {name} is {got} ms: at most {} ms fit", u32::MAX)
            }
            Self::Site => f.write_str("the agreement is of another site than the one held"),
            Self::SameNumber(number) => write!(
                f,
                "agreement {number} is held with other content: ask both organisations which one is right, \
                 and give the new one a higher number"
            ),
            Self::Older { held, got } => {
                write!(f, "agreement {got} is older than agreement {held}, which is held: get the latest one")
            }
        }
    }
}

impl core::error::Error for AgreementError {}
