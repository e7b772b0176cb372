//! StartFlow: queues a run of an on-demand flow and answers, a worker runs it;
//! activates any other flow.

use tidegate_core::flow::FlowStatus;
use tidegate_core::run::RunStatus;
use tidegate_core::{ExecutionId, FlowName, Resource};
use tidegate_store::{FlowRecord, Kind, NewRun, StoreError};
use tidegate_wire as wire;

use super::activation;
use super::context::{Call, settle};
use super::describe_flow::{missing, stored};
use crate::app::App;
use crate::convert::now_ms;
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(mut call: Call, input: wire::StartFlowRequest) -> Result<wire::StartFlowResponse, ApiError> {
    let name = FlowName::new(input.flow_name);
    let found = stored(&call, &name).await;
    // Only the start of an on-demand flow is not refused for a token that was used for another one.
    let triggered = found.as_ref().is_ok_and(|row| !activation::is_on_demand(row));
    let earlier =
        if triggered { call.earlier_answer().await? } else { call.earlier_answer_or_forget().await? };
    if let Some(answer) = earlier {
        return Ok(answer);
    }
    let row = found?;
    if triggered { activate(&call, row).await } else { start(&call, row).await }
}

/// Lets the trigger of a flow start it from now on. One that is active stays so.
async fn activate(call: &Call, seen: FlowRecord) -> Result<wire::StartFlowResponse, ApiError> {
    let name = seen.name.clone();
    let (now, by) = (now_ms(), call.caller_arn());
    activation::activate(&mut seen.clone(), now)
        .map_err(|finding| ApiError::validation(format!("Start Flow request failed: [{finding}]")))?;
    let change = move |row: &mut FlowRecord| match row.status {
        FlowStatus::Active => Ok(()),
        FlowStatus::Draft | FlowStatus::Suspended | FlowStatus::Errored if !activation::is_on_demand(row) => {
            activation::activate(row, now)?;
            row.updated_at_ms = now;
            row.updated_by.clone_from(&by);
            Ok(())
        }
        other => Err(format!("it is {}", other.as_str())),
    };
    let answer = wire::StartFlowResponse {
        flow_arn: Some(call.app.scope.arn(&Resource::Flow(name.clone()))),
        flow_status: Some(wire::FlowStatus::Active),
        execution_id: None,
    };
    let flows = call.app.store.flows(call.account());
    match flows.change(&name, None, call.once(&answer).as_ref(), change).await {
        Ok(outcome) => settle(outcome, answer),
        Err(StoreError::Refused(why)) => Err(ApiError::conflict(format!(
            "Conflict executing request: the flow {name} cannot be started: {why}"
        ))),
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(other) => Err(other.into()),
    }
}

/// Queues a run.
async fn start(call: &Call, row: FlowRecord) -> Result<wire::StartFlowResponse, ApiError> {
    let (app, name) = (&call.app, row.name.clone());
    if row.status != FlowStatus::Active {
        return Err(ApiError::conflict(format!(
            "Conflict executing request: the flow {name} is {}, so it cannot be started",
            row.status.as_str()
        )));
    }
    check_quota(app, 1).await?;
    let id = ExecutionId::random();
    let answer = wire::StartFlowResponse {
        flow_arn: Some(app.scope.arn(&Resource::Flow(name.clone()))),
        flow_status: row.status.as_str().parse().ok(),
        execution_id: Some(id.as_str().to_owned()),
    };
    let queued = app
        .store
        .runs(call.account())
        .enqueue(&name, vec![NewRun::plain(&id)], call.once(&answer).as_ref())
        .await;
    match queued {
        Ok(outcome) => settle(outcome, answer),
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(other) => Err(other.into()),
    }
}

/// Checks that so many more runs fit into the quota of concurrent runs.
///
/// # Errors
/// `ServiceQuotaExceededException`
pub async fn check_quota(app: &App, more: usize) -> Result<(), ApiError> {
    let Some(limit) = app.quotas.concurrent_runs else { return Ok(()) };
    let counts = app.store.queue().counts().await?;
    let count: u64 = counts.iter().filter(|(status, _)| under_way(status)).map(|(_, count)| *count).sum();
    if count.saturating_add(u64::try_from(more).unwrap_or(u64::MAX)) > limit {
        return Err(ApiError::quota(format!(
            "{count} runs are queued or running, and the quota of concurrent runs is {limit}."
        )));
    }
    Ok(())
}

fn under_way(status: &str) -> bool {
    RunStatus::parse(status).is_some_and(|status| !status.is_final())
}
