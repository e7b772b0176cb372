//! StartFlow: queues a run and answers; a worker runs it.

use tidegate_core::flow::FlowStatus;
use tidegate_core::run::RunStatus;
use tidegate_core::{ExecutionId, FlowName, Resource};
use tidegate_store::{Kind, StoreError};
use tidegate_wire as wire;

use super::context::{Call, settle};
use super::describe_flow::{definition, missing, stored};
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(mut call: Call, input: wire::StartFlowRequest) -> Result<wire::StartFlowResponse, ApiError> {
    if let Some(answer) = call.earlier_answer_or_forget().await? {
        return Ok(answer);
    }
    let app = &call.app;
    let name = FlowName::new(input.flow_name);
    let row = stored(&call, &name).await?;
    let trigger = definition(&row)?.trigger_config.trigger_type;
    if trigger != wire::TriggerType::OnDemand {
        return Err(ApiError::unsupported(format!(
            "StartFlow cannot activate the flow {name}: this server does not run {} flows yet.",
            trigger.as_str()
        )));
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
    let queued = app.store.runs(call.account()).enqueue(&name, &id, None, call.once(&answer).as_ref()).await;
    match queued {
        Ok(outcome) => settle(outcome, answer),
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(other) => Err(other.into()),
    }
}

fn under_way(status: &str) -> bool {
    RunStatus::parse(status).is_some_and(|status| !status.is_final())
}
