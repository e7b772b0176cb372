//! Flows: their definitions as they were sent, and what they use.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection};
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{FlowCursor, RunTrigger};
use tidegate_core::{AccountId, ConnectionName, FlowName};

use crate::error::{Kind, StoreError};
use crate::events;
use crate::runs::json;
use crate::{Idempotent, Outcome, Page, Store, unsigned};

/// A flow as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRecord {
    /// The name, unique in the account.
    pub name: FlowName,
    /// The definition as it was sent, which is what is described.
    pub definition: Value,
    /// What it is doing.
    pub status: FlowStatus,
    /// Why it is suspended or errored, if it is.
    pub status_message: Option<String>,
    /// From 1; one more after each change of the mapping.
    pub schema_version: u32,
    /// Tags, by key.
    pub tags: BTreeMap<String, String>,
    /// Epoch milliseconds.
    pub created_at_ms: i64,
    /// Epoch milliseconds.
    pub updated_at_ms: i64,
    /// The ARN of whoever made it.
    pub created_by: String,
    /// The ARN of whoever changed it last.
    pub updated_by: String,
    /// How it runs by itself.
    pub state: FlowState,
}

impl FlowRecord {
    /// Whether events start it, and are what it reads.
    pub fn takes_events(&self) -> bool {
        let kind = self.definition.pointer("/triggerConfig/triggerType").and_then(Value::as_str);
        kind == Some(RunTrigger::Event.as_str())
    }
}

/// What a flow needs to run by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowState {
    /// Its schedule runs it.
    pub activation: Option<Activation>,
    /// How far it has pulled. Only runs move it.
    pub cursor: FlowCursor,
    /// How often that was forgotten; see [`FlowState::forget_cursor`].
    pub cursor_epoch: i64,
    /// Runs that failed in a row, of those that a schedule or events asked for.
    /// Only runs count it.
    pub error_streak: u32,
}

impl FlowState {
    /// Forgets how far the flow has pulled; runs under way do not bring it back.
    pub fn forget_cursor(&mut self) {
        self.cursor = FlowCursor::default();
        self.cursor_epoch += 1;
    }
}

/// A schedule at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Epoch milliseconds of the StartFlow, or of the later change of the
    /// trigger, that holds.
    pub activated_at_ms: i64,
    /// Epoch milliseconds of the first tick that no run stands for; `None` when
    /// the schedule has none any more.
    pub next_due_ms: Option<i64>,
}

/// The flows of one account.
#[derive(Debug)]
pub struct Flows<'a> {
    store: &'a Store,
    account: AccountId,
}

impl<'a> Flows<'a> {
    pub(crate) const fn new(store: &'a Store, account: AccountId) -> Self {
        Self { store, account }
    }

    /// Stores a new flow, with the connections that it uses.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken,
    /// [`StoreError::NotFound`] when one of the connections does not exist.
    pub async fn create(
        &self,
        flow: FlowRecord,
        uses: &[ConnectionName],
        call: Option<&Idempotent>,
    ) -> Result<Outcome<FlowRecord>, StoreError> {
        let (account, uses) = (self.account.clone(), uses.to_vec());
        let made = self
            .store
            .write_once(&self.account, call, move |tx| {
                Box::pin(async move {
                    insert(tx, &account, &flow).await?;
                    set_uses(tx, &account, &flow.name, &uses).await?;
                    Ok(flow)
                })
            })
            .await?;
        self.store.scheduled().send_replace(());
        Ok(made)
    }

