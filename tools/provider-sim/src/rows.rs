//! Orders, refunds, codes and calls as rows.

use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, params};

use crate::model::{Channel, CodeUse, Merchant, Millis, Order, Refund, RefundEnd, Scenario, View};

/// What a request names; the view is loaded by it.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Whose order.
    pub merchant: &'a Merchant,
    /// The order.
    pub number: &'a str,
    /// The keyed hash of the code, for a pay.
    pub code_hash: Option<&'a str>,
    /// The refund, for a refund.
    pub refund_number: Option<&'a str>,
}

/// One row of the evidence: a request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRow {
    /// When.
    pub at: Millis,
    /// `pay`, `reverse` or `refund`.
    pub call: String,
    /// Whose order.
    pub merchant: Merchant,
    /// The number it named.
    pub number: String,
    /// The code that was answered, or what became of the answer.
    pub answer: String,
}

const ORDER_COLUMNS: &str = "channel, account, sub_account, number, total, subject, scenario, payment_no, \
    created_at, expires_at, visible_from, prompt_until, captured_at, reversed_at, reverses";

pub(crate) fn load_view(conn: &Connection, names: Names<'_>) -> Result<View> {
    let Merchant { channel, account, sub_account } = names.merchant;
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {ORDER_COLUMNS} FROM orders
         WHERE channel = ?1 AND account = ?2 AND sub_account = ?3 AND number = ?4"
    ))?;
    let key = params![channel.name(), account, sub_account, names.number];
    let mut order = statement.query_row(key, order_of).optional()?;
    if let Some(order) = order.as_mut() {
        order.refunds = load_refunds(conn, order)?;
    }
    let code = match names.code_hash {
        Some(hash) => load_code(conn, hash)?,
        None => None,
    };
    let refund_holder = match names.refund_number {
        Some(refund_number) => load_holder(conn, names.merchant, refund_number)?,
        None => None,
    };
    Ok(View { order, code, refund_holder })
}

pub(crate) fn save_view(conn: &Connection, names: Names<'_>, before: &View, after: &View) -> Result<()> {
    if let (Some(hash), Some(code), true) = (names.code_hash, after.code, before.code != after.code) {
        let mut statement = conn.prepare_cached("INSERT OR REPLACE INTO codes VALUES (?1, ?2, ?3)")?;
        statement.execute(params![hash, code.first_seen, code.used])?;
    }
    let Some(order) = after.order.as_ref().filter(|order| before.order.as_ref() != Some(order)) else {
        return Ok(());
    };
    save_order(conn, order)?;
    let known = before.order.as_ref().map_or(0, |order| order.refunds.len());
    for refund in order.refunds.iter().skip(known) {
        save_refund(conn, order, refund)?;
    }
    Ok(())
}

pub(crate) fn load_orders(conn: &Connection, number: Option<&str>) -> Result<Vec<Order>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {ORDER_COLUMNS} FROM orders WHERE ?1 IS NULL OR number = ?1
         ORDER BY number, channel, account, sub_account"
    ))?;
    let mut orders = statement.query_map(params![number], order_of)?.collect::<Result<Vec<Order>>>()?;
    for order in &mut orders {
        order.refunds = load_refunds(conn, order)?;
    }
    Ok(orders)
}

pub(crate) fn load_calls(conn: &Connection, number: Option<&str>) -> Result<Vec<CallRow>> {
    let mut statement = conn.prepare_cached(
        "SELECT channel, account, sub_account, number, at, call, answer FROM calls
         WHERE ?1 IS NULL OR number = ?1 ORDER BY id",
    )?;
    let rows = statement.query_map(params![number], |row| {
        Ok(CallRow {
            merchant: merchant_of(row)?,
            number: row.get(3)?,
            at: row.get(4)?,
            call: row.get(5)?,
            answer: row.get(6)?,
        })
    })?;
    rows.collect()
}

fn load_code(conn: &Connection, hash: &str) -> Result<Option<CodeUse>> {
    let mut statement = conn.prepare_cached("SELECT first_seen, used FROM codes WHERE hash = ?1")?;
    let code = statement.query_row([hash], |row| Ok(CodeUse { first_seen: row.get(0)?, used: row.get(1)? }));
    code.optional()
}

