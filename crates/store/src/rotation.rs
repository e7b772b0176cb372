//! Changing the key that seals, while everything goes on.
//!
//! Only the data keys are wrapped anew; what they encrypt stays as it is. The
//! state of a rotation is the rows themselves: those that name another key
//! than the current one are still to do. A crash at any point therefore leaves
//! nothing but work to resume, and the old key stays in the keyring until no
//! row names it.

use sqlx::{Row as _, SqliteConnection};
use tidegate_core::AccountId;

use crate::error::StoreError;
use crate::vault::{Destination, Key, Purpose, SealContext, Vault, VaultError};
use crate::{Store, meta, now_ms};

/// Rows in one write, so that no other write waits long behind it.
const STEP: i64 = 50;

/// The progress of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The key that everything is wrapped under in the end.
    pub key_id: String,
    /// Rows to be wrapped anew.
    pub total: u64,
    /// Rows that have been.
    pub done: u64,
    /// Rows that do not open, because somebody changed them; they stay as they
    /// are, and so does the key that they name.
    pub refused: u64,
    /// Epoch milliseconds.
    pub started_at_ms: i64,
    /// Epoch milliseconds; `None` while it goes on or waits to be resumed.
    pub finished_at_ms: Option<i64>,
}

/// Where a pass over the sealed rows stands.
#[derive(Clone, Default)]
struct Place {
    account: String,
    purpose: String,
    owner: String,
    version: i64,
}

struct Step {
    done: i64,
    refused: i64,
    next: Option<Place>,
}

impl Store {
    /// Makes a new key and wraps everything under it; when an earlier rotation
    /// was interrupted, goes on with that one and makes no key. With a source
    /// of keys that is not ours to write, the file's first key is the new one.
    /// `progress` is called after each step.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another one is under way in this process;
    /// [`VaultError::NoNewKey`] when the file's first key already seals all.
    pub async fn rotate(&self, progress: impl Fn(&Rotation) + Send + Sync) -> Result<Rotation, StoreError> {
        let _only = self.0.rotating.try_lock().map_err(|_| StoreError::Busy("a rotation is under way"))?;
        let file = self.vault().file();
        if file.source().writable() {
            if !self.interrupted().await? {
                let keys = file.add(self.vault().random(), now_ms())?;
                self.seal_with(keys).await?;
            }
        } else {
            let path = || file.path().to_owned();
            let keys = file.load()?.ok_or_else(|| VaultError::KeyringMissing { path: path() })?;
            self.seal_with(keys).await?;
            if !self.interrupted().await? {
                return Err(VaultError::NoNewKey { path: path() }.into());
            }
        }
        self.rewrap(progress).await
    }

    /// Goes on with a rotation that was interrupted, if one was; a new key that
    /// was put first into a file of others counts as one. The server calls this
    /// when it starts.
    ///
    /// # Errors
    /// As [`Store::rotate`].
    pub async fn resume_rotation(
        &self,
        progress: impl Fn(&Rotation) + Send + Sync,
    ) -> Result<Option<Rotation>, StoreError> {
        let _only = self.0.rotating.try_lock().map_err(|_| StoreError::Busy("a rotation is under way"))?;
        if !self.interrupted().await? {
            return Ok(None);
        }
        self.rewrap(progress).await.map(Some)
    }

    /// The latest rotation, if there ever was one.
    pub async fn rotation(&self) -> Result<Option<Rotation>, StoreError> {
        let row = sqlx::query("SELECT * FROM rotation WHERE id = 1").fetch_optional(self.reads()).await?;
        row.as_ref().map(decode).transpose()
    }

    /// Whether there is a rotation to the current key that has not ended. One
    /// that has ended may have left rows behind that do not open.
    async fn interrupted(&self) -> Result<bool, StoreError> {
        let latest = self.rotation().await?;
        match latest.filter(|rotation| rotation.key_id == self.vault().current().id()) {
            Some(rotation) => Ok(rotation.finished_at_ms.is_none()),
            None => Ok(self.left_to_rotate().await? > 0),
        }
    }

    /// How many sealed rows name another key than the current one.
    pub async fn left_to_rotate(&self) -> Result<u64, StoreError> {
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sealed_secret WHERE key_id <> $1")
            .bind(self.vault().current().id())
            .fetch_one(self.reads())
            .await?;
        Ok(left.unsigned_abs())
    }

    /// Seals with the first of these keys from now on. The database knows the
    /// key before the first row names it.
    async fn seal_with(&self, keys: Vec<std::sync::Arc<Key>>) -> Result<(), StoreError> {
        let newest = keys.first().cloned().ok_or(VaultError::NotAuthentic)?;
        self.write(move |tx| {
            Box::pin(async move { meta::register_key(tx, newest.id(), newest.created_at_ms()).await })
        })
        .await?;
        self.vault().adopt(keys);
        Ok(())
    }

    async fn rewrap(&self, progress: impl Fn(&Rotation) + Send + Sync) -> Result<Rotation, StoreError> {
        let new = self.vault().current();
        let key_id = new.id().to_owned();
        self.write(move |tx| Box::pin(async move { begin(tx, &key_id).await })).await?;
        let mut place = Some(Place::default());
        while let Some(from) = place {
            let (vault, new) = (self.vault().clone(), new.clone());
            let (step, now) = self
                .write(move |tx| {
                    Box::pin(async move {
                        let step = step(tx, &vault, &new, from).await?;
                        let row = sqlx::query(
                            "UPDATE rotation SET done = done + $1, refused = refused + $2 WHERE id = 1 RETURNING *",
                        )
                        .bind(step.done)
                        .bind(step.refused)
                        .fetch_one(&mut *tx)
                        .await?;
                        Ok((step, decode(&row)?))
                    })
                })
                .await?;
            place = step.next;
            progress(&now);
        }
        self.retire().await
    }

