//! Lines that vanish and return.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hispos_common::line::{Line, LineConfig, LineEvent};

/// Far above what anything here takes; reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(20);

struct End {
    line: Line,
    events: Receiver<LineEvent>,
}

impl End {
    fn start(config: &LineConfig) -> Self {
        let (sender, events) = channel();
        let line = Line::start(config, move |event| sender.send(event).is_ok()).unwrap();
        Self { line, events }
    }

    fn next(&self) -> LineEvent {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    /// The number of the next stream, past failures to open it.
    fn opened(&self) -> u64 {
        loop {
            match self.next() {
                LineEvent::Opened { stream } => return stream,
                LineEvent::Failed { .. } => {}
                other => panic!("opened was expected, not {other:?}"),
            }
        }
    }

    fn closed(&self) -> u64 {
        loop {
            match self.next() {
                LineEvent::Closed { stream, .. } => return stream,
                LineEvent::Bytes { .. } => {}
                other => panic!("closed was expected, not {other:?}"),
            }
        }
    }

    fn expect(&self, expected: &[u8]) {
        let mut got = Vec::new();
        while got.len() < expected.len() {
            match self.next() {
                LineEvent::Bytes { bytes, .. } => got.extend(bytes),
                other => panic!("bytes were expected, not {other:?}"),
            }
        }
        assert_eq!(got, expected);
    }
}

/// Every byte value, so that a terminal in cooked mode or with flow control would show.
fn all_bytes() -> Vec<u8> {
    (0..=255).chain((0..=255).rev()).collect()
}

fn listen() -> LineConfig {
    LineConfig::Listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

fn both_ways(near: (&End, u64), far: (&End, u64)) {
    near.0.line.write(near.1, all_bytes());
    far.0.expect(&all_bytes());
    far.0.line.write(far.1, all_bytes());
    near.0.expect(&all_bytes());
}

//= spec-crate/spec/framing.md#the-line
//= type=test
//# A sender on a serial line MUST use 8 data bits, no parity, 1 stop bit, raw mode without translation of any
//# byte, and no flow control.
//= spec-crate/spec/framing.md#the-line
//= type=test
//# An end of a serial line MUST NOT depend on the level of DTR, RTS, DSR, CTS or carrier detect.
#[test]
#[cfg(unix)]
fn a_pseudo_terminal_carries_every_byte_and_survives_its_far_end() {
    let near = End::start(&LineConfig::Pty { link: None });
    let serial = LineConfig::Serial { path: near.line.path().into(), baud: 115_200 };
    for round in 1..=2 {
        let far = End::start(&serial);
        let streams = (near.opened(), far.opened());
        assert_eq!(streams, (round, 1));
        both_ways((&near, streams.0), (&far, streams.1));
        drop(far);
        assert_eq!(near.closed(), round);
    }
}

//= spec-crate/spec/framing.md#the-line
//= type=test
//# A sender on a serial line MUST wait 250 ms (LINE_SETTLE) between opening the port and its first byte.
#[test]
#[cfg(unix)]
fn a_serial_port_settles_for_250_ms_before_anything_is_written() {
    let near = End::start(&LineConfig::Pty { link: None });
    let opened = std::time::Instant::now();
    let far = End::start(&LineConfig::Serial { path: near.line.path().into(), baud: 115_200 });
    far.opened();
    assert!(opened.elapsed() >= Duration::from_millis(250));
}

#[test]
#[cfg(unix)]
fn a_serial_port_that_is_pulled_is_opened_again_by_its_stable_name() {
    let home = tempfile::tempdir().unwrap();
    let link = home.path().join("port");
    let far = End::start(&LineConfig::Serial { path: link.to_str().unwrap().into(), baud: 9600 });
    assert!(matches!(far.next(), LineEvent::Failed { .. }));
    for round in 1..=2 {
        let near = End::start(&LineConfig::Pty { link: Some(link.clone()) });
        let streams = (near.opened(), far.opened());
        assert_eq!(streams, (1, round));
        both_ways((&near, streams.0), (&far, streams.1));
        drop(near);
        assert_eq!(far.closed(), round);
        assert!(!link.is_symlink());
    }
}

#[test]
fn a_tcp_line_returns_after_either_end_was_gone() {
    let listener = End::start(&listen());
    let dial = LineConfig::Dial(listener.line.path().into());
    for round in 1..=2 {
        let caller = End::start(&dial);
        let streams = (listener.opened(), caller.opened());
        assert_eq!(streams, (round, 1));
        both_ways((&listener, streams.0), (&caller, streams.1));
        if round == 1 {
            drop(caller);
            assert_eq!(listener.closed(), 1);
        } else {
            // The caller calls again by itself when the listener closes the stream.
            listener.line.close(streams.0);
            assert_eq!((listener.closed(), caller.closed()), (2, 1));
            let streams = (listener.opened(), caller.opened());
            assert_eq!(streams, (3, 2));
            both_ways((&listener, streams.0), (&caller, streams.1));
        }
    }
}

//= spec-crate/spec/framing.md#the-line
//= type=test
//# A listening end MUST NOT close a stream because another connection was accepted, unless no byte arrived on
//# that stream for 25 s (SILENT) or an M3 of the same peer was verified on the other connection.
#[test]
fn a_second_caller_does_not_end_the_stream_of_the_first() {
    let listener = End::start(&listen());
    let dial = LineConfig::Dial(listener.line.path().into());
    let first = End::start(&dial);
    let streams = (listener.opened(), first.opened());
    let second = End::start(&dial);
    second.opened();
    both_ways((&listener, streams.0), (&first, streams.1));
    drop(first);
    // The second one has waited, and is served now.
    assert_eq!((listener.closed(), listener.opened()), (1, 2));
    both_ways((&listener, 2), (&second, 1));
}

#[test]
fn bytes_for_a_stream_that_is_gone_do_not_reach_the_next_one() {
    let listener = End::start(&listen());
    let dial = LineConfig::Dial(listener.line.path().into());
    let first = End::start(&dial);
    assert_eq!((listener.opened(), first.opened()), (1, 1));
    drop(first);
    assert_eq!(listener.closed(), 1);
    let second = End::start(&dial);
    assert_eq!((listener.opened(), second.opened()), (2, 1));
    listener.line.write(1, b"late".to_vec());
    listener.line.write(2, b"now".to_vec());
    second.expect(b"now");
}

#[test]
fn an_end_that_reads_nothing_loses_the_stream_and_does_not_hold_up_the_writer() {
    let listener = End::start(&listen());
    // Never read from.
    let silent = std::net::TcpStream::connect(listener.line.path()).unwrap();
    let stream = listener.opened();
    for _ in 0..2000 {
        listener.line.write(stream, vec![0; 8192]);
    }
    assert_eq!(listener.closed(), stream);
    drop(silent);
}

#[test]
fn a_peer_that_accepts_and_closes_is_not_called_again_at_once() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let caller = End::start(&LineConfig::Dial(listener.local_addr().unwrap().to_string()));
    drop(listener.accept().unwrap());
    assert_eq!((caller.opened(), caller.closed()), (1, 1));
    let closed = std::time::Instant::now();
    drop(listener.accept().unwrap());
    // The first wait is at least half a second.
    let waited = closed.elapsed();
    assert!(waited > Duration::from_millis(300), "called again after {waited:?}");
}
