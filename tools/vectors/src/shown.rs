//! A message as the files show it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::hex::hex;
use crate::schema::Schema;

/// Bytes and what they say.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Message {
    /// The message's name in the schemas.
    pub(crate) message: String,
    pub(crate) bytes: String,
    pub(crate) decoded: Json,
}

/// The bytes of a message of this name.
pub(crate) fn message(schema: &Schema, name: &str, bytes: &[u8]) -> Result<Message, String> {
    Ok(Message { message: name.into(), bytes: hex(bytes), decoded: schema.decoded(name, bytes)? })
}
