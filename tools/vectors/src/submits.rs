//! SubmitOrder of an order that a POS does not know.

use prost_reflect::Value;

use crate::asked::{Row, raw};
use crate::fields::{collect_fields, text, with, without};
use crate::requests::Made;
use crate::scene::Stage;

const IDS: &str = "ORD-88 ORD-91 MSG-33";

/// Stage, field, kind, value and reaction.
type Wrong = (Stage, &'static str, &'static str, Value, &'static str);

/// A list of order numbers.
fn numbers(numbers: &[&str]) -> Value {
    Value::List(numbers.iter().map(|number| text(number)).collect())
}

impl Made<'_> {
    /// SubmitOrder of an order that is not known.
    pub(crate) fn submits(&self) -> Result<Vec<Row>, String> {
        let collect = collect_fields();
        let good = self.submit(&collect)?;
        let (at, ids) = (Stage::Synced, IDS);
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
        for (stage, field, kind, value, expected) in
            [self.cores()?, self.others(), self.in_the_way()?].concat()
        {
            let fields = with(&good, field, value);
            let row = self.row(stage, "submit_order", "SubmitOrder", kind, &fields, IDS)?;
            rows.push(row.wrong(field, "the order is not taken", expected));
        }
        Ok(rows)
    }

    /// Cores that are not taken.
    fn cores(&self) -> Result<Vec<Wrong>, String> {
        let (collect, at) = (collect_fields(), Stage::Synced);
        let cut = self.core(&collect)?;
        let cut = cut.get(..cut.len() - 1).unwrap_or_default();
        let changed = |name: &'static str, value: Value| -> Result<Value, String> {
            Ok(raw(&self.core(&with(&collect, name, value))?))
        };
        Ok(vec![
            (at, "core", "empty", raw(&[]), "rejected 501"),
            (at, "core", "cut off", raw(cut), "rejected 501"),
            (at, "core", "kind 3", changed("kind", Value::EnumNumber(3))?, "rejected 501"),
            (at, "core", "no day", changed("business_day", Value::U32(20_260_230))?, "rejected 501"),
            (
                at,
                "core",
                "a refund without original",
                raw(&self.core(&without(&self.refund()?, "refund_of"))?),
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
        ])
    }

    /// What else is not taken.
    fn others(&self) -> Vec<Wrong> {
        let at = Stage::Synced;
        vec![
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
        ]
    }

    /// Orders that come when none can be taken.
    fn in_the_way(&self) -> Result<Vec<Wrong>, String> {
        let collect = collect_fields();
        let changed = |name: &'static str, value: Value| -> Result<Value, String> {
            Ok(raw(&self.core(&with(&collect, name, value))?))
        };
        Ok(vec![
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
        ])
    }
}
