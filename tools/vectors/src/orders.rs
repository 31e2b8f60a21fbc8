//! Orders and results: numbers, hashes, signatures, and what makes a core or a result none.

use hispos::amount::Amount;
use hispos::crypto::{ed25519_public, ed25519_sign};
use hispos::ids::{OrderNo, PlatformNumber, Purpose, SiteCode, platform_number};
use hispos::message::order::Kind;
use hispos::message::order_no::{derive_order_no, refund_key};
use hispos::message::result::verify;
use hispos::platform::Channel;

use crate::about::{About, File, RefundKey};
use crate::case::{Cases, Fault};
use crate::cores::cores;
use crate::fields::paid_fields;
use crate::hex::hex;
use crate::results::{results, unknown_statuses};
use crate::schema::Schema;
use crate::site::{seed, words};

/// Every case.
pub(crate) fn file(schema: &Schema) -> Result<File, String> {
    let mut file = Cases::new(vec![
        "order_number: derive `number` from the site secret (order numbers); `key` of a refund is made of `refund`.",
        "platform_number: site code, order number, letter; a valid `number` reads back as the other three.",
        "amount: `text` as a person types it is `fen`, or is refused.",
        "core: validate and judge `core`; a valid one says `decoded` and hashes to `hash` at `site_id`.",
        "core: `reaction` of an invalid one is the code with which a SubmitOrder of it is rejected.",
        "result: validate and judge `result_core`; a valid one says `decoded`, and `result_hash` names it.",
        "result: `money` and `retry`, if they are there, are what its status says of the money and of the next order.",
        "signature: verify over 64 bytes 20, `hispos/1 result`, 00 and `result_core`, strictly.",
    ]);
    numbers(&mut file)?;
    platform_numbers(&mut file)?;
    amounts(&mut file);
    cores(&mut file, schema)?;
    results(&mut file, schema)?;
    signatures(&mut file, schema)?;
    unknown_statuses(&mut file, schema)?;
    Ok(file)
}

fn numbers(file: &mut File) -> Result<(), String> {
    let secrets = [hispos::Secret::new([7; 32]), seed("site secret"), hispos::Secret::new([0; 32])];
    let longest = "k".repeat(64);
    for secret in &secrets {
        for key in ["bill-1", "bill-2", "B", "账单-0001", longest.as_str()] {
            for generation in [0, 1, 255, u32::MAX] {
                let number =
                    derive_order_no(secret, Kind::Collect, key.as_bytes(), generation).map_err(words)?;
                file.valid(
                    "a collect",
                    "ORD-18 ORD-22",
                    About::OrderNumber {
                        site_secret: hex(secret.expose()),
                        kind: 1,
                        refund: None,
                        key: hex(key.as_bytes()),
                        generation,
                        number: number.to_string(),
                    },
                );
            }
        }
        for (original, channel, item) in [
            ("BR816CGQ7VC793192XF6", Channel::Wechat, ""),
            ("BR816CGQ7VC793192XF6", Channel::Alipay, ""),
            ("A", Channel::Wechat, "line 1"),
            ("ABCDEFGHIJKLMNOPQRSTUVWX", Channel::Alipay, "药品"),
        ] {
            for generation in [0, 7] {
                let key = refund_key(&OrderNo::try_from(original).map_err(words)?, channel, item);
                let number = derive_order_no(secret, Kind::Refund, &key, generation).map_err(words)?;
                file.valid(
                    "a refund",
                    "ORD-18 ORD-22",
                    About::OrderNumber {
                        site_secret: hex(secret.expose()),
                        kind: 2,
                        refund: Some(RefundKey {
                            original: original.into(),
                            channel: channel.code(),
                            item: item.into(),
                        }),
                        key: hex(&key),
                        generation,
                        number: number.to_string(),
                    },
                );
            }
        }
    }
    Ok(())
}

