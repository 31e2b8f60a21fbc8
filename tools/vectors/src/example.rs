//! A whole collect, from the first byte of the line to the confirmed result, with every value in between.

use hispos::crypto::hash::{hmac_sha256, sha256};
use hispos::message::order::order_hash;
use hispos::message::result::result_hash;
use hispos::platform::{Ask, Capture, Channel, Proof, Request};
use hispos::time::UnixSeconds;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::draws::{Drawn, all};
use crate::exchange::{self, Party};
use crate::handshake::{self, Values};
use crate::hex::{bytes, hex};
use crate::kept::{Kept, kept};
use crate::pair::{End, Pair};
use crate::schema::Schema;
use crate::sent::{Sent, records};
use crate::shown::{Message, message};
use crate::site::{DAY, DEVICE, SITE, TERMINAL, UNIX, seed};

/// One order from its beginning to its end. Byte strings are hexadecimal.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// How to check this file, in words.
    check: [&'static str; 9],
    site: SiteValues,
    draws: Draws,
    handshake: Values,
    /// What follows the key exchange on the line, in the order of sending.
    records: Vec<Sent>,
    order: Order,
    code: Code,
    result: Receipt,
    journal: Vec<Kept>,
    ledger: Vec<Kept>,
}

/// What both sides hold.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct SiteValues {
    site_id: &'static str,
    terminal_id: &'static str,
    device_id: &'static str,
    /// Seeds and public keys of Ed25519.
    terminal_seed: String,
    terminal_key: String,
    device_seed: String,
    device_key: String,
    /// Order numbers are functions of it.
    site_secret: String,
    agreement: Message,
    agreement_hash: String,
    device_manifest: Message,
    terminal_manifest: Message,
}

/// Every draw of each end, in order.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Draws {
    /// `nonce` of M1, X25519 private key.
    his: Vec<String>,
    /// `run`, `nonce` of M2, X25519 private key.
    pos: Vec<String>,
}

/// The order, how its number is made, and what is hashed.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Order {
    requirements: [&'static str; 3],
    bill: &'static str,
    generation: u32,
    number_input: String,
    /// HMAC-SHA-256 under the site secret; the number is "B" and its first 95 bits.
    number_mac: String,
    core: Message,
    hash_input: String,
    hash: String,
}

/// The payment code that the patient showed, made up, and what the journal keeps of it.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Code {
    requirements: [&'static str; 1],
    digits: &'static str,
    hash_input: String,
    /// HMAC-SHA-256 under the device's seed.
    hash: String,
}

/// The result, and what is signed.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Receipt {
    requirements: [&'static str; 3],
    result: Message,
    signature_input: String,
    signature: String,
    result_hash: String,
}

const BILL: &str = "bill-2026-0001";
const CODE: &str = "134567890123456789";

/// Three trusted answers and one payment.
pub(crate) fn platform(ask: &Ask) -> Option<(Proof, &'static str)> {
    match &ask.request {
        Request::Verify => Some((Proof::Verified, "SUCCESS")),
        Request::Pay { .. } => {
            let capture = Capture {
                payment_no: "4200002611240000000000000001".into(),
                amount: ask.total,
                captured_at: Some(UnixSeconds(UNIX + 12)),
            };
            Some((Proof::Captured(capture), "SUCCESS"))
        }
        _ => Some((Proof::Absent, "ORDERNOTEXIST")),
    }
}

/// The story: both programs start, a bill of 88.00 yuan is collected and paid by WeChat Pay.
pub(crate) fn lived() -> Result<Pair, String> {
    let mut pair = Pair::new(platform, Box::new(|_, _| true))?;
    pair.start(End::Pos)?;
    pair.start(End::His)?;
    pair.pass(2_000);
    pair.collect(BILL, 8_800, DAY)?;
    pair.pass(10_000);
    pair.scan(Channel::Wechat, CODE)?;
    pair.pass(2_000);
    Ok(pair)
}

