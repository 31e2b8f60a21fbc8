//! Messages that come to a HIS: results above all.

use hispos::Secret;
use hispos::crypto::ed25519_sign;
use prost_reflect::Value;

use crate::asked::{Row, message, raw, request, right};
use crate::case::Side;
use crate::fields::{Fields, text, with, without};
use crate::scene::{Scene, Stage};
use crate::schema::Schema;
use crate::site::{DEVICE, SOFTWARE, UNIX, seed, words};

/// Every message of this file.
pub(crate) fn rows(schema: &Schema) -> Result<Vec<Row>, String> {
    let scene = Scene::open(Stage::Sent)?;
    let core = sent_core(&scene)?;
    let site = crate::site::SITE.try_into().map_err(words::<hispos::ids::IdError>)?;
    let said = schema.decoded("OrderCore", &core)?;
    let number = said.get("order_no").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let hash = hispos::message::order::order_hash(&site, &core).to_vec();
    let made = Made { schema, number, hash, run: scene.pos_run()? };
    let mut rows = made.notices()?;
    rows.extend(made.no_requests()?);
    rows.extend(made.results()?);
    rows.extend(made.forgeries()?);
    Ok(rows)
}

/// The core of the order that HIS holds.
pub(crate) fn sent_core(scene: &Scene) -> Result<Vec<u8>, String> {
    let records = scene.pair.ledger.records.iter().rev();
    let orders = records.filter_map(|(record, _)| hispos::book::decode_record(record).ok());
    let row = orders.filter(|record| record.row.key.table.code() == 2).map(|record| record.row.bytes).next();
    let row = row.ok_or("HIS holds no order")?;
    // Field 1 of the row, whose length takes one byte.
    let length = usize::from(row.get(1).copied().unwrap_or_default());
    Ok(row.get(2..2 + length).ok_or("no core")?.to_vec())
}

struct Made<'a> {
    schema: &'a Schema,
    number: String,
    hash: Vec<u8>,
    run: Vec<u8>,
}

