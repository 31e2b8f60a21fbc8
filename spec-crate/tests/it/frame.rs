//! Line and frame.

use hispos::frame::{BODY_BYTES_MAX, Decoder, FrameDrop, FrameType, Side, encode};
use proptest::prelude::*;

type Item = Result<(FrameType, Vec<u8>, u32), FrameDrop>;

/// Everything that a receiver makes of these pieces of a stream.
fn decode<'a>(receiver: Side, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Item> {
    let mut decoder = Decoder::new(receiver);
    let mut items = Vec::new();
    for mut piece in pieces {
        while let Some(item) = decoder.next_frame(&mut piece) {
            items.push(item.map(|frame| (frame.kind, frame.body.to_vec(), frame.checksum)));
        }
        assert!(piece.is_empty());
    }
    items
}

/// A run of these decoded bytes and its final zero, made by another implementation.
fn run(decoded: &[u8]) -> Vec<u8> {
    let mut bytes = cobs::encode_vec(decoded);
    bytes.push(0);
    bytes
}

fn crc32c(bytes: &[u8]) -> u32 {
    // Bit by bit, as the polynomial is written.
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg()))
    })
}

fn with_checksum(content: &[u8]) -> Vec<u8> {
    [content, &crc32c(content).to_be_bytes()].concat()
}

//= spec-crate/spec/framing.md#checksum
//= type=test
//# A sender MUST compute the checksum over the type byte followed by the body.
#[test]
fn checksum_has_the_check_value_of_castagnoli() {
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    let encoded = encode(FrameType::M1, b"23456789").unwrap();
    assert_eq!(encoded.checksum, crc32c(b"\x0123456789"));
}

//= spec-crate/spec/framing.md#wire-format
//= type=test
//# A sender MUST send each frame as its COBS encoding followed by one byte 0x00.
//= spec-crate/spec/framing.md#checksum
//= type=test
//# A sender MUST write the checksum as four bytes, the most significant first.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST drop as `echo` a frame of a type that only the receiver itself sends.
#[test]
fn every_type_reaches_its_receiver_and_is_an_echo_at_its_sender() {
    for (kind, number, sender) in [
        (FrameType::M1, 0x01, Some(Side::His)),
        (FrameType::M2, 0x02, Some(Side::Pos)),
        (FrameType::M3, 0x03, Some(Side::His)),
        (FrameType::PlainAlert, 0x0F, None),
        (FrameType::HisRecord, 0x10, Some(Side::His)),
        (FrameType::PosRecord, 0x11, Some(Side::Pos)),
    ] {
        let encoded = encode(kind, b"body").unwrap();
        assert_eq!(encoded.bytes, run(&with_checksum(&[&[number], b"body".as_slice()].concat())));
        for receiver in [Side::His, Side::Pos] {
            let expected = match sender == Some(receiver) {
                true => Err(FrameDrop::Echo),
                false => Ok((kind, b"body".to_vec(), encoded.checksum)),
            };
            assert_eq!(decode(receiver, [encoded.bytes.as_slice()]), [expected]);
        }
    }
}

//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST accept a frame that arrives before the first 0x00 of the stream.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST ignore an empty run.
#[test]
fn frame_before_the_first_zero_is_accepted_and_empty_runs_are_ignored() {
    let frame = encode(FrameType::M1, b"x").unwrap().bytes;
    let stream = [&frame, [0, 0, 0].as_slice(), &frame].concat();
    let items = decode(Side::Pos, [stream.as_slice()]);
    assert!(matches!(items.as_slice(), [Ok(_), Ok(_)]), "{items:?}");
}

#[test]
fn junk_before_a_frame_costs_at_most_the_frame_that_it_runs_into() {
    let frame = encode(FrameType::M1, b"x").unwrap().bytes;
    let junk = b"\x02 welcome \xff\xfe";
    let ended = decode(Side::Pos, [[junk.as_slice(), &[0], &frame].concat().as_slice()]);
    assert!(matches!(ended.as_slice(), [Err(_), Ok(_)]), "{ended:?}");
    let run_in = decode(Side::Pos, [[junk.as_slice(), &frame, &frame].concat().as_slice()]);
    assert!(matches!(run_in.as_slice(), [Err(_), Ok(_)]), "{run_in:?}");
}

#[test]
fn coalesced_frames_in_one_read_come_out_one_by_one() {
    let frames: Vec<Vec<u8>> = (0..9u8).map(|n| encode(FrameType::M1, &[n; 40]).unwrap().bytes).collect();
    let items = decode(Side::Pos, [frames.concat().as_slice()]);
    let bodies: Vec<Vec<u8>> = items.into_iter().map(|item| item.unwrap().1).collect();
    assert_eq!(bodies, (0..9u8).map(|n| vec![n; 40]).collect::<Vec<_>>());
}

