//! Notifications: written with what they are about, delivered at least once, bounded.

use std::sync::Arc;

use tidegate_core::ExecutionId;
use tidegate_core::run::{Run, RunCounts};
use tidegate_store::{
    Announcer, ClaimedRun, Ending, EventReport, FlowRecord, NewEvent, Notification, Store, Waiting,
};

use crate::scheduler::{active, tick};
use crate::support::*;

const SINK: &str = "sink";

/// Writes what it is told, as `what flow run-status`.
struct Scribe;

fn note(text: String) -> Vec<Notification> {
    vec![Notification { id: text.clone(), sink: SINK, body: text }]
}

impl Announcer for Scribe {
    fn started(&self, flow: &FlowRecord, run: &ClaimedRun) -> Vec<Notification> {
        note(format!("started {} {}", flow.name, run.run.id))
    }

    fn ended(&self, flow: &FlowRecord, run: &Run) -> Vec<Notification> {
        note(format!("{} {} {}", run.status.as_str(), flow.name, run.id))
    }

    fn deactivated(&self, flow: &FlowRecord, reason: &str) -> Vec<Notification> {
        note(format!("deactivated {} {} {reason}", flow.name, flow.status.as_str()))
    }

    fn reported(&self, flow: &FlowRecord, report: &EventReport) -> Vec<Notification> {
        note(format!(
            "report {} received {} processed {}",
            flow.name, report.received, report.records_processed
        ))
    }
}

fn announce(store: &Store) {
    store.announce(Arc::new(Scribe));
}

async fn due(store: &Store) -> Vec<Waiting> {
    store.outbox().due(SINK, 100).await.expect("read")
}

async fn bodies(store: &Store) -> Vec<String> {
    due(store).await.into_iter().map(|waiting| waiting.body).collect()
}

async fn claim(store: &Store) -> ClaimedRun {
    store.queue().claim("worker", 60_000).await.expect("claimed").expect("a run")
}

