//! What the end of a run means to its flow. It is written in the transaction
//! that ends the run, so that neither is ever seen without the other.

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{FlowCursor, RunCounts, RunStatus, RunTrigger};
use tidegate_core::{AccountId, FlowName};

use crate::error::StoreError;
use crate::events::{self, Taken};
use crate::now_ms;
use crate::runs::json;
use crate::scheduler::mark_waiting;

/// What came of a run's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Why the flow was deactivated, if it was.
    pub deactivated: Option<String>,
}

/// A run's end, as its row tells it.
pub(crate) struct End<'r> {
    pub trigger: RunTrigger,
    pub status: RunStatus,
    pub error: Option<&'r str>,
    pub counts: &'r RunCounts,
    /// The last of the events that it took, if it took any.
    pub event_mark: Option<i64>,
    /// The row's [`NewCursor`].
    pub new_cursor: Option<&'r str>,
}

impl End<'_> {
    /// Writes what follows.
    pub(crate) async fn settle(
        &self,
        tx: &mut SqliteConnection,
        account: &AccountId,
        flow: &FlowName,
        error_threshold: Option<u32>,
    ) -> Result<Finished, StoreError> {
        let mut finished = Finished::default();
        let by_itself = self.trigger != RunTrigger::OnDemand;
        if self.status == RunStatus::Successful {
            move_cursor(tx, account, flow, self.new_cursor).await?;
            // Events that were published after all, be it by hand, stand in nobody's way.
            if by_itself || self.event_mark.is_some() {
                end_streak(tx, account, flow).await?;
            }
        }
        if let (true, Some(error)) = (by_itself, self.error) {
            finished.deactivated =
                count_error(tx, account, flow, self.trigger, error_threshold, error).await?;
        }
        if let Some(mark) = self.event_mark {
            let Self { trigger: _, status, error, counts, .. } = *self;
            events::settle(tx, account, flow, &Taken { mark, status, error, counts }).await?;
        }
        Ok(finished)
    }
}

/// What a run's row keeps of the cursor to come.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewCursor {
    pub epoch: i64,
    pub cursor: FlowCursor,
}

/// Gives the flow the cursor that its run brought, unless it was forgotten since.
async fn move_cursor(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    new: Option<&str>,
) -> Result<(), StoreError> {
    let Some(new) = new else { return Ok(()) };
    let new: NewCursor =
        serde_json::from_str(new).map_err(|_| StoreError::BadRow { table: "run", what: "new_cursor" })?;
    sqlx::query("UPDATE flow SET cursor = $4 WHERE account = $1 AND name = $2 AND cursor_epoch = $3")
        .bind(account.as_str())
        .bind(flow.as_str())
        .bind(new.epoch)
        .bind(json(&new.cursor))
        .execute(tx)
        .await?;
    Ok(())
}

async fn end_streak(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE flow SET error_streak = 0 WHERE account = $1 AND name = $2 AND error_streak <> 0")
        .bind(account.as_str())
        .bind(flow.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Counts a run that failed and that nobody had asked for by hand. When it was one too many, the flow is
/// suspended, and a run that waits for the failed one is cancelled.
async fn count_error(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    trigger: RunTrigger,
    threshold: Option<u32>,
    error: &str,
) -> Result<Option<String>, StoreError> {
    let streak: i64 = sqlx::query_scalar(
        "UPDATE flow SET error_streak = error_streak + 1 WHERE account = $1 AND name = $2 RETURNING error_streak",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .fetch_one(&mut *tx)
    .await?;
    if threshold.is_none_or(|threshold| streak < i64::from(threshold)) {
        return Ok(None);
    }
    let kind = if trigger == RunTrigger::Event { "event" } else { "scheduled" };
    let message = match streak {
        1 => format!("The flow was deactivated because its last {kind} run failed: {error}"),
        _ => format!("The flow was deactivated because its last {streak} {kind} runs failed: {error}"),
    };
    let now = now_ms();
    let suspended = sqlx::query(
        "UPDATE flow SET status = $3, status_message = $4, updated_at_ms = $5, activated_at_ms = NULL,
                next_due_ms = NULL
         WHERE account = $1 AND name = $2 AND status = $6",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(FlowStatus::Suspended.as_str())
    .bind(message.as_str())
    .bind(now)
    .bind(FlowStatus::Active.as_str())
    .execute(&mut *tx)
    .await?;
    if suspended.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query(
        "UPDATE run SET status = 'Canceled', updated_at_ms = $4
         WHERE account = $1 AND flow = $2 AND status = 'Queued' AND trigger = $3",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(trigger.as_str())
    .bind(now)
    .execute(&mut *tx)
    .await?;
    mark_waiting(tx, account, flow).await?;
    Ok(Some(message))
}
