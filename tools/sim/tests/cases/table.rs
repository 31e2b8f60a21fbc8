//! The table of cases names tests that exist, and every test of this folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const TABLE: &str = "spec-crate/spec/cases.md";
const FOLDER: &str = "tools/sim/tests/cases";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the tests of a file.
fn tests_of(text: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if let Some(rest) =
            line.trim_start_matches("pub(crate) ").strip_prefix("fn ").filter(|_| marked)
        {
            tests.extend(rest.split('(').next().map(str::to_owned));
            marked = false;
        }
    }
    tests
}

/// The rows of the table: a case, and its tests as path and name.
fn rows(table: &str) -> Vec<(String, Vec<(String, String)>)> {
    let lines = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case "));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let tests = cells[1].split("<br>").map(|test| test.trim_matches('`').split_once("::").unwrap());
            (cells[0].to_owned(), tests.map(|(path, name)| (path.to_owned(), name.to_owned())).collect())
        })
        .collect()
}

#[test]
fn every_case_of_the_table_has_a_test_that_exists() {
    let rows = rows(&read(TABLE));
    assert!(rows.len() >= 60, "{} cases", rows.len());
    let mut missing = Vec::new();
    for (case, tests) in rows {
        for (path, name) in tests {
            if !tests_of(&read(&path)).contains(&name) {
                missing.push(format!("{case}: {path}::{name}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "named in {TABLE} and not there");
}

#[test]
fn every_conversation_of_this_folder_is_in_the_table() {
    let named: BTreeSet<(String, String)> =
        rows(&read(TABLE)).into_iter().flat_map(|(_, tests)| tests).collect();
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(root().join(FOLDER)).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{FOLDER}/{file}");
        for name in tests_of(&read(&path)) {
            if !["table.rs", "states.rs"].contains(&file.as_str())
                && !named.contains(&(path.clone(), name.clone()))
            {
                missing.push(format!("{path}::{name}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "not named in {TABLE}");
}

const ORDERS: &str = "tools/sim/tests/cases/orders.rs";
const PLATFORM: &str = "tools/sim/tests/cases/platform.rs";
const REFUNDS: &str = "tools/sim/tests/cases/refunds.rs";
const BOOKS: &str = "tools/sim/tests/cases/books.rs";
const HOSTILE_HIS: &str = "tools/sim/tests/cases/hostile_his.rs";
const HOSTILE_POS: &str = "tools/sim/tests/cases/hostile_pos.rs";

//= spec-crate/spec/losses.md#how-payment-links-lose-money
//# An implementation MUST have a test for each section of this chapter that can happen to the roles that it
//# has.
/// A test for each way in which payment links lost money.
const LOSSES: [(&str, &str, &str); 24] = [
    (
        "The result is lost and the money is taken",
        ORDERS,
        "lost_acknowledgements_many_times_end_an_order_once_and_cost_only_repeats",
    ),
    (
        "The first reader eats the result",
        HOSTILE_HIS,
        "result_is_repeated_to_a_his_that_never_answers_and_stays_the_same",
    ),
    (
        "Nobody can tell a repeat from a new sale",
        ORDERS,
        "same_order_sent_again_and_again_with_the_same_content_is_accepted_once_and_paid_once",
    ),
    (
        "The late answer is taken for the next sale",
        HOSTILE_POS,
        "answer_about_the_last_sale_to_the_next_sales_request_ends_the_last_sale_only",
    ),
    (
        "The link layer repeats a payment",
        PLATFORM,
        "paid_answer_that_is_lost_is_found_out_by_a_query_and_nothing_is_paid_again",
    ),
    ("The refund hits another payment", REFUNDS, "refund_of_the_wrong_original_is_not_done"),
    (
        "The last patient's amount is still armed",
        ORDERS,
        "pos_that_freezes_with_a_waiting_order_and_thaws_minutes_later_takes_no_code_for_it",
    ),
    ("Half an answer", "spec-crate/tests/it/frame.rs", "frame_split_at_every_byte_is_the_same_frame"),
    (
        "A check that does not check",
        "spec-crate/src/session/tests/bad_input.rs",
        "every_flip_and_truncation_on_the_wire_is_a_drop_of_the_line_and_nothing_else_happens",
    ),
    (
        "Encryption that protects little",
        HOSTILE_HIS,
        "plaintext_after_the_keys_is_dropped_as_forged_and_the_session_lives",
    ),
    (
        "Two payments for one checkout",
        "spec-crate/src/order_flow/pos/tests/collecting.rs",
        "one_pay_is_written_for_an_order_at_its_own_number_and_not_from_the_start_instant_on",
    ),
    ("Success after cancel", ORDERS, "abort_racing_success_is_paid_after_cancel_in_all_three_books"),
    (
        "Failed, although it succeeded",
        ORDERS,
        "terminal_that_sleeps_while_the_patient_types_finds_the_capture_when_it_wakes",
    ),
    ("State in memory", ORDERS, "storage_full_after_the_pay_tells_nothing_and_the_restart_finds_the_capture"),
    (
        "Reversed while the patient leaves with the goods",
        PLATFORM,
        "order_paid_while_it_is_being_reversed_is_paid_after_cancel_and_only_behind_the_fence",
    ),
    (
        "The reverse that was refused, or did nothing",
        PLATFORM,
        "reverse_answered_still_paying_is_repeated_behind_a_query_each_time",
    ),
    (
        "The absence that was not one",
        PLATFORM,
        "pay_request_that_the_network_delivers_late_is_not_called_dead_before_its_fence",
    ),
    (
        "Refunded twice",
        REFUNDS,
        "refund_twice_of_the_same_item_is_refused_while_the_first_is_open_and_when_nothing_is_left",
    ),
    (
        "The backup that charged everybody again",
        BOOKS,
        "ledger_restored_from_backup_makes_no_order_until_its_wait_is_over_and_adopts_what_it_had_forgotten",
    ),
    (
        "The terminal that forgot",
        BOOKS,
        "journal_restored_from_an_image_with_a_reboot_has_forgotten_the_order_and_asks_the_platform",
    ),
    ("The clock that ran ahead", ORDERS, "calendars_that_jump_move_no_deadline_and_no_money"),
    (
        "Paid, but not posted",
        "spec-crate/src/order_flow/his/tests.rs",
        "a_refund_that_fails_for_good_gives_the_payment_back_to_posting",
    ),
    (
        "The wrong wallet, the wrong code",
        "reference-pos/src/payment/codes.rs",
        "every_code_of_the_list_is_what_it_is",
    ),
    (
        "Fraud with refunds",
        "spec-crate/src/message/order/tests.rs",
        "a_refund_needs_two_people_a_known_channel_and_an_original_that_is_large_enough",
    ),
];

//= spec-crate/spec/losses.md#how-payment-links-lose-money
//= type=test
//# An implementation MUST have a test for each section of this chapter that can happen to the roles that it
//# has.
#[test]
fn every_way_of_losing_money_has_a_test_that_exists() {
    let chapter = read("spec-crate/spec/losses.md");
    let told: Vec<&str> = chapter.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(told, LOSSES.map(|(section, ..)| section));
    for (section, path, name) in LOSSES {
        assert!(tests_of(&read(path)).contains(name), "{section}: {path}::{name}");
    }
}
