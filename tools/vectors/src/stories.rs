//! The conversations by name, and what each end shows in them.

use crate::again;
use crate::alarms;
use crate::arrivals;
use crate::beyond;
use crate::boots;
use crate::elsewhere;
use crate::fences;
use crate::forgotten;
use crate::given_back;
use crate::late;
use crate::lines as told;
use crate::lookups;
use crate::losses;
use crate::merchants;
use crate::otherwise;
use crate::paying;
use crate::played;
use crate::questions;
use crate::refunds;
use crate::rules;
use crate::sessions;
use crate::shows::{
    HIS_MADE, HIS_PAID, HIS_UNPAID, HIS_UP, POS_PAID, POS_TAKEN, POS_UNPAID, POS_UP, Story, story,
};
use crate::went_back;
use crate::windows;
use crate::young;

/// Every story. New ones come last: the numbers of cases do not change.
pub(crate) fn all() -> impl Iterator<Item = &'static Story> {
    let first = FIRST.iter().chain(alarms::STORIES).chain(arrivals::STORIES).chain(paying::STORIES);
    first
        .chain(losses::STORIES)
        .chain(windows::STORIES)
        .chain(played::STORIES)
        .chain(rules::STORIES)
        .chain(late::STORIES)
        .chain(merchants::STORIES)
        .chain(questions::STORIES)
        .chain(lookups::STORIES)
        .chain(sessions::STORIES)
        .chain(refunds::STORIES)
        .chain(fences::STORIES)
        .chain(beyond::STORIES)
        .chain(given_back::STORIES)
        .chain(young::STORIES)
        .chain(otherwise::STORIES)
        .chain(forgotten::STORIES)
        .chain(again::STORIES)
        .chain(went_back::STORIES)
        .chain(elsewhere::STORIES)
        .chain(boots::STORIES)
        .chain(LAST)
}

const LAST: &[Story] = &[
    story(
        "the confirmation of a payment and the end of its session come to the POS in one piece",
        &[HIS_UP, HIS_MADE, HIS_PAID, "REC-24"],
        &[POS_UP, POS_TAKEN, POS_PAID, "MSG-35 REC-24"],
        told::last_word::<{ told::PAID }>,
    ),
    story(
        "the confirmation of a cancelled collect and the end of its session come to the POS in one piece",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-156 ORD-177 ORD-178 REC-24"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-95 ORD-107 ORD-110 MSG-35 REC-24"],
        told::last_word::<{ told::CANCELLED }>,
    ),
    story(
        "the confirmation of a collect without a code and the end of its session come to the POS in one piece",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "REC-24"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-81 ORD-86 ORD-108 ORD-110 MSG-35 REC-24"],
        told::last_word::<{ told::FORGOTTEN }>,
    ),
];
const FIRST: &[Story] = &[
    story(
        "a whole collect",
        &[HIS_UP, HIS_MADE, HIS_PAID, "ORD-72"],
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
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-51 ORD-74 ORD-156 ORD-177 ORD-178 MSG-20"],
        &[POS_UP, POS_UNPAID, "ORD-95 ORD-96"],
        told::cancelled_before_it_came,
    ),
    story(
        "the POS starts again while it waits for a code",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "REC-38 ORD-71 ORD-228"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "REC-13 ORD-56 ORD-58 ORD-59 ORD-109 ORD-110 ORD-145 BOK-24"],
        told::restarted_pos,
    ),
    story(
        "HIS starts again while the POS waits for a code, and looks the order up",
        &[HIS_UP, HIS_MADE, "ORD-71 ORD-156 ORD-182 ORD-228"],
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
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-156 ORD-177 ORD-178"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-95 ORD-107 ORD-110"],
        told::cancelled,
    ),
    story(
        "nobody shows a code",
        &[HIS_UP, HIS_MADE, HIS_UNPAID, "ORD-72"],
        &[POS_UP, POS_TAKEN, POS_UNPAID, "ORD-81 ORD-86 ORD-108 ORD-110"],
        told::no_code,
    ),
];
