//! Client tokens.

use serde_json::json;
use tidegate_core::AccountId;
use tidegate_store::{Outcome, Store, StoreError};

use crate::support::*;

const CREATE: &str = "CreateConnectorProfile";

async fn create_with(
    store: &Store,
    name: &str,
    token: &tidegate_store::Idempotent,
) -> Result<Outcome<tidegate_core::Connection>, StoreError> {
    let sample = connection(name);
    let place = destination(&sample);
    store.connections(&account()).create(sample, Some(credentials("one")), &place, Some(token)).await
}

pub async fn a_call_that_comes_twice_has_its_effect_once(store: &Store) {
    let token = call(CREATE, "t", "input", json!({"arn": 1}));
    assert_eq!(store.replay(&account(), &token).await.expect("asked"), None);
    assert!(matches!(create_with(store, "a", &token).await, Ok(Outcome::Fresh(_))));
    // The answer is that of the first call, whatever the second would say.
    let again = call(CREATE, "t", "input", json!({"arn": 2}));
    assert_eq!(create_with(store, "a", &again).await.expect("asked"), Outcome::Replayed(json!({"arn": 1})));
    assert_eq!(store.replay(&account(), &again).await.expect("asked"), Some(json!({"arn": 1})));
    assert_eq!(store.connections(&account()).count().await.expect("counted"), 1);
}

pub async fn calls_that_come_at_once_have_one_effect(store: &Store) {
    let calls = (0..20).map(|number| async move {
        create_with(store, "a", &call(CREATE, "t", "input", json!(number))).await.expect("asked")
    });
    let outcomes = futures::future::join_all(calls).await;
    let fresh = outcomes.iter().position(|outcome| matches!(outcome, Outcome::Fresh(_))).expect("one");
    for (number, outcome) in outcomes.into_iter().enumerate() {
        if number != fresh {
            assert_eq!(outcome, Outcome::Replayed(json!(fresh)));
        }
    }
}

pub async fn another_input_is_refused(store: &Store) {
    create_with(store, "a", &call(CREATE, "t", "input", json!(1))).await.expect("created");
    let other = call(CREATE, "t", "other input", json!(2));
    assert!(matches!(create_with(store, "b", &other).await, Err(StoreError::IdempotencyMismatch)));
    assert!(matches!(store.replay(&account(), &other).await, Err(StoreError::IdempotencyMismatch)));
    assert_eq!(store.connections(&account()).count().await.expect("counted"), 1);
}

pub async fn tokens_of_other_operations_and_accounts_do_not_meet(store: &Store) {
    create_with(store, "a", &call(CREATE, "t", "input", json!(1))).await.expect("created");
    let elsewhere = call("CreateFlow", "t", "input", json!(2));
    assert_eq!(store.replay(&account(), &elsewhere).await.expect("asked"), None);
    let theirs = AccountId::new("111111111111");
    assert_eq!(store.replay(&theirs, &call(CREATE, "t", "other", json!(1))).await.expect("asked"), None);
}

pub async fn a_failed_call_leaves_no_token(store: &Store) {
    create(store, "a", "one").await;
    let token = call(CREATE, "t", "input", json!(1));
    assert!(matches!(create_with(store, "a", &token).await, Err(StoreError::Conflict { .. })));
    assert_eq!(store.replay(&account(), &token).await.expect("asked"), None);
    assert!(matches!(create_with(store, "b", &token).await, Ok(Outcome::Fresh(_))));
}

pub async fn an_expired_token_is_free_again(store: &Store) {
    create_with(store, "a", &call(CREATE, "t", "input", json!(1))).await.expect("created");
    create_with(store, "b", &call(CREATE, "u", "input", json!(1))).await.expect("created");
    let mut raw = raw(store.keyring().path.parent().expect("beside the data")).await;
    sqlx::query("UPDATE idempotency SET expires_at_ms = 1").execute(&mut raw).await.expect("aged");
    let other = call(CREATE, "t", "other input", json!(2));
    assert_eq!(store.replay(&account(), &other).await.expect("asked"), None);
    assert!(matches!(create_with(store, "c", &other).await, Ok(Outcome::Fresh(_))));
    assert_eq!(store.replay(&account(), &other).await.expect("asked"), Some(json!(2)));
    assert_eq!(store.forget_tokens().await.expect("cleaned"), 1);
    assert_eq!(store.forget_tokens().await.expect("cleaned"), 0);
    assert_eq!(store.replay(&account(), &other).await.expect("asked"), Some(json!(2)));
}
