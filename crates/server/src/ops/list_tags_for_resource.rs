//! ListTagsForResource: the tags of a flow.

use tidegate_core::{FlowName, Resource};
use tidegate_store::StoreError;
use tidegate_wire as wire;

use super::context::Call;
use crate::app::App;
use crate::error::ApiError;

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::ListTagsForResourceRequest,
) -> Result<wire::ListTagsForResourceResponse, ApiError> {
    let name = flow_of(&call.app, &input.resource_arn)?;
    match call.app.store.flows(call.account()).get(&name).await {
        Ok(row) => Ok(wire::ListTagsForResourceResponse { tags: Some(row.tags.into_iter().collect()) }),
        Err(StoreError::NotFound { .. }) => Err(missing(&input.resource_arn)),
        Err(other) => Err(other.into()),
    }
}

/// The flow that an ARN names.
///
/// # Errors
/// `ResourceNotFoundException` for anything else: connector profiles are not
/// taggable, and no connector can be registered yet.
pub fn flow_of(app: &App, arn: &str) -> Result<FlowName, ApiError> {
    match app.scope.parse_arn(arn) {
        Some(Resource::Flow(name)) => Ok(name),
        _ => Err(missing(arn)),
    }
}

/// The error for an ARN that names nothing that can have tags.
pub fn missing(arn: &str) -> ApiError {
    ApiError::not_found(format!("There is no flow or registered connector with the ARN {arn}"))
}
