//! Runs as the users of an account see them: asked for, listed, cancelled.

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _};
use tidegate_core::run::{Run, RunCounts, RunStatus};
use tidegate_core::{AccountId, ExecutionId, FlowName};

use crate::error::{Kind, StoreError};
use crate::{Idempotent, Outcome, Page, Store, now_ms, unsigned};

/// The columns of `run` that [`decode`] reads.
pub(crate) const COLUMNS: &str =
    "id, flow, seq, status, attempt, counts, error, commit_list, started_at_ms, updated_at_ms";

/// What came of asking for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits for a worker.
    Queued,
    /// The flow has a run for this due time already; this is its identifier.
    Already(ExecutionId),
}

/// The runs of one account.
#[derive(Debug)]
pub struct Runs<'a> {
    store: &'a Store,
    account: AccountId,
}

impl<'a> Runs<'a> {
    pub(crate) const fn new(store: &'a Store, account: AccountId) -> Self {
        Self { store, account }
    }

    /// Asks for a run. `due_at_ms` is the tick that asks; a flow has at most
    /// one run for each. A run that somebody starts by hand has none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such flow.
    pub async fn enqueue(
        &self,
        flow: &FlowName,
        id: &ExecutionId,
        due_at_ms: Option<i64>,
        call: Option<&Idempotent>,
    ) -> Result<Outcome<Enqueued>, StoreError> {
        let (account, flow, id) = (self.account.clone(), flow.clone(), id.clone());
        let outcome = self
            .store
            .write_once(&self.account, call, move |tx| {
                Box::pin(async move {
                    let now = now_ms();
                    let added = sqlx::query(
                        "INSERT INTO run (account, id, flow, seq, due_at_ms, status, attempt, counts,
                                          started_at_ms, updated_at_ms)
                         SELECT account, $3, name,
                                1 + COALESCE((SELECT MAX(seq) FROM run r
                                              WHERE r.account = flow.account AND r.flow = flow.name), 0),
                                $4, 'Queued', 0, '{}', $5, $5
                         FROM flow WHERE account = $1 AND name = $2
                         ON CONFLICT (account, flow, due_at_ms) DO NOTHING",
                    )
                    .bind(account.as_str())
                    .bind(flow.as_str())
                    .bind(id.as_str())
                    .bind(due_at_ms)
                    .bind(now)
                    .execute(&mut *tx)
                    .await
                    .map_err(|error| StoreError::on_unique(error, Kind::Run, &id))?
                    .rows_affected();
                    if added > 0 {
                        return Ok(Enqueued::Queued);
                    }
                    let there: Option<String> = sqlx::query_scalar(
                        "SELECT id FROM run WHERE account = $1 AND flow = $2 AND due_at_ms = $3",
                    )
                    .bind(account.as_str())
                    .bind(flow.as_str())
                    .bind(due_at_ms)
                    .fetch_optional(&mut *tx)
                    .await?;
                    match there {
                        Some(id) => Ok(Enqueued::Already(ExecutionId::new(id))),
                        None => Err(StoreError::not_found(Kind::Flow, flow)),
                    }
                })
            })
            .await?;
        self.store.queued().send_replace(());
        Ok(outcome)
    }

    /// A run by its identifier.
    pub async fn get(&self, id: &ExecutionId) -> Result<Run, StoreError> {
        let row = QueryBuilder::new("SELECT ")
            .push(COLUMNS)
            .push(" FROM run WHERE account = ")
            .push_bind(self.account.as_str())
            .push(" AND id = ")
            .push_bind(id.as_str())
            .build()
            .fetch_optional(self.store.reads())
            .await?;
        decode(&row.ok_or_else(|| StoreError::not_found(Kind::Run, id))?).map(|(run, _)| run)
    }

    /// The runs of a flow, the newest first, from the one before `before`. New
    /// runs come at the front and move none of the pages behind.
    pub async fn list(
        &self,
        flow: &FlowName,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Page<Run>, StoreError> {
        let before = match before {
            Some(text) => text.parse().map_err(|_| StoreError::not_found(Kind::Run, "at this position"))?,
            None => i64::MAX,
        };
        let rows = QueryBuilder::new("SELECT ")
            .push(COLUMNS)
            .push(" FROM run WHERE account = ")
            .push_bind(self.account.as_str())
            .push(" AND flow = ")
            .push_bind(flow.as_str())
            .push(" AND seq < ")
            .push_bind(before)
            .push(" ORDER BY seq DESC LIMIT ")
            .push_bind(i64::from(limit) + 1)
            .build()
            .fetch_all(self.store.reads())
            .await?;
        let items = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let page = Page::cut(items, limit, |(_, seq)| seq.to_string());
        Ok(Page { items: page.items.into_iter().map(|(run, _)| run).collect(), next: page.next })
    }

    /// The latest run of each of these flows that has any, in no certain order.
    pub async fn latest(&self, flows: &[FlowName]) -> Result<Vec<Run>, StoreError> {
        if flows.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM run WHERE account = ").push_bind(self.account.as_str());
        query.push(" AND flow IN (");
        let mut list = query.separated(", ");
        for flow in flows {
            list.push_bind(flow.as_str());
        }
        query.push(
            ") AND seq = (SELECT MAX(seq) FROM run r WHERE r.account = run.account AND r.flow = run.flow)",
        );
        let rows = query.build().fetch_all(self.store.reads()).await?;
        rows.iter().map(|row| decode(row).map(|(run, _)| run)).collect()
    }

    /// Cancels runs of a flow; `None` means all that have not ended. A queued
    /// run ends at once; a running one when its worker learns of it. One that
    /// publishes is past cancelling. Gives those of `ids` that could not be
    /// cancelled.
    pub async fn cancel(
        &self,
        flow: &FlowName,
        ids: Option<&[ExecutionId]>,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let (account, flow, ids) = (self.account.clone(), flow.clone(), ids.map(<[_]>::to_vec));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let ids = match ids {
                        Some(ids) => ids,
                        None => sqlx::query_scalar(
                            "SELECT id FROM run WHERE account = $1 AND flow = $2
                             AND status IN ('Queued', 'Running')",
                        )
                        .bind(account.as_str())
                        .bind(flow.as_str())
                        .fetch_all(&mut *tx)
                        .await?
                        .into_iter()
                        .map(|id: String| ExecutionId::new(id))
                        .collect(),
                    };
                    let mut invalid = Vec::new();
                    for id in ids {
                        let done = sqlx::query(
                            "UPDATE run SET updated_at_ms = $4, status =
                                    CASE status WHEN 'Queued' THEN 'Canceled' ELSE 'CancelStarted' END
                             WHERE account = $1 AND flow = $2 AND id = $3 AND status IN ('Queued', 'Running')",
                        )
                        .bind(account.as_str())
                        .bind(flow.as_str())
                        .bind(id.as_str())
                        .bind(now_ms())
                        .execute(&mut *tx)
                        .await?;
                        if done.rows_affected() == 0 {
                            invalid.push(id);
                        }
                    }
                    Ok(invalid)
                })
            })
            .await
    }
}

/// A run and its number in its flow.
pub(crate) fn decode(row: &SqliteRow) -> Result<(Run, i64), StoreError> {
    let bad = |what| StoreError::BadRow { table: "run", what };
    let counts: RunCounts = serde_json::from_str(row.try_get("counts")?).map_err(|_| bad("counts"))?;
    let commit = row
        .try_get::<Option<&str>, _>("commit_list")?
        .map(serde_json::from_str)
        .transpose()
        .map_err(|_| bad("commit_list"))?;
    let run = Run {
        id: ExecutionId::new(row.try_get::<String, _>("id")?),
        flow: FlowName::new(row.try_get::<String, _>("flow")?),
        status: RunStatus::parse(row.try_get("status")?).ok_or_else(|| bad("status"))?,
        attempt: unsigned(row.try_get("attempt")?),
        started_at_ms: row.try_get("started_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
        counts,
        error: row.try_get("error")?,
        commit,
    };
    Ok((run, row.try_get("seq")?))
}

/// A document as text, for a column.
pub(crate) fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_value(document).unwrap_or(Value::Null).to_string()
}
