//! StartFlow: queues a run of an on-demand flow, which a worker carries out, or
//! starts the schedule of a scheduled one.

use tidegate_core::flow::FlowStatus;
use tidegate_core::run::RunStatus;
use tidegate_core::schedule::PullMode;
use tidegate_core::{ExecutionId, FlowName, Resource};
use tidegate_store::{FlowRecord, Kind, NewRun, StoreError};
use tidegate_wire as wire;

use super::context::{Call, settle};
use super::describe_flow::{definition, missing, stored};
use crate::convert::flow::Findings;
use crate::convert::{now_ms, schedule};
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(mut call: Call, input: wire::StartFlowRequest) -> Result<wire::StartFlowResponse, ApiError> {
    if let Some(answer) = call.earlier_answer_or_forget().await? {
        return Ok(answer);
    }
    let app = &call.app;
    let name = FlowName::new(input.flow_name);
    let row = stored(&call, &name).await?;
    let definition = definition(&row)?;
    match definition.trigger_config.trigger_type {
        wire::TriggerType::OnDemand => {}
        wire::TriggerType::Scheduled => return activate(call, &row, &definition).await,
        wire::TriggerType::Event => {
            return Err(ApiError::unsupported(format!(
                "StartFlow cannot activate the flow {name}: this server has no reader of events for {} yet.",
                definition.source_flow_config.connector_type.as_str()
            )));
        }
    }
    if row.status != FlowStatus::Active {
        return Err(ApiError::conflict(format!(
            "Conflict executing request: the flow {name} is {}, so it cannot be started",
            row.status.as_str()
        )));
    }
    if let Some(limit) = app.quotas.concurrent_runs {
        let counts = app.store.queue().counts().await?;
        let count: u64 = counts.iter().filter(|(status, _)| under_way(status)).map(|(_, count)| *count).sum();
        if count >= limit {
            return Err(ApiError::quota(format!(
                "{count} runs are queued or running, and the quota of concurrent runs is {limit}."
            )));
        }
    }
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

/// Starts a flow's schedule. One that has a start already keeps it: the call
/// has nothing to do.
async fn activate(
    call: Call,
    row: &FlowRecord,
    definition: &wire::CreateFlowRequest,
) -> Result<wire::StartFlowResponse, ApiError> {
    let name = &row.name;
    let refused = |findings: Findings| {
        ApiError::validation(format!("Start Flow request failed: [{}]", findings.join(", ")))
    };
    let Some(schedule) = schedule::schedule(&definition.trigger_config).map_err(refused)? else {
        return Err(ApiError::internal("a scheduled trigger without a schedule"));
    };
    if schedule.pull_mode == PullMode::Incremental {
        schedule::newness(&definition.source_flow_config).map_err(refused)?;
    }
    let answer = wire::StartFlowResponse {
        flow_arn: Some(call.app.scope.arn(&Resource::Flow(name.clone()))),
        flow_status: FlowStatus::Active.as_str().parse().ok(),
        execution_id: None,
    };
    match row.status {
        FlowStatus::Draft | FlowStatus::Suspended | FlowStatus::Errored => {}
        FlowStatus::Active => return Ok(answer),
        FlowStatus::Deprecated | FlowStatus::Deleted => {
            return Err(ApiError::conflict(format!(
                "Conflict executing request: the flow {name} is {}, so it cannot be started",
                row.status.as_str()
            )));
        }
    }
    let (activation, message) = schedule::activation(&schedule, now_ms());
    let once = call.once(&answer);
    let flows = call.app.store.flows(call.account());
    match flows.activate(name, activation, message, &call.caller_arn(), once.as_ref()).await {
        Ok(outcome) => settle(outcome, answer),
        Err(StoreError::NotFound { .. }) => Err(missing(name)),
        Err(other) => Err(other.into()),
    }
}

fn under_way(status: &str) -> bool {
    RunStatus::parse(status).is_some_and(|status| !status.is_final())
}
