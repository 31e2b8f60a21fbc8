//! The directory in which one site's server lives: what is where.
//!
//! ```text
//! site.json              the site: trusted organisations, windows and their lines
//! agreements/1.hispos    every link agreement ever imported
//! devices/1.hispos       every device manifest ever imported
//! terminals/ID.key       key of a software terminal, readable by its owner only
//! site.secret            what order numbers are derived with, readable by its owner only
//! ledger.db              the ledger
//! token, address         of the running server; the token readable by its owner only
//! log/hispos-his.log     rotates
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hispos::crypto::Secret;
use hispos_common::entropy::OsEntropy;
use hispos_common::line::LineConfig;
use hispos_common::{files, keys};
use serde::{Deserialize, Serialize};

/// The directory of one site's server.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
}

/// What `site.json` holds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Fingerprint of the hospital's organisation key, compared out of band once.
    pub his_organisation: Option<String>,
    /// Fingerprint of the POS company's organisation key, compared out of band once.
    pub pos_organisation: Option<String>,
    /// Software terminals and the devices bound to them.
    #[serde(default)]
    pub windows: Vec<Bound>,
}

/// A software terminal bound to a device by a line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The software terminal.
    pub window: String,
    /// The device.
    pub device: String,
    /// How it is reached: see [`parse_line`].
    pub line: String,
}

impl Home {
    /// The home at a path; nothing is read or made.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ledger's file.
    #[must_use]
    pub fn ledger_file(&self) -> PathBuf {
        self.path.join("ledger.db")
    }

    /// Where the server writes its token.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.path.join("token")
    }

    /// Where the server writes the address at which it listens.
    #[must_use]
    pub fn address_file(&self) -> PathBuf {
        self.path.join("address")
    }

    /// The log's newest file; its directory is made if it is missing.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn log_file(&self) -> io::Result<PathBuf> {
        let directory = self.path.join("log");
        fs::create_dir_all(&directory)?;
        Ok(directory.join("hispos-his.log"))
    }

    /// Reads `site.json`; a home without one has no windows and trusts nobody.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`io::ErrorKind::InvalidData`].
    pub fn site(&self) -> io::Result<Site> {
        match fs::read(self.path.join("site.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Site::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces `site.json`.
    ///
    /// # Errors
    ///
    /// What the disk says; the file is then unchanged.
    pub fn write_site(&self, site: &Site) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let mut text = serde_json::to_string_pretty(site)?;
        text.push('\n');
        files::replace(&self.path.join("site.json"), text.as_bytes())
    }

    /// The secret that order numbers are derived with; made at the first call.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn site_secret(&self) -> io::Result<Secret<32>> {
        fs::create_dir_all(&self.path)?;
        keys::load_or_create(&self.path.join("site.secret"), &mut OsEntropy)
    }

    /// Makes the key of a software terminal.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`]: a key is never replaced, a replacement gets a new id.
    pub fn make_terminal_key(&self, window: &str) -> io::Result<Secret<32>> {
        fs::create_dir_all(self.path.join("terminals"))?;
        keys::create(&self.terminal_file(window), &mut OsEntropy)
    }

    /// Reads the key of a software terminal.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn terminal_key(&self, window: &str) -> io::Result<Secret<32>> {
        keys::load(&self.terminal_file(window))
    }

    fn terminal_file(&self, window: &str) -> PathBuf {
        self.path.join("terminals").join(format!("{window}.key"))
    }

    /// Keeps an imported signed file under its number: `agreements` or `devices`.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn keep(&self, kind: &str, number: u32, bytes: &[u8]) -> io::Result<()> {
        let directory = self.path.join(kind);
        fs::create_dir_all(&directory)?;
        files::replace(&directory.join(format!("{number}.hispos")), bytes)
    }

    /// Every imported signed file of a kind, newest first.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn kept(&self, kind: &str) -> io::Result<Vec<(u32, Vec<u8>)>> {
        let entries = match fs::read_dir(self.path.join(kind)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let number = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".hispos"))
                .and_then(|number| number.parse::<u32>().ok());
            if let Some(number) = number {
                found.push((number, files::read(&path)?));
            }
        }
        found.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(found)
    }
}

/// Reads how a device is reached: `serial:/dev/ttyACM0`, `serial:COM3@115200`, `dial:10.0.0.7:9000`,
/// `listen:127.0.0.1:9000`, `pty` or `pty:/path/of/a/link`.
///
/// # Errors
///
/// What is wrong, for people.
pub fn parse_line(text: &str) -> Result<LineConfig, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    match (kind, rest) {
        ("pty", link) => Ok(LineConfig::Pty { link: (!link.is_empty()).then(|| PathBuf::from(link)) }),
        ("serial", port) if !port.is_empty() => {
            let (path, baud) = port.rsplit_once('@').unwrap_or((port, "115200"));
            let baud = baud.parse().map_err(|_| format!("{baud} is no number of bits per second"))?;
            Ok(LineConfig::Serial { path: path.to_owned(), baud })
        }
        ("dial", address) if address.contains(':') => Ok(LineConfig::Dial(address.to_owned())),
        ("listen", address) => {
            let address = address.parse().map_err(|_| format!("{address} is no address with a port"))?;
            Ok(LineConfig::Listen(address))
        }
        _ => Err(format!(
            "{text} is no line: write serial:PORT[@BAUD], dial:HOST:PORT, listen:ADDRESS:PORT or pty[:LINK]"
        )),
    }
}

#[cfg(test)]
mod tests {
    use hispos_common::line::LineConfig;

    use super::{Bound, Home, Site, parse_line};

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let serial = |path: &str, baud| Ok(LineConfig::Serial { path: path.into(), baud });
        assert_eq!(parse_line("serial:COM3"), serial("COM3", 115_200));
        assert_eq!(parse_line("serial:/dev/ttyUSB0@9600"), serial("/dev/ttyUSB0", 9600));
        assert_eq!(parse_line("dial:10.0.0.7:9000"), Ok(LineConfig::Dial("10.0.0.7:9000".into())));
        assert_eq!(parse_line("pty"), Ok(LineConfig::Pty { link: None }));
        for bad in ["", "serial:", "serial:COM3@fast", "dial:host", "listen:host:1", "usb:1"] {
            assert!(parse_line(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_site_is_read_as_it_was_written_and_imports_come_newest_first() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::at(directory.path());
        assert_eq!(home.site().unwrap(), Site::default());
        let bound = Bound { window: "W1".into(), device: "D1".into(), line: "pty".into() };
        let site = Site { windows: vec![bound], ..Site::default() };
        home.write_site(&site).unwrap();
        assert_eq!(home.site().unwrap(), site);
        for number in [1, 10, 9] {
            home.keep("devices", number, &[1]).unwrap();
        }
        let numbers: Vec<u32> = home.kept("devices").unwrap().iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [10, 9, 1]);
    }
}
