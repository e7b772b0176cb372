//! Client tokens: the same call twice has its effect once.
//!
//! A row is written in the same transaction as the effect. It holds no input:
//! token and input are kept as HMACs under a key that is sealed in the vault,
//! because the input may hold a password that a bare hash would let one guess.

use serde_json::Value;
use sqlx::{Row as _, SqliteConnection};
use tidegate_core::{AccountId, Secret};

use crate::error::StoreError;
use crate::vault::FingerprintKey;
use crate::{Store, now_ms};

/// How long a token is remembered: eight hours, as the service does.
pub const TOKEN_LIFETIME_MS: i64 = 8 * 60 * 60 * 1000;

/// A call that may come twice.
#[derive(Debug)]
pub struct Idempotent {
    /// The operation's name; tokens of different operations do not meet.
    pub operation: &'static str,
    /// `clientToken`
    pub token: String,
    /// The input in a canonical form, credentials included.
    pub input: Secret<Vec<u8>>,
    /// What the call answers, for those who repeat it. It holds no secret.
    pub result: Value,
}

/// What came of a call that may come twice.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// It was the first of its kind and had its effect.
    Fresh(T),
    /// It came before with the same input; this is what was answered then.
    Replayed(Value),
}

impl<T> Outcome<T> {
    /// The effect, if this call had it.
    pub fn fresh(self) -> Option<T> {
        match self {
            Self::Fresh(effect) => Some(effect),
            Self::Replayed(_) => None,
        }
    }
}

/// An [`Idempotent`] without its input, ready to be written.
pub(crate) struct Prepared {
    operation: &'static str,
    token: Vec<u8>,
    fingerprint: Vec<u8>,
    result: String,
}

impl Prepared {
    pub(crate) fn new(key: &FingerprintKey, call: &Idempotent) -> Self {
        let operation = call.operation.as_bytes();
        Self {
            operation: call.operation,
            token: key.sign(&[b"token", operation, call.token.as_bytes()]),
            fingerprint: key.sign(&[b"input", operation, call.input.expose()]),
            result: call.result.to_string(),
        }
    }

    /// Takes the token for this call, or gives the answer of the call that had
    /// it before.
    pub(crate) async fn claim(
        &self,
        tx: &mut SqliteConnection,
        account: &AccountId,
    ) -> Result<Option<Value>, StoreError> {
        let now = now_ms();
        let taken = sqlx::query(
            "INSERT INTO idempotency (account, operation, token, fingerprint, result, expires_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (account, operation, token) DO UPDATE
             SET fingerprint = excluded.fingerprint, result = excluded.result,
                 expires_at_ms = excluded.expires_at_ms
             WHERE idempotency.expires_at_ms <= $7",
        )
        .bind(account.as_str())
        .bind(self.operation)
        .bind(self.token.as_slice())
        .bind(self.fingerprint.as_slice())
        .bind(self.result.as_str())
        .bind(now + TOKEN_LIFETIME_MS)
        .bind(now)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if taken > 0 { Ok(None) } else { self.find(tx, account, now).await }
    }

    async fn find<'e>(
        &self,
        executor: impl sqlx::Executor<'e, Database = sqlx::Sqlite>,
        account: &AccountId,
        now: i64,
    ) -> Result<Option<Value>, StoreError> {
        let row = sqlx::query(
            "SELECT fingerprint, result FROM idempotency
             WHERE account = $1 AND operation = $2 AND token = $3 AND expires_at_ms > $4",
        )
        .bind(account.as_str())
        .bind(self.operation)
        .bind(self.token.as_slice())
        .bind(now)
        .fetch_optional(executor)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<&[u8], _>(0)? != self.fingerprint {
            return Err(StoreError::IdempotencyMismatch);
        }
        serde_json::from_str(row.try_get(1)?)
            .map(Some)
            .map_err(|_| StoreError::BadRow { table: "idempotency", what: "result" })
    }
}

impl Store {
    /// Looks for the answer to an earlier call with the same token and input,
    /// so that a caller can answer before it does work outside the store.
    ///
    /// # Errors
    /// [`StoreError::IdempotencyMismatch`] when the input is another one.
    pub async fn replay(&self, account: &AccountId, call: &Idempotent) -> Result<Option<Value>, StoreError> {
        self.prepared(call).find(self.reads(), account, now_ms()).await
    }

    /// Forgets tokens that have expired; gives how many there were.
    pub async fn forget_tokens(&self) -> Result<u64, StoreError> {
        /// Rows a write at most, so that nobody waits long behind the cleaning.
        const STEP: u64 = 1000;
        let mut forgotten = 0;
        loop {
            let step = self
                .write(|tx| {
                    Box::pin(async move {
                        let done = sqlx::query(
                            "DELETE FROM idempotency WHERE (account, operation, token) IN
                             (SELECT account, operation, token FROM idempotency
                              WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT 1000)",
                        )
                        .bind(now_ms())
                        .execute(tx)
                        .await?;
                        Ok(done.rows_affected())
                    })
                })
                .await?;
            forgotten += step;
            if step < STEP {
                return Ok(forgotten);
            }
        }
    }
}
