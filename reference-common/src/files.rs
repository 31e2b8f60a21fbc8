//! Signed files that travel: `.hispos` as bytes, or armoured for mail.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use hispos::limits::SIGNED_FILE_BYTES_MAX;

/// Reads a signed file, armoured or not; what it says is not checked.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] if it is longer than a signed file can be, or what the disk says.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Armour takes 4 bytes for 3, and its lines.
    let bytes_max = u64::try_from(SIGNED_FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_mul(2);
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than a signed file can be"));
    }
    Ok(bytes)
}

/// Replaces a file as a whole: after a crash it holds the old bytes or the new ones.
///
/// # Errors
///
/// What the disk says; the file is then unchanged.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = Path::new(&name);
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(beside, path)?;
    if cfg!(unix) {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
