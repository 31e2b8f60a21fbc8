//! Business days at the desk.

use hispos::catalogue::Status;
use hispos::message::result::Outcome;
use hispos::platform::Channel;
use hispos::time::UnixSeconds;

use super::{PAID, Rig, SENT};
use crate::api::types::{Day, TaskKind};
use crate::desk::DeskError;
use crate::events::Happening;
use crate::link::Command;

const DAY: u32 = 20_260_131;

async fn rig() -> Rig {
    let rig = Rig::new();
    let clock = hispos::time::Clock { unix: Some(UnixSeconds(1_800_000_000)), ..rig.desk.clock() };
    rig.ledger.commit(hispos::ledger::born("S", clock)).await.unwrap();
    rig
}

async fn close(rig: &Rig, day: u32, with_open: &[&str]) -> Result<Day, String> {
    let with_open = with_open.iter().map(|order_no| (*order_no).to_owned()).collect();
    rig.desk.close_day(day, with_open, "zhang".into()).await.map_err(|error| match error {
        DeskError::Refused { text, .. } => text,
        other => format!("{other:?}"),
    })
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A HIS MUST make no order for a business day that is closed, and close a day with orders that have not
//# ended only together with the list of them.
//= spec-crate/spec/orders.md#totals
//= type=test
//# A HIS MUST show a change to a closed day as a new revision of that day beside the closing, and keep every
//# earlier revision as a record of its ledger.
#[tokio::test(start_paused = true)]
async fn a_day_closes_with_its_open_orders_and_a_later_end_is_a_new_revision() {
    let rig = rig().await;
    rig.write("BA", "B1", 100, PAID, Some((Outcome::Paid, Status::Paid))).await;
    rig.write("BB", "B2", 250, SENT, None).await;
    let refused = close(&rig, DAY, &[]).await.unwrap_err();
    assert!(refused.contains("BB"), "{refused}");
    assert!(close(&rig, DAY, &["BA", "BB"]).await.unwrap_err().contains("BA"));
    assert!(rig.desk.day(DAY).await.unwrap().closed.is_none(), "nothing was changed");
    let day = close(&rig, DAY, &["BB"]).await.unwrap();
    let closed = day.closed.unwrap();
    assert_eq!(
        (closed.revision, closed.by.as_str(), closed.open.as_slice()),
        (1, "zhang", &["BB".into()][..])
    );
    assert_eq!(day.latest, None);
    assert!(close(&rig, DAY, &["BB"]).await.unwrap_err().contains("closed already"));
    // The server hears of the end, and nobody has to look.
    let (watching, (_, mut heard)) = (rig.desk.clone(), rig.desk.events().listen(None));
    let watch = tokio::spawn(async move { watching.watch_days().await });
    tokio::task::yield_now().await;
    rig.end("BB", PAID, Outcome::Paid, Status::Paid).await;
    rig.desk.events().publish(Happening::Order(rig.desk.order("BB").await.unwrap().unwrap()));
    let revision = loop {
        if let Happening::Day { day, revision } = &heard.recv().await.unwrap().happening {
            break (*day, *revision);
        }
    };
    assert_eq!(revision, (DAY, 2));
    watch.abort();
    let day = rig.desk.day(DAY).await.unwrap();
    let (closed, latest) = (day.closed.unwrap(), day.latest.unwrap());
    assert_eq!((closed.totals.rows[0].fen, latest.totals.rows[0].fen), (100, 350));
    assert_eq!((closed.totals.open, latest.totals.open), (1, 0));
    assert_eq!(latest.totals, day.totals);
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A HIS MUST show a change to a closed day as a new revision of that day beside the closing, and keep every
//# earlier revision as a record of its ledger.
#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_watched_is_a_revision_at_the_next_start() {
    let rig = rig().await;
    rig.write("BB", "B2", 250, SENT, None).await;
    close(&rig, DAY, &["BB"]).await.unwrap();
    rig.end("BB", PAID, Outcome::Paid, Status::Paid).await;
    let rig = rig.restarted().await;
    let watching = rig.desk.clone();
    let (_, mut heard) = rig.desk.events().listen(None);
    let watch = tokio::spawn(async move { watching.watch_days().await });
    let told = heard.recv().await.unwrap();
    assert!(matches!(told.happening, Happening::Day { day: DAY, revision: 2 }), "{told:?}");
    watch.abort();
}

#[tokio::test(start_paused = true)]
async fn a_day_that_is_not_over_or_no_date_is_refused() {
    let rig = rig().await;
    assert!(close(&rig, 20_260_201, &[]).await.unwrap_err().contains("not over"));
    assert!(close(&rig, 20_260_230, &[]).await.unwrap_err().contains("no date"));
    assert!(matches!(rig.desk.day(20_260_230).await, Err(DeskError::Malformed(_))));
}

//= spec-crate/spec/orders.md#totals
//= type=test
//# A HIS that closes business days MUST compare its own sums and digest of a day and device with those of the
//# device, at the device that signed each accepted result, before it calls the day equal.
#[tokio::test(start_paused = true)]
async fn differences_between_the_ledger_and_a_terminal_are_marked() {
    let mut rig = rig().await;
    rig.write("BA", "B1", 100, PAID, Some((Outcome::Paid, Status::Paid))).await;
    rig.write("BB", "B2", 250, SENT, None).await;
    let expected = {
        let desk = rig.desk.clone();
        let asked = tokio::spawn(async move { desk.day(DAY).await.unwrap() });
        let day = asked.await.unwrap();
        assert_eq!(day.devices[0].text, "the terminal did not answer");
        day.devices[0].expected.clone()
    };
    drop(rig.command().await);
    assert_eq!((expected.open, expected.rows[0].fen, expected.rows[0].kind), (1, 100, TaskKind::Collection));
    let digest = |text: &str| -> Vec<u8> {
        (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let row = |fen| hispos::ledger::TotalsRow {
        channel: Channel::Wechat.code(),
        kind: 1,
        count: 1,
        amount: fen,
        beyond: false,
    };
    let alike = hispos::ledger::Totals { rows: vec![row(100)], open: 1, digest: digest(&expected.digest) };
    let other = hispos::ledger::Totals { rows: vec![row(99)], open: 0, digest: vec![0; 32] };
    for (told, differences) in [(alike, vec![]), (other, vec!["rows", "open", "digest"])] {
        let desk = rig.desk.clone();
        let asked = tokio::spawn(async move { desk.day(DAY).await.unwrap() });
        let Command::Totals(DAY, answer) = rig.command().await else { panic!("totals are to be asked") };
        answer.send(Ok(told)).unwrap();
        let day = asked.await.unwrap();
        assert_eq!(day.devices[0].differences, differences);
        assert_eq!((day.devices[0].device.as_str(), day.devices[0].window.as_deref()), ("D1", Some("W1")));
    }
}
