//! The list of connections that people look at, and the checks it shows.

use std::time::{Duration, Instant};

use tidegate_core::{AccountId, ConnectionMode, ConnectorType};
use tidegate_store::{CheckResult, ConnectionCheck, ConnectionQuery, ConnectionSort, HealthFilter, Store};

use crate::support::*;

fn check(result: CheckResult, at: i64) -> ConnectionCheck {
    ConnectionCheck { result, message: format!("{} at {at}", result.as_str()), checked_at_ms: at }
}

fn all() -> ConnectionQuery {
    ConnectionQuery { limit: 100, ..ConnectionQuery::default() }
}

async fn names(store: &Store, query: &ConnectionQuery) -> (Vec<String>, u64) {
    let (items, total) = store.connections(&account()).page(query).await.expect("a page");
    (items.into_iter().map(|item| item.name.as_str().to_owned()).collect(), total)
}

pub async fn the_list_filters_sorts_and_counts(store: &Store) {
    let connections = store.connections(&account());
    let mut add = Vec::new();
    for (name, kind, label, mode, updated) in [
        ("beta", ConnectorType::Slack, None, ConnectionMode::Public, 300),
        ("Alpha_1", ConnectorType::SapOData, None, ConnectionMode::Private, 100),
        ("alphaX1", ConnectorType::CustomConnector, Some("Two"), ConnectionMode::Public, 200),
        ("gam%ma", ConnectorType::CustomConnector, Some("One"), ConnectionMode::Public, 200),
    ] {
        let mut sample = connection(name);
        (sample.connector_type, sample.mode, sample.updated_at_ms) = (kind, mode, updated);
        sample.connector_label = label.map(str::to_owned);
        connections.create(sample.clone(), None, "", None).await.expect("created");
        add.push(sample);
    }
    // Another account's rows are never counted.
    let other = AccountId::new("111111111111");
    store.connections(&other).create(connection("beta"), None, "", None).await.expect("created");
    create_flow(store, "f1", &["beta"]).await;
    create_flow(store, "f2", &["beta", "gam%ma"]).await;
    connections.checked(&add[0], check(CheckResult::Refused, 1)).await.expect("kept");
    connections.checked(&add[2], check(CheckResult::Proved, 1)).await.expect("kept");

    let sorted =
        async |sort, descending| names(store, &ConnectionQuery { sort, descending, ..all() }).await.0;
    assert_eq!(sorted(ConnectionSort::Name, false).await, ["Alpha_1", "alphaX1", "beta", "gam%ma"]);
    assert_eq!(sorted(ConnectionSort::Name, true).await, ["gam%ma", "beta", "alphaX1", "Alpha_1"]);
    assert_eq!(sorted(ConnectionSort::ConnectorType, false).await, ["gam%ma", "alphaX1", "Alpha_1", "beta"]);
    assert_eq!(sorted(ConnectionSort::Mode, false).await, ["alphaX1", "beta", "gam%ma", "Alpha_1"]);
    assert_eq!(sorted(ConnectionSort::Updated, false).await, ["Alpha_1", "alphaX1", "gam%ma", "beta"]);
    // Equal ones keep the order of their names, whatever the direction.
    assert_eq!(sorted(ConnectionSort::Updated, true).await, ["beta", "alphaX1", "gam%ma", "Alpha_1"]);
    assert_eq!(sorted(ConnectionSort::Health, true).await, ["beta", "alphaX1", "Alpha_1", "gam%ma"]);
    assert_eq!(sorted(ConnectionSort::UsedBy, true).await, ["beta", "gam%ma", "Alpha_1", "alphaX1"]);

    let found = async |text: &str| {
        names(store, &ConnectionQuery { name_contains: Some(text.to_owned()), ..all() }).await.0
    };
    assert_eq!(found("ALPHA").await, ["Alpha_1", "alphaX1"]);
    assert_eq!(found("a_1").await, ["Alpha_1"], "an underscore stands for itself");
    assert_eq!(found("%").await, ["gam%ma"], "a percent sign stands for itself");
    assert_eq!(found("\\").await, [""; 0]);
    assert_eq!(found("").await.len(), 4);

    let custom = ConnectionQuery { connector_type: Some(ConnectorType::CustomConnector), ..all() };
    assert_eq!(names(store, &custom).await, (vec!["alphaX1".to_owned(), "gam%ma".to_owned()], 2));
    let one = ConnectionQuery { connector_label: Some("One".to_owned()), ..custom };
    assert_eq!(names(store, &one).await, (vec!["gam%ma".to_owned()], 1));
    let health = async |results: &[CheckResult], unchecked| {
        let health = Some(HealthFilter { results: results.to_vec(), unchecked });
        names(store, &ConnectionQuery { health, ..all() }).await.0
    };
    assert_eq!(health(&[CheckResult::Refused, CheckResult::Proved], false).await, ["alphaX1", "beta"]);
    assert_eq!(health(&[CheckResult::Refused], true).await, ["Alpha_1", "beta", "gam%ma"]);
    assert_eq!(health(&[], false).await, [""; 0]);

    let part = ConnectionQuery { offset: 1, limit: 2, ..all() };
    assert_eq!(names(store, &part).await, (vec!["alphaX1".to_owned(), "beta".to_owned()], 4));
    assert_eq!(names(store, &ConnectionQuery { offset: 9, ..all() }).await, (Vec::new(), 4));

    let (items, _) =
        connections.page(&ConnectionQuery { offset: 2, limit: 1, ..all() }).await.expect("a page");
    assert_eq!((items[0].used_by, items[0].updated_at_ms, items[0].mode), (2, 300, ConnectionMode::Public));
    assert_eq!(items[0].check, Some(check(CheckResult::Refused, 1)));
}

