//! What the ends of a conversation show.

use crate::pair::Pair;

/// A story: its name, what each end shows in it, and how it goes. An end that shows nothing has no case.
pub(crate) struct Story {
    pub(crate) comment: &'static str,
    pub(crate) his: &'static [&'static str],
    pub(crate) pos: &'static [&'static str],
    pub(crate) lived: fn() -> Result<Pair, String>,
}

type Ids = &'static [&'static str];

pub(crate) const fn story(
    comment: &'static str,
    his: Ids,
    pos: Ids,
    lived: fn() -> Result<Pair, String>,
) -> Story {
    Story { comment, his, pos, lived }
}

/// What a HIS shows whenever it comes to a session.
pub(crate) const HIS_UP: &str = "FRM-9 FRM-11 FRM-14 FRM-29 KEX-3 KEX-4 KEX-10 KEX-11 KEX-12 KEX-48 KEX-66 KEX-71 MSG-1 MSG-3 MSG-6 \
     REC-1 REC-2 ENC-3 ORD-8 ORD-9 ORD-63 ORD-69 ORD-219 PRI-3";
/// What a POS shows whenever it comes to a session.
pub(crate) const POS_UP: &str = "FRM-9 FRM-11 FRM-14 FRM-29 KEX-3 KEX-4 KEX-35 KEX-54 KEX-62 MSG-1 MSG-3 MSG-25 MSG-26 REC-1 REC-2 \
     ENC-3 ORD-7 ORD-9 ORD-69 BOK-18 BOK-25 ORD-65 PAY-33 PRI-3";
/// What a HIS shows when it makes a collect.
pub(crate) const HIS_MADE: &str = "BOK-27 ORD-5 ORD-6 ORD-47 ORD-48 ORD-49 ORD-160 ORD-162 ORD-165 ORD-166 MSG-31 BOK-2 BOK-23 BOK-42 ORD-223 REC-4";
/// What a POS shows when it takes a collect.
pub(crate) const POS_TAKEN: &str =
    "ORD-4 ORD-52 ORD-83 ORD-84 ORD-85 ORD-104 PAY-1 PAY-37 PAY-38 BOK-2 BOK-23 REC-4";
/// What a HIS shows when a collect is paid.
pub(crate) const HIS_PAID: &str =
    "ORD-46 ORD-154 ORD-191 ORD-193 ORD-194 ORD-202 ORD-203 ORD-204 ORD-241 BOK-26 MSG-12";
/// What a POS shows when a collect is paid.
pub(crate) const POS_PAID: &str = "ORD-36 ORD-37 ORD-38 ORD-39 ORD-114 ORD-148 ORD-150 ORD-151 PAY-39 PAY-67 PAY-68 \
     PAY-69 PAY-70 PAY-72 PAY-74 PAY-75 MSG-6";
/// What a POS shows when a collect ends without money.
pub(crate) const POS_UNPAID: &str = "ORD-36 ORD-37 ORD-38 ORD-40 ORD-148 ORD-150 ORD-151";
/// What a HIS shows when a collect ends without money.
pub(crate) const HIS_UNPAID: &str = "ORD-154 ORD-191 ORD-193 ORD-194 MSG-12";
