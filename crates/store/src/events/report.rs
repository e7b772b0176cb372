//! What an event flow did in the last minutes, summed up for its report.

use serde::{Deserialize, Serialize};
use sqlx::{Row as _, SqliteConnection};
use tidegate_core::run::RunStatus;
use tidegate_core::{AccountId, FlowName, fault};

use super::runs::{STEP, Taken};
use crate::error::StoreError;
use crate::outbox;
use crate::runs::json;
use crate::{Store, flows, now_ms};

/// How long a report is gathered, in milliseconds, from the first thing that it tells.
const PERIOD_MS: u64 = 5 * 60 * 1000;

/// What happened since the last report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventReport {
    /// Epoch milliseconds of the first thing that it tells.
    pub since_ms: i64,
    /// Epoch milliseconds at which it was closed.
    pub until_ms: i64,
    /// Events that were delivered and accepted.
    pub received: u64,
    /// Runs that ended well.
    pub successful: u64,
    /// Runs that ended with an error; their events wait.
    pub failed: u64,
    /// Runs that somebody cancelled.
    pub canceled: u64,
    /// Of the runs that ended well: records that passed the filters.
    pub records_processed: u64,
    /// Of those: records that the filters left out.
    pub records_filtered: u64,
    /// Of those: records that were left out because of a bad value.
    pub records_failed: u64,
    /// Of those: bytes that they read.
    pub bytes_processed: u64,
    /// The latest error.
    pub error: Option<String>,
    /// Events that waited when it was closed.
    pub waiting: u64,
}

impl EventReport {
    pub(super) fn add_run(&mut self, taken: &Taken<'_>) {
        match taken.status {
            RunStatus::Successful => {
                let counts = taken.counts;
                self.successful += 1;
                self.records_processed += counts.records_processed;
                self.records_filtered += counts.records_filtered;
                self.records_failed += counts.records_failed;
                self.bytes_processed += counts.bytes_processed;
            }
            RunStatus::Canceled => self.canceled += 1,
            _ => {
                self.failed += 1;
                self.error = taken.error.map(str::to_owned);
            }
        }
    }
}

fn period_ms() -> i64 {
    i64::try_from(fault::number("event.report.ms").unwrap_or(PERIOD_MS)).unwrap_or(i64::MAX)
}

/// Adds to the report that is being gathered, or begins one.
pub(super) async fn note(
    tx: &mut SqliteConnection,
    account: &AccountId,
    flow: &FlowName,
    add: impl FnOnce(&mut EventReport),
) -> Result<(), StoreError> {
    let now = now_ms();
    let text: Option<Option<String>> =
        sqlx::query_scalar("SELECT report FROM event_inbox WHERE account = $1 AND flow = $2")
            .bind(account.as_str())
            .bind(flow.as_str())
            .fetch_optional(&mut *tx)
            .await?;
    let mut report = match text.flatten() {
        Some(text) => decode(&text)?,
        None => EventReport { since_ms: now, ..EventReport::default() },
    };
    add(&mut report);
    sqlx::query(
        "INSERT INTO event_inbox (account, flow, last_seq, waiting, waiting_bytes, report, report_at_ms)
         VALUES ($1, $2, 0, 0, 0, $3, $4)
         ON CONFLICT (account, flow) DO UPDATE SET report = excluded.report,
             report_at_ms = COALESCE(event_inbox.report_at_ms, excluded.report_at_ms)",
    )
    .bind(account.as_str())
    .bind(flow.as_str())
    .bind(json(&report))
    .bind(now.saturating_add(period_ms()))
    .execute(tx)
    .await?;
    Ok(())
}

fn decode(text: &str) -> Result<EventReport, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::BadRow { table: "event_inbox", what: "report" })
}

impl Store {
    /// Announces the reports whose time has come, each together with its end;
    /// gives how many there were.
    pub async fn report_events(&self) -> Result<usize, StoreError> {
        let due = "SELECT account, flow, report, waiting FROM event_inbox WHERE report_at_ms <= $1
                   ORDER BY report_at_ms LIMIT $2";
        let found = sqlx::query(due).bind(now_ms()).bind(STEP).fetch_all(self.reads()).await?;
        if found.is_empty() {
            return Ok(0);
        }
        let announcer = self.announcer();
        let count = self
            .write(move |tx| {
                Box::pin(async move {
                    let now = now_ms();
                    let rows = sqlx::query(due).bind(now).bind(STEP).fetch_all(&mut *tx).await?;
                    for row in &rows {
                        let account: String = row.try_get("account")?;
                        let flow: String = row.try_get("flow")?;
                        sqlx::query(
                            "UPDATE event_inbox SET report = NULL, report_at_ms = NULL
                             WHERE account = $1 AND flow = $2",
                        )
                        .bind(account.as_str())
                        .bind(flow.as_str())
                        .execute(&mut *tx)
                        .await?;
                        let Some(announcer) = &announcer else { continue };
                        let mut report = decode(row.try_get("report")?)?;
                        report.until_ms = now;
                        report.waiting = row.try_get::<i64, _>("waiting")?.unsigned_abs();
                        let row = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name = $2")
                            .bind(account)
                            .bind(flow)
                            .fetch_one(&mut *tx)
                            .await?;
                        outbox::add(tx, announcer.reported(&flows::decode(&row)?, &report)).await?;
                    }
                    fault::point("report.writing");
                    Ok(rows.len())
                })
            })
            .await?;
        self.announced().send_replace(());
        Ok(count)
    }
}
