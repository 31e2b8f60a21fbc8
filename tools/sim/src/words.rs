//! What platforms say, each in its own words: those of WeChat Pay v2 and of Alipay's gateway.

use hispos::platform::Channel;
use hispos_pos::payment::Reply;

/// One thing to say: WeChat's code, then Alipay's code and its second one.
pub(crate) struct Word(&'static str, &'static str, &'static str);

/// It was done, or is told.
pub(crate) const DONE: Word = Word("SUCCESS", "10000", "");
/// Nobody knows what happened.
pub(crate) const TROUBLE: Word = Word("SYSTEMERROR", "20000", "ACQ.SYSTEM_ERROR");
/// The payer types the password.
pub(crate) const CONFIRMING: Word = Word("USERPAYING", "10003", "");
/// The number has been used.
pub(crate) const NUMBER_USED: Word = Word("OUT_TRADE_NO_USED", "40004", "ACQ.CONTEXT_INCONSISTENT");
/// The payment code is no good.
pub(crate) const BAD_CODE: Word = Word("AUTH_CODE_INVALID", "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID");
/// The payment code has been used.
pub(crate) const USED_CODE: Word = Word("AUTHCODEEXPIRE", "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID");
/// There is not enough money in the purse.
pub(crate) const EMPTY_PURSE: Word = Word("NOTENOUGH", "40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH");
/// The payer's bank has refused.
pub(crate) const PAYMENT_FAILED: Word = Word("TRADE_ERROR", "40004", "ACQ.PAYMENT_FAIL");
/// The number is not known.
pub(crate) const UNKNOWN: Word = Word("ORDERNOTEXIST", "40004", "ACQ.TRADE_NOT_EXIST");
/// The merchant has not enough money for a refund.
pub(crate) const EMPTY_TILL: Word = Word("NOTENOUGH", "40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH");
/// The refund is not known: Alipay then tells the trade, and no refund.
pub(crate) const REFUND_UNKNOWN: Word = Word("REFUNDNOTEXIST", "10000", "");

impl Word {
    /// The answer of a channel that says this and no more.
    pub(crate) fn by(&self, channel: Channel) -> Reply {
        let Self(wechat, alipay, sub_code) = self;
        match channel {
            Channel::Wechat => Reply { code: (*wechat).into(), ..Reply::default() },
            Channel::Alipay => {
                Reply { code: (*alipay).into(), sub_code: (*sub_code).into(), ..Reply::default() }
            }
        }
    }
}

/// One of two words, by channel.
pub(crate) fn either(channel: Channel, wechat: &str, alipay: &str) -> Option<String> {
    Some(if channel == Channel::Wechat { wechat } else { alipay }.to_owned())
}