#[test]
fn frame_split_at_every_byte_is_the_same_frame() {
    let frame = encode(FrameType::M1, &[0, 7, 0, 0, 9, 255]).unwrap().bytes;
    let whole = decode(Side::Pos, [frame.as_slice()]);
    assert_eq!(whole.len(), 1);
    for at in 0..=frame.len() {
        let (head, tail) = frame.split_at(at);
        assert_eq!(decode(Side::Pos, [head, tail]), whole, "split at {at}");
    }
    assert_eq!(decode(Side::Pos, frame.chunks(1)), whole, "byte by byte");
}

//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST drop a run as `cobs` if a block of it ends behind the run.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST drop as `long` a frame that has more than 2,048 bytes (FRAME_BYTES_MAX), which a run of
//# 2,057 bytes can decode to.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST drop as `short` a frame that has fewer than 5 bytes (FRAME_BYTES_MIN), such as the empty
//# frame that the run `01` decodes to.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST drop as `crc` a frame whose last four bytes are not the checksum of the bytes before them.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST drop as `type` a frame whose type is none of the six frame types.
#[test]
fn each_bad_run_is_one_drop_of_its_name_and_the_next_frame_is_accepted() {
    let good = encode(FrameType::M1, b"x").unwrap().bytes;
    let mut wrong_checksum = with_checksum(&[0x01, 9]);
    wrong_checksum[1] ^= 1;
    let cases: [(&str, Vec<u8>, FrameDrop); 8] = [
        ("block beyond the run", vec![5, 1, 2, 0], FrameDrop::Cobs),
        ("the run 01", vec![1, 0], FrameDrop::Short),
        ("four bytes", run(&[1, 2, 3, 4]), FrameDrop::Short),
        ("2,049 bytes", run(&with_checksum(&[1; 2045])), FrameDrop::Long),
        ("2,057 bytes of ones", vec![1; 2057].into_iter().chain([0]).collect(), FrameDrop::Long),
        ("checksum", run(&wrong_checksum), FrameDrop::Crc),
        ("unknown type with a wrong checksum", run(&[0x77, 0, 0, 0, 0]), FrameDrop::Crc),
        ("unknown type", run(&with_checksum(&[0x77])), FrameDrop::Type),
    ];
    for (name, bytes, expected) in cases {
        let items = decode(Side::Pos, [[bytes.as_slice(), &good].concat().as_slice()]);
        assert_eq!(items.len(), 2, "{name}");
        assert_eq!(items[0], Err(expected), "{name}");
        assert!(items[1].is_ok(), "{name}");
    }
}

//= spec-crate/spec/framing.md#wire-format
//= type=test
//# A sender MUST NOT send a frame longer than 2,048 bytes (FRAME_BYTES_MAX).
#[test]
fn longest_frame_is_accepted_and_a_longer_body_is_not_encoded() {
    let longest = encode(FrameType::M1, &[7; BODY_BYTES_MAX]).unwrap();
    assert_eq!(longest.bytes.len(), 2057 + 1);
    assert!(
        matches!(decode(Side::Pos, [longest.bytes.as_slice()]).as_slice(), [Ok((_, body, _))] if body.len() == 2043)
    );
    assert!(encode(FrameType::M1, &[7; BODY_BYTES_MAX + 1]).is_err());
}

//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST drop a run as `long` when byte 2,058 of it arrives, and ignore the bytes that follow up to
//# the next 0x00.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST report one drop only for a run that is too long, however long it is.
//= spec-crate/spec/framing.md#receiving
//= type=test
//# A receiver MUST need at most 2,112 bytes of memory per stream (STREAM_MEMORY_BYTES_MAX) to take frames out
//# of it, whatever arrives.
#[test]
fn run_without_end_is_one_drop_at_byte_2058_and_costs_no_memory() {
    let mut decoder = Decoder::new(Side::Pos);
    let mut at_limit: &[u8] = &[1; 2057];
    assert_eq!(decoder.next_frame(&mut at_limit), None);
    assert!(format!("{decoder:?}").contains("buffered: 2057"));
    let mut one_more: &[u8] = &[1];
    assert_eq!(decoder.next_frame(&mut one_more), Some(Err(FrameDrop::Long)));
    let megabyte = vec![1; 1 << 20];
    for _ in 0..64 {
        assert_eq!(decoder.next_frame(&mut megabyte.as_slice()), None);
        assert!(format!("{decoder:?}").contains("buffered: 0"));
    }
    let good = [&[0], encode(FrameType::M1, b"x").unwrap().bytes.as_slice()].concat();
    assert!(matches!(decoder.next_frame(&mut good.as_slice()), Some(Ok(_))));
}

