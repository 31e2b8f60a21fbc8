//! Results and answers that somebody makes who holds the keys of the POS.

use hispos::crypto::ed25519_sign;
use hispos::message::order::{Kind, order_hash};
use hispos::message::order_no::derive_order_no;
use prost_reflect::Value;
use serde_json::Value as Json;

use crate::asked::{message, raw};
use crate::draws::all;
use crate::fields::{Fields, text};
use crate::lines::calm;
use crate::pair::{End, Pair};
use crate::played::{Answer, Played};
use crate::schema::Schema;
use crate::site::{DAY, DEVICE, SITE, SOFTWARE, UNIX, seed, words};

/// Fields of a message that says how an order stands or ended.
pub(crate) type Says = Fields<'static>;

pub(crate) const BILL: &str = "bill-1";
pub(crate) const FEN: i64 = 8_800;
pub(crate) const PAYMENT: &str = "4200002611240000000000000001";
pub(crate) const OTHER_PAYMENT: &str = "4200002611240000000000000002";

/// A HIS past Sync whose POS is played from now on.
pub(crate) fn synced() -> Result<Played, String> {
    let mut pair = calm()?;
    pair.pass(2_000);
    Played::over(pair)
}

impl Played {
    /// HIS makes an order of this bill, which the POS takes: its core.
    pub(crate) fn collects(&mut self, bill: &str) -> Result<Vec<u8>, String> {
        self.pair.collect(bill, FEN, DAY)?;
        self.takes()
    }

    /// The POS takes the order that HIS made last: its core.
    pub(crate) fn takes(&mut self) -> Result<Vec<u8>, String> {
        let core = held_core(&self.pair)?;
        let number = number_of(&self.schema, &core)?;
        self.live(300, &|body, _| (body == "submit_order").then(|| stage(&number, 1)))?;
        Ok(core)
    }

    /// HIS is told a result of the order with this core, and answers.
    pub(crate) fn report(&mut self, core: &[u8], says: &Says) -> Result<(), String> {
        let fields = signed(&self.schema, core, says)?;
        self.ask("report_result", "ReportResult", &fields)?;
        self.live(300, &|_, _| None)
    }
}

/// The core of the order that HIS wrote last.
pub(crate) fn held_core(pair: &Pair) -> Result<Vec<u8>, String> {
    let records = pair.ledger.records.iter().rev();
    let orders = records.filter_map(|(record, _)| hispos::book::decode_record(record).ok());
    let row = orders.filter(|record| record.row.key.table.code() == 2).map(|record| record.row.bytes).next();
    // Field 1 of the row, of a length that takes one byte or two.
    let row = row.ok_or("no order is held")?;
    let (start, length) = match row.get(1..3) {
        Some([low, high]) if low & 0x80 != 0 => (3, usize::from(low & 0x7F) | usize::from(*high) << 7),
        Some([length, _]) => (2, usize::from(*length)),
        _ => return Err("no core".to_owned()),
    };
    Ok(row.get(start..start + length).ok_or("no core")?.to_vec())
}

/// How far an order is.
pub(crate) fn stage(number: &str, stage: i32) -> Answer {
    let fields = vec![
        ("order_no", text(number)),
        ("stage", Value::EnumNumber(stage)),
        ("money", Value::EnumNumber(1)),
        ("seconds_left", Value::U32(60)),
    ];
    ("order_state", "OrderState", fields)
}

/// That WeChat Pay took this under the payment number.
pub(crate) fn paid(payment_no: &str, fen: i64) -> Says {
    vec![
        ("outcome", Value::EnumNumber(1)),
        ("status", Value::EnumNumber(100)),
        ("channel", Value::EnumNumber(1)),
        ("payment_no", text(payment_no)),
        ("amount", Value::I64(fen)),
    ]
}

