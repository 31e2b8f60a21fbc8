//! One tiny schema per oddity.

use super::{embedded, schemas};
use crate::description::{Description, FieldKind};
use crate::language::{LANGUAGES, Role};
use crate::program::Failure;
use crate::schema::Sources;
use crate::{messages, render};

fn read(body: &str) -> Result<Description, String> {
    let text = format!("syntax = \"proto3\";\npackage hispos.v1;\n{body}");
    schemas(Sources([("hispos/v1/tiny.proto".to_owned(), text)].into()))
}

#[test]
fn a_field_is_described_by_kind_list_and_choice() {
    let body = "enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 7; }\n\
        // What it is.\nmessage Inner { repeated uint32 numbers = 2; sint64 amount = 1; }\n\
        message Outer { oneof body { Inner inner = 3; Colour colour = 4; } }\n";
    let description = read(body).unwrap();
    let inner = &description.messages[0];
    assert_eq!((inner.doc.as_str(), inner.file.as_str(), inner.strict), ("What it is.", "tiny", false));
    assert_eq!(inner.fields.iter().map(|field| field.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((inner.fields[1].kind, inner.fields[1].repeated), (FieldKind::Uint32, true));
    let outer = &description.messages[1];
    assert_eq!(outer.fields[0].of.as_ref().unwrap().written, "Inner");
    assert_eq!(outer.fields[1].oneof.as_ref().unwrap().written, "body");
    assert_eq!(description.enums[0].values[1].name.written, "RED");
}

#[test]
fn what_no_client_can_hold_is_named_with_file_message_and_field() {
    for (field, what) in [
        ("float a = 1;", "float"),
        ("fixed64 a = 1;", "fixed64"),
        ("int32 a = 1;", "int32"),
        ("map<string, string> a = 1;", "a map"),
    ] {
        let error = read(&format!("message Odd {{ {field} }}\n")).unwrap_err();
        let expected = "proto/hispos/v1/tiny.proto:3: message Odd, field a: no client has";
        assert!(error.starts_with(expected) && error.ends_with(what), "{error}");
    }
}

#[test]
fn the_schemas_of_the_protocol_are_described_whole() {
    let description = embedded().unwrap();
    let core = description.messages.iter().find(|message| message.name.written == "OrderCore").unwrap();
    let number = &core.fields[0];
    assert!(core.strict && number.required);
    assert_eq!((number.min, number.max, number.class.written.as_str()), (1, 24, "ORDER_NO"));
    let status = description.enums.iter().find(|item| item.name.written == "Status").unwrap();
    let paid = status.values.iter().find(|value| value.number == 100).unwrap();
    assert_eq!(paid.meaning.as_ref().unwrap().cashier_zh, "已收款。");
    assert!(description.reasons.len() == 10 && !description.answers.is_empty());
    assert!(description.messages.iter().all(|message| message.file != "options"));
}

/// The option schema of the protocol beside a tiny one that imports it.
fn with_options(body: &str) -> Sources {
    let mut sources = crate::embedded::schemas().unwrap();
    sources.0.retain(|name, _| name.ends_with("/options.proto"));
    let head = "syntax = \"proto3\";\npackage hispos.v1;\nimport \"hispos/v1/options.proto\";\n";
    sources.0.insert("hispos/v1/tiny.proto".to_owned(), format!("{head}{body}"));
    sources
}

/// Words that are reserved in a language of the list or of those that follow, as names of fields.
const RESERVED: &[&str] = &[
    "class",
    "def",
    "from",
    "import",
    "type",
    "func",
    "default",
    "package",
    "record",
    "unit",
    "object",
    "begin",
    "namespace",
    "params",
    "function",
    "var",
    "int",
    "none",
    "self",
    "this",
    "range",
    "string",
];

/// Every oddity of a schema that clients have to take, each with what of it has to be found again in the rules.
fn oddities() -> Vec<(String, String)> {
    let fields: Vec<String> =
        RESERVED.iter().zip(1..).map(|(word, number)| format!("uint32 {word} = {number};")).collect();
    let strict = |fields: &str| format!("message Tiny {{ option (strict) = true; {fields} }}\n");
    vec![
        ("a gap between numbers".into(), strict("uint32 a = 3; reserved 4 to 9; uint32 b = 536870911;")),
        ("reserved words as names".into(), strict(&fields.join(" "))),
        ("a choice".into(), strict("oneof body { uint32 a = 1; string b = 2 [(bounds) = {max: 3}]; }")),
        ("64 bits of either sign".into(), strict("uint64 a = 1; sint64 b = 2;")),
        ("bounds of bytes".into(), strict("bytes a = 1 [(bounds) = {required: true, min: 2, max: 4096}];")),
        ("a list with a bound".into(), strict("repeated uint32 a = 1 [(bounds) = {count: 7}];")),
        (
            "a message and an enum inside a message".into(),
            strict(
                "message Inside { option (strict) = true; uint32 a = 1; } enum Odd { ODD_UNSPECIFIED = 0; \
                 ODD_GAP = 9; } Inside a = 1; Odd b = 2;",
            ),
        ),
        ("a message without fields".into(), strict("")),
    ]
}

#[test]
fn every_language_takes_every_oddity_of_a_schema() {
    for (what, body) in oddities() {
        let sources = with_options(&body);
        let description = schemas(sources.clone()).unwrap_or_else(|error| panic!("{what}: {error}"));
        for language in LANGUAGES {
            let id = language.id;
            let files = render::files(language, Role::Both, &description)
                .unwrap_or_else(|error| panic!("{what}, {id}: {error}"));
            let has =
                |text: &str| files.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains(text));
            assert!(has("\"Tiny\""), "{what}, {id}: no rules of the message");
            let folder = tempfile::tempdir().unwrap();
            match messages::write(language, sources.clone(), folder.path()) {
                // A machine without a language's plugin makes no client of it either.
                Ok(()) | Err(Failure::Missing(_)) => {}
                Err(Failure::Broken(error)) => panic!("{what}, {id}: {error}"),
            }
        }
    }
}

#[test]
fn bounds_and_numbers_of_an_oddity_are_described_as_they_are_written() {
    let described = |place: usize| schemas(with_options(&oddities()[place].1)).unwrap();
    let numbers: Vec<u32> = described(0).messages[0].fields.iter().map(|field| field.number).collect();
    assert_eq!(numbers, [3, 536_870_911]);
    assert_eq!(described(1).messages[0].fields.len(), RESERVED.len());
    let choice = described(2);
    assert!(choice.messages[0].fields.iter().all(|field| field.oneof.as_ref().unwrap().written == "body"));
    let bytes = described(4);
    let bytes = &bytes.messages[0].fields[0];
    assert_eq!((bytes.required, bytes.min, bytes.max, bytes.kind), (true, 2, 4096, FieldKind::Bytes));
    assert_eq!(described(5).messages[0].fields[0].count, 7);
    let names: Vec<String> = described(6).messages.iter().map(|item| item.name.written.clone()).collect();
    assert_eq!(names, ["Tiny", "Inside"]);
}

#[test]
fn what_cannot_be_mapped_says_where_it_stands_and_what_it_is() {
    for (body, expected) in [
        (
            "message Odd { optional uint32 a = 1; }",
            "proto/hispos/v1/tiny.proto:4: message Odd, field a: no client has",
        ),
        (
            "message One { message Odd {} } message Two { message Odd {} }",
            "proto/hispos/v1/tiny.proto:4: Odd: another message or enum has this name",
        ),
        (
            "message Odd {\n// An end */ of a comment.\nuint32 a = 1; }",
            "proto/hispos/v1/tiny.proto:6: its comment has */, which ends a comment",
        ),
    ] {
        let error = schemas(with_options(body)).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    for (body, expected) in [
        ("enum Odd { ODD_ONE = 1; }", "must be 0"),
        ("message Odd { uint32 a = 1 [(nothing).max = 1]; }", "nothing"),
        ("message Odd { uint32 a = 1 [(bounds) = {most: 1}]; }", "(bounds)"),
        ("message Odd { uint32 a = 1; uint32 b = 1; }", "number"),
    ] {
        let error = schemas(with_options(body)).unwrap_err();
        assert!(error.contains("hispos/v1/tiny.proto") && error.contains(expected), "{error}");
    }
}

/// Words of one language only. The description that C#, TypeScript, C and Pascal will be made from has none of them.
#[test]
fn the_description_has_no_word_of_a_language() {
    let text = serde_json::to_string(&embedded().unwrap()).unwrap().to_lowercase();
    for language in LANGUAGES {
        assert!(!text.contains(&format!("\"{}", language.id)), "{}", language.id);
    }
    for word in ["hispos_client", "hispos-client", "hispos/client", "hispos.client", "int64_t", "javalite"] {
        assert!(!text.contains(word), "{word}");
    }
}
