//! Serial ports: USB adapters that are pulled and plugged, opened again by their stable name.

use std::time::Duration;

use super::stream::{Attempt, LOOK_EVERY, Stream};

/// A port that is not there is looked for this often.
const REOPEN_EVERY: Duration = Duration::from_millis(500);
/// From opening to the first byte: USB bridges reset.
const SETTLE: Duration = Duration::from_millis(hispos::timers::LINE_SETTLE);
/// On Windows a read holds up a write of the same port, so it is kept short there.
const READ_TIMEOUT: Duration = if cfg!(windows) { Duration::from_millis(20) } else { LOOK_EVERY };

/// A serial port by name.
pub(super) struct Serial {
    pub(super) path: String,
    pub(super) baud: u32,
}

impl Serial {
    pub(super) fn open(&self) -> Attempt {
        // 8N1, raw, no flow control; no modem line is asked for, none is needed.
        let opened = serialport::new(&self.path, self.baud)
            .data_bits(serialport::DataBits::Eight)
            .parity(serialport::Parity::None)
            .stop_bits(serialport::StopBits::One)
            .flow_control(serialport::FlowControl::None)
            .timeout(READ_TIMEOUT)
            .open()
            .and_then(|port| Ok((port.try_clone()?, port)));
        match opened {
            Ok((write, read)) => {
                std::thread::sleep(SETTLE);
                Attempt::Open(Stream { read: Box::new(read), write: Box::new(write) })
            }
            Err(error) => {
                Attempt::Failed { why: format!("{}: {}", self.path, error.description), wait: REOPEN_EVERY }
            }
        }
    }
}
