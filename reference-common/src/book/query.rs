//! Finding rows in a book.

use hispos::book::{Anchor, Containment, Found, Query, Row, RowKey, Table};
use rusqlite::{Connection, params};

use super::StoreError;
use super::layout::{int, uint};

/// Answers one query. `anchor` is the book's present one; `contains` looks for another.
pub(super) fn find(
    connection: &Connection,
    query: &Query,
    anchor: Anchor,
    contains: impl FnOnce(&Anchor) -> Result<Containment, StoreError>,
) -> Result<Found, StoreError> {
    let mut found = Found { rows: Vec::new(), more: false, containment: Containment::Contained, anchor };
    match query {
        Query::Rows(keys) => {
            found.rows = keys.iter().map(|key| row(connection, key)).collect::<Result<_, _>>()?;
        }
        Query::Bill(bill) => {
            //= spec-crate/spec/books.md#rows-and-versions
            //# A book that gives the rows of a bill, a day or the open orders MUST give them in the order of
            //# each row's first record.
            let sql = "SELECT tab, key, version, bytes FROM rows
                       WHERE bill = ?1 AND bill <> '' AND tab IN (2, 4) ORDER BY first_seq";
            found.rows = vec![row(connection, &RowKey::new(Table::Bill, bill))?];
            found.rows.extend(select(connection, sql, [bill])?);
        }
        Query::Open { device, after, limit } => {
            //= spec-crate/spec/books.md#rows-and-versions
            //# A book that gives the rows of a bill, a day or the open orders MUST give them in the order of
            //# each row's first record.
            // A page ends with a row of which the asker knows the version only, so `after` may be any record of it.
            let sql = "SELECT tab, key, version, bytes FROM rows
                       WHERE tab = 2 AND open = 1 AND first_seq > coalesce(
                           (SELECT first_seq FROM rows NATURAL JOIN records WHERE seq = ?1 AND tab = 2), ?1) AND (?2 = '' OR device = ?2)
                       ORDER BY first_seq LIMIT ?3";
            found.rows = select(connection, sql, params![int(*after), device, one_more(*limit)])?;
            found.more = cut(&mut found.rows, *limit);
        }
        Query::After { seq, limit } => {
            let sql = "SELECT tab, key, version, bytes FROM rows
                       WHERE tab = 2 AND version > ?1 ORDER BY version LIMIT ?2";
            found.rows = select(connection, sql, [int(*seq), one_more(*limit)])?;
            found.more = cut(&mut found.rows, *limit);
        }
        Query::Day(day) => {
            //= spec-crate/spec/books.md#rows-and-versions
            //# A book that gives the rows of a bill, a day or the open orders MUST give them in the order of
            //# each row's first record.
            let sql = "SELECT tab, key, version, bytes FROM rows
                       WHERE tab = 2 AND day = ?1 AND day <> 0 ORDER BY first_seq";
            found.rows = select(connection, sql, [i64::from(*day)])?;
        }
        Query::Anchor(anchor) => found.containment = contains(anchor)?,
    }
    Ok(found)
}

/// The rows of a statement that selects `tab, key, version, bytes`.
pub(super) fn select(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let table = Table::from_code(row.get(0)?).ok_or(StoreError::NotABook)?;
        let key = RowKey { table, key: row.get(1)? };
        found.push(Row { key, version: uint(row.get(2)?), bytes: row.get(3)? });
    }
    Ok(found)
}

//= spec-crate/spec/books.md#rows-and-versions
//# A book MUST answer for a row with the bytes of its latest record.
fn row(connection: &Connection, key: &RowKey) -> Result<Row, StoreError> {
    let sql = "SELECT tab, key, version, bytes FROM rows WHERE tab = ?1 AND key = ?2";
    let found = select(connection, sql, params![key.table.code(), key.key])?.pop();
    Ok(found.unwrap_or_else(|| Row { key: key.clone(), version: 0, bytes: Vec::new() }))
}

/// One more than the limit is asked for, to see whether there is more.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn cut(rows: &mut Vec<Row>, limit: usize) -> bool {
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}
