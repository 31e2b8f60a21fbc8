//! One tiny schema per oddity: what every language takes, and what is refused with its place.

use super::check::ROWS_MAX;
use super::schemas;
use crate::description::FieldKind;
use crate::language::{LANGUAGES, Language, Role};
use crate::program::Failure;
use crate::schema::Sources;
use crate::{messages, project, render};
use std::process::Command;

const TINY: &str = "hispos/v1/tiny.proto";

/// The option schema of the protocol beside a tiny one that imports it.
fn with_options(body: &str) -> Sources {
    let mut sources = crate::embedded::schemas().unwrap();
    sources.0.retain(|name, _| name.ends_with("/options.proto"));
    let head = "syntax = \"proto3\";\npackage hispos.v1;\nimport \"hispos/v1/options.proto\";\n";
    sources.0.insert(TINY.to_owned(), format!("{head}{body}"));
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
        ("lists of every kind".into(), {
            let list = "[(bounds) = {max: 9, count: 3}]";
            strict(&format!(
                "repeated uint64 a = 1 [(bounds) = {{count: 3}}]; repeated sint32 b = 2 [(bounds) = {{count: 3}}]; \
                 repeated bytes c = 3 {list}; repeated string d = 4 {list};"
            ))
        }),
        (
            "a reserved name, and a comment with quotes and without ASCII".into(),
            format!("// Says \"yes\" or 'no': 是或否。\n{}", strict("reserved \"old\"; uint32 a = 1;")),
        ),
        (
            "a name that differs in one letter only".into(),
            strict("uint32 a = 1; uint32 a1 = 2; uint32 a_b = 3;"),
        ),
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

/// A schema with rows of every table, whose texts hold what has to be escaped.
fn with_rows(rows: usize, codes: usize) -> String {
    let meaning = |row: usize| {
        let text = r#"No \"{row}\" \\ 无"#.replace("{row}", &row.to_string());
        format!("[(meaning) = {{name: \"r{row}\", cashier_en: \"{text}\", cashier_zh: \"{text}\"}}]")
    };
    let rows = (1..=rows).map(|row| {
        format!(
            "option (limit) = {{name: \"ROW{row}\", value: {row}, unit: \"byte\", doc: \"A \\\"row\\\" 行.\"}};\n\
             option (label) = {{name: \"ROW{row}\", text: \"a \\\"{row}\\\" \\\\\", doc: \"A row.\"}};\n\
             option (answer) = {{profile: PROFILE_ALIPAY, call: PLATFORM_CALL_PAY, code: \"R{row}\", verdict: VERDICT_OPEN}};\n"
        )
    });
    let values = (1..=codes).map(|row| format!("CODE_R{row} = {row} {};\n", meaning(row)));
    let (rows, values): (String, String) = (rows.collect(), values.collect());
    format!(
        "{rows}enum Code {{ CODE_UNSPECIFIED = 0;\n{values} }}\nmessage Tiny {{ option (strict) = true; }}\n"
    )
}

#[test]
fn tables_of_a_thousand_rows_are_whole_in_every_language_with_their_texts_escaped() {
    let description = schemas(with_options(&with_rows(ROWS_MAX, ROWS_MAX))).unwrap();
    for language in LANGUAGES {
        let files = render::files(language, Role::Both, &description).unwrap();
        let tables: String = files.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        for row in [1, 500, ROWS_MAX] {
            for literal in
                [format!(r#""No \"{row}\" \\ 无""#), format!(r#""a \"{row}\" \\""#), format!("R{row}\"")]
            {
                assert!(tables.contains(&literal), "{}: {literal}", language.id);
            }
        }
    }
}

#[test]
fn tables_of_more_rows_are_refused() {
    let error = schemas(with_options(&with_rows(1, ROWS_MAX + 1))).unwrap_err();
    assert!(error.ends_with(": enum Code: no client has more than 1000 codes"), "{error}");
    let rows = (0..=ROWS_MAX).map(|row| format!("option (limit) = {{name: \"ROW{row}\"}};\n"));
    let error = schemas(with_options(&rows.collect::<String>())).unwrap_err();
    assert_eq!(error, "proto/hispos/v1/tiny.proto: limit: no client has more than 1000 rows");
}

/// What builds a client of each language, without its tests.
const BUILDS: [(&str, &str); 3] = [
    ("go", "go vet ./hispos ./internal/messages"),
    ("java", "mvn -q -B -o -DskipTests package"),
    (
        "python",
        "python3 -W error -m compileall -q hispos_client && ruff check -q --select E9,F hispos_client",
    ),
];

#[test]
#[ignore = "needs the tools of every language, and minutes"]
fn every_language_builds_every_oddity_beside_the_protocol() {
    let mut sources = crate::embedded::schemas().unwrap();
    // The protocol's own rows are there, too.
    let bodies = oddities().into_iter().map(|(_, body)| body).chain([with_rows(800, ROWS_MAX)]);
    for (number, body) in bodies.enumerate() {
        let body = body.replace("message Tiny", &format!("message Tiny{number}"));
        let text = with_options(&body).0.remove(TINY).unwrap();
        sources.0.insert(format!("hispos/v1/tiny{number}.proto"), text);
    }
    let description = super::whole(sources.clone(), crate::embedded::state_table).unwrap();
    for (id, build) in BUILDS {
        let language = Language::of(id).unwrap();
        let made = project::make_of(language, Role::Both, &description, sources.clone()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        project::write(&made, folder.path()).unwrap();
        let said = Command::new("bash").args(["-c", build]).current_dir(folder.path()).output().unwrap();
        let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert!(said.status.success(), "{id}: {text}");
    }
}

/// What is refused: what of a schema, and all that the error says behind the file.
const REFUSED: &[(&str, &str)] = &[
    ("message Odd { float a = 1; }", "4: message Odd, field a: no client has float"),
    ("message Odd { double a = 1; }", "4: message Odd, field a: no client has double"),
    ("message Odd { fixed64 a = 1; }", "4: message Odd, field a: no client has fixed64"),
    ("message Odd { int32 a = 1; }", "4: message Odd, field a: no client has int32"),
    ("message Odd { int64 a = 1; }", "4: message Odd, field a: no client has int64"),
    ("message Odd { repeated float a = 1; }", "4: message Odd, field a: no client has float"),
    ("message Odd { map<string, float> a = 1; }", "4: message Odd, field a: no client has a map"),
    ("message Odd {\noptional uint32 a = 1; }", "5: message Odd, field a: no client has `optional`"),
    (
        "message Odd { repeated uint32 a = 1 [packed = false]; }",
        "4: message Odd, field a: no client has `packed = false`",
    ),
    (
        "message One { message Odd {} } message Two { message Odd {} }",
        "4: Odd: another message or enum has this name",
    ),
    (
        "message Odd { option (strict) = true; Loose a = 1; } message Loose {}",
        "4: message Odd, field a: Loose is not strict, and the validator could not judge it",
    ),
    (
        "message Odd {\n// An end */ of a comment.\nuint32 a = 1; }",
        "6: message Odd, field a: its comment has */, which ends a comment or begins an escape in some language",
    ),
    (
        "// A \\user.\nmessage Odd {}",
        "5: message Odd: its comment has \\, which ends a comment or begins an escape in some language",
    ),
    (
        "// A \"word\"\nmessage Odd {}",
        "5: message Odd: its comment ends with \", which runs into the end of a comment in some language",
    ),
    (
        "enum Odd { ODD_UNSPECIFIED = 0; ODD_2 = 2; }",
        "4: enum Odd, value ODD_2: no language has a name that begins with no letter",
    ),
    (
        "enum Odd { ODD_UNSPECIFIED = 0; ODD_A_B = 1; ODD_A__B = 2; }",
        "4: enum Odd, value ODD_A__B: another value has this name in some language",
    ),
    (
        "enum Odd { option allow_alias = true; ODD_UNSPECIFIED = 0; ODD_A = 1; ODD_B = 1; }",
        "4: enum Odd, value ODD_A: another value has this number",
    ),
    (
        "enum Odd { ODD_UNSPECIFIED = 0; ODD_A = 1 [(meaning) = {name: \"a\", cashier_en: \"\\a\"}]; }",
        "4: enum Odd, value ODD_A: its cashier_en has a control character",
    ),
    (r#"option (label) = {name: "ODD", text: "标"};"#, " label ODD: its text is not ASCII"),
    (r#"option (label) = {name: "ODD", text: "a\nb"};"#, " label ODD: its text has a control character"),
    (
        r#"option (limit) = {name: "ODD", value: 9223372036854775808};"#,
        " limit ODD: no client has a number above 2^63-1",
    ),
    (
        r#"option (limit) = {name: "ODD"}; option (limit) = {name: "ODD"};"#,
        " limit ODD: another row has this name in some language",
    ),
    (
        r#"option (timer) = {name: "ODD-ONE"};"#,
        " timer ODD-ONE: no language has a name but of letters, digits and _, a letter first",
    ),
    (r#"option (reason) = {step: 2};"#, " reason 2: steps begin with 1 and leave none out"),
    (
        r#"option (answer) = {profile: PROFILE_ALIPAY, call: PLATFORM_CALL_PAY, code: "A"};"#,
        " answer ALIPAY, PAY, A: no verdict",
    ),
    (r#"option (code_range) = {first: "1", last: "2"};"#, " code_range 1, 2: no kind"),
    ("service Odd {}", " service Odd: no client has services"),
];

#[test]
fn what_no_client_can_hold_is_named_with_file_message_and_field() {
    for (body, behind) in REFUSED {
        let error = schemas(with_options(body)).unwrap_err();
        assert_eq!(error, format!("proto/hispos/v1/tiny.proto:{behind}"), "{body}");
    }
}

#[test]
fn what_only_an_earlier_schema_language_has_is_refused_with_its_field() {
    for (body, behind) in [
        ("message Odd { required uint32 a = 1; }", "3: message Odd, field a: no client has `required`"),
        ("message Odd { optional uint32 a = 1; }", "3: message Odd, field a: no client has `optional`"),
        (
            "message Odd { repeated group Inside = 1 { repeated uint32 b = 1; } }",
            "3: message Odd, field inside: no client has a group",
        ),
        ("message Odd { repeated uint32 a = 1; }", " no client has a schema but of proto3"),
    ] {
        let text = format!("syntax = \"proto2\";\npackage hispos.v1;\n{body}");
        let error = schemas(Sources([(TINY.to_owned(), text)].into())).unwrap_err();
        assert_eq!(error, format!("proto/hispos/v1/tiny.proto:{behind}"), "{body}");
    }
}

#[test]
fn what_the_compiler_refuses_is_named_with_its_file() {
    for (body, expected) in [
        ("enum Odd { ODD_ONE = 1; }", "must be 0"),
        ("message Odd { uint32 a = 1 [(nothing).max = 1]; }", "nothing"),
        ("message Odd { uint32 a = 1 [(bounds) = {most: 1}]; }", "(bounds)"),
        ("message Odd { uint32 a = 1; uint32 b = 1; }", "number"),
        ("message Odd { reserved 1; uint32 a = 1; }", "reserved"),
        ("message Odd { uint32 a_b = 1; uint32 aB = 2; }", "aB"),
    ] {
        let error = schemas(with_options(body)).unwrap_err();
        assert!(error.contains("hispos/v1/tiny.proto") && error.contains(expected), "{error}");
    }
}
