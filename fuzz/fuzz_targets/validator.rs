//! The canonical validator beside prost.
//!
//! What the validator accepts, prost parses, and serialises to the same bytes. What it refuses although prost gives
//! the same bytes again, it refuses for a bound that prost does not know (steps 4 to 9), never for the encoding.

#![no_main]

use hispos::codec::{self, Strict};
use libfuzzer_sys::fuzz_target;
use prost::Message;

#[allow(dead_code, reason = "the schemas hold more than the strict messages")]
mod wire {
    include!("../../spec-crate/src/wire/hispos.v1.rs");
}

/// The bytes as prost writes them again, if it can read them.
fn again(message: Strict, bytes: &[u8]) -> Option<Vec<u8>> {
    fn through<M: Message + Default>(bytes: &[u8]) -> Option<Vec<u8>> {
        M::decode(bytes).ok().map(|message| message.encode_to_vec())
    }
    match message {
        Strict::HisHello => through::<wire::HisHello>(bytes),
        Strict::PosReply => through::<wire::PosReply>(bytes),
        Strict::PosHello => through::<wire::PosHello>(bytes),
        Strict::Auth => through::<wire::Auth>(bytes),
        Strict::Identity => through::<wire::Identity>(bytes),
        Strict::SignedFile => through::<wire::SignedFile>(bytes),
        Strict::Agreement => through::<wire::Agreement>(bytes),
        Strict::DeviceManifest => through::<wire::DeviceManifest>(bytes),
        Strict::TerminalManifest => through::<wire::TerminalManifest>(bytes),
        Strict::OrderCore => through::<wire::OrderCore>(bytes),
        Strict::ResultCore => through::<wire::ResultCore>(bytes),
        Strict::BookRecord => through::<wire::BookRecord>(bytes),
    }
}

// The first byte chooses the message; the rest is its bytes.
fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let message = Strict::ALL[usize::from(*choice) % Strict::ALL.len()];
    let again = again(message, bytes);
    match codec::check(message, bytes) {
        Ok(()) => assert!(again.as_deref() == Some(bytes), "canonical, and prost says otherwise"),
        Err(violation) if again.as_deref() == Some(bytes) => {
            assert!((4..=9).contains(&violation.step()), "prost finds step {} canonical", violation.step());
        }
        Err(violation) => assert!(violation.offset() <= bytes.len()),
    }
});
