//! The vocabulary: what the platform means, and how each channel says it.

use crate::model::Channel;

/// One channel's wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The channel's own code.
    pub code: &'static str,
    /// Alipay's second code, where there is one.
    pub sub_code: Option<&'static str>,
    /// For people: Chinese, then English.
    pub message: &'static str,
}

/// One row a word: its meaning, then WeChat's code, Alipay's code and sub-code (`-`: none), Chinese, English.
macro_rules! vocabulary {
    ($($(#[$meaning:meta])* $word:ident: $wechat:literal $alipay:literal $sub:literal $zh:literal $en:literal)*) => {
        /// What an answer means, before a channel words it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word { $($(#[$meaning])* $word,)* }

        impl Word {
            /// Every word, in the order of the table.
            pub const ALL: &[Word] = &[$(Word::$word,)*];

            /// The wording of a channel.
            pub fn of(self, channel: Channel) -> Words {
                let (wechat, alipay, sub_code, message) = match self {
                    $(Word::$word => ($wechat, $alipay, $sub, concat!("模拟：", $zh, " / simulated: ", $en)),)*
                };
                match channel {
                    Channel::Wechat => Words { code: wechat, sub_code: None, message },
                    Channel::Alipay => {
                        Words { code: alipay, sub_code: Some(sub_code).filter(|sub| *sub != "-"), message }
                    }
                }
            }
        }
    };
}

vocabulary! {
    /// Done, or here is what was asked.
    Done: "SUCCESS" "10000" "-" "成功" "done"
    /// The payer has to type the password.
    Waiting: "USERPAYING" "10003" "-" "等待用户输入密码" "waiting for the payer"
    /// Something went wrong inside; what was done is not said.
    Error: "SYSTEMERROR" "40004" "SYSTEM_ERROR" "系统繁忙，结果未知" "system error, result unknown"
    /// As `Error`, where it is Alipay's gateway that does not know.
    GatewayError: "SYSTEMERROR" "20000" "isp.unknow-error" "系统繁忙，结果未知" "system error, result unknown"
    /// The payer has not enough money.
    NotEnough: "NOTENOUGH" "40004" "BUYER_BALANCE_NOT_ENOUGH" "余额不足" "not enough money"
    /// Risk control refused the payer.
    Risk: "RULELIMIT" "40004" "PAYMENT_REQUEST_HAS_RISK" "交易存在风险" "refused by risk control"
    /// The code is older than its life.
    CodeExpired: "AUTHCODEEXPIRE" "40004" "PAYMENT_AUTH_CODE_INVALID" "付款码已过期" "code too old"
    /// A payment was tried with this code before.
    CodeUsed: "AUTH_CODE_ERROR" "40004" "PAYMENT_AUTH_CODE_INVALID" "付款码已使用" "code used before"
    /// Not a code of this channel.
    CodeForeign: "AUTH_CODE_INVALID" "40004" "PAYMENT_AUTH_CODE_INVALID" "不是本渠道付款码" "not a code of this channel"
    /// The number is paid already.
    OrderPaid: "ORDERPAID" "40004" "TRADE_HAS_SUCCESS" "订单已支付" "paid already"
    /// The number is closed.
    OrderClosed: "ORDERCLOSED" "40004" "TRADE_HAS_CLOSE" "订单已关闭" "closed"
    /// The number was reversed.
    OrderReversed: "ORDERREVERSED" "40004" "TRADE_HAS_CLOSE" "订单已撤销" "reversed"
    /// The number has an order that is still open.
    NumberUsed: "OUT_TRADE_NO_USED" "40004" "CONTEXT_INCONSISTENT" "商户订单号重复" "number in use"
    /// The book shows no such number.
    OrderUnknown: "ORDERNOTEXIST" "40004" "TRADE_NOT_EXIST" "订单不存在" "no such order"
    /// A parameter has a value that is not allowed.
    BadParameter: "PARAM_ERROR" "40002" "isv.invalid-parameter" "参数错误" "bad parameter"
    /// A parameter is missing.
    MissingParameter: "LACK_PARAMS" "40001" "isv.missing-parameter" "缺少参数" "missing parameter"
    /// The credential that reversals and refunds need is wrong or missing.
    NoRight: "NOAUTH" "40006" "isv.insufficient-isv-permissions" "无撤销和退款权限" "no right to reverse and refund"
    /// The signature is wrong.
    SignatureWrong: "SIGNERROR" "40002" "isv.invalid-signature" "签名错误" "wrong signature"
    /// No such merchant here.
    MerchantUnknown: "MCHID_NOT_EXIST" "40002" "isv.invalid-app-id" "商户不存在" "no such merchant"
    /// The order is too old to be reversed.
    ReverseTooLate: "REVERSE_EXPIRE" "40004" "TRADE_CANCEL_TIME_OUT" "超过可撤销时间" "too late to reverse"
    /// The order has refunds and cannot be reversed.
    ReverseRefused: "TRADE_ERROR" "40004" "CANCEL_NOT_ALLOWED" "已有退款，不可撤销" "has refunds, cannot be reversed"
    /// The order is not captured, or was reversed.
    NotCaptured: "ORDER_NOT_READY" "40004" "TRADE_STATUS_ERROR" "订单未支付或已撤销" "not captured, or reversed"
    /// The total is not that of the order.
    TotalWrong: "REFUND_FEE_MISMATCH" "40004" "REFUND_FEE_ERROR" "订单金额不一致" "not the total of the order"
    /// More than is left of the order.
    RefundTooLarge: "REFUND_FEE_INVALID" "40004" "REFUND_AMT_NOT_EQUAL_TOTAL" "退款超过可退金额" "more than is left"
    /// The refund number is known with other content.
    RefundNumberUsed: "OUT_REFUND_NO_USED" "40004" "DISCORDANT_REPEAT_REQUEST" "退款单号已用于其他内容"
        "refund number known with other content"
    /// The order is too old for a refund.
    RefundTooLate: "TRADE_OVERDUE" "40004" "TRADE_HAS_FINISHED" "超过可退款时间" "too late to refund"
    /// The merchant has not enough money.
    MerchantShort: "NOTENOUGH" "40004" "SELLER_BALANCE_NOT_ENOUGH" "商户余额不足" "the merchant has not enough money"
    /// No such refund. Alipay says so by success without a status.
    RefundUnknown: "REFUNDNOTEXIST" "10000" "-" "退款不存在" "no such refund"
}
