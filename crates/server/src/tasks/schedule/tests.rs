//! The scheduler against a store, with times of the test's own.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{Run, RunCounts};
use tidegate_core::{AccountId, FlowName};
use tidegate_store::{Ending, FlowRecord, FlowState, KeySource, StoreConfig};

use super::*;

const MINUTE: i64 = 60_000;
/// 2026-03-01T00:00:00Z
const START: i64 = 1_772_323_200_000;

fn account() -> AccountId {
    AccountId::new("123456789012")
}

async fn open(folder: &std::path::Path) -> Store {
    let config = StoreConfig { data_dir: folder.to_owned(), keys: KeySource::BesideTheData };
    Store::open(config).await.expect("the store opens")
}

fn flow(name: &str, expression: &str, at: i64) -> FlowRecord {
    let definition = json!({
        "flowName": name,
        "triggerConfig": {"triggerType": "Scheduled", "triggerProperties": {"Scheduled": {
            "scheduleExpression": expression, "dataPullMode": "Incremental",
        }}},
        "sourceFlowConfig": {"connectorType": "S3", "sourceConnectorProperties": {"S3": {"bucketName": "in"}}},
        "destinationFlowConfigList": [],
        "tasks": [{"taskType": "Map_all", "sourceFields": [], "taskProperties": {"EXCLUDE_SOURCE_FIELDS_LIST": "[]"}}],
    });
    record(name, definition, at)
}

fn record(name: &str, definition: Value, at: i64) -> FlowRecord {
    FlowRecord {
        name: FlowName::new(name),
        definition,
        status: FlowStatus::Active,
        status_message: None,
        schema_version: 1,
        tags: BTreeMap::new(),
        created_at_ms: at,
        updated_at_ms: at,
        created_by: String::new(),
        updated_by: String::new(),
        state: FlowState {
            activation: Some(Activation { activated_at_ms: at, next_due_ms: Some(at) }),
            ..FlowState::default()
        },
    }
}

async fn create(store: &Store, flow: FlowRecord) {
    store.flows(&account()).create(flow, &[], None).await.expect("created");
}

async fn runs(store: &Store, flow: &str) -> Vec<Run> {
    store.runs(&account()).list(&FlowName::new(flow), None, 100).await.expect("listed").items
}

async fn finish_one(store: &Store) {
    let claimed = store.queue().claim("w", MINUTE).await.expect("claimed").expect("a run");
    let ended = store.queue().finish(&claimed.lease, Ending::Successful, &RunCounts::default(), None).await;
    ended.expect("held");
}

async fn next_due(store: &Store, flow: &str) -> Option<i64> {
    let row = store.flows(&account()).get(&FlowName::new(flow)).await.expect("there");
    row.state.activation.and_then(|activation| activation.next_due_ms)
}

#[tokio::test]
async fn a_flow_runs_at_its_ticks_and_missed_ones_are_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    create(&store, flow("f", "rate(5minutes)", START)).await;
    assert_eq!(enqueue_due(&store, START - 1).await.expect("asked"), 0);
    // At once on its activation, and then every period.
    for tick in 0..3 {
        let now = START + tick * 5 * MINUTE;
        assert_eq!(enqueue_due(&store, now).await.expect("queued"), 1);
        assert_eq!(enqueue_due(&store, now + MINUTE).await.expect("asked"), 0);
        assert_eq!(next_due(&store, "f").await, Some(now + 5 * MINUTE));
        finish_one(&store).await;
    }
    // The process was down for an hour. A new one, over the same folder:
    store.close().await;
    let store = open(folder.path()).await;
    let back = START + 71 * MINUTE;
    assert_eq!(enqueue_due(&store, back).await.expect("queued"), 1);
    let ticks = runs(&store, "f").await.remove(0).ticks.expect("ticks");
    let missed: Vec<i64> = (3..=14).map(|tick| START + tick * 5 * MINUTE).collect();
    assert_eq!((ticks.count, &ticks.listed), (12, &missed));
    assert_eq!(next_due(&store, "f").await, Some(START + 75 * MINUTE));
    assert_eq!(runs(&store, "f").await.len(), 4);
}

#[tokio::test]
async fn a_clock_that_was_set_doubles_nothing_and_starves_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    create(&store, flow("f", "rate(1hours)", START)).await;
    let at = async |now: i64| {
        count_anew(&store, now).await.expect("looked");
        let added = enqueue_due(&store, now).await.expect("asked");
        if added > 0 {
            finish_one(&store).await;
        }
        added
    };
    let hour = 60 * MINUTE;
    assert_eq!((at(START).await, at(START + hour).await), (1, 1));
    // An hour back: what ran there does not run again.
    assert_eq!((at(START).await, at(START + hour).await, at(START + 2 * hour).await), (0, 0, 1));
    // Ten years ahead, and back: the flow goes on from now.
    let ahead = START + 10 * 365 * 24 * hour;
    assert_eq!((at(ahead).await, at(START + 2 * hour).await, at(START + 5 * hour).await), (1, 0, 0));
    assert_eq!(next_due(&store, "f").await, Some(START + 6 * hour), "counted from the first look: {START}");
    assert_eq!(at(START + 6 * hour).await, 1);
    // One that was activated while the clock was ahead has a tick, too.
    create(&store, flow("g", "rate(1hours)", ahead)).await;
    assert_eq!(at(START + 6 * hour + MINUTE).await, 0);
    assert_eq!(next_due(&store, "g").await, Some(START + 7 * hour + MINUTE));
    assert_eq!(at(START + 7 * hour + MINUTE).await, 2);
}

