//! The directory in which a program lives: settings as JSON, signed files that were imported, the log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files;

/// The directory of one program.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// The kinds of signed files that are kept, each in a directory of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// Link agreements, by their number.
    Agreements,
    /// Device manifests, by their serial.
    Devices,
    /// Terminal manifests, by their serial.
    Terminals,
}

impl Folder {
    /// The directory at a path; nothing is read or made.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where something in it is.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a directory in it, and says where it is; `""` makes the directory itself.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn make(&self, name: &str) -> io::Result<PathBuf> {
        let directory = self.path.join(name);
        fs::create_dir_all(&directory)?;
        Ok(directory)
    }

    /// Reads a JSON file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`io::ErrorKind::InvalidData`].
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces a JSON file.
    ///
    /// # Errors
    ///
    /// What the disk says; the file is then unchanged.
    pub fn write<T: Serialize>(&self, name: &str, content: &T) -> io::Result<()> {
        self.make("")?;
        let mut text = serde_json::to_string_pretty(content)?;
        text.push('\n');
        files::replace(&self.path.join(name), text.as_bytes())
    }

    //= spec-crate/spec/books.md#how-long-books-are-kept
    //# A HIS MUST keep every device key that it ever accepted, with the time for which it held.
    /// Keeps an imported signed file under its number.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn keep(&self, kind: Kept, number: u32, bytes: &[u8]) -> io::Result<()> {
        //= spec-crate/spec/provisioning.md#signed-files
        //# A program MUST keep an imported file byte for byte, and verify it again at each start.
        //= spec-crate/spec/provisioning.md#taking-an-agreement-over
        //# A program MUST keep every agreement that it ever took over for as long as its book.
        files::replace(&self.make(kind.directory())?.join(format!("{number}.hispos")), bytes)
    }

    /// Every imported signed file of a kind with its number, newest first.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn kept(&self, kind: Kept) -> io::Result<Vec<(u32, Vec<u8>)>> {
        let entries = match fs::read_dir(self.path.join(kind.directory())) {
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

    /// The newest file of a program's log; its directory is made if it is missing.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn log_file(&self, program: &str) -> io::Result<PathBuf> {
        Ok(self.make("log")?.join(format!("{program}.log")))
    }
}

impl Kept {
    fn directory(self) -> &'static str {
        match self {
            Self::Agreements => "agreements",
            Self::Devices => "devices",
            Self::Terminals => "terminals",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Folder, Kept};

    //= spec-crate/spec/books.md#how-long-books-are-kept
    //= type=test
    //# A HIS MUST keep every device key that it ever accepted, with the time for which it held.
    #[test]
    fn imports_come_newest_first_by_number_and_each_kind_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::at(directory.path());
        assert!(folder.kept(Kept::Devices).unwrap().is_empty());
        for number in [1, 10, 9] {
            folder.keep(Kept::Devices, number, &[1]).unwrap();
        }
        let numbers: Vec<u32> =
            folder.kept(Kept::Devices).unwrap().iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [10, 9, 1]);
        assert!(folder.kept(Kept::Terminals).unwrap().is_empty());
    }

    #[test]
    fn settings_are_read_as_they_were_written_and_may_be_missing() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::at(&directory.path().join("made"));
        assert_eq!(folder.read::<u32>("n.json").unwrap(), None);
        folder.write("n.json", &7_u32).unwrap();
        assert_eq!(folder.read("n.json").unwrap(), Some(7_u32));
    }
}