    /// Forgets the keys that no row names any more: first the database, whose
    /// foreign key is the judge, then the file.
    async fn retire(&self) -> Result<Rotation, StoreError> {
        let current = self.vault().current().id().to_owned();
        let (named, rotation) = self
            .write(move |tx| {
                Box::pin(async move {
                    sqlx::query(
                        "DELETE FROM vault_key WHERE id <> $1 AND NOT EXISTS
                         (SELECT 1 FROM sealed_secret WHERE sealed_secret.key_id = vault_key.id)",
                    )
                    .bind(current)
                    .execute(&mut *tx)
                    .await?;
                    let named: Vec<String> =
                        sqlx::query_scalar("SELECT id FROM vault_key").fetch_all(&mut *tx).await?;
                    let row = sqlx::query("UPDATE rotation SET finished_at_ms = $1 WHERE id = 1 RETURNING *")
                        .bind(now_ms())
                        .fetch_one(&mut *tx)
                        .await?;
                    Ok((named, decode(&row)?))
                })
            })
            .await?;
        let file = self.vault().file();
        if file.source().writable() {
            let mut keys = file.load()?.unwrap_or_default();
            let before = keys.len();
            keys.retain(|key| named.iter().any(|id| id == key.id()));
            if !keys.is_empty() && keys.len() < before {
                file.save(&keys)?;
            }
        }
        Ok(rotation)
    }
}

/// Starts the row that tells the progress, or goes on with that of the same key.
async fn begin(tx: &mut SqliteConnection, key_id: &str) -> Result<(), StoreError> {
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sealed_secret WHERE key_id <> $1")
        .bind(key_id)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO rotation (id, key_id, total, done, refused, started_at_ms, finished_at_ms)
         VALUES (1, $1, $2, 0, 0, $3, NULL)
         ON CONFLICT (id) DO UPDATE SET
             done = CASE WHEN rotation.key_id = excluded.key_id THEN rotation.done ELSE 0 END,
             total = CASE WHEN rotation.key_id = excluded.key_id THEN rotation.done + excluded.total
                          ELSE excluded.total END,
             started_at_ms = CASE WHEN rotation.key_id = excluded.key_id THEN rotation.started_at_ms
                                  ELSE excluded.started_at_ms END,
             key_id = excluded.key_id, refused = 0, finished_at_ms = NULL",
    )
    .bind(key_id)
    .bind(left)
    .bind(now_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Wraps the next rows anew, in the order of their keys.
async fn step(tx: &mut SqliteConnection, vault: &Vault, new: &Key, from: Place) -> Result<Step, StoreError> {
    let rows = sqlx::query(
        "SELECT account, purpose, owner, version, owner_id, destination, wrapped_key FROM sealed_secret
         WHERE key_id <> $1 AND (account, purpose, owner, version) > ($2, $3, $4, $5)
         ORDER BY account, purpose, owner, version LIMIT $6",
    )
    .bind(new.id())
    .bind(from.account)
    .bind(from.purpose)
    .bind(from.owner)
    .bind(from.version)
    .bind(STEP)
    .fetch_all(&mut *tx)
    .await?;
    let mut step = Step { done: 0, refused: 0, next: None };
    let more = i64::try_from(rows.len()).unwrap_or(STEP) == STEP;
    for row in rows {
        let place = Place {
            account: row.try_get("account")?,
            purpose: row.try_get("purpose")?,
            owner: row.try_get("owner")?,
            version: row.try_get("version")?,
        };
        let account = AccountId::new(place.account.as_str());
        let known = Purpose::parse(&place.purpose)
            .zip(Destination::from_bytes(row.try_get("destination")?))
            .zip(u32::try_from(place.version).ok());
        let wrapped = match known {
            Some(((purpose, destination), version)) => {
                let context = SealContext {
                    purpose,
                    account: &account,
                    owner: &place.owner,
                    owner_id: row.try_get("owner_id")?,
                    version,
                    destination,
                };
                vault.rewrap(&context, row.try_get("wrapped_key")?, new)
            }
            None => Err(VaultError::NotAuthentic),
        };
        match wrapped {
            Ok(wrapped) => {
                sqlx::query(
                    "UPDATE sealed_secret SET key_id = $5, wrapped_key = $6
                     WHERE account = $1 AND purpose = $2 AND owner = $3 AND version = $4",
                )
                .bind(place.account.as_str())
                .bind(place.purpose.as_str())
                .bind(place.owner.as_str())
                .bind(place.version)
                .bind(new.id())
                .bind(wrapped)
                .execute(&mut *tx)
                .await?;
                step.done += 1;
            }
            Err(VaultError::NotAuthentic) => {
                tracing::warn!(
                    purpose = place.purpose,
                    owner = place.owner,
                    "a sealed row does not open; the rotation leaves it"
                );
                step.refused += 1;
            }
            Err(error) => return Err(error.into()),
        }
        step.next = Some(place);
    }
    if !more {
        step.next = None;
    }
    Ok(step)
}

fn decode(row: &sqlx::sqlite::SqliteRow) -> Result<Rotation, StoreError> {
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    Ok(Rotation {
        key_id: row.try_get("key_id")?,
        total: count("total")?,
        done: count("done")?,
        refused: count("refused")?,
        started_at_ms: row.try_get("started_at_ms")?,
        finished_at_ms: row.try_get("finished_at_ms")?,
    })
}
