//! More messages that are refused: those that were added to the first ones.

use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::{self, AGREEMENT, Exchange, Party};

/// Which message is replaced.
#[derive(Clone, Copy, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    M1,
    M2,
    M3,
}

/// A message in place of another.
pub(crate) struct Replaced {
    pub(crate) step: Step,
    pub(crate) field: String,
    pub(crate) kind: String,
    pub(crate) reason: &'static str,
    pub(crate) alert: Option<u8>,
    pub(crate) body: Vec<u8>,
}

pub(crate) const NOT_REGISTERED: &str = "identity is not the registered one";
pub(crate) const CONFIRM: &str = "confirmation differs";

/// More of what the POS gets in place of M1.
pub(crate) fn more(his: &Party, run: &Exchange) -> Vec<Replaced> {
    let m1 = |his: Party| exchange::m1(&his, AGREEMENT, &his.shares());
    let versions = |versions: &[u32]| m1(Party { versions: versions.to_vec(), ..his.clone() });
    let suites = |suites: &[u32]| m1(Party { suites: suites.to_vec(), ..his.clone() });
    let mut name = run.m1.clone();
    let at = name.len().saturating_sub(1);
    name.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
    let rows = [
        ("versions 2, 3 and 4", "no common version", 70, versions(&[2, 3, 4])),
        ("the greatest version", "no common version", 70, versions(&[u32::MAX])),
        ("suites 2 and 513", "no common suite", 71, suites(&[2, 513])),
        ("suite 257 alone", "no common suite", 71, suites(&[257])),
        ("the last bit of the agreement's name flipped", "agreement is not held", 72, name),
    ];
    let rows = rows.into_iter().map(|(kind, reason, alert, body)| Replaced {
        step: Step::M1,
        field: reason.to_owned(),
        kind: kind.to_owned(),
        reason,
        alert: Some(alert),
        body,
    });
    rows.collect()
}

/// What was added later: the numbers of cases do not change.
pub(crate) fn later(his: &Party, pos: &Party, run: &Exchange) -> Result<Vec<Replaced>, String> {
    let shared = |shares: &[(u32, Vec<u8>)]| exchange::m1(his, AGREEMENT, shares);
    let as_pos = |id: &'static str| {
        exchange::run(his, &Party { id, ..pos.clone() }, AGREEMENT, (1, 1)).map(|run| run.m2)
    };
    let mut confirm = run.his.clone();
    confirm.confirm[16] ^= 1;
    let no_share = "no share for an allowed suite";
    let rows = [
        (Step::M1, no_share, "a share of group 3 alone", Some(47), shared(&[(3, vec![5; 32])])),
        (
            Step::M1,
            no_share,
            "shares of groups 2 and 3",
            Some(47),
            shared(&[(2, vec![4; 65]), (3, vec![5; 32])]),
        ),
        (
            Step::M2,
            NOT_REGISTERED,
            "the device's id with a character more",
            Some(40),
            as_pos("POS-LONGER-1")?,
        ),
        (Step::M2, NOT_REGISTERED, "the device's id in small letters", Some(40), as_pos("pos-0001")?),
        (Step::M3, "size", "a body of 600 bytes", None, vec![0x11; 600]),
        (Step::M3, "size", "a body of 1,536 bytes", None, vec![0x11; 1_536]),
        (
            Step::M3,
            CONFIRM,
            "a confirmation with a bit in its middle flipped",
            Some(40),
            run.m3_with(&confirm.auth()),
        ),
    ];
    let made = rows.into_iter().map(|(step, reason, kind, alert, body)| Replaced {
        step,
        field: reason.to_owned(),
        kind: kind.to_owned(),
        reason,
        alert,
        body,
    });
    Ok(made.collect())
}