fn load_holder(conn: &Connection, merchant: &Merchant, refund_number: &str) -> Result<Option<String>> {
    let Merchant { channel, account, sub_account } = merchant;
    let mut statement = conn.prepare_cached(
        "SELECT number FROM refunds
         WHERE channel = ?1 AND account = ?2 AND sub_account = ?3 AND refund_number = ?4",
    )?;
    let key = params![channel.name(), account, sub_account, refund_number];
    statement.query_row(key, |row| row.get(0)).optional()
}

fn load_refunds(conn: &Connection, order: &Order) -> Result<Vec<Refund>> {
    let Merchant { channel, account, sub_account } = &order.merchant;
    let mut statement = conn.prepare_cached(
        "SELECT refund_number, refund_id, amount, requested_at, settles_at, ending FROM refunds
         WHERE channel = ?1 AND account = ?2 AND sub_account = ?3 AND number = ?4 ORDER BY rowid",
    )?;
    let refunds =
        statement.query_map(params![channel.name(), account, sub_account, order.number], |row| {
            Ok(Refund {
                number: row.get(0)?,
                refund_id: row.get(1)?,
                amount: row.get(2)?,
                requested_at: row.get(3)?,
                settles_at: row.get(4)?,
                end: end_of(row.get_ref(5)?.as_str()?)?,
            })
        })?;
    refunds.collect()
}

fn save_order(conn: &Connection, order: &Order) -> Result<()> {
    let Merchant { channel, account, sub_account } = &order.merchant;
    // Only what a reverse changes may differ once the order exists.
    let mut statement = conn.prepare_cached(&format!(
        "INSERT INTO orders ({ORDER_COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (channel, account, sub_account, number) DO UPDATE SET
           captured_at = excluded.captured_at, reversed_at = excluded.reversed_at, reverses = excluded.reverses"
    ))?;
    statement.execute(params![
        channel.name(),
        account,
        sub_account,
        order.number,
        order.total,
        order.subject,
        order.scenario.number(),
        order.payment_no,
        order.created_at,
        order.expires_at,
        order.visible_from,
        order.prompt_until,
        order.captured_at,
        order.reversed_at,
        order.reverses,
    ])?;
    Ok(())
}

fn save_refund(conn: &Connection, order: &Order, refund: &Refund) -> Result<()> {
    let Merchant { channel, account, sub_account } = &order.merchant;
    let ending = match refund.end {
        RefundEnd::Success => "success",
        RefundEnd::Abnormal => "abnormal",
        RefundEnd::Failed => "failed",
    };
    let mut statement =
        conn.prepare_cached("INSERT INTO refunds VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    statement.execute(params![
        channel.name(),
        account,
        sub_account,
        refund.number,
        order.number,
        refund.refund_id,
        refund.amount,
        refund.requested_at,
        refund.settles_at,
        ending,
    ])?;
    Ok(())
}

fn order_of(row: &Row<'_>) -> Result<Order> {
    Ok(Order {
        merchant: merchant_of(row)?,
        number: row.get(3)?,
        total: row.get(4)?,
        subject: row.get(5)?,
        scenario: Scenario::from_number(row.get(6)?),
        payment_no: row.get(7)?,
        created_at: row.get(8)?,
        expires_at: row.get(9)?,
        visible_from: row.get(10)?,
        prompt_until: row.get(11)?,
        captured_at: row.get(12)?,
        reversed_at: row.get(13)?,
        reverses: row.get(14)?,
        refunds: Vec::new(),
    })
}

fn merchant_of(row: &Row<'_>) -> Result<Merchant> {
    let name: String = row.get(0)?;
    let channel = Channel::from_name(&name).ok_or_else(|| unknown(0, "channel"))?;
    Ok(Merchant { channel, account: row.get(1)?, sub_account: row.get(2)? })
}

fn end_of(name: &str) -> Result<RefundEnd> {
    match name {
        "success" => Ok(RefundEnd::Success),
        "abnormal" => Ok(RefundEnd::Abnormal),
        "failed" => Ok(RefundEnd::Failed),
        _ => Err(unknown(5, "ending")),
    }
}

fn unknown(column: usize, name: &str) -> Error {
    Error::InvalidColumnType(column, name.to_owned(), Type::Text)
}
