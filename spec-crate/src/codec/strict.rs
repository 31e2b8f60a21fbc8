//! Which messages are strict.

use crate::wire::rules::MessageRule;
use crate::wire::strict;

/// The messages that are hashed or signed, or decide about keys: their bytes are canonical or refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Strict {
    /// The body of M1 behind its magic.
    HisHello,
    /// The body of M2.
    PosReply,
    /// What the POS chose, inside `PosReply`.
    PosHello,
    /// What is sealed in M2 and M3.
    Auth,
    /// Who is speaking, inside `Auth`.
    Identity,
    /// A file of provisioning.
    SignedFile,
    /// The payload of a link agreement.
    Agreement,
    /// The payload of a device manifest.
    DeviceManifest,
    /// The payload of a terminal manifest.
    TerminalManifest,
    /// What an order is about.
    OrderCore,
    /// How an order ended.
    ResultCore,
    /// A record of a journal or a ledger.
    BookRecord,
}

impl Strict {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::HisHello,
        Self::PosReply,
        Self::PosHello,
        Self::Auth,
        Self::Identity,
        Self::SignedFile,
        Self::Agreement,
        Self::DeviceManifest,
        Self::TerminalManifest,
        Self::OrderCore,
        Self::ResultCore,
        Self::BookRecord,
    ];

    /// The name in the schemas.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.rule().name
    }

    pub(super) fn rule(self) -> &'static MessageRule {
        match self {
            Self::HisHello => &strict::HIS_HELLO,
            Self::PosReply => &strict::POS_REPLY,
            Self::PosHello => &strict::POS_HELLO,
            Self::Auth => &strict::AUTH,
            Self::Identity => &strict::IDENTITY,
            Self::SignedFile => &strict::SIGNED_FILE,
            Self::Agreement => &strict::AGREEMENT,
            Self::DeviceManifest => &strict::DEVICE_MANIFEST,
            Self::TerminalManifest => &strict::TERMINAL_MANIFEST,
            Self::OrderCore => &strict::ORDER_CORE,
            Self::ResultCore => &strict::RESULT_CORE,
            Self::BookRecord => &strict::BOOK_RECORD,
        }
    }
}
