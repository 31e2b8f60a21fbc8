//! Conversations about requests of somebody who holds the keys of HIS: looks, and orders that need other merchants.

use hispos::platform::{Ask, Channel, Proof, Request};
use prost_reflect::Value;

use crate::asked::{raw, request};
use crate::fields::{Fields, collect_fields, refund_fields, text, with};
use crate::pair::{End, Pair};
use crate::paying::{Answer, absent};
use crate::questions::{Ids, alive, pos};
use crate::requests::Made;
use crate::scene::{Scene, Stage};
use crate::schema::Schema;
use crate::shows::{POS_UP, Story};

const ALIVE: Ids = &[POS_UP, "ORD-97 PAY-49 PAY-50 PAY-52"];
const RESET: Ids = &[POS_UP, "ORD-97 PAY-48 PAY-50 PAY-51"];
const NEEDED: Ids = &[POS_UP, "PAY-32"];
const VERIFIED: Ids = &[POS_UP, "PAY-33 PAY-35"];

pub(crate) const STORIES: &[Story] = &[
    pos("another device's order is alive three times", ALIVE, looked::<0>),
    pos("an order that the POS does not know is alive beyond its expiry", ALIVE, looked::<1>),
    pos("alive comes between answers absent", RESET, looked::<2>),
    pos("alive comes between answers absent of Alipay", RESET, looked::<3>),
    pos("absent comes between answers alive", RESET, looked::<4>),
    pos("Alipay is not verified and a collect comes", NEEDED, needed::<0>),
    pos("Alipay is not verified and a refund of WeChat Pay comes", NEEDED, needed::<1>),
    pos("Alipay is not verified and a refund of Alipay comes", NEEDED, needed::<2>),
    pos("a collect comes before and after WeChat Pay is verified", VERIFIED, verified::<0>),
    pos("a collect comes before and after Alipay takes its merchant", VERIFIED, verified::<1>),
    pos("a collect comes before and after both merchants are verified", VERIFIED, verified::<2>),
];

/// What a request says, sent by somebody who holds the keys of HIS.
fn told(
    scene: &mut Scene,
    body: &'static str,
    name: &str,
    fields: impl FnOnce(&Made<'_>) -> Result<Fields<'static>, String>,
) -> Result<(), String> {
    let schema = Schema::load()?;
    let made = Made { schema: &schema, run: scene.pos_run()? };
    let plaintext = request(&schema, body, name, &fields(&made)?)?;
    scene.give(End::Pos, &plaintext).map(|_| ())
}

/// A look at an order that the POS does not know, of another device or its own, while the numbers say this.
fn looked<const WHAT: u32>() -> Result<Pair, String> {
    let mut asked = [0_u32, 0];
    let mut scene = Scene::among(Stage::Synced, move |ask| {
        if matches!(ask.request, Request::Verify) {
            return Some((Proof::Verified, "SUCCESS"));
        }
        let [wechat, alipay] = &mut asked;
        let is_wechat = ask.merchant.channel == Channel::Wechat;
        let count = if is_wechat { wechat } else { alipay };
        *count += 1;
        match (WHAT, is_wechat, *count) {
            // Behind the questions at the fence, the last one before the instant of the expiry.
            (4, true, 11) => absent(),
            (0 | 1 | 4, true, _) | (2, true, 4) | (3, false, 4) => alive(),
            _ => absent(),
        }
    })?;
    scene.pair.kill(End::His);
    told(&mut scene, "look_up", "LookUp", |made| {
        let device = if WHAT == 0 { "POS-0002" } else { "POS-0001" };
        Ok(vec![("core", raw(&made.core(&with(&collect_fields(), "device_id", text(device)))?))])
    })?;
    scene.pair.pass(match WHAT {
        0 => 25_000,
        2 | 3 => 160_000,
        _ => 260_000,
    });
    Ok(scene.pair)
}

/// A site of which the merchants are verified as this says, and all numbers are absent.
fn merchants(mut verify: impl FnMut(&Ask) -> Answer + 'static) -> Result<Scene, String> {
    Scene::among(Stage::Synced, move |ask| match ask.request {
        Request::Verify => verify(ask),
        _ => absent(),
    })
}

fn needed<const ORDER: u32>() -> Result<Pair, String> {
    let mut scene = merchants(|ask| match ask.merchant.channel {
        Channel::Wechat => Some((Proof::Verified, "SUCCESS")),
        _ => None,
    })?;
    told(&mut scene, "submit_order", "SubmitOrder", |made| {
        let of = |channel: i32| -> Result<Fields<'static>, String> {
            let original = with(&refund_fields(), "channel", Value::EnumNumber(channel));
            let original = Value::Message(made.schema.build("RefundOf", &original)?);
            Ok(with(&made.refund()?, "refund_of", original))
        };
        match ORDER {
            0 => made.submit(&collect_fields()),
            1 => made.submit(&of(1)?),
            _ => made.submit(&of(2)?),
        }
    })?;
    scene.pair.pass(100);
    Ok(scene.pair)
}

fn verified<const WHICH: u32>() -> Result<Pair, String> {
    let mut asked = [0_u32, 0];
    let mut scene = merchants(move |ask| {
        let [wechat, alipay] = &mut asked;
        let is_wechat = ask.merchant.channel == Channel::Wechat;
        let count = if is_wechat { wechat } else { alipay };
        *count += 1;
        match (WHICH, is_wechat, *count) {
            (0, true, 1) => None,
            (1, false, 1) => Some((Proof::MerchantRefused, "40006")),
            (2, _, 1) => Some((Proof::Open, "SYSTEMERROR")),
            _ => Some((Proof::Verified, "SUCCESS")),
        }
    })?;
    scene.pair.kill(End::His);
    told(&mut scene, "submit_order", "SubmitOrder", |made| made.submit(&collect_fields()))?;
    scene.pair.pass(61_000);
    told(&mut scene, "submit_order", "SubmitOrder", |made| made.submit(&collect_fields()))?;
    scene.pair.pass(500);
    Ok(scene.pair)
}
