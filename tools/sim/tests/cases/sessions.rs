//! Key exchanges, identities and agreements.

use hispos::catalogue::{AlertCode, Status};
use hispos::error::PeerError;
use hispos::frame::{Decoder, FrameType, Side};
use hispos::link::his::OrderRefusal;
use hispos::link::pos::{OrderEvent, PosAlarm};
use hispos::link::{HisEvent, Input, PosConfig, PosEvent, PosLink};
use hispos::message::agreement::{Account, Agreement, Terms};
use hispos::message::manifest::{Device, Manifest, Revocation};
use hispos::platform::{Ask, Channel, Merchant, Request};
use hispos::time::UnixSeconds;
use hispos::{ForeignPeer, SessionEvent};
use hispos_sim::line::Way;
use hispos_sim::nodes::Machine;
use hispos_sim::plan::Fault;
use hispos_sim::rng::Rng;
use hispos_sim::site::{self, UNIX_START};
use hispos_sim::story::Story;

use crate::foreign::Foreign;
use crate::scene::{Scene, s};

/// What was to be seen on the line of a window, and of a terminal.
fn line_told(scene: &Scene) -> (Vec<SessionEvent>, Vec<SessionEvent>) {
    let his = |(_, event)| if let HisEvent::Line(event) = event { Some(event) } else { None };
    let pos = |(_, event)| if let PosEvent::Line(event) = event { Some(event) } else { None };
    (
        scene.his_told().into_iter().filter_map(his).collect(),
        scene.pos_told().into_iter().filter_map(pos).collect(),
    )
}

fn pos_config(scene: &Scene, desk: usize) -> PosConfig {
    PosConfig {
        device_id: site::device_id(desk).unwrap(),
        device_seed: site::seed(site::DEVICE, desk),
        boot: scene.world.pos[desk].boot,
        software: "sim 1".into(),
        agreements: vec![scene.world.site.agreement.clone()],
        terminals: scene.world.site.terminals.clone(),
        merchants: scene.world.site.merchants.clone(),
    }
}

/// Another program runs in the terminal of a desk.
fn replace_terminal(scene: &mut Scene, desk: usize, config: PosConfig) {
    let clock = scene.world.clock(Machine::Pos(desk));
    let link = PosLink::new(config, Box::new(Rng::new(5, "pos")), clock).unwrap();
    scene.world.at_window(desk, |link, clock| link.handle_input(Input::Closed, clock));
    scene.world.pos_links[desk] = Some(link);
    scene.world.at_terminal(desk, |link, clock| link.handle_input(Input::Opened, clock));
    scene.world.at_window(desk, |link, clock| link.handle_input(Input::Opened, clock));
}

/// The site's devices, one of them revoked.
pub(crate) fn revoked(scene: &Scene, desk: usize, revocation: Revocation) -> Manifest<Device> {
    let mut entries = scene.world.site.devices.entries().to_vec();
    entries[desk].revocation = Some(revocation);
    Manifest::encode(2, &scene.world.site.agreement.terms().site_id, entries).unwrap()
}

pub(crate) fn import_devices(scene: &mut Scene, devices: &Manifest<Device>) {
    let agreement = scene.world.site.agreement.clone();
    for desk in 0..2 {
        let (agreements, devices) = (vec![agreement.clone()], devices.clone());
        scene.world.at_window(desk, |link, clock| link.provision(agreements, devices, clock));
    }
    scene.world.site.devices = devices.clone();
}

