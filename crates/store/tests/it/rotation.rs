//! Changing the key while everything goes on, and after a crash.

use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tidegate_store::{KeySource, NewAccessKey, Store, StoreConfig, StoreError, VaultError};

use crate::support::*;

/// Lines of the keyring that hold a key.
fn keys_in(store: &Store) -> Vec<String> {
    let text = fs::read_to_string(store.keyring().path).expect("there");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_writers_notice_nothing_of_a_rotation() {
    let mut fixture = Fixture::new().await;
    let store = fixture.store().clone();
    for number in 0..120 {
        create(&store, &format!("c{number}"), &number.to_string()).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let opened = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for task in 0..4 {
        let (store, stop, opened) = (store.clone(), Arc::clone(&stop), Arc::clone(&opened));
        tasks.push(tokio::spawn(async move {
            let mut number = task;
            while !stop.load(Ordering::Relaxed) {
                number = (number + 7) % 120;
                let name = format!("c{number}");
                assert_eq!(password(&store, &name).await.expect("it opens"), number.to_string());
                opened.fetch_add(1, Ordering::Relaxed);
            }
            0
        }));
    }
    for task in 0..2 {
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            let mut made = 0;
            while !stop.load(Ordering::Relaxed) {
                let name = format!("new-{task}-{made}");
                create(&store, &name, &name).await;
                assert_eq!(password(&store, &name).await.expect("it opens"), name);
                made += 1;
            }
            made
        }));
    }
    let mut ids = vec![store.keyring().key_id];
    for _ in 0..3 {
        let rotation = store.rotate(|_| {}).await.expect("rotated");
        assert!(rotation.total > 120 && rotation.done >= rotation.total, "{rotation:?}");
        assert!(rotation.refused == 0 && rotation.finished_at_ms.is_some(), "{rotation:?}");
        assert_eq!(store.left_to_rotate().await.expect("counted"), 0);
        assert_eq!(keys_in(&store).len(), 1, "the old key is gone");
        ids.push(store.keyring().key_id);
    }
    stop.store(true, Ordering::Relaxed);
    let mut made = Vec::new();
    for task in tasks {
        made.push(task.await.expect("no open failed"));
    }
    assert!(opened.load(Ordering::Relaxed) > 0);
    ids.dedup();
    assert_eq!(ids.len(), 4, "each rotation has a key of its own");
    drop(store);
    let store = fixture.reopen().await;
    for (task, made) in made.iter().skip(4).enumerate() {
        for number in 0..*made {
            let name = format!("new-{task}-{number}");
            assert_eq!(password(store, &name).await.expect("it opens"), name);
        }
    }
    assert_eq!(password(store, "c7").await.expect("it opens"), "7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_a_crash_cut_short_is_resumed() {
    let mut fixture = Fixture::new().await;
    let store = fixture.store().clone();
    for number in 0..130 {
        create(&store, &format!("c{number}"), &number.to_string()).await;
    }
    let old = store.keyring().key_id;
    // The first step is written; then the task that rotates dies.
    let dying = {
        let store = store.clone();
        tokio::spawn(async move { store.rotate(|_| panic!("a crash")).await.map(drop) })
    };
    assert!(dying.await.is_err());
    drop(store);
    let store = fixture.reopen().await;
    let left = store.left_to_rotate().await.expect("counted");
    assert!(left > 0 && left < 130, "{left}");
    assert_eq!(keys_in(store).len(), 2, "both keys are needed");
    for number in 0..130 {
        assert_eq!(password(store, &format!("c{number}")).await.expect("it opens"), number.to_string());
    }
    let cut = store.rotation().await.expect("read").expect("begun");
    assert_eq!((cut.finished_at_ms, cut.total), (None, 131));
    let seen = Mutex::new(Vec::new());
    let resumed = store.resume_rotation(|now| seen.lock().expect("no panic").push(now.done)).await;
    let resumed = resumed.expect("resumed").expect("there was something to resume");
    assert_eq!((resumed.key_id, resumed.total, resumed.done), (cut.key_id.clone(), 131, 131));
    let seen = seen.into_inner().expect("no panic");
    assert!(seen[0] > cut.done && seen.is_sorted(), "{seen:?}");
    assert_eq!(keys_in(store).len(), 1);
    assert!(!keys_in(store)[0].contains(&old));
    assert!(store.resume_rotation(|_| {}).await.expect("asked").is_none());
    let store = fixture.reopen().await;
    assert_eq!(password(store, "c129").await.expect("it opens"), "129");
}

