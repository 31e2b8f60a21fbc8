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

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hispos_common::files;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The directory of one terminal.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
}

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
}

/// The kinds of signed files that are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// Link agreements, by their number.
    Agreements,
    /// Terminal manifests, by their serial.
    Terminals,
}

impl Home {
    /// The home at a path; nothing is read or made.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Makes the directory.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The device's key.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.path.join("device.key")
    }

    /// The journal.
    #[must_use]
    pub fn journal_file(&self) -> PathBuf {
        self.path.join("journal.db")
    }

    /// The door of the running program.
    #[must_use]
    pub fn control_file(&self) -> PathBuf {
        self.path.join("control.json")
    }

    /// The log's newest file; its directory is made if it is missing.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn log_file(&self) -> io::Result<PathBuf> {
        let directory = self.path.join("log");
        fs::create_dir_all(&directory)?;
        Ok(directory.join("hispos-pos.log"))
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

    /// Keeps an imported signed file under its number.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn keep(&self, kind: Kept, number: u32, bytes: &[u8]) -> io::Result<()> {
        let directory = self.directory(kind);
        fs::create_dir_all(&directory)?;
        files::replace(&directory.join(format!("{number}.hispos")), bytes)
    }

    /// Every imported signed file of a kind, newest first.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn kept(&self, kind: Kept) -> io::Result<Vec<(u32, Vec<u8>)>> {
        let entries = match fs::read_dir(self.directory(kind)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let number: Option<u32> = name.and_then(|name| name.strip_suffix(".hispos")?.parse().ok());
            if let Some(number) = number {
                found.push((number, files::read(&path)?));
            }
        }
        found.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(found)
    }

    fn directory(&self, kind: Kept) -> PathBuf {
        self.path.join(match kind {
            Kept::Agreements => "agreements",
            Kept::Terminals => "terminals",
        })
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write<T: Serialize>(&self, name: &str, content: &T) -> io::Result<()> {
        self.make()?;
        let mut text = serde_json::to_string_pretty(content)?;
        text.push('\n');
        files::replace(&self.path.join(name), text.as_bytes())
    }
}
