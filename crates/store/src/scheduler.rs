//! Flows that a schedule runs, as the server's scheduler sees them.
//!
//! A flow's `next_due_ms` is the first tick that no run stands for. It moves
//! only in the transaction that makes the run (or lets a waiting one take the
//! tick in), and only from the value that the scheduler saw: a tick is neither
//! lost nor doubled, wherever the process ends.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::RunTrigger;
use tidegate_core::schedule::DueTicks;
use tidegate_core::{AccountId, ExecutionId, FlowName, fault};

use crate::error::StoreError;
use crate::flows::Activation;
use crate::runs::json;
use crate::{Store, now_ms};

/// Flows that one statement writes. SQLite takes 32,766 values a statement.
const STATEMENT: usize = 200;

/// A flow that is active on a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledFlow {
    /// The account.
    pub account: AccountId,
    /// The flow.
    pub flow: FlowName,
    /// Its definition, as JSON that nobody has read yet.
    pub definition: String,
    /// Epoch milliseconds of the activation that holds.
    pub activated_at_ms: i64,
    /// Epoch milliseconds of the first tick that no run stands for.
    pub next_due_ms: i64,
}

/// Ticks of a flow that are due, and what follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRun {
    /// The flow as it was seen. If it was changed since, nothing is queued.
    pub flow: ScheduledFlow,
    /// The ticks that are due, from the flow's `next_due_ms` on.
    pub ticks: DueTicks,
    /// The first tick after them; `None` when the schedule has ended.
    pub next_due_ms: Option<i64>,
}

/// The schedules of all accounts.
#[derive(Clone, Copy, Debug)]
pub struct Scheduler<'a> {
    store: &'a Store,
}

impl<'a> Scheduler<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// The flows that are due at a time, those that are due longest first.
    pub async fn due(&self, now_ms: i64, limit: u32) -> Result<Vec<ScheduledFlow>, StoreError> {
        let rows = sqlx::query(
            "SELECT account, name, definition, activated_at_ms, next_due_ms FROM flow
             WHERE next_due_ms <= $1 ORDER BY next_due_ms LIMIT $2",
        )
        .bind(now_ms)
        .bind(i64::from(limit))
        .fetch_all(self.store.reads())
        .await?;
        rows.iter().map(decode).collect()
    }

    /// The flows that will be due after a time; see [`Scheduler::postpone`].
    pub async fn due_after(&self, time_ms: i64) -> Result<Vec<ScheduledFlow>, StoreError> {
        let rows = sqlx::query(
            "SELECT account, name, definition, activated_at_ms, next_due_ms FROM flow
             WHERE next_due_ms > $1 ORDER BY next_due_ms",
        )
        .bind(time_ms)
        .fetch_all(self.store.reads())
        .await?;
        rows.iter().map(decode).collect()
    }

    /// When the first flow is due.
    pub async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT next_due_ms FROM flow WHERE next_due_ms IS NOT NULL ORDER BY next_due_ms LIMIT 1",
        )
        .fetch_optional(self.store.reads())
        .await?)
    }

    /// Waits until a flow is activated or changed in this process; it listens
    /// from the call on, as [`crate::Queue::changed`] does.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut changes = self.store.scheduled().subscribe();
        async move {
            // The other end belongs to the store; when it is gone, a query says so.
            let _ = changes.changed().await;
        }
    }

    /// Queues runs for ticks, all in one transaction. A run of the flow that
    /// the schedule asked for and that no worker has yet takes the ticks in;
    /// otherwise there is a new run, which waits for the one under way. Gives
    /// how many runs are new.
    pub async fn enqueue(&self, due: Vec<TickRun>) -> Result<usize, StoreError> {
        if due.is_empty() {
            return Ok(0);
        }
        let added = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut added = 0;
                    for part in due.chunks(STATEMENT) {
                        added += enqueue(tx, part).await?;
                    }
                    Ok(added)
                })
            })
            .await?;
        fault::point("tick.written");
        self.store.queued().send_replace(());
        Ok(added)
    }

    /// Gives a flow's schedule another activation without a run, because the
    /// clock was set. False when the flow was changed meanwhile.
    pub async fn postpone(&self, flow: &ScheduledFlow, activation: Activation) -> Result<bool, StoreError> {
        let flow = flow.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "UPDATE flow SET next_due_ms = $5, activated_at_ms = $6
                         WHERE account = $1 AND name = $2 AND activated_at_ms = $3 AND next_due_ms = $4",
                    )
                    .bind(flow.account.as_str())
                    .bind(flow.flow.as_str())
                    .bind(flow.activated_at_ms)
                    .bind(flow.next_due_ms)
                    .bind(activation.next_due_ms)
                    .bind(activation.activated_at_ms)
                    .execute(tx)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    /// Takes a flow whose schedule cannot be read off its schedule, and says why.
    pub async fn fail(&self, flow: &ScheduledFlow, message: &str) -> Result<(), StoreError> {
        let (flow, message) = (flow.clone(), message.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE flow SET status = $4, status_message = $5, updated_at_ms = $6,
                                activated_at_ms = NULL, next_due_ms = NULL
                         WHERE account = $1 AND name = $2 AND activated_at_ms = $3",
                    )
                    .bind(flow.account.as_str())
                    .bind(flow.flow.as_str())
                    .bind(flow.activated_at_ms)
                    .bind(FlowStatus::Errored.as_str())
                    .bind(message)
                    .bind(now_ms())
                    .execute(tx)
                    .await?;
                    Ok(())
                })
            })
            .await
    }
}

