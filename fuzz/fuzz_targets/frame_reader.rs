//! The frame decoder: any split of a stream gives the same frames, and a frame encodes to a run that gives it again.

#![no_main]

use hispos::frame::{Decoder, FrameDrop, FrameType, Side, encode};
use libfuzzer_sys::fuzz_target;

type Outcome = Result<(FrameType, Vec<u8>, u32), FrameDrop>;

fn read<'a>(side: Side, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Outcome> {
    let mut decoder = Decoder::new(side);
    let mut outcomes = Vec::new();
    for mut piece in pieces {
        while let Some(outcome) = decoder.next_frame(&mut piece) {
            outcomes.push(outcome.map(|frame| (frame.kind, frame.body.to_vec(), frame.checksum)));
        }
        assert!(piece.is_empty(), "input is left over");
    }
    outcomes
}

// The first byte chooses the side and the size of the pieces; the rest is the stream.
fuzz_target!(|input: &[u8]| {
    let Some((choice, stream)) = input.split_first() else { return };
    let side = if choice & 1 == 0 { Side::His } else { Side::Pos };
    let whole = read(side, [stream].into_iter());
    let split = read(side, stream.chunks(usize::from(choice >> 1) + 1));
    assert!(whole == split, "another split, other frames");
    for (kind, body, checksum) in whole.into_iter().flatten() {
        let encoded = encode(kind, &body).expect("a decoded body fits");
        assert_eq!(encoded.checksum, checksum);
        let again = read(side, [encoded.bytes.as_slice()].into_iter());
        assert!(again == [Ok((kind, body, checksum))], "the frame does not survive encoding");
    }
});
