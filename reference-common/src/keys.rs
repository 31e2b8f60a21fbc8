//! Secrets of this machine: made where they are used, readable by their owner only, never exported.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use hispos::crypto::{Entropy, Secret};

//= spec-crate/spec/privacy.md#keys-and-secrets
//# A HIS and a POS MUST make the keys of terminals and devices on the machine that uses them, and offer no
//# way to export them.
/// Makes a secret and writes it to a new file. An existing file is never touched.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if there is one, or what the disk says.
pub fn create(path: &Path, entropy: &mut dyn Entropy) -> io::Result<Secret<32>> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let secret = Secret::new(bytes);
    let mut options = OpenOptions::new();
    //= spec-crate/spec/provisioning.md#certificates-of-keys
    //# A device or a terminal MUST make its key pair on the machine that uses it, and never export the
    //# private key.
    options.write(true).create_new(true);
    //= spec-crate/spec/privacy.md#keys-and-secrets
    //# A HIS and a POS MUST keep private keys, the site secret and platform credentials in files that only
    //# the account of the program can read.
    owner_only(&mut options);
    let mut file = options.open(path)?;
    file.write_all(secret.expose())?;
    file.sync_all()?;
    Ok(secret)
}

/// Reads a secret.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`] if others can read it (where the system can tell),
/// [`io::ErrorKind::InvalidData`] if it is not of 32 bytes, or what the disk says.
pub fn load(path: &Path) -> io::Result<Secret<32>> {
    let mut file = File::open(path)?;
    //= spec-crate/spec/privacy.md#keys-and-secrets
    //# A HIS and a POS MUST keep private keys, the site secret and platform credentials in files that only
    //# the account of the program can read.
    check_owner_only(&file)?;
    let mut bytes = zeroize::Zeroizing::new([0; 33]);
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            count => read += count,
        }
    }
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "a key file holds exactly 32 bytes");
    let secret = bytes.first_chunk::<32>().filter(|_| read == 32).ok_or_else(wrong)?;
    Ok(Secret::new(*secret))
}

/// Reads a secret, or makes it if there is none.
///
/// # Errors
///
/// As [`load`] and [`create`].
pub fn load_or_create(path: &Path, entropy: &mut dyn Entropy) -> io::Result<Secret<32>> {
    match create(path, entropy) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path),
        made => made,
    }
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

/// Windows: a new file inherits the rights of its directory, which belongs to the account of the program.
#[cfg(not(unix))]
fn owner_only(_options: &mut OpenOptions) {}

/// Refuses a file with a secret that others than its owner can read, where the system can tell.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`].
#[cfg(unix)]
pub fn check_owner_only(file: &File) -> io::Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions());
    if mode & 0o077 != 0 {
        let why = format!("others can read this secret (mode {:o}): chmod 600", mode & 0o777);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(())
}

/// Windows: a file has the rights of its directory, which belongs to the account of the program.
///
/// # Errors
///
/// None here.
#[cfg(not(unix))]
pub fn check_owner_only(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{create, load, load_or_create};
    use crate::entropy::OsEntropy;
    use std::io::ErrorKind;

    //= spec-crate/spec/privacy.md#keys-and-secrets
    //= type=test
    //# A HIS and a POS MUST make the keys of terminals and devices on the machine that uses them, and offer
    //# no way to export them.
    #[test]
    fn a_key_is_made_once_and_read_back() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("device.key");
        let made = load_or_create(&path, &mut OsEntropy).unwrap();
        assert_eq!(load_or_create(&path, &mut OsEntropy).unwrap().expose(), made.expose());
        assert_eq!(create(&path, &mut OsEntropy).err().unwrap().kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let home = tempfile::tempdir().unwrap();
        for length in [0, 31, 33] {
            let path = home.path().join(format!("{length}.key"));
            create(&path, &mut OsEntropy).unwrap();
            std::fs::write(&path, vec![7; length]).unwrap();
            assert_eq!(load(&path).err().unwrap().kind(), ErrorKind::InvalidData, "{length} bytes");
        }
    }

    //= spec-crate/spec/privacy.md#keys-and-secrets
    //= type=test
    //# A HIS and a POS MUST keep private keys, the site secret and platform credentials in files that only
    //# the account of the program can read.
    #[test]
    #[cfg(unix)]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("device.key");
        create(&path, &mut OsEntropy).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(load(&path).err().unwrap().kind(), ErrorKind::PermissionDenied);
    }
}
