//! Runs as users see them.

use tidegate_core::run::{CommitList, RunCounts, RunOptions, RunStatus, RunTrigger};
use tidegate_core::schedule::{PullMode, PullWindow};
use tidegate_core::{ExecutionId, FlowName};
use tidegate_store::{Ending, Kind, NewRun, Outcome, Store, StoreError};

use crate::support::*;

pub async fn runs_are_asked_for_together_or_not_at_all(store: &Store) {
    create_flow(store, "f", &[]).await;
    let runs = store.runs(&account());
    let ids: Vec<ExecutionId> = (0..3).map(|_| ExecutionId::random()).collect();
    let asked = |id: &ExecutionId, start_ms| NewRun {
        id: id.clone(),
        options: RunOptions {
            window: Some(PullWindow { start_ms, end_ms: start_ms + 10 }),
            filters: vec![serde_json::json!({"taskType": "Filter"})],
            mode: Some(PullMode::Complete),
        },
    };
    let backfill: Vec<NewRun> = ids.iter().zip([0, 10, 20]).map(|(id, start)| asked(id, start)).collect();
    runs.enqueue(&"f".into(), backfill.clone(), None).await.expect("asked");
    for wanted in &backfill {
        let claimed = store.queue().claim("w", 60_000).await.expect("claimed").expect("a run");
        assert_eq!((&claimed.run.id, &claimed.run.options), (&wanted.id, &wanted.options));
        assert_eq!((claimed.run.trigger, claimed.run.ticks), (RunTrigger::OnDemand, None));
        let counts = RunCounts::default();
        store.queue().finish(&claimed.lease, Ending::Successful, &counts, None).await.expect("held");
    }
    let one_is_taken = vec![NewRun::plain(&ExecutionId::random()), NewRun::plain(&ids[0])];
    let refused = runs.enqueue(&"f".into(), one_is_taken, None).await;
    assert!(matches!(refused, Err(StoreError::Conflict { kind: Kind::Run, .. })));
    assert_eq!(runs.list(&"f".into(), None, 10).await.expect("listed").items.len(), 3);
    assert!(store.queue().claim("w", 60_000).await.expect("asked").is_none());
    let missing = runs.enqueue(&"nobody".into(), vec![NewRun::plain(&ExecutionId::random())], None).await;
    assert!(matches!(missing, Err(StoreError::NotFound { kind: Kind::Flow, .. })));
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
    store
        .queue()
        .publishing(&to_publish.lease, &CommitList::default(), &counts, None)
        .await
        .expect("recorded");
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
        runs.enqueue(&"f".into(), vec![NewRun::plain(&id)], Some(&token)).await,
        Ok(Outcome::Fresh(()))
    ));
    let again = vec![NewRun::plain(&ExecutionId::random())];
    let again = runs.enqueue(&"f".into(), again, Some(&token)).await.expect("asked");
    assert_eq!(again, Outcome::Replayed(serde_json::json!({"executionId": "first"})));
}
