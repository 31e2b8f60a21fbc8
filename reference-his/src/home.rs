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

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use hispos::crypto::Secret;
use hispos_common::entropy::OsEntropy;
use hispos_common::folder::Folder;
use hispos_common::keys;
use hispos_common::line::LineConfig;
use serde::{Deserialize, Serialize};

/// The directory of one site's server.
#[derive(Clone, Debug)]
pub struct Home(Folder);

/// What `site.json` holds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Fingerprint of the hospital's organisation key, compared out of band once.
    pub his_organisation: Option<String>,
    /// Fingerprint of the POS company's organisation key, compared out of band once.
    pub pos_organisation: Option<String>,
    /// Pairs that people compared before one of the keys was replaced: agreements held under them stay valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_organisations: Vec<Compared>,
    /// Software terminals and the devices bound to them.
    #[serde(default)]
    pub windows: Vec<Bound>,
}

/// Fingerprints of both organisation keys, compared out of band.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The hospital's.
    pub his_organisation: String,
    /// The POS company's.
    pub pos_organisation: String,
}

impl Site {
    /// The pair of fingerprints that is trusted now, once people have compared both.
    #[must_use]
    pub fn compared(&self) -> Option<Compared> {
        let (his_organisation, pos_organisation) =
            self.his_organisation.clone().zip(self.pos_organisation.clone())?;
        Some(Compared { his_organisation, pos_organisation })
    }
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

    /// The ledger's file.
    #[must_use]
    pub fn ledger_file(&self) -> PathBuf {
        self.join("ledger.db")
    }

    /// Where the server writes its token.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.join("token")
    }

    /// Where the server writes the address at which it listens.
    #[must_use]
    pub fn address_file(&self) -> PathBuf {
        self.join("address")
    }

    /// Reads `site.json`; a home without one has no windows and trusts nobody.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`io::ErrorKind::InvalidData`].
    pub fn site(&self) -> io::Result<Site> {
        Ok(self.read("site.json")?.unwrap_or_default())
    }

    /// Replaces `site.json`.
    ///
    /// # Errors
    ///
    /// What the disk says; the file is then unchanged.
    pub fn write_site(&self, site: &Site) -> io::Result<()> {
        self.write("site.json", site)
    }

    /// The secret that order numbers are derived with; made at the first call.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn site_secret(&self) -> io::Result<Secret<32>> {
        keys::load_or_create(&self.make("")?.join("site.secret"), &mut OsEntropy)
    }

    /// Makes the key of a software terminal.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`]: a key is never replaced, a replacement gets a new id.
    pub fn make_terminal_key(&self, window: &str) -> io::Result<Secret<32>> {
        self.make("terminals")?;
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
        self.join("terminals").join(format!("{window}.key"))
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
            //= spec-crate/spec/framing.md#the-line
            //# A sender on a serial line MUST use 115,200 baud unless both ends of the line are configured
            //# for another rate.
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

    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# A sender on a serial line MUST use 115,200 baud unless both ends of the line are configured for
    //# another rate.
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
    fn a_site_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::at(directory.path());
        assert_eq!(home.site().unwrap(), Site::default());
        let bound = Bound { window: "W1".into(), device: "D1".into(), line: "pty".into() };
        let site = Site { windows: vec![bound], ..Site::default() };
        home.write_site(&site).unwrap();
        assert_eq!(home.site().unwrap(), site);
    }
}
