//! Message classes: protoc, called with schemas that hold nothing but messages.
//!
//! The options are stripped: no client needs them at run time, lite runtimes could not even load them, and message
//! classes without them can stand beside any others. The files are renamed to where the classes lie in the project,
//! because that is the name by which most languages import them.

use crate::language::{Language, Messages, Plugin};
use crate::program::{Failure, said};
use crate::schema::{Schema, Sources, is_option};
use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet, FileOptions,
};
use std::path::Path;
use std::process::Command;

/// Writes the message classes of a language below a folder.
///
/// # Errors
///
/// What protoc says, or that there is none for this machine, or no plugin of the pinned version.
pub(crate) fn write(language: &Language, sources: Sources, project: &Path) -> Result<(), Failure> {
    let plugin = language.messages.plugin.map(|plugin| found(&plugin)).transpose()?;
    generate(language, sources, project, plugin.as_deref()).map_err(Failure::Broken)
}

/// The plugin as protoc is told of it: from the path, or from where the tools of Go install.
fn found(plugin: &Plugin) -> Result<String, Failure> {
    let Plugin { program, version, install } = plugin;
    let folder = said(&["go", "env", "GOPATH"]).unwrap_or_default();
    let places = [(*program).to_owned(), format!("{folder}/bin/{program}")];
    let place = places.into_iter().find(|place| said(&[place, "--version"]).as_deref() == Some(version));
    let needed = || Failure::Missing(format!("{version} is needed for the messages; install it: {install}"));
    place.map(|place| format!("--plugin={program}={place}")).ok_or_else(needed)
}

fn generate(
    language: &Language,
    sources: Sources,
    project: &Path,
    plugin: Option<&str>,
) -> Result<(), String> {
    let schema = Schema::compile(sources, true)?;
    let set = stripped(&schema, &language.messages);
    let work = tempfile::tempdir().map_err(|error| format!("temporary folder: {error}"))?;
    let input = work.path().join("schemas.binpb");
    std::fs::write(&input, set.encode_to_vec()).map_err(|error| format!("temporary file: {error}"))?;
    let program = protoc_bin_vendored::protoc_bin_path().map_err(|error| format!("protoc: {error}"))?;
    let mut protoc = Command::new(program);
    protoc.arg(format!("--descriptor_set_in={}", input.display()));
    let out = project.join(language.messages.root);
    std::fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    // A plugin that lies on the path is known to protoc by its name alone.
    protoc.args(plugin.filter(|plugin| plugin.contains('/')));
    for output in language.messages.outputs {
        let (output, option) = output
            .split_once('=')
            .map_or((*output, String::new()), |(name, option)| (name, format!("{option}:")));
        protoc.arg(format!("--{output}_out={option}{}", out.display()));
    }
    protoc.args(set.file.iter().map(FileDescriptorProto::name));
    let output = protoc.output().map_err(|error| format!("protoc: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("protoc: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Our schemas without options, under their names in the project.
fn stripped(schema: &Schema, messages: &Messages) -> FileDescriptorSet {
    let ours = schema.files().filter(|file| !is_option(file.name()));
    let file = ours.map(|file| strip(file.file_descriptor_proto().clone(), messages)).collect();
    FileDescriptorSet { file }
}

fn strip(mut file: FileDescriptorProto, messages: &Messages) -> FileDescriptorProto {
    let renamed = |name: &str| format!("{}/{}", messages.folder, name.rsplit('/').next().unwrap_or(name));
    file.name = Some(renamed(file.name()));
    file.dependency.retain(|name| !is_option(name) && !name.starts_with("google/"));
    file.dependency.iter_mut().for_each(|name| *name = renamed(name));
    file.public_dependency.clear();
    let [java, go] =
        [messages.java_package, messages.go_package].map(|name| (!name.is_empty()).then_some(name));
    file.options = java.or(go).map(|_| FileOptions {
        java_package: java.map(str::to_owned),
        java_multiple_files: java.map(|_| true),
        go_package: go.map(str::to_owned),
        ..FileOptions::default()
    });
    file.extension.clear();
    file.message_type.iter_mut().for_each(strip_message);
    file.enum_type.iter_mut().for_each(strip_enum);
    file
}

fn strip_message(message: &mut DescriptorProto) {
    message.options = None;
    message.field.iter_mut().for_each(|field| field.options = None);
    message.nested_type.iter_mut().for_each(strip_message);
    message.enum_type.iter_mut().for_each(strip_enum);
}

fn strip_enum(item: &mut EnumDescriptorProto) {
    item.options = None;
    item.value.iter_mut().for_each(|value| value.options = None);
}

#[cfg(test)]
mod tests {
    use super::stripped;
    use crate::{embedded, language::Language, schema::Schema};
    use prost::Message;

    #[test]
    fn the_stripped_schemas_compile_alone_and_hold_no_option() {
        let schema = Schema::compile(embedded::schemas().unwrap(), true).unwrap();
        let set = stripped(&schema, &Language::of("python").unwrap().messages);
        let again = Schema::decode(set.encode_to_vec()).unwrap();
        assert!(again.files().all(|file| file.name().starts_with("hispos_client/messages/")));
        assert_eq!(again.messages().filter(|message| again.is_strict(message)).count(), 0);
        assert!(again.messages().count() > 40, "{}", again.messages().count());
    }
}