#[test]
fn lost_session_ready_is_sent_again_under_the_next_counter_and_the_session_comes_up() {
    let mut scene = Scene::closed();
    let mut decoder = Decoder::new(Side::His);
    let lost = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = lost.clone();
    scene.world.script.tap = Some(Box::new(move |desk, way, bytes| {
        let mut input = bytes;
        let mut record = false;
        while let Some(item) = decoder.next_frame(&mut input) {
            record |= item.is_ok_and(|frame| frame.kind == FrameType::PosRecord);
        }
        let loses = record && (desk, way) == (0, Way::Up) && count.get() < 2;
        count.set(count.get() + u32::from(loses));
        !loses
    }));
    scene.world.begin();
    scene.until(s(8), "a session", |scene| scene.ready(0));
    assert_eq!(lost.get(), 2);
    let up = |(_, event): &(u64, PosEvent)| matches!(event, PosEvent::SessionUp { terminal_id } if terminal_id == "WIN-0");
    assert_eq!(scene.pos_told().iter().filter(|told| up(told)).count(), 1, "one commit");
    scene.world.script.tap = None;
    scene.paid(0, "bill", Channel::Wechat);
    scene.agree();
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST, at each start of its program and before any link runs, set every order that has not ended to
//# Asking, with a lease end of now + FULL_LEASE, and never submit it again.
//= spec-crate/spec/orders.md#looking-up
//= type=test
//# A POS MUST end its own order that waits in WaitCode and was accepted by the present run on a LookUp as
//# ORD-110 says with `restarted` (201), and answer about an order in another state without changing it.
#[test]
fn two_his_restarts_within_a_second_leave_old_m1_and_m2_behind_and_the_order_ends() {
    let mut scene = Scene::open();
    // A serial cable: no end notices that the other one closed, and what was on its way arrives.
    scene.world.lines.iter_mut().for_each(|line| line.notices = false);
    let order_no = scene.collect(0, "bill");
    scene.world.script.restart_after = Some(200);
    scene.strike(Fault::Killed(Machine::His));
    scene.pass(450);
    assert!(scene.world.his.up);
    scene.strike(Fault::Killed(Machine::His));
    scene.pass(450);
    scene.until(s(15), "a session", |scene| scene.ready(0));
    scene.ends(s(20), &order_no, "not_paid", Status::Restarted);
    assert!(scene.at_terminal_refuses_a_code(0));
    scene.paid(0, "bill", Channel::Wechat);
    scene.agree();
}

#[test]
fn terminal_with_a_wrong_key_gets_no_session_and_the_window_says_why() {
    let mut scene = Scene::open();
    let wrong = PosConfig { device_seed: site::seed(site::DEVICE, 7), ..pos_config(&scene, 0) };
    replace_terminal(&mut scene, 0, wrong);
    scene.pass(s(20));
    let (his, pos) = line_told(&scene);
    assert!(his.contains(&SessionEvent::PeerRefused(PeerError::PeerKeyDiffers)), "{his:?}");
    assert!(pos.contains(&SessionEvent::PlainAlert(AlertCode::HandshakeFailure)), "{pos:?}");
    assert!(!scene.ready(0));
}

#[test]
fn agreement_with_the_same_number_and_another_content_is_refused_with_alert_72() {
    let mut scene = Scene::open();
    let mut terms = scene.world.site.agreement.terms().clone();
    terms.amounts.collect_max += 1;
    let other = Agreement::encode(&terms).unwrap();
    let config = PosConfig { agreements: vec![other], ..pos_config(&scene, 0) };
    replace_terminal(&mut scene, 0, config);
    scene.pass(s(20));
    let (his, pos) = line_told(&scene);
    assert!(his.contains(&SessionEvent::OfferRefused(AlertCode::Agreement)), "{his:?}");
    assert!(pos.contains(&SessionEvent::PeerRefused(PeerError::AgreementNotHeld)), "{pos:?}");
    assert!(!scene.ready(0));
}

//= spec-crate/spec/provisioning.md#certificates-of-keys
//= type=test
//# An end MUST NOT accept a device or terminal key from anything but a manifest that it has verified.
//= spec-crate/spec/provisioning.md#taking-a-manifest-over
//= type=test
//# A program MUST use a manifest that it has taken over for all new sessions and new orders from then on, and
//# a POS also to end, with sealed alert 0 (close), the live session of a terminal that the manifest revokes
//# as compromised.
#[test]
fn old_manifest_does_not_know_the_new_terminal_and_gives_it_no_session() {
    let mut scene = Scene::open();
    let entries = scene.world.site.devices.entries().to_vec();
    let site_id = scene.world.site.agreement.terms().site_id.clone();
    // The window still holds the manifest from before device POS-0 was added.
    let old = Manifest::encode(1, &site_id, entries[1..].to_vec()).unwrap();
    import_devices(&mut scene, &old);
    scene.pull(0);
    scene.pass(s(1));
    scene.plug(0);
    scene.pass(s(20));
    let (his, _) = line_told(&scene);
    assert!(his.contains(&SessionEvent::PeerRefused(PeerError::PeerUnknown)), "{his:?}");
    assert!(!scene.ready(0));
    // With the newer one it comes up; the older one is never taken again.
    let newer = Manifest::encode(2, &site_id, entries).unwrap();
    import_devices(&mut scene, &newer);
    scene.until(s(60), "a session", |scene| scene.ready(0));
    assert!(newer.check_successor(&old).is_err());
}

//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST refuse a new collect for the first of these reasons that applies: the business day is closed;
//# the wait after a step back is not over; a device's list that the step back asks for was not pulled; the
//# device is revoked or not in the manifest; a capture of the bill is not returned; a collect of the bill is
//# in any state other than NotPaid and Paid; one of the next 16 numbers has a row that the bill has not
//# adopted; the amount is not positive or above the limit.
#[test]
fn retired_device_with_money_in_flight_ends_its_order_and_gets_no_other_one() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Password(s(20)));
    scene.pass(s(5));
    let devices = revoked(&scene, 0, Revocation::Retired);
    import_devices(&mut scene, &devices);
    scene.ends(s(30), &order_no, "paid", Status::Paid);
    assert_eq!(scene.try_collect(0, "another bill"), Err(OrderRefusal::Device));
    scene.agree();
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST take an authentic result of a device that is marked as compromised for evidence only, if its
//# own calendar clock is at or after `compromised_since` or is missing.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST store every other authentic result whose number has a row as evidence of its order, once, and
//# confirm with `kept` (2).
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST open a capture row for each capture that evidence with the order's own hash tells of and that
//# has no row, but for ORD-195.
//= spec-crate/spec/security.md#losing-a-device-or-a-key
//= type=test
//# A HIS MUST, when a device is marked as compromised, have its open orders looked up at another device of
//# the site as soon as ORD-215 allows.
//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST ask another device by itself about each order in Asking whose own device is revoked, as soon as
//# ORD-215 allows it and a device that is in use has a session past Sync.
#[test]
pub(crate) fn compromised_device_with_money_in_flight_tells_evidence_only_and_another_device_ends_its_order()
{
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Password(s(20)));
    scene.pass(s(5));
    let since = UnixSeconds(UNIX_START - 3_600);
    let devices = revoked(&scene, 0, Revocation::Compromised { since });
    import_devices(&mut scene, &devices);
    scene.pass(s(40));
    let order = scene.ledger(&order_no).unwrap();
    assert_eq!((order.ended, order.evidence), (false, 1), "its result is evidence");
    assert_eq!(scene.journal(0, &order_no).unwrap().answered, Some(hispos::Disposition::Kept));
    assert_eq!(scene.captures(&order_no).len(), 1, "the money is known");
    // Nobody asks for it: the other device looks as soon as lease and quiet are over.
    scene.pass(s(300));
    assert_eq!(scene.ledger(&order_no).unwrap().state, "asking");
    scene.ends(s(200), &order_no, "paid", Status::Paid);
    scene.agree();
}

