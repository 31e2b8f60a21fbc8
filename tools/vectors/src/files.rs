//! Signed files: what is verified, refused, rolled over and revoked.

use hispos::Secret;
use hispos::crypto::hash::sha256;
use hispos::crypto::{ed25519_public, ed25519_sign};
use hispos::message::agreement::Agreement;
use hispos::message::manifest::{Device, Manifest, Terminal};
use hispos::message::signed_file::{FileError, SignedFile};
use prost_reflect::{DynamicMessage, Value};
use schemars::JsonSchema;
use serde::Serialize;

use crate::armour::armours;
use crate::case::{Cases, Fault};
use crate::fields::text;
use crate::hex::{hex, words as hex_words};
use crate::imports::{import, of_agreement, of_file, of_manifest, organisations};
use crate::payloads::{self, changed};
use crate::schema::{Schema, bytes_of};
use crate::site::{SITE, seed, words};

/// What a case is about. Byte strings are hexadecimal words.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(crate) enum About {
    /// A file that is imported where a file of `wanted` is asked for, at a site that knows these keys.
    File {
        wanted: i32,
        site_id: &'static str,
        his_organisation: String,
        pos_organisation: String,
        file: String,
    },
    /// The text of a file, and the binary file in it.
    Armour { text: String, file: Option<String> },
    /// The payload held, and one that is to take its place or to stand beside it.
    Succession { kind: i32, held: String, newer: String },
}

type File = Cases<About>;

/// Every case.
pub(crate) fn file(schema: &Schema) -> Result<File, String> {
    let mut file = Cases::new(vec![
        "file: import `file` as a file of kind `wanted`; an agreement brings its own keys, a manifest is verified \
         under the key of its organisation and has to be of `site_id`, which an agreement need not be.",
        "armour: read `text`; a valid one holds `file`.",
        "succession: a program that holds the payload `held` is given the payload `newer`, rightly signed.",
        "`reaction` of an invalid case is always `refused`: nothing is taken over.",
    ]);
    signatures(&mut file, schema)?;
    agreements(&mut file, schema)?;
    manifests(&mut file, schema)?;
    successions(&mut file, schema)?;
    armour(&mut file, schema)?;
    // Agreements that were added later: the numbers of cases do not change.
    signed_agreements(&mut file, schema, payloads::more_agreements(schema)?)?;
    Ok(file)
}

const CONTEXTS: [&str; 3] = ["hispos/1 agreement", "hispos/1 device manifest", "hispos/1 terminal manifest"];

/// Key id and signature of a payload under the context of a kind.
fn signature(seed: &Secret<32>, kind: i32, payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let context = CONTEXTS.get((kind - 1) as usize).copied().unwrap_or("hispos/1 nothing");
    let id = sha256(&[&ed25519_public(seed)]).into_iter().take(8).collect();
    (id, ed25519_sign(seed, context.as_bytes(), payload).to_vec())
}

/// A file with these signatures, in ascending order of their key ids.
fn signed(schema: &Schema, kind: i32, payload: &[u8], seeds: &[&Secret<32>]) -> Result<Vec<u8>, String> {
    let mut signatures: Vec<_> = seeds.iter().map(|seed| signature(seed, kind, payload)).collect();
    signatures.sort();
    assembled(schema, kind, payload, &signatures)
}

fn assembled(
    schema: &Schema,
    kind: i32,
    payload: &[u8],
    signatures: &[(Vec<u8>, Vec<u8>)],
) -> Result<Vec<u8>, String> {
    let shown = signatures.iter().map(|(id, signature)| {
        let fields = [
            ("key_id", Value::Bytes(id.clone().into())),
            ("signature", Value::Bytes(signature.clone().into())),
        ];
        Ok(Value::Message(schema.build("FileSignature", &fields)?))
    });
    let shown: Vec<Value> = shown.collect::<Result<_, String>>()?;
    schema.encode(
        "SignedFile",
        &[
            ("kind", Value::EnumNumber(kind)),
            ("payload", Value::Bytes(payload.to_vec().into())),
            ("signatures", Value::List(shown)),
        ],
    )
}

const NAMES: [&str; 3] = ["Agreement", "DeviceManifest", "TerminalManifest"];

fn name_of(kind: i32) -> &'static str {
    NAMES.get((kind - 1) as usize).copied().unwrap_or("SignedFile")
}

/// Adds the import of a file.
fn add(file: &mut File, wanted: i32, field: &str, kind: &str, bytes: &[u8]) {
    let (his, pos) = organisations();
    let what = About::File {
        wanted,
        site_id: SITE,
        his_organisation: hex(&ed25519_public(&his)),
        pos_organisation: hex(&ed25519_public(&pos)),
        file: hex_words(bytes),
    };
    let comment = format!("{}, {field} {kind}", name_of(wanted));
    match import(wanted, bytes) {
        Ok(()) => file.valid(&comment, "PRV-8 PRV-10 PRV-13", what),
        Err(cited) => {
            let fault = Fault {
                reason: "the file is refused",
                reaction: "refused",
                mutation: (name_of(wanted), field, kind),
            };
            file.invalid(&comment, cited, what, &fault);
        }
    }
}

