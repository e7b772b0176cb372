//! Access keys: who may call. Their secrets are sealed like credentials.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tidegate_core::{AccountId, Secret};

use crate::error::{Kind, StoreError};
use crate::vault::{Destination, Purpose, SealContext, Vault, VaultError};
use crate::{Store, now_ms, secrets};

/// Divides the two texts of a temporary key in the sealed bytes; neither the
/// secret nor the token of a key can hold it.
const DIVIDER: u8 = b'\n';

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The account's own; there is one.
    Root,
    /// Made by somebody for a program or a person.
    User,
    /// Lent to a session of the console for a short time.
    Session,
}

impl KeyKind {
    /// The spelling in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
            Self::Session => "session",
        }
    }
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewAccessKey {
    /// `AWS_ACCESS_KEY_ID`
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: Secret<String>,
    /// Whose it is.
    pub kind: KeyKind,
    /// `AWS_SESSION_TOKEN` of a temporary key.
    pub session_token: Option<Secret<String>>,
    /// Epoch milliseconds at which a temporary key ends.
    pub expires_at_ms: Option<i64>,
}

/// A key without its secret: what may be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The account that it acts for.
    pub account: AccountId,
    /// `AWS_ACCESS_KEY_ID`
    pub id: String,
    /// Whose it is.
    pub kind: KeyKind,
    /// Whether it may be used.
    pub enabled: bool,
    /// Epoch milliseconds.
    pub created_at_ms: i64,
    /// Epoch milliseconds at which a temporary key ends.
    pub expires_at_ms: Option<i64>,
    /// The session of the console that it was lent to.
    pub session_id: Option<String>,
}

/// A key with its secret in clear, for verifying signatures.
#[derive(Clone, Debug)]
pub struct OpenAccessKey {
    /// What may be listed.
    pub key: AccessKey,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: Secret<String>,
    /// `AWS_SESSION_TOKEN`, if requests must carry one.
    pub session_token: Option<Secret<String>>,
}

/// What became of the root key at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKeyChange {
    /// There was none; it is stored now.
    Created,
    /// It was stored already, with this secret.
    Unchanged,
    /// Another one was stored; it is gone, and this one holds now.
    Replaced,
}

/// The access keys of all accounts.
#[derive(Clone, Copy, Debug)]
pub struct AccessKeys<'a> {
    store: &'a Store,
}

impl<'a> AccessKeys<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Stores a new key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the identifier is taken.
    pub async fn create(&self, account: &AccountId, key: NewAccessKey) -> Result<AccessKey, StoreError> {
        let secret = encode(&key)?;
        let (account, vault) = (account.clone(), self.store.vault().clone());
        self.store
            .write(move |tx| Box::pin(async move { insert(tx, &vault, account, &key, &secret, None).await }))
            .await
    }

    /// The key of an identifier, opened. Whether it is enabled and has not
    /// ended is for the caller to judge, who answers each case differently.
    pub async fn get(&self, id: &str) -> Result<Option<OpenAccessKey>, StoreError> {
        let row = sqlx::query(
            "SELECT k.account, k.id, k.row_id, k.kind, k.enabled, k.created_at_ms, k.expires_at_ms,
                    k.session_id, s.wrapped_key, s.body
             FROM access_key k LEFT JOIN sealed_secret s
             ON s.account = k.account AND s.purpose = 'access-key' AND s.owner = k.id AND s.version = 1
             WHERE k.id = $1",
        )
        .bind(id)
        .fetch_optional(self.store.reads())
        .await?;
        row.map(|row| open(self.store.vault(), &row)).transpose()
    }

    /// The root key of an account, opened, if there is one.
    pub async fn root(&self, account: &AccountId) -> Result<Option<OpenAccessKey>, StoreError> {
        match self.list(account).await?.into_iter().find(|key| key.kind == KeyKind::Root) {
            Some(key) => self.get(&key.id).await,
            None => Ok(None),
        }
    }

    /// Makes this the root key of an account; an earlier one with another
    /// identifier or secret is removed in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the identifier is that of another kind of key.
    pub async fn set_root(
        &self,
        account: &AccountId,
        id: &str,
        secret: Secret<String>,
    ) -> Result<RootKeyChange, StoreError> {
        let root = self.root(account).await?;
        if let Some(root) = &root
            && root.key.id == id
            && root.key.enabled
            && root.secret == secret
        {
            return Ok(RootKeyChange::Unchanged);
        }
        let key = NewAccessKey {
            id: id.to_owned(),
            secret,
            kind: KeyKind::Root,
            session_token: None,
            expires_at_ms: None,
        };
        let bytes = encode(&key)?;
        let (account, vault) = (account.clone(), self.store.vault().clone());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let earlier: Vec<String> = sqlx::query_scalar(
                        "DELETE FROM access_key WHERE account = $1 AND kind = 'root' RETURNING id",
                    )
                    .bind(account.as_str())
                    .fetch_all(&mut *tx)
                    .await?;
                    for id in &earlier {
                        secrets::remove_below(tx, &account, Purpose::AccessKey, id, u32::MAX).await?;
                    }
                    insert(tx, &vault, account, &key, &bytes, None).await?;
                    Ok(if earlier.is_empty() { RootKeyChange::Created } else { RootKeyChange::Replaced })
                })
            })
            .await
    }

    /// The keys of an account, in the order of their identifiers; those that
    /// are lent to sessions are no business of anybody and left out.
    pub async fn list(&self, account: &AccountId) -> Result<Vec<AccessKey>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM access_key WHERE account = $1 AND kind <> 'session' ORDER BY id")
                .bind(account.as_str())
                .fetch_all(self.store.reads())
                .await?;
        rows.iter().map(decode).collect()
    }

    /// Bars a key, or admits it again.
    pub async fn set_enabled(&self, account: &AccountId, id: &str, enabled: bool) -> Result<(), StoreError> {
        let (account, id) = (account.clone(), id.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let done =
                        sqlx::query("UPDATE access_key SET enabled = $3 WHERE account = $1 AND id = $2")
                            .bind(account.as_str())
                            .bind(id.as_str())
                            .bind(enabled)
                            .execute(tx)
                            .await?;
                    if done.rows_affected() == 0 {
                        return Err(StoreError::not_found(Kind::AccessKey, id));
                    }
                    Ok(())
                })
            })
            .await
    }
}

