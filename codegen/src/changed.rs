//! What is added to the schemas or to a state table reaches every language by running the generator again.
//!
//! The additions are made here, to a copy of the schemas, and not kept as a patch: they stand wherever the schemas
//! have room for them on the day of the test.

use crate::description::Description;
use crate::language::{LANGUAGES, Language, Role};
use crate::program::Failure;
use crate::schema::Sources;
use crate::{describe, embedded, messages, project, render};
use std::collections::{BTreeMap, BTreeSet};

type Files = BTreeMap<String, String>;

const EN: &str = "Tried \"in vain\".";
const ZH: &str = "已试“一次”。";
const DOES: &str = "Does what nobody did before.";

/// Of each language: the files that hold tables and rules, and of message classes what a program writes of the field.
const HOLDERS: [(&str, &[&str], &str); 3] = [
    ("go", &["README.md", "hispos/rules.go", "hispos/tables.go"], "GetTriedRoom()"),
    (
        "java",
        &[
            "README.md",
            "link/src/main/java/hispos/client/Labels.java",
            "link/src/main/java/hispos/client/Limits.java",
            "link/src/main/java/hispos/client/Rules.java",
            "link/src/main/java/hispos/client/Texts.java",
            "link/src/main/java/hispos/client/Transitions.java",
        ],
        "TRIED_ROOM_FIELD_NUMBER",
    ),
    (
        "python",
        &["README.md", "hispos_client/rules.py", "hispos_client/tables.py"],
        "TRIED_ROOM_FIELD_NUMBER",
    ),
];

/// The schemas, and the protocol that they describe with the state tables.
fn as_it_is() -> (Sources, Description) {
    (embedded::schemas().unwrap(), describe::embedded().unwrap())
}

/// The same with a field, a limit, a label, a code and a transition more.
fn with_additions() -> (Sources, Description) {
    let (mut sources, description) = as_it_is();
    let core = description.messages.iter().find(|item| item.name.written == "OrderCore").unwrap();
    let number = core.fields.iter().map(|field| field.number).max().unwrap() + 1;
    let field = format!(
        "\n  // The room that was tried.\n  \
         string tried_room = {number} [(bounds) = {{min: 3, max: 77, class: TEXT_CLASS_TEXT}}];"
    );
    behind(&mut sources, "message OrderCore {", &field);
    let rows = "\noption (limit) = {name: \"TRIED_MAX\", value: 4711, unit: \"try\", doc: \"Greatest number of tries.\"};\
                \noption (label) = {name: \"TRIED\", text: \"hispos/1 tried\", doc: \"Begins a try.\"};";
    // Before the first row of each table: a list of some language ends its last row in its own way.
    let first = "option (limit) = {name: \"FRAME_BYTES_MIN\"";
    before(&mut sources, first, &format!("{}\n", rows.trim_start()));
    let codes = description.enums.iter().find(|item| item.name.written == "RejectCode").unwrap();
    let code = codes.values.iter().map(|value| value.number).max().unwrap() + 1;
    let (en, zh) = (EN.replace('"', "\\\""), ZH);
    let value = format!(
        "\n  // Was tried.\n  REJECT_CODE_TRIED = {code} [(meaning) = {{name: \"tried\", money: MONEY_NONE, \
         cashier_en: \"{en}\", cashier_zh: \"{zh}\"}}];"
    );
    behind(&mut sources, "REJECT_CODE_UNSPECIFIED = 0;", &value);
    let described = describe::whole(sources.clone(), |name| {
        let table = embedded::state_table(name)?;
        Ok(if name == "pos.tsv" { with_transition(&table, &description) } else { table })
    });
    (sources, described.unwrap())
}

fn behind(sources: &mut Sources, anchor: &str, addition: &str) {
    replace(sources, anchor, &format!("{anchor}{addition}"));
}

fn before(sources: &mut Sources, anchor: &str, addition: &str) {
    replace(sources, anchor, &format!("{addition}{anchor}"));
}

/// Replaces what stands once, in one schema.
fn replace(sources: &mut Sources, anchor: &str, by: &str) {
    let found: usize = sources.0.values().map(|text| text.matches(anchor).count()).sum();
    assert_eq!(found, 1, "{anchor}");
    sources.0.values_mut().for_each(|text| *text = text.replace(anchor, by));
}