/// The file.
pub(crate) fn file(schema: &Schema) -> Result<File, String> {
    let pair = lived()?;
    let (his, pos) = parties(&pair)?;
    let payload = pair.site().agreement.payload();
    let run = exchange::run(&his, &pos, payload, (1, 1))?;
    let records = records(schema, &pair, &run)?;
    let order = order(schema, &records)?;
    let result = receipt(schema, &records)?;
    let shown_as = |name: &str, bytes: &[u8]| message(schema, name, bytes);
    let check = [
        "handshake: from the seeds, the agreement and the draws, every value of the key exchange follows.",
        "records: seal plaintext.bytes under counter; key, iv, nonce, aad, ciphertext, checksum, frame and wire follow.",
        "Parsed as `message`, each `bytes` says `decoded`; encoded as the encoding chapter says, it gives `bytes` again.",
        "order.hash is SHA-256 of hash_input: context, 00, length of the site id, site id, core.",
        "order.number_mac is HMAC-SHA-256 of number_input under site.site_secret; the core's number is made of it.",
        "code.hash is HMAC-SHA-256 of hash_input under site.device_seed; the journal keeps it and the last four digits.",
        "result.signature verifies under site.device_key over signature_input; result_hash is the start of its SHA-256.",
        "journal, ledger: head is SHA-256 of head_input: context, 00, the head before (first 32 bytes 00), record.bytes.",
        "An anchor is book id, sequence number and the first 8 bytes of the head.",
    ];
    Ok(File {
        check,
        site: SiteValues {
            site_id: SITE,
            terminal_id: TERMINAL,
            device_id: DEVICE,
            terminal_seed: hex(seed("terminal").expose()),
            terminal_key: hex(&his.public_key()),
            device_seed: hex(seed("device").expose()),
            device_key: hex(&pos.public_key()),
            site_secret: hex(seed("site secret").expose()),
            agreement: shown_as("Agreement", payload)?,
            agreement_hash: hex(&sha256(&[payload])),
            device_manifest: shown_as("DeviceManifest", pair.site().devices.payload())?,
            terminal_manifest: shown_as("TerminalManifest", pair.site().terminals.payload())?,
        },
        draws: Draws { his: shown(first(&pair, End::His)?), pos: shown(first(&pair, End::Pos)?) },
        handshake: handshake::values(&run, payload)?,
        records,
        order,
        code: code(),
        result,
        journal: kept(schema, &pair.journal, "PosOrder")?,
        ledger: kept(schema, &pair.ledger, "HisOrder")?,
    })
}

fn shown(draws: &Drawn) -> Vec<String> {
    all(draws).iter().map(|draw| hex(draw)).collect()
}

pub(crate) fn first(pair: &Pair, end: End) -> Result<&Drawn, String> {
    let [his, pos] = &pair.draws;
    if end == End::His { his } else { pos }.first().ok_or_else(|| "no draws".to_owned())
}

/// Both ends with the draws that they made.
pub(crate) fn parties(pair: &Pair) -> Result<(Party, Party), String> {
    let pos: Vec<Vec<u8>> = all(first(pair, End::Pos)?).into_iter().skip(1).collect();
    Ok((party(End::His, &all(first(pair, End::His)?))?, party(End::Pos, &pos)?))
}

/// An end with its draws for one attempt.
pub(crate) fn party(end: End, draws: &[Vec<u8>]) -> Result<Party, String> {
    let (id, name) = if end == End::His { (TERMINAL, "terminal") } else { (DEVICE, "device") };
    let [nonce, private] = draws else {
        return Err("two draws for a key exchange".to_owned());
    };
    Ok(Party {
        id,
        signing_seed: *seed(name).expose(),
        nonce: nonce.as_slice().try_into().map_err(|_| "nonce")?,
        x25519_private: private.as_slice().try_into().map_err(|_| "private key")?,
        versions: vec![1],
        suites: vec![1],
        extensions: Vec::new(),
        other_shares: Vec::new(),
    })
}

/// A bytes field of the first record with this body.
fn field(records: &[Sent], body: &str, field: &str) -> Result<Vec<u8>, String> {
    let sent = records.iter().find(|sent| sent.body == body).ok_or_else(|| format!("no {body}"))?;
    let text = sent.plaintext.decoded.pointer(&format!("/{body}/{field}")).and_then(Json::as_str);
    bytes(text.ok_or_else(|| format!("no {body}.{field}"))?)
}

fn order(schema: &Schema, records: &[Sent]) -> Result<Order, String> {
    let core = field(records, "submit_order", "core")?;
    let site = SITE.try_into().map_err(|error: hispos::ids::IdError| error.to_string())?;
    let input = [b"hispos/1 order\0", [SITE.len() as u8].as_slice(), SITE.as_bytes(), &core].concat();
    let hash = order_hash(&site, &core);
    if sha256(&[&input]) != hash {
        return Err("the order's hash is another one".to_owned());
    }
    let key =
        [&[1], (BILL.len() as u16).to_be_bytes().as_slice(), BILL.as_bytes(), &0u32.to_be_bytes()].concat();
    let number = [b"hispos/1 order number\0", key.as_slice()].concat();
    Ok(Order {
        requirements: ["ORD-22", "ORD-27", "ORD-31"],
        bill: BILL,
        generation: 0,
        number_mac: hex(&hmac_sha256(seed("site secret").expose(), &[&number])),
        number_input: hex(&number),
        core: message(schema, "OrderCore", &core)?,
        hash_input: hex(&input),
        hash: hex(&hash),
    })
}

fn code() -> Code {
    let input = [b"hispos/1 payment code\0", CODE.as_bytes()].concat();
    Code {
        requirements: ["PAY-69"],
        digits: CODE,
        hash: hex(&hmac_sha256(seed("device").expose(), &[&input])),
        hash_input: hex(&input),
    }
}

fn receipt(schema: &Schema, records: &[Sent]) -> Result<Receipt, String> {
    let result = field(records, "report_result", "result")?;
    let input = [[0x20; 64].as_slice(), b"hispos/1 result\0", &result].concat();
    Ok(Receipt {
        requirements: ["ORD-34", "ORD-36", "ORD-46"],
        signature_input: hex(&input),
        signature: hex(&field(records, "report_result", "signature")?),
        result_hash: hex(&result_hash(&result)),
        result: message(schema, "ResultCore", &result)?,
    })
}
