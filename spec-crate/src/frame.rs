//! Frames: COBS between zero bytes, a type, a body and a checksum.
//!
//! ```text
//! wire  = 0x00 { COBS(frame) 0x00 }
//! frame = type u8 | body | CRC-32C(type | body) u32
//! ```
//!
//! A [`Decoder`] takes a stream in pieces of any size and gives the same frames for any split. It holds one buffer of
//! [`ENCODED_BYTES_MAX`] bytes, decodes in it, and lends the body out of it. Specified in spec: line and frame.

use alloc::vec::Vec;
use core::fmt;

use crc::{CRC_32_ISCSI, Crc, Table};

use crate::limits::{ENCODED_BYTES_MAX, FRAME_BYTES_MAX, FRAME_BYTES_MIN, STREAM_MEMORY_BYTES_MAX};

/// CRC-32C, Castagnoli, reflected. Check value 0xE3069283.
static CRC_32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Length of the checksum that ends a frame.
const CHECKSUM_BYTES: usize = 4;

/// Greatest length of a body.
pub const BODY_BYTES_MAX: usize = FRAME_BYTES_MAX - FRAME_BYTES_MIN;

/// The end of a line: who receives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The hospital information system.
    His,
    /// The terminal.
    Pos,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FrameType {
    /// First message of the key exchange, from HIS.
    M1,
    /// Second message, from the POS.
    M2,
    /// Third message, from HIS.
    M3,
    /// An alert in the clear, from either side.
    PlainAlert,
    /// A record of HIS.
    HisRecord,
    /// A record of the POS.
    PosRecord,
}

impl FrameType {
    /// The type's number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::M1 => 0x01,
            Self::M2 => 0x02,
            Self::M3 => 0x03,
            Self::PlainAlert => 0x0F,
            Self::HisRecord => 0x10,
            Self::PosRecord => 0x11,
        }
    }

    /// The type of this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0x01 => Some(Self::M1),
            0x02 => Some(Self::M2),
            0x03 => Some(Self::M3),
            0x0F => Some(Self::PlainAlert),
            0x10 => Some(Self::HisRecord),
            0x11 => Some(Self::PosRecord),
            _ => None,
        }
    }

    /// Who sends it; `None` for both.
    pub const fn sender(self) -> Option<Side> {
        match self {
            Self::M1 | Self::M3 | Self::HisRecord => Some(Side::His),
            Self::M2 | Self::PosRecord => Some(Side::Pos),
            Self::PlainAlert => None,
        }
    }
}

/// Why a run of bytes between two zeros is no frame for this receiver. It is dropped and counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FrameDrop {
    /// A COBS block ends behind the run.
    Cobs,
    /// The frame has fewer than 5 bytes.
    Short,
    /// The run has more than 2,057 bytes, or the frame more than 2,048.
    Long,
    /// The checksum is wrong: noise.
    Crc,
    /// The checksum is right and the type unknown.
    Type,
    /// A type that only the receiver sends: a loop in the line.
    Echo,
}

/// A frame that arrived whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// What it carries.
    pub kind: FrameType,
    /// Between type and checksum.
    pub body: &'a [u8],
    /// The checksum, by which plain alerts name the frame that they answer.
    pub checksum: u32,
}

/// Takes frames out of a stream.
pub struct Decoder {
    receiver: Side,
    /// The run so far, or the frame that was lent out last: at most [`ENCODED_BYTES_MAX`] bytes.
    buffer: Vec<u8>,
    state: State,
}

