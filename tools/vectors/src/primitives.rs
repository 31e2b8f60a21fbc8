//! The functions of the key schedule and of records by themselves, and keys that nobody may use.

use hispos::Secret;
use hispos::crypto::hash::{extract, hmac_sha256, label};
use hispos::crypto::kex::Ephemeral;
use hispos::crypto::sign::check_public_key;
use hispos::crypto::{Entropy, ed25519_public, ed25519_sign, ed25519_verify};
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cases, Fault};
use crate::draws::known;
use crate::hex::{bytes, hex};
use crate::refusals::plus_group_order;

/// One call of a function. Byte strings are hexadecimal.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(crate) enum About {
    /// HKDF-Extract.
    Extract { salt: String, ikm: String, prk: String },
    /// Label, with the info that it expands.
    Label { secret: String, label: String, context: String, length: usize, info: String, out: String },
    /// X25519; an unusable share gives none.
    Shared { private: String, public: String, shared: Option<String> },
    /// The secret of an epoch from that of epoch 0, and what is made of it.
    Epoch { first: String, epoch: u32, secret: String, key: String, iv: String },
    /// The nonce and the associated data of a record.
    Record { iv: String, r#type: u8, tag: u8, counter: u32, nonce: String, aad: String },
    /// A public key that is imported.
    PublicKey { key: String },
    /// A signature over 64 bytes 20, the context, 00 and the payload.
    Signature { key: String, context: String, payload: String, signature: String },
}

type File = Cases<About>;

struct Drawn([u8; 32]);

impl Entropy for Drawn {
    fn fill(&mut self, out: &mut [u8]) {
        for (to, from) in out.iter_mut().zip(self.0) {
            *to = from;
        }
    }
}

/// Every case.
pub(crate) fn file() -> Result<File, String> {
    let mut file = Cases::new(vec![
        "extract, label: compute `prk` and `out`; `info` is what HKDF-Expand gets.",
        "shared: X25519 of both; an invalid case gives 32 zero bytes, and the share is refused.",
        "epoch: step from `first` to the secret of `epoch` by the label `upd`, then make key and iv.",
        "record: nonce and aad of a record of this type, tag and counter.",
        "public_key: import `key`. signature: verify strictly.",
    ]);
    labels(&mut file);
    shared(&mut file)?;
    epochs(&mut file);
    keys(&mut file)?;
    signatures(&mut file);
    Ok(file)
}

fn labels(file: &mut File) {
    let secrets = [[0; 32], [0xFF; 32], known("a secret"), known("another secret")];
    for salt in secrets {
        for ikm in secrets {
            let prk = hex(extract(&salt, &ikm).expose());
            file.valid("extract", "KEX-17", About::Extract { salt: hex(&salt), ikm: hex(&ikm), prk });
        }
    }
    let names =
        ["hs pos", "hs his", "key", "iv", "fin", "fin his", "derived", "ap his", "ap pos", "tag", "upd"];
    for name in names {
        for (secret, context) in [
            ([0; 32], Vec::new()),
            (known("a secret"), Vec::new()),
            (known("a secret"), known::<32>("a hash").to_vec()),
        ] {
            let secret = Secret::new(secret);
            for length in [1, 12, 32] {
                let out = match length {
                    1 => label::<1>(&secret, name.as_bytes(), &context).expose().to_vec(),
                    12 => label::<12>(&secret, name.as_bytes(), &context).expose().to_vec(),
                    _ => label::<32>(&secret, name.as_bytes(), &context).expose().to_vec(),
                };
                let info = [
                    &[0, length as u8, 8 + name.len() as u8],
                    b"hispos1 ".as_slice(),
                    name.as_bytes(),
                    &[context.len() as u8],
                    &context,
                ]
                .concat();
                file.valid(
                    &format!("{name}, {length} bytes"),
                    "KEX-17",
                    About::Label {
                        secret: hex(secret.expose()),
                        label: name.into(),
                        context: hex(&context),
                        length,
                        info: hex(&info),
                        out: hex(&out),
                    },
                );
            }
        }
    }
}

