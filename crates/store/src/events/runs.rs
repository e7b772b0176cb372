//! The runs that take events: when one is queued, what it takes, and what its
//! end means to the inbox.

use sqlx::{Row as _, SqliteConnection};
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{RunCounts, RunStatus, RunTrigger};
use tidegate_core::{AccountId, ExecutionId, FlowName, fault};

use super::report;
use crate::error::StoreError;
use crate::runs::{NewRun, insert};
use crate::scheduler::mark_waiting;
use crate::{FlowRecord, Store, flows, now_ms};

/// How long events wait after a run that failed, in milliseconds: twice as long
/// after each further one, up to the second.
const FIRST_RETRY_MS: u64 = 30_000;
const LONGEST_RETRY_MS: u64 = 900_000;

/// Inboxes that are looked at in one transaction.
pub(super) const STEP: i64 = 100;

/// What a run that took events has come to.
pub(crate) struct Taken<'r> {
    /// The number of the last event that it took.
    pub mark: i64,
    pub status: RunStatus,
    pub error: Option<&'r str>,
    pub counts: &'r RunCounts,
}

/// The milliseconds to wait after so many runs that failed in a row.
fn retry_ms(streak: u32) -> i64 {
    let first = fault::number("event.retry.ms").unwrap_or(FIRST_RETRY_MS);
    let wait = first.saturating_mul(1 << streak.saturating_sub(1).min(20)).min(LONGEST_RETRY_MS);
    i64::try_from(wait).unwrap_or(i64::MAX)
}

/// Queues a run for the events that wait, unless one will take them anyway: one
/// that waits and has not begun, or, after runs that failed, the next try.
/// Without that, each delivery would make another run that fails.
pub(super) async fn wake(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    error_streak: u32,
) -> Result<(), StoreError> {
    let now = now_ms();
    if error_streak > 0
        && (is_under_way(tx, account, flow).await? || is_put_off(tx, account, flow, now).await?)
    {
        return Ok(());
    }
    queue(tx, account, flow, now).await
}

/// As [`wake`], because the flow was activated or changed: what hindered the
/// runs before may be gone, so nothing waits for the next try.
pub(crate) async fn wake_for(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowRecord,
) -> Result<(), StoreError> {
    if flow.status != FlowStatus::Active
        || !flow.takes_events()
        || !has_events(tx, account, &flow.name).await?
    {
        return Ok(());
    }
    // The end of a run that has begun sees to what is left.
    if is_under_way(tx, account, &flow.name).await? {
        return Ok(());
    }
    queue(tx, account, &flow.name, now_ms()).await
}

async fn queue(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE event_inbox SET retry_at_ms = NULL
         WHERE account = $1 AND flow = $2 AND retry_at_ms IS NOT NULL",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .execute(&mut *tx)
    .await?;
    // One that was given back has its mark already, and takes no more in.
    let waits = sqlx::query(
        "SELECT 1 FROM run WHERE account = $1 AND flow = $2 AND status = 'Queued' AND trigger = $3
         AND event_mark IS NULL",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(RunTrigger::Event.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    if waits.is_some() {
        return Ok(());
    }
    insert(tx, account, flow, &NewRun::plain(&ExecutionId::random()), RunTrigger::Event, now).await?;
    mark_waiting(tx, account, flow).await
}

/// Whether a run has begun to take events and has not ended.
async fn is_under_way(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT 1 FROM run WHERE account = $1 AND flow = $2 AND event_mark IS NOT NULL
         AND status IN ('Queued', 'Running', 'Publishing', 'CancelStarted')",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .fetch_optional(tx)
    .await?;
    Ok(row.is_some())
}

/// Whether the next try after a failure lies ahead.
async fn is_put_off(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    now: i64,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM event_inbox WHERE account = $1 AND flow = $2 AND retry_at_ms > $3")
        .bind(account.as_str())
        .bind(flow.as_str())
        .bind(now)
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

async fn has_events(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM event_inbox WHERE account = $1 AND flow = $2 AND waiting > 0")
        .bind(account.as_str())
        .bind(flow.as_str())
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

/// Fixes which events a run takes that is claimed for the first time: all that
/// have arrived by now. Later attempts take the same.
pub(crate) async fn fix_mark(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    id: &ExecutionId,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE run SET event_mark = COALESCE(event_mark,
            (SELECT last_seq FROM event_inbox i WHERE i.account = $1 AND i.flow = $3), 0)
         WHERE account = $1 AND id = $2 RETURNING event_mark",
    )
    .bind(account.as_str())
    .bind(id.as_str())
    .bind(flow.as_str())
    .fetch_one(tx)
    .await?)
}

