//! The sessions of the console, and the access keys that they are lent.
//!
//! A session is known by the hash of its cookie's token. It ends when it is
//! revoked, when it was idle for too long, or at its latest end; its keys are
//! deleted in the same transaction that ends it.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tidegate_core::AccountId;

use crate::error::{Kind, StoreError};
use crate::keys::{self, KeyKind, NewAccessKey};
use crate::vault::Purpose;
use crate::{Store, now_ms, secrets};

/// How long the row of an ended session is kept, in milliseconds: a day.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// How long a key that has run out is kept, in milliseconds, so that who still
/// uses it is told that it has run out, and not that it is unknown.
const KEY_KEPT_MS: i64 = 15 * 60 * 1000;

/// How somebody has proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedInAs {
    /// With the password of this version.
    Password {
        /// The user.
        name: String,
        /// The version of the password that was checked.
        version: u32,
    },
    /// By the word of an identity provider.
    Subject {
        /// What to call them.
        name: String,
        /// The provider and its identifier of them.
        subject: String,
        /// The settings under which they were let in.
        terms: String,
    },
}

/// A session to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The SHA-256 of the cookie's token.
    pub token_hash: [u8; 32],
    /// Whose it is.
    pub who: SignedInAs,
    /// Epoch milliseconds at which it ends if nobody uses it.
    pub idle_ends_at_ms: i64,
    /// Epoch milliseconds at which it ends in any case.
    pub ends_at_ms: i64,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The identifier; not a secret, and of no use without the cookie.
    pub id: String,
    /// What to call its user.
    pub user_name: String,
    /// Whether it began with a password of ours.
    pub by_password: bool,
    /// Epoch milliseconds.
    pub created_at_ms: i64,
    /// Epoch milliseconds of the latest use that was recorded.
    pub last_used_at_ms: i64,
    /// Epoch milliseconds at which it ends if nobody uses it.
    pub idle_ends_at_ms: i64,
    /// Epoch milliseconds at which it ends in any case.
    pub ends_at_ms: i64,
    /// Whether somebody has ended it.
    pub revoked: bool,
}

impl Session {
    /// Whether it counts at a time in epoch milliseconds.
    pub const fn is_live(&self, now_ms: i64) -> bool {
        !self.revoked && now_ms < self.idle_ends_at_ms && now_ms < self.ends_at_ms
    }
}

/// What has ended, for those who hold copies in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Identifiers of sessions.
    pub sessions: Vec<String>,
    /// Identifiers of access keys.
    pub keys: Vec<String>,
}

/// The sessions of one account.
#[derive(Clone, Debug)]
pub struct Sessions<'a> {
    store: &'a Store,
    account: AccountId,
}

impl<'a> Sessions<'a> {
    pub(crate) const fn new(store: &'a Store, account: AccountId) -> Self {
        Self { store, account }
    }