fn context<'a>(account: &'a AccountId, id: &'a str, row_id: &'a str) -> SealContext<'a> {
    SealContext {
        purpose: Purpose::AccessKey,
        account,
        owner: id,
        owner_id: row_id,
        version: 1,
        destination: Destination::of(""),
    }
}

pub(crate) fn encode(key: &NewAccessKey) -> Result<Secret<Vec<u8>>, VaultError> {
    let token = key.session_token.as_ref().map(|token| token.expose().as_bytes());
    let parts = [key.secret.expose().as_bytes(), token.unwrap_or_default()];
    if parts.iter().any(|part| part.contains(&DIVIDER)) {
        return Err(VaultError::BadSecret);
    }
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum::<usize>() + 1);
    bytes.extend_from_slice(parts[0]);
    if token.is_some() {
        bytes.push(DIVIDER);
        bytes.extend_from_slice(parts[1]);
    }
    Ok(Secret::new(bytes))
}

fn open(vault: &Vault, row: &SqliteRow) -> Result<OpenAccessKey, StoreError> {
    let key = decode(row)?;
    let sealed = secrets::sealed(row)?.ok_or(VaultError::NotAuthentic)?;
    let bytes = vault.open(&context(&key.account, &key.id, row.try_get("row_id")?), &sealed)?;
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| VaultError::BadSecret)?;
    let (secret, token) = match text.split_once(char::from(DIVIDER)) {
        Some((secret, token)) => (secret, Some(token)),
        None => (text, None),
    };
    let owned = |text: &str| Secret::new(text.to_owned());
    Ok(OpenAccessKey { secret: owned(secret), session_token: token.map(owned), key })
}

fn decode(row: &SqliteRow) -> Result<AccessKey, StoreError> {
    Ok(AccessKey {
        account: AccountId::new(row.try_get::<String, _>("account")?),
        id: row.try_get("id")?,
        kind: match row.try_get("kind")? {
            "root" => KeyKind::Root,
            "user" => KeyKind::User,
            "session" => KeyKind::Session,
            _ => return Err(StoreError::BadRow { table: "access_key", what: "kind" }),
        },
        enabled: row.try_get("enabled")?,
        created_at_ms: row.try_get("created_at_ms")?,
        expires_at_ms: row.try_get("expires_at_ms")?,
        session_id: row.try_get("session_id")?,
    })
}

/// Stores a key whose secret [`encode`] has made ready.
pub(crate) async fn insert(
    tx: &mut SqliteConnection,
    vault: &Vault,
    account: AccountId,
    key: &NewAccessKey,
    secret: &Secret<Vec<u8>>,
    session_id: Option<&str>,
) -> Result<AccessKey, StoreError> {
    let row_id = uuid::Uuid::new_v4().to_string();
    let stored = AccessKey {
        account,
        id: key.id.clone(),
        kind: key.kind,
        enabled: true,
        created_at_ms: now_ms(),
        expires_at_ms: key.expires_at_ms,
        session_id: session_id.map(str::to_owned),
    };
    sqlx::query(
        "INSERT INTO access_key (account, id, row_id, kind, enabled, created_at_ms, expires_at_ms, session_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(stored.account.as_str())
    .bind(stored.id.as_str())
    .bind(row_id.as_str())
    .bind(stored.kind.as_str())
    .bind(stored.enabled)
    .bind(stored.created_at_ms)
    .bind(stored.expires_at_ms)
    .bind(session_id)
    .execute(&mut *tx)
    .await
    .map_err(|error| StoreError::on_unique(error, Kind::AccessKey, &key.id))?;
    secrets::put(tx, vault, &context(&stored.account, &stored.id, &row_id), secret).await?;
    Ok(stored)
}
