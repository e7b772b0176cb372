//! Flows: stored, listed, changed and deleted.

use std::collections::BTreeMap;

use serde_json::json;
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{CommitList, RunCounts};
use tidegate_store::{FlowRecord, Kind, Store, StoreError};

use crate::support::*;

pub async fn a_flow_lives_and_dies(store: &Store) {
    let flows = store.flows(&account());
    create(store, "a", "one").await;
    create(store, "b", "one").await;
    create_flow(store, "f", &["a"]).await;
    assert_eq!(flows.get(&"f".into()).await.expect("there"), flow("f"));
    let again = flows.create(flow("f"), &[], None).await;
    assert!(matches!(again, Err(StoreError::Conflict { kind: Kind::Flow, .. })));

    let mut wanted = flow("f");
    wanted.definition = json!({"tasks": [1]});
    wanted.status = FlowStatus::Suspended;
    wanted.status_message = Some("why".to_owned());
    wanted.schema_version = 2;
    wanted.updated_at_ms = 200;
    wanted.updated_by = "arn:bob".to_owned();
    wanted.tags = BTreeMap::from([("k".into(), "v".into())]);
    let mut given = wanted.clone();
    given.created_by = "arn:nobody".to_owned();
    let change = |row: &mut FlowRecord| {
        *row = given;
        Ok(())
    };
    let changed = flows.change(&"f".into(), Some(&["b".into()]), None, change).await.expect("changed");
    assert_eq!(changed.fresh().expect("fresh"), wanted, "who made it stays");
    assert_eq!(flows.get(&"f".into()).await.expect("there"), wanted);
    let connections = store.connections(&account());
    assert!(connections.flows_using(&"a".into()).await.expect("listed").is_empty());
    assert_eq!(connections.flows_using(&"b".into()).await.expect("listed"), ["f".into()]);

    let change = |row: &mut FlowRecord| {
        row.tags.clear();
        Err("no".to_owned())
    };
    let refused = flows.change(&"f".into(), None, None, change).await;
    assert!(matches!(refused, Err(StoreError::Refused(text)) if text == "no"));
    let unknown = flows.change(&"f".into(), Some(&["nobody".into()]), None, |_| Ok(())).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { kind: Kind::Connection, .. })));
    assert_eq!(flows.get(&"f".into()).await.expect("there"), wanted, "nothing of it is written");
    assert_eq!(connections.flows_using(&"b".into()).await.expect("listed"), ["f".into()]);

    assert_eq!(flows.count().await.expect("counted"), 1);
    flows.delete(&"f".into(), false).await.expect("deleted");
    assert!(matches!(flows.get(&"f".into()).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(flows.delete(&"f".into(), true).await, Err(StoreError::NotFound { .. })));
    assert!(connections.flows_using(&"b".into()).await.expect("listed").is_empty());
    let gone = flows.change(&"f".into(), None, None, |_| Ok(())).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
}

pub async fn a_flow_uses_only_connections_that_exist(store: &Store) {
    let flows = store.flows(&account());
    let refused = flows.create(flow("f"), &["nobody".into()], None).await;
    match refused {
        Err(StoreError::NotFound { kind: Kind::Connection, name }) => assert_eq!(name, "nobody"),
        other => panic!("{other:?}"),
    }
    assert!(flows.get(&"f".into()).await.is_err(), "nothing of it is stored");
}

pub async fn flows_page_in_the_order_of_their_names(store: &Store) {
    for name in ["c", "a", "d", "b", "e"] {
        create_flow(store, name, &[]).await;
    }
    let flows = store.flows(&account());
    let first = flows.list(None, 2).await.expect("listed");
    create_flow(store, "aa", &[]).await;
    let second = flows.list(first.next.as_deref(), 10).await.expect("listed");
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|flow| flow.name.to_string()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert_eq!(second.next, None);
}

pub async fn a_flow_with_a_run_under_way_is_kept(store: &Store) {
    let flows = store.flows(&account());
    create_flow(store, "f", &[]).await;
    let id = start(store, "f").await;
    let refused = flows.delete(&"f".into(), false).await;
    assert!(matches!(refused, Err(StoreError::FlowActive { publishing: false, .. })));
    let claimed = store.queue().claim("w", 60_000).await.expect("claimed").expect("a run");
    let counts = RunCounts::default();
    store.queue().publishing(&claimed.lease, &CommitList::default(), &counts, None).await.expect("recorded");
    let refused = flows.delete(&"f".into(), true).await;
    assert!(matches!(refused, Err(StoreError::FlowActive { publishing: true, .. })));
    let ending = tidegate_store::Ending::Successful;
    store.queue().finish(&claimed.lease, ending, &counts, None).await.expect("ended");

    start(store, "f").await;
    let claimed = store.queue().claim("w", 60_000).await.expect("claimed").expect("a run");
    flows.delete(&"f".into(), true).await.expect("deleted");
    let stale = store.queue().heartbeat(&claimed.lease, 1).await;
    assert!(matches!(stale, Err(StoreError::Stale)));
    assert!(store.runs(&account()).get(&id).await.is_err(), "its runs go with it");
}