//= spec-crate/spec/framing.md#cobs
//= type=test
//# A sender MUST NOT write a code byte 0x01 behind a final block of 254 bytes.
//= spec-crate/spec/framing.md#cobs
//= type=test
//# A receiver MUST accept a code byte 0x01 behind a final block of 254 bytes and take it for nothing.
#[test]
fn final_block_of_254_bytes_has_no_empty_block_behind_it_and_may_have_one() {
    let frame = encode(FrameType::M1, &[7; 249]).unwrap();
    let decoded = with_checksum(&[&[1], [7; 249].as_slice()].concat());
    assert!(decoded.len() == 254 && !decoded.contains(&0), "one full block");
    let ours = [&[0xFF], decoded.as_slice(), &[0]].concat();
    assert_eq!(frame.bytes, ours);
    let theirs = [&[0xFF], decoded.as_slice(), &[1, 0]].concat();
    let expected = [Ok((FrameType::M1, vec![7; 249], frame.checksum))];
    assert_eq!(decode(Side::Pos, [ours.as_slice()]), expected);
    assert_eq!(decode(Side::Pos, [theirs.as_slice()]), expected);
}

#[test]
fn decoder_prints_lengths_and_no_bytes() {
    let mut decoder = Decoder::new(Side::Pos);
    assert_eq!(decoder.next_frame(&mut b"secret".as_slice()), None);
    let text = format!("{decoder:?}");
    assert!(text.contains("buffered: 6") && !text.contains("115"), "{text}");
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    // Zeros, long runs without zeros, and everything between.
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(0..2u8, 0..600),
        prop::collection::vec(1..=255u8, 240..260),
        prop::collection::vec(1..=255u8, 500..516),
        prop::collection::vec(any::<u8>(), 2000..=BODY_BYTES_MAX),
    ]
}

proptest! {
    #[test]
    fn encoding_equals_two_other_implementations(body in body()) {
        let encoded = encode(FrameType::M1, &body).unwrap();
        let frame = with_checksum(&[&[1], body.as_slice()].concat());
        let mut corncobs_out = vec![0; corncobs::max_encoded_len(frame.len())];
        let length = corncobs::encode_buf(&frame, &mut corncobs_out);
        prop_assert_eq!(&encoded.bytes, &run(&frame));
        // corncobs ends a full last block with an empty one; the protocol does not.
        let mut theirs = corncobs_out[..length].to_vec();
        if theirs.len() == encoded.bytes.len() + 1 && theirs.ends_with(&[1, 0]) {
            theirs.remove(theirs.len() - 2);
        }
        prop_assert_eq!(&encoded.bytes, &theirs);
        // Whichever form arrives, the frame is the same.
        let expected = vec![Ok((FrameType::M1, body, encoded.checksum))];
        prop_assert_eq!(decode(Side::Pos, [&corncobs_out[..length]]), expected.clone());
        prop_assert_eq!(decode(Side::Pos, [encoded.bytes.as_slice()]), expected);
    }

    //= spec-crate/spec/framing.md#receiving
    //= type=test
    //# A receiver MUST give the same frames and drops for every way of splitting the stream into reads.
    #[test]
    fn any_split_of_a_stream_gives_the_same_items(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
        noise in prop::collection::vec(prop_oneof![any::<u8>(), Just(0)], 0..3000),
        cuts in prop::collection::vec(1..400usize, 1..40),
    ) {
        let mut stream = noise;
        for body in bodies {
            stream.extend(encode(FrameType::M3, &body).unwrap().bytes);
        }
        let whole = decode(Side::Pos, [stream.as_slice()]);
        let mut rest = stream.as_slice();
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        prop_assert_eq!(decode(Side::Pos, pieces), whole.clone());
        prop_assert_eq!(decode(Side::Pos, stream.chunks(1)), whole);
    }

    #[test]
    fn noise_decodes_as_another_implementation_says(bytes in prop::collection::vec(prop_oneof![1..=255u8, 1..5u8], 1..2057)) {
        let expected = cobs::decode_vec(&bytes);
        let items = decode(Side::Pos, [bytes.as_slice(), &[0]]);
        prop_assert_eq!(items.len(), 1);
        prop_assert_eq!(matches!(items[0], Err(FrameDrop::Cobs)), expected.is_err());
    }
}
