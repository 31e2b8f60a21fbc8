//! What the comparison found, as people read it.

use std::fmt::Write;

use crate::books::{End, SignedEnd};
use crate::checks::{Books, Found};
use crate::platform::order_no;

/// One line an order as they were made, the sums, and every disagreement.
#[must_use]
pub fn text(books: &Books, found: &Found) -> String {
    let mut out = format!(
        "{:<22} {:>10}  {:<12} {:<12} {:<22} {}\n",
        "ORDER", "YUAN", "HIS", "POS", "PLATFORM", "PAYMENT OR REFUND NUMBER"
    );
    let mut orders: Vec<_> = books.ledger.orders.iter().collect();
    orders.sort_by_key(|(_, order)| order.first);
    for (number, his) in orders {
        let pos = books.journals.iter().find_map(|journal| journal.orders.get(number));
        let line = format!(
            "{number:<22} {:>10}  {:<12} {:<12} {:<22} {}",
            yuan(his.core.amount),
            his.end.name(),
            pos.map_or("-", |pos| pos.end.name()),
            at_platform(books, number),
            his.result.as_ref().map(number_of).unwrap_or_default(),
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    for (channel, sums) in &found.sums {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{channel}: HIS {}  POS {}  platform {}",
            yuan(sums.his),
            yuan(sums.pos),
            yuan(sums.platform)
        );
    }
    for disagreement in &found.disagreements {
        let _ = writeln!(out, "DISAGREE {}: {}", disagreement.about, disagreement.text);
    }
    out.push_str(if found.disagreements.is_empty() {
        "three books agree\n"
    } else {
        "the books do not agree\n"
    });
    out
}

fn at_platform(books: &Books, number: &str) -> String {
    let mut told = Vec::new();
    for order in &books.platform.orders {
        if order_no(&order.number) == number {
            told.push(format!("{} {}", order.channel, order.state));
        }
        let refunds = order.refunds.iter().filter(|refund| order_no(&refund.refund_number) == number);
        told.extend(refunds.map(|refund| format!("{} {}", order.channel, refund.state)));
    }
    if told.is_empty() { "-".into() } else { told.join(", ") }
}

fn number_of(result: &SignedEnd) -> String {
    match result.end {
        End::Refunded => result.refund_id.clone(),
        _ => result.payment_no.clone(),
    }
}

/// Yuan with sign.
fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { '-' } else { '+' };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}