//= spec-crate/spec/key-exchange.md#authentication
//= type=test
//# A HIS MUST fail the authentication if the id of Identity is not that of the device which is bound to its
//# desk.
//= spec-crate/spec/provisioning.md#setting-up-a-site
//= type=test
//# A HIS MUST accept at a desk only the one device that a person has bound to it.
#[test]
fn cloned_spare_at_another_desk_is_refused_because_no_window_is_bound_to_it() {
    let mut scene = Scene::open();
    // The spare at desk 1 is an image of the terminal of desk 0, key and all.
    let clone = PosConfig { boot: [9; 16], ..pos_config(&scene, 0) };
    replace_terminal(&mut scene, 1, clone);
    scene.pass(s(20));
    let (his, _) = line_told(&scene);
    assert!(his.contains(&SessionEvent::PeerRefused(PeerError::PeerNotBound)), "{his:?}");
    assert!(!scene.ready(1) && scene.ready(0));
}

#[test]
fn cloned_spare_with_an_older_journal_is_noticed_and_so_is_the_original_after_it() {
    let mut scene = Scene::open();
    scene.forgetful = true;
    let alarms = |scene: &Scene| {
        let alarm = PosEvent::Order(OrderEvent::Alarm(PosAlarm::JournalWentBack));
        scene.pos_told().iter().filter(|(_, event)| *event == alarm).count()
    };
    let image = scene.world.pos[0].book.clone();
    let first = scene.paid(0, "bill-0", Channel::Wechat);
    scene.strike(Fault::Reboots(0));
    let original = std::mem::replace(&mut scene.world.pos[0].book, image);
    scene.until(s(30), "the clone's session", |scene| scene.ready(0));
    scene.pass(s(2));
    assert_eq!(alarms(&scene), 1);
    assert_eq!(scene.journal(0, &first), None);
    let second = scene.paid(0, "bill-1", Channel::Wechat);
    scene.pass(s(70));
    scene.strike(Fault::Reboots(0));
    scene.world.pos[0].book = original;
    scene.until(s(30), "the original's session", |scene| scene.ready(0));
    scene.pass(s(2));
    assert_eq!(alarms(&scene), 2);
    for paid in [&first, &second] {
        assert_eq!((scene.ledger(paid).unwrap().state, scene.captures(paid).len()), ("paid", 1));
    }
    scene.agree();
}

