//! Runs as workers see them: leases, fencing, turns.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use tidegate_core::ExecutionId;
use tidegate_core::run::{CommitList, CommitStep, Run, RunCounts, RunStatus};
use tidegate_store::{ClaimedRun, Ending, Lease, Signal, Store, StoreError, Work};

use crate::support::*;

const LONG: i64 = 60_000;
/// A lease that is over as soon as it begins.
const OVER: i64 = 0;

async fn claim(store: &Store, lease_ms: i64) -> ClaimedRun {
    store.queue().claim("worker", lease_ms).await.expect("claimed").expect("a run")
}

async fn run(store: &Store, id: &ExecutionId) -> Run {
    store.runs(&account()).get(id).await.expect("there")
}

fn counts(records: u64) -> RunCounts {
    RunCounts { records_processed: records, notes: vec!["a note".to_owned()], ..Default::default() }
}

fn commit() -> CommitList {
    let step = CommitStep::Rename { bucket: "b".into(), from: "staged".into(), to: "key".into() };
    CommitList { steps: vec![step], output: None }
}

pub async fn a_run_goes_from_queued_to_successful(store: &Store) {
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let claimed = claim(store, LONG).await;
    assert_eq!(claimed.lease, Lease { account: account(), id: id.clone(), attempt: 1 });
    assert_eq!((claimed.work, claimed.schema_version), (Work::Start, 1));
    assert_eq!(claimed.definition, flow("f").definition);
    assert_eq!(claimed.run.status, RunStatus::Running);
    assert!(store.queue().claim("other", LONG).await.expect("asked").is_none());
    let (queue, lease) = (store.queue(), &claimed.lease);
    assert_eq!(queue.heartbeat(lease, LONG).await.expect("held"), Signal::Continue);
    assert_eq!(queue.progress(lease, &counts(3)).await.expect("held"), Signal::Continue);
    assert_eq!(run(store, &id).await.counts, counts(3));
    assert_eq!(queue.publishing(lease, &commit(), &counts(4), None).await.expect("held"), Signal::Continue);
    let now = run(store, &id).await;
    assert_eq!((now.status, now.commit), (RunStatus::Publishing, Some(commit())));
    queue.finish(lease, Ending::Successful, &counts(5), None).await.expect("held");
    let now = run(store, &id).await;
    assert_eq!(
        (now.status, now.commit, now.error, now.counts),
        (RunStatus::Successful, None, None, counts(5))
    );
    let again = queue.finish(lease, Ending::Error("late".to_owned()), &counts(6), None).await;
    assert!(matches!(again, Err(StoreError::Stale)));

    let id = start(store, "f").await;
    let claimed = claim(store, LONG).await;
    queue.finish(&claimed.lease, Ending::Error("why".to_owned()), &counts(0), None).await.expect("held");
    let now = run(store, &id).await;
    assert_eq!((now.status, now.error.as_deref()), (RunStatus::Error, Some("why")));
}

pub async fn nobody_holds_a_run_twice_and_a_flow_runs_once(store: &Store) {
    const FLOWS: usize = 4;
    const RUNS: usize = 60;
    for number in 0..FLOWS {
        create_flow(store, &format!("f{number}"), &[]).await;
    }
    for number in 0..RUNS {
        start(store, &format!("f{}", number % FLOWS)).await;
    }
    let busy: Mutex<HashSet<String>> = Mutex::default();
    let done: Mutex<HashMap<ExecutionId, u32>> = Mutex::default();
    let workers = (0..8).map(|number| {
        let (busy, done) = (&busy, &done);
        async move {
            let worker = format!("w{number}");
            while done.lock().expect("no panic").len() < RUNS {
                let Some(claimed) = store.queue().claim(&worker, LONG).await.expect("asked") else {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                };
                let flow = claimed.run.flow.to_string();
                assert!(busy.lock().expect("no panic").insert(flow.clone()), "{flow} runs already");
                tokio::task::yield_now().await;
                assert!(busy.lock().expect("no panic").remove(&flow));
                store
                    .queue()
                    .finish(&claimed.lease, Ending::Successful, &counts(1), None)
                    .await
                    .expect("held by this worker");
                *done.lock().expect("no panic").entry(claimed.lease.id).or_default() += 1;
            }
        }
    });
    futures::future::join_all(workers).await;
    let done = done.into_inner().expect("no panic");
    assert_eq!(done.len(), RUNS);
    assert!(done.values().all(|times| *times == 1));
}

