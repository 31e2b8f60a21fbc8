//! Telling the channel from a scanned code.
//!
//! By a table of leading digits and lengths, and never by trying: a code that no row matches is refused with a text
//! that says what was shown. No text holds a digit of the code.
//!
//! Specified in spec: payment codes.

use hispos::catalogue::Language;
use hispos::platform::{Channel, PaymentCode};

use super::tables::{CODE_RANGES, CodeKind, CodeRange};

/// Longer ones are no code of anything that is known.
const CODE_BYTES_MAX: usize = 512;
/// Digits of an insurance code, whatever they begin with.
const INSURANCE_DIGITS: usize = 28;

//= spec-crate/spec/payment.md#payment-codes
//# A POS MUST tell the patient apart, without any digit of the code, an empty scan, an insurance code, a
//# UnionPay code, a link or code for receiving money, full-width digits, other characters, a wrong length for
//# a channel, and an unknown code.
/// Why a scanned code cannot be paid with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CodeRefusal {
    /// The scanner sent nothing.
    Empty,
    /// A health insurance code.
    Insurance,
    /// A UnionPay code.
    Unionpay,
    /// A link, as static codes on a wall or a receipt are.
    Link,
    /// Full-width digits: the scanner types through an input method.
    FullWidth,
    /// Other characters than digits.
    NotDigits,
    /// It begins like a code of this channel and has another length: read badly.
    Length {
        /// Whose code it looks like.
        channel: Channel,
        /// Digits that were read.
        got: usize,
    },
    /// Digits of nothing that is known.
    Unknown {
        /// Digits that were read.
        got: usize,
    },
}

impl CodeRefusal {
    /// What the patient reads.
    #[must_use]
    pub fn text(self, language: Language) -> String {
        let (zh, en) = self.texts();
        match language {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    /// The name in answers for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Insurance => "insurance",
            Self::Unionpay => "unionpay",
            Self::Link => "link",
            Self::FullWidth => "full_width",
            Self::NotDigits => "not_digits",
            Self::Length { .. } => "length",
            Self::Unknown { .. } => "unknown",
        }
    }

    fn texts(self) -> (String, String) {
        let wallet = |channel| match channel {
            Channel::Wechat => ("微信", "WeChat"),
            Channel::Alipay => ("支付宝", "Alipay"),
        };
        match self {
            Self::Empty => {
                ("未读到付款码，请重新扫码。".into(), "Nothing was read. Please scan again.".into())
            }
            Self::Insurance => (
                "这是医保码，请出示微信或支付宝付款码。".into(),
                "This is an insurance code. Please show a WeChat or Alipay payment code.".into(),
            ),
            Self::Unionpay => (
                "暂不支持云闪付，请出示微信或支付宝付款码。".into(),
                "UnionPay is not accepted here. Please show a WeChat or Alipay payment code.".into(),
            ),
            Self::Link => (
                "这是链接或收款码，请出示付款码。".into(),
                "This is a link or a code for receiving money. Please show a payment code.".into(),
            ),
            Self::FullWidth => (
                "扫码枪输出了全角数字，请切换到半角后重新扫码。".into(),
                "The scanner sends full-width digits. Switch its input method off and scan again.".into(),
            ),
            Self::NotDigits => (
                "这不是付款码，请出示微信或支付宝付款码。".into(),
                "This is not a payment code. Please show a WeChat or Alipay payment code.".into(),
            ),
            Self::Length { channel, got } => {
                let (zh, en) = wallet(channel);
                (
                    format!("{zh}付款码长度不对（读到{got}位），请重新扫码。"),
                    format!("This looks like a {en} code, but {got} digits were read. Please scan again."),
                )
            }
            Self::Unknown { got } => (
                format!("无法识别的码（{got}位），请出示微信或支付宝付款码。"),
                format!("Unknown code of {got} digits. Please show a WeChat or Alipay payment code."),
            ),
        }
    }
}

