//! Files that commands read and write, and what is wrong with them.

use std::path::Path;

use hispos::message::signed_file::SignedFile;
use hispos_common::exit::Exit;
use hispos_common::files;
use hispos_common::output::Failure;

pub(super) fn read(path: &Path) -> Result<SignedFile, Failure> {
    let bytes = files::read(path).map_err(about(path))?;
    SignedFile::decode(&bytes).map_err(about(path))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    files::replace(path, bytes).map_err(about(path))
}

/// What is wrong with a file.
pub(super) fn about<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Failure {
    Failure::about(Exit::Usage, path.display().to_string())
}