    /// Changes a flow: reads it, lets `change` have it, and writes it, all in one
    /// transaction, so that nothing that others change meanwhile is lost. Events
    /// that wait for a flow which is active then are taken up. The name, and who
    /// made it when, stay. `uses` replaces the connections that it
    /// uses, if they are given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such flow, or one of the
    /// connections does not exist; [`StoreError::Refused`] with what `change`
    /// says, and then nothing is written.
    pub async fn change(
        &self,
        name: &FlowName,
        uses: Option<&[ConnectionName]>,
        call: Option<&Idempotent>,
        change: impl FnOnce(&mut FlowRecord) -> Result<(), String> + Send + 'static,
    ) -> Result<Outcome<FlowRecord>, StoreError> {
        let (account, name, uses) = (self.account.clone(), name.clone(), uses.map(<[_]>::to_vec));
        let changed = self
            .store
            .write_once(&self.account, call, move |tx| {
                Box::pin(async move {
                    let row = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name = $2")
                        .bind(account.as_str())
                        .bind(name.as_str())
                        .fetch_optional(&mut *tx)
                        .await?
                        .ok_or_else(|| StoreError::not_found(Kind::Flow, &name))?;
                    let mut flow = decode(&row)?;
                    change(&mut flow).map_err(StoreError::Refused)?;
                    let FlowState { activation, cursor, cursor_epoch, error_streak } = &flow.state;
                    let row = sqlx::query(
                        "UPDATE flow SET definition = $3, status = $4, status_message = $5, schema_version = $6,
                                tags = $7, updated_at_ms = $8, updated_by = $9, activated_at_ms = $10,
                                next_due_ms = $11, error_streak = $12, cursor = $13, cursor_epoch = $14
                         WHERE account = $1 AND name = $2 RETURNING *",
                    )
                    .bind(account.as_str())
                    .bind(name.as_str())
                    .bind(flow.definition.to_string())
                    .bind(flow.status.as_str())
                    .bind(flow.status_message.as_deref())
                    .bind(i64::from(flow.schema_version))
                    .bind(tags_text(&flow.tags))
                    .bind(flow.updated_at_ms)
                    .bind(flow.updated_by.as_str())
                    .bind(activation.map(|activation| activation.activated_at_ms))
                    .bind(activation.and_then(|activation| activation.next_due_ms))
                    .bind(i64::from(*error_streak))
                    .bind((*cursor != FlowCursor::default()).then(|| json(cursor)))
                    .bind(cursor_epoch)
                    .fetch_one(&mut *tx)
                    .await?;
                    if let Some(uses) = uses {
                        set_uses(tx, &account, &name, &uses).await?;
                    }
                    let flow = decode(&row)?;
                    events::wake_for(tx, &account, &flow).await?;
                    Ok(flow)
                })
            })
            .await?;
        self.store.scheduled().send_replace(());
        // Events that wait may have got a run.
        self.store.queued().send_replace(());
        Ok(changed)
    }

    /// A flow by its name.
    pub async fn get(&self, name: &FlowName) -> Result<FlowRecord, StoreError> {
        let row = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name = $2")
            .bind(self.account.as_str())
            .bind(name.as_str())
            .fetch_optional(self.store.reads())
            .await?;
        decode(&row.ok_or_else(|| StoreError::not_found(Kind::Flow, name))?)
    }

    /// Flows in the order of their names, from the one after `after`.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Page<FlowRecord>, StoreError> {
        // Every name is greater than the empty text.
        let rows = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name > $2 ORDER BY name LIMIT $3")
            .bind(self.account.as_str())
            .bind(after.unwrap_or_default())
            .bind(i64::from(limit) + 1)
            .fetch_all(self.store.reads())
            .await?;
        let items = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, limit, |flow| flow.name.to_string()))
    }

    /// How many flows there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM flow WHERE account = $1")
            .bind(self.account.as_str())
            .fetch_one(self.store.reads())
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Deletes a flow with its runs and its inbox. A worker that holds one of them learns it
    /// from its next call, which is [`StoreError::Stale`].
    ///
    /// # Errors
    /// [`StoreError::FlowActive`] when a run has not ended and `force` is not
    /// given, and always while a run publishes: half of its output would stay;
    /// [`StoreError::EventsWait`] when its inbox is not empty and `force` is not given.
    pub async fn delete(&self, name: &FlowName, force: bool) -> Result<(), StoreError> {
        let (account, name) = (self.account.clone(), name.clone());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let active: Vec<String> = sqlx::query_scalar(
                        "SELECT status FROM run WHERE account = $1 AND flow = $2
                         AND status IN ('Queued', 'Running', 'Publishing', 'CancelStarted')",
                    )
                    .bind(account.as_str())
                    .bind(name.as_str())
                    .fetch_all(&mut *tx)
                    .await?;
                    let publishing = active.iter().any(|status| status == "Publishing");
                    if publishing || !(force || active.is_empty()) {
                        return Err(StoreError::FlowActive { flow: name, publishing });
                    }
                    let waiting: Option<i64> = sqlx::query_scalar(
                        "SELECT waiting FROM event_inbox WHERE account = $1 AND flow = $2 AND waiting > 0",
                    )
                    .bind(account.as_str())
                    .bind(name.as_str())
                    .fetch_optional(&mut *tx)
                    .await?;
                    if let (Some(count), false) = (waiting, force) {
                        return Err(StoreError::EventsWait { flow: name, count: count.unsigned_abs() });
                    }
                    let done = sqlx::query("DELETE FROM flow WHERE account = $1 AND name = $2")
                        .bind(account.as_str())
                        .bind(name.as_str())
                        .execute(tx)
                        .await?;
                    if done.rows_affected() == 0 {
                        return Err(StoreError::not_found(Kind::Flow, name));
                    }
                    Ok(())
                })
            })
            .await?;
        // A worker that holds a run of it learns at once that it is gone.
        self.store.cancelled().send_replace(());
        Ok(())
    }
}