/// Shares whose points have a small order: whatever the private key is, the secret is zero.
const SMALL_SHARES: [(&str, &str); 12] = [
    ("0", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("1", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order 8", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    ("order 8, the other", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ("p - 1", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("0 with the top bit", "0000000000000000000000000000000000000000000000000000000000000080"),
    ("1 with the top bit", "0100000000000000000000000000000000000000000000000000000000000080"),
    ("order 8 with the top bit", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880"),
    ("p - 1 with the top bit", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("p with the top bit", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
];

fn fixed(text: &str) -> Result<[u8; 32], String> {
    bytes(text)?.try_into().map_err(|_| format!("not 32 bytes: {text}"))
}

fn shared(file: &mut File) -> Result<(), String> {
    let privates = [known("private 1"), known("private 2"), [0; 32], [0xFF; 32]];
    for private in privates {
        for public in
            [known("point 1"), known("point 2"), Ephemeral::draw(&mut Drawn(known("private 1"))).share()]
        {
            let secret =
                Ephemeral::draw(&mut Drawn(private)).agree(&public).map_err(|_| "a share of small order")?;
            let shared = Some(hex(secret.expose()));
            file.valid(
                "a share",
                "KEX-18",
                About::Shared { private: hex(&private), public: hex(&public), shared },
            );
        }
    }
    let private: [u8; 32] = known("private 1");
    for (kind, public) in SMALL_SHARES {
        if Ephemeral::draw(&mut Drawn(private)).agree(&fixed(public)?).is_ok() {
            return Err(format!("the share {kind} contributes"));
        }
        let what = About::Shared { private: hex(&private), public: public.into(), shared: None };
        let reaction = "alert 47 to an M1, drop of an M2";
        let fault = Fault { reason: "shared secret of zero", reaction, mutation: ("share", "", kind) };
        file.invalid(kind, "KEX-18 KEX-34 KEX-43", what, &fault);
    }
    Ok(())
}

fn epochs(file: &mut File) {
    for name in ["ap_h", "ap_p"] {
        let first: [u8; 32] = known(name);
        let mut secret = Secret::new(first);
        for epoch in 0..6 {
            if epoch > 0 {
                secret = label(&secret, b"upd", &[]);
            }
            let what = About::Epoch {
                first: hex(&first),
                epoch,
                secret: hex(secret.expose()),
                key: hex(label::<32>(&secret, b"key", &[]).expose()),
                iv: hex(label::<12>(&secret, b"iv", &[]).expose()),
            };
            file.valid(&format!("epoch {epoch}"), "REC-8 REC-9", what);
        }
    }
    for (kind, tag) in [(0x10_u8, 0_u8), (0x11, 0xFF), (0x10, 0x5A)] {
        for counter in [0, 1, 255, 256, 65_535, 65_536, 1 << 31, u32::MAX - 1] {
            let iv: [u8; 12] = known("an iv");
            let mut nonce = iv;
            for (byte, counter) in nonce.iter_mut().skip(8).zip(counter.to_be_bytes()) {
                *byte ^= counter;
            }
            let aad = [[kind, tag].as_slice(), &counter.to_be_bytes()].concat();
            let (iv, nonce, aad) = (hex(&iv), hex(&nonce), hex(&aad));
            file.valid(
                "nonce and aad",
                "REC-8",
                About::Record { iv, r#type: kind, tag, counter, nonce, aad },
            );
        }
    }
}

/// Keys that are no points, not canonical, or of small order.
const BAD_KEYS: [(&str, &str); 16] = [
    ("the neutral element", "0100000000000000000000000000000000000000000000000000000000000000"),
    (
        "the neutral element, the other sign",
        "0100000000000000000000000000000000000000000000000000000000000080",
    ),
    ("order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order 2, the other sign", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("order 4", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order 4, the other sign", "0000000000000000000000000000000000000000000000000000000000000080"),
    ("order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order 8, the other sign", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    ("order 8, the other y", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("order 8, the other y and sign", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    ("y of p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("y of p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("y of 2^255 - 1", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("all bits", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("not on the curve", "0200000000000000000000000000000000000000000000000000000000000000"),
    ("not on the curve, the other sign", "0200000000000000000000000000000000000000000000000000000000000080"),
];

fn keys(file: &mut File) -> Result<(), String> {
    for name in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        let key = ed25519_public(&Secret::new(known(name)));
        check_public_key(&key).map_err(|_| "an unusable key")?;
        file.valid("a public key", "KEX-24 PRV-2", About::PublicKey { key: hex(&key) });
    }
    for (kind, key) in BAD_KEYS {
        if check_public_key(&fixed(key)?).is_ok() {
            return Err(format!("{kind} is usable"));
        }
        let fault = Fault { reason: "unusable key", reaction: "refused", mutation: ("public key", "", kind) };
        file.invalid(kind, "KEX-24 PRV-2", About::PublicKey { key: key.into() }, &fault);
    }
    Ok(())
}

fn signatures(file: &mut File) {
    let seed = Secret::new(known("a signer"));
    let key = ed25519_public(&seed);
    let contexts = [
        "hispos/1 pos auth",
        "hispos/1 his auth",
        "hispos/1 agreement",
        "hispos/1 device manifest",
        "hispos/1 terminal manifest",
        "hispos/1 result",
    ];
    for context in contexts {
        let payload = hmac_sha256(&[7; 32], &[context.as_bytes()]);
        let good = ed25519_sign(&seed, context.as_bytes(), &payload);
        let mut rows =
            vec![("as made", key, good), ("S raised by the group order", key, plus_group_order(good))];
        for (kind, place) in
            [("a bit of R flipped", 5), ("the sign of R flipped", 31), ("a bit of S flipped", 40)]
        {
            let mut changed = good;
            let mask = if place == 31 { 0x80 } else { 1 };
            changed.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= mask);
            rows.push((kind, key, changed));
        }
        rows.push(("of another key", ed25519_public(&Secret::new(known("another signer"))), good));
        let mut neutral = good;
        neutral.iter_mut().take(32).for_each(|byte| *byte = 0);
        neutral.iter_mut().take(1).for_each(|byte| *byte = 1);
        rows.push(("R of the neutral element", key, neutral));
        for (kind, key, signature) in rows {
            let what = About::Signature {
                key: hex(&key),
                context: context.into(),
                payload: hex(&payload),
                signature: hex(&signature),
            };
            if ed25519_verify(&key, context.as_bytes(), &payload, &signature).is_ok() {
                file.valid(kind, "KEX-23", what);
            } else {
                let fault = Fault {
                    reason: "signature does not verify",
                    reaction: "refused",
                    mutation: (context, "signature", kind),
                };
                file.invalid(kind, "KEX-23", what, &fault);
            }
        }
    }
}
