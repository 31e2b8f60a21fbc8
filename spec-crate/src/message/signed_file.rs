//! Signed files: agreements and manifests as they travel between organisations.
//!
//! A file is a payload of one kind and the signatures of the organisations that stand for it. What is signed is
//! 64 spaces, the context of the kind, a zero byte, and the payload as it is. Specified in spec: provisioning.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use prost::Message as _;

use crate::codec::{self, Violation};
use crate::crypto::hash::sha256;
use crate::crypto::sign::check_public_key;
use crate::crypto::{Secret, ed25519_public, ed25519_sign, ed25519_verify};
use crate::labels;
use crate::limits::SIGNED_FILE_BYTES_MAX;
use crate::wire;
use crate::wire::rules::MessageRule;

mod armour;
#[cfg(test)]
mod tests;

/// What a signed file holds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FileKind {
    /// A link agreement, signed by both organisations.
    Agreement,
    /// The devices of a POS organisation, signed by it.
    DeviceManifest,
    /// The software terminals of a HIS organisation, signed by it.
    TerminalManifest,
}

impl FileKind {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Agreement, Self::DeviceManifest, Self::TerminalManifest];

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Agreement => 1,
            Self::DeviceManifest => 2,
            Self::TerminalManifest => 3,
        }
    }

    /// The name for people and in armour.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::DeviceManifest => "device manifest",
            Self::TerminalManifest => "terminal manifest",
        }
    }

    const fn context(self) -> &'static [u8] {
        match self {
            Self::Agreement => labels::AGREEMENT,
            Self::DeviceManifest => labels::DEVICE_MANIFEST,
            Self::TerminalManifest => labels::TERMINAL_MANIFEST,
        }
    }

    fn rule(self) -> &'static MessageRule {
        match self {
            Self::Agreement => &wire::strict::AGREEMENT,
            Self::DeviceManifest => &wire::strict::DEVICE_MANIFEST,
            Self::TerminalManifest => &wire::strict::TERMINAL_MANIFEST,
        }
    }
}

/// First 8 bytes of SHA-256 over an organisation's public key: names the signer of a signature.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The public key of an organisation: canonical, on the curve, not of small order.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OrganisationKey([u8; 32]);

impl OrganisationKey {
    /// Checks a key before it is trusted.
    ///
    /// # Errors
    ///
    /// [`FileError::UnusableKey`].
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, FileError> {
        //= spec-crate/spec/provisioning.md#organisation-keys
        //# A program MUST refuse an organisation key that is not canonical, not on the curve, or of small
        //# order, as [Ed25519](key-exchange.md#ed25519) says.
        //= spec-crate/spec/key-exchange.md#ed25519
        //# An end MUST check that a public key is canonical, on the curve and not of small order when it
        //# imports the key.
        check_public_key(&bytes).map_err(|_| FileError::UnusableKey)?;
        Ok(Self(bytes))
    }

    /// The public key of a seed.
    #[must_use]
    pub fn of(seed: &Secret<32>) -> Self {
        Self(ed25519_public(seed))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name of the key in signed files.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        let [a, b, c, d, e, f, g, h, ..] = sha256(&[&self.0]);
        KeyId([a, b, c, d, e, f, g, h])
    }

    /// The first 16 bytes of SHA-256 over the key, as 8 groups of 4 hexadecimal digits for reading aloud.
    ///
    /// Two people compare it once, by telephone or side by side; the first 4 groups are the key id.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::with_capacity(39);
        for (place, byte) in sha256(&[&self.0]).iter().take(16).enumerate() {
            if place > 0 && place % 2 == 0 {
                text.push(' ');
            }
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02X}");
        }
        text
    }
}

impl fmt::Debug for OrganisationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrganisationKey({})", self.key_id())
    }
}

/// A payload and its signatures. Nothing in it is believed before [`verify`](Self::verify).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedFile {
    kind: FileKind,
    payload: Vec<u8>,
    signatures: Vec<(KeyId, [u8; 64])>,
}

/// Greatest number of signatures under a file, as the schema has it.
const SIGNATURES_MAX: usize = 4;

impl SignedFile {
    /// Begins a file around a payload, without signatures.
    ///
    /// # Errors
    ///
    /// [`FileError::NotCanonical`] if the payload is no canonical message of the kind, [`FileError::TooLong`].
    pub fn create(kind: FileKind, payload: Vec<u8>) -> Result<Self, FileError> {
        let file = Self { kind, payload, signatures: Vec::new() };
        Self::decode(&file.encode())
    }

