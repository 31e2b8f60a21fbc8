//! The directory in which one terminal lives: what is where.
//!
//! ```text
//! device.json            device id and serial number
//! device.key             the device's own key, readable by its owner only; never exported
//! trust.json             fingerprints of both organisations, compared by people once
//! agreements/1.hispos    every link agreement ever imported
//! terminals/1.hispos     every terminal manifest ever imported
//! journal.db             the journal
//! control.json           door of the running program, readable by its owner only
//! log/hispos-pos.log     rotates
//! ```

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use hispos_common::folder::Folder;
use serde::{Deserialize, Serialize};

/// The directory of one terminal.
#[derive(Clone, Debug)]
pub struct Home(Folder);

/// What `device.json` holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The id that the device manifest will have.
    pub device_id: String,
    /// The number on the housing.
    pub serial_no: String,
}

/// What `trust.json` holds: fingerprints as 32 hexadecimal digits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The hospital's organisation, which signs terminal manifests.
    pub his_organisation: String,
    /// The terminal company's organisation.
    pub pos_organisation: String,
    /// Pairs that people compared before one of the keys was replaced: agreements held under them stay valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Trust>,
}

impl Deref for Home {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.0
    }
}

impl Home {
    /// The home at a path; nothing is read or made.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(Folder::at(path))
    }

    /// The device's key.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.join("device.key")
    }

    /// The journal.
    #[must_use]
    pub fn journal_file(&self) -> PathBuf {
        self.join("journal.db")
    }

    /// The door of the running program.
    #[must_use]
    pub fn control_file(&self) -> PathBuf {
        self.join("control.json")
    }

    /// The device, if it was made.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`io::ErrorKind::InvalidData`].
    pub fn device(&self) -> io::Result<Option<Device>> {
        self.read("device.json")
    }

    /// Writes the device.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn write_device(&self, device: &Device) -> io::Result<()> {
        self.write("device.json", device)
    }

    /// The organisations that people have compared, if they have.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`io::ErrorKind::InvalidData`].
    pub fn trust(&self) -> io::Result<Option<Trust>> {
        self.read("trust.json")
    }

    /// Writes the organisations that people have compared.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn write_trust(&self, trust: &Trust) -> io::Result<()> {
        self.write("trust.json", trust)
    }
}
