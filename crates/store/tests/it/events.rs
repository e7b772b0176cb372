//! The inbox of a flow: what is delivered is there once, in order, until a run has published it.

use futures::TryStreamExt as _;
use serde_json::json;
use tidegate_core::ExecutionId;
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{CommitList, Run, RunCounts, RunStatus, RunTrigger};
use tidegate_store::events::REMEMBERED_IDS;
use tidegate_store::{Backlog, ClaimedRun, Delivered, Ending, FlowRecord, NewEvent, Store, StoreError, Work};

use crate::support::*;

const LONG: i64 = 60_000;
const OVER: i64 = 0;
const ROOM: u64 = 1 << 30;

/// A flow that is started by events, and active.
async fn event_flow(store: &Store, name: &str) {
    let mut record = flow(name);
    record.definition = json!({"flowName": name, "triggerConfig": {"triggerType": "Event"}});
    store.flows(&account()).create(record, &[], None).await.expect("created");
}

fn admit(_: &FlowRecord) -> Result<(), String> {
    Ok(())
}

/// Events `{"n": …}`, whose identifiers are their numbers.
fn numbered(numbers: impl IntoIterator<Item = i64>) -> Vec<NewEvent> {
    let event = |n: i64| NewEvent { id: Some(n.to_string()), record: json!({"n": n}).to_string() };
    numbers.into_iter().map(event).collect()
}

async fn deliver(store: &Store, flow: &str, numbers: impl IntoIterator<Item = i64>) -> Delivered {
    store.events(&account()).deliver(&flow.into(), numbered(numbers), ROOM, admit).await.expect("delivered")
}

async fn read(store: &Store, flow: &str, mark: i64) -> String {
    let pieces: Vec<Vec<u8>> =
        store.events(&account()).read(&flow.into(), mark).try_collect().await.expect("read");
    String::from_utf8(pieces.concat()).expect("text")
}