    /// Begins a session.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the user was disabled or has got another
    /// password since the password was checked.
    pub async fn create(&self, new: NewSession) -> Result<Session, StoreError> {
        let account = self.account.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let now = now_ms();
                    let (name, user_id, subject, terms) = match new.who {
                        SignedInAs::Password { name, version } => {
                            let id: Option<String> = sqlx::query_scalar(
                                "UPDATE console_user SET last_signed_in_ms = $5
                                 WHERE account = $1 AND name = $2 AND password_version = $3 AND enabled = $4
                                 RETURNING id",
                            )
                            .bind(account.as_str())
                            .bind(name.as_str())
                            .bind(i64::from(version))
                            .bind(true)
                            .bind(now)
                            .fetch_optional(&mut *tx)
                            .await?;
                            let id = id.ok_or_else(|| StoreError::conflict(Kind::User, &name))?;
                            (name, Some(id), None, None)
                        }
                        SignedInAs::Subject { name, subject, terms } => (name, None, Some(subject), Some(terms)),
                    };
                    let session = Session {
                        id: uuid::Uuid::new_v4().to_string(),
                        user_name: name,
                        by_password: user_id.is_some(),
                        created_at_ms: now,
                        last_used_at_ms: now,
                        idle_ends_at_ms: new.idle_ends_at_ms,
                        ends_at_ms: new.ends_at_ms,
                        revoked: false,
                    };
                    sqlx::query(
                        "INSERT INTO console_session (account, id, token_hash, user_name, user_id, subject,
                                                      created_at_ms, last_used_at_ms, idle_ends_at_ms, ends_at_ms, terms)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                    )
                    .bind(account.as_str())
                    .bind(session.id.as_str())
                    .bind(new.token_hash.as_slice())
                    .bind(session.user_name.as_str())
                    .bind(user_id)
                    .bind(subject)
                    .bind(session.created_at_ms)
                    .bind(session.last_used_at_ms)
                    .bind(session.idle_ends_at_ms)
                    .bind(session.ends_at_ms)
                    .bind(terms)
                    .execute(tx)
                    .await?;
                    Ok(session)
                })
            })
            .await
    }

    /// The session of a token's hash, whether it is live or not.
    pub async fn find(&self, token_hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query("SELECT * FROM console_session WHERE account = $1 AND token_hash = $2")
            .bind(self.account.as_str())
            .bind(token_hash.as_slice())
            .fetch_optional(self.store.reads())
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Records that a session was used, and until when it may be idle now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is over.
    pub async fn touch(&self, id: &str, now_ms: i64, idle_ends_at_ms: i64) -> Result<(), StoreError> {
        let (account, id) = (self.account.clone(), id.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    live(tx, &account, &id, now_ms).await?;
                    sqlx::query(
                        "UPDATE console_session SET last_used_at_ms = $2, idle_ends_at_ms = $3 WHERE id = $1",
                    )
                    .bind(id)
                    .bind(now_ms)
                    .bind(idle_ends_at_ms)
                    .execute(tx)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Lends an access key to a session. Beyond `keep` keys the oldest of the
    /// session go; they are told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the session is over.
    pub async fn lend(&self, id: &str, mut key: NewAccessKey, keep: u32) -> Result<Revoked, StoreError> {
        key.kind = KeyKind::Session;
        let secret = keys::encode(&key)?;
        let (account, vault, id) = (self.account.clone(), self.store.vault().clone(), id.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    live(tx, &account, &id, now_ms()).await?;
                    keys::insert(tx, &vault, account.clone(), &key, &secret, Some(&id)).await?;
                    let too_many: Vec<String> = sqlx::query_scalar(
                        "SELECT id FROM access_key WHERE session_id = $1
                         ORDER BY created_at_ms DESC, id LIMIT 1000 OFFSET $2",
                    )
                    .bind(id)
                    .bind(i64::from(keep))
                    .fetch_all(&mut *tx)
                    .await?;
                    remove_keys(tx, &account, &too_many).await?;
                    Ok(Revoked { sessions: Vec::new(), keys: too_many })
                })
            })
            .await
    }

    /// Ends a session and its keys; one that is over already stays so.
    pub async fn revoke(&self, id: &str) -> Result<Revoked, StoreError> {
        let (account, id) = (self.account.clone(), id.to_owned());
        self.store.write(move |tx| Box::pin(async move { end(tx, &account, vec![id]).await })).await
    }

    /// Ends the sessions for which an identity provider has vouched, but for
    /// those that began under these terms.
    pub async fn revoke_subjects(&self, but: Option<&str>) -> Result<Revoked, StoreError> {
        let (account, terms) = (self.account.clone(), but.map(str::to_owned));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let ids = sqlx::query_scalar(
                        "SELECT id FROM console_session
                         WHERE account = $1 AND subject IS NOT NULL AND revoked_at_ms IS NULL
                               AND (terms IS NULL OR $2 IS NULL OR terms <> $2)",
                    )
                    .bind(account.as_str())
                    .bind(terms)
                    .fetch_all(&mut *tx)
                    .await?;
                    end(tx, &account, ids).await
                })
            })
            .await
    }

    /// Ends the sessions whose time is up at `now_ms`, removes keys that have
    /// run out, and forgets sessions that ended a day ago.
    pub async fn sweep(&self, now_ms: i64) -> Result<Revoked, StoreError> {
        let account = self.account.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let ids = sqlx::query_scalar(
                        "SELECT id FROM console_session
                         WHERE account = $1 AND revoked_at_ms IS NULL
                               AND (idle_ends_at_ms <= $2 OR ends_at_ms <= $2)",
                    )
                    .bind(account.as_str())
                    .bind(now_ms)
                    .fetch_all(&mut *tx)
                    .await?;
                    let mut gone = end(tx, &account, ids).await?;
                    let keys: Vec<String> = sqlx::query_scalar(
                        "SELECT id FROM access_key
                         WHERE account = $1 AND session_id IS NOT NULL AND expires_at_ms <= $2",
                    )
                    .bind(account.as_str())
                    .bind(now_ms.saturating_sub(KEY_KEPT_MS))
                    .fetch_all(&mut *tx)
                    .await?;
                    remove_keys(tx, &account, &keys).await?;
                    gone.keys.extend(keys);
                    sqlx::query("DELETE FROM console_session WHERE account = $1 AND revoked_at_ms <= $2")
                        .bind(account.as_str())
                        .bind(now_ms.saturating_sub(KEPT_MS))
                        .execute(tx)
                        .await?;
                    Ok(gone)
                })
            })
            .await
    }
}