#[tokio::test]
async fn a_flow_that_was_activated_by_a_clock_ahead_outlives_that_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let (hour, day) = (60 * MINUTE, 24 * 60 * MINUTE);
    let ahead = START + 3 * day + 20 * MINUTE;
    create(&store, flow("f", "rate(1hours)", ahead)).await;
    count_anew(&store, START).await.expect("looked");
    // The ticks are counted from the look on, also once the clock is where it was.
    for now in [START + hour, START + 3 * day, START + 3 * day + hour, START + 3 * day + 2 * hour] {
        assert_eq!(enqueue_due(&store, now).await.expect("queued"), 1, "{now}");
        finish_one(&store).await;
        assert_eq!(next_due(&store, "f").await, Some(now + hour));
    }
}

#[test]
fn a_clock_is_watched_by_another_one() {
    let start = Instant::now();
    let mut clock = Clock { wall_ms: 1_000_000, at: start };
    let second = |n: u64| start + Duration::from_secs(n);
    assert!(!clock.was_set_back(1_001_000, second(1)));
    assert!(!clock.was_set_back(1_002_500, second(3)), "it may run a little slow");
    assert!(!clock.was_set_back(9_000_000, second(4)), "ahead");
    assert!(clock.was_set_back(8_000_000, second(5)));
    assert!(!clock.was_set_back(8_001_000, second(6)), "told once");
    assert_eq!(until(5_000, 0), LOOK);
    assert_eq!(until(5_000, 4_990), Duration::from_millis(10));
    assert_eq!(until(5_000, 6_000), Duration::from_millis(1));
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_ends_and_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    create(&store, flow("bad", "every now and then", START)).await;
    create(&store, record("worse", json!({"flowName": "worse"}), START)).await;
    create(&store, flow("good", "at(2026-03-01T00:00:00)", START)).await;
    assert_eq!(enqueue_due(&store, START).await.expect("queued"), 1);
    for name in ["bad", "worse"] {
        let row = store.flows(&account()).get(&name.into()).await.expect("there");
        assert_eq!((row.status, row.state.activation), (FlowStatus::Errored, None));
        assert!(row.status_message.is_some(), "{name}");
    }
    assert_eq!(next_due(&store, "good").await, None, "it ran once");
    assert_eq!(store.scheduler().next_due().await.expect("read"), None);
}

/// The promise: of 10,000 flows that are due at once, each has its run within
/// a second. (The machine of a test may be busy with others, so the bound here
/// is wider; what was measured is printed.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "the numbers are what one wants to see of it")]
async fn ten_thousand_flows_are_due_at_once() {
    const FLOWS: usize = 10_000;
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    futures::stream::iter(0..FLOWS)
        .map(|n| create(&store, flow(&format!("flow-{n:05}"), "rate(1minutes)", START)))
        .buffer_unordered(256)
        .collect::<Vec<()>>()
        .await;

    let began = Instant::now();
    let watched = store.clone();
    let watcher = tokio::spawn(async move {
        let mut reached = Vec::new();
        for part in [50, 99, 100] {
            let wanted = (FLOWS * part / 100) as u64;
            while watched.queue().counts().await.expect("counted").get("Queued").copied() < Some(wanted) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            reached.push((part, began.elapsed()));
        }
        reached
    });
    assert_eq!(enqueue_due(&store, START).await.expect("queued"), FLOWS);
    let lags = watcher.await.expect("watched");
    eprintln!("lag from the tick to the run's row: {lags:?}");
    assert!(lags[1].1 < Duration::from_millis(2_500), "{lags:?}");

    // The next tick finds all of them waiting; nothing is doubled or lost.
    let began = Instant::now();
    assert_eq!(enqueue_due(&store, START + MINUTE).await.expect("joined"), 0);
    eprintln!("ten thousand ticks that join: {:?}", began.elapsed());
    // However many wait, to claim one takes no longer.
    let began = Instant::now();
    for _ in 0..200 {
        let claimed = store.queue().claim("w", MINUTE).await.expect("claimed").expect("a run");
        let ticks = claimed.run.ticks.expect("ticks");
        assert_eq!((ticks.count, ticks.listed), (2, vec![START, START + MINUTE]));
    }
    eprintln!("200 claims of {FLOWS}: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(
        enqueue_due(&store, START + 2 * MINUTE).await.expect("queued"),
        200,
        "behind those that have begun"
    );
    let counts = store.queue().counts().await.expect("counted");
    assert_eq!((counts["Running"], counts["Queued"]), (200, FLOWS as u64));
}