pub async fn a_check_lives_as_long_as_what_was_checked(store: &Store) {
    let connections = store.connections(&account());
    let made = create(store, "c", "p").await;
    let last = async || connections.last_check(&"c".into()).await.expect("read");
    assert_eq!(last().await, None);
    connections.checked(&made, check(CheckResult::Proved, 5)).await.expect("kept");
    connections.checked(&made, check(CheckResult::Refused, 7)).await.expect("kept");
    // One that ends late does not hide a newer one.
    connections.checked(&made, check(CheckResult::Unreachable, 6)).await.expect("dropped");
    assert_eq!(last().await, Some(check(CheckResult::Refused, 7)));

    // A rotated token is stored under the same time and changes nothing.
    let place = destination(&made);
    connections.update(made.clone(), Some(credentials("q")), &place, None).await.expect("rotated");
    assert!(last().await.is_some());
    let mut changed = made.clone();
    changed.updated_at_ms = 200;
    connections.update(changed.clone(), None, &place, None).await.expect("updated");
    assert_eq!(last().await, None);
    // A check of what it was before is of no use any more.
    connections.checked(&made, check(CheckResult::Proved, 9)).await.expect("dropped");
    assert_eq!(last().await, None);
    connections.checked(&changed, check(CheckResult::CannotBeTested, 9)).await.expect("kept");
    assert!(last().await.is_some());

    connections.delete(&"c".into(), false).await.expect("deleted");
    assert_eq!(last().await, None);
    create(store, "c", "p").await;
    assert_eq!(last().await, None, "a namesake starts without one");
}

/// The bound is loose, because tests share the machine; a list that reads or
/// sorts whole rows is far beyond it.
pub async fn ten_thousand_connections_are_listed_at_once(store: &Store) {
    let folder = store.keyring().path;
    let mut raw = raw(folder.parent().expect("the data folder")).await;
    sqlx::query(
        "INSERT INTO connection (account, name, id, connector_type, connector_label, mode, properties,
                                 credentials_version, created_at_ms, updated_at_ms)
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
         SELECT '000000000000', 'connection-' || i, i, CASE i % 3 WHEN 0 THEN 'SAPOData' WHEN 1 THEN 'Slack'
                ELSE 'Salesforce' END, NULL, CASE i % 7 WHEN 0 THEN 'Private' ELSE 'Public' END,
                '{\"x\": \"' || hex(zeroblob(600)) || '\"}', 0, i, i * 7919 % 10007 FROM n",
    )
    .execute(&mut raw)
    .await
    .expect("rows");
    sqlx::query(
        "INSERT INTO connection_check SELECT account, name, CASE updated_at_ms % 2 WHEN 0 THEN 'Proved' ELSE
         'Refused' END, 'm', 1 FROM connection WHERE created_at_ms % 4 > 0",
    )
    .execute(&mut raw)
    .await
    .expect("rows");
    for flow in 0..200 {
        create_flow(store, &format!("f{flow}"), &[&format!("connection-{}", flow * 3)]).await;
    }
    let connections = store.connections(&account());
    let mut slowest = (Duration::ZERO, ConnectionSort::Name, false);
    for sort in [
        ConnectionSort::Name,
        ConnectionSort::ConnectorType,
        ConnectionSort::Mode,
        ConnectionSort::Updated,
        ConnectionSort::Health,
        ConnectionSort::UsedBy,
    ] {
        for filtered in [false, true] {
            let query = ConnectionQuery {
                connector_type: filtered.then_some(ConnectorType::SapOData),
                name_contains: filtered.then(|| "TION-1".to_owned()),
                health: filtered
                    .then(|| HealthFilter { results: vec![CheckResult::Proved], unchecked: true }),
                sort,
                descending: true,
                offset: if filtered { 50 } else { 5_000 },
                limit: 20,
                ..ConnectionQuery::default()
            };
            // The best of three: other tests run at the same time.
            let mut best = Duration::MAX;
            for _ in 0..3 {
                let started = Instant::now();
                let (items, total) = connections.page(&query).await.expect("a page");
                best = best.min(started.elapsed());
                assert_eq!(items.len(), 20);
                assert!(filtered || total == 10_000);
            }
            if best > slowest.0 {
                slowest = (best, sort, filtered);
            }
        }
    }
    assert!(slowest.0 < Duration::from_millis(150), "{slowest:?}");
}
