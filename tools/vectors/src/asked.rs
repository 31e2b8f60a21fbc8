//! Messages that come to a POS, and everything that is no message at either end.

use prost_reflect::Value;

use crate::case::Side;
use crate::fields::{Fields, collect_fields, refund_fields, text, with};
use crate::scene::{Scene, Stage};
use crate::schema::Schema;
use crate::site::TERMINAL;

/// A message to be given.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) receiver: Side,
    pub(crate) stage: Stage,
    /// The body's name, or what there is instead.
    pub(crate) body: &'static str,
    pub(crate) field: &'static str,
    pub(crate) kind: String,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) requirements: String,
    /// The rule that is broken; nothing: the message is valid.
    pub(crate) wrong: Option<&'static str>,
    /// The reaction; empty: whatever the link does.
    pub(crate) expected: &'static str,
}

/// Call number of every request.
const CALL: u32 = 41;

/// A row of a valid message.
pub(crate) fn right(
    receiver: Side,
    stage: Stage,
    body: &'static str,
    kind: &str,
    plaintext: Vec<u8>,
    ids: &str,
) -> Row {
    Row {
        receiver,
        stage,
        body,
        field: "",
        kind: kind.to_owned(),
        plaintext,
        requirements: ids.to_owned(),
        wrong: None,
        expected: "",
    }
}

impl Row {
    /// The same with a field that is wrong, and the reaction.
    pub(crate) fn wrong(self, field: &'static str, reason: &'static str, expected: &'static str) -> Self {
        Self { field, wrong: Some(reason), expected, ..self }
    }
}

/// A message with this body, as a request (`call`), an answer or a notice.
pub(crate) fn message(
    schema: &Schema,
    call: u32,
    reply_to: u32,
    body: &str,
    name: &str,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, String> {
    let inner = Value::Message(schema.build(name, fields)?);
    let mut all = vec![(body, inner)];
    if call != 0 {
        all.push(("call", Value::U32(call)));
    }
    if reply_to != 0 {
        all.push(("reply_to", Value::U32(reply_to)));
    }
    schema.encode("Message", &all)
}

pub(crate) fn request(
    schema: &Schema,
    body: &str,
    name: &str,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, String> {
    message(schema, CALL, 0, body, name, fields)
}

pub(crate) fn raw(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec().into())
}

/// Every message of this file.
pub(crate) fn rows(schema: &Schema) -> Result<Vec<Row>, String> {
    let run = Scene::open(Stage::Synced)?.pos_run()?;
    let made = Made { schema, run };
    let mut rows = no_messages();
    rows.extend(alerts(schema)?);
    rows.extend(made.without_order()?);
    rows.extend(made.before_sync()?);
    rows.extend(made.submits()?);
    rows.extend(made.with_order()?);
    rows.extend(made.cancels_and_looks()?);
    Ok(rows)
}

/// Plaintexts that no parser takes for a Message.
fn no_messages() -> Vec<Row> {
    let plaintexts: [(&str, &[u8]); 12] = [
        ("a key cut off", &[0x80]),
        ("a number cut off", &[0x08]),
        (
            "a number of eleven bytes",
            &[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ),
        ("a length cut off", &[0x08, 0x01, 0x2A]),
        ("a length beyond the end", &[0x08, 0x01, 0x2A, 0x05, 0x0A]),
        ("a length beyond the body", &[0x08, 0x01, 0x2A, 0x02, 0x0A, 0x05]),
        ("wire type 6", &[0x0E, 0x01]),
        ("wire type 7", &[0x0F, 0x01]),
        ("field number 0", &[0x00, 0x01]),
        ("a text that is not UTF-8", &[0x08, 0x01, 0x52, 0x03, 0x0A, 0x01, 0xFF]),
        ("eight bytes cut off", &[0xC9, 0x3E, 0x01]),
        ("four bytes cut off", &[0xCD, 0x3E, 0x01]),
    ];
    let both = [(Side::Pos, Stage::Synced), (Side::His, Stage::Synced)];
    let rows = both.into_iter().flat_map(|(receiver, stage)| {
        plaintexts.iter().map(move |(kind, plaintext)| {
            right(receiver, stage, "plaintext", kind, plaintext.to_vec(), "REC-20").wrong(
                "",
                "not a Message",
                "alert 50",
            )
        })
    });
    rows.collect()
}

/// Alerts of every code, alone and with more beside them.
fn alerts(schema: &Schema) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let known = schema.enumeration("AlertCode")?;
    let codes: Vec<i32> = known.values().map(|value| value.number()).chain([99, 1_000]).collect();
    for receiver in [Side::Pos, Side::His] {
        for code in &codes {
            let fields = if *code == 0 { Vec::new() } else { vec![("code", Value::EnumNumber(*code))] };
            let alone = message(schema, 0, 0, "alert", "Alert", &fields)?;
            let called = message(schema, CALL, 0, "alert", "Alert", &fields)?;
            for (kind, plaintext) in
                [(format!("code {code}"), alone), (format!("code {code}, with a call"), called)]
            {
                let ids = "REC-21 REC-22 REC-23";
                rows.push(Row {
                    expected: "the session ends",
                    ..right(receiver, Stage::Synced, "alert", &kind, plaintext, ids)
                });
            }
        }
        let beside = [vec![0x1A, 0x02, 0x08, 0x14], vec![0x62, 0x00]].concat();
        rows.push(Row {
            expected: "the session ends",
            ..right(receiver, Stage::Synced, "alert", "a ping behind it", beside, "REC-21 REC-22")
        });
    }
    Ok(rows)
}

/// What requests are made with.
struct Made<'a> {
    schema: &'a Schema,
    run: Vec<u8>,
}

