//! What the cases of orders and results are about.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::case::Cases;

/// What a case is about. Byte strings are hexadecimal.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(crate) enum About {
    /// A derived order number; for a refund `key` is made of `original`, `channel` and `item`.
    OrderNumber {
        site_secret: String,
        kind: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        refund: Option<RefundKey>,
        key: String,
        generation: u32,
        number: String,
    },
    /// The number of an order at a platform, made and read back. `letter` W, A or R; `number` is what is read.
    PlatformNumber { site_code: String, order_no: Option<String>, letter: Option<char>, number: String },
    /// What a person types.
    Amount { text: String, fen: Option<i64> },
    /// The core of an order: what it says and its hash at this site.
    Core { site_id: String, core: String, decoded: Option<Json>, hash: Option<String> },
    /// A result: what it says, its hash, and, where the case is about them, what is known of the money and when the bill
    /// may be collected again.
    Result {
        result_core: String,
        decoded: Option<Json>,
        result_hash: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        money: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry: Option<&'static str>,
    },
    /// The signature of a result under a device's key.
    Signature { device_key: String, result_core: String, signature: String },
}

/// What a refund's key is made of.
#[derive(JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RefundKey {
    pub(crate) original: String,
    pub(crate) channel: i32,
    pub(crate) item: String,
}

/// The file of them.
pub(crate) type File = Cases<About>;