/// An end without money.
pub(crate) fn without_money(outcome: i32, status: i32, fen: i64) -> Says {
    vec![
        ("outcome", Value::EnumNumber(outcome)),
        ("status", Value::EnumNumber(status)),
        ("amount", Value::I64(fen)),
    ]
}

/// The number of an order, as its core has it.
pub(crate) fn number_of(schema: &Schema, core: &[u8]) -> Result<String, String> {
    let said = schema.decoded("OrderCore", core)?;
    Ok(said.get("order_no").and_then(Json::as_str).unwrap_or_default().to_owned())
}

/// A core with other fields.
pub(crate) fn other_core(schema: &Schema, core: &[u8], changes: Says) -> Result<Vec<u8>, String> {
    let said = schema.decoded("OrderCore", core)?;
    let number = |name: &str| said.get(name).and_then(Json::as_i64).unwrap_or_default();
    let mut fields = vec![
        ("order_no", text(&number_of(schema, core)?)),
        ("device_id", text(DEVICE)),
        ("kind", Value::EnumNumber(1)),
        ("amount", Value::I64(number("amount"))),
        ("business_day", Value::U32(u32::try_from(number("business_day")).map_err(words)?)),
        ("agreement_no", Value::U32(1)),
    ];
    for (name, value) in changes {
        fields.retain(|(other, _)| *other != name);
        fields.push((name, value));
    }
    schema.encode("OrderCore", &fields)
}

/// A result of the order with this core: `result` and `signature`.
pub(crate) fn signed(schema: &Schema, core: &[u8], says: &Says) -> Result<Says, String> {
    let site = SITE.try_into().map_err(words::<hispos::ids::IdError>)?;
    let mut fields = vec![
        ("order_hash", raw(&order_hash(&site, core))),
        ("order_no", text(&number_of(schema, core)?)),
        ("device_id", text(DEVICE)),
    ];
    for (name, value) in says {
        fields.retain(|(other, _)| other != name);
        fields.push((name, value.clone()));
    }
    let result = schema.encode("ResultCore", &fields)?;
    let signature = ed25519_sign(&seed("device"), b"hispos/1 result", &result);
    Ok(vec![("result", raw(&result)), ("signature", raw(&signature))])
}

/// The number of an order of [`BILL`].
pub(crate) fn number(generation: u32) -> Result<String, String> {
    let number = derive_order_no(&seed("site secret"), Kind::Collect, BILL.as_bytes(), generation);
    Ok(number.map_err(words)?.as_str().to_owned())
}

/// A HIS in a session of which nothing but the key exchange has arrived: everything behind it is for the played POS.
pub(crate) fn met(mut pair: Pair) -> Result<Played, String> {
    pair.cut_records();
    pair.start(End::Pos)?;
    pair.start(End::His)?;
    pair.pass(200);
    let [_, starts] = &pair.draws;
    let run = all(starts.last().ok_or("no start")?).into_iter().next().ok_or("no run")?;
    let mut played = Played::from_start(pair, End::His)?;
    let ready = vec![
        ("run", raw(&run)),
        ("pos_time", Value::U64(UNIX)),
        ("software", text(SOFTWARE)),
        ("simulated", Value::Bool(true)),
    ];
    let plaintext = message(&played.schema, 0, 0, "ready", "SessionReady", &ready)?;
    played.say(&plaintext)?;
    Ok(played)
}

/// A page of the list of orders, each with its core and more.
pub(crate) fn page(schema: &Schema, items: Vec<(u64, &[u8], Says)>, more: bool) -> Result<Answer, String> {
    let mut list = Vec::new();
    for (seq, core, says) in items {
        let mut fields = vec![("seq", Value::U64(seq)), ("core", raw(core))];
        fields.extend(says);
        list.push(Value::Message(schema.build("OrderItem", &fields)?));
    }
    let book = crate::draws::known::<8>("journal book");
    let fields = vec![("book", raw(&book)), ("items", Value::List(list)), ("more", Value::Bool(more))];
    Ok(("order_list", "OrderList", fields))
}
