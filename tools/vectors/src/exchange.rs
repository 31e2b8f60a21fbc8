//! One key exchange of fixed draws, step by step, so that every value between the messages can be shown.
//!
//! What seals, signs and confirms is the crate's transcript and key schedule. The crate keeps the values in between to
//! itself; here they are derived a second time. `spec-crate/tests` replays the files through the crate's own initiator
//! and responder.

use hispos::crypto::hash::{extract, label, sha256};
use hispos::crypto::kex::Ephemeral;
use hispos::crypto::{Entropy, Secret, ed25519_public, ed25519_sign};
use hispos::frame::Side;
use hispos::key_schedule::{AfterHello, AfterPos};
use hispos::record::{Opener, Sealer};
use hispos::transcript::{Transcript, TranscriptHash};

/// The agreement of the cases: any payload will do, it is only hashed.
pub(crate) const AGREEMENT: &[u8] = b"agreement payload";

/// One side: its identity, its draws, and what it offers or allows.
#[derive(Clone)]
pub(crate) struct Party {
    pub(crate) id: &'static str,
    pub(crate) signing_seed: [u8; 32],
    pub(crate) nonce: [u8; 16],
    pub(crate) x25519_private: [u8; 32],
    pub(crate) versions: Vec<u32>,
    pub(crate) suites: Vec<u32>,
    pub(crate) extensions: Vec<(u32, Vec<u8>)>,
    /// Key shares of other groups, in front of the X25519 one.
    pub(crate) other_shares: Vec<(u32, Vec<u8>)>,
}

impl Party {
    pub(crate) fn seed(&self) -> Secret<32> {
        Secret::new(self.signing_seed)
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        ed25519_public(&self.seed())
    }

    pub(crate) fn ephemeral(&self) -> Ephemeral {
        Ephemeral::draw(&mut Draws(self.x25519_private.to_vec()))
    }

    pub(crate) fn shares(&self) -> Vec<(u32, Vec<u8>)> {
        let own = (1, self.ephemeral().share().to_vec());
        self.other_shares.iter().cloned().chain([own]).collect()
    }

    fn identity(&self) -> Vec<u8> {
        [content(1, self.id.as_bytes()), content(2, &self.public_key())].concat()
    }
}

/// Draws that are known in advance, first to last.
pub(crate) struct Draws(pub(super) Vec<u8>);

impl Entropy for Draws {
    fn fill(&mut self, out: &mut [u8]) {
        let length = out.len();
        let drawn = self.0.drain(..length.min(self.0.len()));
        for (to, from) in out.iter_mut().zip(drawn) {
            *to = from;
        }
    }
}

/// Every value of one exchange, under its name in the specification.
pub(crate) struct Exchange {
    pub(crate) m1: Vec<u8>,
    pub(crate) hello: Vec<u8>,
    pub(crate) pos: Proof,
    pub(crate) his: Proof,
    pub(crate) m2: Vec<u8>,
    pub(crate) m3: Vec<u8>,
    pub(crate) hashes: [[u8; 32]; 8],
    pub(crate) shared: [u8; 32],
    th2: TranscriptHash<2>,
    th5: TranscriptHash<5>,
    th8: TranscriptHash<8>,
}

/// What one side proves itself with.
#[derive(Clone)]
pub(crate) struct Proof {
    pub(crate) identity: Vec<u8>,
    pub(crate) signature: [u8; 64],
    pub(crate) confirm: [u8; 32],
}

impl Proof {
    /// The serialised Auth.
    pub(crate) fn auth(&self) -> Vec<u8> {
        [content(1, &self.identity), content(2, &self.signature), content(3, &self.confirm)].concat()
    }
}

/// Runs the exchange under the agreement with this payload. `version` and `suite` are the choice of the POS.
pub(crate) fn run(
    his: &Party,
    pos: &Party,
    agreement: &[u8],
    choice: (u32, u32),
) -> Result<Exchange, String> {
    let m1 = m1(his, agreement, &his.shares());
    let hello = hello(pos, choice, &pos.ephemeral().share());
    let shared = pos.ephemeral().agree(&his.ephemeral().share()).map_err(|_| "a share of small order")?;
    let ss = *shared.expose();

    let t1 = Transcript::new(&sha256(&[agreement])).m1(&m1);
    let t2 = t1.clone().hello(&hello);
    let (th2, after_hello) = (t2.hash(), AfterHello::new(&shared, &t2.hash()));

    let identity = pos.identity();
    let t3 = t2.pos_identity(&identity);
    let signature = ed25519_sign(&pos.seed(), b"hispos/1 pos auth", t3.hash().as_bytes());
    let t4 = t3.clone().pos_signature(&signature);
    let confirm = after_hello.pos_confirm(&t4.hash());
    let t5 = t4.clone().pos_confirm(&confirm);
    let pos = Proof { identity, signature, confirm };
    let th5 = t5.hash();
    let (after_pos, sealed) = after_hello.pos_is_self(&th5, &pos.auth());

    let identity = his.identity();
    let t6 = t5.clone().his_identity(&identity);
    let signature = ed25519_sign(&his.seed(), b"hispos/1 his auth", t6.hash().as_bytes());
    let t7 = t6.clone().his_signature(&signature);
    let confirm = after_pos.his_confirm(&t7.hash());
    let t8 = t7.clone().his_confirm(&confirm);
    let his = Proof { identity, signature, confirm };
    let th8 = t8.hash();
    let (_, m3) = after_pos.his_is_self(&th8, &his.auth());

    let m2 = reply(&hello, &sealed);
    let hashes = [
        *t1.hash().as_bytes(),
        *th2.as_bytes(),
        *t3.hash().as_bytes(),
        *t4.hash().as_bytes(),
        *th5.as_bytes(),
        *t6.hash().as_bytes(),
        *t7.hash().as_bytes(),
        *th8.as_bytes(),
    ];
    Ok(Exchange { m1, hello, pos, his, m2, m3, hashes, shared: ss, th2, th5, th8 })
}

