//! Books that went back, lost or replaced.

use hispos::catalogue::Status;
use hispos::ids::OrderNo;
use hispos::link::PosEvent;
use hispos::link::his::{HisAlarm, OrderRefusal};
use hispos::link::pos::{OrderEvent, PosAlarm};
use hispos::platform::Channel;
use hispos_sim::history::Moving;
use hispos_sim::nodes::Machine;
use hispos_sim::plan::Fault;
use hispos_sim::script::Passage;
use hispos_sim::story::Story;

use crate::scene::{FEN, Scene, s};

/// A payment that is captured at the platform, and whose journal says `paying`.
fn captured() -> (Scene, OrderNo) {
    let mut scene = Scene::open();
    scene.paid(0, "bill-1", Channel::Alipay);
    scene.pass(s(70));
    let order_no = scene.collect(0, "bill-0");
    scene.scan(0, Channel::Wechat, Story::PaidSilently);
    scene.until(s(2), "the capture", |scene| scene.held(&order_no) > 0);
    assert_eq!(scene.journal(0, &order_no).unwrap().state, "paying");
    (scene, order_no)
}

fn journal_alarms(scene: &Scene) -> usize {
    let alarm = PosEvent::Order(OrderEvent::Alarm(PosAlarm::JournalWentBack));
    scene.pos_told().iter().filter(|(_, event)| *event == alarm).count()
}

fn paid_once(mut scene: Scene, order_no: &OrderNo) {
    scene.ends(s(1_200), order_no, "paid", Status::Paid);
    assert_eq!(scene.written(Moving::Pay).len(), 2, "one for each order");
    assert_eq!(scene.captures(order_no).len(), 1);
    scene.agree();
}

//= spec-crate/spec/orders.md#runs-boots-and-intact-journals
//= type=test
//# A POS MUST take its journal for intact for an order exactly if the order's row is not marked `not_intact`,
//# and either the present run accepted the order, or the present boot is that of the row, a Sync has come in
//# the present run, and no Sync of the present run showed an anchor that the journal does not contain.
#[test]
fn journal_one_commit_short_after_a_power_loss_has_forgotten_the_pay_and_asks_the_platform() {
    let (mut scene, order_no) = captured();
    scene.strike(Fault::JournalBack(0, 1, true));
    assert_eq!(scene.journal(0, &order_no).unwrap().state, "wait_code", "the attempt is forgotten");
    paid_once(scene, &order_no);
}

//= spec-crate/spec/orders.md#runs-boots-and-intact-journals
//= type=test
//# A POS program MUST draw a new run of 4 random bytes at each start and tell it in SessionReady.
//= spec-crate/spec/orders.md#querying
//= type=test
//# A POS MUST answer a QueryOrder with reject `malformed` (501) if the number is no order number, with
//# NoRecord and the present run if the number is not known here, with reject `conflict` (505) as in ORD-90 if
//# the hash differs, and otherwise with the signed result or OrderState.
//= spec-crate/spec/orders.md#looking-up
//= type=test
//# A POS MUST answer a LookUp by the first of the following that applies: reject `malformed` (501) if the
//# core is malformed in any way; reject `conflict` (505) if the number is known with other bytes; reject
//# `merchant` (509) if the credentials of a merchant of PAY-32 are not held; the signed result if the order
//# has ended here, `fresh` is not set and no look at it runs; if it is its own order and has not ended, the
//# reaction of ORD-98; if it is its own order and not known, a stored row in Asking that is marked
//# `not_intact`; and otherwise a look, one at most for an order, answered by OrderState with stage `looking`.
#[test]
fn journal_restored_from_an_image_with_a_reboot_has_forgotten_the_order_and_asks_the_platform() {
    let (mut scene, order_no) = captured();
    scene.strike(Fault::JournalBack(0, 4, true));
    assert_eq!(scene.journal(0, &order_no), None);
    scene.until(s(60), "the look", |scene| scene.journal(0, &order_no).is_some());
    assert!(!scene.journal(0, &order_no).unwrap().intact);
    paid_once(scene, &order_no);
}

//= spec-crate/spec/orders.md#runs-boots-and-intact-journals
//= type=test
//# A POS to which a Sync shows an anchor that its journal does not contain MUST mark every order that has not
//# ended as `not_intact` and raise an alarm.
//= spec-crate/spec/orders.md#sync
//= type=test
//# A POS MUST look for the anchor that a Sync shows in its journal by the rule of [books.md](books.md), where
//# an absent anchor and one that belongs to a declared step back count as contained.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A HIS MUST keep the latest anchor of a journal for each device, and a POS that of a ledger for each site,
//# so that anchors of two sites are never compared.
//= spec-crate/spec/books.md#a-journal-that-went-back
//= type=test
//# A POS whose journal does not contain the anchor of a Sync MUST raise an alarm, act as ORD-61 says, and go
//# on under the same book id until a person declares the restore.
#[test]
fn journal_restored_from_an_image_without_a_reboot_is_noticed_by_the_anchor_and_asks_the_platform() {
    let (mut scene, order_no) = captured();
    scene.strike(Fault::JournalBack(0, 8, false));
    assert_eq!(scene.journal(0, &order_no), None);
    scene.until(s(60), "the look", |scene| scene.journal(0, &order_no).is_some());
    assert_eq!(journal_alarms(&scene), 1);
    scene.forgetful = true;
    paid_once(scene, &order_no);
}