/// The table of the POS with a first line that it has not yet.
fn with_transition(table: &str, description: &Description) -> String {
    let pos = &description.states.iter().find(|states| states.role == "pos").unwrap().states;
    let event = &pos.events.first().unwrap().word;
    let mut pairs = pos.states.iter().flat_map(|state| pos.states.iter().map(move |next| (state, next)));
    let (state, next) = pairs.find(|(state, next)| !pos.has(&state.word, event, &next.word)).unwrap();
    let (state, next) = (&state.word, &next.word);
    let (head, rows) = table.split_once('\n').unwrap();
    format!("{head}\n{state}\t{event}\t{next}\t{DOES}\n{rows}")
}

fn rendered(language: &Language, role: Role, description: &Description) -> Files {
    let files = render::files(language, role, description).unwrap();
    files.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
}

/// The lines that a text has more than another, in place; nothing if it lacks a line of the other.
fn added<'a>(old: &str, new: &'a str) -> Option<Vec<&'a str>> {
    let mut old = old.lines().peekable();
    let more = new.lines().filter(|line| old.next_if_eq(line).is_none()).collect();
    old.next().is_none().then_some(more)
}

#[test]
fn what_is_added_to_the_schemas_reaches_every_language_and_changes_nothing_else() {
    let ((_, old), (_, new)) = (as_it_is(), with_additions());
    let quoted = EN.replace('"', "\\\"");
    for (language, role) in
        LANGUAGES.iter().flat_map(|one| [Role::His, Role::Pos, Role::Both].map(|role| (one, role)))
    {
        let (_, holders, _) = HOLDERS.iter().find(|(id, ..)| *id == language.id).unwrap();
        let (old, new) = (rendered(language, role, &old), rendered(language, role, &new));
        assert_eq!(old.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>());
        let changed: BTreeSet<&str> =
            new.iter().filter(|(path, text)| old[*path] != **text).map(|(path, _)| path.as_str()).collect();
        let expected: BTreeSet<&str> = holders.iter().copied().collect();
        assert_eq!(changed, expected, "{} {role:?}", language.id);
        let mut more = String::new();
        for path in changed {
            let lines = added(&old[path], &new[path]);
            let lines = lines.unwrap_or_else(|| panic!("{} {role:?}: {path} lost a line", language.id));
            more += &(lines.join("\n") + "\n");
        }
        for wanted in ["77", "4711", "hispos/1 tried", quoted.as_str(), ZH, DOES] {
            assert!(more.contains(wanted), "{} {role:?}: no {wanted} in\n{more}", language.id);
        }
        assert!(more.lines().count() < 60, "{} {role:?}: more than was added:\n{more}", language.id);
    }
}

#[test]
fn a_field_that_is_added_has_its_constant_in_the_message_classes_of_every_language() {
    let (sources, _) = with_additions();
    for language in LANGUAGES {
        let (_, _, constant) = HOLDERS.iter().find(|(id, ..)| *id == language.id).unwrap();
        let folder = tempfile::tempdir().unwrap();
        match messages::write(language, sources.clone(), folder.path()) {
            Ok(()) => {}
            // A machine without a language's plugin makes no client of it either.
            Err(Failure::Missing(_)) => continue,
            Err(Failure::Broken(error)) => panic!("{}: {error}", language.id),
        }
        let classes = project::read(folder.path()).unwrap();
        let has = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).contains(constant);
        assert!(classes.values().any(has), "{}: no {constant}", language.id);
    }
}

/// What people wrote takes its constants from the tables: a copy would stay behind when the schemas change.
#[test]
fn no_template_has_a_text_or_a_label_of_its_own() {
    let (_, description) = as_it_is();
    let meanings =
        description.enums.iter().flat_map(|item| &item.values).filter_map(|value| value.meaning.as_ref());
    let texts = meanings.flat_map(|meaning| [&meaning.cashier_en, &meaning.cashier_zh]);
    // A label of one word is no sign of a copy.
    let labels = description.labels.iter().map(|label| &label.text).filter(|text| text.contains([' ', '/']));
    let rows: Vec<String> = texts.chain(labels).map(|text| format!("\"{text}\"")).collect();
    for (path, bytes) in embedded::TEMPLATES.iter().filter(|(path, _)| !path.to_lowercase().contains("test"))
    {
        let text = String::from_utf8_lossy(bytes);
        let copy = rows.iter().find(|row| text.contains(row.as_str()));
        assert_eq!(copy, None, "{path}");
    }
}
