//! The history of runs, of one flow or of all, searched by state, time and identifier.

use serde::{Deserialize, Serialize};
use tidegate_core::run::{Run, RunStatus};
use tidegate_core::{ExecutionId, FlowName};
use tidegate_store::RunQuery;
use tidegate_wire as wire;

use crate::convert::page::{Page, token};
use crate::convert::run::status;
use crate::convert::timestamp;
use crate::error::ApiError;
use crate::ops::Call;

const KIND: &str = "flow-runs";

/// Rows of a page where none are named, and at most.
const DEFAULT_PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 100;

/// Which runs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListInput {
    flow_name: Option<String>,
    status: Option<Vec<String>>,
    execution_id: Option<String>,
    started_after: Option<wire::Timestamp>,
    started_before: Option<wire::Timestamp>,
    max_results: Option<u32>,
    start_index: u32,
    next_token: Option<String>,
}

/// A page of runs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    flow_runs: Vec<Row>,
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    flow_name: String,
    execution_id: String,
    execution_status: wire::ExecutionStatus,
    /// Whether it still waits for its turn, which the API of AppFlow does not tell.
    waiting: bool,
    trigger: &'static str,
    started_at: String,
    last_updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_pull_start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_pull_end_time: Option<String>,
    records_read: u64,
    records_processed: u64,
    bytes_processed: u64,
    bytes_written: u64,
    files_read: u64,
    files_written: u64,
    notes: Vec<String>,
    error: Option<String>,
}

/// Lists runs, those asked for last first.
pub async fn run(call: Call, input: ListInput) -> Result<Listed, ApiError> {
    let query = query(input)?;
    let (page, total) = call.app.store.runs(call.account()).search(&query).await?;
    Ok(Listed {
        flow_runs: page.items.into_iter().map(row).collect(),
        total,
        next_token: page.next.map(|next| token(KIND, &next)),
    })
}

fn row(run: Run) -> Row {
    Row {
        flow_name: run.flow.as_str().to_owned(),
        execution_id: run.id.as_str().to_owned(),
        execution_status: status(run.status),
        waiting: run.status == RunStatus::Queued,
        trigger: run.trigger.as_str(),
        data_pull_start_time: run.window.map(|window| timestamp(window.start_ms).to_string()),
        data_pull_end_time: run.window.map(|window| timestamp(window.end_ms).to_string()),
        started_at: timestamp(run.started_at_ms).to_string(),
        last_updated_at: timestamp(run.updated_at_ms).to_string(),
        records_read: run.counts.records_read,
        records_processed: run.counts.records_processed,
        bytes_processed: run.counts.bytes_processed,
        bytes_written: run.counts.bytes_written,
        files_read: run.counts.files_read,
        files_written: run.counts.files_written,
        notes: run.counts.notes,
        error: run.error,
    }
}

fn query(input: ListInput) -> Result<RunQuery, ApiError> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let limit = input.max_results.unwrap_or(DEFAULT_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(ApiError::validation(format!("maxResults must be from 1 to {LARGEST_PAGE}.")));
    }
    let mut statuses = Vec::new();
    for word in input.status.iter().flatten() {
        statuses.extend_from_slice(statuses_of(word)?);
    }
    Ok(RunQuery {
        flow: given(input.flow_name).map(FlowName::new),
        statuses,
        id: given(input.execution_id).map(ExecutionId::new),
        started_from_ms: input.started_after.map(wire::Timestamp::as_millis),
        started_before_ms: input.started_before.map(wire::Timestamp::as_millis),
        after: Page::read(KIND, None, input.next_token.as_deref())?.after,
        offset: input.start_index,
        limit,
    })
}

/// The states behind a word of the API, and `Queued`, which it lacks.
fn statuses_of(word: &str) -> Result<&'static [RunStatus], ApiError> {
    Ok(match word {
        "Queued" => &[RunStatus::Queued],
        "InProgress" => &[RunStatus::Queued, RunStatus::Running, RunStatus::Publishing],
        "Successful" => &[RunStatus::Successful],
        "Error" => &[RunStatus::Error],
        "CancelStarted" => &[RunStatus::CancelStarted],
        "Canceled" => &[RunStatus::Canceled],
        _ => {
            return Err(ApiError::validation(
                "status must hold InProgress, Queued, Successful, Error, CancelStarted or Canceled.",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(input: Value) -> Result<RunQuery, ApiError> {
        query(serde_json::from_value(input).expect("an input"))
    }

    #[test]
    fn what_is_left_out_or_empty_filters_nothing() {
        let all = RunQuery { limit: 20, ..RunQuery::default() };
        assert_eq!(read(json!({})), Ok(all.clone()));
        let empty = json!({"flowName": "", "status": [], "executionId": "", "nextToken": ""});
        assert_eq!(read(empty), Ok(all));
    }

    #[test]
    fn words_and_times_are_understood() {
        let input = json!({"status": ["InProgress", "Error"], "startedAfter": "2026-01-01T00:00:00+01:00",
                           "startedBefore": 1767222000.5, "nextToken": token(KIND, "5 x")});
        let query = read(input).expect("a query");
        use RunStatus::{Error, Publishing, Queued, Running};
        assert_eq!(query.statuses, [Queued, Running, Publishing, Error]);
        assert_eq!(query.started_from_ms, Some(1_767_222_000_000));
        assert_eq!(query.started_before_ms, Some(1_767_222_000_500));
        assert_eq!(query.after.as_deref(), Some("5 x"));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (input, says) in [
            (json!({"maxResults": 0}), "maxResults"),
            (json!({"maxResults": 101}), "maxResults"),
            (json!({"status": ["Running"]}), "InProgress"),
            (json!({"nextToken": token("flows", "a")}), "nextToken"),
        ] {
            assert!(read(input).expect_err("refused").message.contains(says), "{says}");
        }
    }

    #[test]
    fn every_state_is_found_under_the_word_that_it_is_told_by() {
        use RunStatus as S;
        for state in
            [S::Queued, S::Running, S::Publishing, S::Successful, S::Error, S::CancelStarted, S::Canceled]
        {
            assert!(statuses_of(state.wire()).expect("a word").contains(&state), "{state:?}");
        }
    }
}
