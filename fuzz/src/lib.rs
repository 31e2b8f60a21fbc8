//! What the targets share: two peers whose keys the harness holds, and input that edits bytes.

mod peers;

use hispos::crypto::hash::sha256;
use hispos::crypto::kex::Ephemeral;
use hispos::crypto::{Entropy, Secret, ed25519_public, ed25519_sign};
use hispos::key_schedule::AfterHello;
use hispos::transcript::Transcript;
use peers::{AGREEMENT, End};

const HIS: End = ("HIS-1", [0x11; 32]);
const POS: End = ("POS-1", [0x22; 32]);
const NONCE: [u8; 16] = [0x33; 16];
const HIS_EPHEMERAL: [u8; 32] = [0x44; 32];
const POS_EPHEMERAL: [u8; 32] = [0x55; 32];

/// Gives out these bytes, in order.
#[derive(Clone)]
pub struct Script(Vec<u8>);

impl Entropy for Script {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0[..out.len()]);
        self.0.drain(..out.len());
    }
}

/// Both ends, whose draws the harness knows.
pub type Peers = peers::Peers<Script>;

impl Default for Peers {
    fn default() -> Self {
        let draws = |ephemeral: &[u8]| Script([&NONCE, ephemeral].concat());
        Self::new(HIS, POS, draws(&HIS_EPHEMERAL), draws(&POS_EPHEMERAL))
    }
}

/// The exchange with its secrets, so that the harness can seal what a peer never would.
pub struct Insider {
    shared: Secret<32>,
    m1: Vec<u8>,
    hello: Vec<u8>,
}

impl Insider {
    /// Behind the honest M1, with this PosHello; `None` is the honest one.
    pub fn new(m1: &[u8], hello: Option<Vec<u8>>) -> Self {
        let ephemeral = |draw: [u8; 32]| Ephemeral::draw(&mut Script(draw.to_vec()));
        let (his, pos) = (ephemeral(HIS_EPHEMERAL), ephemeral(POS_EPHEMERAL));
        let shared = pos.agree(&his.share()).expect("a share");
        let honest = || [&[8, 1, 16, 1][..], &content(3, &NONCE), &content(4, &pos.share())].concat();
        Self { shared, m1: m1.to_vec(), hello: hello.unwrap_or_else(honest) }
    }

    pub fn hello(&self) -> &[u8] {
        &self.hello
    }

    fn transcript(&self) -> Transcript<2> {
        Transcript::new(&sha256(&[AGREEMENT])).m1(&self.m1).hello(&self.hello)
    }

    fn keys(&self) -> AfterHello {
        AfterHello::new(&self.shared, &self.transcript().hash())
    }

    /// Identity, signature and confirmation of the POS, and the transcript behind them.
    fn pos_proof(&self) -> (Vec<u8>, Transcript<5>) {
        let identity = identity(POS);
        let t3 = self.transcript().pos_identity(&identity);
        let signature = ed25519_sign(&Secret::new(POS.1), b"hispos/1 pos auth", t3.hash().as_bytes());
        let t4 = t3.pos_signature(&signature);
        let confirm = self.keys().pos_confirm(&t4.hash());
        (auth(&identity, &signature, &confirm), t4.pos_confirm(&confirm))
    }

    /// The honest Auth of the POS.
    pub fn pos_auth(&self) -> Vec<u8> {
        self.pos_proof().0
    }

    /// The body of an M2 around this Auth, sealed as it has to be.
    pub fn m2(&self, auth: &[u8]) -> Vec<u8> {
        let th5 = self.pos_proof().1.hash();
        let (_, sealed) = self.keys().pos_is_self(&th5, auth);
        [content(1, &self.hello), content(2, &sealed)].concat()
    }

    /// The honest Auth of HIS, and the M3 around another one, sealed as it has to be.
    pub fn m3(&self, tampered: impl FnOnce(&[u8]) -> Vec<u8>) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let (pos_auth, t5) = self.pos_proof();
        let (keys, _) = self.keys().pos_is_self(&t5.hash(), &pos_auth);
        let identity = identity(HIS);
        let t6 = t5.his_identity(&identity);
        let signature = ed25519_sign(&Secret::new(HIS.1), b"hispos/1 his auth", t6.hash().as_bytes());
        let t7 = t6.his_signature(&signature);
        let confirm = keys.his_confirm(&t7.hash());
        let t8 = t7.his_confirm(&confirm);
        let honest = auth(&identity, &signature, &confirm);
        let other = tampered(&honest);
        let (_, m3) = keys.his_is_self(&t8.hash(), &other);
        (honest, other, m3)
    }
}

fn identity((id, seed): End) -> Vec<u8> {
    [content(1, id.as_bytes()), content(2, &ed25519_public(&Secret::new(seed)))].concat()
}

fn auth(identity: &[u8], signature: &[u8], confirm: &[u8]) -> Vec<u8> {
    [content(1, identity), content(2, signature), content(3, confirm)].concat()
}

fn content(field: u8, value: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(value.len()) {
        Ok(short) if short < 0x80 => vec![short],
        _ => vec![(value.len() & 0x7F) as u8 | 0x80, (value.len() >> 7) as u8],
    };
    [&[field << 3 | 2], length.as_slice(), value].concat()
}

/// Edits bytes as the input says. Each edit has four: where (two), what, and with which value.
pub fn edited(original: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut out = original.to_vec();
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % (out.len() + 1);
        match edit[2] % 4 {
            0 if at < out.len() => out[at] ^= edit[3],
            1 => out.insert(at, edit[3]),
            2 if at < out.len() => drop(out.remove(at)),
            3 => out.truncate(at),
            _ => {}
        }
    }
    out
}
