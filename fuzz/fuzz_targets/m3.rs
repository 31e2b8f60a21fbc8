//! M3 at the POS, with the keys of HIS in the harness: only the honest Auth authenticates.

#![no_main]

use hispos_fuzz::{Insider, Peers, edited};
use libfuzzer_sys::fuzz_target;

// The first byte chooses what the input replaces: the body, or the Auth inside the seal.
fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let peers = Peers::default();
    let m1 = peers.initiator().m1().to_vec();
    let candidate = peers.answer(&m1).expect("the honest M1");
    let insider = Insider::new(&m1, None);
    let (honest, other, mut m3) = insider.m3(|honest| match choice % 4 {
        0 | 1 => honest.to_vec(),
        2 => rest.to_vec(),
        _ => edited(honest, rest),
    });
    let mut may_pass = honest == other;
    match choice % 4 {
        0 => {
            may_pass = rest == m3;
            m3 = rest.to_vec();
        }
        1 => {
            let changed = edited(&m3, rest);
            may_pass = changed == m3;
            m3 = changed;
        }
        _ => {}
    }
    let Ok(opened) = candidate.open_m3(&m3) else {
        // A sealed Auth that is longer than an M3 may be does not open either.
        assert!(!may_pass, "an honest M3 is dropped");
        return;
    };
    match candidate.finish(opened, &peers.pos) {
        Ok(_) => assert!(may_pass, "a forged M3 authenticates"),
        Err(error) => {
            assert!(!may_pass, "an honest M3 is refused");
            assert_eq!(error.alert().code(), 40);
        }
    }
});