//= spec-crate/spec/books.md#a-journal-that-went-back
//= type=test
//# A POS on which a person declares a restore of the journal MUST, in one transaction, write the BookStart of
//# BOK-21 and mark every order that has not ended as `not_intact`.
//= spec-crate/spec/books.md#a-journal-that-went-back
//= type=test
//# A POS MUST allow a declared restore only while no program serves orders from that journal.
#[test]
fn somebody_comes_for_a_journal_that_went_back_and_declares_its_restore_while_the_program_is_stopped() {
    let (mut scene, order_no) = captured();
    scene.world.script.restart_after = Some(s(5));
    let book = |scene: &Scene| scene.world.pos[0].book.anchor().book;
    let before = book(&scene);
    scene.strike(Fault::JournalBack(0, 8, false));
    scene.until(s(60), "the alarm", |scene| journal_alarms(scene) == 1);
    assert!(scene.world.pos[0].up && book(&scene) == before, "it goes on under the same id");
    scene.pass(s(1));
    let open = scene.collect(0, "bill-2");
    scene.scan(0, Channel::Wechat, Story::NeverTyped);
    scene.pass(s(2));
    scene.network(|_, _| Passage { there: None, back: None, instead: None });
    assert!(scene.journal(0, &open).unwrap().intact);
    scene.until(s(130), "the declaration", |scene| book(scene) != before);
    assert!(!scene.world.pos[0].up, "declared while its program runs");
    assert!(!scene.journal(0, &open).unwrap().intact);
    scene.until(s(6), "its next start", |scene| scene.world.pos[0].up);
    scene.network(|_, _| Passage::GOOD);
    scene.forgetful = true;
    scene.until(s(1_200), "the end", |scene| scene.ledger(&open).unwrap().state == "not_paid");
    scene.ends(s(1_200), &order_no, "paid", Status::Paid);
    scene.pass(s(600));
    // It had grown beyond the record that HIS holds an anchor of before it was declared: BOK-22 does not count that
    // anchor as declared, so there is one more alarm, and behind it HIS holds one of the new id.
    assert_eq!(journal_alarms(&scene), 2);
    scene.agree();
}

//= spec-crate/spec/orders.md#sync
//= type=test
//# A POS MUST look for the anchor that a Sync shows in its journal by the rule of [books.md](books.md), where
//# an absent anchor and one that belongs to a declared step back count as contained.
#[test]
fn journal_that_is_lost_is_noticed_and_the_platform_is_asked() {
    let (mut scene, order_no) = captured();
    scene.strike(Fault::JournalLost(0));
    scene.until(s(60), "the look", |scene| scene.journal(0, &order_no).is_some());
    assert_eq!(journal_alarms(&scene), 1);
    assert!(!scene.journal(0, &order_no).unwrap().intact);
    scene.forgetful = true;
    paid_once(scene, &order_no);
}

