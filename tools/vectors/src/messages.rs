//! Messages that come in a session: what each says, and exactly what the receiver sends.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::asked::{NO_MESSAGE, Row};
use crate::case::{Case, Cases, Fault, Side};
use crate::hex::hex;
use crate::pair::End;
use crate::reports;
use crate::requests;
use crate::scene::{Scene, Stage, said};
use crate::schema::Schema;
use crate::site::{DEVICE, SITE, SOFTWARE, TERMINAL, UNIX};

/// Messages, and the sessions in which they come.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// How to check this file, in words.
    check: Vec<&'static str>,
    site: Site,
    /// The core that HIS has sent in the state `sent`.
    sent_order: String,
    /// By name: what holds before the message comes.
    states: BTreeMap<&'static str, State>,
    cases: Vec<Case<Given>>,
}

/// What holds in every case.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Site {
    site_id: &'static str,
    device_id: &'static str,
    terminal_id: &'static str,
    software: &'static str,
    device_key: String,
    agreement: String,
    /// Unix seconds when the session began.
    unix: u64,
}

/// A session.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct State {
    /// Milliseconds since the session's zero at the POS.
    session_ms: u64,
    /// The run of the POS.
    run: String,
    /// The journal's id and latest anchor, and the latest ledger anchor in it.
    journal: String,
    ledger_seen: String,
    /// What the POS knows of the one order: what it sends about it.
    order: Option<Known>,
    /// The latest number of the order's row in the journal.
    order_seq: u64,
    /// The merchants of the agreement are verified.
    verified: bool,
    /// The journal takes new orders.
    room: bool,
}

/// An order that is held.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Known {
    core: String,
    /// Instant of session time in milliseconds.
    start_by_ms: u64,
    result: Option<String>,
    signature: Option<String>,
}

/// One message.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Given {
    receiver: Side,
    state: &'static str,
    /// The plaintext of the record.
    plaintext: String,
    /// What it says; absent: it is no Message.
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded: Option<Json>,
    /// What the receiver sends at once, decoded.
    sent: Vec<Json>,
    /// The session stands afterwards.
    stands: bool,
}

