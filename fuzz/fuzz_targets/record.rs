//! Records, sealed with the real keys and then lost, repeated, reordered and damaged: the opener accepts exactly the
//! unchanged ones with a rising counter, at most one epoch ahead.

#![no_main]

use hispos::record::RecordDrop;
use hispos_fuzz::{Peers, edited};
use libfuzzer_sys::fuzz_target;

const LEAPS_MAX: u8 = 4;

// A sequence of steps. Each begins with a byte that chooses it and one that says how many bytes of input it takes.
fuzz_target!(|input: &[u8]| {
    let (his, pos) = Peers::default().keyed();
    let (mut sealer, mut opener) = (his.sealer, pos.opener);
    let mut sealed: Vec<(u32, Vec<u8>, Vec<u8>)> = Vec::new();
    let (mut rest, mut leaps) = (input, 0);
    while let [choice, length, tail @ ..] = rest {
        let (content, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        let counter = sealer.sealed();
        match choice % 5 {
            // Sealed, and delivered or kept for later.
            0 | 1 => {
                let Ok(body) = sealer.seal(content) else {
                    assert!(content.is_empty(), "a plaintext is refused");
                    continue;
                };
                if choice % 5 == 0 {
                    deliver(&mut opener, &body, Some((counter, content)));
                }
                sealed.push((counter, content.to_vec(), body));
            }
            // Something that was sealed before, again or late.
            2 => {
                if let Some((counter, plaintext, body)) = sealed.get(usize::from(*length)) {
                    deliver(&mut opener, body, Some((*counter, plaintext)));
                }
            }
            // A damaged one, or bytes that nobody sealed.
            3 => {
                let original = sealed.last().map_or(&[][..], |(_, _, body)| body);
                let body = edited(original, content);
                if body != original {
                    deliver(&mut opener, &body, None);
                }
            }
            // Many lost records.
            _ if leaps < LEAPS_MAX => {
                leaps += 1;
                for _ in 0..20_000 {
                    sealer.seal(&[0]).expect("a counter");
                }
            }
            _ => {}
        }
    }
});

/// Delivers a body; `honest` is counter and plaintext if it is unchanged.
fn deliver(opener: &mut hispos::record::Opener, body: &[u8], honest: Option<(u32, &[u8])>) {
    let last = opener.last();
    let epoch = last.map_or(0, |last| last >> 16);
    let outcome = opener.open(body);
    match honest {
        Some((counter, plaintext))
            if last.is_none_or(|last| counter > last) && counter >> 16 <= epoch + 1 =>
        {
            assert_eq!(outcome.as_deref(), Ok(plaintext), "an honest record is dropped");
            assert_eq!(opener.last(), Some(counter));
        }
        Some((counter, _)) => {
            let replayed = last.is_some_and(|last| counter <= last);
            let drop = if replayed { RecordDrop::Replayed } else { RecordDrop::Forged };
            assert_eq!(outcome, Err(drop));
            assert_eq!(opener.last(), last);
        }
        None => {
            // The damaged one may be one that the edits made from another: none of these keys seals it twice.
            assert!(outcome.is_err(), "a damaged record opens");
            assert_eq!(opener.last(), last);
        }
    }
}
