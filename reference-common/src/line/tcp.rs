//! TCP: either end may listen, the other calls and calls again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::stream::{Attempt, LOOK_EVERY, Stream};

/// A caller waits until the stream before it has been silent for so long.
const SILENT: Duration = Duration::from_millis(hispos::timers::SILENT);
/// For one address to answer a call.
const CONNECT: Duration = Duration::from_secs(5);

/// Waits for calls.
pub(super) struct Listener {
    listener: TcpListener,
    waiting: Option<TcpStream>,
}

impl Listener {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, waiting: None })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(super) fn accept(&mut self) -> Attempt {
        let called = self.waiting.take().map_or_else(|| self.listener.accept().map(|(stream, _)| stream), Ok);
        match called {
            Ok(stream) => streams(&stream).map_or_else(
                |error| Attempt::Failed { why: error.to_string(), wait: LOOK_EVERY },
                Attempt::Open,
            ),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(LOOK_EVERY);
                Attempt::NotYet
            }
            Err(error) => Attempt::Failed { why: error.to_string(), wait: LOOK_EVERY },
        }
    }

    /// Takes a second call, and says whether it should replace the stream that is open: only when that one is
    /// silent, or anybody could end a session by calling. The newest caller waits, earlier ones are closed.
    pub(super) fn another_waits(&mut self, silent: Duration) -> bool {
        while let Ok((stream, _)) = self.listener.accept() {
            self.waiting = Some(stream);
        }
        //= spec-crate/spec/framing.md#the-line
        //# A listening end MUST NOT close a stream because another connection was accepted, unless no byte
        //# arrived on that stream for 25 s (SILENT) or an M3 of the same peer was verified on the other
        //# connection.
        self.waiting.is_some() && silent >= SILENT
    }
}

/// Calls, and calls again: after a wait that grows until a call brings bytes.
pub(super) struct Dialer {
    address: String,
    wait: u64,
}

impl Dialer {
    pub(super) fn new(address: String) -> Self {
        Self { address, wait: hispos::timers::REDIAL_FIRST }
    }

    pub(super) fn dial(&mut self) -> Attempt {
        match connect(&self.address).and_then(|stream| streams(&stream)) {
            Ok(stream) => Attempt::Open(stream),
            Err(error) => {
                Attempt::Failed { why: format!("{}: {error}", self.address), wait: self.next_wait() }
            }
        }
    }

    /// A stream has ended; says how long to wait before the next call. A peer that accepts and says nothing is none.
    pub(super) fn ended(&mut self, heard: bool) -> Duration {
        if heard {
            //= spec-crate/spec/framing.md#the-line
            //# An end that dials a TCP stream MUST count failed dials from 1 again after a byte came in on a
            //# stream that it dialled.
            self.wait = hispos::timers::REDIAL_FIRST;
            return Duration::ZERO;
        }
        self.next_wait()
    }

    fn next_wait(&mut self) -> Duration {
        //= spec-crate/spec/framing.md#the-line
        //# An end that dials a TCP stream MUST wait after the n-th dial in a row that failed, counting from
        //# 1, for a time drawn evenly from w/2 to w, where w is 1 s (REDIAL_FIRST) doubled n-1 times and at
        //# most 30 s (REDIAL_LAST).
        let wait = jittered(self.wait);
        //= spec-crate/spec/framing.md#the-line
        //# An end that dials a TCP stream MUST wait after the n-th dial in a row that failed, counting from
        //# 1, for a time drawn evenly from w/2 to w, where w is 1 s (REDIAL_FIRST) doubled n-1 times and at
        //# most 30 s (REDIAL_LAST).
        self.wait = self.wait.saturating_mul(2).min(hispos::timers::REDIAL_LAST);
        Duration::from_millis(wait)
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn streams(stream: &TcpStream) -> io::Result<Stream> {
    stream.set_nonblocking(false)?;
    //= spec-crate/spec/framing.md#the-line
    //# An end of a TCP stream MUST switch off the delay of small segments (the option TCP_NODELAY).
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK_EVERY))?;
    stream.set_write_timeout(Some(LOOK_EVERY))?;
    Ok(Stream { read: Box::new(stream.try_clone()?), write: Box::new(stream.try_clone()?) })
}

/// From half the wait to all of it: many ends that lost the same peer do not come back at once.
fn jittered(wait: u64) -> u64 {
    // No secret depends on it, so the hasher's seed is random enough.
    let half = wait / 2;
    //= spec-crate/spec/framing.md#the-line
    //# An end that dials a TCP stream MUST wait after the n-th dial in a row that failed, counting from 1,
    //# for a time drawn evenly from w/2 to w, where w is 1 s (REDIAL_FIRST) doubled n-1 times and at most 30
    //# s (REDIAL_LAST).
    half.saturating_add(RandomState::new().build_hasher().finish() % half.max(1))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::{Attempt, Dialer, Listener, jittered, streams};

    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# A listening end MUST NOT close a stream because another connection was accepted, unless no byte
    //# arrived on that stream for 25 s (SILENT) or an M3 of the same peer was verified on the other
    //# connection.
    #[test]
    fn another_caller_takes_over_only_from_a_stream_that_was_silent_for_25_seconds() {
        let mut listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        assert!(!listener.another_waits(Duration::from_secs(25)), "nobody calls");
        let _caller = TcpStream::connect(listener.address().unwrap()).unwrap();
        assert!(!listener.another_waits(Duration::from_millis(24_999)));
        assert!(listener.another_waits(Duration::from_secs(25)));
    }

    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# An end of a TCP stream MUST switch off the delay of small segments (the option TCP_NODELAY).
    #[test]
    fn a_stream_has_no_delay_of_small_segments() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _halves = streams(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
    }

    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# An end that dials a TCP stream MUST wait after the n-th dial in a row that failed, counting from 1,
    //# for a time drawn evenly from w/2 to w, where w is 1 s (REDIAL_FIRST) doubled n-1 times and at most 30
    //# s (REDIAL_LAST).
    #[test]
    fn a_redial_waits_from_half_the_time_to_all_of_it() {
        for wait in [1000, 2000, 30_000] {
            for _ in 0..50 {
                assert!((wait / 2..=wait).contains(&jittered(wait)));
            }
        }
    }

    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# An end that dials a TCP stream MUST wait after the n-th dial in a row that failed, counting from 1,
    //# for a time drawn evenly from w/2 to w, where w is 1 s (REDIAL_FIRST) doubled n-1 times and at most 30
    //# s (REDIAL_LAST).
    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# An end that dials a TCP stream MUST count failed dials from 1 again after a byte came in on a stream
    //# that it dialled.
    #[test]
    fn the_wait_grows_with_each_call_that_brought_no_byte_and_begins_again_after_one_that_did() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut dialer = Dialer::new(listener.local_addr().unwrap().to_string());
        for round in 0..2 {
            for wait in [1000, 2000, 4000] {
                assert!(matches!(dialer.dial(), Attempt::Open(_)));
                let waited = dialer.ended(false).as_millis();
                assert!((wait / 2..=wait).contains(&waited), "round {round}: {waited} of {wait}");
            }
            assert!(dialer.ended(true).is_zero());
        }
    }
}
