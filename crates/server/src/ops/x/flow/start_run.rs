//! A run with wishes of its own: a window, filters, a mode; or a long window in many runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_core::run::RunOptions;
use tidegate_core::schedule::{PullMode, PullWindow, ScheduleExpression};
use tidegate_core::{ExecutionId, FlowName};
use tidegate_store::{Kind, NewRun, StoreError};
use tidegate_wire as wire;

use crate::convert::schedule::{self, NO_FILTERED_CHANGES, Newness};
use crate::convert::{flow, now_ms};
use crate::error::ApiError;
use crate::ops::Call;
use crate::ops::describe_flow::{definition, missing, stored};
use crate::ops::start_flow::check_quota;

/// The most runs that one backfill asks for: each is a row, and all are one transaction.
const MOST_RUNS: usize = 1000;

/// What to run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartInput {
    flow_name: String,
    window: Option<Window>,
    #[serde(default)]
    filters: Vec<Value>,
    mode: Option<String>,
    backfill: Option<Backfill>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Window {
    from: Option<wire::Timestamp>,
    to: Option<wire::Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Backfill {
    from: Option<wire::Timestamp>,
    to: Option<wire::Timestamp>,
    every: String,
}

/// The runs that were asked for, in the order in which they will be carried out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    execution_ids: Vec<String>,
}

/// Asks for runs of a flow, whatever its trigger and its status. Of an event flow
/// it is a run of what waits now.
pub async fn run(call: Call, input: StartInput) -> Result<Started, ApiError> {
    let name = FlowName::new(&input.flow_name);
    let row = stored(&call, &name).await?;
    let definition = definition(&row)?;
    let all = options(&input, now_ms())?;
    if row.takes_events() && all.iter().any(|options| *options != RunOptions::default()) {
        return Err(refused(
            "the flow is started by events, and a run of it takes all that wait; give no window, filters, mode or \
             backfill.",
        ));
    }
    if let (Some(first), false) = (all.first(), row.takes_events()) {
        check(&definition, first)?;
        flow::spec_with(&definition, row.schema_version, &first.filters)
            .map_err(|findings| refused(&findings.join("; ")))?;
    }
    check_quota(&call.app, all.len()).await?;
    let runs: Vec<NewRun> =
        all.into_iter().map(|options| NewRun { id: ExecutionId::random(), options }).collect();
    let execution_ids = runs.iter().map(|run| run.id.as_str().to_owned()).collect();
    match call.app.store.runs(call.account()).enqueue(&name, runs, None).await {
        Ok(_) => Ok(Started { execution_ids }),
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(other) => Err(other.into()),
    }
}

fn refused(finding: &str) -> ApiError {
    ApiError::validation(format!("The run is not started: {finding}"))
}

/// What is asked of each run.
fn options(input: &StartInput, now_ms: i64) -> Result<Vec<RunOptions>, ApiError> {
    let mode = match input.mode.as_deref().filter(|mode| !mode.is_empty()) {
        None => None,
        Some(mode) => {
            Some(PullMode::parse(mode).ok_or_else(|| refused("mode must be Incremental or Complete."))?)
        }
    };
    if mode == Some(PullMode::Complete) && (input.window.is_some() || input.backfill.is_some()) {
        return Err(refused("mode Complete reads all, so it goes with no window and no backfill."));
    }
    let window = |from: Option<wire::Timestamp>, to: Option<wire::Timestamp>| {
        let millis = |time: Option<wire::Timestamp>| time.map(wire::Timestamp::as_millis);
        PullWindow::explicit(millis(from), millis(to), now_ms).map_err(|error| refused(&error.to_string()))
    };
    let windows = match (&input.window, &input.backfill) {
        (Some(_), Some(_)) => return Err(refused("give a window or a backfill, not both.")),
        (None, None) => vec![None],
        (Some(asked), None) => vec![Some(window(asked.from, asked.to)?)],
        (None, Some(asked)) => {
            let ScheduleExpression::Rate(step) =
                ScheduleExpression::parse(&asked.every).map_err(|error| refused(&error.to_string()))?
            else {
                return Err(refused("backfill.every must be a rate, such as rate(1days)."));
            };
            let whole = window(asked.from, asked.to)?;
            let parts = whole.split(step).map_err(|error| refused(&error.to_string()))?;
            if parts.len() > MOST_RUNS {
                return Err(refused(&format!(
                    "the backfill would be {} runs, and {MOST_RUNS} are the most; choose a longer step.",
                    parts.len()
                )));
            }
            parts.into_iter().map(Some).collect()
        }
    };
    Ok(windows
        .into_iter()
        .map(|window| RunOptions { mode, window, filters: input.filters.clone() })
        .collect())
}

