//! Requests that come to a POS, about no order and about one that is held.

use prost_reflect::Value;

use crate::asked::{CALL, Row, alerts, message, no_messages, raw, request, right};
use crate::case::Side;
use crate::fields::{Fields, collect_fields, refund_fields, text, with};
use crate::pair::Pair;
use crate::scene::{Scene, Stage};
use crate::schema::Schema;
use crate::site::{DAY, TERMINAL};

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

/// Messages that were added later: the numbers of cases do not change.
pub(crate) fn later(schema: &Schema) -> Result<Vec<Row>, String> {
    let run = Scene::open(Stage::Synced)?.pos_run()?;
    let made = Made { schema, run };
    let late = with(&made.submit(&collect_fields())?, "start_by", Value::U32(1));
    let row = made.row(Stage::Paid, "submit_order", "SubmitOrder", "1 s", &late, "ORD-88 ORD-91 MSG-33")?;
    let mut rows = vec![row.wrong("start_by", "the order is not taken", "rejected 508")];
    for (kind, core) in [
        ("twice the agreement's limit", with(&collect_fields(), "amount", Value::I64(10_000_000))),
        ("far above the agreement's limit", with(&collect_fields(), "amount", Value::I64(9_999_999_999))),
    ] {
        let fields = made.submit(&core)?;
        let row = made.row(Stage::Synced, "submit_order", "SubmitOrder", kind, &fields, "ORD-88 MSG-33")?;
        rows.push(row.wrong("core", "the order is not taken", "rejected 504"));
    }
    for stage in [Stage::Waiting, Stage::Paid] {
        let fields = vec![("book", raw(&[9; 8])), ("seq", Value::U64(1_000))];
        rows.push(made.row(stage, "list_orders", "ListOrders", "of an unknown book", &fields, "MSG-36")?);
    }
    for (stage, kind, day) in [
        (Stage::Paid, "of the day of a paid order", DAY),
        (Stage::Waiting, "of the day of an order that waits", DAY),
        (Stage::Paid, "of the day behind it", DAY + 1),
        (Stage::Waiting, "of the day behind that of an order that waits", DAY + 1),
    ] {
        let fields = vec![("business_day", Value::U32(day))];
        rows.push(made.row(stage, "get_totals", "GetTotals", kind, &fields, "ORD-246 ORD-249 ORD-250")?);
    }
    Ok(rows)
}

/// What requests are made with.
pub(crate) struct Made<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) run: Vec<u8>,
}

impl Made<'_> {
    pub(crate) fn core(&self, fields: &Fields<'_>) -> Result<Vec<u8>, String> {
        self.schema.encode("OrderCore", fields)
    }

    pub(crate) fn refund(&self) -> Result<Fields<'static>, String> {
        let fields = with(&with(&collect_fields(), "kind", Value::EnumNumber(2)), "amount", Value::I64(-800));
        Ok(with(&fields, "refund_of", Value::Message(self.schema.build("RefundOf", &refund_fields())?)))
    }

    /// A SubmitOrder as it should be.
    pub(crate) fn submit(&self, core: &Fields<'_>) -> Result<Fields<'static>, String> {
        Ok(vec![
            ("core", raw(&self.core(core)?)),
            ("terminal_id", text(TERMINAL)),
            ("start_by", Value::U32(90)),
            ("run", raw(&self.run)),
        ])
    }

    pub(crate) fn row(
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
            self.row(at, "list_orders", "ListOrders", "from the first", &vec![], "MSG-36")?,
            self.row(
                at,
                "list_orders",
                "ListOrders",
                "of an unknown book",
                &vec![("book", raw(&[9; 8])), ("seq", Value::U64(7))],
                "MSG-23 MSG-36",
            )?,
            self.row(at, "get_totals", "GetTotals", "of an empty day", &day(20_261_124), "MSG-12")?,
            self.row(Stage::Unverified, "ping", "Ping", "nothing verified", &vec![], "ORD-78")?,
            self.row(Stage::Full, "ping", "Ping", "no room", &vec![], "ORD-78")?,
        ];
        rows.extend(self.no_requests()?);
        Ok(rows)
    }

    /// Bodies that are no requests of HIS, notices, and answers to nothing.
    fn no_requests(&self) -> Result<Vec<Row>, String> {
        let at = Stage::Synced;
        let mut rows = Vec::new();
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

    /// Requests about an order that waits, or is paid.
    fn with_order(&self) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        for stage in [Stage::Waiting, Stage::Paid] {
            let scene = Scene::open(stage)?;
            let held = held_core(&scene.pair)?;
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
            rows.push(self.row(stage, "list_orders", "ListOrders", "all", &vec![], "MSG-36")?);
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
}

/// The core that a POS holds.
pub(crate) fn held_core(pair: &Pair) -> Result<Vec<u8>, String> {
    let records = pair.journal.records.iter().rev();
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