    /// Reads a file: its binary form, or its armour for mail.
    ///
    /// # Errors
    ///
    /// [`FileError`] naming the first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, FileError> {
        //= spec-crate/spec/provisioning.md#armour
        //# A program that reads a signed file MUST accept the armoured form as well as the binary one.
        match armour::read(bytes)? {
            None => Self::decode_binary(bytes),
            Some((name, binary)) => {
                let file = Self::decode_binary(&binary)?;
                //= spec-crate/spec/provisioning.md#armour
                //# A program that reads armour MUST refuse it if the BEGIN line does not end with five
                //# hyphens, if the END line is missing or has another name than the BEGIN line, or if the
                //# name is not that of the kind of the file inside.
                if name == file.kind.name() { Ok(file) } else { Err(FileError::ArmourName(file.kind)) }
            }
        }
    }

    fn decode_binary(bytes: &[u8]) -> Result<Self, FileError> {
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST refuse a file of more than 262,144 bytes (SIGNED_FILE_BYTES_MAX) in its binary
        //# form.
        if bytes.len() > SIGNED_FILE_BYTES_MAX {
            return Err(FileError::TooLong { got: bytes.len() });
        }
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST refuse a file whose SignedFile or payload the
        //# [validator](encoding.md#steps-of-the-validator) refuses, whose kind is not 1, 2 or 3 or not the
        //# one that is wanted, or whose key ids do not ascend strictly.
        //= spec-crate/spec/encoding.md#strict-messages
        //# A receiver MUST treat a strict message that the validator refuses as the chapter says that
        //# describes where it came from, and use nothing of it.
        let file: wire::SignedFile = codec::decode(bytes, &wire::strict::SIGNED_FILE)?;
        let kind = FileKind::ALL.into_iter().find(|kind| kind.code() == file.kind);
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST refuse a file whose SignedFile or payload the
        //# [validator](encoding.md#steps-of-the-validator) refuses, whose kind is not 1, 2 or 3 or not the
        //# one that is wanted, or whose key ids do not ascend strictly.
        let kind = kind.ok_or(FileError::UnknownKind(file.kind))?;
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST refuse a file whose SignedFile or payload the
        //# [validator](encoding.md#steps-of-the-validator) refuses, whose kind is not 1, 2 or 3 or not the
        //# one that is wanted, or whose key ids do not ascend strictly.
        codec::validate(&file.payload, kind.rule())?;
        // The validator has counted 8 and 64 bytes.
        let signatures: Vec<_> = file
            .signatures
            .iter()
            .filter_map(|signature| {
                let key_id = <[u8; 8]>::try_from(signature.key_id.as_slice()).ok()?;
                Some((KeyId(key_id), <[u8; 64]>::try_from(signature.signature.as_slice()).ok()?))
            })
            .collect();
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST refuse a file whose SignedFile or payload the
        //# [validator](encoding.md#steps-of-the-validator) refuses, whose kind is not 1, 2 or 3 or not the
        //# one that is wanted, or whose key ids do not ascend strictly.
        if !signatures.is_sorted_by(|(left, _), (right, _)| left < right) {
            return Err(FileError::SignatureOrder);
        }
        Ok(Self { kind, payload: file.payload, signatures })
    }

    /// The binary form of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|(key_id, signature)| wire::FileSignature {
            key_id: key_id.0.to_vec(),
            signature: signature.to_vec(),
        });
        let payload = self.payload.clone();
        wire::SignedFile { kind: self.kind.code(), payload, signatures: signatures.collect() }.encode_to_vec()
    }

    /// The form for mail: the binary form in base64 between two lines that name the kind.
    #[must_use]
    pub fn encode_armoured(&self) -> String {
        armour::write(self.kind.name(), &self.encode())
    }

    /// What the file holds.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// What is hashed and signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The keys that claim to have signed.
    pub fn signers(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().map(|(key_id, _)| *key_id)
    }

    /// Adds the signature of an organisation, or replaces its earlier one. Signs what people have read, so the
    /// caller shows the payload first.
    ///
    /// # Errors
    ///
    /// [`FileError::Signatures`] if 4 others have signed, [`FileError::TooLong`] if there is no room.
    pub fn sign(&mut self, seed: &Secret<32>) -> Result<(), FileError> {
        let key_id = OrganisationKey::of(seed).key_id();
        let mut signed = self.clone();
        //= spec-crate/spec/provisioning.md#signed-files
        //# A signer MUST write the signatures of a file in ascending order of their key ids, compared as byte
        //# strings, and one signature for each key id.
        signed.signatures.retain(|(other, _)| *other != key_id);
        if signed.signatures.len() >= SIGNATURES_MAX {
            return Err(FileError::Signatures);
        }
        //= spec-crate/spec/provisioning.md#signed-files
        //# A signer MUST write the signatures of a file in ascending order of their key ids, compared as byte
        //# strings, and one signature for each key id.
        let place = signed.signatures.partition_point(|(other, _)| *other < key_id);
        //= spec-crate/spec/provisioning.md#signed-files
        //# A signer MUST sign 64 bytes 0x20, the context of the file's kind in ASCII, one byte 0x00, and the
        //# payload as it stands in the file.
        let signature = ed25519_sign(seed, self.kind.context(), &self.payload);
        signed.signatures.insert(place, (key_id, signature));
        let got = signed.encode().len();
        if got > SIGNED_FILE_BYTES_MAX {
            return Err(FileError::TooLong { got });
        }
        *self = signed;
        Ok(())
    }

    /// Verifies that an organisation stands for the payload.
    ///
    /// # Errors
    ///
    /// [`FileError::Unsigned`] or [`FileError::BadSignature`], naming the key.
    pub fn verify(&self, key: &OrganisationKey) -> Result<(), FileError> {
        let key_id = key.key_id();
        let signature = self.signatures.iter().find(|(other, _)| *other == key_id);
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST take a signature of an organisation as there only if the file has a signature with
        //# the key id of that organisation's key and it verifies as [Ed25519](key-exchange.md#ed25519) says.
        let (_, signature) = signature.ok_or(FileError::Unsigned(key_id))?;
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST take a signature of an organisation as there only if the file has a signature with
        //# the key id of that organisation's key and it verifies as [Ed25519](key-exchange.md#ed25519) says.
        ed25519_verify(&key.0, self.kind.context(), &self.payload, signature)
            .map(drop)
            .map_err(|_| FileError::BadSignature(key_id))
    }

    /// Checks that the file is of the kind that is wanted.
    ///
    /// # Errors
    ///
    /// [`FileError::Kind`].
    pub fn expect_kind(&self, wanted: FileKind) -> Result<(), FileError> {
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST refuse a file whose SignedFile or payload the
        //# [validator](encoding.md#steps-of-the-validator) refuses, whose kind is not 1, 2 or 3 or not the
        //# one that is wanted, or whose key ids do not ascend strictly.
        if self.kind == wanted { Ok(()) } else { Err(FileError::Kind { wanted, got: self.kind }) }
    }
}

