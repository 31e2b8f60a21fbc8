//! Each rule on the schemas sees one schema that breaks it, and the repository's own pass.

use super::{compat, emit, sense, style};
use crate::root;
use hispos_codegen::schema::Schema;

const OPTIONS: &str = include_str!("../../../../proto/hispos/v1/options.proto");

/// The schema that every probe changes in one place.
const GOOD: &str = r#"// A probe.
syntax = "proto3";

package hispos.v1;

import "hispos/v1/options.proto";

option (limit) = {name: "ITEMS_MAX", value: 4, unit: "item", doc: "Greatest number of items."};
option (timer) = {name: "START", milliseconds: 9, doc: "From one to the other.", agreed: true};
option (code_range) = {first: "10", last: "15", length_min: 18, length_max: 18, kind: CODE_KIND_WECHAT};
option (answer) = {profile: PROFILE_ALIPAY, call: PLATFORM_CALL_PAY, code: "10000", verdict: VERDICT_CAPTURED};

// A probe's kind.
enum Probe {
  PROBE_UNSPECIFIED = 0;
  // The only one.
  PROBE_ONLY = 1 [(meaning) = {name: "only" cashier_en: "Only." cashier_zh: "唯一。"}];
}

// Strict.
message Bound {
  option (strict) = true;
  // A name.
  string name = 1 [(bounds) = {required: true, min: 1, max: 24, class: TEXT_CLASS_IDENTIFIER}];
  repeated uint32 items = 2 [(bounds) = {count: 4}];
}

// Not strict.
message Loose {
  uint32 first = 1;
  oneof body {
    Bound bound = 2;
  }
}

// What an agreement sets.
message AgreedTimers {
  uint32 start = 1;
}
"#;

fn compile(text: &str, file: &str) -> Schema {
    let folder = tempfile::tempdir().unwrap();
    root::write(&folder.path().join("hispos/v1/options.proto"), OPTIONS.as_bytes()).unwrap();
    root::write(&folder.path().join(file), text.as_bytes()).unwrap();
    Schema::load(folder.path()).unwrap()
}

fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "the probe has no {from}");
    GOOD.replacen(from, to, 1)
}

#[track_caller]
fn style_says(from: &str, to: &str, expected: &str) {
    says(&style::violations(&compile(&changed(from, to), "hispos/v1/probe.proto")), expected);
}

#[track_caller]
fn sense_says(from: &str, to: &str, expected: &str) {
    says(&sense::violations(&compile(&changed(from, to), "hispos/v1/probe.proto")), expected);
}

#[track_caller]
fn compat_says(from: &str, to: &str, expected: &str) {
    let published = compile(GOOD, "hispos/v1/probe.proto");
    let current = compile(&changed(from, to), "hispos/v1/probe.proto");
    says(&compat::breaks(&published, &current), expected);
}

#[track_caller]
fn says(found: &[String], expected: &str) {
    assert!(found.iter().any(|text| text.contains(expected)), "expected {expected:?} among {found:#?}");
}

#[test]
fn the_repositorys_schemas_and_the_probe_break_no_rule() {
    let own = Schema::load(&root::root().join("proto")).unwrap();
    let probe = compile(GOOD, "hispos/v1/probe.proto");
    for schema in [&own, &probe] {
        assert_eq!(style::violations(schema), Vec::<String>::new());
        assert_eq!(sense::violations(schema), Vec::<String>::new());
        assert_eq!(compat::breaks(schema, schema), Vec::<String>::new());
    }
}

#[test]
fn a_file_that_lies_elsewhere_than_its_package_is_reported() {
    says(&style::violations(&compile(GOOD, "hispos/v1/ProbeFile.proto")), "does not fit the path");
    says(&style::violations(&compile(GOOD, "other/probe.proto")), "does not fit the path");
}

#[test]
fn each_break_of_style_is_reported_with_its_line() {
    style_says("// A probe.\nsyntax", "syntax", "no comment before `syntax`");
    style_says(
        "message Loose",
        "message Very_loose",
        "probe.proto:29: Very_loose: message names are UpperCamel",
    );
    style_says("// Not strict.\n", "", "Loose: no comment");
    style_says("// Not strict.", "// not strict", "a comment is a sentence");
    style_says("uint32 first = 1", "uint32 First = 1", "field names are lower_snake");
    style_says("uint32 first = 1", "optional uint32 first = 1", "proto3 `optional`");
    style_says("uint32 first = 1", "map<uint32, uint32> first = 1", "a map has no order");
    style_says("uint32 first = 1", "double first = 1", "number type not in use");
    style_says("uint32 first = 1;", "uint32 first = 7;", "field numbers fall");
    style_says("enum Probe {", "enum probe {", "enum names are UpperCamel");
    style_says("PROBE_ONLY", "PROBE_only", "enum values are UPPER_SNAKE");
    style_says("PROBE_ONLY", "ONLY", "begin with PROBE_");
    style_says("PROBE_UNSPECIFIED", "PROBE_NONE", "value 0 is PROBE_UNSPECIFIED");
    style_says("// What an agreement sets.", "// A service.\nservice Calls {}\n\n// What.", "knows no RPC");
}

