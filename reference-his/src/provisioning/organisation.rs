//! Organisation keys: made once, kept offline in a directory, and compared by their fingerprint.

use std::io;
use std::path::Path;

use hispos::crypto::Secret;
use hispos::message::signed_file::OrganisationKey;
use hispos_common::entropy::OsEntropy;
use hispos_common::{files, keys};
use serde::{Deserialize, Serialize};

/// What may be shown of an organisation: `organisation.json`, sent to the other one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Its name, for people.
    pub name: String,
    /// Its Ed25519 public key, in hexadecimal.
    pub public_key: String,
    /// For comparing out of band.
    pub fingerprint: String,
}

/// Makes an organisation's key in a new directory.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if there is one.
pub fn create(directory: &Path, name: &str) -> io::Result<Organisation> {
    std::fs::create_dir_all(directory)?;
    let seed = keys::create(&directory.join("organisation.key"), &mut OsEntropy)?;
    let key = OrganisationKey::of(&seed);
    let organisation = Organisation {
        name: name.to_owned(),
        public_key: hex(key.as_bytes()),
        fingerprint: key.fingerprint(),
    };
    let mut text = serde_json::to_string_pretty(&organisation)?;
    text.push('\n');
    files::replace(&directory.join("organisation.json"), text.as_bytes())?;
    Ok(organisation)
}

/// Reads an organisation's key, for signing.
///
/// # Errors
///
/// What the disk says.
pub fn seed(directory: &Path) -> io::Result<Secret<32>> {
    keys::load(&directory.join("organisation.key"))
}

/// Reads a public key of 32 bytes in hexadecimal.
///
/// # Errors
///
/// What is wrong, for people.
pub fn public_key(text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("{text} is no public key: write 64 hexadecimal digits");
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    if text.len() != 64 || digits.len() != 64 {
        return Err(wrong());
    }
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte: u8, digit| byte << 4 | digit)).collect();
    <[u8; 32]>::try_from(bytes).map_err(|_| wrong())
}

/// Whether a fingerprint is the one that people compared: spaces and case do not count.
#[must_use]
pub fn same_fingerprint(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        text.chars()
            .filter(char::is_ascii_hexdigit)
            .map(|digit| digit.to_ascii_uppercase())
            .collect::<String>()
    };
    let one = plain(one);
    one.len() == 32 && one == plain(other)
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{create, hex, public_key, same_fingerprint, seed};

    #[test]
    fn an_organisation_is_made_once_and_its_public_half_is_written_beside() {
        let home = tempfile::tempdir().unwrap();
        let made = create(home.path(), "hospital").unwrap();
        assert!(create(home.path(), "hospital").is_err());
        let key = hispos::message::signed_file::OrganisationKey::of(&seed(home.path()).unwrap());
        assert_eq!(public_key(&made.public_key).unwrap(), *key.as_bytes());
        assert!(same_fingerprint(&made.fingerprint, &key.fingerprint().to_lowercase().replace(' ', "")));
    }

    #[test]
    fn what_is_no_key_and_no_fingerprint_is_refused() {
        assert!(public_key("00").is_err());
        assert!(public_key(&"g".repeat(64)).is_err());
        assert!(public_key(&format!("{}zz", "00".repeat(31))).is_err());
        assert_eq!(hex(&public_key(&"0aF1".repeat(16)).unwrap()), "0af1".repeat(16));
        assert!(!same_fingerprint("AB", "AB"));
    }
}
