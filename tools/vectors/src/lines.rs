//! Lines that lose what a story says, and the first stories.

use std::cell::Cell;
use std::rc::Rc;

use hispos::frame::{Decoder, FrameType, Side as Receiver};
use hispos::platform::Channel;

use crate::example::platform;
use crate::hex::bytes;
use crate::pair::{End, Pair, kind_of};
use crate::site::DAY;
use crate::story::{Out, What};

/// Both programs start; the first `lost` frames of this type, behind `skipped` others of it, do not arrive.
pub(crate) fn losing(kind: FrameType, skipped: usize, lost: usize) -> Result<Pair, String> {
    let mut seen = 0;
    let line = move |end: End, wire: &[u8]| {
        if kind_of(end, wire) != Some(kind) {
            return true;
        }
        seen += 1;
        !(skipped < seen && seen <= skipped.saturating_add(lost))
    };
    started(Pair::new(platform, Box::new(line))?)
}

pub(crate) fn started(mut pair: Pair) -> Result<Pair, String> {
    pair.start(End::Pos)?;
    pair.start(End::His)?;
    Ok(pair)
}

pub(crate) fn calm() -> Result<Pair, String> {
    started(Pair::new(platform, Box::new(|_, _| true))?)
}

/// A collect waits for a code.
pub(crate) fn waiting(mut pair: Pair) -> Result<Pair, String> {
    pair.pass(2_000);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(1_000);
    Ok(pair)
}

pub(crate) fn lost_ready() -> Result<Pair, String> {
    let mut pair = losing(FrameType::PosRecord, 0, 1)?;
    pair.pass(5_000);
    Ok(pair)
}

pub(crate) fn lost_m1() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M1, 0, 4)?;
    pair.pass(14_000);
    Ok(pair)
}

pub(crate) fn lost_m3() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, 2)?;
    pair.pass(6_000);
    Ok(pair)
}

/// The frames of a type that an end has sent.
pub(crate) fn sent(pair: &Pair, end: End, kind: FrameType) -> Vec<Vec<u8>> {
    let log = pair.log.get(if end == End::His { 0 } else { 1 }).map(Vec::as_slice).unwrap_or_default();
    let frames = log.iter().filter_map(|happening| match &happening.what {
        What::Out(Out::Transmit(text)) => bytes(text).ok(),
        _ => None,
    });
    frames.filter(|frame| kind_of(end, frame) == Some(kind)).collect()
}

pub(crate) fn stale_m2() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(1_000);
    let old = sent(&pair, End::Pos, FrameType::M2).into_iter().next().ok_or("no M2")?;
    pair.kill(End::His);
    pair.pass(500);
    pair.start(End::His)?;
    pair.inject(End::His, &old);
    pair.pass(3_000);
    pair.inject(End::His, &old);
    pair.pass(500);
    Ok(pair)
}

pub(crate) fn forgotten_candidate() -> Result<Pair, String> {
    let mut pair = losing(FrameType::M3, 0, 1)?;
    pair.pass(500);
    pair.kill(End::Pos);
    pair.start(End::Pos)?;
    pair.pass(9_000);
    Ok(pair)
}

pub(crate) fn cancelled_before_it_came() -> Result<Pair, String> {
    let lost = Rc::new(Cell::new(false));
    let losing = lost.clone();
    let line = move |end: End, _: &[u8]| !(end == End::His && losing.get());
    let mut pair = started(Pair::new(platform, Box::new(line))?)?;
    pair.pass(2_000);
    lost.set(true);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(2_500);
    let order = pair.made().ok_or("no order")?;
    lost.set(false);
    pair.cancel(&order)?;
    pair.pass(5_000);
    Ok(pair)
}

pub(crate) fn restarted_pos() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    pair.kill(End::Pos);
    pair.pass(200);
    pair.start(End::Pos)?;
    pair.pass(15_000);
    Ok(pair)
}

pub(crate) fn restarted_his() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    pair.kill(End::His);
    pair.pass(200);
    pair.start(End::His)?;
    pair.pass(5_000);
    Ok(pair)
}