#[tokio::test]
async fn rotating_again_after_a_crash_makes_no_third_key() {
    let mut fixture = Fixture::new().await;
    for number in 0..60 {
        create(fixture.store(), &format!("c{number}"), "x").await;
    }
    let store = fixture.store().clone();
    let dying = tokio::spawn(async move { store.rotate(|_| panic!("a crash")).await.map(drop) });
    assert!(dying.await.is_err());
    let store = fixture.reopen().await;
    let key_id = store.keyring().key_id;
    assert_eq!(store.rotate(|_| {}).await.expect("rotated").key_id, key_id);
    assert_eq!(keys_in(store).len(), 1);
    assert_ne!(store.rotate(|_| {}).await.expect("rotated").key_id, key_id);
}

#[tokio::test]
async fn only_one_rotation_runs_at_a_time() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    let (first, second) = futures::join!(store.rotate(|_| {}), store.rotate(|_| {}));
    first.expect("rotated");
    assert!(matches!(second, Err(StoreError::Busy(_))));
}

#[tokio::test]
async fn a_row_that_does_not_open_is_left_with_its_key_and_stops_nobody() {
    let mut fixture = Fixture::new().await;
    let store = fixture.store();
    create(store, "a", "one").await;
    create(store, "b", "two").await;
    let mut raw = raw(&fixture.data()).await;
    // The place that a rotation reads from the row is authenticated, too.
    sqlx::query("UPDATE sealed_secret SET destination = zeroblob(32) WHERE owner = 'a'")
        .execute(&mut raw)
        .await
        .expect("written");
    for expected_keys in [2, 2] {
        let rotation = store.rotate(|_| {}).await.expect("rotated");
        assert_eq!((rotation.done, rotation.refused), (2, 1));
        assert_eq!(keys_in(store).len(), expected_keys, "the key of the damaged row stays");
    }
    assert_eq!(password(store, "b").await.expect("opens"), "two");
    assert_eq!(password(store, "a").await.expect("its seal is whole"), "one");
    let store = fixture.reopen().await;
    assert_eq!(password(store, "b").await.expect("opens"), "two");
}

#[tokio::test]
async fn a_master_key_is_changed_by_putting_the_new_one_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("master");
    let (old, new) = ("a1".repeat(32), "b2".repeat(32));
    let open = || {
        let data_dir = folder.path().join("data");
        Store::open(StoreConfig { data_dir, keys: KeySource::MasterKeyFile(path.clone()) })
    };
    fs::write(&path, &old).expect("written");
    let store = open().await.expect("opens");
    create(&store, "a", "one").await;
    let key = NewAccessKey {
        id: "AKIA".to_owned(),
        secret: tidegate_core::Secret::new("s".to_owned()),
        kind: tidegate_store::KeyKind::User,
        session_token: None,
        expires_at_ms: None,
    };
    store.access_keys().create(&account(), key).await.expect("created");
    match store.rotate(|_| {}).await {
        Err(StoreError::Vault(error @ VaultError::NoNewKey { .. })) => {
            assert!(error.to_string().contains(&path.display().to_string()));
        }
        other => panic!("{other:?}"),
    }
    fs::write(&path, format!("{new}\n{old}\n")).expect("written");
    let rotation = store.rotate(|_| {}).await.expect("rotated");
    assert_eq!((rotation.total, rotation.done), (3, 3));
    assert!(matches!(store.rotate(|_| {}).await, Err(StoreError::Vault(VaultError::NoNewKey { .. }))));
    store.close().await;
    fs::write(&path, &new).expect("written");
    let store = open().await.expect("the new key is enough");
    assert_eq!(password(&store, "a").await.expect("opens"), "one");
    let key = store.access_keys().get("AKIA").await.expect("opens").expect("there");
    assert_eq!(key.secret.expose(), "s");
    store.close().await;
    fs::write(&path, &old).expect("written");
    assert!(matches!(open().await, Err(StoreError::Vault(VaultError::NoMatchingKey { .. }))));
}

#[tokio::test]
async fn another_process_reads_what_a_rotation_wrapped_anew() {
    let fixture = Fixture::new().await;
    let other = open(&fixture.data()).await.expect("a second process may open it");
    create(fixture.store(), "a", "one").await;
    fixture.store().rotate(|_| {}).await.expect("rotated");
    assert_eq!(password(&other, "a").await.expect("it looks the new key up"), "one");
    // What it would seal with the retired key could never be opened again.
    let sample = connection("b");
    let place = destination(&sample);
    let refused = other.connections(&account()).create(sample, Some(credentials("x")), &place, None).await;
    assert!(refused.is_err());
}
