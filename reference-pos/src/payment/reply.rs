//! What an answer says, in one shape for every platform.

use hispos::time::UnixSeconds;

//= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
//= type=implication
//# A POS MUST drop the payer's account, name and identifier from a platform's answer, and neither store nor
//# send them.
/// An answer whose signature was right, read and not yet judged. What the platform did not say is absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reply {
    /// The code of the call: WeChat `SUCCESS` or `err_code`; Alipay `code`.
    pub code: String,
    /// Alipay's `sub_code`, with or without its `ACQ.`; else empty.
    pub sub_code: String,
    /// Whose order: WeChat `mch_id`, Alipay `app_id`.
    pub account: Option<String>,
    /// WeChat `sub_mch_id`, Alipay `seller_id`.
    pub sub_account: Option<String>,
    /// The merchant's number of the order.
    pub number: Option<String>,
    /// WeChat `trade_state`, Alipay `trade_status`.
    pub trade_state: Option<String>,
    /// Fen.
    pub total: Option<u64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// The platform's own number of the payment.
    pub payment_no: Option<String>,
    /// When the money was taken. Its presence is the evidence of a payment.
    pub captured_at: Option<UnixSeconds>,
    /// Fen given back so far.
    pub refunded: Option<u64>,
    /// The merchant's number of the refund.
    pub refund_number: Option<String>,
    /// Fen of the refund.
    pub refund_amount: Option<u64>,
    /// The platform's own number of the refund.
    pub refund_id: Option<String>,
    /// WeChat and Alipay `refund_status`.
    pub refund_status: Option<String>,
    /// Alipay `fund_change`: whether this very call moved money.
    pub fund_change: Option<String>,
    /// When the payer got the money back.
    pub refunded_at: Option<UnixSeconds>,
}