/// A paid collect on a line that loses what carries results after this many frames of the type.
pub(crate) fn paid(kind: FrameType, lost: usize) -> Result<Pair, String> {
    let (from, gone) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
    let (losing, count) = (from.clone(), gone);
    let line = move |end: End, wire: &[u8]| {
        if !losing.get() || kind_of(end, wire) != Some(kind) || count.get() == lost {
            return true;
        }
        count.set(count.get() + 1);
        false
    };
    let mut pair = waiting(started(Pair::new(platform, Box::new(line))?)?)?;
    pair.scan(Channel::Wechat, "134567890123456789")?;
    pair.pass(100);
    from.set(true);
    pair.pass(20_000);
    Ok(pair)
}

pub(crate) fn lost_reports() -> Result<Pair, String> {
    paid(FrameType::PosRecord, 3)
}

pub(crate) fn lost_confirmations() -> Result<Pair, String> {
    paid(FrameType::HisRecord, 2)
}

/// The result that HIS confirms before it closes.
pub(crate) const PAID: u8 = 0;
pub(crate) const CANCELLED: u8 = 1;
pub(crate) const FORGOTTEN: u8 = 2;

/// The confirmation of a result and the end of its session come in one piece.
pub(crate) fn last_word<const OF: u8>() -> Result<Pair, String> {
    let mute = Rc::new(Cell::new(false));
    let muted = mute.clone();
    let line = move |end: End, _: &[u8]| !(end == End::His && muted.get());
    let mut pair = waiting(started(Pair::new(platform, Box::new(line))?)?)?;
    match OF {
        CANCELLED => {
            let order = pair.made().ok_or("no order")?;
            pair.cancel(&order)?;
            // The request is on its way.
            pair.pass(10);
        }
        FORGOTTEN => pair.pass(88_005),
        _ => pair.scan(Channel::Wechat, "134567890123456789")?,
    }
    let before = sent(&pair, End::His, FrameType::HisRecord).len();
    mute.set(true);
    pair.pass(1_000);
    pair.close(End::His);
    let piece: Vec<u8> =
        sent(&pair, End::His, FrameType::HisRecord).into_iter().skip(before).flatten().collect();
    pair.inject(End::Pos, &piece);
    pair.pass(100);
    Ok(pair)
}

pub(crate) fn idle() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(85_000);
    Ok(pair)
}

pub(crate) fn silent() -> Result<Pair, String> {
    let mute = Rc::new(Cell::new(false));
    let muted = mute.clone();
    let mut pair = started(Pair::new(platform, Box::new(move |_, _| !muted.get()))?)?;
    pair.pass(2_000);
    mute.set(true);
    pair.pass(70_000);
    mute.set(false);
    pair.pass(6_000);
    Ok(pair)
}

pub(crate) fn closed_by_his() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(2_000);
    pair.close(End::His);
    pair.pass(100);
    Ok(pair)
}

pub(crate) fn closed_by_pos() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(2_000);
    pair.close(End::Pos);
    pair.pass(12_000);
    Ok(pair)
}

pub(crate) fn forged() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(31_000);
    let record = sent(&pair, End::His, FrameType::HisRecord).into_iter().next_back().ok_or("no record")?;
    let mut decoder = Decoder::new(Receiver::Pos);
    let mut unread = record.as_slice();
    let body = decoder.next_frame(&mut unread).ok_or("no frame")?.map_err(|_| "a drop")?.body.to_vec();
    for counter in 100..109_u32 {
        let header = [body.get(..1).unwrap_or_default(), &counter.to_be_bytes()].concat();
        let body = [header.as_slice(), body.get(5..).unwrap_or_default()].concat();
        let wire = crate::streams::encode(FrameType::HisRecord, &body)?;
        pair.inject(End::Pos, &wire);
        pair.pass(100);
    }
    pair.pass(3_000);
    Ok(pair)
}

pub(crate) fn busy() -> Result<Pair, String> {
    let mut pair = calm()?;
    pair.pass(2_000);
    pair.fail_journal();
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(1_000);
    pair.reopen(End::Pos);
    pair.kill(End::His);
    pair.start(End::His)?;
    pair.pass(12_000);
    Ok(pair)
}

pub(crate) fn cancelled() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    let order = pair.made().ok_or("no order")?;
    pair.cancel(&order)?;
    pair.pass(2_000);
    Ok(pair)
}

pub(crate) fn no_code() -> Result<Pair, String> {
    let mut pair = waiting(calm()?)?;
    pair.pass(95_000);
    Ok(pair)
}