/// Writes what the end of a run means to the inbox: what it has published is
/// gone, and what it has not is tried again.
pub(crate) async fn settle(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    taken: &Taken<'_>,
) -> Result<(), StoreError> {
    report::note(tx, account, flow, |report| report.add_run(taken)).await?;
    if taken.status == RunStatus::Successful {
        clear(tx, account, flow, taken.mark).await?;
    }
    let row = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name = $2")
        .bind(account.as_str())
        .bind(flow.as_str())
        .fetch_one(&mut *tx)
        .await?;
    let record = flows::decode(&row)?;
    if record.status != FlowStatus::Active || !record.takes_events() || !has_events(tx, account, flow).await?
    {
        return Ok(());
    }
    match record.state.error_streak {
        // A run that somebody has cancelled, or tried by hand, is not made up
        // for at once: the next delivery or StartFlow does.
        0 if taken.status != RunStatus::Successful => Ok(()),
        0 => queue(tx, account, flow, now_ms()).await,
        streak => put_off(tx, account, flow, streak).await,
    }
}

/// Takes the events up to a number out of an inbox.
async fn clear(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    mark: i64,
) -> Result<(), StoreError> {
    let (events, bytes): (i64, i64) = sqlx::query_as(
        "SELECT COALESCE(SUM(last_seq - first_seq + 1), 0), COALESCE(SUM(bytes), 0) FROM event_batch
         WHERE account = $1 AND flow = $2 AND last_seq <= $3",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(mark)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM event_batch WHERE account = $1 AND flow = $2 AND last_seq <= $3")
        .bind(account.as_str())
        .bind(flow.as_str())
        .bind(mark)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "UPDATE event_inbox SET waiting = waiting - $3, waiting_bytes = waiting_bytes - $4, retry_at_ms = NULL
         WHERE account = $1 AND flow = $2",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(events)
    .bind(bytes)
    .execute(tx)
    .await?;
    fault::point("events.clearing");
    Ok(())
}

/// Sets the time of the next try, unless it is set.
async fn put_off(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    streak: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE event_inbox SET retry_at_ms = $3 WHERE account = $1 AND flow = $2 AND retry_at_ms IS NULL",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(now_ms().saturating_add(retry_ms(streak)))
    .execute(tx)
    .await?;
    Ok(())
}

impl Store {
    /// Queues the runs whose time has come to try again what failed; gives how
    /// many inboxes were looked at.
    pub async fn retry_events(&self) -> Result<usize, StoreError> {
        let due =
            "SELECT account, flow FROM event_inbox WHERE retry_at_ms <= $1 ORDER BY retry_at_ms LIMIT $2";
        let found = sqlx::query(due).bind(now_ms()).bind(STEP).fetch_all(self.reads()).await?;
        if found.is_empty() {
            return Ok(0);
        }
        let count = self
            .write(move |tx| {
                Box::pin(async move {
                    let rows = sqlx::query(due).bind(now_ms()).bind(STEP).fetch_all(&mut *tx).await?;
                    for row in &rows {
                        retry(tx, row).await?;
                    }
                    fault::point("events.retrying");
                    Ok(rows.len())
                })
            })
            .await?;
        self.queued().send_replace(());
        Ok(count)
    }
}

async fn retry(tx: &mut SqliteConnection, row: &sqlx::sqlite::SqliteRow) -> Result<(), StoreError> {
    let account = AccountId::new(row.try_get::<String, _>("account")?);
    let flow = FlowName::new(row.try_get::<String, _>("flow")?);
    // A flow that is active no more takes them up when it is again.
    sqlx::query("UPDATE event_inbox SET retry_at_ms = NULL WHERE account = $1 AND flow = $2")
        .bind(account.as_str())
        .bind(flow.as_str())
        .execute(&mut *tx)
        .await?;
    let row = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name = $2")
        .bind(account.as_str())
        .bind(flow.as_str())
        .fetch_one(&mut *tx)
        .await?;
    wake_for(tx, &account, &flows::decode(&row)?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_grow_rarer_up_to_a_quarter_of_an_hour() {
        assert_eq!([1, 2, 3, 5, 6, 400].map(retry_ms), [30_000, 60_000, 120_000, 480_000, 900_000, 900_000]);
    }
}
