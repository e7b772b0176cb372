//! Access keys.

use tidegate_core::{AccountId, Secret};
use tidegate_store::{KeyKind, Kind, NewAccessKey, RootKeyChange, Store, StoreError};

use crate::support::account;

fn key(id: &str, secret: &str) -> NewAccessKey {
    NewAccessKey {
        id: id.to_owned(),
        secret: Secret::new(secret.to_owned()),
        kind: KeyKind::User,
        session_token: None,
        expires_at_ms: None,
    }
}

pub async fn a_key_is_stored_opened_and_barred(store: &Store) {
    let keys = store.access_keys();
    keys.create(&account(), key("AKIA1", "secret/one+")).await.expect("created");
    let temporary = NewAccessKey {
        session_token: Some(Secret::new("token==".to_owned())),
        expires_at_ms: Some(5),
        ..key("ASIA2", "secret two")
    };
    keys.create(&account(), temporary).await.expect("created");
    let open = keys.get("AKIA1").await.expect("asked").expect("there");
    assert_eq!(open.secret.expose(), "secret/one+");
    assert_eq!((open.session_token, open.key.enabled, open.key.account), (None, true, account()));
    let open = keys.get("ASIA2").await.expect("asked").expect("there");
    assert_eq!(open.secret.expose(), "secret two");
    assert_eq!(open.session_token.expect("a token").expose(), "token==");
    assert_eq!(open.key.expires_at_ms, Some(5));
    assert!(keys.get("AKIA0").await.expect("asked").is_none());
    let again = keys.create(&AccountId::new("1"), key("AKIA1", "x")).await;
    assert!(matches!(again, Err(StoreError::Conflict { kind: Kind::AccessKey, .. })));
    let two_lines = keys.create(&account(), key("AKIA3", "two\nlines")).await;
    assert!(matches!(two_lines, Err(StoreError::Vault(_))));

    keys.set_enabled(&account(), "AKIA1", false).await.expect("barred");
    assert!(!keys.get("AKIA1").await.expect("asked").expect("there").key.enabled);
    let other = keys.set_enabled(&AccountId::new("1"), "AKIA1", true).await;
    assert!(matches!(other, Err(StoreError::NotFound { .. })));
    let listed = keys.list(&account()).await.expect("listed");
    let ids: Vec<_> = listed.iter().map(|key| (key.id.as_str(), key.enabled)).collect();
    assert_eq!(ids, [("AKIA1", false), ("ASIA2", true)]);
}

pub async fn a_root_key_is_replaced_only_by_another(store: &Store) {
    let keys = store.access_keys();
    keys.create(&account(), key("AKIAUSER", "user")).await.expect("created");
    let set =
        async |id: &str, secret: &str| keys.set_root(&account(), id, Secret::new(secret.to_owned())).await;
    assert!(keys.root(&account()).await.expect("asked").is_none());
    assert_eq!(set("AKIAROOT", "one").await.expect("set"), RootKeyChange::Created);
    assert_eq!(set("AKIAROOT", "one").await.expect("set"), RootKeyChange::Unchanged);
    assert_eq!(set("AKIAROOT", "two").await.expect("set"), RootKeyChange::Replaced);
    assert_eq!(set("AKIANEW", "two").await.expect("set"), RootKeyChange::Replaced);
    assert!(keys.get("AKIAROOT").await.expect("asked").is_none());
    let root = keys.root(&account()).await.expect("asked").expect("there");
    assert_eq!((root.key.id.as_str(), root.secret.expose().as_str()), ("AKIANEW", "two"));
    let taken = set("AKIAUSER", "three").await;
    assert!(matches!(taken, Err(StoreError::Conflict { .. })));
    assert!(keys.root(&account()).await.expect("asked").is_some(), "the root key is still there");
    // One that was barred by mistake comes back when it is given anew.
    keys.set_enabled(&account(), "AKIANEW", false).await.expect("barred");
    assert_eq!(set("AKIANEW", "two").await.expect("set"), RootKeyChange::Replaced);
    assert!(keys.get("AKIANEW").await.expect("asked").expect("there").key.enabled);
}
