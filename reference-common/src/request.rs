//! Requests for a manifest: what a machine tells its organisation about a key that it has made.
//!
//! A small JSON file without secrets. A device's request goes to the POS organisation, a software terminal's to the
//! HIS organisation; each puts it into its next manifest.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files;

/// Whose key it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// A payment terminal.
    Device,
    /// A software terminal of HIS.
    Terminal,
}

/// A public key that asks for a place in a manifest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// Whose key it is.
    pub kind: KeyKind,
    /// Device id or terminal id.
    pub id: String,
    /// A device's serial number, or a terminal's window.
    pub name: String,
    /// Ed25519, 64 hexadecimal digits.
    pub public_key: String,
}

impl KeyRequest {
    /// Makes a request.
    #[must_use]
    pub fn new(kind: KeyKind, id: &str, name: &str, public_key: &[u8; 32]) -> Self {
        let public_key = public_key.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { kind, id: id.into(), name: name.into(), public_key }
    }

    /// The key, or `None` if it is not 64 hexadecimal digits. Whether it is usable is the manifest's to check.
    #[must_use]
    pub fn key(&self) -> Option<[u8; 32]> {
        let digits = self.public_key.as_str();
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut key = [0; 32];
        for (place, at) in key.iter_mut().zip((0..64).step_by(2)) {
            *place = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(key)
    }

    /// Reads a request.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`io::ErrorKind::InvalidData`].
    pub fn read(path: &Path) -> io::Result<Self> {
        let request: Self = serde_json::from_slice(&files::read(path)?)?;
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the key is not 64 hexadecimal digits");
        request.key().map(|_| ()).ok_or_else(wrong)?;
        Ok(request)
    }

    /// Writes a request.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        files::replace(path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyKind, KeyRequest};

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("device.json");
        let request = KeyRequest::new(KeyKind::Device, "POS-1", "SN 1", &[0xab; 32]);
        request.write(&path).unwrap();
        assert_eq!(KeyRequest::read(&path).unwrap(), request);
        assert_eq!(request.key(), Some([0xab; 32]));
        std::fs::write(&path, r#"{"kind":"device","id":"a","name":"b","public_key":"zz"}"#).unwrap();
        assert!(KeyRequest::read(&path).is_err());
    }
}
