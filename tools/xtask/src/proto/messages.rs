//! The prost messages, from the descriptor set and without protoc.

use super::emit::HEADER;
use hispos_codegen::schema::Schema;
use prost::Message;
use prost_build::{Config, Module};
use prost_types::FileDescriptorSet;

/// Writes `wire/hispos.v1.rs`. What only describes options is left out.
pub(super) fn source(schema: &Schema) -> Result<String, String> {
    let set =
        FileDescriptorSet::decode(schema.encoded.as_slice()).map_err(|error| format!("prost: {error}"))?;
    let module = Module::from_parts(["hispos", "v1"]);
    let ours = |name: &str| name.starts_with("hispos/") && !name.ends_with("/options.proto");
    let files = set.file.into_iter().filter(|file| ours(file.name()));
    let mut config = Config::new();
    // No Debug: what travels must not end up in a log by accident.
    config.btree_map(["."]).skip_debug(["."]);
    let requests = files.map(|file| (module.clone(), file)).collect();
    let mut modules = config.generate(requests).map_err(|error| format!("prost-build: {error}"))?;
    let generated = modules.remove(&module).ok_or("prost-build wrote no module hispos.v1")?;
    let body = generated.lines().filter(|line| !line.starts_with("// This file is @generated"));
    Ok(format!("{HEADER}\n{}\n", body.collect::<Vec<_>>().join("\n")))
}
