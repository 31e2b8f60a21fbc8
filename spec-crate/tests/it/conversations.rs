//! The conversations of the vectors, lived again by real links: the same inputs give the same outputs.
//!
//! This reads what `story.rs` of `tools/vectors` writes. They are two, since this crate stands on a floor below every
//! tool and needs none, also not for its tests; and what wrote a file is no witness that it can be read.

use hispos::amount::Amount;
use hispos::book::{Anchor, Batch, Containment, Found, Row, RowKey, Table};
use hispos::crypto::Secret;
use hispos::ids::{DeviceId, OperatorId, OrderNo, TerminalId};
use hispos::link::his::{NewCollect, NewRefund};
use hispos::link::{HisConfig, HisLink, Input, LoadId, Output, PersistId, PosConfig, PosLink};
use hispos::message::agreement::Agreement;
use hispos::message::manifest::{Device, Manifest, Terminal};
use hispos::platform::{Ask, AskId, Capture, Channel, PaymentCode, Proof, Request, Verdict};
use hispos::time::{Clock, Instant, UnixSeconds};
use serde_json::{Value, json};

use crate::support::{Script, from_hex, to_hex};

/// A link of either side.
enum Link {
    His(Box<HisLink>),
    Pos(Box<PosLink>),
}

/// One end of a conversation, with the questions that its store has not answered.
struct End<'a> {
    site: &'a Value,
    /// Agreements beside that of the site, newest first.
    agreements: Vec<Agreement>,
    link: Option<Link>,
    load: Option<LoadId>,
    persist: Option<PersistId>,
    out: Vec<Value>,
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn secret(site: &Value, name: &str) -> Secret<32> {
    Secret::new(from_hex(text(site, name)).try_into().unwrap())
}

impl<'a> End<'a> {
    fn clock(&self, at: u64) -> Clock {
        let unix = number(self.site, "unix") + (at - 1_000_000) / 1000;
        Clock { now: Instant(at), unix: Some(UnixSeconds(unix)) }
    }

    fn start(&mut self, side: &str, own: &Value, draws: Vec<u8>, at: u64) {
        let (site, clock) = (self.site, self.clock(at));
        let own = |name: &str| own[name].as_str().unwrap_or_else(|| text(site, name));
        let agreement = Agreement::decode(from_hex(text(site, "agreement"))).unwrap();
        let entropy = Box::new(Script(draws));
        let device_id = DeviceId::try_from(text(site, "device_id")).unwrap();
        self.link = Some(if side == "his" {
            let config = HisConfig {
                terminal_id: TerminalId::try_from(text(site, "terminal_id")).unwrap(),
                terminal_seed: secret(site, "terminal_seed"),
                site_secret: secret(site, "site_secret"),
                device_id,
                agreements: vec![agreement],
                devices: Manifest::<Device>::decode(from_hex(own("device_manifest"))).unwrap(),
            };
            Link::His(Box::new(HisLink::new(config, entropy, clock).unwrap()))
        } else {
            let agreements: Vec<Agreement> = self.agreements.iter().cloned().chain([agreement]).collect();
            let merchants =
                |held: &Agreement| Channel::ALL.map(|channel| held.merchant(channel)).into_iter().flatten();
            let config = PosConfig {
                device_id,
                device_seed: secret(site, "device_seed"),
                boot: from_hex(own("boot")).try_into().unwrap(),
                software: text(site, "software").into(),
                merchants: agreements.iter().flat_map(merchants).collect(),
                agreements,
                terminals: Manifest::<Terminal>::decode(from_hex(text(site, "terminal_manifest"))).unwrap(),
            };
            Link::Pos(Box::new(PosLink::new(config, entropy, clock).unwrap()))
        });
    }