impl Exchange {
    fn after_hello(&self) -> AfterHello {
        AfterHello::new(&Secret::new(self.shared), &self.th2)
    }

    fn after_pos(&self) -> AfterPos {
        self.after_hello().pos_is_self(&self.th5, &self.pos.auth()).0
    }

    /// The body of an M2 with another Auth, sealed as it has to be.
    pub(crate) fn m2_with(&self, auth: &[u8]) -> Vec<u8> {
        reply(&self.hello, &self.after_hello().pos_is_self(&self.th5, auth).1)
    }

    /// The body of an M3 with another Auth, sealed as it has to be.
    pub(crate) fn m3_with(&self, auth: &[u8]) -> Vec<u8> {
        self.after_pos().his_is_self(&self.th8, auth).1
    }

    /// One end's two directions of records.
    pub(crate) fn records(&self, own: Side) -> (Sealer, Opener) {
        self.after_pos().his_is_self(&self.th8, &self.his.auth()).0.records(own)
    }

    /// The secrets of the schedule, each with its name.
    pub(crate) fn secrets(&self) -> Secrets {
        let [_, th2, _, _, th5, _, _, th8] = &self.hashes;
        let prk1 = extract(&[0; 32], &self.shared);
        let (hs_p, hs_h) = (label::<32>(&prk1, b"hs pos", th2), label::<32>(&prk1, b"hs his", th2));
        let prk2 = extract(label::<32>(&prk1, b"derived", th5).expose(), &[0; 32]);
        Secrets {
            key_p: *label(&hs_p, b"key", &[]).expose(),
            iv_p: *label(&hs_p, b"iv", &[]).expose(),
            key_h: *label(&hs_h, b"key", &[]).expose(),
            iv_h: *label(&hs_h, b"iv", &[]).expose(),
            ap_h: *label(&prk2, b"ap his", th8).expose(),
            ap_p: *label(&prk2, b"ap pos", th8).expose(),
            tag: *label(&prk2, b"tag", th8).expose(),
            prk1: *prk1.expose(),
            hs_p: *hs_p.expose(),
            hs_h: *hs_h.expose(),
            prk2: *prk2.expose(),
        }
    }
}

/// What the key schedule keeps to itself.
pub(crate) struct Secrets {
    pub(crate) prk1: [u8; 32],
    pub(crate) hs_p: [u8; 32],
    pub(crate) hs_h: [u8; 32],
    pub(crate) key_p: [u8; 32],
    pub(crate) iv_p: [u8; 12],
    pub(crate) key_h: [u8; 32],
    pub(crate) iv_h: [u8; 12],
    pub(crate) prk2: [u8; 32],
    pub(crate) ap_h: [u8; 32],
    pub(crate) ap_p: [u8; 32],
    pub(crate) tag: [u8; 1],
}

/// `T0` under the agreement with this payload.
pub(crate) fn t0(agreement: &[u8]) -> Vec<u8> {
    [&[44], b"hispos/1\0\0\0\x20".as_slice(), &sha256(&[agreement])].concat()
}

/// The body of M1 with these key shares.
pub(crate) fn m1(his: &Party, agreement: &[u8], shares: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let agreement = sha256(&[agreement]);
    let mut body = b"hsp1".to_vec();
    body.extend(packed(1, &his.versions));
    body.extend(packed(2, &his.suites));
    body.extend(content(3, &his.nonce));
    for (group, key) in shares {
        body.extend(content(4, &[number(1, *group), content(2, key)].concat()));
    }
    body.extend(content(5, agreement.get(..8).unwrap_or_default()));
    body.extend(extensions(&his.extensions));
    body
}

/// A serialised PosHello.
pub(crate) fn hello(pos: &Party, (version, suite): (u32, u32), share: &[u8]) -> Vec<u8> {
    let mut hello = [number(1, version), number(2, suite)].concat();
    hello.extend(content(3, &pos.nonce));
    hello.extend(content(4, share));
    hello.extend(extensions(&pos.extensions));
    hello
}

/// The body of M2.
pub(crate) fn reply(hello: &[u8], sealed: &[u8]) -> Vec<u8> {
    [content(1, hello), content(2, sealed)].concat()
}

fn extensions(extensions: &[(u32, Vec<u8>)]) -> Vec<u8> {
    extensions
        .iter()
        .flat_map(|(id, data)| content(15, &[number(1, *id), content(2, data)].concat()))
        .collect()
}

fn packed(field: u32, values: &[u32]) -> Vec<u8> {
    content(field, &values.iter().flat_map(|value| varint(*value)).collect::<Vec<u8>>())
}

/// A number field; nothing for zero.
pub(crate) fn number(field: u32, value: u32) -> Vec<u8> {
    if value == 0 { Vec::new() } else { [varint(field << 3), varint(value)].concat() }
}

/// A field of bytes, text or a message; nothing if empty.
pub(crate) fn content(field: u32, value: &[u8]) -> Vec<u8> {
    if value.is_empty() {
        return Vec::new();
    }
    [varint(field << 3 | 2), varint(value.len() as u32), value.to_vec()].concat()
}

fn varint(mut value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7F {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
