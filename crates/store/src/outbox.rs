//! Notifications that wait for their delivery.
//!
//! What is to be told is written in the transaction that makes it so: a run
//! that has ended and an outbox without its notification are never seen
//! together, however the process ends. Whoever delivers takes a row away only
//! afterwards, so each notification is delivered at least once.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use tidegate_core::run::Run;
use tidegate_core::{AccountId, ExecutionId, FlowName};

use crate::error::StoreError;
use crate::events::EventReport;
use crate::queue::ClaimedRun;
use crate::runs::COLUMNS;
use crate::{FlowRecord, Store, flows, now_ms, runs, unsigned};

/// Writes notifications of what happens. It is called inside of the
/// transaction that it is about, so it must be quick and never panic.
pub trait Announcer: Send + Sync {
    /// A run is carried out for the first time.
    fn started(&self, flow: &FlowRecord, run: &ClaimedRun) -> Vec<Notification>;
    /// A run that had started has ended.
    fn ended(&self, flow: &FlowRecord, run: &Run) -> Vec<Notification>;
    /// A flow was suspended because its runs failed.
    fn deactivated(&self, flow: &FlowRecord, reason: &str) -> Vec<Notification>;
    /// What an event flow did in the last minutes.
    fn reported(&self, flow: &FlowRecord, report: &EventReport) -> Vec<Notification>;
}

/// Who writes notifications, if anybody wants any.
pub(crate) type Announcing = Option<Arc<dyn Announcer>>;

/// Something to tell somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The same on every try.
    pub id: String,
    /// Where it goes.
    pub sink: &'static str,
    /// What is sent.
    pub body: String,
}

/// A notification whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// See [`Notification::id`].
    pub id: String,
    /// See [`Notification::body`].
    pub body: String,
    /// How often it was tried in vain.
    pub attempts: u32,
}

/// The notifications of all accounts.
#[derive(Clone, Copy, Debug)]
pub struct Outbox<'a> {
    store: &'a Store,
}

impl<'a> Outbox<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Waits until something happens in this process that may have been
    /// announced. It listens from the call on, as [`crate::Queue::changed`] does.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut changes = self.store.announced().subscribe();
        async move {
            let _ = changes.changed().await;
        }
    }

    /// Notifications for a sink whose turn it is, the oldest first.
    pub async fn due(&self, sink: &str, limit: u32) -> Result<Vec<Waiting>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, body, attempts FROM notification WHERE sink = $1 AND next_try_ms <= $2
             ORDER BY created_at_ms, id LIMIT $3",
        )
        .bind(sink)
        .bind(now_ms())
        .bind(i64::from(limit))
        .fetch_all(self.store.reads())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Waiting {
                    id: row.try_get("id")?,
                    body: row.try_get("body")?,
                    attempts: unsigned(row.try_get("attempts")?),
                })
            })
            .collect()
    }

    /// Takes away what was delivered, and puts off what was not: each by so
    /// many milliseconds.
    pub async fn settle(
        &self,
        sink: &'static str,
        delivered: Vec<String>,
        failed: Vec<(String, i64)>,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    for id in delivered {
                        sqlx::query("DELETE FROM notification WHERE sink = $1 AND id = $2")
                            .bind(sink)
                            .bind(id)
                            .execute(&mut *tx)
                            .await?;
                    }
                    let now = now_ms();
                    for (id, wait_ms) in failed {
                        sqlx::query(
                            "UPDATE notification SET attempts = attempts + 1, next_try_ms = $3
                             WHERE sink = $1 AND id = $2",
                        )
                        .bind(sink)
                        .bind(id)
                        .bind(now.saturating_add(wait_ms))
                        .execute(&mut *tx)
                        .await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Makes it everybody's turn: whatever hindered the delivery before a
    /// restart may be gone.
    pub async fn all_due(&self) -> Result<(), StoreError> {
        self.store
            .write(|tx| {
                Box::pin(async move {
                    sqlx::query("UPDATE notification SET next_try_ms = 0 WHERE next_try_ms > 0")
                        .execute(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Gives up what is older than `age_ms`, and of each sink the oldest beyond
    /// `most`. Gives how many were given up, and how many wait, by sink.
    pub async fn bound(&self, age_ms: i64, most: u32) -> Result<BTreeMap<String, (u64, u64)>, StoreError> {
        let counts: Vec<(String, i64)> =
            sqlx::query_as("SELECT sink, COUNT(*) FROM notification GROUP BY sink")
                .fetch_all(self.store.reads())
                .await?;
        let too_old = now_ms().saturating_sub(age_ms);
        let mut found = BTreeMap::new();
        for (sink, count) in counts {
            let name = sink.clone();
            let beyond = (count - i64::from(most)).max(0);
            let gone = self
                .store
                .write(move |tx| {
                    Box::pin(async move {
                        let old = sqlx::query("DELETE FROM notification WHERE sink = $1 AND created_at_ms < $2")
                            .bind(sink.as_str())
                            .bind(too_old)
                            .execute(&mut *tx)
                            .await?
                            .rows_affected();
                        let beyond = beyond - i64::try_from(old).unwrap_or(i64::MAX);
                        if beyond <= 0 {
                            return Ok(old);
                        }
                        let many = sqlx::query(
                            "DELETE FROM notification WHERE sink = $1 AND id IN
                             (SELECT id FROM notification WHERE sink = $1 ORDER BY created_at_ms, id LIMIT $2)",
                        )
                        .bind(sink.as_str())
                        .bind(beyond)
                        .execute(tx)
                        .await?;
                        Ok(old + many.rows_affected())
                    })
                })
                .await?;
            found.insert(name, (gone, count.unsigned_abs().saturating_sub(gone)));
        }
        Ok(found)
    }
}

/// Writes notifications.
pub(crate) async fn add(
    tx: &mut SqliteConnection,
    notifications: Vec<Notification>,
) -> Result<(), StoreError> {
    let now = now_ms();
    for Notification { id, sink, body } in notifications {
        sqlx::query(
            "INSERT INTO notification (sink, id, body, attempts, next_try_ms, created_at_ms)
             VALUES ($1, $2, $3, 0, 0, $4)",
        )
        .bind(sink)
        .bind(id)
        .bind(body)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Announces that a run, which had been carried out at least in part, has
/// ended; and that its flow was deactivated by it, if it was.
pub(crate) async fn announce_end(
    tx: &mut SqliteConnection,
    announcer: &Announcing,
    account: &AccountId,
    id: &ExecutionId,
    deactivated: Option<&str>,
) -> Result<(), StoreError> {
    let Some(announcer) = announcer else { return Ok(()) };
    let row = QueryBuilder::new("SELECT ")
        .push(COLUMNS)
        .push(" FROM run WHERE account = ")
        .push_bind(account.as_str())
        .push(" AND id = ")
        .push_bind(id.as_str())
        .build()
        .fetch_one(&mut *tx)
        .await?;
    let (run, _) = runs::decode(&row)?;
    let flow = flow(tx, account, &run.flow).await?;
    let mut notifications = announcer.ended(&flow, &run);
    if let Some(reason) = deactivated {
        notifications.extend(announcer.deactivated(&flow, reason));
    }
    add(tx, notifications).await
}

async fn flow(
    tx: &mut SqliteConnection,
    account: &AccountId,
    name: &FlowName,
) -> Result<FlowRecord, StoreError> {
    let row = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name = $2")
        .bind(account.as_str())
        .bind(name.as_str())
        .fetch_one(tx)
        .await?;
    flows::decode(&row)
}
