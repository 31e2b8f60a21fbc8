//! Why something is no manifest, or not the next one.

use alloc::string::String;
use core::fmt;

use crate::codec::Violation;
use crate::ids::IdError;
use crate::limits::MANIFEST_ENTRIES_MAX;
use crate::message::signed_file::FileError;

/// Why a file, a payload or entries are no manifest, or not the one that may follow.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ManifestError {
    /// The file, or its signature, is not right.
    File(FileError),
    /// An id is not of its form.
    Id(IdError),
    /// The manifest is of another site.
    Site,
    /// There are more entries than allowed.
    TooMany {
        /// Their number.
        got: usize,
    },
    /// Ids do not rise strictly.
    Order {
        /// The id that comes too late.
        id: String,
    },
    /// Two entries have one key.
    SharedKey {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A key is no usable Ed25519 key.
    UnusableKey {
        /// The entry.
        id: String,
    },
    /// An entry ends before it begins.
    Dates {
        /// The entry.
        id: String,
    },
    /// A revocation is unknown, or its date is missing or out of place.
    Revocation {
        /// The entry.
        id: String,
    },
    /// The newer manifest has a lower serial than the one held.
    Older {
        /// The serial held.
        held: u32,
        /// The serial of the newer one.
        got: u32,
    },
    /// The newer manifest has the serial of the one held, and says something else.
    SameSerial(u32),
    /// The newer manifest lacks an entry.
    Lost {
        /// The entry.
        id: String,
    },
    /// The newer manifest gives an id to another key.
    KeyChanged {
        /// The entry.
        id: String,
    },
    /// The newer manifest takes a revocation back, or dates it later.
    Unrevoked {
        /// The entry.
        id: String,
    },
}

impl From<Violation> for ManifestError {
    fn from(violation: Violation) -> Self {
        Self::File(violation.into())
    }
}

impl From<FileError> for ManifestError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<IdError> for ManifestError {
    fn from(error: IdError) -> Self {
        Self::Id(error)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Id(error) => write!(f, "{error}"),
            Self::Site => f.write_str("the manifest is of another site: get the one of this site"),
            Self::TooMany { got } => write!(f, "{got} entries: at most {MANIFEST_ENTRIES_MAX} are allowed"),
            Self::Order { id } => write!(f, "entry {id} is out of order: ids have to rise, each once"),
            Self::SharedKey { first, second } => {
                write!(f, "entries {first} and {second} have one key: each makes its own")
            }
            Self::UnusableKey { id } => {
                write!(f, "the key of {id} is no usable ed25519 key: have it make a new one")
            }
            Self::Dates { id } => write!(f, "entry {id} ends before it begins: correct its dates"),
            Self::Revocation { id } => write!(
                f,
                "the revocation of {id} is unknown, or its date is out of place: only a compromised key has one"
            ),
            Self::Older { held, got } => {
                write!(f, "the manifest has serial {got}, and serial {held} is held: get the latest one")
            }
            Self::SameSerial(serial) => {
                write!(
                    f,
                    "a manifest of serial {serial} is held with other content: give the new one a higher serial"
                )
            }
            Self::Lost { id } => {
                write!(f, "entry {id} is missing: revoke it instead, its receipts need its key")
            }
            Self::KeyChanged { id } => write!(f, "entry {id} has another key: a replacement gets a new id"),
            Self::Unrevoked { id } => {
                write!(f, "entry {id} was revoked: that is never taken back or dated later")
            }
        }
    }
}

impl core::error::Error for ManifestError {}