fn decode(row: &SqliteRow) -> Result<ScheduledFlow, StoreError> {
    Ok(ScheduledFlow {
        account: AccountId::new(row.try_get::<String, _>("account")?),
        flow: FlowName::new(row.try_get::<String, _>("name")?),
        definition: row.try_get("definition")?,
        activated_at_ms: row
            .try_get::<Option<i64>, _>("activated_at_ms")?
            .ok_or(StoreError::BadRow { table: "flow", what: "activated_at_ms" })?,
        next_due_ms: row.try_get("next_due_ms")?,
    })
}

/// The condition under which a row of `due` still holds for its flow `f`.
const SAME: &str = "f.account = due.account AND f.name = due.name AND f.activated_at_ms = due.activated AND f.next_due_ms = due.seen";

async fn enqueue(tx: &mut SqliteConnection, due: &[TickRun]) -> Result<usize, StoreError> {
    let now = now_ms();
    let mut waiting = waiting(tx, due).await?;
    let (mut joining, mut fresh) = (Vec::new(), Vec::new());
    for (position, tick) in due.iter().enumerate() {
        match waiting.remove(&position) {
            Some((id, mut ticks)) => {
                ticks.join(&tick.ticks);
                joining.push((tick, id, ticks));
            }
            None => fresh.push(tick),
        }
    }
    if !joining.is_empty() {
        let mut query = QueryBuilder::new("WITH due (account, name, activated, seen, id, ticks) AS (");
        query.push_values(&joining, |mut row, (tick, id, ticks)| {
            row.push_bind(tick.flow.account.as_str())
                .push_bind(tick.flow.flow.as_str())
                .push_bind(tick.flow.activated_at_ms)
                .push_bind(tick.flow.next_due_ms)
                .push_bind(id.as_str())
                .push_bind(json(ticks));
        });
        query
            .push(") UPDATE run SET ticks = due.ticks, updated_at_ms = ")
            .push_bind(now)
            .push(" FROM due JOIN flow f ON ")
            .push(SAME)
            .push(" WHERE run.account = due.account AND run.id = due.id")
            .build()
            .execute(&mut *tx)
            .await?;
    }
    let mut added = 0;
    if !fresh.is_empty() {
        let mut query = QueryBuilder::new("WITH due (account, name, activated, seen, id, first, ticks) AS (");
        query.push_values(&fresh, |mut row, tick| {
            row.push_bind(tick.flow.account.as_str())
                .push_bind(tick.flow.flow.as_str())
                .push_bind(tick.flow.activated_at_ms)
                .push_bind(tick.flow.next_due_ms)
                .push_bind(ExecutionId::random().as_str().to_owned())
                .push_bind(tick.ticks.first_ms)
                .push_bind(json(&tick.ticks));
        });
        added = query
            .push(
                ") INSERT INTO run (account, id, flow, seq, due_at_ms, ticks, trigger, status, attempt, counts,
                                    started_at_ms, updated_at_ms)
                 SELECT due.account, due.id, due.name,
                        1 + COALESCE((SELECT MAX(seq) FROM run r
                                      WHERE r.account = due.account AND r.flow = due.name), 0),
                        due.first, due.ticks, ",
            )
            .push_bind(RunTrigger::Scheduled.as_str())
            .push(", 'Queued', 0, '{}', ")
            .push_bind(now)
            .push(", ")
            .push_bind(now)
            .push(" FROM due JOIN flow f ON ")
            .push(SAME)
            // A tick that has its run already, because the clock was set back.
            .push(" WHERE TRUE ON CONFLICT (account, flow, due_at_ms) DO NOTHING")
            .build()
            .execute(&mut *tx)
            .await?
            .rows_affected();
    }
    fault::point("tick.writing");
    let mut query = QueryBuilder::new("WITH due (account, name, activated, seen, next) AS (");
    query.push_values(due, |mut row, tick| {
        row.push_bind(tick.flow.account.as_str())
            .push_bind(tick.flow.flow.as_str())
            .push_bind(tick.flow.activated_at_ms)
            .push_bind(tick.flow.next_due_ms)
            .push_bind(tick.next_due_ms);
    });
    query
        .push(") UPDATE flow AS f SET next_due_ms = due.next, waiting_ms = ")
        .push(WAITING)
        .push(" FROM due WHERE ")
        .push(SAME)
        .build()
        .execute(&mut *tx)
        .await?;
    Ok(usize::try_from(added).unwrap_or(usize::MAX))
}