    fn give(&mut self, what: &Value, at: u64) {
        let (name, value) = what.as_object().unwrap().iter().next().unwrap();
        let clock = self.clock(at);
        let bytes = if name == "bytes" { from_hex(value.as_str().unwrap()) } else { Vec::new() };
        let anchor = |text: &str| Anchor::decode(&from_hex(text)).unwrap();
        let input = match (name.as_str(), self.link.as_mut().unwrap()) {
            ("opened", _) => Input::Opened,
            ("bytes", _) => Input::Bytes(&bytes),
            ("tick", _) => Input::Tick,
            ("persisted", _) => Input::Persisted(self.persist.take().unwrap(), anchor(text(value, "anchor"))),
            ("persist_failed", _) => Input::PersistFailed(self.persist.take().unwrap()),
            ("loaded", _) => Input::Loaded(self.load.take().unwrap(), found(value)),
            ("verdict", _) => Input::Verdict(verdict(value)),
            ("collect", Link::His(link)) => {
                let new = NewCollect {
                    ticket: 1,
                    bill: text(value, "bill").into(),
                    amount: Amount::from_fen(value["fen"].as_i64().unwrap()).unwrap(),
                    business_day: u32::try_from(number(value, "business_day")).unwrap(),
                };
                // A refusal is shown by what does not come.
                _ = link.collect(new, clock);
                return;
            }
            ("refund", Link::His(link)) => {
                let person = |name: &str| OperatorId::try_from(text(value, name)).unwrap();
                let new = NewRefund {
                    ticket: 2,
                    order_no: OrderNo::try_from(text(value, "order_no")).unwrap(),
                    item: text(value, "item").into(),
                    amount: Amount::from_fen(value["fen"].as_i64().unwrap()).unwrap(),
                    operator: person("operator"),
                    approver: person("approver"),
                    reason: text(value, "reason").into(),
                    business_day: u32::try_from(number(value, "business_day")).unwrap(),
                };
                _ = link.refund(new, clock);
                return;
            }
            ("cancel", Link::His(link)) => {
                _ = link.cancel(&OrderNo::try_from(text(value, "order_no")).unwrap(), clock);
                return;
            }
            ("scan", Link::Pos(link)) => {
                let channel = Channel::from_code(value["channel"].as_i64().unwrap() as i32).unwrap();
                _ = link.scan(channel, PaymentCode::new(text(value, "code").into()), clock);
                return;
            }
            ("close", Link::His(link)) => return link.close(clock),
            ("close", Link::Pos(link)) => return link.close(clock),
            _ => panic!("no input {name}"),
        };
        match self.link.as_mut().unwrap() {
            Link::His(link) => link.handle_input(input, clock),
            Link::Pos(link) => link.handle_input(input, clock),
        }
    }

    /// Everything that the link wants done up to its next wait, as the file shows it.
    fn drain(&mut self) {
        loop {
            let shown = match self.link.as_mut() {
                Some(Link::His(link)) => shown(link.poll_output(), self.site),
                Some(Link::Pos(link)) => shown(link.poll_output(), self.site),
                None => return,
            };
            match shown {
                Shown::Nothing => return,
                Shown::Event => {}
                Shown::Out(out) => self.out.push(out),
                Shown::Load(id, out) => {
                    self.load = Some(id);
                    self.out.push(out);
                    return;
                }
                Shown::Persist(id, out) => {
                    self.persist = Some(id);
                    self.out.push(out);
                    return;
                }
            }
        }
    }
}

/// An output: what waits for an answer ends a round.
enum Shown {
    Nothing,
    Event,
    Out(Value),
    Load(LoadId, Value),
    Persist(PersistId, Value),
}

fn shown<E>(output: Output<E>, site: &Value) -> Shown {
    match output {
        Output::Timeout(_) => Shown::Nothing,
        Output::Event(_) => Shown::Event,
        Output::Transmit(bytes) => Shown::Out(json!({ "transmit": to_hex(&bytes) })),
        Output::Ask(ask) => Shown::Out(asked(&ask, site)),
        Output::Load(id, _) => Shown::Load(id, json!({ "load": null })),
        Output::Persist(id, batch) => Shown::Persist(id, persisted(&batch)),
    }
}

fn persisted(batch: &Batch) -> Value {
    let read = batch
        .read
        .iter()
        .map(|(key, version)| json!({ "table": key.table.code(), "key": key.key, "version": version }));
    let write = batch.write.iter().map(|write| {
        let key = &write.key;
        json!({ "table": key.table.code(), "key": key.key, "version": 0, "row": to_hex(&write.bytes) })
    });
    json!({ "persist": { "read": read.collect::<Vec<_>>(), "write": write.collect::<Vec<_>>() } })
}

fn asked(ask: &Ask, site: &Value) -> Value {
    let (request, expires_at) = match &ask.request {
        Request::Verify => ("verify", None),
        Request::Query => ("query", None),
        Request::Pay { expires_at, .. } => ("pay", Some(expires_at.0)),
        Request::Reverse => ("reverse", None),
        Request::Refund { .. } => ("refund", None),
        Request::QueryRefund { .. } => ("query_refund", None),
    };
    let agreement = Agreement::decode(from_hex(text(site, "agreement"))).unwrap();
    let mut shown = json!({
        "id": ask.id.0,
        "channel": ask.merchant.channel.code(),
        "request": request,
        "number": ask.number.as_ref().map(|number| number.as_str()).unwrap_or_default(),
        "total": ask.total,
        "not_after": ask.not_after.map(|at| at.0),
        "expires_at": expires_at,
    });
    if let Request::Refund { refund, amount } | Request::QueryRefund { refund, amount } = &ask.request {
        shown["refund"] = json!(refund.as_str());
        shown["fen"] = json!(amount);
    }
    if agreement.merchant(ask.merchant.channel).as_ref() != Some(&ask.merchant) {
        shown["merchant"] = json!(ask.merchant.account);
    }
    json!({ "ask": shown })
}

