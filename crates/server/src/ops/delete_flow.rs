//! DeleteFlow: not while it is active in the sense that deleting would stop something.

use tidegate_core::FlowName;
use tidegate_core::flow::FlowStatus;
use tidegate_store::{Kind, StoreError};
use tidegate_wire as wire;

use super::activation;
use super::context::Call;
use super::describe_flow::{definition, missing, stored};
use super::subscription::Subscription;
use crate::config::Compat;
use crate::error::ApiError;

/// Carries the operation out. An on-demand flow is always `Active`, and users
/// delete it without force; so only a flow that a trigger starts, or one with
/// a run that has not ended, or events that no run has published, needs force. By the letter of the service's
/// documentation, which `--compat strict` keeps to, every active flow needs it.
pub async fn run(call: Call, input: wire::DeleteFlowRequest) -> Result<wire::DeleteFlowResponse, ApiError> {
    let name = FlowName::new(input.flow_name);
    let force = input.force_delete.unwrap_or(false);
    let row = stored(&call, &name).await?;
    let definition = definition(&row)?;
    let counts = call.app.compat == Compat::Strict || !activation::is_on_demand(&row);
    let active = || {
        ApiError::conflict(format!(
            "Conflict executing request: Flow is in active state, please set forceDelete to true or deactivate the \
             flow: {name}"
        ))
    };
    if counts && row.status == FlowStatus::Active && !force {
        return Err(active());
    }
    let subscription = Subscription::of(&call.app, &row, &definition).await?;
    match call.app.store.flows(call.account()).delete(&name, force).await {
        Ok(()) => {
            call.app.metrics.forget_flow(&name);
            if let Some(subscription) = subscription {
                subscription.end(&call.app);
            }
            Ok(wire::DeleteFlowResponse {})
        }
        Err(StoreError::NotFound { kind: Kind::Flow, .. }) => Err(missing(&name)),
        Err(StoreError::FlowActive { publishing: true, .. }) => Err(ApiError::conflict(format!(
            "Conflict executing request: a run of the flow {name} is publishing its output right now; try again in a moment"
        ))),
        Err(StoreError::FlowActive { .. }) => Err(active()),
        Err(StoreError::EventsWait { count, .. }) => Err(ApiError::conflict(format!(
            "Conflict executing request: {count} events wait for the flow {name}, and no run has published them. \
             StartFlow takes them up; with forceDelete true they are deleted with it"
        ))),
        Err(other) => Err(other.into()),
    }
}