/// Ends all sessions of a user.
pub(crate) async fn end_of_user(
    tx: &mut SqliteConnection,
    account: &AccountId,
    user_id: &str,
) -> Result<Revoked, StoreError> {
    let ids = sqlx::query_scalar(
        "SELECT id FROM console_session WHERE account = $1 AND user_id = $2 AND revoked_at_ms IS NULL",
    )
    .bind(account.as_str())
    .bind(user_id)
    .fetch_all(&mut *tx)
    .await?;
    end(tx, account, ids).await
}

/// Ends sessions and deletes their keys.
async fn end(
    tx: &mut SqliteConnection,
    account: &AccountId,
    sessions: Vec<String>,
) -> Result<Revoked, StoreError> {
    let mut gone = Revoked { sessions, keys: Vec::new() };
    for id in &gone.sessions {
        sqlx::query(
            "UPDATE console_session SET revoked_at_ms = $3
             WHERE account = $1 AND id = $2 AND revoked_at_ms IS NULL",
        )
        .bind(account.as_str())
        .bind(id)
        .bind(now_ms())
        .execute(&mut *tx)
        .await?;
        let keys: Vec<String> =
            sqlx::query_scalar("SELECT id FROM access_key WHERE account = $1 AND session_id = $2")
                .bind(account.as_str())
                .bind(id)
                .fetch_all(&mut *tx)
                .await?;
        remove_keys(tx, account, &keys).await?;
        gone.keys.extend(keys);
    }
    Ok(gone)
}

async fn remove_keys(
    tx: &mut SqliteConnection,
    account: &AccountId,
    ids: &[String],
) -> Result<(), StoreError> {
    for id in ids {
        sqlx::query("DELETE FROM access_key WHERE account = $1 AND id = $2")
            .bind(account.as_str())
            .bind(id)
            .execute(&mut *tx)
            .await?;
        secrets::remove_below(tx, account, Purpose::AccessKey, id, u32::MAX).await?;
    }
    Ok(())
}

/// Refuses a session that is over.
async fn live(
    tx: &mut SqliteConnection,
    account: &AccountId,
    id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT * FROM console_session WHERE account = $1 AND id = $2")
        .bind(account.as_str())
        .bind(id)
        .fetch_optional(tx)
        .await?;
    match row.as_ref().map(decode).transpose()? {
        Some(session) if session.is_live(now_ms) => Ok(()),
        _ => Err(StoreError::not_found(Kind::Session, id)),
    }
}

fn decode(row: &SqliteRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.try_get("id")?,
        user_name: row.try_get("user_name")?,
        by_password: row.try_get::<Option<String>, _>("user_id")?.is_some(),
        created_at_ms: row.try_get("created_at_ms")?,
        last_used_at_ms: row.try_get("last_used_at_ms")?,
        idle_ends_at_ms: row.try_get("idle_ends_at_ms")?,
        ends_at_ms: row.try_get("ends_at_ms")?,
        revoked: row.try_get::<Option<i64>, _>("revoked_at_ms")?.is_some(),
    })
}