/// When the first of the queued runs of the flow `f` was asked for.
pub(crate) const WAITING: &str =
    "(SELECT r.started_at_ms FROM run r WHERE r.account = f.account AND r.flow = f.name
      AND r.status = 'Queued' ORDER BY r.seq LIMIT 1)";

/// Writes down whether, and since when, a flow has a queued run. Whoever
/// changes which runs are queued calls it in the same transaction.
pub(crate) async fn mark_waiting(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
) -> Result<(), StoreError> {
    QueryBuilder::<Sqlite>::new("UPDATE flow AS f SET waiting_ms = ")
        .push(WAITING)
        .push(" WHERE f.account = ")
        .push_bind(account.as_str())
        .push(" AND f.name = ")
        .push_bind(flow.as_str())
        .build()
        .execute(tx)
        .await?;
    Ok(())
}

/// The runs of these flows that a schedule asked for and nobody has begun, by
/// the flow's position.
async fn waiting(
    tx: &mut SqliteConnection,
    due: &[TickRun],
) -> Result<HashMap<usize, (ExecutionId, DueTicks)>, StoreError> {
    let mut query = QueryBuilder::new("WITH due (position, account, name) AS (");
    query.push_values((0_i64..).zip(due), |mut row, (position, tick)| {
        row.push_bind(position).push_bind(tick.flow.account.as_str()).push_bind(tick.flow.flow.as_str());
    });
    // A cross join keeps the order of its tables: flow by flow, and not through
    // all runs that wait, which are many when many flows are due at once.
    query.push(
        ") SELECT due.position, r.id, r.ticks FROM due CROSS JOIN run r
         ON r.account = due.account AND r.flow = due.name
         WHERE r.status = 'Queued' AND r.trigger = ",
    );
    query.push_bind(RunTrigger::Scheduled.as_str());
    // Of two, because one was given back, the later one takes ticks in.
    let rows = query.push(" ORDER BY r.seq").build().fetch_all(tx).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let position = usize::try_from(row.try_get::<i64, _>("position")?)
            .map_err(|_| StoreError::BadRow { table: "run", what: "position" })?;
        let ticks = row
            .try_get::<Option<&str>, _>("ticks")?
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or(StoreError::BadRow { table: "run", what: "ticks" })?;
        found.insert(position, (ExecutionId::new(row.try_get::<String, _>("id")?), ticks));
    }
    Ok(found)
}