/// Every case.
pub(crate) fn file(schema: &Schema) -> Result<File, String> {
    let mut scenes = BTreeMap::new();
    for stage in Stage::ALL {
        scenes.insert(stage.name(), state(schema, &Scene::open(stage)?)?);
    }
    let mut cases = Cases::new(Vec::new());
    let mut site = None;
    let rows = [requests::rows(schema)?, reports::rows(schema)?, requests::later(schema)?].concat();
    let mut wrong = Vec::new();
    for row in rows {
        let scene = Scene::open(row.stage)?;
        if site.is_none() {
            site = Some(shown(&scene)?);
        }
        wrong.extend(add(&mut cases, schema, scene, &row).err());
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    Ok(File {
        check: vec![
            "A session as `site` and `states` say has come so far; then a record with `plaintext` opens at `receiver`.",
            "Of HIS, Sync and ListOrders were its calls 1 and 2, and are answered; in `sent` its SubmitOrder, call 3, is \
             open.",
            "`decoded` is what the plaintext says, of several bodies the last one; `sent` is what the receiver sends in the session because of it, in \
             order; `stands` says whether the session goes on.",
            "`ledger` of a ConfirmResult is the anchor of the receiver's own book and not to be derived.",
            "An invalid message breaks `reason`; `reaction` names the answer, and `sent` shows it.",
        ],
        site: site.ok_or("no case")?,
        sent_order: hex(&reports::sent_core(&Scene::open(Stage::Sent)?)?),
        states: scenes,
        cases: cases.into_cases(),
    })
}

fn shown(scene: &Scene) -> Result<Site, String> {
    Ok(Site {
        site_id: SITE,
        device_id: DEVICE,
        terminal_id: TERMINAL,
        software: SOFTWARE,
        device_key: hex(&hispos::crypto::ed25519_public(&crate::site::seed("device"))),
        agreement: hex(scene.pair.site().agreement.payload()),
        unix: UNIX,
    })
}

fn state(schema: &Schema, scene: &Scene) -> Result<State, String> {
    let (mut order, mut order_seq, mut ledger_seen) = (None, 0, String::new());
    for (seq, (record, _)) in (1_u64..).zip(&scene.pair.journal.records) {
        let read = hispos::book::decode_record(record).map_err(|error| error.to_string())?;
        match read.row.key.table.code() {
            2 => {
                let row = schema.decoded("PosOrder", &read.row.bytes)?;
                let text = |name: &str| row.get(name).and_then(Json::as_str).map(str::to_owned);
                let start = row.get("start_by").and_then(Json::as_u64).unwrap_or_default();
                let zero = scene.pair.now - scene.session_ms();
                order = Some(Known {
                    core: text("core").unwrap_or_default(),
                    start_by_ms: start - zero,
                    result: text("result"),
                    signature: text("signature"),
                });
                order_seq = seq;
            }
            5 => {
                let row = schema.decoded("PeerRow", &read.row.bytes)?;
                row.get("anchor").and_then(Json::as_str).unwrap_or_default().clone_into(&mut ledger_seen);
            }
            _ => {}
        }
    }
    let records = &scene.pair.journal.records;
    let (_, head) = records.last().ok_or("an empty journal")?;
    let id: [u8; 8] = crate::draws::known("journal book");
    let journal = [id.as_slice(), &(records.len() as u64).to_be_bytes(), &head.short()].concat();
    Ok(State {
        session_ms: scene.session_ms(),
        run: hex(&scene.pos_run()?),
        journal: hex(&journal),
        ledger_seen,
        order,
        order_seq,
        verified: !scene.is_of(Stage::Unverified),
        room: !scene.is_of(Stage::Full),
    })
}

fn add(cases: &mut Cases<Given>, schema: &Schema, mut scene: Scene, row: &Row) -> Result<(), String> {
    let receiver = if row.receiver == Side::Pos { End::Pos } else { End::His };
    let (sent, stands) = scene.give(receiver, &row.plaintext)?;
    let sent = said(schema, &sent)?;
    let decoded = schema.decoded("Message", &row.plaintext).ok().filter(|_| row.wrong != Some(NO_MESSAGE));
    let reaction = reaction(&sent, stands);
    let what = Given {
        receiver: row.receiver,
        state: row.stage.name(),
        plaintext: hex(&row.plaintext),
        decoded,
        sent,
        stands,
    };
    let side = if row.receiver == Side::Pos { "at the POS" } else { "at HIS" };
    let message = format!("{} {side}, {}", row.body, row.stage.name());
    let comment = format!("{message}: {} {}", row.field, row.kind);
    let fault = row.wrong.map(|reason| Fault {
        reason,
        reaction: &reaction,
        mutation: (&message, row.field, &row.kind),
    });
    let expected = row.expected.is_empty() || row.expected == reaction;
    if !expected {
        return Err(format!("{comment}: {reaction} and not {}", row.expected));
    }
    let requirements = format!("{} {}", row.requirements, besides(row, &reaction));
    cases.push(&comment, &requirements, what, fault.as_ref());
    Ok(())
}

/// What a message shows beside the requirements of its row.
fn besides(row: &Row, reaction: &str) -> String {
    let known = row.wrong == Some("another core is held") || row.kind.starts_with("once more");
    let notice =
        matches!(row.body, "ready" | "order_state" | "device_event") && row.kind.ends_with("with a call");
    let shown = [
        ("ENC-17 CON-22", row.kind.contains("unknown, field") || row.kind.contains("an unknown body")),
        ("CAT-1 CON-22", row.kind.contains("a status that nobody knows")),
        ("ORD-32", known && row.body != "sync"),
        ("ORD-155 ORD-189", row.wrong == Some("not authentic")),
        ("MSG-22", notice && row.receiver == Side::His && !row.requirements.contains("MSG-22")),
        ("ORD-154 ORD-189 ORD-191", reaction == "recorded"),
        ("ORD-154 ORD-191 ORD-196", reaction == "kept"),
        ("ORD-226", reaction == "no answer" && row.kind.contains("of an order that nobody knows")),
        ("ORD-220", row.body == "list_orders" && reaction == "order_list"),
        ("ORD-221", row.body == "list_orders" && row.kind.contains("of an unknown book")),
        ("ORD-222", row.body == "list_orders" && matches!(row.stage, Stage::Waiting | Stage::Paid)),
        ("ORD-82", reaction == "rejected 506"),
        ("ORD-92", reaction == "rejected 510"),
        ("ORD-16", row.kind.contains("agreement's limit")),
        ("ORD-99", row.body == "look_up" && reaction == "no_record"),
    ];
    shown.iter().filter(|(_, holds)| *holds).map(|(ids, _)| *ids).collect::<Vec<_>>().join(" ")
}

/// The answer in one word or two.
fn reaction(sent: &[Json], stands: bool) -> String {
    let first =
        sent.iter().find(|message| message.get("reply_to").is_some() || message.get("alert").is_some());
    let Some(first) = first.and_then(Json::as_object) else {
        return if stands { "no answer" } else { "the session ends" }.to_owned();
    };
    let number = |path: &str| {
        first
            .get(path.split('/').next().unwrap_or_default())
            .and_then(|body| body.get(path.split('/').nth(1).unwrap_or_default()).and_then(Json::as_u64))
    };
    if first.contains_key("alert") {
        return format!("alert {}", number("alert/code").unwrap_or(0));
    }
    if first.contains_key("rejected") {
        return format!("rejected {}", number("rejected/code").unwrap_or(0));
    }
    if let Some(disposition) = number("confirm_result/disposition") {
        return if disposition == 1 { "recorded" } else { "kept" }.to_owned();
    }
    first.keys().find(|key| *key != "reply_to").cloned().unwrap_or_default()
}
