//! What the cases of all files have in common.

use hispos::frame::{self, FrameType};
use schemars::JsonSchema;
use serde::Serialize;

use crate::hex::hex;

/// Whether the bytes are to be accepted as a whole.
#[derive(Clone, Copy, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Valid,
    Invalid,
}

/// Which side receives.
#[derive(Clone, Copy, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    His,
    Pos,
}

/// A frame as it goes over the wire, with its final 00 and without the opening one, in hexadecimal.
pub(crate) fn wire_frame(kind: FrameType, body: &[u8]) -> Result<String, String> {
    frame::encode(kind, body).map(|encoded| hex(&encoded.bytes)).map_err(|_| "body too long".to_owned())
}
