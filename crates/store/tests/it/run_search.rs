//! Runs, searched.

use tidegate_core::run::RunStatus;
use tidegate_core::{ExecutionId, FlowName};
use tidegate_store::{RunQuery, Store};

use crate::support::*;

async fn found(store: &Store, query: &RunQuery) -> (Vec<ExecutionId>, u64) {
    let (page, total) = store.runs(&account()).search(query).await.expect("searched");
    (page.items.into_iter().map(|run| run.id).collect(), total)
}

fn all() -> RunQuery {
    RunQuery { limit: 100, ..RunQuery::default() }
}

pub async fn each_condition_narrows_the_search_down(store: &Store) {
    for name in ["f", "g"] {
        create_flow(store, name, &[]).await;
    }
    let mut ids = Vec::new();
    for flow in ["f", "f", "g"] {
        ids.push(start(store, flow).await);
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    let runs = store.runs(&account());
    runs.cancel(&"f".into(), Some(&ids[..1])).await.expect("cancelled");
    let second = runs.get(&ids[1]).await.expect("there").started_at_ms;
    let [first_id, second_id, third_id] = [0, 1, 2].map(|at| ids[at].clone());
    let flow = |name: &str| Some(FlowName::from(name));
    for (query, want) in [
        (all(), vec![&third_id, &second_id, &first_id]),
        (RunQuery { flow: flow("f"), ..all() }, vec![&second_id, &first_id]),
        (RunQuery { flow: flow("h"), ..all() }, vec![]),
        (RunQuery { statuses: vec![RunStatus::Queued], ..all() }, vec![&third_id, &second_id]),
        (RunQuery { statuses: vec![RunStatus::Canceled, RunStatus::Error], ..all() }, vec![&first_id]),
        (RunQuery { id: Some(second_id.clone()), ..all() }, vec![&second_id]),
        (RunQuery { id: Some(second_id.clone()), flow: flow("g"), ..all() }, vec![]),
        (RunQuery { started_from_ms: Some(second), ..all() }, vec![&third_id, &second_id]),
        (RunQuery { started_before_ms: Some(second), ..all() }, vec![&first_id]),
        (
            RunQuery { started_from_ms: Some(second), started_before_ms: Some(second + 1), ..all() },
            vec![&second_id],
        ),
    ] {
        let (ids, total) = found(store, &query).await;
        assert_eq!(ids.iter().collect::<Vec<_>>(), want, "{query:?}");
        assert_eq!(total, u64::try_from(want.len()).expect("few"));
    }
}

pub async fn pages_of_a_search_do_not_move_and_parts_of_it_can_be_left_out(store: &Store) {
    create_flow(store, "f", &[]).await;
    for _ in 0..7 {
        start(store, "f").await;
    }
    let (whole, total) = found(store, &all()).await;
    assert_eq!(total, 7);
    let (mut seen, mut query) = (Vec::new(), RunQuery { limit: 3, ..all() });
    loop {
        let (page, _) = store.runs(&account()).search(&query).await.expect("searched");
        seen.extend(page.items.into_iter().map(|run| run.id));
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        start(store, "f").await;
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, whole, "new runs move none of the pages behind");
    let (part, total) = found(store, &RunQuery { offset: 8, limit: 1, ..all() }).await;
    assert_eq!((part.len(), total), (1, 10));
    assert!(whole.contains(&part[0]));
    let bad = RunQuery { after: Some("no position".to_owned()), ..all() };
    assert!(store.runs(&account()).search(&bad).await.is_err());
}