/// Tells what a scanned text is. Spaces and control characters around it, as scanners add them, are dropped.
///
/// # Errors
///
/// [`CodeRefusal`] naming what was shown instead of a payment code.
pub fn recognise(scanned: &str) -> Result<(Channel, PaymentCode), CodeRefusal> {
    //= spec-crate/spec/payment.md#payment-codes
    //# A POS MUST drop ASCII control characters and spaces at both ends of a scanned text, and nothing inside
    //# it.
    let code = scanned.trim_matches(|c: char| c.is_ascii_control() || c == ' ');
    //= spec-crate/spec/payment.md#payment-codes
    //# A POS MUST refuse a scanned text that is empty or has any character but the ASCII digits 0 to 9.
    if code.is_empty() {
        return Err(CodeRefusal::Empty);
    }
    //= spec-crate/spec/payment.md#payment-codes
    //# A POS MUST refuse a scanned text that is empty or has any character but the ASCII digits 0 to 9.
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_digits(code));
    }
    let got = code.len();
    //= spec-crate/spec/payment.md#payment-codes
    //# A POS MUST refuse, as a health insurance code, 28 digits, whatever they begin with, and 28 characters
    //# that begin with `opc` in any case.
    if got == INSURANCE_DIGITS {
        return Err(CodeRefusal::Insurance);
    }
    // Two ranges never share their leading digits, so the first that begins alike is the only one.
    //= spec-crate/spec/payment.md#payment-codes
    //# A POS MUST take a text of digits for a payment code of WeChat Pay if it has 18 digits and begins with
    //# 10 to 15, for one of Alipay if it has 16 to 24 digits and begins with 25 to 30, and refuse every other
    //# one.
    let range = CODE_RANGES.iter().find(|range| begins(code, range)).ok_or(CodeRefusal::Unknown { got })?;
    let fits = (range.length_min..=range.length_max).contains(&got);
    let channel = match range.kind {
        CodeKind::Wechat => Channel::Wechat,
        CodeKind::Alipay => Channel::Alipay,
        CodeKind::Unionpay if fits => return Err(CodeRefusal::Unionpay),
        CodeKind::Unionpay | CodeKind::Insurance => return Err(CodeRefusal::Unknown { got }),
    };
    //= spec-crate/spec/payment.md#payment-codes
    //# A POS MUST take a text of digits for a payment code of WeChat Pay if it has 18 digits and begins with
    //# 10 to 15, for one of Alipay if it has 16 to 24 digits and begins with 25 to 30, and refuse every other
    //# one.
    if !fits {
        return Err(CodeRefusal::Length { channel, got });
    }
    Ok((channel, PaymentCode::new(code.to_owned())))
}

fn no_digits(code: &str) -> CodeRefusal {
    let is_full_width = |c: char| ('\u{ff10}'..='\u{ff19}').contains(&c);
    let lead: String = code.chars().take(4).collect::<String>().to_ascii_lowercase();
    //= spec-crate/spec/payment.md#payment-codes
    //# A POS MUST refuse, as a health insurance code, 28 digits, whatever they begin with, and 28 characters
    //# that begin with `opc` in any case.
    if lead.starts_with("opc") && code.chars().count() == INSURANCE_DIGITS {
        CodeRefusal::Insurance
    } else if code.chars().all(|c| c.is_ascii_digit() || is_full_width(c)) {
        CodeRefusal::FullWidth
    } else if code.contains("://") || matches!(lead.as_str(), "wxp:" | "www.") {
        CodeRefusal::Link
    } else {
        CodeRefusal::NotDigits
    }
}