async fn finish(store: &Store, claimed: &ClaimedRun, ending: Ending) {
    store.queue().finish(&claimed.lease, ending, &RunCounts::default(), None).await.expect("held");
    // The order is that of the clock.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

pub async fn a_run_is_announced_once_when_it_begins_and_when_it_ends(store: &Store) {
    announce(store);
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let changed = store.outbox().changed();
    let claimed = claim(store).await;
    changed.await;
    assert_eq!(bodies(store).await, [format!("started f {id}")]);
    // Given back and taken up again, it is still the same run.
    store.queue().release(&claimed.lease).await.expect("held");
    let claimed = claim(store).await;
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    finish(store, &claimed, Ending::Successful).await;
    let both = [format!("started f {id}"), format!("Successful f {id}")];
    assert_eq!(bodies(store).await, both);
    // A worker that has lost the run announces nothing.
    let late = store.queue().finish(&claimed.lease, Ending::Canceled, &RunCounts::default(), None).await;
    assert!(late.is_err());
    assert_eq!(bodies(store).await, both);
}

pub async fn a_cancelled_run_is_announced_if_it_ever_began(store: &Store) {
    announce(store);
    create_flow(store, "f", &[]).await;
    start(store, "f").await;
    store.runs(&account()).cancel(&"f".into(), None).await.expect("cancelled");
    assert_eq!(bodies(store).await, [""; 0]);
    let id: ExecutionId = start(store, "f").await;
    let claimed = claim(store).await;
    store.queue().release(&claimed.lease).await.expect("held");
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    store.runs(&account()).cancel(&"f".into(), None).await.expect("cancelled");
    assert_eq!(bodies(store).await, [format!("started f {id}"), format!("Canceled f {id}")]);
}

pub async fn what_was_delivered_is_gone_and_what_was_not_is_put_off(store: &Store) {
    announce(store);
    create_flow(store, "f", &[]).await;
    start(store, "f").await;
    let claimed = claim(store).await;
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    finish(store, &claimed, Ending::Error("why".to_owned())).await;
    let ids: Vec<String> = due(store).await.into_iter().map(|waiting| waiting.id).collect();
    let [first, second] = ids.as_slice() else { panic!("two are due: {ids:?}") };
    let outbox = store.outbox();
    outbox.settle(SINK, vec![first.clone()], vec![(second.clone(), 60_000)]).await.expect("written");
    assert_eq!(due(store).await, []);
    outbox.all_due().await.expect("written");
    let [waiting] = due(store).await.try_into().expect("one is due");
    assert_eq!((&waiting.id, waiting.attempts), (second, 1));
    assert_eq!(outbox.due("another", 9).await.expect("read"), []);
}

pub async fn the_outbox_is_bounded_in_number_and_age(store: &Store) {
    announce(store);
    for number in 0..6 {
        create_flow(store, &format!("f{number}"), &[]).await;
        start(store, &format!("f{number}")).await;
        claim(store).await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let outbox = store.outbox();
    let found = outbox.bound(60_000, 4).await.expect("bounded");
    assert_eq!(found.get(SINK), Some(&(2, 4)));
    let left = bodies(store).await;
    assert!(left.len() == 4 && left[0].starts_with("started f2"), "the newest stay: {left:?}");
    let found = outbox.bound(-1, 4).await.expect("bounded");
    assert_eq!(found.get(SINK), Some(&(4, 0)));
    assert_eq!(bodies(store).await, [""; 0]);
}

#[tokio::test]
async fn an_event_flow_is_reported_once_a_period() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    announce(store);
    let mut record = flow("f");
    record.definition = serde_json::json!({"triggerConfig": {"triggerType": "Event"}});
    store.flows(&account()).create(record, &[], None).await.expect("created");
    let deliver = async |number: u32| {
        let event = NewEvent { id: None, record: format!("{{\"n\":{number}}}") };
        store
            .events(&account())
            .deliver(&"f".into(), vec![event], 1000, |_| Ok(()))
            .await
            .expect("delivered");
    };
    deliver(1).await;
    deliver(2).await;
    let claimed = claim(store).await;
    let counts = RunCounts { records_processed: 7, ..RunCounts::default() };
    store.queue().finish(&claimed.lease, Ending::Successful, &counts, None).await.expect("held");
    let id = claimed.run.id;
    let told = [format!("started f {id}"), format!("Successful f {id}")].to_vec();
    store.outbox().settle(SINK, told, vec![]).await.expect("written");
    assert_eq!(store.report_events().await.expect("looked"), 0, "the period is not over");
    let over = async || {
        let mut raw = raw(&fixture.data()).await;
        let done =
            sqlx::query("UPDATE event_inbox SET report_at_ms = 1 WHERE report_at_ms > 0").execute(&mut raw);
        done.await.expect("written");
    };
    over().await;
    assert_eq!(store.report_events().await.expect("looked"), 1);
    assert_eq!(bodies(store).await, ["report f received 2 processed 7"]);
    // A flow at rest is not reported.
    over().await;
    assert_eq!(store.report_events().await.expect("looked"), 0);
    deliver(3).await;
    over().await;
    assert_eq!(store.report_events().await.expect("looked"), 1);
    assert_eq!(bodies(store).await[1], "report f received 1 processed 0");
}

pub async fn a_deactivation_is_announced_with_its_run(store: &Store) {
    announce(store);
    active(store, "f", 1000).await;
    tick(store, 1000).await;
    let claimed = claim(store).await;
    let id = claimed.run.id.clone();
    store.outbox().settle(SINK, vec![format!("started f {id}")], vec![]).await.expect("written");
    let error = Ending::Error("no answer".to_owned());
    let finished = store.queue().finish(&claimed.lease, error, &RunCounts::default(), Some(1)).await;
    let reason = finished.expect("held").deactivated.expect("deactivated");
    let mut both = bodies(store).await;
    both.sort();
    assert_eq!(both, [format!("Error f {id}"), format!("deactivated f Suspended {reason}")]);
}