fn lines(numbers: impl IntoIterator<Item = i64>) -> String {
    numbers.into_iter().map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

async fn waiting(store: &Store, flow: &str) -> u64 {
    store.events(&account()).waiting(&flow.into()).await.expect("read").events
}

async fn claim(store: &Store, lease_ms: i64) -> ClaimedRun {
    store.queue().claim("worker", lease_ms).await.expect("claimed").expect("a run")
}

async fn nothing_to_claim(store: &Store) -> bool {
    store.queue().claim("worker", LONG).await.expect("asked").is_none()
}

async fn end(store: &Store, claimed: &ClaimedRun, ending: Ending, threshold: Option<u32>) -> Option<String> {
    let counts = RunCounts { records_processed: 1, ..RunCounts::default() };
    let ended = store.queue().finish(&claimed.lease, ending, &counts, threshold).await;
    ended.expect("held").deactivated
}

fn failed() -> Ending {
    Ending::Error("why".to_owned())
}

async fn runs(store: &Store, flow: &str) -> Vec<Run> {
    store.runs(&account()).list(&flow.into(), None, 100).await.expect("listed").items
}

async fn set_status(store: &Store, name: &str, status: FlowStatus) {
    let change = move |row: &mut FlowRecord| {
        row.status = status;
        row.state.error_streak = 0;
        Ok(())
    };
    store.flows(&account()).change(&name.into(), None, None, change).await.expect("changed");
}

pub async fn events_are_kept_in_order_and_join_the_run_that_waits(store: &Store) {
    event_flow(store, "f").await;
    let changed = store.queue().changed();
    assert_eq!(deliver(store, "f", 1..=3).await, Delivered { accepted: 3, duplicates: 0 });
    changed.await;
    assert_eq!(deliver(store, "f", 4..=5).await, Delivered { accepted: 2, duplicates: 0 });
    assert_eq!(runs(store, "f").await.len(), 1, "later events join the run that waits");
    let first = claim(store, LONG).await;
    assert_eq!((first.run.trigger, first.run.event_mark), (RunTrigger::Event, Some(5)));
    assert_eq!(read(store, "f", 5).await, lines(1..=5));

    // What comes now is the next run's, which waits for this one's end.
    deliver(store, "f", 6..=6).await;
    deliver(store, "f", 7..=7).await;
    assert_eq!(runs(store, "f").await.len(), 2);
    assert!(nothing_to_claim(store).await, "runs of one flow never overlap");
    assert_eq!(read(store, "f", 5).await, lines(1..=5), "the mark holds");
    end(store, &first, Ending::Successful, None).await;
    assert_eq!(waiting(store, "f").await, 2);
    let second = claim(store, LONG).await;
    assert_eq!((second.run.event_mark, read(store, "f", 7).await), (Some(7), lines(6..=7)));
    end(store, &second, Ending::Successful, None).await;
    assert!(nothing_to_claim(store).await);
    assert_eq!(store.event_backlog().await.expect("read"), Backlog::default());
    // Numbers go on where they were.
    deliver(store, "f", 8..=8).await;
    assert_eq!(claim(store, LONG).await.run.event_mark, Some(8));
}

pub async fn an_event_that_is_delivered_again_is_recognised(store: &Store) {
    event_flow(store, "f").await;
    event_flow(store, "g").await;
    deliver(store, "f", 1..=3).await;
    assert_eq!(deliver(store, "f", 2..=4).await, Delivered { accepted: 1, duplicates: 2 });
    assert_eq!(deliver(store, "f", [5, 5]).await, Delivered { accepted: 1, duplicates: 1 });
    assert_eq!(deliver(store, "g", 1..=1).await, Delivered { accepted: 1, duplicates: 0 });
    let claimed = claim(store, LONG).await;
    end(store, &claimed, Ending::Successful, None).await;
    let other = claim(store, LONG).await;
    end(store, &other, Ending::Successful, None).await;
    // Published ones are recognised, too, and make no run.
    assert_eq!(deliver(store, "f", 1..=5).await, Delivered { accepted: 0, duplicates: 5 });
    assert!(nothing_to_claim(store).await);
    // Without identifiers nothing is recognised.
    let bare = || vec![NewEvent { id: None, record: "{\"n\":1}".to_owned() }];
    for _ in 0..2 {
        store.events(&account()).deliver(&"f".into(), bare(), ROOM, admit).await.expect("delivered");
    }
    assert_eq!(waiting(store, "f").await, 2);
}

pub async fn identifiers_are_remembered_for_so_many_events(store: &Store) {
    event_flow(store, "f").await;
    deliver(store, "f", 1..=10).await;
    for first in (11..=REMEMBERED_IDS).step_by(20_000) {
        deliver(store, "f", first..(first + 20_000).min(REMEMBERED_IDS + 1)).await;
    }
    assert_eq!(deliver(store, "f", 1..=1).await.duplicates, 1);
    deliver(store, "f", [-1]).await;
    assert_eq!(deliver(store, "f", 1..=2).await, Delivered { accepted: 1, duplicates: 1 });
}

pub async fn an_inbox_that_is_full_refuses_a_delivery_whole(store: &Store) {
    event_flow(store, "f").await;
    let inbox = store.events(&account());
    let most = (lines(1..=4).len()) as u64;
    inbox.deliver(&"f".into(), numbered(1..=3), most, admit).await.expect("room");
    match inbox.deliver(&"f".into(), numbered(4..=5), most, admit).await {
        Err(StoreError::InboxFull { waiting: 24, delivered: 16, most: 32, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(waiting(store, "f").await, 3);
    let delivered = inbox.deliver(&"f".into(), numbered(4..=4), most, admit).await.expect("exactly full");
    assert_eq!(delivered.accepted, 1, "the identifiers of a refused delivery are free");
    // What had been delivered needs no room.
    assert_eq!(inbox.deliver(&"f".into(), numbered(1..=4), 1, admit).await.expect("known").duplicates, 4);
    let claimed = claim(store, LONG).await;
    end(store, &claimed, Ending::Successful, None).await;
    inbox.deliver(&"f".into(), numbered(5..=8), most, admit).await.expect("room again");
}

pub async fn a_flow_that_is_not_admitted_takes_nothing(store: &Store) {
    event_flow(store, "f").await;
    let inbox = store.events(&account());
    let refused = inbox.deliver(&"f".into(), numbered(1..=1), ROOM, |_| Err("why".to_owned())).await;
    assert!(matches!(refused, Err(StoreError::Refused(why)) if why == "why"));
    assert!(matches!(
        inbox.deliver(&"g".into(), numbered(1..=1), ROOM, admit).await,
        Err(StoreError::NotFound { .. })
    ));
    assert!(nothing_to_claim(store).await);
    assert_eq!(deliver(store, "f", 1..=1).await.accepted, 1);
}

pub async fn each_attempt_takes_the_same_events(store: &Store) {
    event_flow(store, "f").await;
    deliver(store, "f", 1..=2).await;
    let first = claim(store, OVER).await;
    assert_eq!(first.run.event_mark, Some(2));
    deliver(store, "f", 3..=3).await;
    // Its worker is gone: whoever takes over reads the same.
    let second = claim(store, LONG).await;
    assert_eq!((second.lease.attempt, second.run.event_mark), (2, Some(2)));
    // So does one that was given back: later events do not join it.
    store.queue().release(&second.lease).await.expect("held");
    deliver(store, "f", 4..=4).await;
    let third = claim(store, LONG).await;
    assert_eq!((third.lease.attempt, third.run.event_mark), (3, Some(2)));
    let queue = store.queue();
    queue.publishing(&third.lease, &CommitList::default(), &RunCounts::default(), None).await.expect("held");
    queue.release(&third.lease).await.expect("held");
    let fourth = claim(store, LONG).await;
    assert_eq!(
        (fourth.work.clone(), fourth.run.event_mark),
        (Work::Complete(CommitList::default()), Some(2))
    );
    assert_eq!(waiting(store, "f").await, 4, "nothing is gone before the end");
    end(store, &fourth, Ending::Successful, None).await;
    assert_eq!(waiting(store, "f").await, 2);
    assert_eq!(claim(store, LONG).await.run.event_mark, Some(4));
    assert_eq!(read(store, "f", 4).await, lines(3..=4));
}

pub async fn a_run_that_fails_keeps_its_events_and_is_put_off(store: &Store) {
    event_flow(store, "f").await;
    deliver(store, "f", 1..=2).await;
    let claimed = claim(store, LONG).await;
    assert_eq!(end(store, &claimed, failed(), Some(9)).await, None);
    assert_eq!(waiting(store, "f").await, 2);
    assert!(nothing_to_claim(store).await);
    // Deliveries do not make one run that fails after the other.
    deliver(store, "f", 3..=3).await;
    assert!(nothing_to_claim(store).await);
    assert_eq!(store.retry_events().await.expect("looked"), 0, "it is not due yet");
    // A change of the flow, or StartFlow, does not wait.
    store.flows(&account()).change(&"f".into(), None, None, |_| Ok(())).await.expect("changed");
    let retried = claim(store, LONG).await;
    assert_eq!((retried.run.trigger, retried.run.event_mark), (RunTrigger::Event, Some(3)));
    assert_eq!(read(store, "f", 3).await, lines(1..=3));
    // What arrives while it is tried again has no run yet, and gets one by its success.
    deliver(store, "f", 4..=4).await;
    assert_eq!(runs(store, "f").await.len(), 2);
    end(store, &retried, Ending::Successful, None).await;
    let rest = claim(store, LONG).await;
    assert_eq!(rest.run.event_mark, Some(4));
    end(store, &rest, Ending::Successful, None).await;
    assert_eq!(waiting(store, "f").await, 0);
    let record = store.flows(&account()).get(&"f".into()).await.expect("there");
    assert_eq!(record.state.error_streak, 0);
    deliver(store, "f", 5..=5).await;
    claim(store, LONG).await;
}

#[tokio::test]
async fn the_next_try_comes_when_it_is_due() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    event_flow(store, "f").await;
    deliver(store, "f", 1..=1).await;
    for streak in 1..=3 {
        let claimed = claim(store, LONG).await;
        // Delivered while a run that will fail is at work.
        deliver(store, "f", [streak * 10]).await;
        end(store, &claimed, failed(), None).await;
        if streak == 1 {
            // The first one could not know; that run is one more that fails.
            let claimed = claim(store, LONG).await;
            end(store, &claimed, failed(), None).await;
        }
        assert!(nothing_to_claim(store).await, "{streak}");
        let mut raw = raw(&fixture.data()).await;
        sqlx::query("UPDATE event_inbox SET retry_at_ms = 1").execute(&mut raw).await.expect("written");
        assert_eq!(store.retry_events().await.expect("looked"), 1);
        assert_eq!(store.retry_events().await.expect("looked"), 0);
    }
    let claimed = claim(store, LONG).await;
    assert_eq!(read(store, "f", claimed.run.event_mark.expect("a mark")).await, lines([1, 10, 20, 30]));
}

pub async fn errors_in_a_row_deactivate_an_event_flow(store: &Store) {
    event_flow(store, "f").await;
    deliver(store, "f", 1..=1).await;
    let claimed = claim(store, LONG).await;
    deliver(store, "f", 2..=2).await;
    let reason = end(store, &claimed, failed(), Some(1)).await.expect("deactivated");
    assert_eq!(reason, "The flow was deactivated because its last event run failed: why");
    let record = store.flows(&account()).get(&"f".into()).await.expect("there");
    assert_eq!((record.status, record.status_message), (FlowStatus::Suspended, Some(reason)));
    assert!(nothing_to_claim(store).await, "the run that waited is cancelled");
    assert_eq!(runs(store, "f").await[0].status, RunStatus::Canceled);
    // Nothing is lost: once it is active again, all of it is taken up.
    set_status(store, "f", FlowStatus::Active).await;
    assert_eq!(claim(store, LONG).await.run.event_mark, Some(2));
    assert_eq!(read(store, "f", 2).await, lines(1..=2));
}

pub async fn a_cancelled_run_keeps_its_events(store: &Store) {
    event_flow(store, "f").await;
    deliver(store, "f", 1..=1).await;
    let runs = store.runs(&account());
    runs.cancel(&"f".into(), None).await.expect("cancelled");
    assert!(nothing_to_claim(store).await);
    deliver(store, "f", 2..=2).await;
    let claimed = claim(store, LONG).await;
    assert_eq!(claimed.run.event_mark, Some(2));
    runs.cancel(&"f".into(), None).await.expect("asked");
    end(store, &claimed, Ending::Canceled, None).await;
    assert_eq!(waiting(store, "f").await, 2);
    assert!(nothing_to_claim(store).await, "whoever cancels does not want it at once again");
    deliver(store, "f", 3..=3).await;
    assert_eq!(claim(store, LONG).await.run.event_mark, Some(3));
}

pub async fn a_suspended_flow_keeps_what_waits(store: &Store) {
    event_flow(store, "f").await;
    deliver(store, "f", 1..=1).await;
    let claimed = claim(store, LONG).await;
    end(store, &claimed, failed(), None).await;
    set_status(store, "f", FlowStatus::Suspended).await;
    assert!(nothing_to_claim(store).await);
    // A run by hand takes events, whatever the flow's status.
    let id: ExecutionId = start(store, "f").await;
    let by_hand = claim(store, LONG).await;
    assert_eq!((&by_hand.run.id, by_hand.run.event_mark), (&id, Some(1)));
    end(store, &by_hand, failed(), None).await;
    assert!(nothing_to_claim(store).await);
    set_status(store, "f", FlowStatus::Active).await;
    let claimed = claim(store, LONG).await;
    end(store, &claimed, Ending::Successful, None).await;
    assert_eq!(waiting(store, "f").await, 0);
}

pub async fn a_flow_goes_with_its_inbox_only_by_force(store: &Store) {
    event_flow(store, "f").await;
    deliver(store, "f", 1..=2).await;
    let claimed = claim(store, LONG).await;
    end(store, &claimed, failed(), None).await;
    let flows = store.flows(&account());
    match flows.delete(&"f".into(), false).await {
        Err(StoreError::EventsWait { count: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
    flows.delete(&"f".into(), true).await.expect("deleted");
    assert_eq!(store.event_backlog().await.expect("read"), Backlog::default());
    // A namesake has nothing of it.
    event_flow(store, "f").await;
    assert_eq!((waiting(store, "f").await, read(store, "f", 9).await), (0, String::new()));
    assert_eq!(deliver(store, "f", 1..=2).await.accepted, 2);
}

pub async fn the_runs_of_other_flows_take_no_events(store: &Store) {
    create_flow(store, "by hand", &[]).await;
    start(store, "by hand").await;
    let claimed = claim(store, LONG).await;
    assert_eq!(claimed.run.event_mark, None);
    end(store, &claimed, Ending::Successful, None).await;
    // A flow that takes events no more still runs for those that wait.
    event_flow(store, "f").await;
    deliver(store, "f", 1..=1).await;
    let change = |row: &mut FlowRecord| {
        row.definition["triggerConfig"]["triggerType"] = json!("OnDemand");
        Ok(())
    };
    store.flows(&account()).change(&"f".into(), None, None, change).await.expect("changed");
    let claimed = claim(store, LONG).await;
    assert_eq!(claimed.run.event_mark, Some(1));
    end(store, &claimed, Ending::Successful, None).await;
    assert_eq!(waiting(store, "f").await, 0);
}

pub async fn a_large_inbox_is_read_in_pieces(store: &Store) {
    event_flow(store, "f").await;
    let text = "x".repeat(300_000);
    let event = |n: i64| NewEvent { id: None, record: format!("{{\"n\":{n},\"t\":\"{text}\"}}") };
    for n in 0..10 {
        let inbox = store.events(&account());
        inbox.deliver(&"f".into(), vec![event(n)], ROOM, admit).await.expect("delivered");
    }
    let pieces: Vec<Vec<u8>> =
        store.events(&account()).read(&"f".into(), 9).try_collect().await.expect("read");
    assert_eq!(pieces.len(), 3, "three of them are a MiB");
    let want: String = (0..9).map(|n| event(n).record + "\n").collect();
    assert!(pieces.concat() == want.into_bytes());
}

#[tokio::test]
async fn what_waits_is_sealed_and_outlives_the_process() {
    let mut fixture = Fixture::new().await;
    event_flow(fixture.store(), "f").await;
    let event =
        || NewEvent { id: Some("canary-id".to_owned()), record: "{\"a\":\"canary-record\"}".to_owned() };
    let inbox = fixture.store().events(&account());
    inbox.deliver(&"f".into(), vec![event()], ROOM, admit).await.expect("delivered");
    for entry in std::fs::read_dir(fixture.data()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let content = std::fs::read(&path).expect("a file");
        for canary in ["canary-id", "canary-record"] {
            assert!(
                !content.windows(canary.len()).any(|part| part == canary.as_bytes()),
                "{}",
                path.display()
            );
        }
    }
    let store = fixture.reopen().await;
    assert_eq!(read(store, "f", 1).await, "{\"a\":\"canary-record\"}\n");
    let known = store.events(&account()).deliver(&"f".into(), vec![event()], ROOM, admit).await;
    assert_eq!(known.expect("delivered").duplicates, 1);
    // A rotation leaves it readable.
    store.rotate(|_| {}).await.expect("rotated");
    assert_eq!(read(fixture.reopen().await, "f", 1).await, "{\"a\":\"canary-record\"}\n");
    // It is bound to its place.
    let mut raw = raw(&fixture.data()).await;
    sqlx::query("UPDATE event_batch SET last_seq = 2").execute(&mut raw).await.expect("written");
    let moved = fixture.store().events(&account()).read(&"f".into(), 9).try_collect::<Vec<_>>().await;
    assert!(matches!(moved, Err(StoreError::Vault(_))), "{moved:?}");
}