pub async fn flows_take_turns(store: &Store) {
    create_flow(store, "busy", &[]).await;
    for _ in 0..5 {
        start(store, "busy").await;
    }
    create_flow(store, "late", &[]).await;
    start(store, "late").await;
    start(store, "late").await;
    let mut order = Vec::new();
    for _ in 0..7 {
        let claimed = claim(store, LONG).await;
        order.push(claimed.run.flow.to_string());
        store.queue().finish(&claimed.lease, Ending::Successful, &counts(1), None).await.expect("held");
        // Turns are told apart by the millisecond.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(order, ["busy", "late", "busy", "late", "busy", "busy", "busy"]);
}

pub async fn a_stale_attempt_writes_nothing(store: &Store) {
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let stale = claim(store, OVER).await.lease;
    let fresh = claim(store, LONG).await;
    assert_eq!((fresh.lease.attempt, &fresh.work), (2, &Work::Start));
    assert_eq!(fresh.lease.id, id);
    let before = run(store, &id).await;
    let queue = store.queue();
    let refused = [
        queue.heartbeat(&stale, LONG).await.map(drop),
        queue.progress(&stale, &counts(9)).await.map(drop),
        queue.publishing(&stale, &commit(), &counts(9), None).await.map(drop),
        queue.finish(&stale, Ending::Error("late".to_owned()), &counts(9), None).await.map(drop),
        queue.finish(&stale, Ending::Successful, &counts(9), None).await.map(drop),
        queue.release(&stale).await,
    ];
    for (number, result) in refused.into_iter().enumerate() {
        assert!(matches!(result, Err(StoreError::Stale)), "call {number}");
    }
    assert_eq!(run(store, &id).await, before);
    assert!(queue.claim("third", LONG).await.expect("asked").is_none(), "the fresh lease holds");
    assert_eq!(queue.heartbeat(&fresh.lease, LONG).await.expect("held"), Signal::Continue);
}

pub async fn a_publishing_run_is_only_completed(store: &Store) {
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let first = claim(store, OVER).await.lease;
    let queue = store.queue();
    queue.publishing(&first, &commit(), &counts(7), None).await.expect("nobody else came");
    let second = claim(store, LONG).await;
    assert_eq!((second.lease.attempt, second.work), (2, Work::Complete(commit())));
    assert_eq!((second.run.status, second.run.counts), (RunStatus::Publishing, counts(7)));
    let again = queue.publishing(&second.lease, &CommitList::default(), &counts(7), None).await;
    assert!(matches!(again, Err(StoreError::Stale)), "the list is recorded once");
    let cancelled = queue.finish(&second.lease, Ending::Canceled, &counts(7), None).await;
    assert!(matches!(cancelled, Err(StoreError::Stale)), "its output is there");
    queue.finish(&second.lease, Ending::Successful, &counts(7), None).await.expect("held");
    assert_eq!(run(store, &id).await.status, RunStatus::Successful);
}

pub async fn a_cancelled_run_publishes_nothing(store: &Store) {
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let lease = claim(store, OVER).await.lease;
    assert!(store.runs(&account()).cancel(&"f".into(), None).await.expect("asked").is_empty());
    let queue = store.queue();
    assert_eq!(queue.heartbeat(&lease, OVER).await.expect("held"), Signal::Cancel);
    assert_eq!(queue.progress(&lease, &counts(1)).await.expect("held"), Signal::Cancel);
    assert_eq!(queue.publishing(&lease, &commit(), &counts(2), None).await.expect("held"), Signal::Cancel);
    let now = run(store, &id).await;
    assert_eq!((now.status, now.commit), (RunStatus::CancelStarted, None));
    // The worker dies; whoever takes over only cleans up.
    let second = claim(store, LONG).await;
    assert_eq!(second.work, Work::Abandon);
    queue.finish(&second.lease, Ending::Canceled, &counts(2), None).await.expect("held");
    assert_eq!(run(store, &id).await.status, RunStatus::Canceled);
}

pub async fn a_released_run_is_claimed_again(store: &Store) {
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let queue = store.queue();
    let first = claim(store, LONG).await.lease;
    queue.release(&first).await.expect("held");
    assert_eq!(run(store, &id).await.status, RunStatus::Queued);
    assert!(matches!(queue.heartbeat(&first, LONG).await, Err(StoreError::Stale)));
    let second = claim(store, LONG).await;
    assert_eq!((second.lease.attempt, second.work), (2, Work::Start));
    queue.publishing(&second.lease, &commit(), &counts(1), None).await.expect("held");
    queue.release(&second.lease).await.expect("held");
    let third = claim(store, LONG).await;
    assert_eq!((third.lease.attempt, third.work), (3, Work::Complete(commit())));
}

pub async fn a_waiting_worker_is_woken(store: &Store) {
    create_flow(store, "f", &[]).await;
    let queue = store.queue();
    let within = |change| tokio::time::timeout(Duration::from_secs(20), change);
    // What happens between the call and the waiting is not missed.
    let change = queue.changed();
    start(store, "f").await;
    within(change).await.expect("queued");
    let lease = claim(store, LONG).await.lease;
    let change = queue.changed();
    queue.release(&lease).await.expect("held");
    within(change).await.expect("given back");
    let lease = claim(store, LONG).await.lease;
    let change = queue.changed();
    queue.finish(&lease, Ending::Successful, &counts(1), None).await.expect("held");
    within(change).await.expect("ended");
    let nothing = tokio::time::timeout(Duration::from_millis(20), queue.changed()).await;
    assert!(nothing.is_err(), "nothing has changed since");
    // One that holds a run is woken when somebody cancels, or deletes the flow.
    let change = queue.cancelled();
    store.runs(&account()).cancel(&"f".into(), None).await.expect("asked");
    tokio::time::timeout(Duration::from_secs(20), change).await.expect("cancelled");
    let change = queue.cancelled();
    store.flows(&account()).delete(&"f".into(), true).await.expect("deleted");
    tokio::time::timeout(Duration::from_secs(20), change).await.expect("deleted");
}

pub async fn the_leases_of_a_dead_process_can_be_ended(store: &Store) {
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let first = claim(store, LONG).await;
    assert!(store.queue().claim("other", LONG).await.expect("asked").is_none());
    assert_eq!(store.queue().end_leases().await.expect("ended"), 1);
    let second = claim(store, LONG).await;
    assert_eq!((second.lease.id.clone(), second.lease.attempt), (id, first.lease.attempt + 1));
    assert!(matches!(store.queue().heartbeat(&first.lease, LONG).await, Err(StoreError::Stale)));
}