fn signatures(file: &mut File, schema: &Schema) -> Result<(), String> {
    let (his, pos) = organisations();
    let (third, fourth, fifth) = (seed("third"), seed("fourth"), seed("fifth"));
    for (wanted, needed) in [(1, vec![&his, &pos]), (2, vec![&pos]), (3, vec![&his])] {
        let payload = bytes_of(&payloads::of_kind(schema, wanted)?);
        let with =
            |more: &[&Secret<32>]| signed(schema, wanted, &payload, &[needed.as_slice(), more].concat());
        let good = with(&[])?;
        add(file, wanted, "signatures", "as needed", &good);
        add(file, wanted, "signatures", "one more, of a key that nobody knows", &with(&[&third])?);
        let others = if wanted == 1 { vec![&third, &fourth] } else { vec![&third, &fourth, &fifth] };
        add(file, wanted, "signatures", "four", &with(&others)?);
        add(file, wanted, "signatures", "five", &with(&[&third, &fourth, &fifth, &seed("sixth")])?);
        add(file, wanted, "signatures", "none", &signed(schema, wanted, &payload, &[])?);
        add(
            file,
            wanted,
            "signatures",
            "of nobody who is known",
            &signed(schema, wanted, &payload, &[&third])?,
        );
        add(file, wanted, "signatures", "of HIS alone", &signed(schema, wanted, &payload, &[&his])?);
        add(
            file,
            wanted,
            "signatures",
            "of the POS organisation alone",
            &signed(schema, wanted, &payload, &[&pos])?,
        );
        let own: Vec<_> = needed.iter().map(|seed| signature(seed, wanted, &payload)).collect();
        let twice = [own.clone(), own.clone()].concat();
        add(file, wanted, "signatures", "the same ones twice", &assembled(schema, wanted, &payload, &twice)?);
        let mut falling = [own.clone(), vec![signature(&third, wanted, &payload)]].concat();
        falling.sort_by(|left, right| right.cmp(left));
        add(
            file,
            wanted,
            "signatures",
            "in descending order",
            &assembled(schema, wanted, &payload, &falling)?,
        );
        for (kind, other) in
            [("under the context of the next kind", wanted % 3 + 1), ("under no known context", 9)]
        {
            let mut wrong: Vec<_> = needed.iter().map(|seed| signature(seed, other, &payload)).collect();
            wrong.sort();
            add(file, wanted, "signatures", kind, &assembled(schema, wanted, &payload, &wrong)?);
        }
        for (kind, place) in [("a bit of R flipped", 3), ("a bit of S flipped", 40)] {
            let mut wrong = own.clone();
            wrong.sort();
            for (_, signature) in &mut wrong {
                signature.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 4);
            }
            add(file, wanted, "signatures", kind, &assembled(schema, wanted, &payload, &wrong)?);
        }
        let mut renamed = own.clone();
        renamed.iter_mut().for_each(|(id, _)| id.iter_mut().take(1).for_each(|byte| *byte ^= 1));
        renamed.sort();
        add(file, wanted, "key_id", "another one", &assembled(schema, wanted, &payload, &renamed)?);
        whole_files(file, schema, wanted, &payload, &needed)?;
    }
    Ok(())
}

/// What can be wrong around a payload that is right.
fn whole_files(
    file: &mut File,
    schema: &Schema,
    wanted: i32,
    payload: &[u8],
    needed: &[&Secret<32>],
) -> Result<(), String> {
    let good = signed(schema, wanted, payload, needed)?;
    for kind in [wanted % 3 + 1, 4, 200] {
        let shown = format!("{kind}");
        add(file, wanted, "kind", &shown, &signed(schema, kind, payload, needed)?);
    }
    let more = [payload, &[0x80, 0x7D, 0x01]].concat();
    add(file, wanted, "payload", "an unknown field behind it", &signed(schema, wanted, &more, needed)?);
    let cut = payload.get(..payload.len() - 1).unwrap_or_default();
    add(file, wanted, "payload", "its last byte missing", &signed(schema, wanted, cut, needed)?);
    add(file, wanted, "", "a byte behind the file", &[good.as_slice(), &[0]].concat());
    add(file, wanted, "", "its last byte missing", good.get(..good.len() - 1).unwrap_or_default());
    add(file, wanted, "", "nothing", &[]);
    let mut altered = payload.to_vec();
    // The number or serial is the first value of each payload.
    altered.iter_mut().skip(1).take(1).for_each(|byte| *byte ^= 2);
    let own: Vec<_> = {
        let mut own: Vec<_> = needed.iter().map(|seed| signature(seed, wanted, payload)).collect();
        own.sort();
        own
    };
    add(
        file,
        wanted,
        "payload",
        "its number changed after signing",
        &assembled(schema, wanted, &altered, &own)?,
    );
    let long = vec![0x11; 262_144];
    add(file, wanted, "", "more than 262,144 bytes", &assembled(schema, wanted, &long, &own)?);
    Ok(())
}