/// The flows that use a connection, in the order of their names.
pub(crate) async fn using<'e>(
    executor: impl sqlx::Executor<'e, Database = Sqlite>,
    account: &AccountId,
    connection: &ConnectionName,
) -> Result<Vec<FlowName>, StoreError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT flow FROM flow_connection WHERE account = $1 AND connection = $2 ORDER BY flow",
    )
    .bind(account.as_str())
    .bind(connection.as_str())
    .fetch_all(executor)
    .await?;
    Ok(names.into_iter().map(FlowName::new).collect())
}

async fn insert(tx: &mut SqliteConnection, account: &AccountId, flow: &FlowRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO flow
         (account, name, definition, status, status_message, schema_version, tags, created_at_ms,
          updated_at_ms, created_by, updated_by, last_claimed_ms, activated_at_ms, next_due_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13)",
    )
    .bind(account.as_str())
    .bind(flow.name.as_str())
    .bind(flow.definition.to_string())
    .bind(flow.status.as_str())
    .bind(flow.status_message.as_deref())
    .bind(i64::from(flow.schema_version))
    .bind(tags_text(&flow.tags))
    .bind(flow.created_at_ms)
    .bind(flow.updated_at_ms)
    .bind(flow.created_by.as_str())
    .bind(flow.updated_by.as_str())
    .bind(flow.state.activation.map(|activation| activation.activated_at_ms))
    .bind(flow.state.activation.and_then(|activation| activation.next_due_ms))
    .execute(tx)
    .await
    .map_err(|error| StoreError::on_unique(error, Kind::Flow, &flow.name))?;
    Ok(())
}

/// Replaces the list of connections that a flow uses; each must exist now.
async fn set_uses(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    uses: &[ConnectionName],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM flow_connection WHERE account = $1 AND flow = $2")
        .bind(account.as_str())
        .bind(flow.as_str())
        .execute(&mut *tx)
        .await?;
    for connection in uses {
        let found = sqlx::query("SELECT 1 FROM connection WHERE account = $1 AND name = $2")
            .bind(account.as_str())
            .bind(connection.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        if found.is_none() {
            return Err(StoreError::not_found(Kind::Connection, connection));
        }
        sqlx::query(
            "INSERT INTO flow_connection (account, flow, connection) VALUES ($1, $2, $3)
             ON CONFLICT (account, flow, connection) DO NOTHING",
        )
        .bind(account.as_str())
        .bind(flow.as_str())
        .bind(connection.as_str())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

fn tags_text(tags: &BTreeMap<String, String>) -> String {
    serde_json::to_string(tags).expect("a map of texts is always JSON")
}

/// A flow's whole row.
pub(crate) fn decode(row: &SqliteRow) -> Result<FlowRecord, StoreError> {
    let bad = |what| StoreError::BadRow { table: "flow", what };
    Ok(FlowRecord {
        name: FlowName::new(row.try_get::<String, _>("name")?),
        definition: serde_json::from_str(row.try_get("definition")?).map_err(|_| bad("definition"))?,
        status: FlowStatus::parse(row.try_get("status")?).ok_or_else(|| bad("status"))?,
        status_message: row.try_get("status_message")?,
        schema_version: unsigned(row.try_get("schema_version")?),
        tags: serde_json::from_str(row.try_get("tags")?).map_err(|_| bad("tags"))?,
        created_at_ms: row.try_get("created_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
        created_by: row.try_get("created_by")?,
        updated_by: row.try_get("updated_by")?,
        state: FlowState {
            activation: row
                .try_get::<Option<i64>, _>("activated_at_ms")?
                .map(|activated_at_ms| {
                    let next_due_ms = row.try_get("next_due_ms")?;
                    Ok::<_, StoreError>(Activation { activated_at_ms, next_due_ms })
                })
                .transpose()?,
            cursor: cursor_of(row)?,
            cursor_epoch: row.try_get("cursor_epoch")?,
            error_streak: unsigned(row.try_get("error_streak")?),
        },
    })
}

/// The cursor in a flow's row; one that nothing was pulled with yet is empty.
fn cursor_of(row: &SqliteRow) -> Result<FlowCursor, StoreError> {
    let text: Option<&str> = row.try_get("cursor")?;
    let cursor = text.map(serde_json::from_str).transpose();
    Ok(cursor.map_err(|_| StoreError::BadRow { table: "flow", what: "cursor" })?.unwrap_or_default())
}
