//! Whole key exchanges with every value in between, and the messages that either side refuses.

use hispos::frame::FrameType;
use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cited, Verdict, cited, wire_frame};
use crate::exchange::{self, AGREEMENT, Exchange, Party};
use crate::hex::hex;
use crate::refusals::{self, Refusal};
use crate::schema::Schema;

/// Key exchanges.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// How to check this file, in words.
    check: [&'static str; 6],
    cases: Vec<Case>,
    /// Messages that end differently.
    refusals: Vec<Refusal>,
}

/// One exchange. All byte strings are hexadecimal; names are those of the specification.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Case {
    tc_id: u32,
    comment: &'static str,
    requirements: Cited,
    result: Verdict,
    /// Empty: the case is valid.
    reason: &'static str,
    /// The agreement's payload.
    agreement: String,
    his: Offer,
    pos: Allowed,
    #[serde(flatten)]
    values: Values,
}

/// Every value of an exchange, in hexadecimal; names are those of the specification.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Values {
    elements: Elements,
    transcript: TranscriptValues,
    secrets: SecretValues,
    messages: Messages,
    /// On the wire, with the final 00, without the opening one.
    frames: Frames,
}

/// HIS: who it is, its draws in their order, and what it offers.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Offer {
    id: &'static str,
    /// The Ed25519 seed, and the public key that the POS has in its terminal manifest.
    signing_seed: String,
    public_key: String,
    nonce: String,
    /// Before clamping.
    x25519_private: String,
    x25519_public: String,
    versions: Vec<u32>,
    suites: Vec<u32>,
    /// All key shares of M1, in their order.
    shares: Vec<Share>,
    extensions: Vec<Extension>,
}

/// The POS: who it is, its draws in their order, and what its agreement allows.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Allowed {
    id: &'static str,
    /// The Ed25519 seed, and the public key that HIS has in its device manifest.
    signing_seed: String,
    public_key: String,
    nonce: String,
    /// Before clamping.
    x25519_private: String,
    x25519_public: String,
    versions: Vec<u32>,
    suites: Vec<u32>,
    extensions: Vec<Extension>,
}

#[derive(JsonSchema, Serialize)]
struct Share {
    group: u32,
    key: String,
}

#[derive(JsonSchema, Serialize)]
struct Extension {
    id: u32,
    data: String,
}

/// The elements of T.
#[derive(JsonSchema, Serialize)]
struct Elements {
    m1: String,
    hello: String,
    identity_p: String,
    signature_p: String,
    confirm_p: String,
    identity_h: String,
    signature_h: String,
    confirm_h: String,
}

/// T0 and the hashes of T.
#[derive(JsonSchema, Serialize)]
struct TranscriptValues {
    t0: String,
    th1: String,
    th2: String,
    th3: String,
    th4: String,
    th5: String,
    th6: String,
    th7: String,
    th8: String,
}

/// The key schedule.
#[derive(JsonSchema, Serialize)]
struct SecretValues {
    ss: String,
    prk1: String,
    hs_p: String,
    hs_h: String,
    key_p: String,
    iv_p: String,
    key_h: String,
    iv_h: String,
    prk2: String,
    ap_h: String,
    ap_p: String,
    tag: String,
}

/// Auth before sealing, and the bodies of M2 and M3. The body of M1 is the first element.
#[derive(JsonSchema, Serialize)]
struct Messages {
    auth_p: String,
    m2: String,
    auth_h: String,
    m3: String,
}

#[derive(JsonSchema, Serialize)]
struct Frames {
    m1: String,
    m2: String,
    m3: String,
}

/// The sides of case 1.
fn plain() -> Result<(Party, Party), String> {
    let his = party(
        "HIS-TERM-0123456789.abcd",
        "0071f124037e298a1e2bab9c0d0961ab6cd081eb4b52bf04cad5557becbddb4c",
        "16c390e6afae1593e4176c2ccbe245a8",
        "43378e7eb3d0363f057f64d0a52f8a08aae0dd8d8be7280f01d640ff37d51baa",
    )?;
    let pos = party(
        "POS-DEV_0123456789.abcde",
        "f41ac735c5bd1d0f70c0341013bd2fb36e3cbea66d05e92b150fed9ae8285c4e",
        "2311f607df6bff98e5ed18bb08226c71",
        "1e930e8e2c24d569bf14ba594a71174f8869d65c39500ef6edcabc932f2881e1",
    )?;
    Ok((his, pos))
}

fn party(id: &'static str, seed: &str, nonce: &str, private: &str) -> Result<Party, String> {
    Ok(Party {
        id,
        signing_seed: fixed(seed)?,
        nonce: fixed(nonce)?,
        x25519_private: fixed(private)?,
        versions: vec![1],
        suites: vec![1],
        extensions: Vec::new(),
        other_shares: Vec::new(),
    })
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], String> {
    crate::hex::bytes(text)?.try_into().map_err(|_| format!("not {N} bytes: {text}"))
}

/// The exchange of case 1.
pub(crate) fn first() -> Result<Exchange, String> {
    let (his, pos) = plain()?;
    exchange::run(&his, &pos, AGREEMENT, (1, 1))
}

