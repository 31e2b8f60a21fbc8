//! M1 at the POS: whatever arrives, it is answered or refused with the right alert, and HIS opens an answer to its own
//! M1 only.

#![no_main]

use hispos_fuzz::{Peers, edited};
use libfuzzer_sys::fuzz_target;

// The first byte chooses: the honest M1, edited; HisHello behind the magic; or the whole body.
fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let peers = Peers::default();
    let initiator = peers.initiator();
    let m1 = match choice % 3 {
        0 => edited(initiator.m1(), rest),
        1 => [b"hsp1", rest].concat(),
        _ => rest.to_vec(),
    };
    match peers.answer(&m1) {
        Ok(candidate) => {
            let opens = initiator.open_m2(candidate.m2()).is_ok();
            assert_eq!(opens, m1 == initiator.m1(), "an M2 opens for another M1, or not for its own");
        }
        Err(alert) => {
            assert!([47, 50, 70, 71, 72].contains(&alert), "alert {alert}");
            assert!(m1 != initiator.m1(), "the honest M1 is refused");
        }
    }
});