fn agreements(file: &mut File, schema: &Schema) -> Result<(), String> {
    signed_agreements(file, schema, payloads::agreements(schema)?)
}

fn signed_agreements(
    file: &mut File,
    schema: &Schema,
    agreements: Vec<payloads::Changed>,
) -> Result<(), String> {
    let (his, pos) = organisations();
    for payloads::Changed { field, kind, message } in agreements {
        let seeds = [&his, &pos];
        let payload = bytes_of(&message);
        add(file, 1, field, kind, &signed(schema, 1, &payload, &seeds)?);
    }
    Ok(())
}

fn manifests(file: &mut File, schema: &Schema) -> Result<(), String> {
    let (his, pos) = organisations();
    for wanted in [2, 3] {
        let signer = if wanted == 2 { &pos } else { &his };
        for payloads::Changed { field, kind, message } in payloads::manifests(schema, wanted)? {
            add(file, wanted, field, kind, &signed(schema, wanted, &bytes_of(&message), &[signer])?);
        }
    }
    Ok(())
}

/// Adds a payload that is to follow another one.
fn follow(
    file: &mut File,
    kind: i32,
    field: &str,
    how: &str,
    held: &DynamicMessage,
    newer: &DynamicMessage,
) -> Result<(), String> {
    let (held, newer) = (bytes_of(held), bytes_of(newer));
    let what = About::Succession { kind, held: hex(&held), newer: hex(&newer) };
    let verdict = match kind {
        1 => {
            let read = |payload: &[u8]| Agreement::decode(payload.to_vec()).map_err(words);
            read(&held)?.check_successor(&read(&newer)?).map_err(|error| of_agreement(&error))
        }
        2 => {
            let read = |payload: &[u8]| Manifest::<Device>::decode(payload.to_vec()).map_err(words);
            read(&held)?.check_successor(&read(&newer)?).map_err(|error| of_manifest(&error))
        }
        _ => {
            let read = |payload: &[u8]| Manifest::<Terminal>::decode(payload.to_vec()).map_err(words);
            read(&held)?.check_successor(&read(&newer)?).map_err(|error| of_manifest(&error))
        }
    };
    let comment = format!("{}: {field} {how}", name_of(kind));
    match verdict {
        Ok(()) if kind == 1 => file.valid(&comment, "PRV-28 PRV-29", what),
        Ok(()) => file.valid(&comment, "PRV-37 PRV-38 PRV-39", what),
        Err(cited) => {
            let message = format!("{} that follows", name_of(kind));
            let fault =
                Fault { reason: "it may not follow", reaction: "refused", mutation: (&message, field, how) };
            file.invalid(&comment, cited, what, &fault);
        }
    }
    Ok(())
}

fn successions(file: &mut File, schema: &Schema) -> Result<(), String> {
    let agreement = payloads::of_kind(schema, 1)?;
    let number = |no: u32| changed(&agreement, "agreement_no", Value::U32(no));
    let held = number(7)?;
    for (how, no) in [
        ("one higher", 8),
        ("much higher", 4_000_000_000),
        ("the same, the very same payload", 7),
        ("one lower", 6),
        ("1", 1),
    ] {
        follow(file, 1, "agreement_no", how, &held, &number(no)?)?;
    }
    let other = changed(&held, "site_id", text("site-2"))?;
    follow(file, 1, "site_id", "another", &held, &changed(&other, "agreement_no", Value::U32(8))?)?;
    let same = changed(&held, "currency", text("CNY"))?;
    let same = changed(&same, "amounts.collect_max", Value::U64(1_000))?;
    follow(file, 1, "agreement_no", "the same with another payload", &held, &same)?;
    for kind in [2, 3] {
        for payloads::Pair { field, how, held, newer } in payloads::successions(schema, kind)? {
            follow(file, kind, field, how, &held, &newer)?;
        }
    }
    Ok(())
}

fn armour(file: &mut File, schema: &Schema) -> Result<(), String> {
    let (his, pos) = organisations();
    for (wanted, seeds) in [(1, vec![&his, &pos]), (2, vec![&pos]), (3, vec![&his])] {
        let binary = signed(schema, wanted, &bytes_of(&payloads::of_kind(schema, wanted)?), &seeds)?;
        let text = SignedFile::decode(&binary).map_err(words)?.encode_armoured();
        let message = format!("armour of {}", name_of(wanted));
        for (kind, ids, text) in armours(&text) {
            let read = SignedFile::decode(text.as_bytes());
            let inside = read.as_ref().ok().map(|read| hex(&read.encode()));
            let what = About::Armour { text, file: inside };
            match read {
                Ok(_) => file.valid(kind, "PRV-15 PRV-16", what),
                Err(error) => {
                    let fault =
                        Fault { reason: "damaged", reaction: "refused", mutation: (&message, "", kind) };
                    // Damaged armour may hold whole base64 of what is no file: then the file inside is refused.
                    let damaged = kind == "no BEGIN line"
                        || matches!(error, FileError::Armour { .. } | FileError::ArmourName(_));
                    file.invalid(kind, if damaged { ids } else { of_file(&error) }, what, &fault);
                }
            }
        }
    }
    Ok(())
}