fn begins(code: &str, range: &CodeRange) -> bool {
    // Both ends have the same number of digits, so text order is the order of numbers.
    code.get(..range.first.len()).is_some_and(|lead| (range.first..=range.last).contains(&lead))
        && code.len() <= CODE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::{CodeRefusal, recognise};
    use crate::payment::tables::CODE_RANGES;
    use hispos::catalogue::Language;
    use hispos::platform::Channel::{self, Alipay, Wechat};

    const fn length(channel: Channel, got: usize) -> Result<Channel, CodeRefusal> {
        Err(CodeRefusal::Length { channel, got })
    }

    const fn unknown(got: usize) -> Result<Channel, CodeRefusal> {
        Err(CodeRefusal::Unknown { got })
    }

    /// Codes as scanners send them, and what they are.
    const CODES: &[(&str, Result<Channel, CodeRefusal>)] = &[
        // WeChat: 10 to 15, exactly 18 digits.
        ("100000000000000001", Ok(Wechat)),
        ("109999999999999999", Ok(Wechat)),
        ("110000000000000000", Ok(Wechat)),
        ("121234567890123456", Ok(Wechat)),
        ("134567890123456789", Ok(Wechat)),
        ("140000000000000099", Ok(Wechat)),
        ("150000000000000000", Ok(Wechat)),
        ("159999999999999999", Ok(Wechat)),
        ("13456789012345678", length(Wechat, 17)),
        ("1345678901234567890", length(Wechat, 19)),
        ("134567890123456", length(Wechat, 15)),
        ("1345678901234567890123456", length(Wechat, 25)),
        // The neighbours of WeChat's range.
        ("099999999999999999", unknown(18)),
        ("160000000000000000", unknown(18)),
        ("199999999999999999", unknown(18)),
        // Alipay: 25 to 30, 16 to 24 digits.
        ("2500000000000000", Ok(Alipay)),
        ("25000000000000000", Ok(Alipay)),
        ("280123456789012345", Ok(Alipay)),
        ("2812345678901234567", Ok(Alipay)),
        ("28123456789012345678", Ok(Alipay)),
        ("281234567890123456789", Ok(Alipay)),
        ("2812345678901234567890", Ok(Alipay)),
        ("28123456789012345678901", Ok(Alipay)),
        ("281234567890123456789012", Ok(Alipay)),
        ("299999999999999999", Ok(Alipay)),
        ("300000000000000000", Ok(Alipay)),
        ("309999999999999999", Ok(Alipay)),
        ("281234567890123", length(Alipay, 15)),
        ("2812345678901234567890123", length(Alipay, 25)),
        // The neighbours of Alipay's range.
        ("249999999999999999", unknown(18)),
        ("310000000000000000", unknown(18)),
        // Scanners add line ends, tabs, a start of text, spaces.
        ("134567890123456789\r\n", Ok(Wechat)),
        ("134567890123456789\n", Ok(Wechat)),
        ("280123456789012345\r", Ok(Alipay)),
        ("\u{2}280123456789012345\u{3}", Ok(Alipay)),
        ("\t280123456789012345 ", Ok(Alipay)),
        // But not in the middle.
        ("1345678901 23456789", Err(CodeRefusal::NotDigits)),
        ("134567890123\r\n456789", Err(CodeRefusal::NotDigits)),
        ("+134567890123456789", Err(CodeRefusal::NotDigits)),
        ("1.34567890123456789", Err(CodeRefusal::NotDigits)),
        // Full-width and other digits.
        ("１３４５６７８９０１２３４５６７８９", Err(CodeRefusal::FullWidth)),
        ("13456789012345678９", Err(CodeRefusal::FullWidth)),
        ("١٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩", Err(CodeRefusal::NotDigits)),
        // Insurance: 28 digits, or the mini-program's.
        ("4240123456789012345678901234", Err(CodeRefusal::Insurance)),
        ("2812345678901234567890123456", Err(CodeRefusal::Insurance)),
        ("opc1234567890123456789012345", Err(CodeRefusal::Insurance)),
        ("OPC://7890123456789012345678", Err(CodeRefusal::Insurance)),
        ("opc12中5678901234567890123456", Err(CodeRefusal::Insurance)),
        ("opc123456789012345678901234", Err(CodeRefusal::NotDigits)),
        ("424012345678901234567890123", unknown(27)),
        // Other wallets.
        ("6212345678901234567", Err(CodeRefusal::Unionpay)),
        ("62123456789012345", unknown(17)),
        // Links and static codes.
        ("https://qr.alipay.com/fkx1234567890", Err(CodeRefusal::Link)),
        ("HTTPS://QR.ALIPAY.COM/FKX1234567890", Err(CodeRefusal::Link)),
        ("wxp://f2f0abcdefghijklmnopqrstuvwxyz", Err(CodeRefusal::Link)),
        ("weixin://wxpay/bizpayurl?pr=abcdefg", Err(CodeRefusal::Link)),
        ("http://example.org/pay?code=134567890123456789", Err(CodeRefusal::Link)),
        ("www.example.org", Err(CodeRefusal::Link)),
        // A goods barcode, a health card, a mistake.
        ("6901234567892", unknown(13)),
        ("1", unknown(1)),
        ("HC20261124ABCDEF", Err(CodeRefusal::NotDigits)),
        ("", Err(CodeRefusal::Empty)),
        ("\r\n", Err(CodeRefusal::Empty)),
    ];

    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST drop ASCII control characters and spaces at both ends of a scanned text, and nothing inside
    //# it.
    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST refuse a scanned text that is empty or has any character but the ASCII digits 0 to 9.
    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST refuse, as a health insurance code, 28 digits, whatever they begin with, and 28 characters
    //# that begin with `opc` in any case.
    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST take a text of digits for a payment code of WeChat Pay if it has 18 digits and begins with
    //# 10 to 15, for one of Alipay if it has 16 to 24 digits and begins with 25 to 30, and refuse every other
    //# one.
    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST tell the patient apart, without any digit of the code, an empty scan, an insurance code, a
    //# UnionPay code, a link or code for receiving money, full-width digits, other characters, a wrong length
    //# for a channel, and an unknown code.
    #[test]
    fn every_code_of_the_list_is_what_it_is() {
        assert!(CODES.len() >= 40);
        for (code, expected) in CODES {
            let got = recognise(code).map(|(channel, _)| channel);
            assert_eq!(got, *expected, "{code:?}");
        }
    }

    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST drop ASCII control characters and spaces at both ends of a scanned text, and nothing inside
    //# it.
    #[test]
    fn a_recognised_code_is_handed_on_without_what_the_scanner_added() {
        let (_, code) = recognise("\u{2}134567890123456789\r\n").unwrap();
        assert_eq!(code.digits(), "134567890123456789");
        assert_eq!(format!("{code:?}"), "PaymentCode(..)");
    }

    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST take a text of digits for a payment code of WeChat Pay if it has 18 digits and begins with
    //# 10 to 15, for one of Alipay if it has 16 to 24 digits and begins with 25 to 30, and refuse every other
    //# one.
    #[test]
    fn every_length_of_every_range_is_accepted_and_the_next_one_is_not() {
        for range in CODE_RANGES {
            for lead in [range.first, range.last] {
                for got in 1..=40 {
                    let code: String = lead.chars().chain(std::iter::repeat('0')).take(got).collect();
                    let fits = (range.length_min..=range.length_max).contains(&got);
                    let paid = matches!(range.kind, super::CodeKind::Wechat | super::CodeKind::Alipay);
                    assert_eq!(recognise(&code).is_ok(), fits && paid, "{lead}, {got} digits");
                }
            }
        }
    }

    #[test]
    fn two_ranges_never_share_their_leading_digits() {
        for (place, one) in CODE_RANGES.iter().enumerate() {
            for other in &CODE_RANGES[place + 1..] {
                let digits = one.first.len().min(other.first.len());
                let apart =
                    one.last[..digits] < other.first[..digits] || other.last[..digits] < one.first[..digits];
                assert!(apart, "{} and {}", one.first, other.first);
            }
        }
    }

    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST tell the patient apart, without any digit of the code, an empty scan, an insurance code, a
    //# UnionPay code, a link or code for receiving money, full-width digits, other characters, a wrong length
    //# for a channel, and an unknown code.
    #[test]
    fn no_text_holds_a_digit_of_the_code() {
        for (code, _) in CODES {
            let Err(refusal) = recognise(code) else { continue };
            for language in [Language::Zh, Language::En] {
                let text = refusal.text(language);
                assert!(!text.is_empty());
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                assert!(digits.len() <= 2, "{text}");
            }
        }
    }
}