impl Made<'_> {
    fn notices(&self) -> Result<Vec<Row>, String> {
        let schema = self.schema;
        let state = |number: &str, stage: i32| -> Fields<'static> {
            vec![
                ("order_no", text(number)),
                ("stage", Value::EnumNumber(stage)),
                ("money", Value::EnumNumber(1)),
                ("seconds_left", Value::U32(60)),
            ]
        };
        let ready = vec![
            ("run", raw(&self.run)),
            ("pos_time", Value::U64(UNIX)),
            ("software", text(SOFTWARE)),
            ("simulated", Value::Bool(true)),
        ];
        let event = vec![("code", Value::U32(7)), ("text", text("paper is low"))];
        let mut rows = Vec::new();
        for (body, name, kind, fields, ids) in [
            ("ready", "SessionReady", "the same again", ready.clone(), "KEX-63 MSG-22"),
            ("order_state", "OrderState", "the order", state(&self.number, 1), "MSG-32 ORD-87"),
            ("order_state", "OrderState", "an unknown order", state("B9", 1), "MSG-32 ORD-87"),
            ("order_state", "OrderState", "no order number", state("b 1", 1), "MSG-23"),
            ("order_state", "OrderState", "a stage that nobody knows", state(&self.number, 99), "MSG-23"),
            ("device_event", "DeviceEvent", "an event", event, "MSG-30"),
        ] {
            for (how, call) in [("", 0), (", with a call", 3)] {
                let plaintext = message(schema, call, 0, body, name, &fields)?;
                let row = right(Side::His, Stage::Sent, body, &format!("{kind}{how}"), plaintext, ids);
                rows.push(Row { expected: "no answer", ..row });
            }
        }
        for stage in [Stage::Synced, Stage::Sent] {
            let fields = without(&ready, "simulated");
            let plaintext = message(schema, 0, 0, "ready", "SessionReady", &fields)?;
            let row = right(Side::His, stage, "ready", "of a production terminal", plaintext, "MSG-27");
            rows.push(row.wrong("simulated", "differs from the agreement", "alert 0"));
        }
        let fields = with(&without(&ready, "simulated"), "run", raw(&[9; 4]));
        let plaintext = message(schema, 0, 0, "ready", "SessionReady", &fields)?;
        let row = right(
            Side::His,
            Stage::Synced,
            "ready",
            "of a production terminal of another run",
            plaintext,
            "MSG-27",
        );
        rows.push(row.wrong("simulated", "differs from the agreement", "alert 0"));
        Ok(rows)
    }

    fn no_requests(&self) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        for (body, name) in [
            ("sync", "Sync"),
            ("submit_order", "SubmitOrder"),
            ("query_order", "QueryOrder"),
            ("cancel_order", "CancelOrder"),
            ("look_up", "LookUp"),
            ("list_orders", "ListOrders"),
            ("get_totals", "GetTotals"),
            ("ping", "Ping"),
            ("sync_reply", "SyncReply"),
            ("pong", "Pong"),
            ("signed_result", "SignedResult"),
            ("confirm_result", "ConfirmResult"),
            ("unsupported", "Unsupported"),
        ] {
            let plaintext = request(self.schema, body, name, &vec![])?;
            let row = right(Side::His, Stage::Synced, body, "as a request", plaintext, "MSG-21");
            rows.push(row.wrong("call", "no request of the POS", "unsupported"));
        }
        for (kind, plaintext) in
            [("no body", vec![0x08, 0x29]), ("unknown, field 200", vec![0x08, 0x29, 0xC2, 0x0C, 0x00])]
        {
            let row = right(Side::His, Stage::Synced, "request", kind, plaintext, "MSG-21");
            rows.push(row.wrong("body", "no request of the POS", "unsupported"));
        }
        for (kind, plaintext) in [
            ("an unknown body as a notice", vec![0xCA, 0x01, 0x00]),
            ("a pong as a notice", vec![0x6A, 0x00]),
            ("a report as a notice", vec![0x72, 0x00]),
        ] {
            let row = right(Side::His, Stage::Synced, "notice", kind, plaintext, "MSG-4");
            rows.push(row.wrong("body", "no notice of the POS", "no answer"));
        }
        for (kind, body, name) in [
            ("a pong", "pong", "Pong"),
            ("a list", "order_list", "OrderList"),
            ("a state", "order_state", "OrderState"),
        ] {
            let plaintext = message(self.schema, 0, 7_777, body, name, &vec![])?;
            let row = right(Side::His, Stage::Synced, "answer", kind, plaintext, "MSG-16");
            rows.push(row.wrong("reply_to", "no call is open", "no answer"));
        }
        Ok(rows)
    }

    /// The fields of a result of the order.
    fn result(&self, outcome: i32, status: i32) -> Fields<'static> {
        vec![
            ("order_hash", raw(&self.hash)),
            ("order_no", text(&self.number)),
            ("device_id", text(DEVICE)),
            ("outcome", Value::EnumNumber(outcome)),
            ("status", Value::EnumNumber(status)),
            ("amount", Value::I64(8_800)),
        ]
    }

    fn paid(&self) -> Fields<'static> {
        let fields = with(&self.result(1, 100), "channel", Value::EnumNumber(1));
        let fields = with(&fields, "payment_no", text("4200002611240000000000000001"));
        with(&fields, "captured_at", Value::U64(UNIX + 3))
    }

    fn report(
        &self,
        fields: &Fields<'_>,
        key: &Secret<32>,
        context: &[u8],
    ) -> Result<Fields<'static>, String> {
        let result = self.schema.encode("ResultCore", fields)?;
        Ok(vec![("signature", raw(&ed25519_sign(key, context, &result))), ("result", raw(&result))])
    }

    fn reported(&self, fields: &Fields<'_>) -> Result<Fields<'static>, String> {
        self.report(fields, &seed("device"), b"hispos/1 result")
    }

    fn results(&self) -> Result<Vec<Row>, String> {
        let ids = "MSG-12 ORD-46";
        let found = |channel: i32| -> Result<Value, String> {
            let fields = [
                ("channel", Value::EnumNumber(channel)),
                ("payment_no", text("42")),
                ("amount", Value::I64(8_800)),
            ];
            Ok(Value::List(vec![Value::Message(self.schema.build("FoundCapture", &fields)?)]))
        };
        let attention = with(&self.result(5, 302), "channel", Value::EnumNumber(1));
        let mut rows = Vec::new();
        for (kind, fields, expected) in [
            ("paid by WeChat Pay", self.paid(), "recorded"),
            ("paid by Alipay", with(&self.paid(), "channel", Value::EnumNumber(2)), "recorded"),
            ("paid after a cancel", with(&self.paid(), "status", Value::EnumNumber(101)), "recorded"),
            ("not paid, no code", self.result(2, 200), "recorded"),
            ("not paid, absent", self.result(2, 206), "recorded"),
            (
                "not paid, with the platform's code",
                with(&self.result(2, 206), "provider_code", text("ORDERNOTEXIST")),
                "recorded",
            ),
            ("not paid, a status that nobody knows", self.result(2, 299), "recorded"),
            ("attention", with(&attention, "found", found(1)?), "recorded"),
            ("attention without a capture", self.result(5, 305), "recorded"),
            ("decided at a time", with(&self.paid(), "decided_at", Value::U64(UNIX + 3)), "recorded"),
            (
                "decided long ago by its own clock",
                with(&self.paid(), "decided_at", Value::U64(1)),
                "recorded",
            ),
            ("of an order that nobody knows", with(&self.paid(), "order_no", text("B9")), "no answer"),
            (
                "not paid, of an order that nobody knows",
                with(&self.result(2, 200), "order_no", text("B9")),
                "no answer",
            ),
            (
                "attention, of an order that nobody knows",
                with(&with(&attention, "found", found(1)?), "order_no", text("B9")),
                "no answer",
            ),
            ("of the number with another hash", with(&self.paid(), "order_hash", raw(&[1; 32])), "kept"),
            (
                "not paid, of the number with another hash",
                with(&self.result(2, 200), "order_hash", raw(&[2; 32])),
                "kept",
            ),
            ("of the number with another amount", with(&self.paid(), "amount", Value::I64(8_801)), "kept"),
        ] {
            let plaintext = request(self.schema, "report_result", "ReportResult", &self.reported(&fields)?)?;
            let row = right(Side::His, Stage::Sent, "report_result", kind, plaintext, ids);
            rows.push(Row { expected, ..row });
        }
        for (kind, fields, wrong) in
            [("with a journal of 23 bytes", raw(&[1; 23]), false), ("with no journal", raw(&[]), false)]
        {
            let report = with(&self.reported(&self.paid())?, "journal", fields);
            let plaintext = request(self.schema, "report_result", "ReportResult", &report)?;
            let row = right(Side::His, Stage::Sent, "report_result", kind, plaintext, "BOK-17 MSG-23");
            rows.push(Row { expected: if wrong { "" } else { "recorded" }, ..row });
        }
        Ok(rows)
    }

    /// Results that are not authentic: nobody answers them.
    fn forgeries(&self) -> Result<Vec<Row>, String> {
        let good = self.reported(&self.paid())?;
        let device = seed("device");
        let (result, signature) = (bytes_in(&good, "result"), bytes_in(&good, "signature"));
        let mut altered = result.clone();
        altered.iter_mut().skip(40).take(1).for_each(|byte| *byte ^= 1);
        let cut = result.get(..result.len() - 1).unwrap_or_default();
        let mut flipped = signature.clone();
        flipped.iter_mut().skip(9).take(1).for_each(|byte| *byte ^= 1);
        let mut rows = Vec::new();
        for (field, kind, fields) in [
            ("signature", "a bit flipped", with(&good, "signature", raw(&flipped))),
            (
                "signature",
                "of 63 bytes",
                with(&good, "signature", raw(signature.get(..63).unwrap_or_default())),
            ),
            (
                "signature",
                "of 65 bytes",
                with(&good, "signature", raw(&[signature.as_slice(), &[0]].concat())),
            ),
            ("signature", "absent", with(&good, "signature", raw(&[]))),
            ("signature", "of zeros", with(&good, "signature", raw(&[0; 64]))),
            (
                "signature",
                "of another key",
                self.report(&self.paid(), &seed("terminal"), b"hispos/1 result")?,
            ),
            (
                "signature",
                "under the handshake's context",
                self.report(&self.paid(), &device, b"hispos/1 pos auth")?,
            ),
            ("result", "absent", with(&good, "result", raw(&[]))),
            ("result", "one bit changed", with(&good, "result", raw(&altered))),
            ("result", "cut off", with(&good, "result", raw(cut))),
            (
                "result",
                "of another device",
                self.reported(&with(&self.paid(), "device_id", text("POS-0002")))?,
            ),
            (
                "result",
                "without channel",
                self.reported(&without(&without(&self.paid(), "channel"), "payment_no"))?,
            ),
            (
                "result",
                "a status of another outcome",
                self.reported(&with(&self.paid(), "status", Value::EnumNumber(206)))?,
            ),
            ("result", "outcome 6", self.reported(&with(&self.paid(), "outcome", Value::EnumNumber(6)))?),
            ("result", "negative in paid", self.reported(&with(&self.paid(), "amount", Value::I64(-8_800)))?),
        ] {
            let plaintext = request(self.schema, "report_result", "ReportResult", &fields)?;
            let row = right(Side::His, Stage::Sent, "report_result", kind, plaintext, "MSG-23 ORD-34 ORD-42");
            rows.push(row.wrong(field, "not authentic", "no answer"));
        }
        Ok(rows)
    }
}

fn bytes_in(fields: &Fields<'_>, name: &str) -> Vec<u8> {
    let value = fields.iter().find(|(other, _)| *other == name).map(|(_, value)| value);
    value.and_then(|value| value.as_bytes()).map(|bytes| bytes.to_vec()).unwrap_or_default()
}
