//! Whole conversations of one end with times and faults: what goes in, and exactly what comes out.

use schemars::JsonSchema;
use serde::Serialize;

use crate::case::{Cited, Side, cited};
use crate::draws::all;
use crate::hex::hex;
use crate::shows::Story;
use crate::site::{DEVICE, SITE, SOFTWARE, Site, TERMINAL, UNIX, seed};
use crate::stories;
use crate::story::{Happening, Row};

/// Conversations.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct File {
    /// How to check this file, in words.
    check: Vec<&'static str>,
    site: Shown,
    cases: Vec<Case>,
}

/// What both ends hold. Byte strings are hexadecimal.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Site", deny_unknown_fields)]
struct Shown {
    site_id: &'static str,
    terminal_id: &'static str,
    terminal_seed: String,
    device_id: &'static str,
    device_seed: String,
    site_secret: String,
    /// The boot of the POS's machine, and the name of its program.
    boot: String,
    software: &'static str,
    /// Payloads.
    agreement: String,
    device_manifest: String,
    terminal_manifest: String,
    /// Unix seconds at the instant 1,000,000 of both boot clocks.
    unix: u64,
}

/// One end's view.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
struct Case {
    tc_id: u32,
    comment: String,
    requirements: Cited,
    side: Side,
    /// Payloads of the agreements that a POS holds beside that of the site, newest first; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreements: Option<Vec<String>>,
    /// Payload of the device manifest that a HIS holds in place of that of the site; absent: that of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_manifest: Option<String>,
    /// The rows with which the ledger of a HIS begins, written in this order before its first start; absent: the site's
    /// row, whose search time ended six days before.
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<Vec<Row>>,
    /// Every draw of each start of the program.
    draws: Vec<Vec<String>>,
    happenings: Vec<Happening>,
}

/// Every case: each story from each end that it says something of.
pub(crate) fn file() -> Result<File, String> {
    let mut cases = Vec::new();
    let site = Site::new()?;
    for Story { comment, his, pos, lived } in stories::all() {
        let pair = lived().map_err(|error| format!("{comment}: {error}"))?;
        for (side, place, requirements) in [(Side::His, 0, his), (Side::Pos, 1, pos)] {
            if requirements.is_empty() {
                continue;
            }
            let happenings = pair.log.get(place).cloned().unwrap_or_default();
            let newer = pair.site().newer.as_ref().map(|newer| vec![hex(newer.payload())]);
            let drawn = pair.draws.get(place).map(Vec::as_slice).unwrap_or_default();
            let devices = Some(pair.site().devices.payload()).filter(|own| *own != site.devices.payload());
            cases.push(Case {
                tc_id: cases.len() as u32 + 1,
                comment: (*comment).to_owned(),
                requirements: cited(&requirements.join(" ")),
                side,
                agreements: newer.filter(|_| matches!(side, Side::Pos)),
                device_manifest: devices.filter(|_| matches!(side, Side::His)).map(hex),
                ledger: pair.first_rows.clone().filter(|_| matches!(side, Side::His)),
                draws: drawn.iter().map(|drawn| all(drawn).iter().map(|draw| hex(draw)).collect()).collect(),
                happenings,
            });
        }
    }
    Ok(File {
        check: vec![
            "Make a link of `side` from `site` and the draws of its first start; give it each `in` at its instant `at`.",
            "It gives every `out` in this order. `start` makes a new link, which has the draws of the next start.",
            "Before a `start` the program has done what comes before links: every open order of HIS is in Asking (ORD-182).",
            "`persisted` answers the latest `persist`, `loaded` the latest `load`, at once or later, when more has come \
             in; events and time-outs are left out.",
            "What comes in at an instant counts before what falls due at it.",
            "A `collect`, `refund`, `cancel` or `scan` may be one that has to be refused: then nothing is stored and nothing is sent.",
            "An answer and a notice of one instant may go out in either order, as in cases 37 and 38; the file has one.",
            "A program whose book answers at once plays no case in which something comes in between a `persist` and its `persisted`.",
            "A POS holds the `agreements` of a case, too, with the credentials of their merchants; an `ask` names its \
             `merchant` if that is not one of the site's agreement.",
            "A `verdict` without `first_byte` was never written; `refunded` is what was given back so far.",
            "Bytes that come in may be opened with the keys that follow from the draws: what they say is plain then.",
        ],
        site: shown(&site),
        cases,
    })
}

fn shown(site: &Site) -> Shown {
    Shown {
        site_id: SITE,
        terminal_id: TERMINAL,
        terminal_seed: hex(seed("terminal").expose()),
        device_id: DEVICE,
        device_seed: hex(seed("device").expose()),
        site_secret: hex(seed("site secret").expose()),
        boot: hex(&crate::draws::known::<16>("boot")),
        software: SOFTWARE,
        agreement: hex(site.agreement.payload()),
        device_manifest: hex(site.devices.payload()),
        terminal_manifest: hex(site.terminals.payload()),
        unix: UNIX,
    }
}