/// How many records lie between a moment and now.
fn records(scene: &Scene) -> u64 {
    scene.world.his.book.records()
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST send ListOrders after each Sync, from the place up to which the ledger has the device's list,
//# and ask page after page until one says that there are no more.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST open an orphan row in Attention for an item whose number has no row and that has an authentic
//# result, keep the result as evidence, and open its capture rows without a bill.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST make no order of a bill while an orphan that the bill has not adopted has one of the bill's
//# next 16 numbers.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST, when a bill adopts an orphan, set its bill, give its captures that bill, make a collect the
//# bill's present order and raise the bill's count of orders by 1, end it as its newest evidence with its
//# hash and amount says by ORD-194 or put it in Asking if there is none, post it as ORD-241 says, and book or
//# release a refund in its original's capture row as ORD-206 and ORD-207 say, in one transaction.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A POS MUST put into each item the sequence number of the order's latest record, the core, and the latest
//# result with its signature and disposition or the stage.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST make no order, collect or refund, while the site row is waiting, and end the waiting when
//# FULL_LEASE + the largest T_QUIET of all agreements held has passed since its program started, with a
//# record of that.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST begin the wait anew at each start of its program until it has run out once.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS MUST, while the site row is pulling, make no order before the list of every device of the device
//# manifest has been pulled to its end by a pull that began after the wait was over.
#[test]
fn ledger_restored_from_backup_makes_no_order_until_its_wait_is_over_and_adopts_what_it_had_forgotten() {
    let mut scene = Scene::open();
    scene.paid(0, "bill-1", Channel::Alipay);
    let backup = records(&scene);
    let order_no = scene.paid(0, "bill-0", Channel::Wechat);
    scene.strike(Fault::LedgerBack(records(&scene) - backup, true));
    scene.world.people.again.clear();
    assert_eq!(scene.ledger(&order_no), None, "forgotten");
    scene.until(s(60), "a session", |scene| scene.ready(0) && scene.ready(1));
    let refused = scene.try_collect(1, "bill-0");
    assert!(matches!(refused, Err(OrderRefusal::Restoring { seconds: 300..=392, .. })), "{refused:?}");
    // The wait begins anew with the program.
    scene.pass(s(250));
    scene.strike(Fault::Killed(Machine::His));
    scene.until(s(60), "a session", |scene| scene.ready(0) && scene.ready(1));
    let refused = scene.try_collect(1, "bill-0");
    assert!(matches!(refused, Err(OrderRefusal::Restoring { seconds: 300..=392, .. })), "{refused:?}");
    // The terminal's list brings the order back; until the bill adopts it, it stands in the way.
    scene.pass(s(420));
    assert!(scene.his_alarms().contains(&HisAlarm::Orphan { order_no: order_no.clone() }));
    let orphan = OrderRefusal::Orphan { order_no: order_no.as_str().into() };
    assert_eq!(scene.try_collect(1, "bill-0"), Err(orphan));
    scene.look_after();
    let order = scene.ledger(&order_no).unwrap();
    assert_eq!((order.state, order.orphan, order.status), ("paid", false, Status::Paid.code()));
    assert!(matches!(scene.try_collect(1, "bill-0"), Err(OrderRefusal::BillCaptured { .. })));
    assert_eq!(scene.held(&order_no), FEN as u64);
    scene.agree();
}

//= spec-crate/spec/orders.md#sync
//= type=test
//# A HIS MUST look for the ledger anchor of a SyncReply in its ledger, and raise an alarm and ask and make
//# nothing about orders on any link if the ledger does not contain it, until a step back is declared.
//= spec-crate/spec/orders.md#sync
//= type=test
//# A POS MUST answer Sync with the anchor of the latest durable record of its journal and with the latest
//# anchor of the site's ledger, both as they were before this Sync.
//= spec-crate/spec/orders.md#sync
//= type=test
//# A HIS and a POS MUST store the anchor of the other side's book that comes with a Sync, SyncReply, Ping,
//# Pong, ReportResult or ConfirmResult, unless it is absent or is of the same book as the stored one and not
//# above its sequence number.
//= spec-crate/spec/books.md#a-ledger-that-went-back
//= type=test
//# A HIS whose ledger does not contain the anchor of a SyncReply MUST raise an alarm, stop making and asking
//# orders on all links, and go on only after a person has declared the restore.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A HIS MUST keep the latest anchor of a journal for each device, and a POS that of a ledger for each site,
//# so that anchors of two sites are never compared.
//= spec-crate/spec/books.md#rows-of-the-journal
//= type=test
//# A POS MUST keep the latest ledger anchor in the peer row of the site.
#[test]
fn ledger_restored_without_a_word_is_noticed_by_the_anchor_of_the_first_terminal() {
    let mut scene = Scene::open();
    scene.paid(0, "bill-1", Channel::Alipay);
    let backup = records(&scene);
    let order_no = scene.paid(0, "bill-0", Channel::Wechat);
    scene.strike(Fault::LedgerBack(records(&scene) - backup, false));
    scene.world.people.again.clear();
    scene.until(s(60), "the alarm", |scene| scene.his_alarms().contains(&HisAlarm::LedgerWentBack));
    scene.until(s(60), "sessions", |scene| scene.ready(0) && scene.ready(1));
    assert!(matches!(scene.try_collect(1, "bill-0"), Err(OrderRefusal::Restoring { .. })));
    scene.pass(s(420));
    scene.look_after();
    assert_eq!(scene.ledger(&order_no).unwrap().state, "paid");
    scene.agree();
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST open an orphan row in Asking for an item whose number has no row and that brings no authentic
//# result, with a lease end of now + FULL_LEASE, and ask about it like about every order in Asking.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST, when a bill adopts an orphan, set its bill, give its captures that bill, make a collect the
//# bill's present order and raise the bill's count of orders by 1, end it as its newest evidence with its
//# hash and amount says by ORD-194 or put it in Asking if there is none, post it as ORD-241 says, and book or
//# release a refund in its original's capture row as ORD-206 and ORD-207 say, in one transaction.
#[test]
fn ledger_restored_while_its_forgotten_order_is_open_ends_it_by_asking_and_charges_once() {
    let mut scene = Scene::open();
    scene.paid(0, "bill-1", Channel::Alipay);
    let backup = records(&scene);
    let order_no = scene.collect(0, "bill-0");
    scene.strike(Fault::LedgerBack(records(&scene) - backup, true));
    scene.world.people.again.clear();
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.pass(s(480));
    scene.look_after();
    let order = scene.ledger(&order_no).unwrap();
    assert_eq!((order.state, order.orphan), ("paid", false));
    assert!(matches!(scene.try_collect(1, "bill-0"), Err(OrderRefusal::BillCaptured { .. })));
    assert_eq!(scene.written(Moving::Pay).len(), 2);
    scene.agree();
}
