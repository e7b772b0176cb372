//! Connections: stored, listed, updated, opened and deleted.

use serde_json::json;
use tidegate_core::{AccountId, ConnectionMode, ConnectorType, Credentials};
use tidegate_store::{ConnectionFilter, Kind, Store, StoreError, VaultError};

use crate::support::*;

pub async fn what_is_created_is_read_back(store: &Store) {
    let connections = store.connections(&account());
    let mut sample = connection("a/b!@#+=c");
    sample.connector_type = ConnectorType::CustomConnector;
    sample.connector_label = Some("label".to_owned());
    sample.mode = ConnectionMode::Private;
    sample.kms_arn = Some("arn:aws:kms:x".to_owned());
    sample.properties = json!({"z": 1.50, "a": {"ü": ["x", null, true]}, "big": 123_456_789_012_345_678_u64});
    let secret = Credentials::new(json!({"token": "täken", "n": 1, "nested": [{"k": null}]}));
    let made = connections.create(sample.clone(), Some(secret.clone()), "there", None).await;
    let made = made.expect("created").fresh().expect("fresh");
    sample.credentials_version = 1;
    assert_eq!(made, sample);
    assert_eq!(connections.get(&sample.name).await.expect("there"), sample);
    let open = connections.open(&sample.name, |_| "there".to_owned()).await.expect("opens");
    assert_eq!((open.connection, open.credentials), (sample, secret));

    let bare = connections.create(connection("bare"), None, "", None).await.expect("created");
    let bare = bare.fresh().expect("fresh");
    assert_eq!((bare.credentials_version, bare.credentials_arn), (0, None));
    let open = open_connection(store, "bare").await.expect("opens");
    assert_eq!(open.credentials.expose(), &json!({}));
    assert_eq!(connections.count().await.expect("counted"), 2);
    let missing = connections.get(&"nobody".into()).await;
    assert!(matches!(missing, Err(StoreError::NotFound { kind: Kind::Connection, .. })));
}

pub async fn a_name_is_taken_once(store: &Store) {
    create(store, "a", "first").await;
    let second = Some(credentials("second"));
    let again = store.connections(&account()).create(connection("a"), second, "", None).await;
    assert!(matches!(again, Err(StoreError::Conflict { kind: Kind::Connection, .. })));
    assert_eq!(password(store, "a").await.expect("opens"), "first");

    // Of those who come at once, one gets it, and it gets its own secret.
    let racers = (0..20).map(|number| {
        let sample = connection("race");
        let place = destination(&sample);
        async move {
            let secret = Some(credentials(&number.to_string()));
            store.connections(&account()).create(sample, secret, &place, None).await.is_ok()
        }
    });
    let won = futures::future::join_all(racers).await;
    let winner = won.iter().position(|won| *won).expect("one wins");
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(password(store, "race").await.expect("opens"), winner.to_string());
}

pub async fn lists_filter_and_page_stably(store: &Store) {
    let connections = store.connections(&account());
    for number in 0..25 {
        let mut sample = connection(&format!("c{number:02}"));
        if number % 5 == 0 {
            sample.connector_type = ConnectorType::CustomConnector;
            sample.connector_label = Some(if number % 2 == 0 { "even" } else { "odd" }.to_owned());
        }
        connections.create(sample, None, "", None).await.expect("created");
    }
    let all = ConnectionFilter::default();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = connections.list(&all, after.as_deref(), 7).await.expect("listed");
        seen.extend(page.items.iter().map(|item| item.name.to_string()));
        // What comes before the place, or goes there, moves nothing behind it.
        connections.create(connection(&format!("b{}", seen.len())), None, "", None).await.expect("created");
        if seen.len() == 14 {
            connections.delete(&"c13".into(), false).await.expect("deleted");
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let expected: Vec<String> = (0..25).map(|number| format!("c{number:02}")).collect();
    assert_eq!(seen, expected);

    let of_type = |kind| ConnectionFilter { connector_type: Some(kind), ..Default::default() };
    let labelled =
        |label: &str| ConnectionFilter { connector_label: Some(label.to_owned()), ..Default::default() };
    let named = |names: &[&str]| ConnectionFilter {
        names: Some(names.iter().map(|name| (*name).into()).collect()),
        ..Default::default()
    };
    let cases = [
        (of_type(ConnectorType::CustomConnector), vec!["c00", "c05", "c10", "c15", "c20"]),
        (labelled("odd"), vec!["c05", "c15"]),
        (named(&["c20", "nobody", "c01"]), vec!["c01", "c20"]),
        (named(&[]), vec![]),
        (ConnectionFilter { connector_type: Some(ConnectorType::Slack), ..named(&["c01"]) }, vec![]),
    ];
    for (filter, expected) in cases {
        let page = connections.list(&filter, None, 100).await.expect("listed");
        let names: Vec<&str> = page.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, expected, "{filter:?}");
        assert_eq!(page.next, None);
    }
}

