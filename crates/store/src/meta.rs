//! What is true of the whole installation, and the checks of its health.

use sqlx::{Connection as _, SqliteConnection};
use tidegate_core::AccountId;

use crate::error::StoreError;
use crate::vault::{Destination, FingerprintKey, Purpose, SealContext, Vault};
use crate::{Store, now_ms, secrets};

/// The key of the fingerprints belongs to no account.
const NO_ACCOUNT: &str = "-";
const FINGERPRINTS: &str = "fingerprints";

/// The identifiers of the keys that sealed rows name.
pub(crate) async fn sealing_keys(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM vault_key
         WHERE EXISTS (SELECT 1 FROM sealed_secret WHERE sealed_secret.key_id = vault_key.id) ORDER BY id",
    )
    .fetch_all(connection)
    .await?)
}

/// Makes the key that seals known to the database, and opens the key of the
/// fingerprints; on the first start it is made.
pub(crate) async fn first_rows(
    connection: &mut SqliteConnection,
    vault: &Vault,
) -> Result<FingerprintKey, StoreError> {
    let account = AccountId::new(NO_ACCOUNT);
    let context = SealContext {
        purpose: Purpose::Internal,
        account: &account,
        owner: FINGERPRINTS,
        owner_id: FINGERPRINTS,
        version: 1,
        destination: Destination::of(""),
    };
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let current = vault.current();
    register_key(&mut tx, current.id(), current.created_at_ms()).await?;
    sqlx::query("INSERT INTO meta (name, value) VALUES ('created_at_ms', $1) ON CONFLICT (name) DO NOTHING")
        .bind(now_ms().to_string())
        .execute(&mut *tx)
        .await?;
    let there: Option<i64> = sqlx::query_scalar(
        "SELECT version FROM sealed_secret WHERE account = $1 AND purpose = $2 AND owner = $3",
    )
    .bind(NO_ACCOUNT)
    .bind(Purpose::Internal.as_str())
    .bind(FINGERPRINTS)
    .fetch_optional(&mut *tx)
    .await?;
    let key = if there.is_some() {
        secrets::open(&mut *tx, vault, &context).await?
    } else {
        let key = FingerprintKey::generate(vault.random())?;
        secrets::put(&mut tx, vault, &context, &key).await?;
        key
    };
    tx.commit().await?;
    Ok(FingerprintKey::new(&key))
}

/// Makes a key known, so that sealed rows may name it.
pub(crate) async fn register_key(
    tx: &mut SqliteConnection,
    id: &str,
    created_at_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO vault_key (id, created_at_ms) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(id)
        .bind(created_at_ms)
        .execute(tx)
        .await?;
    Ok(())
}

impl Store {
    /// Whether the store answers: one trivial read and one empty commit.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(self.reads()).await?;
        self.write(|_| Box::pin(async { Ok(()) })).await
    }

    /// The version of the schema: the number of the latest migration.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(self.reads()).await?)
    }

    /// A setting of the installation.
    pub async fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_optional(self.reads())
            .await?)
    }

    /// Sets a setting of the installation. It is no place for a secret.
    pub async fn set_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO meta (name, value) VALUES ($1, $2)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )
                .bind(name)
                .bind(value)
                .execute(tx)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// SQLite's quick check of the whole file. It reads everything, so it is
    /// for a command and not for a probe.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with SQLite's own words.
    pub async fn integrity_check(&self) -> Result<(), StoreError> {
        let findings: Vec<String> =
            sqlx::query_scalar("PRAGMA quick_check(10)").fetch_all(self.reads()).await?;
        if findings != ["ok"] {
            return Err(StoreError::Damaged(findings.join("; ")));
        }
        let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(self.reads()).await?;
        if orphans.is_empty() {
            Ok(())
        } else {
            Err(StoreError::Damaged(format!("{} row(s) refer to rows that are gone", orphans.len())))
        }
    }
}