fn platform_numbers(file: &mut File) -> Result<(), String> {
    for code in ["SIM1", "H001", "ZZZZ"] {
        for order in ["BR816CGQ7VC793192XF6", "0", "ABCDEFGHIJKLMNOPQRSTUVWX", "WAR"] {
            for purpose in Purpose::ALL {
                let site = SiteCode::try_from(code).map_err(words)?;
                let number = platform_number(&site, &OrderNo::try_from(order).map_err(words)?, purpose);
                if number.order_no().map(|read| read.to_string()).as_deref() != Some(order) {
                    return Err(format!("{number} reads back as another order"));
                }
                file.valid(
                    "made and read back",
                    "ORD-25 ORD-26",
                    About::PlatformNumber {
                        site_code: code.into(),
                        order_no: Some(order.into()),
                        letter: Some(purpose.letter()),
                        number: number.to_string(),
                    },
                );
            }
        }
    }
    for (kind, number) in [
        ("no letter at the end", "SIM1BR816CGQ7VC793192XF6"),
        ("a small letter at the end", "SIM1BR816CGQ7VC793192XF6w"),
        ("no order number", "SIM1W"),
        ("an order number of 25 characters", "SIM1ABCDEFGHIJKLMNOPQRSTUVWXYW"),
        ("a hyphen", "SIM1B-1W"),
        ("a small letter", "SIM1b1W"),
        ("a space at the end", "SIM1B1W "),
        ("a letter of two bytes", "SIM1BÉW"),
        ("nothing", ""),
        ("a letter that stands for no purpose", "SIM1B1X"),
        ("a digit at the end", "SIM1B10"),
    ] {
        let read = PlatformNumber::try_from(number).ok().and_then(|number| number.order_no());
        if read.is_some() {
            return Err(format!("{number} reads back"));
        }
        file.invalid(
            kind,
            "CAT-8 ORD-18 ORD-25",
            About::PlatformNumber {
                site_code: "SIM1".into(),
                order_no: None,
                letter: None,
                number: number.into(),
            },
            &Fault {
                reason: "not a platform number",
                reaction: "no order",
                mutation: ("platform number", "", kind),
            },
        );
    }
    Ok(())
}

fn amounts(file: &mut File) {
    let texts = [
        "+12.34",
        "-0.5",
        "+7",
        "+0.01",
        "-0.01",
        "+99999999.99",
        "-99999999.99",
        "+00001.00",
        "+0.10",
        "+1.0",
        "12.34",
        "+1.",
        "+.5",
        "+1.234",
        "+1,50",
        "",
        "+",
        "-",
        "+-1",
        "++1",
        "+1-",
        " +1",
        "+1 ",
        "+1e3",
        "+0",
        "-0.00",
        "+0x10",
        "+１",
        "+1.2.3",
        "+1_000",
        "+100000000",
        "+99999999999999999999",
        "-100000000.00",
        "−1",
        "+1,000.00",
        "+∞",
        "+NaN",
        "+1.2 ",
        "+\u{a0}1",
    ];
    for text in texts {
        let fen = Amount::parse_signed(text).ok().map(Amount::fen);
        let what = About::Amount { text: text.into(), fen };
        match fen {
            Some(_) => file.valid("an amount", "ORD-13 ORD-15", what),
            None => {
                let shown = format!("the text `{text}`");
                let mutation = ("amount", "", shown.as_str());
                let fault = Fault { reason: "not an amount", reaction: "refused", mutation };
                file.invalid("no amount", "ORD-14 ORD-15", what, &fault);
            }
        }
    }
}

fn signatures(file: &mut File, schema: &Schema) -> Result<(), String> {
    let result = schema.encode("ResultCore", &paid_fields())?;
    let (device, other) = (seed("device"), seed("another device"));
    let sign = |context: &[u8], bytes: &[u8]| ed25519_sign(&device, context, bytes);
    let good = sign(b"hispos/1 result", &result);
    let flipped = |place: usize| {
        let mut changed = good;
        changed.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
        changed
    };
    let mut altered = result.clone();
    altered.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
    let key = ed25519_public(&device);
    let mut rows = vec![
        ("the device's own", key, result.clone(), good),
        ("of another device", ed25519_public(&other), result.clone(), good),
        ("over a result with one bit changed", key, altered, good),
        (
            "under the context of the POS's handshake",
            key,
            result.clone(),
            sign(b"hispos/1 pos auth", &result),
        ),
        ("under the context of a manifest", key, result.clone(), sign(b"hispos/1 device manifest", &result)),
        ("under a context cut off", key, result.clone(), sign(b"hispos/1 resul", &result)),
        ("of zeros", key, result.clone(), [0; 64]),
        (
            "whose S is raised by the group order",
            key,
            result.clone(),
            crate::refusals::plus_group_order(good),
        ),
    ];
    for (kind, place) in
        [("first bit of R", 0), ("last bit of R", 31), ("first bit of S", 32), ("a bit of S", 50)]
    {
        rows.push((kind, key, result.clone(), flipped(place)));
    }
    for (kind, key, result, signature) in rows {
        let good = verify(&key, &result, &signature).is_ok();
        let what =
            About::Signature { device_key: hex(&key), result_core: hex(&result), signature: hex(&signature) };
        match good {
            true => file.valid(kind, "ORD-34 KEX-23", what),
            false => {
                let mutation = ("SignedResult", "signature", kind);
                let fault =
                    Fault { reason: "signature does not verify", reaction: "not authentic", mutation };
                file.invalid(kind, "ORD-34 KEX-23", what, &fault);
            }
        }
    }
    Ok(())
}
