//! The schemas as data: the bounds of every field, and messages of any kind.

use std::path::Path;

use hispos::codec::Strict;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, Value,
};
use serde_json::{Map, Value as Json, json};

use crate::hex::hex;

const PACKAGE: &str = "hispos.v1";

/// The compiled schemas.
pub(crate) struct Schema {
    pool: DescriptorPool,
}

/// What a field of a strict message is bound to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) required: bool,
    pub(crate) min: u32,
    /// 0: only the parent bounds it.
    pub(crate) max: u32,
    pub(crate) count: u32,
    /// `TEXT_CLASS_...` without its prefix; empty: any bytes.
    pub(crate) class: String,
}

impl Schema {
    /// Compiles the schemas of this repository.
    pub(crate) fn load() -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
        let mut compiler = protox::Compiler::new([&folder]).map_err(|error| format!("{error:?}"))?;
        compiler.include_imports(true);
        compiler
            .open_files(["hispos/v1/message.proto", "hispos/v1/agreement.proto", "hispos/v1/book.proto"])
            .and_then(|compiler| compiler.open_files(["hispos/v1/handshake.proto", "hispos/v1/tables.proto"]))
            .map_err(|error| format!("{error:?}"))?;
        let set = compiler.encode_file_descriptor_set();
        let pool = DescriptorPool::decode(set.as_slice()).map_err(|error| error.to_string())?;
        Ok(Self { pool })
    }

    /// The message of a name.
    pub(crate) fn message(&self, name: &str) -> Result<MessageDescriptor, String> {
        let full = format!("{PACKAGE}.{name}");
        self.pool.get_message_by_name(&full).ok_or_else(|| format!("the schemas have no message {name}"))
    }

    /// The enumeration of a name.
    pub(crate) fn enumeration(&self, name: &str) -> Result<EnumDescriptor, String> {
        let full = format!("{PACKAGE}.{name}");
        self.pool.get_enum_by_name(&full).ok_or_else(|| format!("the schemas have no enum {name}"))
    }

    /// The bounds of a field.
    pub(crate) fn bounds(&self, field: &FieldDescriptor) -> Bounds {
        let extension = self.pool.get_extension_by_name(&format!("{PACKAGE}.bounds"));
        let options = field.options();
        let Some(bounds) = extension.filter(|extension| options.has_extension(extension)) else {
            return Bounds::default();
        };
        let value = options.get_extension(&bounds);
        let Some(row) = value.as_message() else { return Bounds::default() };
        let number = |name: &str| row.get_field_by_name(name).and_then(|value| value.as_u32()).unwrap_or(0);
        Bounds {
            required: row.get_field_by_name("required").and_then(|value| value.as_bool()).unwrap_or(false),
            min: number("min"),
            max: number("max"),
            count: number("count"),
            class: word(row, "class")
                .strip_prefix("TEXT_CLASS_")
                .unwrap_or_default()
                .replace("UNSPECIFIED", ""),
        }
    }

    /// The rows of a repeated option of the tables, each read by field names.
    pub(crate) fn rows(&self, option: &str) -> Vec<DynamicMessage> {
        let Some(extension) = self.pool.get_extension_by_name(&format!("{PACKAGE}.{option}")) else {
            return Vec::new();
        };
        let files = self.pool.files().filter(|file| file.options().has_extension(&extension));
        let lists = files
            .filter_map(|file| file.options().get_extension(&extension).as_list().map(<[Value]>::to_vec));
        lists.flatten().filter_map(|value| value.as_message().cloned()).collect()
    }

    /// A message of this type with these fields, in the one form that senders write.
    pub(crate) fn encode(&self, name: &str, fields: &[(&str, Value)]) -> Result<Vec<u8>, String> {
        Ok(bytes_of(&self.build(name, fields)?))
    }

    /// The same, not yet serialised.
    pub(crate) fn build(&self, name: &str, fields: &[(&str, Value)]) -> Result<DynamicMessage, String> {
        let mut message = DynamicMessage::new(self.message(name)?);
        for (field, value) in fields {
            message
                .try_set_field_by_name(field, value.clone())
                .map_err(|error| format!("{name}.{field}: {error}"))?;
        }
        Ok(message)
    }

    /// What the bytes of a message say: numbers as numbers, bytes in hexadecimal, without fields that are not there.
    pub(crate) fn decoded(&self, name: &str, bytes: &[u8]) -> Result<Json, String> {
        let message =
            DynamicMessage::decode(self.message(name)?, bytes).map_err(|error| error.to_string())?;
        Ok(shown(&message))
    }

    /// The strict message of a name.
    pub(crate) fn strict(name: &str) -> Result<Strict, String> {
        let found = Strict::ALL.into_iter().find(|strict| strict.name() == name);
        found.ok_or_else(|| format!("no strict message {name}"))
    }
}

/// The serialised message.
pub(crate) fn bytes_of(message: &DynamicMessage) -> Vec<u8> {
    use prost_reflect::prost::Message as _;
    message.encode_to_vec()
}

/// The name of an enumeration's value in a field, or nothing.
pub(crate) fn word(row: &DynamicMessage, field: &str) -> String {
    let value = row.get_field_by_name(field);
    let number = value.and_then(|value| value.as_enum_number()).unwrap_or(0);
    let Some(Kind::Enum(kind)) = row.descriptor().get_field_by_name(field).map(|field| field.kind()) else {
        return String::new();
    };
    kind.get_value(number).map(|value| value.name().to_owned()).unwrap_or_default()
}

/// A text field of a row.
pub(crate) fn text(row: &DynamicMessage, field: &str) -> String {
    row.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Whether the message has a field that is a message.
pub(crate) fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) => Some(message),
        _ => None,
    }
}

fn shown(message: &DynamicMessage) -> Json {
    let fields: Map<String, Json> =
        message.fields().map(|(field, value)| (field.name().to_owned(), value_shown(value))).collect();
    Json::Object(fields)
}

fn value_shown(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I32(value) | Value::EnumNumber(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::F32(_) | Value::F64(_) => Json::Null,
        Value::String(value) => json!(value),
        Value::Bytes(value) => json!(hex(value)),
        Value::Message(message) => shown(message),
        Value::List(values) => values.iter().map(value_shown).collect(),
        Value::Map(values) => {
            values.iter().map(|(key, value)| json!([key_shown(key), value_shown(value)])).collect()
        }
    }
}

fn key_shown(key: &MapKey) -> String {
    key.as_str().unwrap_or_default().to_owned()
}
