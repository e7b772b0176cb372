//! Runs as workers see them. The `run` table is the queue.
//!
//! A worker holds a run by a lease. Every claim raises the run's attempt,
//! which is the fencing number: each write names it, and a worker whose lease
//! has gone to somebody else can write nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use tidegate_core::run::{CommitList, FlowCursor, Run, RunCounts, RunStatus, RunTrigger};
use tidegate_core::schedule::PullWindow;
use tidegate_core::{AccountId, ExecutionId, FlowName, fault};

use crate::aftermath::{End, Finished, NewCursor};
use crate::error::StoreError;
use crate::outbox::{self, Announcing};
use crate::runs::{COLUMNS, decode, json};
use crate::scheduler::{WAITING, mark_waiting};
use crate::{Store, events, flows, now_ms};

/// The right to write to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The account.
    pub account: AccountId,
    /// The run.
    pub id: ExecutionId,
    /// The attempt that was claimed.
    pub attempt: u32,
}

/// What a worker has to do with a run that it claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Run it from the start; what an earlier attempt staged is worthless.
    Start,
    /// Complete this list and nothing else: an earlier attempt has uploaded
    /// everything and recorded the list.
    Complete(CommitList),
    /// Remove what an earlier attempt staged, and end it as cancelled.
    Abandon,
}

/// A run in a worker's hands.
#[derive(Clone, Debug)]
pub struct ClaimedRun {
    /// The right to write to it.
    pub lease: Lease,
    /// What to do.
    pub work: Work,
    /// The run as it is now.
    pub run: Run,
    /// The flow's definition as it is now.
    pub definition: Value,
    /// The flow's schema version as it is now.
    pub schema_version: u32,
    /// How far the flow has pulled.
    pub cursor: FlowCursor,
    /// Which life of the cursor this is; see [`Queue::publishing`].
    pub cursor_epoch: i64,
    /// The flow's tags as they are now.
    pub tags: BTreeMap<String, String>,
}

/// What a worker learns from a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Go on.
    Continue,
    /// Somebody cancelled the run: stop, remove what is staged, and finish it
    /// as cancelled.
    Cancel,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Everything is visible.
    Successful,
    /// The error for the user, which holds no secret.
    Error(String),
    /// Cancelled; nothing is visible.
    Canceled,
}

/// The runs of all accounts.
#[derive(Clone, Copy, Debug)]
pub struct Queue<'a> {
    store: &'a Store,
}

