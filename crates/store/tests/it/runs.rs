//! Runs as users see them.

use tidegate_core::run::{CommitList, RunCounts, RunStatus};
use tidegate_core::{ExecutionId, FlowName};
use tidegate_store::{Enqueued, Kind, Outcome, Store, StoreError};

use crate::support::*;

pub async fn a_tick_asks_for_one_run(store: &Store) {
    create_flow(store, "f", &[]).await;
    create_flow(store, "g", &[]).await;
    let runs = store.runs(&account());
    let (first, second) = (ExecutionId::random(), ExecutionId::random());
    let ask = async |flow: &str, id: &ExecutionId, due| {
        runs.enqueue(&FlowName::from(flow), id, due, None).await.expect("asked").fresh().expect("fresh")
    };
    assert_eq!(ask("f", &first, Some(1000)).await, Enqueued::Queued);
    assert_eq!(ask("f", &second, Some(1000)).await, Enqueued::Already(first.clone()));
    assert_eq!(ask("g", &second, Some(1000)).await, Enqueued::Queued);
    assert_eq!(ask("f", &ExecutionId::random(), Some(2000)).await, Enqueued::Queued);
    // By hand: as often as somebody likes.
    assert_eq!(ask("f", &ExecutionId::random(), None).await, Enqueued::Queued);
    assert_eq!(ask("f", &ExecutionId::random(), None).await, Enqueued::Queued);
    let run = runs.get(&first).await.expect("there");
    assert_eq!((run.status, run.attempt, run.flow.as_str()), (RunStatus::Queued, 0, "f"));
    assert_eq!(runs.list(&"f".into(), None, 10).await.expect("listed").items.len(), 4);
    let missing = runs.enqueue(&"nobody".into(), &ExecutionId::random(), None, None).await;
    assert!(matches!(missing, Err(StoreError::NotFound { kind: Kind::Flow, .. })));
    let same = runs.enqueue(&"f".into(), &first, None, None).await;
    assert!(matches!(same, Err(StoreError::Conflict { kind: Kind::Run, .. })));
}

pub async fn runs_page_from_the_newest_and_do_not_move(store: &Store) {
    create_flow(store, "f", &[]).await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(start(store, "f").await);
    }
    ids.reverse();
    let runs = store.runs(&account());
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = runs.list(&"f".into(), before.as_deref(), 3).await.expect("listed");
        seen.extend(page.items.into_iter().map(|run| run.id));
        start(store, "f").await;
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    assert!(runs.list(&"f".into(), Some("no number"), 3).await.is_err());
}

pub async fn the_latest_run_of_each_flow(store: &Store) {
    for name in ["f", "g", "h"] {
        create_flow(store, name, &[]).await;
    }
    start(store, "f").await;
    let latest = [start(store, "f").await, start(store, "g").await];
    let flows = ["f", "g", "h"].map(FlowName::from);
    let mut runs = store.runs(&account()).latest(&flows).await.expect("listed");
    runs.sort_by(|a, b| a.flow.cmp(&b.flow));
    let ids: Vec<_> = runs.into_iter().map(|run| run.id).collect();
    assert_eq!(ids, latest);
}

pub async fn cancelling_depends_on_what_the_run_does(store: &Store) {
    for name in ["f", "g"] {
        create_flow(store, name, &[]).await;
    }
    let runs = store.runs(&account());
    let (running, publishing) = (start(store, "f").await, start(store, "g").await);
    let first = store.queue().claim("w", 60_000).await.expect("claimed").expect("a run");
    let second = store.queue().claim("w", 60_000).await.expect("claimed").expect("a run");
    let to_publish = if first.run.id == publishing { first } else { second };
    let counts = RunCounts::default();
    store.queue().publishing(&to_publish.lease, &CommitList::default(), &counts).await.expect("recorded");
    let queued = start(store, "f").await;

    let unknown = ExecutionId::random();
    let ids = [running.clone(), publishing.clone(), unknown.clone()];
    // The run of another flow is none of this one's.
    let invalid = runs.cancel(&"f".into(), Some(&ids)).await.expect("asked");
    assert_eq!(invalid, [publishing.clone(), unknown]);
    let invalid = runs.cancel(&"g".into(), Some(std::slice::from_ref(&publishing))).await.expect("asked");
    assert_eq!(invalid, std::slice::from_ref(&publishing), "past cancelling");
    assert_eq!(runs.cancel(&"f".into(), None).await.expect("asked"), []);
    for (id, status) in [
        (running, RunStatus::CancelStarted),
        (publishing, RunStatus::Publishing),
        (queued, RunStatus::Canceled),
    ] {
        assert_eq!(runs.get(&id).await.expect("there").status, status);
    }
    let counts = store.queue().counts().await.expect("counted");
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [("CancelStarted", 1), ("Canceled", 1), ("Publishing", 1)]
    );
    assert_eq!(store.queue().unfinished().await.expect("listed").len(), 2);
    // A call that comes twice gets its first answer.
    let token = call("StartFlow", "t", "f", serde_json::json!({"executionId": "first"}));
    let id = ExecutionId::random();
    assert!(matches!(
        runs.enqueue(&"f".into(), &id, None, Some(&token)).await,
        Ok(Outcome::Fresh(Enqueued::Queued))
    ));
    let again = runs.enqueue(&"f".into(), &ExecutionId::random(), None, Some(&token)).await.expect("asked");
    assert_eq!(again, Outcome::Replayed(serde_json::json!({"executionId": "first"})));
}