#[test]
fn peer_that_speaks_zvt_or_ecr17_is_told_once_and_hears_nothing() {
    let zvt = b"\x10\x02\x06\x00\x06\x12\x34\x56\xd2\x09\x78\x10\x03\x9a\x3c".to_vec();
    let ecr17 = b"\x02123456780P0000000100000012340000\x03\x41".to_vec();
    for (bytes, looks) in [(zvt, ForeignPeer::DleStx), (ecr17, ForeignPeer::EnqOrStx)] {
        for side in [Side::His, Side::Pos] {
            let mut scene = Scene::open();
            // Nothing of the session is on its way any more.
            scene.pass(s(2));
            let mut foreign = Foreign::take_over(&mut scene, 0, side);
            for _ in 0..5 {
                foreign.write_raw(&mut scene, bytes.clone());
                scene.pass(s(2));
            }
            let (his, pos) = line_told(&scene);
            let told = if side == Side::His { pos } else { his };
            assert_eq!(told, [SessionEvent::ForeignPeer(looks)], "{side:?}");
            if side == Side::His {
                // The terminal sends its opening zero and no answer to what is no frame.
                assert_eq!(foreign.heard(), [0]);
            }
            assert!(!scene.ready(0) || side == Side::His);
        }
    }
}

#[test]
fn own_echo_is_told_and_makes_no_session() {
    let mut scene = Scene::open();
    let mut loopback = Foreign::take_over(&mut scene, 0, Side::Pos);
    for _ in 0..100 {
        scene.pass(200);
        let heard = loopback.heard();
        loopback.write_raw(&mut scene, heard);
    }
    let (his, _) = line_told(&scene);
    assert!(his.contains(&SessionEvent::Echo), "{his:?}");
    assert!(!scene.ready(0));
}

