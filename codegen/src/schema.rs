//! The compiled schemas with their own options, as plain values.

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, FileDescriptor,
    MessageDescriptor, ReflectMessage, Value,
};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PACKAGE: &str = "hispos.v1";

/// A compiled set of schemas.
pub struct Schema {
    /// Every file, imports included, with our options.
    pub pool: DescriptorPool,
    /// The same, encoded.
    pub encoded: Vec<u8>,
}

/// The text of each schema, by its name for imports.
#[derive(Clone, Debug, Default)]
pub struct Sources(pub BTreeMap<String, String>);

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = self.0.get(name).ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

/// What a field of a strict message is bound to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// It has to be there.
    pub required: bool,
    /// Least length in bytes.
    pub min: u32,
    /// Greatest length in bytes.
    pub max: u32,
    /// Greatest number of elements.
    pub count: u32,
    /// The class's name without its prefix.
    pub class: String,
}

impl Schema {
    /// Compiles every `.proto` below a folder, with comments and places.
    ///
    /// # Errors
    ///
    /// What the compiler says, with the place.
    pub fn load(folder: &Path) -> Result<Self, String> {
        Self::compile(read(folder)?, true)
    }

    /// The same without comments and places: what is published.
    ///
    /// # Errors
    ///
    /// What the compiler says, with the place.
    pub fn load_bare(folder: &Path) -> Result<Self, String> {
        Self::compile(read(folder)?, false)
    }

    /// Compiles schemas given by their names for imports.
    ///
    /// # Errors
    ///
    /// What the compiler says, with the place.
    pub fn compile(sources: Sources, source_info: bool) -> Result<Self, String> {
        let names: Vec<String> = sources.0.keys().cloned().collect();
        let mut resolver = ChainFileResolver::new();
        resolver.add(sources);
        resolver.add(GoogleFileResolver::new());
        let mut compiler = protox::Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).include_source_info(source_info);
        compiler.open_files(names).map_err(|error| format!("{error:?}"))?;
        Self::decode(compiler.encode_file_descriptor_set())
    }

    /// Reads an encoded descriptor set.
    ///
    /// # Errors
    ///
    /// Says what is not there.
    pub fn decode(encoded: Vec<u8>) -> Result<Self, String> {
        let pool =
            DescriptorPool::decode(encoded.as_slice()).map_err(|error| format!("descriptor set: {error}"))?;
        Ok(Self { pool, encoded })
    }

    /// Our own files, without what they import from elsewhere.
    pub fn files(&self) -> impl Iterator<Item = FileDescriptor> + '_ {
        self.pool.files().filter(|file| !file.name().starts_with("google/"))
    }

    /// Every message of our own files, nested ones included.
    pub fn messages(&self) -> impl Iterator<Item = MessageDescriptor> + '_ {
        self.pool.all_messages().filter(|message| !message.parent_file().name().starts_with("google/"))
    }

    /// Every enumeration of our own files, nested ones included.
    pub fn enums(&self) -> impl Iterator<Item = EnumDescriptor> + '_ {
        self.pool.all_enums().filter(|item| !item.parent_file().name().starts_with("google/"))
    }

    /// The enumeration of a name of our package.
    ///
    /// # Errors
    ///
    /// Says what is not there.
    pub fn enumeration(&self, name: &str) -> Result<EnumDescriptor, String> {
        let full = format!("{PACKAGE}.{name}");
        self.pool.get_enum_by_name(&full).ok_or_else(|| format!("the schemas have no enum {name}"))
    }

    /// One of our options, or `None` if nothing sets it, or nothing defines it.
    fn option(&self, options: &DynamicMessage, name: &str) -> Option<Value> {
        let extension: ExtensionDescriptor = self.pool.get_extension_by_name(&format!("{PACKAGE}.{name}"))?;
        options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
    }

    /// Whether a message is of the strict class.
    pub fn is_strict(&self, message: &MessageDescriptor) -> bool {
        self.option(&message.options(), "strict").and_then(|value| value.as_bool()).unwrap_or(false)
    }

    /// The bounds of a field.
    pub fn bounds(&self, field: &FieldDescriptor) -> Bounds {
        let Some(Value::Message(bounds)) = self.option(&field.options(), "bounds") else {
            return Bounds::default();
        };
        let row = Row(bounds);
        Bounds {
            required: row.flag("required"),
            min: row.number("min").try_into().unwrap_or(u32::MAX),
            max: row.number("max").try_into().unwrap_or(u32::MAX),
            count: row.number("count").try_into().unwrap_or(u32::MAX),
            class: row.word("class"),
        }
    }

    /// The rows of a repeated file option, in the order of files and lines.
    pub fn rows(&self, name: &str) -> Vec<Row> {
        self.files().flat_map(|file| self.rows_of(&file, name)).collect()
    }

    /// The rows of a repeated option of one file.
    pub fn rows_of(&self, file: &FileDescriptor, name: &str) -> Vec<Row> {
        let values = self.option(&file.options(), name);
        let values = values.and_then(|value| value.as_list().map(<[Value]>::to_vec)).unwrap_or_default();
        values.iter().filter_map(|value| value.as_message().cloned().map(Row)).collect()
    }

    /// The meaning of each value of an enumeration that has one.
    pub fn meanings(&self, item: &EnumDescriptor) -> Vec<Code> {
        let with_meaning = item.values().filter_map(|value| {
            let Value::Message(meaning) = self.option(&value.options(), "meaning")? else { return None };
            let comment = comment(&value.parent_enum().parent_file(), value.path());
            Some(Code {
                name: value.name().to_owned(),
                number: value.number(),
                comment,
                meaning: Row(meaning),
            })
        });
        with_meaning.collect()
    }
}