#[test]
fn bounds_that_the_validator_could_not_use_are_reported() {
    sense_says(", class: TEXT_CLASS_IDENTIFIER", "", "a string of a strict message has a class");
    sense_says("max: 24", "max: 0", "a length of a strict message has a max");
    sense_says("min: 1, max", "min: 25, max", "min is above max");
    sense_says("[(bounds) = {count: 4}]", "", "a repeated field of a strict message has a count");
    sense_says("max: 24", "max: 24, count: 2", "a count belongs to a repeated field");
    sense_says("{count: 4}", "{count: 4, max: 9}", "a number has no length");
    sense_says(
        "uint32 first = 1",
        "uint32 first = 1 [(bounds) = {required: true}]",
        "bounds outside a strict message",
    );
    sense_says(
        "  repeated uint32 items",
        "  Loose loose = 3;\n  repeated uint32 items",
        "holds only strict messages",
    );
}

#[test]
fn rows_that_contradict_each_other_are_reported() {
    sense_says("name: \"ITEMS_MAX\"", "name: \"itemsMax\"", "names are UPPER_SNAKE");
    sense_says("items.\"", "items\"", "its doc is a sentence");
    let limit =
        "option (limit) = {name: \"ITEMS_MAX\", value: 5, unit: \"item\", doc: \"Again.\"};\noption (limit)";
    sense_says("option (limit)", limit, "two rows of one name");
    let answer = "option (answer) = {profile: PROFILE_ALIPAY, call: PLATFORM_CALL_PAY, code: \"10000\", verdict: VERDICT_DEAD};\noption (answer)";
    sense_says("option (answer)", answer, "two rows for one code");
    sense_says("verdict: VERDICT_CAPTURED", "verdict: VERDICT_UNSPECIFIED", "are all given");
    sense_says("last: \"15\"", "last: \"150\"", "digits of equal length");
    let range = "option (code_range) = {first: \"12\", last: \"18\", length_min: 9, length_max: 9, kind: CODE_KIND_ALIPAY};\noption (code_range)";
    sense_says("option (code_range)", range, "overlaps another row");
    sense_says("uint32 start = 1", "uint32 begin = 1", "timer begin: agreed timers");
    sense_says("name: \"only\"", "name: \"other\"", "the name is the value's own");
    sense_says("cashier_zh: \"唯一。\"", "", "the cashier reads something in both languages");
    sense_says(
        "cashier_zh",
        "patient_zh: \"一。\" cashier_zh",
        "the patient reads both languages or neither",
    );
    sense_says("  // The only one.\n", "", "PROBE_ONLY: no comment");
    sense_says("PROBE_ONLY = 1", "PROBE_OTHER = 2;\n  PROBE_ONLY = 1", "1 values without a meaning");
}

#[test]
fn each_break_with_the_published_version_is_reported() {
    compat_says("uint32 first = 1", "uint32 other = 1", "number 1 reused for other");
    compat_says("uint32 first = 1", "uint64 first = 1", "type changed from uint32 to uint64");
    compat_says("uint32 first = 1", "repeated uint32 first = 1", "label changed");
    compat_says("uint32 first = 1;", "", "hispos.v1.Loose.first: removed; write `reserved 1;`");
    compat_says(
        "uint32 first = 1;\n  oneof body {",
        "oneof body {\n    uint32 first = 1;",
        "into or out of a oneof",
    );
    compat_says("option (strict) = true;", "", "option strict changed");
    compat_says("max: 24", "max: 25", "bounds changed");
    compat_says("PROBE_ONLY", "PROBE_OTHER", "number 1 reused for PROBE_OTHER");
    compat_says("name: \"only\"", "name: \"other\"", "meaning of Probe 1: was name: \"only\"");
    compat_says("value: 4", "value: 5", "limit ITEMS_MAX: was");
    compat_says("milliseconds: 9", "milliseconds: 8", "timer START: was");
    compat_says("VERDICT_CAPTURED", "VERDICT_DEAD", "answer ALIPAY PAY 10000: was");
    compat_says("length_max: 18", "length_max: 19", "code_range 10 15: was");
    compat_says(
        "// What an agreement sets.\nmessage AgreedTimers {\n  uint32 start = 1;\n}",
        "",
        "message removed",
    );
}

#[test]
fn reserved_numbers_new_fields_and_better_texts_are_no_break() {
    let published = compile(GOOD, "hispos/v1/probe.proto");
    for (from, to) in [
        ("uint32 first = 1;", "reserved 1;"),
        ("uint32 first = 1;", "uint32 first = 1;\n  uint32 third = 3;"),
        ("cashier_en: \"Only.\"", "cashier_en: \"The only one.\""),
        ("// The only one.\n", "// The only one.\n  PROBE_NEXT = 2;\n"),
    ] {
        let current = compile(&changed(from, to), "hispos/v1/probe.proto");
        assert_eq!(compat::breaks(&published, &current), Vec::<String>::new(), "{from} to {to}");
    }
}

#[test]
fn names_and_numbers_are_written_as_rust_writes_them() {
    assert_eq!(emit::camel("PAID_AFTER_CANCEL"), "PaidAfterCancel");
    assert_eq!(hispos_codegen::schema::upper_snake("HisHello"), "HIS_HELLO");
    assert_eq!(emit::decimal(9_999_999_999), "9_999_999_999");
    assert_eq!(emit::decimal(2048), "2048");
}
