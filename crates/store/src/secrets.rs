//! The rows of sealed secrets: current and previous versions.

use std::io;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tidegate_core::{AccountId, Credentials, Secret};

use crate::error::StoreError;
use crate::now_ms;
use crate::vault::{SealContext, Sealed, Vault, VaultError};

/// Seals a secret and stores it. This runs inside the writer, so that a
/// rotation, whose steps run there too, never misses a row.
pub(crate) async fn put(
    tx: &mut SqliteConnection,
    vault: &Vault,
    context: &SealContext<'_>,
    secret: &Secret<Vec<u8>>,
) -> Result<(), StoreError> {
    let (key_id, sealed) = vault.seal(context, secret)?;
    sqlx::query(
        "INSERT INTO sealed_secret
         (account, purpose, owner, version, owner_id, destination, key_id, wrapped_key, body, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(context.account.as_str())
    .bind(context.purpose.as_str())
    .bind(context.owner)
    .bind(i64::from(context.version))
    .bind(context.owner_id)
    .bind(context.destination.as_bytes().as_slice())
    .bind(key_id)
    .bind(sealed.wrapped_key)
    .bind(sealed.body)
    .bind(now_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// The sealed parts of a row that has them as `wrapped_key` and `body`; `None`
/// when an outer join found no secret.
pub(crate) fn sealed(row: &SqliteRow) -> Result<Option<Sealed>, StoreError> {
    let wrapped_key: Option<Vec<u8>> = row.try_get("wrapped_key")?;
    let body: Option<Vec<u8>> = row.try_get("body")?;
    Ok(wrapped_key.zip(body).map(|(wrapped_key, body)| Sealed { wrapped_key, body }))
}

/// Opens one version of a secret; the context says which.
pub(crate) async fn open<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Sqlite>,
    vault: &Vault,
    context: &SealContext<'_>,
) -> Result<Secret<Vec<u8>>, StoreError> {
    let row = sqlx::query(
        "SELECT wrapped_key, body FROM sealed_secret
         WHERE account = $1 AND purpose = $2 AND owner = $3 AND version = $4",
    )
    .bind(context.account.as_str())
    .bind(context.purpose.as_str())
    .bind(context.owner)
    .bind(i64::from(context.version))
    .fetch_optional(executor)
    .await?;
    // Whoever removes a row that must be there tampers as much as one who changes it.
    let sealed = row.as_ref().map(sealed).transpose()?.flatten().ok_or(VaultError::NotAuthentic)?;
    Ok(vault.open(context, &sealed)?)
}

/// Removes the versions of a secret below a number.
pub(crate) async fn remove_below(
    tx: &mut SqliteConnection,
    account: &AccountId,
    purpose: crate::vault::Purpose,
    owner: &str,
    version: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM sealed_secret WHERE account = $1 AND purpose = $2 AND owner = $3 AND version < $4",
    )
    .bind(account.as_str())
    .bind(purpose.as_str())
    .bind(owner)
    .bind(i64::from(version))
    .execute(tx)
    .await?;
    Ok(())
}

/// A document of credentials as the bytes that are sealed.
pub(crate) fn encode(document: &Value) -> Result<Secret<Vec<u8>>, VaultError> {
    /// Counts, so that the buffer is made in its full size at once and no copy
    /// is left behind by growing.
    struct Length(usize);
    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    serde_json::to_writer(&mut length, document).map_err(|_| VaultError::BadSecret)?;
    let mut bytes = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut bytes, document).map_err(|_| VaultError::BadSecret)?;
    Ok(Secret::new(bytes))
}

/// The reverse of [`encode`].
pub(crate) fn decode(bytes: &Secret<Vec<u8>>) -> Result<Credentials, VaultError> {
    serde_json::from_slice(bytes.expose()).map(Credentials::new).map_err(|_| VaultError::BadSecret)
}