/// A value of an enumeration, and what it means to people.
pub struct Code {
    /// Its name, prefix included.
    pub name: String,
    /// Its number.
    pub number: i32,
    /// Its comment.
    pub comment: String,
    /// What it means to people.
    pub meaning: Row,
}

/// One message of an option, read by field names.
pub struct Row(pub DynamicMessage);

impl Row {
    fn value(&self, field: &str) -> Option<Value> {
        self.0.get_field_by_name(field).map(|value| value.into_owned())
    }

    /// A string field.
    pub fn text(&self, field: &str) -> String {
        self.value(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// An unsigned field of either width.
    pub fn number(&self, field: &str) -> u64 {
        let value = self.value(field);
        value.and_then(|value| value.as_u64().or_else(|| value.as_u32().map(u64::from))).unwrap_or(0)
    }

    /// A boolean field.
    pub fn flag(&self, field: &str) -> bool {
        self.value(field).and_then(|value| value.as_bool()).unwrap_or(false)
    }

    /// An enumeration field: the value's name without the enumeration's prefix.
    pub fn word(&self, field: &str) -> String {
        let number = self.value(field).and_then(|value| value.as_enum_number()).unwrap_or(0);
        let kind = self.0.descriptor().get_field_by_name(field).map(|field| field.kind());
        let item = kind.and_then(|kind| kind.as_enum().cloned());
        let Some(item) = item else { return String::new() };
        item.get_value(number).map(|value| short_name(item.name(), value.name())).unwrap_or_default()
    }
}

/// A value's name without its enumeration's prefix.
pub fn short_name(item: &str, value: &str) -> String {
    let prefix = upper_snake(item) + "_";
    value.strip_prefix(&prefix).unwrap_or(value).to_owned()
}

/// Where the element at a path of a file stands, as `file:line` from the repository's root.
pub fn place(file: &FileDescriptor, path: &[i32]) -> String {
    let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    let found = locations.into_iter().find(|location| location.path == path);
    let line = found.and_then(|location| location.span.first()).map_or(1, |line| line + 1);
    format!("proto/{}:{line}", file.name())
}

/// The comment before the element at a path of a file, without leading spaces.
pub fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    let found = locations.into_iter().find(|location| location.path == path);
    let text = found.map(|location| location.leading_comments().to_owned()).unwrap_or_default();
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Whether a schema holds the options, which never travel.
pub fn is_option(file: &str) -> bool {
    file.ends_with("/options.proto")
}

/// `SomeName` as `SOME_NAME`.
pub fn upper_snake(camel: &str) -> String {
    let mut name = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Reads every `.proto` below a folder.
fn read(folder: &Path) -> Result<Sources, String> {
    let mut sources = Sources::default();
    let mut open: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(inner) = open.pop() {
        let entries = std::fs::read_dir(&inner).map_err(|error| format!("{}: {error}", inner.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                let text = std::fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
                sources.0.insert(name, text);
            }
        }
    }
    Ok(sources)
}
