//! The users of the console: who may sign in with a password.
//!
//! The password's hash is a secret of the vault like any other, so a copy of
//! the database alone gives nothing to guess at.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tidegate_core::{AccountId, Secret};

use crate::error::{Kind, StoreError};
use crate::sessions::{self, Revoked};
use crate::vault::{Destination, Purpose, SealContext, Vault, VaultError};
use crate::{Store, now_ms, secrets, unsigned};

/// A user as lists tell one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, unique in its account.
    pub name: String,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// Epoch milliseconds.
    pub created_at_ms: i64,
    /// Epoch milliseconds of the latest sign-in, if there was one.
    pub last_signed_in_ms: Option<i64>,
}

/// A user with what a password is checked against.
#[derive(Clone, Debug)]
pub struct UserPassword {
    /// What may be listed.
    pub user: User,
    /// The hash, with its parameters and its salt (PHC string).
    pub hash: Secret<String>,
    /// Changes with every password.
    pub version: u32,
}

/// The users of one account.
#[derive(Clone, Debug)]
pub struct Users<'a> {
    store: &'a Store,
    account: AccountId,
}

impl<'a> Users<'a> {
    pub(crate) const fn new(store: &'a Store, account: AccountId) -> Self {
        Self { store, account }
    }

    /// Stores a new user who may sign in.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken.
    pub async fn create(&self, name: &str, hash: Secret<String>) -> Result<User, StoreError> {
        let (account, vault, name) = (self.account.clone(), self.store.vault().clone(), name.to_owned());
        let user = User { name, enabled: true, created_at_ms: now_ms(), last_signed_in_ms: None };
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let id = uuid::Uuid::new_v4().to_string();
                    sqlx::query(
                        "INSERT INTO console_user (account, name, id, enabled, password_version, created_at_ms)
                         VALUES ($1, $2, $3, $4, 1, $5)",
                    )
                    .bind(account.as_str())
                    .bind(user.name.as_str())
                    .bind(id.as_str())
                    .bind(user.enabled)
                    .bind(user.created_at_ms)
                    .execute(&mut *tx)
                    .await
                    .map_err(|error| StoreError::on_unique(error, Kind::User, &user.name))?;
                    put(tx, &vault, &context(&account, &user.name, &id, 1), hash).await?;
                    Ok(user)
                })
            })
            .await
    }

    /// A user with the password's hash, if there is one of that name.
    pub async fn find(&self, name: &str) -> Result<Option<UserPassword>, StoreError> {
        let row = sqlx::query(
            "SELECT u.name, u.id, u.enabled, u.password_version, u.created_at_ms, u.last_signed_in_ms,
                    s.wrapped_key, s.body
             FROM console_user u LEFT JOIN sealed_secret s
             ON s.account = u.account AND s.purpose = 'console-user' AND s.owner = u.name
                AND s.version = u.password_version
             WHERE u.account = $1 AND u.name = $2",
        )
        .bind(self.account.as_str())
        .bind(name)
        .fetch_optional(self.store.reads())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (user, version) = (decode(&row)?, unsigned(row.try_get("password_version")?));
        let sealed = secrets::sealed(&row)?.ok_or(VaultError::NotAuthentic)?;
        let context = context(&self.account, &user.name, row.try_get("id")?, version);
        let bytes = self.store.vault().open(&context, &sealed)?.into_inner();
        let hash = String::from_utf8(bytes).map_err(|_| VaultError::BadSecret)?;
        Ok(Some(UserPassword { user, hash: Secret::new(hash), version }))
    }

    /// All users, in the order of their names.
    pub async fn list(&self) -> Result<Vec<User>, StoreError> {
        let rows = sqlx::query("SELECT * FROM console_user WHERE account = $1 ORDER BY name")
            .bind(self.account.as_str())
            .fetch_all(self.store.reads())
            .await?;
        rows.iter().map(decode).collect()
    }

    /// Whether there is any user.
    pub async fn any(&self) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM console_user WHERE account = $1 LIMIT 1")
            .bind(self.account.as_str())
            .fetch_optional(self.store.reads())
            .await?;
        Ok(found.is_some())
    }

    /// Gives a user another password; all the user's sessions end with the old one.
    ///
    /// With `instead_of`, the version of the password that the user has proved
    /// to know, the user changes it; without, an operator does, which also
    /// admits a user who was disabled.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such user;
    /// [`StoreError::Conflict`] when the password has changed since, or the
    /// user was disabled.
    pub async fn set_password(
        &self,
        name: &str,
        hash: Secret<String>,
        instead_of: Option<u32>,
    ) -> Result<Revoked, StoreError> {
        let (account, vault, name) = (self.account.clone(), self.store.vault().clone(), name.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let row = sqlx::query(
                        "SELECT id, enabled, password_version FROM console_user
                         WHERE account = $1 AND name = $2",
                    )
                    .bind(account.as_str())
                    .bind(name.as_str())
                    .fetch_optional(&mut *tx)
                    .await?
                    .ok_or_else(|| StoreError::not_found(Kind::User, &name))?;
                    let id: String = row.try_get("id")?;
                    let version = unsigned(row.try_get("password_version")?);
                    let enabled: bool = row.try_get("enabled")?;
                    if instead_of.is_some_and(|known| known != version || !enabled) {
                        return Err(StoreError::conflict(Kind::User, name));
                    }
                    let next = version.saturating_add(1);
                    sqlx::query(
                        "UPDATE console_user SET password_version = $3, enabled = $4
                         WHERE account = $1 AND name = $2",
                    )
                    .bind(account.as_str())
                    .bind(name.as_str())
                    .bind(i64::from(next))
                    .bind(true)
                    .execute(&mut *tx)
                    .await?;
                    put(tx, &vault, &context(&account, &name, &id, next), hash).await?;
                    secrets::remove_below(tx, &account, Purpose::ConsoleUser, &name, next).await?;
                    sessions::end_of_user(tx, &account, &id).await
                })
            })
            .await
    }

    /// Bars a user, whose sessions end.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such user.
    pub async fn disable(&self, name: &str) -> Result<Revoked, StoreError> {
        let (account, name) = (self.account.clone(), name.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let id: Option<String> = sqlx::query_scalar(
                        "UPDATE console_user SET enabled = $3 WHERE account = $1 AND name = $2 RETURNING id",
                    )
                    .bind(account.as_str())
                    .bind(name.as_str())
                    .bind(false)
                    .fetch_optional(&mut *tx)
                    .await?;
                    let id = id.ok_or_else(|| StoreError::not_found(Kind::User, name))?;
                    sessions::end_of_user(tx, &account, &id).await
                })
            })
            .await
    }
}

fn context<'a>(account: &'a AccountId, name: &'a str, id: &'a str, version: u32) -> SealContext<'a> {
    SealContext {
        purpose: Purpose::ConsoleUser,
        account,
        owner: name,
        owner_id: id,
        version,
        destination: Destination::of(""),
    }
}

async fn put(
    tx: &mut SqliteConnection,
    vault: &Vault,
    context: &SealContext<'_>,
    hash: Secret<String>,
) -> Result<(), StoreError> {
    secrets::put(tx, vault, context, &Secret::new(hash.into_inner().into_bytes())).await
}

fn decode(row: &SqliteRow) -> Result<User, StoreError> {
    Ok(User {
        name: row.try_get("name")?,
        enabled: row.try_get("enabled")?,
        created_at_ms: row.try_get("created_at_ms")?,
        last_signed_in_ms: row.try_get("last_signed_in_ms")?,
    })
}
