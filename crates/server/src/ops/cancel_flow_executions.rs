//! CancelFlowExecutions: marks runs to be stopped; their workers stop them.

use std::collections::HashSet;

use tidegate_core::{ExecutionId, FlowName};
use tidegate_wire as wire;

use super::context::Call;
use super::describe_flow::stored;
use crate::error::ApiError;

/// Carries the operation out. Without identifiers it is about all runs of the
/// flow that have not ended. It does not deactivate the flow.
pub async fn run(
    call: Call,
    input: wire::CancelFlowExecutionsRequest,
) -> Result<wire::CancelFlowExecutionsResponse, ApiError> {
    let name = FlowName::new(input.flow_name);
    stored(&call, &name).await?;
    let mut seen = HashSet::new();
    let ids = input.execution_ids.map(|ids| {
        // Named twice is meant once: the second time it would no longer be in progress.
        ids.into_iter().filter(|id| seen.insert(id.clone())).map(ExecutionId::new).collect::<Vec<_>>()
    });
    let invalid = call.app.store.runs(call.account()).cancel(&name, ids.as_deref()).await?;
    Ok(wire::CancelFlowExecutionsResponse {
        invalid_executions: Some(invalid.iter().map(|id| id.as_str().to_owned()).collect()),
    })
}
