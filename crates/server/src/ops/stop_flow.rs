//! StopFlow: takes the activation of a flow back; a run under way goes on.

use tidegate_core::flow::FlowStatus;
use tidegate_core::{FlowName, Resource};
use tidegate_store::{FlowRecord, Kind, StoreError};
use tidegate_wire as wire;

use super::activation;
use super::context::Call;
use super::describe_flow::{missing, stored};
use crate::convert::now_ms;
use crate::error::ApiError;

/// Carries the operation out. A flow that is suspended already stays so.
pub async fn run(call: Call, input: wire::StopFlowRequest) -> Result<wire::StopFlowResponse, ApiError> {
    let name = FlowName::new(input.flow_name);
    let row = stored(&call, &name).await?;
    if activation::is_on_demand(&row) {
        return Err(ApiError::unsupported(format!(
            "The flow {name} is started on demand, so there is nothing to stop; CancelFlowExecutions ends its runs"
        )));
    }
    let by = call.caller_arn();
    let stop = move |row: &mut FlowRecord| match row.status {
        FlowStatus::Suspended => Ok(()),
        FlowStatus::Active if !activation::is_on_demand(row) => {
            activation::deactivate(row);
            row.updated_at_ms = now_ms();
            row.updated_by = by;
            Ok(())
        }
        other => Err(format!("it is {}, not Active", other.as_str())),
    };
    match call.app.store.flows(call.account()).change(&name, None, None, stop).await {
        Ok(outcome) => Ok(wire::StopFlowResponse {
            flow_status: outcome.fresh().and_then(|row| row.status.as_str().parse().ok()),
            flow_arn: Some(call.app.scope.arn(&Resource::Flow(name))),
        }),
        Err(StoreError::Refused(why)) => Err(ApiError::conflict(format!(
            "Conflict executing request: the flow {name} cannot be stopped: {why}"
        ))),
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(other) => Err(other.into()),
    }
}