//= spec-crate/spec/framing.md#receiving
//# A receiver MUST need at most 2,112 bytes of memory per stream (STREAM_MEMORY_BYTES_MAX) to take frames
//# out of it, whatever arrives.
const _: () =
    assert!(size_of::<Decoder>() + ENCODED_BYTES_MAX <= STREAM_MEMORY_BYTES_MAX, "all that a stream costs");

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The buffer holds the beginning of a run, without zeros.
    InRun,
    /// The buffer holds a finished run, which the next one overwrites.
    Finished,
    /// The run was too long: silence to the next zero.
    Skipping,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the bytes: they may be anything.
        formatter
            .debug_struct("Decoder")
            .field("receiver", &self.receiver)
            .field("buffered", &self.buffer.len())
            .field("state", &self.state)
            .finish()
    }
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new(receiver: Side) -> Self {
        //= spec-crate/spec/framing.md#receiving
        //# A receiver MUST accept a frame that arrives before the first 0x00 of the stream.
        Self { receiver, buffer: Vec::with_capacity(ENCODED_BYTES_MAX), state: State::InRun }
    }

    /// Consumes input up to the end of the next frame or drop; `None` when all input is consumed.
    ///
    /// The frame is lent until the next call. A drop is an item of the stream like a frame: call again for the rest.
    pub fn next_frame(&mut self, input: &mut &[u8]) -> Option<Result<Frame<'_>, FrameDrop>> {
        loop {
            if self.state == State::Finished {
                self.buffer.clear();
                self.state = State::InRun;
            }
            let end = input.iter().position(|byte| *byte == 0);
            let (piece, rest) = input.split_at(end.unwrap_or(input.len()));
            let room = ENCODED_BYTES_MAX.saturating_sub(self.buffer.len());
            //= spec-crate/spec/framing.md#receiving
            //# A receiver MUST drop a run as `long` when byte 2,058 of it arrives, and ignore the bytes that
            //# follow up to the next 0x00.
            if self.state == State::InRun && piece.len() > room {
                // The first byte too many is consumed with the drop, the others in silence.
                *input = input.get(room + 1..).unwrap_or_default();
                self.buffer.clear();
                //= spec-crate/spec/framing.md#receiving
                //# A receiver MUST report one drop only for a run that is too long, however long it is.
                self.state = State::Skipping;
                return Some(Err(FrameDrop::Long));
            }
            //= spec-crate/spec/framing.md#receiving
            //# A receiver MUST give the same frames and drops for every way of splitting the stream into
            //# reads.
            if self.state == State::InRun {
                self.buffer.extend_from_slice(piece);
            }
            *input = rest.get(1..).unwrap_or_default();
            end?;
            let empty = self.buffer.is_empty();
            self.state = State::Finished;
            //= spec-crate/spec/framing.md#receiving
            //# A receiver MUST ignore an empty run.
            if !empty {
                return Some(self.finish());
            }
        }
    }

    /// Decodes the run and checks the frame: length, checksum, type, in this order.
    fn finish(&mut self) -> Result<Frame<'_>, FrameDrop> {
        //= spec-crate/spec/framing.md#receiving
        //# A receiver MUST drop a run as `cobs` if a block of it ends behind the run.
        let length = decode_in_place(&mut self.buffer).ok_or(FrameDrop::Cobs)?;
        let frame = self.buffer.get(..length).unwrap_or_default();
        //= spec-crate/spec/framing.md#receiving
        //# A receiver MUST drop as `long` a frame that has more than 2,048 bytes (FRAME_BYTES_MAX), which a
        //# run of 2,057 bytes can decode to.
        if length > FRAME_BYTES_MAX {
            return Err(FrameDrop::Long);
        }
        //= spec-crate/spec/framing.md#receiving
        //# A receiver MUST drop as `short` a frame that has fewer than 5 bytes (FRAME_BYTES_MIN), such as the
        //# empty frame that the run `01` decodes to.
        let (content, checksum) = frame.split_last_chunk::<CHECKSUM_BYTES>().ok_or(FrameDrop::Short)?;
        let (number, body) = content.split_first().ok_or(FrameDrop::Short)?;
        let checksum = u32::from_be_bytes(*checksum);
        //= spec-crate/spec/framing.md#receiving
        //# A receiver MUST drop as `crc` a frame whose last four bytes are not the checksum of the bytes
        //# before them.
        if CRC_32C.checksum(content) != checksum {
            return Err(FrameDrop::Crc);
        }
        //= spec-crate/spec/framing.md#receiving
        //# A receiver MUST drop as `type` a frame whose type is none of the six frame types.
        let kind = FrameType::from_number(*number).ok_or(FrameDrop::Type)?;
        //= spec-crate/spec/framing.md#receiving
        //# A receiver MUST drop as `echo` a frame of a type that only the receiver itself sends.
        if kind.sender() == Some(self.receiver) {
            return Err(FrameDrop::Echo);
        }
        Ok(Frame { kind, body, checksum })
    }
}

