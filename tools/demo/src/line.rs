//! The cable: joins two pseudo-terminals at the pace of a serial line, counts what crosses, and can be pulled.
//!
//! The POS makes a pseudo-terminal of its own; the cable opens it, and offers HIS another one under a name that stays.
//! Pulling closes both from outside the programs, as a pulled plug does.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hispos_common::line::{Line, LineConfig, LineEvent};

/// Bits per second: a byte takes ten of them.
pub(crate) const BAUD: u32 = 115_200;
/// Nanoseconds that a byte takes.
const BYTE_NANOS: u64 = 10_000_000_000 / BAUD as u64;
/// Bytes that are handed on together: 5.5 ms of the line.
const PIECE: usize = 64;
/// How often a direction looks whether it was cut.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Bytes that have crossed, each way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Crossed {
    pub(crate) to_pos: u64,
    pub(crate) to_his: u64,
}

impl Crossed {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            to_pos: self.to_pos.saturating_sub(before.to_pos),
            to_his: self.to_his.saturating_sub(before.to_his),
        }
    }
}

/// Keeps what crosses, as JSON lines with the milliseconds since its beginning: the bytes of the line, as they are.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    file: Arc<File>,
    began: Instant,
}

impl Capture {
    /// A new file in place of an earlier one.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Arc::new(File::create(path)?), began: Instant::now() })
    }

    fn keep(&self, way: usize, piece: &[u8]) {
        let to = if way == 0 { "pos" } else { "his" };
        let bytes: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
        let milliseconds = self.began.elapsed().as_millis();
        // A capture is for reading later: that the disk is full ends nothing.
        drop((&*self.file).write_all(
            format!("{{\"ms\": {milliseconds}, \"to\": \"{to}\", \"bytes\": \"{bytes}\"}}\n").as_bytes(),
        ));
    }
}

/// The cable between the POS and whoever holds its other end.
pub(crate) struct Cable {
    pos: LineConfig,
    capture: Option<Capture>,
    counts: Arc<[AtomicU64; 2]>,
    joined: Option<Joined>,
}

struct Joined {
    cut: Arc<AtomicBool>,
    directions: Vec<JoinHandle<()>>,
}

/// One end of the cable: the line, and which stream is open on it.
struct End {
    line: Line,
    stream: Arc<AtomicU64>,
}

impl Cable {
    /// A cable that is not plugged in; `pos` is the POS's pseudo-terminal.
    pub(crate) fn new(pos: &Path) -> Self {
        Self::to(LineConfig::Serial { path: pos.display().to_string(), baud: BAUD }, None)
    }

    /// A cable that is not plugged in, to a POS on any line; what crosses is kept in `capture`.
    pub(crate) fn to(pos: LineConfig, capture: Option<Capture>) -> Self {
        Self { pos, capture, counts: Arc::default(), joined: None }
    }

    /// Plugs the cable in; the other end opens `name`.
    pub(crate) fn plug(&mut self, name: &Path) -> io::Result<()> {
        self.join(&LineConfig::Pty { link: Some(name.to_owned()) })
    }

    /// Plugs the cable in, with any line as its other end.
    pub(crate) fn join(&mut self, near: &LineConfig) -> io::Result<()> {
        let cut = Arc::new(AtomicBool::new(false));
        let (from_near, near_bytes) = channel();
        let (from_pos, pos_bytes) = channel();
        let near = Arc::new(End::open(near, from_near)?);
        let pos = Arc::new(End::open(&self.pos, from_pos)?);
        let ways = [(near_bytes, Arc::clone(&pos), 0), (pos_bytes, near, 1)];
        let mut directions = Vec::new();
        for (bytes, to, way) in ways {
            let (cut, counts) = (Arc::clone(&cut), Arc::clone(&self.counts));
            let capture = self.capture.clone();
            directions.push(std::thread::spawn(move || {
                let Some(count) = counts.get(way) else { return };
                carry(&bytes, &to, &cut, |piece| {
                    count.fetch_add(u64::try_from(piece.len()).unwrap_or(0), Ordering::Relaxed);
                    if let Some(capture) = &capture {
                        capture.keep(way, piece);
                    }
                });
            }));
        }
        self.joined = Some(Joined { cut, directions });
        Ok(())
    }

    /// Pulls the cable: both ends are closed when this returns.
    pub(crate) fn pull(&mut self) {
        let Some(joined) = self.joined.take() else { return };
        joined.cut.store(true, Ordering::Relaxed);
        for direction in joined.directions {
            drop(direction.join());
        }
    }

