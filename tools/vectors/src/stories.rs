//! The conversations by name, and what each end shows in them.

use crate::alarms;
use crate::arrivals;
use crate::conversations as told;
use crate::losses;
use crate::pair::Pair;
use crate::paying;

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
     REC-1 REC-2 ENC-3 ORD-8 ORD-9 ORD-63 ORD-69 ORD-219";
/// What a POS shows whenever it comes to a session.
pub(crate) const POS_UP: &str = "FRM-9 FRM-11 FRM-14 FRM-29 KEX-3 KEX-4 KEX-35 KEX-54 KEX-62 MSG-1 MSG-3 MSG-25 MSG-26 REC-1 REC-2 \
     ENC-3 ORD-7 ORD-9 ORD-69 BOK-18 BOK-25 ORD-65 PAY-33";
/// What a HIS shows when it makes a collect.
pub(crate) const HIS_MADE: &str =
    "BOK-27 ORD-6 ORD-47 ORD-48 ORD-49 ORD-160 ORD-162 ORD-165 ORD-166 MSG-31 BOK-2";
/// What a POS shows when it takes a collect.
pub(crate) const POS_TAKEN: &str = "ORD-52 ORD-83 ORD-84 ORD-85 ORD-104 PAY-1 PAY-37 PAY-38 BOK-2";
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

/// Every story. New ones come last: the numbers of cases do not change.
pub(crate) fn all() -> impl Iterator<Item = &'static Story> {
    FIRST.iter().chain(alarms::STORIES).chain(arrivals::STORIES).chain(paying::STORIES).chain(losses::STORIES)
}

const FIRST: &[Story] = &[
    story(
        "a whole collect",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, "ORD-88 MSG-12"],
        crate::example::lived,
    ),
    story(
        "the first SessionReady is lost",
        &[HIS_UP, "KEX-67 KEX-74"],
        &[POS_UP, "KEX-50 KEX-63"],
        told::lost_ready,
    ),
    story("M1 is lost four times", &[HIS_UP, "KEX-8 KEX-72"], &[POS_UP], told::lost_m1),
    story("M3 is lost twice", &[HIS_UP, "KEX-22 KEX-74 KEX-76"], &[POS_UP], told::lost_m3),
    story(
        "HIS starts again, and an M2 of its earlier run comes",
        &[HIS_UP, "KEX-38 KEX-43 KEX-44 FRM-31 FRM-34"],
        &[POS_UP],
        told::stale_m2,
    ),
    story(
        "the POS starts again between M2 and M3",
        &[HIS_UP, "REC-39 REC-40"],
        &[POS_UP, "KEX-51 ORD-56 REC-26"],
        told::forgotten_candidate,
    ),
    story(
        "the order is lost and cancelled before it came",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-177 ORD-178 MSG-20"],
        &[POS_UP, POS_UNPAID, "ORD-95 ORD-96"],
        told::cancelled_before_it_came,
    ),
    story(
        "the POS starts again while it waits for a code",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "REC-38 ORD-71"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "REC-13 ORD-56 ORD-109 ORD-110 ORD-145 BOK-24"],
        told::restarted_pos,
    ),
    story(
        "HIS starts again while the POS waits for a code, and looks the order up",
        &[HIS_UP, HIS_MADE, "ORD-71 ORD-182"],
        &[POS_UP, POS_TAKEN, "ORD-97 ORD-98"],
        told::restarted_his,
    ),
    story(
        "the first three reports are lost",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, "ORD-35 ORD-46 ORD-146 ORD-147 ORD-149 MSG-7"],
        told::lost_reports,
    ),
    story(
        "the first two confirmations are lost",
        &[HIS_UP, HIS_MADE, HIS_PAID],
        &[POS_UP, POS_TAKEN, POS_PAID, "ORD-35 ORD-46 ORD-146 ORD-147 ORD-149 MSG-7 MSG-16"],
        told::lost_confirmations,
    ),
    story("nothing is asked for a while", &[HIS_UP, "ORD-76 ORD-77"], &[POS_UP, "ORD-78"], told::idle),
    story(
        "the line is silent for 70 s",
        &[HIS_UP, "KEX-68 KEX-72 KEX-73 KEX-77 ORD-76"],
        &[POS_UP],
        told::silent,
    ),
    story(
        "HIS ends the session in order",
        &[HIS_UP, "REC-24 REC-25 REC-22"],
        &[POS_UP, "REC-22 REC-24"],
        told::closed_by_his,
    ),
    story(
        "the POS ends the session in order",
        &[HIS_UP, "REC-22 REC-24 REC-44"],
        &[POS_UP, "REC-24 REC-25"],
        told::closed_by_pos,
    ),
    story(
        "eight records in a row do not open",
        &[HIS_UP, "REC-22 REC-44"],
        &[POS_UP, "REC-16 REC-18 REC-19 REC-24 FRM-31 FRM-34"],
        told::forged,
    ),
    story(
        "the journal cannot be written",
        &[HIS_UP, HIS_MADE, "REC-37"],
        &[POS_UP, "KEX-25 ORD-10 ORD-12 REC-26"],
        told::busy,
    ),
    story(
        "the cashier cancels while a code is awaited",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-177 ORD-178"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-95 ORD-107 ORD-110"],
        told::cancelled,
    ),
    story(
        "nobody shows a code",
        &[HIS_UP, HIS_MADE, HIS_UNPAID],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-86 ORD-108 ORD-110"],
        told::no_code,
    ),
];
