//! What is read of tiny schemas, and of the protocol's own.

use super::{embedded, schemas};
use crate::description::{Description, FieldKind};
use crate::language::LANGUAGES;
use crate::schema::Sources;

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