fn found(value: &Value) -> Found {
    let row = |row: &Value| Row {
        key: RowKey::new(
            Table::from_code(u8::try_from(number(row, "table")).unwrap()).unwrap(),
            text(row, "key"),
        ),
        version: number(row, "version"),
        bytes: row.get("row").map(|row| from_hex(row.as_str().unwrap())).unwrap_or_default(),
    };
    Found {
        rows: value["rows"].as_array().unwrap().iter().map(row).collect(),
        more: value["more"].as_bool().unwrap(),
        containment: match text(value, "containment") {
            "contained" => Containment::Contained,
            "declared" => Containment::Declared,
            _ => Containment::Missing,
        },
        anchor: Anchor::decode(&from_hex(text(value, "anchor"))).unwrap(),
    }
}

fn verdict(value: &Value) -> Verdict {
    let proof = &value["proof"];
    let capture = || Capture {
        payment_no: text(proof, "payment_no").into(),
        amount: number(proof, "fen"),
        captured_at: proof["captured_at"].as_u64().map(UnixSeconds),
    };
    Verdict {
        id: AskId(number(value, "id")),
        proof: match text(proof, "name") {
            "verified" => Proof::Verified,
            "absent" => Proof::Absent,
            "open" => Proof::Open,
            "captured" => Proof::Captured(capture()),
            "mismatch" => Proof::Mismatch(capture()),
            "alive" => Proof::Alive,
            "closed" => Proof::Closed,
            "refused" => Proof::Refused,
            "payer_refused" => Proof::PayerRefused,
            "merchant_refused" => Proof::MerchantRefused,
            "number_known" => Proof::NumberKnown,
            "captured_and_refunded" => {
                Proof::CapturedAndRefunded { capture: capture(), refunded: number(proof, "refunded") }
            }
            "refunded" => Proof::Refunded {
                refund_id: text(proof, "refund_id").into(),
                at: proof["at"].as_u64().map(UnixSeconds),
            },
            "refund_pending" => Proof::RefundPending,
            "not_refunded" => Proof::NotRefunded { closed: proof["closed"].as_bool().unwrap() },
            "refund_abnormal" => Proof::RefundAbnormal,
            name => panic!("no proof {name}"),
        },
        provider_code: text(value, "provider_code").into(),
        date: value["date"].as_u64().map(UnixSeconds),
        first_byte: value["first_byte"].as_u64().map(Instant),
        ended: Instant(number(value, "ended")),
        answered: value["answered"].as_bool().unwrap(),
    }
}

#[test]
fn conversations_of_the_vectors_are_lived_again_by_real_links() {
    let file: Value = serde_json::from_str(include_str!("../../vectors/conversations.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let name = format!("case {}, {}, {}", case["tc_id"], case["comment"], case["side"]);
        let mut starts = case["draws"].as_array().unwrap().iter();
        let agreements = case["agreements"].as_array().into_iter().flatten();
        let agreements =
            agreements.map(|held| Agreement::decode(from_hex(held.as_str().unwrap())).unwrap()).collect();
        let mut end =
            End { site: &file["site"], agreements, link: None, load: None, persist: None, out: Vec::new() };
        for happening in case["happenings"].as_array().unwrap() {
            let at = number(happening, "at");
            if let Some(out) = happening.get("out") {
                // A query is the store's business; what it found is in the file.
                let out = if out.get("load").is_some() { json!({ "load": null }) } else { out.clone() };
                assert!(!end.out.is_empty(), "{name}, at {at}: nothing comes, and not {out}");
                assert_eq!(end.out.remove(0), out, "{name}, at {at}");
                continue;
            }
            assert!(end.out.is_empty(), "{name}, at {at}: more comes: {:?}", end.out);
            if let Some(start) = happening["in"].get("start") {
                let draws = starts.next().unwrap().as_array().unwrap();
                let draws = draws.iter().flat_map(|draw| from_hex(draw.as_str().unwrap())).collect();
                let side = text(case, "side");
                end.start(side, if side == "his" { case } else { start }, draws, at);
                (end.load, end.persist) = (None, None);
            } else {
                end.give(&happening["in"], at);
            }
            end.drain();
        }
        assert!(end.out.is_empty(), "{name}: more comes: {:?}", end.out);
    }
    assert!(cases.len() >= 290);
}