/// Everything the crate makes of the fixed draws.
pub(crate) fn file(schema: &Schema, first: &Exchange) -> Result<File, String> {
    let (his, pos) = plain()?;
    let refusals = refusals::all(schema, &his, &pos, first)?;

    let unknown = |id: u32, data: &[u8]| (id, data.to_vec());
    let offering = Party {
        versions: vec![2, 1],
        suites: vec![0x0101, 1],
        extensions: vec![unknown(7, b""), unknown(0x00FF_FFFF, &[0x5A; 64])],
        other_shares: vec![(2, vec![0x04; 65])],
        ..his.clone()
    };
    let answering = Party { extensions: vec![unknown(1, &[0])], ..pos.clone() };
    let his_short = Party { id: "H", nonce: [0; 16], ..his.clone() };
    let pos_short = Party { id: "P", nonce: [0; 16], ..pos.clone() };

    let mut cases = Vec::new();
    let sides = [
        ("one version, one suite, one share, the longest ids", &his, &pos),
        (
            "HIS of a later version: two versions, suites and shares, extensions nobody knows, which are hashed",
            &offering,
            &pos,
        ),
        ("a POS of a later version: an extension nobody knows, which is hashed", &his, &answering),
        ("the shortest ids; nonces of zeros are not empty values", &his_short, &pos_short),
    ];
    for (tc_id, (comment, his, pos)) in (1..).zip(sides) {
        cases.push(case(tc_id, comment, his, pos)?);
    }
    let check = [
        "A case gives both sides' identities, draws and settings; play both roles and compare every value by name.",
        "`elements` are the contents of T in order; `transcript` has T0 and THn; `secrets` the key schedule.",
        "`messages` has Auth before sealing and the bodies of M2 and M3; `frames` is what goes over the wire.",
        "Each side takes the other's message and reaches the same `ap_h`, `ap_p` and `tag`.",
        "A refusal replaces one message of the case `base`: play that case up to it, then receive `frame` instead.",
        "`alert` is the code of the plain alert that answers, `answer` its frame; null: the message is dropped.",
    ];
    Ok(File { check, cases, refusals })
}

fn case(tc_id: u32, comment: &'static str, his: &Party, pos: &Party) -> Result<Case, String> {
    let run = exchange::run(his, pos, AGREEMENT, (1, 1))?;
    let shares = his.shares().into_iter().map(|(group, key)| Share { group, key: hex(&key) }).collect();
    let public = |party: &Party| hex(&party.ephemeral().share());
    Ok(Case {
        tc_id,
        comment,
        requirements: cited("KEX-8 KEX-9 KEX-13 KEX-14 KEX-16 KEX-17"),
        result: Verdict::Valid,
        reason: "",
        agreement: hex(AGREEMENT),
        his: Offer {
            id: his.id,
            signing_seed: hex(&his.signing_seed),
            public_key: hex(&his.public_key()),
            nonce: hex(&his.nonce),
            x25519_private: hex(&his.x25519_private),
            x25519_public: public(his),
            versions: his.versions.clone(),
            suites: his.suites.clone(),
            shares,
            extensions: extensions(his),
        },
        pos: Allowed {
            id: pos.id,
            signing_seed: hex(&pos.signing_seed),
            public_key: hex(&pos.public_key()),
            nonce: hex(&pos.nonce),
            x25519_private: hex(&pos.x25519_private),
            x25519_public: public(pos),
            versions: pos.versions.clone(),
            suites: pos.suites.clone(),
            extensions: extensions(pos),
        },
        values: values(&run, AGREEMENT)?,
    })
}

/// The values of an exchange under this agreement.
pub(crate) fn values(run: &Exchange, agreement: &[u8]) -> Result<Values, String> {
    Ok(Values {
        elements: elements(run),
        transcript: transcript(run, agreement),
        secrets: secrets(run),
        messages: Messages {
            auth_p: hex(&run.pos.auth()),
            m2: hex(&run.m2),
            auth_h: hex(&run.his.auth()),
            m3: hex(&run.m3),
        },
        frames: Frames {
            m1: wire_frame(FrameType::M1, &run.m1)?,
            m2: wire_frame(FrameType::M2, &run.m2)?,
            m3: wire_frame(FrameType::M3, &run.m3)?,
        },
    })
}

fn extensions(party: &Party) -> Vec<Extension> {
    party.extensions.iter().map(|(id, data)| Extension { id: *id, data: hex(data) }).collect()
}

fn elements(run: &Exchange) -> Elements {
    Elements {
        m1: hex(&run.m1),
        hello: hex(&run.hello),
        identity_p: hex(&run.pos.identity),
        signature_p: hex(&run.pos.signature),
        confirm_p: hex(&run.pos.confirm),
        identity_h: hex(&run.his.identity),
        signature_h: hex(&run.his.signature),
        confirm_h: hex(&run.his.confirm),
    }
}

fn transcript(run: &Exchange, agreement: &[u8]) -> TranscriptValues {
    let [th1, th2, th3, th4, th5, th6, th7, th8] = run.hashes.map(|hash| hex(&hash));
    TranscriptValues { t0: hex(&exchange::t0(agreement)), th1, th2, th3, th4, th5, th6, th7, th8 }
}

fn secrets(run: &Exchange) -> SecretValues {
    let secrets = run.secrets();
    SecretValues {
        ss: hex(&run.shared),
        prk1: hex(&secrets.prk1),
        hs_p: hex(&secrets.hs_p),
        hs_h: hex(&secrets.hs_h),
        key_p: hex(&secrets.key_p),
        iv_p: hex(&secrets.iv_p),
        key_h: hex(&secrets.key_h),
        iv_h: hex(&secrets.iv_h),
        prk2: hex(&secrets.prk2),
        ap_h: hex(&secrets.ap_h),
        ap_p: hex(&secrets.ap_p),
        tag: hex(&secrets.tag),
    }
}