/// Why a file is refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileError {
    /// The file is longer than allowed.
    TooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// The file or its payload is not canonical.
    NotCanonical(Violation),
    /// The kind is unknown.
    UnknownKind(i32),
    /// The file is of another kind than wanted.
    Kind {
        /// The kind wanted.
        wanted: FileKind,
        /// The kind found.
        got: FileKind,
    },
    /// Key ids do not rise strictly.
    SignatureOrder,
    /// There is no room for another signature.
    Signatures,
    /// An organisation has not signed.
    Unsigned(KeyId),
    /// A signature is wrong.
    BadSignature(KeyId),
    /// A key is no usable Ed25519 key.
    UnusableKey,
    /// The armour is damaged.
    Armour {
        /// The line, from 1.
        line: usize,
    },
    /// The armour has another name than its content.
    ArmourName(FileKind),
}

impl From<Violation> for FileError {
    fn from(violation: Violation) -> Self {
        Self::NotCanonical(violation)
    }
}

impl From<armour::Damaged> for FileError {
    fn from(damaged: armour::Damaged) -> Self {
        match damaged {
            armour::Damaged::Line(line) => Self::Armour { line },
            armour::Damaged::TooLong(got) => Self::TooLong { got },
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { got } => {
                write!(f, "the file has {got} bytes: at most {SIGNED_FILE_BYTES_MAX} are allowed")
            }
            Self::NotCanonical(violation) => write!(f, "{violation}"),
            Self::UnknownKind(code) => write!(f, "file kind {code} is unknown: a newer program may know it"),
            Self::Kind { wanted, got } => {
                write!(f, "the file holds a {}: give a {}", got.name(), wanted.name())
            }
            Self::SignatureOrder => f.write_str("the file's key ids do not rise: have it signed again"),
            Self::Signatures => {
                write!(f, "the file has {SIGNATURES_MAX} signatures already: begin from the payload")
            }
            Self::Unsigned(key) => {
                write!(f, "the organisation with key {key} has not signed: have it signed first")
            }
            Self::BadSignature(key) => {
                write!(f, "the signature of key {key} is wrong: the file was altered, so get it again")
            }
            Self::UnusableKey => f.write_str("the public key is no usable ed25519 key: make a new one"),
            Self::Armour { line } => {
                write!(f, "the armour is damaged at line {line}: copy it whole, or send the file")
            }
            Self::ArmourName(kind) => write!(f, "the armour does not say what it holds, a {}", kind.name()),
        }
    }
}

impl core::error::Error for FileError {}