/// Decodes a run without zeros in place. The length of what it held, or `None` if its last block is cut off.
fn decode_in_place(run: &mut [u8]) -> Option<usize> {
    let (mut read, mut write) = (0, 0);
    while let Some(code) = run.get(read).copied() {
        let end = read + usize::from(code);
        if end > run.len() {
            return None;
        }
        run.copy_within(read + 1..end, write);
        write += usize::from(code) - 1;
        // Every block but a full one stands for a zero behind it, which the end of the run cuts off.
        //= spec-crate/spec/framing.md#cobs
        //# A receiver MUST accept a code byte 0x01 behind a final block of 254 bytes and take it for nothing.
        if code != 0xFF && end < run.len() {
            *run.get_mut(write)? = 0;
            write += 1;
        }
        read = end;
    }
    Some(write)
}

/// A frame ready for the line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Encoded {
    /// The encoded frame and its final zero.
    pub bytes: Vec<u8>,
    /// The frame's checksum, by which plain alerts name it.
    pub checksum: u32,
}

/// The body has more than [`BODY_BYTES_MAX`] bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyTooLong;

/// Encodes a frame, with its final zero and without an opening one.
///
/// # Errors
///
/// [`BodyTooLong`].
pub fn encode(kind: FrameType, body: &[u8]) -> Result<Encoded, BodyTooLong> {
    //= spec-crate/spec/framing.md#wire-format
    //# A sender MUST NOT send a frame longer than 2,048 bytes (FRAME_BYTES_MAX).
    if body.len() > BODY_BYTES_MAX {
        return Err(BodyTooLong);
    }
    let mut frame = Vec::with_capacity(body.len() + FRAME_BYTES_MIN);
    frame.push(kind.number());
    frame.extend_from_slice(body);
    //= spec-crate/spec/framing.md#checksum
    //# A sender MUST compute the checksum over the type byte followed by the body.
    let checksum = CRC_32C.checksum(&frame);
    //= spec-crate/spec/framing.md#checksum
    //# A sender MUST write the checksum as four bytes, the most significant first.
    frame.extend_from_slice(&checksum.to_be_bytes());

    let mut bytes = Vec::with_capacity(frame.len() + frame.len() / 254 + 2);
    let mut segments = frame.split(|byte| *byte == 0).peekable();
    while let Some(segment) = segments.next() {
        let mut rest = segment;
        while let Some((block, tail)) = rest.split_first_chunk::<254>() {
            bytes.push(0xFF);
            bytes.extend_from_slice(block);
            rest = tail;
        }
        // Behind a final block of 254 bytes there is no empty block.
        //= spec-crate/spec/framing.md#cobs
        //# A sender MUST NOT write a code byte 0x01 behind a final block of 254 bytes.
        if !rest.is_empty() || segment.is_empty() || segments.peek().is_some() {
            bytes.push(rest.len() as u8 + 1);
            bytes.extend_from_slice(rest);
        }
    }
    //= spec-crate/spec/framing.md#wire-format
    //# A sender MUST send each frame as its COBS encoding followed by one byte 0x00.
    bytes.push(0);
    Ok(Encoded { bytes, checksum })
}