/// The merchants of requests about numbers, without repeats.
fn merchants_of(scene: &Scene, wanted: impl Fn(&Ask) -> bool) -> Vec<Merchant> {
    let asked = scene.asked.borrow();
    let mut merchants: Vec<Merchant> =
        asked.iter().filter(|(_, ask)| wanted(ask)).map(|(_, ask)| ask.merchant.clone()).collect();
    merchants.sort();
    merchants.dedup();
    merchants
}

//= spec-crate/spec/provisioning.md#taking-an-agreement-over
//= type=test
//# A program MUST use the two newest agreements that it holds, or the one, for new sessions and new orders,
//# and the older ones for the orders that name them only.
//= spec-crate/spec/orders.md#time
//= type=test
//# A HIS and a POS MUST use for an order the agreed timers of the agreement whose number the order's core
//# names, for the whole life of the order.
//= spec-crate/spec/orders.md#order-numbers
//= type=test
//# A POS and a HIS MUST form the platform number of a refund's original with the site code of the agreement
//# that `refund_of.agreement_no` names, the letter `W` or `A` of `refund_of.channel`, and
//# `refund_of.order_no`.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST put into `refund_of` of a refund the original's number, the agreement number of the original's
//# core, the capture's channel, amount and payment number, both people, and the reason.
//= spec-crate/spec/orders.md#the-core
//= type=test
//# A POS MUST ask for and move the money of a collect only at the merchants of the agreement that its core
//# names, but for the questions of PAY-37, and of a refund only at the merchant of the original's agreement.
#[test]
fn merchant_changed_by_a_new_agreement_leaves_the_open_order_and_its_refund_at_the_old_one() {
    let mut scene = Scene::open();
    let first = scene.world.site.agreement.clone();
    let second = Agreement::encode(&Terms {
        agreement_no: 2,
        wechat: Some(Account { id: "1900000777".into(), sub_id: None }),
        ..first.terms().clone()
    })
    .unwrap();
    let (old, new) = (first.merchant(Channel::Wechat).unwrap(), second.merchant(Channel::Wechat).unwrap());
    let order_no = scene.collect(0, "bill");
    let agreements = vec![second.clone(), first.clone()];
    let merchants: Vec<Merchant> = scene.world.site.merchants.iter().cloned().chain([new.clone()]).collect();
    let (devices, terminals) = (scene.world.site.devices.clone(), scene.world.site.terminals.clone());
    let held = agreements.clone();
    scene.world.at_window(0, |link, clock| link.provision(held, devices, clock));
    scene.world.at_terminal(0, |link, clock| link.provision(agreements, terminals, merchants, clock));
    scene.pass(s(2));
    scene.scan(0, Channel::Wechat, Story::Password(s(10)));
    scene.ends(s(30), &order_no, "paid", Status::Paid);
    let of_order = |ask: &Ask, order_no: &hispos::ids::OrderNo| {
        ask.merchant.channel == Channel::Wechat
            && ask.number.as_ref().and_then(hispos::ids::PlatformNumber::order_no).as_ref() == Some(order_no)
    };
    assert_eq!(merchants_of(&scene, |ask| of_order(ask, &order_no)), std::slice::from_ref(&old));
    // The next session is under the new agreement, and so is the next order.
    scene.pull(0);
    scene.pass(s(5));
    scene.plug(0);
    scene.until(s(20), "a session", |scene| scene.ready(0));
    scene.pass(s(70));
    let next = scene.paid(0, "another bill", Channel::Wechat);
    let pays = |ask: &Ask| of_order(ask, &next) && matches!(ask.request, Request::Pay { .. });
    assert_eq!(merchants_of(&scene, pays), [new]);
    let refund = scene.try_refund(0, &order_no, "", 1_234).unwrap();
    scene.ends(s(20), &refund, "refunded", Status::Refunded);
    let refunds = |ask: &Ask| matches!(ask.request, Request::Refund { .. });
    assert_eq!(merchants_of(&scene, refunds), [old]);
    scene.agree();
}
