//! ListTagsForResource: the tags of a flow.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_core::Resource;
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
    let tags = tags(&call.app, &input.resource_arn).await?;
    Ok(wire::ListTagsForResourceResponse { tags: Some(tags.into_iter().collect()) })
}

/// The tags of the resource that an input's `resourceArn` names.
///
/// # Errors
/// `ResourceNotFoundException` when there is no such flow. Connector profiles
/// are not taggable, and no connector can be registered yet.
pub async fn tags_of(app: &App, input: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    tags(app, input.get("resourceArn").and_then(Value::as_str).unwrap_or_default()).await
}

async fn tags(app: &App, arn: &str) -> Result<BTreeMap<String, String>, ApiError> {
    if let Some(Resource::Flow(name)) = app.scope.parse_arn(arn) {
        match app.store.flows(&app.scope.account).get(&name).await {
            Ok(row) => return Ok(row.tags),
            Err(StoreError::NotFound { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(ApiError::not_found(format!("There is no flow or registered connector with the ARN {arn}")))
}