pub async fn an_update_replaces_and_keeps_the_previous_version(store: &Store) {
    let connections = store.connections(&account());
    create(store, "a", "one").await;
    let mut wanted = connection("a");
    wanted.properties = json!({"applicationHostUrl": "https://other.example", "portNumber": 444});
    wanted.mode = ConnectionMode::Private;
    wanted.updated_at_ms = 200;
    wanted.created_at_ms = 999;
    wanted.credentials_arn = Some("arn:another".to_owned());
    wanted.kms_arn = Some("arn:ignored".to_owned());
    let place = destination(&wanted);
    let updated = connections.update(wanted.clone(), Some(credentials("two")), &place, None).await;
    let updated = updated.expect("updated").fresh().expect("fresh");
    assert_eq!(
        (updated.created_at_ms, updated.updated_at_ms, updated.credentials_version, &updated.kms_arn),
        (100, 200, 2, &None)
    );
    assert_eq!(updated.credentials_arn.as_deref(), Some("arn:a"), "clients keep the ARN they know");
    assert_eq!(connections.get(&"a".into()).await.expect("there"), updated);
    assert_eq!(password(store, "a").await.expect("opens"), "two");
    let before = connections.open_previous(&"a".into(), |_| destination(&connection("a"))).await;
    let before = before.expect("the previous version opens where it was meant for");
    assert_eq!(before.credentials.get("basicAuthCredentials.password"), Some("one"));
    let elsewhere = connections.open_previous(&"a".into(), destination).await;
    assert!(matches!(elsewhere, Err(StoreError::Vault(VaultError::NotAuthentic))));

    connections.update(wanted.clone(), Some(credentials("three")), &place, None).await.expect("updated");
    let before = connections.open_previous(&"a".into(), destination).await.expect("opens");
    assert_eq!(before.credentials.get("basicAuthCredentials.password"), Some("two"));
    let missing = connections.update(connection("nobody"), None, "", None).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
}

pub async fn kept_credentials_stay_bound_to_their_destination(store: &Store) {
    let connections = store.connections(&account());
    create(store, "a", "one").await;
    let mut wanted = connection("a");
    wanted.properties["logonLanguage"] = json!("DE");
    wanted.updated_at_ms = 200;
    let place = destination(&wanted);
    let kept = connections.update(wanted.clone(), None, &place, None).await.expect("updated");
    assert_eq!(kept.fresh().expect("fresh").credentials_version, 1);
    assert_eq!(password(store, "a").await.expect("opens"), "one");

    wanted.properties["applicationHostUrl"] = json!("https://evil.example");
    let moved = connections.update(wanted.clone(), None, &destination(&wanted), None).await;
    assert!(matches!(moved, Err(StoreError::DestinationChanged)));
    // Even a caller that lies about the destination leaves nothing that opens.
    connections.update(wanted, None, &place, None).await.expect("the text is what counts");
    let opened = open_connection(store, "a").await;
    assert!(matches!(opened, Err(StoreError::Vault(VaultError::NotAuthentic))));
}

pub async fn an_update_cannot_change_what_a_connection_is(store: &Store) {
    create(store, "a", "one").await;
    let mut other_type = connection("a");
    other_type.connector_type = ConnectorType::Slack;
    let mut other_label = connection("a");
    other_label.connector_label = Some("label".to_owned());
    for wanted in [other_type, other_label] {
        let place = destination(&wanted);
        let refused = store.connections(&account()).update(wanted, None, &place, None).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    }
}

pub async fn deletion_names_the_flows_and_obeys_force(store: &Store) {
    let connections = store.connections(&account());
    create(store, "a", "one").await;
    create_flow(store, "f2", &["a"]).await;
    create_flow(store, "f1", &["a", "a"]).await;
    match connections.delete(&"a".into(), false).await {
        Err(StoreError::InUse { connection, flows }) => {
            assert_eq!(connection.as_str(), "a");
            assert_eq!(flows, ["f1".into(), "f2".into()]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(password(store, "a").await.expect("still there"), "one");
    assert_eq!(connections.flows_using(&"a".into()).await.expect("listed").len(), 2);
    connections.delete(&"a".into(), true).await.expect("deleted");
    assert!(matches!(connections.delete(&"a".into(), true).await, Err(StoreError::NotFound { .. })));
    assert!(store.flows(&account()).get(&"f1".into()).await.is_ok(), "the flows stay");
}

pub async fn credentials_do_not_survive_into_a_namesake(store: &Store) {
    let connections = store.connections(&account());
    create(store, "a", "one").await;
    connections.delete(&"a".into(), false).await.expect("deleted");
    connections.create(connection("a"), None, "", None).await.expect("created");
    assert_eq!(open_connection(store, "a").await.expect("opens").credentials.expose(), &json!({}));
    connections.delete(&"a".into(), false).await.expect("deleted");
    create(store, "a", "two").await;
    assert_eq!(password(store, "a").await.expect("opens"), "two");
}

pub async fn accounts_do_not_see_one_another(store: &Store) {
    create(store, "a", "one").await;
    let other = AccountId::new("111111111111");
    let theirs = store.connections(&other);
    assert!(matches!(theirs.get(&"a".into()).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(theirs.delete(&"a".into(), true).await, Err(StoreError::NotFound { .. })));
    let sample = connection("a");
    let place = destination(&sample);
    theirs.create(sample, Some(credentials("two")), &place, None).await.expect("their own");
    theirs.delete(&"a".into(), true).await.expect("their own");
    assert_eq!(password(store, "a").await.expect("opens"), "one");
}