/// Checks what is asked of a run against what the flow can do.
fn check(definition: &wire::CreateFlowRequest, options: &RunOptions) -> Result<(), ApiError> {
    match schedule::newness(&definition.source_flow_config) {
        Ok(Newness::Field(_) | Newness::Objects) => Ok(()),
        _ if options.window.is_some() => Err(refused(
            "a window needs a field to measure by, and the flow's sourceFlowConfig.incrementalPullConfig has no \
             datetimeTypeFieldName.",
        )),
        _ if options.mode != Some(PullMode::Incremental) => Ok(()),
        Ok(Newness::Changes) if options.filters.is_empty() => Ok(()),
        Ok(Newness::Changes) => Err(refused(NO_FILTERED_CHANGES)),
        Err(findings) => Err(refused(&findings.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(mut input: Value) -> Result<Vec<RunOptions>, ApiError> {
        input["flowName"] = json!("f1");
        options(&serde_json::from_value(input).expect("an input"), 10_000_000)
    }

    #[test]
    fn each_wish_is_understood() {
        let options = RunOptions::default;
        let window = |start_ms, end_ms| Some(PullWindow { start_ms, end_ms });
        for (input, want) in [
            (json!({}), vec![options()]),
            (
                json!({"mode": "Incremental"}),
                vec![RunOptions { mode: Some(PullMode::Incremental), ..options() }],
            ),
            (json!({"mode": "Complete"}), vec![RunOptions { mode: Some(PullMode::Complete), ..options() }]),
            (
                json!({"window": {"from": "1970-01-01T00:00:01Z", "to": 2}}),
                vec![RunOptions { window: window(1000, 2000), ..options() }],
            ),
            (
                json!({"window": {"from": 1}}),
                vec![RunOptions { window: window(1000, 10_000_000), ..options() }],
            ),
            (
                json!({"backfill": {"from": 0, "to": 150, "every": "rate(1 minute)"}, "filters": [{"a": 1}]}),
                [(0, 60_000), (60_000, 120_000), (120_000, 150_000)]
                    .map(|(start, end)| RunOptions {
                        window: window(start, end),
                        filters: vec![json!({"a": 1})],
                        ..options()
                    })
                    .to_vec(),
            ),
        ] {
            assert_eq!(read(input.clone()), Ok(want), "{input}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (input, says) in [
            (json!({"mode": "Half"}), "mode must be"),
            (json!({"mode": "Complete", "window": {"from": 1}}), "no window"),
            (json!({"window": {"from": 1}, "backfill": {"from": 1, "every": "rate(1days)"}}), "not both"),
            (json!({"window": {"to": 1}}), "needs a start"),
            (json!({"window": {"from": 2, "to": 2}}), "empty"),
            (json!({"backfill": {"from": 1, "every": "1days"}}), "rate("),
            (json!({"backfill": {"from": 1, "every": "cron(0 10 * * ? *)"}}), "must be a rate"),
            (json!({"backfill": {"from": 0, "to": 60_060, "every": "rate(1minutes)"}}), "1000 are the most"),
        ] {
            let error = read(input.clone()).expect_err("refused");
            assert!(error.message.contains(says), "{input}: {}", error.message);
        }
    }

    #[test]
    fn a_window_needs_a_field_to_measure_by_unless_files_are_read() {
        let with = |change: fn(&mut Value)| {
            let mut flow = json!({
                "flowName": "f1", "triggerConfig": {"triggerType": "OnDemand"}, "tasks": [],
                "sourceFlowConfig": {"connectorType": "SAPOData", "sourceConnectorProperties": {}},
                "destinationFlowConfigList": [],
            });
            change(&mut flow["sourceFlowConfig"]);
            let window = Some(PullWindow { start_ms: 0, end_ms: 1 });
            check(&wire::parse(flow).expect("a flow"), &RunOptions { window, ..RunOptions::default() })
        };
        assert!(with(|_| {}).expect_err("refused").message.contains("datetimeTypeFieldName"));
        assert!(
            with(|source| source["incrementalPullConfig"] = json!({"datetimeTypeFieldName": ""})).is_err()
        );
        assert_eq!(
            with(|source| source["incrementalPullConfig"] = json!({"datetimeTypeFieldName": "t"})),
            Ok(())
        );
        assert_eq!(with(|source| source["connectorType"] = json!("S3")), Ok(()));
    }

    #[test]
    fn an_incremental_run_needs_something_to_go_by() {
        let with = |kind: &str, filters: Vec<Value>| {
            let flow = json!({
                "flowName": "f1", "triggerConfig": {"triggerType": "OnDemand"}, "tasks": [],
                "sourceFlowConfig": {"connectorType": kind, "sourceConnectorProperties": {}},
                "destinationFlowConfigList": [],
            });
            let mode = Some(PullMode::Incremental);
            check(&wire::parse(flow).expect("a flow"), &RunOptions { mode, filters, ..RunOptions::default() })
        };
        assert_eq!(with("SAPOData", Vec::new()), Ok(()));
        assert_eq!(with("S3", vec![json!({})]), Ok(()));
        let filtered = with("SAPOData", vec![json!({})]).expect_err("refused");
        assert!(filtered.message.contains("filters of its own"), "{}", filtered.message);
        let nothing = with("Marketo", Vec::new()).expect_err("refused");
        assert!(nothing.message.contains("datetimeTypeFieldName"), "{}", nothing.message);
    }
}