impl Made<'_> {
    fn core(&self, fields: &Fields<'_>) -> Result<Vec<u8>, String> {
        self.schema.encode("OrderCore", fields)
    }

    fn refund(&self) -> Result<Fields<'static>, String> {
        let fields = with(&with(&collect_fields(), "kind", Value::EnumNumber(2)), "amount", Value::I64(-800));
        Ok(with(&fields, "refund_of", Value::Message(self.schema.build("RefundOf", &refund_fields())?)))
    }

    /// A SubmitOrder as it should be.
    fn submit(&self, core: &Fields<'_>) -> Result<Fields<'static>, String> {
        Ok(vec![
            ("core", raw(&self.core(core)?)),
            ("terminal_id", text(TERMINAL)),
            ("start_by", Value::U32(90)),
            ("run", raw(&self.run)),
        ])
    }

    fn row(
        &self,
        stage: Stage,
        body: &'static str,
        name: &str,
        kind: &str,
        fields: &Fields<'_>,
        ids: &str,
    ) -> Result<Row, String> {
        Ok(right(Side::Pos, stage, body, kind, request(self.schema, body, name, fields)?, ids))
    }

    /// Requests that need no order, and bodies that are no requests.
    fn without_order(&self) -> Result<Vec<Row>, String> {
        let at = Stage::Synced;
        let day = |day: u32| vec![("business_day", Value::U32(day))];
        let mut rows = vec![
            self.row(at, "sync", "Sync", "once more, without anchors", &vec![], "MSG-11 ORD-65")?,
            self.row(
                at,
                "sync",
                "Sync",
                "an anchor of 23 bytes",
                &vec![("ledger", raw(&[1; 23]))],
                "BOK-17 MSG-23",
            )?,
            self.row(at, "ping", "Ping", "without an anchor", &vec![], "MSG-12 ORD-78")?,
            self.row(
                at,
                "ping",
                "Ping",
                "an anchor of 25 bytes",
                &vec![("ledger", raw(&[1; 25]))],
                "BOK-17 MSG-23",
            )?,
            self.row(at, "list_orders", "ListOrders", "from the first", &vec![], "MSG-35")?,
            self.row(
                at,
                "list_orders",
                "ListOrders",
                "of an unknown book",
                &vec![("book", raw(&[9; 8])), ("seq", Value::U64(7))],
                "MSG-23 MSG-35",
            )?,
            self.row(at, "get_totals", "GetTotals", "of an empty day", &day(20_261_124), "MSG-12")?,
            self.row(Stage::Unverified, "ping", "Ping", "nothing verified", &vec![], "ORD-78")?,
            self.row(Stage::Full, "ping", "Ping", "no room", &vec![], "ORD-78")?,
        ];
        let unknown = |kind: &'static str, plaintext: Vec<u8>| {
            right(Side::Pos, at, "request", kind, plaintext, "MSG-21").wrong(
                "body",
                "no request of HIS",
                "unsupported",
            )
        };
        rows.push(unknown("no body", vec![0x08, 0x29]));
        rows.push(unknown("unknown, field 25", vec![0x08, 0x29, 0xCA, 0x01, 0x00]));
        rows.push(unknown("unknown, field 200", vec![0x08, 0x29, 0xC2, 0x0C, 0x00]));
        for (body, name) in [
            ("sync_reply", "SyncReply"),
            ("order_state", "OrderState"),
            ("signed_result", "SignedResult"),
            ("pong", "Pong"),
            ("report_result", "ReportResult"),
            ("confirm_result", "ConfirmResult"),
            ("no_record", "NoRecord"),
            ("rejected", "Rejected"),
            ("order_list", "OrderList"),
            ("totals", "Totals"),
            ("device_event", "DeviceEvent"),
            ("unsupported", "Unsupported"),
            ("ready", "SessionReady"),
        ] {
            let row = self.row(at, body, name, "as a request", &vec![], "MSG-21")?;
            rows.push(row.wrong("call", "no request of HIS", "unsupported"));
        }
        for (kind, plaintext) in [
            ("nothing at all", vec![0x10, 0x00]),
            ("an unknown body as a notice", vec![0xCA, 0x01, 0x00]),
            ("a ping as a notice", vec![0x62, 0x00]),
            ("a sync as a notice", vec![0x2A, 0x00]),
        ] {
            let row = right(Side::Pos, at, "notice", kind, plaintext, "MSG-4");
            rows.push(row.wrong("body", "no notice of HIS", "no answer"));
        }
        for (kind, plaintext) in [
            (
                "to a call that is not open",
                message(self.schema, 0, 77, "unsupported", "Unsupported", &vec![])?,
            ),
            ("with a call as well", message(self.schema, CALL, 77, "ping", "Ping", &vec![])?),
            (
                "a confirmation of no result",
                message(self.schema, 0, 1, "confirm_result", "ConfirmResult", &vec![])?,
            ),
        ] {
            rows.push(right(Side::Pos, at, "answer", kind, plaintext, "MSG-2 MSG-16").wrong(
                "reply_to",
                "no call is open",
                "no answer",
            ));
        }
        Ok(rows)
    }

    /// Every other request before the first Sync.
    fn before_sync(&self) -> Result<Vec<Row>, String> {
        let submit = self.submit(&collect_fields())?;
        let core = submit.iter().filter(|(name, _)| *name == "core").cloned().collect::<Fields<'_>>();
        let requests = [
            ("submit_order", "SubmitOrder", submit.clone()),
            ("query_order", "QueryOrder", vec![("order_no", text("B1"))]),
            ("cancel_order", "CancelOrder", core.clone()),
            ("look_up", "LookUp", core),
            ("list_orders", "ListOrders", vec![]),
            ("get_totals", "GetTotals", vec![("business_day", Value::U32(20_261_124))]),
            ("ping", "Ping", vec![]),
            ("unsupported", "Unsupported", vec![]),
        ];
        let mut rows =
            vec![self.row(Stage::Committed, "sync", "Sync", "the first", &vec![], "ORD-64 ORD-65")?];
        for (body, name, fields) in requests {
            let row = self.row(Stage::Committed, body, name, "before Sync", &fields, "ORD-64")?;
            rows.push(row.wrong("", "before Sync", "alert 10"));
        }
        let unknown = right(
            Side::Pos,
            Stage::Committed,
            "request",
            "unknown, before Sync",
            vec![0x08, 1, 0xCA, 1, 0],
            "ORD-64",
        );
        rows.push(unknown.wrong("body", "before Sync", "alert 10"));
        Ok(rows)
    }

    /// SubmitOrder of an order that is not known.
    fn submits(&self) -> Result<Vec<Row>, String> {
        let collect = collect_fields();
        let good = self.submit(&collect)?;
        let (at, ids) = (Stage::Synced, "ORD-88 ORD-91 MSG-33");
        let numbers = |numbers: &[&str]| Value::List(numbers.iter().map(|number| text(number)).collect());
        let mut rows = vec![
            self.row(at, "submit_order", "SubmitOrder", "a collect", &good, "ORD-86 ORD-88 ORD-89")?,
            self.row(
                at,
                "submit_order",
                "SubmitOrder",
                "a refund",
                &self.submit(&self.refund()?)?,
                "ORD-88 ORD-89",
            )?,
            self.row(
                at,
                "submit_order",
                "SubmitOrder",
                "a search of four numbers",
                &with(&good, "search", numbers(&["B1", "B2", "B3", "B4"])),
                "ORD-88 ORD-89",
            )?,
            self.row(
                at,
                "submit_order",
                "SubmitOrder",
                "the latest start",
                &with(&good, "start_by", Value::U32(111)),
                ids,
            )?,
            self.row(
                at,
                "submit_order",
                "SubmitOrder",
                "the earliest start",
                &with(&good, "start_by", Value::U32(2)),
                ids,
            )?,
        ];
        let cut = self.core(&collect)?;
        let cut = cut.get(..cut.len() - 1).unwrap_or_default();
        let changed = |name: &'static str, value: Value| -> Result<Value, String> {
            Ok(raw(&self.core(&with(&collect, name, value))?))
        };
        let wrong: Vec<(Stage, &'static str, &str, Value, &'static str)> = vec![
            (at, "core", "empty", raw(&[]), "rejected 501"),
            (at, "core", "cut off", raw(cut), "rejected 501"),
            (at, "core", "kind 3", changed("kind", Value::EnumNumber(3))?, "rejected 501"),
            (at, "core", "no day", changed("business_day", Value::U32(20_260_230))?, "rejected 501"),
            (
                at,
                "core",
                "a refund without original",
                raw(&self.core(&crate::fields::without(&self.refund()?, "refund_of"))?),
                "rejected 501",
            ),
            (at, "core", "negative in a collect", changed("amount", Value::I64(-1))?, "rejected 504"),
            (at, "core", "out of range", changed("amount", Value::I64(10_000_000_000))?, "rejected 504"),
            (
                at,
                "core",
                "above the agreement's limit",
                changed("amount", Value::I64(5_000_001))?,
                "rejected 504",
            ),
            (at, "core", "of another device", changed("device_id", text("POS-0002"))?, "rejected 503"),
            (
                at,
                "core",
                "of the device in small letters",
                changed("device_id", text("pos-0001"))?,
                "rejected 503",
            ),
            (
                at,
                "core",
                "of the device, one character longer",
                changed("device_id", text("POS-00011"))?,
                "rejected 503",
            ),
            (
                at,
                "core",
                "of an agreement that is not held",
                changed("agreement_no", Value::U32(2))?,
                "rejected 509",
            ),
            (
                at,
                "core",
                "of the greatest agreement number",
                changed("agreement_no", Value::U32(u32::MAX))?,
                "rejected 509",
            ),
            (Stage::Unverified, "core", "a collect", raw(&self.core(&collect)?), "rejected 509"),
            (at, "terminal_id", "another", text("WINDOW-02"), "rejected 502"),
            (at, "terminal_id", "empty", text(""), "rejected 502"),
            (at, "terminal_id", "in small letters", text("window-01"), "rejected 502"),
            (at, "run", "another", raw(&[1, 2, 3, 4]), "rejected 507"),
            (at, "run", "of three bytes", raw(self.run.get(..3).unwrap_or_default()), "rejected 507"),
            (at, "run", "empty", raw(&[]), "rejected 507"),
            (at, "search", "five numbers", numbers(&["B1", "B2", "B3", "B4", "B5"]), "rejected 501"),
            (at, "search", "a number in small letters", numbers(&["b1"]), "rejected 501"),
            (at, "search", "an empty number", numbers(&["B1", ""]), "rejected 501"),
            (at, "start_by", "absent", Value::U32(0), "rejected 508"),
            (at, "start_by", "1 s", Value::U32(1), "rejected 508"),
            (at, "start_by", "one second too late", Value::U32(112), "rejected 501"),
            (at, "start_by", "the greatest", Value::U32(u32::MAX), "rejected 501"),
            (Stage::Full, "core", "a collect without room", raw(&self.core(&collect)?), "rejected 510"),
            (Stage::Full, "core", "a refund without room", raw(&self.core(&self.refund()?)?), "rejected 510"),
            (
                Stage::Full,
                "core",
                "a small collect without room",
                changed("amount", Value::I64(1))?,
                "rejected 510",
            ),
            (Stage::Waiting, "core", "a second collect", raw(&self.core(&collect)?), "rejected 506"),
            (
                Stage::Waiting,
                "core",
                "a refund beside a collect",
                raw(&self.core(&self.refund()?)?),
                "rejected 506",
            ),
            (
                Stage::Waiting,
                "core",
                "a second collect of another amount",
                changed("amount", Value::I64(5))?,
                "rejected 506",
            ),
        ];
        for (stage, field, kind, value, expected) in wrong {
            let expired = stage == Stage::Synced && kind == "1 s";
            let fields = with(&good, field, value);
            let row = self.row(stage, "submit_order", "SubmitOrder", kind, &fields, ids)?;
            rows.push(row.wrong(field, if expired { "expired" } else { "the order is not taken" }, expected));
        }
        Ok(rows)
    }

    /// Requests about an order that waits, or is paid.
    fn with_order(&self) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        for stage in [Stage::Waiting, Stage::Paid] {
            let scene = Scene::open(stage)?;
            let held = held_core(&scene)?;
            let hash = held_hash(&held)?;
            let number = held_number(self.schema, &held)?;
            let submit = vec![
                ("core", raw(&held)),
                ("terminal_id", text(TERMINAL)),
                ("start_by", Value::U32(90)),
                ("run", raw(&self.run)),
            ];
            let other = raw(&self.core(&with(
                &with(&collect_fields(), "order_no", text(&number)),
                "amount",
                Value::I64(7),
            ))?);
            let query = vec![("order_no", text(&number)), ("order_hash", raw(&hash))];
            let conflict = "another core is held";
            let ids = "ORD-90 ORD-93 ORD-95 ORD-97";
            rows.push(self.row(stage, "submit_order", "SubmitOrder", "once more", &submit, "ORD-90")?);
            rows.push(self.row(
                stage,
                "submit_order",
                "SubmitOrder",
                "once more, with another run",
                &with(&submit, "run", raw(&[0; 4])),
                "ORD-90",
            )?);
            rows.push(self.row(stage, "query_order", "QueryOrder", "the order", &query, "ORD-93")?);
            rows.push(self.row(stage, "list_orders", "ListOrders", "all", &vec![], "MSG-35")?);
            rows.push(self.row(
                stage,
                "look_up",
                "LookUp",
                "the order",
                &vec![("core", raw(&held))],
                "ORD-97 ORD-98",
            )?);
            if stage == Stage::Paid {
                let cancel = vec![("core", raw(&held)), ("run", raw(&self.run))];
                rows.push(self.row(
                    stage,
                    "cancel_order",
                    "CancelOrder",
                    "the order",
                    &cancel,
                    "ORD-90 ORD-95",
                )?);
            }
            for (body, name, fields) in [
                ("submit_order", "SubmitOrder", with(&submit, "core", other.clone())),
                ("cancel_order", "CancelOrder", vec![("core", other.clone()), ("run", raw(&self.run))]),
                ("look_up", "LookUp", vec![("core", other.clone())]),
            ] {
                let row = self.row(stage, body, name, "another core of the number", &fields, ids)?;
                rows.push(row.wrong("core", conflict, "rejected 505"));
            }
            for (kind, hash) in [("another", vec![1; 32]), ("of 31 bytes", vec![1; 31]), ("absent", vec![])] {
                let fields = with(&query, "order_hash", raw(&hash));
                let row = self.row(stage, "query_order", "QueryOrder", kind, &fields, ids)?;
                rows.push(row.wrong("order_hash", conflict, "rejected 505"));
            }
        }
        Ok(rows)
    }

    /// QueryOrder, CancelOrder and LookUp of an order that is not known.
    fn cancels_and_looks(&self) -> Result<Vec<Row>, String> {
        let collect = collect_fields();
        let at = Stage::Synced;
        let core = raw(&self.core(&collect)?);
        let cancel = vec![("core", core.clone()), ("run", raw(&self.run))];
        let query = vec![("order_no", text("B1")), ("order_hash", raw(&[1; 32]))];
        let mut rows = vec![
            self.row(at, "query_order", "QueryOrder", "an unknown order", &query, "ORD-93")?,
            self.row(
                at,
                "look_up",
                "LookUp",
                "an order of this device that it does not know",
                &vec![("core", core.clone())],
                "ORD-97",
            )?,
        ];
        let changed = |name: &'static str, value: Value| -> Result<Value, String> {
            Ok(raw(&self.core(&with(&collect, name, value))?))
        };
        for (kind, number) in
            [("empty", ""), ("in small letters", "b1"), ("of 25 characters", "ABCDEFGHIJKLMNOPQRSTUVWXY")]
        {
            let row = self.row(
                at,
                "query_order",
                "QueryOrder",
                kind,
                &with(&query, "order_no", text(number)),
                "ORD-93",
            )?;
            rows.push(row.wrong("order_no", "not an order number", "rejected 501"));
        }
        let other_device = changed("device_id", text("POS-0002"))?;
        let wrong: Vec<(&'static str, &'static str, &'static str, &str, Value, &'static str)> = vec![
            ("cancel_order", "CancelOrder", "core", "empty", raw(&[]), "rejected 501"),
            (
                "cancel_order",
                "CancelOrder",
                "core",
                "no day",
                changed("business_day", Value::U32(1))?,
                "rejected 501",
            ),
            (
                "cancel_order",
                "CancelOrder",
                "core",
                "negative",
                changed("amount", Value::I64(-1))?,
                "rejected 504",
            ),
            (
                "cancel_order",
                "CancelOrder",
                "core",
                "out of range",
                changed("amount", Value::I64(10_000_000_000))?,
                "rejected 504",
            ),
            ("cancel_order", "CancelOrder", "core", "of another device", other_device, "rejected 503"),
            ("cancel_order", "CancelOrder", "run", "another", raw(&[1, 2, 3, 4]), "rejected 507"),
            ("cancel_order", "CancelOrder", "run", "empty", raw(&[]), "rejected 507"),
        ];
        for (body, name, field, kind, value, expected) in wrong {
            let row = self.row(at, body, name, kind, &with(&cancel, field, value), "ORD-91 ORD-95")?;
            rows.push(row.wrong(field, "the cancel is not taken", expected));
        }
        for (kind, value, expected) in [
            ("empty", raw(&[]), "rejected 501"),
            ("negative", changed("amount", Value::I64(-1))?, "rejected 501"),
            ("no day", changed("business_day", Value::U32(1))?, "rejected 501"),
            ("of an agreement that is not held", changed("agreement_no", Value::U32(2))?, "rejected 509"),
            (
                "of another device and agreement",
                raw(&self.core(&with(
                    &with(&collect, "device_id", text("POS-0002")),
                    "agreement_no",
                    Value::U32(3),
                ))?),
                "rejected 509",
            ),
        ] {
            let row = self.row(at, "look_up", "LookUp", kind, &vec![("core", value)], "ORD-91 ORD-97")?;
            rows.push(row.wrong("core", "there is nothing to look up", expected));
        }
        Ok(rows)
    }
}

/// The core that a POS holds.
fn held_core(scene: &Scene) -> Result<Vec<u8>, String> {
    let records = scene.pair.journal.records.iter().rev();
    let orders = records.filter_map(|(record, _)| hispos::book::decode_record(record).ok());
    let row = orders.filter(|record| record.row.key.table.code() == 2).map(|record| record.row.bytes).next();
    let row = row.ok_or("no order is held")?;
    // Field 1 of the row, whose length takes one byte.
    let length = usize::from(row.get(1).copied().unwrap_or_default());
    Ok(row.get(2..2 + length).ok_or("no core")?.to_vec())
}

fn held_hash(core: &[u8]) -> Result<Vec<u8>, String> {
    let site = crate::site::SITE.try_into().map_err(crate::site::words::<hispos::ids::IdError>)?;
    Ok(hispos::message::order::order_hash(&site, core).to_vec())
}

fn held_number(schema: &Schema, core: &[u8]) -> Result<String, String> {
    let said = schema.decoded("OrderCore", core)?;
    Ok(said.get("order_no").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned())
}
