//! QueryOrder, CancelOrder and LookUp of an order that a POS does not know.

use prost_reflect::Value;

use crate::asked::{Row, raw};
use crate::fields::{Fields, collect_fields, text, with};
use crate::requests::Made;
use crate::scene::Stage;

impl Made<'_> {
    /// QueryOrder, CancelOrder and LookUp of an order that is not known.
    pub(crate) fn cancels_and_looks(&self) -> Result<Vec<Row>, String> {
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
        rows.extend(self.wrong_cancels(&cancel)?);
        rows.extend(self.wrong_looks()?);
        Ok(rows)
    }

    fn changed(&self, name: &'static str, value: Value) -> Result<Value, String> {
        Ok(raw(&self.core(&with(&collect_fields(), name, value))?))
    }

    fn wrong_cancels(&self, cancel: &Fields<'_>) -> Result<Vec<Row>, String> {
        let at = Stage::Synced;
        let mut rows = Vec::new();
        let other_device = self.changed("device_id", text("POS-0002"))?;
        let wrong: Vec<(&'static str, &'static str, &'static str, &str, Value, &'static str)> = vec![
            ("cancel_order", "CancelOrder", "core", "empty", raw(&[]), "rejected 501"),
            (
                "cancel_order",
                "CancelOrder",
                "core",
                "no day",
                self.changed("business_day", Value::U32(1))?,
                "rejected 501",
            ),
            (
                "cancel_order",
                "CancelOrder",
                "core",
                "negative",
                self.changed("amount", Value::I64(-1))?,
                "rejected 504",
            ),
            (
                "cancel_order",
                "CancelOrder",
                "core",
                "out of range",
                self.changed("amount", Value::I64(10_000_000_000))?,
                "rejected 504",
            ),
            ("cancel_order", "CancelOrder", "core", "of another device", other_device, "rejected 503"),
            ("cancel_order", "CancelOrder", "run", "another", raw(&[1, 2, 3, 4]), "rejected 507"),
            ("cancel_order", "CancelOrder", "run", "empty", raw(&[]), "rejected 507"),
        ];
        for (body, name, field, kind, value, expected) in wrong {
            let row = self.row(at, body, name, kind, &with(cancel, field, value), "ORD-91 ORD-95")?;
            rows.push(row.wrong(field, "the cancel is not taken", expected));
        }
        Ok(rows)
    }

    fn wrong_looks(&self) -> Result<Vec<Row>, String> {
        let (at, collect) = (Stage::Synced, collect_fields());
        let mut rows = Vec::new();
        for (kind, value, expected) in [
            ("empty", raw(&[]), "rejected 501"),
            ("negative", self.changed("amount", Value::I64(-1))?, "rejected 501"),
            ("no day", self.changed("business_day", Value::U32(1))?, "rejected 501"),
            (
                "of an agreement that is not held",
                self.changed("agreement_no", Value::U32(2))?,
                "rejected 509",
            ),
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
