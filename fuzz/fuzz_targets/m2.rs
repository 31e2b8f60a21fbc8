//! M2 at HIS, with the keys of the POS in the harness: only the honest Auth under the present M1 authenticates.

#![no_main]

use hispos::codec::{self, Strict};
use hispos_fuzz::{Insider, Peers, edited};
use libfuzzer_sys::fuzz_target;

// The first byte chooses what the input replaces: the body, the Auth inside the seal, or the PosHello.
fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let peers = Peers::default();
    let initiator = peers.initiator();
    let insider = Insider::new(initiator.m1(), None);
    let honest = insider.pos_auth();
    let (m2, may_pass) = match choice % 5 {
        0 => (rest.to_vec(), false),
        1 => {
            let m2 = edited(&insider.m2(&honest), rest);
            let same = m2 == insider.m2(&honest);
            (m2, same)
        }
        2 | 3 => {
            let auth = if choice % 5 == 2 { rest.to_vec() } else { edited(&honest, rest) };
            (insider.m2(&auth), auth == honest)
        }
        _ => {
            let hello = edited(insider.hello(), rest);
            let canonical = codec::check(Strict::PosHello, &hello).is_ok();
            let insider = Insider::new(initiator.m1(), Some(hello));
            (insider.m2(&insider.pos_auth()), canonical)
        }
    };
    let Ok(opened) = initiator.open_m2(&m2) else {
        assert!(choice % 5 == 4 || !may_pass, "an honest M2 is dropped");
        return;
    };
    match opened.finish(&peers.his) {
        Ok(_) => assert!(may_pass, "a forged M2 authenticates"),
        Err(error) => {
            assert!(!may_pass, "an honest M2 is refused");
            assert_eq!(error.alert().code(), 40);
        }
    }
});