impl<'a> Queue<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Takes a run, if there is one to take: first one whose lease is over,
    /// then the oldest queued run of the flow that has none in anybody's hands
    /// and whose latest start lies furthest back. A flow has at most one run in
    /// somebody's hands; the schema sees to that, too.
    pub async fn claim(&self, worker: &str, lease_ms: i64) -> Result<Option<ClaimedRun>, StoreError> {
        // Most calls find nothing; those need no transaction.
        if self.find_lost(now_ms()).await?.is_none() && self.find_queued().await?.is_none() {
            return Ok(None);
        }
        let (worker, announcer) = (worker.to_owned(), self.store.announcer());
        let claimed = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let now = now_ms();
                    let found = match lost(&mut *tx, now).await? {
                        Some(found) => Some(found),
                        None => queued(&mut *tx).await?,
                    };
                    match found {
                        Some((account, id)) => {
                            let holder = Holder { worker: &worker, now, lease_ms };
                            take(tx, account, &id, holder, &announcer).await.map(Some)
                        }
                        None => Ok(None),
                    }
                })
            })
            .await?;
        fault::point("run.claimed");
        self.store.announced().send_replace(());
        Ok(claimed)
    }

    async fn find_lost(&self, now: i64) -> Result<Option<(String, String)>, StoreError> {
        lost(self.store.reads(), now).await
    }

    async fn find_queued(&self) -> Result<Option<(String, String)>, StoreError> {
        queued(self.store.reads()).await
    }

    /// Waits until a run is queued, given back or ended in this process, so
    /// that it is worth while to claim again. It listens from the call on and
    /// not only once it is awaited: who calls this, claims, and waits for it
    /// only when there was nothing to claim, misses no run. Other processes'
    /// runs and leases that end are not told, so claim from time to time, too.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut changes = self.store.queued().subscribe();
        async move {
            // The other end belongs to the store; when it is gone, a claim says so.
            let _ = changes.changed().await;
        }
    }

    /// Waits until a run is cancelled, or a flow deleted, in this process: a
    /// worker then renews its lease, which tells whether it was its run. It
    /// listens from the call on, as [`Queue::changed`] does.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut changes = self.store.cancelled().subscribe();
        async move {
            let _ = changes.changed().await;
        }
    }

    /// Records the window that a run pulls.
    pub async fn begin(&self, lease: &Lease, window: PullWindow) -> Result<Signal, StoreError> {
        let lease = lease.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let status: Option<String> = sqlx::query_scalar(
                        "UPDATE run SET window_start_ms = $4, window_end_ms = $5, updated_at_ms = $6
                         WHERE account = $1 AND id = $2 AND attempt = $3
                           AND status IN ('Running', 'CancelStarted') RETURNING status",
                    )
                    .bind(lease.account.as_str())
                    .bind(lease.id.as_str())
                    .bind(i64::from(lease.attempt))
                    .bind(window.start_ms)
                    .bind(window.end_ms)
                    .bind(now_ms())
                    .fetch_optional(tx)
                    .await?;
                    signal(status)
                })
            })
            .await
    }

    /// Keeps a run for another while.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it has gone to somebody else; so do all of
    /// the following.
    pub async fn heartbeat(&self, lease: &Lease, lease_ms: i64) -> Result<Signal, StoreError> {
        let lease = lease.clone();
        fault::point("lease.renewing");
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let status: Option<String> = sqlx::query_scalar(
                        "UPDATE run SET lease_until_ms = $4
                         WHERE account = $1 AND id = $2 AND attempt = $3
                           AND status IN ('Running', 'Publishing', 'CancelStarted') RETURNING status",
                    )
                    .bind(lease.account.as_str())
                    .bind(lease.id.as_str())
                    .bind(i64::from(lease.attempt))
                    .bind(now_ms() + lease_ms)
                    .fetch_optional(tx)
                    .await?;
                    signal(status)
                })
            })
            .await
    }

    /// Records what a run has counted so far.
    pub async fn progress(&self, lease: &Lease, counts: &RunCounts) -> Result<Signal, StoreError> {
        let (lease, counts) = (lease.clone(), json(counts));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let status: Option<String> = sqlx::query_scalar(
                        "UPDATE run SET counts = $4, updated_at_ms = $5
                         WHERE account = $1 AND id = $2 AND attempt = $3
                           AND status IN ('Running', 'Publishing', 'CancelStarted') RETURNING status",
                    )
                    .bind(lease.account.as_str())
                    .bind(lease.id.as_str())
                    .bind(i64::from(lease.attempt))
                    .bind(counts)
                    .bind(now_ms())
                    .fetch_optional(tx)
                    .await?;
                    signal(status)
                })
            })
            .await
    }

    /// Records that everything is uploaded and what remains to be made
    /// visible. From here on the run is only ever completed. On
    /// [`Signal::Cancel`] nothing was recorded and nothing may become visible.
    ///
    /// `cursor` becomes the flow's when the run ends successfully, unless the
    /// flow's cursor was forgotten after the run began: its epoch is the one
    /// that came with the claim.
    pub async fn publishing(
        &self,
        lease: &Lease,
        commit: &CommitList,
        counts: &RunCounts,
        cursor: Option<(&FlowCursor, i64)>,
    ) -> Result<Signal, StoreError> {
        let (lease, commit, counts) = (lease.clone(), json(commit), json(counts));
        let cursor = cursor.map(|(cursor, epoch)| json(&NewCursor { cursor: cursor.clone(), epoch }));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    // A cancelled run keeps its state and its commit list stays empty.
                    let status: Option<String> = sqlx::query_scalar(
                        "UPDATE run SET counts = $5, updated_at_ms = $6,
                                commit_list = CASE status WHEN 'Running' THEN $4 ELSE commit_list END,
                                new_cursor = CASE status WHEN 'Running' THEN $7 ELSE new_cursor END,
                                status = CASE status WHEN 'Running' THEN 'Publishing' ELSE status END
                         WHERE account = $1 AND id = $2 AND attempt = $3
                           AND status IN ('Running', 'CancelStarted') RETURNING status",
                    )
                    .bind(lease.account.as_str())
                    .bind(lease.id.as_str())
                    .bind(i64::from(lease.attempt))
                    .bind(commit)
                    .bind(counts)
                    .bind(now_ms())
                    .bind(cursor)
                    .fetch_optional(tx)
                    .await?;
                    fault::point("list.writing");
                    signal(status)
                })
            })
            .await
    }

    /// Ends a run, and does to its flow what follows from it, all at once: a
    /// success moves the cursor, takes the events away that were published and
    /// ends a row of errors; an error may be the one too many: so many runs that
    /// nobody asked for by hand and that fail in a row deactivate the flow
    /// (`flowErrorDeactivationThreshold`). A run that publishes ends only
    /// well: its output is there.
    pub async fn finish(
        &self,
        lease: &Lease,
        ending: Ending,
        counts: &RunCounts,
        error_threshold: Option<u32>,
    ) -> Result<Finished, StoreError> {
        let (lease, counts, announcer) = (lease.clone(), counts.clone(), self.store.announcer());
        let (status, error) = match ending {
            Ending::Successful => (RunStatus::Successful, None),
            Ending::Error(text) => (RunStatus::Error, Some(text)),
            Ending::Canceled => (RunStatus::Canceled, None),
        };
        let finished = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let row = sqlx::query(
                        "UPDATE run SET status = $4, error = $5, counts = $6, updated_at_ms = $7,
                                commit_list = NULL, worker = NULL, lease_until_ms = NULL
                         WHERE account = $1 AND id = $2 AND attempt = $3
                           AND status IN ('Running', 'Publishing', 'CancelStarted')
                           AND (status <> 'Publishing' OR $4 = 'Successful')
                         RETURNING flow, trigger, new_cursor, event_mark",
                    )
                    .bind(lease.account.as_str())
                    .bind(lease.id.as_str())
                    .bind(i64::from(lease.attempt))
                    .bind(status.as_str())
                    .bind(error.as_deref())
                    .bind(json(&counts))
                    .bind(now_ms())
                    .fetch_optional(&mut *tx)
                    .await?
                    .ok_or(StoreError::Stale)?;
                    fault::point("end.writing");
                    let (account, flow) = (lease.account, FlowName::new(row.try_get::<String, _>("flow")?));
                    let end = End {
                        trigger: RunTrigger::parse(row.try_get("trigger")?)
                            .ok_or(StoreError::BadRow { table: "run", what: "trigger" })?,
                        status,
                        error: error.as_deref(),
                        counts: &counts,
                        event_mark: row.try_get("event_mark")?,
                        new_cursor: row.try_get("new_cursor")?,
                    };
                    let finished = end.settle(&mut *tx, &account, &flow, error_threshold).await?;
                    fault::point("cursor.moving");
                    let deactivated = finished.deactivated.as_deref();
                    outbox::announce_end(tx, &announcer, &account, &lease.id, deactivated).await?;
                    Ok(finished)
                })
            })
            .await?;
        fault::point("end.written");
        self.store.queued().send_replace(());
        self.store.announced().send_replace(());
        Ok(finished)
    }

    /// Gives a run back unfinished, because the server stops: it is queued
    /// again, or, when it publishes, free for whoever comes to complete it.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let flow: Option<String> = sqlx::query_scalar(
                        "UPDATE run SET worker = NULL, updated_at_ms = $4,
                                lease_until_ms = CASE status WHEN 'Running' THEN NULL ELSE 0 END,
                                status = CASE status WHEN 'Running' THEN 'Queued' ELSE status END
                         WHERE account = $1 AND id = $2 AND attempt = $3
                           AND status IN ('Running', 'Publishing', 'CancelStarted') RETURNING flow",
                    )
                    .bind(lease.account.as_str())
                    .bind(lease.id.as_str())
                    .bind(i64::from(lease.attempt))
                    .bind(now_ms())
                    .fetch_optional(&mut *tx)
                    .await?;
                    match flow {
                        Some(flow) => mark_waiting(tx, &lease.account, &FlowName::new(flow)).await,
                        None => Err(StoreError::Stale),
                    }
                })
            })
            .await?;
        fault::point("run.released");
        self.store.queued().send_replace(());
        Ok(())
    }

    /// How many runs there are in each state; states without any are left out.
    pub async fn counts(&self) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let rows = sqlx::query("SELECT status, COUNT(*) FROM run GROUP BY status")
            .fetch_all(self.store.reads())
            .await?;
        let mut counts = BTreeMap::new();
        for row in rows {
            let status = RunStatus::parse(row.try_get(0)?)
                .ok_or(StoreError::BadRow { table: "run", what: "status" })?;
            counts.insert(status.as_str(), row.try_get::<i64, _>(1)?.unsigned_abs());
        }
        Ok(counts)
    }

    /// Ends the leases that workers of a process hold which is gone, so that
    /// their runs are taken up at once. Only a process that has the database
    /// for itself may say so, and only before its own workers begin.
    pub async fn end_leases(&self) -> Result<u64, StoreError> {
        self.store
            .write(|tx| {
                Box::pin(async move {
                    let done = sqlx::query("UPDATE run SET lease_until_ms = 0 WHERE lease_until_ms > 0")
                        .execute(tx)
                        .await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }

    /// The runs that have not ended, whose staged output may still be needed.
    pub async fn unfinished(&self) -> Result<Vec<ExecutionId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM run WHERE status IN ('Queued', 'Running', 'Publishing', 'CancelStarted')",
        )
        .fetch_all(self.store.reads())
        .await?;
        Ok(ids.into_iter().map(ExecutionId::new).collect())
    }
}

fn signal(status: Option<String>) -> Result<Signal, StoreError> {
    match status.as_deref() {
        None => Err(StoreError::Stale),
        Some("CancelStarted") => Ok(Signal::Cancel),
        Some(_) => Ok(Signal::Continue),
    }
}

/// A run whose worker has not been heard of in time.
async fn lost<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Sqlite>,
    now: i64,
) -> Result<Option<(String, String)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT account, id FROM run
         WHERE status IN ('Running', 'Publishing', 'CancelStarted') AND lease_until_ms <= $1
         ORDER BY lease_until_ms LIMIT 1",
    )
    .bind(now)
    .fetch_optional(executor)
    .await?)
}

