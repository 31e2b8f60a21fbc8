//! Cores of orders: what makes one malformed, and what makes its amount wrong.

use hispos::ids::SiteId;
use hispos::message::order::{CoreError, OrderCore, order_hash};
use prost_reflect::Value;

use crate::about::{About, File};
use crate::case::Fault;
use crate::fields::{Fields, collect_fields, refund_fields, text, with, without};
use crate::hex::hex;
use crate::schema::Schema;
use crate::site::words;

/// Field, kind of mutation, and the fields of the core.
type Row = (&'static str, &'static str, Fields<'static>);

/// Every case of a core.
pub(crate) fn cores(file: &mut File, schema: &Schema) -> Result<(), String> {
    let collect = collect_fields();
    for (field, kind, fields) in [collects(schema)?, refunds(schema)?, days()].concat() {
        core(file, schema, field, kind, schema.encode("OrderCore", &fields)?)?;
    }
    let whole = schema.encode("OrderCore", &collect)?;
    for cut in 1..whole.len() {
        let bytes = whole.get(..cut).unwrap_or_default().to_vec();
        core(file, schema, "", &format!("cut off behind {cut} bytes"), bytes)?;
    }
    Ok(())
}

fn collects(schema: &Schema) -> Result<Vec<Row>, String> {
    let (collect, of) = (collect_fields(), refund_fields());
    Ok(vec![
        ("order_no", "longest", with(&collect, "order_no", text("ABCDEFGHIJKLMNOPQRSTUVWX"))),
        ("amount", "1 fen", with(&collect, "amount", Value::I64(1))),
        ("amount", "the greatest", with(&collect, "amount", Value::I64(9_999_999_999))),
        ("amount", "one more than the greatest", with(&collect, "amount", Value::I64(10_000_000_000))),
        ("amount", "the greatest of 64 bits", with(&collect, "amount", Value::I64(i64::MAX))),
        ("amount", "the least of 64 bits", with(&collect, "amount", Value::I64(i64::MIN))),
        ("amount", "negative in a collect", with(&collect, "amount", Value::I64(-8_800))),
        ("amount", "zero", with(&collect, "amount", Value::I64(0))),
        ("kind", "3", with(&collect, "kind", Value::EnumNumber(3))),
        ("kind", "3 with an amount above the greatest", {
            with(&with(&collect, "kind", Value::EnumNumber(3)), "amount", Value::I64(10_000_000_000))
        }),
        ("kind", "absent", without(&collect, "kind")),
        ("kind", "refund with a positive amount", with(&collect, "kind", Value::EnumNumber(2))),
        ("refund_of", "absent in a refund", {
            with(&with(&collect, "kind", Value::EnumNumber(2)), "amount", Value::I64(-800))
        }),
        ("refund_of", "in a collect", {
            with(&collect, "refund_of", Value::Message(schema.build("RefundOf", &of)?))
        }),
        ("agreement_no", "absent", without(&collect, "agreement_no")),
        ("device_id", "absent", without(&collect, "device_id")),
        ("order_no", "absent", without(&collect, "order_no")),
        ("order_no", "25 characters", with(&collect, "order_no", text("ABCDEFGHIJKLMNOPQRSTUVWXY"))),
        ("order_no", "a small letter", with(&collect, "order_no", text("b1"))),
    ])
}

fn refunds(schema: &Schema) -> Result<Vec<Row>, String> {
    let refund = |of: Fields<'_>| -> Result<Fields<'static>, String> {
        let fields = with(&with(&collect_fields(), "kind", Value::EnumNumber(2)), "amount", Value::I64(-800));
        Ok(with(&fields, "refund_of", Value::Message(schema.build("RefundOf", &of)?)))
    };
    let of = refund_fields();
    Ok(vec![
        ("refund_of", "a refund", refund(of.clone())?),
        ("refund_of.amount", "equal to the refund", refund(with(&of, "amount", Value::U64(800)))?),
        ("refund_of.amount", "below the refund", refund(with(&of, "amount", Value::U64(799)))?),
        ("refund_of.amount", "the greatest", refund(with(&of, "amount", Value::U64(9_999_999_999)))?),
        (
            "refund_of.amount",
            "one more than the greatest",
            refund(with(&of, "amount", Value::U64(10_000_000_000)))?,
        ),
        ("refund_of.channel", "3", refund(with(&of, "channel", Value::EnumNumber(3)))?),
        ("refund_of.channel", "Alipay", refund(with(&of, "channel", Value::EnumNumber(2)))?),
        ("refund_of.approver", "the operator", refund(with(&of, "approver", text("cashier-1")))?),
        ("refund_of.approver", "the operator in capitals", refund(with(&of, "approver", text("CASHIER-1")))?),
        ("refund_of.operator", "absent", refund(without(&of, "operator"))?),
        ("refund_of.reason", "absent", refund(without(&of, "reason"))?),
        ("refund_of.payment_no", "absent", refund(without(&of, "payment_no"))?),
    ])
}

fn days() -> Vec<Row> {
    let collect = collect_fields();
    let mut rows: Vec<Row> = Vec::new();
    for (kind, day) in [
        ("29 February of a leap year", 20_280_229),
        ("29 February of 2000", 20_000_229),
        ("the first", 10_000_101),
        ("the last", 99_991_231),
        ("29 February of no leap year", 20_260_229),
        ("29 February of 1900", 19_000_229),
        ("31 April", 20_260_431),
        ("month 0", 20_260_001),
        ("month 13", 20_261_301),
        ("day 0", 20_261_100),
        ("day 32", 20_261_232),
        ("the year 999", 9_991_231),
        ("the year 10000", 100_000_101),
        ("six digits", 261_124),
    ] {
        rows.push(("business_day", kind, with(&collect, "business_day", Value::U32(day))));
    }
    let both = with(&with(&collect, "amount", Value::I64(-1)), "business_day", Value::U32(1));
    rows.push(("amount", "wrong sign and no date: the amount comes first", both));
    rows
}

fn core(file: &mut File, schema: &Schema, field: &str, kind: &str, bytes: Vec<u8>) -> Result<(), String> {
    let site = SiteId::try_from("site-1").map_err(words)?;
    let decoded = OrderCore::decode(bytes.clone());
    let shown = decoded.is_ok().then(|| schema.decoded("OrderCore", &bytes)).transpose()?;
    let hash = shown.as_ref().map(|_| hex(&order_hash(&site, &bytes)));
    let what = About::Core { site_id: "site-1".into(), core: hex(&bytes), decoded: shown, hash };
    let comment = format!("{field} {kind}");
    let (reason, reaction, cited) = match decoded {
        Ok(_) => {
            file.valid(&comment, "ORD-27 ORD-28 ORD-31", what);
            return Ok(());
        }
        Err(CoreError::Amount(_) | CoreError::Sign { .. }) => ("amount", "rejected 504", "ORD-29 ORD-88"),
        Err(CoreError::NotCanonical(_)) => ("not canonical", "rejected 501", "ENC-2 ORD-28 ORD-88"),
        Err(CoreError::Channel(_) | CoreError::Original { .. } | CoreError::SamePerson) => {
            ("malformed refund", "rejected 501", "ORD-30 ORD-88")
        }
        Err(_) => ("malformed", "rejected 501", "ORD-28 ORD-88"),
    };
    file.invalid(&comment, cited, what, &Fault { reason, reaction, mutation: ("OrderCore", field, kind) });
    Ok(())
}
