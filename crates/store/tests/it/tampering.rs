//! Somebody who can write to the database cannot make it give credentials
//! away, and a keyring that does not belong to it is noticed at the start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sqlx::{Row as _, SqliteConnection};
use tidegate_store::{KeySource, Store, StoreConfig, StoreError, VaultError};

use crate::support::*;

async fn refused(store: &Store, name: &str, what: &str) {
    match open_connection(store, name).await {
        Err(StoreError::Vault(VaultError::NotAuthentic)) => {}
        other => panic!("{what}: {other:?}"),
    }
}

async fn parts(raw: &mut SqliteConnection, owner: &str, version: i64) -> (Vec<u8>, Vec<u8>) {
    let row = sqlx::query("SELECT wrapped_key, body FROM sealed_secret WHERE owner = $1 AND version = $2")
        .bind(owner)
        .bind(version)
        .fetch_one(raw)
        .await
        .expect("a sealed row");
    (row.get(0), row.get(1))
}

async fn put(raw: &mut SqliteConnection, owner: &str, version: i64, parts: &(Vec<u8>, Vec<u8>)) {
    sqlx::query("UPDATE sealed_secret SET wrapped_key = $1, body = $2 WHERE owner = $3 AND version = $4")
        .bind(&parts.0)
        .bind(&parts.1)
        .bind(owner)
        .bind(version)
        .execute(raw)
        .await
        .expect("written");
}

#[tokio::test]
async fn every_flipped_byte_in_the_database_is_refused() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    create(store, "a", "one").await;
    let mut raw = raw(&fixture.data()).await;
    let whole = parts(&mut raw, "a", 1).await;
    for index in 0..whole.0.len() + whole.1.len() {
        let mut flipped = whole.clone();
        match index.checked_sub(whole.0.len()) {
            None => flipped.0[index] ^= 1,
            Some(index) => flipped.1[index] ^= 1,
        }
        put(&mut raw, "a", 1, &flipped).await;
        refused(store, "a", &format!("byte {index}")).await;
    }
    put(&mut raw, "a", 1, &whole).await;
    assert_eq!(password(store, "a").await.expect("opens"), "one");
}

#[tokio::test]
async fn swapped_rows_are_refused() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    create(store, "a", "one").await;
    create(store, "b", "two").await;
    let sample = connection("a");
    let place = destination(&sample);
    let connections = store.connections(&account());
    connections.update(sample, Some(credentials("three")), &place, None).await.expect("updated");
    let mut raw = raw(&fixture.data()).await;
    let (a1, a2, b1) =
        (parts(&mut raw, "a", 1).await, parts(&mut raw, "a", 2).await, parts(&mut raw, "b", 1).await);
    put(&mut raw, "a", 2, &a1).await;
    put(&mut raw, "a", 1, &a2).await;
    refused(store, "a", "another version").await;
    assert!(connections.open_previous(&"a".into(), destination).await.is_err());
    put(&mut raw, "a", 2, &b1).await;
    put(&mut raw, "b", 1, &a2).await;
    refused(store, "a", "another connection").await;
    refused(store, "b", "another connection").await;
    put(&mut raw, "a", 2, &(a2.0.clone(), b1.1.clone())).await;
    refused(store, "a", "another body").await;
    put(&mut raw, "a", 2, &a2).await;
    assert_eq!(password(store, "a").await.expect("opens"), "three");

    // A property that decides where the credentials go, changed behind our back.
    sqlx::query("UPDATE connection SET properties = replace(properties, 'sap.example', 'evil.example')")
        .execute(&mut raw)
        .await
        .expect("written");
    refused(store, "a", "another destination").await;
    sqlx::query("DELETE FROM sealed_secret WHERE owner = 'b'").execute(&mut raw).await.expect("written");
    refused(store, "b", "a missing row").await;
}

#[tokio::test]
async fn a_secret_of_a_deleted_connection_does_not_open_in_its_namesake() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    create(store, "a", "old").await;
    let mut raw = raw(&fixture.data()).await;
    let old = parts(&mut raw, "a", 1).await;
    store.connections(&account()).delete(&"a".into(), false).await.expect("deleted");
    create(store, "a", "new").await;
    put(&mut raw, "a", 1, &old).await;
    refused(store, "a", "the secret of an earlier row").await;
}

#[tokio::test]
async fn without_its_keyring_a_database_does_not_start_and_none_is_made() {
    let mut fixture = Fixture::new().await;
    create(fixture.store(), "a", "one").await;
    let keyring = fixture.store().keyring();
    assert!(keyring.beside_the_data && keyring.created);
    fixture.close().await;
    let aside = fixture.folder().join("aside");
    fs::rename(&keyring.path, &aside).expect("moved");
    let error = open(&fixture.data()).await.expect_err("refused");
    assert!(
        matches!(&error, StoreError::Vault(VaultError::KeyringMissing { path }) if *path == keyring.path)
    );
    assert!(!keyring.path.exists(), "no new keyring is made");

    // A keyring of another installation.
    let other = Fixture::new().await;
    fs::copy(&other.store().keyring().path, &keyring.path).expect("copied");
    match open(&fixture.data()).await.map(drop) {
        Err(StoreError::Vault(error @ VaultError::NoMatchingKey { .. })) => {
            let text = error.to_string();
            assert!(text.contains(&keyring.path.display().to_string()), "{text}");
            assert!(text.contains(&keyring.key_id), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        fs::read(&keyring.path).expect("there"),
        fs::read(&other.store().keyring().path).expect("there"),
        "it is left as it is"
    );

    fs::rename(&aside, &keyring.path).expect("moved");
    fs::set_permissions(&keyring.path, fs::Permissions::from_mode(0o644)).expect("a mode");
    let error = open(&fixture.data()).await.map(drop).expect_err("refused");
    assert!(matches!(error, StoreError::Vault(VaultError::KeyringMode { .. })));
    fs::set_permissions(&keyring.path, fs::Permissions::from_mode(0o600)).expect("a mode");
    let store = fixture.reopen().await;
    assert_eq!(password(store, "a").await.expect("opens"), "one");
    assert!(!store.keyring().created);
}

#[tokio::test]
async fn keys_that_others_provide_are_never_made_here() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    for keys in [KeySource::ReadOnly(path.clone()), KeySource::MasterKeyFile(path.clone())] {
        let config = StoreConfig { data_dir: folder.path().join("data"), keys };
        let error = Store::open(config).await.map(drop).expect_err("refused");
        assert!(matches!(error, StoreError::Vault(VaultError::KeyringMissing { .. })));
        assert!(!path.exists());
    }
    let elsewhere = folder.path().join("elsewhere");
    let keys = KeySource::Keyring(elsewhere.clone());
    let config = StoreConfig { data_dir: folder.path().join("data"), keys };
    let store = Store::open(config).await.expect("opens");
    assert!(elsewhere.exists() && !store.keyring().beside_the_data);
    assert!(!folder.path().join("data/keyring").exists());
}