/// The queued run whose turn it is. Flows that wait are read in the order of
/// their turns off an index, and the first one that is not busy is taken, so
/// the length of the queue does not matter.
async fn queued<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Sqlite>,
) -> Result<Option<(String, String)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT f.account, (SELECT r.id FROM run r WHERE r.account = f.account AND r.flow = f.name
                            AND r.status = 'Queued' ORDER BY r.seq LIMIT 1)
         FROM flow f
         WHERE f.waiting_ms IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM run a WHERE a.account = f.account AND a.flow = f.name
                           AND a.status IN ('Running', 'Publishing', 'CancelStarted'))
         ORDER BY f.last_claimed_ms, f.waiting_ms LIMIT 1",
    )
    .fetch_optional(executor)
    .await?)
}

/// Who takes a run, when, and for how long.
struct Holder<'w> {
    worker: &'w str,
    now: i64,
    lease_ms: i64,
}

async fn take(
    tx: &mut SqliteConnection,
    account: String,
    id: &str,
    holder: Holder<'_>,
    announcer: &Announcing,
) -> Result<ClaimedRun, StoreError> {
    let Holder { worker, now, lease_ms } = holder;
    let row = QueryBuilder::new("UPDATE run SET attempt = attempt + 1, worker = ")
        .push_bind(worker)
        .push(", lease_until_ms = ")
        .push_bind(now.saturating_add(lease_ms))
        .push(", updated_at_ms = ")
        .push_bind(now)
        .push(", status = CASE status WHEN 'Queued' THEN 'Running' ELSE status END WHERE account = ")
        .push_bind(account.as_str())
        .push(" AND id = ")
        .push_bind(id)
        .push(" RETURNING ")
        .push(COLUMNS)
        .build()
        .fetch_one(&mut *tx)
        .await?;
    fault::point("run.claiming");
    let (mut run, _) = decode(&row)?;
    let flow = QueryBuilder::new("UPDATE flow AS f SET last_claimed_ms = ")
        .push_bind(now)
        .push(", waiting_ms = ")
        .push(WAITING)
        .push(" WHERE f.account = ")
        .push_bind(account.as_str())
        .push(" AND f.name = ")
        .push_bind(run.flow.as_str())
        .push(" RETURNING *")
        .build()
        .fetch_one(&mut *tx)
        .await?;
    let flow = flows::decode(&flow)?;
    let bad = |table, what| StoreError::BadRow { table, what };
    let work = match (run.status, &run.commit) {
        (RunStatus::Publishing, Some(commit)) => Work::Complete(commit.clone()),
        (RunStatus::Publishing, None) => return Err(bad("run", "commit_list")),
        (RunStatus::CancelStarted, _) => Work::Abandon,
        _ => Work::Start,
    };
    let account = AccountId::new(account);
    if work == Work::Start && (run.trigger == RunTrigger::Event || flow.takes_events()) {
        run.event_mark = Some(events::fix_mark(tx, &account, &run.flow, &run.id).await?);
    }
    let claimed = ClaimedRun {
        lease: Lease { account, id: run.id.clone(), attempt: run.attempt },
        work,
        definition: flow.definition.clone(),
        schema_version: flow.schema_version,
        cursor: flow.state.cursor.clone(),
        cursor_epoch: flow.state.cursor_epoch,
        tags: flow.tags.clone(),
        run,
    };
    if let (Some(announcer), 1) = (announcer, claimed.lease.attempt) {
        outbox::add(tx, announcer.started(&flow, &claimed)).await?;
    }
    Ok(claimed)
}
