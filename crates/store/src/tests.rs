//! What the store asks of SQLite and of the file system.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

async fn open(folder: &Path) -> Store {
    let config = StoreConfig { data_dir: folder.to_owned(), keys: KeySource::BesideTheData };
    Store::open(config).await.expect("the store opens")
}

#[tokio::test]
async fn an_answer_means_synced_and_readers_cannot_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let pragmas = store
        .write(|tx| {
            Box::pin(async move {
                let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *tx).await?;
                let sync: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *tx).await?;
                let keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *tx).await?;
                let wipe: i64 = sqlx::query_scalar("PRAGMA secure_delete").fetch_one(tx).await?;
                Ok((mode, sync, keys, wipe))
            })
        })
        .await
        .expect("readable");
    // 2 is FULL: the log is synced after every commit.
    assert_eq!(pragmas, ("wal".to_owned(), 2, 1, 1));
    let refused = sqlx::query("DELETE FROM meta").execute(store.reads()).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn only_the_owner_may_read_folder_and_files() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("a/b");
    let store = open(&folder).await;
    store.set_meta("x", "y").await.expect("written");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).expect("readable") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 4, "database, log, its index and keyring");
    store.close().await;

    // A folder of ours that was opened up is closed again; a foreign one is left.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    std::fs::set_permissions(folder.join(files::DATABASE), std::fs::Permissions::from_mode(0o644))
        .expect("a mode");
    open(&folder).await;
    assert_eq!((mode(&folder), mode(&folder.join(files::DATABASE))), (0o700, 0o600));
    let foreign = parent.path().join("foreign");
    std::fs::create_dir(&foreign).expect("a folder");
    std::fs::write(foreign.join("letter"), "").expect("a file");
    std::fs::set_permissions(&foreign, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    open(&foreign).await;
    assert_eq!(mode(&foreign), 0o755);
}

#[tokio::test]
async fn a_write_that_fails_takes_nothing_of_its_neighbours_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    // All of them wait in the queue before the writer first runs, so they share
    // one transaction. Every third fails after it has written.
    let jobs = (0..60).map(|number| {
        let store = &store;
        async move {
            store
                .write(move |tx| {
                    Box::pin(async move {
                        sqlx::query("INSERT INTO meta (name, value) VALUES ($1, '')")
                            .bind(format!("job {number}"))
                            .execute(&mut *tx)
                            .await?;
                        if number % 3 == 0 {
                            sqlx::query("INSERT INTO meta (name, value) VALUES ('created_at_ms', '')")
                                .execute(tx)
                                .await?;
                        }
                        Ok(())
                    })
                })
                .await
        }
    });
    let results = futures::future::join_all(jobs).await;
    for (number, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), number % 3 == 0, "job {number}: {result:?}");
        let kept = store.meta(&format!("job {number}")).await.expect("readable").is_some();
        assert_eq!(kept, result.is_ok(), "job {number}");
    }
}

#[tokio::test]
async fn a_commit_that_fails_answers_nobody_with_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    // A deferred foreign key is checked at the commit, which then fails for all.
    let write = |name: &'static str, break_it: bool| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| {
                    Box::pin(async move {
                        if break_it {
                            sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut *tx).await?;
                            sqlx::query(
                                "INSERT INTO flow_connection (account, flow, connection) VALUES ('', '', '')",
                            )
                            .execute(&mut *tx)
                            .await?;
                        }
                        sqlx::query("INSERT INTO meta (name, value) VALUES ($1, '')")
                            .bind(name)
                            .execute(tx)
                            .await?;
                        Ok(())
                    })
                })
                .await
        }
    };
    let (good, bad) = futures::join!(write("good", false), write("bad", true));
    assert!(good.is_err() && bad.is_err());
    assert_eq!(store.meta("good").await.expect("readable"), None);
    write("later", false).await.expect("the writer goes on");
    assert!(store.meta("later").await.expect("readable").is_some());
}

#[tokio::test]
async fn a_full_disk_is_an_error_of_the_write_and_not_of_the_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let limit = |pages: &'static str| {
        let store = store.clone();
        async move {
            let set = store.write(move |tx| {
                Box::pin(async move {
                    sqlx::query(pages).execute(tx).await?;
                    Ok(())
                })
            });
            set.await.expect("set");
        }
    };
    // SQLite takes no limit below what is in use: no page can be added.
    limit("PRAGMA max_page_count = 1").await;
    let large = "x".repeat(1 << 20);
    let failed = store.set_meta("large", &large).await;
    assert!(matches!(failed, Err(StoreError::Disk(_))), "{failed:?}");
    assert_eq!(store.meta("large").await.expect("readable"), None);
    limit("PRAGMA max_page_count = 1000000").await;
    store.set_meta("large", &large).await.expect("there is room again");
    store.integrity_check().await.expect("it is sound");
}

#[tokio::test]
async fn a_closed_store_says_so_and_what_was_accepted_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let (written, ()) = futures::join!(store.set_meta("x", "y"), store.close());
    written.expect("accepted before the end");
    assert!(matches!(store.set_meta("x", "z").await, Err(StoreError::Closed)));
    assert!(matches!(store.meta("x").await, Err(StoreError::Closed)));
    assert!(!folder.path().join("tidegate.db-wal").exists(), "the log is folded into the database");
    let store = open(folder.path()).await;
    assert_eq!(store.meta("x").await.expect("readable").as_deref(), Some("y"));
    store.ping().await.expect("it answers");
    store.integrity_check().await.expect("it is sound");
    assert_eq!(store.schema_version().await.expect("readable"), 8);
}

#[tokio::test]
async fn a_sealed_row_can_only_name_a_key_that_the_database_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let refused = store
        .write(|tx| {
            Box::pin(async move {
                sqlx::query("DELETE FROM vault_key").execute(tx).await?;
                Ok(())
            })
        })
        .await;
    assert!(refused.is_err(), "a key that a row names cannot be forgotten");
    let sealed = sqlx::query("SELECT 1 FROM sealed_secret").fetch_all(store.reads()).await;
    assert_eq!(sealed.expect("readable").len(), 1, "the key of the fingerprints");
}
