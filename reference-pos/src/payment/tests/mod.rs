//! What is asked, and what answers prove.

mod calls;
mod dialect;
mod rows;

use hispos::ids::PlatformNumber;
use hispos::platform::{Ask, AskId, Channel, Merchant, PaymentCode, Request};
use hispos::time::{Instant, UnixSeconds};

use super::Reply;

const TOTAL: u64 = 12_345;
const PAYMENT_NO: &str = "4200002026112400001";

fn number(text: &str) -> PlatformNumber {
    PlatformNumber::try_from(text).unwrap()
}

fn merchant(channel: Channel) -> Merchant {
    let account = if channel == Channel::Wechat { "1900000001" } else { "2021000001" };
    Merchant { channel, account: account.into(), sub_account: String::new(), simulated: true }
}

fn ask(channel: Channel, request: Request) -> Ask {
    let moves = matches!(request, Request::Pay { .. } | Request::Reverse | Request::Refund { .. });
    Ask {
        id: AskId(7),
        merchant: merchant(channel),
        number: (request != Request::Verify).then(|| number("SIM1B0W")),
        total: TOTAL,
        request,
        not_after: moves.then_some(Instant(50_000)),
        http_ms: 12_000,
        connect_ms: 3000,
    }
}

fn pay() -> Request {
    Request::Pay {
        code: PaymentCode::new("134567890123456789".into()),
        expires_at: UnixSeconds(1_800_000_090),
    }
}

fn refund() -> Request {
    Request::Refund { refund: number("SIM1B0R"), amount: 345 }
}

fn query_refund() -> Request {
    Request::QueryRefund { refund: number("SIM1B0R"), amount: 345 }
}

/// Everything that an answer about a paid order says.
fn paid_reply(channel: Channel, code: &str) -> Reply {
    Reply {
        code: code.into(),
        account: Some(merchant(channel).account),
        number: Some("SIM1B0W".into()),
        total: Some(TOTAL),
        currency: Some("CNY".into()),
        payment_no: Some(PAYMENT_NO.into()),
        captured_at: Some(UnixSeconds(1_800_000_000)),
        refunded: Some(0),
        ..Reply::default()
    }
}
