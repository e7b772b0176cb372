//! Runs as the users of an account see them: asked for, listed, cancelled.

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use tidegate_core::run::{Run, RunCounts, RunOptions, RunStatus, RunTrigger};
use tidegate_core::schedule::PullWindow;
use tidegate_core::{AccountId, ExecutionId, FlowName, fault};

use crate::error::{Kind, StoreError};
use crate::outbox::announce_end;
use crate::scheduler::mark_waiting;
use crate::{Idempotent, Outcome, Page, Store, now_ms, unsigned};

/// The columns of `run` that [`decode`] reads.
pub(crate) const COLUMNS: &str =
    "id, flow, seq, trigger, ticks, window_start_ms, window_end_ms, options, event_mark, status, attempt, counts, error,
     commit_list, started_at_ms, updated_at_ms";

/// A run that somebody asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Its identifier.
    pub id: ExecutionId,
    /// What is asked of this run only.
    pub options: RunOptions,
}

impl NewRun {
    /// A run of which nothing is asked but what the flow says.
    pub fn plain(id: &ExecutionId) -> Self {
        Self { id: id.clone(), options: RunOptions::default() }
    }
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

    pub(crate) const fn parts(&self) -> (&'a Store, &AccountId) {
        (self.store, &self.account)
    }

    /// Asks for runs of a flow, which are carried out one after the other in
    /// this order: all of them, or none. (Ticks ask through
    /// [`crate::Scheduler::enqueue`], events through [`crate::Events::deliver`].)
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such flow,
    /// [`StoreError::Conflict`] when an identifier is taken.
    pub async fn enqueue(
        &self,
        flow: &FlowName,
        runs: Vec<NewRun>,
        call: Option<&Idempotent>,
    ) -> Result<Outcome<()>, StoreError> {
        let (account, flow) = (self.account.clone(), flow.clone());
        let outcome = self
            .store
            .write_once(&self.account, call, move |tx| {
                Box::pin(async move {
                    let now = now_ms();
                    for run in &runs {
                        insert(tx, &account, &flow, run, RunTrigger::OnDemand, now).await?;
                    }
                    fault::point("run.queueing");
                    mark_waiting(tx, &account, &flow).await
                })
            })
            .await?;
        fault::point("run.queued");
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
        let announcer = self.store.announcer();
        let invalid = self
            .store
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
                        let done: Option<(String, i64)> = sqlx::query_as(
                            "UPDATE run SET updated_at_ms = $4, status =
                                    CASE status WHEN 'Queued' THEN 'Canceled' ELSE 'CancelStarted' END
                             WHERE account = $1 AND flow = $2 AND id = $3 AND status IN ('Queued', 'Running')
                             RETURNING status, attempt",
                        )
                        .bind(account.as_str())
                        .bind(flow.as_str())
                        .bind(id.as_str())
                        .bind(now_ms())
                        .fetch_optional(&mut *tx)
                        .await?;
                        match done {
                            // It had begun once, and was given back.
                            Some((status, 1..)) if status == RunStatus::Canceled.as_str() => {
                                announce_end(&mut *tx, &announcer, &account, &id, None).await?;
                            }
                            Some(_) => {}
                            None => invalid.push(id),
                        }
                    }
                    fault::point("cancel.writing");
                    mark_waiting(tx, &account, &flow).await?;
                    Ok(invalid)
                })
            })
            .await?;
        fault::point("cancel.written");
        // Workers that hold one of them look at once.
        self.store.cancelled().send_replace(());
        self.store.announced().send_replace(());
        Ok(invalid)
    }
}

/// Queues one run of a flow; [`mark_waiting`] has to follow.
pub(crate) async fn insert(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    run: &NewRun,
    trigger: RunTrigger,
    now: i64,
) -> Result<(), StoreError> {
    let plain = run.options == RunOptions::default();
    let added = sqlx::query(
        "INSERT INTO run (account, id, flow, seq, options, trigger, status, attempt, counts,
                          started_at_ms, updated_at_ms)
         SELECT account, $3, name,
                1 + COALESCE((SELECT MAX(seq) FROM run r
                              WHERE r.account = flow.account AND r.flow = flow.name), 0),
                $4, $6, 'Queued', 0, '{}', $5, $5
         FROM flow WHERE account = $1 AND name = $2",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(run.id.as_str())
    .bind((!plain).then(|| json(&run.options)))
    .bind(now)
    .bind(trigger.as_str())
    .execute(&mut *tx)
    .await
    .map_err(|error| StoreError::on_unique(error, Kind::Run, &run.id))?
    .rows_affected();
    if added == 0 {
        return Err(StoreError::not_found(Kind::Flow, flow));
    }
    Ok(())
}

/// A run and its number in its flow.
pub(crate) fn decode(row: &SqliteRow) -> Result<(Run, i64), StoreError> {
    let bad = |what| StoreError::BadRow { table: "run", what };
    let counts: RunCounts = serde_json::from_str(row.try_get("counts")?).map_err(|_| bad("counts"))?;
    let window = row
        .try_get::<Option<i64>, _>("window_start_ms")?
        .zip(row.try_get::<Option<i64>, _>("window_end_ms")?)
        .map(|(start_ms, end_ms)| PullWindow { start_ms, end_ms });
    let run = Run {
        id: ExecutionId::new(row.try_get::<String, _>("id")?),
        flow: FlowName::new(row.try_get::<String, _>("flow")?),
        trigger: RunTrigger::parse(row.try_get("trigger")?).ok_or_else(|| bad("trigger"))?,
        ticks: document(row, "ticks")?,
        window,
        options: document(row, "options")?.unwrap_or_default(),
        event_mark: row.try_get("event_mark")?,
        status: RunStatus::parse(row.try_get("status")?).ok_or_else(|| bad("status"))?,
        attempt: unsigned(row.try_get("attempt")?),
        started_at_ms: row.try_get("started_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
        counts,
        error: row.try_get("error")?,
        commit: document(row, "commit_list")?,
    };
    Ok((run, row.try_get("seq")?))
}

/// The document in a column, if there is one.
fn document<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(serde_json::from_str).transpose().map_err(|_| StoreError::BadRow { table: "run", what: column })
}

/// A document as text, for a column.
pub(crate) fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_value(document).unwrap_or(Value::Null).to_string()
}