    /// What has crossed so far.
    pub(crate) fn crossed(&self) -> Crossed {
        let [to_pos, to_his] = &*self.counts;
        Crossed { to_pos: to_pos.load(Ordering::Relaxed), to_his: to_his.load(Ordering::Relaxed) }
    }
}

impl End {
    fn open(config: &LineConfig, bytes: Sender<Vec<u8>>) -> io::Result<Self> {
        let stream = Arc::new(AtomicU64::new(0));
        let now_open = Arc::clone(&stream);
        let line = Line::start(config, move |event| match event {
            LineEvent::Opened { stream } => {
                now_open.store(stream, Ordering::Relaxed);
                true
            }
            LineEvent::Bytes { bytes: some, .. } => bytes.send(some).is_ok(),
            LineEvent::Closed { .. } | LineEvent::Failed { .. } => true,
        })?;
        Ok(Self { line, stream })
    }
}

/// One direction: hands bytes on at the pace of the line until it is cut.
fn carry(bytes: &Receiver<Vec<u8>>, to: &End, cut: &AtomicBool, crossed: impl Fn(&[u8])) {
    let mut free_at = Instant::now();
    while !cut.load(Ordering::Relaxed) {
        let some = match bytes.recv_timeout(LOOK_EVERY) {
            Ok(some) => some,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        for piece in some.chunks(PIECE) {
            let length = u64::try_from(piece.len()).unwrap_or(0);
            free_at = free_at.max(Instant::now()) + Duration::from_nanos(BYTE_NANOS.saturating_mul(length));
            std::thread::sleep(free_at.saturating_duration_since(Instant::now()));
            if cut.load(Ordering::Relaxed) {
                return;
            }
            to.line.write(to.stream.load(Ordering::Relaxed), piece.to_vec());
            crossed(piece);
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.pull();
    }
}

#[cfg(test)]
mod tests {
    use super::{BAUD, Cable};
    use hispos_common::line::{Line, LineConfig, LineEvent};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::{Duration, Instant};

    const WITHIN: Duration = Duration::from_secs(20);

    fn start(config: &LineConfig) -> (Line, Receiver<LineEvent>) {
        let (sender, events) = channel();
        (Line::start(config, move |event| sender.send(event).is_ok()).unwrap(), events)
    }

    fn opened(events: &Receiver<LineEvent>) -> u64 {
        loop {
            if let LineEvent::Opened { stream } = events.recv_timeout(WITHIN).unwrap() {
                return stream;
            }
        }
    }

    fn take(events: &Receiver<LineEvent>, wanted: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < wanted {
            if let LineEvent::Bytes { bytes, .. } = events.recv_timeout(WITHIN).unwrap() {
                all.extend(bytes);
            }
        }
        all
    }

    #[test]
    fn bytes_cross_both_ways_at_the_pace_of_the_line_until_it_is_pulled() {
        let home = tempfile::tempdir().unwrap();
        let (pos_name, his_name) = (home.path().join("pos"), home.path().join("his"));
        let (pos, pos_events) = start(&LineConfig::Pty { link: Some(pos_name.clone()) });
        let mut cable = Cable::new(&pos_name);
        cable.plug(&his_name).unwrap();
        let (his, his_events) =
            start(&LineConfig::Serial { path: his_name.display().to_string(), baud: BAUD });
        let (pos_stream, his_stream) = (opened(&pos_events), opened(&his_events));

        let sent: Vec<u8> = (0..=255).cycle().take(2304).collect();
        let began = Instant::now();
        his.write(his_stream, sent.clone());
        assert_eq!(take(&pos_events, sent.len()), sent);
        assert!(began.elapsed() >= Duration::from_millis(199), "2304 bytes take 200 ms");
        pos.write(pos_stream, vec![7; 100]);
        assert_eq!(take(&his_events, 100), [7; 100]);
        let crossed = cable.crossed();
        assert_eq!((crossed.to_pos, crossed.to_his), (2304, 100));

        cable.pull();
        let closed = |events: &Receiver<LineEvent>| {
            events.iter().any(|event| matches!(event, LineEvent::Closed { .. }))
        };
        assert!(closed(&pos_events) && closed(&his_events));
        cable.plug(&his_name).unwrap();
        assert_eq!((opened(&pos_events), opened(&his_events)), (2, 2));
    }
}
