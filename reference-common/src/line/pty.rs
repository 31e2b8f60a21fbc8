//! Pseudo-terminals: a serial line between two programs of one machine.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::stream::{Attempt, LOOK_EVERY, Stream};

/// The near end of a pseudo-terminal.
pub(super) struct Pty {
    near: OwnedFd,
    path: String,
}

impl Pty {
    pub(super) fn make() -> io::Result<Self> {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&near)?;
        unlockpt(&near)?;
        let path = ptsname(&near, Vec::new())?
            .into_string()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a pseudo-terminal without a name"))?;
        // The settings stay with the pair, so the far end need not be raw by itself.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let far = rustix::fs::open(&path, flags, rustix::fs::Mode::empty())?;
        let mut settings = tcgetattr(&far)?;
        //= spec-crate/spec/framing.md#the-line
        //# A sender on a serial line MUST use 8 data bits, no parity, 1 stop bit, raw mode without
        //# translation of any byte, and no flow control.
        settings.make_raw();
        tcsetattr(&far, OptionalActions::Now, &settings)?;
        // Both halves share it: a far end that reads nothing must not hold the writing thread for ever.
        let flags = rustix::fs::fcntl_getfl(&near)?;
        rustix::fs::fcntl_setfl(&near, flags | OFlags::NONBLOCK)?;
        Ok(Self { near, path })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Waits a little for the far end to be opened.
    pub(super) fn wait(&self) -> Attempt {
        let streams = || -> io::Result<Stream> {
            let (read, write) = (self.near.try_clone()?, self.near.try_clone()?);
            let half = |fd| Box::new(NearEnd(File::from(fd)));
            Ok(Stream { read: half(read), write: half(write) })
        };
        // As long as nobody has the far end open, the near end is hung up, and `poll` returns at once.
        let mut fds = [PollFd::new(&self.near, PollFlags::IN)];
        let hung_up = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))
            .map(|_| fds.iter().any(|fd| fd.revents().contains(PollFlags::HUP)));
        match hung_up {
            Ok(false) => streams().map_or_else(failed, Attempt::Open),
            Ok(true) => {
                std::thread::sleep(LOOK_EVERY / 5);
                Attempt::NotYet
            }
            Err(error) => failed(error.into()),
        }
    }
}

fn failed(error: io::Error) -> Attempt {
    Attempt::Failed { why: error.to_string(), wait: LOOK_EVERY }
}

/// Reads and writes with a time-out, and takes a hung-up far end for the end of the stream.
struct NearEnd(File);

impl NearEnd {
    /// What the near end is ready for, or has become ready for within a while.
    fn ready(&self, wanted: PollFlags) -> io::Result<PollFlags> {
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::try_from(LOOK_EVERY.as_nanos()).unwrap_or(0) };
        let mut fds = [PollFd::new(&self.0, wanted)];
        poll(&mut fds, Some(&wait))?;
        Ok(fds.iter().fold(PollFlags::empty(), |all, fd| all | fd.revents()))
    }
}

impl Read for NearEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.ready(PollFlags::IN)?;
        if ready.contains(PollFlags::IN) {
            return match self.0.read(buffer) {
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(0),
                other => other,
            };
        }
        if ready.contains(PollFlags::HUP) { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl Write for NearEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let ready = self.ready(PollFlags::OUT)?;
        if ready.contains(PollFlags::HUP) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if ready.contains(PollFlags::OUT) {
            self.0.write(bytes)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A symbolic link to a pseudo-terminal, removed with it.
#[derive(Debug)]
pub(super) struct PtyLink(PathBuf);

impl PtyLink {
    pub(super) fn make(target: &str, link: &Path) -> io::Result<Self> {
        // An older link, left by a program that was killed; never a file.
        if link.is_symlink() {
            std::fs::remove_file(link)?;
        }
        std::os::unix::fs::symlink(target, link)?;
        Ok(Self(link.to_owned()))
    }
}

impl Drop for PtyLink {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}
