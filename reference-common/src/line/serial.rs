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
        let opened = self.settings().open().and_then(|port| Ok((port.try_clone()?, port)));
        match opened {
            Ok((write, read)) => {
                //= spec-crate/spec/framing.md#the-line
                //# A sender on a serial line MUST wait 250 ms (LINE_SETTLE) between opening the port and its
                //# first byte.
                std::thread::sleep(SETTLE);
                Attempt::Open(Stream { read: Box::new(read), write: Box::new(write) })
            }
            Err(error) => {
                Attempt::Failed { why: format!("{}: {}", self.path, error.description), wait: REOPEN_EVERY }
            }
        }
    }

    /// 8N1, raw, no flow control; no modem line is asked for, none is needed.
    fn settings(&self) -> serialport::SerialPortBuilder {
        //= spec-crate/spec/framing.md#the-line
        //# A sender on a serial line MUST use 8 data bits, no parity, 1 stop bit, raw mode without
        //# translation of any byte, and no flow control.
        //= spec-crate/spec/framing.md#the-line
        //# An end of a serial line MUST NOT depend on the level of DTR, RTS, DSR, CTS or carrier detect.
        serialport::new(&self.path, self.baud)
            .data_bits(serialport::DataBits::Eight)
            .parity(serialport::Parity::None)
            .stop_bits(serialport::StopBits::One)
            .flow_control(serialport::FlowControl::None)
            .timeout(READ_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::Serial;

    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# A sender on a serial line MUST use 8 data bits, no parity, 1 stop bit, raw mode without translation of
    //# any byte, and no flow control.
    //= spec-crate/spec/framing.md#the-line
    //= type=test
    //# An end of a serial line MUST NOT depend on the level of DTR, RTS, DSR, CTS or carrier detect.
    #[test]
    fn a_port_is_opened_with_8_data_bits_no_parity_1_stop_bit_and_no_flow_control() {
        let port = Serial { path: "port".into(), baud: 9600 };
        let expected = "data_bits: Eight, flow_control: None, parity: None, stop_bits: One";
        let settings = format!("{:?}", port.settings());
        assert!(settings.contains(expected) && settings.contains("baud_rate: 9600"), "{settings}");
        assert!(settings.contains("dtr_on_open: None"), "{settings}");
    }
}
