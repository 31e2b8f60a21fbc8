//! The line of a pair, seen from its middle: a HIS calls here, and its bytes go on to the POS.
//!
//! What a frame holds is secret; its type is not. So whoever stands here can tell M1 from M2, M3 and records, and when
//! each passed, and is the same for every pair. Nothing is changed, kept back or repeated, but for the first M1 of a
//! stream, which waits until it is this pair's turn.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hispos::frame::{Decoder, FrameType, Side};

use crate::durable::Told;

const CHUNK_BYTES: usize = 4096;
/// Between two calls of a POS that does not listen yet.
const CALL_AGAIN: Duration = Duration::from_millis(20);

/// A frame that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) kind: FrameType,
    pub(super) at: Instant,
}

/// The middle of one line.
pub(super) struct Relay {
    /// Where the HIS calls.
    pub(super) port: u16,
    middle: Arc<Middle>,
}

#[derive(Default)]
struct Middle {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Every frame since the last look.
    passed: Vec<Passed>,
    /// The stream's two ends, while there is one.
    ends: Option<[TcpStream; 2]>,
    /// Its M1 waits.
    holds: bool,
    /// The next M1 goes on at once.
    open: bool,
}

impl Middle {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the state is as wanted.
    fn wait<T>(&self, within: Duration, mut wanted: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let until = Instant::now() + within;
        let mut state = self.state();
        loop {
            if let Some(found) = wanted(&mut state) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Relay {
    /// Listens for a HIS, and calls a POS at this port.
    pub(super) fn start(pos: u16) -> Told<Self> {
        let about = |error: std::io::Error| format!("the line: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(about)?;
        let port = listener.local_addr().map_err(about)?.port();
        let middle = Arc::new(Middle::default());
        let carried = Arc::clone(&middle);
        // Ends with the program.
        thread::spawn(move || {
            loop {
                // The POS first: one that looks for a caller now and then has seen it when a HIS comes.
                let far = call(pos);
                let Ok((near, _)) = listener.accept() else { return };
                if let Err(error) = carry(&near, &far, &carried) {
                    eprintln!("the line: {error}");
                }
            }
        });
        Ok(Self { port, middle })
    }

    /// Lets the M1 that waits go on, once there is one. `false` if none came within the time.
    pub(super) fn let_pass(&self, within: Duration) -> bool {
        let holds = self.middle.wait(within, |state| state.holds.then(|| state.open = true));
        self.middle.changed.notify_all();
        holds.is_some()
    }

    /// Waits for what can be told from the frames that have passed since the last [`Self::forget`].
    pub(super) fn wait<T>(
        &self,
        within: Duration,
        mut wanted: impl FnMut(&[Passed]) -> Option<T>,
    ) -> Option<T> {
        self.middle.wait(within, |state| wanted(&state.passed))
    }

    /// The frames that have passed since the last [`Self::forget`].
    pub(super) fn passed(&self) -> Vec<Passed> {
        self.middle.state().passed.clone()
    }

    /// Begins to look anew.
    pub(super) fn forget(&self) {
        self.middle.state().passed.clear();
    }

    /// Pulls the cable.
    pub(super) fn cut(&self) {
        for end in self.middle.state().ends.take().iter().flatten() {
            // It may have gone already.
            drop(end.shutdown(Shutdown::Both));
        }
    }
}

fn call(pos: u16) -> TcpStream {
    loop {
        match TcpStream::connect(("127.0.0.1", pos)) {
            Ok(stream) => return stream,
            Err(_) => thread::sleep(CALL_AGAIN),
        }
    }
}

/// Carries one stream to its end.
fn carry(near: &TcpStream, far: &TcpStream, middle: &Middle) -> std::io::Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    {
        let mut state = middle.state();
        state.ends = Some([near.try_clone()?, far.try_clone()?]);
        state.open = false;
    }
    thread::scope(|scope| {
        scope.spawn(|| way(far, near, Side::His, middle));
        way(near, far, Side::Pos, middle);
    });
    middle.state().ends = None;
    Ok(())
}

/// Carries one way, until either end is gone; then both are.
fn way(mut from: &TcpStream, mut to: &TcpStream, receiver: Side, middle: &Middle) {
    let mut decoder = Decoder::new(receiver);
    let mut chunk = [0; CHUNK_BYTES];
    let mut first = receiver == Side::Pos;
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        let (mut bytes, mut kinds) = (&chunk[..length], Vec::new());
        while let Some(frame) = decoder.next_frame(&mut bytes) {
            kinds.extend(frame.ok().map(|frame| frame.kind));
        }
        if first && kinds.contains(&FrameType::M1) {
            first = false;
            if !turn(from, middle) {
                break;
            }
        }
        let at = Instant::now();
        middle.state().passed.extend(kinds.into_iter().map(|kind| Passed { kind, at }));
        middle.changed.notify_all();
        if to.write_all(&chunk[..length]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

/// Waits for this pair's turn; the M1 that were repeated meanwhile are dropped. `false` if the HIS is gone.
fn turn(mut from: &TcpStream, middle: &Middle) -> bool {
    middle.state().holds = true;
    middle.changed.notify_all();
    let open = |state: &mut State| (state.open || state.ends.is_none()).then_some(());
    while middle.wait(Duration::from_secs(3_600), open).is_none() {}
    // Who asks next means the next stream.
    middle.state().holds = false;
    let mut repeated = [0; CHUNK_BYTES];
    if from.set_nonblocking(true).is_err() {
        return false;
    }
    let is_gone = matches!(from.read(&mut repeated), Ok(0));
    from.set_nonblocking(false).is_ok() && !is_gone
}

#[cfg(test)]
mod tests {
    use super::{FrameType, Relay};
    use hispos::frame::encode;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    const WITHIN: Duration = Duration::from_secs(20);

    #[test]
    fn an_m1_waits_for_its_turn_on_every_stream_and_the_ones_repeated_meanwhile_are_dropped() {
        let pos = TcpListener::bind("127.0.0.1:0").expect("a port");
        let relay = Relay::start(pos.local_addr().expect("an address").port()).expect("a relay");
        let m1 = encode(FrameType::M1, b"key").expect("a frame").bytes;
        for _ in 0..2 {
            let mut his = TcpStream::connect(("127.0.0.1", relay.port)).expect("a line");
            let (mut far, _) = pos.accept().expect("a call");
            assert!(!relay.let_pass(Duration::ZERO), "nothing waits, not even of the stream before");
            his.write_all(&m1).expect("sent");
            relay.middle.wait(WITHIN, |state| state.holds.then_some(())).expect("held");
            his.write_all(&m1).expect("repeated");
            far.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
            let mut come = [0; 256];
            assert!(far.read(&mut come).is_err(), "it waits");
            relay.forget();
            assert!(relay.let_pass(WITHIN));
            far.set_read_timeout(Some(WITHIN)).expect("a time");
            let length = far.read(&mut come).expect("it has passed");
            assert_eq!(come[..length], m1[..], "once");
            let kinds: Vec<FrameType> = relay.passed().iter().map(|frame| frame.kind).collect();
            assert_eq!(kinds, [FrameType::M1]);
            relay.cut();
            assert_eq!(his.read(&mut come).expect("the end"), 0);
        }
    }
}
