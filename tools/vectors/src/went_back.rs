//! Conversations of a HIS whose ledger went back: what it waits for, pulls again, and does not make.

use hispos::book::{Batch, Index, RowKey, Table, Write};
use prost_reflect::Value;

use crate::asked::raw;
use crate::draws::known;
use crate::example::platform;
use crate::fields::Fields;
use crate::lines::started;
use crate::pair::{End, Pair};
use crate::played::{Played, SILENCE};
use crate::questions::Ids;
use crate::schema::Schema;
use crate::shows::{HIS_MADE, HIS_UP, Story, story};
use crate::signed::met;
use crate::site::{DAY, DEVICE, SITE, UNIX};

const WAITS: Ids = &[HIS_UP, HIS_MADE, "BOK-37 BOK-39 ORD-161"];
const ANEW: Ids = &[HIS_UP, HIS_MADE, "BOK-37 BOK-38 ORD-161"];
const PULLS: Ids = &[HIS_UP, "BOK-39 BOK-40 ORD-161 ORD-219 ORD-223"];
const AHEAD: Ids = &["ORD-67"];

const fn his(comment: &'static str, ids: Ids, lived: fn() -> Result<Pair, String>) -> Story {
    story(comment, ids, &[], lived)
}

pub(crate) const STORIES: &[Story] = &[
    his("a ledger that went back waits, and then HIS collects", WAITS, waits::<0>),
    his("a ledger that went back is collected from while it waits", WAITS, waits::<1>),
    his("a ledger that went back waits while the POS is down", WAITS, waits::<2>),
    his("HIS starts again while a ledger that went back waits", ANEW, again::<200_000>),
    his("HIS starts again shortly before a ledger that went back has waited", ANEW, again::<390_000>),
    his("HIS starts again twice while a ledger that went back waits", ANEW, again::<0>),
    his("HIS collects before the list is pulled that a ledger asks for that went back", PULLS, pulls::<0>),
    his("a ledger that went back knows a place far behind in the list", PULLS, pulls::<1>),
    his("a ledger that went back knows a place of the list", PULLS, pulls::<2>),
    his("a ledger that went back knows a place of another book's list", PULLS, pulls::<3>),
    his("the POS has seen a later ledger, and a bill is collected", AHEAD, ahead::<0>),
    his("the POS has seen another ledger, and a bill is collected", AHEAD, ahead::<1>),
    his("the POS has seen another record of the ledger, and a bill is collected", AHEAD, ahead::<2>),
];

fn row(schema: &Schema, table: Table, key: &str, name: &str, fields: &Fields<'_>) -> Result<Write, String> {
    let bytes = schema.encode(name, fields)?;
    Ok(Write { key: RowKey::new(table, key), bytes, index: Index::default() })
}

/// A ledger whose restore was declared: it waits or has waited, and knows this much of the list.
fn restored(waiting: bool, peer: &Fields<'_>) -> Result<Pair, String> {
    let schema = Schema::load()?;
    let site = vec![
        ("waiting", Value::Bool(waiting)),
        ("pulling", Value::Bool(true)),
        ("search_until", Value::U64(UNIX + 345_600)),
    ];
    let mut write = vec![row(&schema, Table::Site, SITE, "SiteRow", &site)?];
    if !peer.is_empty() {
        write.push(row(&schema, Table::Peer, DEVICE, "PeerRow", peer)?);
    }
    Pair::of_ledger(&Batch { read: Vec::new(), write }, platform, Box::new(|_, _| true))
}

fn of_list(book: &[u8], seq: u64) -> Fields<'static> {
    vec![("pulled_book", raw(book)), ("pulled_seq", Value::U64(seq))]
}

/// From the start of the program on.
const WAIT: u64 = 392_000;

fn waits<const WHAT: u32>() -> Result<Pair, String> {
    let mut pair = restored(true, &of_list(&known::<8>("journal book"), 1))?;
    if WHAT == 2 {
        pair.start(End::His)?;
        pair.pass(300_000);
        pair.start(End::Pos)?;
        pair.pass(2_000);
    } else {
        pair = started(pair)?;
        pair.pass(2_000);
    }
    if WHAT == 1 {
        pair.collect_in_vain("bill-1", 8_800, DAY)?;
        pair.pass(WAIT - 4_000);
        pair.collect_in_vain("bill-1", 8_800, DAY)?;
    }
    let since = pair.now - crate::pair::BEGIN;
    pair.pass(WAIT + 4_000 - since);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(2_000);
    Ok(pair)
}

fn again<const AT: u64>() -> Result<Pair, String> {
    let mut pair = started(restored(true, &of_list(&known::<8>("journal book"), 1))?)?;
    let starts: &[u64] = if AT == 0 { &[100_000, 100_000] } else { &[AT] };
    for after in starts {
        pair.pass(*after);
        pair.kill(End::His);
        pair.start(End::His)?;
    }
    pair.pass(WAIT - 2_000);
    pair.collect_in_vain("bill-1", 8_800, DAY)?;
    pair.pass(6_000);
    pair.collect("bill-1", 8_800, DAY)?;
    pair.pass(1_000);
    Ok(pair)
}

fn pulls<const WHAT: u32>() -> Result<Pair, String> {
    let peer = match WHAT {
        2 => of_list(&known::<8>("journal book"), 5),
        3 => of_list(&[9; 8], 5),
        1 => of_list(&known::<8>("journal book"), 5_000_000_000),
        _ => Fields::new(),
    };
    let mut played: Played = met(restored(false, &peer)?)?;
    played.live(3_000, &|body, _| (body == "list_orders").then_some(SILENCE))?;
    played.pair.collect_in_vain("bill-1", 8_800, DAY)?;
    // The list is asked for again, and comes to its end.
    played.live(10_000, &|_, _| None)?;
    played.pair.collect("bill-1", 8_800, DAY)?;
    played.live(200, &|_, _| None)?;
    Ok(played.pair)
}

fn ahead<const WHAT: u32>() -> Result<Pair, String> {
    let mut played = met(Pair::new(platform, Box::new(|_, _| true))?)?;
    let (book, seq) = match WHAT {
        1 => ([9; 8], 2_u64),
        2 => (known::<8>("ledger book"), 2),
        _ => (known::<8>("ledger book"), 900),
    };
    let anchor = [book.as_slice(), &seq.to_be_bytes(), &[5; 8]].concat();
    let reply = vec![("ledger_seen", raw(&anchor))];
    played.live(2_000, &|body, _| match body {
        "sync" => Some(("sync_reply", "SyncReply", reply.clone())),
        _ => None,
    })?;
    played.pair.collect_in_vain("bill-1", 8_800, DAY)?;
    played.live(40_000, &|_, _| None)?;
    Ok(played.pair)
}
